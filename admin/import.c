/* The loop over certificates, and its report. */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "import_source.h"
#include "table.h"
#include "tell.h"
#include "why.h"

struct import {
    struct context *context;
    import_function *function;
    struct table *report;
    size_t done;
    size_t refused;
    int number; /* of the certificate in its file */
    bool wide;  /* folders, LDIF and vCards, too */
    bool terminal;
    bool visible; /* the progress is */
    struct timespec shown;
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

/* ---- Progress ---- */

/* Some times a second, on a terminal only, and never in the way of a sentence. */
#define PROGRESS_INTERVAL_NS 200000000L
#define NANOSECONDS 1000000000L

static void show_progress(struct import *import)
{
    struct timespec now;
    if (!import->terminal || clock_gettime(CLOCK_MONOTONIC, &now)) {
        return;
    }
    long long since = (now.tv_sec - import->shown.tv_sec) * (long long)NANOSECONDS +
                      (now.tv_nsec - import->shown.tv_nsec);
    if (since >= PROGRESS_INTERVAL_NS) {
        fprintf(stderr, "\r%zu imported, %zu refused", import->done, import->refused);
        fflush(stderr);
        import->shown = now;
        import->visible = true;
    }
}

static void hide_progress(struct import *import)
{
    if (import->visible) {
        fputs("\r\033[K", stderr);
        import->visible = false;
    }
}

/* ---- Certificates ---- */

static void import_certificate(struct import *import, const char *path, STACK_OF(X509) * together,
                               int index)
{
    X509 *certificate = sk_X509_value(together, index);
    char *subject = certificate_subject(certificate);
    char *fingerprint = cert_fingerprint(certificate), *why = NULL;
    int number = ++import->number;
    int64_t id = 0;
    enum import_result result = import->function(import->context, certificate, together, &id, &why);
    if (result != IMPORT_DONE) {
        hide_progress(import);
    }
    if (result == IMPORT_REFUSED) {
        import->refused++;
        tell_error("%s, certificate %d (%s): refused: %s", path, number, subject ? subject : "?",
                   why_text(&why));
    } else if (result == IMPORT_PASSED_OVER) {
        tell_note("%s, certificate %d (%s): %s", path, number, subject ? subject : "?",
                  why_text(&why));
    } else {
        import->done++;
    }
    add_row(import, result, id, path, number, subject, fingerprint,
            result == IMPORT_DONE ? NULL : why_text(&why));
    OPENSSL_free(subject);
    free(fingerprint);
    why_free(&why);
    show_progress(import);
}

static void take_certificates(void *context, const char *file, const char *entry,
                              STACK_OF(X509) * certificates)
{
    (void)entry; /* the subject says more */
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        import_certificate(context, file, certificates, i);
    }
}

static void take_refused(void *context, const char *file, const char *sentence)
{
    struct import *import = context;
    hide_progress(import);
    import->refused++;
    tell_error("%s", sentence);
    tell_next("Certificates are read as %s.",
              import->wide ? "PEM, DER, PKCS#7, LDIF or vCard" : "PEM, DER or PKCS#7");
    add_row(import, IMPORT_REFUSED, 0, file, 0, NULL, NULL, sentence);
}

static void take_skipped(void *context, const char *file, const char *sentence)
{
    struct import *import = context;
    hide_progress(import);
    tell_note("%s: skipped", sentence);
    add_row(import, IMPORT_PASSED_OVER, 0, file, 0, NULL, NULL, sentence);
}

static void take_done(void *context)
{
    struct import *import = context;
    import->number = 0;
}

static int import_all(struct context *context, import_function *function, bool wide)
{
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    struct import import = {.context = context,
                            .function = function,
                            .report = table_new(report_columns),
                            .wide = wide,
                            .terminal = isatty(STDERR_FILENO)};
    const struct import_taker taker = {take_certificates, take_refused, take_skipped, take_done,
                                       &import};
    if (!import.report) {
        tell_error("out of memory");
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        import_source_read(context->words[i], wide, &taker);
    }
    hide_progress(&import);
    int code = exit_code_of(import.done, import.refused);
    if (table_print(import.report, context->json, stdout)) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    table_free(&import.report);
    return code;
}

int import_files(struct context *context, import_function *function)
{
    return import_all(context, function, false);
}

int import_people(struct context *context, import_function *function)
{
    return import_all(context, function, true);
}
