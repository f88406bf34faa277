/* Evidence on one certificate of a chain: from the store, and where that does not do, from the
 * places that the certificate names. */
#include "revocation_find.h"

#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "chain_revocation.h"
#include "revocation_bytes.h"
#include "revocation_shared.h"
#include "revocation_urls.h"
#include "why.h"

struct search {
    struct revocation_inquiry *inquiry;
    STACK_OF(X509) * chain;
    int at;
    STACK_OF(X509) * helpers;
    struct revocation_evidence *out;
    struct revocation_urls urls;
    char *fingerprint;
    enum revocation_state state; /* by what there is so far */
    int reason;                  /* of REVOCATION_REVOKED */
    bool fresh;                  /* some of it is not older than it may be */
    size_t places_left;          /* that are still to be asked */
    char **why;
};

static X509 *subject(const struct search *search)
{
    return sk_X509_value(search->chain, search->at);
}

static enum smime_status no_memory(const struct search *search)
{
    why_set(search->why, "cannot look for revocation: out of memory");
    return SMIME_ERROR;
}

static struct revocation *shared(const struct search *search)
{
    return search->inquiry->shared;
}

static bool is_young(const struct search *search, time_t fetched)
{
    return fetched >= search->inquiry->now - shared(search)->settings->revocation_max_age_s;
}

/* ---- What the store has ---- */

static bool names(char *const *urls, size_t count, const char *url)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(urls[i], url) == 0)
            return true;
    return false;
}

/* Is it from before the time that the inquiry is about? */
static bool is_too_old(const struct search *search, X509_CRL *crl)
{
    time_t made = 0;
    return search->at == 0 && search->inquiry->since != 0 &&
           (revocation_time(X509_CRL_get0_lastUpdate(crl), &made) != 0 ||
            made < search->inquiry->since);
}

static enum smime_status take_crls(struct search *search, const X509_NAME *issuer)
{
    struct crl_list list;
    enum smime_status status = SMIME_OK;
    if (store_crls_of(shared(search)->store, issuer, &list, search->why) != STORE_OK)
        return SMIME_ERROR;
    for (size_t i = 0; status == SMIME_OK && i < list.count; i++) {
        struct stored_crl *item = &list.items[i];
        if (is_too_old(search, item->crl))
            continue;
        if (sk_X509_CRL_push(search->out->crls, item->crl) == 0) {
            status = no_memory(search);
            break;
        }
        if (!item->delta && is_young(search, item->fetched) &&
            (item->source == CRL_IMPORTED ||
             names(search->urls.crls, search->urls.crl_count, item->url)))
            search->fresh = true;
        if (!item->delta && revocation_urls_add_deltas(item->crl, &search->urls) != 0)
            status = no_memory(search);
        item->crl = NULL; /* the evidence has it now */
    }
    crl_list_clear(&list);
    return status;
}

static enum smime_status take_answer(struct search *search)
{
    unsigned char *der = NULL;
    size_t length = 0;
    time_t fetched = 0;
    enum store_status status =
        store_ocsp_get(shared(search)->store, subject(search), search->inquiry->now, &der, &length,
                       &fetched, search->why);
    if (status == STORE_NONE)
        return SMIME_OK;
    if (status != STORE_OK)
        return SMIME_ERROR;
    search->out->ocsp = ocsp_from_bytes(der, length, search->why);
    free(der);
    if (search->out->ocsp != NULL && is_young(search, fetched))
        search->fresh = true;
    return search->out->ocsp != NULL ? SMIME_OK : SMIME_ERROR;
}

/* What does it say of this certificate alone? */
static enum smime_status judge(struct search *search)
{
    const struct revocation_inquiry *inquiry = search->inquiry;
    const struct settings *settings = shared(search)->settings;
    struct revocation_chain chain = {.certificates = search->chain,
                                     .helpers = search->helpers,
                                     .anchors = inquiry->trust.anchors,
                                     .now = inquiry->now,
                                     .max_depth = settings->max_chain,
                                     .hard = settings->revocation == REVOCATION_HARD};
    size_t count = (size_t)sk_X509_num(search->chain) - 1;
    struct revocation_evidence *evidence = calloc(count, sizeof *evidence);
    struct revocation_finding *findings = calloc(count, sizeof *findings);
    enum smime_status status = SMIME_ERROR;
    if (evidence == NULL || findings == NULL) {
        status = no_memory(search);
        goto out;
    }
    evidence[search->at] = *search->out; /* borrowed */
    status = chain_revocation_judge(&chain, evidence, findings, search->why);
    if (status == SMIME_OK) {
        search->state = findings[search->at].state;
        search->reason = findings[search->at].reason;
        for (size_t i = 0; i < count; i++)
            revocation_finding_clear(&findings[i]);
    }
out:
    free(evidence);
    free(findings);
    return status;
}

static enum smime_status look(struct search *search)
{
    enum smime_status status;
    char *trouble = search->out->trouble;
    search->out->trouble = NULL;
    revocation_evidence_clear(search->out);
    search->out->trouble = trouble;
    search->fresh = false;
    search->out->crls = sk_X509_CRL_new_null();
    if (search->out->crls == NULL)
        return no_memory(search);
    status = take_crls(search, X509_get_issuer_name(subject(search)));
    for (size_t i = 0; status == SMIME_OK && i < search->urls.issuer_count; i++)
        if (X509_NAME_cmp(search->urls.issuers[i], X509_get_issuer_name(subject(search))) != 0)
            status = take_crls(search, search->urls.issuers[i]);
    if (status == SMIME_OK)
        status = take_answer(search);
    return status == SMIME_OK ? judge(search) : status;
}

/* ---- What the network has ---- */

static void add_trouble(struct search *search, const char *url, const char *sentence)
{
    char **trouble = &search->out->trouble;
    char *former = *trouble;
    *trouble = NULL;
    why_set(trouble, "%s%s%s: %s", former != NULL ? former : "", former != NULL ? "; " : "", url,
            sentence);
    why_free(&former);
}

/* Was `key` asked in vain a short time ago? 1 (told), 0, or -1: an error of ours. */
static int failed_lately(struct search *search, const char *url, const char *key)
{
    struct revocation_place place;
    enum store_status status = store_place_get(shared(search)->store, key, &place, search->why);
    int failed = 0;
    if (status == STORE_NONE)
        return 0;
    if (status != STORE_OK)
        return -1;
    if (place.failed_until > search->inquiry->now) {
        add_trouble(search, url, place.reason);
        failed = 1;
    }
    revocation_place_clear(&place);
    return failed;
}

/* Of what is left of the time, a place that others come after gets half. */
static struct deadline deadline_of(const struct search *search)
{
    long left_ms = deadline_left_ms(&search->inquiry->deadline);
    return deadline_in_ms(search->places_left > 1 ? left_ms / 2 : left_ms);
}

static enum fetched ask_crl(struct search *search, const char *url, char **reason)
{
    struct deadline deadline = deadline_of(search);
    const struct crl_request request = {
        .url = url,
        .signers = {.believed = search->chain,
                    .unverified = search->helpers,
                    .anchors = search->inquiry->trust.anchors,
                    .now = search->inquiry->now},
        .deadline = &deadline,
        .wanted = true,
    };
    return fetch_crl(shared(search), &request, reason);
}

static enum fetched ask_ocsp(struct search *search, const char *url, char **reason)
{
    struct deadline deadline = deadline_of(search);
    return fetch_ocsp(shared(search), url, subject(search),
                      sk_X509_value(search->chain, search->at + 1), search->out->crls,
                      search->inquiry->now, &deadline, reason);
}

/* Ask one place, and look again. */
static enum smime_status ask(struct search *search, enum place_kind kind, const char *url)
{
    enum fetched fetched;
    char *reason = NULL;
    char *key = NULL;
    int failed = failed_lately(search, url, url);
    if (failed == 0 && kind == PLACE_OCSP) {
        if (asprintf(&key, "%s#%s", url, search->fingerprint) < 0)
            return no_memory(search);
        failed = failed_lately(search, url, key);
        free(key);
    }
    if (failed != 0)
        return failed < 0 ? SMIME_ERROR : SMIME_OK;
    if (deadline_left_ms(&search->inquiry->deadline) <= 0) {
        add_trouble(search, url, "not asked, the time for that is up");
        return SMIME_OK;
    }
    fetched = kind == PLACE_OCSP ? ask_ocsp(search, url, &reason) : ask_crl(search, url, &reason);
    if (fetched == FETCHED_NONE)
        add_trouble(search, url, why_text(&reason));
    else if (fetched == FETCHED_ERROR)
        why_set(search->why, "%s", why_text(&reason));
    why_free(&reason);
    if (fetched == FETCHED_ERROR)
        return SMIME_ERROR;
    return fetched == FETCHED ? look(search) : SMIME_OK;
}

static bool satisfied(const struct search *search)
{
    /* A revocation is for good, unless it is a hold. */
    if (search->state == REVOCATION_REVOKED && search->reason != CRL_REASON_CERTIFICATE_HOLD)
        return true;
    return search->state != REVOCATION_UNKNOWN && search->fresh;
}

static enum smime_status ask_all(struct search *search)
{
    const struct revocation_urls *urls = &search->urls;
    enum smime_status status = SMIME_OK;
    search->places_left = urls->ocsp_count + urls->crl_count;
    for (size_t i = 0; status == SMIME_OK && !satisfied(search) && i < urls->ocsp_count; i++) {
        status = ask(search, PLACE_OCSP, urls->ocsps[i]);
        search->places_left--;
    }
    for (size_t i = 0; status == SMIME_OK && !satisfied(search) && i < urls->crl_count; i++) {
        status = ask(search, PLACE_CRL, urls->crls[i]);
        search->places_left--;
    }
    return status;
}

/* Has the delta CRL from `url` been fetched lately? 1, 0, -1. */
static int has_delta(struct search *search, const char *url)
{
    struct revocation_place place;
    enum store_status status = store_place_get(shared(search)->store, url, &place, search->why);
    int found = 0;
    if (status == STORE_NONE)
        return 0;
    if (status != STORE_OK)
        return -1;
    found = place.failed_until > search->inquiry->now ||
            (place.crl != 0 && is_young(search, place.tried) &&
             (place.next_update == 0 || place.next_update > search->inquiry->now));
    revocation_place_clear(&place);
    return found;
}

/* What complete CRLs say is enough; deltas make it newer. */
static enum smime_status ask_deltas(struct search *search)
{
    enum smime_status status = SMIME_OK;
    size_t count = search->urls.delta_count;
    for (size_t i = 0; status == SMIME_OK && i < count && sk_X509_CRL_num(search->out->crls) > 0;
         i++) {
        int found = has_delta(search, search->urls.deltas[i]);
        if (found < 0)
            return SMIME_ERROR;
        search->places_left = count - i;
        if (found == 0)
            status = ask(search, PLACE_CRL, search->urls.deltas[i]);
    }
    return status;
}

static void say_nowhere(struct search *search)
{
    const struct revocation_urls *urls = &search->urls;
    if (search->state != REVOCATION_UNKNOWN || search->out->trouble != NULL)
        return;
    if (urls->crl_count + urls->ocsp_count > 0)
        why_set(&search->out->trouble, search->inquiry->offline ? "the store has nothing about it"
                                                                : "what there is says nothing "
                                                                  "about it");
    else if (urls->other != NULL)
        why_set(&search->out->trouble, "it names only a place that is not asked: %s", urls->other);
    else
        why_set(&search->out->trouble, "it names no place to ask, neither for CRLs nor by OCSP");
}

enum smime_status revocation_find(void *context, STACK_OF(X509) * chain, int at,
                                  STACK_OF(X509) * helpers, struct revocation_evidence *out,
                                  char **why)
{
    struct search search = {.inquiry = context,
                            .chain = chain,
                            .at = at,
                            .helpers = helpers,
                            .out = out,
                            .state = REVOCATION_UNKNOWN,
                            .why = why};
    enum smime_status status = SMIME_ERROR;
    *out = (struct revocation_evidence){0};
    if (revocation_urls_of(subject(&search), &search.urls) != 0)
        return no_memory(&search);
    search.fingerprint = cert_fingerprint(subject(&search));
    if (search.fingerprint == NULL) {
        status = no_memory(&search);
        goto out;
    }
    status = look(&search);
    if (status == SMIME_OK && !search.inquiry->offline && !satisfied(&search))
        status = ask_all(&search);
    if (status == SMIME_OK && !search.inquiry->offline && search.state != REVOCATION_UNKNOWN)
        status = ask_deltas(&search);
    if (status == SMIME_OK)
        say_nowhere(&search);
out:
    free(search.fingerprint);
    revocation_urls_clear(&search.urls);
    if (status != SMIME_OK)
        revocation_evidence_clear(out);
    return status;
}
