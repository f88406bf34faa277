/* smimectl rules list: the list of rules, as read. */
#include "rules_list.h"

#include <stdlib.h>

#include "command.h"
#include "table.h"
#include "tell.h"

static const struct column columns[] = {{"POSITION", "position", CELL_INTEGER},
                                        {"MANAGED", "managed", CELL_LIST},
                                        {"EXTERNAL", "external", CELL_LIST},
                                        {"INCOMING", "incoming", CELL_TEXT},
                                        {"OUTGOING", "outgoing", CELL_TEXT},
                                        {"CHOICE", "choice", CELL_TEXT},
                                        {"TLS", "require_tls", CELL_TEXT},
                                        {"PROFILE", "profile", CELL_TEXT},
                                        {"NOTE", "note", CELL_TEXT},
                                        {NULL, "file", CELL_TEXT},
                                        {NULL, "line", CELL_INTEGER},
                                        {NULL, NULL, CELL_TEXT}};

/* A cell with `patterns`. Returns 0, -1 out of memory. */
static int add_patterns(struct table *table, const struct pattern *patterns, size_t count)
{
    char **texts = calloc(count + 1, sizeof *texts);
    if (!texts) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = patterns[i].kind == PATTERN_ALL ? "*" : patterns[i].text;
    }
    table_list(table, texts, count);
    free(texts);
    return 0;
}

static int add_rule(struct table *table, size_t position, const struct rule *rule)
{
    table_integer(table, (long long)position);
    if (add_patterns(table, rule->managed, rule->managed_count) ||
        add_patterns(table, rule->external, rule->external_count)) {
        return -1;
    }
    table_text(table, incoming_mode_name(rule->incoming));
    table_text(table, outgoing_mode_name(rule->outgoing));
    table_text(table, sender_choice_name(rule->choice));
    table_text(table, tls_demand_name(rule->require_tls));
    table_text(table, rule->profile);
    table_text(table, rule->note);
    table_text(table, rule->file);
    table_integer(table, rule->line);
    return 0;
}

/* What decides where no rule does; asked of the code that decides. */
static void print_default(const struct settings *settings)
{
    static const struct rule_list none = {0};
    struct decision incoming = rules_incoming(&none, "", "", "");
    struct decision with = rules_outgoing(&none, "", "", "", true);
    struct decision without = rules_outgoing(&none, "", "", "", false);
    printf("default: incoming %s; outgoing %s for a mailbox with an active certificate, else %s; "
           "choice %s; profile %s\n",
           incoming_mode_name((enum incoming_mode)incoming.mode),
           outgoing_mode_name((enum outgoing_mode)with.mode),
           outgoing_mode_name((enum outgoing_mode)without.mode),
           sender_choice_name(settings->sender_choice), settings->profile);
}

int rules_list(struct context *context)
{
    if (context_config(context)) {
        return EXIT_REFUSED;
    }
    const struct rule_list *rules = &context->config->rules;
    struct table *table = table_new(columns);
    int code = EXIT_REFUSED;
    for (size_t i = 0; table && i < rules->count; i++) {
        if (add_rule(table, i + 1, &rules->items[i])) {
            goto out;
        }
    }
    if (!table || table_print(table, context->json, stdout)) {
        goto out;
    }
    if (!context->json) {
        print_default(&context->config->settings);
    }
    code = EXIT_DONE;
out:
    if (code != EXIT_DONE) {
        tell_error("the rules cannot be written");
    }
    table_free(&table);
    return code;
}
