/* Lists of milters, and the forms of their addresses. */
#include "milter_list.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t\r\n"

/* By a word in the address or by the port that the program has in Debian. */
static const struct {
    const char *word;
    enum milter_kind kind;
} known_milters[] = {
    {"rspamd", MILTER_BOTH},         {":11332", MILTER_BOTH},    {"dmarc", MILTER_VERIFIER},
    {":8893", MILTER_VERIFIER},      {"spf", MILTER_VERIFIER},   {"dkim", MILTER_SIGNER},
    {":8891", MILTER_SIGNER},        {"openarc", MILTER_SIGNER}, {"clam", MILTER_SCANNER},
    {"spamass", MILTER_SCANNER},     {"amavis", MILTER_SCANNER}, {"mimedefang", MILTER_SCANNER},
    {"mailscanner", MILTER_SCANNER},
};

static enum milter_kind kind_of(const char *address)
{
    for (size_t i = 0; i < sizeof known_milters / sizeof *known_milters; i++) {
        const char *word = known_milters[i].word;
        size_t length = strlen(word), whole = strlen(address);
        bool found = *word == ':' ? whole > length && !strcmp(address + whole - length, word)
                                  : strcasestr(address, word) != NULL;
        if (found) {
            return known_milters[i].kind;
        }
    }
    return MILTER_OTHER;
}

/* ---- addresses ---- */

/* "/a//b/./c" as "/a/b/c", in place. */
static void tidy_path(char *path)
{
    char *put = path;
    for (const char *at = path; *at;) {
        if (at[0] == '/' && (at[1] == '/' || (at[1] == '.' && (at[2] == '/' || !at[2])))) {
            at += at[1] == '/' ? 1 : 2;
            continue;
        }
        *put++ = *at++;
    }
    *put = '\0';
}

static char *unix_address(const char *path)
{
    char *address = NULL;
    if (asprintf(&address, "unix:%s", path) < 0) {
        return NULL;
    }
    tidy_path(address + strlen("unix:"));
    return address;
}

/* "inet:host:port" with the names of this machine as one. */
static char *inet_address(const char *host, size_t length, const char *port)
{
    char *address = NULL;
    if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == strlen("localhost") && !strncasecmp(host, "localhost", length)) {
        host = "127.0.0.1";
        length = strlen(host);
    }
    if (asprintf(&address, "inet:%.*s:%s", (int)length, host, port) < 0) {
        return NULL;
    }
    for (char *p = address; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return address;
}

/* An address as Postfix has it. */
static char *postfix_address(const char *text, const char *queue_directory)
{
    char *path = NULL, *address = NULL;
    if (!strncmp(text, "unix:", 5) || !strncmp(text, "local:", 6)) {
        const char *name = strchr(text, ':') + 1;
        if (*name == '/') {
            return unix_address(name);
        }
        if (asprintf(&path, "%s/%s", queue_directory, name) >= 0) {
            address = unix_address(path);
            free(path);
        }
        return address;
    }
    const char *host = !strncmp(text, "inet:", 5) ? text + 5 : text;
    const char *colon = strrchr(host, ':');
    return colon ? inet_address(host, (size_t)(colon - host), colon + 1) : strdup(text);
}

char *milter_address(const char *socket)
{
    const char *colon = strchr(socket, ':');
    if (!colon || !strncmp(socket, "unix:", 5) || !strncmp(socket, "local:", 6)) {
        return unix_address(colon ? colon + 1 : socket);
    }
    const char *at = strchr(colon, '@');
    if (!at) {
        return strdup(socket);
    }
    char *port = strndup(colon + 1, (size_t)(at - colon - 1));
    char *address = port ? inet_address(at + 1, strlen(at + 1), port) : NULL;
    free(port);
    return address;
}

/* The part of a path below the queue directory, NULL when it is elsewhere. */
static const char *below(const char *address, const char *queue_directory)
{
    size_t length = strlen(queue_directory);
    const char *path = address + strlen("unix:");
    if (strncmp(address, "unix:", 5) != 0 || strncmp(path, queue_directory, length) != 0 ||
        path[length] != '/') {
        return NULL;
    }
    return path + length + 1;
}

char *milter_text(const char *address, const char *queue_directory)
{
    const char *inside = below(address, queue_directory);
    char *text = NULL;
    if (!inside && !strncmp(address, "inet:", 5) &&
        strchr(address + 5, ':') != strrchr(address, ':')) {
        const char *port = strrchr(address, ':'); /* IPv6 */
        return asprintf(&text, "inet:[%.*s]%s", (int)(port - address - 5), address + 5, port) < 0
                   ? NULL
                   : text;
    }
    if (!inside) {
        return strdup(address);
    }
    return asprintf(&text, "unix:%s", inside) < 0 ? NULL : text;
}

char *milter_address_in_jail(const char *address, const char *queue_directory)
{
    char *jailed = NULL;
    if (strncmp(address, "unix:", 5) != 0) {
        return strdup(address);
    }
    return asprintf(&jailed, "unix:%s%s", queue_directory, address + 5) < 0 ? NULL : jailed;
}

bool milter_out_of_jail(const char *address, const char *queue_directory)
{
    return !strncmp(address, "unix:", 5) && !below(address, queue_directory);
}

/* ---- lists ---- */

/* The value of `default_action` in what follows the name in braces: a new string. *out is NULL if
 * there is none. */
static int own_action(const char *options, char **out)
{
    const char *name = strstr(options, "default_action");
    const char *value = name ? name + strlen("default_action") : NULL;
    *out = NULL;
    if (!value) {
        return 0;
    }
    value += strspn(value, " \t=");
    *out = strndup(value, strcspn(value, ", \t}"));
    return *out ? 0 : -1;
}

static int add_milter(struct milter_list *list, const char *text, size_t length,
                      const char *queue_directory)
{
    struct milter *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items) {
        return -1;
    }
    list->items = items;
    struct milter *added = &items[list->count++];
    *added = (struct milter){.text = strndup(text, length)};
    if (!added->text) {
        return -1;
    }
    const char *name = added->text + (*added->text == '{');
    name += strspn(name, SEPARATORS);
    char *bare = strndup(name, strcspn(name, SEPARATORS "}"));
    added->address = bare ? postfix_address(bare, queue_directory) : NULL;
    added->absolute = bare && strstr(bare, ":/");
    free(bare);
    if (!added->address || (*added->text == '{' && own_action(added->text, &added->action))) {
        return -1;
    }
    added->kind = kind_of(added->address);
    return 0;
}

int milter_list_parse(const char *value, const char *queue_directory, struct milter_list *out)
{
    struct milter_list list = {0};
    const char *at = value + strspn(value, SEPARATORS);
    while (*at) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        size_t length = end ? (size_t)(end - at) + 1 : strcspn(at, SEPARATORS);
        if (add_milter(&list, at, length, queue_directory)) {
            milter_list_clear(&list);
            return -1;
        }
        at += length;
        at += strspn(at, SEPARATORS);
    }
    *out = list;
    return 0;
}

void milter_list_compact(char *value)
{
    char *put = value;
    for (const char *at = value; *at;) {
        size_t gap = strspn(at, SEPARATORS);
        if (gap == 0) {
            *put++ = *at++;
            continue;
        }
        at += gap;
        if (put > value && *at && !strchr("{=", put[-1]) && !strchr("}=", *at)) {
            *put++ = ',';
        }
    }
    *put = '\0';
}

void milter_list_clear(struct milter_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].text);
        free(list->items[i].address);
        free(list->items[i].action);
    }
    free(list->items);
    *list = (struct milter_list){0};
}
