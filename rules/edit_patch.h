/* A few changes to one text, all told in offsets of the old one. Internal to rules/. */
#ifndef RULES_EDIT_PATCH_H
#define RULES_EDIT_PATCH_H

#include <stdbool.h>
#include <stddef.h>

#define PATCHES_MAX 16

struct patch {
    size_t offset, remove;
    char *insert;
};

struct patches {
    struct patch items[PATCHES_MAX]; /* by offset; of the same offset the earlier added first */
    size_t count;
    bool failed; /* out of memory, or too many */
};

/* Replace `remove` bytes at `offset` by `insert`, which is taken over; NULL is out of memory.
 * Trouble is kept until patches_apply(). */
void patches_add(struct patches *patches, size_t offset, size_t remove, char *insert);

/* The changed text: a new NUL-terminated string; NULL when out of memory, or when two changes touch
 * the same bytes. */
char *patches_apply(const struct patches *patches, const char *text, size_t length,
                    size_t *length_out);

void patches_clear(struct patches *patches);

#endif
