/* Warnings in the log before certificates of ours run out. */
#include "expiry.h"

#include <stdlib.h>

#include "cert_use.h"
#include "chores.h"
#include "log.h"
#include "trust_chain.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)

static void warn(const char *what, const char *name, time_t expires, time_t now,
                 const char *consequence)
{
    long long days = (long long)(expires - now) / DAY_S;

    if (expires < now)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "%s %s has expired: %s", what, name,
                 consequence);
    else if (days <= EXPIRY_WARN_DAYS)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "%s %s expires in %lld days: then %s", what,
                 name, days, consequence);
}

static enum store_status warn_of_mailboxes(struct store *store, time_t now, char **why)
{
    const struct mailbox_filter active = {.state = MAILBOX_ACTIVE};
    struct mailbox_list list = {0};
    enum store_status status = store_mailbox_list(store, &active, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count; i++)
        if (list.items[i].certificate_id)
            warn("the certificate of", list.items[i].address, list.items[i].expires, now,
                 "its mail is not signed");
    mailbox_list_clear(&list);
    return status;
}

static enum store_status warn_of_anchors(struct store *store, time_t now, char **why)
{
    struct anchor_list list = {0};
    enum store_status status = store_anchor_list(store, &list, why);

    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct anchor *anchor = &list.items[i];
        time_t begins = 0;
        time_t expires = 0;
        char *subject;

        if (anchor->origin != ANCHOR_OWN ||
            cert_validity(anchor->certificate, &begins, &expires) != 0)
            continue;
        subject = chain_subject(anchor->certificate);
        warn("the trust anchor", subject ? subject : anchor->fingerprint, expires, now,
             "signatures below it are not trusted");
        free(subject);
    }
    anchor_list_clear(&list);
    return status;
}

void expiry_warn(struct gateway *gateway, time_t now)
{
    char *why = NULL;

    if (warn_of_mailboxes(gateway->store, now, &why) != STORE_OK ||
        warn_of_anchors(gateway->store, now, &why) != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "cannot look for certificates that expire: %s",
                 why_text(&why));
    why_free(&why);
}
