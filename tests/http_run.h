/* A small HTTP server on the loopback interface that also misbehaves, and `openssl ocsp` as a
 * responder. Header only.
 *
 *   GET /NAME            the file NAME of its directory, 404 if there is none
 *   POST /answer/NAME    the file NAME, whatever was asked
 *   /slow/...            takes the request and never answers
 *   /endless/...         an answer that does not end
 *   /to-file/...         a redirect to file:///etc/passwd
 *   /to/NAME             a redirect to /NAME
 *
 * Each request is a line in the file "requests" of the directory. */
#ifndef TESTS_HTTP_RUN_H
#define TESTS_HTTP_RUN_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

struct http_run {
    pid_t pid;
    int port;
    const char *directory;
};

static inline void http_say(int client, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = send(client, text, length, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        length -= (size_t)n;
    }
}

static inline void http_puts(int client, const char *text)
{
    http_say(client, text, strlen(text));
}

static inline void http_file(int client, const char *directory, const char *name)
{
    char path[1024];
    char head[128];
    static char bytes[1 << 22];
    size_t length;
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = strstr(name, "..") ? NULL : fopen(path, "re");
    if (!file) {
        http_puts(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                          "Connection: close\r\n\r\n");
        return;
    }
    length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", length);
    http_puts(client, head);
    http_say(client, bytes, length);
}

/* Read the head and as much of the body as it announces. */
static inline void http_read(int client, char *request, size_t size)
{
    size_t length = 0;
    size_t wanted = size - 1;
    ssize_t n;
    while (length < wanted && (n = recv(client, request + length, wanted - length, 0)) > 0) {
        char *end;
        length += (size_t)n;
        request[length] = '\0';
        end = strstr(request, "\r\n\r\n");
        if (end) {
            char *field = strcasestr(request, "\r\nContent-Length:");
            size_t body = field && field < end ? strtoul(field + 17, NULL, 10) : 0;
            if (length >= (size_t)(end + 4 - request) + body)
                return;
        }
    }
}

static inline void http_serve(int client, const char *directory)
{
    static char request[65536];
    char method[8] = "";
    char path[512] = "";
    char line[1024];
    char log[1024];
    int to;
    request[0] = '\0';
    http_read(client, request, sizeof request);
    if (sscanf(request, "%7s %511s", method, path) != 2)
        return;
    snprintf(log, sizeof log, "%s/requests", directory);
    to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(line, sizeof line, "%s %s\n", method, path);
    if (to < 0 || write(to, line, strlen(line)) < 0)
        _exit(1);
    close(to);
    if (strncmp(path, "/slow/", 6) == 0) {
        pause();
    } else if (strncmp(path, "/endless/", 9) == 0) {
        static char zeros[65536];
        http_puts(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 4096; i++)
            http_say(client, zeros, sizeof zeros);
    } else if (strncmp(path, "/to-file/", 9) == 0) {
        http_puts(client, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                          "Content-Length: 0\r\nConnection: close\r\n\r\n");
    } else if (strncmp(path, "/to/", 4) == 0) {
        snprintf(line, sizeof line,
                 "HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\n"
                 "Connection: close\r\n\r\n",
                 path + 4);
        http_puts(client, line);
    } else {
        http_file(client, directory, strncmp(path, "/answer/", 8) == 0 ? path + 8 : path + 1);
    }
}

static inline struct http_run http_start(const char *directory)
{
    struct http_run run = {.directory = directory};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 32), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    run.port = ntohs(address.sin_port);
    run.pid = fork();
    ck_assert_int_ge(run.pid, 0);
    if (run.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int client = accept(listener, NULL, NULL);
            if (client >= 0 && fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                alarm(60);
                http_serve(client, directory);
                shutdown(client, SHUT_RDWR);
                _exit(0);
            }
            close(client);
        }
    }
    close(listener);
    return run;
}

static inline void http_stop(struct http_run *run)
{
    if (run->pid > 0) {
        kill(run->pid, SIGKILL);
        waitpid(run->pid, NULL, 0);
    }
    run->pid = 0;
}

/* How often something with `what` in its line was asked for. */
static inline int http_count(const struct http_run *run, const char *what)
{
    char line[1024];
    int count = 0;
    FILE *file;
    snprintf(line, sizeof line, "%s/requests", run->directory);
    file = fopen(line, "re");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, what) != NULL;
    if (file)
        fclose(file);
    return count;
}

/* ---- `openssl ocsp -port`: a real responder ---- */

static inline int http_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    close(listener);
    return ntohs(address.sin_port);
}

/* It says so when it is ready. To see whether it listens would not do: a connection on which
 * nothing is asked keeps it from answering others. */
static inline bool http_ocsp_ready(const char *path)
{
    char line[256];
    bool ready = false;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        ready = ready || strstr(line, "waiting for OCSP") != NULL;
    if (file)
        fclose(file);
    return ready;
}

/* Answers for the CA whose files are NAME.*; signed by SIGNER.pem. */
static inline struct http_run http_ocsp(const char *directory, int port, const char *name,
                                        const char *signer)
{
    struct http_run run = {.directory = directory, .port = port};
    char output[1024];
    snprintf(output, sizeof output, "%s/responder-says", directory);
    unlink(output);
    fflush(NULL);
    run.pid = fork();
    ck_assert_int_ge(run.pid, 0);
    if (run.pid == 0) {
        char number[16], index[64], ca[64], certificate[64], key[64];
        int said = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(number, sizeof number, "%d", port);
        snprintf(index, sizeof index, "%s.index", name);
        snprintf(ca, sizeof ca, "%s.pem", name);
        snprintf(certificate, sizeof certificate, "%s.pem", signer);
        snprintf(key, sizeof key, "%s.key", signer);
        dup2(said, STDOUT_FILENO);
        dup2(said, STDERR_FILENO);
        if (chdir(directory) == 0)
            execlp("openssl", "openssl", "ocsp", "-port", number, "-index", index, "-CA", ca,
                   "-rsigner", certificate, "-rkey", key, "-nmin", "60", "-ignore_err", NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !http_ocsp_ready(output); i++)
        usleep(10000);
    ck_assert(http_ocsp_ready(output));
    return run;
}

#endif
