/* A MIME entity or a whole message: header fields and a body (RFC 2045 section 2.4). */
#ifndef SMIME_ENTITY_H
#define SMIME_ENTITY_H

#include "header.h"
#include "spool.h"

/* For a message `header` holds all fields; for an entity inside S/MIME only those that stood there.
 */
struct entity {
    struct header header;
    struct spool *body; /* CRLF lines as they came */
};

void entity_clear(struct entity *entity);

/* Ceilings (DESIGN section 7); each is checked before a library sees the bytes. */
struct smime_limits {
    size_t max_header_bytes;
    size_t max_parts;
    size_t max_nesting;
    size_t max_structure_bytes;
    size_t max_signers;
    size_t max_certificates;
    size_t max_chain;
    long long max_message_bytes; /* of any decoded layer */
};

enum smime_status {
    SMIME_OK = 0,
    SMIME_REFUSED, /* the message's fault: malformed, or over a ceiling; *why says so */
    SMIME_ERROR,   /* ours: memory, disk; the caller defers */
};

/* What a work is told while it lasts: called now and then with the bytes done; a non-zero return
 * stops the work with SMIME_ERROR (time is up). NULL function: nobody listens. */
struct smime_progress {
    int (*tick)(void *context);
    void *context;
    /* What comes now is worse broken off than late: it may take `ms` milliseconds from now,
     * whatever was allowed before. NULL: nobody listens. */
    void (*extend)(void *context, long ms);
};

#endif
