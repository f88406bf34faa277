/* Where a rule forces encryption of the message, its envelope and header still travel in the clear
 * unless the connection is encrypted; and where a rule demands TLS, smimed sees only how mail comes
 * in. How it goes on is the MTA's policy. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "restrictions.h"

#define MAX_DOMAINS 50 /* for which a suggestion is made */
#define POSTMAP_TIMEOUT_S 10

static bool level_encrypts(const char *level)
{
    static const char *const levels[] = {"encrypt", "fingerprint", "verify", "secure", "dane-only"};
    size_t length = strcspn(level, " \t\n");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (length == strlen(levels[i]) && !strncmp(level, levels[i], length)) {
            return true;
        }
    }
    return false;
}

/* What the maps say of a domain or its parents: does it demand TLS? Maps that cannot be read say
 * nothing. */
static bool policy_encrypts(const struct setup *setup, const char *domain)
{
    const char *maps = postfix_main(setup->postfix, "smtp_tls_policy_maps"), *word;
    const char *directory = postfix_directory(setup->postfix);
    bool encrypts = false;
    size_t length;
    while (!encrypts && (length = restrictions_next(&maps, &word)) > 0) {
        char *map = strndup(word, length);
        for (const char *key = domain; map && key && !encrypts; key = strchr(key + 1, '.')) {
            const char *const arguments[] = {"postmap", "-c", directory, "-q", key, map, NULL};
            struct text_file answer = {0};
            if (program_run(arguments, POSTMAP_TIMEOUT_S, &answer, NULL) == 0) {
                encrypts = level_encrypts(answer.text);
                text_file_clear(&answer);
                break;
            }
        }
        free(map);
    }
    return encrypts;
}

/* The domain that mail for a pattern goes to, NULL for all. */
static const char *pattern_domain(const struct pattern *pattern)
{
    const char *at = pattern->kind == PATTERN_ALL ? NULL : strrchr(pattern->text, '@');
    if (pattern->kind == PATTERN_ALL) {
        return NULL;
    }
    return at ? at + 1 : pattern->text;
}

static bool forces_encryption(const struct rule *rule)
{
    return rule->outgoing == OUTGOING_ENCRYPT_FORCED;
}

static bool matters(const struct rule *rule)
{
    return forces_encryption(rule) || rule->require_tls == TLS_REQUIRED;
}

static void suggest(struct setup *setup, const struct rule *rule, const struct pattern *pattern)
{
    const char *domain = pattern_domain(pattern);
    const char *what = forces_encryption(rule) ? "forces encryption" : "demands TLS";
    if (!domain) {
        setup_advice(setup, "tls", "smtp_tls_security_level",
                     text_of("the rule at %s:%u %s for all recipients; "
                             "smtp_tls_security_level is \"%s\"",
                             rule->file, rule->line, what,
                             postfix_main(setup->postfix, "smtp_tls_security_level")),
                     "S/MIME hides the text, not who writes to whom about what: envelope and "
                     "header travel in the clear. At least \"may\" uses TLS where it is offered.");
    } else if (!policy_encrypts(setup, domain)) {
        setup_advice(setup, "tls", domain,
                     text_of("the rule at %s:%u %s; a line for smtp_tls_policy_maps "
                             "would be: %s encrypt",
                             rule->file, rule->line, what, domain),
                     forces_encryption(rule)
                         ? "S/MIME hides the text, not who writes to whom about what: without TLS "
                           "envelope and header travel in the clear."
                         : "smimed sees by which connection mail comes in, not by which it goes "
                           "on: that is the mail server's policy.");
    }
}

void setup_check_tls(struct setup *setup)
{
    const struct rule_list *rules = &setup->context->config->rules;
    const char *level = postfix_main(setup->postfix, "smtp_tls_security_level");
    size_t asked = 0;
    bool offered = !strcmp(level, "may") || !strcmp(level, "dane");
    if (level_encrypts(level)) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        for (size_t k = 0; matters(rule) && k < rule->external_count; k++) {
            const struct pattern *pattern = &rule->external[k];
            if (asked < MAX_DOMAINS && !(offered && pattern->kind == PATTERN_ALL)) {
                asked++;
                suggest(setup, rule, pattern);
            }
        }
    }
}
