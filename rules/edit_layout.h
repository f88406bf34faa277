/* Where each rule stands in its file, with the comments that belong to it. Internal to rules/. */
#ifndef RULES_EDIT_LAYOUT_H
#define RULES_EDIT_LAYOUT_H

#include "config_source.h"

/* Offsets into the bytes of the file. */
struct rule_place {
    size_t start, end; /* from its { to behind its } */
    bool has_comma;    /* a comma follows; not behind the last one */
    size_t comma;
    /* All that belongs to it: the comment lines above it down from an empty line, the comma, the
     * comment behind it on the same line and the line end. */
    size_t block_start, block_end;
    bool own_line;                  /* the block begins at the start of a line */
    size_t first_token, last_token; /* its { and } */
};

struct rules_layout {
    const struct config_source *source;
    bool found;  /* there is a list of rules */
    size_t file; /* where it stands, or should: index */
    const char *text;
    size_t length;
    size_t open, close; /* tokens: the brackets, maybe of another file */
    struct rule_place *items;
    size_t count;
    size_t gap_start; /* an empty list: the bytes between its brackets */
    size_t gap_end;
    const char *eol; /* as the file has it */
};

/* Find the rules in a source whose tokens were kept and that is a good configuration. Returns 0
 * with *out filled (rules_layout_clear()); -1 with the reason in *why where the list is spread over
 * several files, or out of memory. */
int rules_layout_find(const struct config_source *source, struct rules_layout *out, char **why);
void rules_layout_clear(struct rules_layout *layout);

bool layout_is_mark(const struct rules_layout *layout, size_t token, char mark);

/* Blanks of a line, without its end. */
bool layout_is_blank(char c);

/* The end of the comment at `at`, which is within `end`; `at` where there is none. A line comment
 * ends before its line end. */
size_t layout_skip_comment(const char *text, size_t at, size_t end);

#endif
