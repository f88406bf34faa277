/* Having a certificate revoked by the CA that issued it. */
#include "enrol.h"

#include <strings.h>

#include "cmp_client.h"
#include "why.h"

static const struct enrol_reason reasons[] = {
    {"unspecified", -1}, /* RFC 5280 wants this one left out */
    {"keyCompromise", 1},        {"affiliationChanged", 3}, {"superseded", 4},
    {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9},
};

const struct enrol_reason *enrol_reason_named(const char *name)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcasecmp(reasons[i].name, name) == 0)
            return &reasons[i];
    return NULL;
}

/* The id of the certificate that is meant. */
static enum store_status find_certificate(struct store *store, const char *address, int64_t *id,
                                          char **why)
{
    struct mailbox *mailbox = NULL;
    enum store_status status = store_mailbox_find(store, address, &mailbox, why);

    if (status == STORE_NONE) {
        why_set(why, "there is no mailbox %s", address);
        return STORE_REFUSED;
    }
    if (status == STORE_OK && *id == 0)
        *id = mailbox->certificate_id;
    if (status == STORE_OK && *id == 0) {
        why_set(why, "%s has no certificate", address);
        status = STORE_REFUSED;
    }
    mailbox_free(&mailbox);
    return status;
}

/* The CA that it came from. */
static enum store_status find_ca(struct store *store, const struct settings *settings,
                                 const char *address, int64_t id, const struct cmp_setting **out,
                                 char **why)
{
    struct enrolled_list list = {NULL, 0};
    const struct enrolled *found = NULL;
    enum store_status status = store_enrolled_list(store, address, &list, why);

    if (status != STORE_OK)
        return status;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].certificate_id == id)
            found = &list.items[i];
    *out = NULL;
    status = STORE_REFUSED;
    if (!found)
        why_set(why, "the certificate %lld of %s did not come from a CA that is asked by CMP",
                (long long)id, address);
    else if (found->revoked != 0)
        why_set(why, "the certificate %lld of %s was revoked already", (long long)id, address);
    else if (!(*out = enrol_ca_named(settings, found->ca)))
        why_set(why, "there is no CA \"%s\" in the settings any more", found->ca);
    else
        status = STORE_OK;
    enrolled_list_clear(&list);
    return status;
}

static enum store_status ask(const struct cmp_setting *setting, const struct identity *identity,
                             int reason, time_t now, char **why)
{
    struct cmp_ca *ca = cmp_ca_open(setting, why);
    enum cmp_result result = CMP_REJECTED;

    if (!ca)
        return STORE_REFUSED;
    result = cmp_revoke(ca, identity, reason, now, why);
    cmp_ca_free(&ca);
    return result == CMP_GRANTED ? STORE_OK : result == CMP_ERROR ? STORE_ERROR : STORE_REFUSED;
}

enum store_status enrol_revoke(struct store *store, const struct settings *settings,
                               const char *address, int64_t certificate_id,
                               const struct enrol_reason *reason, time_t now, int64_t *revoked_out,
                               char **why)
{
    const struct cmp_setting *ca = NULL;
    struct identity identity = {0};
    enum store_status status = find_certificate(store, address, &certificate_id, why);

    if (status == STORE_OK)
        status = find_ca(store, settings, address, certificate_id, &ca, why);
    if (status == STORE_OK)
        status = store_mailbox_identity(store, address, certificate_id, &identity, why);
    if (status == STORE_OK)
        status = ask(ca, &identity, reason->code, now, why);
    if (status == STORE_OK)
        status = store_enrolled_revoked(store, address, certificate_id, reason->name, now, why);
    if (status == STORE_OK)
        *revoked_out = certificate_id;
    identity_clear(&identity);
    return status;
}
