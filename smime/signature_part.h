/* Where a signature lies in a delivered message (RFC 7281 section 3.2.1). */
#ifndef SMIME_SIGNATURE_PART_H
#define SMIME_SIGNATURE_PART_H

#include "incoming.h"

/* The value of body.smime-part for opened_signer_layer()'s signature: part numbers of RFC 3501 in
 * what is delivered, with a "/" before those within a CMS content: "2", "1/2". A new string
 * (free()), "" where that signature is not there any more or there is none; NULL out of memory. */
char *signature_part(const struct opened *opened);

#endif
