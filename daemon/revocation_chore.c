/* CRLs and certificates in use, while no message waits. */
#include "revocation_chore.h"

#include "chores.h"
#include "log.h"
#include "revocation_upkeep.h"
#include "why.h"

/* Together below CHORE_MAX_S. */
#define REFRESH_MS 30000
#define RECHECK_MS 25000

static void place(void *context, const char *url, const char *trouble)
{
    (void)context;
    if (trouble)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "the CRL at %s cannot be fetched: %s", url,
                 trouble);
    else
        log_line(LOG_LEVEL_DEBUG, KEEPER_LOG_ID, "fetched the CRL at %s", url);
}

static void changed(void *context, bool own, bool revoked, const char *sentence)
{
    (void)context;
    if (!revoked)
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "on hold no longer, used again: %s", sentence);
    else if (own)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID,
                 "a mailbox of ours does not sign any more, it needs a new certificate: %s",
                 sentence);
    else
        log_line(LOG_LEVEL_WARNING, KEEPER_LOG_ID, "mail is not encrypted with it any more: %s",
                 sentence);
}

void revocation_chore(struct gateway *gateway, time_t now)
{
    /* Where to go on among the public keys; the keeper does one chore at a time. */
    static int64_t after;
    struct deadline deadline = deadline_in_ms(REFRESH_MS);
    struct refresh_result result = {0};
    char *why = NULL;
    enum store_status status;

    if (gateway->config->settings.revocation == REVOCATION_OFF)
        return;
    status =
        revocation_refresh(gateway->revocation, false, now, &deadline, place, NULL, &result, &why);
    if (status == STORE_OK) {
        deadline = deadline_in_ms(RECHECK_MS);
        status = revocation_recheck(gateway->revocation, false, now, &deadline, &after, changed,
                                    NULL, &why);
    }
    if (status != STORE_OK)
        log_line(LOG_LEVEL_ERROR, KEEPER_LOG_ID, "revocation: %s", why_text(&why));
    why_free(&why);
}
