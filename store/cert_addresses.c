/* Addresses and other names in a certificate. */
#include "cert_names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "address.h"

/* Local parts that stand for a mail gateway: RFC 3183 sections 3.1.1 and 4.1, and what gateways on
 * the market use. A mailbox of a person is not called so. */
static const char *const gateway_names[] = {
    "domain-confidentiality-authority",
    "domain-signing-authority",
    "domain-certificate",
    "smime-gateway",
    "s-mime-gateway",
    "smimegateway",
    "smime-domain",
};

static bool is_gateway_name(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof gateway_names / sizeof *gateway_names; i++) {
        if (strlen(gateway_names[i]) == length &&
            strncasecmp(gateway_names[i], text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* NUL in a name makes two readers see two addresses; other control characters have no place there.
 */
static bool is_clean(const unsigned char *text, size_t length, bool ascii_only)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x20 || text[i] == 0x7f || (ascii_only && text[i] > 0x7f)) {
            return false;
        }
    }
    return length > 0 && length <= ADDRESS_MAX_BYTES;
}

static bool looks_like_domain(const char *text, size_t length)
{
    char *canonical = NULL;
    if (!memchr(text, '.', length) || memchr(text, '@', length) || memchr(text, ' ', length)) {
        return false;
    }
    enum address_status status = address_canonical_domain(text, length, &canonical);
    free(canonical);
    return status == ADDRESS_OK;
}

static int keep(struct cert_names *names, char **canonical)
{
    struct cert_addresses *list = &names->addresses;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], *canonical) == 0) {
            return 0;
        }
    }
    if (list->count == CERT_MAX_ADDRESSES) {
        names->too_many = true;
        return 0;
    }
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items) {
        return -1;
    }
    list->items = items;
    items[list->count++] = *canonical;
    *canonical = NULL;
    return 0;
}

/* One name that is to be an address. */
static int add_name(struct cert_names *names, const unsigned char *bytes, size_t length,
                    bool ascii_only)
{
    const char *text = (const char *)bytes;
    if (!is_clean(bytes, length, ascii_only)) {
        return 0;
    }
    const char *at = memrchr(text, '@', length);
    if (!at || at == text || (at == text + 1 && *text == '*')) {
        names->whole_domain = true; /* "example.com", "@example.com", "*@example.com" */
        return 0;
    }
    if (is_gateway_name(text, (size_t)(at - text))) {
        names->gateway = true;
    }
    char *canonical = NULL;
    enum address_status status = address_canonical(text, length, &canonical);
    int result = status == ADDRESS_ERROR ? -1 : 0;
    if (status == ADDRESS_OK) {
        result = keep(names, &canonical);
    }
    free(canonical);
    return result;
}

/* SmtpUTF8Mailbox (RFC 9598 section 3). */
static const ASN1_STRING *smtp_utf8_mailbox(const OTHERNAME *name)
{
    if (OBJ_obj2nid(name->type_id) != NID_id_on_SmtpUTF8Mailbox || !name->value ||
        name->value->type != V_ASN1_UTF8STRING) {
        return NULL;
    }
    return name->value->value.utf8string;
}

static int read_alternative_names(X509 *certificate, struct cert_names *names, bool *any_out)
{
    int result = 0;
    int found = -1;
    GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    if (!list && found != -1) {
        /* There twice, or unreadable: what it says is unknown, so the subject cannot stand in. */
        *any_out = true;
    }
    for (int i = 0; result == 0 && i < sk_GENERAL_NAME_num(list); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);
        const ASN1_STRING *text = NULL;
        if (name->type == GEN_EMAIL) {
            text = name->d.rfc822Name;
        } else if (name->type == GEN_OTHERNAME) {
            text = smtp_utf8_mailbox(name->d.otherName);
        } else if (name->type == GEN_DNS) {
            names->whole_domain = true;
        }
        if (text) {
            *any_out = true;
            result = add_name(names, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text),
                              name->type == GEN_EMAIL);
        }
    }
    GENERAL_NAMES_free(list);
    return result;
}

/* Every attribute `nid` of the subject, in UTF-8. */
static int each_subject_entry(X509 *certificate, int nid, struct cert_names *names,
                              int (*take)(struct cert_names *, const unsigned char *, size_t))
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0) {
        unsigned char *utf8 = NULL;
        int length =
            ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        int result = length > 0 ? take(names, utf8, (size_t)length) : 0;
        OPENSSL_free(utf8);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

static int take_email(struct cert_names *names, const unsigned char *text, size_t length)
{
    return add_name(names, text, length, true);
}

static int take_common_name(struct cert_names *names, const unsigned char *text, size_t length)
{
    const char *start = (const char *)text;
    const char *at = memchr(text, '@', length);
    if (is_gateway_name(start, at ? (size_t)(at - start) : length)) {
        names->gateway = true;
    } else if (is_clean(text, length, false) && looks_like_domain(start, length)) {
        names->whole_domain = true;
    }
    return 0;
}

int cert_names_read(X509 *certificate, struct cert_names *out)
{
    bool any = false;
    *out = (struct cert_names){0};
    int result = read_alternative_names(certificate, out, &any);
    if (result == 0 && !any) {
        result = each_subject_entry(certificate, NID_pkcs9_emailAddress, out, take_email);
    }
    if (result == 0) {
        result = each_subject_entry(certificate, NID_commonName, out, take_common_name);
    }
    ERR_clear_error(); /* of names that could not be decoded */
    if (result != 0) {
        cert_addresses_clear(&out->addresses);
    }
    return result;
}

int cert_addresses(X509 *certificate, struct cert_addresses *out)
{
    struct cert_names names;
    int result = cert_names_read(certificate, &names);
    *out = names.addresses;
    return result;
}

bool cert_names_address(X509 *certificate, const char *canonical)
{
    struct cert_addresses addresses;
    bool found = false;
    if (cert_addresses(certificate, &addresses) != 0) {
        return false;
    }
    for (size_t i = 0; i < addresses.count && !found; i++) {
        found = strcmp(addresses.items[i], canonical) == 0;
    }
    cert_addresses_clear(&addresses);
    return found;
}

void cert_addresses_clear(struct cert_addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        free(addresses->items[i]);
    }
    free(addresses->items);
    *addresses = (struct cert_addresses){NULL, 0};
}
