/* All mistakes found in configuration files, each with its place. */
#ifndef RULES_PROBLEMS_H
#define RULES_PROBLEMS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct problem {
    char *file;    /* NULL when the mistake has no place */
    unsigned line; /* 0 likewise */
    char *text;    /* what is wrong, what is allowed */
};

struct problems {
    struct problem *items;
    size_t count;
    bool incomplete; /* a mistake was found that there was no memory to keep */
};

/* Add a mistake. Control characters in the sentence are written as \xNN. */
void problems_add(struct problems *problems, const char *file, unsigned line, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

void problems_add_args(struct problems *problems, const char *file, unsigned line,
                       const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

/* Was any mistake found? */
bool problems_any(const struct problems *problems);

/* Put all of *from behind those of *to; *from is empty then. */
void problems_move(struct problems *to, struct problems *from);

/* "file:line: text" of one problem: a new string (free()), NULL when out of memory. */
char *problem_text(const struct problem *problem);

void problems_clear(struct problems *problems);

#endif
