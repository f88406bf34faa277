/* What becomes of a message: header edits, new body, reply, and what is told of it. */
#ifndef DAEMON_OUTCOME_H
#define DAEMON_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "incoming.h"
#include "plan.h"
#include "protection.h"
#include "reply.h"

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

/* What some of the recipients get instead: a message of their own. */
struct outcome_copy {
    size_t *members; /* indexes into the transaction's recipients */
    size_t count;
    struct outcome *outcome; /* with no copies of its own. FLOW_REPLY: they are refused, each with
                                the reply of his struct recipient, and the sender is told */
};

struct outcome {
    enum flow_action action;
    struct reply reply;
    struct header_edit *edits; /* in the order to be applied */
    size_t edit_count;
    struct spool *body;       /* FLOW_REPLACE */
    bool return_headers_only; /* carries decrypted text: ask for RET=HDRS */
    enum direction direction;
    enum transform transform;   /* what was done */
    enum confidentiality hides; /* outgoing: what of its header is not to be seen */
    bool opened_set;
    struct opened opened;  /* incoming: the verdict, with layers */
    char *signer;          /* outgoing: the mailbox as which was signed, NULL if unsigned */
    char *note;            /* outgoing: why unsigned, ... ; one sentence, NULL if none */
    const char *exemption; /* outgoing: why left unsigned on purpose; never to be freed */
    char *choice;    /* outgoing: what the sender asked for ("encrypt"), NULL if nothing; and */
    char *choice_by; /* by which fields ("Subject") */
    char *cause; /* FLOW_REPLY: for the log, more than the client is told; NULL if nothing more */
    /* To be handed over before this message is answered; their members leave it (copies.h). */
    struct outcome_copy *copies;
    size_t copy_count;
};

void outcome_clear(struct outcome *outcome);

/* A new copy for `members` (copied), empty so far (FLOW_PASS). NULL when out of memory. */
struct outcome *outcome_add_copy(struct outcome *outcome, const size_t *members, size_t count);

/* Apply the edits to a header, as an MTA does. Returns 0, -1 out of memory. */
int outcome_edit_header(const struct outcome *outcome, struct header *header);

/* Append an edit; `value` may be NULL for EDIT_DELETE. Returns 0, -1 out of memory. */
int outcome_edit(struct outcome *outcome, enum edit_kind kind, const char *name, size_t index,
                 const char *value);

/* The same, EDIT_DELETE or EDIT_CHANGE, of fields[at] of `header`. */
int outcome_edit_field(struct outcome *outcome, enum edit_kind kind, const struct header *header,
                       size_t at, const char *value);

/* The edits that replace MIME-Version and the content fields of `before` by those of `after`.
 * Returns 0, -1 out of memory. */
int outcome_replace_content(struct outcome *outcome, const struct header *before,
                            const struct header *after);

/* Move all of `part` to `out`, which is cleared before; `part` is empty then. */
void outcome_become(struct outcome *out, struct outcome *part);

/* Make `out` from the copies of `parts`, those without members left out: the first of those with
 * the most members becomes `out` itself, the others its copies. Refused parts never are `out`
 * unless nothing else is left, or `may_report` is false, or one is a deferral: then that one is all
 * there is. There must be at least one part; `parts` has none then. `unsure`: the MTA may not find
 * all who are to leave `out`. Where one of them must not see it in the clear, being refused or
 * having an encrypted copy, an encrypted part becomes `out`; where there is none, a refusal is all
 * there is. */
void outcome_assemble(struct outcome *out, struct outcome *parts, bool may_report, bool unsure);

/* An error of ours: 451; takes *cause over for the log. */
void outcome_defer(struct outcome *outcome, char **cause);

#endif
