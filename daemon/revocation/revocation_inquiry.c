/* Inquiries: what a message may ask, and the check of one certificate. */
#include "revocation_inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "chain_revocation.h"
#include "revocation_find.h"
#include "revocation_shared.h"
#include "revocation_urls.h"
#include "why.h"

struct revocation *revocation_new(struct store *store, const struct settings *settings)
{
    struct revocation *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->store = store;
    made->settings = settings;
    made->flights = flights_new();
    made->networks = calloc(settings->revocation_network_count + 1, sizeof *made->networks);
    if (made->flights == NULL || made->networks == NULL) {
        revocation_free(&made);
        return NULL;
    }
    for (size_t i = 0; i < settings->revocation_network_count; i++) {
        const struct network_setting *network = &settings->revocation_networks[i];
        memcpy(made->networks[i].prefix, network->prefix, sizeof network->prefix);
        made->networks[i].prefix_bits = network->prefix_bits;
    }
    made->network_count = settings->revocation_network_count;
    return made;
}

void revocation_free(struct revocation **revocation)
{
    if (*revocation == NULL)
        return;
    flights_free(&(*revocation)->flights);
    free((*revocation)->networks);
    free(*revocation);
    *revocation = NULL;
}

enum store_status revocation_begin(struct revocation *shared, time_t now, int timeout_ms,
                                   struct revocation_inquiry *out, char **why)
{
    *out = (struct revocation_inquiry){.shared = shared, .now = now};
    out->deadline =
        deadline_in_ms(timeout_ms > 0 ? timeout_ms : shared->settings->revocation_timeout_ms);
    return store_trust(shared->store, &out->trust, why);
}

void revocation_end(struct revocation_inquiry *inquiry)
{
    store_trust_clear(&inquiry->trust);
    why_free(&inquiry->trouble);
    *inquiry = (struct revocation_inquiry){0};
}

/* A certificate of the store is not used from now on; a stranger's is no concern of the store. */
static void mark(void *context, X509 *leaf, const struct revocation_finding *finding)
{
    struct revocation_inquiry *inquiry = context;
    bool changed = false;
    enum store_status status =
        store_revoked_mark(inquiry->shared->store, leaf, finding->revoked_at, finding->reason,
                           why_text(&finding->sentence), inquiry->now, &changed, &inquiry->trouble);
    if (status == STORE_OK && changed)
        inquiry->marked = true;
}

struct revocation_source revocation_source(struct revocation_inquiry *inquiry)
{
    enum revocation_policy policy = inquiry->shared->settings->revocation;
    if (policy == REVOCATION_OFF)
        return (struct revocation_source){0};
    return (struct revocation_source){.find = revocation_find,
                                      .revoked = mark,
                                      .context = inquiry,
                                      .hard = policy == REVOCATION_HARD};
}

/* ---- One certificate ---- */

void revocation_check_clear(struct revocation_check *check)
{
    why_free(&check->sentence);
    sk_X509_pop_free(check->certificates, X509_free);
    *check = (struct revocation_check){0};
}

static enum smime_status judge(struct revocation_inquiry *inquiry, STACK_OF(X509) * bundle,
                               struct open_request *request, struct revocation_check *out,
                               char **why)
{
    struct revocation_finding finding = {0};
    enum smime_status status;
    request->revocation = revocation_source(inquiry);
    if (request->revocation.find == NULL) {
        out->state = REVOCATION_UNKNOWN;
        why_set(&out->sentence, "nobody is asked about revocation (setting revocation)");
        return SMIME_OK;
    }
    status = chain_revocation_check(out->certificates, bundle, request, &finding, why);
    if (status != SMIME_OK)
        return status;
    out->state = finding.state;
    out->revoked_at = finding.revoked_at;
    out->reason = finding.reason;
    if (finding.state == REVOCATION_UNKNOWN)
        why_set(&out->sentence, "revocation could not be checked: %s", why_text(&finding.sentence));
    else if (finding.state == REVOCATION_REVOKED)
        why_set(&out->sentence, "%s", why_text(&finding.sentence));
    revocation_finding_clear(&finding);
    return SMIME_OK;
}

enum smime_status revocation_check(struct revocation_inquiry *inquiry, X509 *certificate,
                                   STACK_OF(X509) * bundle, enum chain_use use,
                                   struct revocation_check *out, char **why)
{
    struct open_request request = {
        .anchors = inquiry->trust.anchors,
        .intermediates = inquiry->trust.intermediates,
        .now = inquiry->now,
        .limits = {.max_chain = (size_t)inquiry->shared->settings->max_chain},
    };
    struct revocation_urls urls;
    enum smime_status status;
    *out = (struct revocation_check){.state = REVOCATION_UNKNOWN};
    if (revocation_urls_of(certificate, &urls) != 0) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    out->names_place = urls.crl_count + urls.ocsp_count > 0;
    revocation_urls_clear(&urls);
    status = chain_verify(certificate, bundle, &request, use, &out->chain, &out->certificates,
                          &out->sentence, why);
    if (status == SMIME_OK && out->chain == SIGNATURE_VALID)
        status = judge(inquiry, bundle, &request, out, why);
    if (status != SMIME_OK)
        revocation_check_clear(out);
    return status;
}

enum revocation_obstacle revocation_obstacle(const struct revocation_inquiry *inquiry,
                                             const struct revocation_check *check)
{
    if (check->chain != SIGNATURE_VALID)
        return OBSTACLE_NONE;
    if (check->state == REVOCATION_REVOKED)
        return OBSTACLE_REVOKED;
    if (check->state == REVOCATION_UNKNOWN && check->names_place &&
        inquiry->shared->settings->revocation == REVOCATION_HARD)
        return OBSTACLE_UNKNOWN;
    return OBSTACLE_NONE;
}
