/* How a mailbox is named in a certificate or in the request for one. */
#include "mailbox_names.h"

#include <string.h>

#include <openssl/x509v3.h>

#define MAX_COMMON_NAME_BYTES 64                  /* ub-common-name, RFC 5280 appendix A.1 */
#define SMTP_UTF8_MAILBOX_OID "1.3.6.1.5.5.7.8.9" /* id-on-SmtpUTF8Mailbox, RFC 9598 */

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text > 0x7f) {
            return false;
        }
    }
    return true;
}

static int set_rfc822_name(GENERAL_NAME *name, const char *address)
{
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (!text || ASN1_STRING_set(text, address, -1) != 1) {
        ASN1_IA5STRING_free(text);
        return -1;
    }
    GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
    return 0;
}

static int set_utf8_mailbox(GENERAL_NAME *name, const char *address)
{
    ASN1_OBJECT *type = OBJ_txt2obj(SMTP_UTF8_MAILBOX_OID, 1);
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
    if (type && value && text && ASN1_STRING_set(text, address, -1) == 1) {
        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
        text = NULL;
        if (GENERAL_NAME_set0_othername(name, type, value) == 1) {
            return 0;
        }
    }
    ASN1_UTF8STRING_free(text);
    ASN1_TYPE_free(value);
    ASN1_OBJECT_free(type);
    return -1;
}

/* NULL when out of memory. */
static GENERAL_NAMES *make_names(const char *const *addresses, size_t count)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; names && i < count; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        int rc = -1;
        if (name) {
            rc = is_ascii(addresses[i]) ? set_rfc822_name(name, addresses[i])
                                        : set_utf8_mailbox(name, addresses[i]);
        }
        if (rc || sk_GENERAL_NAME_push(names, name) <= 0) {
            GENERAL_NAME_free(name);
            GENERAL_NAMES_free(names);
            names = NULL;
        }
    }
    return names;
}

X509_EXTENSION *mailbox_names_extension(const char *const *addresses, size_t count, bool critical)
{
    X509_EXTENSION *extension = NULL;
    GENERAL_NAMES *names = make_names(addresses, count);
    if (names) {
        extension = X509V3_EXT_i2d(NID_subject_alt_name, critical, names);
    }
    GENERAL_NAMES_free(names);
    return extension;
}

int mailbox_names_subject(X509_NAME *subject, const char *address)
{
    if (strlen(address) > MAX_COMMON_NAME_BYTES) {
        return 0;
    }
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)address, -1, -1, 0) == 1
               ? 0
               : -1;
}
