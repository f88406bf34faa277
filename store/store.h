/* The store: mailboxes, private keys, certificates, other people's public keys, trust anchors and
 * learned capabilities. Nothing here says SQL: other databases come behind the same interface.
 *
 * A handle is safe to use from several threads, but not in a child made by fork(): each process
 * opens its own. A change made through a handle is seen by its look-ups at once, one made elsewhere
 * after the next store_refresh(). Every address passed in is canonical
 * (address_canonical()). Time is passed in as seconds since 1970 (UTC). X509 and EVP_PKEY that come
 * out are references of the caller's (X509_free(), EVP_PKEY_free()) and must not be altered: they
 * are shared with the cache of parsed objects. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

enum store_status {
    STORE_OK = 0,
    STORE_NONE,    /* no such thing; not an error */
    STORE_REFUSED, /* the request is wrong: *why says what and why */
    STORE_ERROR,   /* ours: database, disk, memory, secret; the caller defers the message */
};

struct store;

struct store_options {
    const char *path;        /* the database */
    const char *secret_path; /* the master secret */
    const char
        *mozilla_roots; /* PKCS#11 module with Mozilla's trust objects; NULL or "" for none */
    int timeout_ms;     /* wait so long for a locked database */
};

/* Make a new, empty store and a new master secret (both mode 0600; an existing secret is used as it
 * is). STORE_REFUSED when the store exists already, or the log of a former one does. */
enum store_status store_create(const struct store_options *options, char **why);

/* Open an existing store and migrate its schema where it is older than this program; a newer schema
 * is STORE_REFUSED. The master secret is read, and checked against the store. System anchors are
 * read from `mozilla_roots`; a module that cannot be read is STORE_ERROR. */
enum store_status store_open(const struct store_options *options, struct store **out, char **why);
void store_close(struct store **store);

#define STORE_DERIVED_KEY_BYTES 32

/* A key that follows from the master secret, another one for every `purpose` and the same one each
 * time, from which the secret cannot be told. */
enum store_status store_derive_key(const struct store *store, const char *purpose,
                                   unsigned char out[STORE_DERIVED_KEY_BYTES], char **why);

/* Raised by every change that matters to a message. Caches obey it: all look-ups below call it
 * through store_refresh() once a message, not once a look-up. */
enum store_status store_generation(struct store *store, int64_t *out, char **why);

/* To be called once a message, before its look-ups: reads the generation number and drops what is
 * cached from an older one. STORE_ERROR when the database cannot be read. */
enum store_status store_refresh(struct store *store, char **why);

/* Read Mozilla's roots again. store_refresh() does so where the module's file has changed. */
enum store_status store_reload_anchors(struct store *store, char **why);

/* What a store_refresh() found that is worth logging, once: that the system anchors have changed,
 * or have and cannot be read, so that the former ones stay. NULL: nothing. free(). */
char *store_take_notice(struct store *store);

/* ---- Audit trail ---- */

/* On whose behalf changes are made through a handle. Every change is recorded in the transaction
 * that makes it, stamped with the time by the database. */
struct store_actor {
    const char *name; /* login name, or that of the program */
    int64_t uid;
    const char *sudo_user; /* who became that by sudo; NULL or "": nobody */
    const char *command;   /* what was asked for: "pubkey delete 3"; NULL: nothing */
};

/* To be called once, behind store_open(); the strings are copied. Without it the actor is the
 * program "smimed" with the effective uid. */
enum store_status store_set_actor(struct store *store, const struct store_actor *actor, char **why);

struct audit_entry {
    int64_t id; /* rises, without gaps */
    time_t at;
    char *actor;
    int64_t uid;
    char *sudo_user; /* "" if none */
    char *command;   /* "" if none */
    char *action;    /* "public key imported" */
    char *object;    /* "bob@partner.test" */
    char *details;   /* "" if none */
};

struct audit_list {
    struct audit_entry *items;
    size_t count;
};

/* Record what was done outside the database, such as a backup. */
enum store_status store_audit(struct store *store, const char *action, const char *object,
                              const char *details, char **why);

/* What was recorded at `since` or later, the oldest first. */
enum store_status store_audit_list(struct store *store, time_t since, struct audit_list *out,
                                   char **why);
void audit_list_clear(struct audit_list *list);

/* ---- Backup ---- */

#define STORE_SECRET_LINE_BYTES 65 /* hexadecimal digits and a line end */

/* Copy the database as it is at one moment into the empty file `path`, while others use it. */
enum store_status store_copy(struct store *store, const char *path, char **why);

/* The master secret as it stands in its file. To be wiped. */
void store_secret_line(const struct store *store, char out[STORE_SECRET_LINE_BYTES]);

/* Make a store from a copy and the line of its secret (both mode 0600), and look whether they
 * belong together. STORE_REFUSED when a store exists already, a master secret that is another one,
 * or what is handed over is no sound store; then nothing was made. */
enum store_status store_restore(const struct store_options *options,
                                const char secret_line[STORE_SECRET_LINE_BYTES],
                                const unsigned char *database, size_t length, char **why);

/* ---- Mailboxes ---- */

enum mailbox_state { MAILBOX_INACTIVE, MAILBOX_ACTIVATING, MAILBOX_ACTIVE };
const char *mailbox_state_name(enum mailbox_state state);

struct mailbox {
    int64_t id;
    char *address;  /* canonical, the first one */
    char **aliases; /* canonical further addresses */
    size_t alias_count;
    enum mailbox_state state;
    bool never_decrypt;
    int64_t certificate_id; /* of the certificate that signs; 0 if none */
    char *fingerprint;      /* of it: SHA-256, lower-case hex; NULL if none */
    time_t expires;         /* of it; 0 if none */
    time_t requested;       /* when the request that is pending was made; 0 if none is */
};

struct mailbox_list {
    struct mailbox *items;
    size_t count;
};

struct mailbox_filter {
    const char *domain; /* NULL: all */
    int state;          /* enum mailbox_state, or -1: all */
};

enum store_status store_mailbox_add(struct store *store, const char *address,
                                    const char *const *aliases, size_t alias_count, char **why);
/* The mailbox that `address` or one of whose further addresses it is. */
enum store_status store_mailbox_find(struct store *store, const char *address, struct mailbox **out,
                                     char **why);
enum store_status store_mailbox_list(struct store *store, const struct mailbox_filter *filter,
                                     struct mailbox_list *out, char **why);
enum store_status store_mailbox_set_never_decrypt(struct store *store, const char *address,
                                                  bool never, char **why);
/* STORE_REFUSED: it is an address of some mailbox already. */
enum store_status store_mailbox_add_alias(struct store *store, const char *address,
                                          const char *alias, char **why);
/* STORE_REFUSED: it is no further address of this mailbox, or the only one that the certificate of
 * an active mailbox names. */
enum store_status store_mailbox_remove_alias(struct store *store, const char *address,
                                             const char *alias, char **why);
/* STORE_REFUSED while it has a private key, which somebody's mail may be encrypted to, or a request
 * that is pending. */
enum store_status store_mailbox_delete(struct store *store, const char *address, char **why);

enum mailbox_merge_result { MERGE_ADDED, MERGE_CHANGED, MERGE_UNCHANGED, MERGE_REFUSED };

struct mailbox_merge {
    const char *address;        /* canonical, the first one */
    const char *const *aliases; /* canonical */
    size_t alias_count;
    int never_decrypt;                /* 1, 0, or -1: as it is */
    enum mailbox_merge_result result; /* set by the merge */
    char *reason;                     /* of MERGE_REFUSED; why_free() */
};

/* Add mailboxes and further addresses as far as they are not there; nothing is taken away. Each
 * entry is done whole or refused. One transaction: hand over some hundred at a time, so that others
 * need not wait. */
enum store_status store_mailbox_merge(struct store *store, struct mailbox_merge *entries,
                                      size_t count, char **why);
/* A key and certificate become the ones that sign (state active); former ones stay for decryption.
 * Checks: the key matches; the certificate names the address or one of the further ones; validity
 * at `now`; key usage and extended key usage for mail; no CA and no domain certificate. `chain`
 * (may be NULL) is kept as intermediates that travel along. The state of the mailbox before does
 * not matter. */
enum store_status store_mailbox_activate(struct store *store, const char *address, EVP_PKEY *key,
                                         X509 *certificate, STACK_OF(X509) * chain, time_t now,
                                         char **why);
/* A key that only decrypts (from before smimed, or of a pair with one certificate for each use): it
 * joins the former ones. The key must match the certificate and the certificate name an address of
 * the mailbox; it may be expired. State and signing key stay as they are. */
enum store_status store_mailbox_add_former_key(struct store *store, const char *address,
                                               EVP_PKEY *key, X509 *certificate, time_t now,
                                               char **why);
/* The key that signed last signs again (state active). STORE_REFUSED: there is none, or its
 * certificate is no good any more at `now`. */
enum store_status store_mailbox_reactivate(struct store *store, const char *address, time_t now,
                                           char **why);
/* Stops signing, not decrypting. A pending request stays. */
enum store_status store_mailbox_deactivate(struct store *store, const char *address, char **why);
void mailbox_free(struct mailbox **mailbox);
void mailbox_list_clear(struct mailbox_list *list);

/* ---- Requests: keys that wait for a certificate ---- */

/* Keep a new key and its certification request (RFC 2986, DER) until a CA has answered. An inactive
 * mailbox becomes activating; an active one goes on signing with the key that it has. STORE_REFUSED
 * when a request is pending, unless `replace` says that its key may be forgotten. */
enum store_status store_request_put(struct store *store, const char *address, EVP_PKEY *key,
                                    const unsigned char *csr, size_t length, bool replace,
                                    time_t now, char **why);
/* The pending request: *csr_out is new memory (free()), *key_out (may be NULL) its key
 * (EVP_PKEY_free()). STORE_NONE when none is pending. */
enum store_status store_request_find(struct store *store, const char *address,
                                     unsigned char **csr_out, size_t *length_out,
                                     EVP_PKEY **key_out, char **why);
/* Forget it, with its key. An activating mailbox becomes inactive. STORE_REFUSED when none is
 * pending. */
enum store_status store_request_withdraw(struct store *store, const char *address, char **why);
/* The CA's answer: the key of the pending request and this certificate become the ones that sign,
 * after the checks of store_mailbox_activate(). STORE_REFUSED when none is pending, or the
 * certificate is for another key. */
enum store_status store_mailbox_install(struct store *store, const char *address, X509 *certificate,
                                        STACK_OF(X509) * chain, time_t now, char **why);

/* ---- Private keys ---- */

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* intermediates, leaf excluded, from the issuer upwards, root excluded;
                               may be empty */
    X509 *encryption_certificate; /* of store_signing_identity(): what answers are to be encrypted
                                     to; NULL: `certificate`, or there is none */
};

struct identity_list {
    struct identity *items;
    size_t count;
};

/* What signs for `address` at `now`: STORE_NONE when the mailbox is unknown or not active, or its
 * certificate is not valid now (*why says which). Where its certificate is for signatures alone,
 * the mailbox's newest one for encryption that is valid now comes along, unless a CA of the store
 * has revoked it. */
enum store_status store_signing_identity(struct store *store, const char *address, time_t now,
                                         struct identity *out, char **why);
/* Every key the mailbox of `address` ever had, the newest first, whatever its state and the
 * certificates' validity (reading old mail). STORE_NONE when it has none, or the mailbox never
 * decrypts. One unreadable key is STORE_ERROR. */
enum store_status store_identities(struct store *store, const char *address,
                                   struct identity_list *out, char **why);
void identity_clear(struct identity *identity);
void identity_list_clear(struct identity_list *list);

/* A key of a mailbox, without the key itself. */
struct mailbox_key {
    int64_t certificate_id;
    X509 *certificate;
    time_t added;
    bool chosen; /* signs, if the mailbox is active */
};

struct mailbox_key_list {
    struct mailbox_key *items;
    size_t count;
};

/* All keys of a mailbox, the newest first; none is an empty list. */
enum store_status store_mailbox_keys(struct store *store, const char *address,
                                     struct mailbox_key_list *out, char **why);
/* One of them with its private part, for the owner: by the id of its certificate, 0 for the one
 * that signs or signed last. never_decrypt does not matter. STORE_REFUSED when there is none. */
enum store_status store_mailbox_identity(struct store *store, const char *address,
                                         int64_t certificate_id, struct identity *out, char **why);
void mailbox_key_list_clear(struct mailbox_key_list *list);

/* ---- Other people's public keys ---- */

enum pubkey_source { PUBKEY_IMPORTED, PUBKEY_HARVESTED, PUBKEY_DIRECTORY };
const char *pubkey_source_name(enum pubkey_source source);

struct pubkey {
    int64_t id;
    char **addresses; /* canonical, as in the certificate; of a directory's those asked about */
    size_t address_count;
    X509 *certificate;
    char *fingerprint; /* SHA-256, lower-case hex */
    enum pubkey_source source;
    bool pinned;
    char *revoked; /* what is known of its revocation; NULL: nothing */
    time_t first_seen;
    time_t last_seen;
};

struct pubkey_list {
    struct pubkey *items;
    size_t count;
};

/* What a signed mail said of its sender's programs: DER of SMIMECapabilities (RFC 8551
 * section 2.5.2). */
struct capabilities {
    unsigned char *der; /* NULL if unknown */
    size_t length;
    bool no_wish;     /* the mail does not name the certificate that it brought; likewise */
    time_t signed_at; /* signingTime of the mail, 0 if it has none; not set by look-ups */
};

/* Import a certificate. STORE_REFUSED with the reason for: no address in it, domain or gateway
 * certificate, CA certificate, expired or not yet valid at `now`, key usage that excludes
 * encryption (key encipherment or key agreement), extended key usage without mail, RSA below 2048
 * bits. An already known one is STORE_OK (idempotent) and becomes `imported`. One that was held for
 * approval, or rejected, is approved by that. *id_out (may be NULL) gets its id. */
enum store_status store_pubkey_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why);

/* One of many that are imported together. */
struct pubkey_import {
    X509 *certificate; /* borrowed */
    int64_t id;        /* set by the import: of the public key, 0 where it was refused */
    bool refused;      /* set by the import */
    char *reason;      /* set by the import: why it was refused; why_free() */
};

/* The same for many, each imported or refused by itself. One transaction: hand over some hundred
 * at a time, so that others need not wait. STORE_ERROR: none is imported, and no reasons are set.
 */
enum store_status store_pubkey_import_all(struct store *store, struct pubkey_import *entries,
                                          size_t count, time_t now, char **why);
/* Learn from a valid signature by `address`: the encryption certificate, that it is the one which
 * its author wants to be encrypted to, and the capabilities. The latter two are declared by the
 * mail that was signed last, whatever comes in last: who sends an old mail once more changes
 * nothing. The same checks as an import, and the certificate must name `address`. The caller has
 * checked that it chains to an anchor by itself. STORE_OK, with *changed_out (may be NULL) true
 * when the store learned something new, STORE_REFUSED when the certificate is no good for
 * encryption (*why says so; nothing is wrong otherwise). One that was rejected by an administrator
 * is not learned, which is STORE_OK. */
enum store_status store_harvest(struct store *store, const char *address, X509 *certificate,
                                const struct capabilities *capabilities, time_t now,
                                bool *changed_out, char **why);
/* The same, but a certificate that the store does not have is held until an administrator approves
 * it, and used for nothing until then; *changed_out is true when it was not offered before. */
enum store_status store_harvest_held(struct store *store, const char *address, X509 *certificate,
                                     const struct capabilities *capabilities, time_t now,
                                     bool *changed_out, char **why);
/* The certificates to encrypt to `address` with at `now`, the preferred one first, at most
 * STORE_MAX_ENCRYPTION_KEYS: valid, where one is pinned no others,
 * imported before harvested before those of directories, then the one that his
 * latest signed mail wants, then the latest notBefore.
 * *out: sk_X509_pop_free(, X509_free). *learned_out (may be NULL): bit i tells of the i-th that
 * signed mail brought it, and no administrator imported or pinned it. *capabilities_out (may be
 * NULL) gets what the address declared last. STORE_NONE if there is none. */
#define STORE_MAX_ENCRYPTION_KEYS 8
enum store_status store_encryption_certificates(struct store *store, const char *address,
                                                time_t now, STACK_OF(X509) * *out,
                                                unsigned *learned_out,
                                                struct capabilities *capabilities_out, char **why);
/* The first of them: X509_free(). */
enum store_status store_encryption_certificate(struct store *store, const char *address, time_t now,
                                               X509 **out, struct capabilities *capabilities_out,
                                               char **why);
struct pubkey_filter {
    const char *address; /* NULL: any */
    bool pinned;         /* only those that are */
};
typedef void pubkey_taker(void *context, const struct pubkey *pubkey);

/* Hand over one after the other, by id, in memory that does not grow with their number. `take` is
 * lent each, and must not use the store. */
enum store_status store_pubkey_each(struct store *store, const struct pubkey_filter *filter,
                                    pubkey_taker *take, void *context, char **why);
/* `address` NULL: all, which may be too many for the memory. */
enum store_status store_pubkey_list(struct store *store, const char *address,
                                    struct pubkey_list *out, char **why);
/* The one with this id, or STORE_NONE. */
enum store_status store_pubkey_get(struct store *store, int64_t id, struct pubkey_list *out,
                                   char **why);
/* A pinned one is refused: it has to be unpinned first. */
enum store_status store_pubkey_delete(struct store *store, int64_t id, char **why);
/* What is pinned is encrypted to while it is valid, whatever else is imported or learned, until it
 * is unpinned. STORE_REFUSED when it is not valid at `now`, or another one for one of its addresses
 * is pinned and valid. */
enum store_status store_pubkey_pin(struct store *store, int64_t id, time_t now, char **why);
enum store_status store_pubkey_unpin(struct store *store, int64_t id, char **why);
void pubkey_list_clear(struct pubkey_list *list);
void capabilities_clear(struct capabilities *capabilities);

/* Certificates from signed mail that are held for approval, or were rejected and are not offered
 * again. */
struct candidate {
    int64_t id;    /* not that of a public key */
    char *address; /* whose signed mail brought it */
    X509 *certificate;
    char *fingerprint;
    bool rejected;
    time_t first_seen;
    time_t last_seen;
};

struct candidate_list {
    struct candidate *items;
    size_t count;
};

enum store_status store_candidate_list(struct store *store, struct candidate_list *out, char **why);
void candidate_list_clear(struct candidate_list *list);
/* It becomes a harvested public key (id in *pubkey_out, may be NULL), if it passes the checks of an
 * import at `now`; also one that was rejected. */
enum store_status store_candidate_approve(struct store *store, int64_t id, time_t now,
                                          int64_t *pubkey_out, char **why);
enum store_status store_candidate_reject(struct store *store, int64_t id, char **why);

/* ---- Trust ---- */

enum anchor_origin { ANCHOR_SYSTEM, ANCHOR_OWN };

struct anchor {
    int64_t id; /* 0 for system ones */
    X509 *certificate;
    char *fingerprint;
    enum anchor_origin origin;
    time_t added; /* 0 for system ones */
};

struct anchor_list {
    struct anchor *items;
    size_t count;
};

/* STORE_REFUSED: not a CA certificate, expired or not yet valid at `now`. Idempotent. */
enum store_status store_anchor_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why);
enum store_status store_anchor_delete(struct store *store, int64_t id, char **why);
enum store_status store_anchor_list(struct store *store, struct anchor_list *out, char **why);
void anchor_list_clear(struct anchor_list *list);

/* Whence the system anchors are. */
struct system_anchors {
    char *path;      /* of the module; free() */
    time_t modified; /* its date: that of the list of roots */
    size_t count;
};
/* STORE_NONE: there are none (setting mozilla_roots). */
enum store_status store_system_anchors(struct store *store, struct system_anchors *out, char **why);

/* What the chain builder is given. Both are shared references, valid until store_trust_clear(). */
struct trust {
    X509_STORE *anchors; /* system and own */
    STACK_OF(X509) *
        intermediates; /* CA certificates that the store has seen in valid chains; untrusted */
};
enum store_status store_trust(struct store *store, struct trust *out, char **why);
void store_trust_clear(struct trust *trust);

/* Remember CA certificates of a chain that was valid, for messages that lack them. Bounded; the
 * oldest go. */
enum store_status store_remember_intermediates(struct store *store, STACK_OF(X509) * chain,
                                               time_t now, char **why);

#endif
