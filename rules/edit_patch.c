/* Changes are gathered in the order of the text and applied in one go. */
#include "edit_patch.h"

#include <stdlib.h>
#include <string.h>

void patches_add(struct patches *patches, size_t offset, size_t remove, char *insert)
{
    size_t at = patches->count;

    if (!insert || patches->count == PATCHES_MAX) {
        free(insert);
        patches->failed = true;
        return;
    }
    while (at > 0 && patches->items[at - 1].offset > offset) {
        patches->items[at] = patches->items[at - 1];
        at--;
    }
    patches->items[at] = (struct patch){offset, remove, insert};
    patches->count++;
}

/* Length of the new text; false where changes overlap or leave the text. */
static bool measure(const struct patches *patches, size_t length, size_t *out)
{
    size_t end = 0;

    *out = length;
    for (size_t i = 0; i < patches->count; i++) {
        const struct patch *patch = &patches->items[i];

        if (patch->offset < end || patch->offset > length || patch->remove > length - patch->offset)
            return false;
        end = patch->offset + patch->remove;
        *out = *out - patch->remove + strlen(patch->insert);
    }
    return true;
}

char *patches_apply(const struct patches *patches, const char *text, size_t length,
                    size_t *length_out)
{
    char *changed = NULL, *to;
    size_t from = 0;

    if (patches->failed || !measure(patches, length, length_out))
        return NULL;
    to = changed = malloc(*length_out + 1);
    if (!changed)
        return NULL;
    for (size_t i = 0; i < patches->count; i++) {
        const struct patch *patch = &patches->items[i];

        to = mempcpy(to, text + from, patch->offset - from);
        to = stpcpy(to, patch->insert);
        from = patch->offset + patch->remove;
    }
    to = mempcpy(to, text + from, length - from);
    *to = '\0';
    return changed;
}

void patches_clear(struct patches *patches)
{
    for (size_t i = 0; i < patches->count; i++)
        free(patches->items[i].insert);
    *patches = (struct patches){0};
}
