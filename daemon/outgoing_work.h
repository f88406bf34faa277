/* Carrying out the transform of one group of an outgoing message. */
#ifndef DAEMON_OUTGOING_WORK_H
#define DAEMON_OUTGOING_WORK_H

#include <stdbool.h>
#include <time.h>

#include "gateway.h"
#include "outcome.h"
#include "protection.h"
#include "transaction.h"

/* What the groups of one message share. */
struct outgoing_work {
    struct gateway *gateway;
    const struct transaction *transaction;
    const struct identity *identity; /* certificate NULL: no group is signed */
    time_t now;
    const struct smime_progress *progress;
    struct header header; /* of the message, without the words of a sender's choice; owned */
    bool protects;        /* its header is protected (RFC 9788) */
    bool displays;        /* and what is hidden leads the text */
    struct signed_message *is_signed; /* those that were made, each once */
    struct entity displayed; /* the message with its Subject in the text, as far as that goes */
    bool displayed_made;
    const char *note; /* what else is to be said of it in the log; NULL: nothing. Not to be freed */
};

/* Sign and encrypt the message for the members of `group`; fills action, transform, hides, edits
 * and body of *out, or its reply when the message is too large for what comes after. A group that
 * is signed only takes its signed message away, so it comes after those that are encrypted too.
 * Fields that are hidden are not among the edits (header_edits.h). 0, or -1 for an error of ours
 * (*why). */
int outgoing_work(struct outgoing_work *work, const struct group *group, struct outcome *out,
                  char **why);
void outgoing_work_clear(struct outgoing_work *work);

#endif
