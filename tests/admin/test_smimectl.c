/* smimectl: command line, help, configuration, init, rules. */
#include "command.h"
#include "smimectl_run.h"

/* ---- command line ---- */

static const struct usage_case {
    const char *name;
    const char *words[8];
    int code;
    const char *out; /* in standard output */
    const char *err; /* in standard error */
} usage_cases[] = {
    {"no command", {NULL}, 2, "", "a command is missing"},
    {"help", {"help"}, 0, "Exit codes: 0 done", ""},
    {"--help", {"--help"}, 0, "mailbox", ""},
    {"-h for a command", {"pubkey", "import", "-h"}, 0, "smimectl pubkey import bob.pem", ""},
    {"help for a group", {"help", "trust"}, 0, "delete ID...", ""},
    {"help for a single command", {"help", "process"}, 0, "--incoming|--outgoing", ""},
    {"help for nothing", {"help", "nothing"}, 2, "", "no command \"nothing\""},
    {"help for an unknown part", {"help", "trust", "fly"}, 2, "", "no command \"trust fly\""},
    {"--version", {"--version"}, 0, "smimectl ", ""},
    {"unknown command", {"fly"}, 2, "", "no command \"fly\""},
    {"unknown part", {"mailbox", "fly"}, 2, "", "no command \"mailbox fly\""},
    {"group alone", {"mailbox"}, 2, "", "needs to know what to do"},
    {"unknown option", {"mailbox", "list", "--fly"}, 2, "", "--fly"},
    {"ambiguous option", {"mailbox", "list", "--c=x"}, 2, "", "ambiguous"},
    {"escape in an option", {"--\033[31m"}, 2, "", "--\\x1b[31m"},
    {"option without its value", {"mailbox", "list", "--domain"}, 2, "", "needs a value"},
    {"value where none belongs", {"mailbox", "list", "--json=x"}, 2, "", "none belongs"},
    {"option of another command", {"mailbox", "list", "--der"}, 2, "", "does not belong"},
    {"option twice", {"mailbox", "list", "--state=a", "--state=b"}, 2, "", "given twice"},
    {"too few words", {"mailbox", "add"}, 2, "", "usage: smimectl mailbox add ADDRESS"},
    {"too many words", {"mailbox", "add", "a@example.com", "b"}, 2, "", "\"b\" is too much"},
    {"init with a word", {"init", "now"}, 2, "", "\"now\" is too much"},
    {"explain without --to", {"rules", "explain", "--from=a@b.c"}, 2, "", "one --to"},
    {"process without direction",
     {"process", "--from=a@b.c", "--to=a@b.c"},
     2,
     "",
     "exactly one of"},
    {"process with both directions",
     {"process", "--incoming", "--outgoing", "--from=a@b.c", "--to=a@b.c"},
     2,
     "",
     "exactly one of"},
    {"process without sender", {"process", "--incoming", "--to=a@b.c"}, 2, "", "--from and"},
    {"process with a role of the other direction",
     {"process", "--incoming", "--from=a@b.c", "--to=a@b.c", "--role=local"},
     2,
     "",
     "by the role inbound"},
    {"process with no role",
     {"process", "--incoming", "--from=a@b.c", "--to=a@b.c", "--role=king"},
     2,
     "",
     "\"king\" is no role"},
    {"process at no time",
     {"process", "--incoming", "--from=a@b.c", "--to=a@b.c", "--at=2026-02-30"},
     2,
     "",
     "is no time"},
    {"process from no client",
     {"process", "--outgoing", "--from=a@b.c", "--to=a@b.c", "--client=192.0.2.256"},
     2,
     "",
     "is no IP address"},
};

START_TEST(test_usage)
{
    const struct usage_case *c = &usage_cases[_i];
    const char *argv[10] = {run_program};
    for (size_t i = 0; c->words[i]; i++) {
        argv[i + 1] = c->words[i];
    }
    struct run run = run_argv(NULL, argv);
    ck_assert_msg(run.code == c->code, "%s: exit code %d\n%s%s", c->name, run.code, run.out,
                  run.err);
    ck_assert_msg(strstr(run.out, c->out) != NULL, "%s: %s", c->name, run.out);
    ck_assert_msg(strstr(run.err, c->err) != NULL, "%s: %s", c->name, run.err);
    ck_assert_msg(c->code != 0 || !*run.err, "%s: standard error is not empty", c->name);
    run_clear(&run);
}
END_TEST

/* Every one that there is: its help is that of its table, and its example calls it. */
START_TEST(test_every_command_has_an_example)
{
    for (size_t g = 0; command_groups[g]; g++) {
        const struct command_group *group = command_groups[g];
        for (const struct command *command = group->commands; command->run; command++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s%s", group->name, command->name ? " " : "",
                     command->name ? command->name : "");
            struct run run = RUN(NULL, run_program, "help", group->name, command->name);
            struct run same = command->name
                                  ? RUN(NULL, run_program, group->name, command->name, "--help")
                                  : RUN(NULL, run_program, "--help", group->name);
            ck_assert_msg(run.code == 0 && !*run.err, "help %s: %s", name, run.err);
            ck_assert_msg(!strcmp(run.out, same.out), "%s --help: %s", name, same.out);
            const char *example = strstr(run.out, "\nExample:\n  ");
            ck_assert_msg(example != NULL, "%s has no example", name);
            const char *called = strstr(example, "smimectl ");
            ck_assert_msg(called && strstr(called, name), "the example of %s: %s", name, example);
            ck_assert_msg(strstr(run.out, "usage: smimectl ") == run.out, "%s", run.out);
            /* Fits a terminal. */
            for (const char *line = run.out; *line; line += strcspn(line, "\n") + 1) {
                ck_assert_msg(strcspn(line, "\n") <= 100, "help %s is too wide: %.100s", name,
                              line);
            }
            run_clear(&same);
            run_clear(&run);
        }
    }
}
END_TEST

/* `name` after `macro`, as the manual marks it up. */
static bool manual_names(const char *manual, const char *macro, const char *name)
{
    char wanted[128];
    int length = snprintf(wanted, sizeof wanted, "%s %s", macro, name);
    for (const char *at = manual; (at = strstr(at, wanted)); at++) {
        if (at[length] == ' ' || at[length] == '\n') {
            return true;
        }
    }
    return false;
}

START_TEST(test_manual_is_complete)
{
    char *manual = read_file("man/smimectl.8", NULL);
    for (size_t g = 0; command_groups[g]; g++) {
        const struct command_group *group = command_groups[g];
        for (const struct command *command = group->commands; command->run; command++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s%s", group->name, command->name ? " " : "",
                     command->name ? command->name : "");
            ck_assert_msg(manual_names(manual, "Cm", name), "the manual lacks %s", name);
            for (const char *at = command->synopsis; (at = strstr(at, "--")); at += 2) {
                char option[64];
                snprintf(option, sizeof option, "-%.*s", (int)strcspn(at + 2, " ]|)\n"), at + 2);
                ck_assert_msg(manual_names(manual, "Fl", option), "the manual lacks -%s of %s",
                              option, name);
            }
        }
    }
    free(manual);
}
END_TEST

START_TEST(test_options_stand_anywhere)
{
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    struct run run = RUN(NULL, run_program, "mailbox", "--json", "list", "--domain", "example.com",
                         "-c", run_config);
    json_t *list = expect_json("list", run);
    ck_assert_uint_eq(json_array_size(list), 1);
    json_decref(list);
}
END_TEST

/* ---- configuration ---- */

START_TEST(test_configuration_missing)
{
    expect_run("missing", RUN(NULL, run_program, "-c", in_dir("none.conf"), "rules", "list"), 1,
               "none.conf");
}
END_TEST

START_TEST(test_configuration_tells_all_mistakes)
{
    write_config("no_such_setting = 1;\nmax_parts = \"many\";\n");
    struct run run = SMIMECTL("rules", "list");
    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.err, "smimed.conf:8:") != NULL, "%s", run.err);
    ck_assert_msg(strstr(run.err, "no_such_setting") != NULL, "%s", run.err);
    ck_assert_msg(strstr(run.err, "smimed.conf:9:") != NULL, "%s", run.err);
    ck_assert_str_eq(run.out, "");
    run_clear(&run);
}
END_TEST

/* ---- init ---- */

static mode_t mode_of(const char *path)
{
    struct stat status;
    ck_assert_msg(stat(path, &status) == 0, "%s: %s", path, strerror(errno));
    return status.st_mode & 07777;
}

START_TEST(test_init_makes_everything_private)
{
    umask(0); /* the modes must not hang on it */
    json_t *made = expect_json("init", SMIMECTL("init", "--json"));
    ck_assert_str_eq(text_at(made, "store"), in_dir("lib/store.db"));
    ck_assert_str_eq(text_at(made, "master_secret"), in_dir("etc/master.secret"));
    ck_assert_str_eq(text_at(made, "spool"), in_dir("spool"));
    json_decref(made);
    ck_assert_uint_eq(mode_of(in_dir("lib")), 0700);
    ck_assert_uint_eq(mode_of(in_dir("lib/store.db")), 0600);
    ck_assert_uint_eq(mode_of(in_dir("etc/master.secret")), 0600);
    ck_assert_uint_eq(mode_of(in_dir("spool")), 0700);
}
END_TEST

START_TEST(test_init_gives_to_the_user)
{
    if (geteuid() != 0) {
        return; /* only root can */
    }
    write_config("");
    size_t length;
    char *text = read_file(run_config, &length), *more = NULL;
    char *user = strstr(text, "user = \"\"");
    ck_assert_ptr_nonnull(user);
    ck_assert_int_gt(asprintf(&more, "%.*suser = \"nobody\"%s", (int)(user - text), text,
                              user + strlen("user = \"\"")),
                     0);
    write_text(run_config, more);
    free(more);
    free(text);
    expect_run("init", SMIMECTL("init"), 0, NULL);
    static const char *const paths[] = {"lib", "lib/store.db", "etc/master.secret", "spool"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct stat status;
        ck_assert_int_eq(stat(in_dir(paths[i]), &status), 0);
        ck_assert_msg(status.st_uid == 65534, "%s belongs to %u", paths[i], status.st_uid);
    }
}
END_TEST

START_TEST(test_init_never_overwrites)
{
    expect_run("init", SMIMECTL("init"), 0, NULL);
    size_t before_length, after_length;
    char *before = read_file(in_dir("etc/master.secret"), &before_length);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    expect_run("init again", SMIMECTL("init"), 1, "never overwritten");
    char *after = read_file(in_dir("etc/master.secret"), &after_length);
    ck_assert_uint_eq(before_length, after_length);
    ck_assert_mem_eq(before, after, before_length);
    expect_output("the mailbox is still there", SMIMECTL("mailbox", "list"), "alice@example.com");
    free(before);
    free(after);
}
END_TEST

START_TEST(test_init_refuses_an_open_spool)
{
    ck_assert_int_eq(mkdir(in_dir("spool"), 0700), 0);
    ck_assert_int_eq(chmod(in_dir("spool"), 0755), 0);
    expect_run("init", SMIMECTL("init"), 1, "open to others");
    ck_assert_int_ne(access(in_dir("lib/store.db"), F_OK), 0);
    ck_assert_int_eq(chmod(in_dir("spool"), 0700), 0);
    expect_run("init", SMIMECTL("init"), 0, NULL);
}
END_TEST

START_TEST(test_init_where_a_file_is_in_the_way)
{
    write_text(in_dir("lib"), "");
    expect_run("init", SMIMECTL("init"), 1, "lib");
    ck_assert_int_ne(access(in_dir("etc/master.secret"), F_OK), 0);
}
END_TEST

START_TEST(test_no_store_yet)
{
    expect_run("list", SMIMECTL("mailbox", "list"), 1, "smimectl init");
}
END_TEST

/* ---- rules ---- */

static const char *const rules_text =
    "rules = (\n"
    "  { note = \"Partner\"; managed = [ \"example.com\" ]; external = [ \"partner.test\" ];\n"
    "    outgoing = \"encrypt-forced\"; },\n"
    "  { managed = [ \"alice@example.com\" ]; external = [ \"*\" ];\n"
    "    incoming = \"decrypt-always\"; },\n"
    "  { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = \"none\";\n"
    "    outgoing = \"encrypt-optional\"; }\n"
    ");\n";

START_TEST(test_rules_list)
{
    write_config(rules_text);
    expect_output("list", SMIMECTL("rules", "list"),
                  "POSITION  MANAGED            EXTERNAL      INCOMING        OUTGOING          "
                  "CHOICE     TLS        PROFILE  NOTE\n"
                  "       1  example.com        partner.test  undefined       encrypt-forced    "
                  "undefined  undefined  -        Partner\n");
    expect_output("default", SMIMECTL("rules", "list"), "default: incoming decrypt-optional;");
    json_t *list = expect_json("list", SMIMECTL("--json", "rules", "list"));
    ck_assert_uint_eq(json_array_size(list), 3);
    const json_t *second = json_array_get(list, 1);
    ck_assert_int_eq(json_integer_value(json_object_get(second, "position")), 2);
    ck_assert_str_eq(text_at(second, "incoming"), "decrypt-always");
    ck_assert_str_eq(text_at(second, "outgoing"), "undefined");
    ck_assert_str_eq(text_at(second, "note"), "(null)");
    json_decref(list);
}
END_TEST

static const struct explain_case {
    const char *name;
    const char *from;
    const char *to;
    const char *relation;
    const char *direction; /* the object that is looked at; NULL: both must be null */
    const char *mode;
    int position;
    const char *matches[3]; /* of the rules */
    const char *transform;
} explain_cases[] = {
    {"outgoing by the first rule",
     "bob@example.com",
     "Eve@Partner.Test",
     "outgoing",
     "outgoing",
     "encrypt-forced",
     1,
     {"decides", "managed-differs", "shadowed"},
     "refuse"},
    {"outgoing by the last rule",
     "alice@example.com",
     "eve@other.test",
     "outgoing",
     "outgoing",
     "encrypt-optional",
     3,
     {"external-differs", "undefined", "decides"},
     "none"},
    {"incoming, undefined above",
     "eve@partner.test",
     "alice@example.com",
     "incoming",
     "incoming",
     "decrypt-always",
     2,
     {"undefined", "decides", "shadowed"},
     "open"},
    {"incoming with a tag",
     "eve@partner.test",
     "alice+news@example.com",
     "incoming",
     "incoming",
     "decrypt-always",
     2,
     {"undefined", "decides", "shadowed"},
     "open"},
    {"the answer to an outgoing message",
     "alice@example.com",
     "eve@partner.test",
     "outgoing",
     "incoming",
     "decrypt-always",
     2,
     {"undefined", "decides", "shadowed"},
     "open"},
    {"the answer to an incoming message",
     "eve@other.test",
     "alice@example.com",
     "incoming",
     "outgoing",
     "encrypt-optional",
     3,
     {"external-differs", "undefined", "decides"},
     "none"},
    {"incoming from the null sender",
     "<>",
     "bob@example.com",
     "incoming",
     "incoming",
     "none",
     3,
     {"external-differs", "managed-differs", "decides"},
     "verify"},
    {"internal, outgoing",
     "alice@example.com",
     "bob@example.com",
     "internal",
     "outgoing",
     "none",
     0,
     {NULL},
     "none"},
    {"internal, coming in",
     "alice@example.com",
     "bob@example.com",
     "internal",
     "incoming",
     "none",
     3,
     {"external-differs", "managed-differs", "decides"},
     "verify"},
    {"foreign", "eve@partner.test", "eve@other.test", "foreign", NULL, NULL, 0, {NULL}, NULL},
};

START_TEST(test_rules_explain)
{
    const struct explain_case *c = &explain_cases[_i];
    write_config(rules_text);
    json_t *answer = expect_json(
        c->name, SMIMECTL("rules", "explain", "--from", c->from, "--to", c->to, "--json"));
    ck_assert_str_eq(text_at(answer, "relation"), c->relation);
    if (!c->direction) {
        ck_assert(json_is_null(json_object_get(answer, "outgoing")));
        ck_assert(json_is_null(json_object_get(answer, "incoming")));
        json_decref(answer);
        return;
    }
    const json_t *side = json_object_get(answer, c->direction);
    ck_assert_str_eq(text_at(side, "mode"), c->mode);
    ck_assert_int_eq(json_integer_value(json_object_get(side, "position")), c->position);
    ck_assert_str_eq(text_at(side, "transform"), c->transform);
    const json_t *rules = json_object_get(side, "rules");
    ck_assert_uint_eq(json_array_size(rules), c->matches[0] ? 3 : 0);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        ck_assert_str_eq(text_at(json_array_get(rules, i), "match"), c->matches[i]);
    }
    json_decref(answer);
}
END_TEST

START_TEST(test_rules_explain_text)
{
    write_config(rules_text);
    struct run run =
        SMIMECTL("rules", "explain", "--from", "bob@example.com", "--to", "eve@partner.test");
    static const char *const expected[] = {
        "\noutgoing, bob@example.com to eve@partner.test: encrypt-forced, decided by rule 1\n",
        "\nincoming, eve@partner.test to bob@example.com: none, decided by rule 3\n",
        "rule 1 (Partner): decides: encrypt-forced",
        "rule 2: no managed pattern matches bob@example.com",
        "rule 3: would say encrypt-optional, but rule 1 stands above it",
        "signs with: missing: ",
        "encrypts to: missing: ",
        "does: refuse",
    };
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_msg(strstr(run.out, expected[i]) != NULL, "\"%s\" is missing in:\n%s",
                      expected[i], run.out);
    }
    run_clear(&run);
    write_config("");
    expect_output("default",
                  SMIMECTL("rules", "explain", "--from", "bob@example.com", "--to", "e@other.test"),
                  "default: decides: none");
    expect_run("no address", SMIMECTL("rules", "explain", "--from", "bob", "--to", "e@other.test"),
               1, "\"bob\" is no mail address");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl");
    TCase *usage = tcase_create("usage");
    tcase_add_checked_fixture(usage, make_directory, remove_directory);
    tcase_set_timeout(usage, 120);
    tcase_add_loop_test(usage, test_usage, 0, sizeof usage_cases / sizeof *usage_cases);
    tcase_add_test(usage, test_every_command_has_an_example);
    tcase_add_test(usage, test_manual_is_complete);
    tcase_add_test(usage, test_configuration_missing);
    tcase_add_test(usage, test_configuration_tells_all_mistakes);
    tcase_add_test(usage, test_init_makes_everything_private);
    tcase_add_test(usage, test_init_gives_to_the_user);
    tcase_add_test(usage, test_init_never_overwrites);
    tcase_add_test(usage, test_init_refuses_an_open_spool);
    tcase_add_test(usage, test_init_where_a_file_is_in_the_way);
    tcase_add_test(usage, test_no_store_yet);
    tcase_add_test(usage, test_rules_list);
    suite_add_tcase(suite, usage);
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, make_store, remove_directory);
    tcase_set_timeout(rules, 120);
    tcase_add_test(rules, test_options_stand_anywhere);
    tcase_add_loop_test(rules, test_rules_explain, 0, sizeof explain_cases / sizeof *explain_cases);
    tcase_add_test(rules, test_rules_explain_text);
    suite_add_tcase(suite, rules);
    return run_suite(suite);
}
