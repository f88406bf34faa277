/* The verdicts' names, and releasing what was opened. */
#include <stdlib.h>

#include "incoming.h"
#include "why.h"

const char *encryption_verdict_name(enum encryption_verdict verdict)
{
    switch (verdict) {
    case ENCRYPTION_NONE:
        return "none";
    case ENCRYPTION_DECRYPTED:
        return "decrypted";
    case ENCRYPTION_NOT_DECRYPTED:
        return "not-decrypted";
    }
    return "not-decrypted";
}

const char *signature_verdict_name(enum signature_verdict verdict)
{
    switch (verdict) {
    case SIGNATURE_NONE:
        return "none";
    case SIGNATURE_VALID:
        return "valid";
    case SIGNATURE_EXPIRED:
        return "expired";
    case SIGNATURE_UNTRUSTED:
        return "untrusted";
    case SIGNATURE_UNKNOWN_SIGNER:
        return "unknown-signer";
    case SIGNATURE_REVOKED:
        return "revoked";
    case SIGNATURE_MISMATCH:
        return "mismatch";
    case SIGNATURE_PARTIAL:
        return "partial";
    case SIGNATURE_INVALID:
        return "invalid";
    }
    return "invalid";
}

static void layer_clear(struct layer *layer)
{
    why_free(&layer->reason);
    free(layer->algorithms);
    X509_free(layer->signer);
}

static void harvest_clear(struct harvest *harvest)
{
    X509_free(harvest->certificate);
    free(harvest->capabilities);
    sk_X509_pop_free(harvest->intermediates, X509_free);
    *harvest = (struct harvest){0};
}

const struct layer *opened_signer_layer(const struct opened *opened)
{
    for (size_t i = 0; i < opened->layer_count; i++) {
        const struct layer *layer = &opened->layers[i];
        if (layer->kind != LAYER_ENCRYPTED && layer->signature == opened->signature &&
            layer->signer != NULL)
            return layer;
    }
    return NULL;
}

void opened_clear(struct opened *opened)
{
    if (opened == NULL)
        return;
    why_free(&opened->encryption_reason);
    why_free(&opened->signature_reason);
    for (size_t i = 0; i < opened->layer_count; i++)
        layer_clear(&opened->layers[i]);
    free(opened->layers);
    entity_clear(&opened->message);
    restored_clear(&opened->restored);
    free(opened->cipher);
    harvest_clear(&opened->harvest);
    *opened = (struct opened){0};
}
