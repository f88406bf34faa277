/* A small HTTP server for tests: a process on a port of loopback that gives each connection the
 * same bytes. Header only. */
#ifndef TESTS_HTTP_SERVER_RUN_H
#define TESTS_HTTP_SERVER_RUN_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HTTP_SERVER_UNUSED __attribute__((unused))

struct http_server {
    pid_t pid;
    int port;
    int requests; /* what was asked can be read here: the server writes each request to it */
};

struct http_answer {
    const void *bytes; /* head and body */
    size_t length;
    int delay_ms;      /* before the answer */
    size_t drip_bytes; /* so many at a time, 0: all at once */
    int drip_ms;       /* between them */
};

HTTP_SERVER_UNUSED static void http_server_serve_one(int fd, int out,
                                                     const struct http_answer *answer)
{
    char request[65536];
    size_t length = 0;
    const char *head;
    size_t wanted = 0;
    ssize_t got;

    /* The head, and as much of a body as it announces. */
    while (length < sizeof request - 1 &&
           (got = read(fd, request + length, sizeof request - 1 - length)) > 0) {
        const char *announced;

        length += (size_t)got;
        request[length] = '\0';
        head = strstr(request, "\r\n\r\n");
        if (!head)
            continue;
        announced = strcasestr(request, "\r\nContent-Length:");
        wanted = announced && announced < head ? (size_t)atol(announced + 17) : 0;
        if (length - (size_t)(head + 4 - request) >= wanted)
            break;
    }
    if (write(out, request, length) < 0)
        _exit(2);
    usleep((useconds_t)answer->delay_ms * 1000);
    for (size_t sent = 0; sent < answer->length;) {
        size_t count = answer->drip_bytes ? answer->drip_bytes : answer->length;

        if (count > answer->length - sent)
            count = answer->length - sent;
        if (send(fd, (const char *)answer->bytes + sent, count, MSG_NOSIGNAL) < 0)
            break;
        sent += count;
        if (answer->drip_bytes)
            usleep((useconds_t)answer->drip_ms * 1000);
    }
    shutdown(fd, SHUT_WR);
    close(fd);
}

/* Serve until http_server_stop(). */
HTTP_SERVER_UNUSED static void http_server_start(struct http_server *server,
                                                 const struct http_answer *answer)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int pair[2];

    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    ck_assert_int_eq(pipe(pair), 0);
    server->port = ntohs(name.sin_port);
    server->requests = pair[0];
    server->pid = fork();
    ck_assert_int_ge(server->pid, 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        for (;;) {
            int fd = accept(listener, NULL, NULL);

            if (fd >= 0)
                http_server_serve_one(fd, pair[1], answer);
        }
    }
    close(listener);
    close(pair[1]);
}

HTTP_SERVER_UNUSED static void http_server_stop(struct http_server *server)
{
    kill(server->pid, SIGKILL);
    ck_assert_int_eq(waitpid(server->pid, NULL, 0), server->pid);
    close(server->requests);
    server->pid = 0;
}

#endif
