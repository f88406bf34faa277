/* Finding a public key that was not revoked. */
#include "usable_key.h"

#include "why.h"

/* One address has some dozens at most; each revoked one is passed over once, for ever. */
#define MAX_REVOKED 64

/* Found with *obstacle_out, or an error of ours. */
static int look_at(struct revocation_inquiry *inquiry, X509 *certificate,
                   enum revocation_obstacle *obstacle_out, char **why)
{
    struct revocation_check check;
    *obstacle_out = OBSTACLE_NONE;
    if (inquiry == NULL)
        return 0;
    if (revocation_check(inquiry, certificate, NULL, CHAIN_ENCRYPT, &check, why) != SMIME_OK)
        return -1;
    *obstacle_out = revocation_obstacle(inquiry, &check);
    if (*obstacle_out != OBSTACLE_NONE)
        why_set(why, "%s", why_text(&check.sentence));
    revocation_check_clear(&check);
    return 0;
}

/* What was found revoked was marked in the store, which does not offer it again. */
static enum usable_key try_one(struct store *store, struct revocation_inquiry *inquiry,
                               const char *address, time_t now, bool *again_out, X509 **out,
                               char **why)
{
    X509 *certificate = NULL;
    enum revocation_obstacle obstacle;
    enum usable_key found = USABLE_KEY_FOUND;
    enum store_status status =
        store_encryption_certificate(store, address, now, &certificate, NULL, why);
    *again_out = false;
    if (status != STORE_OK)
        return status == STORE_NONE ? USABLE_KEY_NONE : USABLE_KEY_ERROR;
    if (look_at(inquiry, certificate, &obstacle, why) != 0)
        found = USABLE_KEY_ERROR;
    else if (obstacle == OBSTACLE_UNKNOWN)
        found = USABLE_KEY_LATER;
    *again_out = found == USABLE_KEY_FOUND && obstacle == OBSTACLE_REVOKED;
    /* Another process may have marked it since this message began. */
    if (*again_out && store_refresh(store, why) != STORE_OK) {
        *again_out = false;
        found = USABLE_KEY_ERROR;
    }
    if (found == USABLE_KEY_FOUND && !*again_out && out != NULL) {
        *out = certificate;
        certificate = NULL;
    }
    X509_free(certificate);
    if (found == USABLE_KEY_LATER)
        why_prefix(why, "the public key of %s", address);
    return found;
}

enum usable_key usable_key_find(struct store *store, struct revocation_inquiry *inquiry,
                                const char *address, time_t now, X509 **out, char **why)
{
    bool again = true;
    enum usable_key found = USABLE_KEY_ERROR;
    for (int i = 0; again && i < MAX_REVOKED; i++)
        found = try_one(store, inquiry, address, now, &again, out, why);
    if (again) {
        why_prefix(why, "the public keys of %s are revoked, and that cannot be noted", address);
        found = USABLE_KEY_ERROR;
    }
    return found;
}
