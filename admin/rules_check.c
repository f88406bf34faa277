/* smimectl rules check: rules and patterns that never decide. */
#include "rules_check.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "shadow.h"
#include "tell.h"

static const char *const direction_names[] = {[RULE_INCOMING] = "incoming",
                                              [RULE_OUTGOING] = "outgoing",
                                              [RULE_TLS] = "tls",
                                              [RULE_PROFILE] = "profile"};
static const char *const subject_names[] = {[RULE_INCOMING] = "incoming mail",
                                            [RULE_OUTGOING] = "outgoing mail",
                                            [RULE_TLS] = "whether TLS is required",
                                            [RULE_PROFILE] = "the profile"};

/* "rule 2", "rules 1, 2 and 5": a new string, NULL when out of memory. */
static char *rules_named(const struct shadow *shadow)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        return NULL;
    }
    fputs(shadow->count == 1 ? "rule" : "rules", out);
    for (size_t i = 0; i < shadow->count; i++) {
        const char *between = i == 0 ? " " : i + 1 < shadow->count ? ", " : " and ";
        fprintf(out, "%s%zu", between, shadow->positions[i]);
    }
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- whole rules ---- */

/* Returns 1 when the rule never decides in this direction, 0, -1 out of memory. */
static int check_direction(const struct config *config, size_t index, enum rule_direction direction,
                           struct findings *findings)
{
    const struct rule *rule = &config->rules.items[index];
    struct pattern_list managed = rule_managed(rule), external = rule_external(rule);
    struct shadow shadow;
    if (rule_is_undefined(rule, direction)) {
        return 1;
    }
    int found = shadow_find(&config->rules, index, direction, &managed, &external,
                            &config->settings, &shadow);
    if (found == 1) {
        char *by = rules_named(&shadow), *sentence = NULL;
        if (!by ||
            asprintf(&sentence, "never decides %s: %s above it %s for all of it",
                     subject_names[direction], by, shadow.count == 1 ? "decides" : "decide") < 0) {
            sentence = NULL;
        }
        findings_add(findings, (struct finding){.position = index + 1,
                                                .kind = "never-decides",
                                                .direction = direction_names[direction],
                                                .sentence = sentence});
        free(by);
    }
    shadow_clear(&shadow);
    return found;
}

/* ---- single patterns ---- */

/* Do rules above decide, in every direction that the rule has, for all that `pattern` names? As
 * shadow_find(). */
static int is_shadowed(const struct config *config, size_t index,
                       const struct pattern_list *managed, const struct pattern_list *external,
                       struct shadow *out)
{
    const struct rule *rule = &config->rules.items[index];
    int found = 1;
    *out = (struct shadow){0};
    for (int direction = RULE_INCOMING; found == 1 && direction <= RULE_PROFILE; direction++) {
        if (rule_is_undefined(rule, (enum rule_direction)direction)) {
            continue;
        }
        shadow_clear(out);
        found = shadow_find(&config->rules, index, (enum rule_direction)direction, managed,
                            external, &config->settings, out);
    }
    return found;
}

static int check_pattern(const struct config *config, size_t index, struct pattern *pattern,
                         bool is_managed, struct findings *findings)
{
    const struct rule *rule = &config->rules.items[index];
    struct pattern_list managed = rule_managed(rule), external = rule_external(rule);
    struct pattern_list *side = is_managed ? &managed : &external;
    struct shadow shadow;
    *side = (struct pattern_list){pattern, 1};
    int found = is_shadowed(config, index, &managed, &external, &shadow);
    if (found == 1) {
        char *by = rules_named(&shadow), *sentence = NULL;
        const char *text = pattern->kind == PATTERN_ALL ? "*" : pattern->text;
        if (!by || asprintf(&sentence,
                            "the %s pattern never matters here: %s above it %s for all that it "
                            "names",
                            is_managed ? "managed" : "external", by,
                            shadow.count == 1 ? "decides" : "decide") < 0) {
            sentence = NULL;
        }
        findings_add(findings, (struct finding){.position = index + 1,
                                                .kind = "pattern-never-decides",
                                                .subject = text,
                                                .sentence = sentence});
        free(by);
    }
    shadow_clear(&shadow);
    return found < 0 ? -1 : 0;
}

/* A rule that decides may have patterns that do not. */
static int check_patterns(const struct config *config, size_t index, struct findings *findings)
{
    const struct rule *rule = &config->rules.items[index];
    int rc = 0;
    for (size_t i = 0; rc == 0 && rule->managed_count > 1 && i < rule->managed_count; i++) {
        rc = check_pattern(config, index, &rule->managed[i], true, findings);
    }
    for (size_t i = 0; rc == 0 && rule->external_count > 1 && i < rule->external_count; i++) {
        rc = check_pattern(config, index, &rule->external[i], false, findings);
    }
    return rc;
}

static int check_rule(const struct config *config, size_t index, struct findings *findings)
{
    const struct rule *rule = &config->rules.items[index];
    if (rule_is_undefined(rule, RULE_OUTGOING) && rule->choice != CHOICE_UNDEFINED) {
        findings_add(findings,
                     (struct finding){.position = index + 1,
                                      .kind = "choice-without-mode",
                                      .direction = direction_names[RULE_OUTGOING],
                                      .sentence = strdup("says what a sender may choose, but "
                                                         "leaves outgoing mail undefined, so it "
                                                         "means nothing")});
    }
    bool says_something = false;
    for (int d = RULE_INCOMING; d <= RULE_PROFILE; d++) {
        says_something = says_something || !rule_is_undefined(rule, (enum rule_direction)d);
    }
    if (!says_something) {
        findings_add(findings,
                     (struct finding){.position = index + 1,
                                      .kind = "decides-nothing",
                                      .sentence = strdup("leaves both directions undefined")});
        return 0;
    }
    bool never = true;
    for (int d = RULE_INCOMING; d <= RULE_PROFILE; d++) {
        int found = check_direction(config, index, (enum rule_direction)d, findings);
        if (found < 0) {
            return -1;
        }
        never = never && found;
    }
    return never ? 0 : check_patterns(config, index, findings);
}

/* ---- the alias map ---- */

/* All of `in`, NULL told. */
static char *read_stream(FILE *in, const char *name, size_t *length_out)
{
    char *text = NULL;
    size_t room = 0, length = 0, got;
    do {
        if (length == room) {
            room = room ? 2 * room : BUFSIZ;
            char *grown = room <= 2 * ALIAS_MAP_MAX_BYTES ? realloc(text, room) : NULL;
            if (!grown) {
                tell_error("%s: a map may have %lu bytes", name, ALIAS_MAP_MAX_BYTES);
                free(text);
                return NULL;
            }
            text = grown;
        }
        got = fread(text + length, 1, room - length, in);
        length += got;
    } while (got > 0);
    if (ferror(in)) {
        tell_error("%s cannot be read: %m", name);
        free(text);
        return NULL;
    }
    *length_out = length;
    return text;
}

/* Read the map ("-": standard input). NULL told. */
static struct alias_map *read_map(const char *path)
{
    bool is_input = !strcmp(path, "-");
    const char *name = is_input ? "standard input" : path;
    FILE *in = is_input ? stdin : fopen(path, "re");
    struct problems problems = {0};
    struct alias_map *map = NULL;
    size_t length = 0;
    if (!in) {
        tell_error("%s: %m", path);
        return NULL;
    }
    char *text = read_stream(in, name, &length);
    if (text) {
        map = alias_map_parse(name, text, length, &problems);
        if (!map) {
            context_tell_problems(&problems);
            tell_next("Other kinds of maps are written as text by, for example: postmap -s "
                      "hash:/etc/postfix/virtual");
        }
    }
    problems_clear(&problems);
    free(text);
    if (!is_input) {
        fclose(in);
    }
    return map;
}

/* ---- the command ---- */

static int print(const struct context *context, const struct findings *findings)
{
    size_t count = findings_count(findings);
    if (findings_print(findings, context->json)) {
        tell_error("what was found cannot be written");
        return EXIT_REFUSED;
    }
    if (count == 0 && !context->json) {
        printf("nothing found in %zu rules\n", context->config->rules.count);
    }
    return count > 0 ? EXIT_FOUND : EXIT_DONE;
}

int rules_check(struct context *context)
{
    const char *path = argument_value(context->arguments, OPTION_ALIAS_MAP);
    struct alias_map *map = NULL;
    struct findings *findings = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context) || (path && !(map = read_map(path)))) {
        goto out;
    }
    findings = findings_new(&context->config->rules);
    bool failed = !findings;
    for (size_t i = 0; !failed && i < context->config->rules.count; i++) {
        failed = check_rule(context->config, i, findings) < 0;
    }
    if (failed) {
        tell_error("out of memory");
        goto out;
    }
    if (check_mailboxes(context, map, findings) == 0) {
        code = print(context, findings);
    }
out:
    findings_free(&findings);
    alias_map_free(&map);
    return code;
}
