/* Rules that demand TLS of the hop by which a message comes in (daemon/transport.h, flow.h). */
#include <check.h>

#include "flow_world.h"
#include "test_run.h"

#define RULES                                                                                      \
    "rules = ( { managed = [ \"*\" ]; external = [ \"lax.partner.test\" ]; require_tls = false; "  \
    "},"                                                                                           \
    "{ managed = [ \"*\" ]; external = [ \"partner.test\", \".partner.test\" ]; "                  \
    "require_tls = true; } );\n"

static const struct {
    const char *name;
    enum role role;
    const char *sender;
    const char *to;
    const char *tls; /* NULL: none */
    int code;        /* of RCPT; 0: taken */
} cases[] = {
    {"out, in the clear", ROLE_SUBMISSION, "alice@example.com", "bob@partner.test", NULL, 530},
    {"out, by TLS", ROLE_SUBMISSION, "alice@example.com", "bob@partner.test", "TLSv1.3", 0},
    {"out, to others", ROLE_SUBMISSION, "alice@example.com", "eve@other.test", NULL, 0},
    {"out, a rule above says no", ROLE_SUBMISSION, "alice@example.com", "a@lax.partner.test", NULL,
     0},
    {"out, a subdomain", ROLE_SUBMISSION, "alice@example.com", "a@sub.partner.test", NULL, 530},
    {"inside", ROLE_SUBMISSION, "alice@example.com", "hans@example.com", NULL, 0},
    {"local programs have no hop", ROLE_LOCAL, "alice@example.com", "bob@partner.test", NULL, 0},
    {"in, in the clear", ROLE_INBOUND, "bob@partner.test", "alice@example.com", NULL, 530},
    {"in, by TLS", ROLE_INBOUND, "bob@partner.test", "alice@example.com", "TLSv1.2", 0},
    {"in, from others", ROLE_INBOUND, "eve@other.test", "alice@example.com", NULL, 0},
    {"in, not to us", ROLE_INBOUND, "bob@partner.test", "eve@other.test", NULL, 0},
    {"in, a bounce", ROLE_INBOUND, "", "alice@example.com", NULL, 0},
};

static struct transaction message(struct world *world, enum role role, const char *sender,
                                  const char *from, const char *tls)
{
    char text[256];
    struct transaction transaction;
    snprintf(text, sizeof text, "From: %s\nTo: someone@else.test\n\nhello\n", from);
    transaction = world_message(world, role, role == ROLE_SUBMISSION ? sender : NULL, sender, text);
    transaction.tls = tls != NULL ? strdup(tls) : NULL;
    return transaction;
}

static void clear(struct transaction *transaction)
{
    transaction_clear(transaction);
    free(transaction->login);
}

START_TEST(at_rcpt)
{
    struct world world = world_open(RULES);
    struct transaction transaction =
        message(&world, cases[_i].role, cases[_i].sender, cases[_i].sender, cases[_i].tls);
    int code = world_recipient(&world, &transaction, cases[_i].to);
    ck_assert_msg(code == cases[_i].code, "%s: %d", cases[_i].name, code);
    if (code == 0) {
        struct outcome outcome = world_end(&world, &transaction);
        ck_assert_msg(outcome.action != FLOW_REPLY, "%s: %d", cases[_i].name, outcome.reply.code);
        outcome_clear(&outcome);
    }
    clear(&transaction);
    world_close(&world);
}
END_TEST

/* The envelope says one thing, From another: the stricter one counts. */
START_TEST(at_the_end_by_from)
{
    static const struct {
        enum role role;
        const char *sender;
        const char *from;
        const char *to;
        const char *tls;
        int code;
    } late[] = {
        {ROLE_INBOUND, "bounce@list.test", "bob@partner.test", "alice@example.com", NULL, 530},
        {ROLE_INBOUND, "bounce@list.test", "bob@partner.test", "alice@example.com", "TLSv1.3", 0},
        {ROLE_INBOUND, "", "bob@partner.test", "alice@example.com", NULL, 530},
        {ROLE_SUBMISSION, "", "alice@example.com", "bob@partner.test", NULL, 530},
        {ROLE_SUBMISSION, "", "alice@example.com", "bob@partner.test", "TLSv1.3", 0},
        {ROLE_LOCAL, "", "alice@example.com", "bob@partner.test", NULL, 0},
    };
    struct world world = world_open(RULES);
    struct transaction transaction =
        message(&world, late[_i].role, late[_i].sender, late[_i].from, late[_i].tls);
    struct outcome outcome;
    ck_assert_int_eq(world_recipient(&world, &transaction, late[_i].to), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_int_eq(outcome.action == FLOW_REPLY, late[_i].code != 0);
    ck_assert_int_eq(outcome.reply.code, late[_i].code);
    if (late[_i].code != 0) {
        ck_assert_str_eq(outcome.reply.enhanced, "5.7.0");
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, late[_i].to));
        ck_assert_ptr_nonnull(strstr(outcome.reply.german, late[_i].to));
    }
    outcome_clear(&outcome);
    clear(&transaction);
    world_close(&world);
}
END_TEST

/* Where messages are split, one who must refuse does not refuse for another with the same mode. */
START_TEST(each_recipient_by_himself)
{
    struct world world = world_open(
        "reinject = \"unix:/nonexistent\";\n"
        "rules = ( { managed = [ \"alice@example.com\" ]; external = [ \"partner.test\" ]; "
        "require_tls = true; } );");
    struct transaction transaction =
        message(&world, ROLE_INBOUND, "bounce@list.test", "bob@partner.test", NULL);
    struct outcome outcome;
    ck_assert_int_eq(world_recipient(&world, &transaction, "alice@example.com"), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, "bert@example.com"), 0);
    outcome = world_end(&world, &transaction);
    /* an unknown sender gets no report, so the message is refused, and the text says for whom */
    ck_assert_int_eq(outcome.action, FLOW_REPLY);
    ck_assert_int_eq(outcome.reply.code, 530);
    ck_assert_ptr_nonnull(strstr(outcome.reply.english, "alice@example.com"));
    ck_assert(transaction.recipients[0].insecure && !transaction.recipients[1].insecure);
    ck_assert_int_eq(transaction.recipients[1].reply.code, 0);
    outcome_clear(&outcome);
    clear(&transaction);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *tests = tcase_create("require_tls");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, at_rcpt, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tests, at_the_end_by_from, 0, 6);
    tcase_add_test(tests, each_recipient_by_himself);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
