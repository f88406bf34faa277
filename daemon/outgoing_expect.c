/* What an external recipient of an outgoing message is likely to get, as far as the envelope says.
 */
#include <stdlib.h>

#include "flow_parts.h"
#include "recipient_key.h"
#include "recipient_signature.h"
#include "sender.h"
#include "signing_identity.h"
#include "transport.h"
#include "why.h"

/* Whoever does not own the sender must not make us tell directories of recipients. */
static enum recipient_key expect_key(struct gateway *gateway, struct transaction *transaction,
                                     struct recipient *recipient, time_t now, char **why)
{
    int owns = sender_owns_envelope(gateway, transaction, why);
    if (owns < 0)
        return RECIPIENT_KEY_ERROR;
    return recipient_key_find(gateway, transaction, recipient, owns == 1, now, NULL, NULL, NULL,
                              &recipient->encryption, why);
}

/* The mode for an external recipient, and what there is to do it with. */
static int expect_external(struct gateway *gateway, struct transaction *transaction,
                           struct recipient *recipient, const char *sender, time_t now, char **why)
{
    const struct settings *settings = &gateway->config->settings;
    struct identity identity = {0};
    enum recipient_key key = RECIPIENT_KEY_NONE;
    char *unused = NULL;
    bool can_sign;
    int rc = -1;
    if (signing_identity_find(gateway->store, sender, now, &identity, why) == STORE_ERROR)
        goto out;
    recipient->decision =
        rules_outgoing(&gateway->config->rules, sender, recipient->canonical,
                       settings->recipient_delimiter, identity.certificate != NULL);
    can_sign = recipient_signature(settings, &identity, recipient, &unused);
    if (recipient->decision.mode >= OUTGOING_ENCRYPT_OPTIONAL) {
        key = expect_key(gateway, transaction, recipient, now, why);
        if (key == RECIPIENT_KEY_ERROR)
            goto out;
    }
    recipient->transform = outgoing_transform((enum outgoing_mode)recipient->decision.mode,
                                              can_sign, key == RECIPIENT_KEY_KNOWN);
    if (key == RECIPIENT_KEY_LATER)
        recipient->transform = TRANSFORM_REFUSE;
    rc = 0;
out:
    identity_clear(&identity);
    why_free(&unused);
    return rc;
}

int outgoing_expect(struct gateway *gateway, struct transaction *transaction,
                    struct recipient *recipient, time_t now, char **why)
{
    char *sender = sender_plain(gateway, transaction->sender);
    int rc = 0;
    recipient->direction = DIRECTION_OUTGOING;
    if (sender == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    if (gateway_is_managed(gateway, recipient->canonical)) {
        recipient->decision = (struct decision){.mode = OUTGOING_NONE};
    } else {
        recipient->insecure =
            transport_is_missing(gateway, transaction, sender, recipient->canonical);
        if (!recipient->insecure) /* else refused: nobody need be asked for his key */
            rc = expect_external(gateway, transaction, recipient, sender, now, why);
    }
    free(sender);
    return rc;
}
