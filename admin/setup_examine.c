/* All topics in their order, and what they have in common. */
#include "setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

char *text_of(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    return text;
}

static void add_finding(struct setup *setup, bool wrong, const char *kind, const char *about,
                        char *sentence, const char *why)
{
    if (!sentence || setup_findings_add(setup->findings, wrong, kind, about, sentence, why)) {
        setup->failed = true;
    }
    free(sentence);
}

void setup_wrong(struct setup *setup, const char *kind, const char *about, char *sentence,
                 const char *why)
{
    add_finding(setup, true, kind, about, sentence, why);
}

void setup_advice(struct setup *setup, const char *kind, const char *about, char *sentence,
                  const char *why)
{
    add_finding(setup, false, kind, about, sentence, why);
}

void setup_change_main(struct setup *setup, const char *name, const char *value)
{
    if (changes_add(&setup->changes, NULL, name, value, postfix_main(setup->postfix, name))) {
        setup->failed = true;
    }
}

void setup_change_service(struct setup *setup, const struct listener *listener, const char *name,
                          const char *value)
{
    if (changes_add(&setup->changes, listener->label, name, value,
                    postfix_value(setup->postfix, listener->service, name))) {
        setup->failed = true;
    }
}

const char *setup_socket(const struct setup *setup, enum role role)
{
    const struct settings *settings = &setup->context->config->settings;
    for (size_t i = 0; i < settings->socket_count; i++) {
        if (settings->sockets[i].role == role) {
            return settings->sockets[i].address;
        }
    }
    return NULL;
}

int setup_examine(struct setup *setup)
{
    setup->findings = setup_findings_new();
    if (!setup->findings || listeners_find(setup->postfix, &setup->listeners)) {
        tell_error("out of memory");
        return -1;
    }
    setup_mark_copies(setup);
    setup_check_milters(setup);
    setup_check_access(setup);
    setup_check_copies(setup);
    setup_check_failing(setup);
    setup_check_senders(setup);
    setup_check_bypass(setup);
    setup_check_mappings(setup);
    setup_check_sizes(setup);
    setup_check_tls(setup);
    if (setup->failed) {
        tell_error("out of memory");
    }
    return setup->failed ? -1 : 0;
}

void setup_clear(struct setup *setup)
{
    setup_findings_free(&setup->findings);
    changes_clear(&setup->changes);
    listeners_clear(&setup->listeners);
}
