/* Handing copies of a message to the MTA's re-injection listener, before the message itself is
 * answered (DESIGN section 3). */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "entity.h"
#include "settings.h"

struct copy_recipient {
    const char *text;   /* RCPT TO as the MTA gave it, without angle brackets */
    const char *notify; /* NOTIFY and ORCPT as the MTA told (RFC 3461), NULL where it did not */
    const char *orcpt;
};

struct copy {
    const char *sender; /* MAIL FROM, without angle brackets; "" for the null sender */
    const char *ret;    /* "FULL", "HDRS"; RET and ENVID (RFC 3461), NULL where not given */
    const char *envid;
    bool smtputf8; /* MAIL FROM had SMTPUTF8 (RFC 6531); follows by itself from the addresses */
    const struct copy_recipient *recipients;
    size_t recipient_count;       /* at least one */
    const struct entity *message; /* complete, with its Received field */
};

enum handover_status {
    HANDOVER_DONE = 0,
    HANDOVER_DEFERRED, /* not, or not all: the transaction must be deferred */
    HANDOVER_REFUSED,  /* the listener refuses a recipient or the content for good: so must the
                          transaction be, or what was handed over would come with every retry */
};

#define HANDOVER_MAX_CONNECTIONS 20

/* Hand over all copies, or none as far as SMTP lets: envelope and content of every copy go first,
 * each on a connection of its own; only when all are taken so far does the end of data follow, one
 * after the other. More than HANDOVER_MAX_CONNECTIONS copies go so many at a time, after the
 * envelopes of the later ones were asked for. *committed_out is how many were acknowledged, the
 * first ones: with HANDOVER_DEFERRED these will come twice, with HANDOVER_REFUSED their recipients
 * have what the sender is told was refused. *why is one sentence with the
 * listener's own words; in *refused_out (may be NULL) stands the text of the recipient that was
 * refused, NULL for the sender and the content. Takes at most work_timeout_s until the first end of
 * data, and four minutes from there. Thread-safe. */
enum handover_status handover(const struct settings *settings, const struct copy *copies,
                              size_t count, const struct smime_progress *progress,
                              size_t *committed_out, const char **refused_out, char **why);

/* The same for copies of an incoming message: to the listener for these, where there is one. */
enum handover_status handover_incoming(const struct settings *settings, const struct copy *copies,
                                       size_t count, const struct smime_progress *progress,
                                       size_t *committed_out, const char **refused_out, char **why);

/* The same for what smimed writes itself: to the mail server for reports and notices, which is the
 * listener where the settings name no other. */
enum handover_status handover_own(const struct settings *settings, const struct copy *copies,
                                  size_t count, const struct smime_progress *progress,
                                  size_t *committed_out, const char **refused_out, char **why);

#endif
