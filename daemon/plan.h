/* Which recipients of one message get which transform. */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "encryption_choice.h"
#include "profile.h"
#include "protection.h"
#include "reply.h"
#include "rules.h"
#include "signing_choice.h"

enum direction { DIRECTION_NONE, DIRECTION_OUTGOING, DIRECTION_INCOMING };

enum transform {
    TRANSFORM_NONE, /* untouched */
    TRANSFORM_SIGN,
    TRANSFORM_ENCRYPT, /* unsigned: no certificate of the sender's */
    TRANSFORM_SIGN_ENCRYPT,
    TRANSFORM_OPEN,   /* incoming: decrypt where possible, verify */
    TRANSFORM_VERIFY, /* incoming: never decrypt, verify */
    TRANSFORM_REFUSE,
};
const char *transform_name(enum transform transform);
bool transform_is_encrypted(enum transform transform);
const char *direction_name(enum direction direction);

/* What an outgoing rule asks for becomes, given what there is: a certificate of the sender's, a
 * public key of the recipient's. */
enum transform outgoing_transform(enum outgoing_mode mode, bool can_sign, bool has_key);

/* What became of the sender's own choice (choice.h). */
enum choice_effect {
    CHOICE_UNASKED,
    CHOICE_SATISFIED,    /* the rule does as much */
    CHOICE_STRENGTHENED, /* more than the rule asks for */
    CHOICE_WEAKENED,     /* less */
    CHOICE_DENIED,       /* the rule does not let him choose that */
    CHOICE_UNMET,        /* what he asked for could not be done */
};
const char *choice_effect_name(enum choice_effect effect);

/* How a recipient gets less than was asked for (weaker.h). */
enum weakness {
    WEAKNESS_NONE,
    WEAKNESS_DENIED,   /* the rule does not let the sender have what he asked for */
    WEAKNESS_UNSIGNED, /* he asked for a signature, and his mailbox has no certificate */
    WEAKNESS_NO_KEY,   /* encrypt-optional, and no key */
};

struct recipient {
    char *text;      /* RCPT TO as the MTA gave it, without angle brackets */
    char **args;     /* ESMTP parameters of RCPT, NULL-terminated; NULL if none */
    char *canonical; /* see address.h */
    enum direction direction;
    struct decision
        decision; /* mode and deciding rule of that direction; mode 0 where direction is none */
    enum transform transform;
    enum choice_effect choice; /* outgoing, at end of message */
    enum weakness weakness;    /* likewise */
    bool insecure;             /* a rule demands TLS, and the message came without */
    bool blind; /* Bcc: in the envelope, in no To or Cc; of encrypted mail a message of its own */
    X509 *certificate; /* to encrypt with, as it was checked; NULL: none was looked for or found */
    /* Outgoing, at end of message: */
    const struct profile *profile;        /* of the configuration */
    enum confidentiality confidentiality; /* of the header, where his mail is encrypted */
    struct signing_choice signing;        /* where his mail is signed */
    struct encryption_choice encryption;  /* with `certificate` */
    struct reply reply;                   /* of TRANSFORM_REFUSE */
};

/* Recipients that can share one body. */
struct group {
    enum transform transform;
    struct cipher_list ciphers; /* where it is encrypted: that all of them read, in the order of the
                                   first one */
    size_t *members;            /* indexes into the recipients */
    size_t count;
};

struct plan {
    struct group *groups; /* the largest first */
    size_t count;
};

/* Group `recipients` by what they get. Returns 0, -1 out of memory. */
int plan_make(const struct recipient *recipients, size_t count, struct plan *out);

/* One group of all recipients, whatever they get. Returns 0, -1 out of memory. */
int plan_make_one(size_t count, struct plan *out);

/* The cipher for a group that is encrypted: the one that a single recipient prefers, and the
 * strongest of those that several have in common. */
enum encrypt_cipher plan_cipher(const struct group *group);
void plan_clear(struct plan *plan);

#endif
