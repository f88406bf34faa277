/* Weak algorithms: accepted only where the request allows each of them, and always told. Messages
 * and certificates are made by the openssl command. */
#include "incoming_fixture.h"

#define DORA "dora@example.com"
#define ALL_WEAK (WEAKNESS_SHA1 | WEAKNESS_3DES | WEAKNESS_RC2 | WEAKNESS_RSA_1024)
#define RC2 "-encrypt -provider default -provider legacy -rc2-"

/* Dora's certificates: from the world's CA by SHA-1, of 1024 bits, from an intermediate CA that was
 * signed by SHA-1 or has 1024 bits, and from a root that is signed by SHA-1. */
static void make_certificates(void)
{
    write_file("leaf.ext", "subjectAltName=email:" DORA "\n",
               strlen("subjectAltName=email:" DORA "\n"));
    write_file("ca.ext", "basicConstraints=CA:TRUE\n", strlen("basicConstraints=CA:TRUE\n"));
    run("{ for k in sha1 short old mid midshort rooted; do b=2048; [ $k = short ] && b=1024;"
        " openssl req -new -newkey rsa:$b -nodes -keyout $k.key -subj /CN=dora -out $k.csr; done; "
        "}");
    run("{ for k in midca shortca rootca; do b=2048; [ $k = shortca ] && b=1024;"
        " openssl req -new -newkey rsa:$b -nodes -keyout $k.key -subj /CN=$k -out $k.csr; done; }");
    run("{ openssl req -new -newkey rsa-pss -pkeyopt rsa_keygen_bits:1024 -nodes -keyout pss.key"
        " -subj /CN=dora -out pss.csr && openssl dsaparam -out dsa.param 1024 &&"
        " openssl req -new -newkey dsa:dsa.param -nodes -keyout dsa.key -subj /CN=dora -out "
        "dsa.csr "
        "&& openssl req -new -newkey rsa:1024 -nodes -keyout weakroot.key -subj /CN=weakroot -out"
        " weakroot.csr && for k in weakrooted own lost; do openssl req -new -newkey rsa:2048 -nodes"
        " -keyout $k.key -subj /CN=$k -out $k.csr; done; }");
    run("{ sign() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days "
        "9000"
        " -extfile $3.ext -$4 -out $1.pem; } &&"
        " sign sha1 ca leaf sha1 && sign short ca leaf sha256 && sign midca ca ca sha1 &&"
        " sign shortca ca ca sha256 && sign mid midca leaf sha256 &&"
        " sign midshort shortca leaf sha256 &&"
        " openssl x509 -req -in rootca.csr -signkey rootca.key -days 9000 -extfile ca.ext -sha1"
        " -out rootca.pem && sign rooted rootca leaf sha256 &&"
        " openssl x509 -req -in weakroot.csr -signkey weakroot.key -days 9000 -extfile ca.ext"
        " -sha256 -out weakroot.pem && sign weakrooted weakroot leaf sha256 &&"
        " sign pss ca leaf sha256 && sign dsa ca leaf sha256 &&"
        " openssl x509 -req -in own.csr -signkey own.key -days 9000 -extfile leaf.ext -sha1 -out"
        " own.pem && openssl x509 -req -in lost.csr -signkey lost.key -days 9000 -extfile leaf.ext"
        " -sha1 -out lost.pem && cat rootca.pem weakroot.pem own.pem > anchors.pem; }");
}

static time_t later(void)
{
    return time(NULL) + PKI_DAY; /* `openssl x509 -req` takes no other time */
}

static const struct {
    const char *name;
    const char *arguments;
    unsigned weak;
    const char *told;
} signatures[] = {
    {"digest", "-signer alice.pem -inkey alice.key -md sha1", WEAKNESS_SHA1, "SHA-1"},
    {"PSS with SHA-1", "-signer alice.pem -inkey alice.key -md sha1 -keyopt rsa_padding_mode:pss",
     WEAKNESS_SHA1, "SHA-1"},
    {"ECDSA with SHA-1", "-signer carol.pem -inkey carol.key -md sha1", WEAKNESS_SHA1, "SHA-1"},
    {"certificate signed by SHA-1", "-signer sha1.pem -inkey sha1.key -md sha256", WEAKNESS_SHA1,
     "SHA-1"},
    {"short key", "-signer short.pem -inkey short.key -md sha256", WEAKNESS_RSA_1024,
     "less than 2048 bits"},
    {"both", "-signer short.pem -inkey short.key -md sha1", WEAKNESS_RSA_1024 | WEAKNESS_SHA1,
     "SHA-1, an RSA or DSA key of less than 2048 bits"},
    {"intermediate signed by SHA-1",
     "-signer mid.pem -inkey mid.key -certfile midca.pem -md sha256", WEAKNESS_SHA1, "SHA-1"},
    {"short intermediate",
     "-signer midshort.pem -inkey midshort.key -certfile shortca.pem -md sha256", WEAKNESS_RSA_1024,
     "less than 2048 bits"},
    /* Nobody relies on the signature of an anchor. */
    {"root signed by SHA-1", "-signer rooted.pem -inkey rooted.key -md sha256", 0, NULL},
    {"root of 1024 bits", "-signer weakrooted.pem -inkey weakrooted.key -md sha256",
     WEAKNESS_RSA_1024, "less than 2048 bits"},
    {"its own anchor, signed by SHA-1", "-signer own.pem -inkey own.key -md sha256", 0, NULL},
    {"short key for PSS alone",
     "-signer pss.pem -inkey pss.key -md sha256 -keyopt rsa_padding_mode:pss", WEAKNESS_RSA_1024,
     "less than 2048 bits"},
    {"short DSA key", "-signer dsa.pem -inkey dsa.key -md sha256", WEAKNESS_RSA_1024,
     "less than 2048 bits"},
    {"nothing weak", "-signer alice.pem -inkey alice.key -md sha256", 0, NULL},
};

static struct opened open_signed(size_t i, struct open_request *request)
{
    char *arguments = NULL;
    struct opened opened;
    const char *from = strstr(signatures[i].arguments, "alice") != NULL   ? "alice@example.com"
                       : strstr(signatures[i].arguments, "carol") != NULL ? "carol@example.com"
                                                                          : DORA;
    ck_assert_int_gt(asprintf(&arguments, "-sign %s", signatures[i].arguments), 0);
    opened = open_with(message_of(from, signed_entity(TEXT_ENTITY, arguments)), request);
    free(arguments);
    return opened;
}

START_TEST(weak_signature)
{
    struct open_request request = default_request();
    X509_STORE *anchors = world.anchors;
    char *path = world_path("anchors.pem");
    request.now = later();
    ck_assert_int_eq(X509_STORE_load_file(anchors, path), 1);
    free(path);
    for (unsigned allowed = 0; allowed <= ALL_WEAK; allowed++) {
        bool accepted = (signatures[_i].weak & ~allowed) == 0;
        struct opened opened;
        request.weak_allowed = allowed;
        opened = open_signed((size_t)_i, &request);
        ck_assert_msg(opened.signature == (accepted ? SIGNATURE_VALID : SIGNATURE_UNTRUSTED),
                      "%s, %u: %s (%s)", signatures[_i].name, allowed,
                      signature_verdict_name(opened.signature), opened.signature_reason);
        ck_assert_msg(opened.weak == signatures[_i].weak, "%s: %u", signatures[_i].name,
                      opened.weak);
        if (accepted && signatures[_i].told != NULL)
            assert_contains(opened.signature_reason, signatures[_i].told);
        if (!accepted)
            assert_contains(opened.signature_reason, "weak algorithms that are not accepted (");
        ck_assert_msg((opened.harvest.certificate != NULL) == accepted ||
                          strstr(signatures[_i].arguments, "short.pem") != NULL,
                      "%s: harvest", signatures[_i].name);
        opened_clear(&opened);
    }
}
END_TEST

/* What is worse stays what it is, and is told to be weak all the same. */
START_TEST(worse_verdicts_stay)
{
    struct open_request request = default_request();
    struct opened opened;
    request.weak_allowed = 0;
    opened = open_with(
        message_of("bob@partner.test",
                   signed_entity(TEXT_ENTITY, "-sign -signer alice.pem -inkey alice.key -md sha1")),
        &request);
    assert_signature(&opened, SIGNATURE_MISMATCH);
    ck_assert_uint_eq(opened.weak, WEAKNESS_SHA1);
    opened_clear(&opened);
    request.now = PKI_NOW + 20 * PKI_YEAR;
    opened = open_signed(0, &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    assert_contains(opened.signature_reason, "SHA-1");
    opened_clear(&opened);
    /* Nobody knows its issuer: what is weak of the certificate itself is told. */
    opened = open_with(message_of(DORA, signed_entity(TEXT_ENTITY, "-sign -signer lost.pem -inkey "
                                                                   "lost.key -md sha256")),
                       &request);
    assert_signature(&opened, SIGNATURE_UNTRUSTED);
    ck_assert_uint_eq(opened.weak, WEAKNESS_SHA1);
    opened_clear(&opened);
    request.weak_allowed = WEAKNESS_SHA1;
    opened = open_signed(0, &request);
    assert_signature(&opened, SIGNATURE_EXPIRED);
    ck_assert_uint_eq(opened.weak, WEAKNESS_SHA1);
    opened_clear(&opened);
}
END_TEST

/* MD5 is never accepted, and what is altered is invalid whatever is allowed. */
START_TEST(broken_is_never_accepted)
{
    struct open_request request = default_request();
    struct bytes entity =
        signed_entity(TEXT_ENTITY, "-sign -signer alice.pem -inkey alice.key -md md5");
    struct opened opened = open_with(message_of("alice@example.com", entity), &request);
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
    entity = signed_entity(TEXT_ENTITY, "-sign -signer alice.pem -inkey alice.key -md sha1");
    bytes_replace(&entity, "secret is 42", "secret is 43");
    opened = open_with(message_of("alice@example.com", entity), &request);
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
}
END_TEST

static enum key_answer find_short(void *context, const struct recipient_id *ids, size_t count,
                                  size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                  char **why)
{
    struct pki *pki = context;
    for (size_t i = 0; i < count; i++)
        if (recipient_id_matches(&ids[i], pki->certificate)) {
            *index_out = i;
            *key_out = pki->key;
            *certificate_out = pki->certificate;
            return KEY_FOUND;
        }
    why_set(why, "none");
    return KEY_NONE;
}

static const struct {
    const char *arguments;
    enum pki_key key;
    unsigned weak;
    const char *told;
} envelopes[] = {
    {"-encrypt -des3 -recip fred.pem", PKI_RSA_2048, WEAKNESS_3DES, "triple DES"},
    {"-encrypt -des3 -recip fred.pem", PKI_EC_P256, WEAKNESS_3DES, "triple DES"},
    {"-encrypt -aes-256-cbc -des3-wrap -recip fred.pem", PKI_EC_P256, WEAKNESS_3DES, "triple DES"},
    {"-encrypt -aes-256-gcm -aes256-wrap -recip fred.pem", PKI_EC_P256, 0, NULL},
    {RC2 "40 -recip fred.pem", PKI_RSA_2048, WEAKNESS_RC2, "RC2"},
    {RC2 "128 -recip fred.pem", PKI_EC_P256, WEAKNESS_RC2, "RC2"},
    {"-encrypt -aes-128-cbc -recip fred.pem", PKI_RSA_1024, WEAKNESS_RSA_1024, "less than 2048"},
    {"-encrypt -aes-256-gcm -recip fred.pem", PKI_RSA_1024, WEAKNESS_RSA_1024, "less than 2048"},
    {"-encrypt -aes-128-cbc -recip fred.pem", PKI_RSA_2048, 0, NULL},
};

START_TEST(weak_encryption)
{
    struct open_request request = default_request();
    struct pki fred = pki_make(
        &(struct pki_spec){.addresses = {"fred@example.com"}, .key = envelopes[_i].key}, &world.ca);
    struct bytes message;
    request.keys = (struct key_finder){find_short, &fred};
    write_pki("fred", &fred);
    message = message_of("alice@example.com",
                         encrypted_entity(bytes_text(TEXT_ENTITY), envelopes[_i].arguments));
    for (unsigned allowed = 0; allowed <= ALL_WEAK; allowed++) {
        bool accepted = (envelopes[_i].weak & ~allowed) == 0;
        struct opened opened;
        request.weak_allowed = allowed;
        opened = open_with(bytes_copy(message.data, message.length), &request);
        assert_encryption(&opened, accepted ? ENCRYPTION_DECRYPTED : ENCRYPTION_NOT_DECRYPTED);
        ck_assert_uint_eq(opened.weak, envelopes[_i].weak);
        ck_assert(opened.changed == accepted);
        if (!accepted) {
            assert_contains(opened.encryption_reason, "weak algorithms that are not accepted");
            assert_contains(opened.encryption_reason, envelopes[_i].told);
        }
        opened_clear(&opened);
    }
    bytes_free(&message);
    pki_clear(&fred);
}
END_TEST

static void make_all(void)
{
    world_make();
    make_certificates();
}

int main(void)
{
    Suite *suite = suite_create("weakness");
    TCase *tcase = tcase_create("weakness");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, weak_signature, 0, sizeof signatures / sizeof *signatures);
    tcase_add_test(tcase, worse_verdicts_stay);
    tcase_add_test(tcase, broken_is_never_accepted);
    tcase_add_loop_test(tcase, weak_encryption, 0, sizeof envelopes / sizeof *envelopes);
    tcase_add_unchecked_fixture(tcase, make_all, world_clear);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
