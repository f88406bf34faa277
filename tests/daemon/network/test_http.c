/* One HTTP request, against a server that answers as it is told, and against openssl s_server. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <netinet/in.h>

#include "http.h"
#include "http_server_run.h"
#include "public_address.h"
#include "test_pki.h"
#include "test_run.h"
#include "why.h"

static const struct http_network loopback = {
    .prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127}, .prefix_bits = 104};

static struct http_server server;
static unsigned char *body;
static size_t body_length;
static char *why;

static void setup(void)
{
    body = NULL;
    why = NULL;
}

static void teardown(void)
{
    if (server.pid > 0)
        http_server_stop(&server);
    free(body);
    why_free(&why);
}

static void serve(const char *text)
{
    static struct http_answer answer;

    answer = (struct http_answer){.bytes = text, .length = strlen(text)};
    http_server_start(&server, &answer);
}

/* Ask the server, with what is not said in `request` filled in. */
static enum http_status ask(struct http_request request, const char *path)
{
    char url[200];

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    if (!request.url)
        request.url = url;
    if (!request.max_bytes)
        request.max_bytes = 1000;
    if (!request.timeout_ms)
        request.timeout_ms = 10000;
    return http_exchange(&request, &body, &body_length, &why);
}

static void expect_refused(enum http_status status, enum http_status wanted, const char *text)
{
    ck_assert_int_eq(status, wanted);
    ck_assert_ptr_null(body);
    ck_assert_msg(strstr(why_text(&why), text), "said: %s", why_text(&why));
}

static void read_request(char *out, size_t size)
{
    ssize_t length = read(server.requests, out, size - 1);

    ck_assert_int_gt(length, 0);
    out[length] = '\0';
}

START_TEST(gets)
{
    char request[2000];

    serve("HTTP/1.0 200 OK\r\nContent-Type: application/pkix-crl\r\n\r\nhello");
    ck_assert_int_eq(
        ask((struct http_request){.networks = &loopback, .network_count = 1}, "/a.crl"), HTTP_OK);
    ck_assert_uint_eq(body_length, 5);
    ck_assert_mem_eq(body, "hello", 5);
    read_request(request, sizeof request);
    ck_assert_msg(strncmp(request, "GET /a.crl HTTP/1.1\r\n", 21) == 0, "%s", request);
    ck_assert_ptr_nonnull(strstr(request, "User-Agent: smimed/"));
}
END_TEST

START_TEST(posts)
{
    char request[2000];

    serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert_int_eq(ask((struct http_request){.any_address = true,
                                               .body = "a\0b",
                                               .body_length = 3,
                                               .content_type = "application/pkixcmp"},
                         "/cmp"),
                     HTTP_OK);
    ck_assert_mem_eq(body, "ok", 2);
    read_request(request, sizeof request);
    ck_assert_msg(strncmp(request, "POST /cmp HTTP/1.1\r\n", 20) == 0, "%s", request);
    ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Type: application/pkixcmp\r\n"));
    ck_assert_ptr_nonnull(strstr(request, "\r\nContent-Length: 3\r\n"));
    ck_assert_mem_eq(strstr(request, "\r\n\r\n") + 4, "a\0b", 3);
}
END_TEST

START_TEST(an_empty_answer_is_one)
{
    serve("HTTP/1.1 204 No Content\r\n\r\n");
    ck_assert_int_eq(ask((struct http_request){.any_address = true}, "/"), HTTP_OK);
    ck_assert_ptr_nonnull(body);
    ck_assert_uint_eq(body_length, 0);
}
END_TEST

/* What a stranger's certificate names must not lead behind the firewall. */
START_TEST(a_strangers_address_is_public)
{
    serve("HTTP/1.0 200 OK\r\n\r\nsecret");
    expect_refused(ask((struct http_request){0}, "/"), HTTP_REFUSED, "private network");
    static const char *const urls[] = {
        "http://localhost/", "http://[::1]/",           "http://[::ffff:127.0.0.1]/",
        "http://0/",         "http://169.254.169.254/", "http://2130706433/",
        "http://10.0.0.1/",  "http://[fe80::1]/",       "http://0x7f.1/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        expect_refused(ask((struct http_request){.url = urls[i]}, "/"), HTTP_REFUSED,
                       "private network");
}
END_TEST

/* Who lets strangers into all IPv6 networks does not mean those of IPv4. */
START_TEST(a_wide_ipv6_network_is_no_ipv4_network)
{
    static const struct http_network wide[] = {{.prefix_bits = 0}, {.prefix_bits = 80}};
    serve("HTTP/1.0 200 OK\r\n\r\nsecret");
    expect_refused(ask((struct http_request){.networks = wide, .network_count = 2}, "/"),
                   HTTP_REFUSED, "private network");
}
END_TEST

START_TEST(low_ports_are_not_asked)
{
    expect_refused(ask((struct http_request){.url = "http://127.0.0.1:25/",
                                             .networks = &loopback,
                                             .network_count = 1},
                       "/"),
                   HTTP_REFUSED, "port");
}
END_TEST

START_TEST(only_http)
{
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
                                       "gopher://127.0.0.1/", "ldap://127.0.0.1/",
                                       "smtp://127.0.0.1/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        expect_refused(ask((struct http_request){.url = urls[i], .any_address = true}, "/"),
                       HTTP_REFUSED, "no http or https address");
}
END_TEST

START_TEST(long_urls_are_refused)
{
    char url[HTTP_MAX_URL_BYTES + 2];

    memset(url, 'a', sizeof url - 1);
    memcpy(url, "http://", 7);
    url[sizeof url - 1] = '\0';
    expect_refused(ask((struct http_request){.url = url}, "/"), HTTP_REFUSED, "longer than");
}
END_TEST

START_TEST(redirects_are_judged_anew)
{
    serve("HTTP/1.0 302 Found\r\nLocation: http://10.255.255.1/\r\n\r\n");
    expect_refused(ask((struct http_request){.networks = &loopback, .network_count = 1}, "/"),
                   HTTP_REFUSED, "private network");
}
END_TEST

START_TEST(redirects_lead_to_no_file)
{
    serve("HTTP/1.0 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n");
    expect_refused(ask((struct http_request){.any_address = true}, "/"), HTTP_REFUSED,
                   "no http or https address");
}
END_TEST

START_TEST(redirects_end)
{
    serve("HTTP/1.0 302 Found\r\nLocation: /again\r\n\r\n");
    expect_refused(ask((struct http_request){.any_address = true}, "/"), HTTP_FAILED, "redirects");
}
END_TEST

START_TEST(errors_are_no_answers)
{
    serve("HTTP/1.0 404 Not Found\r\n\r\nno such list");
    expect_refused(ask((struct http_request){.any_address = true}, "/"), HTTP_FAILED, "404");
}
END_TEST

START_TEST(size_is_bounded)
{
    static char text[2000] = "HTTP/1.0 200 OK\r\n\r\n";

    memset(text + 19, 'x', 1001);
    serve(text);
    expect_refused(ask((struct http_request){.any_address = true, .max_bytes = 1000}, "/"),
                   HTTP_FAILED, "larger than 1000 bytes");
    ck_assert_int_eq(ask((struct http_request){.any_address = true, .max_bytes = 1001}, "/"),
                     HTTP_OK);
    ck_assert_uint_eq(body_length, 1001);
}
END_TEST

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* Each byte in time, the whole never. */
START_TEST(time_is_bounded)
{
    static const char text[] = "HTTP/1.0 200 OK\r\n\r\nslowly";
    static const struct http_answer answers[] = {
        {.bytes = text, .length = sizeof text - 1, .delay_ms = 20000},
        {.bytes = text, .length = sizeof text - 1, .drip_bytes = 1, .drip_ms = 200},
    };
    struct timespec start;

    http_server_start(&server, &answers[_i]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    expect_refused(ask((struct http_request){.any_address = true, .timeout_ms = 500}, "/"),
                   HTTP_FAILED, "timed out");
    ck_assert_int_ge(elapsed_ms(&start), 400);
    ck_assert_int_lt(elapsed_ms(&start), 3000);
}
END_TEST

START_TEST(nobody_there)
{
    serve("");
    http_server_stop(&server);
    expect_refused(ask((struct http_request){.any_address = true}, "/"), HTTP_FAILED, "connect");
}
END_TEST

/* The environment is not the administrator's word. */
START_TEST(proxies_are_named_by_the_caller)
{
    char proxy[60], request[2000];

    serve("HTTP/1.0 200 OK\r\n\r\nproxied");
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    expect_refused(
        ask((struct http_request){.url = "http://127.0.0.1:1/", .any_address = true}, "/"),
        HTTP_FAILED, "connect");
    ck_assert_int_eq(
        ask((struct http_request){.url = "http://ca.example.com/a.crl", .proxy = proxy}, "/"),
        HTTP_OK);
    ck_assert_mem_eq(body, "proxied", 7);
    read_request(request, sizeof request);
    ck_assert_msg(strncmp(request, "GET http://ca.example.com/a.crl HTTP/1.1\r\n", 42) == 0, "%s",
                  request);
}
END_TEST

struct tls_server {
    char dir[64];
    char ca_file[80];
    pid_t pid;
    int port;
};

/* openssl s_server with a certificate for 127.0.0.1 is too much to ask of test_pki.h: localhost. */
static void tls_start(struct tls_server *tls, const char *name)
{
    char command[600], line[200] = "";
    FILE *out;

    strcpy(tls->dir, "/tmp/smimed-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tls->dir));
    snprintf(tls->ca_file, sizeof tls->ca_file, "%s/cert.pem", tls->dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
             " -keyout %s/key.pem -out %s -subj /CN=%s -addext subjectAltName=DNS:%s 2>/dev/null",
             tls->dir, tls->ca_file, name, name);
    ck_assert_int_eq(system(command), 0);
    snprintf(command, sizeof command,
             "cd %s && echo hello >file && exec openssl s_server -accept 127.0.0.1:0 -key key.pem"
             " -cert cert.pem -WWW 2>/dev/null & echo $! >%s/pid",
             tls->dir, tls->dir);
    snprintf(command + strlen(command), sizeof command - strlen(command), " ; wait");
    out = popen(command, "r");
    ck_assert_ptr_nonnull(out);
    while (fgets(line, sizeof line, out))
        if (sscanf(line, "ACCEPT 127.0.0.1:%d", &tls->port) == 1)
            break;
    ck_assert_int_gt(tls->port, 0);
    snprintf(command, sizeof command, "%s/pid", tls->dir);
    out = fopen(command, "r");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(fscanf(out, "%d", &tls->pid), 1);
    fclose(out);
}

static void tls_stop(struct tls_server *tls)
{
    char command[100];

    kill(tls->pid, SIGKILL);
    snprintf(command, sizeof command, "rm -rf %s", tls->dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(tls_is_verified)
{
    static const struct {
        const char *name;
        bool own_ca;
        enum http_status status;
        const char *text;
    } cases[] = {
        {"localhost", true, HTTP_OK, ""},
        {"localhost", false, HTTP_FAILED, "certificate"},
        {"elsewhere.test", true, HTTP_FAILED, "subject name"},
    };
    struct tls_server tls = {0};
    char url[100];
    enum http_status status;

    tls_start(&tls, cases[_i].name);
    snprintf(url, sizeof url, "https://localhost:%d/file", tls.port);
    status = ask((struct http_request){.url = url,
                                       .any_address = true,
                                       .ca_file = cases[_i].own_ca ? tls.ca_file : NULL},
                 "");
    tls_stop(&tls);
    ck_assert_msg(status == cases[_i].status, "%s", why_text(&why));
    if (status == HTTP_OK)
        ck_assert_mem_eq(body, "hello\n", 6);
    else
        ck_assert_msg(strstr(why_text(&why), cases[_i].text) != NULL, "%s", why_text(&why));
}
END_TEST

static bool judge(const char *text)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
        return public_address((const struct sockaddr *)&ipv4);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &ipv6.sin6_addr), 1);
    return public_address((const struct sockaddr *)&ipv6);
}

START_TEST(public_and_other_addresses)
{
    static const char *const global[] = {
        "1.1.1.1",         "9.255.255.255",  "11.0.0.0",    "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",      "172.15.0.1",  "172.32.0.1",      "192.167.255.255",
        "192.169.0.0",     "198.17.0.1",     "198.20.0.0",  "223.255.255.255", "2a01:4f8::1",
        "2600::1",         "::ffff:1.1.1.1", "2001:500::1",
    };
    static const char *const other[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fdff::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001::1",
        "64:ff9b::7f00:1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "4000::1",
    };
    for (size_t i = 0; i < sizeof global / sizeof *global; i++)
        ck_assert_msg(judge(global[i]), "%s is public", global[i]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        ck_assert_msg(!judge(other[i]), "%s is not public", other[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *cases = tcase_create("exchange");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, gets);
    tcase_add_test(cases, posts);
    tcase_add_test(cases, an_empty_answer_is_one);
    tcase_add_test(cases, a_strangers_address_is_public);
    tcase_add_test(cases, a_wide_ipv6_network_is_no_ipv4_network);
    tcase_add_test(cases, low_ports_are_not_asked);
    tcase_add_test(cases, only_http);
    tcase_add_test(cases, long_urls_are_refused);
    tcase_add_test(cases, redirects_are_judged_anew);
    tcase_add_test(cases, redirects_lead_to_no_file);
    tcase_add_test(cases, redirects_end);
    tcase_add_test(cases, errors_are_no_answers);
    tcase_add_test(cases, size_is_bounded);
    tcase_add_loop_test(cases, time_is_bounded, 0, 2);
    tcase_add_test(cases, nobody_there);
    tcase_add_test(cases, proxies_are_named_by_the_caller);
    tcase_add_loop_test(cases, tls_is_verified, 0, 3);
    tcase_add_test(cases, public_and_other_addresses);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
