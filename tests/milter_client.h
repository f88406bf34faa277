/* A milter protocol client: the MTA's side, of our own, so that tests and the benchmark hand
 * messages to a running smimed and get back what an MTA would send on.
 *
 * Header only, so that every test program stays one .c file.
 *
 *     struct milter_client mc = {0};
 *     struct milter_mail mail = {.from = "<alice@example.com>", .to = {"<bob@partner.test>"},
 *                                .login = "alice", .text = text, .length = strlen(text)};
 *     milter_connect(&mc, "unix:/run/smimed/submission.sock");
 *     milter_open_session(&mc, "192.0.2.1");
 *     if (milter_send(&mc, &mail) == MILTER_ACCEPT) ... mc.message, mc.message_length
 *     milter_close(&mc);
 *
 * Functions return a reply character of the protocol (MILTER_*), or MILTER_LOST with mc.error. */
#ifndef TESTS_MILTER_CLIENT_H
#define TESTS_MILTER_CLIENT_H

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

struct milter_mail {
    const char *from; /* as in MAIL FROM */
    const char *args[8];
    const char *to[MILTER_MAX_TO]; /* NULL at the end */
    const char *login;             /* {auth_authen}; NULL: not authenticated */
    const char *queue_id;          /* told from the second command on; NULL: "Q0001" */
    const char *text;              /* the message; LF or CRLF lines */
    size_t length;
};

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

/* Send one packet. */
MILTER_UNUSED static int milter_put(struct milter_client *mc, char command, const void *data,
                                    size_t length)
{
    unsigned char *packet = milter_need(malloc(length + 5));
    uint32_t size = htonl((uint32_t)length + 1);
    int rc;

    memcpy(packet, &size, 4);
    packet[4] = (unsigned char)command;
    if (length > 0)
        memcpy(packet + 5, data, length);
    rc = milter_write_all(mc->fd, packet, length + 5);
    free(packet);
    return rc;
}

/* Read one packet into mc->data, NUL-terminated. Returns its character. */
MILTER_UNUSED static char milter_get(struct milter_client *mc)
{
    uint32_t size;
    char command;

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

/* ---- A session ---- */

MILTER_UNUSED static char milter_negotiate_with(struct milter_client *mc, uint32_t actions,
                                                uint32_t protocol)
{
    uint32_t offer[3] = {htonl(6), htonl(actions), htonl(protocol)};
    uint32_t got[3];
    char answer;

    if (milter_put(mc, 'O', offer, sizeof offer) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    answer = milter_get(mc);
    if (answer != 'O')
        return answer == MILTER_LOST ? answer : milter_fail(mc, "negotiation failed");
    if (mc->data_length < sizeof got)
        return milter_fail(mc, "negotiation answer of %zu bytes", mc->data_length);
    memcpy(got, mc->data, sizeof got);
    mc->actions = ntohl(got[1]);
    mc->protocol = ntohl(got[2]);
    free(mc->symlist);
    mc->symlist = milter_need(calloc(1, 1));
    for (size_t at = sizeof got; at + 5 <= mc->data_length;) {
        const char *names = (const char *)mc->data + at + 4;
        char *longer = NULL;
        uint32_t stage;

        memcpy(&stage, mc->data + at, 4);
        if (asprintf(&longer, "%s%u:%s;", mc->symlist, (unsigned)ntohl(stage), names) < 0)
            abort();
        free(mc->symlist);
        mc->symlist = longer;
        at += 4 + strlen(names) + 1;
    }
    return MILTER_CONTINUE;
}

/* Tell of an SMTP client; `ip` NULL: a program on the MTA's machine, without an address. */
MILTER_UNUSED static char milter_client_connects(struct milter_client *mc, const char *ip)
{
    const char *macros[] = {"j", "mx.example.com", "{client_addr}", ip ? ip : "127.0.0.1", NULL};
    char data[256];
    size_t length;

    if (milter_macros(mc, 'C', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    length = (size_t)snprintf(data, sizeof data, "client.test") + 1;
    if (!ip) {
        data[length++] = 'U';
    } else {
        data[length++] = strchr(ip, ':') ? '6' : '4';
        data[length++] = 0x30;
        data[length++] = 0x39;
        length += (size_t)snprintf(data + length, sizeof data - length, "%s", ip) + 1;
    }
    return milter_command(mc, 'C', data, length);
}

MILTER_UNUSED static char milter_open_session(struct milter_client *mc, const char *ip)
{
    char answer = milter_negotiate_with(mc, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL);

    return answer == MILTER_CONTINUE ? milter_client_connects(mc, ip) : answer;
}

MILTER_UNUSED static void milter_clear_message(struct milter_client *mc)
{
    for (size_t i = 0; i < mc->field_count; i++) {
        free(mc->fields[i].name);
        free(mc->fields[i].value);
    }
    free(mc->fields);
    free(mc->body);
    free(mc->change_from);
    free(mc->change_from_args);
    free(mc->message);
    mc->fields = NULL;
    mc->field_count = 0;
    mc->body = mc->change_from = mc->change_from_args = mc->message = NULL;
    mc->body_length = mc->message_length = mc->edits = mc->progress = 0;
    mc->body_replaced = false;
}

MILTER_UNUSED static char milter_mail_from(struct milter_client *mc, const struct milter_mail *mail)
{
    const char *strings[10] = {mail->from};
    const char *macros[] = {"{client_addr}",
                            "192.0.2.1",
                            "{mail_addr}",
                            mail->from,
                            mail->login ? "{auth_authen}" : NULL,
                            mail->login,
                            NULL};

    milter_clear_message(mc);
    for (size_t i = 0; i < 8 && mail->args[i]; i++)
        strings[i + 1] = mail->args[i];
    if (milter_macros(mc, 'M', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return milter_strings(mc, 'M', strings);
}

MILTER_UNUSED static char milter_rcpt_to(struct milter_client *mc, const char *to)
{
    const char *strings[] = {to, NULL};
    const char *macros[] = {"{rcpt_addr}", to, NULL};

    if (milter_macros(mc, 'R', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return milter_strings(mc, 'R', strings);
}

/* Split the message into fields (values with their leading blank, folds as LF) and a CRLF body. */
MILTER_UNUSED static void milter_take_message(struct milter_client *mc, const char *text,
                                              size_t length)
{
    const char *at = text;
    const char *end = text + length;
    char *put;

    while (at < end && *at != '\n' && !(*at == '\r' && at + 1 < end && at[1] == '\n')) {
        const char *stop = at;
        char *field;
        char *colon;

        do {
            stop = memchr(stop, '\n', (size_t)(end - stop));
            stop = stop ? stop + 1 : end;
        } while (stop < end && (*stop == ' ' || *stop == '\t'));
        field = milter_need(malloc((size_t)(stop - at) + 1));
        put = field;
        for (const char *c = at; c < stop; c++)
            if (*c != '\r' && !(*c == '\n' && c + 1 == stop))
                *put++ = *c;
        *put = '\0';
        colon = strchr(field, ':');
        if (colon) {
            *colon = '\0';
            milter_insert_field(mc, mc->field_count, field, colon + 1);
        }
        free(field);
        at = stop;
    }
    if (at < end && *at == '\r')
        at++;
    if (at < end)
        at++;
    mc->body = put = milter_need(malloc((size_t)(end - at) * 2 + 1));
    for (const char *c = at; c < end; c++) {
        if (*c == '\n' && (c == at || c[-1] != '\r'))
            *put++ = '\r';
        *put++ = *c;
    }
    *put = '\0';
    mc->body_length = (size_t)(put - mc->body);
}

MILTER_UNUSED static char milter_put_header(struct milter_client *mc)
{
    for (size_t i = 0; i < mc->field_count; i++) {
        const char *strings[] = {mc->fields[i].name, mc->fields[i].value, NULL};
        char *data;
        size_t length = milter_join(&data, strings);
        char answer = MILTER_CONTINUE;

        if (milter_put(mc, 'L', data, length) != 0)
            answer = milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
        else if (!(mc->protocol & MILTER_NR_HDR))
            answer = milter_answer(mc);
        free(data);
        if (answer != MILTER_CONTINUE)
            return answer;
    }
    return MILTER_CONTINUE;
}

MILTER_UNUSED static char milter_queue_id(struct milter_client *mc, char stage,
                                          const struct milter_mail *mail)
{
    const char *macros[] = {"i", mail->queue_id ? mail->queue_id : "Q0001", NULL};

    if (milter_macros(mc, stage, macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return MILTER_CONTINUE;
}

/* Header and body, without the end of the message. */
MILTER_UNUSED static char milter_data(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer;

    milter_take_message(mc, mail->text, mail->length);
    answer = milter_put_header(mc);
    if (answer == MILTER_CONTINUE)
        answer = milter_queue_id(mc, 'N', mail);
    if (answer == MILTER_CONTINUE)
        answer = milter_command(mc, 'N', NULL, 0);
    for (size_t at = 0; answer == MILTER_CONTINUE && at < mc->body_length; at += MILTER_CHUNK) {
        size_t left = mc->body_length - at;

        answer = milter_command(mc, 'B', mc->body + at, left < MILTER_CHUNK ? left : MILTER_CHUNK);
    }
    return answer;
}

/* The resulting message as text. */
MILTER_UNUSED static void milter_make_message(struct milter_client *mc)
{
    FILE *out = milter_need(open_memstream(&mc->message, &mc->message_length));

    for (size_t i = 0; i < mc->field_count; i++) {
        fprintf(out, "%s:", mc->fields[i].name);
        for (const char *c = mc->fields[i].value; *c; c++) {
            if (*c == '\n')
                fputc('\r', out);
            fputc(*c, out);
        }
        fputs("\r\n", out);
    }
    fputs("\r\n", out);
    fwrite(mc->body, 1, mc->body_length, out);
    fclose(out);
}

/* The end of the message. MILTER_ACCEPT (for both accepting answers) with mc->message set. */
MILTER_UNUSED static char milter_end(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_queue_id(mc, 'E', mail);

    if (answer == MILTER_CONTINUE)
        answer = milter_command(mc, 'E', NULL, 0);
    if (answer == MILTER_CONTINUE)
        answer = MILTER_ACCEPT;
    if (answer == MILTER_ACCEPT)
        milter_make_message(mc);
    return answer;
}

MILTER_UNUSED static int milter_abort(struct milter_client *mc)
{
    return milter_put(mc, 'A', NULL, 0);
}

/* MAIL and all RCPTs. MILTER_CONTINUE when at least one recipient was taken, else the answer to
 * MAIL or to the last RCPT. */
MILTER_UNUSED static char milter_envelope(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_mail_from(mc, mail);
    size_t taken = 0;

    if (answer != MILTER_CONTINUE)
        return answer;
    for (size_t i = 0; i < MILTER_MAX_TO && mail->to[i]; i++) {
        answer = milter_rcpt_to(mc, mail->to[i]);
        mc->to_replies[i] = answer;
        if (answer == MILTER_LOST)
            return answer;
        taken += answer == MILTER_CONTINUE;
    }
    if (taken > 0)
        return MILTER_CONTINUE;
    milter_abort(mc);
    return answer;
}

/* A whole message. MILTER_ACCEPT with mc->message, or the answer that ended it. */
MILTER_UNUSED static char milter_send(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_envelope(mc, mail);

    if (answer == MILTER_CONTINUE)
        answer = milter_data(mc, mail);
    if (answer == MILTER_CONTINUE)
        answer = milter_end(mc, mail);
    return answer;
}

/* The value of the `index`-th (from 0) field called `name` in the message in hand; NULL. */
MILTER_UNUSED static const char *milter_field(const struct milter_client *mc, const char *name,
                                              size_t index)
{
    for (size_t i = 0; i < mc->field_count; i++)
        if (!strcasecmp(mc->fields[i].name, name) && index-- == 0)
            return mc->fields[i].value;
    return NULL;
}

MILTER_UNUSED static void milter_close(struct milter_client *mc)
{
    if (mc->fd >= 0) {
        milter_put(mc, 'Q', NULL, 0);
        close(mc->fd);
    }
    milter_clear_message(mc);
    free(mc->symlist);
    free(mc->data);
    mc->symlist = NULL;
    mc->data = NULL;
    mc->fd = -1;
}

#endif
