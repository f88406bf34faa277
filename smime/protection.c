/* Header protection of what goes out. */
#include "protection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "field_text.h"
#include "media_parameter.h"

/* Marks of protection that the content may have brought along: those of another message. */
static const char *const marks[] = {PROTECTION_PARAMETER, PROTECTION_OLD_PARAMETER};

/* Names that end in "*" are beginnings. */
static const char *const never[] = {
    "Content-*",      "MIME-Version", "Bcc",
    "Resent-*", /* of whoever sends it on, above what was written: RFC 5322 section 3.6.6 */
    PROTECTION_OUTER, "Received",     "Received-SPF",
    "Return-Path",    "Delivered-To", "Envelope-To",
    "X-Original-To",  "X-Envelope-*", "DKIM-*",
    "DomainKey-*",    "ARC-*",        "Authentication-Results",
    "X-Smimed*",
};

static bool is_named(const char *name, const char *pattern)
{
    size_t length = strlen(pattern);
    if (pattern[length - 1] == '*')
        return strncasecmp(name, pattern, length - 1) == 0;
    return strcasecmp(name, pattern) == 0;
}

bool protection_takes(const char *name)
{
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (is_named(name, never[i]))
            return false;
    for (const char *p = name; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~' || *p == ':')
            return false;
    return *name != '\0';
}

enum exposure protection_exposure(enum confidentiality policy, const char *name)
{
    if (policy == CONFIDENTIALITY_NONE)
        return EXPOSURE_SAME;
    if (strcasecmp(name, "Subject") == 0)
        return EXPOSURE_OBSCURED;
    if (strcasecmp(name, "Comments") == 0 || strcasecmp(name, "Keywords") == 0 ||
        strcasecmp(name, "Thread-Topic") == 0)
        return EXPOSURE_REMOVED;
    return EXPOSURE_SAME;
}

/* The value as it stands in the payload: text that is not ASCII is encoded, addresses cannot be. */
static char *protected_value(const struct header_field *field)
{
    char *value = field_text_tidy(field->value);
    char *text;
    char *encoded;
    if (value == NULL || field_text_is_clean(field->name, value) ||
        protection_exposure(CONFIDENTIALITY_BASELINE, field->name) == EXPOSURE_SAME)
        return value;
    text = field_text_read(value);
    encoded = text != NULL ? field_text_write(text) : NULL;
    free(text);
    free(value);
    return encoded;
}

static int add_field(const struct header_field *field, struct protection *out)
{
    char *value = protected_value(field);
    int rc = value != NULL ? header_add(&out->fields, field->name, value) : -1;
    if (rc == 0 && !field_text_is_clean(field->name, value))
        out->clean = false;
    free(value);
    return rc;
}

/* Tell the reader what of this field is seen on the outside. */
static int add_outer(const char *name, const char *value, struct protection *out)
{
    char *text = NULL;
    int rc;
    /* Not all programs write a blank behind the colon; here one belongs (RFC 9788 section 2.2.1).
     */
    if (asprintf(&text, " %s:%s%s", name, *value != '\0' && strchr(" \t\r", *value) ? "" : " ",
                 value) < 0)
        return -1;
    rc = header_add(&out->fields, PROTECTION_OUTER, text);
    if (!field_text_is_clean(PROTECTION_OUTER, text))
        out->clean = false;
    free(text);
    return rc;
}

static int add_outers(enum confidentiality policy, struct protection *out)
{
    size_t count = out->fields.count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        /* header_add() moves the fields, but not their texts. */
        const struct header_field field = out->fields.fields[i];
        enum exposure exposure = protection_exposure(policy, field.name);
        if (exposure == EXPOSURE_OBSCURED)
            rc = add_outer(field.name, PROTECTION_SUBJECT, out);
        else if (exposure == EXPOSURE_SAME)
            rc = add_outer(field.name, field.value, out);
    }
    return rc;
}

/* Put the mark on a Content-Type. Returns 0 with *out set, 1, -1 as protection_apply(). */
static int mark(const char *value, const char *mode, char **out)
{
    int rc = media_parameter_change(value, marks, sizeof marks / sizeof *marks,
                                    PROTECTION_PARAMETER, mode, out);
    if (rc != 0)
        return -1;
    return *out != NULL ? 0 : 1;
}

int protection_make(const struct header *message, bool encrypted, enum confidentiality policy,
                    struct protection *out)
{
    int rc = 0;
    *out = (struct protection){.mode = encrypted ? "cipher" : "clear", .clean = true};
    for (size_t i = 0; rc >= 0 && i < message->count; i++) {
        const struct header_field *field = &message->fields[i];
        if (protection_takes(field->name)) {
            rc = add_field(field, out);
        } else if (strcasecmp(field->name, "Content-Type") == 0) {
            char *value = NULL;
            rc = mark(field->value, out->mode, &value);
            out->clean = out->clean && rc != 1;
            free(value);
        }
    }
    if (rc >= 0 && encrypted)
        rc = add_outers(policy, out);
    if (rc < 0)
        protection_clear(out);
    return rc < 0 ? -1 : 0;
}

void protection_clear(struct protection *protection)
{
    if (protection == NULL)
        return;
    header_clear(&protection->fields);
    *protection = (struct protection){0};
}

int protection_unmark(struct header *content)
{
    for (size_t i = 0; i < content->count; i++) {
        char *value = NULL;
        int rc = 0;
        if (strcasecmp(content->fields[i].name, "Content-Type") != 0)
            continue;
        rc = media_parameter_change(content->fields[i].value, marks, sizeof marks / sizeof *marks,
                                    NULL, NULL, &value);
        if (rc == 0 && value != NULL && strcmp(value, content->fields[i].value) != 0)
            rc = header_set(content, i, value);
        free(value);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int copy_marked(const struct header *content, const char *mode, struct header *out)
{
    for (size_t i = 0; i < content->count; i++) {
        const struct header_field *field = &content->fields[i];
        char *value = NULL;
        int rc = 0;
        if (strcasecmp(field->name, "Content-Type") == 0)
            rc = mark(field->value, mode, &value);
        if (rc == 0)
            rc = header_add(out, field->name, value != NULL ? value : field->value);
        free(value);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int protection_apply(const struct protection *protection, struct header *content)
{
    struct header made = {0};
    int rc = header_copy(&made, &protection->fields);
    if (rc == 0)
        rc = copy_marked(content, protection->mode, &made);
    if (rc != 0) {
        header_clear(&made);
        return rc;
    }
    header_clear(content);
    *content = made;
    return 0;
}
