/* The way of a message, without a milter: the decision at RCPT and the work at end of message
 * (DESIGN sections 2 to 5 and 7). The daemon and `smimectl process` use the same functions. */
#ifndef DAEMON_FLOW_H
#define DAEMON_FLOW_H

#include <time.h>

#include "gateway.h"
#include "incoming.h"
#include "transaction.h"

/* Once, when the envelope sender is known: refresh the store's caches. Returns 0, or -1 with
 * reply_out set (451). */
int flow_sender(struct gateway *gateway, struct transaction *transaction, struct reply *reply_out,
                char **why);

/* Judge the last recipient of `transaction` at RCPT, as far as it can be without From: fills its
 * direction, decision and transform. Returns 0 when it stays; -1 with *reply_out set when the MTA
 * must be told no (452 4.5.3 where its plan differs from the first one's, 451 for an error of
 * ours); the caller then removes it. Never -1 for role `local` but for errors of ours. */
int flow_recipient(struct gateway *gateway, struct transaction *transaction, time_t now,
                   struct reply *reply_out, char **why);

enum edit_kind { EDIT_DELETE, EDIT_INSERT, EDIT_APPEND, EDIT_CHANGE };
struct header_edit {
    enum edit_kind kind;
    char *name;
    size_t index; /* EDIT_DELETE, EDIT_CHANGE: the index-th field of that name, from 1; EDIT_INSERT:
                     position from 0 */
    char *value;  /* with its leading blank, folds as CRLF */
};

enum flow_action {
    FLOW_PASS,    /* accept; header edits may still be due (verdict, removed forgeries) */
    FLOW_REPLACE, /* accept with edits and the new body */
    FLOW_REPLY,   /* refuse or defer: outcome.reply */
};

struct outcome {
    enum flow_action action;
    struct reply reply;
    struct header_edit *edits; /* in the order to be applied */
    size_t edit_count;
    struct spool *body;       /* FLOW_REPLACE */
    bool return_headers_only; /* carries decrypted text: ask for RET=HDRS */
    enum direction direction;
    enum transform transform; /* what was done */
    bool opened_set;
    struct opened opened; /* incoming: the verdict, with layers */
    char *signer;         /* outgoing: the mailbox as which was signed, NULL if unsigned */
    char *note;           /* outgoing: why unsigned, ... ; one sentence, NULL if none */
    char *cause; /* FLOW_REPLY: for the log, more than the client is told; NULL if nothing more */
};

/* Do the work. Errors of ours become FLOW_REPLY 451; never fails otherwise. Also fills the
 * recipients' direction, decision, transform. */
void flow_message(struct gateway *gateway, struct transaction *transaction, time_t now,
                  const struct smime_progress *progress, struct outcome *out);
void outcome_clear(struct outcome *outcome);

/* Apply the edits to a header, as an MTA does. Returns 0, -1 out of memory. */
int outcome_edit_header(const struct outcome *outcome, struct header *header);

#endif
