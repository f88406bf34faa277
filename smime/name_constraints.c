/* Name constraints of CAs on mail addresses.
 *
 * A name can be written so that OpenSSL does not find it in what a CA is forbidden, and still means
 * an address there: "alice@example.com.", "@route:alice@example.com", or a SmtpUTF8Mailbox with
 * A-labels, as RFC 9598 wants them. So the constraints are asked again about the canonical form, in
 * a certificate that has nothing but that. */
#include "name_constraints.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "address.h"

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* A local part that is not ASCII cannot stand in a constraint: only its domain counts. */
static char *constrained_form(const char *canonical)
{
    char *out = NULL;
    if (is_ascii(canonical))
        return strdup(canonical);
    return asprintf(&out, "x@%s", address_domain(canonical)) >= 0 ? out : NULL;
}

static GENERAL_NAMES *names_of(const char *address)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    if (names == NULL || name == NULL || string == NULL ||
        ASN1_STRING_set(string, address, -1) != 1) {
        ASN1_IA5STRING_free(string);
        goto fail;
    }
    GENERAL_NAME_set0_value(name, GEN_EMAIL, string);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return names;
fail:
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    return NULL;
}

/* A certificate for `address`. NULL out of memory. */
static X509 *certificate_of(const char *address)
{
    X509 *certificate = X509_new();
    GENERAL_NAMES *names = names_of(address);
    bool made = certificate != NULL && names != NULL && X509_set_version(certificate, 2) == 1 &&
                X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    if (!made) {
        X509_free(certificate);
        return NULL;
    }
    /* Reads the extensions, which NAME_CONSTRAINTS_check() does not. */
    (void)X509_check_purpose(certificate, -1, 0);
    return certificate;
}

/* Returns 1, 0, or -1 out of memory. */
static int allows(X509 *ca, X509 *certificate)
{
    int critical;
    NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
    int error;
    if (constraints == NULL)
        return critical == -1; /* there are none; else they cannot be read */
    error = NAME_CONSTRAINTS_check(certificate, constraints);
    NAME_CONSTRAINTS_free(constraints);
    if (error == X509_V_ERR_OUT_OF_MEM)
        return -1;
    return error == X509_V_OK;
}

int name_constraints_allow(STACK_OF(X509) * chain, const char *canonical)
{
    char *address = constrained_form(canonical);
    X509 *certificate = address != NULL ? certificate_of(address) : NULL;
    int allowed = certificate != NULL ? 1 : -1;
    for (int i = 1; allowed == 1 && i < sk_X509_num(chain); i++)
        allowed = allows(sk_X509_value(chain, i), certificate);
    X509_free(certificate);
    free(address);
    ERR_clear_error();
    return allowed;
}
