/* The envelope of a backup, decoded once by templates of our own: OpenSSL tells nobody which key
 * derivation a PasswordRecipientInfo asks for, and runs it whatever it costs. */
#include "backup_envelope.h"

#include <stdbool.h>
#include <stdint.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "why.h"

typedef struct {
    ASN1_INTEGER *version;
    X509_ALGOR *derivation;
    X509_ALGOR *encryption;
    ASN1_OCTET_STRING *key;
} PASSWORD_RECIPIENT; /* RFC 5652 section 6.2.4 */

typedef struct {
    int type;
    union {
        PASSWORD_RECIPIENT *password;
    } kind;
} RECIPIENT;

typedef struct {
    ASN1_INTEGER *version;
    OPENSSL_STACK *recipients; /* of RECIPIENT */
    ASN1_STRING *content;      /* a SEQUENCE, as it is */
    ASN1_OCTET_STRING *mac;
} ENVELOPE; /* RFC 5083 section 2.1, without what no backup has */

typedef struct {
    ASN1_OBJECT *type;
    ENVELOPE *envelope;
} BACKUP;

static const ASN1_ITEM *BACKUP_it(void);

static int check_derivation(const X509_ALGOR *derivation, char **why)
{
    int64_t iterations = 0;
    PBKDF2PARAM *parameters = NULL;
    if (derivation && OBJ_obj2nid(derivation->algorithm) == NID_id_pbkdf2) {
        parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), derivation->parameter);
    }
    bool known = parameters && ASN1_INTEGER_get_int64(&iterations, parameters->iter) == 1;
    PBKDF2PARAM_free(parameters);
    if (!known || iterations < 1) {
        why_set(why, "is no backup of smimed: its key is not derived by PBKDF2");
        return -1;
    }
    if (iterations > BACKUP_MAX_KDF_ITERATIONS) {
        why_set(why,
                "asks for %lld iterations of key derivation, at most %d are run: it was altered",
                (long long)iterations, BACKUP_MAX_KDF_ITERATIONS);
        return -1;
    }
    return 0;
}

static int check(const BACKUP *backup, char **why)
{
    if (!backup || OBJ_obj2nid(backup->type) != NID_id_smime_ct_authEnvelopedData) {
        why_set(why, "is no backup of smimed, or is not complete");
        return -1;
    }
    if (OPENSSL_sk_num(backup->envelope->recipients) != 1) {
        why_set(why, "is no backup of smimed: it is not for one password");
        return -1;
    }
    const RECIPIENT *recipient = OPENSSL_sk_value(backup->envelope->recipients, 0);
    return check_derivation(recipient->kind.password->derivation, why);
}

int backup_envelope_check(BIO *file, char **why)
{
    char beyond = 0;
    BACKUP *backup = ASN1_item_d2i_bio(ASN1_ITEM_rptr(BACKUP), file, NULL);
    int rc = check(backup, why);
    if (rc == 0 && BIO_read(file, &beyond, 1) > 0) {
        why_set(why, "is no backup of smimed: something follows it");
        rc = -1;
    }
    ASN1_item_free((ASN1_VALUE *)backup, ASN1_ITEM_rptr(BACKUP));
    ERR_clear_error();
    return rc;
}

/* ---- Templates: last, for what reads C without knowing them ---- */

/* clang-format off */
ASN1_SEQUENCE(PASSWORD_RECIPIENT) = {
    ASN1_SIMPLE(PASSWORD_RECIPIENT, version, ASN1_INTEGER),
    ASN1_IMP_OPT(PASSWORD_RECIPIENT, derivation, X509_ALGOR, 0),
    ASN1_SIMPLE(PASSWORD_RECIPIENT, encryption, X509_ALGOR),
    ASN1_SIMPLE(PASSWORD_RECIPIENT, key, ASN1_OCTET_STRING)
} static_ASN1_SEQUENCE_END(PASSWORD_RECIPIENT)

ASN1_CHOICE(RECIPIENT) = {
    ASN1_IMP(RECIPIENT, kind.password, PASSWORD_RECIPIENT, 3)
} static_ASN1_CHOICE_END(RECIPIENT)

ASN1_SEQUENCE(ENVELOPE) = {
    ASN1_SIMPLE(ENVELOPE, version, ASN1_INTEGER),
    ASN1_SET_OF(ENVELOPE, recipients, RECIPIENT),
    ASN1_SIMPLE(ENVELOPE, content, ASN1_SEQUENCE),
    ASN1_SIMPLE(ENVELOPE, mac, ASN1_OCTET_STRING)
} static_ASN1_SEQUENCE_END(ENVELOPE)

ASN1_SEQUENCE(BACKUP) = {
    ASN1_SIMPLE(BACKUP, type, ASN1_OBJECT),
    ASN1_EXP(BACKUP, envelope, ENVELOPE, 0)
} static_ASN1_SEQUENCE_END(BACKUP)
