/* Counting what became of messages (daemon/counters.h). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "test_run.h"

static const struct {
    const char *name;
    struct outcome outcome;
    bool applied;
    const char *expected;
} cases[] = {
    {"signed",
     {.direction = DIRECTION_OUTGOING,
      .action = FLOW_REPLACE,
      .transform = TRANSFORM_SIGN,
      .signer = (char *)(uintptr_t) "a@b"},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=0 signed=1 encrypted=0 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"signed and encrypted",
     {.direction = DIRECTION_OUTGOING,
      .action = FLOW_REPLACE,
      .transform = TRANSFORM_SIGN_ENCRYPT,
      .signer = (char *)(uintptr_t) "a@b"},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=0 signed=1 encrypted=1 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"encrypted without the signature that was due",
     {.direction = DIRECTION_OUTGOING,
      .action = FLOW_REPLACE,
      .transform = TRANSFORM_ENCRYPT,
      .note = (char *)(uintptr_t) "not signed"},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=0 signed=0 encrypted=1 not-signed=1 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"the MTA did not take it",
     {.direction = DIRECTION_OUTGOING, .action = FLOW_REPLACE, .transform = TRANSFORM_SIGN},
     false,
     "messages=1 copies=0 reported=0 refused=0 deferred=1 signed=0 encrypted=0 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"refused",
     {.action = FLOW_REPLY, .reply = {.code = 550}},
     true,
     "messages=1 copies=0 reported=0 refused=1 deferred=0 signed=0 encrypted=0 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"deferred",
     {.action = FLOW_REPLY, .reply = {.code = 451}},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=1 signed=0 encrypted=0 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=0 verified=0 not-verified=0"},
    {"decrypted and valid",
     {.direction = DIRECTION_INCOMING,
      .action = FLOW_REPLACE,
      .opened_set = true,
      .opened = {.encryption = ENCRYPTION_DECRYPTED, .signature = SIGNATURE_VALID}},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=0 signed=0 encrypted=0 not-signed=0 "
     "decrypted=1 "
     "not-decrypted=0 verified=1 not-verified=0"},
    {"left encrypted, bad signature",
     {.direction = DIRECTION_INCOMING,
      .opened_set = true,
      .opened = {.encryption = ENCRYPTION_NOT_DECRYPTED, .signature = SIGNATURE_INVALID}},
     true,
     "messages=1 copies=0 reported=0 refused=0 deferred=0 signed=0 encrypted=0 not-signed=0 "
     "decrypted=0 "
     "not-decrypted=1 verified=0 not-verified=1"},
};

START_TEST(counts)
{
    struct counters counters = {0};
    char *text;
    counters_add(&counters, &cases[_i].outcome, cases[_i].applied);
    text = counters_text(&counters);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strcmp(text, cases[_i].expected) == 0, "%s: %s", cases[_i].name, text);
    free(text);
}
END_TEST

START_TEST(copies_count_beside_their_message)
{
    struct counters counters = {0};
    const struct outcome copy = {
        .action = FLOW_REPLACE, .direction = DIRECTION_OUTGOING, .transform = TRANSFORM_ENCRYPT};
    char *text;
    counters_add_copy(&counters, &copy);
    counters_add_copy(&counters, &copy);
    text = counters_text(&counters);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strncmp(text, "messages=0 copies=2 ", 20) == 0, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, " encrypted=2 "));
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("counters");
    TCase *tests = tcase_create("counting");
    tcase_add_loop_test(tests, counts, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tests, copies_count_beside_their_message);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
