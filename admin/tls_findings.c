/* From what a probe saw to what an administrator has to know. */
#include "tls_findings.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate.h"

#define DAY_S (24 * 60 * 60)

/* Returns 0, -1 when out of memory. */
__attribute__((format(printf, 4, 5))) static int add(struct tls_findings *findings,
                                                     const char *kind, enum tls_severity severity,
                                                     const char *format, ...)
{
    struct tls_finding *finding = &findings->items[findings->count];
    va_list values;
    va_start(values, format);
    int length = vasprintf(&finding->sentence, format, values);
    va_end(values);
    if (length < 0 || findings->count == TLS_MAX_FINDINGS - 1) {
        if (length >= 0) {
            free(finding->sentence);
        }
        finding->sentence = NULL;
        return -1;
    }
    finding->kind = kind;
    finding->severity = severity;
    findings->count++;
    if (severity > findings->worst) {
        findings->worst = severity;
    }
    return 0;
}

/* No TLS session came about. */
static int add_failure(const struct tls_service *service, const struct tls_probe_result *result,
                       struct tls_findings *out)
{
    static const char *const kinds[] = {
        [TLS_PROBE_NO_NAME] = "no-address",  [TLS_PROBE_CLOSED] = "closed",
        [TLS_PROBE_NO_ANSWER] = "no-answer", [TLS_PROBE_BROKEN] = "broken",
        [TLS_PROBE_PLAIN] = "no-tls",        [TLS_PROBE_FAILED] = "tls-fails"};
    bool absent = result->state == TLS_PROBE_CLOSED || result->state == TLS_PROBE_NO_ANSWER;
    if (result->state == TLS_PROBE_ERROR) {
        return -1;
    }
    /* A server need not have every service; one that was asked for has to be there. */
    if (absent && !service->named) {
        out->state = "absent";
        return 0;
    }
    return add(out, kinds[result->state], TLS_FAILED, "%s", result->sentence);
}

static int add_versions(const struct tls_probe_result *result, struct tls_findings *out)
{
    const enum tls_answer *versions = result->versions;
    bool old =
        versions[TLS_VERSION_1_0] == TLS_ANSWER_YES || versions[TLS_VERSION_1_1] == TLS_ANSWER_YES;
    bool good =
        versions[TLS_VERSION_1_2] == TLS_ANSWER_YES || versions[TLS_VERSION_1_3] == TLS_ANSWER_YES;
    if (!good && add(out, "old-versions-only", TLS_FAILED,
                     "neither TLS 1.2 nor TLS 1.3 is accepted, which mail programs insist on")) {
        return -1;
    }
    if (good && old &&
        add(out, "old-version", TLS_WARNING,
            "TLS 1.0 or TLS 1.1 is accepted, which should be switched off (RFC 8996)")) {
        return -1;
    }
    if (result->unknown) {
        return add(out, "unknown", TLS_WARNING, "not every version of TLS could be tried: %s",
                   result->unknown);
    }
    return 0;
}

static int add_chain(const struct tls_probe_result *result, time_t now, time_t warn_until,
                     struct tls_findings *out)
{
    time_t not_after = certificate_not_after(sk_X509_value(result->chain, 0));
    bool good = true;
    for (int i = 0; i < TLS_FAULT_COUNT; i++) {
        const char *sentence = result->faults.sentences[i];
        if (!sentence) {
            continue;
        }
        good = false;
        if (add(out, tls_fault_name((enum tls_fault)i), TLS_FAILED, "%s", sentence)) {
            return -1;
        }
    }
    /* libcurl may refuse what looks good here, for reasons of its own: the system's policy. */
    if (good && !result->verified &&
        add(out, "refused", TLS_FAILED, "a careful client does not connect: %s",
            result->verify_sentence ? result->verify_sentence : "out of memory")) {
        return -1;
    }
    if (not_after >= now && not_after <= warn_until) {
        long long days = (long long)(not_after - now) / DAY_S;
        return add(out, "expiring", TLS_WARNING, "the certificate runs out in %lld day%s", days,
                   days == 1 ? "" : "s");
    }
    return 0;
}

int tls_findings_make(const struct tls_service *service, const struct tls_probe_result *result,
                      time_t now, time_t warn_until, struct tls_findings *out)
{
    static const char *const states[] = {
        [TLS_FINE] = "ok", [TLS_WARNING] = "warning", [TLS_FAILED] = "failed"};
    int rc;
    *out = (struct tls_findings){.worst = TLS_FINE};
    if (result->state == TLS_PROBE_ENCRYPTED) {
        rc = add_chain(result, now, warn_until, out) || add_versions(result, out);
    } else {
        rc = add_failure(service, result, out);
    }
    if (!rc && result->clear_password) {
        rc = add(out, "clear-password", TLS_WARNING,
                 "passwords are taken without encryption too, by clients that do not ask for it");
    }
    if (rc) {
        tls_findings_clear(out);
        return -1;
    }
    if (!out->state) {
        out->state = states[out->worst];
    }
    return 0;
}

void tls_findings_clear(struct tls_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].sentence);
    }
    *findings = (struct tls_findings){.worst = TLS_FINE};
}
