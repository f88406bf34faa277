/* Certificates in vCards: KEY with base64 (vCard 2.1 and 3.0) or a data: URI (4.0, RFC 2397). */
#include "certificate_entries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "why.h"

static enum credential_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return CREDENTIAL_ERROR;
}

static size_t byte_order_mark(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool vcards_begin(const char *text, size_t length)
{
    static const char begin[] = "BEGIN:VCARD";
    size_t at = byte_order_mark(text, length);
    while (at < length && strchr(" \t\r\n", text[at])) {
        at++;
    }
    return length - at >= sizeof begin - 1 && strncasecmp(text + at, begin, sizeof begin - 1) == 0;
}

/* ---- Lines (RFC 6350 section 3.2) ---- */

/* Take the folding out, in place: a line that begins with a blank continues the one before. Lines
 * end with LF then. */
static void unfold(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        const char *after = from[0] == '\r' && from[1] == '\n' ? from + 1 : from;
        if (*after == '\n' && (after[1] == ' ' || after[1] == '\t')) {
            from = after + 1;
        } else if (*after == '\n') {
            *to++ = '\n';
            from = after;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* The next line, its end replaced by NUL; NULL at the end. */
static char *next_line(char **next)
{
    char *line = *next;
    if (!line || !*line) {
        return NULL;
    }
    char *end = strchr(line, '\n');
    if (end) {
        *end = '\0';
        *next = end + 1;
    } else {
        *next = NULL;
    }
    return line;
}

/* "item1.KEY;TYPE=X509:value" in its parts, which stand in the line. */
struct property {
    const char *name;
    char *parameters; /* "" if none; NUL behind each one is not set yet */
    char *value;
};

static bool split(char *line, struct property *out)
{
    bool quoted = false;
    char *colon = line;
    for (; *colon && (quoted || *colon != ':'); colon++) {
        quoted ^= *colon == '"';
    }
    if (!*colon) {
        return false;
    }
    *colon = '\0';
    out->value = colon + 1;
    char *semicolon = strchr(line, ';');
    out->parameters = semicolon ? semicolon + 1 : colon;
    if (semicolon) {
        *semicolon = '\0';
    }
    const char *dot = strrchr(line, '.');
    out->name = dot ? dot + 1 : line;
    return true;
}

/* Does a parameter say so: "ENCODING=b", or its value alone, as in vCard 2.1? */
static bool parameter_is(const char *parameters, const char *name, const char *value)
{
    size_t name_length = strlen(name), value_length = strlen(value);
    for (const char *at = parameters; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        size_t length = strcspn(at, ";");
        if (length > name_length && at[name_length] == '=' &&
            strncasecmp(at, name, name_length) == 0) {
            at += name_length + 1;
            length -= name_length + 1;
        }
        if (length >= 2 && at[0] == '"' && at[length - 1] == '"') {
            at++;
            length -= 2;
        }
        if (length == value_length && strncasecmp(at, value, value_length) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Values ---- */

/* Base64 (RFC 4648 section 4) without the blanks that folding may have left; missing padding is
 * forgiven. A new buffer (free()), NULL when it is wrong or memory is out. */
static unsigned char *decode_base64(const char *text, size_t *length_out)
{
    size_t length = strlen(text), used = 0;
    unsigned char *compact = malloc(length + 4);
    unsigned char *bytes = malloc(length + 4);
    bool good = compact && bytes;
    for (size_t i = 0; good && i < length; i++) {
        if (!strchr(" \t\r\\", text[i])) {
            compact[used++] = (unsigned char)text[i];
        }
    }
    size_t padding = 0;
    while (good && used > 0 && compact[used - 1] == '=') {
        used--;
    }
    while (good && (used + padding) % 4 != 0) {
        compact[used + padding++] = '=';
    }
    int decoded = good && padding < 3 && !memchr(compact, '=', used)
                      ? EVP_DecodeBlock(bytes, compact, (int)(used + padding))
                      : -1;
    if (decoded > (int)padding) {
        *length_out = (size_t)decoded - padding;
    } else {
        free(bytes);
        bytes = NULL;
    }
    free(compact);
    return bytes;
}

static bool contains(const char *text, size_t length, const char *part)
{
    size_t wanted = strlen(part);
    for (size_t i = 0; i + wanted <= length; i++) {
        if (strncasecmp(text + i, part, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* What a KEY holds. */
enum key_kind { KEY_BASE64, KEY_OTHER_PROGRAM, KEY_ELSEWHERE, KEY_UNREADABLE };

static enum key_kind classify(const struct property *key, const char **base64_out)
{
    const char *value = key->value;
    if (parameter_is(key->parameters, "TYPE", "PGP") ||
        parameter_is(key->parameters, "MEDIATYPE", "application/pgp-keys")) {
        return KEY_OTHER_PROGRAM;
    }
    if (strncasecmp(value, "data:", 5) == 0) {
        const char *comma = strchr(value, ',');
        size_t head = comma ? (size_t)(comma - value) : 0;
        if (contains(value, head, "pgp")) {
            return KEY_OTHER_PROGRAM;
        }
        *base64_out = comma ? comma + 1 : value;
        return contains(value, head, ";base64") ? KEY_BASE64 : KEY_UNREADABLE;
    }
    *base64_out = value;
    if (parameter_is(key->parameters, "ENCODING", "b") ||
        parameter_is(key->parameters, "ENCODING", "BASE64")) {
        return KEY_BASE64;
    }
    size_t scheme =
        strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return scheme > 0 && value[scheme] == ':' ? KEY_ELSEWHERE : KEY_UNREADABLE;
}

/* ---- Cards ---- */

struct card {
    const struct entry_taker *taker;
    const char *name; /* FN, in the text */
    STACK_OF(X509) * certificates;
};

static void trouble(const struct card *card, const char *sentence)
{
    card->taker->trouble(card->taker->context, card->name, sentence);
}

static enum credential_status add_base64(struct card *card, const char *base64, char **why)
{
    size_t length = 0;
    STACK_OF(X509) *read = NULL;
    char *reason = NULL;
    if (strlen(base64) > ENTRIES_MAX_VALUE_BYTES) {
        trouble(card, "a value is too long for a certificate");
        return CREDENTIAL_OK;
    }
    unsigned char *bytes = decode_base64(base64, &length);
    if (!bytes) {
        trouble(card, "the base64 of a key is wrong");
        return CREDENTIAL_OK;
    }
    enum credential_status status = certificates_read(bytes, length, &read, &reason);
    if (status == CREDENTIAL_OK &&
        X509_add_certs(card->certificates, read, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) !=
            1) {
        status = no_memory(why);
    } else if (status == CREDENTIAL_REFUSED) {
        trouble(card, why_text(&reason));
        status = CREDENTIAL_OK;
    } else if (status != CREDENTIAL_OK) {
        why_set(why, "%s", why_text(&reason));
    }
    free(bytes);
    sk_X509_pop_free(read, X509_free);
    why_free(&reason);
    return status;
}

static enum credential_status take_key(struct card *card, const struct property *key, char **why)
{
    const char *base64 = "";
    switch (classify(key, &base64)) {
    case KEY_BASE64:
        return add_base64(card, base64, why);
    case KEY_OTHER_PROGRAM:
        break;
    case KEY_ELSEWHERE:
        trouble(card, "a key stands elsewhere (a URL), and is not fetched");
        break;
    case KEY_UNREADABLE:
        trouble(card, "a key is neither base64 nor a data: URI with base64");
        break;
    }
    return CREDENTIAL_OK;
}

static void hand_on(struct card *card)
{
    if (sk_X509_num(card->certificates) > 0) {
        card->taker->certificates(card->taker->context, card->name, card->certificates);
    }
    while (sk_X509_num(card->certificates) > 0) {
        X509_free(sk_X509_pop(card->certificates));
    }
    card->name = "";
}

static enum credential_status read_cards(char *text, struct card *card, char **why)
{
    enum credential_status status = CREDENTIAL_OK;
    char *next = text, *line = NULL;
    while (status == CREDENTIAL_OK && (line = next_line(&next))) {
        struct property property;
        if (!split(line, &property)) {
            continue;
        }
        if (strcasecmp(property.name, "BEGIN") == 0 || strcasecmp(property.name, "END") == 0) {
            hand_on(card);
        } else if (strcasecmp(property.name, "FN") == 0) {
            card->name = property.value;
        } else if (strcasecmp(property.name, "KEY") == 0) {
            status = take_key(card, &property, why);
        }
    }
    if (status == CREDENTIAL_OK) {
        hand_on(card); /* a card without an end */
    }
    return status;
}

enum credential_status vcards_read(const char *text, size_t length, const struct entry_taker *taker,
                                   char **why)
{
    if (length > ENTRIES_MAX_BYTES) {
        why_set(why, "the file has more than %ld bytes", ENTRIES_MAX_BYTES);
        return CREDENTIAL_REFUSED;
    }
    if (memchr(text, '\0', length)) {
        why_set(why, "the file has NUL bytes, so it is no vCard");
        return CREDENTIAL_REFUSED;
    }
    struct card card = {.taker = taker, .name = "", .certificates = sk_X509_new_null()};
    size_t mark = byte_order_mark(text, length);
    char *copy = strndup(text + mark, length - mark);
    enum credential_status status = CREDENTIAL_OK;
    if (copy && card.certificates) {
        unfold(copy);
        status = read_cards(copy, &card, why);
    } else {
        status = no_memory(why);
    }
    sk_X509_pop_free(card.certificates, X509_free);
    free(copy);
    return status;
}
