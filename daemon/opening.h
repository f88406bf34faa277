/* Opening an incoming message with the keys of those whom it is for. */
#ifndef DAEMON_OPENING_H
#define DAEMON_OPENING_H

#include <stdbool.h>
#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "transaction.h"

/* Decrypt, where `may_open`, and verify the message of `transaction` for all its recipients
 * together: it is decrypted only if the keys of each of them open it. Fills out->opened.
 * matched[i] says of recipient i, where a key was asked for, whether the message was encrypted to
 * one of his as far as its outermost encrypted layer tells. 0, or -1 for an error of ours (*why).
 */
int opening(struct gateway *gateway, const struct transaction *transaction, bool may_open,
            time_t now, const struct smime_progress *progress, struct outcome *out, bool *matched,
            char **why);

/* Is there any key that could decrypt mail to this canonical address? 1, 0, or -1 for an error of
 * ours (*why). */
int opening_has_keys(const struct gateway *gateway, const char *address, char **why);

#endif
