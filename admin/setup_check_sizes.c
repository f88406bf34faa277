/* Signing and encrypting codes a message in Base64 twice, so the limits go together (DESIGN section
 * 7). */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

#define MAX_GROWTH 1.9
#define MESSAGE_LIMIT "message_size_limit"

static const char limit_why[] =
    "smimed cannot refuse in time what Postfix would not send on once it has grown: all the work "
    "is "
    "done before the sender learns of it. Say the same message_size_limit in smimed.conf.";

static long long limit_of(const char *value)
{
    long long limit = postfix_number(value);
    return limit < 0 ? 0 : limit; /* 0: none */
}

static void check_users(struct setup *setup, long long limit)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        long long own = limit_of(postfix_value(setup->postfix, listener->service, MESSAGE_LIMIT));
        if (listener->kind == LISTENER_SUBMISSION && limit > 0 &&
            (own == 0 || (double)own * MAX_GROWTH > (double)limit * 1.001)) {
            setup_advice(setup, "size", listener->label,
                         text_of("users are told that %lld bytes are taken, of which signed and "
                                 "encrypted up to %.0f are made",
                                 own ? own : limit, (double)(own ? own : limit) * MAX_GROWTH),
                         "What is taken and then grows past message_size_limit is refused at its "
                         "end. Let the listener announce message_size_limit / 1.9.");
        }
    }
}

static void check_mailboxes(struct setup *setup, long long limit)
{
    static const char *const names[] = {"mailbox_size_limit", "virtual_mailbox_limit"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        long long mailbox = limit_of(postfix_main(setup->postfix, names[i]));
        if (mailbox > 0 && (limit == 0 || mailbox < limit)) {
            setup_wrong(setup, "size", names[i],
                        text_of("%s (%lld) is smaller than message_size_limit", names[i], mailbox),
                        "Postfix's delivery agents do not start then, and no mail is delivered to "
                        "mailboxes. 0 is no limit.");
        }
    }
}

void setup_check_sizes(struct setup *setup)
{
    const struct settings *settings = &setup->context->config->settings;
    long long limit = limit_of(postfix_main(setup->postfix, MESSAGE_LIMIT));
    if (settings->message_size_limit == 0 && limit > 0) {
        setup_advice(setup, "size", MESSAGE_LIMIT,
                     text_of("smimed.conf does not say that Postfix takes %lld bytes", limit),
                     limit_why);
    } else if (settings->message_size_limit != limit) {
        setup_wrong(setup, "size", MESSAGE_LIMIT,
                    text_of("message_size_limit is %lld in Postfix and %lld in smimed.conf", limit,
                            settings->message_size_limit),
                    limit_why);
    }
    if (limit == 0 || limit > settings->max_message_bytes) {
        setup_advice(setup, "size", MESSAGE_LIMIT,
                     text_of("Postfix takes messages larger than max_message_bytes (%lld) of "
                             "smimed.conf",
                             settings->max_message_bytes),
                     "smimed refuses them (552 5.3.4) once they are transmitted.");
    }
    check_mailboxes(setup, limit);
    check_users(setup, limit);
}
