/* Name constraints on mail addresses (smime/name_constraints.h), of CAs made by the openssl
 * command. */
#include <time.h>

#include "incoming_fixture.h"
#include "name_constraints.h"

/* ---- What a constraint says of an address ---- */

static const struct {
    const char *constraints;
    const char *address;
    int allowed;
} cases[] = {
    {"excluded;email:example.com", "alice@example.com", 0},
    {"excluded;email:EXAMPLE.com", "alice@example.com", 0},
    {"excluded;email:example.com", "alice@sub.example.com", 1},
    {"excluded;email:.example.com", "alice@sub.example.com", 0},
    {"excluded;email:alice@example.com", "alice@example.com", 0},
    {"excluded;email:alice@example.com", "bob@example.com", 1},
    {"excluded;email:xn--bcher-kva.test", "alice@xn--bcher-kva.test", 0},
    {"excluded;email:xn--bcher-kva.test", "j\xc3\xbcrgen@xn--bcher-kva.test", 0},
    {"permitted;email:partner.test", "alice@example.com", 0},
    {"permitted;email:partner.test", "bob@partner.test", 1},
    {"permitted;email:partner.test", "j\xc3\xbcrgen@partner.test", 1},
    {"permitted;DNS:partner.test", "alice@example.com", 1},
};

static X509 *read_certificate(const char *name)
{
    char *path = world_path(name);
    FILE *file = fopen(path, "re");
    X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    ck_assert_ptr_nonnull(certificate);
    (void)fclose(file);
    free(path);
    return certificate;
}

START_TEST(addresses)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *ca;
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null "
        "-subj /CN=x -addext 'nameConstraints=critical,%s' -out named.pem",
        cases[_i].constraints);
    ca = read_certificate("named.pem");
    ck_assert_int_gt(sk_X509_push(chain, world.people[ALICE].certificate), 0);
    ck_assert_int_eq(name_constraints_allow(chain, cases[_i].address), 1);
    ck_assert_int_gt(sk_X509_push(chain, ca), 0);
    ck_assert_int_eq(name_constraints_allow(chain, cases[_i].address), cases[_i].allowed);
    ck_assert_int_gt(sk_X509_push(chain, world.ca.certificate), 0);
    ck_assert_int_eq(name_constraints_allow(chain, cases[_i].address), cases[_i].allowed);
    sk_X509_free(chain);
    X509_free(ca);
}
END_TEST

/* ---- Messages ---- */

#define UTF8 "otherName.1=1.3.6.1.5.5.7.8.9;FORMAT:UTF8,UTF8:"

static const struct {
    const char *constraints; /* of the CA below ours */
    const char *name;        /* of the signer */
    const char *from;
    enum signature_verdict wanted;
} signers[] = {
    {"permitted;email:example.com", "email.1=alice@example.com", "alice@example.com",
     SIGNATURE_VALID},
    {"excluded;email:partner.test", "email.1=alice@example.com.", "alice@example.com",
     SIGNATURE_VALID},
    {"excluded;email:example.com", "email.1=alice@example.com", "alice@example.com",
     SIGNATURE_UNTRUSTED},
    {"excluded;email:example.com", "email.1=alice@example.com.", "alice@example.com",
     SIGNATURE_UNTRUSTED},
    {"excluded;email:alice@example.com", "email.1=@x.test:alice@example.com", "alice@example.com",
     SIGNATURE_UNTRUSTED},
    {"excluded;email:alice@example.com", "email.1=ALICE@example.com", "alice@example.com",
     SIGNATURE_UNTRUSTED},
    {"excluded;email:xn--bcher-kva.test", UTF8 "alice@xn--bcher-kva.test",
     "alice@xn--bcher-kva.test", SIGNATURE_UNTRUSTED},
    {"excluded;email:partner.test", "email.1=carol@x.test\nemail.2=bob@partner.test.",
     "\"bob@partner.test\" <carol@x.test>", SIGNATURE_UNTRUSTED},
};

/* openssl x509 issues from the present time on. */
static struct opened open_now(struct bytes message)
{
    struct open_request request = default_request();
    request.now = time(NULL);
    return open_with(message, &request);
}

START_TEST(messages)
{
    char config[1024];
    struct opened opened;
    (void)snprintf(config, sizeof config,
                   "[req]\ndistinguished_name=d\n[d]\n[ca]\nbasicConstraints=critical,CA:TRUE\n"
                   "keyUsage=keyCertSign\nnameConstraints=critical,%s\n[leaf]\n"
                   "extendedKeyUsage=emailProtection\nsubjectAltName=@names\n[names]\n%s\n",
                   signers[_i].constraints, signers[_i].name);
    write_file("named.cnf", config, strlen(config));
    for (int i = 0; i < 2; i++)
        run("n=%s; openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-config named.cnf -subj /CN=$n -keyout $n.key -out $n.csr && "
            "openssl x509 -req -in $n.csr -CA %s.pem -CAkey %s.key -days 2 -extfile named.cnf "
            "-extensions $n -out $n.pem",
            i == 0 ? "ca" : "leaf", i == 0 ? "root" : "ca", i == 0 ? "root" : "ca");
    opened = open_now(message_of(
        signers[_i].from,
        signed_entity(TEXT_ENTITY,
                      "-sign -signer leaf.pem -inkey leaf.key -certfile ca.pem -md sha256")));
    ck_assert_msg(opened.signature == signers[_i].wanted, "%s, %s: %s (%s)",
                  signers[_i].constraints, signers[_i].name,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    ck_assert((opened.harvest.certificate != NULL) == (signers[_i].wanted == SIGNATURE_VALID));
    opened_clear(&opened);
}
END_TEST

static void begin(void)
{
    world_make();
    write_pki("root", &world.ca);
}

int main(void)
{
    Suite *suite = suite_create("name_constraints");
    TCase *tcase = tcase_create("addresses");
    tcase_add_unchecked_fixture(tcase, begin, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, addresses, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(tcase, messages, 0, sizeof signers / sizeof *signers);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
