/* Addresses in the display name of From.
 *
 * GMime has decoded the name; compatibility forms (a full-width '@', say) become what they look
 * like, and what nobody sees is dropped, so that what is compared is what is seen. What stands
 * around an '@' is then cut to what a reader takes for the address, whether it is a valid one or
 * not: quotes, braces and words that are glued to it must not hide it. */
#include "display_name.h"

#include <gmime/gmime.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "encoded_word.h"
#include "gmime_start.h"
#include "unseen.h"

/* Of what is seen of a name; nobody reads further. Putting accents in order takes the square of
 * their number. */
#define NAME_MAX_BYTES 2048

/* "moc.elpmaxe@ssob" behind it is seen as "boss@example.com". */
#define RIGHT_TO_LEFT_OVERRIDE "\xe2\x80\xae"

/* What has no width, or as good as none, and what a program shows as nothing, be it assigned yet or
 * not (Default_Ignorable_Code_Point). */
static bool is_unseen(gunichar c)
{
    return unseen_character(c) || g_unichar_iszerowidth(c) || (c >= 0x2009 && c <= 0x200a) ||
           c == 0x202f || c == 0xfffc;
}

/* `name` as it is seen. Blanks beside each other are one, as in HTML: however many characters stand
 * there that take no room, what follows is read. */
static GString *as_seen(const char *name)
{
    char *whole = g_utf8_make_valid(name, -1);
    GString *seen = g_string_new(NULL);
    char *normal;
    for (const char *p = whole; *p != '\0' && seen->len < NAME_MAX_BYTES; p = g_utf8_next_char(p)) {
        bool again = *p == ' ' && seen->len > 0 && seen->str[seen->len - 1] == ' ';
        /* Before they are normalised: blanks that are hardly seen would become such as are. */
        if (!again && !is_unseen(g_utf8_get_char(p)))
            g_string_append_unichar(seen, g_utf8_get_char(p));
    }
    g_free(whole);
    normal = g_utf8_normalize(seen->str, -1, G_NORMALIZE_ALL_COMPOSE);
    g_string_assign(seen, normal != NULL ? normal : "");
    g_string_replace(seen, "\xe3\x80\x82", ".", 0); /* in a domain the same: RFC 3490 section 3.1 */
    g_free(normal);
    return seen;
}

static bool is_word(const char *at, const char *others)
{
    gunichar c = g_utf8_get_char(at);
    return g_unichar_isalnum(c) || (c != 0 && c < 0x80 && strchr(others, (char)c) != NULL);
}

/* Where the address around the '@' at `at` begins and ends. */
static void cut(const char *text, const char *at, const char **from_out, const char **to_out)
{
    const char *from = at;
    const char *to = at + 1;
    while (from > text && is_word(g_utf8_prev_char(from), "._+-"))
        from = g_utf8_prev_char(from);
    while (from < at && !is_word(from, ""))
        from = g_utf8_next_char(from);
    while (*to != '\0' && is_word(to, ".-"))
        to = g_utf8_next_char(to);
    while (to > at + 1 && (to[-1] == '.' || to[-1] == '-'))
        to--;
    *from_out = from;
    *to_out = to;
}

/* Is it the end of the author's own address, "o'brien@example.com"? */
static bool is_own(const char *text, const char *to, const char *own)
{
    size_t length = strlen(own);
    return (size_t)(to - text) >= length && g_ascii_strncasecmp(to - length, own, length) == 0;
}

/* Each once: a name can have hundreds. */
static int add(struct mailboxes *out, const char *from, const char *to)
{
    char *canonical = NULL;
    char **items;
    /* What is no address for a program may be one for a reader. */
    if (address_canonical(from, (size_t)(to - from), &canonical) != ADDRESS_OK)
        canonical = strndup(from, (size_t)(to - from));
    if (canonical == NULL)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->items[i], canonical) == 0) {
            free(canonical);
            return 0;
        }
    items = reallocarray(out->items, out->count + 1, sizeof *items);
    if (items == NULL) {
        free(canonical);
        return -1;
    }
    out->items = items;
    items[out->count++] = canonical;
    return 0;
}

static int add_all(struct mailboxes *out, const char *text, const char *own)
{
    int rc = 0;
    for (const char *at = strchr(text, '@'); rc == 0 && at != NULL; at = strchr(at + 1, '@')) {
        const char *from;
        const char *to;
        cut(text, at, &from, &to);
        if (from < at && memchr(at, '.', (size_t)(to - at)) != NULL && !is_own(text, to, own))
            rc = add(out, from, to);
    }
    return rc;
}

static int add_seen(struct mailboxes *out, const char *text, const char *own)
{
    GString *seen = as_seen(text);
    int rc = add_all(out, seen->str, own);
    if (rc == 0 && strstr(text, RIGHT_TO_LEFT_OVERRIDE) != NULL) {
        char *turned = g_utf8_strreverse(seen->str, -1);
        rc = add_all(out, turned, own);
        g_free(turned);
    }
    g_string_free(seen, TRUE);
    return rc;
}

/* The names that GMime finds in `value`, and all of its text: some programs show comments, or names
 * that GMime does not take for such. */
static int add_names(struct mailboxes *out, const char *value, const char *own)
{
    InternetAddressList *list = internet_address_list_parse(NULL, value);
    char *text = g_mime_utils_header_decode_text(NULL, value);
    int rc = text != NULL ? add_seen(out, text, own) : -1;
    for (int i = 0; rc == 0 && list != NULL && i < internet_address_list_length(list); i++) {
        const char *name = internet_address_get_name(internet_address_list_get_address(list, i));
        rc = add_seen(out, name != NULL ? name : "", own);
    }
    if (list != NULL)
        g_object_unref(list);
    g_free(text);
    return rc;
}

int display_name_addresses(const struct header *header, const char *own, struct mailboxes *out)
{
    const struct header_field *field = header_get(header, "From", 0);
    char *former = NULL;
    int rc = 0;
    *out = (struct mailboxes){0};
    gmime_start();
    /* Mostly all programs read the same. */
    for (unsigned reading = 0; rc == 0 && field != NULL && reading < ENCODED_WORD_READINGS;
         reading++) {
        char *value = encoded_words_for_gmime(field->value, reading);
        if (value == NULL)
            rc = -1;
        else if (former == NULL || strcmp(value, former) != 0)
            rc = add_names(out, value, own);
        free(former);
        former = value;
    }
    free(former);
    if (rc != 0)
        mailboxes_clear(out);
    return rc;
}
