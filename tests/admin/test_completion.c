/* Completion of smimectl in bash: etc/smimectl.bash-completion is run by bash itself, with the
 * variables that readline would set. */
#include "smimectl_run.h"

#include "command.h"

/* Prints what is offered at the end of the line $1, one a line. */
static const char script[] =
    "source etc/smimectl.bash-completion\n"
    "COMP_WORDBREAKS=$' \\t\\n\"\\'@><=;|&(:' COMP_LINE=$1 COMP_POINT=${#1}\n"
    "_smimectl \"$2\" '' ''\n"
    "printf '%s\\n' \"${COMPREPLY[@]}\"\n";

static struct run complete(const char *line)
{
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text, "smimectl --config %s %s", run_config, line), 0);
    struct run run = RUN(NULL, "bash", "-c", script, "bash", text, run_program);
    ck_assert_msg(run.code == 0 && !*run.err, "%s: %d %s", line, run.code, run.err);
    free(text);
    return run;
}

/* Is `word` offered, as a line of its own, with a blank behind it or, a file, without? */
static bool offers(const struct run *run, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = run->out; (at = strstr(at, word)); at++) {
        bool begins = at == run->out || at[-1] == '\n';
        if (begins && (at[length] == '\n' || (at[length] == ' ' && at[length + 1] == '\n'))) {
            return true;
        }
    }
    return false;
}

static void setup(void)
{
    static const char *const addresses[] = {"alice@example.com", "o'hara@example.com",
                                            "`ls`$@example.com", "\"a b\"@example.com"};
    make_store();
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        expect_run("add", SMIMECTL("mailbox", "add", addresses[i]), 0, NULL);
    }
    struct pki ca = pki_ca("Test CA");
    struct pki bob = pki_leaf(&ca, "bob@partner.test");
    write_pki("ca", &ca);
    write_pki("bob", &bob);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("ca.pem")), 0, NULL);
    expect_run("pubkey", SMIMECTL("pubkey", "import", in_dir("bob.pem")), 0, NULL);
    expect_run("rule",
               SMIMECTL("rules", "add", "--managed=*", "--external=*", "--outgoing-mode=sign"), 0,
               NULL);
    pki_clear(&ca);
    pki_clear(&bob);
}

static void teardown(void)
{
    remove_directory();
}

static const struct completion_case {
    const char *line;
    const char *offered[4];
    const char *withheld; /* NULL: nothing in particular */
    int count;            /* -1: any */
} completion_cases[] = {
    {"", {"mailbox", "init", "help"}, "add", -1},
    {"mail", {"mailbox"}, "init", 1},
    {"mailbox ac", {"activate"}, "mailbox", 1},
    {"--json mailbox ac", {"activate"}, NULL, 1},
    {"help mailbox ac", {"activate"}, NULL, 1},
    {"help mailbox activate ", {NULL}, NULL, 0},
    {"no-such ", {NULL}, NULL, 0},
    {"mailbox no-such ", {NULL}, NULL, 0},
    {"init ", {NULL}, NULL, 0},
    {"mailbox list --st", {"--state"}, NULL, 1},
    {"mailbox list --state ", {"inactive", "activating", "active"}, NULL, 3},
    {"mailbox list --state=i", {"inactive"}, NULL, 1},
    {"mailbox list --json ", {NULL}, NULL, 0},
    {"mailbox request x@example.com --key ec:P-2", {"P-256"}, NULL, 1},
    {"mailbox show ", {"alice@example.com", "o\\'hara@example.com"}, "\"a", 3},
    {"mailbox show al", {"alice@example.com"}, NULL, 1},
    {"mailbox show alice@ex", {"example.com"}, NULL, 1},
    {"mailbox show o\\'", {"o\\'hara@example.com"}, NULL, 1},
    {"mailbox show \\`", {"\\`ls\\`\\$@example.com"}, NULL, 1},
    {"mailbox show alice@example.com ", {NULL}, NULL, 0},
    {"mailbox delete alice@example.com a", {"alice@example.com"}, NULL, 1},
    {"mailbox activate --password-file x a", {"alice@example.com"}, NULL, 1},
    {"mailbox alias ", {"add", "remove"}, NULL, 2},
    {"mailbox alias add al", {"alice@example.com"}, NULL, 1},
    {"mailbox never-decrypt alice@example.com ", {"on", "off"}, NULL, 2},
    {"pubkey show bo", {"bob@partner.test"}, NULL, 1},
    {"pubkey pin ", {"1"}, NULL, 1},
    {"trust delete ", {"1"}, NULL, 1},
    {"rules delete ", {"1"}, NULL, 1},
    {"rules add --position ", {"last"}, NULL, 1},
    {"rules add --profile s", {"strict"}, NULL, 1},
    {"rules add --outgoing-mode e", {"encrypt-optional", "encrypt-forced"}, NULL, 2},
    {"process --ou", {"--outgoing"}, NULL, 1},
    {"process --role ", {"inbound", "submission", "local"}, NULL, 3},
};

START_TEST(test_offers)
{
    const struct completion_case *c = &completion_cases[_i];
    struct run run = complete(c->line);
    for (size_t i = 0; i < 4 && c->offered[i]; i++) {
        ck_assert_msg(offers(&run, c->offered[i]), "\"%s\" lacks %s:\n%s", c->line, c->offered[i],
                      run.out);
    }
    ck_assert_msg(!c->withheld || !offers(&run, c->withheld), "\"%s\" has %s:\n%s", c->line,
                  c->withheld, run.out);
    int count = 0;
    for (const char *at = run.out; *at; at++) {
        count += *at == '\n' && at > run.out;
    }
    ck_assert_msg(c->count < 0 || count == c->count, "\"%s\": %d, not %d:\n%s", c->line, count,
                  c->count, run.out);
    run_clear(&run);
}
END_TEST

START_TEST(test_offers_files)
{
    static const char *const lines[] = {
        "pubkey import ", "trust import x.pem ",       "mailbox activate x --pkcs12 ",
        "backup ",        "mailbox activate x --key=", "rules check --alias-map "};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[RUN_PATH_BYTES * 2];
        snprintf(line, sizeof line, "%s%s/bob.p", lines[i], run_directory);
        struct run run = complete(line);
        ck_assert_msg(offers(&run, in_dir("bob.pem")), "%s: %s", line, run.out);
        run_clear(&run);
    }
}
END_TEST

/* Nothing can be forgotten: every command and every option of the program is offered, and every
 * option stands in its synopsis. */
START_TEST(test_offers_all)
{
    for (size_t g = 0; command_groups[g]; g++) {
        const struct command_group *group = command_groups[g];
        for (const struct command *command = group->commands; command->run; command++) {
            char line[128];
            const char *name = command->name ? command->name : "";
            snprintf(line, sizeof line, "%s %s", group->name, name);
            struct run words = complete(line);
            ck_assert_msg(!command->name || offers(&words, name), "%s: %s", line, words.out);
            run_clear(&words);
            snprintf(line, sizeof line, "%s %s%s--", group->name, name, *name ? " " : "");
            struct run run = complete(line);
            for (int option = 0; option < OPTION_COUNT; option++) {
                bool takes_value = false;
                char text[64];
                snprintf(text, sizeof text, "--%s",
                         argument_name((enum option_id)option, &takes_value));
                bool has = (command->options & WITH(option)) != 0;
                bool common =
                    option == OPTION_CONFIG || option == OPTION_JSON || option == OPTION_HELP;
                ck_assert_msg(offers(&run, text) == (has || common), "%s: %s\n%s", line, text,
                              run.out);
                ck_assert_msg(!has || strstr(command->synopsis, text), "%s: synopsis lacks %s",
                              line, text);
            }
            run_clear(&run);
        }
    }
}
END_TEST

/* What stands in the script and not in the synopses is taken by the program. */
START_TEST(test_words_are_taken)
{
    static const struct {
        const char *name;
        int count;
    } options[] = {{"--incoming-mode", 5}, {"--outgoing-mode", 5}, {"--profile", 4}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char line[64];
        snprintf(line, sizeof line, "rules add %s ", options[i].name);
        struct run run = complete(line);
        int count = 0;
        for (char *rest = NULL, *word = strtok_r(run.out, " \n", &rest); word;
             word = strtok_r(NULL, " \n", &rest), count++) {
            expect_run(
                word,
                SMIMECTL("rules", "add", "--managed=*", "--external=x.test", options[i].name, word),
                0, NULL);
        }
        ck_assert_int_eq(count, options[i].count);
        run_clear(&run);
    }
    static const char *const texts[][2] = {{"mailbox request x --key ", "mailbox request"},
                                           {"ca create --key ", "ca create"},
                                           {"ca revoke --reason ", "ca revoke"}};
    char *manual = read_file("man/smimectl.8", NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct run run = complete(texts[i][0]);
        int count = 0;
        for (char *rest = NULL, *word = strtok_r(run.out, " \n", &rest); word;
             word = strtok_r(NULL, " \n", &rest), count++) {
            ck_assert_msg(strstr(manual, word) != NULL, "the manual lacks %s", word);
        }
        ck_assert_msg(count > 0, "%s", texts[i][0]);
        run_clear(&run);
    }
    free(manual);
}
END_TEST

/* Without a store and without a configuration there are still commands, and no complaints. */
START_TEST(test_without_store)
{
    struct run run = RUN(NULL, "bash", "-c", script, "bash",
                         "smimectl -c /nonexistent mailbox show ", run_program);
    ck_assert_msg(run.code == 0 && !*run.err && !strcmp(run.out, "\n"), "%s%s", run.out, run.err);
    run_clear(&run);
    run = RUN(NULL, "bash", "-c", script, "bash", "smimectl mail", "/nonexistent/smimectl");
    ck_assert_msg(run.code == 0 && !strcmp(run.out, "\n"), "%s%s", run.out, run.err);
    run_clear(&run);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("completion of smimectl");
    TCase *tests = tcase_create("bash");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_offers, 0, sizeof completion_cases / sizeof *completion_cases);
    tcase_add_test(tests, test_offers_files);
    tcase_add_test(tests, test_offers_all);
    tcase_add_test(tests, test_words_are_taken);
    tcase_add_test(tests, test_without_store);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
