/* The tables of a store, and the steps from each version to the next. */
#include "schema.h"

#include <stdio.h>

#include "why.h"

/* Certificates stand in one table, each once, whatever they are used for. All times are seconds
 * since 1970. `source` orders: imported (0) before harvested (1). */
static const char version_1[] =
    "CREATE TABLE meta ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " generation INTEGER NOT NULL,"
    " secret_check BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE certificate ("
    " id INTEGER PRIMARY KEY,"
    " fingerprint TEXT NOT NULL UNIQUE CHECK (length(fingerprint) = 64),"
    " der BLOB NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE mailbox ("
    " id INTEGER PRIMARY KEY,"
    " address TEXT NOT NULL UNIQUE,"
    " domain TEXT NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),"
    " never_decrypt INTEGER NOT NULL DEFAULT 0 CHECK (never_decrypt IN (0, 1)),"
    " signing_key INTEGER REFERENCES private_key (id)"
    ") STRICT;"
    "CREATE INDEX mailbox_domain ON mailbox (domain, address);"
    "CREATE INDEX mailbox_state ON mailbox (state, address);"
    "CREATE INDEX mailbox_signing_key ON mailbox (signing_key);"
    /* The first address (position 0) and the further ones: one name space for all mailboxes. */
    "CREATE TABLE mailbox_address ("
    " address TEXT PRIMARY KEY,"
    " mailbox INTEGER NOT NULL REFERENCES mailbox (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " UNIQUE (mailbox, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE private_key ("
    " id INTEGER PRIMARY KEY,"
    " mailbox INTEGER NOT NULL REFERENCES mailbox (id),"
    " certificate INTEGER NOT NULL REFERENCES certificate (id),"
    " pkcs8 BLOB NOT NULL,"
    " added INTEGER NOT NULL,"
    " UNIQUE (mailbox, certificate)"
    ") STRICT;"
    "CREATE INDEX private_key_certificate ON private_key (certificate);"
    "CREATE TABLE key_chain ("
    " private_key INTEGER NOT NULL REFERENCES private_key (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " certificate INTEGER NOT NULL REFERENCES certificate (id),"
    " PRIMARY KEY (private_key, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX key_chain_certificate ON key_chain (certificate);"
    "CREATE TABLE pubkey ("
    " id INTEGER PRIMARY KEY,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " source INTEGER NOT NULL CHECK (source IN (0, 1)),"
    " first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE pubkey_address ("
    " address TEXT NOT NULL,"
    " pubkey INTEGER NOT NULL REFERENCES pubkey (id) ON DELETE CASCADE,"
    " PRIMARY KEY (address, pubkey)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX pubkey_address_pubkey ON pubkey_address (pubkey);"
    "CREATE TABLE capabilities ("
    " address TEXT PRIMARY KEY,"
    " der BLOB NOT NULL,"
    " declared INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE anchor ("
    " id INTEGER PRIMARY KEY,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " added INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE intermediate ("
    " certificate INTEGER PRIMARY KEY REFERENCES certificate (id),"
    " last_seen INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX intermediate_last_seen ON intermediate (last_seen);";

/* Pinned keys, directories as a third source (2), certificates that wait for an administrator or
 * were rejected by him, and the audit trail. A constraint cannot be altered, so the tables are
 * made anew; rows of pubkey_address go first, or they would be deleted with those they belong to.
 */
static const char pubkeys_and_audit[] =
    "CREATE TABLE pubkey_2 ("
    " id INTEGER PRIMARY KEY,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " source INTEGER NOT NULL CHECK (source IN (0, 1, 2)),"
    " pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),"
    " first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE pubkey_address_2 ("
    " address TEXT NOT NULL,"
    " pubkey INTEGER NOT NULL REFERENCES pubkey_2 (id) ON DELETE CASCADE,"
    " PRIMARY KEY (address, pubkey)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO pubkey_2 (id, certificate, source, first_seen, last_seen)"
    " SELECT id, certificate, source, first_seen, last_seen FROM pubkey;"
    "INSERT INTO pubkey_address_2 (address, pubkey) SELECT address, pubkey FROM pubkey_address;"
    "DROP TABLE pubkey_address;"
    "DROP TABLE pubkey;"
    "ALTER TABLE pubkey_2 RENAME TO pubkey;"
    "ALTER TABLE pubkey_address_2 RENAME TO pubkey_address;"
    "CREATE INDEX pubkey_address_pubkey ON pubkey_address (pubkey);"
    "CREATE TABLE candidate ("
    " id INTEGER PRIMARY KEY,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " address TEXT NOT NULL," /* whose signed mail brought it */
    " rejected INTEGER NOT NULL DEFAULT 0 CHECK (rejected IN (0, 1)),"
    " first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX candidate_address ON candidate (address, rejected, last_seen);"
    /* AUTOINCREMENT: no number is given twice. */
    "CREATE TABLE audit ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " at INTEGER NOT NULL,"
    " actor TEXT NOT NULL,"
    " uid INTEGER NOT NULL,"
    " sudo_user TEXT NOT NULL," /* empty: none */
    " command TEXT NOT NULL,"
    " action TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " details TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX audit_at ON audit (at);"
    "CREATE TRIGGER audit_is_not_altered BEFORE UPDATE ON audit"
    " BEGIN SELECT RAISE (ABORT, 'the audit trail is only appended to'); END;"
    "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit"
    " BEGIN SELECT RAISE (ABORT, 'the audit trail is only appended to'); END;";

/* Keys that wait for the certificate that was asked for. */
static const char key_requests[] = "CREATE TABLE key_request ("
                                   " mailbox INTEGER PRIMARY KEY REFERENCES mailbox (id),"
                                   " pkcs8 BLOB NOT NULL,"
                                   " csr BLOB NOT NULL,"
                                   " made INTEGER NOT NULL"
                                   ") STRICT;";

/* Certification authorities of one's own, of which the newest issues, and what they issued. */
static const char certification_authorities[] =
    "CREATE TABLE ca ("
    " id INTEGER PRIMARY KEY,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " pkcs8 BLOB NOT NULL,"
    " crl_url TEXT NOT NULL,"                 /* empty: none */
    " crl_number INTEGER NOT NULL DEFAULT 0," /* of the last CRL */
    " crl_next_update INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    /* No reference to the mailbox, which may be deleted; what was issued for it stays. */
    "CREATE TABLE ca_certificate ("
    " id INTEGER PRIMARY KEY,"
    " ca INTEGER NOT NULL REFERENCES ca (id),"
    " serial TEXT NOT NULL UNIQUE,"
    " certificate INTEGER NOT NULL UNIQUE REFERENCES certificate (id),"
    " mailbox TEXT NOT NULL,"
    " key_hash TEXT NOT NULL," /* SHA-256 of the public key: a compromised one is certified no more
                                */
    " issued INTEGER NOT NULL,"
    " revoked INTEGER,"
    " reason INTEGER," /* CRLReason */
    " CHECK ((revoked IS NULL) = (reason IS NULL))"
    ") STRICT;"
    "CREATE INDEX ca_certificate_ca ON ca_certificate (ca, revoked);"
    "CREATE INDEX ca_certificate_mailbox ON ca_certificate (mailbox);"
    "CREATE INDEX ca_certificate_key_hash ON ca_certificate (key_hash, reason);";

/* Certificates that a CA issues by CMP: what is under way, and which CA each came from. Phases are
 * pending (0) and failed (1). The messages are those of the CA that take up a transaction again. */
static const char enrolments[] =
    "CREATE TABLE enrolment ("
    " mailbox INTEGER PRIMARY KEY REFERENCES mailbox (id) ON DELETE CASCADE,"
    " ca TEXT NOT NULL,"
    " kind INTEGER NOT NULL CHECK (kind IN (0, 1)),"
    " phase INTEGER NOT NULL DEFAULT 0 CHECK (phase IN (0, 1)),"
    " started INTEGER NOT NULL,"
    " give_up INTEGER NOT NULL,"
    " next_attempt INTEGER NOT NULL,"
    " busy_until INTEGER NOT NULL DEFAULT 0,"
    " failures INTEGER NOT NULL DEFAULT 0,"
    " restarts INTEGER NOT NULL DEFAULT 0,"
    " received INTEGER NOT NULL DEFAULT 0," /* 0: no certificate was yet */
    " error TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX enrolment_due ON enrolment (phase, next_attempt);"
    "CREATE TABLE enrolment_message ("
    " mailbox INTEGER NOT NULL REFERENCES enrolment (mailbox) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " der BLOB NOT NULL,"
    " PRIMARY KEY (mailbox, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE enrolled ("
    " certificate INTEGER PRIMARY KEY REFERENCES certificate (id),"
    " mailbox INTEGER NOT NULL REFERENCES mailbox (id),"
    " ca TEXT NOT NULL,"
    " revoked INTEGER NOT NULL DEFAULT 0" /* when; 0: not */
    ") STRICT;"
    "CREATE INDEX enrolled_mailbox ON enrolled (mailbox);";

/* What directories were asked for whom, and what they had. */
static const char lookups[] = "CREATE TABLE lookup ("
                              " address TEXT PRIMARY KEY,"
                              " result INTEGER NOT NULL CHECK (result BETWEEN 0 AND 2),"
                              " looked_up INTEGER NOT NULL,"
                              " until INTEGER NOT NULL,"
                              " source TEXT NOT NULL," /* empty: none */
                              " reason TEXT NOT NULL"
                              ") STRICT, WITHOUT ROWID;"
                              "CREATE INDEX lookup_until ON lookup (until);";

/* What is known of revocation. `source` of a CRL: imported (0), fetched (1); `kind` of a place:
 * gives CRLs (0), answers OCSP (1). */
static const char revocation[] =
    "CREATE TABLE crl ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* cached CRLs bear it: none is given twice */
    " stream TEXT NOT NULL UNIQUE,"          /* signing key and scope, hashed */
    " version INTEGER NOT NULL,"
    " issuer_hash INTEGER NOT NULL,"
    " source INTEGER NOT NULL CHECK (source IN (0, 1)),"
    " delta INTEGER NOT NULL CHECK (delta IN (0, 1)),"
    " issuer TEXT NOT NULL,"
    " number TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " this_update INTEGER NOT NULL,"
    " next_update INTEGER NOT NULL," /* 0: not said */
    " fetched INTEGER NOT NULL,"
    " entries INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL,"
    " der BLOB NOT NULL,"
    " signer BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX crl_issuer ON crl (issuer_hash);"
    "CREATE INDEX crl_fetched ON crl (source, fetched);"
    "CREATE TABLE revocation_place ("
    " url TEXT PRIMARY KEY,"
    " kind INTEGER NOT NULL CHECK (kind IN (0, 1)),"
    " crl INTEGER REFERENCES crl (id) ON DELETE SET NULL,"
    " tried INTEGER NOT NULL,"
    " failed_until INTEGER NOT NULL,"
    " reason TEXT NOT NULL,"
    " wanted INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX revocation_place_crl ON revocation_place (crl);"
    "CREATE INDEX revocation_place_wanted ON revocation_place (wanted, url);"
    "CREATE TABLE ocsp_answer ("
    " fingerprint TEXT PRIMARY KEY,"
    " der BLOB NOT NULL,"
    " fetched INTEGER NOT NULL,"
    " until INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX ocsp_answer_until ON ocsp_answer (until);"
    "CREATE INDEX ocsp_answer_fetched ON ocsp_answer (fetched);"
    "CREATE TABLE revoked ("
    " certificate INTEGER PRIMARY KEY REFERENCES certificate (id) ON DELETE CASCADE,"
    " revoked_at INTEGER NOT NULL,"
    " reason INTEGER NOT NULL,"
    " sentence TEXT NOT NULL,"
    " noted INTEGER NOT NULL"
    ") STRICT;";

/* Who is told what by mail, once each. An empty recipient is the administrator. `kind` as in
 * notice.h; `state` of a mail: waits (0), sent (1), only logged (2), given up (3). */
static const char notices[] =
    "CREATE TABLE notice_mail ("
    " id INTEGER PRIMARY KEY,"
    " recipient TEXT NOT NULL,"
    " message_id TEXT NOT NULL UNIQUE,"
    " formed INTEGER NOT NULL,"
    " next_attempt INTEGER NOT NULL,"
    " failures INTEGER NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT ''," /* of the last attempt */
    " state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),"
    " done INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE INDEX notice_mail_due ON notice_mail (state, next_attempt);"
    "CREATE INDEX notice_mail_recipient ON notice_mail (recipient, formed);"
    "CREATE TABLE notice ("
    " id INTEGER PRIMARY KEY,"
    " kind INTEGER NOT NULL,"
    " topic TEXT NOT NULL,"
    " recipient TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL,"
    " expires INTEGER NOT NULL,"
    " reference TEXT NOT NULL,"
    " noted INTEGER NOT NULL,"
    " superseded INTEGER NOT NULL DEFAULT 0 CHECK (superseded IN (0, 1)),"
    " mail INTEGER REFERENCES notice_mail (id)," /* NULL: none yet */
    " UNIQUE (kind, topic)"
    ") STRICT;"
    "CREATE INDEX notice_of_mail ON notice (mail, superseded, recipient);"
    "CREATE INDEX notice_fingerprint ON notice (fingerprint);";

/* Which of his certificates a correspondent wants to be encrypted to, by his latest signed mail,
 * and when that was signed. `declared` of capabilities was the time of receipt until here. */
static const char preferences[] =
    "CREATE TABLE preference ("
    " address TEXT PRIMARY KEY,"
    " certificate INTEGER NOT NULL REFERENCES certificate (id) ON DELETE CASCADE,"
    " declared INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX preference_certificate ON preference (certificate);";

const struct schema_step schema_steps[] = {
    {version_1, NULL},         {key_requests, NULL},
    {pubkeys_and_audit, NULL}, {certification_authorities, NULL},
    {enrolments, NULL},        {lookups, NULL},
    {revocation, NULL},        {notices, NULL},
    {preferences, NULL},
};
const size_t schema_step_count = sizeof schema_steps / sizeof *schema_steps;

static enum store_status set_version(struct sql *sql, size_t version, char **why)
{
    /* PRAGMA takes no placeholders. */
    char text[64];
    snprintf(text, sizeof text, "PRAGMA user_version = %zu", version);
    return sql_script(sql, text, why);
}

static enum store_status run_steps(struct sql *sql, const struct schema_step *steps, size_t from,
                                   size_t to, char **why)
{
    for (size_t i = from; i < to; i++) {
        enum store_status status = STORE_OK;
        if (steps[i].script) {
            status = sql_script(sql, steps[i].script, why);
        }
        if (status == STORE_OK && steps[i].run) {
            status = steps[i].run(sql, why);
        }
        if (status == STORE_OK) {
            status = set_version(sql, i + 1, why);
        }
        if (status != STORE_OK) {
            why_prefix(why, "bringing the store from version %zu to %zu", i, i + 1);
            return status;
        }
    }
    return STORE_OK;
}

enum store_status schema_create(struct sql *sql, char **why)
{
    char text[64];
    snprintf(text, sizeof text, "PRAGMA application_id = %d", SCHEMA_APPLICATION_ID);
    enum store_status status = sql_script(sql, text, why);
    if (status == STORE_OK) {
        status = run_steps(sql, schema_steps, 0, schema_step_count, why);
    }
    return status;
}

static enum store_status read_version(struct sql *sql, size_t known, int64_t *out, char **why)
{
    int64_t application = 0;
    if (sql_integer(sql, "PRAGMA application_id", SQL_NO_VALUES, &application, why) != STORE_OK ||
        sql_integer(sql, "PRAGMA user_version", SQL_NO_VALUES, out, why) != STORE_OK) {
        return STORE_ERROR;
    }
    if (application != SCHEMA_APPLICATION_ID || *out < 1) {
        why_set(why, "the database is not a store of smimed");
        return STORE_ERROR;
    }
    if (*out > (int64_t)known) {
        why_set(why,
                "the store has version %lld, this program knows versions up to %zu: "
                "a newer smimed made it",
                (long long)*out, known);
        return STORE_REFUSED;
    }
    return STORE_OK;
}

enum store_status schema_migrate(struct sql *sql, const struct schema_step *steps, size_t count,
                                 char **why)
{
    int64_t version = 0;
    enum store_status status = sql_begin_read(sql, why);
    if (status != STORE_OK) {
        return status;
    }
    status = sql_end(sql, read_version(sql, count, &version, why), why);
    sql_unlock(sql);
    if (status != STORE_OK || version == (int64_t)count) {
        return status;
    }
    status = sql_begin(sql, why);
    if (status != STORE_OK) {
        return status;
    }
    /* Read again: another process may have migrated meanwhile. */
    status = read_version(sql, count, &version, why);
    if (status == STORE_OK) {
        status = run_steps(sql, steps, (size_t)version, count, why);
    }
    status = sql_end(sql, status, why);
    sql_unlock(sql);
    return status;
}
