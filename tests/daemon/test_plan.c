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

START_TEST(signatures_do_not_mix)
{
    struct recipient all[] = {
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN, OUTGOING_SIGN, false),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN, OUTGOING_SIGN, false),
        make(DIRECTION_OUTGOING, TRANSFORM_SIGN, OUTGOING_SIGN, false),
    };
    struct plan plan;
    all[0].signing = all[1].signing = all[2].signing =
        (struct signing_choice){.scheme = SIGN_PKCS1, .digest = SIGN_SHA256};
    all[1].signing.scheme = SIGN_PSS;
    all[2].signing.digest = SIGN_SHA512;
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, 3);
    plan_clear(&plan);
    /* How what is not signed would be does not matter. */
    for (size_t i = 0; i < 3; i++)
        all[i].transform = TRANSFORM_ENCRYPT;
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, 1);
    plan_clear(&plan);
}
END_TEST

#define CIPHERS(n, ...)                                                                            \
    {                                                                                              \
        {__VA_ARGS__}, n                                                                           \
    }
#define GCM256 ENCRYPT_AES_256_GCM
#define CBC256 ENCRYPT_AES_256_CBC
#define CBC128 ENCRYPT_AES_128_CBC

/* All of a group read what it is encrypted with, not only each two of them. */
static const struct {
    struct cipher_list read[3];
    size_t groups;
    enum encrypt_cipher ciphers[3];
} readers[] = {
    {{CIPHERS(2, CBC128, GCM256), CIPHERS(2, CBC256, CBC128), CIPHERS(2, GCM256, CBC256)},
     2,
     {CBC128, GCM256}},
    {{CIPHERS(2, CBC128, CBC256), CIPHERS(2, CBC256, CBC128), CIPHERS(1, CBC256)}, 1, {CBC256}},
    {{CIPHERS(1, CBC128), CIPHERS(1, GCM256), CIPHERS(1, CBC256)}, 3, {CBC128, GCM256, CBC256}},
    {{CIPHERS(2, CBC128, CBC256), CIPHERS(2, CBC128, CBC256), CIPHERS(1, GCM256)},
     2,
     {CBC256, GCM256}}, /* the strongest that they have in common; alone he has his wish */
    {{CIPHERS(2, CBC128, CBC256), CIPHERS(1, GCM256), CIPHERS(1, GCM256)}, 2, {GCM256, CBC128}},
};

START_TEST(all_of_a_group_can_read_it)
{
    struct recipient all[3];
    struct plan plan;
    for (size_t i = 0; i < 3; i++) {
        all[i] = make(DIRECTION_OUTGOING, TRANSFORM_ENCRYPT, OUTGOING_ENCRYPT_FORCED, false);
        all[i].encryption.ciphers = readers[_i].read[i];
    }
    ck_assert_int_eq(plan_make(all, 3, &plan), 0);
    ck_assert_uint_eq(plan.count, readers[_i].groups);
    for (size_t i = 0; i < plan.count; i++) {
        enum encrypt_cipher cipher = plan_cipher(&plan.groups[i]);
        ck_assert_int_eq(cipher, readers[_i].ciphers[i]);
        for (size_t k = 0; k < plan.groups[i].count; k++)
            ck_assert(cipher_list_has(&readers[_i].read[plan.groups[i].members[k]], cipher));
    }
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
    tcase_add_test(tests, signatures_do_not_mix);
    tcase_add_loop_test(tests, all_of_a_group_can_read_it, 0, sizeof readers / sizeof *readers);
    tcase_add_test(tests, nobody_is_an_empty_plan);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
