/* Header protection of what came in: which fields of the message are replaced. */
#include "restored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "field_text.h"
#include "protection.h"

/* Message-ID stays: logs, duplicates and threads go by the one outside. Sender does too, for the
 * reason that From does. */
static const struct restorable {
    const char *name;
    bool text;    /* for people only: restored from what is encrypted and not signed as well */
    bool vouched; /* but not this: nobody takes our tags off it */
    bool several; /* may be there more than once (RFC 5322 section 3.6) */
    bool kept;    /* stays where the payload has none */
} restorables[RESTORED_NAMES] = {
    {.name = "Subject", .text = true},
    {.name = "Comments", .text = true, .several = true},
    {.name = "Keywords", .text = true, .several = true},
    {.name = "Thread-Topic", .text = true, .vouched = true},
    {.name = "To"},
    {.name = "Cc"},
    {.name = "Reply-To"},
    {.name = "Followup-To"},
    {.name = "Mail-Followup-To"},
    {.name = "In-Reply-To"},
    {.name = "References"},
    {.name = "Date", .kept = true},
};

const char *protection_form_name(enum protection_form form)
{
    switch (form) {
    case PROTECTION_FORM_CLEAR:
        return "clear";
    case PROTECTION_FORM_CIPHER:
        return "cipher";
    case PROTECTION_FORM_OLD:
        return "protected-headers";
    case PROTECTION_FORM_WRAPPED:
        return "wrapped";
    case PROTECTION_FORM_NONE:
        break;
    }
    return "none";
}

/* Append a name to "Subject,To". Returns 0, -1 out of memory. */
static int add_name(char **list, const char *name)
{
    char *grown = NULL;
    if (asprintf(&grown, "%s%s%s", *list != NULL ? *list : "", *list != NULL ? "," : "", name) < 0)
        return -1;
    free(*list);
    *list = grown;
    return 0;
}

/* How many fields of this name are looked at: some programs show the first of two Subjects, some
 * the last, so only one is written. */
static size_t count_of(const struct header *header, const struct restorable *restorable)
{
    size_t count = header_count(header, restorable->name);
    size_t most = restorable->several ? RESTORED_FIELDS_MAX : 1;
    return count < most ? count : most;
}

/* The payload's value as it can stand in a message: *out NULL when it cannot. -1 out of memory. */
static int value_of(const struct header_field *field, const struct restorable *restorable,
                    char **out)
{
    char *value = NULL;
    *out = NULL;
    if (strlen(field->value) > RESTORED_FIELD_BYTES)
        return 0;
    value = field_text_tidy(field->value);
    if (value != NULL && restorable->text && !field_text_is_clean(restorable->name, value)) {
        char *text = field_text_read(value);
        free(value);
        value = text != NULL ? field_text_write(text) : NULL;
        free(text);
    }
    if (value == NULL)
        return -1;
    if (field_text_is_clean(restorable->name, value) && strlen(value) <= RESTORED_FIELD_BYTES)
        *out = value;
    else
        free(value);
    return 0;
}

/* Put the fields that shall stand into `out`. Returns 1; 0 when one cannot; -1 out of memory. */
static int take_values(const struct header *payload, const struct restorable *restorable,
                       struct header *out)
{
    size_t count = count_of(payload, restorable);
    for (size_t i = 0; i < count; i++) {
        char *value = NULL;
        int rc = value_of(header_get(payload, restorable->name, i), restorable, &value);
        if (rc == 0 && value != NULL)
            rc = header_add(out, restorable->name, value);
        else if (rc == 0)
            return 0;
        free(value);
        if (rc != 0)
            return -1;
    }
    return 1;
}

/* Does the message have these fields already? */
static bool is_same(const struct header *message, const struct header *fields, const char *name)
{
    size_t count = header_count(message, name);
    if (count != header_count(fields, name))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!field_text_same(header_get(message, name, i)->value,
                             header_get(fields, name, i)->value))
            return false;
    return true;
}

/* Whoever wrote this form has protected the whole header, and nobody else could read it: what it
 * says of addressees leads to no one to whom its author would not have sent the text. */
static bool is_whole(enum payload_trust trust, enum protection_form form)
{
    return trust == PAYLOAD_SIGNED ||
           (trust == PAYLOAD_DECRYPTED && form == PROTECTION_FORM_CIPHER);
}

/* Is it right to replace a field by the payload's? */
static bool may_replace(const struct restorable *restorable, enum payload_trust trust,
                        enum protection_form form)
{
    if (restorable->vouched)
        return trust == PAYLOAD_SIGNED;
    return restorable->text ? trust >= PAYLOAD_DECRYPTED : is_whole(trust, form);
}

/* Is it right to leave the message without a field, because its payload has none? */
static bool may_remove(const struct restorable *restorable, enum payload_trust trust,
                       enum protection_form form)
{
    return !restorable->kept && may_replace(restorable, trust, form) && is_whole(trust, form) &&
           form != PROTECTION_FORM_OLD;
}

static int compare_one(const struct header *message, const struct header *payload,
                       const struct restorable *restorable, enum payload_trust trust,
                       struct restored *out)
{
    bool allowed = !out->from_differs && may_replace(restorable, trust, out->form);
    struct header fields = {0};
    int rc = 0;
    int usable;
    if (count_of(payload, restorable) == 0 && !may_remove(restorable, trust, out->form))
        return 0;
    usable = take_values(payload, restorable, &fields);
    if (usable < 0)
        rc = -1;
    else if (usable > 0 && is_same(message, &fields, restorable->name))
        rc = 0;
    else if (usable == 0 || !allowed)
        rc = add_name(&out->differing, restorable->name);
    else {
        out->names[out->name_count++] = restorable->name;
        rc = header_copy(&out->fields, &fields);
    }
    header_clear(&fields);
    return rc;
}

/* Does an HP-Outer field with this value speak of `field`, as it is? */
static bool tells_of(const char *outer, const struct header_field *field)
{
    size_t length = strlen(field->name);
    outer += strspn(outer, " \t\r\n");
    return strncasecmp(outer, field->name, length) == 0 && outer[length] == ':' &&
           field_text_same(outer + length + 1, field->value);
}

/* Was the field kept from those who saw the message on its way? Before RFC 9788 that is only to be
 * guessed from what stands outside (section 4.10). */
static bool is_confidential(const struct header *message, const struct header *payload,
                            const struct header_field *field, enum protection_form form)
{
    const struct header *seen = form == PROTECTION_FORM_CIPHER ? payload : message;
    const char *name = form == PROTECTION_FORM_CIPHER ? PROTECTION_OUTER : field->name;
    if (form == PROTECTION_FORM_CLEAR)
        return false;
    for (size_t i = 0; i < seen->count; i++) {
        const struct header_field *other = &seen->fields[i];
        if (strcasecmp(other->name, name) == 0 &&
            (form == PROTECTION_FORM_CIPHER ? tells_of(other->value, field)
                                            : field_text_same(other->value, field->value)))
            return false;
    }
    return true;
}

static int find_confidential(const struct header *message, const struct header *payload,
                             struct restored *out)
{
    for (size_t i = 0; i < RESTORED_NAMES; i++) {
        size_t count = count_of(payload, &restorables[i]);
        bool found = false;
        for (size_t k = 0; k < count; k++)
            found =
                found || is_confidential(message, payload,
                                         header_get(payload, restorables[i].name, k), out->form);
        if (found && add_name(&out->confidential, restorables[i].name) != 0)
            return -1;
    }
    return 0;
}

int restored_compare(const struct header *message, const struct header *payload,
                     enum payload_trust trust, bool decrypted, struct restored *out)
{
    for (size_t i = 0; i < RESTORED_NAMES; i++)
        if (compare_one(message, payload, &restorables[i], trust, out) != 0)
            return -1;
    return decrypted ? find_confidential(message, payload, out) : 0;
}

/* Do both say the same to people? */
static int reads_same(const char *a, const char *b, bool *same_out)
{
    char *one = field_text_read(a);
    char *other = field_text_read(b);
    bool failed = one == NULL || other == NULL;
    *same_out = !failed && field_text_same(one, other);
    free(one);
    free(other);
    return failed ? -1 : 0;
}

static bool is_replaced(const struct restored *restored, const char *name)
{
    for (size_t i = 0; i < restored->name_count; i++)
        if (strcasecmp(restored->names[i], name) == 0)
            return true;
    return false;
}

/* Returns 1, 0, -1 out of memory. */
static int is_shown(const struct header *message, const struct restored *restored,
                    const struct header_field *field)
{
    const struct header *seen = is_replaced(restored, field->name) ? &restored->fields : message;
    size_t count = header_count(seen, field->name);
    bool same = strcasecmp(field->name, "From") == 0 && !restored->from_differs;
    for (size_t i = 0; !same && i < count; i++)
        if (reads_same(field->value, header_get(seen, field->name, i)->value, &same) != 0)
            return -1;
    return same ? 1 : 0;
}

int restored_shown(const struct header *message, const struct header *payload,
                   const struct restored *restored, struct header *out)
{
    for (size_t i = 0; i < payload->count && out->count < RESTORED_SHOWN_MAX; i++) {
        const struct header_field *field = &payload->fields[i];
        int shown = protection_takes(field->name) ? is_shown(message, restored, field) : 0;
        if (shown < 0 || (shown > 0 && header_add(out, field->name, field->value) != 0))
            return -1;
    }
    return 0;
}

char *restored_text(const struct restored *restored)
{
    char *names = NULL;
    char *text = NULL;
    for (size_t i = 0; i < restored->name_count; i++)
        if (add_name(&names, restored->names[i]) != 0)
            goto out;
    if (asprintf(&text, "%s%s%s%s%s%s%s%s", protection_form_name(restored->form),
                 restored->from_differs ? "; from=differs" : "", names != NULL ? "; restored=" : "",
                 names != NULL ? names : "",
                 restored->confidential != NULL ? "; confidential=" : "",
                 restored->confidential != NULL ? restored->confidential : "",
                 restored->differing != NULL ? "; differing=" : "",
                 restored->differing != NULL ? restored->differing : "") < 0)
        text = NULL;
out:
    free(names);
    return text;
}

void restored_clear(struct restored *restored)
{
    if (restored == NULL)
        return;
    header_clear(&restored->fields);
    free(restored->confidential);
    free(restored->differing);
    *restored = (struct restored){0};
}
