/* Why mail between two addresses is treated as it is: the finding of `rules explain`, for one
 * direction. */
#ifndef ADMIN_EXPLANATION_H
#define ADMIN_EXPLANATION_H

#include <openssl/x509.h>

#include "context.h"
#include "plan.h"

/* A certificate that would be used, or why there is none. */
struct certificate_answer {
    bool asked;
    X509 *certificate; /* NULL if there is none */
    char *reason;      /* then: why */
    /* Of `encryption`: */
    enum pubkey_source source; /* of the certificate */
    char *directories;         /* what directories said of the address, or that they would be asked;
                                  NULL: nothing */
};

struct explanation {
    enum direction direction;
    const char *from; /* of the message that is explained; borrowed, as `to` */
    const char *to;
    const char *managed;  /* as the rules see it; borrowed or owned_managed */
    const char *external; /* "" for the null sender and for managed addresses */
    char *owned_managed;
    bool internal; /* outgoing to a managed recipient: no rule is asked */
    struct decision decision;
    enum sender_choice allowed;           /* outgoing: what the sender may ask for by himself */
    struct decision tls;                  /* whether TLS is required, for either direction */
    struct certificate_answer signing;    /* outgoing */
    struct certificate_answer encryption; /* outgoing, where the mode encrypts */
    struct certificate_answer decryption; /* incoming, where the mode decrypts: the newest key */
    size_t decryption_keys;
    const struct profile
        *profile;                /* outgoing: which algorithms may be used; of the configuration */
    struct signing_choice signs; /* how, with the certificate of `signing` */
    struct encryption_choice encrypts; /* how, with that of `encryption` */
    enum transform transform;          /* what would be done */
};

/* Mail from the managed address `from` to `to`, both canonical. Returns 0, -1 told. */
int explanation_outgoing(struct context *context, const char *from, const char *to,
                         struct explanation *out);

/* Mail from `from` ("" is the null sender), coming in from outside, to the managed address `to`. */
int explanation_incoming(struct context *context, const char *from, const char *to,
                         struct explanation *out);
void explanation_clear(struct explanation *explanation);

/* Does the rule at items[index] decide, and why not? */
enum rule_match explanation_rule(const struct context *context,
                                 const struct explanation *explanation, size_t index);

/* Why `rule` does or does not decide: a new string, NULL when out of memory. */
char *explanation_sentence(const struct explanation *explanation, const struct rule *rule,
                           enum rule_match match);

/* The name of the mode that `explanation`'s direction has in `rule`, and of the decided one. */
const char *explanation_rule_mode(const struct explanation *explanation, const struct rule *rule);
const char *explanation_mode(const struct explanation *explanation);

#endif
