/* One configuration and the store, held by the messages that began under it. */
#include "gateway.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "why.h"

/* The counter stays out of the header: nobody else may touch it. `shared` is the first member, so a
 * pointer to it is a pointer to the whole. */
struct counted_gateway {
    struct gateway shared;
    atomic_uint references;
};

static struct store *open_store(const struct settings *settings, struct problems *problems)
{
    struct store_options options = {
        .path = settings->store,
        .secret_path = settings->master_secret,
        .mozilla_roots = settings->mozilla_roots,
        .timeout_ms = settings->database_timeout_ms,
    };
    struct store *store = NULL;
    char *why = NULL;

    if (store_open(&options, &store, &why) != STORE_OK) {
        problems_add(problems, NULL, 0, "cannot open the store: %s%s", why_text(&why),
                     access(settings->store, F_OK) != 0 && errno == ENOENT
                         ? "; make one with: smimectl init"
                         : "");
        store = NULL;
    }
    why_free(&why);
    return store;
}

struct gateway *gateway_new(struct config *config, struct problems *problems)
{
    struct counted_gateway *gateway;

    gateway = calloc(1, sizeof *gateway);
    if (!gateway) {
        problems_add(problems, NULL, 0, "out of memory");
        config_free(&config);
        return NULL;
    }
    atomic_init(&gateway->references, 1);
    gateway->shared.config = config;
    gateway->shared.spool.directory = config->settings.spool;
    gateway->shared.spool.memory_bytes = (size_t)config->settings.memory_spool_bytes;
    gateway->shared.store = open_store(&config->settings, problems);
    if (!gateway->shared.store) {
        config_free(&config);
        free(gateway);
        return NULL;
    }
    gateway->shared.revocation = revocation_new(gateway->shared.store, &config->settings);
    if (!gateway->shared.revocation) {
        problems_add(problems, NULL, 0, "out of memory");
        store_close(&gateway->shared.store);
        config_free(&config);
        free(gateway);
        return NULL;
    }
    return &gateway->shared;
}

struct gateway *gateway_open(const char *config_path, struct problems *problems)
{
    struct config *config = config_load(config_path, problems);

    return config ? gateway_new(config, problems) : NULL;
}

bool gateway_is_managed(const struct gateway *gateway, const char *canonical)
{
    const struct string_list *domains = &gateway->config->settings.managed_domains;
    return address_in_domains(canonical, domains->items, domains->count);
}

void gateway_limits(const struct gateway *gateway, struct smime_limits *out)
{
    const struct settings *settings = &gateway->config->settings;
    *out = (struct smime_limits){
        .max_header_bytes = (size_t)settings->max_header_bytes,
        .max_parts = (size_t)settings->max_parts,
        .max_nesting = (size_t)settings->max_nesting,
        .max_structure_bytes = (size_t)settings->max_structure_bytes,
        .max_signers = (size_t)settings->max_signers,
        .max_certificates = (size_t)settings->max_certificates,
        .max_chain = (size_t)settings->max_chain,
        .max_message_bytes = settings->max_message_bytes,
    };
}

struct gateway *gateway_hold(struct gateway *gateway)
{
    atomic_fetch_add(&((struct counted_gateway *)gateway)->references, 1);
    return gateway;
}

void gateway_release(struct gateway **gateway)
{
    struct counted_gateway *counted = (struct counted_gateway *)*gateway;

    *gateway = NULL;
    if (!counted || atomic_fetch_sub(&counted->references, 1) > 1)
        return;
    revocation_free(&counted->shared.revocation);
    store_close(&counted->shared.store);
    config_free(&counted->shared.config);
    free(counted);
}

int gateway_has_mailbox(const struct gateway *gateway, const char *address, char **why)
{
    struct mailbox *mailbox = NULL;
    enum store_status status = store_mailbox_find(gateway->store, address, &mailbox, why);
    mailbox_free(&mailbox);
    if (status == STORE_NONE)
        why_free(why);
    return status == STORE_ERROR ? -1 : status == STORE_OK;
}
