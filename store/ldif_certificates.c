/* Certificates in LDIF: lines, folding and base64 are libldap's matter.
 *
 * Its reader would fetch ":<" URLs, that is, read local files that whoever wrote the input names;
 * such lines never reach it. */
#include "certificate_entries.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <lber.h>
#include <ldif.h>

#include "why.h"

static enum credential_status no_memory(char **why)
{
    why_set(why, "out of memory");
    return CREDENTIAL_ERROR;
}

/* A copy that libldap may write in: NUL behind it, lines ending with LF alone. */
static char *copy_lines(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    size_t used = 0;
    for (size_t i = 0; copy && i < length; i++) {
        if (text[i] != '\r' || i + 1 == length || text[i + 1] != '\n') {
            copy[used++] = text[i];
        }
    }
    if (copy) {
        copy[used] = '\0';
    }
    return copy;
}

static size_t byte_order_mark(const char *text, size_t length)
{
    return length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

bool ldif_begins(const char *text, size_t length)
{
    size_t at = byte_order_mark(text, length);
    /* Comments, which may be folded, and empty lines. */
    while (at < length && strchr("# \r\n", text[at])) {
        const char *end = memchr(text + at, '\n', length - at);
        at = end ? (size_t)(end - text) + 1 : length;
    }
    return (length - at > 8 && strncasecmp(text + at, "version:", 8) == 0) ||
           (length - at > 3 && strncasecmp(text + at, "dn:", 3) == 0);
}

/* ---- One line ---- */

struct entry {
    const struct entry_taker *taker;
    char *name;
    STACK_OF(X509) * certificates;
};

static bool is_attribute(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(line, name, length) == 0 && (line[length] == ':' || line[length] == ';');
}

static const char *name_of(const struct entry *entry)
{
    return entry->name ? entry->name : "";
}

static enum credential_status add_value(struct entry *entry, const struct berval *value, char **why)
{
    STACK_OF(X509) *read = NULL;
    char *reason = NULL;
    enum credential_status status =
        certificates_read((const unsigned char *)value->bv_val, value->bv_len, &read, &reason);
    if (status == CREDENTIAL_OK &&
        X509_add_certs(entry->certificates, read, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) !=
            1) {
        status = no_memory(why);
    } else if (status == CREDENTIAL_REFUSED) {
        entry->taker->trouble(entry->taker->context, name_of(entry), why_text(&reason));
        status = CREDENTIAL_OK;
    } else if (status != CREDENTIAL_OK) {
        why_set(why, "%s", why_text(&reason));
    }
    sk_X509_pop_free(read, X509_free);
    why_free(&reason);
    return status;
}

static enum credential_status take_value(struct entry *entry, struct berval *value, bool is_name,
                                         char **why)
{
    if (!is_name) {
        return add_value(entry, value, why);
    }
    free(entry->name);
    entry->name = strndup(value->bv_val, value->bv_len);
    return entry->name ? CREDENTIAL_OK : no_memory(why);
}

static enum credential_status take_line(struct entry *entry, char *line, char **why)
{
    const struct entry_taker *taker = entry->taker;
    struct berval type = {0, NULL}, value = {0, NULL};
    int owned = 0;
    bool is_name = is_attribute(line, "dn");
    if (!is_name && !is_attribute(line, "userCertificate") &&
        !is_attribute(line, "userSMIMECertificate")) {
        return CREDENTIAL_OK;
    }
    const char *colon = strchr(line, ':');
    if (!colon || colon[1] == '<') {
        taker->trouble(taker->context, name_of(entry),
                       "a certificate stands in another file, which is not read");
        return CREDENTIAL_OK;
    }
    if (strlen(line) > ENTRIES_MAX_VALUE_BYTES) {
        taker->trouble(taker->context, name_of(entry), "a value is too long for a certificate");
        return CREDENTIAL_OK;
    }
    enum credential_status status = CREDENTIAL_OK;
    if (ldif_parse_line2(line, &type, &value, &owned) == 0 && value.bv_val) {
        status = take_value(entry, &value, is_name, why);
    } else {
        taker->trouble(taker->context, name_of(entry), "a line is no LDIF, or its base64 is wrong");
    }
    if (owned) {
        ber_memfree(value.bv_val);
    }
    return status;
}

/* ---- All lines ---- */

static enum credential_status take_entry(const struct entry_taker *taker, char **next, char **why)
{
    struct entry entry = {.taker = taker, .certificates = sk_X509_new_null()};
    enum credential_status status = entry.certificates ? CREDENTIAL_OK : no_memory(why);
    char *line = NULL;
    while (status == CREDENTIAL_OK && (line = ldif_getline(next))) {
        status = take_line(&entry, line, why);
    }
    if (status == CREDENTIAL_OK && sk_X509_num(entry.certificates) > 0) {
        taker->certificates(taker->context, name_of(&entry), entry.certificates);
    }
    sk_X509_pop_free(entry.certificates, X509_free);
    free(entry.name);
    return status;
}

enum credential_status ldif_read(const char *text, size_t length, const struct entry_taker *taker,
                                 char **why)
{
    if (length > ENTRIES_MAX_BYTES) {
        why_set(why, "the file has more than %ld bytes", ENTRIES_MAX_BYTES);
        return CREDENTIAL_REFUSED;
    }
    if (memchr(text, '\0', length)) {
        why_set(why, "the file has NUL bytes, so it is no LDIF");
        return CREDENTIAL_REFUSED;
    }
    size_t mark = byte_order_mark(text, length);
    char *copy = copy_lines(text + mark, length - mark);
    if (!copy) {
        return no_memory(why);
    }
    enum credential_status status = CREDENTIAL_OK;
    char *next = copy;
    while (status == CREDENTIAL_OK && next && *next) {
        if (*next == '\n') {
            next++;
        } else {
            status = take_entry(taker, &next, why);
        }
    }
    free(copy);
    return status;
}
