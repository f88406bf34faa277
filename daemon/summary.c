/* What was found on a message, in a person's words. */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "leading_part.h"
#include "subject.h"
#include "text_template.h"
#include "why.h"

#define NAME_MAX_BYTES 200
#define DATE_BYTES 16

static const char built_in[] = "{host} hat diese Nachricht geprüft:\n"
                               "  Verschlüsselung: {encryption_de}\n"
                               "  Unterschrift: {signature_de}\n"
                               "  Unterschrieben von: {signer}\n"
                               "  Zertifikat ausgestellt von: {issuer}\n"
                               "  Zertifikat gültig vom {valid_from} bis {valid_to}\n"
                               "  Verfahren der Unterschrift: {algorithms}\n"
                               "  Schwache Verfahren: {weak_de}\n"
                               "\n"
                               "{host} has checked this message:\n"
                               "  Encryption: {encryption_en}\n"
                               "  Signature: {signature_en}\n"
                               "  Signed by: {signer}\n"
                               "  Certificate issued by: {issuer}\n"
                               "  Certificate valid from {valid_from} to {valid_to}\n"
                               "  Algorithms of the signature: {algorithms}\n"
                               "  Weak algorithms: {weak_en}\n";

struct both {
    const char *german;
    const char *english;
};

static const struct both signatures[] = {
    [SIGNATURE_NONE] = {"keine", "none"},
    [SIGNATURE_VALID] = {"gültig", "valid"},
    [SIGNATURE_EXPIRED] = {"nicht gültig: das Zertifikat ist abgelaufen",
                           "not valid: the certificate has expired"},
    [SIGNATURE_UNTRUSTED] = {"nicht gültig: dem Aussteller des Zertifikats wird nicht vertraut",
                             "not valid: the issuer of the certificate is not trusted"},
    [SIGNATURE_UNKNOWN_SIGNER] = {"nicht prüfbar: das Zertifikat fehlt",
                                  "cannot be checked: the certificate is missing"},
    [SIGNATURE_REVOKED] = {"nicht gültig: das Zertifikat wurde widerrufen",
                           "not valid: the certificate has been revoked"},
    [SIGNATURE_MISMATCH] = {"nicht gültig: von jemand anderem als dem Absender",
                            "not valid: by somebody else than the sender"},
    [SIGNATURE_PARTIAL] = {"nur ein Teil der Nachricht ist unterschrieben",
                           "only a part of the message is signed"},
    [SIGNATURE_INVALID] = {"nicht gültig: die Nachricht wurde verändert oder ist fehlerhaft",
                           "not valid: the message was altered or is malformed"},
};

static const struct both encryptions[] = {
    {"keine", "none"},
    {"ja", "yes"},
    {"ja, aber ob die Nachricht unterwegs verändert wurde, ist nicht erkennbar",
     "yes, but whether the message was altered on its way cannot be told"},
};

static const struct {
    unsigned bit;
    struct both name;
} weaknesses[] = {
    {WEAKNESS_SHA1, {"SHA-1", "SHA-1"}},
    {WEAKNESS_3DES, {"Triple-DES", "triple DES"}},
    {WEAKNESS_RC2, {"RC2", "RC2"}},
    {WEAKNESS_RSA_1024, {"ein Schlüssel von weniger als 2048 Bit", "a key of less than 2048 bits"}},
};

/* What is put in of the signer's certificate, and of weak algorithms; released with facts_clear().
 */
struct facts {
    char *weak_german;
    char *weak_english;
    char *signer;
    char *issuer;
    char valid_from[DATE_BYTES];
    char valid_to[DATE_BYTES];
    char *algorithms; /* NULL: not known */
};

char *summary_load(const char *path, char **why)
{
    char *text = path[0] != '\0' ? text_template_read(path, why) : strdup(built_in);
    if (text == NULL && path[0] == '\0')
        why_set(why, "out of memory");
    return text;
}

/* One line of what a CA wrote into a name: the last entry of this kind. NULL out of memory, ""
 * where there is none. */
static char *name_entry(const X509_NAME *name, int nid)
{
    unsigned char *text = NULL;
    char *line;
    int at = -1;
    for (int next = -1; (next = X509_NAME_get_index_by_NID(name, nid, next)) >= 0;)
        at = next;
    if (at < 0 ||
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) < 0)
        return strdup("");
    /* Made one line of printable text like the words of a subject, but not decoded as one. */
    line = subject_line((const char *)text, NAME_MAX_BYTES);
    OPENSSL_free(text);
    return line;
}

/* The name that people know it by. */
static char *name_of(const X509_NAME *name)
{
    static const int kinds[] = {NID_commonName, NID_organizationName, NID_pkcs9_emailAddress};
    char *text = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        free(text);
        text = name_entry(name, kinds[i]);
        if (text == NULL || text[0] != '\0')
            return text;
    }
    free(text);
    return strdup("(?)");
}

static void write_date(const ASN1_TIME *time, char *out)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(out, DATE_BYTES, "%Y-%m-%d", &tm) == 0)
        (void)snprintf(out, DATE_BYTES, "?");
}

static void facts_clear(struct facts *facts)
{
    free(facts->signer);
    free(facts->issuer);
    free(facts->algorithms);
    free(facts->weak_german);
    free(facts->weak_english);
    *facts = (struct facts){0};
}

/* "RSA-PSS, SHA-256" of "sha256 rsassaPss", as layers have it; what has no such name stays as it
 * is. NULL out of memory. */
static char *algorithm_words(const char *algorithms)
{
    static const struct {
        const char *name; /* how it begins, or is */
        const char *words;
    } names[] = {{"sha1", "SHA-1"},        {"sha224", "SHA-224"}, {"sha256", "SHA-256"},
                 {"sha384", "SHA-384"},    {"sha512", "SHA-512"}, {"rsassaPss", "RSA-PSS"},
                 {"rsaEncryption", "RSA"}, {"ecdsa", "ECDSA"},    {"id-ecPublicKey", "ECDSA"},
                 {"dsa", "DSA"},           {NULL, NULL}};
    const char *signature = strchr(algorithms, ' ');
    size_t digest_length = strcspn(algorithms, " ");
    const char *digest_words = NULL;
    const char *signature_words = NULL;
    char *out = NULL;
    for (size_t i = 0; signature != NULL && names[i].name != NULL; i++) {
        size_t length = strlen(names[i].name);
        if (length == digest_length && strncmp(algorithms, names[i].name, length) == 0)
            digest_words = names[i].words;
        else if (strncmp(signature + 1, names[i].name, length) == 0)
            signature_words = names[i].words;
    }
    if (signature_words == NULL && signature != NULL &&
        strstr(signature, "WithRSAEncryption") != NULL)
        signature_words = "RSA";
    if (digest_words == NULL || signature_words == NULL)
        return strdup(algorithms);
    return asprintf(&out, "%s, %s", signature_words, digest_words) >= 0 ? out : NULL;
}

/* "" where there is none; NULL out of memory. */
static char *weak_names(unsigned weak, bool german)
{
    char *text = strdup("");
    for (size_t i = 0; text != NULL && i < sizeof weaknesses / sizeof *weaknesses; i++) {
        const struct both *name = &weaknesses[i].name;
        char *before = text;
        if ((weak & weaknesses[i].bit) == 0)
            continue;
        if (asprintf(&text, "%s%s%s", before, before[0] != '\0' ? ", " : "",
                     german ? name->german : name->english) < 0)
            text = NULL;
        free(before);
    }
    return text;
}

/* Of a signature that is not valid nothing is told: it would be what a stranger claims. */
static int read_facts(const struct opened *opened, struct facts *out)
{
    const struct layer *layer =
        opened->signature == SIGNATURE_VALID ? opened_signer_layer(opened) : NULL;
    if (layer == NULL) {
        out->signer = strdup("");
        out->issuer = strdup("");
    } else {
        out->signer = name_of(X509_get_subject_name(layer->signer));
        out->issuer = name_of(X509_get_issuer_name(layer->signer));
        write_date(X509_get0_notBefore(layer->signer), out->valid_from);
        write_date(X509_get0_notAfter(layer->signer), out->valid_to);
    }
    if (layer != NULL && layer->algorithms != NULL) {
        out->algorithms = algorithm_words(layer->algorithms);
        if (out->algorithms == NULL)
            return -1;
    }
    out->weak_german = weak_names(opened->weak, true);
    out->weak_english = weak_names(opened->weak, false);
    return out->signer != NULL && out->issuer != NULL && out->weak_german != NULL &&
                   out->weak_english != NULL
               ? 0
               : -1;
}

/* The administrator's text; where that is broken, ours, and a note. NULL out of memory. */
static char *make_text(const struct settings *settings, const struct facts *facts,
                       struct outcome *outcome)
{
    const struct opened *opened = &outcome->opened;
    bool doubtful =
        opened->unauthenticated && settings->unauthenticated_ciphertext != UNAUTHENTICATED_ACCEPT;
    const struct both *encryption =
        &encryptions[opened->encryption == ENCRYPTION_NONE ? 0 : 1 + doubtful];
    const struct both *signature = &signatures[opened->signature];
    const struct template_word words[] = {
        {"host", settings->authserv_id},
        {"encryption_de", encryption->german},
        {"encryption_en", encryption->english},
        {"cipher", opened->cipher != NULL ? opened->cipher : ""},
        {"signature_de", signature->german},
        {"signature_en", signature->english},
        {"signer", facts->signer},
        {"issuer", facts->issuer},
        {"valid_from", facts->valid_from},
        {"valid_to", facts->valid_to},
        {"algorithms", facts->algorithms != NULL ? facts->algorithms : ""},
        {"weak_de", facts->weak_german},
        {"weak_en", facts->weak_english},
    };
    char *why = NULL;
    char *text = summary_load(settings->summary_template, &why);
    char *made;
    if (text == NULL)
        why_set(&outcome->note, "summary_template is not used: %s", why_text(&why));
    why_free(&why);
    made = text_template_fill_lines(text != NULL ? text : built_in, words,
                                    sizeof words / sizeof *words);
    free(text);
    return made;
}

int summary_add(const struct gateway *gateway, struct outcome *outcome, char **why)
{
    struct opened *opened = &outcome->opened;
    struct facts facts = {0};
    char *text = NULL;
    char *reason = NULL;
    enum smime_status status = SMIME_ERROR;
    if (!gateway->config->settings.summary || !opened->changed)
        return 0;
    if (read_facts(opened, &facts) == 0)
        text = make_text(&gateway->config->settings, &facts, outcome);
    if (text == NULL)
        why_set(&reason, "out of memory");
    else
        status = leading_part_add(&opened->message, text, &reason);
    if (status == SMIME_ERROR)
        why_set(why, "%s", why_text(&reason));
    why_free(&reason);
    free(text);
    facts_clear(&facts);
    return status == SMIME_ERROR ? -1 : 0;
}
