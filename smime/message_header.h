/* The header of a message whose content is replaced. */
#ifndef SMIME_MESSAGE_HEADER_H
#define SMIME_MESSAGE_HEADER_H

#include "header.h"

/* Copy to `out` all fields of `message` but its content fields and MIME-Version, in order, then add
 * MIME-Version: 1.0 and Content-Type: `type`. Returns 0, -1 out of memory. */
int message_header_begin(const struct header *message, const char *type, struct header *out);

/* The same for an opaque CMS structure in base64: smime_type is "signed-data" or the like. */
int message_header_pkcs7_mime(const struct header *message, const char *smime_type,
                              struct header *out);

#endif
