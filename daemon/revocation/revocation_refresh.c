/* Fetching CRLs before somebody waits for them. */
#include <stdlib.h>

#include "revocation_shared.h"
#include "revocation_upkeep.h"
#include "why.h"

#define FETCH_TIMEOUT_MS 20000         /* for one: large CRLs come slowly */
#define UNWANTED_S (30 * 24 * 60 * 60) /* places that failed so long are forgotten */
#define MIN_RETRY_S 3600               /* nobody waits: a dead server is left in peace */

/* Is it time to fetch from this place? Half of the age that is allowed, so that messages find it
 * fresh; and before the last quarter of a day of its validity. */
static bool is_due(const struct revocation *revocation, const struct revocation_place *place,
                   time_t now)
{
    if (place->failed_until > now)
        return false;
    if (place->crl == 0 || place->failed_until != 0)
        return true;
    return now - place->tried >= revocation->settings->revocation_max_age_s / 2 ||
           (place->next_update != 0 && place->next_update - now < 6 * MIN_RETRY_S);
}

/* Who signed the former one may sign the next. */
static enum store_status former_signer(struct revocation *revocation,
                                       const struct revocation_place *place, STACK_OF(X509) * *out,
                                       char **why)
{
    X509 *signer = NULL;
    enum store_status status = STORE_NONE;
    *out = sk_X509_new_null();
    if (*out == NULL) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    if (place->crl != 0)
        status = store_crl_signer(revocation->store, place->crl, &signer, why);
    if (status == STORE_OK && sk_X509_push(*out, signer) == 0) {
        X509_free(signer);
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    return status == STORE_ERROR ? status : STORE_OK;
}

struct refresh {
    struct revocation *revocation;
    struct trust trust;
    time_t now;
    place_listener *listener;
    void *context;
    struct refresh_result *result;
};

static struct deadline earlier(const struct deadline *deadline)
{
    long left_ms = deadline_left_ms(deadline);
    return deadline_in_ms(left_ms < FETCH_TIMEOUT_MS ? left_ms : FETCH_TIMEOUT_MS);
}

static enum store_status put_off(struct refresh *refresh, const struct revocation_place *place,
                                 const char *reason, char **why)
{
    const struct settings *settings = refresh->revocation->settings;
    int wait_s =
        settings->revocation_retry_s > MIN_RETRY_S ? settings->revocation_retry_s : MIN_RETRY_S;
    enum store_status status =
        store_place_note(refresh->revocation->store, place->url, PLACE_CRL, 0,
                         refresh->now + wait_s, reason, false, refresh->now, why);
    if (status == STORE_OK)
        status = store_place_forget(refresh->revocation->store, place->url,
                                    refresh->now - UNWANTED_S, why);
    return status;
}

static enum store_status fetch_one(struct refresh *refresh, const struct revocation_place *place,
                                   const struct deadline *deadline, char **why)
{
    STACK_OF(X509) *believed = NULL;
    struct deadline until = earlier(deadline);
    struct crl_request request = {.url = place->url, .deadline = &until};
    char *trouble = NULL;
    enum store_status status = former_signer(refresh->revocation, place, &believed, why);
    enum fetched fetched = FETCHED_ERROR;
    if (status != STORE_OK)
        goto out;
    request.signers = (struct crl_signers){.believed = believed,
                                           .unverified = refresh->trust.intermediates,
                                           .anchors = refresh->trust.anchors,
                                           .now = refresh->now};
    fetched = fetch_crl(refresh->revocation, &request, &trouble);
    if (fetched == FETCHED) {
        refresh->result->fetched++;
    } else if (fetched == FETCHED_NONE) {
        refresh->result->failed++;
        status = put_off(refresh, place, why_text(&trouble), why);
    } else {
        why_set(why, "%s", why_text(&trouble));
        status = STORE_ERROR;
    }
    if (fetched != FETCHED_ERROR && refresh->listener != NULL)
        refresh->listener(refresh->context, place->url,
                          fetched == FETCHED ? NULL : why_text(&trouble));
out:
    why_free(&trouble);
    sk_X509_pop_free(believed, X509_free);
    return status;
}

enum store_status revocation_refresh(struct revocation *revocation, bool all, time_t now,
                                     const struct deadline *deadline, place_listener *listener,
                                     void *context, struct refresh_result *out, char **why)
{
    struct refresh refresh = {.revocation = revocation,
                              .now = now,
                              .listener = listener,
                              .context = context,
                              .result = out};
    struct place_list places = {0};
    enum store_status status = store_trust(revocation->store, &refresh.trust, why);
    *out = (struct refresh_result){0};
    if (status == STORE_OK)
        status = store_place_list(revocation->store, &places, why);
    for (size_t i = 0; status == STORE_OK && i < places.count && deadline_left_ms(deadline) > 0;
         i++)
        if (all || is_due(revocation, &places.items[i], now))
            status = fetch_one(&refresh, &places.items[i], deadline, why);
    place_list_clear(&places);
    store_trust_clear(&refresh.trust);
    return status;
}

enum store_status revocation_fetch(struct revocation *revocation, const char *url,
                                   STACK_OF(X509) * helpers, time_t now,
                                   const struct deadline *deadline, char **why)
{
    struct trust trust;
    struct crl_request request = {
        .url = url, .deadline = deadline, .wanted = true, .any_address = true};
    STACK_OF(X509) *unverified = NULL;
    enum fetched fetched = FETCHED_ERROR;
    if (store_trust(revocation->store, &trust, why) != STORE_OK)
        return STORE_ERROR;
    unverified = sk_X509_dup(trust.intermediates);
    if (unverified == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    for (int i = 0; i < sk_X509_num(helpers); i++)
        if (sk_X509_push(unverified, sk_X509_value(helpers, i)) == 0) {
            why_set(why, "out of memory");
            goto out;
        }
    request.signers =
        (struct crl_signers){.unverified = unverified, .anchors = trust.anchors, .now = now};
    fetched = fetch_crl(revocation, &request, why);
out:
    sk_X509_free(unverified);
    store_trust_clear(&trust);
    if (fetched == FETCHED)
        return STORE_OK;
    return fetched == FETCHED_NONE ? STORE_REFUSED : STORE_ERROR;
}
