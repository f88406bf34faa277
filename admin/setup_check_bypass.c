/* Ways past smimed: listeners and settings that keep it from seeing a message, and content filters
 * that hand it back. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "restrictions.h"

#define NO_MILTERS "no_milters"

static const char past_all_rules[] =
    "What comes by here is neither decrypted nor signed nor encrypted, whatever the rules say.";

/* A listener that should have milters, and does not use them. */
static void check_unused(struct setup *setup, const struct listener *listener)
{
    const struct postfix *postfix = setup->postfix;
    const char *options = postfix_value(postfix, listener->service, "receive_override_options");
    if (restrictions_have(options, NO_MILTERS)) {
        setup_wrong(setup, "no-milters", listener->label,
                    text_of("receive_override_options = %s switches milters off here", options),
                    past_all_rules);
    }
    const char *proxy = postfix_value(postfix, listener->service, "smtpd_proxy_filter");
    if (*proxy) {
        setup_wrong(setup, "proxy-filter", listener->label,
                    text_of("smtpd_proxy_filter = %s: milters do not see the message then", proxy),
                    "With a filter before the queue Postfix shows milters the envelope only "
                    "(MILTER_README): smimed defers or lets pass what it should work on. Let the "
                    "filter be a milter or a content_filter.");
    }
    const char *maps = postfix_value(postfix, listener->service, "smtpd_milter_maps");
    if (*maps) {
        setup_advice(
            setup, "milter-maps", listener->label,
            text_of("smtpd_milter_maps = %s replaces smtpd_milters for some clients", maps),
            past_all_rules);
    }
}

static bool is_loopback(const char *name)
{
    return !strncmp(name, "127.0.0.1:", 10) || !strncmp(name, "localhost:", 10) ||
           !strncmp(name, "[::1]:", 6) || !strncmp(name, "::1:", 4);
}

/* Where mail comes in past smimed, nobody but a filter may come in. */
static void check_return(struct setup *setup, const struct listener *listener)
{
    if (!strcmp(listener->service->type, "inet") && !is_loopback(listener->service->name)) {
        setup_wrong(setup, "open-bypass", listener->label,
                    text_of("a listener without milters that is not on loopback"),
                    "Whoever reaches it sends past all rules, encrypt-forced too, and hands in "
                    "mail that looks verified.");
    }
}

/* A content filter hands mail back by SMTP: by a listener without milters and without the filter.
 */
static void check_filter(struct setup *setup)
{
    const char *filter = postfix_main(setup->postfix, "content_filter");
    bool returns = false;
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        const char *own = postfix_override(setup->postfix, listener->service, "content_filter");
        if (!own || *own) {
            continue;
        }
        if (listener->kind == LISTENER_RETURN) {
            returns = true;
        } else if (!listener_takes_copies(listener)) {
            setup_wrong(setup, "twice", listener->label,
                        text_of("here a content filter hands mail back, and smimed is asked again"),
                        "Judged as mail of a stranger, what was signed and encrypted gets a "
                        "verdict and loses our marks. Give this listener: -o smtpd_milters= -o "
                        "receive_override_options=no_milters,no_address_mappings");
        }
    }
    if (*filter && !returns) {
        setup_advice(setup, "content-filter", "content_filter",
                     text_of("no listener without milters takes back what %s has seen", filter),
                     "The filter stands behind smimed and sees the clear text of incoming mail. "
                     "Where it hands mail back by SMTP, milters must be off, or smimed works on "
                     "its own results.");
    }
}

void setup_check_bypass(struct setup *setup)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        if (listener->kind == LISTENER_RETURN) {
            check_return(setup, listener);
        } else if (!listener_takes_copies(listener)) {
            check_unused(setup, listener);
        }
    }
    const char *options = postfix_main(setup->postfix, "receive_override_options");
    if (restrictions_have(options, NO_MILTERS)) {
        setup_wrong(setup, "no-milters", "receive_override_options",
                    text_of("main.cf switches milters off for everything (%s)", options),
                    past_all_rules);
    }
    check_filter(setup);
}
