/* The mail addresses that a certificate names. The length of an ASN.1 string counts, never a NUL
 * within it: "boss@example.com\0.evil.test" names nobody. */
#include "signer_address.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "address.h"

static int add(struct signer_addresses *addresses, const ASN1_STRING *string)
{
    const char *text = (const char *)ASN1_STRING_get0_data(string);
    int length = ASN1_STRING_length(string);
    char **grown;
    char *canonical = NULL;
    enum address_status status;
    if (length <= 0 || memchr(text, '\0', (size_t)length) != NULL ||
        addresses->count == SIGNER_MAX_ADDRESSES)
        return 0;
    /* Angle brackets are for envelopes: in a certificate they are part of no address. */
    if (memchr(text, '<', (size_t)length) != NULL)
        return 0;
    status = address_canonical(text, (size_t)length, &canonical);
    if (status == ADDRESS_ERROR)
        return -1;
    if (status != ADDRESS_OK)
        return 0;
    grown = realloc(addresses->items, (addresses->count + 1) * sizeof *grown);
    if (grown == NULL) {
        free(canonical);
        return -1;
    }
    addresses->items = grown;
    addresses->items[addresses->count++] = canonical;
    return 0;
}

/* The string of a general name that is a mail address; NULL when it is none. */
static const ASN1_STRING *mail_name(const GENERAL_NAME *name)
{
    int type;
    ASN1_OBJECT *oid = NULL;
    ASN1_TYPE *value = NULL;
    void *string = GENERAL_NAME_get0_value(name, &type);
    if (type == GEN_EMAIL)
        return string;
    if (type == GEN_OTHERNAME && GENERAL_NAME_get0_otherName(name, &oid, &value) == 1 &&
        OBJ_obj2nid(oid) == NID_id_on_SmtpUTF8Mailbox && value != NULL &&
        value->type == V_ASN1_UTF8STRING)
        return value->value.utf8string;
    return NULL;
}

/* *found_out: there is such a name, be it a good one or not. */
static int add_alternative_names(struct signer_addresses *addresses, const X509 *certificate,
                                 bool *found_out)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    int rc = 0;
    /* An extension that cannot be read, or that is there twice, must not bring the subject back. */
    *found_out = names == NULL && critical != -1;
    for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const ASN1_STRING *string = mail_name(sk_GENERAL_NAME_value(names, i));
        if (string == NULL)
            continue;
        *found_out = true;
        rc = add(addresses, string);
    }
    GENERAL_NAMES_free(names);
    return rc;
}

int signer_addresses(const X509 *certificate, struct signer_addresses *out)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    bool found;
    int at = -1;
    *out = (struct signer_addresses){0};
    if (add_alternative_names(out, certificate, &found) != 0)
        goto fail;
    while (!found && (at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress, at)) >= 0) {
        const ASN1_STRING *string = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        int type = ASN1_STRING_type(string);
        if ((type == V_ASN1_IA5STRING || type == V_ASN1_UTF8STRING ||
             type == V_ASN1_PRINTABLESTRING || type == V_ASN1_T61STRING) &&
            add(out, string) != 0)
            goto fail;
    }
    return 0;
fail:
    signer_addresses_clear(out);
    return -1;
}

bool signer_addresses_have(const struct signer_addresses *addresses, const char *canonical)
{
    for (size_t i = 0; i < addresses->count; i++)
        if (strcmp(addresses->items[i], canonical) == 0)
            return true;
    return false;
}

int signer_names(const X509 *certificate, const char *canonical)
{
    struct signer_addresses addresses;
    int named;
    if (signer_addresses(certificate, &addresses) != 0)
        return -1;
    named = signer_addresses_have(&addresses, canonical);
    signer_addresses_clear(&addresses);
    return named;
}

void signer_addresses_clear(struct signer_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        free(addresses->items[i]);
    free(addresses->items);
    *addresses = (struct signer_addresses){0};
}
