/* Opaque-signed messages that become clear-signed ones, judged by the openssl command. */
#include "incoming_fixture.h"

static struct open_request clear_request(void)
{
    struct open_request request = default_request();
    request.clear_sign = true;
    return request;
}

/* What is delivered must hold `content` to the byte in its first part, and a signature over it that
 * verifies for the openssl command, by the real anchor. */
static void assert_verifies(const struct opened *opened, const char *content)
{
    struct bytes text = delivered(opened);
    char *first;
    char *second;
    char *base64;
    assert_contains(text.data, "Content-Type: multipart/signed; "
                               "protocol=\"application/pkcs7-signature\"");
    assert_contains(text.data, "\r\nSubject: Test\r\n");
    first = strstr(text.data, "\r\n--=_smimed_");
    ck_assert_ptr_nonnull(first);
    first = strstr(first + 2, "\r\n") + 2;
    ck_assert_mem_eq(first, content, strlen(content));
    second = first + strlen(content);
    ck_assert_mem_eq(second, "\r\n--=_smimed_", 13);
    base64 = strstr(second, "\r\n\r\n");
    ck_assert_ptr_nonnull(base64);
    ck_assert_ptr_nonnull(strstr(base64, "\r\n--=_smimed_"));
    write_file("content", content, strlen(content));
    write_file("base64", base64 + 4, (size_t)(strstr(base64, "\r\n--=_smimed_") - base64) - 4);
    run("tr -d '\\r' < base64 | openssl base64 -d -out p7s && "
        "openssl cms -verify -binary -inform DER -in p7s -content content -CAfile ca.pem "
        "-attime %lld -out /dev/null",
        (long long)PKI_NOW);
    bytes_free(&text);
}

static const char *const schemes[] = {
    SIGN_ALICE,
    "-sign -signer alice.pem -inkey alice.key -md sha1",
    "-sign -signer alice.pem -inkey alice.key -md sha512 -stream",
    SIGN_ALICE " -keyopt rsa_padding_mode:pss",
    SIGN_ALICE " -noattr",
    "-sign -signer carol.pem -inkey carol.key -signer alice.pem -inkey alice.key -md sha384",
};

START_TEST(becomes_clear_signed)
{
    struct open_request request = clear_request();
    struct opened opened = open_with(
        message_of("alice@example.com", opaque_entity(TEXT_ENTITY, schemes[_i])), &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_int_eq(opened.layers[0].kind, LAYER_SIGNED_OPAQUE);
    assert_verifies(&opened, TEXT_ENTITY);
    opened_clear(&opened);
}
END_TEST

/* Opened again by ourselves: the same verdict, detached. */
START_TEST(opens_again)
{
    struct open_request request = clear_request();
    struct opened opened = open_with(
        message_of("alice@example.com", opaque_entity(TEXT_ENTITY, SIGN_ALICE)), &request);
    struct opened again = open_with(delivered(&opened), &request);
    assert_signature(&again, SIGNATURE_VALID);
    ck_assert_int_eq(again.layers[0].kind, LAYER_SIGNED_DETACHED);
    ck_assert(!again.changed);
    opened_clear(&again);
    opened_clear(&opened);
}
END_TEST

START_TEST(after_decryption)
{
    struct open_request request = clear_request();
    struct opened opened =
        open_with(message_of("alice@example.com",
                             encrypted_entity(opaque_entity(TEXT_ENTITY, SIGN_ALICE), ENCRYPT_BOB)),
                  &request);
    assert_signature(&opened, SIGNATURE_VALID);
    assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    assert_verifies(&opened, TEXT_ENTITY);
    opened_clear(&opened);
}
END_TEST

static const struct {
    const char *name;
    const char *content;
    bool sound;
} contents[] = {
    {"text", TEXT_ENTITY, true},
    {"no fields", "\r\nHello\r\n", true},
    {"no body", "Content-Type: text/plain\r\n\r\n", true},
    {"no last line end", "Content-Type: text/plain\r\n\r\nHello", true},
    {"a line of dashes", "Content-Type: text/plain\r\n\r\n--\r\n--x\r\n-- \r\n", true},
    {"nothing", "", false},
    {"no MIME", "Hello\r\n", false},
    {"a header without an end", "Content-Type: text/plain\r\n", false},
    {"LF", "Content-Type: text/plain\n\nHello\n", false},
    {"bare LF", "Content-Type: text/plain\r\n\r\nHel\nlo\r\n", false},
    {"bare CR", "Content-Type: text/plain\r\n\r\nHel\rlo\r\n", false},
    {"CR at the end", "Content-Type: text/plain\r\n\r\nHello\r", false},
    {"8-bit", "Content-Type: text/plain\r\n\r\nHell\xc3\xb6\r\n", false},
};

START_TEST(only_what_may_travel_in_the_clear)
{
    struct open_request request = clear_request();
    struct opened opened = open_with(
        message_of("alice@example.com", opaque_entity(contents[_i].content, SIGN_ALICE)), &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_msg(opened.changed == contents[_i].sound, "%s", contents[_i].name);
    if (opened.changed)
        assert_verifies(&opened, contents[_i].content);
    opened_clear(&opened);
}
END_TEST

START_TEST(lines_and_nul)
{
    struct open_request request = clear_request();
    for (size_t length = 997; length <= 1000; length++) {
        struct bytes content = bytes_text("Content-Type: text/plain\r\n\r\n");
        struct bytes der;
        struct opened opened;
        for (size_t i = 0; i < length; i++)
            bytes_puts(&content, "x");
        bytes_puts(&content, "\r\n");
        if (length == 1000)
            content.data[content.length - 900] = '\0';
        der = cms(content, SIGN_ALICE " -nodetach");
        opened = open_with(message_of("alice@example.com", wrap_cms(der, "signed-data")), &request);
        assert_signature(&opened, SIGNATURE_VALID);
        ck_assert_int_eq(opened.changed, length <= 998);
        opened_clear(&opened);
        bytes_free(&content);
    }
}
END_TEST

/* Good signatures with a lesser verdict keep it; bad ones stay as they came. */
START_TEST(verdicts_stay)
{
    struct open_request request = clear_request();
    struct bytes bad = cms_of_text(TEXT_ENTITY, SIGN_ALICE " -nodetach");
    char *text = memmem(bad.data, bad.length, "secret", 6);
    struct opened opened =
        open_with(message_of("bob@partner.test", opaque_entity(TEXT_ENTITY, SIGN_ALICE)), &request);
    assert_signature(&opened, SIGNATURE_MISMATCH);
    assert_verifies(&opened, TEXT_ENTITY);
    opened_clear(&opened);
    ck_assert_ptr_nonnull(text);
    *text = 'S';
    opened = open_with(message_of("alice@example.com", wrap_cms(bad, "signed-data")), &request);
    assert_signature(&opened, SIGNATURE_INVALID);
    ck_assert(!opened.changed);
    opened_clear(&opened);
    opened = open_with(
        message_of("alice@example.com", opaque_entity(TEXT_ENTITY, SIGN_ALICE " -nocerts")),
        &request);
    assert_signature(&opened, SIGNATURE_UNKNOWN_SIGNER);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

START_TEST(not_where_something_stays_encrypted)
{
    struct open_request request = clear_request();
    struct bytes inner = encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB);
    struct opened opened;
    request.keys = (struct key_finder){0};
    opened =
        open_with(message_of("alice@example.com", opaque_entity(inner.data, SIGN_ALICE)), &request);
    assert_signature(&opened, SIGNATURE_VALID);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
    bytes_free(&inner);
}
END_TEST

START_TEST(not_unless_asked)
{
    struct opened opened =
        open_message(message_of("alice@example.com", opaque_entity(TEXT_ENTITY, SIGN_ALICE)));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clear_sign");
    TCase *tcase = tcase_create("opaque signatures");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, becomes_clear_signed, 0, sizeof schemes / sizeof *schemes);
    tcase_add_test(tcase, opens_again);
    tcase_add_test(tcase, after_decryption);
    tcase_add_loop_test(tcase, only_what_may_travel_in_the_clear, 0,
                        sizeof contents / sizeof *contents);
    tcase_add_test(tcase, lines_and_nul);
    tcase_add_test(tcase, verdicts_stay);
    tcase_add_test(tcase, not_where_something_stays_encrypted);
    tcase_add_test(tcase, not_unless_asked);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
