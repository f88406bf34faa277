/* Findings are rows of a table from the start. */
#include "findings.h"

#include <stdlib.h>

#include "table.h"

static const struct column columns[] = {
    {"RULE", "rule", CELL_INTEGER},        {"KIND", "kind", CELL_TEXT},
    {"DIRECTION", "direction", CELL_TEXT}, {"ABOUT", "about", CELL_TEXT},
    {"FINDING", "finding", CELL_TEXT},     {NULL, "file", CELL_TEXT},
    {NULL, "line", CELL_INTEGER},          {NULL, NULL, CELL_TEXT}};

struct findings {
    const struct rule_list *rules;
    struct table *table;
    size_t count;
    bool failed;
};

struct findings *findings_new(const struct rule_list *rules)
{
    struct findings *findings = calloc(1, sizeof *findings);
    if (!findings) {
        return NULL;
    }
    findings->rules = rules;
    findings->table = table_new(columns);
    if (!findings->table) {
        findings_free(&findings);
    }
    return findings;
}

void findings_add(struct findings *findings, struct finding finding)
{
    const struct rule *rule =
        finding.position > 0 ? &findings->rules->items[finding.position - 1] : NULL;
    findings->count++;
    findings->failed = findings->failed || !finding.sentence;
    table_integer(findings->table, (long long)finding.position);
    table_text(findings->table, finding.kind);
    table_text(findings->table, finding.direction);
    table_text(findings->table, finding.subject);
    table_text(findings->table, finding.sentence);
    table_text(findings->table, rule ? rule->file : NULL);
    table_integer(findings->table, rule ? rule->line : 0);
    free(finding.sentence);
}

size_t findings_count(const struct findings *findings)
{
    return findings->count;
}

int findings_print(const struct findings *findings, bool json)
{
    return findings->failed ? -1 : table_print(findings->table, json, stdout);
}

void findings_free(struct findings **findings)
{
    if (*findings) {
        table_free(&(*findings)->table);
        free(*findings);
        *findings = NULL;
    }
}
