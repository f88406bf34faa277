/* The loop over certificates, and its report. */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "import_source.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* So many are imported together: one transaction, for whose end others wait some hundredths of a
 * second. */
#define BATCH 256

/* What waits to be imported, or to be told in its turn. */
struct queued {
    char *file;
    int number; /* of the certificate in its file; 0: none, `sentence` says what is the matter */
    char *sentence;            /* what the file could not be used for */
    enum import_result result; /* of that */
};

struct import {
    struct context *context;
    const struct importer *importer;
    struct table *report;
    struct queued queue[BATCH];
    struct import_item items[BATCH]; /* of the same place */
    size_t waiting;
    size_t done;
    size_t refused;
    int number;   /* of the certificate in its file */
    bool wide;    /* folders, LDIF and vCards, too */
    bool stopped; /* by the store, or out of memory */
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

/* ---- What waits ---- */

static void stop(struct import *import, const char *sentence)
{
    hide_progress(import);
    tell_error("the import has stopped: %s", sentence);
    tell_next("What was imported before stays. When that is mended, run the command again: what is "
              "known already does no harm.");
    import->stopped = true;
}

static void tell_certificate(struct import *import, const struct queued *queued,
                             const struct import_item *item)
{
    char *subject = certificate_subject(item->certificate);
    char *fingerprint = cert_fingerprint(item->certificate);
    if (item->result != IMPORT_DONE) {
        hide_progress(import);
    }
    if (item->result == IMPORT_REFUSED) {
        import->refused++;
        tell_error("%s, certificate %d (%s): refused: %s", queued->file, queued->number,
                   subject ? subject : "?", why_text(&item->why));
    } else if (item->result == IMPORT_PASSED_OVER) {
        tell_note("%s, certificate %d (%s): %s", queued->file, queued->number,
                  subject ? subject : "?", why_text(&item->why));
    } else {
        import->done++;
    }
    add_row(import, item->result, item->id, queued->file, queued->number, subject, fingerprint,
            item->result == IMPORT_DONE ? NULL : why_text(&item->why));
    OPENSSL_free(subject);
    free(fingerprint);
}

static void tell_file(struct import *import, const struct queued *queued)
{
    hide_progress(import);
    if (queued->result != IMPORT_REFUSED) {
        tell_note("%s: skipped", queued->sentence);
    } else {
        import->refused++;
        tell_error("%s", queued->sentence);
        if (access(queued->file, R_OK) == 0) {
            tell_next("Certificates are read as %s.",
                      import->wide ? "PEM, DER, PKCS#7, LDIF or vCard" : "PEM, DER or PKCS#7");
        }
    }
    add_row(import, queued->result, 0, queued->file, 0, NULL, NULL, queued->sentence);
}

/* Import what waits, and tell all in the order in which it was found. */
static void flush_queue(struct import *import)
{
    char *why = NULL;
    if (import->importer->import(import->context, import->items, import->waiting, &why) !=
        STORE_OK) {
        stop(import, why_text(&why));
    }
    for (size_t i = 0; i < import->waiting; i++) {
        struct queued *queued = &import->queue[i];
        struct import_item *item = &import->items[i];
        if (!import->stopped && item->certificate) {
            tell_certificate(import, queued, item);
        } else if (!import->stopped) {
            tell_file(import, queued);
        }
        X509_free(item->certificate);
        why_free(&item->why);
        free(queued->file);
        free(queued->sentence);
    }
    import->waiting = 0;
    why_free(&why);
    show_progress(import);
}

static void enqueue(struct import *import, const struct queued *queued,
                    const struct import_item *item)
{
    import->queue[import->waiting] = *queued;
    import->items[import->waiting++] = *item;
    if (import->waiting == BATCH) {
        flush_queue(import);
    }
}

/* ---- What is found ---- */

static void take_certificate(struct import *import, const char *file, STACK_OF(X509) * together,
                             int index)
{
    struct import_item item = {.certificate = sk_X509_value(together, index)};
    struct queued queued = {.file = strdup(file), .number = ++import->number};
    const struct importer *importer = import->importer;
    if (!queued.file) {
        stop(import, "out of memory");
        return;
    }
    X509_up_ref(item.certificate);
    if (importer->passes_over && importer->passes_over(item.certificate, together, &item.why)) {
        item.result = IMPORT_PASSED_OVER;
    }
    enqueue(import, &queued, &item);
}

static void take_certificates(void *context, const char *file, const char *entry,
                              STACK_OF(X509) * certificates)
{
    struct import *import = context;
    (void)entry; /* the subject says more */
    for (int i = 0; i < sk_X509_num(certificates) && !import->stopped; i++) {
        take_certificate(import, file, certificates, i);
    }
}

static void take_file(struct import *import, enum import_result result, const char *file,
                      const char *sentence)
{
    struct queued queued = {.file = strdup(file), .sentence = strdup(sentence), .result = result};
    if (import->stopped || !queued.file || !queued.sentence) {
        free(queued.file);
        free(queued.sentence);
        if (!import->stopped) {
            stop(import, "out of memory");
        }
        return;
    }
    enqueue(import, &queued, &(struct import_item){.result = result});
}

static void take_refused(void *context, const char *file, const char *sentence)
{
    take_file(context, IMPORT_REFUSED, file, sentence);
}

static void take_skipped(void *context, const char *file, const char *sentence)
{
    take_file(context, IMPORT_PASSED_OVER, file, sentence);
}

static void take_done(void *context)
{
    struct import *import = context;
    import->number = 0;
}

static int run(struct import *import)
{
    const struct context *context = import->context;
    const struct import_taker taker = {take_certificates, take_refused, take_skipped, take_done,
                                       import};
    for (size_t i = 0; i < context->word_count && !import->stopped; i++) {
        import_source_read(context->words[i], import->wide, &taker);
    }
    flush_queue(import);
    hide_progress(import);
    int code = exit_code_of(import->done, import->refused + (import->stopped ? 1 : 0));
    if (table_print(import->report, context->json, stdout)) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    return code;
}

static int import_all(struct context *context, const struct importer *importer, bool wide)
{
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    struct import *import = calloc(1, sizeof *import);
    int code = EXIT_REFUSED;
    if (import) {
        import->context = context;
        import->importer = importer;
        import->report = table_new(report_columns);
        import->wide = wide;
        import->terminal = isatty(STDERR_FILENO);
    }
    if (import && import->report) {
        code = run(import);
        table_free(&import->report);
    } else {
        tell_error("out of memory");
    }
    free(import);
    return code;
}

int import_files(struct context *context, const struct importer *importer)
{
    return import_all(context, importer, false);
}

int import_people(struct context *context, const struct importer *importer)
{
    return import_all(context, importer, true);
}
