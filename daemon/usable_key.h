/* A public key of the store that may be encrypted to: not one that was revoked, nor one that was
 * learned from signed mail and whose CA is not believed any more, and one that fits. */
#ifndef DAEMON_USABLE_KEY_H
#define DAEMON_USABLE_KEY_H

#include "encryption_choice.h"
#include "revocation_inquiry.h"

enum usable_key {
    USABLE_KEY_FOUND,
    USABLE_KEY_NONE,      /* *why says what there is instead */
    USABLE_KEY_UNTRUSTED, /* signed mail brought some, and no anchor vouches for one now; *why */
    USABLE_KEY_UNFIT,     /* there are some, and none fits the policy; *why says why not */
    USABLE_KEY_LATER,     /* "hard", and it cannot be found out now: defer the message */
    USABLE_KEY_ERROR,     /* ours */
};

/* The certificate to encrypt to `address` with, and how: the first in the order of the store that
 * fits `policy`. With an inquiry it is checked, and where it was revoked, or is not to be trusted,
 * the next one takes its place; `inquiry` NULL: only what is known already counts. *out (may be
 * NULL): X509_free(). */
enum usable_key usable_key_find(struct store *store, struct revocation_inquiry *inquiry,
                                const char *address, const struct encryption_policy *policy,
                                time_t now, X509 **out, struct encryption_choice *choice_out,
                                char **why);

#endif
