/* Opening what came in: layer by layer, as long as the whole content is an S/MIME layer.
 *
 * What a layer is, is decided by the CMS content type inside, not by the MIME label. A structure in
 * a sub-part is reported, never opened. RFC 8551, RFC 5652, RFC 5083. */
#ifndef SMIME_INCOMING_H
#define SMIME_INCOMING_H

#include <stdbool.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "entity.h"
#include "restored.h"
#include "revocation_source.h"
#include "weakness.h"

enum encryption_verdict { ENCRYPTION_NONE, ENCRYPTION_DECRYPTED, ENCRYPTION_NOT_DECRYPTED };

/* Worst last: of several signature layers the worst one is the message's. */
enum signature_verdict {
    SIGNATURE_NONE,
    SIGNATURE_VALID,
    SIGNATURE_EXPIRED,        /* good, but the certificate is not valid now */
    SIGNATURE_UNTRUSTED,      /* good, but no chain to an anchor */
    SIGNATURE_UNKNOWN_SIGNER, /* the signer's certificate is not there */
    SIGNATURE_REVOKED,
    SIGNATURE_MISMATCH, /* good, but by somebody else than From */
    SIGNATURE_PARTIAL,  /* only a part of the message is signed */
    SIGNATURE_INVALID,
};

const char *
encryption_verdict_name(enum encryption_verdict verdict); /* "none", "decrypted", "not-decrypted" */
const char *signature_verdict_name(enum signature_verdict verdict); /* "unknown-signer", ... */

/* One recipient that an EnvelopedData names. Borrowed from the structure, for the time of the call.
 */
struct recipient_id {
    X509_NAME *issuer; /* and serial; NULL when named by key identifier */
    ASN1_INTEGER *serial;
    ASN1_OCTET_STRING *key_id;
};
/* Is it this certificate? */
bool recipient_id_matches(const struct recipient_id *id, X509 *certificate);

enum key_answer { KEY_FOUND, KEY_NONE, KEY_ERROR };

/* Asked once per encrypted layer: may it be opened, and with what? The answer names one of the
 * `count` ids in *index_out, and gives its key and certificate (references of the callee's that
 * stay valid while smime_open() runs). KEY_NONE with a sentence leaves the layer encrypted;
 * KEY_ERROR ends smime_open() with SMIME_ERROR. */
struct key_finder {
    enum key_answer (*find)(void *context, const struct recipient_id *ids, size_t count,
                            size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                            char **why);
    void *context;
};

enum layer_kind { LAYER_ENCRYPTED, LAYER_SIGNED_DETACHED, LAYER_SIGNED_OPAQUE };

/* One layer, the outermost first. */
struct layer {
    enum layer_kind kind;
    enum encryption_verdict encryption; /* of LAYER_ENCRYPTED */
    enum signature_verdict signature;   /* of LAYER_SIGNED_* */
    char *reason;                       /* a sentence an administrator can act on */
    char *algorithms;   /* "rsaEncryption aes-256-cbc"; "sha256 rsassaPss"; NULL if unknown */
    bool authenticated; /* of LAYER_ENCRYPTED: AuthEnvelopedData */
    bool tried;    /* of LAYER_ENCRYPTED: a private key was used on it, with or without success */
    unsigned weak; /* weak algorithms that it depends on, accepted or not (weakness.h) */
    bool alone;    /* of LAYER_SIGNED_*: nothing but blanks stands behind it */
    X509 *signer;  /* NULL if unknown */
    time_t signing_time; /* 0 if not given */
};

/* What a valid signature teaches (DESIGN section 6). */
struct harvest {
    X509 *certificate; /* the signer's encryption certificate: names From and chains to an anchor by
                          itself */
    unsigned char *capabilities; /* DER, NULL if not declared */
    size_t capabilities_length;
    bool preferred; /* the signer has named it, or signed with it and named none; else it only came
                       along, as anybody could have added it */
    time_t signing_time;            /* when it was declared; 0 if not given */
    STACK_OF(X509) * intermediates; /* CA certificates of the valid chain, anchor excluded */
};

struct opened {
    enum encryption_verdict encryption;
    char *encryption_reason;
    enum signature_verdict signature;
    char *signature_reason;
    struct layer *layers;
    size_t layer_count;
    /* Message as it is to be delivered: content fields and body replaced where `changed`; otherwise
     * empty. 7-bit outside signatures. */
    bool changed;
    struct entity message;
    size_t kept_from;  /* index of the first layer that is still in what is delivered; layer_count:
                          none is */
    bool clear_signed; /* that layer was opaque and is a multipart/signed now */
    unsigned weak;     /* of all layers */
    /* What the payload's protected header says of the message's: not yet done to opened.message.
     * Without open_request.restore_headers nothing is to be replaced. */
    struct restored restored;
    char *cipher;           /* of the outermost opened layer, "aes-256-gcm"; NULL */
    struct harvest harvest; /* certificate NULL if there is nothing to learn */
    /* A private key was used on ciphertext that anybody could have altered on its way (Efail): it
     * is of EnvelopedData, and what is inside is neither signed with a valid signature nor an
     * AuthEnvelopedData. Also where it could not be decrypted. */
    bool unauthenticated;
    bool defanged;           /* `message` was made inert */
    bool has_signed_part;    /* a signature in a sub-part, left alone */
    bool has_encrypted_part; /* ciphertext in a sub-part, left alone */
    bool has_tnef_part;      /* Outlook's winmail.dat, in which nobody looked */
};

struct open_request {
    X509_STORE *anchors;
    STACK_OF(X509) * intermediates; /* untrusted help for chains; may be NULL */
    struct key_finder keys;         /* find NULL: never decrypt */
    /* Further keys that must open a layer to the same text, because their owners will read it too:
     * asked after keys.find() with n from 0 until it returns KEY_NONE; called with keys.context. A
     * RecipientInfo alone proves nothing, anybody can add one. NULL: there are none. */
    enum key_answer (*further_key)(void *context, size_t n, EVP_PKEY **key_out,
                                   X509 **certificate_out);
    /* Asked about chains that are valid otherwise. What cannot be found out is said in the reason,
     * and with `hard` makes a signature SIGNATURE_UNTRUSTED. find NULL: nobody is asked. */
    struct revocation_source revocation;
    /* Weak algorithms that are accepted (weakness.h). What depends on another one is told and does
     * not count: a good signature is SIGNATURE_UNTRUSTED, ciphertext is left as it is. */
    unsigned weak_allowed;
    bool restore_headers;  /* the protected header replaces the message's */
    bool clear_sign;       /* opaque-signed becomes clear-signed where that is sound */
    bool remove_signature; /* what is signed is delivered without its signature, where that is
                              valid; any other signature stays, for evidence */
    bool defang;   /* what is `unauthenticated` is delivered inert (defang.h), without signatures */
    bool withhold; /* what is `unauthenticated` is not made ready for delivery (never `changed`):
                      it is going to be refused, and the time must not tell that it was decrypted */
    time_t now;
    struct smime_limits limits;
    struct smime_progress progress;
};

/* Open `message`. A malformed or over-large S/MIME message is not an error: it has a verdict
 * (not-decrypted, invalid) with its reason and is left as it is. SMIME_ERROR is ours: the caller
 * defers. SMIME_REFUSED is not returned. */
enum smime_status smime_open(const struct entity *message, const struct open_request *request,
                             struct opened *out, char **why);
void opened_clear(struct opened *opened);

/* The layer whose signer is who the signature verdict is about: of those with this verdict and a
 * known signer the outermost. NULL if there is none. */
const struct layer *opened_signer_layer(const struct opened *opened);

/* What an outgoing message already is, looking only at its outermost layer. */
enum smime_kind { SMIME_KIND_PLAIN, SMIME_KIND_SIGNED, SMIME_KIND_ENCRYPTED };
enum smime_status smime_kind(const struct entity *message, const struct smime_limits *limits,
                             enum smime_kind *out, char **why);

#endif
