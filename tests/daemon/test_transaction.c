/* Transactions, and the MAIL parameters that keep text out of bounces. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "return_headers.h"
#include "test_run.h"
#include "transaction.h"
#include "why.h"

START_TEST(recipients_keep_their_order)
{
    struct transaction transaction = {0};
    char text[32];

    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "R%d@example.com", i);
        ck_assert_int_eq(transaction_add_recipient(&transaction, text, "r@example.com"), 0);
        if (i % 3 == 0) {
            transaction_remove_last_recipient(&transaction);
            ck_assert_int_eq(transaction_add_recipient(&transaction, text, "s@example.com"), 0);
        }
    }
    ck_assert_uint_eq(transaction.recipient_count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "R%d@example.com", i);
        ck_assert_str_eq(transaction.recipients[i].text, text);
        ck_assert_str_eq(transaction.recipients[i].canonical,
                         i % 3 == 0 ? "s@example.com" : "r@example.com");
        ck_assert_int_eq(transaction.recipients[i].direction, DIRECTION_NONE);
    }
    transaction_clear(&transaction);
    ck_assert_uint_eq(transaction.recipient_count, 0);
    transaction_remove_last_recipient(&transaction);
    ck_assert_uint_eq(transaction.recipient_count, 0);
}
END_TEST

static const struct {
    const char *text;
    const char *canonical; /* NULL: refused */
} senders[] = {
    {"Alice@Example.COM", "alice@example.com"},
    {"", ""},
    {"<>", ""},
    {"no address", NULL},
    {"a@b@", NULL},
};

START_TEST(sender_is_canonical)
{
    struct transaction transaction = {0};
    char *why = NULL;
    int rc = transaction_set_sender(&transaction, senders[_i].text, &why);

    if (senders[_i].canonical) {
        ck_assert_int_eq(rc, 0);
        ck_assert_str_eq(transaction.sender, senders[_i].canonical);
    } else {
        ck_assert_int_eq(rc, -1);
        ck_assert_ptr_nonnull(why);
        ck_assert_ptr_null(transaction.sender);
    }
    why_free(&why);
    transaction_clear(&transaction);
}
END_TEST

START_TEST(clearing_keeps_the_connection)
{
    char login[] = "alice";
    struct transaction transaction = {
        .role = ROLE_SUBMISSION, .client = {1}, .client_known = true, .login = login};

    ck_assert_int_eq(transaction_set_sender(&transaction, "a@example.com", NULL), 0);
    transaction.sender_args = calloc(2, sizeof(char *));
    transaction.sender_args[0] = strdup("RET=FULL");
    ck_assert_int_eq(header_add(&transaction.message.header, "Subject", " x"), 0);
    transaction_clear(&transaction);
    ck_assert_ptr_null(transaction.sender);
    ck_assert_ptr_null(transaction.sender_text);
    ck_assert_ptr_null(transaction.sender_args);
    ck_assert_uint_eq(transaction.message.header.count, 0);
    ck_assert_ptr_eq(transaction.login, login);
    ck_assert(transaction.client_known && transaction.role == ROLE_SUBMISSION);
}
END_TEST

static const struct {
    const char *name;
    const char *sender;
    const char *args[6];
    const char *changed; /* NULL: nothing is to be asked */
} returns[] = {
    {"no parameters", "a@example.com", {NULL}, "RET=HDRS"},
    {"ENVID stays", "a@example.com", {"ENVID=QQ314159", NULL}, "RET=HDRS ENVID=QQ314159"},
    {"RET=FULL is replaced", "a@example.com", {"ret=full", "envid=x", NULL}, "RET=HDRS envid=x"},
    {"SIZE and BODY speak of the former text",
     "a@example.com",
     {"SIZE=100", "BODY=8BITMIME", "SMTPUTF8", NULL},
     "RET=HDRS SMTPUTF8"},
    {"asked for already", "a@example.com", {"ENVID=x", "Ret=Hdrs", NULL}, NULL},
    {"null sender", "", {NULL}, NULL},
};

START_TEST(return_headers)
{
    char *args[6] = {NULL};
    struct transaction transaction = {.sender_args = args};
    char *changed;

    for (size_t i = 0; i < 6 && returns[_i].args[i]; i++)
        args[i] = strdup(returns[_i].args[i]);
    transaction.sender_text = strdup(returns[_i].sender);
    ck_assert_msg(return_headers_needed(&transaction) == (returns[_i].changed != NULL), "%s",
                  returns[_i].name);
    changed = return_headers_args(&transaction);
    if (returns[_i].changed)
        ck_assert_str_eq(changed, returns[_i].changed);
    free(changed);
    free(transaction.sender_text);
    for (size_t i = 0; i < 6; i++)
        free(args[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transaction");
    TCase *cases = tcase_create("transaction");

    tcase_add_test(cases, recipients_keep_their_order);
    tcase_add_loop_test(cases, sender_is_canonical, 0, sizeof senders / sizeof senders[0]);
    tcase_add_test(cases, clearing_keeps_the_connection);
    tcase_add_loop_test(cases, return_headers, 0, sizeof returns / sizeof returns[0]);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
