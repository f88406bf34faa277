/* Servers on the loopback interface for `smimectl tls check`: openssl s_server, and one that says
 * what it is told to, however wrong. Header only. */
#ifndef TESTS_ADMIN_TLS_SERVER_RUN_H
#define TESTS_ADMIN_TLS_SERVER_RUN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "smimectl_run.h"

struct tls_server {
    pid_t child;
    int port;
};

static inline int tls_server_listen(int *port_out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port_out = ntohs(address.sin_port);
    return listener;
}

static inline bool tls_server_answers(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((in_port_t)port)};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(connection, 0);
    bool answers = connect(connection, (struct sockaddr *)&address, sizeof address) == 0;
    close(connection);
    return answers;
}

/* NAME.pem and NAME.key serve; `options` end with NULL. */
static inline struct tls_server tls_server_start(const char *name, const char *const *options)
{
    struct tls_server server = {0};
    char address[32], certificate[RUN_PATH_BYTES * 2], key[RUN_PATH_BYTES * 2];
    const char *argv[32] = {"openssl", "s_server", "-quiet",    "-www", "-accept",
                            address,   "-cert",    certificate, "-key", key};
    size_t count = 10;
    close(tls_server_listen(&server.port));
    snprintf(address, sizeof address, "127.0.0.1:%d", server.port);
    snprintf(certificate, sizeof certificate, "%s/%s.pem", run_directory, name);
    snprintf(key, sizeof key, "%s/%s.key", run_directory, name);
    for (size_t i = 0; options && options[i]; i++) {
        argv[count++] = options[i];
    }
    fflush(NULL);
    server.child = fork();
    ck_assert_int_ge(server.child, 0);
    if (server.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        redirect("/dev/null", O_RDONLY, STDIN_FILENO);
        redirect(in_dir("s_server.log"), O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO);
        redirect(in_dir("s_server.log"), O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    for (int i = 0; i < 1000 && !tls_server_answers(server.port); i++) {
        ck_assert_msg(waitpid(server.child, NULL, WNOHANG) == 0, "openssl s_server has ended: %s",
                      read_file(in_dir("s_server.log"), NULL));
        usleep(10000);
    }
    return server;
}

/* What a server says, and to which command: the first whose word begins the line that came; ""
 * fits all. */
struct mail_line {
    const char *command;
    const char *answer;
};

struct mail_script {
    const char *greeting;
    const char *endless; /* said without end behind the greeting; NULL: nothing */
    bool hangs_up;       /* behind the greeting */
    int pause_ms;        /* before each byte */
    struct mail_line lines[8];
};

static inline bool mail_server_say(int connection, const char *text, int pause_ms)
{
    size_t length = strlen(text);
    if (pause_ms == 0) {
        return send(connection, text, length, MSG_NOSIGNAL) == (ssize_t)length;
    }
    for (size_t i = 0; i < length; i++) {
        usleep((useconds_t)pause_ms * 1000);
        if (send(connection, text + i, 1, MSG_NOSIGNAL) != 1) {
            return false;
        }
    }
    return true;
}

static inline bool mail_server_answer(int connection, const char *request,
                                      const struct mail_script *script)
{
    /* An IMAP command begins with its tag, which the answer has to repeat. */
    char answer[1024];
    for (const struct mail_line *line = script->lines; line->command; line++) {
        const char *at = strcasestr(request, line->command);
        if (at && (at == request || at[-1] == ' ')) {
            snprintf(answer, sizeof answer, "%s", line->answer);
            char *tag = strstr(answer, "TTTT");
            if (tag) {
                memcpy(tag, request, 4); /* libcurl's tags have four bytes */
            }
            return mail_server_say(connection, answer, script->pause_ms);
        }
    }
    return true; /* silence */
}

static inline void mail_server_serve(int connection, const struct mail_script *script)
{
    char request[4096];
    ssize_t got;
    if (!mail_server_say(connection, script->greeting, script->pause_ms) || script->hangs_up) {
        return;
    }
    while (script->endless) {
        if (!mail_server_say(connection, script->endless, script->pause_ms)) {
            return;
        }
    }
    while ((got = read(connection, request, sizeof request - 1)) > 0) {
        request[got] = '\0';
        if (!mail_server_answer(connection, request, script)) {
            return;
        }
    }
}

static inline struct tls_server mail_server_start(const struct mail_script *script)
{
    struct tls_server server = {0};
    int listener = tls_server_listen(&server.port);
    fflush(NULL);
    server.child = fork();
    ck_assert_int_ge(server.child, 0);
    if (server.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int connection = accept(listener, NULL, NULL);
            if (connection < 0) {
                _exit(1);
            }
            mail_server_serve(connection, script);
            close(connection);
        }
    }
    close(listener);
    return server;
}

static inline void tls_server_stop(struct tls_server *server)
{
    kill(server->child, SIGKILL);
    ck_assert_int_eq(waitpid(server->child, NULL, 0), server->child);
    server->child = 0;
}

#endif
