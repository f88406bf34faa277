/* Whose rules an outgoing message has to obey when its From can be read in two ways
 * (daemon/authors.h): those of everybody whom a mail program may show as the author. */
#include <check.h>

#include "authors.h"
#include "flow_world.h"
#include "test_run.h"

#define RULES                                                                                      \
    "rules = ( { managed = [ \"boss@example.com\" ]; external = [ \"*\" ];"                        \
    " outgoing = \"encrypt-forced\"; require_tls = true; },"                                       \
    " { managed = [ \"press@example.com\" ]; external = [ \"*\" ];"                                \
    " outgoing = \"encrypt-optional\"; },"                                                         \
    " { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"none\"; } );\n"

/* Nobody's key is known but bob's. */
static const struct {
    const char *name;
    const char *sender;
    const char *header;
    const char *to;
    enum flow_action action;
    enum transform transform;
} cases[] = {
    {"one author", "", "From: boss@example.com\n", "x@other.test", FLOW_REPLY, TRANSFORM_REFUSE},
    {"a name that is an address", "", "From: boss@example.com <boss@example.com>\n", "x@other.test",
     FLOW_REPLY, TRANSFORM_REFUSE},
    {"a group", "", "From: all: boss@example.com;\n", "x@other.test", FLOW_REPLY, TRANSFORM_REFUSE},
    {"two authors", "", "From: dora@example.com, boss@example.com\n", "x@other.test", FLOW_REPLY,
     TRANSFORM_REFUSE},
    {"two From fields", "", "From: dora@example.com\nFrom: boss@example.com\n", "x@other.test",
     FLOW_REPLY, TRANSFORM_REFUSE},
    {"an address in a comment", "", "From: dora@example.com (boss@example.com)\n", "x@other.test",
     FLOW_REPLY, TRANSFORM_REFUSE},
    {"a sender of milder rules", "dora@example.com", "From: boss@example.com <boss@example.com>\n",
     "x@other.test", FLOW_REPLY, TRANSFORM_REFUSE},
    {"a sender of milder rules, two authors", "dora@example.com",
     "From: dora@example.com, boss@example.com\n", "x@other.test", FLOW_REPLY, TRANSFORM_REFUSE},
    {"a key is known", "dora@example.com", "From: dora@example.com, press@example.com\n",
     "bob@partner.test", FLOW_REPLACE, TRANSFORM_ENCRYPT},
    {"a key is known, null sender", "", "From: press@example.com <press@example.com>\n",
     "bob@partner.test", FLOW_REPLACE, TRANSFORM_ENCRYPT},
    {"no key is known", "", "From: press@example.com <press@example.com>\n", "x@other.test",
     FLOW_PASS, TRANSFORM_NONE},
    {"authors of mild rules", "", "From: dora@example.com, dora@example.com\n", "x@other.test",
     FLOW_PASS, TRANSFORM_NONE},
    {"authors outside", "", "From: eve@other.test, mallory@other.test\n", "x@other.test", FLOW_PASS,
     TRANSFORM_NONE},
    {"no author", "", "Subject: hello\n", "x@other.test", FLOW_PASS, TRANSFORM_NONE},
    {"one author, and a name that looks like another's", "",
     "From: \"boss@example.com\" <eve@other.test>\n", "x@other.test", FLOW_PASS, TRANSFORM_NONE},
};

static struct transaction message(struct world *world, const char *sender, const char *header,
                                  const char *to)
{
    char text[512];
    struct transaction transaction;
    snprintf(text, sizeof text, "%sTo: %s\n\nhello\n", header, to);
    transaction = world_message(world, ROLE_SUBMISSION, "dora@example.com", sender, text);
    ck_assert_ptr_nonnull(transaction.tls = strdup("TLSv1.3"));
    ck_assert_int_eq(world_recipient(world, &transaction, to), 0);
    return transaction;
}

START_TEST(the_strictest_rule_decides)
{
    struct world world = world_open(RULES);
    struct pki bob = world_partner(&world, "bob@partner.test");
    struct transaction transaction =
        message(&world, cases[_i].sender, cases[_i].header, cases[_i].to);
    struct outcome outcome = world_end(&world, &transaction);
    ck_assert_msg(outcome.action == cases[_i].action &&
                      transaction.recipients[0].transform == cases[_i].transform,
                  "%s: action %d, %s", cases[_i].name, (int)outcome.action,
                  transform_name(transaction.recipients[0].transform));
    if (outcome.action == FLOW_REPLACE) {
        char *sent = world_text(&transaction, &outcome);
        ck_assert_msg(strstr(sent, "hello") == NULL, "%s: it is in the clear", cases[_i].name);
        free(sent);
    }
    world_forget(&transaction, &outcome);
    pki_clear(&bob);
    world_close(&world);
}
END_TEST

START_TEST(tls_is_demanded_for_each_of_them)
{
    struct world world = world_open(RULES);
    struct transaction transaction =
        message(&world, "", "From: dora@example.com, boss@example.com <boss@example.com>\n",
                "x@other.test");
    struct outcome outcome;
    free(transaction.tls);
    transaction.tls = NULL;
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 530);
    world_forget(&transaction, &outcome);
    world_close(&world);
}
END_TEST

/* Nobody is asked for the rules of thousands of authors, and none of them is passed over. */
START_TEST(too_many_are_refused)
{
    static const char *const senders[] = {"", "dora@example.com"};
    struct world world = world_open(RULES);
    char header[6000] = "From: ";
    struct transaction transaction;
    struct outcome outcome;
    char *text = NULL;
    for (size_t i = 0; i < 250; i++)
        strcat(header, "dora@example.com, ");
    ck_assert_int_ge(asprintf(&text, "%sboss@example.com\nTo: x@other.test\n\nhello\n", header), 0);
    transaction = world_message(&world, ROLE_SUBMISSION, "dora@example.com", senders[_i], text);
    ck_assert_int_eq(world_recipient(&world, &transaction, "x@other.test"), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 550);
    free(text);
    world_forget(&transaction, &outcome);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authors");
    TCase *tests = tcase_create("authors");
    tcase_add_loop_test(tests, the_strictest_rule_decides, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tests, tls_is_demanded_for_each_of_them);
    tcase_add_loop_test(tests, too_many_are_refused, 0, 2);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
