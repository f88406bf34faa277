/* Replies of an SMTP server: the same whatever the pieces they come in, within the ceilings, and
 * fit for a sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_reply.h"
#include "smtp_syntax.h"
#include "utf8.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum smtp_reply_state feed(struct smtp_reply *reply, const char *text, size_t size,
                                  size_t piece, size_t *end_out)
{
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    size_t at = 0;
    char *why = NULL;
    smtp_reply_begin(reply);
    while (state == SMTP_REPLY_MORE && at < size) {
        size_t used = 0;
        size_t length = piece < size - at ? piece : size - at;
        state = smtp_reply_feed(reply, text + at, length, &used, &why);
        if (used > length || (state == SMTP_REPLY_MORE && used < length) ||
            (state == SMTP_REPLY_BROKEN) != (why != NULL))
            abort();
        at += used;
    }
    why_free(&why);
    *end_out = at;
    return state;
}

static void check(const struct smtp_reply *reply)
{
    char *words = smtp_reply_words(reply);
    const char *size = smtp_reply_keyword(reply, "SIZE");
    if (words == NULL || reply->code < 200 || reply->code > 599 ||
        reply->lines > SMTP_REPLY_MAX_LINES || reply->length > SMTP_REPLY_MAX_BYTES)
        abort();
    if (strlen(words) > SMTP_REPLY_MAX_WORDS_BYTES + 8 || !utf8_is_printable(words, strlen(words)))
        abort();
    if (size != NULL && (size < reply->text || size > reply->text + reply->length))
        abort();
    free(words);
}

/* What is said to be sound must not end a command or its path. */
static void check_syntax(const char *text)
{
    if ((smtp_path_is_sound(text) || smtp_envid_is_sound(text) || smtp_orcpt_is_sound(text) ||
         smtp_notify_is_sound(text) || smtp_ret_is_sound(text) || smtp_name_is_sound(text)) &&
        strpbrk(text, "\r\n") != NULL)
        abort();
    if ((smtp_envid_is_sound(text) || smtp_orcpt_is_sound(text) || smtp_notify_is_sound(text) ||
         smtp_ret_is_sound(text) || smtp_name_is_sound(text)) &&
        strchr(text, ' ') != NULL)
        abort();
    if (smtp_path_is_sound(text) && strchr(text, '"') == NULL && strpbrk(text, " <>\\") != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct smtp_reply whole, pieces;
    size_t end_whole, end_pieces;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    enum smtp_reply_state state = feed(&whole, text, size, size, &end_whole);
    enum smtp_reply_state again = feed(&pieces, text, size, 1, &end_pieces);
    if (state != again)
        abort();
    if (state == SMTP_REPLY_COMPLETE) {
        if (end_whole != end_pieces || whole.code != pieces.code ||
            strcmp(whole.text, pieces.text) != 0)
            abort();
        check(&whole);
    }
    check_syntax(text);
    free(text);
    return 0;
}
