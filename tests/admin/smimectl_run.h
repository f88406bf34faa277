/* Running smimectl and openssl as an administrator would, in a directory of the test's own.
 *
 * Header only, like test_pki.h. The program that is tested lies in $SMIMED_BUILD, or beside the
 * folder that holds the test program itself (build/VARIANT). */
#ifndef TESTS_ADMIN_SMIMECTL_RUN_H
#define TESTS_ADMIN_SMIMECTL_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <jansson.h>

#include "test_pki.h"

#define RUN_PATH_BYTES 512

static char run_directory[RUN_PATH_BYTES];
static char run_program[PATH_MAX];
static char run_config[RUN_PATH_BYTES];

/* What a program did. */
struct run {
    int code; /* exit code; -1: killed by a signal */
    char *out;
    size_t out_length;
    char *err;
    long max_rss_kb;
};

/* Path of a file in the test's directory: valid until sixteen more were asked for. */
static inline char *in_dir(const char *name)
{
    static char paths[16][RUN_PATH_BYTES * 2];
    static size_t next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", run_directory, name);
    return path;
}

static inline void write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "we");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

static inline char *read_file(const char *path, size_t *length_out)
{
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    struct stat status;
    ck_assert_int_eq(fstat(fileno(file), &status), 0);
    size_t length = (size_t)status.st_size;
    char *bytes = malloc(length + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, length, file), length);
    bytes[length] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    if (length_out) {
        *length_out = length;
    }
    return bytes;
}

static inline void redirect(const char *path, int flags, int target)
{
    int descriptor = open(path, flags | O_NOCTTY, 0600);
    if (descriptor < 0 || dup2(descriptor, target) < 0) {
        _exit(126);
    }
}

/* Run `argv` with standard input from `input` (NULL: nothing) and no terminal. */
static inline struct run run_argv(const char *input, const char *const *argv)
{
    char *out = in_dir("stdout"), *err = in_dir("stderr");
    struct run run = {0};
    struct rusage usage;
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        setsid(); /* so that nobody is asked for a password */
        redirect(input ? input : "/dev/null", O_RDONLY, STDIN_FILENO);
        redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    ck_assert_int_eq(wait4(child, &status, 0, &usage), child);
    run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    run.max_rss_kb = usage.ru_maxrss;
    run.out = read_file(out, &run.out_length);
    run.err = read_file(err, NULL);
    return run;
}

#define RUN(input, ...) run_argv((input), (const char *const[]){__VA_ARGS__, NULL})
#define SMIMECTL(...) RUN(NULL, run_program, "-c", run_config, __VA_ARGS__)
#define SMIMECTL_READS(input, ...) RUN((input), run_program, "-c", run_config, __VA_ARGS__)
#define OPENSSL(...) RUN(NULL, "openssl", __VA_ARGS__)

static inline void run_clear(struct run *run)
{
    free(run->out);
    free(run->err);
    *run = (struct run){0};
}

/* Expect an exit code and that `err` (NULL: anything) stands in standard error; release. */
static inline void expect_run(const char *what, struct run run, int code, const char *err)
{
    ck_assert_msg(run.code == code, "%s: exit code %d, expected %d\n%s%s", what, run.code, code,
                  run.out, run.err);
    ck_assert_msg(!err || strstr(run.err, err), "%s: standard error lacks \"%s\":\n%s", what, err,
                  run.err);
    run_clear(&run);
}

/* Expect exit code 0 and `text` in standard output; release. */
static inline void expect_output(const char *what, struct run run, const char *text)
{
    ck_assert_msg(run.code == 0, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    ck_assert_msg(strstr(run.out, text) != NULL, "%s: standard output lacks \"%s\":\n%s", what,
                  text, run.out);
    run_clear(&run);
}

static inline json_t *parse_json(const char *what, const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(value != NULL, "%s: no JSON: %s\n%s", what, error.text, text);
    return value;
}

/* Standard output of a successful run as JSON; release. */
static inline json_t *expect_json(const char *what, struct run run)
{
    ck_assert_msg(run.code == 0, "%s: exit code %d\n%s%s", what, run.code, run.out, run.err);
    json_t *value = parse_json(what, run.out);
    run_clear(&run);
    return value;
}

static inline const char *text_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(value != NULL, "JSON lacks \"%s\"", key);
    return json_is_null(value) ? "(null)" : json_string_value(value);
}

/* ---- the directory ---- */

static inline void find_program(void)
{
    const char *build = getenv("SMIMED_BUILD");
    char self[PATH_MAX];
    if (build) {
        snprintf(run_program, sizeof run_program, "%s/smimectl", build);
    } else {
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        ck_assert_int_gt(length, 0);
        self[length] = '\0';
        char *tests = strstr(self, "/tests/");
        ck_assert_ptr_nonnull(tests);
        *tests = '\0';
        ck_assert_int_lt(snprintf(run_program, sizeof run_program, "%s/smimectl", self),
                         (int)sizeof run_program);
    }
    ck_assert_msg(access(run_program, X_OK) == 0, "%s is not built", run_program);
}

/* A configuration whose paths lie in the directory, with `more` lines. */
static inline void write_config(const char *more)
{
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text,
                              "managed_domains = [ \"example.com\" ];\n"
                              "store = \"%s/lib/store.db\";\n"
                              "master_secret = \"%s/etc/master.secret\";\n"
                              "spool = \"%s/spool\";\n"
                              "mozilla_roots = \"\";\n"
                              "user = \"\";\n"
                              "authserv_id = \"mail.example.com\";\n"
                              "%s",
                              run_directory, run_directory, run_directory, more),
                     0);
    write_text(run_config, text);
    free(text);
}

static inline void make_directory(void)
{
    snprintf(run_directory, sizeof run_directory, "/tmp/smimectl-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(run_directory));
    snprintf(run_config, sizeof run_config, "%s", in_dir("smimed.conf"));
    find_program();
    write_config("");
}

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static inline void remove_directory(void)
{
    nftw(run_directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The directory with a store in it. */
static inline void make_store(void)
{
    make_directory();
    expect_run("init", SMIMECTL("init"), 0, NULL);
}

/* Write NAME.key and NAME.pem. */
static inline void write_pki(const char *name, const struct pki *pki)
{
    char file[RUN_PATH_BYTES];
    snprintf(file, sizeof file, "%s.pem", name);
    pki_write_certificate(in_dir(file), pki->certificate);
    snprintf(file, sizeof file, "%s.key", name);
    pki_write_key(in_dir(file), pki->key);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
