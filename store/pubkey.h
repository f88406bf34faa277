/* Other people's certificates as rows of the database. Internal to store/. */
#ifndef STORE_PUBKEY_H
#define STORE_PUBKEY_H

#include "cert_use.h"
#include "sql.h"

/* How often it is noted that a certificate was seen: the day tells what is in use, and a write with
 * every message would be too dear. */
#define PUBKEY_SEEN_INTERVAL_S (24 * 60 * 60)

/* What a write did. */
enum pubkey_write {
    PUBKEY_UNCHANGED,
    PUBKEY_SEEN,    /* only the day it was seen: no message is the wiser */
    PUBKEY_CHANGED, /* new, or imported now that was harvested */
};

/* Make the row of `certificate`, which names `addresses`, or note that it was seen. A harvested row
 * becomes imported, never the other way. Inside a transaction. */
enum store_status pubkey_put(struct sql *sql, X509 *certificate,
                             const struct cert_addresses *addresses, enum pubkey_source source,
                             time_t now, int64_t *id_out, enum pubkey_write *write_out, char **why);

/* Delete the row, its addresses and what is of no use without them. Inside a transaction. */
enum store_status pubkey_remove(struct sql *sql, int64_t id, char **why);

#endif
