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

int outcome_edit_field(struct outcome *outcome, enum edit_kind kind, const struct header *header,
                       size_t at, const char *value)
{
    const char *name = header->fields[at].name;
    size_t index = 1;
    for (size_t i = 0; i < at; i++)
        if (strcasecmp(header->fields[i].name, name) == 0)
            index++;
    return outcome_edit(outcome, kind, name, index, value);
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

struct outcome *outcome_add_copy(struct outcome *outcome, const size_t *members, size_t count)
{
    struct outcome_copy *copies =
        reallocarray(outcome->copies, outcome->copy_count + 1, sizeof *copies);
    struct outcome_copy copy = {.count = count};
    if (copies == NULL)
        return NULL;
    outcome->copies = copies;
    copy.members = reallocarray(NULL, count, sizeof *members);
    copy.outcome = calloc(1, sizeof *copy.outcome);
    if (copy.members == NULL || copy.outcome == NULL) {
        free(copy.members);
        free(copy.outcome);
        return NULL;
    }
    memcpy(copy.members, members, count * sizeof *members);
    copy.outcome->action = FLOW_PASS;
    copy.outcome->direction = outcome->direction;
    outcome->copies[outcome->copy_count++] = copy;
    return copy.outcome;
}

void outcome_become(struct outcome *out, struct outcome *part)
{
    struct outcome moved = *part;
    *part = (struct outcome){0};
    outcome_clear(out);
    *out = moved;
}

static void free_copy(struct outcome_copy *copy)
{
    free(copy->members);
    outcome_clear(copy->outcome);
    free(copy->outcome);
    *copy = (struct outcome_copy){0};
}

static void clear_copies(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->copy_count; i++)
        free_copy(&outcome->copies[i]);
    free(outcome->copies);
    outcome->copies = NULL;
    outcome->copy_count = 0;
}

static bool is_refused(const struct outcome_copy *copy)
{
    return copy->outcome->action == FLOW_REPLY;
}

/* Is this part all there is? */
static bool is_final(const struct outcome_copy *copy, bool may_report)
{
    return copy->count > 0 && is_refused(copy) && (!may_report || copy->outcome->reply.code < 500);
}

static bool is_encrypted(const struct outcome_copy *copy)
{
    return copy->outcome->action == FLOW_REPLACE &&
           transform_is_encrypted(copy->outcome->transform);
}

/* Is there anybody who must not see the part of others in the clear? */
static bool has_secret(const struct outcome_copy *copies, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (copies[i].count > 0 && (is_refused(&copies[i]) || is_encrypted(&copies[i])))
            return true;
    return false;
}

/* How well a part rides on the message in hand, 0 not at all. A refused one speaks for all. */
static int fitness(const struct outcome_copy *copy, bool hidden)
{
    if (copy->count == 0)
        return 0;
    if (is_refused(copy))
        return hidden ? 2 : 1;
    return hidden && !is_encrypted(copy) ? 1 : 3;
}

/* The index of the part that rides on the message in hand, or speaks for all: *final_out. */
static size_t choose(const struct outcome_copy *copies, size_t count, bool may_report, bool unsure,
                     bool *final_out)
{
    bool hidden = unsure && has_secret(copies, count);
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        *final_out = is_final(&copies[i], may_report);
        if (*final_out)
            return i;
    }
    for (size_t i = 1; i < count; i++) {
        int better = fitness(&copies[i], hidden) - fitness(&copies[best], hidden);
        if (better > 0 || (better == 0 && copies[i].count > copies[best].count))
            best = i;
    }
    *final_out = is_refused(&copies[best]);
    return best;
}

void outcome_assemble(struct outcome *out, struct outcome *parts, bool may_report, bool unsure)
{
    struct outcome_copy *copies = parts->copies;
    size_t count = parts->copy_count;
    bool final = false;
    size_t chosen = choose(copies, count, may_report, unsure, &final);
    size_t kept = 0;
    parts->copies = NULL;
    parts->copy_count = 0;
    outcome_become(out, copies[chosen].outcome);
    for (size_t i = 0; i < count; i++)
        if (final || i == chosen || copies[i].count == 0)
            free_copy(&copies[i]);
        else
            copies[kept++] = copies[i];
    out->copies = copies;
    out->copy_count = kept;
}

void outcome_defer(struct outcome *outcome, char **cause)
{
    outcome->action = FLOW_REPLY;
    reply_defer(&outcome->reply);
    free(outcome->cause);
    outcome->cause = *cause;
    *cause = NULL;
    spool_free(&outcome->body);
    clear_copies(outcome);
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
    free(outcome->choice);
    free(outcome->choice_by);
    free(outcome->cause);
    clear_copies(outcome);
    *outcome = (struct outcome){0};
}
