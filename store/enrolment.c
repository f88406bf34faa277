/* Enrolments: what is asked of a CA, from the request until it has decided. */
#include "enrolment.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "audit.h"
#include "cert_use.h"
#include "handle.h"
#include "key.h"
#include "mailbox.h"
#include "notice_rows.h"
#include "request.h"
#include "why.h"

static const struct change all = {.effect = CHANGE_ALL};
static const struct change nothing = {.effect = CHANGE_NOTHING};

const char *enrolment_kind_name(enum enrolment_kind kind)
{
    return kind == ENROLMENT_UPDATE ? "update" : "new";
}

const char *enrolment_phase_name(enum enrolment_phase phase)
{
    return phase == ENROLMENT_FAILED ? "failed" : "pending";
}

void enrolment_messages_clear(struct enrolment_messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        free(messages->items[i].der);
    }
    *messages = (struct enrolment_messages){0};
}

void enrolment_clear(struct enrolment *enrolment)
{
    free(enrolment->address);
    free(enrolment->ca);
    free(enrolment->error);
    enrolment_messages_clear(&enrolment->messages);
    *enrolment = (struct enrolment){0};
}

void enrolment_list_clear(struct enrolment_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        enrolment_clear(&list->items[i]);
    }
    free(list->items);
    *list = (struct enrolment_list){NULL, 0};
}

/* ---- Rows ---- */

#define ENROLMENT_COLUMNS                                                                          \
    "SELECT m.address, e.ca, e.kind, e.phase, e.started, e.give_up, e.next_attempt, e.failures,"   \
    " e.restarts, e.received, e.error FROM enrolment e JOIN mailbox m ON m.id = e.mailbox "

static enum store_status read_row(sqlite3_stmt *row, struct enrolment *out, char **why)
{
    *out = (struct enrolment){
        .kind = (enum enrolment_kind)sqlite3_column_int(row, 2),
        .phase = (enum enrolment_phase)sqlite3_column_int(row, 3),
        .started = sqlite3_column_int64(row, 4),
        .give_up = sqlite3_column_int64(row, 5),
        .next_attempt = sqlite3_column_int64(row, 6),
        .failures = sqlite3_column_int(row, 7),
        .restarts = sqlite3_column_int(row, 8),
        .received = sqlite3_column_int64(row, 9),
    };
    out->address = sql_text(row, 0, why);
    out->ca = out->address ? sql_text(row, 1, why) : NULL;
    out->error = out->ca ? sql_text(row, 10, why) : NULL;
    if (!out->error) {
        enrolment_clear(out);
        return STORE_ERROR;
    }
    return STORE_OK;
}

static enum store_status push(void *context, sqlite3_stmt *row, char **why)
{
    struct enrolment_list *list = context;
    /* Grown in powers of two: there may be many thousands. */
    if ((list->count & (list->count + 1)) == 0) {
        struct enrolment *items = realloc(list->items, (2 * list->count + 2) * sizeof *items);
        if (!items) {
            return store_no_memory(why);
        }
        list->items = items;
    }
    enum store_status status = read_row(row, &list->items[list->count], why);
    if (status == STORE_OK) {
        list->count++;
    }
    return status;
}

static enum store_status read_messages(struct sql *sql, int64_t mailbox,
                                       struct enrolment_messages *out, char **why)
{
    struct blobs blobs = {NULL, 0};
    enum store_status status =
        sql_blobs(sql, "SELECT der FROM enrolment_message WHERE mailbox = ?1 ORDER BY position",
                  SQL_VALUES(SQL_INT(mailbox)), &blobs, why);
    if (status == STORE_OK && blobs.count > ENROLMENT_MAX_MESSAGES) {
        why_set(why, "an enrolment in the store has too many messages");
        status = STORE_ERROR;
    }
    for (size_t i = 0; status == STORE_OK && i < blobs.count; i++) {
        out->items[i].der = blobs.items[i].start;
        out->items[i].length = blobs.items[i].length;
        out->count = i + 1;
        blobs.items[i].start = NULL;
    }
    blobs_clear(&blobs);
    return status;
}

/* Those that there are are replaced. */
static enum store_status write_messages(struct sql *sql, int64_t mailbox,
                                        const struct enrolment_messages *messages, char **why)
{
    enum store_status status = sql_run(sql, "DELETE FROM enrolment_message WHERE mailbox = ?1",
                                       SQL_VALUES(SQL_INT(mailbox)), why);
    for (size_t i = 0; status == STORE_OK && messages && i < messages->count; i++) {
        if (messages->items[i].length > ENROLMENT_MAX_MESSAGE_BYTES) {
            why_set(why, "a message of the CA has more than %d bytes", ENROLMENT_MAX_MESSAGE_BYTES);
            return STORE_REFUSED;
        }
        status = sql_run(
            sql, "INSERT INTO enrolment_message (mailbox, position, der) VALUES (?1, ?2, ?3)",
            SQL_VALUES(SQL_INT(mailbox), SQL_INT((int64_t)i),
                       SQL_BLOB(messages->items[i].der, messages->items[i].length)),
            why);
    }
    return status;
}

enum store_status enrolment_delete(struct sql *sql, int64_t mailbox, char **why)
{
    return sql_run(sql, "DELETE FROM enrolment WHERE mailbox = ?1", SQL_VALUES(SQL_INT(mailbox)),
                   why);
}

enum store_status enrolment_finish(struct store *store, int64_t mailbox, int64_t certificate,
                                   char **why)
{
    struct sql *sql = store->sql;
    enum store_status status = notice_of_enrolment(store, mailbox, NULL, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_run(sql,
                     "INSERT INTO enrolled (certificate, mailbox, ca)"
                     " SELECT ?2, mailbox, ca FROM enrolment WHERE mailbox = ?1 AND received != 0"
                     " ON CONFLICT (certificate) DO NOTHING",
                     SQL_VALUES(SQL_INT(mailbox), SQL_INT(certificate)), why);
    return status == STORE_OK ? enrolment_delete(sql, mailbox, why) : status;
}

/* ---- Beginning ---- */

static enum store_status insert(struct sql *sql, int64_t mailbox, const char *ca,
                                enum enrolment_kind kind, time_t give_up, time_t now, char **why)
{
    return sql_run(
        sql,
        "INSERT INTO enrolment (mailbox, ca, kind, started, give_up, next_attempt)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?4)",
        SQL_VALUES(SQL_INT(mailbox), SQL_TEXT(ca), SQL_INT(kind), SQL_INT(now), SQL_INT(give_up)),
        why);
}

enum store_status store_enrolment_begin(struct store *store, const char *address, const char *ca,
                                        enum enrolment_kind kind, EVP_PKEY *key,
                                        const unsigned char *csr, size_t length, time_t give_up,
                                        time_t now, char **why)
{
    struct blob sealed = {NULL, 0};
    const struct blob request = {(unsigned char *)(uintptr_t)csr, length};
    int64_t mailbox = 0;
    enum store_status status =
        secret_seal_key(&store->secret, key, &sealed.start, &sealed.length, why);
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status != STORE_OK) {
        goto out;
    }
    status = request_insert(store->sql, address, &sealed, &request, false, now, why);
    if (status == STORE_OK) {
        status = mailbox_id_needed(store->sql, address, &mailbox, why);
    }
    if (status == STORE_OK) {
        status = insert(store->sql, mailbox, ca, kind, give_up, now, why);
    }
    if (status == STORE_OK) {
        status =
            audit_record(store, kind == ENROLMENT_UPDATE ? "key update begun" : "enrolment begun",
                         address, why, "CA \"%s\"", ca);
    }
    status = change_end(store, status, &all, why);
out:
    OPENSSL_free(sealed.start);
    return status;
}

/* ---- Finding ---- */

static enum store_status find(struct sql *sql, const char *address, int64_t *mailbox_out,
                              struct enrolment *out, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status = mailbox_id(sql, address, mailbox_out, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(sql, ENROLMENT_COLUMNS "WHERE e.mailbox = ?1",
                       SQL_VALUES(SQL_INT(*mailbox_out)), &row, why);
    if (status == STORE_OK) {
        status = read_row(row, out, why);
    }
    sql_done(row);
    return status == STORE_OK ? read_messages(sql, *mailbox_out, &out->messages, why) : status;
}

enum store_status store_enrolment_find(struct store *store, const char *address,
                                       struct enrolment *out, char **why)
{
    int64_t mailbox = 0;
    *out = (struct enrolment){0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, find(store->sql, address, &mailbox, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        enrolment_clear(out);
    }
    return status;
}

static enum store_status list(struct store *store, const char *text, const struct sql_value *values,
                              size_t count, struct enrolment_list *out, char **why)
{
    *out = (struct enrolment_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_each(store->sql, text, values, count, push, out, why);
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        enrolment_list_clear(out);
    }
    return status;
}

enum store_status store_enrolment_list(struct store *store, struct enrolment_list *out, char **why)
{
    return list(store, ENROLMENT_COLUMNS "ORDER BY m.address", SQL_NO_VALUES, out, why);
}

enum store_status store_enrolment_due(struct store *store, time_t now, size_t limit,
                                      struct enrolment_list *out, char **why)
{
    return list(store,
                ENROLMENT_COLUMNS "WHERE e.phase = 0 AND e.busy_until <= ?1"
                                  " AND (e.next_attempt <= ?1 OR e.give_up <= ?1)"
                                  " AND (m.state != 0 OR e.give_up <= ?1)"
                                  " ORDER BY e.next_attempt, e.mailbox LIMIT ?2",
                SQL_VALUES(SQL_INT(now), SQL_INT((int64_t)limit)), out, why);
}

/* ---- Working on one ---- */

enum store_status store_enrolment_claim(struct store *store, const char *address, int lease_s,
                                        time_t now, struct enrolment *out, char **why)
{
    int64_t mailbox = 0;
    *out = (struct enrolment){0};
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status = find(store->sql, address, &mailbox, out, why);
    if (status == STORE_OK) {
        status = sql_run(store->sql,
                         "UPDATE enrolment SET busy_until = ?3"
                         " WHERE mailbox = ?1 AND phase = 0 AND busy_until <= ?2",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(now), SQL_INT(now + lease_s)), why);
    }
    if (status == STORE_OK && sql_changes(store->sql) == 0) {
        status = STORE_NONE;
    }
    status = change_end(store, status, &nothing, why);
    if (status != STORE_OK) {
        enrolment_clear(out);
    }
    return status;
}

/* The mailbox of a pending enrolment. STORE_REFUSED: it was withdrawn meanwhile. */
static enum store_status pending(struct sql *sql, const char *address, int64_t *mailbox_out,
                                 char **why)
{
    enum store_status status =
        sql_integer(sql,
                    "SELECT e.mailbox FROM enrolment e JOIN mailbox_address a"
                    " ON a.mailbox = e.mailbox WHERE a.address = ?1 AND e.phase = 0",
                    SQL_VALUES(SQL_TEXT(address)), mailbox_out, why);
    if (status == STORE_NONE) {
        why_set(why, "the enrolment of %s was withdrawn meanwhile", address);
        return STORE_REFUSED;
    }
    return status;
}

/* Begin a change of a pending enrolment; nothing is held after a failure. */
static enum store_status begin(struct store *store, const char *address, int64_t *mailbox_out,
                               char **why)
{
    enum store_status status = change_begin(store, why);
    if (status != STORE_OK) {
        return status;
    }
    audit_nothing(store);
    status = pending(store->sql, address, mailbox_out, why);
    return status == STORE_OK ? status : change_end(store, status, &nothing, why);
}

enum store_status store_enrolment_wait(struct store *store, const char *address,
                                       const struct enrolment_messages *messages, time_t next,
                                       char **why)
{
    int64_t mailbox = 0;
    enum store_status status = begin(store, address, &mailbox, why);
    if (status != STORE_OK) {
        return status;
    }
    status = write_messages(store->sql, mailbox, messages, why);
    if (status == STORE_OK) {
        status = sql_run(store->sql,
                         "UPDATE enrolment SET next_attempt = ?2, busy_until = 0, failures = 0,"
                         " error = '' WHERE mailbox = ?1",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(next)), why);
    }
    return change_end(store, status, &nothing, why);
}

enum store_status store_enrolment_received(struct store *store, const char *address,
                                           const struct enrolment_messages *messages, time_t now,
                                           char **why)
{
    int64_t mailbox = 0;
    enum store_status status = begin(store, address, &mailbox, why);
    if (status != STORE_OK) {
        return status;
    }
    status = write_messages(store->sql, mailbox, messages, why);
    if (status == STORE_OK) {
        status =
            sql_run(store->sql,
                    "UPDATE enrolment SET received = CASE received WHEN 0 THEN ?2 ELSE received"
                    " END WHERE mailbox = ?1",
                    SQL_VALUES(SQL_INT(mailbox), SQL_INT(now)), why);
    }
    return change_end(store, status, &nothing, why);
}

enum store_status store_enrolment_retry(struct store *store, const char *address, const char *error,
                                        bool restart, time_t next, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = begin(store, address, &mailbox, why);
    if (status != STORE_OK) {
        return status;
    }
    if (restart) {
        status = write_messages(store->sql, mailbox, NULL, why);
    }
    if (status == STORE_OK) {
        status = sql_run(
            store->sql,
            "UPDATE enrolment SET next_attempt = ?2, busy_until = 0, error = ?3,"
            " failures = failures + 1, restarts = restarts + ?4,"
            " received = CASE ?4 WHEN 1 THEN 0 ELSE received END WHERE mailbox = ?1",
            SQL_VALUES(SQL_INT(mailbox), SQL_INT(next), SQL_TEXT(error), SQL_INT(restart ? 1 : 0)),
            why);
    }
    return change_end(store, status, &nothing, why);
}

enum store_status store_enrolment_fail(struct store *store, const char *address, const char *error,
                                       time_t next, char **why)
{
    int64_t mailbox = 0;
    enum store_status status = begin(store, address, &mailbox, why);
    if (status != STORE_OK) {
        return status;
    }
    status = write_messages(store->sql, mailbox, NULL, why);
    if (status == STORE_OK) {
        status = notice_of_enrolment(store, mailbox, error, why);
    }
    if (status == STORE_OK) {
        status = sql_run(store->sql,
                         "UPDATE enrolment SET phase = 1, next_attempt = ?2, busy_until = 0,"
                         " error = ?3 WHERE mailbox = ?1",
                         SQL_VALUES(SQL_INT(mailbox), SQL_INT(next), SQL_TEXT(error)), why);
    }
    if (status == STORE_OK) {
        status = request_delete(store->sql, mailbox, why);
    }
    if (status == STORE_OK) {
        status = audit_record(store, "enrolment failed", address, why, "%s", error);
    }
    return change_end(store, status, &all, why);
}

enum store_status store_enrolment_check(struct store *store, const char *address, X509 *certificate,
                                        time_t now, char **why)
{
    unsigned char *csr = NULL;
    size_t length = 0;
    EVP_PKEY *key = NULL;
    int64_t mailbox = 0;
    enum store_status status = store_request_find(store, address, &csr, &length, &key, why);
    if (status == STORE_NONE) {
        why_set(why, "no request is pending for %s", address);
        status = STORE_REFUSED;
    } else if (status == STORE_OK && X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        why_set(why, "the certificate is not for the key that was sent");
        status = STORE_REFUSED;
    } else if (status == STORE_OK && cert_check_use(certificate, CERT_USE_SIGN, now, why) != 0) {
        status = STORE_REFUSED;
    }
    EVP_PKEY_free(key);
    free(csr);
    if (status != STORE_OK || (status = sql_begin_read(store->sql, why)) != STORE_OK) {
        return status;
    }
    status = mailbox_id_needed(store->sql, address, &mailbox, why);
    if (status == STORE_OK) {
        status = key_check_addresses(store->sql, mailbox, address, certificate, why);
    }
    status = sql_end(store->sql, status, why);
    sql_unlock(store->sql);
    return status;
}
