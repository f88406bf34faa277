/* postconf is asked three times: for main.cf, for the services, for what they override. */
#include "postconf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "why.h"

#define POSTCONF_TIMEOUT_S 30
#define MASTER_COLUMNS 8

/* "smtpd_milters = ..." or "submission/inet/smtpd_milters = ..." */
struct parameter {
    char *name;
    char *value;
};

struct parameters {
    struct parameter *items; /* sorted by name */
    size_t count;
};

struct postfix {
    char *directory;
    struct parameters main;
    struct parameters overrides;
    struct postfix_service *services;
    size_t service_count;
};

/* ---- lists of parameters ---- */

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *first = a, *second = b;
    return strcmp(first->name, second->name);
}

static void parameters_clear(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        free(parameters->items[i].name);
        free(parameters->items[i].value);
    }
    free(parameters->items);
    *parameters = (struct parameters){0};
}

static int add_parameter(struct parameters *parameters, const char *name, const char *value)
{
    struct parameter *items = reallocarray(parameters->items, parameters->count + 1, sizeof *items);
    if (!items) {
        return -1;
    }
    parameters->items = items;
    struct parameter *added = &items[parameters->count++];
    *added = (struct parameter){strdup(name), strdup(value)};
    return added->name && added->value ? 0 : -1;
}

static const char *parameters_find(const struct parameters *parameters, const char *name)
{
    struct parameter wanted = {(char *)(uintptr_t)name, NULL};
    const struct parameter *found = NULL;
    if (parameters->count > 0) {
        found = bsearch(&wanted, parameters->items, parameters->count, sizeof wanted,
                        compare_parameters);
    }
    return found ? found->value : NULL;
}

/* Lines "name = value", which postconf writes. Changes `text`. Returns 0, -1 out of memory. */
static int read_parameters(char *text, struct parameters *out)
{
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *equals = strchr(line, '=');
        if (!equals) {
            continue;
        }
        char *value = equals + 1 + strspn(equals + 1, " \t");
        while (equals > line && isspace((unsigned char)equals[-1])) {
            equals--;
        }
        *equals = '\0';
        if (add_parameter(out, line, value)) {
            return -1;
        }
    }
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare_parameters);
    }
    return 0;
}

/* ---- services ---- */

/* One line of `postconf -M`: name, type, private, unprivileged, chroot, wakeup, processes, command
 * (master(5)). Changes the line. Returns 0, -1 out of memory. */
static int read_service(char *line, struct postfix *postfix)
{
    char *columns[MASTER_COLUMNS], *rest = line;
    size_t count = 0;
    while (count < MASTER_COLUMNS && rest) {
        char *column = strsep(&rest, " \t");
        if (*column) {
            columns[count++] = column;
        }
    }
    if (count < MASTER_COLUMNS) {
        return 0;
    }
    struct postfix_service *services =
        reallocarray(postfix->services, postfix->service_count + 1, sizeof *services);
    if (!services) {
        return -1;
    }
    postfix->services = services;
    struct postfix_service *added = &services[postfix->service_count++];
    *added = (struct postfix_service){strdup(columns[0]), strdup(columns[1]), strdup(columns[4]),
                                      strdup(columns[7])};
    return added->name && added->type && added->chroot && added->command ? 0 : -1;
}

static int read_services(char *text, struct postfix *postfix)
{
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (read_service(line, postfix)) {
            return -1;
        }
    }
    return 0;
}

/* ---- postconf ---- */

static int ask(const char *directory, const char *option, struct text_file *out, char **why)
{
    const char *const arguments[] = {"postconf", "-c", directory, option, NULL};
    return program_run(arguments, POSTCONF_TIMEOUT_S, out, why);
}

static int read_all(struct postfix *postfix, char **why)
{
    struct text_file main = {0}, services = {0}, overrides = {0};
    int rc = -1;
    if (ask(postfix->directory, "-x", &main, why) ||
        ask(postfix->directory, "-M", &services, why) ||
        ask(postfix->directory, "-Px", &overrides, why)) {
        goto out;
    }
    if (read_parameters(main.text, &postfix->main) || read_services(services.text, postfix) ||
        read_parameters(overrides.text, &postfix->overrides)) {
        why_set(why, "out of memory");
        goto out;
    }
    rc = 0;
out:
    text_file_clear(&main);
    text_file_clear(&services);
    text_file_clear(&overrides);
    return rc;
}

int postfix_read(const char *directory, struct postfix **out, char **why)
{
    struct postfix *postfix = calloc(1, sizeof *postfix);
    if (!postfix || !(postfix->directory = strdup(directory))) {
        why_set(why, "out of memory");
        free(postfix);
        return -1;
    }
    if (read_all(postfix, why)) {
        postfix_free(&postfix);
        return -1;
    }
    *out = postfix;
    return 0;
}

void postfix_free(struct postfix **postfix)
{
    if (!*postfix) {
        return;
    }
    for (size_t i = 0; i < (*postfix)->service_count; i++) {
        struct postfix_service *service = &(*postfix)->services[i];
        free(service->name);
        free(service->type);
        free(service->chroot);
        free(service->command);
    }
    free((*postfix)->services);
    parameters_clear(&(*postfix)->main);
    parameters_clear(&(*postfix)->overrides);
    free((*postfix)->directory);
    free(*postfix);
    *postfix = NULL;
}

const char *postfix_directory(const struct postfix *postfix)
{
    return postfix->directory;
}

const char *postfix_main(const struct postfix *postfix, const char *name)
{
    const char *value = parameters_find(&postfix->main, name);
    return value ? value : "";
}

size_t postfix_service_count(const struct postfix *postfix)
{
    return postfix->service_count;
}

const struct postfix_service *postfix_service(const struct postfix *postfix, size_t index)
{
    return &postfix->services[index];
}

const char *postfix_override(const struct postfix *postfix, const struct postfix_service *service,
                             const char *name)
{
    /* Compared piece by piece, because no key can be made without memory. */
    size_t name_length = strlen(service->name), type_length = strlen(service->type);
    for (size_t i = 0; i < postfix->overrides.count; i++) {
        const char *key = postfix->overrides.items[i].name;
        if (!strncmp(key, service->name, name_length) && key[name_length] == '/' &&
            !strncmp(key + name_length + 1, service->type, type_length) &&
            key[name_length + 1 + type_length] == '/' &&
            !strcmp(key + name_length + type_length + 2, name)) {
            return postfix->overrides.items[i].value;
        }
    }
    return NULL;
}

const char *postfix_value(const struct postfix *postfix, const struct postfix_service *service,
                          const char *name)
{
    const char *value = postfix_override(postfix, service, name);
    return value ? value : postfix_main(postfix, name);
}

/* ---- values ---- */

bool postfix_is_yes(const char *value)
{
    return !strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcmp(value, "1");
}

long long postfix_number(const char *value)
{
    char *end = NULL;
    errno = 0;
    long long number = isdigit((unsigned char)*value) ? strtoll(value, &end, 10) : -1;
    return number < 0 || errno || *end ? -1 : number;
}

long long postfix_seconds(const char *value)
{
    static const struct {
        char unit;
        int seconds;
    } units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    char *end = NULL;
    errno = 0;
    long long number = isdigit((unsigned char)*value) ? strtoll(value, &end, 10) : -1;
    if (number < 0 || errno || number > INT_MAX || (*end && end[1])) {
        return -1;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].unit == tolower((unsigned char)*end)) {
            return number * units[i].seconds;
        }
    }
    return -1;
}
