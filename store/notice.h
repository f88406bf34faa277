/* Notices: what administrators and senders are to be told by mail, each once.
 *
 * A notice is noted in the transaction that makes what it tells, or by whoever finds it out.
 * Notices to one recipient that wait together go into one mail. Which notices a mail has, and its
 * Message-ID, are written down before it is sent, and do not change then: should the sender of
 * mails be killed before he has written down that one is sent, the same mail goes again, and
 * programs that look can tell. What store.h says of handles, addresses, times and results holds
 * here too. */
#ifndef STORE_NOTICE_H
#define STORE_NOTICE_H

#include "store.h"

#define NOTICE_MAX_DETAIL_BYTES 65536
#define NOTICE_MAX_ITEMS 500 /* in one mail; what is more goes with the next */
/* Between two mails to the same sender; those to the administrator have a setting. */
#define NOTICE_SENDER_INTERVAL_S 300
/* What was told is remembered so long. To senders: an MTA tries for some days with the same
 * message, and who wrote to whom is nothing to be kept. */
#define NOTICE_KEEP_S (90 * 24 * 60 * 60)
#define NOTICE_SENDER_KEEP_S (14 * 24 * 60 * 60)

/* The numbers stand in stores: never to be changed. */
enum notice_kind {
    NOTICE_MAILBOX_EXPIRES = 0, /* object: the mailbox; detail: days before, or "expired" */
    NOTICE_ANCHOR_EXPIRES = 1,  /* object: the subject of an own anchor; detail: likewise */
    NOTICE_CA_EXPIRES = 2,      /* object: the subject of our CA; detail: likewise */
    NOTICE_ACTIVATED = 3,       /* object: the mailbox; detail: name of the CA */
    NOTICE_RENEWED = 4,         /* likewise */
    NOTICE_NOT_ACTIVATED = 5,   /* object: the mailbox; detail: name of the CA, a line with why */
    NOTICE_NOT_RENEWED = 6,     /* likewise */
    NOTICE_KEY_CHANGED = 7,     /* object: the address; detail: issuer, then former ones, each in a
                                   line; of a former one fingerprint, blank, issuer */
    NOTICE_KEY_HELD = 8,        /* object: whose signed mail brought it; detail: likewise */
    NOTICE_WEAKER = 9,          /* to a sender. object: the subject; detail: a line for each
                                   recipient: reason, blank, address */
    NOTICE_TEST = 10,
    NOTICE_CREDENTIAL_EXPIRES = 11, /* object: name of the CA that we prove ourselves to with it;
                                       detail: as of a mailbox */
};
#define NOTICE_KIND_COUNT 12
const char *notice_kind_name(enum notice_kind kind); /* "mailbox-expires", ... */

enum notice_state {
    NOTICE_WAITING,
    NOTICE_SENT,
    NOTICE_LOGGED, /* there was nobody to send it to */
    NOTICE_GIVEN_UP,
    NOTICE_SUPERSEDED, /* a later one of the same certificate came before it was sent */
};
const char *notice_state_name(enum notice_state state);

/* What is to be noted; NULL strings are empty. */
struct notice_note {
    enum notice_kind kind;
    const char *topic;     /* a kind and a topic are noted once */
    const char *recipient; /* a sender's address; "" or NULL: the administrator */
    const char *object;
    const char *detail;
    const char *fingerprint; /* of the certificate it is about, SHA-256, lower-case hex */
    time_t expires;          /* of it; 0: does not matter */
    const char *reference;   /* the Message-ID that it is about, with angle brackets */
};

struct notice {
    int64_t id;
    enum notice_kind kind;
    enum notice_state state;
    char *recipient; /* "" for the administrator; no string here is NULL */
    char *object;
    char *detail;
    char *fingerprint;
    char *reference;
    time_t expires;
    time_t noted;
    /* Of its mail: */
    time_t done;         /* when it was sent, logged or given up; 0: it was not */
    time_t next_attempt; /* 0: none is planned yet */
    int failures;
    char *error; /* of the last attempt; "" if none */
};

struct notice_list {
    struct notice *items;
    size_t count;
};
void notice_list_clear(struct notice_list *list);

/* Note it, unless it was noted before. Of NOTICE_WEAKER that still waits, lines of the detail that
 * it has not are added. One of a certificate that expires takes the place of those of the same
 * certificate that still wait. *added_out (may be NULL): it is new. */
enum store_status store_notice_put(struct store *store, const struct notice_note *note,
                                   bool *added_out, char **why);

/* All that are remembered, the oldest first. */
enum store_status store_notice_list(struct store *store, struct notice_list *out, char **why);

/* Forget what was told long ago. What expires is remembered as long as its certificate is there,
 * and what is in no store, for good: there are few. */
enum store_status store_notice_prune(struct store *store, time_t now, char **why);

/* ---- Mails ---- */

struct notice_mail {
    int64_t id;
    char *recipient;  /* "" for the administrator */
    char *message_id; /* without angle brackets */
    time_t formed;
    int failures;
    struct notice_list notices;
};
void notice_mail_clear(struct notice_mail *mail);

struct notice_terms {
    const char *message_id; /* for a mail that is formed now */
    int interval_s;         /* between two mails to the administrator */
    int lease_s;            /* nobody else gets the mail for so long */
};

/* Take the mail that has to be sent first: one whose attempt is due, or a new one of what waits. No
 * new one is formed for a recipient while another is not done with, or was formed within the
 * interval. STORE_NONE: there is nothing to be sent now. */
enum store_status store_notice_mail_take(struct store *store, const struct notice_terms *terms,
                                         time_t now, struct notice_mail *out, char **why);

/* It is done with: NOTICE_SENT, NOTICE_LOGGED or NOTICE_GIVEN_UP; `error` (may be NULL) says why.
 */
enum store_status store_notice_mail_done(struct store *store, const struct notice_mail *mail,
                                         enum notice_state state, const char *error, time_t now,
                                         char **why);

/* It could not be sent; the next attempt is at `next`. */
enum store_status store_notice_mail_retry(struct store *store, const struct notice_mail *mail,
                                          const char *error, time_t next, char **why);

#endif
