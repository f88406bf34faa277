/* What the fields of an incoming message tell of each verdict (daemon/verdict_fields.h): read by
 * Python's email package and authres, compared with what `openssl x509` says of the signer. */
#include <check.h>
#include <limits.h>

#include "flow_world.h"
#include "test_openssl_cli.h"
#include "test_run.h"

#define FIELDS(from) "printf 'From: " from "\nTo: alice@example.com\nSubject: hi\n'; "
#define BOB FIELDS("Bob <bob@partner.test>")
#define SIGN(who) "openssl cms -sign -md sha256 -signer " who " -inkey " who ".key -in plain "
#define IN_A_PART                                                                                  \
    "printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nPay.\n--b\n';" \
    " " SIGN("bob") "| sed 's/^MIME-Version: 1.0$/X-Y: z/'; printf '\n--b--\n'"

static const struct field_case {
    const char *name;
    const char *make;
    const char *result;
    const char *verdict;
    const char *subject;
    const char *signer; /* NULL: nobody is told */
} cases[] = {
    {"plain", BOB "cat plain", "none", "none", "hi", NULL},
    {"valid", BOB SIGN("bob"), "pass", "valid", "[signed] hi", "bob"},
    {"opaque", BOB SIGN("bob") "-nodetach", "pass", "valid", "[signed] hi", "bob"},
    {"expired", BOB SIGN("old"), "fail", "expired", "[signature invalid] hi", "old"},
    {"untrusted", BOB SIGN("foreign"), "policy", "untrusted", "[signature invalid] hi", "foreign"},
    {"unknown signer", BOB SIGN("bob") "-nocerts", "permerror", "unknown-signer",
     "[signature invalid] hi", NULL},
    {"mismatch", FIELDS("carl@partner.test") SIGN("bob"), "policy", "mismatch",
     "[signature invalid] hi", "bob"},
    {"partial", BOB IN_A_PART, "neutral", "partial", "[signature invalid] hi", NULL},
    {"invalid", BOB SIGN("bob") "| sed 's/The text/Another text/'", "fail", "invalid",
     "[signature invalid] hi", NULL},
    {"encrypted", BOB SIGN("bob") ">s; openssl cms -encrypt -aes256 -in s alice", "pass", "valid",
     "[encrypted] [signed] hi", "bob"},
    {"a signature within another one", BOB SIGN("bob") ">s; " SIGN("bob") "-nodetach -in s", "pass",
     "valid", "[signed] hi", "bob"},
    {"names out of the ordinary", BOB SIGN("odd") "-certfile odd-ca", "pass", "valid",
     "[signed] hi", "odd"},
    {"and another verdict", FIELDS("carl@partner.test") SIGN("odd") "-certfile odd-ca", "policy",
     "mismatch", "[signature invalid] hi", "odd"},
};

static void write_leaf(const char *name, const struct pki_spec *spec, const struct pki *issuer)
{
    struct pki pki = pki_make(spec, issuer);
    cli_write_pki(name, &pki);
    pki_clear(&pki);
}

/* What alice gets of the file "message". */
static char *received(struct world *world)
{
    char *message = cli_read("message", NULL);
    struct transaction transaction =
        world_message(world, ROLE_INBOUND, NULL, "bob@partner.test", message);
    struct outcome outcome;
    char *text;
    ck_assert_int_eq(world_recipient(world, &transaction, "alice@example.com"), 0);
    outcome = world_end(world, &transaction);
    ck_assert_msg(outcome.action != FLOW_REPLY, "%s", outcome.reply.english);
    text = world_text(&transaction, &outcome);
    world_forget(&transaction, &outcome);
    free(message);
    return text;
}

START_TEST(each_verdict)
{
    const struct field_case *c = &cases[_i];
    struct world world = world_open("subject_tags = true;");
    struct pki foreign_ca = pki_ca("Foreign CA");
    struct pki odd_ca;
    struct pki alice;
    char here[PATH_MAX];
    char *text;
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    cli_begin();
    alice = world_mailbox(&world, "alice@example.com", NULL);
    pki_write_certificate(cli_path("alice"), alice.certificate);
    write_leaf("bob", &(struct pki_spec){.addresses = {"bob@partner.test"}}, &world.ca);
    write_leaf(
        "old",
        &(struct pki_spec){.addresses = {"bob@partner.test"}, .not_after = PKI_NOW - PKI_DAY},
        &world.ca);
    odd_ca = pki_intermediate(&world.ca, "\"CA\" Jürgen & Söhne, Inc. (; smime=fail)\\");
    cli_write_pki("odd-ca", &odd_ca);
    write_leaf("odd",
               &(struct pki_spec){.addresses = {"bob@partner.test"},
                                  .common_name = "Bob (; smime=fail) \"Builder\", 3rd"},
               &odd_ca);
    write_leaf("foreign", &(struct pki_spec){.addresses = {"bob@partner.test"}}, &foreign_ca);
    cli_write("plain", "Content-Type: text/plain\r\n\r\nThe text\r\n", 38);
    ck_assert_int_eq(cli_run("{ %s; } | tr -d '\\r' >message", c->make), 0);
    text = received(&world);
    cli_write("got", text, strlen(text));
    if (cli_run("'%s/tests/daemon/check_verdict_fields.py' got %s %s '%s' %s %s", here, c->result,
                c->verdict, c->subject, c->signer != NULL ? c->signer : "",
                c->signer != NULL ? "bob@partner.test" : "") != 0) {
        char *said = cli_read("stderr", NULL);
        ck_abort_msg("%s: %s\n%s", c->name, said, text);
    }
    free(text);
    pki_clear(&alice);
    pki_clear(&foreign_ca);
    pki_clear(&odd_ca);
    world_close(&world);
    cli_end();
}
END_TEST

/* Whatever is configured: the tags that are shipped, in both languages, are nobody's to forge. */
START_TEST(shipped_tags_cannot_be_forged)
{
    struct world world = world_open("subject_tags = true;");
    struct pki alice = world_mailbox(&world, "alice@example.com", NULL);
    FILE *file = fopen("etc/smimed.conf.full", "re");
    char line[256];
    size_t tried = 0;
    ck_assert_ptr_nonnull(file);
    cli_begin();
    while (fgets(line, sizeof line, file) != NULL) {
        const char *setting = line[0] == '#' ? line + 2 : line;
        char *tag = strstr(line, " = \"");
        char *text;
        char message[512];
        if (strncmp(setting, "tag_", 4) != 0 || tag == NULL)
            continue;
        tag += 4;
        tag[strcspn(tag, "\"")] = '\0';
        snprintf(message, sizeof message, "From: bob@partner.test\nSubject: %s hi\n\nx\n", tag);
        cli_write("message", message, strlen(message));
        text = received(&world);
        ck_assert_msg(strstr(text, "\r\nSubject: hi\r\n") != NULL, "%s:\n%s", tag, text);
        free(text);
        tried++;
    }
    ck_assert_uint_eq(tried, 8);
    (void)fclose(file);
    pki_clear(&alice);
    world_close(&world);
    cli_end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verdict_fields");
    TCase *tests = tcase_create("fields");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, each_verdict, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, shipped_tags_cannot_be_forged);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
