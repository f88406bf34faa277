/* Running `smimectl tls check` on one service of the loopback interface, whose CA is root.pem, and
 * reading its JSON. Header only. */
#ifndef TESTS_ADMIN_TLS_CHECK_RUN_H
#define TESTS_ADMIN_TLS_CHECK_RUN_H

#include "tls_server_run.h"

#define CHECK_HOST(host, service, ...)                                                             \
    SMIMECTL("tls", "check", (host), "--address", "127.0.0.1", "--service", (service), "--tls-ca", \
             in_dir("root.pem"), __VA_ARGS__)
#define CHECK(service, ...) CHECK_HOST("mail.example.com", (service), __VA_ARGS__)

static inline char *service_at(const char *name, int port)
{
    static char text[64];
    snprintf(text, sizeof text, "%s=%d", name, port);
    return text;
}

/* "a b c": valid until two more were asked for. */
static inline const char *joined(const json_t *row, const char *key)
{
    static char texts[3][4096];
    static size_t next;
    char *text = texts[next++ % 3];
    const size_t size = sizeof texts[0];
    const json_t *list = json_object_get(row, key);
    text[0] = '\0';
    ck_assert_msg(json_is_array(list), "JSON lacks a list \"%s\"", key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", i ? " " : "",
                 json_string_value(json_array_get(list, i)));
    }
    return text;
}

/* The one row of a run that ended with this code; json_decref(). */
static inline json_t *row_of(const char *what, struct run run, int code)
{
    ck_assert_msg(run.code == code, "%s: exit code %d, expected %d\n%s%s", what, run.code, code,
                  run.out, run.err);
    json_t *rows = parse_json(what, run.out);
    ck_assert_uint_eq(json_array_size(rows), 1);
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    run_clear(&run);
    return row;
}

static inline void expect_list(const char *what, const json_t *row, const char *key,
                               const char *wanted)
{
    const char *found = joined(row, key);
    ck_assert_msg(!strcmp(found, wanted), "%s: %s are \"%s\", expected \"%s\": %s", what, key,
                  found, wanted, joined(row, "sentences"));
}

#endif
