/* smimectl mailbox: adding, listing, activating with keys that fit and keys that do not. */
#include <pty.h>
#include <termios.h>

#include "smimectl_run.h"

static struct pki root;
static time_t now;

static void setup(void)
{
    make_store();
    now = time(NULL); /* the clock that smimectl activates by */
    root = pki_ca("Test CA");
    write_pki("ca", &root);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com", "--alias", "a.s@example.com"),
               0, NULL);
}

static void teardown(void)
{
    pki_clear(&root);
    remove_directory();
}

/* NAME.key and NAME.pem by `spec`. */
static void make(const char *name, const struct pki_spec *spec)
{
    struct pki made = pki_make(spec, &root);
    write_pki(name, &made);
    pki_clear(&made);
}

static void make_alice(void)
{
    make("alice", &(struct pki_spec){.addresses = {"alice@example.com"}});
}

/* alice.p12 by openssl, with the CA in it. */
static void make_pkcs12(const char *password_option)
{
    make_alice();
    expect_run("openssl pkcs12",
               OPENSSL("pkcs12", "-export", "-inkey", in_dir("alice.key"), "-in",
                       in_dir("alice.pem"), "-certfile", in_dir("ca.pem"), "-out",
                       in_dir("alice.p12"), "-passout", password_option),
               0, NULL);
}

static char *fingerprint_of(const char *path)
{
    struct run run = OPENSSL("x509", "-in", path, "-noout", "-fingerprint", "-sha256");
    ck_assert_int_eq(run.code, 0);
    char *hex = strchr(run.out, '=');
    ck_assert_ptr_nonnull(hex);
    char *text = calloc(1, 65);
    ck_assert_ptr_nonnull(text);
    size_t length = 0;
    for (hex++; *hex && length < 64; hex++) {
        if (*hex != ':') {
            text[length++] = *hex >= 'A' && *hex <= 'F' ? (char)(*hex - 'A' + 'a') : *hex;
        }
    }
    run_clear(&run);
    return text;
}

static void expect_state(const char *what, const char *state)
{
    json_t *mailbox = expect_json(what, SMIMECTL("mailbox", "show", "alice@example.com", "--json"));
    ck_assert_msg(!strcmp(text_at(mailbox, "state"), state), "%s: %s instead of %s", what,
                  text_at(mailbox, "state"), state);
    json_decref(mailbox);
}

/* ---- add, list, show ---- */

static const struct add_case {
    const char *name;
    const char *address;
    const char *alias; /* NULL: none */
    int code;
    const char *err;
} add_cases[] = {
    {"good", "bob@example.com", NULL, 0, NULL},
    {"capitals and dot", "Carol@EXAMPLE.com.", NULL, 0, NULL},
    {"external", "bob@partner.test", NULL, 1, "not in a managed domain"},
    {"subdomain of a managed domain", "bob@sub.example.com", NULL, 1, "not in a managed domain"},
    {"external alias", "bob@example.com", "bob@partner.test", 1, "not in a managed domain"},
    {"no address", "bob", NULL, 1, "no mail address"},
    {"pattern", "*@example.com", NULL, 1, "is a pattern, no mailbox"},
    {"null path", "<>", NULL, 1, "no mail address"},
    {"escape in it", "b\033[2Job@example.com", NULL, 1, "\\x1b[2J"},
    {"there already", "alice@example.com", NULL, 1, "alice@example.com"},
    {"an alias already", "a.s@example.com", NULL, 1, "a.s@example.com"},
    {"its alias is a mailbox", "bob@example.com", "alice@example.com", 1, "alice@example.com"},
};

START_TEST(test_add)
{
    const struct add_case *c = &add_cases[_i];
    struct run run = c->alias ? SMIMECTL("mailbox", "add", c->address, "--alias", c->alias)
                              : SMIMECTL("mailbox", "add", c->address);
    ck_assert_msg(!strchr(run.err, '\033'), "%s: an escape reached the terminal", c->name);
    expect_run(c->name, run, c->code, c->err);
    json_t *list = expect_json(c->name, SMIMECTL("mailbox", "list", "--json"));
    ck_assert_msg(json_array_size(list) == (c->code ? 1 : 2), "%s: wrong number", c->name);
    json_decref(list);
}
END_TEST

START_TEST(test_list)
{
    expect_run("add", SMIMECTL("mailbox", "add", "a-rather-long-address@example.com"), 0, NULL);
    make_alice();
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    struct run run = SMIMECTL("mailbox", "list");
    ck_assert_int_eq(run.code, 0);
    ck_assert_msg(strstr(run.out, "CERTIFICATE  MAILBOX                            DOMAIN       "
                                  "STATE     EXPIRES\n") == run.out,
                  "%s", run.out);
    ck_assert_msg(strstr(run.out, "          -  a-rather-long-address@example.com  example.com  "
                                  "inactive  -\n") != NULL,
                  "%s", run.out);
    ck_assert_msg(strstr(run.out, "  alice@example.com                  example.com  active    "
                                  "2035-12-30\n") != NULL,
                  "%s", run.out);
    run_clear(&run);
}
END_TEST

static const struct filter_case {
    const char *name;
    const char *option;
    const char *value;
    int code;
    size_t count;
} filter_cases[] = {
    {"domain", "--domain", "example.com", 0, 2},
    {"domain in capitals", "--domain", "EXAMPLE.COM", 0, 2},
    {"other domain", "--domain", "partner.test", 0, 0},
    {"no domain", "--domain", "ex ample", 2, 0},
    {"active", "--state", "active", 0, 1},
    {"inactive", "--state", "inactive", 0, 1},
    {"activating", "--state", "activating", 0, 0},
    {"no state", "--state", "asleep", 2, 0},
};

START_TEST(test_list_filters)
{
    const struct filter_case *c = &filter_cases[_i];
    expect_run("add", SMIMECTL("mailbox", "add", "bob@example.com"), 0, NULL);
    make_alice();
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    if (c->code) {
        expect_run(c->name, SMIMECTL("mailbox", "list", c->option, c->value), c->code, c->value);
        return;
    }
    json_t *list = expect_json(c->name, SMIMECTL("mailbox", "list", c->option, c->value, "--json"));
    ck_assert_msg(json_array_size(list) == c->count, "%s: %zu", c->name, json_array_size(list));
    json_decref(list);
}
END_TEST

START_TEST(test_show)
{
    json_t *mailbox =
        expect_json("show by alias", SMIMECTL("mailbox", "show", "A.S@example.com", "--json"));
    ck_assert_str_eq(text_at(mailbox, "mailbox"), "alice@example.com");
    ck_assert_str_eq(text_at(mailbox, "expires"), "(null)");
    const json_t *aliases = json_object_get(mailbox, "aliases");
    ck_assert_uint_eq(json_array_size(aliases), 1);
    ck_assert_str_eq(json_string_value(json_array_get(aliases, 0)), "a.s@example.com");
    json_decref(mailbox);
    expect_run("unknown", SMIMECTL("mailbox", "show", "bob@example.com"), 1, "there is no mailbox");
}
END_TEST

/* ---- activate with a key and a certificate ---- */

START_TEST(test_activate_with_key_and_certificate)
{
    make_alice();
    json_t *mailbox =
        expect_json("activate", SMIMECTL("--json", "mailbox", "activate", "alice@example.com",
                                         "--key", in_dir("alice.key"), "--cert",
                                         in_dir("alice.pem"), "--chain", in_dir("ca.pem")));
    char *fingerprint = fingerprint_of(in_dir("alice.pem"));
    ck_assert_str_eq(text_at(mailbox, "state"), "active");
    ck_assert_str_eq(text_at(mailbox, "fingerprint"), fingerprint);
    ck_assert_str_eq(text_at(mailbox, "expires"), "2035-12-30T00:00:00Z");
    ck_assert_int_gt(json_integer_value(json_object_get(mailbox, "certificate_id")), 0);
    free(fingerprint);
    json_decref(mailbox);
}
END_TEST

/* Certificates that are no good for Alice, each for one reason. */
static const struct refused_case {
    const char *name;
    struct pki_spec spec;
    int before_days; /* notBefore, notAfter: from now */
    int after_days;
    const char *err;
} refused_cases[] = {
    {"expired", {.addresses = {"alice@example.com"}}, -20, -10, "expired"},
    {"not yet valid", {.addresses = {"alice@example.com"}}, 10, 20, "not yet valid"},
    {"a CA", {.addresses = {"alice@example.com"}, .ca = true}, -10, 10, "CA"},
    {"a domain's", {.common_name = "example.com", .dns_names = {"example.com"}}, -10, 10, "domain"},
    {"somebody else's", {.addresses = {"bob@example.com"}}, -10, 10, "alice@example.com"},
    {"not for mail",
     {.addresses = {"alice@example.com"}, .extended_key_usage = "serverAuth"},
     -10,
     10,
     "extended key usage"},
    {"not for signing",
     {.addresses = {"alice@example.com"}, .key_usage = "critical,keyAgreement"},
     -10,
     10,
     "key usage"},
};

START_TEST(test_activate_refuses)
{
    const struct refused_case *c = &refused_cases[_i];
    struct pki_spec spec = c->spec;
    spec.not_before = now + c->before_days * PKI_DAY;
    spec.not_after = now + c->after_days * PKI_DAY;
    make("bad", &spec);
    expect_run(c->name,
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("bad.key"),
                        "--cert", in_dir("bad.pem")),
               1, c->err);
    expect_state(c->name, "inactive");
}
END_TEST

START_TEST(test_activate_refuses_keys_that_do_not_match)
{
    make_alice();
    make("other", &(struct pki_spec){.addresses = {"alice@example.com"}});
    expect_run("another key",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("other.key"),
                        "--cert", in_dir("alice.pem")),
               1, "the one that the certificate was made for");
    expect_run("a certificate as key",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.pem"),
                        "--cert", in_dir("alice.pem")),
               1, "alice.pem");
    expect_run("a key as certificate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.key")),
               1, "alice.key");
    expect_run("no such file",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("none.key"),
                        "--cert", in_dir("alice.pem")),
               1, "No such file");
    expect_run("a directory",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", run_directory,
                        "--cert", in_dir("alice.pem")),
               1, "directory");
    expect_state("nothing changed", "inactive");
}
END_TEST

START_TEST(test_activate_usage)
{
    make_alice();
    expect_run("key without certificate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key")),
               2, "either --pkcs12");
    expect_run("both ways",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", "x", "--key", "y",
                        "--cert", "z"),
               2, "either --pkcs12");
    expect_run("unknown mailbox",
               SMIMECTL("mailbox", "activate", "bob@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               1, "smimectl mailbox add bob@example.com");
    expect_run("external address",
               SMIMECTL("mailbox", "activate", "bob@partner.test", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               1, "not in a managed domain");
}
END_TEST

/* ---- activate with PKCS#12 and passwords ---- */

START_TEST(test_activate_with_pkcs12)
{
    make_pkcs12("pass:correct horse");
    write_text(in_dir("password"), "correct horse\nsecond line\n");
    write_text(in_dir("password.dos"), "correct horse\r\n");
    write_text(in_dir("wrong"), "incorrect horse\n");
    write_text(in_dir("empty"), "");
    static const struct {
        const char *file;
        int code;
        const char *err;
        const char *state;
    } tries[] = {
        {"wrong", 1, "password", "inactive"},    {"empty", 1, "password", "inactive"},
        {"none", 1, "No such file", "inactive"}, {"password", 0, NULL, "active"},
        {"password.dos", 0, NULL, "active"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        expect_run(tries[i].file,
                   SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12",
                            in_dir("alice.p12"), "--password-file", in_dir(tries[i].file)),
                   tries[i].code, tries[i].err);
        expect_state(tries[i].file, tries[i].state);
    }
    expect_run(
        "nobody to ask",
        SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", in_dir("alice.p12")), 1,
        "--password-file");
    expect_run("password on standard input",
               SMIMECTL_READS(in_dir("password"), "mailbox", "activate", "alice@example.com",
                              "--pkcs12", in_dir("alice.p12"), "--password-file", "-"),
               0, NULL);
}
END_TEST

/* A hint at the wrong thing costs time; a password for everybody costs more. */
START_TEST(test_activate_hints)
{
    make_pkcs12("pass:correct horse");
    write_text(in_dir("password"), "correct horse\n");
    struct run run = SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12",
                              in_dir("none.p12"), "--password-file", in_dir("password"));
    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.err, "No such file") && !strstr(run.err, "the password the one"), "%s",
                  run.err);
    run_clear(&run);
    for (mode_t mode = 0600; mode <= 0644; mode += 044) {
        ck_assert_int_eq(chmod(in_dir("password"), mode), 0);
        run = SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", in_dir("alice.p12"),
                       "--password-file", in_dir("password"));
        ck_assert_int_eq(run.code, 0);
        ck_assert_msg(!strstr(run.err, "everybody on this machine may read it: chmod 600") ==
                          (mode == 0600),
                      "%o: %s", mode, run.err);
        run_clear(&run);
    }
}
END_TEST

START_TEST(test_activate_with_broken_pkcs12)
{
    make_pkcs12("pass:");
    size_t length;
    char *bytes = read_file(in_dir("alice.p12"), &length);
    write_file(in_dir("cut.p12"), bytes, length / 2);
    write_text(in_dir("text.p12"), "this is no PKCS#12 file\n");
    write_text(in_dir("empty.p12"), "");
    free(bytes);
    static const char *const files[] = {"cut.p12", "text.p12", "empty.p12", "alice.pem"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        expect_run(
            files[i],
            SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", in_dir(files[i])), 1,
            files[i]);
        expect_state(files[i], "inactive");
    }
    expect_run(
        "without a password",
        SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", in_dir("alice.p12")), 0,
        NULL);
}
END_TEST

START_TEST(test_activate_refuses_what_is_too_large)
{
    char *large = calloc(1, 2 * 1024 * 1024);
    ck_assert_ptr_nonnull(large);
    write_file(in_dir("large.p12"), large, 2 * 1024 * 1024);
    free(large);
    expect_run(
        "large file",
        SMIMECTL("mailbox", "activate", "alice@example.com", "--pkcs12", in_dir("large.p12")), 1,
        "larger than");
}
END_TEST

/* A person types after the prompt; what is typed before the echo is off would be seen. */
static void wait_for_no_echo(int terminal)
{
    struct termios state;
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(tcgetattr(terminal, &state), 0);
        if (!(state.c_lflag & (tcflag_t)ECHO)) {
            return;
        }
        usleep(10000);
    }
    ck_abort_msg("the terminal still echoes");
}

/* Answer what the child asks on its terminal; all that it wrote there is a new string. */
static char *answer_terminal(int terminal, const char *answer)
{
    char *seen = calloc(1, 65536);
    ck_assert_ptr_nonnull(seen);
    size_t length = 0;
    bool answered = false;
    ssize_t got;
    while ((got = read(terminal, seen + length, 65535 - length)) > 0) {
        length += (size_t)got;
        if (!answered && strstr(seen, "Password of ")) {
            answered = true;
            wait_for_no_echo(terminal);
            ck_assert_int_eq(write(terminal, answer, strlen(answer)), (ssize_t)strlen(answer));
        }
    }
    return seen;
}

static int activate_on_terminal(const char *answer, char **seen_out)
{
    int terminal = -1, status = 0;
    fflush(NULL);
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execl(run_program, run_program, "-c", run_config, "mailbox", "activate",
              "alice@example.com", "--pkcs12", in_dir("alice.p12"), (char *)NULL);
        _exit(127);
    }
    *seen_out = answer_terminal(terminal, answer);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(test_activate_asks_on_the_terminal)
{
    make_pkcs12("pass:correct horse");
    char *seen = NULL;
    ck_assert_int_eq(activate_on_terminal("incorrect horse\n", &seen), 1);
    ck_assert_msg(strstr(seen, "horse") == NULL, "the password was echoed: %s", seen);
    ck_assert_msg(strstr(seen, "alice.p12") != NULL, "%s", seen);
    free(seen);
    expect_state("wrong password", "inactive");
    ck_assert_int_eq(activate_on_terminal("correct horse\n", &seen), 0);
    ck_assert_msg(strstr(seen, "horse") == NULL, "the password was echoed: %s", seen);
    free(seen);
    expect_state("right password", "active");
}
END_TEST

START_TEST(test_activate_with_encrypted_key)
{
    make_alice();
    write_text(in_dir("password"), "correct horse");
    write_text(in_dir("wrong"), "incorrect horse");
    expect_run("openssl pkcs8",
               OPENSSL("pkcs8", "-topk8", "-in", in_dir("alice.key"), "-out", in_dir("locked.key"),
                       "-passout", "pass:correct horse"),
               0, NULL);
    expect_run("wrong password",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("locked.key"),
                        "--cert", in_dir("alice.pem"), "--password-file", in_dir("wrong")),
               1, "password");
    expect_state("wrong password", "inactive");
    expect_run("right password",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("locked.key"),
                        "--cert", in_dir("alice.pem"), "--password-file", in_dir("password")),
               0, NULL);
    expect_state("right password", "active");
}
END_TEST

/* ---- deactivate, never-decrypt ---- */

START_TEST(test_deactivate)
{
    make_alice();
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    expect_run("one of two",
               SMIMECTL("mailbox", "deactivate", "bob@example.com", "alice@example.com"), 3,
               "there is no mailbox bob@example.com");
    expect_state("deactivated", "inactive");
    expect_run("none", SMIMECTL("mailbox", "deactivate", "bob@example.com"), 1, "no mailbox");
    expect_run("no address", SMIMECTL("mailbox", "deactivate", "bob"), 1, "no mail address");
    /* The key stays: rules explain finds it for decryption. */
    json_t *answer = expect_json("explain", SMIMECTL("rules", "explain", "--from", "e@other.test",
                                                     "--to", "alice@example.com", "--json"));
    const json_t *incoming = json_object_get(answer, "incoming");
    ck_assert(
        json_is_object(json_object_get(json_object_get(incoming, "decryption"), "certificate")));
    json_decref(answer);
}
END_TEST

START_TEST(test_never_decrypt)
{
    static const struct {
        const char *word;
        bool never;
    } steps[] = {{"on", true}, {"on", true}, {"off", false}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        expect_run(steps[i].word,
                   SMIMECTL("mailbox", "never-decrypt", "alice@example.com", steps[i].word), 0,
                   NULL);
        json_t *mailbox =
            expect_json("show", SMIMECTL("mailbox", "show", "alice@example.com", "--json"));
        ck_assert(json_is_true(json_object_get(mailbox, "never_decrypt")) == steps[i].never);
        json_decref(mailbox);
    }
    expect_run("neither", SMIMECTL("mailbox", "never-decrypt", "alice@example.com", "maybe"), 2,
               "must be on or off");
    expect_run("unknown", SMIMECTL("mailbox", "never-decrypt", "bob@example.com", "on"), 1,
               "no mailbox");
}
END_TEST

#define COUNT(array) (sizeof(array) / sizeof *(array))

int main(void)
{
    Suite *suite = suite_create("smimectl mailbox");
    TCase *tests = tcase_create("mailbox");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_add, 0, COUNT(add_cases));
    tcase_add_test(tests, test_list);
    tcase_add_loop_test(tests, test_list_filters, 0, COUNT(filter_cases));
    tcase_add_test(tests, test_show);
    tcase_add_test(tests, test_activate_with_key_and_certificate);
    tcase_add_loop_test(tests, test_activate_refuses, 0, COUNT(refused_cases));
    tcase_add_test(tests, test_activate_refuses_keys_that_do_not_match);
    tcase_add_test(tests, test_activate_usage);
    tcase_add_test(tests, test_activate_with_pkcs12);
    tcase_add_test(tests, test_activate_hints);
    tcase_add_test(tests, test_activate_with_broken_pkcs12);
    tcase_add_test(tests, test_activate_refuses_what_is_too_large);
    tcase_add_test(tests, test_activate_asks_on_the_terminal);
    tcase_add_test(tests, test_activate_with_encrypted_key);
    tcase_add_test(tests, test_deactivate);
    tcase_add_test(tests, test_never_decrypt);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
