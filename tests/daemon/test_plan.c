/* Grouping of recipients (daemon/plan.h). */
#include <check.h>
#include <stdlib.h>

#include "plan.h"
#include "test_run.h"

static struct recipient make(enum direction direction, enum transform transform, int mode,
                             bool blind)
{
    static char names[][20] = {"a@partner.test", "b@partner.test", "c@partner.test"};
    static size_t next;
    return (struct recipient){.text = NULL,
                              .canonical = names[next++ % 3],
                              .direction = direction,
                              .transform = transform,
                              .decision = {.mode = mode},
                              .encryption = {.ciphers = {{ENCRYPT_AES_256_CBC}, 1}},
                              .blind = blind};
}

START_TEST(largest_group_comes_first)
{
    struct recipient all[] = {
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN, OUTGOING_SIGN, false),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN_ENCRYPT, OUTGOING_ENCRYPT_FORCED, false),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN_ENCRYPT, OUTGOING_ENCRYPT_OPTIONAL, false),
    };
    struct plan plan;
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.groups[0].transform, TRANSFORM_SIGN_ENCRYPT);
    ck_assert_uint_eq(plan.groups[0].count, 2);
    ck_assert_uint_eq(plan.groups[0].members[0], 1);
    ck_assert_uint_eq(plan.groups[0].members[1], 2);
    ck_assert_uint_eq(plan.groups[1].members[0], 0);
    plan_clear(&plan);
}
END_TEST

START_TEST(blind_recipients_of_ciphertext_are_alone)
{
    struct recipient all[] = {
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN_ENCRYPT, OUTGOING_ENCRYPT_FORCED, false),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN_ENCRYPT, OUTGOING_ENCRYPT_FORCED, true),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN_ENCRYPT, OUTGOING_ENCRYPT_FORCED, true),
    };
    struct plan plan;
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, 3);
    plan_clear(&plan);
    /* What is only signed names nobody. */
    for (size_t i = 0; i < 3; i++)
        all[i].transform = TRANSFORM_SIGN;
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, 1);
    plan_clear(&plan);
}
END_TEST

START_TEST(incoming_modes_do_not_mix)
{
    struct recipient all[] = {
        make(DIRECTION_INCOMING, TRANSFORM_OPEN, INCOMING_DECRYPT_FORCED, false),
        make(DIRECTION_INCOMING, TRANSFORM_OPEN, INCOMING_DECRYPT_OPTIONAL, false),
    };
    struct plan plan;
    ck_assert_int_eq(plan_make(all, 2, &plan), 0);
    ck_assert_uint_eq(plan.count, 2);
    plan_clear(&plan);
}
END_TEST

/* One is refused for want of TLS, the other may have to take it. */
START_TEST(those_who_want_tls_do_not_mix)
{
    struct recipient all[] = {
        make(DIRECTION_INCOMING, TRANSFORM_OPEN, INCOMING_DECRYPT_OPTIONAL, false),
        make(DIRECTION_INCOMING, TRANSFORM_OPEN, INCOMING_DECRYPT_OPTIONAL, false),
    };
    struct plan plan;
    all[1].insecure = true;
    ck_assert_int_eq(plan_make(all, 2, &plan), 0);
    ck_assert_uint_eq(plan.count, 2);
    plan_clear(&plan);
    all[0].insecure = true;
    ck_assert_int_eq(plan_make(all, 2, &plan), 0);
    ck_assert_uint_eq(plan.count, 1);
    plan_clear(&plan);
}
END_TEST

START_TEST(nobody_is_an_empty_plan)
{
    struct plan plan;
    ck_assert_int_eq(plan_make(NULL, 0, &plan), 0);
    ck_assert_uint_eq(plan.count, 0);
    plan_clear(&plan);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("grouping");
    tcase_add_test(tests, largest_group_comes_first);
    tcase_add_test(tests, blind_recipients_of_ciphertext_are_alone);
    tcase_add_test(tests, incoming_modes_do_not_mix);
    tcase_add_test(tests, those_who_want_tls_do_not_mix);
    tcase_add_test(tests, nobody_is_an_empty_plan);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
