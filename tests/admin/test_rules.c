/* smimectl rules add, edit, move, up, down, delete: as an administrator runs them. */
#include <signal.h>
#include <sys/file.h>
#include <sys/xattr.h>

#include "smimectl_run.h"

#define RULE(external, mode)                                                                       \
    "{ managed = [ \"example.com\" ]; external = [ \"" external "\" ]; outgoing = \"" mode "\"; }"

static const char *const rules_text =
    "# the rules, ours\n"
    "rules = ( # first wins\n"
    "\t" RULE("a.test", "sign") ", # a\n"
                                "\n"
                                "  # about b\n"
                                "  " RULE("b.test", "none") " # b\n"
                                                            ");\n"
                                                            "harvest = true;";

static char *config_text(void)
{
    return read_file(run_config, NULL);
}

/* The configuration is as it was before the rules, and then `expected`. */
static void expect_rules(const char *what, const char *expected)
{
    char *text = config_text();
    const char *start = strstr(text, "# the rules, ours");
    ck_assert_msg(start && !strcmp(start, expected), "%s:\n%s\nexpected:\n%s", what, text,
                  expected);
    free(text);
}

static const struct change_case {
    const char *name;
    const char *words[16];
    int code;
    const char *err;
    const char *after; /* NULL: unchanged */
} change_cases[] = {
    {"add",
     {"add", "--managed", "alice@example.com", "--external", "*", "--external=c.test",
      "--incoming-mode", "decrypt-forced", "--note", "A \"note\", {"},
     0,
     "nobody was told to reload",
     "# the rules, ours\n"
     "rules = ( # first wins\n"
     "\t{ note = \"A \\\"note\\\", {\";\n"
     "\t  managed = [ \"alice@example.com\" ];\n"
     "\t  external = [ \"*\", \"c.test\" ];\n"
     "\t  incoming = \"decrypt-forced\"; },\n"
     "\t" RULE("a.test", "sign") ", # a\n\n  # about b\n  " RULE(
         "b.test", "none") " # b\n);\nharvest = true;"},
    {"add last",
     {"add", "--managed=*", "--external=*", "--outgoing-mode=sign", "--position=last"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\t" RULE(
         "a.test", "sign") ", # a\n\n"
                           "  # about b\n  " RULE(
                               "b.test", "none") ", # b\n"
                                                 "  { managed = [ \"*\" ];\n    external = [ \"*\" "
                                                 "];\n    outgoing = \"sign\"; }\n"
                                                 ");\nharvest = true;"},
    {"edit",
     {"edit", "2", "--outgoing-mode", "encrypt-forced"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\t" RULE(
         "a.test", "sign") ", # a\n\n"
                           "  # about b\n  " RULE("b.test",
                                                  "encrypt-forced") " # b\n);\nharvest = true;"},
    {"edit choice and TLS",
     {"edit", "2", "--choice", "free", "--require-tls", "true"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\t" RULE(
         "a.test", "sign") ", # a\n\n  # about b\n  { managed = [ \"example.com\" ]; external = [ "
                           "\"b.test\" ]; outgoing = \"none\"; choice = \"free\"; require_tls = "
                           "true; } # b\n);\nharvest = true;"},
    {"no such choice",
     {"edit", "1", "--choice", "weaken"},
     1,
     "allowed are undefined, none, strengthen, free",
     NULL},
    {"edit a profile",
     {"edit", "2", "--profile", "strict"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\t" RULE(
         "a.test", "sign") ", # a\n\n  # about b\n  { managed = [ \"example.com\" ]; external = [ "
                           "\"b.test\" ]; outgoing = \"none\"; profile = \"strict\"; } # b\n);\n"
                           "harvest = true;"},
    {"no such profile", {"edit", "1", "--profile", "strikt"}, 1, "there is no profile", NULL},
    {"no such TLS", {"edit", "1", "--require-tls", "yes"}, 1, "allowed are true, false", NULL},
    {"up",
     {"up", "2"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n  # about b\n  " RULE(
         "b.test", "none") ", # b\n"
                           "\t" RULE("a.test", "sign") " # a\n\n);\nharvest = true;"},
    {"down",
     {"down", "1"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\n  # about b\n  " RULE(
         "b.test", "none") ", # b\n"
                           "\t" RULE("a.test", "sign") " # a\n);\nharvest = true;"},
    {"move",
     {"move", "1", "2"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\n  # about b\n  " RULE(
         "b.test", "none") ", # b\n"
                           "\t" RULE("a.test", "sign") " # a\n);\nharvest = true;"},
    {"delete",
     {"delete", "2"},
     0,
     "",
     "# the rules, ours\nrules = ( # first wins\n\t" RULE("a.test", "sign") " # a\n\n"
                                                                            ");\nharvest = true;"},
    {"move nowhere", {"move", "1", "1"}, 0, "nothing to change", NULL},
    {"up from the top", {"up", "1"}, 1, "the first one already", NULL},
    {"down from the end", {"down", "2"}, 1, "the last one already", NULL},
    {"delete what is not there", {"delete", "3"}, 1, "positions 1 to 2", NULL},
    {"no position", {"delete", "one"}, 2, "is no position", NULL},
    {"position 0", {"move", "1", "0"}, 2, "is no position", NULL},
    {"a domain that is not ours",
     {"add", "--managed=other.test", "--external=*", "--outgoing-mode=sign"},
     1,
     "not in managed_domains",
     NULL},
    {"our domain outside",
     {"edit", "1", "--external=bob@example.com"},
     1,
     "never matches a managed address",
     NULL},
    {"no mode",
     {"add", "--managed=*", "--external=*", "--incoming-mode=encrypt"},
     1,
     "allowed are undefined, none, decrypt-optional",
     NULL},
    {"neither mode", {"add", "--managed=*", "--external=*"}, 2, "decides nothing", NULL},
    {"no external", {"add", "--managed=*", "--outgoing-mode=sign"}, 2, "are needed", NULL},
    {"edit of nothing", {"edit", "1"}, 2, "what is to be changed?", NULL},
    {"a note of two lines", {"edit", "1", "--note", "a\nb"}, 1, "would be wrong", NULL},
};

static struct run rules(const char *const *words)
{
    const char *argv[24] = {run_program, "-c", run_config, "rules"};
    for (size_t i = 0; words[i]; i++) {
        argv[i + 4] = words[i];
    }
    return run_argv(NULL, argv);
}

START_TEST(test_change)
{
    const struct change_case *c = &change_cases[_i];
    write_config(rules_text);
    char *before = config_text();
    struct run run = rules(c->words);
    ck_assert_msg(run.code == c->code, "%s: exit code %d\n%s%s", c->name, run.code, run.out,
                  run.err);
    ck_assert_msg(strstr(run.err, c->err) != NULL, "%s: %s", c->name, run.err);
    run_clear(&run);
    expect_rules(c->name, c->after ? c->after : rules_text);
    if (c->after) {
        char *backup = read_file(in_dir("smimed.conf.bak"), NULL);
        ck_assert_str_eq(backup, before);
        free(backup);
    } else {
        ck_assert_int_ne(access(in_dir("smimed.conf.bak"), F_OK), 0);
    }
    free(before);
}
END_TEST

START_TEST(test_json)
{
    write_config(rules_text);
    json_t *done = expect_json("move", SMIMECTL("rules", "move", "2", "1", "--json"));
    ck_assert_int_eq(json_integer_value(json_object_get(done, "position")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(done, "rules")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(done, "line")), 11);
    ck_assert_str_eq(text_at(done, "file"), run_config);
    ck_assert_str_eq(text_at(done, "backup"), in_dir("smimed.conf.bak"));
    ck_assert(json_is_null(json_object_get(done, "reloaded")));
    json_decref(done);
    done = expect_json("delete", SMIMECTL("rules", "delete", "2", "--json"));
    ck_assert(json_is_null(json_object_get(done, "line")));
    json_decref(done);
    json_t *list = expect_json("list", SMIMECTL("rules", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(text_at(json_array_get(list, 0), "outgoing"), "none");
    json_decref(list);
}
END_TEST

START_TEST(test_first_rule)
{
    write_config("");
    expect_run("add",
               SMIMECTL("rules", "add", "--managed=*", "--external=*", "--outgoing-mode=sign"), 0,
               NULL);
    expect_output("list", SMIMECTL("rules", "list"), "       1  *        *");
    expect_output("delete", SMIMECTL("rules", "delete", "1"), "rules: 0\n");
    expect_run("add",
               SMIMECTL("rules", "add", "--managed=*", "--external=*", "--outgoing-mode=none"), 0,
               NULL);
    expect_output("list", SMIMECTL("rules", "list"), "none");
}
END_TEST

/* A broken configuration is not made worse. */
START_TEST(test_broken_configuration)
{
    write_config("rules = (\n  " RULE("a.test", "sign") ",\n);\n");
    char *before = config_text();
    expect_run("delete", SMIMECTL("rules", "delete", "1"), 1, "syntax error");
    char *after = config_text();
    ck_assert_str_eq(after, before);
    free(before);
    free(after);
}
END_TEST

/* ---- the file ---- */

static struct stat status_of(const char *path)
{
    struct stat status;
    ck_assert_msg(lstat(path, &status) == 0, "%s: %s", path, strerror(errno));
    return status;
}

START_TEST(test_include_behind_a_link)
{
    ck_assert_int_eq(mkdir(in_dir("real"), 0755), 0);
    write_text(in_dir("real/rules.conf"), "rules = ( " RULE("a.test", "sign") " );");
    ck_assert_int_eq(chmod(in_dir("real/rules.conf"), 0640), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(in_dir("real/rules.conf"), 1, 2), 0);
    }
    /* Not every file system has them. */
    bool marked = setxattr(in_dir("real/rules.conf"), "user.mark", "here", 4, 0) == 0;
    ck_assert_int_eq(symlink("real/rules.conf", in_dir("rules.conf")), 0);
    write_config("@include \"rules.conf\"\n");
    char *before = config_text();
    struct stat old = status_of(in_dir("real/rules.conf"));
    json_t *done = expect_json("delete", SMIMECTL("rules", "delete", "1", "--json"));
    ck_assert_str_eq(text_at(done, "file"), in_dir("rules.conf"));
    ck_assert_str_eq(text_at(done, "backup"), in_dir("real/rules.conf.bak"));
    json_decref(done);
    char *after = config_text(), *text = read_file(in_dir("real/rules.conf"), NULL);
    ck_assert_str_eq(after, before);
    ck_assert_str_eq(text, "rules = (  );");
    ck_assert(S_ISLNK(status_of(in_dir("rules.conf")).st_mode));
    const char *const files[] = {"real/rules.conf", "real/rules.conf.bak"};
    for (size_t i = 0; i < 2; i++) {
        struct stat new = status_of(in_dir(files[i]));
        char mark[8] = "";
        ck_assert_uint_eq(new.st_mode, old.st_mode);
        ck_assert_uint_eq(new.st_uid, old.st_uid);
        ck_assert_uint_eq(new.st_gid, old.st_gid);
        ck_assert(!marked ||
                  (getxattr(in_dir(files[i]), "user.mark", mark, 8) == 4 && !strcmp(mark, "here")));
    }
    free(before);
    free(after);
    free(text);
}
END_TEST

/* No other file than the three is left, whatever happens. */
static void expect_no_rest(void)
{
    struct run run = RUN(NULL, "find", run_directory, "-name", ".smimectl-*");
    ck_assert_str_eq(run.out, "");
    run_clear(&run);
}

/* /dev/full cannot be a configuration; a limit on the size of files fills the disk as well. */
START_TEST(test_full_disk)
{
    write_config(rules_text);
    char *before = config_text(), *command = NULL;
    ck_assert_int_gt(asprintf(&command, "trap '' XFSZ; ulimit -f 0; exec %s -c %s rules up 2 | cat",
                              run_program, run_config),
                     0);
    struct run run = RUN(NULL, "bash", "-o", "pipefail", "-c", command);
    ck_assert_int_eq(run.code, 1);
    run_clear(&run);
    char *after = config_text();
    ck_assert_str_eq(after, before);
    expect_no_rest();
    free(command);
    free(before);
    free(after);
}
END_TEST

/* Two administrators, ten rules each, at once. */
START_TEST(test_concurrent)
{
    enum { WRITERS = 4, RULES = 5 };
    write_config("rules = ( );\n");
    pid_t children[WRITERS];
    fflush(NULL);
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        ck_assert_int_ge(children[w], 0);
        if (children[w] == 0) {
            char *command = NULL;
            if (asprintf(&command,
                         "for i in 1 2 3 4 5; do %s -c %s rules add --managed='*' "
                         "--external=w%d-$i.test --outgoing-mode=sign || exit 1; done >/dev/null "
                         "2>&1",
                         run_program, run_config, w) < 0) {
                _exit(126);
            }
            execlp("sh", "sh", "-c", command, NULL);
            _exit(127);
        }
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[w], &status, 0), children[w]);
        ck_assert_int_eq(status, 0);
    }
    json_t *list = expect_json("list", SMIMECTL("rules", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), WRITERS * RULES);
    json_decref(list);
    expect_no_rest();
}
END_TEST

/* Who holds the folder is waited for, not overtaken. */
START_TEST(test_lock_is_waited_for)
{
    write_config(rules_text);
    int folder = open(run_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(folder, 0);
    ck_assert_int_eq(flock(folder, LOCK_EX), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct run run = SMIMECTL("rules", "delete", "1");
        _exit(run.code == 0 ? 0 : 1);
    }
    usleep(300 * 1000);
    expect_rules("held", rules_text);
    ck_assert_int_eq(flock(folder, LOCK_UN), 0);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    json_t *list = expect_json("list", SMIMECTL("rules", "list", "--json"));
    ck_assert_uint_eq(json_array_size(list), 1);
    json_decref(list);
    close(folder);
}
END_TEST

/* ---- the daemon ---- */

static volatile sig_atomic_t hangups;

static void on_hangup(int number)
{
    (void)number;
    hangups++;
}

static void configure_pid_file(void)
{
    char *more = NULL;
    ck_assert_int_gt(asprintf(&more, "pid_file = \"%s\";\n%s", in_dir("smimed.pid"), rules_text),
                     0);
    write_config(more);
    free(more);
}

/* This process plays the daemon, which holds a lock on its pid file. */
START_TEST(test_daemon_is_told)
{
    char pid[32];
    configure_pid_file();
    signal(SIGHUP, on_hangup);
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    write_text(in_dir("smimed.pid"), pid);
    int held = open(in_dir("smimed.pid"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(held, 0);
    ck_assert_int_eq(flock(held, LOCK_EX), 0);
    json_t *done = expect_json("up", SMIMECTL("rules", "up", "2", "--json"));
    ck_assert_int_eq(json_integer_value(json_object_get(done, "reloaded")), getpid());
    ck_assert_int_eq(hangups, 1);
    json_decref(done);
    write_text(in_dir("smimed.pid"), "nonsense\n");
    expect_run("no number", SMIMECTL("rules", "up", "2"), 3, "has no process id");
    /* A stale pid file names a process that has nothing to do with us. */
    write_text(in_dir("smimed.pid"), pid);
    close(held);
    expect_run("stale", SMIMECTL("rules", "up", "2"), 0, "nobody holds its pid file");
    ck_assert_int_eq(unlink(in_dir("smimed.pid")), 0);
    expect_run("none", SMIMECTL("rules", "up", "2"), 0, "smimed is not running");
    ck_assert_int_eq(hangups, 1);
}
END_TEST

START_TEST(test_audit)
{
    write_config(rules_text);
    expect_run("init", SMIMECTL("init"), 0, NULL);
    expect_run("edit", SMIMECTL("rules", "edit", "1", "--note=x"), 0, NULL);
    struct run run =
        RUN(NULL, "grep", "-c", "rule changed", in_dir("lib/store.db"), in_dir("lib/store.db-wal"));
    ck_assert_msg(run.code == 0 || strstr(run.out, ":1"), "%s%s", run.out, run.err);
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules commands");
    TCase *changes = tcase_create("changes");
    tcase_add_checked_fixture(changes, make_directory, remove_directory);
    tcase_set_timeout(changes, 120);
    tcase_add_loop_test(changes, test_change, 0, sizeof change_cases / sizeof *change_cases);
    tcase_add_test(changes, test_json);
    tcase_add_test(changes, test_first_rule);
    tcase_add_test(changes, test_broken_configuration);
    tcase_add_test(changes, test_include_behind_a_link);
    tcase_add_test(changes, test_full_disk);
    tcase_add_test(changes, test_concurrent);
    tcase_add_test(changes, test_lock_is_waited_for);
    tcase_add_test(changes, test_daemon_is_told);
    tcase_add_test(changes, test_audit);
    suite_add_tcase(suite, changes);
    return run_suite(suite);
}
