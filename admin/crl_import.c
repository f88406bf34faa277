/* crl import and fetch: taking CRLs. */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "crl_commands.h"
#include "crl_signer.h"
#include "input.h"
#include "revocation.h"
#include "revocation_bytes.h"
#include "revocation_upkeep.h"
#include "table.h"
#include "tell.h"
#include "text_file.h"
#include "why.h"

#define RECHECK_TIMEOUT_MS                                                                         \
    (10 * 60 * 1000)           /* an administrator may wait; 100,000 keys take some                \
                                */
#define FETCH_TIMEOUT_MS 60000 /* for one */
#define FETCH_ALL_TIMEOUT_MS (10 * 60 * 1000)

/* The certificates that --ca names; an empty stack without. NULL told. sk_X509_pop_free(). */
static STACK_OF(X509) * authorities_given(const struct context *context)
{
    const char *path = argument_value(context->arguments, OPTION_CA);
    char *why = NULL;
    STACK_OF(X509) *authorities = path ? input_certificates(path, &why) : sk_X509_new_null();
    if (!authorities) {
        tell_error("%s", path ? why_text(&why) : "out of memory");
    }
    why_free(&why);
    return authorities;
}

/* ---- What follows from a CRL ---- */

static void tell_changed(void *context, bool own, bool revoked, const char *sentence)
{
    (void)context;
    if (!revoked) {
        tell_note("no longer so, and used again: %s", sentence);
    } else if (own) {
        tell_note("a mailbox signed with it, and does so no longer: %s", sentence);
    } else {
        tell_note("mail is not encrypted with it any more: %s", sentence);
    }
}

/* Look at certificates in use by what the store has now, and tell which turn out revoked. 0, or -1
 * told. */
static int recheck(struct context *context)
{
    struct revocation *revocation = revocation_new(context->store, &context->config->settings);
    struct deadline deadline = deadline_in_ms(RECHECK_TIMEOUT_MS);
    int64_t after = 0;
    char *why = NULL;
    int rc = 0;
    if (context->config->settings.revocation == REVOCATION_OFF) {
        tell_note(
            "the setting \"revocation\" is \"off\": CRLs are kept, but nobody looks into them");
    }
    if (!revocation) {
        tell_error("out of memory");
        rc = -1;
    } else if (revocation_recheck(revocation, true, context->now, &deadline, &after, tell_changed,
                                  NULL, &why) != STORE_OK) {
        tell_error("the certificates in use cannot be checked: %s", why_text(&why));
        rc = -1;
    }
    revocation_free(&revocation);
    why_free(&why);
    return rc;
}

/* ---- import ---- */

struct import {
    struct context *context;
    struct trust trust;
    STACK_OF(X509) * authorities;
    struct table *report;
    size_t done;
    size_t refused;
};

static const struct column report_columns[] = {{"RESULT", "result", CELL_TEXT},
                                               {"ID", "id", CELL_INTEGER},
                                               {"FILE", "file", CELL_TEXT},
                                               {NULL, "reason", CELL_TEXT},
                                               {NULL, NULL, CELL_TEXT}};

/* Returns 0 with *id_out, or -1 with a sentence. */
static int take(struct import *import, const char *path, int64_t *id_out, char **why)
{
    struct text_file file = {0};
    const struct crl_signers signers = {.believed = import->authorities,
                                        .unverified = import->trust.intermediates,
                                        .anchors = import->trust.anchors,
                                        .now = import->context->now};
    X509_CRL *crl = NULL;
    X509 *signer = NULL;
    int rc = -1;
    if (text_file_read(path, &file, why)) {
        goto out;
    }
    crl = crl_from_bytes((const unsigned char *)file.text, file.length, why);
    if (!crl) {
        goto out;
    }
    if (file.length > (size_t)import->context->config->settings.max_crl_bytes) {
        why_set(why, "it is larger than max_crl_bytes");
        goto out;
    }
    signer = crl_signer_find(crl, &signers, why);
    if (signer && store_crl_put(import->context->store, crl, signer, NULL, import->context->now,
                                id_out, why) == STORE_OK) {
        rc = 0;
    }
out:
    X509_free(signer);
    X509_CRL_free(crl);
    text_file_clear(&file);
    return rc;
}

static void import_one(struct import *import, const char *path)
{
    int64_t id = 0;
    char *why = NULL;
    int rc = take(import, path, &id, &why);
    if (rc == 0) {
        import->done++;
    } else {
        import->refused++;
        tell_error("%s: refused: %s", path, why_text(&why));
        tell_next("The certificate of the CA that signed it can be handed over with --ca FILE.");
    }
    table_text(import->report, rc == 0 ? "imported" : "refused");
    table_integer(import->report, id);
    table_text(import->report, path);
    table_text(import->report, rc == 0 ? NULL : why_text(&why));
    why_free(&why);
}

int crl_import(struct context *context)
{
    struct import import = {.context = context};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    import.authorities = authorities_given(context);
    import.report = table_new(report_columns);
    if (!import.authorities || !import.report) {
        goto out;
    }
    if (store_trust(context->store, &import.trust, &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        import_one(&import, context->words[i]);
    }
    code = exit_code_of(import.done, import.refused);
    if (import.done > 0 && recheck(context)) {
        code = EXIT_PARTLY;
    }
    if (table_print(import.report, context->json, stdout)) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
out:
    store_trust_clear(&import.trust);
    sk_X509_pop_free(import.authorities, X509_free);
    table_free(&import.report);
    why_free(&why);
    return code;
}

/* ---- fetch ---- */

struct fetch {
    struct revocation *revocation;
    struct table *report;
    struct refresh_result result;
};

static const struct column fetch_columns[] = {{"RESULT", "result", CELL_TEXT},
                                              {"URL", "url", CELL_TEXT},
                                              {NULL, "reason", CELL_TEXT},
                                              {NULL, NULL, CELL_TEXT}};

static void report_place(void *context, const char *url, const char *trouble)
{
    struct fetch *fetch = context;
    if (trouble) {
        tell_error("%s: %s", url, trouble);
    }
    table_text(fetch->report, trouble ? "failed" : "fetched");
    table_text(fetch->report, url);
    table_text(fetch->report, trouble);
}

static int fetch_known(struct context *context, struct fetch *fetch)
{
    struct deadline deadline = deadline_in_ms(FETCH_ALL_TIMEOUT_MS);
    char *why = NULL;
    int rc = 0;
    if (revocation_refresh(fetch->revocation, argument_given(context->arguments, OPTION_ALL),
                           context->now, &deadline, report_place, fetch, &fetch->result,
                           &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
        rc = -1;
    }
    why_free(&why);
    return rc;
}

static int fetch_named(struct context *context, struct fetch *fetch)
{
    STACK_OF(X509) *authorities = authorities_given(context);
    int rc = authorities ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < context->word_count; i++) {
        struct deadline deadline = deadline_in_ms(FETCH_TIMEOUT_MS);
        char *why = NULL;
        enum store_status status = revocation_fetch(fetch->revocation, context->words[i],
                                                    authorities, context->now, &deadline, &why);
        report_place(fetch, context->words[i], status == STORE_OK ? NULL : why_text(&why));
        fetch->result.fetched += status == STORE_OK;
        fetch->result.failed += status != STORE_OK;
        rc = status == STORE_ERROR ? -1 : 0;
        why_free(&why);
    }
    sk_X509_pop_free(authorities, X509_free);
    return rc;
}

int crl_fetch(struct context *context)
{
    struct fetch fetch = {.report = table_new(fetch_columns)};
    int code = EXIT_REFUSED;
    if (argument_given(context->arguments, OPTION_ALL) && context->word_count > 0) {
        tell_error("--all and URLs exclude each other");
        table_free(&fetch.report);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        goto out;
    }
    fetch.revocation = revocation_new(context->store, &context->config->settings);
    if (!fetch.revocation || !fetch.report) {
        tell_error("out of memory");
        goto out;
    }
    if (context->word_count > 0 ? fetch_named(context, &fetch) : fetch_known(context, &fetch)) {
        goto out;
    }
    code = exit_code_of(fetch.result.fetched, fetch.result.failed);
    if (fetch.result.fetched > 0 && recheck(context)) {
        code = EXIT_PARTLY;
    }
    if (table_print(fetch.report, context->json, stdout)) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
out:
    revocation_free(&fetch.revocation);
    table_free(&fetch.report);
    return code;
}
