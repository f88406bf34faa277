/* What Postfix does when smimed cannot be asked, and what the two tell each other. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "restrictions.h"

#define CONTENT_TIMEOUT_MARGIN_S 15 /* beyond work_timeout_s, for handing the message back */
#define LOGIN "auth_authen"
#define MILTER_PROTOCOL 6 /* the first with leading blanks of header fields */

static void check_default_action(struct setup *setup, const char *about,
                                 const struct listener *listener, const char *value)
{
    if (!strcmp(value, "tempfail")) {
        return;
    }
    char *sentence = text_of("milter_default_action is %s", value);
    if (!strcmp(value, "accept")) {
        setup_wrong(setup, "default-action", about, sentence,
                    "As soon as smimed stops, mail that a rule wants encrypted goes out in the "
                    "clear, and a message that was replaced by half is delivered as it was.");
    } else {
        setup_wrong(setup, "default-action", about, sentence,
                    "When smimed cannot be asked, mail should wait (tempfail) until it can, and "
                    "not be refused or set aside.");
    }
    if (listener) {
        setup_change_service(setup, listener, "milter_default_action", "tempfail");
    } else {
        setup_change_main(setup, "milter_default_action", "tempfail");
    }
}

static void check_default_actions(struct setup *setup)
{
    check_default_action(setup, "milter_default_action", NULL,
                         postfix_main(setup->postfix, "milter_default_action"));
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        const char *value =
            postfix_override(setup->postfix, listener->service, "milter_default_action");
        if (value && listener->kind != LISTENER_RETURN) {
            check_default_action(setup, listener->label, listener, value);
        }
    }
}

static void check_protocol(struct setup *setup)
{
    const char *value = postfix_main(setup->postfix, "milter_protocol");
    if (postfix_number(value) < MILTER_PROTOCOL) {
        setup_wrong(setup, "protocol", "milter_protocol", text_of("milter_protocol is %s", value),
                    "smimed needs version 6, which hands over the leading blanks of header "
                    "fields: signatures cover them. With an older one it refuses to serve.");
        setup_change_main(setup, "milter_protocol", "6");
    }
}

static void check_timeout(struct setup *setup)
{
    const char *value = postfix_main(setup->postfix, "milter_content_timeout");
    int work = setup->context->config->settings.work_timeout_s;
    if (postfix_seconds(value) < work + CONTENT_TIMEOUT_MARGIN_S) {
        setup_wrong(setup, "timeout", "milter_content_timeout",
                    text_of("Postfix waits %s for the end of a message, smimed works up to %d s",
                            value, work),
                    "Postfix gives up on a message that smimed is still working on, every time it "
                    "is tried.");
        setup_change_main(setup, "milter_content_timeout", "300s");
    }
}

/* smimed names the macros that it needs, and Postfix then sends these; milter_*_macros do not
 * matter. What must not be is a macro that has a value where the client gave none. */
static void check_macros(struct setup *setup)
{
    const char *defaults = postfix_main(setup->postfix, "milter_macro_defaults");
    const char *word;
    size_t length;
    while ((length = restrictions_next(&defaults, &word)) > 0) {
        if (memmem(word, length, LOGIN "=", strlen(LOGIN "=")) ||
            memmem(word, length, LOGIN "}=", strlen(LOGIN "}="))) {
            setup_wrong(setup, "macro", "milter_macro_defaults",
                        text_of("milter_macro_defaults gives {" LOGIN "} a value"),
                        "smimed takes every client that did not log in for that login, and signs "
                        "for it.");
        }
    }
}

void setup_check_failing(struct setup *setup)
{
    check_default_actions(setup);
    check_protocol(setup);
    check_timeout(setup);
    check_macros(setup);
}
