/* Which senders are told that somebody got less protection than was asked for, and how often. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "flow_world.h"
#include "notice.h"
#include "session.h"
#include "test_run.h"
#include "weaker.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SERVER "mail_server = \"inet:1@127.0.0.1\";\n"
#define RULE(text) "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; " text " } );\n"
#define OPTIONAL RULE("outgoing = \"encrypt-optional\";")
#define BOB "bob@partner.test"     /* whose key is known */
#define CAROL "carol@partner.test" /* whose is not */
#define HANS "hans@example.com"    /* one of ours */
#define ALICE "alice@example.com"  /* can sign */
#define DORA "dora@example.com"    /* cannot */

static struct world world;
static struct service *service;
static struct session *session;

static void begin(const char *config, enum role role)
{
    char text[1000];
    struct pki alice, bob;
    char *why = NULL;

    snprintf(text, sizeof text, "%s%s", strstr(config, "mail_server") ? "" : SERVER, config);
    world = world_open(text);
    alice = world_mailbox(&world, ALICE, NULL);
    bob = world_partner(&world, BOB);
    ck_assert_msg(store_mailbox_add(world.gateway->store, DORA, NULL, 0, &why) == STORE_OK, "%s",
                  why_text(&why));
    pki_clear(&alice);
    pki_clear(&bob);
    service = service_new(gateway_hold(world.gateway), role);
    ck_assert_ptr_nonnull(service);
    session = session_new(service);
    ck_assert_ptr_nonnull(session);
    session_connect(session, NULL);
}

static void end(void)
{
    session_free(&session);
    service_free(&service);
    world_close(&world);
}

/* "Name: value\n" lines. */
static void say_fields(const char *fields)
{
    while (*fields) {
        size_t length = strcspn(fields, "\n");
        char *line = strndup(fields, length);
        char *colon = strchr(line, ':');

        ck_assert_ptr_nonnull(colon);
        *colon = '\0';
        session_header(session, line, colon + 1);
        free(line);
        fields += length + 1;
    }
}

/* One message; `applied`: the MTA takes what was made of it. */
static void send_from(const char *login, const char *envelope, const char *from, const char *fields,
                      const char *const *to, bool applied)
{
    const struct session_mail mail = {.from = envelope, .login = login, .host = "mx.example.com"};
    const struct outcome *outcome = NULL;
    char line[100];
    enum session_result result = session_sender(session, &mail);

    for (; result == SESSION_CONTINUE && *to; to++)
        result = session_recipient(session, *to, NULL, PKI_NOW);
    if (result != SESSION_CONTINUE)
        return;
    snprintf(line, sizeof line, "From: %s\n", from);
    say_fields(line);
    say_fields(fields);
    ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    ck_assert_int_eq(session_body(session, "Hello\r\n", 7), SESSION_CONTINUE);
    if (session_end(session, PKI_NOW, NULL, NULL, &outcome) == SESSION_CONTINUE)
        session_finish(session, applied);
}

static void send_one(const char *from, const char *fields, const char *to)
{
    const char *const recipients[] = {to, NULL};

    send_from(from, from, from, fields, recipients, true);
}

static struct notice_list listed(void)
{
    struct notice_list list = {0};

    ck_assert_int_eq(store_notice_list(world.gateway->store, &list, NULL), STORE_OK);
    return list;
}

/* How many notices are noted? */
static size_t count(void)
{
    struct notice_list list = listed();
    size_t found = list.count;

    notice_list_clear(&list);
    return found;
}

/* ---- Of what ---- */

static const struct {
    const char *name;
    const char *config;
    const char *from;
    const char *fields;
    const char *to;
    const char *detail; /* NULL: nobody is told */
} cases[] = {
    {"nothing was asked for", "", DORA, "Subject: hi\n", CAROL, NULL},
    {"a signature, and no certificate", "", DORA, "Subject: [sign] hi\n", CAROL, "unsigned " CAROL},
    {"the same by the field", "", DORA, "X-Smimed: sign\n", CAROL, "unsigned " CAROL},
    {"it was signed", "", ALICE, "X-Smimed: sign\n", CAROL, NULL},
    {"encrypted, and unsigned as the rule has it", "", DORA, "X-Smimed: encrypt\n", BOB, NULL},
    {"encrypted, and not signed", "", DORA, "X-Smimed: encrypt, sign\n", BOB, "unsigned " BOB},
    {"no key: refused, which he hears of", "", ALICE, "X-Smimed: encrypt\n", CAROL, NULL},
    {"to one of ours", "", DORA, "X-Smimed: sign\n", HANS, NULL},
    {"the rule lets nobody choose", RULE("outgoing = \"none\"; choice = \"none\";"), ALICE,
     "X-Smimed: sign\n", BOB, "denied " BOB},
    {"not even encryption", RULE("outgoing = \"sign\"; choice = \"none\";"), ALICE,
     "X-Smimed: encrypt\n", BOB, "denied " BOB},
    {"but does what he asks for", RULE("outgoing = \"encrypt-optional\"; choice = \"none\";"),
     ALICE, "X-Smimed: sign, encrypt\n", BOB, NULL},
    {"and where it has no key", RULE("outgoing = \"encrypt-optional\"; choice = \"none\";"), ALICE,
     "X-Smimed: encrypt\n", CAROL, "denied " CAROL},
    {"plain was denied, which is more", "", ALICE, "Subject: [plain] hi\n", BOB, NULL},
    {"plain was granted", RULE("outgoing = \"sign\"; choice = \"free\";"), ALICE,
     "Subject: [plain] hi\n", BOB, NULL},
    {"what is optional is", OPTIONAL, ALICE, "Subject: hi\n", CAROL, NULL},
    {"unless somebody wants to hear", OPTIONAL "notify_sender = \"optional\";", ALICE,
     "Subject: hi\n", CAROL, "no-key " CAROL},
    {"and it was encrypted", OPTIONAL "notify_sender = \"optional\";", ALICE, "Subject: hi\n", BOB,
     NULL},
    {"or he wanted it plain",
     RULE("outgoing = \"encrypt-optional\"; choice = \"free\";") "notify_sender = \"optional\";",
     ALICE, "Subject: [plain] hi\n", CAROL, NULL},
    {"sign is no optional encryption", RULE("outgoing = \"sign\";") "notify_sender = \"optional\";",
     ALICE, "Subject: hi\n", CAROL, NULL},
    {"nobody shall hear", "notify_sender = \"never\";", DORA, "X-Smimed: sign\n", CAROL, NULL},
    {"nobody could send it", "mail_server = \"\";", DORA, "X-Smimed: sign\n", CAROL, NULL},
    /* RFC 3834 */
    {"by a program", "", DORA, "X-Smimed: sign\nAuto-Submitted: auto-generated\n", CAROL, NULL},
    {"an answer of one", "", DORA, "X-Smimed: sign\nAuto-Submitted: auto-replied; x\n", CAROL,
     NULL},
    {"by a person", "", DORA, "X-Smimed: sign\nAuto-Submitted: no\n", CAROL, "unsigned " CAROL},
    {"by a list", "", DORA, "X-Smimed: sign\nList-Id: <a.example.com>\n", CAROL, NULL},
    {"bulk", "", DORA, "X-Smimed: sign\nPrecedence: Bulk\n", CAROL, NULL},
};

START_TEST(told_or_not)
{
    struct notice_list list;

    begin(cases[_i].config, ROLE_SUBMISSION);
    send_one(cases[_i].from, cases[_i].fields, cases[_i].to);
    list = listed();
    ck_assert_msg(list.count == (cases[_i].detail ? 1 : 0), "%s: %zu notices", cases[_i].name,
                  list.count);
    if (cases[_i].detail) {
        ck_assert_int_eq(list.items[0].kind, NOTICE_WEAKER);
        ck_assert_str_eq(list.items[0].recipient, cases[_i].from);
        ck_assert_str_eq(list.items[0].detail, cases[_i].detail);
    }
    notice_list_clear(&list);
    end();
}
END_TEST

/* ---- Whom ---- */

START_TEST(nobody_else)
{
    static const char *const to[] = {CAROL, NULL};

    begin("", ROLE_SUBMISSION);
    send_from("mallory", DORA, DORA, "X-Smimed: sign\n", to, true); /* not his address */
    send_from(NULL, DORA, DORA, "X-Smimed: sign\n", to, true);
    send_from(DORA, "", DORA, "X-Smimed: sign\n", to, true); /* the null sender */
    send_from(DORA, "x@other.test", DORA, "X-Smimed: sign\n", to, true);
    ck_assert_uint_eq(count(), 0);
    send_from(DORA, DORA, DORA, "X-Smimed: sign\n", to, true);
    ck_assert_uint_eq(count(), 1);
    end();
}
END_TEST

START_TEST(no_stranger)
{
    static const char *const to[] = {HANS, NULL};

    begin("notify_sender = \"optional\";" OPTIONAL, ROLE_INBOUND);
    send_from(NULL, DORA, DORA, "X-Smimed: sign\n", to, true);
    send_from(NULL, BOB, BOB, "X-Smimed: sign\n", to, true);
    ck_assert_uint_eq(count(), 0);
    end();
}
END_TEST

/* A notice is sent in the clear: it must not tell what the message hides. */
START_TEST(hidden_subject_stays_hidden)
{
    static const struct {
        const char *config;
        const char *subject;
    } policies[] = {{OPTIONAL, "[...]"},
                    {OPTIONAL "header_confidentiality = \"none\";", "merger with ACME"}};

    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct notice_list list;

        begin(policies[i].config, ROLE_SUBMISSION);
        send_one(DORA, "X-Smimed: sign, encrypt\nSubject: merger with ACME\n", BOB);
        list = listed();
        ck_assert_uint_eq(list.count, 1);
        ck_assert_str_eq(list.items[0].detail, "unsigned " BOB);
        ck_assert_str_eq(list.items[0].object, policies[i].subject);
        notice_list_clear(&list);
        end();
    }
}
END_TEST

/* ---- How often ---- */

START_TEST(once_for_a_message)
{
    static const char fields[] =
        "X-Smimed: sign\nMessage-ID: <1@example.com>\nSubject: =?utf-8?q?=C3=BC?=\n";
    static const char *const both[] = {CAROL, BOB, HANS, NULL};
    struct notice_list list;

    begin("", ROLE_SUBMISSION);
    send_from(DORA, DORA, DORA, fields, both, false); /* deferred: it was not sent */
    ck_assert_uint_eq(count(), 0);
    send_one(DORA, fields, CAROL); /* a recipient that is told to come alone */
    send_from(DORA, DORA, DORA, fields, both, true);
    send_from(DORA, DORA, DORA, fields, both, true);
    list = listed();
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].detail, "unsigned " CAROL "\nunsigned " BOB);
    ck_assert_str_eq(list.items[0].reference, "<1@example.com>");
    ck_assert_str_eq(list.items[0].object, "\xc3\xbc");
    notice_list_clear(&list);
    send_one(DORA, "X-Smimed: sign\nMessage-ID: <2@example.com>\n", CAROL);
    ck_assert_uint_eq(count(), 2);
    /* Without a Message-ID the other fields tell; one that is none is not repeated. */
    send_one(DORA, "X-Smimed: sign\nSubject: a\nDate: x\n", CAROL);
    send_one(DORA, "X-Smimed: sign\nSubject: a\nDate: x\n", CAROL);
    ck_assert_uint_eq(count(), 3);
    send_one(DORA, "X-Smimed: sign\nSubject: a\nDate: y\n", CAROL);
    ck_assert_uint_eq(count(), 4);
    send_one(DORA, "X-Smimed: sign\nMessage-ID: <a b> x\n", CAROL);
    list = listed();
    ck_assert_uint_eq(list.count, 5);
    ck_assert_str_eq(list.items[4].reference, "");
    notice_list_clear(&list);
    end();
}
END_TEST

/* Who was refused when the work was done has got nothing at all. */
START_TEST(not_of_the_refused)
{
    struct transaction transaction;
    struct notice_list list;

    begin("", ROLE_SUBMISSION);
    transaction = world_message(&world, ROLE_SUBMISSION, DORA, DORA, "From: " DORA "\n\nx\n");
    ck_assert_int_eq(world_recipient(&world, &transaction, BOB), 0);
    ck_assert_int_eq(world_recipient(&world, &transaction, CAROL), 0);
    transaction.recipients[0].weakness = WEAKNESS_DENIED;
    transaction.recipients[1].weakness = WEAKNESS_DENIED;
    reply_set(&transaction.recipients[0].reply, 552, "5.3.4", "too large", "zu gross");
    weaker_note(world.gateway, &transaction, "id");
    list = listed();
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].detail, "denied " CAROL);
    notice_list_clear(&list);
    transaction_clear(&transaction);
    free(transaction.login);
    end();
}
END_TEST

/* A store that cannot be written keeps no message. */
START_TEST(trouble_is_not_the_messages)
{
    static const char *const to[] = {CAROL, NULL};
    const struct session_mail mail = {.from = DORA, .login = DORA, .host = "mx.example.com"};
    const struct outcome *outcome = NULL;
    sqlite3 *database = NULL;
    char path[120];

    begin("database_timeout_ms = 100;", ROLE_SUBMISSION);
    snprintf(path, sizeof path, "%s/store.db", world.directory);
    ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(session_sender(session, &mail), SESSION_CONTINUE);
    ck_assert_int_eq(session_recipient(session, to[0], NULL, PKI_NOW), SESSION_CONTINUE);
    say_fields("From: " DORA "\nX-Smimed: sign\n");
    ck_assert_int_eq(session_end_of_header(session), SESSION_CONTINUE);
    ck_assert_int_eq(session_end(session, PKI_NOW, NULL, NULL, &outcome), SESSION_CONTINUE);
    session_finish(session, true);
    ck_assert_int_eq(sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    ck_assert_uint_eq(count(), 0);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("weaker");
    TCase *tests = tcase_create("weaker");

    tcase_add_loop_test(tests, told_or_not, 0, COUNT(cases));
    tcase_add_test(tests, nobody_else);
    tcase_add_test(tests, no_stranger);
    tcase_add_test(tests, hidden_subject_stays_hidden);
    tcase_add_test(tests, once_for_a_message);
    tcase_add_test(tests, not_of_the_refused);
    tcase_add_test(tests, trouble_is_not_the_messages);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
