/* Other people's certificates as rows of the database. Internal to store/. */
#ifndef STORE_PUBKEY_H
#define STORE_PUBKEY_H

#include "cert_use.h"
#include "handle.h"
#include "sql.h"

/* How often it is noted that a certificate was seen: the day tells what is in use, and a write with
 * every message would be too dear. */
#define PUBKEY_SEEN_INTERVAL_S (24 * 60 * 60)

/* What a write did. */
enum pubkey_write {
    PUBKEY_UNCHANGED,
    PUBKEY_SEEN,    /* only the day it was seen: no message is the wiser */
    PUBKEY_CHANGED, /* new, or from a better source than before */
};

/* Make the row of `certificate`, which names `addresses`, or note that it was seen. A row from a
 * directory becomes harvested and a harvested one imported, never the other way. Inside a
 * transaction. */
enum store_status pubkey_put(struct sql *sql, X509 *certificate,
                             const struct cert_addresses *addresses, enum pubkey_source source,
                             time_t now, int64_t *id_out, enum pubkey_write *write_out, char **why);

/* The id of the row that holds this certificate, or STORE_NONE. */
enum store_status pubkey_id_of(struct sql *sql, X509 *certificate, int64_t *id_out, char **why);

/* Did only directories have it? */
enum store_status pubkey_is_from_directory(struct sql *sql, int64_t id, bool *out, char **why);

/* Record a change of the row in the audit trail. */
enum store_status pubkey_audit(struct store *store, const char *action, int64_t id, char **why);

/* Note which certificate the owner of `address` wants to be encrypted to, by mail that was signed
 * at `declared` (0: it does not say). Inside a transaction. */
enum store_status preference_put(struct sql *sql, const char *address, int64_t certificate,
                                 int64_t declared, char **why);

/* Delete the row, its addresses and what is of no use without them. Inside a transaction. */
enum store_status pubkey_remove(struct sql *sql, int64_t id, char **why);

/* ---- Held certificates (candidate.c), all inside a transaction ---- */

/* Note that it was offered by signed mail of `address`; *added_out is false when it was before. */
enum store_status candidate_put(struct sql *sql, const char *address, X509 *certificate, time_t now,
                                bool *added_out, char **why);
/* STORE_NONE when it is no candidate. */
enum store_status candidate_is_rejected(struct sql *sql, X509 *certificate, bool *out, char **why);
/* It is a public key now. */
enum store_status candidate_forget(struct sql *sql, X509 *certificate, char **why);

#endif
