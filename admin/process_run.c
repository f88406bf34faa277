/* One message: sender, recipients, body, and what the daemon's code makes of it. */
#include "process_run.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "tell.h"
#include "why.h"

static const char *const assumed_tls = "TLS";
static const char *const granted_login = "smimectl"; /* of a message without a sender's address */

/* Let `login` send as anybody, in this process's copy of the configuration only: who runs smimectl
 * on the store could sign as anybody anyway. */
static int grant(struct settings *settings, const char *login)
{
    struct login_setting *grown =
        reallocarray(settings->sender_logins, settings->sender_login_count + 1, sizeof *grown);
    if (!grown) {
        return -1;
    }
    settings->sender_logins = grown;
    struct login_setting *added = &grown[settings->sender_login_count];
    *added = (struct login_setting){.login = strdup(login)};
    added->addresses.items = calloc(1, sizeof *added->addresses.items);
    if (!added->login || !added->addresses.items) {
        free(added->login);
        free(added->addresses.items);
        return -1;
    }
    added->addresses.items[0].kind = PATTERN_ALL;
    added->addresses.count = 1;
    settings->sender_login_count++;
    settings->sender_logins_mta = false;
    return 0;
}

/* Sender, role, client and login. Returns 0, -1 told. */
static int set_sender(struct gateway *gateway, const struct envelope *envelope,
                      struct transaction *transaction)
{
    char *why = NULL;
    int rc = -1;
    transaction->role = envelope->role;
    transaction->client_known = envelope->client_known;
    memcpy(transaction->client, envelope->client, sizeof transaction->client);
    if (transaction_set_sender(transaction, envelope->from, &why)) {
        tell_error("%s", why_text(&why));
        tell_next("The sender looks like alice@example.com; '<>' is the null sender.");
        goto out;
    }
    const char *login = envelope->login;
    if (!envelope->no_tls) {
        transaction->tls = strdup(assumed_tls);
        if (!transaction->tls) {
            tell_error("out of memory");
            goto out;
        }
    }
    bool grants = envelope->role == ROLE_SUBMISSION && !login && !envelope->client_known;
    if (grants) {
        login = *transaction->sender ? transaction->sender : granted_login;
    }
    if (login) {
        transaction->login = strdup(login);
    }
    if ((login && !transaction->login) || (grants && grant(&gateway->config->settings, login))) {
        tell_error("out of memory");
        goto out;
    }
    rc = 0;
out:
    why_free(&why);
    return rc;
}

/* Keep what a recipient was refused with. Takes *why over. Returns 0, -1 out of memory. */
static int keep_refused(struct process_result *result, const char *address,
                        const struct reply *reply, char **why)
{
    struct refused_recipient *grown =
        reallocarray(result->refused, result->refused_count + 1, sizeof *grown);
    if (!grown) {
        return -1;
    }
    result->refused = grown;
    struct refused_recipient *refused = &grown[result->refused_count++];
    *refused = (struct refused_recipient){.address = strdup(address), .why = *why};
    *why = NULL;
    reply_set(&refused->reply, reply->code, reply->enhanced, reply->english, reply->german);
    return refused->address ? 0 : -1;
}

/* As at RCPT: a refused recipient is kept apart, the rest goes on. Returns 0, -1 told. */
static int add_recipient(struct gateway *gateway, const struct envelope *envelope,
                         const char *canonical, struct process_result *result)
{
    struct transaction *transaction = &result->transaction;
    struct reply reply = {0};
    char *why = NULL;
    int rc = 0;
    if (transaction->recipient_count >= (size_t)gateway->config->settings.max_recipients) {
        reply_set(&reply, 452, "4.5.3", "Too many recipients in one message.",
                  "Zu viele Empfaenger in einer Nachricht.");
        why_set(&why, "more than max_recipients");
        rc = keep_refused(result, canonical, &reply, &why);
    } else if (transaction_add_recipient(transaction, canonical, canonical)) {
        rc = -1;
    } else if (flow_recipient(gateway, transaction, envelope->now, &reply, &why)) {
        transaction_remove_last_recipient(transaction);
        rc = keep_refused(result, canonical, &reply, &why);
    }
    if (rc) {
        tell_error("out of memory");
    }
    reply_clear(&reply);
    why_free(&why);
    return rc;
}

static int add_recipients(struct gateway *gateway, const struct envelope *envelope,
                          struct process_result *result)
{
    for (size_t i = 0; i < envelope->to->count; i++) {
        char *canonical = canonical_argument(envelope->to->items[i]);
        int rc = canonical ? add_recipient(gateway, envelope, canonical, result) : -1;
        free(canonical);
        if (rc) {
            return -1;
        }
    }
    if (result->transaction.recipient_count == 0) {
        const struct reply *reply = &result->refused[result->refused_count - 1].reply;
        reply_set(&result->reply, reply->code, reply->enhanced, reply->english, reply->german);
        why_set(&result->cause, "no recipient was accepted");
    }
    return 0;
}

/* The message; result->reply is set where it cannot be taken. */
static void read_message(struct gateway *gateway, int descriptor, struct process_result *result,
                         enum line_ends *ends_out)
{
    struct smime_limits limits;
    gateway_limits(gateway, &limits);
    switch (message_read(descriptor, &gateway->spool, &limits, &result->transaction.message,
                         ends_out, &result->cause)) {
    case MESSAGE_OK:
        break;
    case MESSAGE_TOO_LARGE:
        reply_set(&result->reply, 552, "5.3.4", "The message is too large.",
                  "Die Nachricht ist zu gross.");
        break;
    case MESSAGE_ERROR: /* the disk, most likely: the daemon would have it tried again */
        reply_defer(&result->reply);
        break;
    }
}

/* As the daemon does it, step by step, until something replies. */
int process_run(struct gateway *gateway, const struct envelope *envelope, int descriptor,
                struct process_result *result, enum line_ends *ends_out)
{
    const struct smime_progress nobody = {0};
    if (set_sender(gateway, envelope, &result->transaction)) {
        return -1;
    }
    if (flow_sender(gateway, &result->transaction, &result->reply, &result->cause)) {
        return 0;
    }
    if (add_recipients(gateway, envelope, result)) {
        return -1;
    }
    if (result->reply.code) {
        return 0;
    }
    read_message(gateway, descriptor, result, ends_out);
    if (result->reply.code) {
        return 0;
    }
    flow_message(gateway, &result->transaction, envelope->now, &nobody, &result->outcome);
    result->outcome_set = true;
    return 0;
}

void process_result_clear(struct process_result *result)
{
    for (size_t i = 0; i < result->refused_count; i++) {
        free(result->refused[i].address);
        free(result->refused[i].why);
        reply_clear(&result->refused[i].reply);
    }
    free(result->refused);
    if (result->outcome_set) {
        outcome_clear(&result->outcome);
    }
    transaction_clear(&result->transaction);
    free(result->transaction.login);
    reply_clear(&result->reply);
    why_free(&result->cause);
}
