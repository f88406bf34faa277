/* smimectl pubkey smimea: the DNS records (RFC 8162) by which others find our certificates. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "pubkey_lookup.h"
#include "smimea.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* Where the records go. */
struct printing {
    struct context *context;
    bool generic;
    json_t *list; /* with --json */
    size_t count;
};

/* Returns 0, -1 told. */
static int print_record(struct printing *printing, const char *address, X509 *certificate)
{
    char *local = NULL, *owner = NULL, *line = NULL, *why = NULL;
    size_t length = 0;
    int rc = -1;
    if (address_local_content(address, strlen(address), &local, &length) == ADDRESS_OK) {
        owner = smimea_owner(local, length, address_domain(address), &why);
        line = owner ? smimea_zone_line(owner, certificate, printing->generic) : NULL;
    }
    if (!line) {
        tell_error("%s: %s", address, why ? why : "out of memory");
        goto out;
    }
    printing->count++;
    if (!printing->list) {
        rc = puts(line) == EOF ? -1 : 0;
    } else {
        rc = json_array_append_new(
            printing->list,
            json_pack("{s:o,s:o,s:o,s:i,s:i,s:i,s:o}", "address", json_text(address), "owner",
                      json_text(owner), "record", json_text(line), "usage", SMIMEA_DANE_EE,
                      "selector", SMIMEA_SELECTOR_CERTIFICATE, "matching", SMIMEA_MATCHING_FULL,
                      "certificate", certificate_json(certificate)));
    }
    if (rc) {
        tell_error("the record cannot be written");
    }
out:
    free(line);
    free(owner);
    free(local);
    why_free(&why);
    return rc;
}

/* The records of one certificate, if it is good for encryption now: for `address`, or with NULL for
 * all addresses of the mailbox that it names. Returns 0, -1 told. */
static int print_certificate(struct printing *printing, const struct mailbox *mailbox,
                             const char *address, X509 *certificate)
{
    int rc = 0;
    if (cert_check_use(certificate, CERT_USE_ENCRYPT, printing->context->now, NULL)) {
        return 0;
    }
    if (address) {
        return cert_names_address(certificate, address)
                   ? print_record(printing, address, certificate)
                   : 0;
    }
    if (cert_names_address(certificate, mailbox->address)) {
        rc = print_record(printing, mailbox->address, certificate);
    }
    for (size_t i = 0; rc == 0 && i < mailbox->alias_count; i++) {
        if (cert_names_address(certificate, mailbox->aliases[i])) {
            rc = print_record(printing, mailbox->aliases[i], certificate);
        }
    }
    return rc;
}

/* The one that signs first, if it is good for encryption too, then the newest. */
static int print_keys(struct printing *printing, const struct mailbox *mailbox,
                      const struct mailbox_key_list *keys, const char *address)
{
    bool all = argument_given(printing->context->arguments, OPTION_ALL);
    for (int chosen = 1; chosen >= 0; chosen--) {
        for (size_t i = 0; i < keys->count; i++) {
            if (!all && printing->count > 0) {
                return 0;
            }
            if (keys->items[i].chosen == chosen &&
                print_certificate(printing, mailbox, all ? NULL : address,
                                  keys->items[i].certificate)) {
                return -1;
            }
        }
    }
    return 0;
}

static int print_mailbox(struct printing *printing, const char *address)
{
    struct mailbox *mailbox = NULL;
    struct mailbox_key_list keys = {0};
    struct store *store = printing->context->store;
    char *why = NULL;
    int rc = -1;
    enum store_status status = store_mailbox_find(store, address, &mailbox, &why);
    if (status == STORE_NONE) {
        tell_error("there is no mailbox %s", address);
        tell_next("Mailboxes are listed by: smimectl mailbox list");
        goto out;
    }
    if (status == STORE_OK) {
        status = store_mailbox_keys(store, mailbox->address, &keys, &why);
    }
    if (status != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
        goto out;
    }
    rc = print_keys(printing, mailbox, &keys, address);
    if (rc == 0 && printing->count == 0) {
        tell_error("%s has no certificate that others could encrypt to now", address);
        tell_next("What it has is shown by: smimectl mailbox show %s", address);
        rc = -1;
    }
out:
    mailbox_key_list_clear(&keys);
    mailbox_free(&mailbox);
    why_free(&why);
    return rc;
}

int pubkey_smimea_command(struct context *context)
{
    const char *text = argument_value(context->arguments, OPTION_MAILBOX);
    struct printing printing = {.context = context,
                                .generic = argument_given(context->arguments, OPTION_GENERIC)};
    if (!text) {
        tell_error("--mailbox ADDRESS is needed");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(text);
    int rc = address ? 0 : -1;
    if (rc == 0 && context->json && !(printing.list = json_array())) {
        tell_error("out of memory");
        rc = -1;
    }
    if (rc == 0) {
        rc = print_mailbox(&printing, address);
    }
    if (rc == 0 && printing.list) {
        rc = json_write(json_incref(printing.list), stdout);
    }
    json_decref(printing.list);
    free(address);
    return rc == 0 && fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}
