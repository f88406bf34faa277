/* Reading a distinguished name: libldap takes the text apart, OpenSSL knows the attributes. */
#include "distinguished_name.h"

#include <string.h>

#include <ldap.h>
#include <openssl/err.h>

#include "why.h"

/* A new string of exactly these bytes, NULL when out of memory. */
static char *attribute_text(const LDAPAVA *part)
{
    return OPENSSL_strndup(part->la_attr.bv_val, part->la_attr.bv_len);
}

/* `set` -1 puts the part beside the one before ("CN=a+UID=b"). */
static int add_part(X509_NAME *name, const LDAPAVA *part, int set, char **why)
{
    char *attribute = attribute_text(part);
    int rc = -1;
    if (!attribute) {
        why_set(why, "out of memory");
        return -1;
    }
    if (OBJ_txt2nid(attribute) == NID_undef) {
        why_set(why,
                "\"%s\" is no attribute of a subject; CN, O, OU, L, ST, C and emailAddress are",
                attribute);
    } else if ((part->la_flags & LDAP_AVA_BINARY) || part->la_value.bv_len == 0 ||
               X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8,
                                          (const unsigned char *)part->la_value.bv_val,
                                          (int)part->la_value.bv_len, -1, set) != 1) {
        why_set(why, "the value of %s is empty, too long or not fit for it", attribute);
    } else {
        rc = 0;
    }
    OPENSSL_free(attribute);
    ERR_clear_error();
    return rc;
}

static int add_parts(X509_NAME *name, LDAPDN parts, char **why)
{
    size_t count = 0;
    while (parts[count]) {
        count++;
    }
    for (size_t i = count; i-- > 0;) {
        for (size_t k = 0; parts[i][k]; k++) {
            if (add_part(name, parts[i][k], k ? -1 : 0, why)) {
                return -1;
            }
        }
    }
    return 0;
}

X509_NAME *distinguished_name_read(const char *text, char **why)
{
    LDAPDN parts = NULL;
    X509_NAME *name = X509_NAME_new();
    if (!name) {
        why_set(why, "out of memory");
        return NULL;
    }
    if (ldap_str2dn(text, &parts, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS || !parts) {
        why_set(why, "\"%s\" is no subject; one looks like CN=Alice Smith,O=Example,C=DE", text);
    }
    if (!parts || add_parts(name, parts, why)) {
        X509_NAME_free(name);
        name = NULL;
    }
    if (parts) {
        ldap_dnfree(parts);
    }
    return name;
}
