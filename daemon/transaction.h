/* One message on its way: what the MTA told us of it. It hangs on its session and nowhere else. */
#ifndef DAEMON_TRANSACTION_H
#define DAEMON_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>

#include "entity.h"
#include "plan.h"
#include "settings.h"

struct transaction {
    enum role role;
    unsigned char client[16]; /* IPv6 or IPv4-mapped address */
    bool client_known;        /* false for a Unix socket client or "localhost" of a local program */
    char *login;              /* {auth_authen}; NULL if not authenticated */
    char *tls;          /* the protocol of the hop by which it came in ("TLSv1.3"); NULL: none */
    char *sender_text;  /* MAIL FROM as the MTA gave it, without angle brackets; "" for the null
                           sender */
    char *sender;       /* canonical; "" for the null sender */
    char **sender_args; /* ESMTP parameters of MAIL, NULL-terminated; NULL if none */
    struct recipient *recipients; /* plan.h; in the order of RCPT, accepted ones only */
    size_t recipient_count;
    struct entity message; /* header and body as the MTA gave them */
    char *lookups;         /* what directories said of recipients, for the log; NULL: nothing */
    long lookup_ms;        /* that it took */
};

/* Append a recipient. Returns 0, -1 out of memory. */
int transaction_add_recipient(struct transaction *transaction, const char *text,
                              const char *canonical);
/* Note the ESMTP parameters of MAIL, or of the last RCPT (NULL-terminated; NULL for none). Returns
 * 0, -1 out of memory. */
int transaction_set_sender_args(struct transaction *transaction, const char *const *args);
int transaction_set_recipient_args(struct transaction *transaction, const char *const *args);

/* The value of the parameter `name` ("RET") among `args` (may be NULL), NULL if it is not there. */
const char *transaction_arg(char *const *args, const char *name);

/* Is the parameter `name` without a value ("SMTPUTF8") among them? */
bool transaction_flag(char *const *args, const char *name);

/* The same transaction as if it had these recipients only, for those who read. The recipients are
 * copied to `storage` (of `count`) but own nothing: changes of decision and transform stay there,
 * and nothing of the view is cleared. */
struct transaction transaction_view(const struct transaction *transaction, const size_t *members,
                                    size_t count, struct recipient *storage);

void transaction_remove_last_recipient(struct transaction *transaction);

/* Set the sender from MAIL FROM. Returns 0; -1 when it is no address (*why). */
int transaction_set_sender(struct transaction *transaction, const char *text, char **why);

/* Release everything of the message; role, client and login stay (they belong to the connection).
 */
void transaction_clear(struct transaction *transaction);

#endif
