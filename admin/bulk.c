/* Progress and counts of a run over many things. */
#include "bulk.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "table.h"
#include "tell.h"

#define MAX_OUTCOMES 4
#define PROGRESS_MS 100 /* between two looks at the progress */
#define MAX_LISTS 2

struct bulk {
    const char *const *outcomes;
    const char *failure;
    const char *file;
    bool json;
    bool terminal; /* somebody watches */
    bool shown;    /* the progress stands on the last line */
    size_t total;
    size_t counts[MAX_OUTCOMES];
    size_t done; /* without failures */
    size_t failed;
    json_t *failures;
    struct {
        const char *key;
        const char *title;
        json_t *items;
    } lists[MAX_LISTS];
    size_t list_count;
    bool broken; /* out of memory */
    struct timespec last;
};

struct bulk *bulk_new(const struct context *context, const char *const *outcomes,
                      const char *failure, const char *file, size_t total)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    json_t *failures = json_array();
    if (!bulk || !failures) {
        tell_error("out of memory");
        free(bulk);
        json_decref(failures);
        return NULL;
    }
    *bulk = (struct bulk){
        .outcomes = outcomes,
        .failure = failure,
        .file = file,
        .json = context->json,
        .terminal = isatty(STDERR_FILENO) == 1,
        .total = total,
        .failures = failures,
    };
    return bulk;
}

void bulk_free(struct bulk **bulk)
{
    if (*bulk) {
        for (size_t i = 0; i < (*bulk)->list_count; i++) {
            json_decref((*bulk)->lists[i].items);
        }
        json_decref((*bulk)->failures);
        free(*bulk);
        *bulk = NULL;
    }
}

/* ---- Progress ---- */

static void hide_progress(struct bulk *bulk)
{
    if (bulk->shown) {
        fputs("\r\033[K", stderr);
        bulk->shown = false;
    }
}

static void show_progress(struct bulk *bulk)
{
    struct timespec now;
    if (!bulk->terminal) {
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    long since_ms =
        (now.tv_sec - bulk->last.tv_sec) * 1000 + (now.tv_nsec - bulk->last.tv_nsec) / 1000000;
    size_t so_far = bulk->done + bulk->failed;
    if (since_ms < PROGRESS_MS && so_far < bulk->total) {
        return;
    }
    bulk->last = now;
    fprintf(stderr, "\r%zu of %zu, %zu %s", so_far, bulk->total, bulk->failed, bulk->failure);
    fflush(stderr);
    bulk->shown = true;
}

/* ---- What became of a thing ---- */

void bulk_count(struct bulk *bulk, size_t outcome)
{
    bulk->counts[outcome]++;
    bulk->done++;
    show_progress(bulk);
}

void bulk_fail(struct bulk *bulk, size_t line, const char *object, const char *reason)
{
    json_t *failure = json_object();
    if (!failure || json_object_set_new(failure, "address", json_text(object)) ||
        json_object_set_new(failure, "line", line ? json_integer((json_int_t)line) : json_null()) ||
        json_object_set_new(failure, "reason", json_text(reason)) ||
        json_array_append(bulk->failures, failure)) {
        bulk->broken = true;
    }
    json_decref(failure);
    bulk->failed++;
    hide_progress(bulk);
    const char *named = object ? object : "";
    const char *colon = object ? ": " : "";
    if (line) {
        tell_error("%s:%zu: %s%s%s", bulk->file ? bulk->file : "line", line, named, colon, reason);
    } else {
        tell_error("%s%s%s", named, colon, reason);
    }
    show_progress(bulk);
}

void bulk_note(struct bulk *bulk, const char *object, const char *sentence)
{
    hide_progress(bulk);
    tell_note("%s: %s", object, sentence);
}

void bulk_list(struct bulk *bulk, const char *key, const char *title, const char *const *items,
               size_t count)
{
    json_t *list = json_texts((char *const *)(uintptr_t)items, count);
    if (!list || bulk->list_count == MAX_LISTS) {
        json_decref(list);
        bulk->broken = true;
        return;
    }
    bulk->lists[bulk->list_count].key = key;
    bulk->lists[bulk->list_count].title = title;
    bulk->lists[bulk->list_count++].items = list;
}

/* ---- The end ---- */

static int print_json(struct bulk *bulk)
{
    json_t *report = json_object();
    int rc = report ? 0 : -1;
    for (size_t i = 0; !rc && bulk->outcomes[i]; i++) {
        rc = json_object_set_new(report, bulk->outcomes[i],
                                 json_integer((json_int_t)bulk->counts[i]));
    }
    if (!rc) {
        rc = json_object_set_new(report, bulk->failure, json_integer((json_int_t)bulk->failed));
    }
    if (!rc) {
        rc = json_object_set(report, "failures", bulk->failures);
    }
    for (size_t i = 0; !rc && i < bulk->list_count; i++) {
        rc = json_object_set(report, bulk->lists[i].key, bulk->lists[i].items);
    }
    if (rc) {
        json_decref(report);
        return -1;
    }
    return json_write(report, stdout);
}

static int print_text(const struct bulk *bulk)
{
    for (size_t i = 0; bulk->outcomes[i]; i++) {
        printf("%s: %zu\n", bulk->outcomes[i], bulk->counts[i]);
    }
    printf("%s: %zu\n", bulk->failure, bulk->failed);
    for (size_t i = 0; i < bulk->list_count; i++) {
        for (size_t k = 0; k < json_array_size(bulk->lists[i].items); k++) {
            printf("%s: ", bulk->lists[i].title);
            tell_text(stdout, json_string_value(json_array_get(bulk->lists[i].items, k)));
            putchar('\n');
        }
    }
    return ferror(stdout) || fflush(stdout) == EOF ? -1 : 0;
}

int bulk_finish(struct bulk **bulk)
{
    hide_progress(*bulk);
    int code = exit_code_of((*bulk)->done, (*bulk)->failed);
    if ((*bulk)->broken || ((*bulk)->json ? print_json(*bulk) : print_text(*bulk))) {
        tell_error("the report cannot be written");
        code = code == EXIT_DONE ? EXIT_REFUSED : code;
    }
    bulk_free(bulk);
    return code;
}
