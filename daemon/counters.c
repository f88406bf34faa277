/* What became of the messages, counted. */
#include "counters.h"

#include <stdio.h>

static void count(atomic_ulong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static unsigned long value(atomic_ulong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void count_outgoing(struct counters *counters, const struct outcome *outcome)
{
    if (outcome->signer != NULL)
        count(&counters->is_signed);
    else if (outcome->note != NULL)
        count(&counters->not_signed);
    if (outcome->transform == TRANSFORM_ENCRYPT || outcome->transform == TRANSFORM_SIGN_ENCRYPT)
        count(&counters->encrypted);
}

static void count_incoming(struct counters *counters, const struct opened *opened)
{
    if (opened->encryption == ENCRYPTION_DECRYPTED)
        count(&counters->decrypted);
    else if (opened->encryption == ENCRYPTION_NOT_DECRYPTED)
        count(&counters->not_decrypted);
    if (opened->signature == SIGNATURE_VALID)
        count(&counters->verified);
    else if (opened->signature != SIGNATURE_NONE)
        count(&counters->not_verified);
}

static void count_work(struct counters *counters, const struct outcome *outcome)
{
    if (outcome->direction == DIRECTION_OUTGOING)
        count_outgoing(counters, outcome);
    else if (outcome->opened_set)
        count_incoming(counters, &outcome->opened);
}

void counters_add(struct counters *counters, const struct outcome *outcome, bool applied)
{
    count(&counters->messages);
    if (!applied || (outcome->action == FLOW_REPLY && outcome->reply.code < 500))
        count(&counters->deferred);
    else if (outcome->action == FLOW_REPLY)
        count(&counters->refused);
    else
        count_work(counters, outcome);
}

void counters_add_copy(struct counters *counters, const struct outcome *outcome)
{
    if (outcome->action == FLOW_REPLY) {
        count(&counters->reported);
        return;
    }
    count(&counters->copies);
    count_work(counters, outcome);
}

char *counters_text(struct counters *counters)
{
    char *text = NULL;
    int length = asprintf(
        &text,
        "messages=%lu copies=%lu reported=%lu refused=%lu deferred=%lu signed=%lu encrypted=%lu "
        "not-signed=%lu decrypted=%lu not-decrypted=%lu verified=%lu "
        "not-verified=%lu",
        value(&counters->messages), value(&counters->copies), value(&counters->reported),
        value(&counters->refused), value(&counters->deferred), value(&counters->is_signed),
        value(&counters->encrypted), value(&counters->not_signed), value(&counters->decrypted),
        value(&counters->not_decrypted), value(&counters->verified),
        value(&counters->not_verified));
    return length >= 0 ? text : NULL;
}
