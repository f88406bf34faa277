/* Looking again at certificates in use. */
#include <stdlib.h>

#include "revocation_shared.h"
#include "revocation_upkeep.h"
#include "why.h"

#define BATCH 200

struct recheck {
    struct revocation *revocation;
    time_t now;
    const struct deadline *deadline;
    bool offline;
    recheck_listener *listener;
    void *context;
    STACK_OF(X509) * helpers; /* CA certificates that travel with keys */
};

/* Check one. `since` as in an inquiry. Returns STORE_OK with *state_out, or STORE_ERROR. */
static enum store_status check(struct recheck *recheck, X509 *certificate, bool own, bool offline,
                               time_t since, enum revocation_state *state_out, char **why)
{
    struct revocation_inquiry inquiry;
    struct revocation_check found;
    int left_ms = (int)deadline_left_ms(recheck->deadline);
    enum smime_status status;
    if (revocation_begin(recheck->revocation, recheck->now, left_ms > 0 ? left_ms : 1, &inquiry,
                         why) != STORE_OK)
        return STORE_ERROR;
    inquiry.offline = offline || recheck->offline;
    inquiry.since = since;
    status = revocation_check(&inquiry, certificate, recheck->helpers,
                              own ? CHAIN_SIGN : CHAIN_ENCRYPT, &found, why);
    if (status == SMIME_OK) {
        *state_out = found.chain == SIGNATURE_VALID ? found.state : REVOCATION_UNKNOWN;
        if (inquiry.marked)
            recheck->listener(recheck->context, own, true, why_text(&found.sentence));
        revocation_check_clear(&found);
    }
    if (status == SMIME_OK && inquiry.trouble != NULL) {
        why_set(why, "%s", inquiry.trouble);
        status = SMIME_ERROR;
    }
    revocation_end(&inquiry);
    return status == SMIME_OK ? STORE_OK : STORE_ERROR;
}

static enum store_status batch(struct recheck *recheck, bool pubkeys, int64_t *after, char **why)
{
    STACK_OF(X509) *certificates = NULL;
    int64_t last = 0;
    enum revocation_state state;
    enum store_status status =
        store_certificates_in_use(recheck->revocation->store, pubkeys, recheck->now, *after, BATCH,
                                  &certificates, &last, why);
    for (int i = 0; status == STORE_OK && i < sk_X509_num(certificates); i++) {
        if (deadline_left_ms(recheck->deadline) <= 0)
            goto out; /* the batch again the next time */
        status = check(recheck, sk_X509_value(certificates, i), !pubkeys, pubkeys, 0, &state, why);
    }
    *after = last;
out:
    sk_X509_pop_free(certificates, X509_free);
    return status;
}

static enum store_status all_of(struct recheck *recheck, bool pubkeys, int64_t *after, char **why)
{
    enum store_status status;
    do
        status = batch(recheck, pubkeys, after, why);
    while (status == STORE_OK && *after != 0 && deadline_left_ms(recheck->deadline) > 0);
    return status;
}

/* Only a hold ends, and a CRL from before it knows nothing of it. */
static enum store_status holds(struct recheck *recheck, char **why)
{
    struct revoked_list list = {0};
    enum store_status status = store_revoked_list(recheck->revocation->store, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct revoked_certificate *item = &list.items[i];
        enum revocation_state state = REVOCATION_UNKNOWN;
        if (item->reason != CRL_REASON_CERTIFICATE_HOLD || deadline_left_ms(recheck->deadline) <= 0)
            continue;
        status =
            check(recheck, item->certificate, chain_usage_allows(item->certificate, CHAIN_SIGN),
                  false, item->revoked_at, &state, why);
        if (status != STORE_OK || state != REVOCATION_GOOD)
            continue;
        status = store_revoked_unmark(recheck->revocation->store, item->certificate, why);
        if (status == STORE_OK)
            recheck->listener(recheck->context, false, false, item->sentence);
        status = status == STORE_NONE ? STORE_OK : status;
    }
    revoked_list_clear(&list);
    return status;
}

enum store_status revocation_recheck(struct revocation *revocation, bool offline, time_t now,
                                     const struct deadline *deadline, int64_t *after,
                                     recheck_listener *listener, void *context, char **why)
{
    struct recheck recheck = {.revocation = revocation,
                              .now = now,
                              .deadline = deadline,
                              .offline = offline,
                              .listener = listener,
                              .context = context};
    int64_t first = 0;
    enum store_status status;
    if (revocation->settings->revocation == REVOCATION_OFF)
        return STORE_OK;
    status = store_chain_certificates(revocation->store, &recheck.helpers, why);
    if (status == STORE_OK)
        status = all_of(&recheck, false, &first, why);
    if (status == STORE_OK)
        status = holds(&recheck, why);
    if (status == STORE_OK)
        status = all_of(&recheck, true, after, why);
    sk_X509_pop_free(recheck.helpers, X509_free);
    return status;
}
