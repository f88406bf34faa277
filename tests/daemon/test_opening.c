/* Whose private keys a message may be opened with (daemon/opening.h): of the mailbox that the
 * recipient's address is delivered to, and of no other. */
#include <check.h>

#include "flow_world.h"
#include "opening.h"
#include "test_run.h"

static const struct {
    const char *name;
    const char *address;
    int has_keys;
} cases[] = {
    {"a mailbox", "alice@example.com", 1},
    {"an alias", "miller@example.com", 1},
    {"a tag", "alice-list@example.com", 1},
    {"a tag of an alias", "miller-list@example.com", 1},
    /* Where '-' is a delimiter mail to alice must not be opened for her namesakes. */
    {"a mailbox without keys that begins like another", "alice-smith@example.com", 0},
    {"its alias", "alice-jones@example.com", 0},
    {"a tag of it", "alice-smith-list@example.com",
     1}, /* by the first delimiter, as Postfix cuts */
    {"nobody", "dora@example.com", 0},
};

START_TEST(keys_of_the_mailbox_alone)
{
    static const char alias[] = "alice-jones@example.com";
    const char *const aliases[] = {alias};
    struct world world = world_open("recipient_delimiter = \"-\";");
    struct pki alice = world_mailbox(&world, "alice@example.com", "miller@example.com");
    char *why = NULL;
    int found;
    ck_assert_int_eq(
        store_mailbox_add(world.gateway->store, "alice-smith@example.com", aliases, 1, &why),
        STORE_OK);
    found = opening_has_keys(world.gateway, cases[_i].address, &why);
    ck_assert_msg(found == cases[_i].has_keys, "%s: %d", cases[_i].name, found);
    why_free(&why);
    pki_clear(&alice);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("opening");
    TCase *tests = tcase_create("opening");
    tcase_add_loop_test(tests, keys_of_the_mailbox_alone, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
