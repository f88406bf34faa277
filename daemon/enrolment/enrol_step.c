/* One step of an enrolment: what is asked of the CA, and what becomes of its answer. */
#include "enrol.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "cert_use.h"
#include "cmp_client.h"
#include "why.h"

#define MAX_BACKOFF_S (6 * 60 * 60) /* between attempts that fail */
#define MAX_BACKOFF_DOUBLINGS 16
#define MAX_RESTARTS 3        /* transactions that the CA does not go on with */
#define MAX_UNCLEAR 5         /* answers in a row that cannot be believed, before a new one */
#define CONFIRM_WINDOW_S 3600 /* a CA revokes what is not confirmed for long */
#define UPDATE_RETRY_S 86400  /* after an update that failed */
#define MAX_CLOCK_SKEW_S 300  /* of a CA whose clock is ahead */
#define LEASE_EXCHANGES 6     /* more than one step takes */

struct step {
    struct store *store;
    const struct settings *settings;
    const struct cmp_setting *ca; /* NULL: no longer in the settings */
    time_t now;
    struct enrolment enrolment;
    EVP_PKEY *key;
    X509_REQ *csr;
    struct identity own;
};

/* ---- What becomes of it ---- */

static time_t bounded(time_t value, time_t least, time_t most)
{
    return value < least ? least : value > most ? most : value;
}

static time_t backoff(const struct step *step)
{
    time_t least = step->ca ? step->ca->poll_min_s : MAX_BACKOFF_S;
    int doublings = step->enrolment.failures;

    if (doublings > MAX_BACKOFF_DOUBLINGS)
        doublings = MAX_BACKOFF_DOUBLINGS;
    return bounded(least << doublings, 1, MAX_BACKOFF_S);
}

static enum enrol_result fail(struct step *step, char **why)
{
    char *ignored = NULL;
    enum store_status status = store_enrolment_fail(
        step->store, step->enrolment.address, why_text(why), step->now + UPDATE_RETRY_S, &ignored);

    if (status == STORE_ERROR)
        why_set(why, "%s", why_text(&ignored));
    why_free(&ignored);
    return status == STORE_OK ? ENROL_FAILED : status == STORE_ERROR ? ENROL_ERROR : ENROL_NONE;
}

static enum enrol_result retry(struct step *step, bool restart, enum enrol_result result,
                               char **why)
{
    char *ignored = NULL;
    enum store_status status;

    if (restart && step->enrolment.restarts >= MAX_RESTARTS) {
        why_prefix(why, "the CA ended %d transactions", step->enrolment.restarts + 1);
        return fail(step, why);
    }
    status = store_enrolment_retry(step->store, step->enrolment.address, why_text(why), restart,
                                   step->now + backoff(step), &ignored);
    if (status == STORE_ERROR) {
        why_set(why, "%s", why_text(&ignored));
        result = ENROL_ERROR;
    }
    why_free(&ignored);
    return status == STORE_REFUSED ? ENROL_NONE : result;
}

static enum enrol_result install(struct step *step, const struct cmp_answer *answer, char **why)
{
    switch (store_mailbox_install(step->store, step->enrolment.address, answer->certificate,
                                  answer->chain, step->now, why)) {
    case STORE_OK:
        return ENROL_ACTIVE;
    case STORE_REFUSED:
        return fail(step, why);
    default:
        return retry(step, false, ENROL_ERROR, why);
    }
}

static enum enrol_result wait_for(struct step *step, const struct cmp_answer *answer, char **why)
{
    time_t next =
        step->now + bounded(answer->check_after_s, step->ca->poll_min_s, step->ca->poll_max_s);

    switch (
        store_enrolment_wait(step->store, step->enrolment.address, &answer->messages, next, why)) {
    case STORE_OK:
        return ENROL_WAITING;
    case STORE_REFUSED:
        return ENROL_NONE;
    default:
        return retry(step, false, ENROL_ERROR, why);
    }
}

/* The CA does not take our confirmation. One that is sent again, because nobody knows what became
 * of the first, finds the transaction closed where the first arrived; soon after it, that is what
 * it means. */
static enum enrol_result unconfirmed(struct step *step, const struct cmp_answer *answer, char **why)
{
    if (step->enrolment.received != 0)
        return install(step, answer, why);
    return retry(step, true, ENROL_RETRY, why);
}

static enum enrol_result conclude(struct step *step, enum cmp_result result,
                                  const struct cmp_answer *answer, char **why)
{
    bool stuck = step->enrolment.messages.count > 0 && step->enrolment.failures + 1 >= MAX_UNCLEAR;

    switch (result) {
    case CMP_GRANTED:
        return install(step, answer, why);
    case CMP_WAITING:
        return wait_for(step, answer, why);
    case CMP_REJECTED:
    case CMP_REFUSED:
        return fail(step, why);
    case CMP_UNAVAILABLE:
    case CMP_POSTPONED:
        return retry(step, false, ENROL_RETRY, why);
    case CMP_UNCLEAR:
        return retry(step, stuck, ENROL_RETRY, why);
    case CMP_ENDED:
        return retry(step, true, ENROL_RETRY, why);
    case CMP_UNCONFIRMED:
        return unconfirmed(step, answer, why);
    case CMP_ERROR:
        break;
    }
    return retry(step, false, ENROL_ERROR, why);
}

/* ---- What is asked ---- */

/* The CA's clock may be ahead of ours: what it has just issued is not valid yet. */
static bool is_valid_soon(X509 *certificate, time_t now)
{
    time_t begins = 0;
    time_t ends = 0;

    return cert_validity(certificate, &begins, &ends) == 0 && begins > now &&
           begins <= now + MAX_CLOCK_SKEW_S;
}

static enum cmp_verdict judge(void *context, X509 *certificate,
                              const struct enrolment_messages *messages, char **why)
{
    struct step *step = context;
    const char *address = step->enrolment.address;
    bool soon = is_valid_soon(certificate, step->now);
    enum store_status status = STORE_OK;

    if (!soon)
        status = store_enrolment_check(step->store, address, certificate, step->now, why);
    if (status == STORE_OK)
        status = store_enrolment_received(step->store, address, messages, step->now, why);
    if (status == STORE_OK && soon) {
        why_set(why, "the clock of the CA is ahead: the certificate is not valid yet");
        return CMP_LATER;
    }
    return status == STORE_OK ? CMP_TAKE : status == STORE_REFUSED ? CMP_REFUSE : CMP_FAIL;
}

/* The key that waits and its request, and for an update what signs now. */
static enum store_status load(struct step *step, char **why)
{
    unsigned char *der = NULL;
    size_t length = 0;
    enum store_status status =
        store_request_find(step->store, step->enrolment.address, &der, &length, &step->key, why);

    if (status == STORE_OK) {
        const unsigned char *at = der;

        step->csr = d2i_X509_REQ(NULL, &at, (long)length);
        if (!step->csr) {
            ERR_clear_error();
            why_set(why, "the request in the store cannot be read");
            status = STORE_ERROR;
        }
    } else if (status == STORE_NONE) {
        why_set(why, "the key of the request is not in the store");
        status = STORE_REFUSED;
    }
    free(der);
    if (status == STORE_OK && step->enrolment.kind == ENROLMENT_UPDATE)
        status = store_mailbox_identity(step->store, step->enrolment.address, 0, &step->own, why);
    return status;
}

static enum enrol_result ask(struct step *step, char **why)
{
    struct cmp_ca *ca = cmp_ca_open(step->ca, why);
    struct cmp_answer answer;
    enum enrol_result result;

    if (!ca)
        return retry(step, false, ENROL_RETRY, why);
    const struct cmp_order order = {
        .kind = step->enrolment.kind,
        .key = step->key,
        .csr = step->csr,
        .own = &step->own,
        .former = &step->enrolment.messages,
        .now = step->now,
        .judge = judge,
        .context = step,
    };
    result = conclude(step, cmp_enrol(ca, &order, &answer, why), &answer, why);
    cmp_answer_clear(&answer);
    cmp_ca_free(&ca);
    return result;
}

static enum enrol_result work(struct step *step, char **why)
{
    const struct enrolment *enrolment = &step->enrolment;
    enum store_status status;

    if (enrolment->give_up <= step->now) {
        why_set(why, "no certificate came in time%s%s", enrolment->error[0] != '\0' ? ": " : "",
                enrolment->error);
        return fail(step, why);
    }
    if (!step->ca) {
        why_set(why, "there is no CA \"%s\" in the settings any more", enrolment->ca);
        return retry(step, false, ENROL_RETRY, why);
    }
    if (enrolment->received != 0 && enrolment->received + CONFIRM_WINDOW_S < step->now) {
        why_set(why, "a certificate came, but could not be confirmed in time");
        return retry(step, true, ENROL_RETRY, why);
    }
    status = load(step, why);
    if (status == STORE_OK)
        return ask(step, why);
    return status == STORE_REFUSED ? fail(step, why) : retry(step, false, ENROL_ERROR, why);
}

/* How long a process may be at it before another takes it for dead. */
static int lease_s(const struct settings *settings)
{
    int longest = 1;

    for (size_t i = 0; i < settings->cmp_count; i++)
        if (settings->cmp[i].timeout_s > longest)
            longest = settings->cmp[i].timeout_s;
    return LEASE_EXCHANGES * longest;
}

enum enrol_result enrol_step(struct store *store, const struct settings *settings,
                             const char *address, time_t now, char **why)
{
    struct step step = {.store = store, .settings = settings, .now = now};
    enum store_status status =
        store_enrolment_claim(store, address, lease_s(settings), now, &step.enrolment, why);
    enum enrol_result result;

    if (status != STORE_OK)
        return status == STORE_NONE ? ENROL_NONE : ENROL_ERROR;
    step.ca = enrol_ca_named(settings, step.enrolment.ca);
    result = work(&step, why);
    EVP_PKEY_free(step.key);
    X509_REQ_free(step.csr);
    identity_clear(&step.own);
    enrolment_clear(&step.enrolment);
    return result;
}
