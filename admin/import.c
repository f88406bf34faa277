/* The loop over files and certificates, and its report. */
#include "import.h"

#include <stdlib.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "input.h"
#include "table.h"
#include "tell.h"
#include "why.h"

struct import {
    struct context *context;
    import_function *function;
    struct table *report;
    size_t done;
    size_t refused;
};

static const struct column report_columns[] = {
    {"RESULT", "result", CELL_TEXT},   {"ID", "id", CELL_INTEGER},
    {"FILE", "file", CELL_TEXT},       {"NUMBER", "number", CELL_INTEGER},
    {"SUBJECT", "subject", CELL_TEXT}, {NULL, "fingerprint", CELL_TEXT},
    {NULL, "reason", CELL_TEXT},       {NULL, NULL, CELL_TEXT}};

static const char *result_name(enum import_result result)
{
    switch (result) {
    case IMPORT_DONE:
        return "imported";
    case IMPORT_PASSED_OVER:
        return "passed over";
    case IMPORT_REFUSED:
        return "refused";
    }
    return "?";
}

static void add_row(struct import *import, enum import_result result, int64_t id, const char *file,
                    int number, const char *subject, const char *fingerprint, const char *reason)
{
    table_text(import->report, result_name(result));
    table_integer(import->report, id);
    table_text(import->report, file);
    table_integer(import->report, number);
    table_text(import->report, subject);
    table_text(import->report, fingerprint);
    table_text(import->report, reason);
}

static void import_certificate(struct import *import, const char *path, const STACK_OF(X509) * file,
                               int index)
{
    X509 *certificate = sk_X509_value(file, index);
    char *subject = certificate_subject(certificate);
    char *fingerprint = cert_fingerprint(certificate), *why = NULL;
    int64_t id = 0;
    enum import_result result = import->function(import->context, certificate, file, &id, &why);
    if (result == IMPORT_REFUSED) {
        import->refused++;
        tell_error("%s, certificate %d (%s): refused: %s", path, index + 1, subject ? subject : "?",
                   why_text(&why));
    } else if (result == IMPORT_PASSED_OVER) {
        tell_note("%s, certificate %d (%s): %s", path, index + 1, subject ? subject : "?",
                  why_text(&why));
    } else {
        import->done++;
    }
    add_row(import, result, id, path, index + 1, subject, fingerprint,
            result == IMPORT_DONE ? NULL : why_text(&why));
    OPENSSL_free(subject);
    free(fingerprint);
    why_free(&why);
}

static void import_file(struct import *import, const char *path)
{
    char *why = NULL;
    STACK_OF(X509) *file = input_certificates(path, &why);
    for (int i = 0; file && i < sk_X509_num(file); i++) {
        import_certificate(import, path, file, i);
    }
    if (!file) {
        import->refused++;
        tell_error("%s", why_text(&why));
        tell_next("Certificates are read as PEM, DER or PKCS#7.");
        add_row(import, IMPORT_REFUSED, 0, path, 0, NULL, NULL, why_text(&why));
    }
    sk_X509_pop_free(file, X509_free);
    why_free(&why);
}

int import_files(struct context *context, import_function *function)
{
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    struct import import = {context, function, table_new(report_columns), 0, 0};
    if (!import.report) {
        tell_error("out of memory");
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        import_file(&import, context->words[i]);
    }
    int code = exit_code_of(import.done, import.refused);
    if (table_print(import.report, context->json, stdout)) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    table_free(&import.report);
    return code;
}
