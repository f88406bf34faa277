/* A scripted SMTP server for tests: a process on a port of loopback (or a Unix socket) with one
 * child for each connection, that answers every command as it is told. Header only.
 *
 * It keeps in a folder what it saw: "N" has every byte that connection N (from 1) received, TLS
 * taken off; "events" has a line "N COMMAND" for each command, in the order in which they came, and
 * "N CONTENT" when a whole content has arrived. */
#ifndef TESTS_SMTP_SERVER_RUN_H
#define TESTS_SMTP_SERVER_RUN_H

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "test_pki.h"

#define SMTP_SERVER_UNUSED __attribute__((unused))

enum smtp_manner {
    SMTP_SAYS,    /* `text` */
    SMTP_DROPS,   /* `text`, then it closes */
    SMTP_HANGS,   /* nothing, for long */
    SMTP_DRIPS,   /* `text`, a byte every 100 ms */
    SMTP_ENDLESS, /* `text` again and again */
    SMTP_STOPS,   /* `text`, and then it reads no more */
};

/* What is not scripted is answered as a good server would. */
struct smtp_answer {
    const char *command; /* how the line begins; "" the greeting, "." the end of the content */
    const char *text;    /* with line ends */
    enum smtp_manner manner;
    int connection; /* only on this one, from 1; 0: on all */
};

struct smtp_script {
    const struct smtp_answer *answers; /* ended by .command NULL; NULL: none */
    const char *ehlo;      /* offers, as the lines between first and last; NULL: a good server's */
    const struct pki *tls; /* STARTTLS is offered, or TLS at once */
    bool tls_at_once;
    const char *login; /* base64 of \0user\0password; NULL: no AUTH */
    const char *unix_path;
};

struct smtp_test_server {
    pid_t pid;
    int port;
    char folder[64];
};

struct smtp_peer {
    const struct smtp_script *script;
    int number, fd, seen, events;
    SSL *ssl;
};

#define SMTP_TEST_OFFERS "250-SIZE 1000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"

SMTP_SERVER_UNUSED static void smtp_peer_send(struct smtp_peer *peer, const char *text)
{
    size_t length = strlen(text);

    if (length == 0)
        return;
    if (peer->ssl ? SSL_write(peer->ssl, text, (int)length) <= 0
                  : send(peer->fd, text, length, MSG_NOSIGNAL) < 0)
        _exit(0);
}

SMTP_SERVER_UNUSED static void smtp_peer_begin_tls(struct smtp_peer *peer)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (!context || SSL_CTX_use_certificate(context, peer->script->tls->certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, peer->script->tls->key) != 1)
        _exit(2);
    peer->ssl = SSL_new(context);
    SSL_set_fd(peer->ssl, peer->fd);
    if (SSL_accept(peer->ssl) != 1)
        _exit(0);
}

/* One byte; ends the process with the connection. */
SMTP_SERVER_UNUSED static char smtp_peer_byte(struct smtp_peer *peer)
{
    char byte;
    ssize_t got = peer->ssl ? SSL_read(peer->ssl, &byte, 1) : recv(peer->fd, &byte, 1, 0);

    if (got <= 0)
        _exit(0);
    if (write(peer->seen, &byte, 1) != 1)
        _exit(2);
    return byte;
}

SMTP_SERVER_UNUSED static void smtp_peer_line(struct smtp_peer *peer, char *line, size_t size)
{
    size_t length = 0;
    char byte;

    while ((byte = smtp_peer_byte(peer)) != '\n')
        if (length < size - 1)
            line[length++] = byte;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    line[length] = '\0';
}

SMTP_SERVER_UNUSED static void smtp_peer_event(struct smtp_peer *peer, const char *what)
{
    char line[1200];
    int length = snprintf(line, sizeof line, "%d %s\n", peer->number, what);

    if (write(peer->events, line, (size_t)length) != length)
        _exit(2);
}

/* Answer as scripted. False: no script for this. */
SMTP_SERVER_UNUSED static bool smtp_peer_scripted(struct smtp_peer *peer, const char *command)
{
    const struct smtp_answer *answer = peer->script->answers;

    for (; answer && answer->command; answer++) {
        bool same = *answer->command == '\0'
                        ? *command == '\0'
                        : strncasecmp(command, answer->command, strlen(answer->command)) == 0;

        if (same && (answer->connection == 0 || answer->connection == peer->number))
            break;
    }
    if (!answer || !answer->command)
        return false;
    switch (answer->manner) {
    case SMTP_SAYS:
        smtp_peer_send(peer, answer->text);
        return true;
    case SMTP_DROPS:
        smtp_peer_send(peer, answer->text ? answer->text : "");
        _exit(0);
    case SMTP_HANGS:
        sleep(60);
        _exit(0);
    case SMTP_DRIPS:
        for (const char *p = answer->text; *p != '\0'; p++) {
            smtp_peer_send(peer, (const char[]){*p, '\0'});
            usleep(100000);
        }
        return true;
    case SMTP_ENDLESS:
        for (;;)
            smtp_peer_send(peer, answer->text);
    case SMTP_STOPS:
        smtp_peer_send(peer, answer->text);
        sleep(60);
        _exit(0);
    }
    return true;
}

SMTP_SERVER_UNUSED static void smtp_peer_offer(struct smtp_peer *peer)
{
    const struct smtp_script *script = peer->script;

    smtp_peer_send(peer, "250-test\r\n");
    smtp_peer_send(peer, script->ehlo ? script->ehlo : SMTP_TEST_OFFERS);
    if (script->tls && !peer->ssl)
        smtp_peer_send(peer, "250-STARTTLS\r\n");
    if (script->login)
        smtp_peer_send(peer, "250-AUTH PLAIN LOGIN\r\n");
    smtp_peer_send(peer, "250 HELP\r\n");
}

SMTP_SERVER_UNUSED static void smtp_peer_login(struct smtp_peer *peer)
{
    char line[1000];

    smtp_peer_send(peer, "334 \r\n");
    smtp_peer_line(peer, line, sizeof line);
    smtp_peer_send(peer, strcmp(line, peer->script->login) == 0 ? "235 2.7.0 welcome\r\n"
                                                                : "535 5.7.8 who are you\r\n");
}

SMTP_SERVER_UNUSED static void smtp_peer_content(struct smtp_peer *peer)
{
    char line[4000] = "";

    while (strcmp(line, ".") != 0)
        smtp_peer_line(peer, line, sizeof line);
    smtp_peer_event(peer, "CONTENT");
    if (!smtp_peer_scripted(peer, "."))
        smtp_peer_send(peer, "250 2.0.0 Ok: queued as TEST\r\n");
}

SMTP_SERVER_UNUSED static void smtp_peer_command(struct smtp_peer *peer, const char *line)
{
    smtp_peer_event(peer, line);
    if (smtp_peer_scripted(peer, line))
        return;
    if (strncasecmp(line, "EHLO", 4) == 0) {
        smtp_peer_offer(peer);
    } else if (strcasecmp(line, "STARTTLS") == 0 && peer->script->tls) {
        smtp_peer_send(peer, "220 go\r\n");
        smtp_peer_begin_tls(peer);
    } else if (strcasecmp(line, "AUTH PLAIN") == 0 && peer->script->login) {
        smtp_peer_login(peer);
    } else if (strcasecmp(line, "DATA") == 0) {
        smtp_peer_send(peer, "354 go\r\n");
        smtp_peer_content(peer);
    } else if (strcasecmp(line, "QUIT") == 0) {
        smtp_peer_send(peer, "221 bye\r\n");
        _exit(0);
    } else if (strncasecmp(line, "MAIL", 4) == 0 || strncasecmp(line, "RCPT", 4) == 0 ||
               strncasecmp(line, "RSET", 4) == 0 || strncasecmp(line, "HELO", 4) == 0) {
        smtp_peer_send(peer, "250 2.0.0 Ok\r\n");
    } else {
        smtp_peer_send(peer, "500 5.5.2 what?\r\n");
    }
}

SMTP_SERVER_UNUSED static void smtp_peer_serve(struct smtp_peer *peer, const char *folder)
{
    char path[100], line[1100];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof path, "%s/%d", folder, peer->number);
    peer->seen = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    snprintf(path, sizeof path, "%s/events", folder);
    peer->events = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (peer->seen < 0 || peer->events < 0)
        _exit(2);
    if (peer->script->tls_at_once)
        smtp_peer_begin_tls(peer);
    if (!smtp_peer_scripted(peer, ""))
        smtp_peer_send(peer, "220 test ESMTP\r\n");
    for (;;) {
        smtp_peer_line(peer, line, sizeof line);
        smtp_peer_command(peer, line);
    }
}

SMTP_SERVER_UNUSED static int smtp_server_listen(const struct smtp_script *script, int *port_out)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    socklen_t length = sizeof name;
    int listener = socket(script->unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(listener, 0);
    if (script->unix_path) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s", script->unix_path);
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&path, sizeof path), 0);
    } else {
        ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
        ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    }
    ck_assert_int_eq(listen(listener, 64), 0);
    *port_out = ntohs(name.sin_port);
    return listener;
}

/* Serve until smtp_server_stop(). `script` is copied by the fork. */
SMTP_SERVER_UNUSED static void smtp_server_start(struct smtp_test_server *server,
                                                 const struct smtp_script *script)
{
    int listener = smtp_server_listen(script, &server->port);

    strcpy(server->folder, "/tmp/smimed-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    server->pid = fork();
    ck_assert_int_ge(server->pid, 0);
    if (server->pid == 0) {
        struct smtp_peer peer = {.script = script};

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            peer.fd = accept(listener, NULL, NULL);
            if (peer.fd < 0)
                continue;
            peer.number++;
            if (fork() == 0)
                smtp_peer_serve(&peer, server->folder);
            close(peer.fd);
        }
    }
    close(listener);
}

SMTP_SERVER_UNUSED static void smtp_server_stop(struct smtp_test_server *server)
{
    char command[100];

    kill(server->pid, SIGKILL);
    ck_assert_int_eq(waitpid(server->pid, NULL, 0), server->pid);
    snprintf(command, sizeof command, "rm -rf %s", server->folder);
    ck_assert_int_eq(system(command), 0);
    server->pid = 0;
}

/* The text of "1", "2", "events"; "" where there is none. free(). */
SMTP_SERVER_UNUSED static char *smtp_server_saw(const struct smtp_test_server *server,
                                                const char *name, size_t *length_out)
{
    char path[100];
    char *text = calloc(1, 1);
    size_t length = 0, got;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", server->folder, name);
    file = fopen(path, "re");
    do {
        text = realloc(text, length + 65537);
        ck_assert_ptr_nonnull(text);
        got = file ? fread(text + length, 1, 65536, file) : 0;
        length += got;
    } while (got > 0);
    text[length] = '\0';
    if (file)
        fclose(file);
    if (length_out)
        *length_out = length;
    return text;
}

/* How many whole contents has it got? */
SMTP_SERVER_UNUSED static size_t smtp_server_contents(const struct smtp_test_server *server)
{
    char *events = smtp_server_saw(server, "events", NULL);
    size_t count = 0;

    for (char *at = events; (at = strstr(at, " CONTENT\n")) != NULL; at++)
        count++;
    free(events);
    return count;
}

#endif
