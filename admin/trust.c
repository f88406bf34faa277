/* smimectl trust: the CAs that are believed for mail. */
#include "command.h"
#include "deletion.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "certificate.h"
#include "import.h"
#include "iso8601.h"
#include "table.h"
#include "tell.h"
#include "trust_check.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)
#define MAX_FILES 10000 /* on one command line */

/* One by one: anchors are few. */
static enum store_status import_anchors(struct context *context, struct import_item *items,
                                        size_t count, char **why)
{
    for (size_t i = 0; i < count; i++) {
        struct import_item *item = &items[i];
        if (item->result != IMPORT_DONE) {
            continue;
        }
        enum store_status status = store_anchor_import(context->store, item->certificate,
                                                       context->now, &item->id, &item->why);
        if (status == STORE_ERROR) {
            why_set(why, "%s", why_text(&item->why));
            return status;
        }
        item->result = status == STORE_OK ? IMPORT_DONE : IMPORT_REFUSED;
    }
    return STORE_OK;
}

static int trust_import(struct context *context)
{
    /* An anchor is judged by itself, whatever is in its file besides. */
    static const struct importer importer = {.import = import_anchors};
    return import_files(context, &importer);
}

static const struct column list_columns[] = {
    {"ID", "id", CELL_INTEGER},           {"ORIGIN", "origin", CELL_TEXT},
    {"EXPIRES", "not_after", CELL_TIME},  {"SUBJECT", "subject", CELL_TEXT},
    {NULL, "issuer", CELL_TEXT},          {NULL, "serial", CELL_TEXT},
    {NULL, "not_before", CELL_TIME},      {NULL, "fingerprint", CELL_TEXT},
    {NULL, "added", CELL_TIME},           {NULL, "module", CELL_TEXT},
    {NULL, "module_modified", CELL_TIME}, {NULL, NULL, CELL_TEXT}};

static void fill(struct table *table, const struct anchor *anchor,
                 const struct system_anchors *system)
{
    char *subject = certificate_subject(anchor->certificate);
    char *issuer = certificate_issuer(anchor->certificate);
    char *serial = certificate_serial(anchor->certificate);
    table_integer(table, anchor->id);
    table_text(table, anchor->origin == ANCHOR_OWN ? "own" : "system");
    table_time(table, certificate_not_after(anchor->certificate));
    table_text(table, subject);
    table_text(table, issuer);
    table_text(table, serial);
    table_time(table, certificate_not_before(anchor->certificate));
    table_text(table, anchor->fingerprint);
    table_time(table, anchor->added);
    table_text(table, anchor->origin == ANCHOR_SYSTEM ? system->path : NULL);
    table_time(table, anchor->origin == ANCHOR_SYSTEM ? system->modified : 0);
    OPENSSL_free(subject);
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
}

/* How old the system's list is: it is as good as the updates of the system. */
static void tell_age(const struct context *context, const struct system_anchors *system)
{
    char date[ISO8601_BYTES];
    if (!system->path) {
        tell_note("no system anchors are read (setting mozilla_roots)");
        return;
    }
    iso8601_date(system->modified, date);
    tell_note("%zu system anchors from %s of %s (%lld days old)", system->count, system->path, date,
              (long long)((context->now - system->modified) / DAY_S));
}

static int trust_list(struct context *context)
{
    struct system_anchors about = {0};
    bool own = argument_given(context->arguments, OPTION_OWN);
    bool system = argument_given(context->arguments, OPTION_SYSTEM);
    struct anchor_list list = {0};
    struct table *table = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (own && system) {
        tell_error("--own and --system exclude each other; without either all are listed");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        goto out;
    }
    if (store_anchor_list(context->store, &list, &why) != STORE_OK) {
        tell_error("the trust anchors cannot be listed: %s", why_text(&why));
        goto out;
    }
    if (store_system_anchors(context->store, &about, &why) == STORE_ERROR) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    table = table_new(list_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        bool is_own = list.items[i].origin == ANCHOR_OWN;
        if (is_own ? !system : !own) {
            fill(table, &list.items[i], &about);
        }
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the trust anchors cannot be written");
        goto out;
    }
    if (!context->json && !own) {
        tell_age(context, &about);
    }
    code = EXIT_DONE;
out:
    free(about.path);
    table_free(&table);
    anchor_list_clear(&list);
    why_free(&why);
    return code;
}

static int trust_delete(struct context *context)
{
    return delete_by_ids(
        context, store_anchor_delete,
        "Ids are listed by \"smimectl trust list --own\". System anchors come with "
        "Mozilla's list and have none; the setting \"mozilla_roots\" governs them.");
}

static const struct command trust_commands[] = {
    {.name = "import",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "FILE...",
     .summary = "believe a CA",
     .details = "Imports CA certificates (PEM, DER or PKCS#7; \"-\": standard input) as own trust\n"
                "anchors: whatever they certify for mail is believed. Own anchors are never\n"
                "updated by themselves. Refused are certificates of no CA, expired and not yet\n"
                "valid ones.",
     .example = "  smimectl trust import partner-ca.pem",
     .run = trust_import},
    {.name = "list",
     .options = WITH(OPTION_OWN) | WITH(OPTION_SYSTEM),
     .synopsis = "[--own|--system]",
     .summary = "list the CAs that are believed",
     .details = "Lists own anchors (imported here) and system ones (Mozilla's roots with the\n"
                "e-mail trust bit, updated with the system), and says how old the latter are.",
     .example = "  smimectl trust list --own",
     .run = trust_list},
    {.name = "check",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "CERTFILE",
     .summary = "say what would be thought of a certificate, and why",
     .details =
         "Builds the chain of the first certificate of the file (PEM, DER or PKCS#7; others\n"
         "in it help) to a trust anchor, and asks whether a certificate of it was revoked,\n"
         "as a message would: with the same places, limits and policy. A certificate of the\n"
         "store that turns out revoked is not used any more.\n"
         "\n"
         "Exit codes: 0 it would be accepted; 1 it would not, or cannot be checked.",
     .example = "  smimectl trust check bob.pem",
     .run = trust_check},
    {.name = "delete",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "believe an own CA no longer",
     .details = "Deletes own trust anchors by id.",
     .example = "  smimectl trust delete 3",
     .run = trust_delete},
    {0},
};

const struct command_group trust_group = {"trust", "The CAs that are believed for mail",
                                          trust_commands};
