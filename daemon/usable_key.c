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

/* One of them, in turn. */
struct search {
    struct revocation_inquiry *inquiry;
    const struct encryption_policy *policy;
    struct smime_capabilities capabilities;
    bool revoked; /* one was found to be, and marked in the store, which does not offer it again */
};

/* USABLE_KEY_NONE: it was revoked, *why says so. */
static enum usable_key try_one(struct search *search, X509 *certificate,
                               struct encryption_choice *choice_out, char **why)
{
    enum revocation_obstacle obstacle;
    if (encryption_choose(certificate, &search->capabilities, search->policy, choice_out, why) != 0)
        return USABLE_KEY_UNFIT;
    if (look_at(search->inquiry, certificate, &obstacle, why) != 0)
        return USABLE_KEY_ERROR;
    if (obstacle == OBSTACLE_UNKNOWN)
        return USABLE_KEY_LATER;
    search->revoked = search->revoked || obstacle == OBSTACLE_REVOKED;
    return obstacle == OBSTACLE_REVOKED ? USABLE_KEY_NONE : USABLE_KEY_FOUND;
}

/* What is said of a key that does not fit is about the first, preferred one. */
static enum usable_key try_all(struct search *search, STACK_OF(X509) * certificates, X509 **out,
                               struct encryption_choice *choice_out, char **why)
{
    enum usable_key found = USABLE_KEY_NONE;
    char *unfit = NULL;
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        char *reason = NULL;
        found = try_one(search, certificate, choice_out, &reason);
        if (found == USABLE_KEY_FOUND && out != NULL && X509_up_ref(certificate) == 1)
            *out = certificate;
        if (found == USABLE_KEY_UNFIT && unfit == NULL) {
            unfit = reason;
            reason = NULL;
        }
        if (found == USABLE_KEY_LATER || found == USABLE_KEY_ERROR)
            why_set(why, "%s", why_text(&reason));
        why_free(&reason);
        if (found == USABLE_KEY_FOUND || found == USABLE_KEY_LATER || found == USABLE_KEY_ERROR)
            break;
    }
    if (found == USABLE_KEY_NONE || found == USABLE_KEY_UNFIT)
        found = unfit != NULL ? USABLE_KEY_UNFIT : USABLE_KEY_NONE;
    if (found == USABLE_KEY_UNFIT)
        why_set(why, "%s", why_text(&unfit));
    why_free(&unfit);
    return found;
}

/* *again_out: where one was revoked the store may have others. */
static enum usable_key search_store(struct store *store, struct search *search, const char *address,
                                    time_t now, X509 **out, struct encryption_choice *choice_out,
                                    bool *again_out, char **why)
{
    STACK_OF(X509) *certificates = NULL;
    struct capabilities declared;
    enum usable_key found;
    enum store_status status =
        store_encryption_certificates(store, address, now, &certificates, &declared, why);
    *again_out = false;
    if (status != STORE_OK)
        return status == STORE_NONE ? USABLE_KEY_NONE : USABLE_KEY_ERROR;
    smime_capabilities_read(declared.der, declared.length, &search->capabilities);
    search->revoked = false;
    found = try_all(search, certificates, out, choice_out, why);
    *again_out = search->revoked && (found == USABLE_KEY_NONE || found == USABLE_KEY_UNFIT);
    /* Another process may have marked it since this message began. */
    if (*again_out && store_refresh(store, why) != STORE_OK) {
        *again_out = false;
        found = USABLE_KEY_ERROR;
    }
    if (found == USABLE_KEY_LATER)
        why_prefix(why, "the public key of %s", address);
    capabilities_clear(&declared);
    sk_X509_pop_free(certificates, X509_free);
    return found;
}

enum usable_key usable_key_find(struct store *store, struct revocation_inquiry *inquiry,
                                const char *address, const struct encryption_policy *policy,
                                time_t now, X509 **out, struct encryption_choice *choice_out,
                                char **why)
{
    struct search search = {.inquiry = inquiry, .policy = policy};
    bool again = true;
    enum usable_key found = USABLE_KEY_ERROR;
    for (int i = 0; again && i < MAX_REVOKED; i++)
        found = search_store(store, &search, address, now, out, choice_out, &again, why);
    if (again) {
        why_prefix(why, "the public keys of %s are revoked, and that cannot be noted", address);
        found = USABLE_KEY_ERROR;
    }
    return found;
}
