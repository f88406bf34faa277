/* Certificates of ours that run out: warnings in the log, and notices to the administrator. */
#include "expiry.h"

#include <stdio.h>
#include <stdlib.h>

#include "ca.h"
#include "cert_use.h"
#include "chores.h"
#include "cmp_ca.h"
#include "enrol.h"
#include "log.h"
#include "notice.h"
#include "trust_chain.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)

/* What may run out. */
struct expiring {
    enum notice_kind kind;
    const char *name;
    const char *fingerprint;
    time_t expires;
    int64_t certificate_id; /* of a mailbox's certificate */
};

/* STORE_OK, or anything else to stop. */
typedef enum store_status expiring_taker(struct gateway *gateway, const struct expiring *expiring,
                                         time_t now, char **why);

/* ---- All of them ---- */

static enum store_status each_mailbox(struct gateway *gateway, time_t now, expiring_taker *take,
                                      char **why)
{
    const struct mailbox_filter active = {.state = MAILBOX_ACTIVE};
    struct mailbox_list list = {0};
    enum store_status status = store_mailbox_list(gateway->store, &active, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct mailbox *mailbox = &list.items[i];
        const struct expiring expiring = {
            .kind = NOTICE_MAILBOX_EXPIRES,
            .name = mailbox->address,
            .fingerprint = mailbox->fingerprint,
            .expires = mailbox->expires,
            .certificate_id = mailbox->certificate_id,
        };

        if (mailbox->certificate_id)
            status = take(gateway, &expiring, now, why);
    }
    mailbox_list_clear(&list);
    return status;
}

/* `name` NULL: its subject. */
static enum store_status take_certificate(struct gateway *gateway, enum notice_kind kind,
                                          X509 *certificate, const char *fingerprint,
                                          const char *name, time_t now, expiring_taker *take,
                                          char **why)
{
    struct expiring expiring = {.kind = kind, .fingerprint = fingerprint, .name = name};
    enum store_status status;
    time_t begins = 0;
    char *subject = NULL;

    if (cert_validity(certificate, &begins, &expiring.expires) != 0)
        return STORE_OK;
    if (!name) {
        subject = chain_subject(certificate);
        expiring.name = subject ? subject : fingerprint;
    }
    status = take(gateway, &expiring, now, why);
    free(subject);
    return status;
}

static enum store_status each_anchor(struct gateway *gateway, time_t now, expiring_taker *take,
                                     char **why)
{
    struct anchor_list list = {0};
    enum store_status status = store_anchor_list(gateway->store, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count; i++)
        if (list.items[i].origin == ANCHOR_OWN)
            status = take_certificate(gateway, NOTICE_ANCHOR_EXPIRES, list.items[i].certificate,
                                      list.items[i].fingerprint, NULL, now, take, why);
    anchor_list_clear(&list);
    return status;
}

/* What former CAs have issued runs out before they do. */
static enum store_status each_ca(struct gateway *gateway, time_t now, expiring_taker *take,
                                 char **why)
{
    struct ca_list list = {0};
    enum store_status status = store_ca_list(gateway->store, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count; i++)
        if (list.items[i].issues)
            status = take_certificate(gateway, NOTICE_CA_EXPIRES, list.items[i].certificate,
                                      list.items[i].fingerprint, NULL, now, take, why);
    ca_list_clear(&list);
    return status;
}

/* What cannot be read is told of where it is needed. */
static enum store_status each_credential(struct gateway *gateway, time_t now, expiring_taker *take,
                                         char **why)
{
    const struct settings *settings = &gateway->config->settings;
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < settings->cmp_count; i++) {
        char *ignored = NULL;
        struct cmp_ca *ca = cmp_ca_open(&settings->cmp[i], &ignored);
        X509 *certificate = ca ? cmp_ca_credential(ca) : NULL;
        char *fingerprint = certificate ? cert_fingerprint(certificate) : NULL;

        if (fingerprint)
            status = take_certificate(gateway, NOTICE_CREDENTIAL_EXPIRES, certificate, fingerprint,
                                      settings->cmp[i].name, now, take, why);
        free(fingerprint);
        cmp_ca_free(&ca);
        why_free(&ignored);
    }
    return status;
}

static void each(struct gateway *gateway, time_t now, expiring_taker *take, const char *what)
{
    char *why = NULL;

    if (each_mailbox(gateway, now, take, &why) != STORE_OK ||
        each_anchor(gateway, now, take, &why) != STORE_OK ||
        each_ca(gateway, now, take, &why) != STORE_OK ||
        each_credential(gateway, now, take, &why) != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "%s: %s", what, why_text(&why));
    why_free(&why);
}

/* ---- Warning ---- */

static enum store_status warn(struct gateway *gateway, const struct expiring *expiring, time_t now,
                              char **why)
{
    static const struct {
        const char *what, *consequence;
    } words[] = {
        [NOTICE_MAILBOX_EXPIRES] = {"the certificate of", "its mail is not signed"},
        [NOTICE_ANCHOR_EXPIRES] = {"the trust anchor", "signatures below it are not trusted"},
        [NOTICE_CA_EXPIRES] = {"our own CA", "what it has issued is good no longer"},
        [NOTICE_CREDENTIAL_EXPIRES] = {"the certificate (certificate_file) for the CA",
                                       "it issues and renews nothing"},
    };
    const char *what = words[expiring->kind].what;
    const char *consequence = words[expiring->kind].consequence;
    long long days = (long long)(expiring->expires - now) / DAY_S;

    (void)gateway;
    (void)why;
    if (expiring->expires < now)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "%s %s has expired: %s", what, expiring->name,
                 consequence);
    else if (days <= EXPIRY_WARN_DAYS)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "%s %s expires in %lld days: then %s", what,
                 expiring->name, days, consequence);
    return STORE_OK;
}

void expiry_warn(struct gateway *gateway, time_t now)
{
    each(gateway, now, warn, "cannot look for certificates that expire");
}

/* ---- Noting ---- */

/* Will the keeper have it renewed by the CA that issued it? */
static enum store_status is_renewed(struct gateway *gateway, const struct expiring *expiring,
                                    bool *out, char **why)
{
    struct enrolled_list list = {0};
    enum store_status status;

    *out = false;
    if (expiring->kind != NOTICE_MAILBOX_EXPIRES)
        return STORE_OK;
    status = store_enrolled_list(gateway->store, expiring->name, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct cmp_setting *ca = enrol_ca_named(&gateway->config->settings, list.items[i].ca);

        if (list.items[i].certificate_id == expiring->certificate_id && ca &&
            ca->renew_before_days > 0)
            *out = true;
    }
    enrolled_list_clear(&list);
    return status;
}

/* The least number of days within which it runs out; 0: it has; -1: there is time. */
static int days_reached(const struct settings *settings, time_t expires, time_t now)
{
    int reached = -1;

    if (expires < now)
        return 0;
    for (size_t i = 0; i < settings->expiry_notice_count; i++)
        if (expires - now <= (time_t)settings->expiry_notice_days[i] * DAY_S)
            reached = settings->expiry_notice_days[i]; /* the greatest first */
    return reached;
}

static enum store_status put(struct gateway *gateway, const struct expiring *expiring, int days,
                             char **why)
{
    struct notice_note note = {.kind = expiring->kind,
                               .object = expiring->name,
                               .fingerprint = expiring->fingerprint,
                               .expires = expiring->expires};
    enum store_status status = STORE_ERROR;
    char *topic = NULL;
    char detail[16] = "expired";

    if (days > 0)
        snprintf(detail, sizeof detail, "%d", days);
    if (asprintf(&topic, "%s %s", expiring->fingerprint, detail) < 0) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    note.topic = topic;
    note.detail = detail;
    status = store_notice_put(gateway->store, &note, NULL, why);
    free(topic);
    return status;
}

static enum store_status note(struct gateway *gateway, const struct expiring *expiring, time_t now,
                              char **why)
{
    int days = days_reached(&gateway->config->settings, expiring->expires, now);
    enum store_status status;
    bool renewed = false;

    if (days < 0)
        return STORE_OK;
    status = is_renewed(gateway, expiring, &renewed, why);
    if (status != STORE_OK || (renewed && expiring->expires - now > EXPIRY_RENEWAL_DAYS * DAY_S))
        return status;
    return put(gateway, expiring, days, why);
}

void expiry_note(struct gateway *gateway, time_t now)
{
    char *why = NULL;

    each(gateway, now, note, "cannot note which certificates expire");
    if (store_notice_prune(gateway->store, now, &why) != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "notices: %s", why_text(&why));
    why_free(&why);
}
