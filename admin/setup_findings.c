/* Findings about the MTA's set-up are texts of several lines, so they are no table. */
#include "setup_findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tell.h"

struct item {
    bool wrong;
    const char *kind;
    char *about;
    char *sentence;
    const char *why;
};

struct setup_findings {
    struct item *items;
    size_t count;
};

struct setup_findings *setup_findings_new(void)
{
    return calloc(1, sizeof(struct setup_findings));
}

int setup_findings_add(struct setup_findings *findings, bool wrong, const char *kind,
                       const char *about, const char *sentence, const char *why)
{
    struct item *items = reallocarray(findings->items, findings->count + 1, sizeof *items);
    if (!items) {
        return -1;
    }
    findings->items = items;
    struct item *added = &items[findings->count++];
    *added = (struct item){wrong, kind, strdup(about), strdup(sentence), why};
    return added->about && added->sentence ? 0 : -1;
}

size_t setup_findings_wrong(const struct setup_findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        count += findings->items[i].wrong;
    }
    return count;
}

size_t setup_findings_count(const struct setup_findings *findings)
{
    return findings->count;
}

void setup_findings_print(const struct setup_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct item *item = &findings->items[i];
        printf("%s: ", item->wrong ? "wrong" : "advice");
        tell_text(stdout, item->about);
        printf(" (%s)\n  ", item->kind);
        tell_text(stdout, item->sentence);
        printf("\n  Why: %s\n", item->why);
    }
}

json_t *setup_findings_json(const struct setup_findings *findings)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < findings->count; i++) {
        const struct item *item = &findings->items[i];
        json_t *object = json_object();
        int failed = json_object_set_new(object, "wrong", json_boolean(item->wrong));
        failed |= json_object_set_new(object, "kind", json_text(item->kind));
        failed |= json_object_set_new(object, "about", json_text(item->about));
        failed |= json_object_set_new(object, "finding", json_text(item->sentence));
        failed |= json_object_set_new(object, "why", json_text(item->why));
        if (failed | json_array_append_new(array, object)) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

void setup_findings_free(struct setup_findings **findings)
{
    if (!*findings) {
        return;
    }
    for (size_t i = 0; i < (*findings)->count; i++) {
        free((*findings)->items[i].about);
        free((*findings)->items[i].sentence);
    }
    free((*findings)->items);
    free(*findings);
    *findings = NULL;
}
