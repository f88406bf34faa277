/* The wire of the milter protocol, the MTA's side: connections, packets, macros, and what an MTA
 * does with the changes that a milter sends. For milter_client.h, which speaks of messages. */
#ifndef TESTS_MILTER_WIRE_H
#define TESTS_MILTER_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MILTER_ACCEPT 'a'
#define MILTER_CONTINUE 'c'
#define MILTER_REJECT 'r'
#define MILTER_TEMPFAIL 't'
#define MILTER_REPLYCODE 'y' /* text in mc.reply */
#define MILTER_DISCARD 'd'
#define MILTER_LOST '!' /* the milter has gone, or broke the protocol */

#define MILTER_MAX_TO 2048
#define MILTER_CHUNK 65535
#define MILTER_TIMEOUT_S 120
#define MILTER_ALL_ACTIONS 0x1ffU
#define MILTER_ALL_PROTOCOL 0x1fffffU
#define MILTER_NR_HDR 0x80U
#define MILTER_UNUSED __attribute__((unused))

struct milter_field {
    char *name;
    char *value; /* leading blank included, folds as LF */
};

struct milter_client {
    int fd;
    uint32_t actions, protocol; /* what was negotiated */
    char error[256];
    char reply[2048];               /* of the last MILTER_REPLYCODE */
    char to_replies[MILTER_MAX_TO]; /* of each RCPT of the last message */
    char *symlist;                  /* macros asked for, "stage:names;..." */
    /* the message in hand and, after its end, the resulting one */
    struct milter_field *fields;
    size_t field_count;
    char *body;
    size_t body_length;
    bool body_replaced;
    size_t edits;    /* header changes received */
    size_t progress; /* signs of life received */
    char *change_from, *change_from_args;
    char *message; /* header and body, CRLF */
    size_t message_length;
    /* what is not sent yet: an MTA sends macros, header fields and the command that waits for an
     * answer in one go */
    unsigned char *out;
    size_t out_length, out_size;
    /* frame buffer */
    unsigned char *data;
    size_t data_length, data_size;
};

MILTER_UNUSED static char milter_fail(struct milter_client *mc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
MILTER_UNUSED static char milter_fail(struct milter_client *mc, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(mc->error, sizeof mc->error, format, arguments);
    va_end(arguments);
    return MILTER_LOST;
}

MILTER_UNUSED static void *milter_need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- Connection ---- */

MILTER_UNUSED static int milter_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

MILTER_UNUSED static int milter_connect_tcp(const char *port_at_host, int family)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    char host[128];
    int fd = -1;

    if (sscanf(port_at_host, "%15[^@]@%127[^]]", port, host) != 2 ||
        getaddrinfo(host[0] == '[' ? host + 1 : host, port, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* Connect to "unix:/path", "inet:port@host" or "inet6:port@host". Returns 0 or -1. */
MILTER_UNUSED static int milter_connect(struct milter_client *mc, const char *socket_name)
{
    const struct timeval limit = {.tv_sec = MILTER_TIMEOUT_S};

    memset(mc, 0, sizeof *mc);
    if (!strncmp(socket_name, "unix:", 5))
        mc->fd = milter_connect_unix(socket_name + 5);
    else if (!strncmp(socket_name, "inet:", 5))
        mc->fd = milter_connect_tcp(socket_name + 5, AF_INET);
    else if (!strncmp(socket_name, "inet6:", 6))
        mc->fd = milter_connect_tcp(socket_name + 6, AF_INET6);
    else
        mc->fd = -1;
    if (mc->fd < 0) {
        milter_fail(mc, "cannot connect to %.150s: %s", socket_name, strerror(errno));
        return -1;
    }
    setsockopt(mc->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(mc->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return 0;
}

MILTER_UNUSED static int milter_write_all(int fd, const void *bytes, size_t length)
{
    const char *from = bytes;

    while (length > 0) {
        ssize_t written = send(fd, from, length, MSG_NOSIGNAL);

        if (written <= 0)
            return -1;
        from += written;
        length -= (size_t)written;
    }
    return 0;
}

MILTER_UNUSED static int milter_read_all(int fd, void *bytes, size_t length)
{
    char *to = bytes;

    while (length > 0) {
        ssize_t got = recv(fd, to, length, 0);

        if (got <= 0)
            return -1;
        to += got;
        length -= (size_t)got;
    }
    return 0;
}

MILTER_UNUSED static int milter_flush(struct milter_client *mc)
{
    int rc = milter_write_all(mc->fd, mc->out, mc->out_length);

    mc->out_length = 0;
    return rc;
}

/* Add one packet to what is sent next. */
MILTER_UNUSED static int milter_put(struct milter_client *mc, char command, const void *data,
                                    size_t length)
{
    uint32_t size = htonl((uint32_t)length + 1);

    if (mc->out_size < mc->out_length + length + 5) {
        mc->out_size = mc->out_length + length + 5;
        mc->out = milter_need(realloc(mc->out, mc->out_size));
    }
    memcpy(mc->out + mc->out_length, &size, 4);
    mc->out[mc->out_length + 4] = (unsigned char)command;
    if (length > 0)
        memcpy(mc->out + mc->out_length + 5, data, length);
    mc->out_length += length + 5;
    return mc->out_length > MILTER_CHUNK ? milter_flush(mc) : 0;
}

/* Read one packet into mc->data, NUL-terminated. Returns its character. */
MILTER_UNUSED static char milter_get(struct milter_client *mc)
{
    uint32_t size;
    char command;

    if (milter_flush(mc) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    if (milter_read_all(mc->fd, &size, 4) != 0)
        return milter_fail(mc, "the milter has closed the connection");
    size = ntohl(size);
    if (size < 1 || size > (1U << 24))
        return milter_fail(mc, "packet of %u bytes", (unsigned)size);
    if (mc->data_size < size + 1U) {
        mc->data = milter_need(realloc(mc->data, size + 1U));
        mc->data_size = size + 1U;
    }
    if (milter_read_all(mc->fd, &command, 1) != 0 ||
        milter_read_all(mc->fd, mc->data, size - 1) != 0)
        return milter_fail(mc, "the milter has closed the connection within a packet");
    mc->data_length = size - 1;
    mc->data[mc->data_length] = '\0';
    return command;
}

/* ---- What an MTA does with the answers ---- */

MILTER_UNUSED static void milter_insert_field(struct milter_client *mc, size_t at, const char *name,
                                              const char *value)
{
    if (at > mc->field_count)
        at = mc->field_count;
    mc->fields = milter_need(realloc(mc->fields, (mc->field_count + 1) * sizeof *mc->fields));
    memmove(mc->fields + at + 1, mc->fields + at, (mc->field_count - at) * sizeof *mc->fields);
    mc->fields[at].name = milter_need(strdup(name));
    mc->fields[at].value = milter_need(strdup(value));
    mc->field_count++;
}

/* The `index`-th (from 1) field of that name; an empty value deletes it, a missing one is added. */
MILTER_UNUSED static void milter_change_field(struct milter_client *mc, size_t index,
                                              const char *name, const char *value)
{
    for (size_t i = 0; i < mc->field_count; i++) {
        if (strcasecmp(mc->fields[i].name, name) != 0 || --index > 0)
            continue;
        free(mc->fields[i].value);
        if (*value) {
            mc->fields[i].value = milter_need(strdup(value));
            return;
        }
        free(mc->fields[i].name);
        mc->field_count--;
        memmove(mc->fields + i, mc->fields + i + 1, (mc->field_count - i) * sizeof *mc->fields);
        return;
    }
    if (*value)
        milter_insert_field(mc, mc->field_count, name, value);
}

MILTER_UNUSED static void milter_append_body(struct milter_client *mc, const void *bytes,
                                             size_t length)
{
    if (!mc->body_replaced)
        mc->body_length = 0;
    mc->body_replaced = true;
    mc->body = milter_need(realloc(mc->body, mc->body_length + length + 1));
    memcpy(mc->body + mc->body_length, bytes, length);
    mc->body_length += length;
    mc->body[mc->body_length] = '\0';
}

/* Apply one modification packet. Returns false when the character is none. */
MILTER_UNUSED static bool milter_modify(struct milter_client *mc, char command)
{
    const char *data = (const char *)mc->data;
    uint32_t index = 0;

    if ((command == 'i' || command == 'm') && mc->data_length > 4) {
        memcpy(&index, mc->data, 4);
        index = ntohl(index);
        data += 4;
    }
    switch (command) {
    case 'h':
        milter_insert_field(mc, mc->field_count, data, data + strlen(data) + 1);
        mc->edits++;
        return true;
    case 'i':
        milter_insert_field(mc, index, data, data + strlen(data) + 1);
        mc->edits++;
        return true;
    case 'm':
        milter_change_field(mc, index, data, data + strlen(data) + 1);
        mc->edits++;
        return true;
    case 'b':
        milter_append_body(mc, mc->data, mc->data_length);
        return true;
    case 'e':
        free(mc->change_from);
        free(mc->change_from_args);
        mc->change_from = milter_need(strdup(data));
        mc->change_from_args =
            milter_need(strdup(strlen(data) + 1 < mc->data_length ? data + strlen(data) + 1 : ""));
        return true;
    case 'p':
        mc->progress++;
        return true;
    default:
        return false;
    }
}

/* Read answers until the one that decides. */
MILTER_UNUSED static char milter_answer(struct milter_client *mc)
{
    char command;

    do
        command = milter_get(mc);
    while (command != MILTER_LOST && milter_modify(mc, command));
    mc->reply[0] = '\0';
    if (command == MILTER_REPLYCODE)
        snprintf(mc->reply, sizeof mc->reply, "%s", (const char *)mc->data);
    return command;
}

MILTER_UNUSED static char milter_command(struct milter_client *mc, char command, const void *data,
                                         size_t length)
{
    if (milter_put(mc, command, data, length) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return milter_answer(mc);
}

/* Strings, each with its NUL, NULL at the end, in one packet. */
MILTER_UNUSED static size_t milter_join(char **out, const char *const *strings)
{
    size_t length = 0;

    *out = NULL;
    for (; *strings; strings++) {
        size_t more = strlen(*strings) + 1;

        *out = milter_need(realloc(*out, length + more));
        memcpy(*out + length, *strings, more);
        length += more;
    }
    return length;
}

MILTER_UNUSED static char milter_strings(struct milter_client *mc, char command,
                                         const char *const *strings)
{
    char *data;
    size_t length = milter_join(&data, strings);
    char answer = milter_command(mc, command, data, length);

    free(data);
    return answer;
}

/* Macros for the next command `stage`: name, value, ..., NULL. */
MILTER_UNUSED static int milter_macros(struct milter_client *mc, char stage,
                                       const char *const *pairs)
{
    char *names = NULL;
    size_t length = milter_join(&names, pairs);
    char *data = milter_need(malloc(length + 1));
    int rc;

    data[0] = stage;
    if (length > 0)
        memcpy(data + 1, names, length);
    rc = milter_put(mc, 'D', data, length + 1);
    free(data);
    free(names);
    return rc;
}

#endif
