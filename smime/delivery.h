/* Putting together the message that is delivered. */
#ifndef SMIME_DELIVERY_H
#define SMIME_DELIVERY_H

#include "layer.h"

/* The fields of `message` but MIME-Version and the content ones, in order, then MIME-Version and
 * the content fields of `content`. Returns 0, -1 out of memory. */
int delivery_header(const struct header *message, const struct header *content, struct header *out);

/* `message` with the decrypted entity in `content` instead of its own, made 7-bit outside of
 * signatures. SMIME_REFUSED: the entity is over a ceiling. */
enum smime_status delivery_decrypted(const struct entity *message, const struct view *content,
                                     const struct smime_limits *limits, struct entity *out,
                                     char **why);

/* The same with what is in `content` made inert (defang.h). */
enum smime_status delivery_inert(const struct entity *message, const struct view *content,
                                 const struct smime_limits *limits,
                                 const struct smime_progress *progress, struct entity *out,
                                 char **why);

#endif
