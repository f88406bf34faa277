/* An opaque-signed entity as a clear-signed one, with the same signature (RFC 8551 section 3.5). */
#ifndef SMIME_CLEAR_SIGN_H
#define SMIME_CLEAR_SIGN_H

#include "verify.h"

#define CLEAR_SIGN_MAX_LINE 998

/* Make multipart/signed of the SignedData in `layout`, which `verified` says is sound. *done_out is
 * whether that could be done; then `out` has the content fields and the body, and it was verified
 * again with the same verdict. Where the content is not what may travel in the clear (a MIME entity
 * of 7-bit CRLF lines), it is false. SMIME_OK or SMIME_ERROR. */
enum smime_status clear_sign(const struct cms_layout *layout, const struct verified *verified,
                             const struct author *author, const struct open_request *request,
                             struct entity *out, bool *done_out, char **why);

#endif
