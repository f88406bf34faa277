/* Asking for revocation: CRLs and OCSP answers from servers that do and do not behave. CRLs are
 * made by `openssl ca`, answers by `openssl ocsp`. */
#include "authority_run.h"
#include "http_run.h"
#include "revocation.h"
#include "revocation_inquiry.h"
#include "revocation_upkeep.h"
#include "test_run.h"
#include "test_site.h"

#include <pthread.h>
#include <time.h>

static struct site site;
static struct authority root;
static struct authority twin; /* the same name, another key */
static struct http_run server;
static struct gateway *gateway;
static time_t now;

#define NETWORKS "revocation_networks = [ \"127.0.0.0/8\" ];\n"

static void open_gateway(const char *more)
{
    char *why = NULL;
    gateway_release(&gateway);
    site_configure(&site, more);
    gateway = site_gateway(&site);
    ck_assert_msg(store_anchor_import(gateway->store, root.pki.certificate, now, NULL, &why) ==
                      STORE_OK,
                  "%s", why_text(&why));
}

static void set_up(void)
{
    now = time(NULL) + 5; /* later than all that is made from here on */
    site_make(&site, "");
    root = authority_make(site.dir, "root");
    twin = authority_of(site.dir, "twin", pki_ca("root"));
    server = http_start(site.dir);
    open_gateway(NETWORKS);
}

static void tear_down(void)
{
    http_stop(&server);
    gateway_release(&gateway);
    authority_clear(&root);
    authority_clear(&twin);
    site_remove(&site);
}

static const char *url_of(const char *path)
{
    static char urls[4][160];
    static unsigned next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%d/%s", server.port, path);
    return url;
}

/* A certificate whose CRLs and OCSP answers are there (NULL: it does not say where). */
static struct pki issue(const char *name, const char *crl, const char *ocsp)
{
    struct pki_spec spec = {
        .common_name = name, .addresses = {"bob@partner.test"}, .crl_url = crl, .ocsp_url = ocsp};
    return authority_issue(&root, name, &spec);
}

struct result {
    enum revocation_state state;
    char *sentence;
    long elapsed_ms;
    bool marked;
};

static void result_clear(struct result *result)
{
    why_free(&result->sentence);
}

static struct result check_at(X509 *certificate, time_t at, bool offline)
{
    struct revocation_inquiry inquiry;
    struct revocation_check check;
    struct result result;
    struct timespec begin, end;
    char *why = NULL;
    ck_assert_msg(revocation_begin(gateway->revocation, at, 0, &inquiry, &why) == STORE_OK, "%s",
                  why_text(&why));
    inquiry.offline = offline;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ck_assert_msg(revocation_check(&inquiry, certificate, NULL, CHAIN_ENCRYPT, &check, &why) ==
                      SMIME_OK,
                  "%s", why_text(&why));
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_eq(check.chain, SIGNATURE_VALID);
    result = (struct result){check.state, check.sentence,
                             (end.tv_sec - begin.tv_sec) * 1000 +
                                 (end.tv_nsec - begin.tv_nsec) / 1000000,
                             inquiry.marked};
    check.sentence = NULL;
    revocation_check_clear(&check);
    revocation_end(&inquiry);
    return result;
}

static void expect_at(const char *what, X509 *certificate, time_t at, enum revocation_state state,
                      const char *part)
{
    struct result result = check_at(certificate, at, false);
    ck_assert_msg(result.state == state, "%s: state %d, %s", what, result.state,
                  why_text(&result.sentence));
    ck_assert_msg(part == NULL || strstr(why_text(&result.sentence), part) != NULL,
                  "%s: \"%s\" lacks \"%s\"", what, why_text(&result.sentence), part);
    result_clear(&result);
}

static void expect(const char *what, X509 *certificate, enum revocation_state state,
                   const char *part)
{
    expect_at(what, certificate, now, state, part);
}

/* ---- What servers say ---- */

static const struct {
    const char *name;
    const char *crl; /* path on the server; a whole URL where it has a colon */
    const char *ocsp;
    bool revoked;
    enum revocation_state state;
    const char *part;
} answers[] = {
    {"a CRL", "root.crl", NULL, false, REVOCATION_GOOD, NULL},
    {"a CRL that lists it", "root.crl", NULL, true, REVOCATION_REVOKED, "keyCompromise"},
    {"a CRL in PEM", "crl.pem", NULL, true, REVOCATION_REVOKED, NULL},
    {"a redirect to a CRL", "to/root.crl", NULL, true, REVOCATION_REVOKED, NULL},
    {"no such file", "none.crl", NULL, false, REVOCATION_UNKNOWN, "404"},
    {"garbage", "root.cnf", NULL, false, REVOCATION_UNKNOWN, "no CRL"},
    {"a certificate", "root.pem", NULL, false, REVOCATION_UNKNOWN, "no CRL"},
    {"an empty answer", "empty", NULL, false, REVOCATION_UNKNOWN, "no CRL"},
    {"a CRL with something behind it", "longer.crl", NULL, false, REVOCATION_UNKNOWN, "no CRL"},
    {"a CRL by somebody of that name", "twin.crl", NULL, true, REVOCATION_UNKNOWN,
     "not signed by a CA that we believe"},
    {"a CRL that ran out", "old.crl", NULL, false, REVOCATION_UNKNOWN, "expired"},
    {"an answer without an end", "endless/crl", NULL, false, REVOCATION_UNKNOWN, "larger than"},
    {"a redirect to a file", "to-file/crl", NULL, false, REVOCATION_UNKNOWN, ""},
    {"a place in a directory", "ldap://127.0.0.1/cn=root", NULL, false, REVOCATION_UNKNOWN,
     "not asked: ldap"},
    {"a file of ours", "file:///etc/passwd", NULL, false, REVOCATION_UNKNOWN, "not asked: file"},
    {"no place at all", NULL, NULL, false, REVOCATION_UNKNOWN, "names no place"},
    {"OCSP", NULL, "answer/leaf.ocsp", false, REVOCATION_GOOD, NULL},
    {"OCSP that says revoked", NULL, "answer/leaf.ocsp", true, REVOCATION_REVOKED, "keyCompromise"},
    {"OCSP garbage", NULL, "answer/root.cnf", false, REVOCATION_UNKNOWN, "no OCSP response"},
    {"OCSP by a stranger", NULL, "answer/strange.ocsp", false, REVOCATION_UNKNOWN, "not signed by"},
    {"OCSP that wants to be asked later", NULL, "answer/later.ocsp", false, REVOCATION_UNKNOWN,
     "trylater"},
    {"no OCSP but a CRL", "root.crl", "answer/none.ocsp", false, REVOCATION_GOOD, NULL},
    {"OCSP garbage and a CRL", "root.crl", "answer/root.cnf", true, REVOCATION_REVOKED, NULL},
};

static const char *where(const char *path)
{
    return path == NULL || strchr(path, ':') != NULL ? path : url_of(path);
}

START_TEST(what_servers_say)
{
    struct pki leaf = issue("leaf", where(answers[_i].crl), where(answers[_i].ocsp));
    if (answers[_i].revoked)
        authority_revoke(&root, "leaf", "keyCompromise");
    authority_crl(&root, "old", "-crl_lastupdate 20260101000000Z -crl_nextupdate 20260102000000Z");
    authority_crl(&twin, "twin", "");
    authority_crl(&root, "root", ""); /* and crl.pem */
    authority_answer(&root, "leaf", "root", "leaf");
    authority_answer(&root, "leaf", "twin", "strange");
    authority_run(site.dir, ": >empty; cat root.crl root.crl >longer.crl;"
                            "printf '0\\003\\n\\001\\003' >later.ocsp");
    expect(answers[_i].name, leaf.certificate, answers[_i].state, answers[_i].part);
    /* Once more, from what is kept. */
    expect(answers[_i].name, leaf.certificate, answers[_i].state, answers[_i].part);
    pki_clear(&leaf);
}
END_TEST

/* Strangers do not lead us behind the firewall. */
START_TEST(private_networks_are_not_asked)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), url_of("answer/leaf.ocsp"));
    authority_crl(&root, "root", "");
    open_gateway("");
    expect("loopback", leaf.certificate, REVOCATION_UNKNOWN, "private network");
    ck_assert_int_eq(http_count(&server, "/"), 0);
    pki_clear(&leaf);
}
END_TEST

START_TEST(off_asks_nobody)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    authority_revoke(&root, "leaf", "keyCompromise");
    authority_crl(&root, "root", "");
    open_gateway(NETWORKS "revocation = \"off\";\n");
    expect("off", leaf.certificate, REVOCATION_UNKNOWN, "nobody is asked");
    ck_assert_int_eq(http_count(&server, "/"), 0);
    pki_clear(&leaf);
}
END_TEST

/* ---- Time ---- */

START_TEST(silent_servers_cost_little_time)
{
    struct pki leaf = issue("leaf", url_of("slow/crl"), url_of("slow/ocsp"));
    struct result result;
    open_gateway(NETWORKS "revocation_timeout_ms = 600;\n");
    result = check_at(leaf.certificate, now, false);
    ck_assert_int_eq(result.state, REVOCATION_UNKNOWN);
    ck_assert_msg(result.elapsed_ms >= 300 && result.elapsed_ms < 1500, "%ld ms",
                  result.elapsed_ms);
    ck_assert_int_eq(http_count(&server, "/slow/ocsp"), 1);
    result_clear(&result);
    /* They are remembered: the next message does not wait, and no server is asked. */
    result = check_at(leaf.certificate, now + 10, false);
    ck_assert_int_eq(result.state, REVOCATION_UNKNOWN);
    ck_assert_msg(result.elapsed_ms < 200, "%ld ms", result.elapsed_ms);
    ck_assert_int_eq(http_count(&server, "/slow/"), 2);
    result_clear(&result);
    /* But not for ever. */
    result = check_at(leaf.certificate, now + 400, false);
    ck_assert_int_gt(http_count(&server, "/slow/"), 2);
    result_clear(&result);
    pki_clear(&leaf);
}
END_TEST

/* ---- What is kept ---- */

START_TEST(kept_answers_outlive_their_server)
{
    struct pki by_crl = issue("by-crl", url_of("root.crl"), NULL);
    struct pki by_ocsp = issue("by-ocsp", NULL, url_of("answer/by-ocsp.ocsp"));
    struct pki another = issue("another", url_of("root.crl"), NULL);
    authority_revoke(&root, "another", "superseded");
    authority_crl(&root, "root", "");
    authority_answer(&root, "by-ocsp", "root", "by-ocsp");
    expect("CRL", by_crl.certificate, REVOCATION_GOOD, NULL);
    expect("OCSP", by_ocsp.certificate, REVOCATION_GOOD, NULL);
    http_stop(&server);
    expect("CRL, kept", by_crl.certificate, REVOCATION_GOOD, NULL);
    expect("CRL, for another one", another.certificate, REVOCATION_REVOKED, "superseded");
    expect("OCSP, kept", by_ocsp.certificate, REVOCATION_GOOD, NULL);
    ck_assert_int_eq(http_count(&server, "/"), 2);
    /* Due to be asked anew, but still valid. */
    expect_at("CRL, two days", by_crl.certificate, now + 2 * PKI_DAY, REVOCATION_GOOD, NULL);
    /* And no longer. */
    expect_at("CRL, nine days", by_crl.certificate, now + 9 * PKI_DAY, REVOCATION_UNKNOWN, NULL);
    expect_at("OCSP, nine days", by_ocsp.certificate, now + 9 * PKI_DAY, REVOCATION_UNKNOWN, NULL);
    pki_clear(&by_crl);
    pki_clear(&by_ocsp);
    pki_clear(&another);
}
END_TEST

START_TEST(old_answers_are_asked_for_anew)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    authority_crl(&root, "root", "");
    authority_run(site.dir, "cp root.crl first.crl");
    expect("first", leaf.certificate, REVOCATION_GOOD, NULL);
    authority_revoke(&root, "leaf", "keyCompromise");
    authority_crl(&root, "root", "");
    expect("still the first", leaf.certificate, REVOCATION_GOOD, NULL);
    expect_at("the second", leaf.certificate, now + PKI_DAY + 60, REVOCATION_REVOKED, NULL);
    ck_assert_int_eq(http_count(&server, "/root.crl"), 2);
    /* An old CRL that is played back does not undo it. */
    authority_run(site.dir, "cp first.crl root.crl");
    expect_at("played back", leaf.certificate, now + 3 * PKI_DAY, REVOCATION_REVOKED, NULL);
    pki_clear(&leaf);
}
END_TEST

static void *check_in_thread(void *context)
{
    struct result result = check_at(context, now, false);
    intptr_t state = result.state;
    result_clear(&result);
    return (void *)state;
}

START_TEST(one_fetch_for_many_messages)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    pthread_t threads[8];
    authority_crl(&root, "root", "");
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_in_thread, leaf.certificate), 0);
    for (size_t i = 0; i < 8; i++) {
        void *state = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &state), 0);
        ck_assert_int_eq((intptr_t)state, REVOCATION_GOOD);
    }
    /* A thread that was late enough to miss the flight finds what it brought. */
    ck_assert_int_eq(http_count(&server, "/root.crl"), 1);
    pki_clear(&leaf);
}
END_TEST

/* ---- Imported CRLs ---- */

static void import_crl(const char *name)
{
    X509_CRL *crl = authority_read_crl(&root, name);
    char *why = NULL;
    ck_assert_msg(store_crl_put(gateway->store, crl, root.pki.certificate, NULL, now, NULL, &why) ==
                      STORE_OK,
                  "%s", why_text(&why));
    X509_CRL_free(crl);
}

START_TEST(imported_crls_need_no_network)
{
    struct pki leaf = issue("leaf", NULL, NULL);
    struct result result;
    authority_revoke(&root, "leaf", "affiliationChanged");
    authority_crl(&root, "root", "");
    result = check_at(leaf.certificate, now, true);
    ck_assert_int_eq(result.state, REVOCATION_UNKNOWN);
    result_clear(&result);
    import_crl("root");
    result = check_at(leaf.certificate, now, true);
    ck_assert_int_eq(result.state, REVOCATION_REVOKED);
    result_clear(&result);
    ck_assert_int_eq(http_count(&server, "/"), 0);
    pki_clear(&leaf);
}
END_TEST

/* ---- A delta CRL where the complete one says ---- */

START_TEST(delta_crls)
{
    char line[200];
    struct pki leaf = issue("leaf", url_of("base.crl"), NULL);
    snprintf(line, sizeof line, "freshestCRL = URI:%s", url_of("delta.crl"));
    authority_configure(&root, line);
    authority_crl(&root, "base", "");
    authority_revoke(&root, "leaf", "keyCompromise");
    authority_configure(&root, "2.5.29.27 = critical, DER:02021000");
    authority_crl(&root, "delta", "");
    expect("base", leaf.certificate, REVOCATION_REVOKED, "keyCompromise");
    ck_assert_int_eq(http_count(&server, "/delta.crl"), 1);
    pki_clear(&leaf);
}
END_TEST

/* ---- A real responder ---- */

START_TEST(openssl_responder)
{
    int port = http_free_port();
    char url[64];
    struct http_run responder;
    struct pki good, bad, unknown;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    good = issue("good", NULL, url);
    bad = issue("bad", NULL, url);
    authority_revoke(&root, "bad", "keyCompromise");
    unknown =
        pki_make(&(struct pki_spec){.addresses = {"eve@partner.test"}, .ocsp_url = url}, &root.pki);
    responder = http_ocsp(site.dir, port, "root", "root");
    expect("good", good.certificate, REVOCATION_GOOD, NULL);
    expect("bad", bad.certificate, REVOCATION_REVOKED, "keyCompromise");
    expect("unknown", unknown.certificate, REVOCATION_UNKNOWN, "does not know");
    http_stop(&responder);
    expect("good, kept", good.certificate, REVOCATION_GOOD, NULL);
    pki_clear(&good);
    pki_clear(&bad);
    pki_clear(&unknown);
}
END_TEST

/* What is wrong with one certificate does not make a responder one that is not asked. */
START_TEST(unknown_certificates_spoil_nothing)
{
    struct pki eve = issue("eve", NULL, url_of("answer/bob.ocsp"));
    struct pki bob = issue("bob", NULL, url_of("answer/bob.ocsp"));
    authority_answer(&root, "bob", "root", "bob");
    expect("another's answer", eve.certificate, REVOCATION_UNKNOWN, "about other certificates");
    expect("bob", bob.certificate, REVOCATION_GOOD, NULL);
    pki_clear(&eve);
    pki_clear(&bob);
}
END_TEST

/* What a responder says to a question is no reason not to ask it another one; what it says of
 * itself is. The answers are OCSPResponse { responseStatus } and nothing else. */
static const struct {
    const char *name;
    const char *digit; /* responseStatus, in octal */
    bool asked;        /* about somebody else, a moment later */
} errors[] = {
    {"malformedrequest", "1", true},
    {"internalerror", "2", false},
    {"trylater", "3", false},
    {"unauthorized", "6", true},
};

START_TEST(refused_questions_spoil_nothing)
{
    struct pki eve = issue("eve", NULL, url_of("answer/any.ocsp"));
    struct pki bob = issue("bob", NULL, url_of("answer/any.ocsp"));
    authority_run(site.dir, "printf '0\\003\\n\\001\\00%s' >any.ocsp", errors[_i].digit);
    expect("eve", eve.certificate, REVOCATION_UNKNOWN, errors[_i].name);
    authority_revoke(&root, "bob", "keyCompromise");
    authority_answer(&root, "bob", "root", "any");
    expect("bob", bob.certificate, errors[_i].asked ? REVOCATION_REVOKED : REVOCATION_UNKNOWN,
           NULL);
    /* About the same certificate it is not asked again at once. */
    expect("eve, again", eve.certificate, REVOCATION_UNKNOWN, errors[_i].name);
    ck_assert_int_eq(http_count(&server, "/answer/any.ocsp"), errors[_i].asked ? 2 : 1);
    pki_clear(&eve);
    pki_clear(&bob);
}
END_TEST

/* ---- Marks ---- */

START_TEST(revoked_keys_are_not_encrypted_to)
{
    struct pki older = issue("older", url_of("root.crl"), NULL);
    struct pki_spec spec = {.common_name = "newer",
                            .addresses = {"bob@partner.test"},
                            .not_before = PKI_NOW + PKI_DAY,
                            .crl_url = url_of("root.crl")};
    struct pki newer = authority_issue(&root, "newer", &spec);
    X509 *chosen = NULL;
    struct result result;
    struct revoked_list list;
    char *why = NULL;
    authority_revoke(&root, "newer", "keyCompromise");
    authority_crl(&root, "root", "");
    ck_assert_int_eq(store_pubkey_import(gateway->store, older.certificate, now, NULL, &why),
                     STORE_OK);
    ck_assert_int_eq(store_pubkey_import(gateway->store, newer.certificate, now, NULL, &why),
                     STORE_OK);
    ck_assert_int_eq(
        store_encryption_certificate(gateway->store, "bob@partner.test", now, &chosen, NULL, &why),
        STORE_OK);
    ck_assert_int_eq(X509_cmp(chosen, newer.certificate), 0);
    X509_free(chosen);
    result = check_at(newer.certificate, now, false);
    ck_assert_int_eq(result.state, REVOCATION_REVOKED);
    ck_assert(result.marked);
    result_clear(&result);
    ck_assert_int_eq(
        store_encryption_certificate(gateway->store, "bob@partner.test", now, &chosen, NULL, &why),
        STORE_OK);
    ck_assert_int_eq(X509_cmp(chosen, older.certificate), 0);
    X509_free(chosen);
    ck_assert_int_eq(store_revoked_list(gateway->store, &list, &why), STORE_OK);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(X509_cmp(list.items[0].certificate, newer.certificate), 0);
    ck_assert_int_eq(list.items[0].reason, CRL_REASON_KEY_COMPROMISE);
    revoked_list_clear(&list);
    /* A mark is made once, and undone where a hold is. */
    result = check_at(newer.certificate, now, false);
    ck_assert(!result.marked);
    result_clear(&result);
    ck_assert_int_eq(store_revoked_unmark(gateway->store, newer.certificate, &why), STORE_OK);
    ck_assert_int_eq(store_revoked_unmark(gateway->store, newer.certificate, &why), STORE_NONE);
    pki_clear(&older);
    pki_clear(&newer);
}
END_TEST

/* ---- While nobody waits ---- */

struct heard {
    int fetched, failed;
    int revoked, lifted, own;
};

static void hear_place(void *context, const char *url, const char *trouble)
{
    struct heard *heard = context;
    ck_assert_ptr_nonnull(url);
    heard->fetched += trouble == NULL;
    heard->failed += trouble != NULL;
}

static void hear_certificate(void *context, bool own, bool revoked, const char *sentence)
{
    struct heard *heard = context;
    ck_assert_ptr_nonnull(sentence);
    heard->revoked += revoked;
    heard->lifted += !revoked;
    heard->own += own;
}

static struct heard refresh(time_t at, bool all)
{
    struct deadline deadline = deadline_in_ms(10000);
    struct refresh_result result;
    struct heard heard = {0};
    char *why = NULL;
    ck_assert_msg(revocation_refresh(gateway->revocation, all, at, &deadline, hear_place, &heard,
                                     &result, &why) == STORE_OK,
                  "%s", why_text(&why));
    ck_assert_uint_eq(result.fetched, (size_t)heard.fetched);
    ck_assert_uint_eq(result.failed, (size_t)heard.failed);
    return heard;
}

START_TEST(crls_are_fetched_before_they_run_out)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    struct heard heard;
    authority_crl(&root, "root", "");
    expect("first", leaf.certificate, REVOCATION_GOOD, NULL);
    heard = refresh(now + 3600, false);
    ck_assert_int_eq(heard.fetched, 0);
    heard = refresh(now + 3600, true);
    ck_assert_int_eq(heard.fetched, 1);
    heard = refresh(now + 18 * 3600, false);
    ck_assert_int_eq(heard.fetched, 1);
    ck_assert_int_eq(http_count(&server, "/root.crl"), 3);
    /* What failed is left in peace, and the CRL that there is stays. */
    http_stop(&server);
    heard = refresh(now + 2 * PKI_DAY, false);
    ck_assert_int_eq(heard.failed, 1);
    heard = refresh(now + 2 * PKI_DAY + 600, false);
    ck_assert_int_eq(heard.failed, 0);
    expect_at("still valid", leaf.certificate, now + 2 * PKI_DAY + 700, REVOCATION_GOOD, NULL);
    pki_clear(&leaf);
}
END_TEST

/* A CRL that did not come while a message waited. */
START_TEST(slow_crls_come_in_the_background)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    struct heard heard;
    expect("not there", leaf.certificate, REVOCATION_UNKNOWN, "404");
    authority_crl(&root, "root", "");
    heard = refresh(now + 10, false);
    ck_assert_int_eq(heard.fetched + heard.failed, 0); /* it was asked just now */
    heard = refresh(now + 400, false);
    ck_assert_int_eq(heard.fetched, 1);
    expect_at("there", leaf.certificate, now + 401, REVOCATION_GOOD, NULL);
    pki_clear(&leaf);
}
END_TEST

static struct heard recheck(time_t at)
{
    struct deadline deadline = deadline_in_ms(10000);
    struct heard heard = {0};
    int64_t after = 0;
    char *why = NULL;
    ck_assert_msg(revocation_recheck(gateway->revocation, false, at, &deadline, &after,
                                     hear_certificate, &heard, &why) == STORE_OK,
                  "%s", why_text(&why));
    ck_assert_int_eq(after, 0);
    return heard;
}

START_TEST(holds_are_lifted)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), NULL);
    X509 *chosen = NULL;
    char *why = NULL;
    struct heard heard;
    ck_assert_int_eq(store_pubkey_import(gateway->store, leaf.certificate, now, NULL, &why),
                     STORE_OK);
    authority_run(site.dir, "cp root.index before.index");
    authority_revoke(&root, "leaf", "certificateHold");
    authority_crl(&root, "root", "");
    expect("held", leaf.certificate, REVOCATION_REVOKED, "put on hold");
    ck_assert_int_eq(
        store_encryption_certificate(gateway->store, "bob@partner.test", now, &chosen, NULL, &why),
        STORE_NONE);
    heard = recheck(now + 60);
    ck_assert_int_eq(heard.revoked + heard.lifted, 0);
    authority_run(site.dir, "cp before.index root.index");
    authority_crl(&root, "root", "");
    heard = recheck(now + 2 * PKI_DAY);
    ck_assert_int_eq(heard.lifted, 1);
    ck_assert_int_eq(
        store_encryption_certificate(gateway->store, "bob@partner.test", now, &chosen, NULL, &why),
        STORE_OK);
    X509_free(chosen);
    why_free(&why);
    pki_clear(&leaf);
}
END_TEST

/* A CRL from before the hold knows nothing of it: where the responder that told of it does not
 * answer any more, the hold stays. */
START_TEST(holds_outlive_older_crls)
{
    struct pki leaf = issue("leaf", url_of("root.crl"), url_of("answer/leaf.ocsp"));
    struct pki other = issue("other", url_of("root.crl"), NULL);
    char *why = NULL;
    char options[64];
    struct tm tm = {0};
    time_t before = now - 3600;
    struct heard heard;
    open_gateway(NETWORKS "revocation_max_age_s = 3600;\n");
    ck_assert_int_eq(store_pubkey_import(gateway->store, leaf.certificate, now, NULL, &why),
                     STORE_OK);
    ck_assert(gmtime_r(&before, &tm) != NULL);
    ck_assert(strftime(options, sizeof options, "-crl_lastupdate %Y%m%d%H%M%SZ -crldays 7", &tm) >
              0);
    authority_crl(&root, "root", options);
    expect("the CRL is kept", other.certificate, REVOCATION_GOOD, NULL);
    authority_run(site.dir, "cp root.index before.index");
    authority_revoke(&root, "leaf", "certificateHold");
    authority_answer(&root, "leaf", "root", "leaf");
    expect_at("held", leaf.certificate, now + 7200, REVOCATION_REVOKED, "put on hold");
    authority_run(site.dir, "rm leaf.ocsp");
    heard = recheck(now + 2 * PKI_DAY);
    ck_assert_int_eq(heard.lifted, 0);
    /* A newer one does. */
    authority_run(site.dir, "cp before.index root.index");
    authority_crl(&root, "root", "");
    heard = recheck(now + 4 * PKI_DAY);
    ck_assert_int_eq(heard.lifted, 1);
    why_free(&why);
    pki_clear(&leaf);
    pki_clear(&other);
}
END_TEST

START_TEST(public_keys_are_looked_at_again)
{
    struct pki leaf = issue("leaf", NULL, NULL);
    struct heard heard;
    char *why = NULL;
    ck_assert_int_eq(store_pubkey_import(gateway->store, leaf.certificate, now, NULL, &why),
                     STORE_OK);
    heard = recheck(now);
    ck_assert_int_eq(heard.revoked, 0);
    authority_revoke(&root, "leaf", "superseded");
    authority_crl(&root, "root", "");
    import_crl("root");
    heard = recheck(now);
    ck_assert_int_eq(heard.revoked, 1);
    ck_assert_int_eq(heard.own, 0);
    heard = recheck(now);
    ck_assert_int_eq(heard.revoked, 0);
    ck_assert_int_eq(http_count(&server, "/"), 0);
    pki_clear(&leaf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon/revocation");
    TCase *tests = tcase_create("revocation");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_servers_say, 0, sizeof answers / sizeof *answers);
    tcase_add_test(tests, private_networks_are_not_asked);
    tcase_add_test(tests, off_asks_nobody);
    tcase_add_test(tests, silent_servers_cost_little_time);
    tcase_add_test(tests, kept_answers_outlive_their_server);
    tcase_add_test(tests, old_answers_are_asked_for_anew);
    tcase_add_test(tests, one_fetch_for_many_messages);
    tcase_add_test(tests, imported_crls_need_no_network);
    tcase_add_test(tests, delta_crls);
    tcase_add_test(tests, openssl_responder);
    tcase_add_test(tests, unknown_certificates_spoil_nothing);
    tcase_add_loop_test(tests, refused_questions_spoil_nothing, 0,
                        (int)(sizeof errors / sizeof errors[0]));
    tcase_add_test(tests, revoked_keys_are_not_encrypted_to);
    tcase_add_test(tests, crls_are_fetched_before_they_run_out);
    tcase_add_test(tests, slow_crls_come_in_the_background);
    tcase_add_test(tests, holds_are_lifted);
    tcase_add_test(tests, holds_outlive_older_crls);
    tcase_add_test(tests, public_keys_are_looked_at_again);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
