/* Configuration texts: any bytes. Either a configuration or at least one mistake, each a line of
 * printable text with a place. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 forgets the string that it has just read when the next token is a syntax error.
 * That is not ours to free; leaks of ours still end the run. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void check_config(const struct config *config)
{
    const struct settings *settings = &config->settings;

    demand(settings->managed_domains.count > 0);
    demand(settings->max_chain >= 1 && settings->max_chain <= 100);
    demand(settings->max_message_bytes >= 64 * 1024);
    for (size_t i = 0; i < settings->socket_count; i++)
        demand(settings->sockets[i].address != NULL && settings->sockets[i].mode <= 0777);
    for (size_t i = 0; i < settings->sender_login_count; i++)
        demand(settings->sender_logins[i].login && settings->sender_logins[i].addresses.count > 0);
    for (size_t i = 0; i < config->rules.count; i++) {
        const struct rule *rule = &config->rules.items[i];

        demand(rule->managed_count > 0 && rule->external_count > 0);
        demand(rule->line > 0 && strcmp(rule->file, "fuzz") == 0);
    }
    rules_incoming(&config->rules, "alice@example.com", "bob@partner.test", "+");
    rules_outgoing(&config->rules, "alice@example.com", "bob@partner.test", "+", true);
}

static void check_problems(const struct problems *problems)
{
    demand(problems->count > 0 && !problems->incomplete);
    for (size_t i = 0; i < problems->count; i++) {
        char *text = problem_text(&problems->items[i]);

        demand(text && strncmp(text, "fuzz:", 5) == 0);
        for (const char *p = text; *p != '\0'; p++)
            demand((unsigned char)*p >= 0x20);
        free(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    struct config *config = config_parse("fuzz", (const char *)data, size, &problems);

    if (config)
        check_config(config);
    else
        check_problems(&problems);
    config_free(&config);
    problems_clear(&problems);
    return 0;
}
