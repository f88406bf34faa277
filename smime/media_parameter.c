/* Parameters of a Content-Type in the text of the field. */
#include "media_parameter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\n"

/* Where in a value a walk stands. */
struct walk {
    bool quoted;
    int comment;
};

/* Take the character at `p` in. Returns the last one taken: a quoted pair is two. */
static const char *step(struct walk *walk, const char *p)
{
    if (*p == '\\' && p[1] != '\0' && (walk->quoted || walk->comment > 0))
        return p + 1;
    if (*p == '"' && walk->comment == 0)
        walk->quoted = !walk->quoted;
    else if (*p == '(' && !walk->quoted)
        walk->comment++;
    else if (*p == ')' && !walk->quoted && walk->comment > 0)
        walk->comment--;
    return p;
}

static bool is_outside(const struct walk *walk)
{
    return !walk->quoted && walk->comment == 0;
}

bool media_parameter_count(const char *value, const char *name, size_t *plain, size_t *pieces)
{
    size_t length = strlen(name);
    struct walk walk = {0};
    *plain = 0;
    *pieces = 0;
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == ';' && is_outside(&walk)) {
            const char *at = p + 1 + strspn(p + 1, BLANKS);
            if (strncasecmp(at, name, length) != 0)
                continue;
            at += length;
            *pieces += *at == '*';
            *plain += at[strspn(at, BLANKS)] == '=';
        } else {
            p = step(&walk, p);
        }
    }
    return is_outside(&walk);
}

/* ---- The one shape ---- */

/* Behind the word at `at`: a token (RFC 2045 section 5.1) that may have `others` in it. `at` itself
 * where there is none. */
static const char *skip_word(const char *at, const char *others)
{
    while (*at > ' ' && *at < 0x7f &&
           (strchr("()<>@,;:\\\"/[]?=", *at) == NULL || strchr(others, *at) != NULL))
        at++;
    return at;
}

/* The end of the quoted string whose text begins at `at`; NULL where it has a quoted pair, a
 * control character or no end. */
static const char *quoted_end(const char *at)
{
    for (; *at != '"'; at++)
        if (*at == '\\' || ((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
            return NULL;
    return at;
}

/* Behind the parameter at `at`; NULL where it is not as it should be. */
static const char *skip_parameter(const char *at, const char *boundary)
{
    static const char name[] = "boundary";
    const char *to = skip_word(at, "");
    bool bounds = strncasecmp(at, name, sizeof name - 1) == 0;
    bool quoted;
    if (to == at || (bounds && to - at != sizeof name - 1))
        return NULL;
    to += strspn(to, BLANKS);
    if (*to != '=')
        return NULL;
    at = to + 1 + strspn(to + 1, BLANKS);
    quoted = *at == '"';
    at += quoted;
    to = quoted ? quoted_end(at) : skip_word(at, "@:/[]?=");
    if (to == NULL || (to == at && !quoted))
        return NULL;
    if (bounds &&
        (strlen(boundary) != (size_t)(to - at) || memcmp(at, boundary, (size_t)(to - at)) != 0))
        return NULL;
    return to + quoted;
}

bool media_value_is_plain(const char *value, const char *boundary)
{
    const char *slash = skip_word(value, "");
    const char *at;
    if (slash == value || *slash != '/')
        return false;
    at = skip_word(slash + 1, "");
    if (at == slash + 1)
        return false;
    for (;;) {
        at += strspn(at, BLANKS);
        if (*at != ';')
            return *at == '\0';
        at += 1 + strspn(at + 1, BLANKS);
        if (*at == ';' || *at == '\0')
            continue;
        at = skip_parameter(at, boundary != NULL ? boundary : "");
        if (at == NULL)
            return false;
    }
}

/* ---- Change ---- */

/* The end of what begins at `at`: the semicolon outside of quoted strings and comments, or the end
 * of the value. NULL when one of these never ends. */
static const char *piece_end(const char *at)
{
    struct walk walk = {0};
    while (*at != '\0' && !(*at == ';' && is_outside(&walk)))
        at = step(&walk, at) + 1;
    return is_outside(&walk) ? at : NULL;
}

/* Is this the parameter `name`, or a piece of it? */
static bool is_named(const char *piece, size_t length, const char *name)
{
    size_t n = strlen(name);
    size_t skip = strspn(piece, BLANKS);
    if (skip + n >= length || strncasecmp(piece + skip, name, n) != 0)
        return false;
    piece += skip + n;
    return *piece == '=' || *piece == '*' || *piece == ' ' || *piece == '\t' || *piece == '\r' ||
           *piece == '(';
}

static bool is_dropped(const char *piece, size_t length, const char *const *drop, size_t count)
{
    if (strspn(piece, BLANKS) >= length)
        return true;
    for (size_t i = 0; i < count; i++)
        if (is_named(piece, length, drop[i]))
            return true;
    return false;
}

/* "text/plain", with blanks and comments as may be. */
static bool is_type(const char *value, const char *end)
{
    const char *slash = memchr(value, '/', (size_t)(end - value));
    const char *begin = value + strspn(value, BLANKS);
    return slash != NULL && begin < slash && slash + 1 < end && strchr(BLANKS, slash[1]) == NULL;
}

static char *trim(char *put, const char *begin)
{
    while (put > begin && strchr(BLANKS, put[-1]) != NULL)
        put--;
    return put;
}

int media_parameter_change(const char *value, const char *const *drop, size_t count,
                           const char *name, const char *text, char **out)
{
    size_t added = name != NULL ? strlen(name) + strlen(text) + sizeof ";\r\n\t=\"\"" : 1;
    const char *end = piece_end(value);
    char *made;
    char *put;
    *out = NULL;
    if (end == NULL || !is_type(value, end))
        return 0;
    made = malloc(strlen(value) + added);
    if (made == NULL)
        return -1;
    memcpy(made, value, (size_t)(end - value));
    put = trim(made + (end - value), made);
    while (*end == ';') {
        const char *piece = end + 1;
        end = piece_end(piece);
        /* A comment before a name: some would not find the name. */
        if (end == NULL || piece[strspn(piece, BLANKS)] == '(') {
            free(made);
            return 0;
        }
        if (is_dropped(piece, (size_t)(end - piece), drop, count))
            continue;
        memcpy(put, piece - 1, (size_t)(end - piece) + 1);
        put = trim(put + (end - piece) + 1, made);
    }
    *put = '\0';
    if (name != NULL) {
        put = stpcpy(put, ";\r\n\t");
        put = stpcpy(put, name);
        put = stpcpy(put, "=\"");
        put = stpcpy(put, text);
        (void)stpcpy(put, "\"");
    }
    *out = made;
    return 0;
}
