/* A gateway of example.com for tests of the flow: temporary configuration and store, a CA,
 * mailboxes with certificates, public keys of partners, and messages as an MTA would hand them in.
 *
 * Header only, so that every test program stays one .c file. What cannot be made aborts. */
#ifndef TESTS_FLOW_WORLD_H
#define TESTS_FLOW_WORLD_H

#include <stdarg.h>
#include <unistd.h>

#include "address.h"
#include "flow.h"
#include "test_pki.h"
#include "why.h"

struct world {
    char directory[64];
    struct gateway *gateway;
    struct pki ca;
};

static inline void world_need(bool made, const char *what, char *const *why)
{
    if (made)
        return;
    fprintf(stderr, "flow_world.h: %s: %s\n", what, why_text(why));
    abort();
}

static inline void world_file(const struct world *world, const char *name, const char *text)
{
    char path[128];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", world->directory, name);
    file = fopen(path, "w");
    world_need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path, NULL);
}

/* `more`: further lines of configuration, rules among them. */
static inline struct world world_open(const char *more)
{
    struct world world = {.directory = "/tmp/smimed-flow.XXXXXX"};
    struct problems problems = {0};
    struct store_options options = {.timeout_ms = 1000};
    char config[8192];
    char path[128];
    char secret[128];
    char *why = NULL;
    world_need(mkdtemp(world.directory) != NULL, "mkdtemp", NULL);
    snprintf(config, sizeof config,
             "managed_domains = [ \"example.com\" ];\nstore = \"%s/store.db\";\n"
             "master_secret = \"%s/secret\";\nspool = \"%s\";\nmozilla_roots = \"\";\n"
             "authserv_id = \"mx.example.com\";\n%s\n",
             world.directory, world.directory, world.directory, more);
    world_file(&world, "smimed.conf", config);
    snprintf(path, sizeof path, "%s/store.db", world.directory);
    snprintf(secret, sizeof secret, "%s/secret", world.directory);
    options.path = path;
    options.secret_path = secret;
    world_need(store_create(&options, &why) == STORE_OK, "store_create", &why);
    snprintf(path, sizeof path, "%s/smimed.conf", world.directory);
    world.gateway = gateway_open(path, &problems);
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "%s:%u: %s\n", problems.items[i].file ? problems.items[i].file : "",
                problems.items[i].line, problems.items[i].text);
    world_need(world.gateway != NULL, "gateway_open", NULL);
    world.ca = pki_ca("World CA");
    world_need(store_anchor_import(world.gateway->store, world.ca.certificate, PKI_NOW, NULL,
                                   &why) == STORE_OK,
               "store_anchor_import", &why);
    return world;
}

static inline void world_close(struct world *world)
{
    char command[128];
    gateway_release(&world->gateway);
    pki_clear(&world->ca);
    snprintf(command, sizeof command, "rm -rf '%s'", world->directory);
    world_need(system(command) == 0, command, NULL);
}

/* A mailbox of ours with one alias (NULL: none) and an active certificate; the caller clears what
 * it gets. */
static inline struct pki world_mailbox(struct world *world, const char *address, const char *alias)
{
    struct pki_spec spec = {.addresses = {address, alias}};
    struct pki pki = pki_make(&spec, &world->ca);
    char *why = NULL;
    world_need(store_mailbox_add(world->gateway->store, address, &alias, alias != NULL, &why) ==
                   STORE_OK,
               "store_mailbox_add", &why);
    world_need(store_mailbox_activate(world->gateway->store, address, pki.key, pki.certificate,
                                      NULL, PKI_NOW, &why) == STORE_OK,
               "store_mailbox_activate", &why);
    return pki;
}

/* A partner whose public key we know. */
static inline struct pki world_partner(struct world *world, const char *address)
{
    struct pki pki = pki_make(&(struct pki_spec){.addresses = {address}}, &world->ca);
    char *why = NULL;
    world_need(store_pubkey_import(world->gateway->store, pki.certificate, PKI_NOW, NULL, &why) ==
                   STORE_OK,
               "store_pubkey_import", &why);
    return pki;
}

/* A message of `text` (LF line ends) from `sender` ("" for the null sender), no recipients yet. */
static inline struct transaction world_message(struct world *world, enum role role,
                                               const char *login, const char *sender,
                                               const char *text)
{
    struct transaction transaction = {.role = role};
    struct spool *raw = spool_new(&world->gateway->spool);
    char *why = NULL;
    off_t body = 0;
    transaction.login = login != NULL ? strdup(login) : NULL;
    world_need(transaction_set_sender(&transaction, sender, &why) == 0, sender, &why);
    world_need(raw != NULL, "spool", NULL);
    for (const char *p = text; *p != '\0'; p++)
        world_need((*p == '\n' ? spool_puts(raw, "\r\n") : spool_write(raw, p, 1)) == 0, "spool",
                   NULL);
    world_need(header_parse(raw, 0, spool_size(raw), 1 << 20, &transaction.message.header, &body,
                            &why) == 0,
               "header_parse", &why);
    transaction.message.body = spool_new(&world->gateway->spool);
    world_need(spool_copy(transaction.message.body, raw, body, spool_size(raw)) == 0, "spool",
               NULL);
    spool_free(&raw);
    return transaction;
}

/* RCPT: 0 when accepted, else the reply code; a refused recipient is gone. */
static inline int world_recipient(struct world *world, struct transaction *transaction,
                                  const char *address)
{
    struct reply reply = {0};
    char *canonical = NULL;
    char *why = NULL;
    int code = 0;
    world_need(address_canonical(address, strlen(address), &canonical) == ADDRESS_OK, address,
               NULL);
    world_need(transaction_add_recipient(transaction, address, canonical) == 0, address, NULL);
    if (flow_recipient(world->gateway, transaction, PKI_NOW, &reply, &why) != 0) {
        code = reply.code;
        transaction_remove_last_recipient(transaction);
    }
    free(canonical);
    why_free(&why);
    reply_clear(&reply);
    return code;
}

static inline struct outcome world_end(struct world *world, struct transaction *transaction)
{
    static const struct smime_progress progress = {0};
    struct outcome outcome = {0};
    char *why = NULL;
    struct reply reply = {0};
    world_need(flow_sender(world->gateway, transaction, &reply, &why) == 0, "flow_sender", &why);
    flow_message(world->gateway, transaction, PKI_NOW, &progress, &outcome);
    return outcome;
}

/* Done with a message of world_message(), and what became of it. */
static inline void world_forget(struct transaction *transaction, struct outcome *outcome)
{
    outcome_clear(outcome);
    transaction_clear(transaction);
    free(transaction->login);
    *transaction = (struct transaction){0};
}

/* The message that goes out: header with edits applied and body, as one string (free()). */
static inline char *world_text(const struct transaction *transaction, const struct outcome *outcome)
{
    struct header header = {0};
    const struct spool *body = outcome->body != NULL ? outcome->body : transaction->message.body;
    struct spool *all = spool_new(spool_get_options(body));
    size_t size;
    char *text;
    world_need(all != NULL && header_copy(&header, &transaction->message.header) == 0 &&
                   outcome_edit_header(outcome, &header) == 0 && header_write(&header, all) == 0 &&
                   spool_puts(all, "\r\n") == 0 && spool_copy(all, body, 0, spool_size(body)) == 0,
               "the resulting message", NULL);
    size = (size_t)spool_size(all);
    text = calloc(1, size + 1);
    world_need(text != NULL && spool_read(all, text, size, 0) == (ssize_t)size, "text", NULL);
    spool_free(&all);
    header_clear(&header);
    return text;
}

#endif
