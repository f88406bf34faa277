/* SMIMEA records without the network: names (RFC 8162 section 3), contents, zone lines. The digests
 * come from sha256sum; that of "hugh" stands in RFC 8162 and RFC 7929. */
#include "admin/smimectl_run.h"
#include "smimea.h"
#include "why.h"

static const struct owner_case {
    const char *local;
    const char *domain;
    const char *owner; /* NULL: asked of sha256sum */
} owners[] = {
    {"hugh", "example.com",
     "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com"},
    {"bob", "partner.example", NULL},
    {"Bob", "partner.example", NULL},
    {"j\xc3\xb6rg", "xn--mller-kva.example", NULL},
    {"with blank", "partner.example", NULL},
    {"", "partner.example", NULL},
};

START_TEST(each_owner)
{
    const struct owner_case *c = &owners[_i];
    char *why = NULL;
    char *owner = smimea_owner(c->local, strlen(c->local), c->domain, &why);
    char wanted[256];
    ck_assert_msg(owner != NULL, "%s", why_text(&why));
    write_text(in_dir("local"), c->local);
    struct run run = RUN(in_dir("local"), "sha256sum");
    ck_assert_int_eq(run.code, 0);
    snprintf(wanted, sizeof wanted, "%.56s._smimecert.%s", run.out, c->domain);
    ck_assert_str_eq(owner, wanted);
    if (c->owner)
        ck_assert_str_eq(owner, c->owner);
    run_clear(&run);
    free(owner);
}
END_TEST

START_TEST(no_owner)
{
    char domain[254];
    char *why = NULL;
    memset(domain, 'a', sizeof domain);
    for (size_t i = 50; i < 253; i += 51)
        domain[i] = '.';
    domain[253] = '\0';
    ck_assert_ptr_null(smimea_owner("bob", 3, domain, &why));
    ck_assert_ptr_nonnull(strstr(why, "too long"));
    ck_assert_ptr_null(smimea_owner("bob", 3, "[127.0.0.1]", &why));
    ck_assert_ptr_nonnull(strstr(why, "no domain"));
    why_free(&why);
}
END_TEST

static const struct record_case {
    unsigned char fixed[3];
    const char *content; /* "cert", "key", "digest", "behind", "rubbish", "" */
    const char *why;     /* NULL: it gives a certificate */
    bool needs_anchor;
} records[] = {
    {{3, 0, 0}, "cert", NULL, false},
    {{1, 0, 0}, "cert", NULL, true},
    {{0, 0, 0}, "cert", "names a CA", false},
    {{2, 0, 0}, "cert", "names a CA", false},
    {{4, 0, 0}, "cert", "a usage that RFC 6698 does not know", false},
    {{255, 0, 0}, "cert", "a usage that RFC 6698 does not know", false},
    {{3, 1, 0}, "key", "a public key alone", false},
    {{3, 255, 0}, "cert", "a public key alone", false},
    {{3, 0, 1}, "digest", "is a digest", false},
    {{3, 0, 2}, "digest", "is a digest", false},
    {{1, 1, 1}, "digest", "is a digest", false},
    {{3, 0, 0}, "digest", "no certificate in DER", false},
    {{3, 0, 0}, "rubbish", "no certificate in DER", false},
    {{3, 0, 0}, "behind", "bytes behind its certificate", false},
    {{3, 0, 0}, "", "which is none of RFC 8162", false},
};

START_TEST(each_record)
{
    const struct record_case *c = &records[_i];
    struct pki bob = pki_leaf(NULL, "bob@partner.example");
    unsigned char rdata[4096];
    unsigned char *at = rdata + 3;
    char *why = NULL;
    struct smimea record;
    X509 *certificate = NULL;
    bool needs_anchor = false;
    memcpy(rdata, c->fixed, 3);
    if (!strcmp(c->content, "cert") || !strcmp(c->content, "behind"))
        i2d_X509(bob.certificate, &at);
    else if (!strcmp(c->content, "key"))
        i2d_PUBKEY(bob.key, &at);
    else if (!strcmp(c->content, "digest"))
        at += 32;
    else
        at = mempcpy(at, c->content, strlen(c->content));
    if (!strcmp(c->content, "behind"))
        *at++ = 0;
    int rc = smimea_read(rdata, (size_t)(at - rdata), &record, &why);
    if (rc == 0)
        rc = smimea_certificate(&record, &certificate, &needs_anchor, &why);
    ck_assert_msg((rc == 0) == (c->why == NULL), "%d %d %d %s: %s", c->fixed[0], c->fixed[1],
                  c->fixed[2], c->content, why_text(&why));
    if (c->why) {
        ck_assert_msg(strstr(why, c->why) != NULL, "%s", why);
        ck_assert_ptr_null(certificate);
    } else {
        ck_assert_int_eq(X509_cmp(certificate, bob.certificate), 0);
        ck_assert_int_eq(needs_anchor, c->needs_anchor);
    }
    X509_free(certificate);
    why_free(&why);
    pki_clear(&bob);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("SMIMEA records");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, make_directory, remove_directory);
    tcase_add_loop_test(all, each_owner, 0, sizeof owners / sizeof *owners);
    tcase_add_test(all, no_owner);
    tcase_add_loop_test(all, each_record, 0, sizeof records / sizeof *records);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
