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

/* Raised by every change that matters to a message. Caches obey it: all look-ups below call it
 * through store_refresh() once a message, not once a look-up. */
enum store_status store_generation(struct store *store, int64_t *out, char **why);

/* To be called once a message, before its look-ups: reads the generation number and drops what is
 * cached from an older one. STORE_ERROR when the database cannot be read. */
enum store_status store_refresh(struct store *store, char **why);

/* Read Mozilla's roots again (SIGHUP). */
enum store_status store_reload_anchors(struct store *store, char **why);

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
/* Stops signing, not decrypting. */
enum store_status store_mailbox_deactivate(struct store *store, const char *address, char **why);
void mailbox_free(struct mailbox **mailbox);
void mailbox_list_clear(struct mailbox_list *list);

/* ---- Private keys ---- */

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* intermediates, leaf excluded, from the issuer upwards, root excluded;
                               may be empty */
};

struct identity_list {
    struct identity *items;
    size_t count;
};

/* What signs for `address` at `now`: STORE_NONE when the mailbox is unknown or not active, or its
 * certificate is not valid now (*why says which). */
enum store_status store_signing_identity(struct store *store, const char *address, time_t now,
                                         struct identity *out, char **why);
/* Every key the mailbox of `address` ever had, the newest first, whatever its state and the
 * certificates' validity (reading old mail). STORE_NONE when it has none, or the mailbox never
 * decrypts. One unreadable key is STORE_ERROR. */
enum store_status store_identities(struct store *store, const char *address,
                                   struct identity_list *out, char **why);
void identity_clear(struct identity *identity);
void identity_list_clear(struct identity_list *list);

/* ---- Other people's public keys ---- */

enum pubkey_source { PUBKEY_IMPORTED, PUBKEY_HARVESTED };
const char *pubkey_source_name(enum pubkey_source source);

struct pubkey {
    int64_t id;
    char **addresses; /* canonical, as in the certificate */
    size_t address_count;
    X509 *certificate;
    char *fingerprint; /* SHA-256, lower-case hex */
    enum pubkey_source source;
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
};

/* Import a certificate. STORE_REFUSED with the reason for: no address in it, domain or gateway
 * certificate, CA certificate, expired or not yet valid at `now`, key usage that excludes
 * encryption (key encipherment or key agreement), extended key usage without mail, RSA below 2048
 * bits. An already known one is STORE_OK (idempotent) and becomes `imported`. *id_out (may be NULL)
 * gets its id. */
enum store_status store_pubkey_import(struct store *store, X509 *certificate, time_t now,
                                      int64_t *id_out, char **why);
/* Learn from a valid signature by `address`: the encryption certificate and the capabilities. The
 * same checks as an import, and the certificate must name `address`. The caller has checked that it
 * chains to an anchor by itself. STORE_OK, with *changed_out (may be NULL) true when the store
 * learned something new, STORE_REFUSED when the certificate is no good for encryption (*why says
 * so; nothing is wrong otherwise). */
enum store_status store_harvest(struct store *store, const char *address, X509 *certificate,
                                const struct capabilities *capabilities, time_t now,
                                bool *changed_out, char **why);
/* The certificate to encrypt to `address` with at `now`: valid, imported before harvested, then the
 * latest notBefore. *capabilities_out (may be NULL) gets what the address declared last. STORE_NONE
 * if there is none. */
enum store_status store_encryption_certificate(struct store *store, const char *address, time_t now,
                                               X509 **out, struct capabilities *capabilities_out,
                                               char **why);
/* `address` NULL: all. */
enum store_status store_pubkey_list(struct store *store, const char *address,
                                    struct pubkey_list *out, char **why);
enum store_status store_pubkey_delete(struct store *store, int64_t id, char **why);
void pubkey_list_clear(struct pubkey_list *list);
void capabilities_clear(struct capabilities *capabilities);

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
