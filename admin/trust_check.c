/* What smimed would think of a certificate: its chain, and whether it was revoked. */
#include "trust_check.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "input.h"
#include "iso8601.h"
#include "revocation_inquiry.h"
#include "table.h"
#include "tell.h"
#include "why.h"

struct finding {
    X509 *certificate;
    struct revocation_check check;
    bool good;
    bool marked;
};

static const struct column chain_columns[] = {{"CERTIFICATE", "subject", CELL_TEXT},
                                              {"ROLE", "role", CELL_TEXT},
                                              {"EXPIRES", "not_after", CELL_TIME},
                                              {NULL, "issuer", CELL_TEXT},
                                              {NULL, "serial", CELL_TEXT},
                                              {NULL, "fingerprint", CELL_TEXT},
                                              {NULL, NULL, CELL_TEXT}};

static void fill_certificate(struct table *table, X509 *certificate, const char *role)
{
    char *subject = certificate_subject(certificate), *issuer = certificate_issuer(certificate);
    char *serial = certificate_serial(certificate), *fingerprint = cert_fingerprint(certificate);
    table_text(table, subject);
    table_text(table, role);
    table_time(table, certificate_not_after(certificate));
    table_text(table, issuer);
    table_text(table, serial);
    table_text(table, fingerprint);
    OPENSSL_free(subject);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    free(fingerprint);
}

static struct table *chain_table(const struct finding *finding)
{
    struct table *table = table_new(chain_columns);
    int count = sk_X509_num(finding->check.certificates);
    if (table && count <= 0) {
        fill_certificate(table, finding->certificate, "certificate");
    }
    for (int i = 0; table && i < count; i++) {
        fill_certificate(table, sk_X509_value(finding->check.certificates, i),
                         i == count - 1 ? "anchor"
                         : i == 0       ? "certificate"
                                        : "intermediate");
    }
    return table;
}

static const char *chain_name(const struct finding *finding)
{
    return signature_verdict_name(finding->check.chain);
}

static const char *revocation_name(const struct context *context, const struct finding *finding)
{
    if (finding->check.chain != SIGNATURE_VALID ||
        context->config->settings.revocation == REVOCATION_OFF) {
        return "not checked";
    }
    switch (finding->check.state) {
    case REVOCATION_GOOD:
        return "good";
    case REVOCATION_REVOKED:
        return "revoked";
    case REVOCATION_UNKNOWN:
        break;
    }
    return "unknown";
}

static int write_json(const struct context *context, const struct finding *finding,
                      const struct table *chain)
{
    json_t *rows = table_rows(chain);
    const struct revocation_check *check = &finding->check;
    if (!rows) {
        return -1;
    }
    return json_write(json_pack("{s:s,s:s,s:o,s:o,s:b,s:O}", "chain", chain_name(finding),
                                "revocation", revocation_name(context, finding), "reason",
                                json_text(check->sentence), "revoked_at",
                                json_time(check->revoked_at), "accepted", finding->good,
                                "certificates", rows),
                      stdout);
}

static int write_text(const struct context *context, const struct finding *finding,
                      const struct table *chain)
{
    printf("chain: %s\nrevocation: %s\n", chain_name(finding), revocation_name(context, finding));
    if (finding->check.sentence) {
        fputs("reason: ", stdout);
        tell_text(stdout, finding->check.sentence);
        putchar('\n');
    }
    printf("accepted: %s\n\n", finding->good ? "yes" : "no");
    return table_print(chain, false, stdout);
}

/* Would a signature by it be valid, or mail be encrypted to it? */
static bool is_good(const struct context *context, const struct revocation_check *check)
{
    if (check->chain != SIGNATURE_VALID || check->state == REVOCATION_REVOKED) {
        return false;
    }
    return check->state == REVOCATION_GOOD ||
           context->config->settings.revocation != REVOCATION_HARD;
}

/* Returns 0 with *out, -1 told. */
static int find(struct context *context, STACK_OF(X509) * file, struct finding *out)
{
    struct revocation *revocation = revocation_new(context->store, &context->config->settings);
    struct revocation_inquiry inquiry = {0};
    char *why = NULL;
    int rc = -1;
    out->certificate = sk_X509_value(file, 0);
    enum chain_use use =
        chain_usage_allows(out->certificate, CHAIN_SIGN) ? CHAIN_SIGN : CHAIN_ENCRYPT;
    if (!revocation) {
        why_set(&why, "out of memory");
    } else if (revocation_begin(revocation, context->now, 0, &inquiry, &why) == STORE_OK &&
               revocation_check(&inquiry, out->certificate, file, use, &out->check, &why) ==
                   SMIME_OK) {
        out->good = is_good(context, &out->check);
        out->marked = inquiry.marked;
        rc = 0;
    }
    if (rc) {
        tell_error("the certificate cannot be checked: %s", why_text(&why));
    }
    revocation_end(&inquiry);
    revocation_free(&revocation);
    why_free(&why);
    return rc;
}

int trust_check(struct context *context)
{
    struct finding finding = {0};
    struct table *chain = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    STACK_OF(X509) *file = input_certificates(context->words[0], &why);
    if (!file || sk_X509_num(file) == 0) {
        tell_error("%s", file ? "there is no certificate in the file" : why_text(&why));
        tell_next("Certificates are read as PEM, DER or PKCS#7.");
        goto out;
    }
    if (find(context, file, &finding)) {
        goto out;
    }
    chain = chain_table(&finding);
    if (!chain || (context->json ? write_json(context, &finding, chain)
                                 : write_text(context, &finding, chain))) {
        tell_error("the result cannot be written");
        goto out;
    }
    if (finding.marked) {
        tell_note("the store has this certificate: it is not used any more");
    }
    code = finding.good ? EXIT_DONE : EXIT_REFUSED;
out:
    table_free(&chain);
    revocation_check_clear(&finding.check);
    sk_X509_pop_free(file, X509_free);
    why_free(&why);
    return code;
}
