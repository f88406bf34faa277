/* What a valid signature teaches of its author (DESIGN section 6, RFC 8551 section 2.5). */
#ifndef SMIME_HARVEST_H
#define SMIME_HARVEST_H

#include "verify.h"

/* From a signature that is SIGNATURE_VALID. Nothing to learn is SMIME_OK with an empty *out. */
enum smime_status harvest_learn(const struct verified *verified, const struct author *author,
                                const struct open_request *request, struct harvest *out,
                                char **why);

#endif
