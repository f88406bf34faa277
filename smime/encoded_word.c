/* Encoded words that programs read differently. Some want the padding of base64 and drop the last
 * octets without it, others do not; some stop at a '=' in the midst, others go on. GMime takes the
 * texts of words beside each other for one, and finds padding in its midst; and for GMime a NUL
 * ends the whole text, where people just do not see it. */
#include "encoded_word.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

struct word {
    const char *charset;
    size_t charset_length;
    char encoding; /* 'b' or 'q' */
    const char *text;
    const char *end; /* of the text: "?=" stands there */
};

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Does "=?" at `at` begin a word, as far as its encoding? */
static bool begins_word(const char *at, struct word *out)
{
    out->charset = at + 2;
    out->charset_length = strcspn(out->charset, "? \t\r\n");
    at = out->charset + out->charset_length;
    if (out->charset_length == 0 || at[0] != '?' || at[1] == '\0' ||
        strchr("bBqQ", at[1]) == NULL || at[2] != '?')
        return false;
    out->encoding = g_ascii_tolower(at[1]);
    out->text = at + 3;
    return true;
}

/* The end of a word's text, which begins at `text`; NULL when there is none. */
static const char *word_end(const char *text, unsigned reading)
{
    struct word inner;
    for (; *text != '\0'; text++) {
        if (text[0] == '?' && text[1] == '=')
            return text;
        if ((reading & ENCODED_WORD_OUTER) == 0 && text[0] == '=' && text[1] == '?' &&
            begins_word(text, &inner))
            return NULL;
    }
    return NULL;
}

/* Append the octets of the `digits`, which have no padding, and forget them. */
static void decode_digits(GString *digits, GString *octets)
{
    guchar *decoded;
    gsize length = 0;
    /* Six bits are no octet. */
    if (digits->len % 4 == 1)
        g_string_truncate(digits, digits->len - 1);
    while (digits->len % 4 != 0)
        g_string_append_c(digits, '=');
    decoded = g_base64_decode(digits->str, &length);
    g_string_append_len(octets, (const char *)decoded, (gssize)length);
    g_string_truncate(digits, 0);
    g_free(decoded);
}

static void decode_base64(const struct word *word, unsigned reading, GString *octets)
{
    GString *digits = g_string_new(NULL);
    for (const char *p = word->text; p < word->end; p++)
        if (*p == '=' && (reading & ENCODED_WORD_ANEW) != 0)
            decode_digits(digits, octets);
        else if (strchr(digits64, *p) != NULL)
            g_string_append_c(digits, *p);
    decode_digits(digits, octets);
    g_string_free(digits, TRUE);
}

static void decode_quoted(const struct word *word, GString *octets)
{
    for (const char *p = word->text; p < word->end; p++)
        if (*p == '=' && word->end - p > 2 && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2])) {
            g_string_append_c(octets,
                              (char)(g_ascii_xdigit_value(p[1]) << 4 | g_ascii_xdigit_value(p[2])));
            p += 2;
        } else {
            g_string_append_c(octets, *p == '_' ? ' ' : *p);
        }
}

static void decode(const struct word *word, unsigned reading, GString *octets)
{
    g_string_truncate(octets, 0);
    if (word->encoding == 'b')
        decode_base64(word, reading, octets);
    else
        decode_quoted(word, octets);
}

/* Has the character set octets of zero in its letters? Nobody writes such words, and programs do
 * not agree on which octet comes first: without the zeros it is ASCII in any order. */
static bool is_wide(const struct word *word)
{
    static const char *const names[] = {"utf-16", "utf16",     "utf-32", "utf32", "ucs",
                                        "csucs",  "iso-10646", "10646",  "wchar"};
    static const char unicode[] = "unicode";
    size_t length = word->charset_length;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(word->charset, names[i], strlen(names[i])) == 0)
            return true;
    return strncasecmp(word->charset, unicode, sizeof unicode - 1) == 0 &&
           (length < 2 || word->charset[length - 2] != '-'); /* unicode-1-1-utf-7 */
}

static void put_octet(GString *out, unsigned char octet)
{
    static const char hex[] = "0123456789ABCDEF";
    const char text[] = {'=', hex[octet >> 4], hex[octet & 0xf]};
    g_string_append_len(out, text, sizeof text);
}

static void put_for_gmime(const struct word *word, const GString *octets, GString *out)
{
    g_string_append(out, "=?");
    if (is_wide(word))
        g_string_append(out, "utf-8");
    else
        g_string_append_len(out, word->charset, (gssize)word->charset_length);
    g_string_append(out, "?q?");
    for (gsize i = 0; i < octets->len; i++)
        if (octets->str[i] != '\0')
            put_octet(out, (unsigned char)octets->str[i]);
}

static void put_repaired(const struct word *word, const GString *octets, GString *out)
{
    const char *begin = word->charset - 2;
    char *text = NULL;
    if (word->encoding == 'b')
        text = g_base64_encode((const guchar *)octets->str, octets->len);
    g_string_append_len(out, begin, (text != NULL ? word->text : word->end) - begin);
    if (text != NULL)
        g_string_append(out, text);
    g_free(text);
}

/* What becomes of a word, and of a "=?" that begins none. */
struct manner {
    void (*put)(const struct word *word, const GString *octets, GString *out);
    const char *like_word; /* although it looks as if it did */
    const char *other;
};

/* GMime would look for the end of a word there, and miss the next one. */
static const struct manner for_gmime = {put_for_gmime,
                                        "=?us-ascii?q?=3D=3F?=", "=?us-ascii?q?=3D=3F?="};
static const struct manner repaired = {put_repaired, "= ?", "=?"};

static char *rewrite(const char *value, unsigned reading, const struct manner *manner)
{
    GString *out = g_string_new(NULL);
    GString *octets = g_string_new(NULL);
    const char *last = g_strrstr(value, "?="); /* so that nobody looks for an end in vain */
    char *made;
    while (*value != '\0') {
        struct word word = {0};
        bool marked = value[0] == '=' && value[1] == '?';
        bool begins = marked && begins_word(value, &word);
        if (begins && last != NULL && word.text <= last)
            word.end = word_end(word.text, reading);
        if (word.end != NULL) {
            decode(&word, reading, octets);
            manner->put(&word, octets, out);
            g_string_append(out, "?=");
            value = word.end + 2;
        } else if (marked) {
            g_string_append(out, begins ? manner->like_word : manner->other);
            value += 2;
        } else {
            g_string_append_c(out, *value++);
        }
    }
    /* Not GLib's, so that callers need not know of it. */
    made = strdup(out->str);
    g_string_free(out, TRUE);
    g_string_free(octets, TRUE);
    return made;
}

char *encoded_words_repair(const char *value)
{
    return rewrite(value, ENCODED_WORD_ANEW, &repaired);
}

char *encoded_words_for_gmime(const char *value, unsigned reading)
{
    return rewrite(value, reading, &for_gmime);
}
