/* smimectl ca revoke, list, crl: what was issued, and what is not to be believed any more. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "ca_commands.h"
#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "mailbox_targets.h"
#include "public_file.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define PEM_NAME "X509 CRL"

/* ---- revoke ---- */

enum { REVOKED, UNCHANGED };
static const char *const outcomes[] = {"revoked", "unchanged", NULL};

static void advise(void)
{
    tell_note("others learn of it from the next CRL: smimectl ca crl --output FILE");
}

static int revoke_serial(struct context *context, enum ca_reason reason)
{
    const char *serial = argument_value(context->arguments, OPTION_SERIAL);
    struct ca_revoked done = {0};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (store_ca_revoke_serial(context->store, serial, reason, context->now, &done, &why) !=
        STORE_OK) {
        tell_error("%s", why_text(&why));
        tell_next("Serial numbers are listed by: smimectl ca list");
        goto out;
    }
    if (context->json &&
        json_write(json_pack("{s:s,s:s,s:b}", "serial", serial, "reason", ca_reason_name(reason),
                             "deactivated", (int)done.deactivated),
                   stdout)) {
        tell_error("the report cannot be written");
        goto out;
    }
    if (done.deactivated) {
        tell_note("the mailbox that signed with it is inactive now; a new certificate is had by: "
                  "smimectl ca issue ADDRESS");
    }
    advise();
    code = EXIT_DONE;
out:
    why_free(&why);
    return code;
}

struct revocation_run {
    struct context *context;
    enum ca_reason reason;
    bool any; /* certificate was revoked */
};

static void revoke_target(void *data, struct bulk *bulk, const struct target *target)
{
    struct revocation_run *run = data;
    struct context *context = run->context;
    struct ca_revoked done = {0};
    char *why = NULL;
    enum store_status status = store_ca_revoke_mailbox(context->store, target->address, run->reason,
                                                       context->now, &done, &why);
    if (status == STORE_REFUSED && target_is_pattern(target->word)) {
        bulk_count(bulk, UNCHANGED); /* it matches mailboxes that have nothing to revoke */
    } else if (status != STORE_OK) {
        bulk_fail(bulk, 0, target->address, why_text(&why));
    } else {
        run->any = run->any || done.count > 0;
        bulk_count(bulk, done.count > 0 ? REVOKED : UNCHANGED);
        if (done.deactivated) {
            bulk_note(bulk, target->address, "the mailbox is inactive now");
        } else if (done.count == 0) {
            bulk_note(bulk, target->address, "what was issued is revoked or expired already");
        }
    }
    why_free(&why);
}

static int revoke_targets(struct context *context, enum ca_reason reason)
{
    struct revocation_run run = {.context = context, .reason = reason};
    int code = targets_each(context, outcomes, "failed", revoke_target, &run);
    if (run.any) {
        advise();
    }
    return code;
}

int ca_revoke(struct context *context)
{
    const char *name = argument_value(context->arguments, OPTION_REASON);
    bool serial = argument_given(context->arguments, OPTION_SERIAL);
    enum ca_reason reason = CA_UNSPECIFIED;
    if (serial == (context->word_count > 0)) {
        tell_error("either addresses are needed, or --serial SERIAL");
        return EXIT_USAGE;
    }
    if (name && ca_reason_named(name, &reason)) {
        tell_error("\"%s\" is no reason; there are unspecified, keyCompromise, affiliationChanged, "
                   "superseded, cessationOfOperation and privilegeWithdrawn",
                   name);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    return serial ? revoke_serial(context, reason) : revoke_targets(context, reason);
}

/* ---- list ---- */

static const struct column list_columns[] = {
    {"SERIAL", "serial", CELL_TEXT},  {"MAILBOX", "mailbox", CELL_TEXT},
    {"USE", "use", CELL_TEXT},        {"EXPIRES", "not_after", CELL_TIME},
    {"STATE", "state", CELL_TEXT},    {"REASON", "reason", CELL_TEXT},
    {NULL, "revoked", CELL_TIME},     {NULL, "not_before", CELL_TIME},
    {NULL, "issued", CELL_TIME},      {NULL, "addresses", CELL_LIST},
    {NULL, "fingerprint", CELL_TEXT}, {NULL, "ca", CELL_INTEGER},
    {NULL, NULL, CELL_TEXT}};

static const char *use_of(X509 *certificate)
{
    time_t at = certificate_not_before(certificate);
    bool signs = cert_check_use(certificate, CERT_USE_SIGN, at, NULL) == 0;
    bool encrypts = cert_check_use(certificate, CERT_USE_ENCRYPT, at, NULL) == 0;
    return signs && encrypts ? "both" : signs ? "sign" : encrypts ? "encrypt" : NULL;
}

static const char *state_of(const struct ca_certificate *item, time_t now)
{
    if (item->revoked) {
        return "revoked";
    }
    return certificate_not_after(item->certificate) < now ? "expired" : "valid";
}

static void fill(struct table *table, const struct ca_certificate *item, const char *state)
{
    struct cert_addresses addresses = {NULL, 0};
    bool known = cert_addresses(item->certificate, &addresses) == 0;
    table_text(table, item->serial);
    table_text(table, item->mailbox);
    table_text(table, use_of(item->certificate));
    table_time(table, certificate_not_after(item->certificate));
    table_text(table, state);
    table_text(table, item->revoked ? ca_reason_name(item->reason) : NULL);
    table_time(table, item->revoked);
    table_time(table, certificate_not_before(item->certificate));
    table_time(table, item->issued);
    table_list(table, known ? addresses.items : NULL, addresses.count);
    table_text(table, item->fingerprint);
    table_integer(table, item->ca);
    cert_addresses_clear(&addresses);
}

static int print_list(const struct context *context, const struct ca_certificate_list *list,
                      const char *wanted)
{
    struct table *table = table_new(list_columns);
    int rc = -1;
    for (size_t i = 0; table && i < list->count; i++) {
        const char *state = state_of(&list->items[i], context->now);
        if (!wanted || !strcmp(wanted, state)) {
            fill(table, &list->items[i], state);
        }
    }
    if (table) {
        rc = table_print(table, context->json, stdout);
    }
    table_free(&table);
    return rc;
}

int ca_list(struct context *context)
{
    const char *state = argument_value(context->arguments, OPTION_STATE);
    struct ca_certificate_list list = {NULL, 0};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (state && strcmp(state, "valid") && strcmp(state, "expired") && strcmp(state, "revoked")) {
        tell_error("\"%s\" is no state; there are valid, expired and revoked", state);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    if (store_ca_certificates(context->store, &list, &why) != STORE_OK) {
        tell_error("the certificates cannot be listed: %s", why_text(&why));
    } else if (print_list(context, &list, state)) {
        tell_error("the certificates cannot be written");
    } else {
        code = EXIT_DONE;
    }
    ca_certificate_list_clear(&list);
    why_free(&why);
    return code;
}

/* ---- crl ---- */

/* What was made, where the CRL itself is not on standard output; in JSON it is in it. */
static int report(const struct context *context, const struct ca_crl *crl)
{
    static const struct column columns[] = {{"number", "number", CELL_INTEGER},
                                            {"valid from", "this_update", CELL_TIME},
                                            {"next one due", "next_update", CELL_TIME},
                                            {"revoked certificates", "entries", CELL_INTEGER},
                                            {"file", "file", CELL_TEXT},
                                            {NULL, "crl", CELL_TEXT},
                                            {NULL, NULL, CELL_TEXT}};
    const char *path = argument_value(context->arguments, OPTION_OUTPUT);
    struct table *table = table_new(columns);
    char *pem = pem_of(PEM_NAME, crl->der, crl->length);
    int rc = -1;
    if (table && pem) {
        table_integer(table, crl->number);
        table_time(table, crl->this_update);
        table_time(table, crl->next_update);
        table_count(table, crl->entries);
        table_text(table, path);
        table_text(table, pem);
        rc = table_print_record(table, context->json, stdout);
    }
    table_free(&table);
    OPENSSL_free(pem);
    return rc;
}

static int write_crl(const struct context *context, const struct ca_crl *crl)
{
    const char *path = argument_value(context->arguments, OPTION_OUTPUT);
    bool der = argument_given(context->arguments, OPTION_DER);
    char *why = NULL;
    int rc = 0;
    if (path || !context->json) {
        rc = public_write(path, PEM_NAME, crl->der, crl->length, der, &why);
    }
    if (!rc && (path || context->json)) {
        rc = report(context, crl);
    }
    if (rc) {
        tell_error("the CRL cannot be written: %s", why_text(&why));
    }
    why_free(&why);
    return rc;
}

int ca_crl(struct context *context)
{
    struct ca_crl crl = {0};
    int64_t id = 0;
    int days = 0;
    char *why = NULL;
    int code = EXIT_REFUSED;
    bool der = argument_given(context->arguments, OPTION_DER);
    if (der && argument_given(context->arguments, OPTION_PEM)) {
        tell_error("--pem and --der exclude each other");
        return EXIT_USAGE;
    }
    if (der && context->json && !argument_given(context->arguments, OPTION_OUTPUT)) {
        tell_error("--json writes PEM to standard output; --der needs --output FILE then");
        return EXIT_USAGE;
    }
    if (ca_id(context, &id) || ca_days(context, CA_CRL_DEFAULT_DAYS, CA_CRL_MAX_DAYS, &days)) {
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    enum store_status status = store_ca_crl(context->store, id, days, context->now, &crl, &why);
    if (status == STORE_OK) {
        code = write_crl(context, &crl) ? EXIT_REFUSED : EXIT_DONE;
    } else {
        tell_error("%s", why_text(&why));
        if (status == STORE_REFUSED) {
            tell_next("A CA is made by: smimectl ca create --name NAME");
        }
    }
    ca_crl_clear(&crl);
    why_free(&why);
    return code;
}
