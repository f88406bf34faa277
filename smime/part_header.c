/* The header of one MIME part, read line by line. */
#include "part_header.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gmime_start.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without line end and blanks. */
static size_t trimmed_length(const char *bytes, size_t length)
{
    while (length > 0 && strchr("\r\n \t", bytes[length - 1]) != NULL && bytes[length - 1] != '\0')
        length--;
    return length;
}

/* Append to the value that is being read, without line end. NUL bytes would cut it. */
static int append_value(struct part_header *header, const char *bytes, size_t length)
{
    if (header->field != PART_FIELD_TYPE && header->field != PART_FIELD_ENCODING)
        return 0;
    while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    if (header->value_length + length >= PART_HEADER_FIELD_BYTES ||
        memchr(bytes, '\0', length) != NULL) {
        header->ambiguous = true;
        return 0;
    }
    if (header->value == NULL && (header->value = malloc(PART_HEADER_FIELD_BYTES)) == NULL)
        return -1;
    memcpy(header->value + header->value_length, bytes, length);
    header->value_length += length;
    return 0;
}

static enum transfer_encoding encoding_named(const char *name)
{
    static const struct {
        const char *name;
        enum transfer_encoding encoding;
    } names[] = {
        {"7bit", TRANSFER_7BIT},     {"8bit", TRANSFER_8BIT},
        {"binary", TRANSFER_BINARY}, {"quoted-printable", TRANSFER_QUOTED_PRINTABLE},
        {"base64", TRANSFER_BASE64},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i].name) == 0)
            return names[i].encoding;
    return TRANSFER_UNKNOWN;
}

static void end_encoding(struct part_header *header, const char *value, off_t end)
{
    enum transfer_encoding encoding = encoding_named(value);
    size_t i = header->encoding_count;
    if (i == PART_HEADER_ENCODINGS || (i > 0 && header->encoding != encoding)) {
        header->ambiguous = true;
        return;
    }
    header->encoding = encoding;
    header->encodings[i].from = header->field_from;
    header->encodings[i].to = end;
    header->encoding_count++;
}

/* The field that was being read has ended. */
static int end_field(struct part_header *header, off_t end)
{
    char *value = header->value;
    if (value != NULL) {
        header->value_length = trimmed_length(value, header->value_length);
        value[header->value_length] = '\0';
        value += strspn(value, " \t");
    }
    if (header->field == PART_FIELD_ENCODING)
        end_encoding(header, value != NULL ? value : "", end);
    if (header->field == PART_FIELD_TYPE) {
        if (header->type != NULL && strcmp(header->type, value != NULL ? value : "") != 0)
            header->ambiguous = true;
        else if (header->type == NULL)
            header->type = strdup(value != NULL ? value : "");
        if (header->type == NULL)
            return -1;
    }
    header->field = PART_FIELD_NONE;
    header->value_length = 0;
    return 0;
}

/* A line with a name: a new field. */
static int begin_field(struct part_header *header, const struct line *line)
{
    size_t name = 0;
    if (end_field(header, line->from) != 0)
        return -1;
    while (name < line->length && line->bytes[name] > ' ' && line->bytes[name] < 0x7f &&
           line->bytes[name] != ':')
        name++;
    header->field = PART_FIELD_OTHER;
    header->field_from = line->from;
    header->quoted = false;
    if (name == 0 || name == line->length || line->bytes[name] != ':') {
        header->ambiguous = true;
        return 0;
    }
    if (name == strlen("Content-Type") && strncasecmp(line->bytes, "Content-Type", name) == 0)
        header->field = PART_FIELD_TYPE;
    if (name == strlen("Content-Transfer-Encoding") &&
        strncasecmp(line->bytes, "Content-Transfer-Encoding", name) == 0)
        header->field = PART_FIELD_ENCODING;
    return append_value(header, line->bytes + name + 1, line->length - name - 1);
}

static void follow_quotes(struct part_header *header, const struct line *line)
{
    for (size_t i = 0; i < line->length; i++) {
        if (line->bytes[i] == '"')
            header->quoted = !header->quoted;
        else if (line->bytes[i] == '\\' && header->quoted)
            i++;
    }
}

int part_header_line(struct part_header *header, const struct line *line, size_t *blanks_out)
{
    unsigned fixable = UNCLEAN_TRAILING_BLANK | UNCLEAN_LABEL;
    int rc;
    *blanks_out = 0;
    header->unclean = header->unclean || (line->flags & ~fixable) != 0;
    if (line->bytes == NULL) {
        header->ambiguous = true;
        return 0;
    }
    if (!is_blank(line->bytes[0])) {
        rc = begin_field(header, line);
    } else {
        /* No field to go on with, or a line of blanks, which some take for the end. */
        if (header->field == PART_FIELD_NONE || trimmed_length(line->bytes, line->length) == 0)
            header->ambiguous = true;
        rc = append_value(header, line->bytes, line->length);
    }
    follow_quotes(header, line);
    if ((line->flags & UNCLEAN_TRAILING_BLANK) != 0) {
        size_t kept = trimmed_length(line->bytes, line->length);
        if (header->quoted || kept == 0 || (line->flags & ~fixable) != 0 ||
            line->bytes[line->length - 1] != '\n')
            header->unclean = true;
        else
            *blanks_out = line->length - 2 - kept;
    }
    return rc;
}

/* Also duplicated and invalid parameters: programs differ in which they take. */
static void note_warning(gint64 offset, GMimeParserWarning warning, const gchar *item,
                         gpointer context)
{
    bool *warned = context;
    (void)offset;
    (void)warning;
    (void)item;
    *warned = true;
}

static bool is_identity(enum transfer_encoding encoding)
{
    return encoding == TRANSFER_7BIT || encoding == TRANSFER_8BIT || encoding == TRANSFER_BINARY;
}

static int take_boundary(struct part_header *header, const char *boundary)
{
    if (boundary == NULL || *boundary == '\0' || strlen(boundary) > PART_HEADER_BOUNDARY_BYTES) {
        header->kind = PART_SEALED;
        header->ambiguous = true;
        return 0;
    }
    header->kind = PART_MULTIPART;
    header->boundary = strdup(boundary);
    return header->boundary != NULL ? 0 : -1;
}

/* `warned`: GMime found the field malformed. That matters only for the boundary: how a leaf is
 * encoded does not depend on its parameters. */
static int use_type(struct part_header *header, GMimeContentType *type, bool warned)
{
    bool composite = g_mime_content_type_is_type(type, "multipart", "*") ||
                     g_mime_content_type_is_type(type, "message", "*");
    header->text = g_mime_content_type_is_type(type, "text", "*");
    if (!composite)
        return 0;
    header->kind = PART_SEALED;
    header->ambiguous = header->ambiguous || warned;
    if (!is_identity(header->encoding) ||
        g_mime_content_type_is_type(type, "multipart", "signed") ||
        g_mime_content_type_is_type(type, "multipart", "encrypted"))
        return 0;
    if (g_mime_content_type_is_type(type, "message", "rfc822"))
        header->kind = PART_MESSAGE;
    if (!g_mime_content_type_is_type(type, "multipart", "*"))
        return 0;
    header->digest = g_mime_content_type_is_type(type, "multipart", "digest");
    return take_boundary(header, g_mime_content_type_get_parameter(type, "boundary"));
}

int part_header_end(struct part_header *header, off_t end)
{
    GMimeParserOptions *options;
    GMimeContentType *type;
    bool warned = false;
    int rc;
    header->kind = PART_LEAF;
    if (end_field(header, end) != 0)
        return -1;
    if (header->type == NULL) {
        header->text = !header->in_digest;
        if (header->in_digest)
            header->kind = is_identity(header->encoding) ? PART_MESSAGE : PART_SEALED;
        return 0;
    }
    gmime_start();
    options = g_mime_parser_options_new();
    g_mime_parser_options_set_warning_callback(options, note_warning, &warned);
    type = g_mime_content_type_parse(options, header->type);
    rc = use_type(header, type, warned);
    g_object_unref(type);
    g_mime_parser_options_free(options);
    return rc;
}

void part_header_clear(struct part_header *header)
{
    free(header->boundary);
    free(header->value);
    free(header->type);
    *header = (struct part_header){0};
}
