/* smimectl expiring: what runs out soon, for people and for monitoring. */
#include <stdlib.h>
#include <string.h>

#include "ca.h"
#include "certificate.h"
#include "command.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define DEFAULT_DAYS 30
#define MAX_DAYS 36500
#define DAY_S (24 * 60 * 60)

struct finding {
    struct table *table;
    time_t now;
    time_t until; /* what ends up to here is told */
    size_t expiring;
    size_t expired;
};

static const struct column columns[] = {
    {"KIND", "kind", CELL_TEXT},   {"ID", "id", CELL_INTEGER},
    {"NAME", "name", CELL_TEXT},   {"EXPIRES", "not_after", CELL_TIME},
    {"STATE", "state", CELL_TEXT}, {NULL, "fingerprint", CELL_TEXT},
    {NULL, NULL, CELL_TEXT}};

static void add(struct finding *finding, const char *kind, int64_t id, const char *name,
                time_t not_after, const char *fingerprint)
{
    if (not_after > finding->until) {
        return;
    }
    bool expired = not_after < finding->now;
    if (expired) {
        finding->expired++;
    } else {
        finding->expiring++;
    }
    table_text(finding->table, kind);
    table_integer(finding->table, id);
    table_text(finding->table, name);
    table_time(finding->table, not_after);
    table_text(finding->table, expired ? "expired" : "expiring");
    table_text(finding->table, fingerprint);
}

static enum store_status add_mailboxes(struct store *store, struct finding *finding, char **why)
{
    struct mailbox_list list = {0};
    const struct mailbox_filter active = {.state = MAILBOX_ACTIVE};
    enum store_status status = store_mailbox_list(store, &active, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct mailbox *mailbox = &list.items[i];
        if (mailbox->certificate_id) {
            add(finding, "mailbox", mailbox->certificate_id, mailbox->address, mailbox->expires,
                mailbox->fingerprint);
        }
    }
    mailbox_list_clear(&list);
    return status;
}

static enum store_status add_anchors(struct store *store, struct finding *finding, char **why)
{
    struct anchor_list list = {0};
    enum store_status status = store_anchor_list(store, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct anchor *anchor = &list.items[i];
        if (anchor->origin == ANCHOR_OWN) {
            char *subject = certificate_subject(anchor->certificate);
            add(finding, "anchor", anchor->id, subject, certificate_not_after(anchor->certificate),
                anchor->fingerprint);
            OPENSSL_free(subject);
        }
    }
    anchor_list_clear(&list);
    return status;
}

static void add_pubkey(void *context, const struct pubkey *pubkey)
{
    add(context, "pinned", pubkey->id, pubkey->addresses[0],
        certificate_not_after(pubkey->certificate), pubkey->fingerprint);
}

static enum store_status add_pinned(struct store *store, struct finding *finding, char **why)
{
    const struct pubkey_filter pinned = {.pinned = true};
    return store_pubkey_each(store, &pinned, add_pubkey, finding, why);
}

/* The one that issues: what former ones have issued runs out before they do. */
static enum store_status add_ca(struct store *store, struct finding *finding, char **why)
{
    struct ca_list list = {0};
    enum store_status status = store_ca_list(store, &list, why);
    for (size_t i = 0; status == STORE_OK && i < list.count; i++) {
        const struct ca *ca = &list.items[i];
        if (ca->issues) {
            char *subject = certificate_subject(ca->certificate);
            add(finding, "ca", ca->id, subject, certificate_not_after(ca->certificate),
                ca->fingerprint);
            OPENSSL_free(subject);
        }
    }
    ca_list_clear(&list);
    return status;
}

static int read_days(const struct arguments *arguments, int64_t *out)
{
    const char *text = argument_value(arguments, OPTION_DAYS);
    *out = DEFAULT_DAYS;
    if (!text || strcmp(text, "0") == 0) {
        *out = text ? 0 : DEFAULT_DAYS;
        return 0;
    }
    if (id_argument(text, out) || *out > MAX_DAYS) {
        tell_error("--days \"%s\" must be a number from 0 to %d", text, MAX_DAYS);
        return -1;
    }
    return 0;
}

static int expiring(struct context *context)
{
    struct finding finding = {.now = context->now};
    int64_t days = 0;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (read_days(context->arguments, &days)) {
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        goto out;
    }
    finding.until = context->now + days * DAY_S;
    finding.table = table_new(columns);
    if (!finding.table) {
        tell_error("out of memory");
        goto out;
    }
    if (add_mailboxes(context->store, &finding, &why) != STORE_OK ||
        add_anchors(context->store, &finding, &why) != STORE_OK ||
        add_pinned(context->store, &finding, &why) != STORE_OK ||
        add_ca(context->store, &finding, &why) != STORE_OK) {
        tell_error("the certificates cannot be read: %s", why_text(&why));
        goto out;
    }
    if (table_print(finding.table, context->json, stdout)) {
        tell_error("the certificates cannot be written");
        goto out;
    }
    code = finding.expired > 0 ? EXIT_EXPIRED : finding.expiring > 0 ? EXIT_EXPIRING : EXIT_DONE;
out:
    table_free(&finding.table);
    why_free(&why);
    return code;
}

static const struct command expiring_commands[] = {
    {.options = WITH(OPTION_DAYS),
     .synopsis = "[--days N]",
     .summary = "list what runs out",
     .details =
         "Lists the certificates that run out within N days (30), or have run out: those that\n"
         "active mailboxes sign with, own trust anchors, pinned public keys, and the CA of one's\n"
         "own that issues. For monitoring the exit code says 0: none, 4: some run out, 5: some\n"
         "have run out; any other code is a failure of the command itself.",
     .example = "  smimectl expiring --days 60",
     .run = expiring},
    {0},
};

const struct command_group expiring_group = {"expiring", "what runs out soon", expiring_commands};
