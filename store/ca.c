/* CAs of one's own: making one, listing them, loading one to sign with. */
#include "ca.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "audit.h"
#include "ca_profile.h"
#include "ca_rows.h"
#include "certificate.h"
#include "handle.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)
#define URL_SCHEME "http://"

static const struct change nothing = {.effect = CHANGE_NOTHING};

/* ---- Rows ---- */

#define CA_COLUMNS                                                                                 \
    "SELECT a.id, c.der, c.fingerprint, a.crl_url, a.crl_number, a.crl_next_update,"               \
    " a.id = (SELECT max(id) FROM ca),"                                                            \
    " (SELECT count(*) FROM ca_certificate WHERE ca = a.id),"                                      \
    " (SELECT count(*) FROM ca_certificate WHERE ca = a.id AND revoked IS NOT NULL)"               \
    " FROM ca a JOIN certificate c ON c.id = a.certificate"

static enum store_status push_ca(void *context, sqlite3_stmt *row, char **why)
{
    struct ca_list *list = context;
    struct ca *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return store_no_memory(why);
    }
    list->items = items;
    struct ca *ca = &items[list->count++];
    *ca = (struct ca){
        .id = sqlite3_column_int64(row, 0),
        .fingerprint = sql_text(row, 2, why),
        .crl_url = sql_text(row, 3, why),
        .crl_number = sqlite3_column_int64(row, 4),
        .crl_next_update = sqlite3_column_int64(row, 5),
        .issues = sqlite3_column_int(row, 6) != 0,
        .issued = (size_t)sqlite3_column_int64(row, 7),
        .revoked = (size_t)sqlite3_column_int64(row, 8),
    };
    if (!ca->fingerprint || !ca->crl_url) {
        return STORE_ERROR;
    }
    return certificate_column(row, 1, &ca->certificate, why);
}

static enum store_status list_cas(struct sql *sql, struct ca_list *out, char **why)
{
    return sql_each(sql, CA_COLUMNS " ORDER BY a.id DESC", SQL_NO_VALUES, push_ca, out, why);
}

enum store_status store_ca_list(struct store *store, struct ca_list *out, char **why)
{
    *out = (struct ca_list){NULL, 0};
    enum store_status status = sql_begin_read(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(store->sql, list_cas(store->sql, out, why), why);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        ca_list_clear(out);
    }
    return status;
}

static enum store_status no_such_ca(int64_t id, char **why)
{
    if (id == 0) {
        why_set(why, "there is no CA yet");
    } else {
        why_set(why, "there is no CA %lld", (long long)id);
    }
    return STORE_REFUSED;
}

enum store_status store_ca_find(struct store *store, int64_t id, struct ca_list *out, char **why)
{
    sqlite3_stmt *row = NULL;
    *out = (struct ca_list){NULL, 0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_query(store->sql,
                       CA_COLUMNS
                       " WHERE a.id = CASE ?1 WHEN 0 THEN (SELECT max(id) FROM ca) ELSE ?1 END",
                       SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_OK) {
        status = push_ca(out, row, why);
    }
    sql_done(row);
    sql_unlock(store->sql);
    if (status != STORE_OK) {
        ca_list_clear(out);
    }
    return status == STORE_NONE ? no_such_ca(id, why) : status;
}

void ca_list_clear(struct ca_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        X509_free(list->items[i].certificate);
        free(list->items[i].fingerprint);
        free(list->items[i].crl_url);
    }
    free(list->items);
    *list = (struct ca_list){NULL, 0};
}

/* ---- Loading ---- */

static enum store_status read_signer(struct sql *sql, int64_t id, struct ca_signer *out,
                                     struct blob *sealed, char **why)
{
    sqlite3_stmt *row = NULL;
    enum store_status status =
        sql_query(sql,
                  "SELECT a.id, a.pkcs8, c.der, a.crl_url FROM ca a"
                  " JOIN certificate c ON c.id = a.certificate"
                  " WHERE a.id = CASE ?1 WHEN 0 THEN (SELECT max(id) FROM ca) ELSE ?1 END",
                  SQL_VALUES(SQL_INT(id)), &row, why);
    if (status == STORE_OK) {
        out->id = sqlite3_column_int64(row, 0);
        sealed->start = sql_blob(row, 1, &sealed->length, why);
        out->crl_url = sql_text(row, 3, why);
        status = sealed->start && out->crl_url ? certificate_column(row, 2, &out->certificate, why)
                                               : STORE_ERROR;
    }
    sql_done(row);
    return status == STORE_NONE ? no_such_ca(id, why) : status;
}

enum store_status ca_signer_load(struct store *store, int64_t id, struct ca_signer *out, char **why)
{
    struct blob sealed = {NULL, 0};
    *out = (struct ca_signer){0};
    enum store_status status = sql_lock(store->sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = read_signer(store->sql, id, out, &sealed, why);
    sql_unlock(store->sql);
    if (status == STORE_OK) {
        status = secret_open_key(&store->secret, sealed.start, sealed.length, &out->key, why);
    }
    if (status == STORE_OK && X509_check_private_key(out->certificate, out->key) != 1) {
        ERR_clear_error();
        why_set(why, "the private key of the CA in the store does not belong to its certificate");
        status = STORE_ERROR;
    }
    free(sealed.start);
    if (status != STORE_OK) {
        ca_signer_clear(out);
    }
    return status;
}

void ca_signer_clear(struct ca_signer *signer)
{
    X509_free(signer->certificate);
    EVP_PKEY_free(signer->key);
    free(signer->crl_url);
    *signer = (struct ca_signer){0};
}

/* ---- Making ---- */

static enum store_status check_url(const char *url, char **why)
{
    size_t length = strlen(url);
    if (strncasecmp(url, URL_SCHEME, sizeof URL_SCHEME - 1) != 0 ||
        strcspn(url + sizeof URL_SCHEME - 1, "/?#") == 0) {
        why_set(why,
                "\"%s\" is no URL for CRLs: it has to begin with http://HOST; a CRL is signed and "
                "needs no TLS, and programs that check one do not fetch it by https",
                url);
        return STORE_REFUSED;
    }
    for (size_t i = 0; i < length; i++) {
        if (url[i] <= 0x20 || url[i] > 0x7e) {
            why_set(why, "the URL for CRLs has blanks or characters beyond ASCII; they are written "
                         "as %%XX (RFC 3986 section 2.1)");
            return STORE_REFUSED;
        }
    }
    if (length > CA_MAX_URL_BYTES) {
        why_set(why, "the URL for CRLs has more than %d characters", CA_MAX_URL_BYTES);
        return STORE_REFUSED;
    }
    return STORE_OK;
}

static enum store_status check_request(const struct ca_create *request, char **why)
{
    if (request->days < 1 || request->days > CA_MAX_DAYS) {
        why_set(why, "a CA is valid for 1 to %d days", CA_MAX_DAYS);
        return STORE_REFUSED;
    }
    if (X509_NAME_entry_count(request->subject) == 0) {
        why_set(why, "a CA must have a name (RFC 5280 section 4.1.2.6)");
        return STORE_REFUSED;
    }
    return request->crl_url ? check_url(request->crl_url, why) : STORE_OK;
}

/* Two CAs of one name could not be told apart by whoever looks for the issuer of a CRL. */
static enum store_status check_others(struct sql *sql, const struct ca_create *request, char **why)
{
    struct ca_list list = {NULL, 0};
    enum store_status status = list_cas(sql, &list, why);
    if (status == STORE_OK && list.count > 0 && !request->replace) {
        why_set(why, "there is a CA already");
        status = STORE_REFUSED;
    }
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        if (X509_NAME_cmp(X509_get_subject_name(list.items[i].certificate), request->subject) ==
            0) {
            why_set(why, "there is or was a CA of this name; a new one needs a name of its own, "
                         "with the year in it, say");
            status = STORE_REFUSED;
        }
    }
    ca_list_clear(&list);
    return status;
}

static enum store_status insert_ca(struct store *store, const struct ca_create *request,
                                   X509 *certificate, const struct blob *sealed, int64_t *id_out,
                                   char **why)
{
    int64_t row = 0;
    enum store_status status = check_others(store->sql, request, why);
    if (status == STORE_OK) {
        status = certificate_put(store->sql, certificate, &row, why);
    }
    if (status == STORE_OK) {
        status =
            sql_run(store->sql, "INSERT INTO ca (certificate, pkcs8, crl_url) VALUES (?1, ?2, ?3)",
                    SQL_VALUES(SQL_INT(row), SQL_BLOB(sealed->start, sealed->length),
                               SQL_TEXT(request->crl_url ? request->crl_url : "")),
                    why);
    }
    if (status == STORE_OK) {
        *id_out = sql_last_id(store->sql);
        status = audit_certificate(store, "CA made", "own", *id_out, certificate, why);
    }
    return status;
}

enum store_status store_ca_create(struct store *store, const struct ca_create *request, time_t now,
                                  int64_t *id_out, char **why)
{
    struct blob sealed = {NULL, 0};
    X509 *certificate = NULL;
    int64_t id = 0;
    enum store_status status = check_request(request, why);
    if (status == STORE_OK) {
        time_t not_before = now - CA_BACKDATE_S;
        /* The last second counts: RFC 5280 section 4.1.2.5. */
        status = ca_profile_root(request->key, request->subject, not_before,
                                 not_before + (time_t)request->days * DAY_S - 1, &certificate, why);
    }
    if (status == STORE_OK) {
        status = secret_seal_key(&store->secret, request->key, &sealed.start, &sealed.length, why);
    }
    if (status == STORE_OK) {
        status = change_begin(store, why);
    }
    if (status == STORE_OK) {
        status = insert_ca(store, request, certificate, &sealed, &id, why);
        status = change_end(store, status, &nothing, why);
    }
    if (status == STORE_OK && id_out) {
        *id_out = id;
    }
    OPENSSL_free(sealed.start);
    X509_free(certificate);
    return status;
}
