/* Replies of an SMTP server. */
#include "smtp_reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"
#include "why.h"

#define CODE_DIGITS 3

void smtp_reply_begin(struct smtp_reply *reply)
{
    reply->code = 0;
    reply->lines = 0;
    reply->line_length = 0;
    reply->length = 0;
    reply->text[0] = '\0';
}

/* The code at the start of `line`, 0 if there is none. */
static int line_code(const char *line, size_t length)
{
    int code = 0;

    if (length < CODE_DIGITS || (length > CODE_DIGITS && line[3] != ' ' && line[3] != '-'))
        return 0;
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        if (line[i] < '0' || line[i] > '9')
            return 0;
        code = code * 10 + (line[i] - '0');
    }
    return code >= 200 && code <= 599 ? code : 0;
}

/* A line is complete in reply->line. */
static enum smtp_reply_state take_line(struct smtp_reply *reply, char **why)
{
    const char *line = reply->line;
    size_t length = reply->line_length;
    int code;

    if (length > 0 && line[length - 1] == '\r')
        length--;
    code = line_code(line, length);
    if (code == 0 || (reply->lines > 0 && code != reply->code) || memchr(line, '\0', length)) {
        why_set(why, "the answer is not SMTP");
        return SMTP_REPLY_BROKEN;
    }
    if (reply->lines == SMTP_REPLY_MAX_LINES) {
        why_set(why, "the answer has more than %d lines", SMTP_REPLY_MAX_LINES);
        return SMTP_REPLY_BROKEN;
    }
    if (length + 1 > SMTP_REPLY_MAX_BYTES - reply->length) {
        why_set(why, "the answer is longer than %d bytes", SMTP_REPLY_MAX_BYTES);
        return SMTP_REPLY_BROKEN;
    }
    if (reply->lines > 0)
        reply->text[reply->length++] = '\n';
    if (length > CODE_DIGITS + 1) {
        memcpy(reply->text + reply->length, line + CODE_DIGITS + 1, length - CODE_DIGITS - 1);
        reply->length += length - CODE_DIGITS - 1;
    }
    reply->text[reply->length] = '\0';
    reply->code = code;
    reply->lines++;
    reply->line_length = 0;
    return length > CODE_DIGITS && line[CODE_DIGITS] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_COMPLETE;
}

enum smtp_reply_state smtp_reply_feed(struct smtp_reply *reply, const char *bytes, size_t length,
                                      size_t *used_out, char **why)
{
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    size_t used = 0;

    while (state == SMTP_REPLY_MORE && used < length) {
        const char *end = memchr(bytes + used, '\n', length - used);
        size_t run = end ? (size_t)(end - bytes) - used : length - used;

        if (run > sizeof reply->line - reply->line_length) {
            why_set(why, "the answer has a line of more than %d bytes", SMTP_REPLY_MAX_LINE_BYTES);
            state = SMTP_REPLY_BROKEN;
            break;
        }
        memcpy(reply->line + reply->line_length, bytes + used, run);
        reply->line_length += run;
        used += run;
        if (end) {
            used++;
            state = take_line(reply, why);
        }
    }
    *used_out = used;
    return state;
}

char *smtp_reply_words(const struct smtp_reply *reply)
{
    size_t length = utf8_cut(reply->text, reply->length, SMTP_REPLY_MAX_WORDS_BYTES);
    char *words = NULL;
    bool readable;

    if (asprintf(&words, "%03d %.*s%s", reply->code, (int)length, reply->text,
                 length < reply->length ? " ..." : "") < 0)
        return NULL;
    for (char *p = words; *p != '\0'; p++)
        if (*p == '\n')
            *p = ' ';
    readable = utf8_is_printable(words, strlen(words));
    for (char *p = words; *p != '\0' && !readable; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7E)
            *p = '?';
    return words;
}

const char *smtp_reply_keyword(const struct smtp_reply *reply, const char *keyword)
{
    const char *line = strchr(reply->text, '\n');
    size_t length = strlen(keyword);

    for (; line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, keyword, length) != 0)
            continue;
        if (line[length] == ' ')
            return line + length + 1;
        if (line[length] == '\0' || line[length] == '\n')
            return line + length;
    }
    return NULL;
}
