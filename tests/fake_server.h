/* A TCP server on the loopback interface that waits for a request and answers with given bytes, or
 * with silence; it then keeps the connection open. Header only. What cannot be made aborts. */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fake_server {
    pid_t child;
    int port;
};

static inline void fake_server_need(int made, const char *what)
{
    if (!made) {
        fprintf(stderr, "fake_server.h: %s\n", what);
        abort();
    }
}

/* In the child: one connection. */
static inline void fake_server_serve(int connection, const unsigned char *answer, size_t length,
                                     unsigned pause_ms)
{
    char request[4096];
    if (read(connection, request, sizeof request) > 0) {
        for (size_t i = 0; i < length && write(connection, answer + i, 1) == 1; i++)
            usleep(pause_ms * 1000);
        while (read(connection, request, sizeof request) > 0)
            continue;
    }
    close(connection);
}

/* Each byte of the answer is followed by a pause. */
static inline struct fake_server fake_server_start(const unsigned char *answer, size_t length,
                                                   unsigned pause_ms)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct fake_server server = {0};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fake_server_need(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 &&
                         listen(listener, 16) == 0 &&
                         getsockname(listener, (struct sockaddr *)&address, &size) == 0,
                     "no listener");
    server.port = ntohs(address.sin_port);
    fflush(NULL);
    server.child = fork();
    fake_server_need(server.child >= 0, "no child");
    if (server.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        for (;;) {
            int connection = accept(listener, NULL, NULL);
            if (connection < 0)
                _exit(1);
            fake_server_serve(connection, answer, length, pause_ms);
        }
    }
    close(listener);
    return server;
}

static inline void fake_server_stop(struct fake_server *server)
{
    kill(server->child, SIGKILL);
    fake_server_need(waitpid(server->child, NULL, 0) == server->child, "no child to wait for");
    server->child = 0;
}

#endif
