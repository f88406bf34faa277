/* What the store keeps of revocation: CRLs, OCSP answers, places that were asked, and which of its
 * certificates are known to be revoked.
 *
 * Handles, times and addresses as in store.h. CRLs and answers are a cache of what others signed:
 * whoever uses them verifies them again. */
#ifndef STORE_REVOCATION_H
#define STORE_REVOCATION_H

#include "store.h"

#define CRLS_MAX 1024                       /* kept; of fetched ones the oldest go */
#define CRLS_MAX_BYTES (256L * 1024 * 1024) /* of all that are kept */
#define OCSP_MAX_ANSWERS 20000              /* kept; the oldest go */
#define OCSP_MAX_ANSWER_BYTES (64 * 1024)   /* of one */
#define REVOCATION_MAX_PLACES 4096          /* remembered; those wanted least lately go */

/* ---- CRLs ---- */

enum crl_source { CRL_IMPORTED, CRL_FETCHED };
const char *crl_source_name(enum crl_source source);

struct stored_crl {
    int64_t id;
    X509_CRL *crl; /* shared with the cache of parsed ones; NULL in listings */
    enum crl_source source;
    bool delta;
    char *issuer; /* as RFC 4514 writes it */
    char *number; /* upper-case hex; "" if it has none */
    char *url;    /* whence it was fetched; "" if imported */
    time_t this_update;
    time_t next_update; /* 0 if not said */
    time_t fetched;     /* or imported */
    int64_t entries;
    int64_t bytes;
};

struct crl_list {
    struct stored_crl *items;
    size_t count;
};
void crl_list_clear(struct crl_list *list);

/* Keep a CRL that the key of `signer` has signed; it replaces the former one of the same key and
 * scope (issuingDistributionPoint). `url` NULL: imported. STORE_REFUSED with a sentence: signed by
 * another key, older than what is there (crlNumber, thisUpdate), too much is kept already. One that
 * is there already is STORE_OK, and counts as fetched now. *id_out may be NULL. */
enum store_status store_crl_put(struct store *store, X509_CRL *crl, X509 *signer, const char *url,
                                time_t now, int64_t *id_out, char **why);

/* All CRLs, complete and delta, of the issuer with this name, parsed. None is an empty list. */
enum store_status store_crls_of(struct store *store, const X509_NAME *issuer, struct crl_list *out,
                                char **why);

/* All, or the one with this id (0: all; with crl set otherwise). STORE_NONE: no such id. */
enum store_status store_crl_list(struct store *store, int64_t id, struct crl_list *out, char **why);

/* STORE_REFUSED: there is none with this id. */
enum store_status store_crl_delete(struct store *store, int64_t id, char **why);

/* The certificate whose key signed it: X509_free(). STORE_NONE: no such id. */
enum store_status store_crl_signer(struct store *store, int64_t id, X509 **out, char **why);

/* ---- Places ---- */

enum place_kind { PLACE_CRL, PLACE_OCSP };

/* An address in certificates that was asked. */
struct revocation_place {
    char *url;
    enum place_kind kind;
    int64_t crl; /* id of what it gave last; 0: nothing, or that is gone */
    time_t tried;
    time_t failed_until; /* not to be asked before; 0: it answered */
    char *reason;        /* why it failed; "" if it did not */
    time_t next_update;  /* of what it gave last; 0: unknown */
};
void revocation_place_clear(struct revocation_place *place);

struct place_list {
    struct revocation_place *items;
    size_t count;
};
void place_list_clear(struct place_list *list);

/* Note what came of asking: `crl` (id, 0: none) or a failure that is not to be repeated before
 * `failed_until` (0: none), for this `reason` (may be NULL). `wanted`: for a message, and not just
 * to have it. */
enum store_status store_place_note(struct store *store, const char *url, enum place_kind kind,
                                   int64_t crl, time_t failed_until, const char *reason,
                                   bool wanted, time_t now, char **why);
/* STORE_NONE: never asked. */
enum store_status store_place_get(struct store *store, const char *url,
                                  struct revocation_place *out, char **why);
/* Forget a place that nobody has wanted since `since` and that has no CRL to show. */
enum store_status store_place_forget(struct store *store, const char *url, time_t since,
                                     char **why);
/* All that give CRLs, those tried longest ago first. */
enum store_status store_place_list(struct store *store, struct place_list *out, char **why);

/* ---- OCSP answers ---- */

/* Keep an answer (DER of OCSPResponse) on a certificate that may be used `until` then. */
enum store_status store_ocsp_put(struct store *store, X509 *certificate, const unsigned char *der,
                                 size_t length, time_t until, time_t now, char **why);
/* *der_out: free(). STORE_NONE: there is none that may still be used. */
enum store_status store_ocsp_get(struct store *store, X509 *certificate, time_t now,
                                 unsigned char **der_out, size_t *length_out, time_t *fetched_out,
                                 char **why);

/* ---- Certificates that are known to be revoked ---- */

/* They are neither encrypted to nor signed with. */
struct revoked_certificate {
    X509 *certificate;
    time_t revoked_at;
    int reason; /* CRLReason, -1: none given */
    char *sentence;
};

struct revoked_list {
    struct revoked_certificate *items;
    size_t count;
};
void revoked_list_clear(struct revoked_list *list);

/* STORE_NONE: the store does not hold the certificate, so there is nothing to mark. *changed_out
 * (may be NULL): it was not marked before. */
enum store_status store_revoked_mark(struct store *store, X509 *certificate, time_t revoked_at,
                                     int reason, const char *sentence, time_t now,
                                     bool *changed_out, char **why);
/* A hold was lifted. STORE_NONE: it is not marked. */
enum store_status store_revoked_unmark(struct store *store, X509 *certificate, char **why);
/* Why there is no public key of `address` to encrypt with, where that is a revocation:
 * *sentence_out (free()). STORE_NONE: none of its keys that would be valid at `now` is marked. */
enum store_status store_revoked_key(struct store *store, const char *address, time_t now,
                                    char **sentence_out, char **why);
enum store_status store_revoked_list(struct store *store, struct revoked_list *out, char **why);

/* ---- What is to be looked at from time to time ---- */

/* Is there a CRL of the issuer of `certificate`, or an OCSP answer on it? Says nothing of what it
 * says, but quickly. */
enum store_status store_has_evidence(struct store *store, X509 *certificate, bool *out, char **why);

/* The CA certificates that travel with keys of mailboxes. *out: sk_X509_pop_free(). */
enum store_status store_chain_certificates(struct store *store, STACK_OF(X509) * *out, char **why);

/* Certificates in use that are valid at `now` and not marked: what mailboxes sign with, or others'
 * public keys. Those with an id above `after`, at most `limit`. *last_out is the id to go on after,
 * 0 at the end. *out: sk_X509_pop_free(). */
enum store_status store_certificates_in_use(struct store *store, bool pubkeys, time_t now,
                                            int64_t after, size_t limit, STACK_OF(X509) * *out,
                                            int64_t *last_out, char **why);

#endif
