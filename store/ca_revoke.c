/* What a CA of one's own has issued, and revoking it. */
#include "ca.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>

#include "audit.h"
#include "ca_rows.h"
#include "certificate.h"
#include "handle.h"
#include "mailbox.h"
#include "why.h"

#define MAX_SERIAL_DIGITS 40 /* 20 octets: RFC 5280 section 4.1.2.2 */

static const struct {
    enum ca_reason reason;
    const char *name;
} reasons[] = {
    {CA_UNSPECIFIED, "unspecified"},
    {CA_KEY_COMPROMISE, "keyCompromise"},
    {CA_AFFILIATION_CHANGED, "affiliationChanged"},
    {CA_SUPERSEDED, "superseded"},
    {CA_CESSATION_OF_OPERATION, "cessationOfOperation"},
    {CA_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
};

const char *ca_reason_name(enum ca_reason reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].reason == reason) {
            return reasons[i].name;
        }
    }
    return "unspecified";
}

int ca_reason_named(const char *name, enum ca_reason *out)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (strcasecmp(reasons[i].name, name) == 0) {
            *out = reasons[i].reason;
            return 0;
        }
    }
    return -1;
}

/* ---- Serial numbers ---- */

/* In place: lower case, no leading zeros. */
static void normalize(char *hex)
{
    size_t zeros = strspn(hex, "0");
    if (zeros > 0 && hex[zeros] == '\0') {
        zeros--;
    }
    memmove(hex, hex + zeros, strlen(hex + zeros) + 1);
    for (char *c = hex; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
}

char *ca_serial_text(const ASN1_INTEGER *serial)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    char *text = hex ? strdup(hex) : NULL;
    if (text) {
        normalize(text);
    }
    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

/* As an administrator writes it, perhaps with colons: a new string. */
static enum store_status read_serial(const char *given, char **out, char **why)
{
    size_t length = 0;
    char *text = malloc(strlen(given) + 1);
    if (!text) {
        return store_no_memory(why);
    }
    for (const char *c = given; *c; c++) {
        if (*c != ':') {
            text[length++] = *c;
        }
    }
    text[length] = '\0';
    if (length == 0 || strspn(text, "0123456789abcdefABCDEF") != length) {
        why_set(why, "\"%s\" is no serial number: hexadecimal digits are wanted", given);
        free(text);
        return STORE_REFUSED;
    }
    normalize(text);
    if (strlen(text) > MAX_SERIAL_DIGITS) {
        why_set(why, "no serial number has more than %d digits", MAX_SERIAL_DIGITS);
        free(text);
        return STORE_REFUSED;
    }
    *out = text;
    return STORE_OK;
}

/* ---- Listing ---- */

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct ca_certificate_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct ca_certificate *items =
            reallocarray(list->items, 2 * list->count + 2, sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    struct ca_certificate *item = &list->items[list->count++];
    *item = (struct ca_certificate){
        .ca = sqlite3_column_int64(row, 0),
        .serial = sql_text(row, 1, why),
        .mailbox = sql_text(row, 2, why),
        .fingerprint = sql_text(row, 4, why),
        .issued = sqlite3_column_int64(row, 5),
        .revoked = sqlite3_column_int64(row, 6),
        .reason = (enum ca_reason)sqlite3_column_int(row, 7),
    };
    if (!item->serial || !item->mailbox || !item->fingerprint) {
        return STORE_ERROR;
    }
    return certificate_column(row, 3, &item->certificate, why);
}

static enum store_status list_rows(struct sql *sql, struct ca_certificate_list *out, char **why)
{
    return sql_each(sql,
                    "SELECT i.ca, i.serial, i.mailbox, c.der, c.fingerprint, i.issued, i.revoked,"
                    " i.reason FROM ca_certificate i JOIN certificate c ON c.id = i.certificate"
                    " ORDER BY i.id",
                    SQL_NO_VALUES, push, out, why);
}

enum store_status store_ca_certificates(struct store *store, struct ca_certificate_list *out,
                                        char **why)
{
    *out = (struct ca_certificate_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, list_rows(store->sql, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        ca_certificate_list_clear(out);
    }
    return status;
}

void ca_certificate_list_clear(struct ca_certificate_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].serial);
        free(list->items[i].mailbox);
        X509_free(list->items[i].certificate);
        free(list->items[i].fingerprint);
    }
    free(list->items);
    *list = (struct ca_certificate_list){NULL, 0};
}

/* ---- Revoking ---- */

struct revocation {
    enum ca_reason reason;
    time_t now;
};

/* The mailboxes that sign with it: one, unless somebody gave one key to several. */
static enum store_status deactivate(struct store *store, int64_t certificate, const char *serial,
                                    bool *deactivated, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(store->sql,
                  "SELECT m.address FROM private_key k JOIN mailbox m ON m.signing_key = k.id"
                  " WHERE k.certificate = ?1 AND m.state = ?2",
                  SQL_VALUES(SQL_INT(certificate), SQL_INT(MAILBOX_ACTIVE)), &row, why);
    while (status == STORE_OK) {
        *deactivated = true;
        status =
            audit_record(store, "mailbox deactivated", (const char *)sqlite3_column_text(row, 0),
                         why, "its certificate %s was revoked", serial);
        if (status == STORE_OK) {
            status = sql_next(store->sql, row, why);
        }
    }
    sql_done(row);
    if (status == STORE_NONE) {
        status = sql_run(
            store->sql,
            "UPDATE mailbox SET state = ?2 WHERE state = ?3 AND signing_key IN"
            " (SELECT id FROM private_key WHERE certificate = ?1)",
            SQL_VALUES(SQL_INT(certificate), SQL_INT(MAILBOX_INACTIVE), SQL_INT(MAILBOX_ACTIVE)),
            why);
    }
    return status;
}

static enum store_status revoke_row(struct store *store, int64_t id, const char *serial,
                                    const char *mailbox, int64_t certificate,
                                    const struct revocation *revocation, struct ca_revoked *out,
                                    char **why)
{
    enum store_status status = sql_run(
        store->sql, "UPDATE ca_certificate SET revoked = ?2, reason = ?3 WHERE id = ?1",
        SQL_VALUES(SQL_INT(id), SQL_INT(revocation->now), SQL_INT(revocation->reason)), why);
    if (status == STORE_OK) {
        out->count++;
        status = audit_record(store, "certificate revoked", mailbox, why, "serial %s, %s", serial,
                              ca_reason_name(revocation->reason));
    }
    return status == STORE_OK ? deactivate(store, certificate, serial, &out->deactivated, why)
                              : status;
}

static enum store_status revoke_serial(struct store *store, const char *serial,
                                       const struct revocation *revocation, struct ca_revoked *out,
                                       char **why)
{
    sqlite3_stmt *row = NULL;
    char *mailbox = NULL;
    int64_t id = 0;
    int64_t certificate = 0;
    enum store_status status = sql_query(store->sql,
                                         "SELECT id, mailbox, certificate, revoked IS NOT NULL "
                                         "FROM ca_certificate WHERE serial = ?1",
                                         SQL_VALUES(SQL_TEXT(serial)), &row, why);
    if (status == STORE_NONE) {
        why_set(why, "no certificate with the serial number %s was issued here", serial);
        status = STORE_REFUSED;
    } else if (status == STORE_OK && sqlite3_column_int(row, 3) != 0) {
        why_set(why, "the certificate %s was revoked before", serial);
        status = STORE_REFUSED;
    } else if (status == STORE_OK) {
        id = sqlite3_column_int64(row, 0);
        certificate = sqlite3_column_int64(row, 2);
        mailbox = sql_text(row, 1, why);
        status = mailbox ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    if (status == STORE_OK) {
        status = revoke_row(store, id, serial, mailbox, certificate, revocation, out, why);
    }
    free(mailbox);
    return status;
}

enum store_status store_ca_revoke_serial(struct store *store, const char *serial,
                                         enum ca_reason reason, time_t now, struct ca_revoked *out,
                                         char **why)
{
    const struct revocation revocation = {reason, now};
    char *normal = NULL;
    *out = (struct ca_revoked){0};
    enum store_status status = read_serial(serial, &normal, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = revoke_serial(store, normal, &revocation, out, why);
        status = change_end(store, status, &(struct change){.effect = CHANGE_ALL}, why);
    }
    free(normal);
    return status;
}

#define OF_MAILBOX                                                                                 \
    "i.mailbox = ifnull((SELECT m.address FROM mailbox_address a JOIN mailbox m"                   \
    " ON m.id = a.mailbox WHERE a.address = ?1), ?1)"

/* A slip of the pen is not to look like something done. */
static enum store_status refuse_unknown(struct sql *sql, const char *address, char **why)
{
    int64_t count = 0;
    enum store_status status =
        sql_integer(sql, "SELECT count(*) FROM ca_certificate i WHERE " OF_MAILBOX,
                    SQL_VALUES(SQL_TEXT(address)), &count, why);
    if (status == STORE_OK && count == 0) {
        why_set(why, "no certificate was issued here for %s", address);
        status = STORE_REFUSED;
    }
    return status;
}

/* One at a time: a statement that reads is not to see what is changed below it. */
static enum store_status next_serial(struct sql *sql, const char *address, time_t now, char **out,
                                     char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = sql_query(
        sql,
        "SELECT i.serial FROM ca_certificate i JOIN certificate c ON c.id = i.certificate"
        " WHERE " OF_MAILBOX " AND i.revoked IS NULL AND c.not_after >= ?2 ORDER BY i.id LIMIT 1",
        SQL_VALUES(SQL_TEXT(address), SQL_INT(now)), &row, why);
    if (status == STORE_OK) {
        *out = sql_text(row, 0, why);
        status = *out ? STORE_OK : STORE_ERROR;
    }
    sql_done(row);
    return status;
}

enum store_status store_ca_revoke_mailbox(struct store *store, const char *address,
                                          enum ca_reason reason, time_t now, struct ca_revoked *out,
                                          char **why)
{
    const struct revocation revocation = {reason, now};
    *out = (struct ca_revoked){0};
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    status = refuse_unknown(store->sql, address, why);
    while (status == STORE_OK) {
        char *serial = NULL;
        status = next_serial(store->sql, address, now, &serial, why);
        if (status == STORE_OK) {
            status = revoke_serial(store, serial, &revocation, out, why);
        }
        free(serial);
    }
    status = status == STORE_NONE ? STORE_OK : status;
    const struct change change = {.effect = out->count > 0 ? CHANGE_ALL : CHANGE_NOTHING};
    return change_end(store, status, &change, why);
}

enum store_status ca_refuse_revoked(struct sql *sql, X509 *certificate, char **why)
{
    int64_t row = 0;
    int64_t revoked = 0;
    enum store_status status = certificate_find(sql, certificate, &row, why);
    if (status == STORE_OK) {
        status = sql_integer(sql,
                             "SELECT count(*) FROM ca_certificate"
                             " WHERE certificate = ?1 AND revoked IS NOT NULL",
                             SQL_VALUES(SQL_INT(row)), &revoked, why);
    }
    if (status == STORE_OK && revoked > 0) {
        why_set(why, "the certificate was revoked by the CA of this store");
        return STORE_REFUSED;
    }
    return status == STORE_NONE ? STORE_OK : status;
}
