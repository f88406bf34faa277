/* Finding a recipient's public key, in the store and in directories. */
#include "recipient_key.h"

#include <stdlib.h>
#include <string.h>

#include "directory.h"
#include "profile_policy.h"
#include "usable_key.h"
#include "why.h"

#define MS_PER_S 1000L

/* Milliseconds that are left for look-ups of this message, never more than all its work may take.
 */
static long time_left_ms(const struct gateway *gateway, const struct transaction *transaction)
{
    const struct settings *settings = &gateway->config->settings;
    long most = settings->directory_timeout_ms;
    if (most > settings->work_timeout_s * MS_PER_S)
        most = settings->work_timeout_s * MS_PER_S;
    return most > transaction->lookup_ms ? most - transaction->lookup_ms : 0;
}

/* Keep what was said for the log, each once. Returns 0, -1 out of memory. */
static int note(struct transaction *transaction, const char *address,
                const struct directory_report *report)
{
    char *sentence;
    char *all = NULL;
    int length;
    if (report->status == DIRECTORY_NEEDLESS ||
        (report->remembered && report->status != DIRECTORY_UNAVAILABLE))
        return 0;
    if (report->remembered && transaction->lookups != NULL &&
        strstr(transaction->lookups, address) != NULL)
        return 0;
    sentence = directory_sentence(address, report);
    if (sentence == NULL)
        return -1;
    length = transaction->lookups != NULL ? asprintf(&all, "%s; %s", transaction->lookups, sentence)
                                          : asprintf(&all, "%s", sentence);
    free(sentence);
    if (length < 0)
        return -1;
    free(transaction->lookups);
    transaction->lookups = all;
    return 0;
}

static enum directory_status look_up(struct gateway *gateway, struct transaction *transaction,
                                     const struct recipient *recipient, bool another, time_t now,
                                     char **why)
{
    struct directory_report report = {0};
    const struct directory_request request = {
        .settings = &gateway->config->settings,
        .store = gateway->store,
        .address = recipient->canonical,
        .written = recipient->text,
        .another = another,
        .now = now,
        .timeout_ms = time_left_ms(gateway, transaction),
    };
    enum directory_status status = directory_lookup(&request, &report, why);
    transaction->lookup_ms += report.elapsed_ms;
    if (status != DIRECTORY_ERROR && note(transaction, recipient->canonical, &report) != 0) {
        why_set(why, "out of memory");
        status = DIRECTORY_ERROR;
    }
    directory_report_clear(&report);
    return status;
}

/* Never the weaker outcome because of a directory that fails, unless that is what was asked for. */
static bool must_wait(const struct gateway *gateway, const struct recipient *recipient)
{
    return recipient->decision.mode == OUTGOING_ENCRYPT_FORCED ||
           gateway->config->settings.directory_unavailable == DIRECTORY_DEFER;
}

/* Look up, where somebody is to be asked. */
static enum directory_status ask(struct gateway *gateway, struct transaction *transaction,
                                 const struct recipient *recipient, bool another, time_t now,
                                 const struct smime_progress *progress, char **why)
{
    if (!directory_applies(&gateway->config->settings, recipient->canonical))
        return DIRECTORY_NEEDLESS;
    if (progress != NULL && progress->tick != NULL && progress->tick(progress->context) != 0) {
        why_set(why, "the time for this message is up, or the MTA has gone");
        return DIRECTORY_ERROR;
    }
    return look_up(gateway, transaction, recipient, another, now, why);
}

static bool cannot_be_used(enum usable_key usable)
{
    return usable == USABLE_KEY_NONE || usable == USABLE_KEY_UNTRUSTED ||
           usable == USABLE_KEY_UNFIT;
}

enum recipient_key recipient_key_find(struct gateway *gateway, struct transaction *transaction,
                                      const struct recipient *recipient, bool may_ask, time_t now,
                                      struct revocation_inquiry *inquiry,
                                      const struct smime_progress *progress, X509 **out,
                                      struct encryption_choice *choice_out, char **why)
{
    enum directory_status status = DIRECTORY_NEEDLESS;
    struct encryption_policy policy;
    enum usable_key usable = USABLE_KEY_NONE;
    profile_encryption_policy(profile_decided(&gateway->config->settings, &recipient->decision),
                              &policy);
    /* Once more where what was known turned out revoked, is not to be trusted, or does not fit:
     * then there is something to ask. */
    for (int i = 0; i < 2 && cannot_be_used(usable) && status == DIRECTORY_NEEDLESS; i++) {
        if (may_ask)
            status =
                ask(gateway, transaction, recipient, usable != USABLE_KEY_NONE, now, progress, why);
        if (status == DIRECTORY_ERROR)
            return RECIPIENT_KEY_ERROR;
        if (usable != USABLE_KEY_NONE && status == DIRECTORY_NEEDLESS)
            break;
        usable = usable_key_find(gateway->store, inquiry, recipient->canonical, &policy, now, out,
                                 choice_out, why);
    }
    if (cannot_be_used(usable) && status == DIRECTORY_UNAVAILABLE && must_wait(gateway, recipient))
        return RECIPIENT_KEY_LATER;
    switch (usable) {
    case USABLE_KEY_FOUND:
        return RECIPIENT_KEY_KNOWN;
    case USABLE_KEY_UNTRUSTED:
        return RECIPIENT_KEY_UNTRUSTED;
    case USABLE_KEY_UNFIT:
        return RECIPIENT_KEY_UNFIT;
    case USABLE_KEY_LATER:
    case USABLE_KEY_ERROR:
        return RECIPIENT_KEY_ERROR;
    case USABLE_KEY_NONE:
        break;
    }
    return RECIPIENT_KEY_NONE;
}
