/* What a correspondent declared that his programs read. */
#include "declared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"
#include "why.h"

static int add(struct declared *declared, char *name)
{
    if (!name) {
        tell_error("out of memory");
        return -1;
    }
    declared->names[declared->count++] = name;
    return 0;
}

static char *agreement_name(struct key_agreement agreement)
{
    char *name = NULL;
    if (asprintf(&name, "%s %s %s", encrypt_transport_name(ENCRYPT_ECDH),
                 sign_digest_name(agreement.kdf), key_wrap_name(agreement.wrap)) < 0) {
        return NULL;
    }
    return name;
}

static int name_all(const struct smime_capabilities *found, struct declared *out)
{
    for (size_t i = 0; i < found->ciphers.count; i++) {
        if (add(out, strdup(encrypt_cipher_name(found->ciphers.items[i])))) {
            return -1;
        }
    }
    if (found->oaep && add(out, strdup(encrypt_transport_name(ENCRYPT_OAEP)))) {
        return -1;
    }
    for (size_t i = 0; i < found->agreements.count; i++) {
        if (add(out, agreement_name(found->agreements.items[i]))) {
            return -1;
        }
    }
    return 0;
}

int declared_read(struct context *context, const struct pubkey *pubkey, struct declared *out)
{
    struct smime_capabilities found = {.known = false};
    *out = (struct declared){.count = 0};
    for (size_t i = 0; i < pubkey->address_count && !found.known; i++) {
        struct capabilities capabilities;
        X509 *certificate = NULL;
        char *why = NULL;
        enum store_status status = store_encryption_certificate(
            context->store, pubkey->addresses[i], context->now, &certificate, &capabilities, &why);
        if (status == STORE_OK) {
            smime_capabilities_read(capabilities.der, capabilities.length, &found);
            capabilities_clear(&capabilities);
        } else if (status != STORE_NONE) {
            tell_error("%s: %s", pubkey->addresses[i], why_text(&why));
        }
        X509_free(certificate);
        why_free(&why);
        if (status != STORE_OK && status != STORE_NONE) {
            return -1;
        }
    }
    if (name_all(&found, out)) {
        declared_clear(out);
        return -1;
    }
    return 0;
}

void declared_clear(struct declared *declared)
{
    for (size_t i = 0; i < declared->count; i++) {
        free(declared->names[i]);
    }
    declared->count = 0;
}
