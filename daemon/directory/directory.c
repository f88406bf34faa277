/* Looking up certificates: who is asked, in which order, what is taken, what is remembered. */
#include "directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "ldap_directory.h"
#include "name_constraints.h"
#include "smimea_directory.h"
#include "trust_chain.h"
#include "why.h"

#define SMIMEA_NAME "SMIMEA"

/* ---- Who is asked ---- */

static bool is_asked(const struct directory_setting *directory, const char *address)
{
    return directory->domains.count == 0 ||
           pattern_list_matches(&directory->domains, address, NULL);
}

bool directory_applies(const struct settings *settings, const char *address)
{
    if (settings->smimea)
        return true;
    for (size_t i = 0; i < settings->directory_count; i++)
        if (is_asked(&settings->directories[i], address))
            return true;
    return false;
}

char *directory_names(const struct settings *settings, const char *address)
{
    char *names = NULL;
    size_t length = 0;
    const char *separator = "";
    FILE *out = open_memstream(&names, &length);
    bool failed;
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < settings->directory_count; i++)
        if (is_asked(&settings->directories[i], address)) {
            fprintf(out, "%s%s", separator, settings->directories[i].url);
            separator = ", ";
        }
    if (settings->smimea)
        fprintf(out, "%s" SMIMEA_NAME, separator);
    failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(names);
        return NULL;
    }
    return names;
}

/* ---- What is taken ---- */

struct looking {
    const struct directory_request *request;
    struct directory_report *report;
    struct deadline deadline;
    struct trust trust; /* loaded with the first that needs it */
    bool trust_loaded;
    STACK_OF(X509) * taken;
};

_Static_assert(1U << WEAK_SHA1 == WEAKNESS_SHA1 && 1U << WEAK_RSA_1024 == WEAKNESS_RSA_1024,
               "the bits of weak_algorithms");

/* Does it chain to an anchor? 1, 0 with *reason, -1 an error of ours. */
static int is_anchored(struct looking *looking, const struct answer *answer, X509 *certificate,
                       char **reason, char **why)
{
    struct open_request chain = {
        .now = looking->request->now,
        .limits.max_chain = (size_t)looking->request->settings->max_chain,
    };
    enum signature_verdict verdict = SIGNATURE_UNTRUSTED;
    STACK_OF(X509) *way = NULL;
    unsigned refused;
    int allowed;
    char *text;
    if (!looking->trust_loaded &&
        store_trust(looking->request->store, &looking->trust, why) != STORE_OK)
        return -1;
    looking->trust_loaded = true;
    chain.anchors = looking->trust.anchors;
    chain.intermediates = looking->trust.intermediates;
    if (chain_verify(certificate, answer->accompanying, &chain, CHAIN_ENCRYPT, &verdict, &way,
                     reason, why) != SMIME_OK)
        return -1;
    refused = weakness_of_chain(way) & ~looking->request->settings->weak_algorithms;
    allowed = name_constraints_allow(way, looking->request->address);
    sk_X509_pop_free(way, X509_free);
    if (allowed < 0) {
        why_set(why, "out of memory");
        return -1;
    }
    if (allowed == 0)
        why_set(reason, "its CA may not certify this address (name constraints)");
    if (refused != 0) {
        text = weakness_text(refused);
        why_set(reason, "its chain depends on weak algorithms that are not accepted (%s)",
                text != NULL ? text : "?");
        free(text);
    }
    return verdict == SIGNATURE_VALID && refused == 0 && allowed == 1;
}

/* Returns 0 with finding->taken or finding->reason, -1 an error of ours. */
static int judge_finding(struct looking *looking, const struct answer *answer,
                         struct finding *finding, char **why)
{
    const struct directory_request *request = looking->request;
    int anchored = 1;
    if (finding->certificate == NULL)
        return 0;
    switch (store_lookup_check(request->store, request->address, finding->certificate, request->now,
                               &finding->reason)) {
    case STORE_OK:
        break;
    case STORE_NONE:
    case STORE_REFUSED:
        return 0;
    case STORE_ERROR:
        why_set(why, "%s", why_text(&finding->reason));
        return -1;
    }
    if (finding->needs_anchor)
        anchored = is_anchored(looking, answer, finding->certificate, &finding->reason, why);
    if (anchored <= 0)
        return anchored;
    why_free(&finding->reason);
    finding->taken = true;
    if (X509_add_cert(looking->taken, finding->certificate,
                      X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1)
        return 0;
    why_set(why, "out of memory");
    return -1;
}

/* Where everybody is asked: the first who has one is believed, and the others are only heard. */
static int pass_over(struct answer *answer, const char *before, char **why)
{
    for (size_t i = 0; i < answer->count; i++) {
        struct finding *finding = &answer->findings[i];
        if (finding->certificate == NULL)
            continue;
        why_set(&finding->reason, "%s comes first, and has one", before);
        if (finding->reason == NULL) {
            why_set(why, "out of memory");
            return -1;
        }
    }
    return 0;
}

/* Judge what a directory had. Without a certificate that is taken it had nothing. */
static int judge_answer(struct looking *looking, struct answer *answer, char **why)
{
    const struct directory_report *report = looking->report;
    bool taken = false;
    if (answer->status != ANSWER_FOUND)
        return 0;
    for (size_t i = 0; i + 1 < report->count; i++)
        if (report->answers[i].status == ANSWER_FOUND)
            return pass_over(answer, report->answers[i].source, why);
    for (size_t i = 0; i < answer->count; i++) {
        if (judge_finding(looking, answer, &answer->findings[i], why) != 0)
            return -1;
        taken = taken || answer->findings[i].taken;
    }
    if (!taken)
        answer->status = ANSWER_NOTHING;
    return 0;
}

/* ---- Asking ---- */

/* Room for the answer of one who is asked; NULL with *why. */
static struct answer *begin_answer(struct looking *looking, const char *source, char **why)
{
    struct directory_report *report = looking->report;
    struct answer *grown = reallocarray(report->answers, report->count + 1, sizeof *grown);
    if (grown != NULL) {
        report->answers = grown;
        grown[report->count] = (struct answer){.source = strdup(source)};
        if (grown[report->count].source != NULL)
            return &grown[report->count++];
    }
    why_set(why, "out of memory");
    return NULL;
}

/* Ask one: an LDAP directory, or with NULL the DNS. Returns 0, -1 an error of ours. */
static int ask(struct looking *looking, const struct directory_setting *directory, char **why)
{
    const struct directory_request *request = looking->request;
    const struct deadline begin = looking->deadline;
    long left = deadline_left_ms(&begin);
    struct answer *answer =
        begin_answer(looking, directory != NULL ? directory->url : SMIMEA_NAME, why);
    int rc;
    if (answer == NULL)
        return -1;
    if (left == 0) {
        answer->status = ANSWER_UNAVAILABLE;
        why_set(&answer->reason, "not asked: the time for look-ups is up (directory_timeout_ms)");
        return 0;
    }
    if (directory != NULL)
        rc = ldap_directory_ask(request->settings, directory, request->address, looking->deadline,
                                answer, why);
    else
        rc = smimea_directory_ask(request->settings, request->address, request->written,
                                  looking->deadline, answer, why);
    answer->elapsed_ms = left - deadline_left_ms(&begin);
    return rc == 0 ? judge_answer(looking, answer, why) : -1;
}

static bool is_enough(const struct looking *looking)
{
    return !looking->request->all && sk_X509_num(looking->taken) > 0;
}

static int ask_all(struct looking *looking, char **why)
{
    const struct settings *settings = looking->request->settings;
    for (size_t i = 0; i < settings->directory_count && !is_enough(looking); i++)
        if (is_asked(&settings->directories[i], looking->request->address) &&
            ask(looking, &settings->directories[i], why) != 0)
            return -1;
    return settings->smimea && !is_enough(looking) ? ask(looking, NULL, why) : 0;
}

/* ---- The result ---- */

static const struct answer *first_with(const struct directory_report *report,
                                       enum answer_status status)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->answers[i].status == status)
            return &report->answers[i];
    return NULL;
}

/* Why nothing was taken: what is said of a certificate says more than that another directory has no
 * entry. */
static const char *reason_for_nothing(const struct directory_report *report)
{
    const char *reason = NULL;
    for (size_t i = 0; i < report->count; i++) {
        const struct answer *answer = &report->answers[i];
        for (size_t k = 0; k < answer->count; k++)
            if (answer->findings[k].reason != NULL)
                return answer->findings[k].reason;
        if (reason == NULL)
            reason = answer->reason;
    }
    return reason != NULL ? reason : "";
}

/* Fill report->lookup and status by the answers. Returns 0, -1 out of memory. */
static int conclude(struct looking *looking)
{
    const struct settings *settings = looking->request->settings;
    struct directory_report *report = looking->report;
    struct lookup *lookup = &report->lookup;
    const struct answer *found = first_with(report, ANSWER_FOUND);
    const struct answer *failed = first_with(report, ANSWER_UNAVAILABLE);
    const char *source = "";
    const char *reason = "";
    int keep_s = settings->directory_negative_cache_s;
    report->status = DIRECTORY_NOTHING;
    lookup->result = LOOKUP_NOTHING;
    if (found != NULL) {
        report->status = DIRECTORY_FOUND;
        lookup->result = LOOKUP_FOUND;
        keep_s = settings->directory_cache_s;
        source = found->source;
    } else if (failed != NULL) {
        report->status = DIRECTORY_UNAVAILABLE;
        lookup->result = LOOKUP_UNAVAILABLE;
        keep_s = settings->directory_failure_cache_s;
        source = failed->source;
        reason = failed->reason != NULL ? failed->reason : "";
    } else {
        reason = reason_for_nothing(report);
    }
    lookup->looked_up = looking->request->now;
    lookup->until = lookup->looked_up + keep_s;
    lookup->source = strdup(source);
    lookup->reason = strdup(reason);
    return lookup->source != NULL && lookup->reason != NULL ? 0 : -1;
}

/* What could not be asked for want of time says nothing of the directories. */
static bool is_worth_remembering(const struct looking *looking)
{
    return looking->report->status != DIRECTORY_UNAVAILABLE ||
           deadline_left_ms(&looking->deadline) > 0 || looking->report->answers[0].elapsed_ms > 0;
}

static enum directory_status status_of(const struct lookup *lookup)
{
    switch (lookup->result) {
    case LOOKUP_FOUND:
        return DIRECTORY_FOUND;
    case LOOKUP_UNAVAILABLE:
        return DIRECTORY_UNAVAILABLE;
    case LOOKUP_NOTHING:
        break;
    }
    return DIRECTORY_NOTHING;
}

/* Does anybody have to be asked? 1, 0 with the report filled, -1 an error of ours. */
static int is_due(const struct directory_request *request, struct directory_report *report,
                  char **why)
{
    enum lookup_need need = LOOKUP_DUE;
    report->status = DIRECTORY_NEEDLESS;
    if (!directory_applies(request->settings, request->address))
        return 0;
    if (request->fresh)
        return 1;
    if (store_lookup_need(request->store, request->address, request->another, request->now, &need,
                          &report->lookup, why) != STORE_OK)
        return -1;
    if (need == LOOKUP_KNOWN) {
        report->remembered = true;
        report->status = status_of(&report->lookup);
    }
    return need == LOOKUP_DUE;
}

static int look_up(struct looking *looking, char **why)
{
    const struct directory_request *request = looking->request;
    struct directory_report *report = looking->report;
    if (ask_all(looking, why) != 0)
        return -1;
    if (conclude(looking) != 0) {
        why_set(why, "out of memory");
        return -1;
    }
    if (!is_worth_remembering(looking))
        return 0;
    return store_lookup_put(request->store, request->address, &report->lookup, looking->taken,
                            why) == STORE_OK
               ? 0
               : -1;
}

enum directory_status directory_lookup(const struct directory_request *request,
                                       struct directory_report *report_out, char **why)
{
    struct looking looking = {
        .request = request, .report = report_out, .deadline = deadline_in_ms(request->timeout_ms)};
    int rc;
    *report_out = (struct directory_report){0};
    rc = is_due(request, report_out, why);
    if (rc > 0) {
        looking.taken = sk_X509_new_null();
        if (looking.taken == NULL)
            why_set(why, "out of memory");
        rc = looking.taken != NULL ? look_up(&looking, why) : -1;
        report_out->elapsed_ms = request->timeout_ms - deadline_left_ms(&looking.deadline);
    }
    if (rc < 0)
        report_out->status = DIRECTORY_ERROR;
    sk_X509_pop_free(looking.taken, X509_free);
    store_trust_clear(&looking.trust);
    return report_out->status;
}

int directory_outlook(const struct directory_request *request, char **out, char **why)
{
    struct directory_report report = {0};
    int due = is_due(request, &report, why);
    char *names = NULL;
    *out = NULL;
    if (due > 0)
        names = directory_names(request->settings, request->address);
    if (due > 0 && (names == NULL || asprintf(out, "would be asked: %s", names) < 0)) {
        *out = NULL;
        why_set(why, "out of memory");
        due = -1;
    } else if (due == 0 && report.remembered) {
        *out = directory_sentence(request->address, &report);
    }
    free(names);
    directory_report_clear(&report);
    return due < 0 ? -1 : 0;
}

char *directory_sentence(const char *address, const struct directory_report *report)
{
    const char *when = report->remembered ? ", as remembered" : "";
    const struct lookup *lookup = &report->lookup;
    char *sentence = NULL;
    int length = -1;
    switch (report->status) {
    case DIRECTORY_FOUND:
        length = asprintf(&sentence, "%s: found in %s%s", address, lookup->source, when);
        break;
    case DIRECTORY_NOTHING:
        length = asprintf(&sentence, "%s: nothing%s%s%s", address, *lookup->reason ? ": " : "",
                          lookup->reason, when);
        break;
    case DIRECTORY_UNAVAILABLE:
        length = asprintf(&sentence, "%s: %s cannot be asked: %s%s", address, lookup->source,
                          lookup->reason, when);
        break;
    case DIRECTORY_NEEDLESS:
    case DIRECTORY_ERROR:
        break;
    }
    return length >= 0 ? sentence : NULL;
}

void directory_report_clear(struct directory_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        answer_clear(&report->answers[i]);
    free(report->answers);
    lookup_clear(&report->lookup);
    *report = (struct directory_report){0};
}
