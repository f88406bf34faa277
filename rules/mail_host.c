/* Servers that mail programs are told of, and login names. */
#include "mail_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "why.h"

#define MAX_PORT 65535
#define MAX_PORT_DIGITS 5

static const struct {
    int tls_port;
    int start_tls_port; /* 0: TLS is never started by a command */
} ports[] = {
    [MAIL_HOST_IMAP] = {993, 143},
    [MAIL_HOST_POP3] = {995, 110},
    [MAIL_HOST_SUBMISSION] = {465, 587},
    [MAIL_HOST_ACTIVESYNC] = {443, 0},
};

/* -1 when `text` is none. */
static int parse_port(const char *text, size_t length)
{
    int port = 0;

    if (length == 0 || length > MAX_PORT_DIGITS)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        port = port * 10 + (text[i] - '0');
    }
    return port > 0 && port <= MAX_PORT ? port : -1;
}

/* How TLS begins: 1 by a command, 0 at once, -1 with *why. */
static int parse_start(enum mail_host_service service, const char *word, int port, char **why)
{
    if (*word == '\0' && port == ports[service].tls_port)
        return 0;
    if (*word == '\0' && port == ports[service].start_tls_port)
        return 1;
    if (strcmp(word, "tls") == 0)
        return 0;
    if (strcmp(word, "starttls") == 0 && ports[service].start_tls_port != 0)
        return 1;
    if (*word == '\0')
        why_set(why, "how TLS begins on port %d has to be said: \"tls\"%s", port,
                ports[service].start_tls_port != 0 ? " or \"starttls\"" : "");
    else
        why_set(why, "\"%s\" is not%s \"tls\"%s", word,
                ports[service].start_tls_port != 0 ? " one of" : "",
                ports[service].start_tls_port != 0 ? ", \"starttls\"" : "");
    return -1;
}

int mail_host_parse(enum mail_host_service service, const char *text, struct mail_host *out,
                    char **why)
{
    size_t length = strcspn(text, " ");
    const char *colon = memchr(text, ':', length);
    size_t name_length = colon ? (size_t)(colon - text) : length;
    const char *word = text + length + strspn(text + length, " ");
    int port = ports[service].tls_port;
    int start = 0;

    *out = (struct mail_host){.name = NULL};
    if (colon)
        port = parse_port(colon + 1, length - name_length - 1);
    else if (strcmp(word, "starttls") == 0)
        port = ports[service].start_tls_port;
    if (port < 0) {
        why_set(why, "\"%s\" has no port from 1 to %d behind the colon", text, MAX_PORT);
        return -1;
    }
    start = parse_start(service, word, port, why);
    if (start < 0)
        return -1;
    switch (address_canonical_domain(text, name_length, &out->name)) {
    case ADDRESS_OK:
        out->port = port;
        out->start_tls = start == 1;
        return 0;
    case ADDRESS_ERROR:
        why_set(why, "out of memory");
        return -1;
    default:
        why_set(why, "\"%s\" does not begin with the name of a host", text);
        return -1;
    }
}

void mail_host_clear(struct mail_host *host)
{
    free(host->name);
    *host = (struct mail_host){.name = NULL};
}

int mail_username_check(const char *pattern, char **why)
{
    for (const char *p = strchr(pattern, '%'); p; p = strchr(p + 2, '%')) {
        if (p[1] == '\0' || !strchr("aud%", p[1])) {
            why_set(why,
                    "\"%s\": a %% is followed by a (address), u (before the @), d (domain) or "
                    "%%",
                    pattern);
            return -1;
        }
    }
    return 0;
}

char *mail_username(const char *pattern, const char *address, const char *local_part,
                    const char *domain)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '%' || p[1] == '\0') {
            fputc(*p, out);
            continue;
        }
        p++;
        if (*p == 'a')
            fputs(address, out);
        else if (*p == 'u')
            fputs(local_part, out);
        else if (*p == 'd')
            fputs(domain, out);
        else
            fputc('%', out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
