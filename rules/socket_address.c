/* Addresses of milter sockets: checked before libmilter sees them. */
#include "socket_address.h"
#include "address.h"
#include "why.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PORT_MAX 65535U
#define UNIX_PATH_MAX_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define HOST_MAX_BYTES 255

#define SOCKET_FORMS "allowed are \"unix:/path\", \"inet:port@host\" and \"inet6:port@host\""

bool socket_address_is_unix(const char *text)
{
    return strncmp(text, "unix:", 5) == 0;
}

static int check_unix(const char *text, char **key_out, char **why)
{
    const char *path = text + 5;
    char *key, *out;

    if (path[0] != '/') {
        why_set(why, "\"%s\": the path of a Unix socket has to begin with /", text);
        return -1;
    }
    if (path[strlen(path) - 1] == '/') {
        why_set(why, "\"%s\" names a directory, not a socket", text);
        return -1;
    }
    if (strlen(path) > UNIX_PATH_MAX_BYTES) {
        why_set(why, "the path of a Unix socket may have %zu bytes; this one has %zu",
                UNIX_PATH_MAX_BYTES, strlen(path));
        return -1;
    }
    key = strdup(text);
    if (!key) {
        why_set(why, "out of memory");
        return -1;
    }
    /* "//" and "/./" do not make another socket. */
    out = key;
    for (const char *in = text; *in != '\0'; in++) {
        if (in[0] == '/' && in[1] == '/')
            continue;
        if (in[0] == '/' && in[1] == '.' && in[2] == '/') {
            in++;
            continue;
        }
        *out++ = *in;
    }
    *out = '\0';
    *key_out = key;
    return 0;
}

/* "port" of "port@host": 1 to 65535; 0 for anything else. */
static unsigned parse_port(const char *text, size_t length)
{
    unsigned port = 0;

    if (length == 0 || length > 5)
        return 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= PORT_MAX ? port : 0;
}

/* The host in one spelling: a number as inet_ntop() has it, a name in lower case. NULL if it is
 * neither (or when out of memory). */
static char *canonical_host(int family, const char *host)
{
    unsigned char number[16];
    char *name = NULL;

    if (strlen(host) > HOST_MAX_BYTES)
        return NULL;
    if (inet_pton(family, host, number) == 1) {
        char spelled[INET6_ADDRSTRLEN];

        return inet_ntop(family, number, spelled, sizeof spelled) ? strdup(spelled) : NULL;
    }
    if (address_canonical_domain(host, strlen(host), &name) != ADDRESS_OK)
        return NULL;
    /* "127.0.1" and "300.1.1.1" are no names, whatever inet_aton() would make of them. */
    if (strspn(name, "0123456789.") == strlen(name)) {
        free(name);
        return NULL;
    }
    return name;
}

static int check_internet(int family, const char *text, const char *rest, char **key_out,
                          char **why)
{
    const char *at = strchr(rest, '@');
    unsigned port = at ? parse_port(rest, (size_t)(at - rest)) : 0;
    char *host = NULL;

    if (!at) {
        why_set(why, "\"%s\" has no \"@host\": " SOCKET_FORMS, text);
        return -1;
    }
    if (port == 0) {
        why_set(why, "\"%s\": expected a port between 1 and %u before the @", text, PORT_MAX);
        return -1;
    }
    host = canonical_host(family, at + 1);
    if (!host) {
        why_set(why, "\"%s\": expected a host name or an %s address behind the @", text,
                family == AF_INET ? "IPv4" : "IPv6");
        return -1;
    }
    if (asprintf(key_out, "%s:%u@%s", family == AF_INET ? "inet" : "inet6", port, host) < 0) {
        *key_out = NULL;
        why_set(why, "out of memory");
    }
    free(host);
    return *key_out ? 0 : -1;
}

int socket_address_check(const char *text, char **key_out, char **why)
{
    *key_out = NULL;
    if (socket_address_is_unix(text))
        return check_unix(text, key_out, why);
    if (strncmp(text, "inet:", 5) == 0)
        return check_internet(AF_INET, text, text + 5, key_out, why);
    if (strncmp(text, "inet6:", 6) == 0)
        return check_internet(AF_INET6, text, text + 6, key_out, why);
    why_set(why, "\"%s\" is not the address of a socket: " SOCKET_FORMS, text);
    return -1;
}
