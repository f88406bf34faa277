/* Local parts: read, unquote, and write with no more quotes than needed. */
#include "local_part.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Not the functions of ctype.h: these must not depend on the locale. */
static bool is_alphanumeric(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 section 3.2.3; RFC 6531 section 3.3 adds everything beyond ASCII. */
static bool is_atext(unsigned char c)
{
    return is_alphanumeric(c) || c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

struct local_reader local_reader_start(const char *canonical)
{
    const char *at = strrchr(canonical, '@');
    struct local_reader reader = {canonical, at ? at : canonical + strlen(canonical), 0};

    if (reader.end - reader.next >= 2 && *reader.next == '"' && reader.end[-1] == '"') {
        reader.quoted = 1;
        reader.next++;
        reader.end--;
    }
    return reader;
}

int local_reader_next(struct local_reader *reader)
{
    if (reader->next == reader->end)
        return -1;
    if (reader->quoted && *reader->next == '\\' && reader->next + 1 < reader->end)
        reader->next++;
    return (unsigned char)*reader->next++;
}

char *local_content(const char *canonical, size_t *length_out)
{
    struct local_reader reader = local_reader_start(canonical);
    char *content = malloc((size_t)(reader.end - reader.next) + 1);
    size_t length = 0;

    if (!content)
        return NULL;
    for (int c = local_reader_next(&reader); c >= 0; c = local_reader_next(&reader))
        content[length++] = (char)c;
    content[length] = '\0';
    *length_out = length;
    return content;
}

static size_t parse_quoted(const char *text, size_t length, char *content,
                           size_t *content_length_out)
{
    size_t used = 0;
    size_t i = 1;

    for (; i < length && text[i] != '"'; i++) {
        if (text[i] == '\\' && ++i == length)
            return 0;
        content[used++] = text[i];
    }
    /* The closing quote has to be there, and '@' right behind it. */
    if (i + 1 >= length || text[i + 1] != '@' || used == 0)
        return 0;
    *content_length_out = used;
    return i + 1;
}

/* Dots in the wrong places are let through: such mailboxes exist (Japanese carriers gave them out)
 * and MTAs carry them; their canonical form is the quoted one, which RFC 5321 does allow. */
static size_t parse_plain(const char *text, size_t length, char *content,
                          size_t *content_length_out)
{
    size_t i = 0;

    for (; i < length && text[i] != '@'; i++) {
        if (text[i] != '.' && !is_atext((unsigned char)text[i]))
            return 0;
        content[i] = text[i];
    }
    if (i == length)
        return 0;
    *content_length_out = i;
    return i;
}

size_t local_parse(const char *text, size_t length, char *content, size_t *content_length_out)
{
    *content_length_out = 0;
    if (length == 0)
        return 0;
    if (text[0] == '"')
        return parse_quoted(text, length, content, content_length_out);
    return parse_plain(text, length, content, content_length_out);
}

static bool is_dot_string(const char *content, size_t length)
{
    bool after_dot = true; /* a dot may not come first */

    for (size_t i = 0; i < length; i++) {
        if (content[i] == '.' ? after_dot : !is_atext((unsigned char)content[i]))
            return false;
        after_dot = content[i] == '.';
    }
    return !after_dot;
}

char *local_join(const char *content, size_t length, const char *domain)
{
    bool quote = !is_dot_string(content, length);
    size_t domain_length = strlen(domain);
    /* Each byte may get a backslash; two quotes, '@' and NUL. */
    char *joined = malloc(2 * length + domain_length + 4);
    char *out = joined;

    if (!joined)
        return NULL;
    if (quote)
        *out++ = '"';
    for (size_t i = 0; i < length; i++) {
        if (content[i] == '"' || content[i] == '\\')
            *out++ = '\\';
        *out++ = lower(content[i]);
    }
    if (quote)
        *out++ = '"';
    *out++ = '@';
    memcpy(out, domain, domain_length + 1);
    return joined;
}
