/* Taking legacy display elements out of a payload. */
#include "legacy_display_remove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <openssl/crypto.h>

#include "field_text.h"
#include "legacy_html.h"
#include "main_parts.h"
#include "why.h"

struct search {
    const struct header *shown;
    size_t html_left; /* that may still be read */
};

static enum smime_status out_of_memory(char **why)
{
    why_set(why, "out of memory");
    return SMIME_ERROR;
}

/* ---- Are these lines fields that are shown? ---- */

/* `text` as it reads after a way through this character set, which may lack some of its letters.
 * g_free(). */
static char *through(const char *text, const char *charset)
{
    char *bytes = main_part_encode(text, charset);
    char *out = bytes != NULL ? main_part_decode(bytes, strlen(bytes), charset) : NULL;
    g_free(bytes);
    return out != NULL ? out : g_strdup(text);
}

static bool tells(const char *value, const struct header_field *field, const char *charset)
{
    char *words = field_text_read(field->value);
    char *spelled = words != NULL ? through(words, charset) : NULL;
    bool same = spelled != NULL &&
                (field_text_same(value, spelled) || field_text_same(value, field->value));
    free(words);
    g_free(spelled);
    return same;
}

/* Is the line (unfolded, altered here) one of the fields? */
static bool is_field(char *line, const struct header *shown, const char *charset)
{
    char *value = strchr(line, ':');
    if (value == NULL || value == line)
        return false;
    *value++ = '\0';
    for (size_t i = 0; i < shown->count; i++)
        if (strcasecmp(shown->fields[i].name, line) == 0 &&
            tells(value, &shown->fields[i], charset))
            return true;
    return false;
}

/* Undo the folds of header fields: a line that begins with a blank goes on with the one before. */
static void unfold(char *lines)
{
    for (char *p = lines; *p != '\0'; p++) {
        if (*p == '\r')
            *p = p[1] == '\n' || p[1] == '\0' ? ' ' : '\n';
        if (*p == '\n' && p != lines && (p[1] == ' ' || p[1] == '\t'))
            *p = ' ';
    }
}

/* Is each line that is not blank one of the fields, and is there one? Alters the lines. */
static bool are_fields(char *lines, const struct header *shown, const char *charset)
{
    size_t count = 0;
    char *rest = NULL;
    unfold(lines);
    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[strspn(line, " \t")] == '\0')
            continue;
        if (!is_field(line, shown, charset))
            return false;
        count++;
    }
    return count > 0;
}

/* ---- Where it stands ---- */

/* The first empty line of a text: where it begins, and where the next one does. */
static bool find_empty_line(const char *text, size_t *at_out, size_t *behind_out)
{
    const char *line = text;
    while (line != NULL) {
        size_t blank = line[0] == '\r' ? 1 : 0;
        if (line[blank] == '\n') {
            *at_out = (size_t)(line - text);
            *behind_out = *at_out + blank + 1;
            return true;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

static enum smime_status find_in_text(const struct header *shown, const struct main_part *part,
                                      const char *text, struct main_part_change *out)
{
    const char *charset = part->media->charset;
    size_t at = 0;
    size_t behind = 0;
    char *lines = NULL;
    bool found = find_empty_line(text, &at, &behind) && at > 0;
    if (found)
        lines = main_part_decode(text, at, charset);
    found = lines != NULL && are_fields(lines, shown, charset);
    g_free(lines);
    out->from = part->plain.from;
    out->to = part->plain.from + (off_t)behind;
    return found ? SMIME_OK : SMIME_REFUSED;
}

static enum smime_status find_in_html(const struct header *shown, const struct main_part *part,
                                      const char *text, size_t length, struct main_part_change *out,
                                      char **why)
{
    const char *charset = part->media->charset;
    size_t from = 0;
    size_t to = 0;
    char *lines = NULL;
    int rc = legacy_html_find(text, length, charset, &from, &to, &lines);
    bool found = rc == 1 && are_fields(lines, shown, charset);
    free(lines);
    out->from = part->plain.from + (off_t)from;
    out->to = part->plain.from + (off_t)to;
    if (rc < 0)
        return out_of_memory(why);
    return found ? SMIME_OK : SMIME_REFUSED;
}

/* Is it a part to be looked into? */
static bool is_marked(const struct search *search, const struct main_part *part, size_t length)
{
    const char *mark = part->media->hp_legacy_display;
    if (part->html && (length > LEGACY_HTML_MAX_BYTES || length > search->html_left))
        return false;
    return mark != NULL && strcmp(mark, "1") == 0;
}

static enum smime_status find_element(void *context, const struct main_part *part,
                                      struct main_part_change *out, char **why)
{
    struct search *search = context;
    const struct view *plain = &part->plain;
    size_t length = (size_t)(plain->to - plain->from);
    enum smime_status status = SMIME_REFUSED;
    char *text;
    ssize_t n;
    if (!is_marked(search, part, length))
        return SMIME_REFUSED;
    if (part->html)
        search->html_left -= length;
    else if (length > LEGACY_DISPLAY_TEXT_BYTES)
        length = LEGACY_DISPLAY_TEXT_BYTES;
    text = malloc(length + 1);
    if (text == NULL)
        return out_of_memory(why);
    n = spool_read(plain->text, text, length, plain->from);
    if (n < 0 || (size_t)n != length) {
        why_set(why, "cannot read the message: %s", strerror(errno));
        status = SMIME_ERROR;
    } else {
        text[length] = '\0';
        status = part->html ? find_in_html(search->shown, part, text, length, out, why)
                            : find_in_text(search->shown, part, text, out);
    }
    OPENSSL_cleanse(text, length);
    free(text);
    return status;
}

enum smime_status legacy_display_remove(const struct view *entity, const struct header *shown,
                                        const struct smime_limits *limits,
                                        const struct smime_progress *progress, struct entity *out,
                                        bool *done_out, char **why)
{
    struct search search = {shown, LEGACY_DISPLAY_HTML_BYTES};
    struct main_parts_request request = {
        .change = find_element, .context = &search, .limits = limits, .progress = progress};
    return main_parts_change(entity, &request, out, done_out, why);
}
