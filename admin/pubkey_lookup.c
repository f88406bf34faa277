/* smimectl pubkey lookup: what every directory says of an address, and what is taken of it. */
#include "pubkey_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "directory.h"
#include "iso8601.h"
#include "table.h"
#include "tell.h"
#include "why.h"

static const char *status_name(enum directory_status status)
{
    switch (status) {
    case DIRECTORY_FOUND:
        return "found";
    case DIRECTORY_NOTHING:
        return "nothing";
    case DIRECTORY_UNAVAILABLE:
        return "unavailable";
    case DIRECTORY_NEEDLESS:
        return "needless";
    case DIRECTORY_ERROR:
        break;
    }
    return "error";
}

/* ---- text ---- */

static void print_finding(const struct finding *finding)
{
    if (!finding->certificate) {
        printf("  ");
        tell_text(stdout, finding->reason ? finding->reason : "no certificate");
        putchar('\n');
        return;
    }
    char *subject = certificate_subject(finding->certificate);
    char *fingerprint = cert_fingerprint(finding->certificate);
    char expires[ISO8601_BYTES];
    iso8601_date(certificate_not_after(finding->certificate), expires);
    printf("  ");
    tell_text(stdout, subject ? subject : "?");
    printf(", until %s, SHA-256 %.16s...: %s", expires, fingerprint ? fingerprint : "?",
           finding->taken ? "taken" : "not taken: ");
    if (!finding->taken) {
        tell_text(stdout, finding->reason ? finding->reason : "the directory failed");
    }
    putchar('\n');
    OPENSSL_free(subject);
    free(fingerprint);
}

static void print_answer(const struct answer *answer)
{
    tell_text(stdout, answer->source);
    printf(": %s", answer_status_name(answer->status));
    if (answer->reason) {
        printf(": ");
        tell_text(stdout, answer->reason);
    }
    printf(" (%ld ms)\n", answer->elapsed_ms);
    for (size_t i = 0; i < answer->count; i++) {
        print_finding(&answer->findings[i]);
    }
}

static void print_report(const char *address, const struct directory_report *report)
{
    char until[ISO8601_BYTES];
    for (size_t i = 0; i < report->count; i++) {
        print_answer(&report->answers[i]);
    }
    char *sentence = directory_sentence(address, report);
    tell_text(stdout, sentence ? sentence : "a public key is known that no directory gave");
    free(sentence);
    if (report->status != DIRECTORY_NEEDLESS) {
        iso8601_time(report->lookup.until, until);
        printf("; asked again after %s", until);
    }
    putchar('\n');
}

/* ---- JSON ---- */

static json_t *answer_json(const struct answer *answer)
{
    json_t *certificates = json_array();
    for (size_t i = 0; certificates && i < answer->count; i++) {
        const struct finding *finding = &answer->findings[i];
        json_t *row =
            json_pack("{s:o,s:b,s:o}", "certificate",
                      finding->certificate ? certificate_json(finding->certificate) : json_null(),
                      "taken", finding->taken, "reason", json_text(finding->reason));
        if (json_array_append_new(certificates, row)) {
            json_decref(certificates);
            certificates = NULL;
        }
    }
    return json_pack("{s:o,s:s,s:o,s:I,s:o}", "source", json_text(answer->source), "status",
                     answer_status_name(answer->status), "reason", json_text(answer->reason),
                     "elapsed_ms", (json_int_t)answer->elapsed_ms, "certificates", certificates);
}

static int print_report_json(const char *address, const struct directory_report *report)
{
    json_t *answers = json_array();
    for (size_t i = 0; answers && i < report->count; i++) {
        if (json_array_append_new(answers, answer_json(&report->answers[i]))) {
            json_decref(answers);
            answers = NULL;
        }
    }
    return json_write(json_pack("{s:o,s:s,s:b,s:o,s:o,s:o,s:o,s:o}", "address", json_text(address),
                                "status", status_name(report->status), "remembered",
                                report->remembered, "source", json_text(report->lookup.source),
                                "reason", json_text(report->lookup.reason), "looked_up",
                                json_time(report->lookup.looked_up), "until",
                                json_time(report->lookup.until), "directories", answers),
                      stdout);
}

/* ---- the command ---- */

static int exit_code(enum directory_status status)
{
    if (status == DIRECTORY_UNAVAILABLE) {
        return EXIT_DEFERRED;
    }
    return status == DIRECTORY_FOUND || status == DIRECTORY_NEEDLESS ? EXIT_DONE : EXIT_REFUSED;
}

/* Is there anybody to ask, and does anybody ask for such an address? */
static bool is_askable(const struct context *context, const char *address)
{
    if (context_manages(context, address)) {
        tell_error("%s is a managed address, which no directory is asked for", address);
        tell_next("Its certificates are listed by: smimectl mailbox show %s", address);
        return false;
    }
    if (!directory_applies(&context->config->settings, address)) {
        tell_error("no directory is configured that is asked for %s", address);
        tell_next("See the settings \"directories\" and \"smimea\" in smimed.conf(5).");
        return false;
    }
    return true;
}

static int look_up(struct context *context, const char *address)
{
    const struct directory_request request = {
        .settings = &context->config->settings,
        .store = context->store,
        .address = address,
        .written = context->words[0],
        .now = context->now,
        .timeout_ms = context->config->settings.directory_timeout_ms,
        .fresh = argument_given(context->arguments, OPTION_NO_CACHE),
        .all = true,
    };
    struct directory_report report = {0};
    char *why = NULL;
    int code = EXIT_REFUSED;
    enum directory_status status = directory_lookup(&request, &report, &why);
    if (status == DIRECTORY_ERROR) {
        tell_error("%s cannot be looked up: %s", address, why_text(&why));
        goto out;
    }
    if (context->json) {
        if (print_report_json(address, &report)) {
            tell_error("the result cannot be written");
            goto out;
        }
    } else {
        print_report(address, &report);
        if (report.count == 0) {
            tell_next("Nobody was asked now; to ask nevertheless: smimectl pubkey lookup "
                      "--no-cache %s",
                      address);
        }
    }
    code = exit_code(status);
out:
    directory_report_clear(&report);
    why_free(&why);
    return code;
}

int pubkey_lookup_command(struct context *context)
{
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    if (address && is_askable(context, address)) {
        code = look_up(context, address);
    }
    free(address);
    return code;
}
