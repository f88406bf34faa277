/* CRLs and OCSP responses in any bytes, and certificates that say where they are: parsed, judged
 * against a chain, listed. Nothing that did not come from the CA may change what is thought of its
 * certificate.
 *
 * The first byte says what the rest is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "chain_revocation.h"
#include "crl_signer.h"
#include "ocsp_answer.h"
#include "revocation_bytes.h"
#include "revocation_urls.h"
#include "test_pki.h"
#include "why.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pki ca;
static struct pki leaf;
static X509_STORE *anchors;
static STACK_OF(X509) * certificates;

static void demand(int condition)
{
    if (!condition)
        abort();
}

/* Keys are made anew each time, so no input is signed by this CA. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    X509 *both[2];
    (void)argc, (void)argv;
    ca = pki_ca("root");
    leaf = pki_leaf(&ca, "bob@partner.test");
    both[0] = leaf.certificate;
    both[1] = ca.certificate;
    certificates = pki_chain(both, 2);
    anchors = X509_STORE_new();
    demand(anchors != NULL && X509_STORE_add_cert(anchors, ca.certificate) == 1);
    return 0;
}

static void judge(struct revocation_evidence *evidence)
{
    const struct revocation_chain chain = {
        .certificates = certificates, .anchors = anchors, .now = PKI_NOW, .max_depth = 10};
    struct revocation_finding finding;
    demand(chain_revocation_judge(&chain, evidence, &finding, NULL) == SMIME_OK);
    demand(finding.state == REVOCATION_UNKNOWN && finding.sentence != NULL);
    revocation_finding_clear(&finding);
}

static void try_crl(const uint8_t *data, size_t size)
{
    struct revocation_evidence evidence = {.crls = sk_X509_CRL_new_null()};
    const struct crl_signers signers = {
        .believed = certificates, .anchors = anchors, .now = PKI_NOW};
    struct revocation_urls urls = {0};
    char *why = NULL;
    X509_CRL *crl = crl_from_bytes(data, size, &why);
    demand((crl == NULL) == (why != NULL));
    if (crl != NULL) {
        X509 *signer = crl_signer_find(crl, &signers, &why);
        demand(signer == NULL && why != NULL);
        demand(revocation_urls_add_deltas(crl, &urls) == 0);
        demand(urls.delta_count <= URLS_MAX);
        revocation_urls_clear(&urls);
        demand(sk_X509_CRL_push(evidence.crls, crl) > 0);
        judge(&evidence);
    }
    revocation_evidence_clear(&evidence);
    why_free(&why);
}

static void try_ocsp(const uint8_t *data, size_t size)
{
    struct revocation_evidence evidence = {0};
    struct ocsp_answer answer;
    char *why = NULL;
    evidence.ocsp = ocsp_from_bytes(data, size, &why);
    demand((evidence.ocsp == NULL) == (why != NULL));
    if (evidence.ocsp != NULL) {
        demand(ocsp_answer_judge(evidence.ocsp, leaf.certificate, ca.certificate, NULL, PKI_NOW,
                                 &answer) == 0);
        demand(answer.finding.state == REVOCATION_UNKNOWN && answer.finding.sentence != NULL);
        revocation_finding_clear(&answer.finding);
        judge(&evidence);
    }
    revocation_evidence_clear(&evidence);
    why_free(&why);
}

static void try_certificate(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    struct revocation_urls urls;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    if (certificate != NULL) {
        demand(revocation_urls_of(certificate, &urls) == 0);
        for (size_t i = 0; i < urls.crl_count; i++)
            demand(strncasecmp(urls.crls[i], "http", 4) == 0);
        for (size_t i = 0; i < urls.ocsp_count; i++)
            demand(strncasecmp(urls.ocsps[i], "http", 4) == 0);
        demand(urls.crl_count <= URLS_MAX && urls.ocsp_count <= URLS_MAX &&
               urls.delta_count <= URLS_MAX && urls.issuer_count <= URLS_MAX);
        revocation_urls_clear(&urls);
    }
    X509_free(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        try_crl(data + 1, size - 1);
        break;
    case 1:
        try_ocsp(data + 1, size - 1);
        break;
    default:
        try_certificate(data + 1, size - 1);
        break;
    }
    ERR_clear_error();
    return 0;
}
