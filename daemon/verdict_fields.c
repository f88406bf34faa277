/* What a reader is told of an incoming message: header fields and subject tags. */
#include "verdict_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>

#include "auth_results.h"
#include "cert_use.h"
#include "choice.h"
#include "mailboxes.h"
#include "outcome.h"
#include "signature_part.h"
#include "subject_tags.h"
#include "why.h"

#define OUR_PREFIX "X-Smimed-"
#define REASON_MAX_BYTES 600
#define ISSUER_MAX_BYTES (REASON_MAX_BYTES / 2) /* as a quoted string never more than that */
#define DOUBTFUL "what was encrypted could have been altered on its way"

/* ---- Taking away ---- */

static bool is_ours(const char *name)
{
    return strncasecmp(name, OUR_PREFIX, strlen(OUR_PREFIX)) == 0 ||
           strcasecmp(name, CHOICE_FIELD) == 0;
}

static int strip_field(const struct settings *settings, const struct header *header, size_t at,
                       struct outcome *outcome)
{
    const struct header_field *field = &header->fields[at];
    char *value = NULL;
    int rc = 0;
    if (is_ours(field->name))
        return outcome_edit_field(outcome, EDIT_DELETE, header, at, NULL);
    if (strcasecmp(field->name, "Authentication-Results") != 0)
        return 0;
    switch (auth_results_without_smime(field->value, settings->authserv_id, &value)) {
    case AUTH_RESULTS_KEEP:
        break;
    case AUTH_RESULTS_DELETE:
        rc = outcome_edit_field(outcome, EDIT_DELETE, header, at, NULL);
        break;
    case AUTH_RESULTS_CHANGE:
        rc = outcome_edit_field(outcome, EDIT_CHANGE, header, at, value);
        break;
    case AUTH_RESULTS_ERROR:
        rc = -1;
        break;
    }
    free(value);
    return rc;
}

int verdict_fields_strip(const struct settings *settings, const struct header *header,
                         struct outcome *outcome, char **why)
{
    /* From the highest index down: a deletion then leaves the indexes still to come as they are. */
    for (size_t i = header->count; i-- > 0;)
        if (strip_field(settings, header, i, outcome) != 0) {
            why_set(why, "out of memory");
            return -1;
        }
    return 0;
}

/* ---- Adding ---- */

/* RFC 7281 section 3.1: `policy` is a good signature that we do not accept, `fail` one that did
 * not verify, `neutral` one that could not be judged as the message's, `permerror` one for lack of
 * its certificate. */
static const char *smime_result(enum signature_verdict verdict)
{
    switch (verdict) {
    case SIGNATURE_NONE:
        return "none";
    case SIGNATURE_VALID:
        return "pass";
    case SIGNATURE_UNTRUSTED:
    case SIGNATURE_MISMATCH:
        return "policy";
    case SIGNATURE_UNKNOWN_SIGNER:
        return "permerror";
    case SIGNATURE_PARTIAL:
        return "neutral";
    case SIGNATURE_EXPIRED:
    case SIGNATURE_REVOKED:
    case SIGNATURE_INVALID:
        break;
    }
    return "fail";
}

/* Text for a header field: printable ASCII, bounded. */
static char *plain_text(const char *text)
{
    char *out = strndup(text, REASON_MAX_BYTES);
    for (char *p = out; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            *p = '?';
    return out;
}

/* The same as a quoted string (RFC 5322 section 3.2.4), of at most as many bytes between its
 * quotes.
 */
static char *quoted_text(const char *text)
{
    char *plain = plain_text(text);
    char *out = malloc(REASON_MAX_BYTES + 3);
    char *put = out;
    if (plain == NULL || out == NULL) {
        free(plain);
        free(out);
        return NULL;
    }
    *put++ = '"';
    for (const char *p = plain; *p != '\0'; p++) {
        bool escaped = *p == '"' || *p == '\\';
        if (put + 1 + escaped > out + 1 + REASON_MAX_BYTES)
            break;
        if (escaped)
            *put++ = '\\';
        *put++ = *p;
    }
    *put++ = '"';
    *put = '\0';
    free(plain);
    return out;
}

static int add(struct outcome *outcome, size_t *position, const char *name, const char *text)
{
    char *safe = plain_text(text);
    char *value = NULL;
    int rc = -1;
    if (safe != NULL && asprintf(&value, " %s", safe) >= 0)
        rc = outcome_edit(outcome, EDIT_INSERT, name, (*position)++, value);
    free(value);
    free(safe);
    return rc;
}

/* What the fields say of a certificate; released with signer_clear(). */
struct signer {
    char *address;
    char *part; /* where the signature is in what is delivered; "" if it is not */
    char *subject;
    char *issuer;
    char *serial;
    char *fingerprint;
    char *validity;
};

static char *name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    char *out = NULL;
    long length;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        length = BIO_get_mem_data(bio, &bytes);
        out = strndup(bytes != NULL ? bytes : "", length > 0 ? (size_t)length : 0);
    }
    BIO_free(bio);
    return out;
}

static char *serial_text(const X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    char *out = hex != NULL ? strdup(hex) : NULL;
    OPENSSL_free(hex);
    BN_free(number);
    return out;
}

static char *validity_text(const X509 *certificate)
{
    struct tm from;
    struct tm to;
    char a[32] = "";
    char b[32] = "";
    char *out = NULL;
    if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &from) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &to) != 1)
        return strdup("unknown");
    (void)strftime(a, sizeof a, "%Y-%m-%dT%H:%M:%SZ", &from);
    (void)strftime(b, sizeof b, "%Y-%m-%dT%H:%M:%SZ", &to);
    return asprintf(&out, "%s/%s", a, b) >= 0 ? out : NULL;
}

static void signer_clear(struct signer *signer)
{
    free(signer->address);
    free(signer->part);
    free(signer->subject);
    free(signer->issuer);
    free(signer->serial);
    free(signer->fingerprint);
    free(signer->validity);
}

/* Of several addresses in a certificate the one that the message is from is told. */
static char *address_of(X509 *certificate, const char *from)
{
    struct cert_addresses addresses = {0};
    const char *chosen = "";
    char *out;
    if (cert_addresses(certificate, &addresses) != 0)
        return NULL;
    for (size_t i = addresses.count; i-- > 0;)
        if (strcmp(chosen, from) != 0 || chosen[0] == '\0')
            chosen = addresses.items[i];
    out = strdup(chosen);
    cert_addresses_clear(&addresses);
    return out;
}

static int signer_read(const struct opened *opened, const char *from, struct signer *out)
{
    X509 *certificate = opened_signer_layer(opened)->signer;
    out->address = address_of(certificate, from);
    out->part = signature_part(opened);
    out->subject = name_text(X509_get_subject_name(certificate));
    out->issuer = name_text(X509_get_issuer_name(certificate));
    out->serial = serial_text(certificate);
    out->fingerprint = cert_fingerprint(certificate);
    out->validity = validity_text(certificate);
    return out->address != NULL && out->part != NULL && out->subject != NULL &&
                   out->issuer != NULL && out->serial != NULL && out->fingerprint != NULL &&
                   out->validity != NULL
               ? 0
               : -1;
}

/* Is there to be said that decrypted text could have been altered on its way? */
static bool is_doubtful(const struct settings *settings, const struct opened *opened)
{
    return opened->unauthenticated && opened->encryption == ENCRYPTION_DECRYPTED &&
           settings->unauthenticated_ciphertext != UNAUTHENTICATED_ACCEPT;
}

/* Why the result is what it is, as a quoted string: an empty one where there is nothing to be said.
 * NULL out of memory. */
static char *result_reason(const struct settings *settings, const struct opened *opened)
{
    bool doubtful = is_doubtful(settings, opened);
    bool wanted = opened->signature > SIGNATURE_VALID && opened->signature_reason != NULL;
    char *quoted = NULL;
    char *text = NULL;
    if (asprintf(&text, "%s%s%s", wanted ? opened->signature_reason : "",
                 wanted && doubtful ? "; " : "", doubtful ? DOUBTFUL : "") >= 0)
        quoted = quoted_text(text);
    else
        text = NULL;
    free(text);
    return quoted;
}

/* A value that is no token (RFC 2045 section 5.1) is a quoted string (RFC 8601 section 2.2).
 * Returns 0, -1 out of memory. */
static int print_value(FILE *stream, const char *property, const char *value)
{
    char *quoted = quoted_text(value);
    bool is_token = value[strcspn(value, " ()<>@,;:\\\"/[]?=")] == '\0';
    if (quoted == NULL)
        return -1;
    (void)fprintf(stream, "%s=%s", property, is_token ? value : quoted);
    free(quoted);
    return 0;
}

static int print_signer(FILE *stream, const struct signer *signer)
{
    if (signer->address[0] != '\0' && strpbrk(signer->address, " ;()\"\\") == NULL)
        (void)fprintf(stream, "\r\n\tbody.smime-identifier=%s", signer->address);
    if (signer->part[0] != '\0' && print_value(stream, "\r\n\tbody.smime-part", signer->part) != 0)
        return -1;
    /* RFC 7281 section 3.2.3: both or neither; a part of a name is none. */
    if (strlen(signer->issuer) > ISSUER_MAX_BYTES)
        return 0;
    (void)fprintf(stream, "\r\n\tbody.smime-serial=%s", signer->serial);
    return print_value(stream, "\r\n\tbody.smime-issuer", signer->issuer);
}

static int print_results(FILE *stream, const struct settings *settings, const struct opened *opened,
                         const struct signer *signer)
{
    char *reason = result_reason(settings, opened);
    int rc = 0;
    if (reason == NULL)
        return -1;
    (void)fprintf(stream, " %s; smime=%s", settings->authserv_id, smime_result(opened->signature));
    if (strcmp(reason, "\"\"") != 0)
        (void)fprintf(stream, "\r\n\treason=%s", reason);
    if (signer->serial != NULL)
        rc = print_signer(stream, signer);
    free(reason);
    return rc;
}

static int add_results(const struct settings *settings, struct outcome *outcome,
                       const struct signer *signer, size_t *position)
{
    char *value = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&value, &length);
    int rc;
    if (stream == NULL)
        return -1;
    rc = print_results(stream, settings, &outcome->opened, signer);
    if (fclose(stream) != 0)
        rc = -1;
    if (rc == 0)
        rc = outcome_edit(outcome, EDIT_INSERT, "Authentication-Results", (*position)++, value);
    free(value);
    return rc;
}

static int add_signer(struct outcome *outcome, const struct signer *signer, size_t *position)
{
    if (signer->serial == NULL)
        return 0;
    return add(outcome, position, "X-Smimed-Signer", signer->subject) != 0 ||
                   add(outcome, position, "X-Smimed-Issuer", signer->issuer) != 0 ||
                   add(outcome, position, "X-Smimed-Serial", signer->serial) != 0 ||
                   add(outcome, position, "X-Smimed-Fingerprint", signer->fingerprint) != 0 ||
                   add(outcome, position, "X-Smimed-Validity", signer->validity) != 0
               ? -1
               : 0;
}

/* Always told, accepted or not. */
static int add_weak(struct outcome *outcome, size_t *position)
{
    char *text = weakness_text(outcome->opened.weak);
    int rc = 0;
    if (outcome->opened.weak != 0)
        rc = text != NULL ? add(outcome, position, "X-Smimed-Weak", text) : -1;
    free(text);
    return rc;
}

/* "cipher; restored=Subject; confidential=Subject" */
static int add_protection(struct outcome *outcome, size_t *position)
{
    char *text;
    int rc;
    if (outcome->opened.restored.form == PROTECTION_FORM_NONE)
        return 0;
    text = restored_text(&outcome->opened.restored);
    rc = text != NULL ? add(outcome, position, "X-Smimed-Header-Protection", text) : -1;
    free(text);
    return rc;
}

static int add_fields(const struct settings *settings, struct outcome *outcome,
                      const struct signer *signer)
{
    const struct opened *opened = &outcome->opened;
    size_t position = 0;
    if (add_results(settings, outcome, signer, &position) != 0 ||
        add(outcome, &position, "X-Smimed-Encryption",
            encryption_verdict_name(opened->encryption)) != 0)
        return -1;
    if (opened->encryption_reason != NULL &&
        add(outcome, &position, "X-Smimed-Encryption-Reason", opened->encryption_reason) != 0)
        return -1;
    if (opened->cipher != NULL && add(outcome, &position, "X-Smimed-Cipher", opened->cipher) != 0)
        return -1;
    if (is_doubtful(settings, opened) &&
        add(outcome, &position, "X-Smimed-Ciphertext",
            opened->defanged ? "unauthenticated, defanged" : "unauthenticated") != 0)
        return -1;
    if (add(outcome, &position, "X-Smimed-Signature", signature_verdict_name(opened->signature)) !=
        0)
        return -1;
    if (opened->signature_reason != NULL &&
        add(outcome, &position, "X-Smimed-Signature-Reason", opened->signature_reason) != 0)
        return -1;
    if (add_weak(outcome, &position) != 0 || add_protection(outcome, &position) != 0)
        return -1;
    return add_signer(outcome, signer, &position);
}

int verdict_fields_add(const struct settings *settings, const struct header *header,
                       struct outcome *outcome, char **why)
{
    struct signer signer = {0};
    char *from = NULL;
    int rc = 0;
    /* Not one plain mailbox: nobody's. */
    (void)mailboxes_from(header, &from, NULL);
    if (opened_signer_layer(&outcome->opened) != NULL)
        rc = signer_read(&outcome->opened, from != NULL ? from : "", &signer);
    if (rc == 0)
        rc = add_fields(settings, outcome, &signer);
    if (rc == 0 && settings->subject_tags)
        rc = subject_tags_add(settings, header, is_doubtful(settings, &outcome->opened), outcome);
    if (rc != 0)
        why_set(why, "out of memory");
    free(from);
    signer_clear(&signer);
    return rc;
}
