/* Judging one SignedData.
 *
 * A wrong "valid" is the worst thing that could be said here: each step can only make the verdict
 * worse, and SIGNATURE_VALID is set in one place. */
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "signer_address.h"
#include "signer_info.h"
#include "trust_chain.h"
#include "why.h"

struct judgement {
    const struct signed_content *content;
    const struct author *author;
    const struct open_request *request;
    struct verified *out;
    BIO *digested;
    char **why;
};

/* What one SignerInfo is worth. */
struct signer {
    CMS_SignerInfo *info;
    X509 *certificate; /* borrowed */
    enum signature_verdict verdict;
    char *reason;
    unsigned weak;
    STACK_OF(X509) * chain;
};

static enum smime_status invalid(struct judgement *judgement, const char *reason)
{
    judgement->out->verdict = SIGNATURE_INVALID;
    why_set(&judgement->out->reason, "%s", reason);
    return SMIME_OK;
}

/* Digest the signed octets, in constant memory. SMIME_REFUSED: an algorithm that is not there. */
static enum smime_status digest_content(struct judgement *judgement)
{
    const struct signed_content *content = judgement->content;
    const struct smime_progress *progress = &judgement->request->progress;
    BIO *source = spool_reader(content->text, content->from, content->to);
    unsigned char buffer[16384];
    long long total = 0;
    int n;
    if (source == NULL) {
        why_set(judgement->why, "out of memory");
        return SMIME_ERROR;
    }
    judgement->digested = CMS_dataInit(judgement->out->cms, source);
    if (judgement->digested == NULL) {
        BIO_free(source);
        return SMIME_REFUSED;
    }
    while ((n = BIO_read(judgement->digested, buffer, sizeof buffer)) > 0) {
        total += n;
        if (progress->tick != NULL && progress->tick(progress->context) != 0) {
            why_set(judgement->why, "the time for this message is up");
            return SMIME_ERROR;
        }
    }
    if (total != content->to - content->from) {
        why_set(judgement->why, "cannot read the spool: %s", strerror(errno));
        return SMIME_ERROR;
    }
    return SMIME_OK;
}

/* Most programs show the display name and hide the address: whoever is named there must have signed
 * as well. */
static void judge_shown(const struct author *author, const struct signer_addresses *addresses,
                        struct signer *signer)
{
    for (size_t i = 0; i < author->shown.count; i++) {
        if (signer_addresses_have(addresses, author->shown.items[i]))
            continue;
        signer->verdict = SIGNATURE_MISMATCH;
        why_set(&signer->reason, "the signature is good, but by %s and not by %s as From shows",
                author->address, author->shown.items[i]);
        return;
    }
}

/* Does the certificate name the author? Only ever makes the verdict worse. */
static int judge_address(const struct judgement *judgement, struct signer *signer)
{
    const struct author *author = judgement->author;
    struct signer_addresses addresses;
    if (author->address == NULL) {
        signer->verdict = SIGNATURE_MISMATCH;
        why_set(&signer->reason, "the signature is good, but From names nobody in particular: %s",
                why_text(&author->fault));
        return 0;
    }
    if (signer_addresses(signer->certificate, &addresses) != 0)
        return -1;
    if (signer_addresses_have(&addresses, author->address)) {
        judge_shown(author, &addresses, signer);
    } else {
        signer->verdict = SIGNATURE_MISMATCH;
        why_set(&signer->reason, "the signature is good, but by %s and not by %s as in From",
                addresses.count > 0 ? addresses.items[0] : "a certificate without an address",
                author->address);
    }
    signer_addresses_clear(&addresses);
    return 0;
}

/* What rests on a weak algorithm that is not accepted proves nothing, although it verifies. The
 * certificates between belong to a chain that is valid; of any other only the signer's own count.
 */
static void judge_weakness(const struct judgement *judgement, struct signer *signer, char **reason)
{
    unsigned refused;
    char *text;
    signer->weak = signer_info_weakness(signer->info) |
                   weakness_of_certificate(signer->certificate, sk_X509_num(signer->chain) == 1) |
                   weakness_of_chain(signer->chain);
    refused = signer->weak & ~judgement->request->weak_allowed;
    if (refused == 0 ||
        (signer->verdict != SIGNATURE_VALID && signer->verdict != SIGNATURE_EXPIRED))
        return;
    text = weakness_text(refused);
    signer->verdict = SIGNATURE_UNTRUSTED;
    why_set(reason, "it depends on weak algorithms that are not accepted (%s)",
            text != NULL ? text : "?");
    free(text);
}

static void say_valid(const struct judgement *judgement, struct signer *signer, char *const *reason)
{
    char *weak = weakness_text(signer->weak);
    why_set(&signer->reason, "signed by %s%s%s%s%s%s",
            judgement->author->address != NULL ? judgement->author->address : "somebody",
            weak != NULL ? " (weak: " : "", weak != NULL ? weak : "", weak != NULL ? ")" : "",
            *reason != NULL ? "; " : "", *reason != NULL ? *reason : "");
    free(weak);
}

/* Judge a SignerInfo whose signature is good by who made it. */
static enum smime_status judge_signer(struct judgement *judgement, struct signer *signer)
{
    char *reason = NULL;
    enum smime_status status =
        chain_verify(signer->certificate, judgement->out->bundle, judgement->request, CHAIN_SIGN,
                     &signer->verdict, &signer->chain, &reason, judgement->why);
    if (status != SMIME_OK)
        goto out;
    if (signer->verdict == SIGNATURE_VALID &&
        !chain_usage_allows(signer->certificate, CHAIN_SIGN)) {
        signer->verdict = SIGNATURE_UNTRUSTED;
        why_set(&reason, "the certificate is not for signing mail");
    }
    judge_weakness(judgement, signer, &reason);
    if (signer->verdict == SIGNATURE_VALID)
        say_valid(judgement, signer, &reason);
    else
        why_set(&signer->reason, "the signature is good, but its certificate is not: %s",
                why_text(&reason));
    if (judge_address(judgement, signer) != 0) {
        why_set(judgement->why, "out of memory");
        status = SMIME_ERROR;
    }
out:
    why_free(&reason);
    return status;
}

static enum smime_status judge_info(struct judgement *judgement, struct signer *signer)
{
    enum smime_status status =
        signer_info_check(signer->info, judgement->content, &signer->reason, judgement->why);
    bool good;
    signer->verdict = SIGNATURE_INVALID;
    if (status != SMIME_OK)
        return status == SMIME_REFUSED ? SMIME_OK : status;
    good = signer_info_verify(signer->info, judgement->digested, judgement->out->bundle,
                              judgement->request->intermediates, &signer->certificate);
    if (signer->certificate == NULL) {
        signer->verdict = SIGNATURE_UNKNOWN_SIGNER;
        why_set(&signer->reason, "the certificate for verification was not found");
        return SMIME_OK;
    }
    if (!good) {
        why_set(&signer->reason, "the content is not what was signed, or the signature is forged");
        return SMIME_OK;
    }
    return judge_signer(judgement, signer);
}

/* Of several signers: one that cannot be verified spoils all; else one good author is enough; else
 * the worst. */
static bool decides(const struct signer *a, const struct signer *b)
{
    bool a_bad = a->verdict == SIGNATURE_INVALID || a->verdict == SIGNATURE_UNKNOWN_SIGNER;
    bool b_bad = b->verdict == SIGNATURE_INVALID || b->verdict == SIGNATURE_UNKNOWN_SIGNER;
    if (a_bad || b_bad)
        return a_bad && (!b_bad || a->verdict > b->verdict);
    if (a->verdict == SIGNATURE_VALID || b->verdict == SIGNATURE_VALID)
        return b->verdict != SIGNATURE_VALID;
    return a->verdict > b->verdict;
}

static void signer_clear(struct signer *signer)
{
    why_free(&signer->reason);
    sk_X509_pop_free(signer->chain, X509_free);
    signer->chain = NULL;
}

/* Hand out the signer that decides. */
static enum smime_status take_signer(struct judgement *judgement, struct signer *signer)
{
    struct verified *out = judgement->out;
    out->verdict = signer->verdict;
    out->sound =
        signer->verdict != SIGNATURE_INVALID && signer->verdict != SIGNATURE_UNKNOWN_SIGNER;
    out->signer_info = signer->info;
    out->weak = signer->weak;
    out->signing_time = signer_info_time(signer->info);
    out->reason = signer->reason;
    signer->reason = NULL;
    out->chain = signer->chain;
    signer->chain = NULL;
    /* Whose certificate stands beside a bad signature says nothing of who signed. */
    if (out->sound && X509_up_ref(signer->certificate) == 1)
        out->signer = signer->certificate;
    out->algorithms = signer_info_algorithms(signer->info);
    if (out->algorithms == NULL) {
        why_set(judgement->why, "out of memory");
        return SMIME_ERROR;
    }
    return SMIME_OK;
}

static enum smime_status judge_infos(struct judgement *judgement)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(judgement->out->cms);
    struct signer best = {0};
    enum smime_status status = SMIME_OK;
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
        struct signer signer = {.info = sk_CMS_SignerInfo_value(infos, i)};
        status = judge_info(judgement, &signer);
        if (status == SMIME_OK && (best.info == NULL || decides(&signer, &best))) {
            struct signer former = best;
            best = signer;
            signer = former;
        }
        signer_clear(&signer);
        if (status != SMIME_OK)
            break;
    }
    if (status == SMIME_OK && best.info != NULL)
        status = take_signer(judgement, &best);
    signer_clear(&best);
    return status;
}

static enum smime_status judge(struct judgement *judgement)
{
    struct verified *out = judgement->out;
    char *reason = NULL;
    enum smime_status status;
    out->verdict = SIGNATURE_INVALID;
    if (judgement->content->layout->signers == 0)
        return invalid(judgement, "there is no signer: nothing is signed");
    out->cms = cms_layout_parse(judgement->content->layout, NULL, &reason);
    if (out->cms == NULL) {
        status = invalid(judgement, why_text(&reason));
        why_free(&reason);
        return status;
    }
    if (OBJ_obj2nid(CMS_get0_type(out->cms)) != NID_pkcs7_signed ||
        (size_t)sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(out->cms)) !=
            judgement->content->layout->signers)
        return invalid(judgement, "the CMS structure is malformed");
    if (OBJ_obj2nid(CMS_get0_eContentType(out->cms)) != NID_pkcs7_data)
        return invalid(judgement, "what is signed is not said to be a message: its content type "
                                  "is not id-data");
    out->bundle = CMS_get1_certs(out->cms);
    status = digest_content(judgement);
    if (status == SMIME_REFUSED)
        return invalid(judgement, "a digest algorithm is not supported");
    return status == SMIME_OK ? judge_infos(judgement) : status;
}

enum smime_status verify_signed(const struct signed_content *content, const struct author *author,
                                const struct open_request *request, struct verified *out,
                                char **why)
{
    struct judgement judgement = {
        .content = content, .author = author, .request = request, .out = out, .why = why};
    enum smime_status status;
    *out = (struct verified){0};
    status = judge(&judgement);
    BIO_free_all(judgement.digested);
    ERR_clear_error();
    if (status != SMIME_OK)
        verified_clear(out);
    return status;
}

void verified_clear(struct verified *verified)
{
    if (verified == NULL)
        return;
    why_free(&verified->reason);
    free(verified->algorithms);
    X509_free(verified->signer);
    CMS_ContentInfo_free(verified->cms);
    sk_X509_pop_free(verified->bundle, X509_free);
    sk_X509_pop_free(verified->chain, X509_free);
    *verified = (struct verified){0};
}
