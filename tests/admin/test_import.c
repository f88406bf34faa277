/* smimectl pubkey import from directories, address books and folders. The files are written with
 * openssl's base64, and by ldapsearch's rules of folding. */
#include "smimectl_run.h"

static struct pki root;

static void setup(void)
{
    make_store();
    root = pki_ca("Test CA");
    write_pki("ca", &root);
}

static void teardown(void)
{
    pki_clear(&root);
    remove_directory();
}

/* Write NAME.pem and NAME.p7 (DER, with the CA in it); the base64 of the certificate, or of the
 * bundle, folded after `width` characters (0: not at all) with `fold` between. */
static char *base64(const char *name, const char *suffix, size_t width, const char *fold)
{
    char source[64], *out = NULL;
    size_t length = 0;
    snprintf(source, sizeof source, "%s.%s", name, suffix);
    struct run run = OPENSSL("base64", "-A", "-in", in_dir(source));
    ck_assert_int_eq(run.code, 0);
    FILE *stream = open_memstream(&out, &length);
    ck_assert_ptr_nonnull(stream);
    for (size_t i = 0; run.out[i]; i++) {
        if (width && i > 0 && i % width == 0) {
            fputs(fold, stream);
        }
        fputc(run.out[i], stream);
    }
    fclose(stream);
    run_clear(&run);
    return out;
}

static void make(const char *name)
{
    char address[64], pem[64], der[64], p7[64];
    snprintf(address, sizeof address, "%s@partner.test", name);
    snprintf(pem, sizeof pem, "%s.pem", name);
    snprintf(der, sizeof der, "%s.cer", name);
    snprintf(p7, sizeof p7, "%s.p7", name);
    struct pki made = pki_leaf(&root, address);
    write_pki(name, &made);
    pki_clear(&made);
    expect_run("der", OPENSSL("x509", "-in", in_dir(pem), "-outform", "DER", "-out", in_dir(der)),
               0, NULL);
    expect_run("p7",
               OPENSSL("crl2pkcs7", "-nocrl", "-certfile", in_dir(pem), "-certfile",
                       in_dir("ca.pem"), "-outform", "DER", "-out", in_dir(p7)),
               0, NULL);
}

static size_t count_keys(void)
{
    json_t *list = expect_json("pubkey list", SMIMECTL("pubkey", "list", "--json"));
    size_t count = json_array_size(list);
    json_decref(list);
    return count;
}

static void ck_known(const char *address, bool known)
{
    expect_run(address, SMIMECTL("pubkey", "export", address), known ? 0 : 1, NULL);
}

static const char *const line_ends[] = {"\n", "\r\n"};

START_TEST(test_ldif)
{
    const char *end = line_ends[_i];
    char fold[8], *text = NULL;
    snprintf(fold, sizeof fold, "%s ", end);
    make("bob");
    make("eve");
    make("max");
    char *bob = base64("bob", "cer", 76, fold), *eve = base64("eve", "p7", 60, fold);
    char *max = base64("max", "cer", 0, "");
    ck_assert_int_gt(
        asprintf(&text,
                 "# exported%s folded comment%sversion: 1%s%s"
                 "dn: cn=Bob,o=Partner%scn: Bob%suserCertificate;binary:: %s%s%s"
                 "dn:: Y249RXZlLG89UGFydG5lcg==%sUSERSMIMECERTIFICATE;BINARY:: %s%s%s%s"
                 "dn: cn=Max%suserCertificate::%s%suserCertificate:< file:///etc/passwd%s"
                 "userCertificateHash:: AAAA%s%s"
                 "dn: cn=Bad%suserCertificate;binary:: MII*%suserCertificate;binary:: AAAA%s",
                 fold, end, end, end, end, end, bob, end, end, end, eve, end, end, end, end, max,
                 end, end, end, end, end, end, end),
        0);
    write_text(in_dir("people.ldif"), text);
    struct run run = SMIMECTL("pubkey", "import", in_dir("people.ldif"), "--json");
    ck_assert_msg(run.code == 3, "%d %s", run.code, run.err);
    ck_assert_msg(strstr(run.err, "cn=Max\": a certificate stands in another file"), "%s", run.err);
    ck_assert_msg(strstr(run.err, "cn=Bad\": a line is no LDIF"), "%s", run.err);
    ck_assert_msg(strstr(run.err, "cn=Bad\": the file holds no certificate"), "%s", run.err);
    ck_assert_msg(strstr(run.err, "smimectl trust import"), "%s", run.err); /* the CA beside eve */
    run_clear(&run);
    ck_assert_uint_eq(count_keys(), 3);
    ck_known("bob@partner.test", true);
    ck_known("eve@partner.test", true);
    ck_known("max@partner.test", true);
    /* Once more changes nothing. */
    expect_run("again", SMIMECTL_READS(in_dir("people.ldif"), "pubkey", "import", "-"), 3, NULL);
    ck_assert_uint_eq(count_keys(), 3);
    free(text);
    free(bob);
    free(eve);
    free(max);
}
END_TEST

static const struct vcard_case {
    const char *name;
    const char *before;
    const char *suffix;
    size_t width;
    const char *fold;
    const char *err; /* NULL: imported */
} vcard_cases[] = {
    {"3.0", "KEY;TYPE=X509;ENCODING=b:", "cer", 70, "\r\n ", NULL},
    {"3.0, BASE64", "KEY;ENCODING=BASE64;TYPE=X509:", "cer", 0, "", NULL},
    {"3.0, grouped, bundle", "item1.KEY;ENCODING=B:", "p7", 74, "\n ", NULL},
    {"3.0, PEM inside", "key;encoding=b:", "pem", 74, "\n\t", NULL},
    {"2.1", "KEY;X509;ENCODING=BASE64:\r\n    ", "cer", 72, "\r\n    ", NULL},
    {"4.0", "KEY:data:application/pkix-cert;base64,", "cer", 75, "\r\n ", NULL},
    {"4.0, escaped comma", "KEY:data:application/pkix-cert;base64\\,", "cer", 0, "", NULL},
    {"4.0, quoted parameter", "KEY;X-NOTE=\"a:b\";MEDIATYPE=application/pkcs7-mime:data:;base64,",
     "p7", 0, "", NULL},
    {"URL", "KEY;VALUE=uri:https://partner.test/", "cer", 0, "", "stands elsewhere"},
    {"no base64", "KEY;ENCODING=b:*", "cer", 0, "", "base64 of a key is wrong"},
    {"text", "KEY:", "cer", 0, "", "neither base64 nor a data: URI"},
    {"OpenPGP", "KEY:data:application/pgp-keys;base64,", "cer", 0, "", "holds no certificate"},
    {"OpenPGP 3.0", "KEY;TYPE=PGP;ENCODING=b:", "cer", 0, "", "holds no certificate"},
};

START_TEST(test_vcard)
{
    const struct vcard_case *c = &vcard_cases[_i];
    char *text = NULL;
    make("bob");
    char *value = base64("bob", c->suffix, c->width, c->fold);
    ck_assert_int_gt(asprintf(&text,
                              "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Nobody\r\nEND:VCARD\r\n"
                              "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob\r\n%s%s\r\n\r\n"
                              "TEL:1\r\nEND:VCARD\r\n",
                              c->before, value),
                     0);
    write_text(in_dir("bob.vcf"), text);
    expect_run(c->name, SMIMECTL("pubkey", "import", in_dir("bob.vcf")), c->err ? 1 : 0, c->err);
    ck_known("bob@partner.test", !c->err);
    free(text);
    free(value);
}
END_TEST

START_TEST(test_folder)
{
    static const char *const names[] = {"d", "d/b", "d/b/deep", "d/a"};
    make("bob");
    make("eve");
    make("max");
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(mkdir(in_dir(names[i]), 0700), 0);
    }
    ck_assert_int_eq(rename(in_dir("bob.pem"), in_dir("d/b/bob.pem")), 0);
    ck_assert_int_eq(rename(in_dir("eve.cer"), in_dir("d/b/deep/eve.cer")), 0);
    ck_assert_int_eq(rename(in_dir("max.p7"), in_dir("d/a/max.p7")), 0);
    write_text(in_dir("d/README"), "no certificate here\n");
    ck_assert_int_eq(symlink("/etc/passwd", in_dir("d/link")), 0);
    ck_assert_int_eq(mkfifo(in_dir("d/pipe"), 0600), 0);
    struct run run = SMIMECTL("pubkey", "import", in_dir("d"), "--json");
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.err, "README: the file holds no certificate"));
    ck_assert_ptr_nonnull(strstr(run.err, "link: no regular file: skipped"));
    ck_assert_ptr_nonnull(strstr(run.err, "pipe: no regular file: skipped"));
    ck_assert_ptr_null(strchr(run.err, '\r')); /* no progress but on a terminal */
    json_t *report = parse_json("import", run.out);
    static const char *const order[] = {"d/README",    "d/a/max.p7",       "d/a/max.p7",
                                        "d/b/bob.pem", "d/b/deep/eve.cer", "d/link",
                                        "d/pipe"};
    ck_assert_uint_eq(json_array_size(report), 7);
    for (size_t i = 0; i < 7; i++) {
        ck_assert_str_eq(text_at(json_array_get(report, i), "file"), in_dir(order[i]));
    }
    json_decref(report);
    run_clear(&run);
    ck_assert_uint_eq(count_keys(), 3);
    run = SMIMECTL("pubkey", "import", in_dir("none.pem"));
    ck_assert_int_eq(run.code, 1);
    ck_assert_msg(strstr(run.err, "No such file") && !strstr(run.err, "are read as"), "%s",
                  run.err);
    run_clear(&run);
    expect_run("trust takes no folder", SMIMECTL("trust", "import", in_dir("d")), 1,
               "cannot be read");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl pubkey import");
    TCase *tests = tcase_create("import");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, test_ldif, 0, 2);
    tcase_add_loop_test(tests, test_vcard, 0, sizeof vcard_cases / sizeof *vcard_cases);
    tcase_add_test(tests, test_folder);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
