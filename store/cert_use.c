/* What a certificate may be used for. */
#include "cert_use.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cert_names.h"
#include "why.h"

/* Named curves that CMS with ECDH and ECDSA of OpenSSL reads, and other programs too (RFC 5753,
 * RFC 5639). */
static const int curves[] = {
    NID_X9_62_prime256v1, NID_secp384r1,       NID_secp521r1,
    NID_brainpoolP256r1,  NID_brainpoolP384r1, NID_brainpoolP512r1,
};

static int time_to_seconds(const ASN1_TIME *text, time_t *out)
{
    struct tm parts;
    if (!text || ASN1_TIME_to_tm(text, &parts) != 1) {
        return -1;
    }
    *out = timegm(&parts);
    return 0;
}

int cert_validity(X509 *certificate, time_t *not_before_out, time_t *not_after_out)
{
    if (time_to_seconds(X509_get0_notBefore(certificate), not_before_out) != 0 ||
        time_to_seconds(X509_get0_notAfter(certificate), not_after_out) != 0) {
        ERR_clear_error();
        return -1;
    }
    return 0;
}

static void format_day(time_t at, char *text, size_t size)
{
    struct tm parts;
    if (!gmtime_r(&at, &parts) || strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        text[0] = '\0';
    }
}

static int check_validity(X509 *certificate, time_t now, char **why)
{
    char day[64];
    time_t not_before = 0;
    time_t not_after = 0;
    if (cert_validity(certificate, &not_before, &not_after) != 0) {
        why_set(why, "the validity of the certificate cannot be read");
        return -1;
    }
    if (now < not_before) {
        format_day(not_before, day, sizeof day);
        why_set(why, "the certificate is not yet valid: not before %s", day);
        return -1;
    }
    if (now > not_after) {
        format_day(not_after, day, sizeof day);
        why_set(why, "the certificate has expired: not after %s", day);
        return -1;
    }
    return 0;
}

static int check_structure(X509 *certificate, char **why)
{
    int length = i2d_X509(certificate, NULL);
    if (length <= 0 || length > CERT_MAX_BYTES) {
        why_set(why, "the certificate has %d bytes, at most %d are taken", length, CERT_MAX_BYTES);
        return -1;
    }
    /* Fills what X509_get_extension_flags() and X509_get_key_usage() tell. */
    X509_check_purpose(certificate, -1, 0);
    uint32_t flags = X509_get_extension_flags(certificate);
    if (flags & EXFLAG_INVALID) {
        why_set(why,
                "the certificate is malformed: an extension cannot be read (RFC 5280 section 4.2)");
        return -1;
    }
    if (flags & EXFLAG_CRITICAL) {
        why_set(why, "the certificate has a critical extension that is not known here "
                     "(RFC 5280 section 4.2)");
        return -1;
    }
    return 0;
}

static int check_names(X509 *certificate, char **why)
{
    struct cert_names names;
    int result = -1;
    if (cert_names_read(certificate, &names) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    if (names.gateway) {
        why_set(why, "certificate for a domain, not for a mailbox: it names a mail gateway "
                     "(RFC 3183)");
    } else if (names.addresses.count == 0 && names.whole_domain) {
        why_set(why, "certificate for a domain, not for a mailbox: it names a domain and no mail "
                     "address");
    } else if (names.addresses.count == 0) {
        why_set(why, "the certificate names no mail address (rfc822Name, SmtpUTF8Mailbox or "
                     "emailAddress)");
    } else if (names.too_many) {
        why_set(why, "the certificate names more than %d mail addresses", CERT_MAX_ADDRESSES);
    } else {
        result = 0;
    }
    cert_addresses_clear(&names.addresses);
    return result;
}

static int check_curve(EVP_PKEY *key, char **why)
{
    char name[80] = "";
    size_t length = 0;
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1) {
        why_set(why, "the elliptic curve of the certificate's key is not a named one "
                     "(RFC 5480 section 2.1.1)");
        return -1;
    }
    int nid = OBJ_txt2nid(name);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (nid == curves[i]) {
            return 0;
        }
    }
    why_set(why,
            "the certificate's key is on the curve %s: allowed are P-256, P-384, P-521 and "
            "brainpoolP256r1, P384r1, P512r1",
            name);
    return -1;
}

static int check_key(X509 *certificate, char **why)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(key) < CERT_MIN_RSA_BITS) {
            why_set(why, "the certificate's RSA key has %d bits, at least %d are wanted",
                    EVP_PKEY_get_bits(key), CERT_MIN_RSA_BITS);
            return -1;
        }
        return 0;
    case EVP_PKEY_EC:
        return check_curve(key, why);
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
    case EVP_PKEY_X25519:
    case EVP_PKEY_X448:
        why_set(why,
                "the certificate has an %s key, which the CMS of this OpenSSL cannot use: RSA or "
                "an elliptic curve such as P-256 is wanted",
                OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
        return -1;
    case EVP_PKEY_RSA_PSS:
        why_set(why, "the certificate's RSA key is for PSS signatures alone (id-RSASSA-PSS): "
                     "rsaEncryption is wanted");
        return -1;
    default:
        why_set(why, "the certificate's key is neither RSA nor on an elliptic curve");
        return -1;
    }
}

static int check_key_usage(X509 *certificate, enum cert_use use, char **why)
{
    uint32_t usage = X509_get_key_usage(certificate); /* all bits when there is no extension */
    const char *wanted = NULL;
    if (use == CERT_USE_SIGN) {
        if (!(usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION))) {
            wanted = "digitalSignature or nonRepudiation";
        }
    } else if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_EC) {
        if (!(usage & KU_KEY_AGREEMENT)) {
            wanted = "keyAgreement";
        }
    } else if (!(usage & KU_KEY_ENCIPHERMENT)) {
        wanted = "keyEncipherment";
    }
    if (wanted) {
        why_set(
            why,
            "the key usage of the certificate excludes %s: %s is wanted (RFC 8550 section 4.4.2)",
            use == CERT_USE_SIGN ? "signing" : "encryption", wanted);
        return -1;
    }
    return 0;
}

static int check_extended_key_usage(X509 *certificate, char **why)
{
    /* All bits when there is no extension. */
    if (!(X509_get_extended_key_usage(certificate) & (XKU_SMIME | XKU_ANYEKU))) {
        why_set(why, "the extended key usage of the certificate excludes mail: emailProtection or "
                     "anyExtendedKeyUsage is wanted (RFC 8550 section 4.4.4)");
        return -1;
    }
    return 0;
}

int cert_check_use(X509 *certificate, enum cert_use use, time_t now, char **why)
{
    if (check_structure(certificate, why) != 0) {
        return -1;
    }
    if (X509_check_ca(certificate) != 0) {
        why_set(why, "the certificate belongs to a CA, not to a mailbox");
        return -1;
    }
    if (check_names(certificate, why) != 0 || check_validity(certificate, now, why) != 0 ||
        check_key(certificate, why) != 0 || check_key_usage(certificate, use, why) != 0 ||
        check_extended_key_usage(certificate, why) != 0) {
        ERR_clear_error();
        return -1;
    }
    ERR_clear_error();
    return 0;
}

int cert_check_anchor(X509 *certificate, time_t now, char **why)
{
    if (check_structure(certificate, why) != 0) {
        return -1;
    }
    if (X509_check_ca(certificate) == 0) {
        why_set(why, "the certificate does not belong to a CA: basicConstraints CA:TRUE is wanted "
                     "(RFC 5280 section 4.2.1.9)");
        return -1;
    }
    if (!X509_get0_pubkey(certificate)) {
        ERR_clear_error();
        why_set(why, "the key of the CA certificate cannot be read");
        return -1;
    }
    return check_validity(certificate, now, why);
}

char *cert_fingerprint(X509 *certificate)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1) {
        return NULL;
    }
    char *text = malloc(2 * (size_t)length + 1);
    if (!text) {
        return NULL;
    }
    for (unsigned i = 0; i < length; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}
