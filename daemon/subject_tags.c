/* Subject tags of incoming mail. */
#include "subject_tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "subject.h"

#define CONFIGURED 4

/* What readers know from elsewhere, or from before the configuration changed: nobody may forge
 * these either. The German ones are those of etc/smimed.conf.full. */
static const char *const shipped[] = {
    "[signed]",          "[encrypted]",         "[signature invalid]",
    "[unauthenticated]", "[signiert]",          "[verschlüsselt]",
    "[verschluesselt]",  "[Signatur ungültig]", "[Signatur ungueltig]",
    "[unbeglaubigt]"};

#define SHIPPED (sizeof shipped / sizeof *shipped)

struct tags {
    const char *items[CONFIGURED + SHIPPED];
};

static struct tags all_tags(const struct settings *settings)
{
    struct tags tags = {{settings->tag_signed, settings->tag_encrypted, settings->tag_invalid,
                         settings->tag_unauthenticated}};
    memcpy(tags.items + CONFIGURED, shipped, sizeof shipped);
    return tags;
}

/* Tags in Subject fields after the first: which one is shown depends on the program. */
static int strip_more(const struct header *header, const struct tags *tags, struct outcome *outcome)
{
    size_t index = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        char *value;
        if (strcasecmp(field->name, "Subject") != 0 || ++index == 1)
            continue;
        value = subject_tag(field->value, tags->items, CONFIGURED + SHIPPED, "");
        if (value == NULL)
            return -1;
        if (strcmp(value, field->value) != 0)
            rc = outcome_edit(outcome, EDIT_CHANGE, "Subject", index, value);
        free(value);
    }
    return rc;
}

/* "[encrypted] [signed] ". NULL out of memory. */
static char *make_prefix(const struct settings *settings, const struct opened *opened,
                         bool doubtful)
{
    const char *const items[] = {
        opened->encryption == ENCRYPTION_DECRYPTED ? settings->tag_encrypted : NULL,
        doubtful ? settings->tag_unauthenticated : NULL,
        opened->signature == SIGNATURE_VALID  ? settings->tag_signed
        : opened->signature != SIGNATURE_NONE ? settings->tag_invalid
                                              : NULL,
    };
    char *prefix = strdup("");
    for (size_t i = 0; prefix != NULL && i < sizeof items / sizeof *items; i++) {
        char *longer = NULL;
        if (items[i] == NULL)
            continue;
        if (asprintf(&longer, "%s%s ", prefix, items[i]) < 0)
            longer = NULL;
        free(prefix);
        prefix = longer;
    }
    return prefix;
}

int subject_tags_add(const struct settings *settings, const struct header *header, bool doubtful,
                     struct outcome *outcome)
{
    const struct tags tags = all_tags(settings);
    const struct header_field *subject = header_get(header, "Subject", 0);
    char *prefix = make_prefix(settings, &outcome->opened, doubtful);
    char *value = NULL;
    int rc = -1;
    if (prefix == NULL)
        return -1;
    value = subject_tag(subject != NULL ? subject->value : NULL, tags.items, CONFIGURED + SHIPPED,
                        prefix);
    if (value == NULL)
        goto out;
    if (subject != NULL && strcmp(value, subject->value) != 0)
        rc = outcome_edit(outcome, EDIT_CHANGE, "Subject", 1, value);
    else if (subject == NULL && *prefix != '\0')
        rc = outcome_edit(outcome, EDIT_APPEND, "Subject", 0, value);
    else
        rc = 0;
    if (rc == 0)
        rc = strip_more(header, &tags, outcome);
out:
    free(prefix);
    free(value);
    return rc;
}
