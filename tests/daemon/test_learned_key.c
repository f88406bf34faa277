/* Encrypting with what signed mail has taught (daemon/usable_key.h): as long as the CA behind it is
 * believed. Mail of partners is signed by `openssl cms`, what goes out is decrypted by it. */
#include <check.h>

#include "flow_world.h"
#include "test_run.h"

#define FORCED                                                                                     \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-forced\"; } );"
#define OPTIONAL                                                                                   \
    "rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; outgoing = \"encrypt-optional\"; } );"

static struct world world;
static struct pki alice;
static struct pki other; /* another CA than the world's, believed at first */

static void begin(const char *config)
{
    char *why = NULL;
    world = world_open(config);
    alice = world_mailbox(&world, "alice@example.com", NULL);
    other = pki_ca("Other CA");
    ck_assert_int_eq(
        store_anchor_import(world.gateway->store, other.certificate, PKI_NOW, NULL, &why),
        STORE_OK);
}

static void end(void)
{
    pki_clear(&alice);
    pki_clear(&other);
    world_close(&world);
}

/* An administrator believes that CA no longer. */
static void distrust(const struct pki *ca)
{
    struct anchor_list list = {0};
    char *why = NULL;
    bool found = false;
    ck_assert_int_eq(store_anchor_list(world.gateway->store, &list, &why), STORE_OK);
    for (size_t i = 0; i < list.count; i++)
        if (X509_cmp(list.items[i].certificate, ca->certificate) == 0) {
            found = true;
            ck_assert_int_eq(store_anchor_delete(world.gateway->store, list.items[i].id, &why),
                             STORE_OK);
        }
    ck_assert(found);
    anchor_list_clear(&list);
}

static void write_pair(const struct pki *pki, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s.pem", world.directory, name);
    pki_write_certificate(path, pki->certificate);
    snprintf(path, sizeof path, "%s/%s.key", world.directory, name);
    pki_write_key(path, pki->key);
}

/* The output of a shell command in the world's directory, with LF line ends. */
static char *output_of(const char *command)
{
    char line[1024];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    FILE *in;
    int c;
    snprintf(line, sizeof line, "cd '%s' && %s", world.directory, command);
    in = popen(line, "r");
    ck_assert(in != NULL && out != NULL);
    while ((c = getc(in)) != EOF)
        if (c != '\r')
            putc(c, out);
    ck_assert_int_eq(pclose(in), 0);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* Mail of bob, signed with signer.pem, comes in. */
static void receive(const char *more)
{
    char command[512];
    struct transaction transaction;
    struct outcome outcome;
    char *text;
    snprintf(command, sizeof command,
             "printf 'From: bob@partner.test\\nTo: alice@example.com\\n'; printf "
             "'Content-Type: text/plain\\r\\n\\r\\nhello\\r\\n' | openssl cms -sign -signer "
             "signer.pem -inkey signer.key %s",
             more);
    text = output_of(command);
    transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    ck_assert_int_eq(world_recipient(&world, &transaction, "alice@example.com"), 0);
    outcome = world_end(&world, &transaction);
    ck_assert_msg(outcome.opened.signature == SIGNATURE_VALID, "%s",
                  outcome.opened.signature_reason);
    ck_assert_ptr_null(outcome.note);
    world_forget(&transaction, &outcome);
    free(text);
}

/* Learn the key of bob by `issuer`, from mail that he signs with it. */
static struct pki learn(const struct pki *issuer)
{
    struct pki bob = pki_leaf(issuer, "bob@partner.test");
    write_pair(&bob, "signer");
    receive("");
    return bob;
}

/* What bob gets of a message by alice; a note for the log is in *note_out (free()). */
static enum transform send(char **note_out)
{
    struct transaction transaction =
        world_message(&world, ROLE_SUBMISSION, "alice@example.com", "alice@example.com",
                      "From: alice@example.com\nTo: bob@partner.test\n\nsecret\n");
    enum transform transform;
    struct outcome outcome;
    char *text;
    ck_assert_int_eq(world_recipient(&world, &transaction, "bob@partner.test"), 0);
    outcome = world_end(&world, &transaction);
    transform = transaction.recipients[0].transform;
    ck_assert_int_eq(outcome.action == FLOW_REPLY, transform == TRANSFORM_REFUSE);
    text = outcome.action == FLOW_REPLY ? strdup("") : world_text(&transaction, &outcome);
    world_file(&world, "sent.eml", text);
    free(text);
    *note_out = strdup(outcome.action == FLOW_REPLY ? outcome.cause != NULL ? outcome.cause : ""
                       : outcome.note != NULL       ? outcome.note
                                                    : "");
    world_forget(&transaction, &outcome);
    return transform;
}

static bool can_read(const struct pki *pki)
{
    char *text;
    bool read;
    write_pair(pki, "reader");
    text = output_of("openssl cms -decrypt -in sent.eml -recip reader.pem -inkey reader.key "
                     "2>/dev/null || true");
    read = strstr(text, "multipart/signed") != NULL;
    free(text);
    return read;
}

static void expect(enum transform transform, const struct pki *reader, const char *sentence)
{
    char *note = NULL;
    enum transform got = send(&note);
    ck_assert_msg(got == transform, "%s: %s", transform_name(got), note);
    ck_assert_msg(sentence == NULL || strstr(note, sentence) != NULL, "%s", note);
    if (reader != NULL)
        ck_assert(can_read(reader));
    free(note);
}

START_TEST(a_ca_is_believed_no_more)
{
    struct pki bob;
    begin(FORCED);
    bob = learn(&other);
    expect(TRANSFORM_SIGN_ENCRYPT, &bob, NULL);
    distrust(&other);
    expect(TRANSFORM_REFUSE, NULL, "no trust anchor vouches for it now");
    pki_clear(&bob);
    end();
}
END_TEST

START_TEST(without_a_key_the_rule_decides)
{
    struct pki bob;
    begin(OPTIONAL);
    bob = learn(&other);
    expect(TRANSFORM_SIGN_ENCRYPT, &bob, NULL);
    distrust(&other);
    expect(TRANSFORM_SIGN, NULL, "no trust anchor vouches for it now");
    pki_clear(&bob);
    end();
}
END_TEST

/* What the CA of an attacker has taught later does not hide what is good. */
START_TEST(another_key_takes_its_place)
{
    struct pki good;
    struct pki bad;
    begin(FORCED);
    good = learn(&world.ca);
    bad = learn(&other);
    expect(TRANSFORM_SIGN_ENCRYPT, &bad, NULL);
    distrust(&other);
    expect(TRANSFORM_SIGN_ENCRYPT, &good, NULL);
    ck_assert(!can_read(&bad));
    pki_clear(&good);
    pki_clear(&bad);
    end();
}
END_TEST

/* An administrator's own word needs no CA. */
START_TEST(imported_and_pinned_keys_stay)
{
    struct pubkey_list list = {0};
    struct pki bob;
    char *why = NULL;
    begin(FORCED);
    bob = learn(&other);
    ck_assert_int_eq(store_pubkey_list(world.gateway->store, NULL, &list, &why), STORE_OK);
    ck_assert_uint_eq(list.count, 1);
    if (_i == 0)
        ck_assert_int_eq(
            store_pubkey_import(world.gateway->store, bob.certificate, PKI_NOW, NULL, &why),
            STORE_OK);
    else
        ck_assert_int_eq(store_pubkey_pin(world.gateway->store, list.items[0].id, PKI_NOW, &why),
                         STORE_OK);
    distrust(&other);
    expect(TRANSFORM_SIGN_ENCRYPT, &bob, NULL);
    pubkey_list_clear(&list);
    pki_clear(&bob);
    end();
}
END_TEST

/* Two keys of one person, of two CAs: both ways to the anchor are remembered. */
START_TEST(keys_of_different_cas)
{
    struct pki for_signing, for_encryption, signer, reader;
    begin(FORCED);
    for_signing = pki_intermediate(&world.ca, "CA for signatures");
    for_encryption = pki_intermediate(&world.ca, "CA for encryption");
    signer = pki_make(&(struct pki_spec){.addresses = {"bob@partner.test"},
                                         .key_usage = "critical,digitalSignature"},
                      &for_signing);
    reader = pki_make(
        &(struct pki_spec){.addresses = {"bob@partner.test"}, .key_usage = "critical,keyAgreement"},
        &for_encryption);
    write_pair(&signer, "signer");
    write_pair(&reader, "reader");
    write_pair(&for_signing, "ca1");
    write_pair(&for_encryption, "ca2");
    free(output_of("cat ca1.pem ca2.pem reader.pem > more.pem"));
    receive("-certfile more.pem");
    expect(TRANSFORM_SIGN_ENCRYPT, &reader, NULL);
    pki_clear(&for_signing);
    pki_clear(&for_encryption);
    pki_clear(&signer);
    pki_clear(&reader);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("learned_key");
    TCase *tests = tcase_create("learned");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_ca_is_believed_no_more);
    tcase_add_test(tests, without_a_key_the_rule_decides);
    tcase_add_test(tests, another_key_takes_its_place);
    tcase_add_loop_test(tests, imported_and_pinned_keys_stay, 0, 2);
    tcase_add_test(tests, keys_of_different_cas);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
