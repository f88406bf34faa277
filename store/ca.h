/* A certification authority (CA) of one's own: it issues certificates for mailboxes of the store,
 * revokes them, and publishes that in CRLs (RFC 5280).
 *
 * One level: the CA is a root that certifies mailboxes itself (pathLenConstraint 0). An issuing CA
 * below a root that is kept offline, as the CA/Browser Forum demands of public CAs, would gain
 * nothing where both keys lie under the same master secret on the same machine.
 *
 * There may be several; the newest one issues, and former ones go on revoking. As for the rest of
 * the store, addresses are canonical and time is passed in. */
#ifndef STORE_CA_H
#define STORE_CA_H

#include "store.h"

#define CA_MAX_DAYS 9132 /* of a CA certificate: 25 years, as S/MIME BR section 6.1.7 has it */
#define CA_DEFAULT_DAYS 3652
#define CA_CERTIFICATE_MAX_DAYS 825 /* S/MIME BR section 6.3.2, strict */
#define CA_CERTIFICATE_DEFAULT_DAYS 730
#define CA_CRL_MAX_DAYS 366
#define CA_CRL_DEFAULT_DAYS 7
#define CA_MAX_URL_BYTES 2000
/* Clocks of recipients go wrong: so long before it is made a certificate is valid. */
#define CA_BACKDATE_S 3600

struct ca {
    int64_t id;
    X509 *certificate;
    char *fingerprint;
    char *crl_url;          /* "" if none */
    int64_t crl_number;     /* of the last CRL; 0: there was none */
    time_t crl_next_update; /* of it; 0: there was none */
    bool issues;            /* or a former one */
    size_t issued;          /* certificates, revoked ones included */
    size_t revoked;
};

struct ca_list {
    struct ca *items; /* the newest first */
    size_t count;
};

struct ca_create {
    EVP_PKEY *key;
    const X509_NAME *subject;
    int days;
    const char *crl_url; /* where its CRLs will be had, for what it issues; NULL: nowhere */
    bool replace;        /* a CA that is there becomes a former one */
};

/* Make a CA. STORE_REFUSED: there is one and `replace` is false; there is one of the same name; the
 * URL is not http:// (a CRL says itself that it is genuine, and a program that would need TLS to
 * fetch it could be asked to check TLS certificates by it: S/MIME BR section 7.1.2.3 b). *id_out
 * may be NULL. */
enum store_status store_ca_create(struct store *store, const struct ca_create *request, time_t now,
                                  int64_t *id_out, char **why);
enum store_status store_ca_list(struct store *store, struct ca_list *out, char **why);
/* The CA with this id, 0: the one that issues. A list of one. STORE_REFUSED when there is none. */
enum store_status store_ca_find(struct store *store, int64_t id, struct ca_list *out, char **why);
void ca_list_clear(struct ca_list *list);

/* ---- Issuing ---- */

/* Certify `key` for the mailbox, which signs with it from now on (store_mailbox_activate()); former
 * keys stay for decryption. With `encryption_key` (may be NULL) each is for one purpose alone: this
 * one decrypts, and its certificate travels with what is signed. All or nothing. The certificates
 * name all addresses of the mailbox and run out with the CA at the latest. STORE_REFUSED: no CA, an
 * expired one, no such mailbox. */
enum store_status store_ca_issue(struct store *store, const char *address, EVP_PKEY *key,
                                 EVP_PKEY *encryption_key, int days, time_t now, char **why);

/* Certify the key of somebody's request (csr_read()) for signing and encryption. The mailbox stays
 * as it is: we do not have the key. The certificate names the addresses that the request names, all
 * of which the mailbox must have, or all of the mailbox where it names none; nothing else in the
 * request matters. STORE_REFUSED also for a key that was compromised. *out: X509_free(). */
enum store_status store_ca_certify(struct store *store, const char *address, X509_REQ *request,
                                   int days, time_t now, X509 **out, char **why);

/* ---- What was issued ---- */

/* CRLReason, RFC 5280 section 5.3.1: those that an end entity's certificate can have. Holding
 * certificates is not offered: S/MIME BR section 4.9.13. */
enum ca_reason {
    CA_UNSPECIFIED = 0,
    CA_KEY_COMPROMISE = 1,
    CA_AFFILIATION_CHANGED = 3,
    CA_SUPERSEDED = 4,
    CA_CESSATION_OF_OPERATION = 5,
    CA_PRIVILEGE_WITHDRAWN = 9,
};
/* "keyCompromise" */
const char *ca_reason_name(enum ca_reason reason);
/* Returns 0, -1 when `name` is none. Case does not matter. */
int ca_reason_named(const char *name, enum ca_reason *out);

struct ca_certificate {
    int64_t ca;
    char *serial;  /* lower-case hex */
    char *mailbox; /* for which it was issued */
    X509 *certificate;
    char *fingerprint;
    time_t issued;
    time_t revoked; /* 0: it is not */
    enum ca_reason reason;
};

struct ca_certificate_list {
    struct ca_certificate *items; /* the oldest first */
    size_t count;
};

enum store_status store_ca_certificates(struct store *store, struct ca_certificate_list *out,
                                        char **why);
void ca_certificate_list_clear(struct ca_certificate_list *list);

struct ca_revoked {
    size_t count;     /* certificates that were revoked now */
    bool deactivated; /* one of them was what the mailbox signed with */
};

/* Revoke the certificate with this serial number (hex, in either case; leading zeros do not
 * matter), or all of a mailbox that are neither revoked nor expired; a mailbox that signs with one
 * is deactivated, and cannot be activated with it again. The next CRL tells. There is no way back.
 * STORE_REFUSED: no such certificate, or revoked already; none was ever issued for the mailbox.
 * Where all of a mailbox are revoked or expired: STORE_OK and a count of 0. */
enum store_status store_ca_revoke_serial(struct store *store, const char *serial,
                                         enum ca_reason reason, time_t now, struct ca_revoked *out,
                                         char **why);
enum store_status store_ca_revoke_mailbox(struct store *store, const char *address,
                                          enum ca_reason reason, time_t now, struct ca_revoked *out,
                                          char **why);

/* ---- CRL ---- */

struct ca_crl {
    unsigned char *der; /* OPENSSL_free() through ca_crl_clear() */
    size_t length;
    int64_t number; /* cRLNumber: each CRL of a CA has a greater one */
    time_t this_update;
    time_t next_update;
    size_t entries;
};

/* A new version 2 CRL (RFC 5280 section 5) of a CA (0: the one that issues): all that it ever
 * revoked, also what has expired, so that old signatures are still told from good ones. */
enum store_status store_ca_crl(struct store *store, int64_t ca, int days, time_t now,
                               struct ca_crl *out, char **why);
void ca_crl_clear(struct ca_crl *crl);

#endif
