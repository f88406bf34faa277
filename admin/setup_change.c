/* Changes of main.cf and master.cf: shown as their lines, made by postconf, which keeps comments
 * and order. */
#include "setup_change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_replace.h"
#include "program.h"
#include "table.h"
#include "tell.h"
#include "text_file.h"
#include "why.h"

#define POSTCONF_TIMEOUT_S 30
#define MAX_COPIES 100 /* of one second */

static const char *const files[] = {"main.cf", "master.cf"};
#define FILE_COUNT (sizeof files / sizeof *files)

/* ---- the list ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static int replace(char **text, const char *by)
{
    char *copy = strdup(by);
    if (!copy) {
        return -1;
    }
    free(*text);
    *text = copy;
    return 0;
}

int changes_add(struct change_list *changes, const char *service, const char *name,
                const char *value, const char *was)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->items[i];
        if (same_text(change->service, service) && same_text(change->name, name)) {
            return replace(&change->value, value);
        }
    }
    struct change *items = reallocarray(changes->items, changes->count + 1, sizeof *items);
    if (!items) {
        return -1;
    }
    changes->items = items;
    struct change *added = &items[changes->count++];
    *added =
        (struct change){service ? strdup(service) : NULL, strdup(name), strdup(value), strdup(was)};
    return (!service || added->service) && added->name && added->value && added->was ? 0 : -1;
}

int changes_add_service(struct change_list *changes, const char *label, const char *line)
{
    struct change *items = reallocarray(changes->items, changes->count + 1, sizeof *items);
    if (!items) {
        return -1;
    }
    changes->items = items;
    struct change *added = &items[changes->count++];
    *added = (struct change){.service = strdup(label), .value = strdup(line)};
    return added->service && added->value ? 0 : -1;
}

void changes_clear(struct change_list *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->items[i].service);
        free(changes->items[i].name);
        free(changes->items[i].value);
        free(changes->items[i].was);
    }
    free(changes->items);
    *changes = (struct change_list){0};
}

/* ---- showing ---- */

/* The line of a service, with each of its parameters on one of its own. */
static void print_service(const char *line)
{
    const char *option;
    fputs("    ", stdout);
    while ((option = strstr(line, " -o ")) != NULL) {
        printf("%.*s\n      ", (int)(option - line), line);
        line = option + 1;
    }
    printf("%s\n", line);
}

static void print_file(const struct change_list *changes, const char *directory, bool master)
{
    const char *service = NULL;
    bool begun = false;
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        if ((change->service != NULL) != master) {
            continue;
        }
        if (!begun) {
            printf("%s/%s:\n", directory, files[master]);
            begun = true;
        }
        if (!master) {
            printf("    %s = %s\n", change->name, change->value);
            continue;
        }
        if (!change->name) {
            print_service(change->value);
            continue;
        }
        if (!same_text(service, change->service)) {
            service = change->service;
            printf("    %s:\n", service);
        }
        printf("      -o %s=%s\n", change->name, change->value);
    }
}

void changes_print(const struct change_list *changes, const char *directory)
{
    print_file(changes, directory, false);
    print_file(changes, directory, true);
}

json_t *changes_json(const struct change_list *changes)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        json_t *object = json_object();
        int failed = json_object_set_new(object, "service", json_text(change->service));
        failed |= json_object_set_new(object, "parameter", json_text(change->name));
        failed |= json_object_set_new(object, "value", json_text(change->value));
        failed |= json_object_set_new(object, "was", json_text(change->was));
        if (failed | json_array_append_new(array, object)) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* ---- copies ---- */

struct copy {
    char *path;
    char *backup;
    struct text_file text;
};

/* Write `text` to a new file with owner, group and mode of `path`. Returns 0, or an errno value. */
static int write_copy(const char *path, const char *backup, const struct text_file *text)
{
    struct stat status;
    int error = 0;
    int out = open(backup, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) {
        return errno;
    }
    ssize_t written = write(out, text->text, text->length);
    if (written != (ssize_t)text->length) {
        error = written < 0 ? errno : ENOSPC;
    } else if (stat(path, &status) || fchown(out, status.st_uid, status.st_gid) ||
               fchmod(out, status.st_mode & 07777) || fsync(out)) {
        error = errno;
    }
    if (close(out) && !error) {
        error = errno;
    }
    if (error) {
        unlink(backup);
    }
    return error;
}

/* Copy a file to one beside it whose name has the time and, should that exist, a number. */
static int make_copy(struct copy *copy, const char *directory, const char *file, time_t now,
                     char **why)
{
    char stamp[sizeof "20260102T030405Z"];
    struct tm utc;
    int error = EEXIST;
    if (!gmtime_r(&now, &utc) || !strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc) ||
        asprintf(&copy->path, "%s/%s", directory, file) < 0) {
        copy->path = NULL;
        why_set(why, "out of memory");
        return -1;
    }
    if (text_file_read(copy->path, &copy->text, why)) {
        return -1;
    }
    for (int number = 1; error == EEXIST && number <= MAX_COPIES; number++) {
        free(copy->backup);
        int length = number == 1 ? asprintf(&copy->backup, "%s.%s", copy->path, stamp)
                                 : asprintf(&copy->backup, "%s.%s-%d", copy->path, stamp, number);
        if (length < 0) {
            copy->backup = NULL;
            why_set(why, "out of memory");
            return -1;
        }
        error = write_copy(copy->path, copy->backup, &copy->text);
    }
    if (error) {
        why_set(why, "%s cannot be written: %s", copy->backup, strerror(error));
        return -1;
    }
    return 0;
}

/* Back to what it was. */
static int restore(const struct copy *copy, char **why)
{
    struct text_file now = {0};
    if (text_file_read(copy->path, &now, why)) {
        return -1;
    }
    struct replacement replacement = {.path = copy->path,
                                      .before = now.text,
                                      .before_length = now.length,
                                      .after = copy->text.text,
                                      .after_length = copy->text.length};
    int rc = file_replace(&replacement, why);
    text_file_clear(&now);
    return rc;
}

/* ---- postconf ---- */

/* What postconf is called with, for each kind of change. */
enum call { CALL_MAIN, CALL_SERVICE, CALL_OVERRIDE };
static const char *const call_options[] = {"-e", "-M", "-P"};

static enum call call_of(const struct change *change)
{
    if (!change->service) {
        return CALL_MAIN;
    }
    return change->name ? CALL_OVERRIDE : CALL_SERVICE;
}

/* A change as postconf takes it: a new string, NULL when out of memory. */
static char *argument_of(const struct change *change)
{
    char *text = NULL;
    int length = 0;
    switch (call_of(change)) {
    case CALL_MAIN:
        length = asprintf(&text, "%s=%s", change->name, change->value);
        break;
    case CALL_SERVICE:
        length = asprintf(&text, "%s=%s", change->service, change->value);
        break;
    case CALL_OVERRIDE:
        length = asprintf(&text, "%s/%s=%s", change->service, change->name, change->value);
        break;
    }
    return length < 0 ? NULL : text;
}

/* One call for all changes of a kind. */
static int run_postconf(const struct change_list *changes, const char *directory, enum call call,
                        FILE *log, char **why)
{
    const char **arguments = calloc(changes->count + 5, sizeof *arguments);
    char **texts = calloc(changes->count + 1, sizeof *texts);
    struct text_file out = {0};
    size_t count = 0;
    int rc = -1;
    if (!arguments || !texts) {
        why_set(why, "out of memory");
        goto out;
    }
    arguments[0] = "postconf";
    arguments[1] = "-c";
    arguments[2] = directory;
    arguments[3] = call_options[call];
    for (size_t i = 0; i < changes->count; i++) {
        if (call_of(&changes->items[i]) != call) {
            continue;
        }
        texts[count] = argument_of(&changes->items[i]);
        if (!texts[count]) {
            why_set(why, "out of memory");
            goto out;
        }
        arguments[4 + count] = texts[count];
        fprintf(log, "postconf -c %s %s '%s'\n", directory, call_options[call], texts[count]);
        count++;
    }
    rc = count > 0 ? program_run(arguments, POSTCONF_TIMEOUT_S, &out, why) : 0;
out:
    for (size_t i = 0; texts && i < count; i++) {
        free(texts[i]);
    }
    free(texts);
    free(arguments);
    text_file_clear(&out);
    return rc;
}

int changes_apply(const struct change_list *changes, const char *directory, time_t now, FILE *log,
                  char **why)
{
    struct copy copies[FILE_COUNT] = {0};
    char *restored = NULL;
    int rc = -1;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (make_copy(&copies[i], directory, files[i], now, why)) {
            goto out;
        }
        fprintf(log, "%s is kept as %s\n", copies[i].path, copies[i].backup);
    }
    if (run_postconf(changes, directory, CALL_MAIN, log, why) == 0 &&
        run_postconf(changes, directory, CALL_SERVICE, log, why) == 0 &&
        run_postconf(changes, directory, CALL_OVERRIDE, log, why) == 0) {
        rc = 0;
        goto out;
    }
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (restore(&copies[i], &restored)) {
            why_prefix(why, "%s was not restored (%s), take %s", copies[i].path,
                       why_text(&restored), copies[i].backup);
        }
    }
out:
    for (size_t i = 0; i < FILE_COUNT; i++) {
        free(copies[i].path);
        free(copies[i].backup);
        text_file_clear(&copies[i].text);
    }
    why_free(&restored);
    return rc;
}
