/* Who may have messages signed: without this a gateway is a signing oracle. */
#include "sender.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "mailboxes.h"
#include "why.h"

/* Are these addresses of one mailbox? 1 yes, 0 no, -1 an error of ours. */
static int same_mailbox(struct gateway *gateway, const char *a, const char *b, char **why)
{
    struct mailbox *mailbox = NULL;
    enum store_status status;
    int same = 0;
    if (strcmp(a, b) == 0)
        return 1;
    status = store_mailbox_find(gateway->store, a, &mailbox, why);
    if (status != STORE_OK)
        return status == STORE_NONE ? 0 : -1;
    same = strcmp(mailbox->address, b) == 0;
    for (size_t i = 0; !same && i < mailbox->alias_count; i++)
        same = strcmp(mailbox->aliases[i], b) == 0;
    mailbox_free(&mailbox);
    return same;
}

char *sender_plain(const struct gateway *gateway, const char *sender)
{
    const char *delimiters = gateway->config->settings.recipient_delimiter;
    char *address = address_without_verp(sender, delimiters);
    char *plain = address != NULL ? address_without_tag(address, delimiters) : NULL;
    free(address);
    return plain;
}

/* The same with what was added to the second one taken off ("alice+news@" is alice's). */
static int same_or_tagged(struct gateway *gateway, const char *from, const char *sender, char **why)
{
    char *plain;
    int same = same_mailbox(gateway, from, sender, why);
    if (same != 0)
        return same;
    plain = sender_plain(gateway, sender);
    if (plain == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    same = same_mailbox(gateway, from, plain, why);
    free(plain);
    return same;
}

/* The MTA has checked the sender as it stands, and knows tags itself: what looks like one may be
 * somebody else ("alice-smith@" where '-' is a delimiter). What SRS or VERP would make of the
 * address is the client's word alone. */
static int mta_vouches(struct gateway *gateway, const char *owner, const char *sender, char **why)
{
    char *plain;
    int same = same_mailbox(gateway, owner, sender, why);
    int other = same == 0 ? gateway_has_mailbox(gateway, sender, why) : 0;
    if (same != 0 || other != 0)
        return other < 0 ? -1 : same;
    plain = address_without_tag(sender, gateway->config->settings.recipient_delimiter);
    if (plain == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    same = same_mailbox(gateway, owner, plain, why);
    free(plain);
    return same;
}

static bool table_grants(const struct settings *settings, const char *login, const char *owner)
{
    for (size_t i = 0; i < settings->sender_login_count; i++)
        if (strcmp(settings->sender_logins[i].login, login) == 0 &&
            pattern_list_matches(&settings->sender_logins[i].addresses, owner, ""))
            return true;
    return false;
}

static bool network_grants(const struct settings *settings, const struct transaction *transaction,
                           const char *owner)
{
    if (!transaction->client_known)
        return false;
    for (size_t i = 0; i < settings->trusted_network_count; i++)
        if (settings_network_contains(&settings->trusted_networks[i], transaction->client) &&
            pattern_list_matches(&settings->trusted_networks[i].addresses, owner, ""))
            return true;
    return false;
}

static int login_owns(struct gateway *gateway, const char *login, const char *owner, char **why)
{
    char *canonical = NULL;
    int owns = 0;
    if (gateway->config->settings.sender_login_count > 0)
        return table_grants(&gateway->config->settings, login, owner);
    if (address_canonical(login, strlen(login), &canonical) == ADDRESS_OK)
        owns = same_mailbox(gateway, owner, canonical, why);
    free(canonical);
    return owns;
}

/* Does the client own `owner`? 1 yes, 0 no (*reason says why), -1 an error of ours. */
static int client_owns(struct gateway *gateway, const struct transaction *transaction,
                       const char *owner, char **reason, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    int owns;
    if (transaction->role == ROLE_LOCAL) {
        if (pattern_list_matches(&settings->local_senders, owner, ""))
            return 1;
        why_set(reason, "local_senders does not list %s", owner);
        return 0;
    }
    if (network_grants(settings, transaction, owner))
        return 1;
    if (settings->sender_logins_mta) {
        /* The MTA checks the envelope sender, so only that one is known to be the client's. */
        if (transaction->sender[0] != '\0')
            return mta_vouches(gateway, owner, transaction->sender, why);
        why_set(reason, "the MTA cannot vouch for a message with a null sender");
        return 0;
    }
    if (transaction->login == NULL) {
        why_set(reason, "the client is not authenticated and in no trusted network");
        return 0;
    }
    owns = login_owns(gateway, transaction->login, owner, why);
    if (owns == 0)
        why_set(reason, "the login %s does not own %s", transaction->login, owner);
    return owns;
}

/* The address that stands for the client: From itself, or Sender where it was granted From.
 * 1 with *owner_out set, 0 with *reason, -1 an error of ours. */
static int find_owner(struct gateway *gateway, const struct transaction *transaction,
                      const char *from, char **owner_out, char **reason, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    struct mailboxes sender = {0};
    int rc = 1;
    if (mailboxes_of(&transaction->message.header, "Sender", &sender) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    for (size_t i = 0; sender.count == 1 && i < settings->shared_mailbox_count; i++) {
        const struct shared_setting *shared = &settings->shared_mailboxes[i];
        if (!pattern_matches(&shared->from, from, "") ||
            !pattern_list_matches(&shared->senders, sender.items[0], ""))
            continue;
        if (transaction->sender[0] != '\0') {
            rc = same_or_tagged(gateway, sender.items[0], transaction->sender, why);
            if (rc == 0)
                rc = same_or_tagged(gateway, from, transaction->sender, why);
        }
        if (rc == 1)
            *owner_out = strdup(sender.items[0]);
        goto found;
    }
    if (transaction->sender[0] != '\0')
        rc = same_or_tagged(gateway, from, transaction->sender, why);
    if (rc == 1)
        *owner_out = strdup(from);
found:
    if (rc == 1 && *owner_out == NULL) {
        why_set(why, "out of memory");
        rc = -1;
    }
    if (rc == 0)
        why_set(reason, "From %s is not the envelope sender %s", from, transaction->sender);
    mailboxes_clear(&sender);
    return rc;
}

int sender_authorise(struct gateway *gateway, const struct transaction *transaction,
                     struct authority *out, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    char *owner = NULL;
    int rc;
    *out = (struct authority){0};
    if (mailboxes_from(&transaction->message.header, &out->from, &out->reason) != 0)
        return 0;
    why_free(&out->reason);
    out->managed = address_in_domains(out->from, settings->managed_domains.items,
                                      settings->managed_domains.count);
    if (!out->managed) {
        why_set(&out->reason, "From %s is not in a managed domain", out->from);
        return 0;
    }
    rc = find_owner(gateway, transaction, out->from, &owner, &out->reason, why);
    if (rc == 1)
        rc = client_owns(gateway, transaction, owner, &out->reason, why);
    free(owner);
    if (rc < 0) {
        authority_clear(out);
        return -1;
    }
    out->authorised = rc == 1;
    if (out->authorised)
        why_free(&out->reason);
    else if (out->reason == NULL)
        why_set(&out->reason, "the client does not own %s", out->from);
    return 0;
}

int sender_owns_envelope(struct gateway *gateway, const struct transaction *transaction, char **why)
{
    char *owner = sender_plain(gateway, transaction->sender);
    char *reason = NULL;
    int owns;
    if (owner == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    owns = client_owns(gateway, transaction, owner, &reason, why);
    free(reason);
    free(owner);
    return owns;
}

void authority_clear(struct authority *authority)
{
    free(authority->from);
    free(authority->reason);
    *authority = (struct authority){0};
}
