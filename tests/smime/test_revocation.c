/* Judging revocation by what `openssl ca` and `openssl ocsp` made. NIST's test cases (PKITS), with
 * indirect and partitioned CRLs, are judged by test_corpus. */
#include <check.h>

#include "authority_run.h"
#include "chain_revocation.h"
#include "ocsp_answer.h"
#include "test_run.h"
#include "trust_chain.h"
#include "why.h"

static char directory[] = "/tmp/smimed-revocation.XXXXXX";
static struct authority root;
static struct authority middle; /* issued by the root */
static struct authority twin;   /* the name of `middle`, another key, not certified */
static struct pki good, bad, held, responder, clerk, fired;
static X509_STORE *anchors;
static STACK_OF(X509) * bundle;
static time_t now;

/* What a source hands over on the leaf and on the intermediate CA. */
struct handed {
    const char *crls[4]; /* NAME of NAME.crl, on either */
    const char *ocsp;    /* on the leaf */
};

static void make_crls(void)
{
    authority_crl(&root, "root", "");
    authority_crl(&middle, "all-good", "");
    authority_revoke(&middle, "held", "certificateHold");
    authority_run(directory, "cp middle.index before-delta.index");
    authority_configure(&middle, "freshestCRL = URI:http://crl.example.com/delta");
    authority_crl(&middle, "with-hold", "");
    /* The hold is lifted in a delta CRL. */
    authority_run(directory, "sed 's/certificateHold/removeFromCRL/' before-delta.index"
                             " >middle.index");
    authority_configure(&middle, "2.5.29.27 = critical, DER:02021001");
    authority_crl(&middle, "lifted", "");
    authority_run(directory, "cp before-delta.index middle.index");
    authority_configure(&middle, "");
    authority_revoke(&middle, "bad", "keyCompromise");
    authority_revoke(&middle, "fired", "cessationOfOperation");
    authority_crl(&middle, "revoked", "");
    authority_crl(&middle, "old",
                  "-crl_lastupdate 20260101000000Z -crl_nextupdate 20260102000000Z");
    authority_crl(&middle, "future",
                  "-crl_lastupdate 20330101000000Z -crl_nextupdate 20330102000000Z");
    authority_configure(&middle, "1.2.3.4.5 = critical, DER:0500");
    authority_crl(&middle, "critical", "");
    authority_run(directory, "cp middle.index twin.index");
    authority_crl(&twin, "forged-all", "");
    /* Without a word of whose key it is, only the signature tells. */
    authority_run(directory, "sed -i /^authorityKeyIdentifier/d twin.cnf");
    authority_crl(&twin, "nobodys-all", "");
    authority_configure(&twin, "");
    authority_crl(&twin, "forged-old",
                  "-crl_lastupdate 20260101000000Z -crl_nextupdate 20260102000000Z");
    authority_run(directory, ": >twin.index");
    authority_crl(&twin, "forged-none", "");
    authority_revoke(&root, "middle", "CACompromise");
    authority_crl(&root, "root-revokes", "");
}

static void make_answers(void)
{
    struct pki stranger = pki_make(
        &(struct pki_spec){.common_name = "Stranger", .extended_key_usage = "OCSPSigning"}, NULL);
    pki_write_certificate(authority_path(&middle, "stranger", ".pem"), stranger.certificate);
    pki_write_key(authority_path(&middle, "stranger", ".key"), stranger.key);
    pki_clear(&stranger);
    authority_answer(&middle, "good", "middle", "good");
    authority_answer(&middle, "bad", "middle", "bad");
    authority_answer(&middle, "held", "middle", "held");
    authority_answer(&middle, "good", "responder", "delegated");
    authority_answer(&middle, "good", "clerk", "no-responder");
    authority_answer(&middle, "good", "fired", "fired");
    authority_answer(&middle, "good", "stranger", "stranger");
    authority_answer(&middle, "good", "root", "by-root");
    authority_run(directory, "grep -v CN=good middle.index >known.index;"
                             "cp middle.index kept.index; cp known.index middle.index");
    authority_answer(&middle, "good", "middle", "unknown");
    authority_run(directory, "cp kept.index middle.index");
}

static void set_up(void)
{
    static const struct pki_spec ocsp = {
        .common_name = "responder", .extended_key_usage = "OCSPSigning", .ocsp_no_check = true};
    static const struct pki_spec fired_spec = {.common_name = "fired",
                                               .extended_key_usage = "OCSPSigning"};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    root = authority_make(directory, "root");
    struct pki pki =
        authority_issue(&root, "middle", &(struct pki_spec){.common_name = "middle", .ca = true});
    middle = authority_of(directory, "middle", pki);
    twin = authority_of(directory, "twin", pki_ca("middle"));
    good = authority_issue(
        &middle, "good",
        &(struct pki_spec){.common_name = "good", .addresses = {"good@partner.test"}});
    bad = authority_issue(
        &middle, "bad",
        &(struct pki_spec){.common_name = "bad", .addresses = {"bad@partner.test"}});
    held = authority_issue(
        &middle, "held",
        &(struct pki_spec){.common_name = "held", .addresses = {"held@partner.test"}});
    responder = authority_issue(&middle, "responder", &ocsp);
    clerk = authority_issue(&middle, "clerk", &(struct pki_spec){.common_name = "clerk"});
    fired = authority_issue(&middle, "fired", &fired_spec);
    make_crls();
    make_answers();
    now = time(NULL); /* nothing was made later */
    anchors = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(anchors, root.pki.certificate), 1);
    bundle = pki_chain(&middle.pki.certificate, 1);
}

static void tear_down(void)
{
    char command[64];
    struct pki *all[] = {&good, &bad, &held, &responder, &clerk, &fired};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        pki_clear(all[i]);
    authority_clear(&root);
    authority_clear(&middle);
    authority_clear(&twin);
    X509_STORE_free(anchors);
    sk_X509_pop_free(bundle, X509_free);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static enum smime_status find(void *context, STACK_OF(X509) * chain, int at,
                              STACK_OF(X509) * helpers, struct revocation_evidence *out, char **why)
{
    const struct handed *handed = context;
    (void)why;
    ck_assert_int_lt(at, sk_X509_num(chain) - 1);
    ck_assert_ptr_nonnull(helpers);
    out->crls = sk_X509_CRL_new_null();
    for (size_t i = 0; i < 4 && handed->crls[i] != NULL; i++)
        ck_assert_int_gt(sk_X509_CRL_push(out->crls, authority_read_crl(&middle, handed->crls[i])),
                         0);
    if (at == 0 && handed->ocsp != NULL)
        out->ocsp = authority_read_answer(&middle, handed->ocsp);
    if (handed->crls[0] == NULL)
        why_set(&out->trouble, "the server is asleep");
    return SMIME_OK;
}

struct told {
    X509 *leaf;
    int count;
};

static struct told told;

static void revoked(void *context, X509 *leaf, const struct revocation_finding *finding)
{
    (void)context;
    ck_assert_int_eq(finding->state, REVOCATION_REVOKED);
    ck_assert_ptr_nonnull(finding->sentence);
    told.leaf = leaf;
    told.count++;
}

static struct open_request request_for(const struct handed *handed, bool hard)
{
    static const struct smime_limits limits = {.max_chain = 10};
    return (struct open_request){
        .anchors = anchors,
        .now = now,
        .limits = limits,
        .revocation = {.find = find,
                       .revoked = revoked,
                       .context = (void *)(uintptr_t)handed,
                       .hard = hard},
    };
}

static enum signature_verdict judge(X509 *leaf, const struct handed *handed, bool hard,
                                    char **reason)
{
    struct open_request request = request_for(handed, hard);
    enum signature_verdict verdict = SIGNATURE_NONE;
    STACK_OF(X509) *chain = NULL;
    char *why = NULL;
    told = (struct told){0};
    ck_assert_msg(chain_verify(leaf, bundle, &request, CHAIN_SIGN, &verdict, &chain, reason,
                               &why) == SMIME_OK,
                  "%s", why_text(&why));
    ck_assert_int_eq(chain != NULL, verdict == SIGNATURE_VALID);
    sk_X509_pop_free(chain, X509_free);
    return verdict;
}

enum wanted { GOOD, UNKNOWN, REVOKED };

static const struct test_case {
    const char *name;
    struct pki *leaf;
    struct handed handed;
    enum wanted wanted;
    const char *reason;
} cases[] = {
    {"CRLs that do not list it", &good, {.crls = {"revoked", "root"}}, GOOD, NULL},
    {"revoked", &bad, {.crls = {"revoked", "root"}}, REVOKED, "keyCompromise"},
    {"on hold", &held, {.crls = {"with-hold", "root"}}, REVOKED, "put on hold"},
    {"hold lifted by a delta CRL", &held, {.crls = {"with-hold", "lifted", "root"}}, GOOD, NULL},
    {"a delta CRL alone", &good, {.crls = {"lifted", "root"}}, UNKNOWN, "no CRL"},
    {"issued before it was revoked", &bad, {.crls = {"all-good", "root"}}, GOOD, NULL},
    {"no CRL of the CA above", &good, {.crls = {"revoked"}}, UNKNOWN, "CN = middle"},
    {"no CRL of the issuer", &good, {.crls = {"root"}}, UNKNOWN, "CN = good"},
    {"nothing at all", &good, {.crls = {NULL}}, UNKNOWN, "the server is asleep"},
    {"an old CRL that does not list it", &good, {.crls = {"old", "root"}}, UNKNOWN, "expired"},
    {"an old CRL that lists it", &bad, {.crls = {"old", "root"}}, REVOKED, "keyCompromise"},
    {"a CRL of the future", &good, {.crls = {"future", "root"}}, UNKNOWN, "not yet valid"},
    {"an unknown critical extension",
     &good,
     {.crls = {"critical", "root"}},
     UNKNOWN,
     "unhandled critical"},
    {"a forged CRL that clears it", &bad, {.crls = {"forged-none", "root"}}, UNKNOWN, ""},
    {"a forged old CRL that revokes it", &bad, {.crls = {"forged-old", "root"}}, UNKNOWN, ""},
    {"a forged CRL that revokes it", &bad, {.crls = {"forged-all", "root"}}, UNKNOWN, ""},
    {"a forged CRL that revokes it and names no key",
     &bad,
     {.crls = {"nobodys-all", "root"}},
     UNKNOWN,
     "signature failure"},
    {"the CA is revoked", &good, {.crls = {"revoked", "root-revokes"}}, REVOKED, "cACompromise"},
    {"a CRL with bad news, another without",
     &bad,
     {.crls = {"root", "revoked"}},
     REVOKED,
     "keyCompromise"},
    {"OCSP: good", &good, {.crls = {"root"}, .ocsp = "good"}, GOOD, NULL},
    {"OCSP: revoked", &bad, {.crls = {"root"}, .ocsp = "bad"}, REVOKED, "keyCompromise"},
    {"OCSP: on hold", &held, {.crls = {"root"}, .ocsp = "held"}, REVOKED, "put on hold"},
    {"OCSP: by a delegated responder", &good, {.crls = {"root"}, .ocsp = "delegated"}, GOOD, NULL},
    {"OCSP: by a responder that nobody speaks of",
     &good,
     {.crls = {"root"}, .ocsp = "fired"},
     GOOD,
     NULL},
    {"OCSP: unknown", &good, {.crls = {"root"}, .ocsp = "unknown"}, UNKNOWN, "does not know"},
    {"OCSP: on another one", &good, {.crls = {"root"}, .ocsp = "bad"}, UNKNOWN, "about other"},
    {"OCSP: by a certificate that is no responder's",
     &good,
     {.crls = {"root"}, .ocsp = "no-responder"},
     UNKNOWN,
     "not signed by"},
    {"OCSP: by a stranger",
     &good,
     {.crls = {"root"}, .ocsp = "stranger"},
     UNKNOWN,
     "not signed by"},
    {"OCSP: by the CA above", &good, {.crls = {"root"}, .ocsp = "by-root"}, UNKNOWN, "not signed"},
    {"good by OCSP, revoked by CRL",
     &bad,
     {.crls = {"revoked", "root"}, .ocsp = "good"},
     REVOKED,
     "keyCompromise"},
    {"revoked by OCSP, not listed yet",
     &bad,
     {.crls = {"all-good", "root"}, .ocsp = "bad"},
     REVOKED,
     "keyCompromise"},
};

START_TEST(verdicts)
{
    const struct test_case *c = &cases[_i];
    for (int hard = 0; hard < 2; hard++) {
        char *reason = NULL;
        enum signature_verdict got = judge(c->leaf->certificate, &c->handed, hard, &reason);
        enum signature_verdict wanted = SIGNATURE_VALID;
        if (c->wanted == REVOKED)
            wanted = SIGNATURE_REVOKED;
        else if (c->wanted == UNKNOWN && hard)
            wanted = SIGNATURE_UNTRUSTED;
        ck_assert_msg(got == wanted, "%s (%s): %s, %s", c->name, hard ? "hard" : "soft",
                      signature_verdict_name(got), why_text(&reason));
        ck_assert_msg((reason != NULL) == (c->wanted != GOOD), "%s: %s", c->name,
                      why_text(&reason));
        if (c->reason != NULL)
            ck_assert_msg(strstr(reason, c->reason) != NULL, "%s: \"%s\" lacks \"%s\"", c->name,
                          reason, c->reason);
        if (c->wanted == UNKNOWN)
            ck_assert_msg(strstr(reason, "revocation could not be checked") != NULL, "%s", reason);
        ck_assert_int_eq(told.count, c->wanted == REVOKED);
        if (c->wanted == REVOKED)
            ck_assert_ptr_eq(told.leaf, c->leaf->certificate);
        why_free(&reason);
    }
}
END_TEST

/* The sentence has the day, and why an older signature does not help. */
START_TEST(sentence)
{
    struct handed handed = {.crls = {"revoked", "root"}};
    char *reason = NULL;
    char day[16];
    struct tm tm;
    ck_assert_int_eq(judge(bad.certificate, &handed, false, &reason), SIGNATURE_REVOKED);
    ck_assert_ptr_nonnull(gmtime_r(&now, &tm));
    ck_assert_uint_gt(strftime(day, sizeof day, "%Y-%m-%d", &tm), 0);
    ck_assert_msg(strstr(reason, day) != NULL, "%s", reason);
    ck_assert_msg(strstr(reason, "nothing proves that the signature is older") != NULL, "%s",
                  reason);
    why_free(&reason);
}
END_TEST

/* Without a source nobody asks, and what has expired is not asked about. */
START_TEST(off_and_expired)
{
    struct handed handed = {.crls = {"revoked", "root"}};
    struct open_request request = request_for(&handed, true);
    enum signature_verdict verdict;
    char *reason = NULL;
    request.revocation.find = NULL;
    ck_assert_int_eq(
        chain_verify(bad.certificate, bundle, &request, CHAIN_SIGN, &verdict, NULL, &reason, NULL),
        SMIME_OK);
    ck_assert_int_eq(verdict, SIGNATURE_VALID);
    ck_assert_ptr_null(reason);
    request = request_for(&handed, true);
    request.now = now + 20 * PKI_YEAR;
    ck_assert_int_eq(
        chain_verify(bad.certificate, bundle, &request, CHAIN_SIGN, &verdict, NULL, &reason, NULL),
        SMIME_OK);
    ck_assert_int_eq(verdict, SIGNATURE_EXPIRED);
    why_free(&reason);
}
END_TEST

static const struct {
    const char *name;
    const char *answer;
    struct pki *about;
    time_t shift; /* of now */
    const char *crl;
    enum revocation_state wanted;
} answers[] = {
    {"fresh", "good", &good, 0, NULL, REVOCATION_GOOD},
    {"a clock that is late", "good", &good, -200, NULL, REVOCATION_GOOD},
    {"a clock that is an hour late", "good", &good, -3600, NULL, REVOCATION_UNKNOWN},
    {"until nextUpdate", "good", &good, PKI_DAY - 60, NULL, REVOCATION_GOOD},
    {"out of date", "good", &good, PKI_DAY + 3600, NULL, REVOCATION_UNKNOWN},
    {"out of date, but revoked", "bad", &bad, PKI_DAY + 3600, NULL, REVOCATION_REVOKED},
    {"out of date, on hold then", "held", &held, PKI_DAY + 3600, NULL, REVOCATION_UNKNOWN},
    {"a responder that was revoked", "fired", &good, 0, "revoked", REVOCATION_UNKNOWN},
    {"a responder that is not to be checked", "delegated", &good, 0, "revoked", REVOCATION_GOOD},
};

START_TEST(ocsp_answers)
{
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    OCSP_RESPONSE *response = authority_read_answer(&middle, answers[_i].answer);
    struct ocsp_answer answer;
    if (answers[_i].crl != NULL)
        ck_assert_int_gt(sk_X509_CRL_push(crls, authority_read_crl(&middle, answers[_i].crl)), 0);
    ck_assert_int_eq(ocsp_answer_judge(response, answers[_i].about->certificate,
                                       middle.pki.certificate, crls, now + answers[_i].shift,
                                       &answer),
                     0);
    ck_assert_msg(answer.finding.state == answers[_i].wanted, "%s: %d (%s)", answers[_i].name,
                  answer.finding.state, why_text(&answer.finding.sentence));
    if (answer.finding.state == REVOCATION_GOOD)
        ck_assert_int_eq(answer.until - answer.this_update, PKI_DAY);
    revocation_finding_clear(&answer.finding);
    OCSP_RESPONSE_free(response);
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
}
END_TEST

START_TEST(ocsp_refusals)
{
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
    struct ocsp_answer answer;
    ck_assert_int_eq(
        ocsp_answer_judge(response, good.certificate, middle.pki.certificate, NULL, now, &answer),
        0);
    ck_assert_int_eq(answer.finding.state, REVOCATION_UNKNOWN);
    ck_assert_msg(strstr(answer.finding.sentence, "trylater") != NULL, "%s",
                  answer.finding.sentence);
    revocation_finding_clear(&answer.finding);
    OCSP_RESPONSE_free(response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smime/revocation");
    TCase *tests = tcase_create("revocation");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, verdicts, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, sentence);
    tcase_add_test(tests, off_and_expired);
    tcase_add_loop_test(tests, ocsp_answers, 0, sizeof answers / sizeof *answers);
    tcase_add_test(tests, ocsp_refusals);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
