/* The keeper's part in enrolments: what is due is done, and the log says what came of it. */
#include "enrolment_chore.h"

#include <stdbool.h>

#include "chores.h"
#include "enrol.h"
#include "log.h"
#include "monotonic.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)
#define BATCH 100 /* enrolments read at a time */

struct work {
    struct gateway *gateway;
    time_t now;
    time_t started; /* CLOCK_MONOTONIC */
};

static bool has_time(const struct work *work)
{
    return monotonic_s() - work->started < ENROLMENT_CHORE_S;
}

/* The time that steps take passes for the next ones, too. */
static time_t now_of(const struct work *work)
{
    return work->now + (monotonic_s() - work->started);
}

/* ---- Going on ---- */

static void step(const struct work *work, const struct enrolment *enrolment)
{
    char *why = NULL;
    const char *address = enrolment->address;
    const char *ca = enrolment->ca;

    switch (enrol_step(work->gateway->store, &work->gateway->config->settings, address,
                       now_of(work), &why)) {
    case ENROL_ACTIVE:
        log_line(LOG_LEVEL_INFO, KEEPER_LOG_ID, "CA \"%s\" has certified %s", ca, address);
        break;
    case ENROL_WAITING:
        log_line(LOG_LEVEL_DEBUG, KEEPER_LOG_ID, "CA \"%s\" has not decided on %s yet", ca,
                 address);
        break;
    case ENROL_RETRY:
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID,
                 "CA \"%s\" cannot be asked for the certificate of %s, and is asked again: %s", ca,
                 address, why_text(&why));
        break;
    case ENROL_FAILED:
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID,
                 "CA \"%s\" gives no certificate for %s that can be used: %s", ca, address,
                 why_text(&why));
        break;
    case ENROL_NONE:
        break;
    case ENROL_ERROR:
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "the enrolment of %s: %s", address,
                 why_text(&why));
        break;
    }
    why_free(&why);
}

static enum store_status do_due(const struct work *work, char **why)
{
    struct enrolment_list list = {NULL, 0};
    enum store_status status =
        store_enrolment_due(work->gateway->store, work->now, BATCH, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count && has_time(work); i++)
        step(work, &list.items[i]);
    enrolment_list_clear(&list);
    return status;
}

/* ---- Renewing ---- */

static void renew(const struct work *work, const struct cmp_setting *ca,
                  const struct enrolled *enrolled)
{
    char *why = NULL;
    time_t now = now_of(work);
    /* What has expired proves nothing any more, and is asked for as at first. */
    enum enrolment_kind kind = enrolled->expires > now ? ENROLMENT_UPDATE : ENROLMENT_NEW;

    if (enrol_begin(work->gateway->store, &work->gateway->config->settings, ca, enrolled->address,
                    kind, now, &why) == STORE_OK)
        log_line(LOG_LEVEL_INFO, KEEPER_LOG_ID,
                 "the certificate of %s expires soon: CA \"%s\" is asked for the next one",
                 enrolled->address, ca->name);
    else
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "the certificate of %s cannot be renewed: %s",
                 enrolled->address, why_text(&why));
    why_free(&why);
}

static enum store_status renew_expiring(const struct work *work, const struct cmp_setting *ca,
                                        char **why)
{
    struct enrolled_list list = {NULL, 0};
    time_t before = work->now + (time_t)ca->renew_before_days * DAY_S;
    enum store_status status;

    if (ca->renew_before_days == 0)
        return STORE_OK;
    status = store_enrolled_expiring(work->gateway->store, ca->name, before, work->now, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count && has_time(work); i++)
        renew(work, ca, &list.items[i]);
    enrolled_list_clear(&list);
    return status;
}

void renewal_chore(struct gateway *gateway, time_t now)
{
    const struct settings *settings = &gateway->config->settings;
    const struct work work = {gateway, now, monotonic_s()};
    char *why = NULL;
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < settings->cmp_count; i++)
        status = renew_expiring(&work, &settings->cmp[i], &why);
    if (status != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "certificates cannot be renewed: %s",
                 why_text(&why));
    why_free(&why);
}

void enrolment_chore(struct gateway *gateway, time_t now)
{
    const struct work work = {gateway, now, monotonic_s()};
    char *why = NULL;

    if (do_due(&work, &why) != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "enrolments cannot go on: %s", why_text(&why));
    why_free(&why);
}
