/* sender_logins = "mta" states that Postfix lets each client use its own sender addresses only. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "restrictions.h"

#define MISMATCH "reject_sender_login_mismatch"
#define MISMATCH_OF_LOGINS "reject_authenticated_sender_login_mismatch"
#define MISMATCH_OF_OTHERS "reject_unauthenticated_sender_login_mismatch"

/* Lists that smtpd goes through for a client or a sender. */
static const char *const restriction_lists[] = {
    "smtpd_client_restrictions", "smtpd_helo_restrictions",      "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",  "smtpd_recipient_restrictions", "smtpd_data_restrictions",
};
#define LIST_COUNT (sizeof restriction_lists / sizeof *restriction_lists)

/* Is `wanted` in the list before anything that permits? */
static bool is_reached(const char *list, const char *wanted)
{
    const char *word;
    size_t length;
    while ((length = restrictions_next(&list, &word)) > 0) {
        if (length == strlen(wanted) && !strncmp(word, wanted, length)) {
            return true;
        }
        if (restriction_permits(word, length)) {
            return false;
        }
    }
    return false;
}

/* Does the list let nobody through but those who log in? */
static bool demands_login(const char *list)
{
    const char *word;
    size_t length;
    while ((length = restrictions_next(&list, &word)) > 0) {
        if ((length == strlen("reject") && !strncmp(word, "reject", length)) ||
            (length == strlen("defer") && !strncmp(word, "defer", length))) {
            return true;
        }
        if (restriction_permits(word, length) &&
            (length != strlen("permit_sasl_authenticated") ||
             strncmp(word, "permit_sasl_authenticated", length) != 0)) {
            return false;
        }
    }
    return false;
}

struct enforcement {
    bool logins;   /* a login uses its own addresses */
    bool others;   /* who did not log in uses no address that has an owner, or does not get in */
    bool shadowed; /* a mismatch is asked for, but behind something that permits */
};

static struct enforcement enforcement_of(const struct setup *setup, const struct listener *listener)
{
    struct enforcement found = {0};
    for (size_t i = 0; i < LIST_COUNT; i++) {
        const char *list = postfix_value(setup->postfix, listener->service, restriction_lists[i]);
        bool both = is_reached(list, MISMATCH);
        found.logins = found.logins || both || is_reached(list, MISMATCH_OF_LOGINS);
        found.others =
            found.others || both || is_reached(list, MISMATCH_OF_OTHERS) || demands_login(list);
        found.shadowed = found.shadowed || restrictions_have(list, MISMATCH) ||
                         restrictions_have(list, MISMATCH_OF_LOGINS);
    }
    return found;
}

static const char every_user[] =
    "smimed.conf says sender_logins = \"mta\": smimed believes the envelope sender, so every "
    "user can have mail signed as every other one.";

static void check_claimed(struct setup *setup, const struct listener *listener)
{
    const struct enforcement found = enforcement_of(setup, listener);
    const char *maps = postfix_value(setup->postfix, listener->service, "smtpd_sender_login_maps");
    if (!*maps) {
        setup_wrong(setup, "sender-logins", listener->label,
                    text_of("smtpd_sender_login_maps is empty: Postfix does not know who owns "
                            "which address"),
                    every_user);
    } else if (!found.logins && found.shadowed) {
        setup_wrong(setup, "sender-logins", listener->label,
                    text_of(MISMATCH " stands behind something that permits, and is never reached"),
                    every_user);
    } else if (!found.logins) {
        setup_wrong(setup, "sender-logins", listener->label,
                    text_of("smtpd_sender_restrictions lacks " MISMATCH), every_user);
    } else if (!found.others) {
        setup_wrong(setup, "sender-logins", listener->label,
                    text_of("clients get in without a login, and may use any address"),
                    "smimed.conf says sender_logins = \"mta\": smimed believes the envelope "
                    "sender, so such clients have mail signed as every user. " MISMATCH
                    " is for them, too.");
    }
}

static void check_could_claim(struct setup *setup, const struct listener *listener)
{
    const struct settings *settings = &setup->context->config->settings;
    const struct enforcement found = enforcement_of(setup, listener);
    const char *maps = postfix_value(setup->postfix, listener->service, "smtpd_sender_login_maps");
    if (*maps && found.logins && found.others && settings->sender_login_count == 0) {
        setup_advice(setup, "sender-logins", listener->label,
                     text_of("Postfix enforces here who uses which sender address"),
                     "smimed.conf could say sender_logins = \"mta\", if all listeners for users "
                     "do. Without it a login signs as the address of the same name only.");
    }
}

void setup_check_senders(struct setup *setup)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        bool login = postfix_is_yes(
            postfix_value(setup->postfix, listener->service, "smtpd_sasl_auth_enable"));
        if (listener->kind == LISTENER_INBOUND && login) {
            setup_advice(setup, "login", listener->label,
                         text_of("users can log in at the listener for strangers"),
                         "What they send there is judged as mail of strangers: neither signed nor "
                         "encrypted. Offer them the submission port, and no login here.");
        }
        if (listener->kind == LISTENER_SUBMISSION &&
            setup->context->config->settings.sender_logins_mta) {
            check_claimed(setup, listener);
        } else if (listener->kind == LISTENER_SUBMISSION) {
            check_could_claim(setup, listener);
        }
    }
}
