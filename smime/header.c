/* Header fields of a message or a part, as they stand in its text. */
#include "header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "why.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Folds come as LF from a milter, as CRLF from a text: write CRLF before a blank; what is no fold
 * must not become a line end, or a value could smuggle in a field of its own. */
static char *unify_folds(const char *value)
{
    size_t length = strlen(value);
    char *out = malloc(length * 2 + 1);
    char *p = out;
    if (out == NULL)
        return NULL;
    for (const char *s = value; *s != '\0'; s++) {
        if (*s != '\r' && *s != '\n') {
            *p++ = *s;
            continue;
        }
        if (s[0] == '\r' && s[1] == '\n')
            s++;
        if (is_blank(s[1])) {
            *p++ = '\r';
            *p++ = '\n';
        } else if (s[1] != '\0') {
            *p++ = ' ';
        }
    }
    *p = '\0';
    return out;
}

static size_t field_bytes(const struct header_field *field)
{
    return strlen(field->name) + strlen(field->value) + 3;
}

int header_insert(struct header *header, size_t position, const char *name, const char *value)
{
    struct header_field *fields;
    struct header_field field = {.name = strdup(name), .value = unify_folds(value)};
    if (field.name == NULL || field.value == NULL)
        goto fail;
    fields = reallocarray(header->fields, header->count + 1, sizeof *fields);
    if (fields == NULL)
        goto fail;
    header->fields = fields;
    if (position > header->count)
        position = header->count;
    memmove(fields + position + 1, fields + position, (header->count - position) * sizeof *fields);
    fields[position] = field;
    header->count++;
    header->bytes += field_bytes(&field);
    return 0;
fail:
    free(field.name);
    free(field.value);
    return -1;
}

int header_add(struct header *header, const char *name, const char *value)
{
    return header_insert(header, header->count, name, value);
}

int header_set(struct header *header, size_t at, const char *value)
{
    struct header_field *field = &header->fields[at];
    char *unified = unify_folds(value);
    if (unified == NULL)
        return -1;
    header->bytes -= field_bytes(field);
    free(field->value);
    field->value = unified;
    header->bytes += field_bytes(field);
    return 0;
}

static size_t find(const struct header *header, const char *name, size_t index)
{
    size_t i;
    for (i = 0; i < header->count; i++)
        if (strcasecmp(header->fields[i].name, name) == 0 && index-- == 0)
            break;
    return i;
}

const struct header_field *header_get(const struct header *header, const char *name, size_t index)
{
    size_t i = find(header, name, index);
    return i < header->count ? &header->fields[i] : NULL;
}

size_t header_count(const struct header *header, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < header->count; i++)
        if (strcasecmp(header->fields[i].name, name) == 0)
            n++;
    return n;
}

void header_remove(struct header *header, const char *name, size_t index)
{
    size_t i = find(header, name, index);
    if (i == header->count)
        return;
    header->bytes -= field_bytes(&header->fields[i]);
    free(header->fields[i].name);
    free(header->fields[i].value);
    header->count--;
    memmove(header->fields + i, header->fields + i + 1,
            (header->count - i) * sizeof *header->fields);
}

bool header_is_content(const char *name)
{
    return strncasecmp(name, "Content-", 8) == 0;
}

int header_copy(struct header *target, const struct header *source)
{
    for (size_t i = 0; i < source->count; i++)
        if (header_add(target, source->fields[i].name, source->fields[i].value) != 0)
            return -1;
    return 0;
}

int header_write(const struct header *header, struct spool *out)
{
    for (size_t i = 0; i < header->count; i++) {
        const struct header_field *field = &header->fields[i];
        if (spool_puts(out, field->name) != 0 || spool_write(out, ":", 1) != 0 ||
            spool_puts(out, field->value) != 0 || spool_write(out, "\r\n", 2) != 0)
            return -1;
    }
    return 0;
}

void header_clear(struct header *header)
{
    for (size_t i = 0; i < header->count; i++) {
        free(header->fields[i].name);
        free(header->fields[i].value);
    }
    free(header->fields);
    *header = (struct header){0};
}
