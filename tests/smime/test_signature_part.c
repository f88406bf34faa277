/* Where the signature that a verdict is about lies in what is delivered, looked up there by
 * Python's MIME parser. */
#include "incoming_fixture.h"
#include "signature_part.h"

#define SIGN_EVE "-sign -signer eve.pem -inkey eve.key -md sha256"

static struct bytes wrap(struct bytes inner, char step)
{
    struct bytes out;
    switch (step) {
    case 'd':
        out = signed_entity(inner.data, SIGN_ALICE);
        break;
    case 'D':
        out = signed_entity(inner.data, SIGN_EVE);
        break;
    case 'o':
        out = opaque_entity(inner.data, SIGN_ALICE);
        break;
    case 'O':
        out = opaque_entity(inner.data, SIGN_EVE);
        break;
    default:
        return encrypted_entity(inner, ENCRYPT_BOB);
    }
    bytes_free(&inner);
    return out;
}

struct place {
    /* From the inside out: d(etached), o(paque), e(ncrypted). In capitals by Eve, who is not the
     * sender: the verdict is about her signature. */
    const char *steps;
    const char *wanted;
    bool clear_sign;
    bool remove_signature;
};

static const struct place places[] = {
    {"", "", false, false},         {"e", "", false, false},
    {"d", "2", false, false},       {"o", "1", false, false},
    {"o", "2", true, false},        {"de", "2", true, false},
    {"oe", "1", false, false},      {"oe", "2", true, false},
    {"ed", "", true, false}, /* opened, and the signature around it is gone */
    {"d", "", true, true},          {"oe", "", true, true},
    {"Dd", "1.2", false, false},    {"Ddd", "1.1.2", false, false},
    {"Od", "1", false, false},      {"Do", "1/2", false, false},
    {"Do", "1.2", true, false},     {"Oo", "1/1", false, false},
    {"Oo", "1", true, false},       {"Dod", "1/2", false, false},
    {"Ddo", "1/1.2", false, false}, {"Dode", "1/2", true, false},
    {"dO", "1", false, false},      {"doD", "2", false, false},
};

static void assert_eve_signed(struct bytes message, const char *part)
{
    char *path = world_path("signer");
    char *here = getcwd(NULL, 0);
    struct bytes signer;
    write_file("message", message.data, message.length);
    run("python3 %s/tests/smime/check_signature_part.py message %s > signer", here, part);
    signer = read_file(path);
    assert_contains(signer.data, "eve@evil.test");
    bytes_free(&signer);
    free(here);
    free(path);
}

START_TEST(is_where_it_is_said_to_be)
{
    const struct place *place = &places[_i];
    struct open_request request = default_request();
    struct bytes entity = bytes_text(TEXT_ENTITY);
    struct bytes message;
    struct bytes original;
    struct opened opened;
    char *part;
    for (const char *step = place->steps; *step != '\0'; step++)
        entity = wrap(entity, *step);
    message = message_of("alice@example.com", entity);
    original = bytes_copy(message.data, message.length);
    request.clear_sign = place->clear_sign;
    request.remove_signature = place->remove_signature;
    opened = open_with(message, &request);
    part = signature_part(&opened);
    ck_assert_ptr_nonnull(part);
    ck_assert_msg(strcmp(part, place->wanted) == 0, "%s: %s, wanted %s", place->steps, part,
                  place->wanted);
    if (strpbrk(place->steps, "DO") != NULL) {
        struct bytes text =
            opened.changed ? delivered(&opened) : bytes_copy(original.data, original.length);
        assert_signature(&opened, SIGNATURE_MISMATCH);
        assert_eve_signed(text, part);
        bytes_free(&text);
    }
    free(part);
    bytes_free(&original);
    opened_clear(&opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signature_part");
    TCase *tcase = tcase_create("signature_part");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, is_where_it_is_said_to_be, 0, sizeof places / sizeof *places);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
