/* All mistakes found in configuration files, each with its place. */
#ifndef RULES_PROBLEMS_H
#define RULES_PROBLEMS_H

#include <stddef.h>

struct problem {
    char *file;    /* NULL when the mistake has no place */
    unsigned line; /* 0 likewise */
    char *text;    /* what is wrong, what is allowed */
};

struct problems {
    struct problem *items;
    size_t count;
};

void problems_add(struct problems *problems, const char *file, unsigned line, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* "file:line: text" of one problem: a new string (free()), NULL when out of memory. */
char *problem_text(const struct problem *problem);

void problems_clear(struct problems *problems);

#endif
