/* The CA of cmp_ca.h as a process behind HTTP, on a port of loopback, with the faults that servers
 * have. Header only. */
#ifndef TESTS_CMP_CA_RUN_H
#define TESTS_CMP_CA_RUN_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cmp_ca.h"

#define CMP_CA_SECRET "correct horse battery staple"
#define CMP_CA_REFERENCE "smimed"

enum cmp_ca_fault {
    CMP_CA_NO_FAULT,
    CMP_CA_GARBAGE,  /* what is no CMP */
    CMP_CA_TRAILING, /* bytes behind the message */
    CMP_CA_DAMAGED,  /* a byte altered: the protection does not hold */
    CMP_CA_REPLAY,   /* the first answer of all again and again */
    CMP_CA_OVERSIZE,
    CMP_CA_HANG, /* until the other side gives up */
    CMP_CA_HTTP_500,
    CMP_CA_EMPTY,
    CMP_CA_DROP,           /* the connection is closed before the request is seen to */
    CMP_CA_DROP_CONFIRMED, /* certConf is seen to, and not answered */
    CMP_CA_HANG_CONFIRMED, /* the same, until the other side gives up */
    CMP_CA_DROP_POLL,      /* so is pollReq */
};

struct cmp_ca_run {
    pid_t pid;
    int port;
    char url[64];
    struct cmp_ca_orders *orders;
    struct cmp_ca ca; /* of the process; the test may read certificates */
};

struct cmp_ca_http {
    unsigned char bytes[131072];
    size_t length;
    const unsigned char *body;
    size_t body_length;
};

CMP_CA_UNUSED static bool cmp_ca_read(int fd, struct cmp_ca_http *http)
{
    ssize_t got;
    http->length = 0;
    while (http->length < sizeof http->bytes - 1 &&
           (got = read(fd, http->bytes + http->length, sizeof http->bytes - 1 - http->length)) >
               0) {
        http->length += (size_t)got;
        http->bytes[http->length] = '\0';
        const char *text = (const char *)http->bytes;
        const char *end = strstr(text, "\r\n\r\n");
        const char *announced = strcasestr(text, "\r\nContent-Length:");
        if (!end || !announced || announced > end) {
            continue;
        }
        http->body = (const unsigned char *)end + 4;
        http->body_length = (size_t)atol(announced + 17);
        if (http->length - (size_t)(http->body - http->bytes) >= http->body_length) {
            /* RFC 6712 section 3.4 */
            return strncmp(text, "POST ", 5) == 0 &&
                   strcasestr(text, "\r\nContent-Type: application/pkixcmp") != NULL;
        }
    }
    return false;
}

CMP_CA_UNUSED static void cmp_ca_send(int fd, const char *status, const unsigned char *bytes,
                                      size_t length)
{
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %s\r\nContent-Type: application/pkixcmp\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                        status, length);
    (void)!send(fd, head, (size_t)size, MSG_NOSIGNAL);
    for (size_t sent = 0; sent < length;) {
        ssize_t count = send(fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            break;
        }
        sent += (size_t)count;
    }
}

CMP_CA_UNUSED static void cmp_ca_send_large(int fd)
{
    static unsigned char zeros[1024 * 1024];
    cmp_ca_send(fd, "200 OK", zeros, sizeof zeros);
}

/* Requests that are not seen to at all. */
CMP_CA_UNUSED static bool cmp_ca_faulty(int fd, int fault)
{
    char byte;
    switch (fault) {
    case CMP_CA_GARBAGE:
        cmp_ca_send(fd, "200 OK", (const unsigned char *)"garbage", 7);
        return true;
    case CMP_CA_OVERSIZE:
        cmp_ca_send_large(fd);
        return true;
    case CMP_CA_HTTP_500:
        cmp_ca_send(fd, "500 Out of order", (const unsigned char *)"", 0);
        return true;
    case CMP_CA_EMPTY:
        cmp_ca_send(fd, "200 OK", (const unsigned char *)"", 0);
        return true;
    case CMP_CA_HANG:
        while (read(fd, &byte, 1) > 0) {
        }
        return true;
    case CMP_CA_DROP:
        return true;
    default:
        return false;
    }
}

CMP_CA_UNUSED static bool cmp_ca_drops(int fault, const char *log)
{
    return (fault == CMP_CA_DROP_CONFIRMED && strncmp(log, "certConf", 8) == 0) ||
           (fault == CMP_CA_DROP_POLL && strncmp(log, "pollReq", 7) == 0);
}

CMP_CA_UNUSED static void cmp_ca_serve_one(struct cmp_ca *ca, int fd)
{
    static struct cmp_ca_http http;
    static unsigned char first[65536];
    static size_t first_length;
    struct cmp_ca_orders *orders = ca->orders;
    size_t length = 0, logged = orders->log_length;
    int fault = orders->fault;
    if (!cmp_ca_read(fd, &http)) {
        return;
    }
    orders->requests++;
    if (cmp_ca_faulty(fd, fault)) {
        return;
    }
    unsigned char *answer = cmp_ca_answer(ca, http.body, http.body_length, &length);
    if (!answer) {
        cmp_ca_send(fd, "400 No", (const unsigned char *)"", 0);
        return;
    }
    if (first_length == 0 && length <= sizeof first) {
        memcpy(first, answer, length);
        first_length = length;
    }
    if (fault == CMP_CA_DAMAGED) {
        answer[length / 2] ^= 1;
    } else if (fault == CMP_CA_TRAILING) {
        answer = OPENSSL_realloc(answer, length + 1);
        answer[length++] = 0;
    }
    if (fault == CMP_CA_HANG_CONFIRMED && strncmp(orders->log + logged, "certConf", 8) == 0) {
        cmp_ca_faulty(fd, CMP_CA_HANG);
    } else if (fault == CMP_CA_REPLAY) {
        cmp_ca_send(fd, "200 OK", first, first_length);
    } else if (!cmp_ca_drops(fault, orders->log + logged)) {
        cmp_ca_send(fd, "200 OK", answer, length);
    }
    OPENSSL_free(answer);
}

CMP_CA_UNUSED static void cmp_ca_serve(struct cmp_ca *ca, int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            cmp_ca_serve_one(ca, fd);
            close(fd);
        }
    }
}

/* A CA with a root of its own that signs its messages too, and knows a secret. */
CMP_CA_UNUSED static void cmp_ca_prepare(struct cmp_ca_run *run)
{
    memset(run, 0, sizeof *run);
    run->orders =
        mmap(NULL, sizeof *run->orders, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(run->orders, MAP_FAILED);
    run->orders->valid_days = 365;
    run->orders->valid_after_s = -3600;
    run->orders->check_after = 1;
    run->ca.orders = run->orders;
    run->ca.issuer = pki_make(&(struct pki_spec){.common_name = "CMP Test CA",
                                                 .ca = true,
                                                 .key_usage = "critical,keyCertSign,cRLSign,"
                                                              "digitalSignature"},
                              NULL);
    run->ca.server = run->ca.issuer;
    run->ca.secret = CMP_CA_SECRET;
}

/* Serve what was prepared until cmp_ca_stop(). */
CMP_CA_UNUSED static void cmp_ca_start(struct cmp_ca_run *run)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)run->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    const int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    run->port = ntohs(name.sin_port);
    snprintf(run->url, sizeof run->url, "http://127.0.0.1:%d/cmp", run->port);
    fflush(NULL);
    run->pid = fork();
    ck_assert_int_ge(run->pid, 0);
    if (run->pid == 0) {
        cmp_ca_serve(&run->ca, listener);
    }
    close(listener);
}

CMP_CA_UNUSED static void cmp_ca_stop(struct cmp_ca_run *run)
{
    if (run->pid > 0) {
        kill(run->pid, SIGKILL);
        ck_assert_int_eq(waitpid(run->pid, NULL, 0), run->pid);
    }
    run->pid = 0;
}

/* Release what was prepared. */
CMP_CA_UNUSED static void cmp_ca_remove(struct cmp_ca_run *run)
{
    cmp_ca_stop(run);
    if (run->ca.server.key != run->ca.issuer.key) {
        pki_clear(&run->ca.server);
    }
    pki_clear(&run->ca.issuer);
    X509_STORE_free(run->ca.trust);
    munmap(run->orders, sizeof *run->orders);
}

/* The log must be exactly this. */
CMP_CA_UNUSED static void cmp_ca_expect_log(const struct cmp_ca_run *run, const char *wanted)
{
    ck_assert_msg(strcmp(run->orders->log, wanted) == 0, "the CA saw\n%sand not\n%s",
                  run->orders->log, wanted);
}

CMP_CA_UNUSED static void cmp_ca_forget_log(struct cmp_ca_run *run)
{
    run->orders->log_length = 0;
    run->orders->log[0] = '\0';
}

#endif
