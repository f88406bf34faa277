/* Message-IDs that smimed gives (daemon/message_id.h): the same for the same message, also after a
 * restart, and no other one's. */
#include <check.h>

#include "flow_world.h"
#include "message_id.h"
#include "test_run.h"

#define HEADER                                                                                     \
    "From: alice@example.com\nTo: bob@partner.test\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n"       \
    "Subject: hi\n"

static struct world world;

static void begin(void)
{
    world = world_open("");
}

static void end(void)
{
    world_close(&world);
}

/* free() */
static char *id_of(struct world *of, const char *text)
{
    struct transaction transaction =
        world_message(of, ROLE_SUBMISSION, "alice@example.com", "alice@example.com", text);
    char *why = NULL;
    char *id = message_id_of(of->gateway->store, &transaction.message, "mx.example.com", &why);

    ck_assert_msg(id != NULL, "%s", why_text(&why));
    ck_assert_ptr_null(why);
    transaction_clear(&transaction);
    free(transaction.login);
    return id;
}

static void reopen(void)
{
    struct problems problems = {0};
    char path[128];

    gateway_release(&world.gateway);
    snprintf(path, sizeof path, "%s/smimed.conf", world.directory);
    world.gateway = gateway_open(path, &problems);
    ck_assert_ptr_nonnull(world.gateway);
}

START_TEST(the_same_message_after_a_restart)
{
    char *first = id_of(&world, HEADER "\nhello\n");
    char *second;

    ck_assert_uint_eq(strspn(first, "0123456789ABCDEF"), 32);
    ck_assert_str_eq(first + 32, "@mx.example.com");
    reopen();
    second = id_of(&world, HEADER "\nhello\n");
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}
END_TEST

/* What the MTA and other filters write differs each time. */
START_TEST(trace_does_not_matter)
{
    char *first = id_of(&world, HEADER "\nhello\n");
    char *second =
        id_of(&world, "Received: by a; now\nAuthentication-Results: b; none\n" HEADER "\nhello\n");

    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}
END_TEST

static const struct {
    const char *name, *text;
} others[] = {
    {"another body", HEADER "\nhello!\n"},
    {"no body", HEADER "\n"},
    {"another subject", "From: alice@example.com\nTo: bob@partner.test\n"
                        "Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: hi!\n\nhello\n"},
    {"no subject", "From: alice@example.com\nTo: bob@partner.test\n"
                   "Date: Mon, 23 Nov 2026 10:00:00 +0000\n\nhello\n"},
    {"another time", "From: alice@example.com\nTo: bob@partner.test\n"
                     "Date: Mon, 23 Nov 2026 10:00:01 +0000\nSubject: hi\n\nhello\n"},
    {"another author", "From: anna@example.com\nTo: bob@partner.test\n"
                       "Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: hi\n\nhello\n"},
    {"another recipient", "From: alice@example.com\nTo: eve@partner.test\n"
                          "Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: hi\n\nhello\n"},
    {"one more recipient", "Cc: eve@partner.test\n" HEADER "\nhello\n"},
    {"a second field", HEADER "Subject: hi\n\nhello\n"},
};

START_TEST(other_messages_have_others)
{
    char *first = id_of(&world, HEADER "\nhello\n");
    char *second = id_of(&world, others[_i].text);

    ck_assert_msg(strcmp(first, second) != 0, "%s: %s", others[_i].name, first);
    free(first);
    free(second);
}
END_TEST

/* Nobody without the master secret can tell from it whether he guessed the text. */
START_TEST(another_store_gives_another)
{
    struct world other = world_open("");
    char *first = id_of(&world, HEADER "\nhello\n");
    char *second = id_of(&other, HEADER "\nhello\n");

    ck_assert_str_ne(first, second);
    free(first);
    free(second);
    world_close(&other);
}
END_TEST

/* Two messages of a program that writes the same each time are two. */
START_TEST(without_a_date_it_is_random)
{
    char *first = id_of(&world, "From: alice@example.com\nSubject: alarm\n\nhello\n");
    char *second = id_of(&world, "From: alice@example.com\nSubject: alarm\n\nhello\n");

    ck_assert_str_ne(first, second);
    free(first);
    free(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message_id");
    TCase *tests = tcase_create("message_id");

    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, the_same_message_after_a_restart);
    tcase_add_test(tests, trace_does_not_matter);
    tcase_add_loop_test(tests, other_messages_have_others, 0, sizeof others / sizeof *others);
    tcase_add_test(tests, another_store_gives_another);
    tcase_add_test(tests, without_a_date_it_is_random);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
