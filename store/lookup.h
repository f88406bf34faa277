/* What directories were asked for other people's certificates, and what they had: the cache of
 * look-ups, positive and negative.
 *
 * What was found stands among the public keys, with the source "directory", for the address that
 * was asked for and no other, whatever else the certificate names: a directory speaks for those
 * whom it was asked about. It is the last choice for encryption, and goes when a later look-up does
 * not find it any more, unless an administrator has imported or pinned it. See store.h for what all
 * functions have in common. */
#ifndef STORE_LOOKUP_H
#define STORE_LOOKUP_H

#include "store.h"

enum lookup_result {
    LOOKUP_NOTHING, /* every directory was asked, none has a certificate that can be used */
    LOOKUP_FOUND,
    LOOKUP_UNAVAILABLE, /* nothing was found, and some directory could not be asked */
};

struct lookup {
    enum lookup_result result;
    time_t looked_up;
    time_t until; /* last second that it counts */
    char *source; /* which directory had it, or could not be asked; "" if none */
    char *reason; /* one sentence, "" if there is nothing to say */
};
void lookup_clear(struct lookup *lookup);

enum lookup_need {
    LOOKUP_NEEDLESS, /* there is a certificate that no directory gave, or a pinned one */
    LOOKUP_KNOWN,    /* *out says what the last look-up had, and counts */
    LOOKUP_DUE,
};

/* Does anybody have to be asked for a certificate of `address` at `now`? `another`: none that is
 * there will do, so that only a pinned one makes it needless. *out (lookup_clear()) is filled with
 * LOOKUP_KNOWN. */
enum store_status store_lookup_need(struct store *store, const char *address, bool another,
                                    time_t now, enum lookup_need *need_out, struct lookup *out,
                                    char **why);

/* May a certificate that a directory has for `address` be used? STORE_OK, or STORE_REFUSED with the
 * reason: what store_pubkey_import() refuses, an address that it does not name, a certificate that
 * an administrator has rejected. */
enum store_status store_lookup_check(struct store *store, const char *address, X509 *certificate,
                                     time_t now, char **why);

/* Write down what a look-up at lookup->looked_up had. With LOOKUP_FOUND `certificates`, which
 * passed store_lookup_check(), become the public keys that directories have for `address`; with
 * LOOKUP_NOTHING there are none any more; with LOOKUP_UNAVAILABLE they stay as they were. Nobody
 * else's public keys are touched. */
enum store_status store_lookup_put(struct store *store, const char *address,
                                   const struct lookup *lookup, STACK_OF(X509) * certificates,
                                   char **why);

#endif
