/* Who may have messages signed: the From mailbox and the client that owns it (DESIGN section 4). */
#ifndef DAEMON_SENDER_H
#define DAEMON_SENDER_H

#include <stdbool.h>

#include "gateway.h"
#include "transaction.h"

struct authority {
    char *from;      /* canonical From mailbox; NULL when From is not exactly one address */
    bool managed;    /* From is in a managed domain */
    bool authorised; /* the client may have it signed */
    char *reason;    /* why not; one sentence */
};

/* Judge the sender of an outgoing message. Returns 0 with *out filled (authority_clear()), -1 for
 * an error of ours (*why). */
int sender_authorise(struct gateway *gateway, const struct transaction *transaction,
                     struct authority *out, char **why);
/* Does the client own the envelope sender, which is managed? All that is known before the header.
 * 1, 0, or -1 for an error of ours (*why). */
int sender_owns_envelope(struct gateway *gateway, const struct transaction *transaction,
                         char **why);
/* A canonical envelope sender without SRS, VERP and tag. A new string; NULL when out of memory. */
char *sender_plain(const struct gateway *gateway, const char *sender);

void authority_clear(struct authority *authority);

#endif
