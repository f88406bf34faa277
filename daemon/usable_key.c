/* Finding a public key that was not revoked. */
#include "usable_key.h"

#include "why.h"

/* One address has some dozens at most; each revoked one is passed over once, for ever. */
#define MAX_REVOKED 64

/* May it be used? An administrator's word stands for itself, and a directory's as long as it gives
 * it; what signed mail brought is as good as the CA that vouches for it. Otherwise *why says why
 * not. */
static enum usable_key look_at(struct revocation_inquiry *inquiry, X509 *certificate, bool learned,
                               char **why)
{
    struct revocation_check check;
    enum usable_key found = USABLE_KEY_FOUND;
    if (inquiry == NULL)
        return USABLE_KEY_FOUND;
    if (revocation_check(inquiry, certificate, NULL, CHAIN_ENCRYPT, &check, why) != SMIME_OK)
        return USABLE_KEY_ERROR;
    switch (revocation_obstacle(inquiry, &check)) {
    case OBSTACLE_REVOKED:
        found = USABLE_KEY_NONE;
        break;
    case OBSTACLE_UNKNOWN:
        found = USABLE_KEY_LATER;
        break;
    case OBSTACLE_NONE:
        if (learned && check.chain != SIGNATURE_VALID)
            found = USABLE_KEY_UNTRUSTED;
        break;
    }
    if (found == USABLE_KEY_UNTRUSTED)
        why_set(why, "it was learned from signed mail, and no trust anchor vouches for it now: %s",
                why_text(&check.sentence));
    else if (found != USABLE_KEY_FOUND)
        why_set(why, "%s", why_text(&check.sentence));
    revocation_check_clear(&check);
    return found;
}

/* One of them, in turn. */
struct search {
    struct revocation_inquiry *inquiry;
    const struct encryption_policy *policy;
    struct smime_capabilities capabilities;
    bool revoked; /* one was found to be, and marked in the store, which does not offer it again */
};

/* USABLE_KEY_NONE: it was revoked, *why says so. */
static enum usable_key try_one(struct search *search, X509 *certificate, bool learned,
                               struct encryption_choice *choice_out, char **why)
{
    enum usable_key found;
    if (encryption_choose(certificate, &search->capabilities, search->policy, choice_out, why) != 0)
        return USABLE_KEY_UNFIT;
    found = look_at(search->inquiry, certificate, learned, why);
    search->revoked = search->revoked || found == USABLE_KEY_NONE;
    return found;
}

/* Is there no need to look at another one? */
static bool is_settled(enum usable_key found)
{
    return found == USABLE_KEY_FOUND || found == USABLE_KEY_LATER || found == USABLE_KEY_ERROR;
}

/* Keep the first, preferred one's reason of this kind. */
static void keep(char **kept, char **reason)
{
    if (*kept != NULL)
        return;
    *kept = *reason;
    *reason = NULL;
}

static enum usable_key try_all(struct search *search, STACK_OF(X509) * certificates,
                               unsigned learned, X509 **out, struct encryption_choice *choice_out,
                               char **why)
{
    enum usable_key found = USABLE_KEY_NONE;
    char *unfit = NULL;
    char *untrusted = NULL;
    for (int i = 0; i < sk_X509_num(certificates) && !is_settled(found); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        char *reason = NULL;
        found = try_one(search, certificate, (learned >> i & 1U) != 0, choice_out, &reason);
        if (found == USABLE_KEY_FOUND && out != NULL && X509_up_ref(certificate) == 1)
            *out = certificate;
        if (found == USABLE_KEY_UNFIT)
            keep(&unfit, &reason);
        else if (found == USABLE_KEY_UNTRUSTED)
            keep(&untrusted, &reason);
        else if (found == USABLE_KEY_LATER || found == USABLE_KEY_ERROR)
            why_set(why, "%s", why_text(&reason));
        why_free(&reason);
    }
    if (!is_settled(found)) {
        found = unfit != NULL       ? USABLE_KEY_UNFIT
                : untrusted != NULL ? USABLE_KEY_UNTRUSTED
                                    : USABLE_KEY_NONE;
        if (found != USABLE_KEY_NONE)
            why_set(why, "%s", why_text(unfit != NULL ? &unfit : &untrusted));
    }
    why_free(&unfit);
    why_free(&untrusted);
    return found;
}

/* *again_out: where one was revoked the store may have others. */
static enum usable_key search_store(struct store *store, struct search *search, const char *address,
                                    time_t now, X509 **out, struct encryption_choice *choice_out,
                                    bool *again_out, char **why)
{
    STACK_OF(X509) *certificates = NULL;
    struct capabilities declared;
    unsigned learned = 0;
    enum usable_key found;
    enum store_status status =
        store_encryption_certificates(store, address, now, &certificates, &learned, &declared, why);
    *again_out = false;
    if (status != STORE_OK)
        return status == STORE_NONE ? USABLE_KEY_NONE : USABLE_KEY_ERROR;
    smime_capabilities_read(declared.der, declared.length, &search->capabilities);
    search->revoked = false;
    found = try_all(search, certificates, learned, out, choice_out, why);
    *again_out = search->revoked && !is_settled(found);
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
