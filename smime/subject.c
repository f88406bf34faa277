/* Tags in a Subject. */
#include "subject.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "encoded_word.h"
#include "field_text.h"
#include "gmime_start.h"
#include "unseen.h"

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Two encoded words show as one, whatever blanks are between them: with a prefix that has to be
 * encoded all is. */
static char *join_encoded(const char *prefix, const char *rest)
{
    char *decoded = field_text_read(rest);
    char *text = decoded != NULL ? g_strconcat(prefix, g_strstrip(decoded), NULL) : NULL;
    char *out = text != NULL ? field_text_write(text) : NULL;
    g_free(decoded);
    g_free(text);
    return out;
}

static char *join(const char *prefix, const char *rest)
{
    char *out = NULL;
    if (!is_ascii(prefix))
        return join_encoded(prefix, rest);
    rest += strspn(rest, " \t\r\n");
    return asprintf(&out, " %s%s", prefix, rest) >= 0 ? out : NULL;
}

/* ---- Tags in every spelling ---- */

/* Brackets that are taken for square ones by whoever reads quickly. */
static const struct {
    gunichar from;
    char to;
} brackets[] = {{0x2045, '['}, {0x2046, ']'}, {0x2772, '['}, {0x2773, ']'},
                {0x27e6, '['}, {0x27e7, ']'}, {0x3010, '['}, {0x3011, ']'},
                {0x3014, '['}, {0x3015, ']'}, {0x301a, '['}, {0x301b, ']'}};

/* Nothing that a reader sees: blanks, formatting, accents. */
static bool is_passed_over(gunichar c)
{
    if (unseen_character(c))
        return true;
    switch (g_unichar_type(c)) {
    case G_UNICODE_NON_SPACING_MARK:
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_SPACING_MARK:
        return true;
    default:
        return g_unichar_isspace(c);
    }
}

static bool append_bracket(gunichar c, GString *out)
{
    for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++)
        if (c == brackets[i].from) {
            g_string_append_c(out, brackets[i].to);
            return true;
        }
    return false;
}

/* Append what is compared of the character at `at`: full width, case, blanks and accents do not
 * matter. */
static void fold_character(const char *at, GString *out)
{
    gunichar c = g_utf8_get_char(at);
    char *wide;
    char *lower;
    char *plain;
    if (c < 0x80) {
        if (c > ' ' && c < 0x7f)
            g_string_append_c(out, g_ascii_tolower((char)c));
        return;
    }
    if (append_bracket(c, out))
        return;
    wide = g_utf8_normalize(at, g_utf8_next_char(at) - at, G_NORMALIZE_ALL);
    lower = g_utf8_casefold(wide != NULL ? wide : "", -1);
    plain = g_utf8_normalize(lower, -1, G_NORMALIZE_ALL);
    for (const char *p = plain; p != NULL && *p != '\0'; p = g_utf8_next_char(p))
        if (!is_passed_over(g_utf8_get_char(p)) && !append_bracket(g_utf8_get_char(p), out))
            g_string_append_unichar(out, g_utf8_get_char(p));
    g_free(wide);
    g_free(lower);
    g_free(plain);
}

static GString *fold(const char *text)
{
    GString *out = g_string_new(NULL);
    for (; *text != '\0'; text = g_utf8_next_char(text))
        fold_character(text, out);
    return out;
}

/* A text from which tags are being taken. */
struct stripping {
    char *text;
    size_t length;   /* kept so far */
    GString *folded; /* what is compared of it */
    GArray *origins; /* guint32: of each byte of `folded`, where its character begins in `text` */
    bool found;
};

/* Take off a tag that the text ends in. */
static void strip_end(struct stripping *stripping, GString *const *tags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = tags[i]->len;
        size_t rest = stripping->folded->len - n;
        guint32 from;
        if (n == 0 || n > stripping->folded->len ||
            memcmp(stripping->folded->str + rest, tags[i]->str, n) != 0)
            continue;
        from = g_array_index(stripping->origins, guint32, rest);
        while (rest > 0 && g_array_index(stripping->origins, guint32, rest - 1) >= from)
            rest--;
        stripping->length = from;
        g_string_truncate(stripping->folded, rest);
        g_array_set_size(stripping->origins, (guint)rest);
        stripping->found = true;
        return;
    }
}

static bool is_override(gunichar c)
{
    return c == 0x202d || c == 0x202e;
}

/* Take all tags out of `text`, in one pass: a subject may have a megabyte of them. A tag that only
 * comes together when another one is taken out ends where its last character is put, and goes as
 * well. */
static bool strip_tags(char *text, GString *const *tags, size_t count)
{
    struct stripping stripping = {.text = text,
                                  .folded = g_string_new(NULL),
                                  .origins = g_array_new(FALSE, FALSE, sizeof(guint32))};
    const char *next;
    for (const char *p = text; *p != '\0'; p = next) {
        guint32 from = (guint32)stripping.length;
        next = g_utf8_next_char(p);
        /* Letters that are shown in another order than they stand: nobody writes so. */
        if (is_override(g_utf8_get_char(p))) {
            stripping.found = true;
            continue;
        }
        memmove(text + stripping.length, p, (size_t)(next - p));
        fold_character(text + stripping.length, stripping.folded);
        stripping.length += (size_t)(next - p);
        while (stripping.origins->len < stripping.folded->len)
            g_array_append_val(stripping.origins, from);
        strip_end(&stripping, tags, count);
    }
    text[stripping.length] = '\0';
    g_string_free(stripping.folded, TRUE);
    g_array_free(stripping.origins, TRUE);
    return stripping.found;
}

/* `value` as a reader sees it, without tags, encoded again. NULL in *out when there was none to
 * strip. Returns 0, -1 out of memory. */
static int strip_once(const char *value, GString *const *tags, size_t count, char **out)
{
    char *decoded = field_text_read(value);
    int rc = 0;
    *out = NULL;
    if (decoded == NULL)
        return -1;
    if (strip_tags(decoded, tags, count)) {
        *out = field_text_write(g_strstrip(decoded));
        rc = *out != NULL ? 0 : -1;
    }
    g_free(decoded);
    return rc;
}

/* Without all tags: *out is NULL when there was none. What is left can be an encoded word that was
 * none before: read as often as there is a tag. Returns 0, -1 out of memory. */
static int strip_all(const char *value, GString *const *tags, size_t count, char **out)
{
    char *next = NULL;
    *out = NULL;
    for (;;) {
        if (strip_once(*out != NULL ? *out : value, tags, count, &next) != 0) {
            free(*out);
            *out = NULL;
            return -1;
        }
        if (next == NULL)
            return 0;
        free(*out);
        *out = next;
    }
}

char *subject_tag(const char *value, const char *const *strip, size_t count, const char *prefix)
{
    GString **tags;
    char *stripped = NULL;
    char *repaired = NULL;
    char *out = NULL;
    gmime_start();
    if (value == NULL)
        return join(prefix, "");
    tags = calloc(count > 0 ? count : 1, sizeof(GString *));
    if (tags == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        tags[i] = fold(strip[i]);
    /* What was looked at must be what is shown. */
    if (strip_all(value, tags, count, &stripped) == 0)
        repaired = encoded_words_repair(stripped != NULL ? stripped : value);
    if (repaired != NULL)
        out = join(prefix, repaired);
    for (size_t i = 0; i < count; i++)
        g_string_free(tags[i], TRUE);
    free(tags);
    free(stripped);
    free(repaired);
    return out;
}

char *subject_line(const char *text, size_t max_bytes)
{
    char *valid = g_utf8_make_valid(text, -1);
    char *out = malloc(max_bytes + 1);
    size_t length = 0;
    for (const char *p = valid; out != NULL && *p != '\0'; p = g_utf8_next_char(p)) {
        size_t bytes = (size_t)(g_utf8_next_char(p) - p);
        bool blank = *p == ' ' || *p == '\t';
        if ((!blank && g_unichar_iscntrl(g_utf8_get_char(p))) || (length == 0 && blank))
            continue;
        if (length + bytes > max_bytes)
            break;
        memcpy(out + length, blank ? " " : p, bytes);
        length += bytes;
    }
    if (out != NULL)
        out[length] = '\0';
    g_free(valid);
    return out;
}

char *subject_words(const char *value, size_t max_bytes)
{
    char *decoded = field_text_read(value != NULL ? value : "");
    char *out = decoded != NULL ? subject_line(decoded, max_bytes) : NULL;
    g_free(decoded);
    return out;
}
