/* What became of a message: header edits, new body, reply. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "outcome.h"

int outcome_edit(struct outcome *outcome, enum edit_kind kind, const char *name, size_t index,
                 const char *value)
{
    struct header_edit edit = {.kind = kind, .name = strdup(name), .index = index};
    struct header_edit *edits;
    if (value != NULL)
        edit.value = strdup(value);
    edits = reallocarray(outcome->edits, outcome->edit_count + 1, sizeof *edits);
    if (edits != NULL)
        outcome->edits = edits;
    if (edits == NULL || edit.name == NULL || (value != NULL && edit.value == NULL)) {
        free(edit.name);
        free(edit.value);
        return -1;
    }
    outcome->edits[outcome->edit_count++] = edit;
    return 0;
}

static bool is_replaced(const char *name)
{
    return header_is_content(name) || strcasecmp(name, "MIME-Version") == 0;
}

/* Is fields[at] the first of its name? */
static bool is_first(const struct header *header, size_t at)
{
    return header_get(header, header->fields[at].name, 0) == &header->fields[at];
}

int outcome_replace_content(struct outcome *outcome, const struct header *before,
                            const struct header *after)
{
    for (size_t i = 0; i < before->count; i++) {
        const char *name = before->fields[i].name;
        if (!is_replaced(name) || !is_first(before, i))
            continue;
        /* From the highest index down: the ones below keep theirs. */
        for (size_t n = header_count(before, name); n > 0; n--)
            if (outcome_edit(outcome, EDIT_DELETE, name, n, NULL) != 0)
                return -1;
    }
    for (size_t i = 0; i < after->count; i++)
        if (is_replaced(after->fields[i].name) &&
            outcome_edit(outcome, EDIT_APPEND, after->fields[i].name, 0, after->fields[i].value) !=
                0)
            return -1;
    return 0;
}

static int apply(const struct header_edit *edit, struct header *header)
{
    const struct header_field *field;
    size_t position;
    switch (edit->kind) {
    case EDIT_INSERT:
        return header_insert(header, edit->index, edit->name, edit->value);
    case EDIT_APPEND:
        return header_add(header, edit->name, edit->value);
    case EDIT_DELETE:
        header_remove(header, edit->name, edit->index - 1);
        return 0;
    case EDIT_CHANGE:
        field = header_get(header, edit->name, edit->index - 1);
        if (field == NULL)
            return header_add(header, edit->name, edit->value);
        position = (size_t)(field - header->fields);
        header_remove(header, edit->name, edit->index - 1);
        return header_insert(header, position, edit->name, edit->value);
    }
    return -1;
}

int outcome_edit_header(const struct outcome *outcome, struct header *header)
{
    for (size_t i = 0; i < outcome->edit_count; i++)
        if (apply(&outcome->edits[i], header) != 0)
            return -1;
    return 0;
}

void outcome_defer(struct outcome *outcome, char **cause)
{
    outcome->action = FLOW_REPLY;
    reply_defer(&outcome->reply);
    free(outcome->cause);
    outcome->cause = *cause;
    *cause = NULL;
    spool_free(&outcome->body);
}

static void clear_edits(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->edit_count; i++) {
        free(outcome->edits[i].name);
        free(outcome->edits[i].value);
    }
    free(outcome->edits);
}

void outcome_clear(struct outcome *outcome)
{
    clear_edits(outcome);
    reply_clear(&outcome->reply);
    spool_free(&outcome->body);
    if (outcome->opened_set)
        opened_clear(&outcome->opened);
    free(outcome->signer);
    free(outcome->note);
    free(outcome->cause);
    *outcome = (struct outcome){0};
}
