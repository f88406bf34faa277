/* smimectl mailbox enroll, renew: certificates from a CA by CMP. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bulk.h"
#include "command.h"
#include "enrol.h"
#include "mailbox_commands.h"
#include "mailbox_file.h"
#include "mailbox_listing.h"
#include "mailbox_targets.h"
#include "tell.h"
#include "why.h"

#define MAX_WAIT_S (7 * 24 * 60 * 60)

enum { ACTIVATED, WAITING, UNCHANGED };
static const char *const outcomes[] = {"activated", "waiting", "unchanged", NULL};
static const char *const failed = "failed";

/* One mailbox of a run. */
struct job {
    const char *word; /* as it was given */
    size_t line;      /* of the file; 0: none */
    char *address;    /* canonical; NULL: `reason` */
    bool pending;     /* begun, and not decided */
    bool asked;       /* the CA was, by us */
    char *reason;
};

struct job_list {
    struct job *items;
    size_t count;
};

struct run {
    struct context *context;
    bool renew;
    long wait_s; /* -1: not given */
    time_t deadline;
    struct bulk *bulk;
    struct job_list jobs;
    size_t waiting;
};

/* ---- The command line ---- */

static int read_wait(struct run *run)
{
    const char *text = argument_value(run->context->arguments, OPTION_WAIT);
    char *end = NULL;
    run->wait_s = -1;
    if (!text) {
        return 0;
    }
    run->wait_s = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || run->wait_s > MAX_WAIT_S) {
        tell_error("--wait takes seconds, 0 to %d", MAX_WAIT_S);
        return -1;
    }
    return 0;
}

static void jobs_clear(struct job_list *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        free(jobs->items[i].address);
        why_free(&jobs->items[i].reason);
    }
    free(jobs->items);
    *jobs = (struct job_list){NULL, 0};
}

static int make_jobs(struct job_list *jobs, size_t count)
{
    jobs->items = calloc(count + 1, sizeof *jobs->items);
    if (!jobs->items) {
        tell_error("out of memory");
        return -1;
    }
    jobs->count = count;
    return 0;
}

/* Take over what `from` has. */
static void take(char **to, char **from)
{
    *to = *from;
    *from = NULL;
}

static int jobs_of_words(struct run *run)
{
    struct target_list targets = {NULL, 0};
    int rc = targets_expand(run->context, run->context->words, run->context->word_count, &targets);
    if (rc == 0) {
        rc = make_jobs(&run->jobs, targets.count);
    }
    for (size_t i = 0; rc == 0 && i < targets.count; i++) {
        run->jobs.items[i].word = targets.items[i].word;
        take(&run->jobs.items[i].address, &targets.items[i].address);
        take(&run->jobs.items[i].reason, &targets.items[i].reason);
    }
    target_list_clear(&targets);
    return rc;
}

static int jobs_of_file(struct run *run, const char *path)
{
    struct mailbox_file file = {0};
    char *why = NULL;
    int rc = mailbox_file_read(path, &file, &why);
    if (rc) {
        tell_error("%s: %s", path, why_text(&why));
    } else {
        rc = make_jobs(&run->jobs, file.count);
    }
    for (size_t i = 0; rc == 0 && i < file.count; i++) {
        run->jobs.items[i].line = file.rows[i].line;
        take(&run->jobs.items[i].address, &file.rows[i].address);
        take(&run->jobs.items[i].reason, &file.rows[i].reason);
    }
    mailbox_file_clear(&file);
    why_free(&why);
    return rc;
}

/* ---- Beginning ---- */

/* The CA that is asked for a new certificate. NULL with a sentence. */
static const struct cmp_setting *choose_ca(const struct context *context, const char *address,
                                           char **why)
{
    const struct settings *settings = &context->config->settings;
    const char *name = argument_value(context->arguments, OPTION_CA);
    const struct cmp_setting *ca =
        name ? enrol_ca_named(settings, name) : enrol_ca_for(settings, address);
    if (!ca && settings->cmp_count == 0) {
        why_set(why, "the configuration names no CA: see cmp in smimed.conf(5)");
    } else if (!ca && name) {
        why_set(why, "the configuration names no CA \"%s\"", name);
    } else if (!ca) {
        why_set(why, "no CA of the configuration issues for it");
    }
    return ca;
}

/* The CA that the certificate that signs came from. NULL with a sentence. */
static const struct cmp_setting *former_ca(struct context *context, const struct mailbox *mailbox,
                                           enum enrolment_kind *kind_out, char **why)
{
    struct enrolled_list list = {NULL, 0};
    const struct cmp_setting *ca = NULL;
    const struct enrolled *found = NULL;
    if (store_enrolled_list(context->store, mailbox->address, &list, why) != STORE_OK) {
        return NULL;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].certificate_id == mailbox->certificate_id) {
            found = &list.items[i];
        }
    }
    if (!found) {
        why_set(why, "the certificate that it signs with did not come by CMP; a CA is asked for a "
                     "new one by: smimectl mailbox enroll --replace");
    } else if (found->revoked) {
        why_set(why, "its certificate was revoked; a new one is asked for by: smimectl mailbox "
                     "enroll");
    } else {
        ca = enrol_ca_named(&context->config->settings, found->ca);
        *kind_out = found->expires > context->now ? ENROLMENT_UPDATE : ENROLMENT_NEW;
        if (!ca) {
            why_set(why, "there is no CA \"%s\" in the configuration any more", found->ca);
        }
    }
    enrolled_list_clear(&list);
    return ca;
}

/* *unchanged_out: there was nothing to do. Returns 0, or -1 with a sentence. */
static int begin_mailbox(struct run *run, const struct mailbox *mailbox, bool *unchanged_out,
                         char **why)
{
    struct context *context = run->context;
    enum enrolment_kind kind = ENROLMENT_NEW;
    *unchanged_out = !run->renew && mailbox->state == MAILBOX_ACTIVE &&
                     !argument_given(context->arguments, OPTION_REPLACE);
    if (*unchanged_out) {
        return 0;
    }
    if (mailbox->requested) {
        why_set(why,
                "a request is pending already; it is given up by: smimectl mailbox request %s "
                "--withdraw",
                mailbox->address);
        return -1;
    }
    const struct cmp_setting *ca = run->renew ? former_ca(context, mailbox, &kind, why)
                                              : choose_ca(context, mailbox->address, why);
    if (!ca) {
        return -1;
    }
    return enrol_begin(context->store, &context->config->settings, ca, mailbox->address, kind,
                       time(NULL), why) == STORE_OK
               ? 0
               : -1;
}

static void fail(struct run *run, struct job *job, char *const *why)
{
    job->pending = false;
    bulk_fail(run->bulk, job->line, job->address ? job->address : job->word, why_text(why));
}

static void begin(struct run *run, struct job *job)
{
    struct mailbox *mailbox = NULL;
    char *why = NULL;
    bool unchanged = false;
    enum store_status status = STORE_REFUSED;
    if (!job->address) {
        fail(run, job, &job->reason);
        return;
    }
    if (context_manages(run->context, job->address)) {
        status = store_mailbox_find(run->context->store, job->address, &mailbox, &why);
    } else {
        why_set(&why, "%s is not in a managed domain", job->address);
    }
    if (status == STORE_NONE) {
        why_set(&why, "there is no mailbox %s", job->address);
    }
    if (status != STORE_OK || begin_mailbox(run, mailbox, &unchanged, &why) != 0) {
        fail(run, job, &why);
    } else if (unchanged) {
        bulk_count(run->bulk, UNCHANGED);
    } else {
        job->pending = true;
    }
    mailbox_free(&mailbox);
    why_free(&why);
}

/* ---- Asking ---- */

/* Somebody else may have got further with it: the daemon. `why` may be what we know. */
static void look(struct run *run, struct job *job, char **why)
{
    struct enrolment enrolment = {0};
    struct mailbox *mailbox = NULL;
    struct store *store = run->context->store;
    enum store_status status = store_enrolment_find(store, job->address, &enrolment, why);
    if (status == STORE_OK && enrolment.phase == ENROLMENT_FAILED) {
        why_set(why, "%s", enrolment.error);
        fail(run, job, why);
    } else if (status == STORE_NONE) {
        status = store_mailbox_find(store, job->address, &mailbox, why);
        job->pending = false;
        if (status == STORE_OK && mailbox->state == MAILBOX_ACTIVE && mailbox->requested == 0) {
            bulk_count(run->bulk, ACTIVATED);
        } else {
            why_set(why, "its request was withdrawn meanwhile");
            fail(run, job, why);
        }
    } else if (status == STORE_ERROR) {
        fail(run, job, why);
    }
    mailbox_free(&mailbox);
    enrolment_clear(&enrolment);
}

static bool is_due(struct run *run, const struct job *job)
{
    struct enrolment enrolment = {0};
    bool due =
        store_enrolment_find(run->context->store, job->address, &enrolment, NULL) != STORE_OK ||
        enrolment.phase == ENROLMENT_FAILED || enrolment.next_attempt <= time(NULL);
    enrolment_clear(&enrolment);
    return due;
}

static void ask(struct run *run, struct job *job)
{
    char *why = NULL;
    job->asked = true;
    switch (enrol_step(run->context->store, &run->context->config->settings, job->address,
                       time(NULL), &why)) {
    case ENROL_ACTIVE:
        job->pending = false;
        bulk_count(run->bulk, ACTIVATED);
        break;
    case ENROL_FAILED:
        fail(run, job, &why);
        break;
    case ENROL_RETRY:
    case ENROL_ERROR:
        bulk_note(run->bulk, job->address, why_text(&why));
        break;
    case ENROL_WAITING:
        break;
    case ENROL_NONE:
        look(run, job, &why);
        break;
    }
    why_free(&why);
}

static size_t ask_all(struct run *run, bool first)
{
    size_t pending = 0;
    for (size_t i = 0; i < run->jobs.count; i++) {
        struct job *job = &run->jobs.items[i];
        if (job->pending && (first || is_due(run, job))) {
            ask(run, job);
        }
        pending += job->pending;
    }
    return pending;
}

/* Ask once, and then again when each is due, as long as --wait says. */
static void ask_until_deadline(struct run *run)
{
    size_t pending = 0;
    if (run->wait_s != 0) {
        pending = ask_all(run, true);
    }
    while (pending > 0 && run->wait_s > 0 && time(NULL) < run->deadline) {
        sleep(1);
        pending = ask_all(run, false);
    }
    for (size_t i = 0; i < run->jobs.count; i++) {
        if (run->jobs.items[i].pending) {
            run->waiting++;
            bulk_count(run->bulk, WAITING);
        }
    }
}

/* ---- The end ---- */

static int finish(struct run *run)
{
    int code = bulk_finish(&run->bulk);
    if (run->waiting > 0 && code == EXIT_DONE) {
        tell_note("the CA has not decided on %zu of them: the daemon asks again, and "
                  "\"smimectl mailbox enrolments\" shows how far it is",
                  run->waiting);
        return run->wait_s > 0 ? EXIT_DEFERRED : EXIT_DONE;
    }
    return code;
}

static int start(struct run *run)
{
    const char *path = argument_value(run->context->arguments, OPTION_FROM_FILE);
    if (path ? jobs_of_file(run, path) : jobs_of_words(run)) {
        return EXIT_REFUSED;
    }
    run->bulk = bulk_new(run->context, outcomes, failed, path, run->jobs.count);
    if (!run->bulk) {
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < run->jobs.count; i++) {
        begin(run, &run->jobs.items[i]);
    }
    ask_until_deadline(run);
    return finish(run);
}

static int run_command(struct context *context, bool renew)
{
    struct run run = {.context = context, .renew = renew};
    bool file = argument_given(context->arguments, OPTION_FROM_FILE);
    if (file == (context->word_count > 0)) {
        tell_error("either addresses are needed, or --from-file FILE");
        return EXIT_USAGE;
    }
    if (read_wait(&run)) {
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    run.deadline = time(NULL) + (run.wait_s > 0 ? run.wait_s : 0);
    int code = start(&run);
    jobs_clear(&run.jobs);
    return code;
}

int mailbox_enroll(struct context *context)
{
    return run_command(context, false);
}

int mailbox_renew(struct context *context)
{
    return run_command(context, true);
}
