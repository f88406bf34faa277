/* Enrolments: certificates that are asked of a CA by a protocol (CMP, RFC 4210), from the request
 * until they are installed, renewed or revoked.
 *
 * The key that waits is that of the mailbox's pending request (store.h): an enrolment ends when its
 * request is withdrawn or replaced, and with it. What store.h says of handles, addresses, times and
 * results holds here too. */
#ifndef STORE_ENROLMENT_H
#define STORE_ENROLMENT_H

#include "store.h"

#define ENROLMENT_MAX_MESSAGES 3                 /* that take up one transaction again */
#define ENROLMENT_MAX_MESSAGE_BYTES (256 * 1024) /* of each */

enum enrolment_kind {
    ENROLMENT_NEW,    /* a certificate for a mailbox */
    ENROLMENT_UPDATE, /* a new key in the place of the one that signs */
};
enum enrolment_phase {
    ENROLMENT_PENDING, /* the CA was not asked yet, or has not decided */
    ENROLMENT_FAILED,  /* for good; `error` says why */
};
const char *enrolment_kind_name(enum enrolment_kind kind);    /* "new", "update" */
const char *enrolment_phase_name(enum enrolment_phase phase); /* "pending", "failed" */

/* Answers of the CA, in DER. They bring another process to where a transaction stood. */
struct enrolment_messages {
    struct {
        unsigned char *der;
        size_t length;
    } items[ENROLMENT_MAX_MESSAGES];
    size_t count;
};
void enrolment_messages_clear(struct enrolment_messages *messages);

struct enrolment {
    char *address; /* the first one of the mailbox */
    char *ca;      /* name of its settings */
    enum enrolment_kind kind;
    enum enrolment_phase phase;
    time_t started;
    time_t give_up;      /* when it fails if nothing came of it */
    time_t next_attempt; /* the CA is asked then; of a failed update: it may be tried again */
    int failures;        /* attempts that failed since the last that did not */
    int restarts;        /* transactions that were given up */
    time_t received;     /* when a certificate came that is to be confirmed; 0: none did */
    char *error;         /* of the last attempt; "" if none */
    struct enrolment_messages messages;
};

struct enrolment_list {
    struct enrolment *items; /* without their messages */
    size_t count;
};

void enrolment_clear(struct enrolment *enrolment);
void enrolment_list_clear(struct enrolment_list *list);

/* Keep a new key, its certification request and that `ca` is to be asked for its certificate: the
 * first attempt is due at once. The state of the mailbox becomes what store_request_put() makes it.
 * STORE_REFUSED when a request is pending. */
enum store_status store_enrolment_begin(struct store *store, const char *address, const char *ca,
                                        enum enrolment_kind kind, EVP_PKEY *key,
                                        const unsigned char *csr, size_t length, time_t give_up,
                                        time_t now, char **why);

/* The enrolment of a mailbox: enrolment_clear(*out). STORE_NONE when there is none. */
enum store_status store_enrolment_find(struct store *store, const char *address,
                                       struct enrolment *out, char **why);

/* All of them, sorted by address. */
enum store_status store_enrolment_list(struct store *store, struct enrolment_list *out, char **why);

/* Pending ones whose attempt is due at `now` and that nobody works on, the longest due first, at
 * most `limit`. Those of mailboxes that were deactivated meanwhile rest, until they have to be
 * given up. */
enum store_status store_enrolment_due(struct store *store, time_t now, size_t limit,
                                      struct enrolment_list *out, char **why);

/* Take a pending enrolment for `lease_s` seconds, whether it is due or not, so that no other
 * process asks the CA meanwhile. STORE_NONE: there is none, or somebody has it. Each of the
 * functions below hands it back, except store_enrolment_received(). */
enum store_status store_enrolment_claim(struct store *store, const char *address, int lease_s,
                                        time_t now, struct enrolment *out, char **why);

/* The CA has not decided: take up the transaction by `messages` at `next`. */
enum store_status store_enrolment_wait(struct store *store, const char *address,
                                       const struct enrolment_messages *messages, time_t next,
                                       char **why);

/* A certificate came and is good; it is confirmed next. `now` counts the first time. */
enum store_status store_enrolment_received(struct store *store, const char *address,
                                           const struct enrolment_messages *messages, time_t now,
                                           char **why);

/* An attempt failed; the next is at `next`. `restart`: by a new transaction. */
enum store_status store_enrolment_retry(struct store *store, const char *address, const char *error,
                                        bool restart, time_t next, char **why);

/* It failed for good. The request and its key are forgotten: an activating mailbox becomes
 * inactive, an active one stays so. A failed update may be tried again from `next` on. */
enum store_status store_enrolment_fail(struct store *store, const char *address, const char *error,
                                       time_t next, char **why);

/* Would store_mailbox_install() take this certificate at `now`? STORE_REFUSED with the reason. */
enum store_status store_enrolment_check(struct store *store, const char *address, X509 *certificate,
                                        time_t now, char **why);

/* ---- What came of them ---- */

struct enrolled {
    char *address; /* the first one of the mailbox */
    int64_t certificate_id;
    char *ca;
    time_t expires;
    time_t revoked; /* when we had it revoked; 0: not */
};

struct enrolled_list {
    struct enrolled *items;
    size_t count;
};
void enrolled_list_clear(struct enrolled_list *list);

/* The certificates that a mailbox got so, the newest first. */
enum store_status store_enrolled_list(struct store *store, const char *address,
                                      struct enrolled_list *out, char **why);

/* Those that sign for active mailboxes, came from `ca`, expire before `before`, and for which
 * nothing is under way: no request is pending, and no update has failed that may not be tried
 * again at `now`. */
enum store_status store_enrolled_expiring(struct store *store, const char *ca, time_t before,
                                          time_t now, struct enrolled_list *out, char **why);

/* The CA has revoked it. A mailbox that signs with it is deactivated, and its key never signs
 * again; it decrypts as before. STORE_REFUSED when the mailbox did not get it so. */
enum store_status store_enrolled_revoked(struct store *store, const char *address,
                                         int64_t certificate_id, const char *reason, time_t now,
                                         char **why);

#endif
