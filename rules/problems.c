/* Mistakes of the administrator, collected so that all are told at once. */
#include "problems.h"
#include "why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void problems_add_args(struct problems *problems, const char *file, unsigned line,
                       const char *format, va_list arguments)
{
    struct problem *items = reallocarray(problems->items, problems->count + 1, sizeof *items);
    char *raw = NULL;
    char *text = NULL;

    if (!items) {
        /* No room for the sentence, but a mistake must never pass for none. */
        problems->incomplete = true;
        return;
    }
    problems->items = items;
    /* why_set() writes control characters as \xNN: the values quoted here come from files. */
    if (vasprintf(&raw, format, arguments) >= 0) {
        why_set(&text, "%s", raw);
        free(raw);
    }
    items[problems->count++] =
        (struct problem){.file = file ? strdup(file) : NULL, .line = line, .text = text};
}

void problems_add(struct problems *problems, const char *file, unsigned line, const char *format,
                  ...)
{
    va_list arguments;

    va_start(arguments, format);
    problems_add_args(problems, file, line, format, arguments);
    va_end(arguments);
}

bool problems_any(const struct problems *problems)
{
    return problems->count > 0 || problems->incomplete;
}

void problems_move(struct problems *to, struct problems *from)
{
    struct problem *items = NULL;

    if (from->count > 0)
        items = reallocarray(to->items, to->count + from->count, sizeof *items);
    if (items) {
        memcpy(items + to->count, from->items, from->count * sizeof *items);
        to->items = items;
        to->count += from->count;
        from->count = 0; /* their strings have a new owner */
    } else if (from->count > 0) {
        to->incomplete = true;
    }
    to->incomplete = to->incomplete || from->incomplete;
    problems_clear(from);
}

char *problem_text(const struct problem *problem)
{
    const char *sentence = problem->text ? problem->text : "out of memory";
    char *text = NULL;
    int rc;

    if (!problem->file)
        rc = asprintf(&text, "%s", sentence);
    else if (problem->line == 0)
        rc = asprintf(&text, "%s: %s", problem->file, sentence);
    else
        rc = asprintf(&text, "%s:%u: %s", problem->file, problem->line, sentence);
    return rc < 0 ? NULL : text;
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].file);
        free(problems->items[i].text);
    }
    free(problems->items);
    *problems = (struct problems){0};
}
