/* smimectl rules explain --message: the rules that a message calls for, and what becomes of it. */
#include "json_members.h"
#include "smimectl_run.h"

#define R(managed, external, modes)                                                                \
    "{ managed = [ \"" managed "\" ]; external = [ \"" external "\" ]; " modes " }"

static const char *const rules_text =
    "rules = (\n" R("bob@example.com", "x.test", "outgoing = \"encrypt-forced\";") ",\n" R(
        "*", "forced.test",
        "incoming = \"decrypt-forced\";") ",\n" R("*", "*", "outgoing = \"sign\";") ");\n";

#define CHOSEN_RULES                                                                               \
    "rules = (\n" R("*", "x.test", "outgoing = \"sign\"; choice = \"none\";") ",\n" R(             \
        "*", "tls.test", "require_tls = true;") ");\n"

/* Alice can sign, and believes the CA of carol, who is outside. */
static void make_site(void)
{
    make_store();
    write_config(rules_text);
    struct pki root = pki_ca("Test CA");
    struct pki alice = pki_leaf(&root, "alice@example.com");
    struct pki carol = pki_leaf(&root, "carol@x.test");
    write_pki("root", &root);
    write_pki("alice", &alice);
    write_pki("carol", &carol);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("root.pem")), 0, NULL);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
    pki_clear(&alice);
    pki_clear(&carol);
    pki_clear(&root);
}

static void write_message(const char *from)
{
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text, "From: %s\nTo: somebody\nSubject: x\n\nhello\n", from), 0);
    write_text(in_dir("message"), text);
    free(text);
}

static const struct explain_case {
    const char *name;
    const char *author; /* in From */
    const char *from;
    const char *to;
    const char *direction; /* "outgoing", "incoming" */
    int position;          /* by the envelope */
    int author_position;   /* by From; -1: the same author */
    const char *action;
    const char *transform;
    const char *reply; /* NULL: none */
} explain_cases[] = {
    {"signed", "alice@example.com", "alice@example.com", "carol@x.test", "outgoing", 3, -1,
     "accepted", "sign", NULL},
    {"another author", "Bob <bob@example.com>", "alice@example.com", "carol@x.test", "outgoing", 3,
     1, "refused", "refuse", "must be encrypted"},
    {"null sender", "bob@example.com", "<>", "carol@x.test", "outgoing", 1, -1, "refused", "refuse",
     "must be encrypted"},
    {"plain, taken", "carol@x.test", "carol@x.test", "alice@example.com", "incoming", 0, -1,
     "accepted", "open", NULL},
    {"plain, forced", "carol@forced.test", "carol@forced.test", "alice@example.com", "incoming", 2,
     -1, "refused", "refuse", "accepts only encrypted mail"},
    {"plain, forced for From", "carol@forced.test", "carol@x.test", "alice@example.com", "incoming",
     0, 2, "refused", "refuse", "accepts only encrypted mail"},
    {"a managed From from outside", "bob@example.com", "carol@x.test", "alice@example.com",
     "incoming", 0, 0, "accepted", "open", NULL},
};

static json_int_t position_of(const json_t *side)
{
    return json_integer_value(json_object_get(side, "position"));
}

START_TEST(test_message)
{
    const struct explain_case *c = &explain_cases[_i];
    char by_from[32];
    write_message(c->author);
    json_t *answer = expect_json(c->name, SMIMECTL("rules", "explain", "--json", "--from", c->from,
                                                   "--to", c->to, "--message", in_dir("message")));
    expect_documented(c->name, answer);
    const json_t *message = json_object_get(answer, "message");
    const json_t *result = json_object_get(message, c->direction);
    snprintf(by_from, sizeof by_from, "%s_by_from", c->direction);
    const json_t *author = json_object_get(message, by_from);
    ck_assert_msg(position_of(json_object_get(answer, c->direction)) == c->position,
                  "%s: by rule %d", c->name,
                  (int)position_of(json_object_get(answer, c->direction)));
    ck_assert_msg(json_is_null(author) == (c->author_position < 0), "%s: another author", c->name);
    ck_assert(c->author_position < 0 || position_of(author) == c->author_position);
    ck_assert_msg(!strcmp(text_at(result, "action"), c->action), "%s: %s", c->name,
                  text_at(result, "action"));
    ck_assert_msg(!strcmp(text_at(result, "transform"), c->transform), "%s: %s", c->name,
                  text_at(result, "transform"));
    const json_t *reply = json_object_get(result, "reply");
    ck_assert(json_is_null(reply) == !c->reply);
    ck_assert(!c->reply || strstr(text_at(reply, "text"), c->reply));
    json_decref(answer);
}
END_TEST

START_TEST(test_text)
{
    static const char *const expected[] = {
        "outgoing, alice@example.com to carol@x.test: sign, decided by rule 3",
        "outgoing, bob@example.com to carol@x.test, by From bob@example.com: encrypt-forced, "
        "decided "
        "by rule 1",
        "the message, outgoing: refused",
        "reply: 550 5.7.1 Not sent: mail to carol@x.test must be encrypted",
    };
    write_message("bob@example.com");
    struct run run = SMIMECTL("rules", "explain", "--from=alice@example.com", "--to=carol@x.test",
                              "--message", in_dir("message"));
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_msg(strstr(run.out, expected[i]) != NULL, "\"%s\" is missing in:\n%s",
                      expected[i], run.out);
    }
    run_clear(&run);
    write_message("a@example.com, b@example.com");
    expect_output("two authors",
                  SMIMECTL("rules", "explain", "--from=alice@example.com", "--to=carol@x.test",
                           "--message", in_dir("message")),
                  "the message, outgoing: accepted");
}
END_TEST

/* `process` learns carol's key from the same message. */
/* Rule, then choice, then what there is: each is told. */
START_TEST(test_choice_and_tls)
{
    write_config(CHOSEN_RULES);
    write_text(in_dir("message"), "From: alice@example.com\nTo: somebody\n"
                                  "Subject: [encrypt] x\n\nhello\n");
    json_t *answer =
        expect_json("denied", SMIMECTL("rules", "explain", "--json", "--from=alice@example.com",
                                       "--to=carol@x.test", "--message", in_dir("message")));
    const json_t *outgoing = json_object_get(answer, "outgoing");
    const json_t *result = json_object_get(json_object_get(answer, "message"), "outgoing");
    ck_assert_str_eq(text_at(outgoing, "choice"), "none");
    ck_assert(json_is_false(json_object_get(outgoing, "require_tls")));
    ck_assert_str_eq(text_at(result, "choice"), "encrypt");
    ck_assert_str_eq(text_at(result, "choice_by"), "Subject");
    ck_assert_str_eq(text_at(result, "transform"), "sign");
    ck_assert_str_eq(text_at(json_array_get(json_object_get(result, "recipients"), 0), "choice"),
                     "denied");
    json_decref(answer);
    struct run run = SMIMECTL("rules", "explain", "--from=alice@example.com", "--to=dan@tls.test",
                              "--message", in_dir("message"));
    static const char *const expected[] = {
        "the sender may choose: more than that, not less (the setting sender_choice)",
        "TLS: required by rule 2, else refused by 530",
        "the sender chose: encrypt, by Subject",
        "sign, by default, and the sender chose what cannot be done: refuse",
        "you asked for encryption to dan@tls.test",
    };
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_msg(strstr(run.out, expected[i]) != NULL, "\"%s\" is missing in:\n%s",
                      expected[i], run.out);
    }
    run_clear(&run);
    expect_output("list", SMIMECTL("rules", "list"), "choice strengthen; profile default\n");
}
END_TEST

/* Which algorithms, by which rule, and where the keys do not fit. */
START_TEST(test_profile)
{
    write_config("rules = (\n" R("*", "x.test", "profile = \"strict\";") ",\n" R(
        "*", "*", "outgoing = \"encrypt-optional\";") ");\n");
    expect_run("carol", SMIMECTL("pubkey", "import", in_dir("carol.pem")), 0, NULL);
    static const char *const expected[] = {
        "profile: strict, by rule 1\n",
        "signs by: ecdsa with sha256\n",
        "encrypts by: aes-256-gcm or aes-192-gcm or aes-128-gcm, key by ecdh\n",
    };
    struct run run = SMIMECTL("rules", "explain", "--from=alice@example.com", "--to=carol@x.test");
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_msg(strstr(run.out, expected[i]) != NULL, "\"%s\" is missing in:\n%s",
                      expected[i], run.out);
    }
    run_clear(&run);
    write_config("profile = \"edi-energy\";\nrules = (\n" R(
        "*", "*", "outgoing = \"encrypt-optional\";") ");\n");
    json_t *answer =
        expect_json("unfit", SMIMECTL("rules", "explain", "--json", "--from=alice@example.com",
                                      "--to=carol@x.test"));
    const json_t *outgoing = json_object_get(answer, "outgoing");
    const json_t *algorithms = json_object_get(outgoing, "algorithms");
    ck_assert_str_eq(text_at(algorithms, "profile"), "edi-energy");
    ck_assert_int_eq(position_of(algorithms), 0);
    ck_assert(json_is_null(json_object_get(algorithms, "signature")));
    ck_assert(json_is_null(json_object_get(algorithms, "ciphers")));
    ck_assert_ptr_nonnull(strstr(text_at(json_object_get(outgoing, "signing"), "reason"),
                                 "does not fit the profile edi-energy"));
    ck_assert_ptr_nonnull(strstr(text_at(json_object_get(outgoing, "encryption"), "reason"),
                                 "only RSA keys are allowed"));
    ck_assert_str_eq(text_at(outgoing, "transform"), "none");
    json_decref(answer);
}
END_TEST

START_TEST(test_nothing_is_learned)
{
    write_text(in_dir("part"), "Content-Type: text/plain\r\n\r\nhello\r\n");
    expect_run("sign",
               OPENSSL("cms", "-sign", "-in", in_dir("part"), "-signer", in_dir("carol.pem"),
                       "-inkey", in_dir("carol.key"), "-from", "carol@x.test", "-to",
                       "alice@example.com", "-out", in_dir("signed")),
               0, NULL);
    json_t *answer =
        expect_json("explain", SMIMECTL("rules", "explain", "--json", "--from=carol@x.test",
                                        "--to=alice@example.com", "--message", in_dir("signed")));
    const json_t *result = json_object_get(json_object_get(answer, "message"), "incoming");
    const json_t *signature = json_object_get(result, "signature");
    ck_assert_str_eq(json_is_object(signature) ? text_at(signature, "verdict")
                                               : json_string_value(signature),
                     "valid");
    json_decref(answer);
    json_t *keys = expect_json("list", SMIMECTL("pubkey", "list", "--json"));
    ck_assert_uint_eq(json_array_size(keys), 0);
    json_decref(keys);
    expect_run("process",
               SMIMECTL_READS(in_dir("signed"), "process", "--incoming", "--from=carol@x.test",
                              "--to=alice@example.com"),
               0, NULL);
    keys = expect_json("list", SMIMECTL("pubkey", "list", "--json"));
    ck_assert_uint_eq(json_array_size(keys), 1);
    json_decref(keys);
}
END_TEST

START_TEST(test_no_message)
{
    expect_run("missing",
               SMIMECTL("rules", "explain", "--from=a@example.com", "--to=b@x.test", "--message",
                        in_dir("none")),
               1, "No such file");
    ck_assert_int_eq(mkfifo(in_dir("pipe"), 0600), 0);
    int both = open(in_dir("pipe"), O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(both, 0);
    expect_run("pipe",
               SMIMECTL("rules", "explain", "--from=a@example.com", "--to=b@x.test", "--message",
                        in_dir("pipe")),
               1, "has to be a file");
    close(both);
    json_t *answer = expect_json(
        "without", SMIMECTL("rules", "explain", "--json", "--from=a@example.com", "--to=b@x.test"));
    ck_assert(json_is_null(json_object_get(answer, "message")));
    json_decref(answer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules explain");
    TCase *explain = tcase_create("message");
    tcase_add_checked_fixture(explain, make_site, remove_directory);
    tcase_set_timeout(explain, 120);
    tcase_add_loop_test(explain, test_message, 0, sizeof explain_cases / sizeof *explain_cases);
    tcase_add_test(explain, test_text);
    tcase_add_test(explain, test_choice_and_tls);
    tcase_add_test(explain, test_profile);
    tcase_add_test(explain, test_nothing_is_learned);
    tcase_add_test(explain, test_no_message);
    suite_add_tcase(suite, explain);
    return run_suite(suite);
}
