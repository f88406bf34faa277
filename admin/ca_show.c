/* smimectl ca show, export: a CA of one's own, and its certificate for others. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ca_commands.h"
#include "certificate.h"
#include "command.h"
#include "public_file.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define PEM_NAME "CERTIFICATE"

/* ---- Arguments of the group ---- */

int ca_days(const struct context *context, int fallback, int max, int *out)
{
    const char *text = argument_value(context->arguments, OPTION_DAYS);
    int64_t days = fallback;
    if (text && (id_argument(text, &days) || days > max)) {
        tell_error("--days \"%s\" must be a number from 1 to %d", text, max);
        return -1;
    }
    *out = (int)days;
    return 0;
}

int ca_id(const struct context *context, int64_t *out)
{
    const char *text = argument_value(context->arguments, OPTION_ID);
    *out = 0;
    if (text && id_argument(text, out)) {
        tell_error("\"%s\" is no id of a CA", text);
        return -1;
    }
    return 0;
}

int ca_chosen(struct context *context, struct ca_list *out)
{
    int64_t id = 0;
    char *why = NULL;
    if (ca_id(context, &id)) {
        return -1;
    }
    enum store_status status = store_ca_find(context->store, id, out, &why);
    if (status != STORE_OK) {
        tell_error("%s", why_text(&why));
    }
    if (status == STORE_REFUSED && id == 0) {
        tell_next("One is made by: smimectl ca create --name NAME");
    } else if (status == STORE_REFUSED) {
        tell_next("The one that issues is shown by: smimectl ca show");
    }
    why_free(&why);
    return status == STORE_OK ? 0 : -1;
}

/* ---- show ---- */

static const struct column columns[] = {{"id", "id", CELL_INTEGER},
                                        {"subject", "subject", CELL_TEXT},
                                        {"issues", "issues", CELL_BOOLEAN},
                                        {"trusted here", "trusted", CELL_BOOLEAN},
                                        {"valid from", "not_before", CELL_TIME},
                                        {"expires", "not_after", CELL_TIME},
                                        {"fingerprint", "fingerprint", CELL_TEXT},
                                        {"URL of CRLs", "crl_url", CELL_TEXT},
                                        {"last CRL", "crl_number", CELL_INTEGER},
                                        {"next CRL due", "crl_next_update", CELL_TIME},
                                        {"certificates", "issued", CELL_INTEGER},
                                        {"revoked", "revoked", CELL_INTEGER},
                                        {NULL, NULL, CELL_TEXT}};

static int is_trusted(struct context *context, const struct ca *ca, bool *out)
{
    struct anchor_list anchors = {0};
    char *why = NULL;
    *out = false;
    if (store_anchor_list(context->store, &anchors, &why) != STORE_OK) {
        tell_error("the trust anchors cannot be listed: %s", why_text(&why));
        why_free(&why);
        return -1;
    }
    for (size_t i = 0; i < anchors.count; i++) {
        *out = *out || !strcmp(anchors.items[i].fingerprint, ca->fingerprint);
    }
    anchor_list_clear(&anchors);
    return 0;
}

int ca_show_one(struct context *context, const struct ca *ca)
{
    char *subject = certificate_subject(ca->certificate);
    struct table *table = table_new(columns);
    bool trusted = false;
    int rc = -1;
    if (is_trusted(context, ca, &trusted)) {
        goto out;
    }
    if (table) {
        table_integer(table, ca->id);
        table_text(table, subject);
        table_boolean(table, ca->issues);
        table_boolean(table, trusted);
        table_time(table, certificate_not_before(ca->certificate));
        table_time(table, certificate_not_after(ca->certificate));
        table_text(table, ca->fingerprint);
        table_text(table, *ca->crl_url ? ca->crl_url : NULL);
        table_integer(table, ca->crl_number);
        table_time(table, ca->crl_next_update);
        table_count(table, ca->issued);
        table_count(table, ca->revoked);
        rc = table_print_record(table, context->json, stdout);
    }
    if (rc) {
        tell_error("the CA cannot be written");
    }
out:
    table_free(&table);
    OPENSSL_free(subject);
    return rc;
}

int ca_show(struct context *context)
{
    struct ca_list chosen = {0};
    int code = EXIT_REFUSED;
    if (context_store(context) || ca_chosen(context, &chosen)) {
        return EXIT_REFUSED;
    }
    if (ca_show_one(context, &chosen.items[0]) == 0) {
        code = EXIT_DONE;
    }
    if (chosen.items[0].issues && chosen.items[0].id > 1) {
        tell_note("former CAs have the ids below %lld: smimectl ca show --id ID",
                  (long long)chosen.items[0].id);
    }
    ca_list_clear(&chosen);
    return code;
}

/* ---- export ---- */

static int print_json(const struct ca *ca, const unsigned char *der, size_t length)
{
    char *pem = pem_of(PEM_NAME, der, length);
    json_t *object = certificate_json(ca->certificate);
    if (!pem || !object || json_object_set_new(object, "certificate", json_text(pem))) {
        json_decref(object);
        object = NULL;
    }
    OPENSSL_free(pem);
    return json_write(object, stdout);
}

int ca_export(struct context *context)
{
    const char *path = argument_value(context->arguments, OPTION_OUTPUT);
    bool der = argument_given(context->arguments, OPTION_DER);
    struct ca_list chosen = {0};
    unsigned char *bytes = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context->json && (path || der)) {
        tell_error("--json writes PEM to standard output, without --output and --der");
        return EXIT_USAGE;
    }
    if (context_store(context) || ca_chosen(context, &chosen)) {
        return EXIT_REFUSED;
    }
    int length = i2d_X509(chosen.items[0].certificate, &bytes);
    if (length <= 0) {
        tell_error("out of memory");
    } else if (context->json ? print_json(&chosen.items[0], bytes, (size_t)length)
                             : public_write(path, PEM_NAME, bytes, (size_t)length, der, &why)) {
        tell_error("the certificate cannot be written: %s", why_text(&why));
    } else {
        code = EXIT_DONE;
    }
    OPENSSL_free(bytes);
    ca_list_clear(&chosen);
    why_free(&why);
    return code;
}
