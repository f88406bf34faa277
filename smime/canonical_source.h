/* The canonical form of the entity that a message holds, to be read from where it stands: clean
 * mail is not copied before it is signed or encrypted. */
#ifndef SMIME_CANONICAL_SOURCE_H
#define SMIME_CANONICAL_SOURCE_H

#include <openssl/bio.h>

#include "canonical.h"
#include "protection.h"

struct canonical_source {
    struct header header; /* of the entity */
    char *head;           /* the same as text, with the empty line */
    size_t head_length;
    const struct spool *body; /* the message's, or `owned` */
    struct spool *owned;
    enum canonical_result result;
};

/* As canonical_entity(); with `protection` (may be NULL) the entity is a payload whose protected
 * fields stand in front. SMIME_OK with *out filled (canonical_source_clear()); the message must
 * outlive it. */
enum smime_status canonical_source_open(const struct entity *message,
                                        const struct protection *protection,
                                        enum canonical_mode mode, const struct smime_limits *limits,
                                        struct canonical_source *out, char **why);

/* Hand the text of the entity, header and body, to `sink`, and to `copy` as well if it is not NULL.
 * `progress` is told now and then. SMIME_ERROR with a sentence on any failure. */
enum smime_status canonical_source_write(const struct canonical_source *source, BIO *sink,
                                         struct spool *copy, const struct smime_progress *progress,
                                         char **why);

void canonical_source_clear(struct canonical_source *source);

#endif
