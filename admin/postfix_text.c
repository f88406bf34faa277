/* Taking the text of a Postfix map apart, in place. */
#include "postfix_text.h"

#include <stdbool.h>
#include <string.h>

#include "why.h"

static const char blanks[] = " \t\r\n\v\f";

size_t postfix_word_bytes(const char *text, const char *more)
{
    bool quoted = false;
    size_t i = 0;
    for (; text[i]; i++) {
        if (quoted && text[i] == '\\' && text[i + 1]) {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && (strchr(blanks, text[i]) || strchr(more, text[i]))) {
            break;
        }
    }
    return i;
}

static bool is_comment(const char *line)
{
    const char *text = line + strspn(line, " \t\r\v\f");
    return *text == '#' || *text == '\0';
}

/* Join the lines that continue the one at `start`, comments between them left out. Returns where
 * the next one begins, NULL at the end of the text; *lines_out: how many lines that were. */
static char *join_line(char *start, size_t *lines_out)
{
    char *end = strchr(start, '\n');
    *lines_out = 1;
    while (end) {
        char *next = end + 1;
        char *next_end = strchr(next, '\n');
        if (next_end) {
            *next_end = '\0';
        }
        bool comment = is_comment(next);
        bool continues = !comment && (*next == ' ' || *next == '\t');
        if (!comment && !continues) {
            if (next_end) {
                *next_end = '\n';
            }
            *end = '\0';
            return next;
        }
        if (comment) {
            memset(next, ' ', strlen(next));
        }
        *end = ' ';
        (*lines_out)++;
        end = next_end;
        if (end) {
            *end = '\n';
        }
    }
    return NULL;
}

int postfix_text_read(char *text, size_t length, postfix_pair_function *take, void *context,
                      char **why)
{
    size_t line = 1;
    if (strlen(text) != length) {
        why_set(why, "this is no text: it has a NUL byte");
        return -1;
    }
    while (text) {
        size_t lines = 0;
        char *next = join_line(text, &lines);
        text += strspn(text, blanks);
        size_t key_bytes = postfix_word_bytes(text, "");
        if (*text && *text != '#') {
            char *value = text + key_bytes;
            if (*value) {
                *value++ = '\0';
                value += strspn(value, blanks);
            }
            if (take(context, text, value, line)) {
                why_set(why, "out of memory");
                return -1;
            }
        }
        line += lines;
        text = next;
    }
    return 0;
}
