/* Notices in the store: each once, in which mail, what is remembered; and which events make one. */
#include "store_fixture.h"

#include "enrolment.h"
#include "notice.h"

#define ALICE "alice@example.com"
#define BOB "bob@partner.test"
#define HOUR_S 3600

static struct fixture fixture;
static struct pki ca;

static void set_up(void)
{
    fixture_open(&fixture);
    ca = pki_ca("Test CA");
}

static void tear_down(void)
{
    pki_clear(&ca);
    fixture_close(&fixture);
}

static bool put(const struct notice_note *note)
{
    bool added = false;
    ck_ok(&fixture, store_notice_put(fixture.store, note, &added, &fixture.why));
    return added;
}

static bool put_expiry(const char *fingerprint, const char *days)
{
    char topic[200];
    snprintf(topic, sizeof topic, "%s %s", fingerprint, days);
    return put(&(struct notice_note){.kind = NOTICE_MAILBOX_EXPIRES,
                                     .topic = topic,
                                     .object = ALICE,
                                     .detail = days,
                                     .fingerprint = fingerprint,
                                     .expires = PKI_NOW});
}

static bool put_weaker(const char *sender, const char *topic, const char *detail)
{
    return put(&(struct notice_note){.kind = NOTICE_WEAKER,
                                     .topic = topic,
                                     .recipient = sender,
                                     .object = "hello",
                                     .detail = detail,
                                     .reference = "<1@example.com>"});
}

static struct notice_list listed(void)
{
    struct notice_list list;
    ck_ok(&fixture, store_notice_list(fixture.store, &list, &fixture.why));
    return list;
}

/* The states of all notices, the oldest first: "waiting sent". */
static void ck_states(const char *wanted)
{
    struct notice_list list = listed();
    char said[400] = "";
    for (size_t i = 0; i < list.count; i++) {
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i > 0 ? " " : "",
                 notice_state_name(list.items[i].state));
    }
    ck_assert_str_eq(said, wanted);
    notice_list_clear(&list);
}

/* Take the mail that is to be sent at `now`; `count` notices are in it. */
static struct notice_mail take(time_t now, const char *recipient, size_t count)
{
    static int number;
    char id[40];
    struct notice_mail mail;
    snprintf(id, sizeof id, "%d@mx.example.com", ++number);
    const struct notice_terms terms = {.message_id = id, .interval_s = HOUR_S, .lease_s = 60};
    ck_ok(&fixture, store_notice_mail_take(fixture.store, &terms, now, &mail, &fixture.why));
    ck_assert_str_eq(mail.recipient, recipient);
    ck_assert_uint_eq(mail.notices.count, count);
    return mail;
}

static void take_none(time_t now)
{
    struct notice_mail mail;
    const struct notice_terms terms = {
        .message_id = "none@mx.example.com", .interval_s = HOUR_S, .lease_s = 60};
    ck_status(&fixture, store_notice_mail_take(fixture.store, &terms, now, &mail, &fixture.why),
              STORE_NONE, NULL);
}

static void done(struct notice_mail *mail, enum notice_state state, time_t now)
{
    ck_ok(&fixture, store_notice_mail_done(fixture.store, mail, state, NULL, now, &fixture.why));
    notice_mail_clear(mail);
}

static void reopen(void)
{
    store_close(&fixture.store);
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
}

/* ---- Once ---- */

START_TEST(noted_once)
{
    int64_t generation = fixture_generation(&fixture);
    int64_t audited = fixture_query(&fixture, "SELECT count(*) FROM audit");
    ck_assert(put_expiry("aa", "30"));
    ck_assert(!put_expiry("aa", "30"));
    reopen();
    ck_assert(!put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    ck_assert_str_eq(mail.notices.items[0].object, ALICE);
    ck_assert_str_eq(mail.notices.items[0].detail, "30");
    ck_assert_int_eq(mail.notices.items[0].expires, PKI_NOW);
    done(&mail, NOTICE_SENT, PKI_NOW + 1);
    reopen();
    ck_assert(!put_expiry("aa", "30"));
    take_none(PKI_NOW + 2 * HOUR_S);
    ck_states("sent");
    ck_assert(put_expiry("bb", "30"));
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    /* Of all that, the trail has that it was sent. */
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit"), audited + 1);
    ck_assert_int_eq(fixture_query(&fixture,
                                   "SELECT count(*) FROM audit WHERE action = 'notice sent'"
                                   " AND object = 'administrator' AND details LIKE '1 in one, <%'"),
                     1);
}
END_TEST

/* Who has not heard of 30 days yet hears of 14. */
START_TEST(later_ones_supersede_those_that_wait)
{
    ck_assert(put_expiry("aa", "30"));
    ck_assert(put_expiry("bb", "30"));
    ck_assert(put_expiry("aa", "14"));
    ck_states("superseded waiting waiting");
    struct notice_mail mail = take(PKI_NOW, "", 2);
    ck_assert(put_expiry("aa", "7"));
    ck_states("superseded waiting waiting waiting");
    ck_assert(!put_expiry("aa", "30"));
    done(&mail, NOTICE_SENT, PKI_NOW);
    ck_states("superseded sent sent waiting");
    mail = take(PKI_NOW + HOUR_S, "", 1);
    done(&mail, NOTICE_SENT, PKI_NOW + HOUR_S);
    take_none(PKI_NOW + PKI_DAY); /* nothing is left to tell */
}
END_TEST

START_TEST(one_message_is_one_notice)
{
    ck_assert(put_weaker(ALICE, "m1", "no-key bob@partner.test"));
    ck_assert(!put_weaker(ALICE, "m1", "no-key bob@partner.test\nunsigned carol@partner.test"));
    ck_assert(!put_weaker(ALICE, "m1", "no-key b@partner.test"));
    struct notice_mail mail = take(PKI_NOW, ALICE, 1);
    ck_assert_str_eq(mail.notices.items[0].detail,
                     "no-key bob@partner.test\nunsigned carol@partner.test\nno-key b@partner.test");
    ck_assert_str_eq(mail.notices.items[0].reference, "<1@example.com>");
    /* What is being sent does not change. */
    ck_assert(!put_weaker(ALICE, "m1", "no-key dave@partner.test"));
    notice_mail_clear(&mail);
    mail = take(PKI_NOW + 60, ALICE, 1);
    ck_assert_ptr_null(strstr(mail.notices.items[0].detail, "dave"));
    done(&mail, NOTICE_SENT, PKI_NOW + 61);
    ck_assert(!put_weaker(ALICE, "m1", "no-key dave@partner.test"));
    take_none(PKI_NOW + PKI_DAY);
}
END_TEST

START_TEST(details_are_bounded)
{
    static char large[NOTICE_MAX_DETAIL_BYTES + 1];
    memset(large, 'x', sizeof large - 1);
    ck_status(&fixture,
              store_notice_put(
                  fixture.store,
                  &(struct notice_note){
                      .kind = NOTICE_WEAKER, .topic = "m", .recipient = ALICE, .detail = large},
                  NULL, &fixture.why),
              STORE_REFUSED, "more than 65536 bytes");
    large[NOTICE_MAX_DETAIL_BYTES - 10] = '\0';
    ck_assert(put_weaker(ALICE, "m", large));
    ck_assert(!put_weaker(ALICE, "m", "no-key somebody@partner.test\na b"));
    struct notice_list list = listed();
    ck_assert_uint_lt(strlen(list.items[0].detail), NOTICE_MAX_DETAIL_BYTES);
    ck_assert_ptr_nonnull(strstr(list.items[0].detail, "\na b"));
    notice_list_clear(&list);
}
END_TEST

/* ---- Mails ---- */

/* The first goes at once, what comes within the interval together afterwards; others wait for
 * nobody. */
START_TEST(mails_are_digests)
{
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    ck_assert(put_expiry("bb", "30") && put_expiry("cc", "30"));
    ck_assert(put_weaker(ALICE, "m1", "no-key bob@partner.test"));
    ck_assert(put_weaker(ALICE, "m2", "no-key bob@partner.test"));
    ck_assert(put_weaker("carol@example.com", "m3", "no-key bob@partner.test"));
    struct notice_mail to_alice = take(PKI_NOW + 1, ALICE, 2);
    struct notice_mail to_carol = take(PKI_NOW + 1, "carol@example.com", 1);
    take_none(PKI_NOW + 1);
    done(&mail, NOTICE_SENT, PKI_NOW + 1);
    done(&to_alice, NOTICE_SENT, PKI_NOW + 1);
    done(&to_carol, NOTICE_SENT, PKI_NOW + 1);
    ck_assert(put_weaker(ALICE, "m4", "no-key bob@partner.test"));
    take_none(PKI_NOW + NOTICE_SENDER_INTERVAL_S - 1);
    to_alice = take(PKI_NOW + NOTICE_SENDER_INTERVAL_S + 1, ALICE, 1);
    done(&to_alice, NOTICE_SENT, PKI_NOW + NOTICE_SENDER_INTERVAL_S);
    take_none(PKI_NOW + HOUR_S - 1);
    mail = take(PKI_NOW + HOUR_S, "", 2);
    done(&mail, NOTICE_SENT, PKI_NOW + HOUR_S);
    take_none(PKI_NOW + PKI_DAY);
}
END_TEST

START_TEST(mails_are_bounded)
{
    for (int i = 0; i <= NOTICE_MAX_ITEMS; i++) {
        char fingerprint[20];
        snprintf(fingerprint, sizeof fingerprint, "%d", i);
        ck_assert(put_expiry(fingerprint, "30"));
    }
    struct notice_mail mail = take(PKI_NOW, "", NOTICE_MAX_ITEMS);
    done(&mail, NOTICE_SENT, PKI_NOW);
    mail = take(PKI_NOW + HOUR_S, "", 1);
    done(&mail, NOTICE_SENT, PKI_NOW + HOUR_S);
}
END_TEST

/* A mail that was written down stays what it is until it is sent, whoever is killed meanwhile. */
START_TEST(mails_survive)
{
    char first_id[64];
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    snprintf(first_id, sizeof first_id, "%s", mail.message_id);
    notice_mail_clear(&mail);
    ck_assert(put_expiry("bb", "30"));
    reopen();
    take_none(PKI_NOW + 59); /* somebody has it */
    mail = take(PKI_NOW + 60, "", 1);
    ck_assert_str_eq(mail.message_id, first_id);
    ck_assert_int_eq(mail.formed, PKI_NOW);
    ck_assert_str_eq(mail.notices.items[0].fingerprint, "aa");
    ck_ok(&fixture, store_notice_mail_retry(fixture.store, &mail, "nobody answers", PKI_NOW + 500,
                                            &fixture.why));
    notice_mail_clear(&mail);
    take_none(PKI_NOW + 499);
    struct notice_list list = listed();
    ck_assert_str_eq(list.items[0].error, "nobody answers");
    ck_assert_int_eq(list.items[0].failures, 1);
    ck_assert_int_eq(list.items[0].next_attempt, PKI_NOW + 500);
    notice_list_clear(&list);
    mail = take(PKI_NOW + 500, "", 1);
    ck_assert_str_eq(mail.message_id, first_id);
    ck_assert_int_eq(mail.failures, 1);
    done(&mail, NOTICE_SENT, PKI_NOW + 501);
    mail = take(PKI_NOW + HOUR_S, "", 1);
    ck_assert_str_eq(mail.notices.items[0].fingerprint, "bb");
    notice_mail_clear(&mail);
}
END_TEST

/* While one mail to somebody waits for the server, however long, no other is begun. */
START_TEST(one_mail_at_a_time)
{
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    ck_ok(&fixture,
          store_notice_mail_retry(fixture.store, &mail, "x", PKI_NOW + 3 * HOUR_S, &fixture.why));
    ck_assert(put_expiry("bb", "30"));
    take_none(PKI_NOW + 2 * HOUR_S);
    done(&mail, NOTICE_SENT, PKI_NOW + 3 * HOUR_S);
    mail = take(PKI_NOW + 3 * HOUR_S, "", 1);
    notice_mail_clear(&mail);
}
END_TEST

/* What was sent twice is not sent again, nor undone by who comes later. */
START_TEST(done_is_done)
{
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    struct notice_mail again = take(PKI_NOW + 60, "", 1);
    done(&mail, NOTICE_SENT, PKI_NOW + 61);
    ck_ok(&fixture, store_notice_mail_retry(fixture.store, &again, "late", PKI_NOW, &fixture.why));
    done(&again, NOTICE_GIVEN_UP, PKI_NOW + 62);
    ck_states("sent");
    take_none(PKI_NOW + PKI_DAY);
    ck_assert_int_eq(
        fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action LIKE 'notice %'"), 1);
}
END_TEST

/* A clock that was a year ahead for a while holds nothing up. */
START_TEST(wrong_clocks_pass)
{
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW + PKI_YEAR, "", 1);
    ck_ok(&fixture,
          store_notice_mail_retry(fixture.store, &mail, "x", PKI_NOW + PKI_YEAR, &fixture.why));
    notice_mail_clear(&mail);
    mail = take(PKI_NOW, "", 1);
    done(&mail, NOTICE_SENT, PKI_NOW + PKI_YEAR);
    ck_assert(put_expiry("bb", "30"));
    mail = take(PKI_NOW + 1, "", 1);
    notice_mail_clear(&mail);
}
END_TEST

/* What was only logged does not count as a mail. */
START_TEST(logged_ones_hold_nothing_up)
{
    ck_assert(put_expiry("aa", "30"));
    struct notice_mail mail = take(PKI_NOW, "", 1);
    done(&mail, NOTICE_LOGGED, PKI_NOW);
    ck_assert(put_expiry("bb", "30"));
    mail = take(PKI_NOW + 1, "", 1);
    done(&mail, NOTICE_SENT, PKI_NOW + 1);
    ck_states("logged sent");
}
END_TEST

START_TEST(forgotten_in_time)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    struct mailbox *mailbox = NULL;
    ck_ok(&fixture, store_mailbox_find(fixture.store, ALICE, &mailbox, &fixture.why));
    ck_assert(put_expiry(mailbox->fingerprint, "30"));
    ck_assert(put_expiry("gone", "30"));
    ck_assert(put(&(struct notice_note){
        .kind = NOTICE_CREDENTIAL_EXPIRES, .topic = "c 30", .fingerprint = "in a file"}));
    ck_assert(put_weaker(BOB, "m1", "no-key x@partner.test"));
    struct notice_mail mail = take(PKI_NOW, "", 3);
    done(&mail, NOTICE_SENT, PKI_NOW);
    mail = take(PKI_NOW, BOB, 1);
    done(&mail, NOTICE_SENT, PKI_NOW);
    ck_assert(put_weaker(BOB, "m2", "no-key x@partner.test"));
    ck_ok(&fixture,
          store_notice_prune(fixture.store, PKI_NOW + NOTICE_SENDER_KEEP_S, &fixture.why));
    ck_states("sent sent sent sent waiting");
    ck_ok(&fixture,
          store_notice_prune(fixture.store, PKI_NOW + NOTICE_SENDER_KEEP_S + 1, &fixture.why));
    ck_states("sent sent sent waiting");
    ck_ok(&fixture, store_notice_prune(fixture.store, PKI_NOW + NOTICE_KEEP_S + 1, &fixture.why));
    ck_states("sent sent waiting");
    ck_assert(!put_expiry(mailbox->fingerprint, "30"));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM notice_mail"), 1);
    /* What is on its way is not forgotten, however long that takes. */
    mail = take(PKI_NOW + NOTICE_KEEP_S, BOB, 1);
    notice_mail_clear(&mail);
    ck_ok(&fixture,
          store_notice_prune(fixture.store, PKI_NOW + 3 * (time_t)NOTICE_KEEP_S, &fixture.why));
    ck_states("sent sent waiting");
    mailbox_free(&mailbox);
    pki_clear(&alice);
}
END_TEST

/* ---- Keys of others ---- */

static struct pki bob_of(const struct pki *issuer, EVP_PKEY *key, time_t not_after)
{
    return pki_make(&(struct pki_spec){.addresses = {BOB}, .use_key = key, .not_after = not_after},
                    issuer);
}

static void learn(const struct pki *bob)
{
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, bob->certificate, NULL, PKI_NOW, NULL, &fixture.why));
}

/* Of what there is: who issued it, whose key, when it ends; and whether the next one is told. */
static const struct {
    const char *name;
    bool other_issuer, same_key, revoked, imported;
    time_t former_ends;
    bool told;
} changes[] = {
    {"another key of the same issuer, in the middle", false, false, false, false,
     PKI_NOW + PKI_YEAR, true},
    {"the same, of what was imported", false, false, false, true, PKI_NOW + PKI_YEAR, true},
    {"a renewal by the same issuer", false, false, false, false, PKI_NOW + 60 * PKI_DAY, false},
    {"a renewal of what was imported", false, false, false, true, PKI_NOW + 10 * PKI_DAY, true},
    {"just before that", false, false, false, false, PKI_NOW + 60 * PKI_DAY + 1, true},
    {"another issuer at the end", true, false, false, false, PKI_NOW + 10 * PKI_DAY, true},
    {"another issuer, the same key", true, true, false, false, PKI_NOW + PKI_YEAR, false},
    {"what was revoked counts no more", true, false, true, false, PKI_NOW + PKI_YEAR, false},
};

START_TEST(changes_are_told)
{
    struct pki other_ca = pki_ca("Other CA");
    struct pki former = bob_of(&ca, NULL, changes[_i].former_ends);
    struct pki next = bob_of(changes[_i].other_issuer ? &other_ca : &ca,
                             changes[_i].same_key ? former.key : NULL, 0);
    if (changes[_i].imported) {
        ck_ok(&fixture,
              store_pubkey_import(fixture.store, former.certificate, PKI_NOW, NULL, &fixture.why));
    } else {
        learn(&former);
    }
    ck_states(""); /* the first one changes nothing */
    if (changes[_i].revoked) {
        fixture_alter(&fixture,
                      "INSERT INTO revoked SELECT id, 1, 1, 'revoked', 1 FROM certificate");
    }
    learn(&next);
    learn(&next);
    struct notice_list list = listed();
    ck_assert_msg(list.count == (changes[_i].told ? 1 : 0), "%s: %zu notices", changes[_i].name,
                  list.count);
    if (changes[_i].told) {
        ck_assert_int_eq(list.items[0].kind, NOTICE_KEY_CHANGED);
        ck_assert_str_eq(list.items[0].object, BOB);
        ck_assert_str_eq(list.items[0].recipient, "");
        ck_assert_int_eq(strncmp(list.items[0].detail,
                                 changes[_i].other_issuer ? "CN=Other CA\n" : "CN=Test CA\n",
                                 strlen("CN=Test CA\n")),
                         0);
        ck_assert_ptr_nonnull(strstr(list.items[0].detail, " CN=Test CA"));
        ck_assert_uint_eq(strlen(list.items[0].fingerprint), 64);
    }
    notice_list_clear(&list);
    pki_clear(&former);
    pki_clear(&next);
    pki_clear(&other_ca);
}
END_TEST

/* Not that of the one who signed alone: who says that he is also somebody else is told of, too. */
START_TEST(every_address_counts)
{
    struct pki other_ca = pki_ca("Other CA");
    struct pki carol = pki_leaf(&ca, "carol@partner.test");
    struct pki both =
        pki_make(&(struct pki_spec){.addresses = {BOB, "carol@partner.test", "dave@partner.test"}},
                 &other_ca);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, carol.certificate, PKI_NOW, NULL, &fixture.why));
    learn(&both);
    struct notice_list list = listed();
    ck_assert_uint_eq(list.count, 1);
    ck_assert_str_eq(list.items[0].object, "carol@partner.test");
    notice_list_clear(&list);
    pki_clear(&carol);
    pki_clear(&both);
    pki_clear(&other_ca);
}
END_TEST

START_TEST(held_ones_are_told)
{
    struct pki bob = pki_leaf(&ca, BOB);
    struct pki next = pki_leaf(&ca, BOB);
    for (int i = 0; i < 2; i++) {
        ck_ok(&fixture, store_harvest_held(fixture.store, BOB, bob.certificate, NULL, PKI_NOW, NULL,
                                           &fixture.why));
    }
    struct notice_list list = listed();
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].kind, NOTICE_KEY_HELD);
    ck_assert_str_eq(list.items[0].detail, "CN=Test CA");
    notice_list_clear(&list);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_harvest_held(fixture.store, BOB, next.certificate, NULL, PKI_NOW, NULL,
                                       &fixture.why));
    list = listed();
    ck_assert_uint_eq(list.count, 2);
    ck_assert_ptr_nonnull(strchr(list.items[1].detail, '\n')); /* the former one */
    notice_list_clear(&list);
    pki_clear(&bob);
    pki_clear(&next);
}
END_TEST

/* ---- Enrolments ---- */

static EVP_PKEY *begin(enum enrolment_kind kind, time_t now)
{
    EVP_PKEY *key = pki_new_key(PKI_EC_P256);
    ck_ok(&fixture,
          store_enrolment_begin(fixture.store, ALICE, "ca", kind, key, (const unsigned char *)"csr",
                                3, now + PKI_DAY, now, &fixture.why));
    return key;
}

static void install(EVP_PKEY *key, bool received)
{
    struct pki alice = pki_make(&(struct pki_spec){.addresses = {ALICE}, .use_key = key}, &ca);
    if (received) {
        ck_ok(&fixture,
              store_enrolment_received(fixture.store, ALICE, NULL, PKI_NOW, &fixture.why));
    }
    ck_ok(&fixture, store_mailbox_install(fixture.store, ALICE, alice.certificate, NULL, PKI_NOW,
                                          &fixture.why));
    pki_clear(&alice);
    EVP_PKEY_free(key);
}

static void ck_kinds(const char *wanted)
{
    struct notice_list list = listed();
    char said[400] = "";
    for (size_t i = 0; i < list.count; i++) {
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i > 0 ? " " : "",
                 notice_kind_name(list.items[i].kind));
        ck_assert_str_eq(list.items[i].object, ALICE);
        ck_assert_int_eq(strncmp(list.items[i].detail, "ca", 2), 0);
    }
    ck_assert_str_eq(said, wanted);
    notice_list_clear(&list);
}

static void refuse_it(void)
{
    ck_ok(&fixture,
          store_enrolment_fail(fixture.store, ALICE, "the CA says no", PKI_NOW, &fixture.why));
}

START_TEST(enrolments_are_told)
{
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    EVP_PKEY_free(begin(ENROLMENT_NEW, PKI_NOW));
    refuse_it();
    ck_kinds("not-activated");
    install(begin(ENROLMENT_NEW, PKI_NOW + 1), true);
    ck_kinds("not-activated activated");
    EVP_PKEY_free(begin(ENROLMENT_UPDATE, PKI_NOW + 2));
    refuse_it();
    EVP_PKEY_free(begin(ENROLMENT_UPDATE, PKI_NOW + PKI_DAY)); /* the same again, each day */
    refuse_it();
    ck_kinds("not-activated activated not-renewed");
    install(begin(ENROLMENT_UPDATE, PKI_NOW + 2 * PKI_DAY), true);
    ck_kinds("not-activated activated not-renewed renewed");
    EVP_PKEY_free(begin(ENROLMENT_UPDATE, PKI_NOW + 3 * PKI_DAY)); /* of another certificate */
    refuse_it();
    ck_kinds("not-activated activated not-renewed renewed not-renewed");
    struct notice_list list = listed();
    ck_assert_str_eq(list.items[0].detail, "ca\nthe CA says no");
    ck_assert_str_eq(list.items[1].detail, "ca");
    notice_list_clear(&list);
}
END_TEST

/* Who does it himself, or brings the certificate by another way, knows. */
/* What a CA says goes into a mail as far as somebody would read it. */
START_TEST(long_errors_are_cut)
{
    static char large[100000];
    large[0] = 'x';
    for (size_t i = 1; i + 2 < sizeof large; i += 2) {
        memcpy(large + i, "\xc3\xa4", 2);
    }
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    EVP_PKEY_free(begin(ENROLMENT_NEW, PKI_NOW));
    ck_ok(&fixture, store_enrolment_fail(fixture.store, ALICE, large, PKI_NOW, &fixture.why));
    struct notice_list list = listed();
    ck_assert_uint_eq(strlen(list.items[0].detail), strlen("ca\n") + 999);
    notice_list_clear(&list);
}
END_TEST

START_TEST(own_deeds_are_not)
{
    const struct store_actor actor = {.name = "root", .command = "mailbox enroll --wait 60"};
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    install(begin(ENROLMENT_NEW, PKI_NOW), false);
    ck_kinds("");
    ck_ok(&fixture, store_set_actor(fixture.store, &actor, &fixture.why));
    EVP_PKEY_free(begin(ENROLMENT_UPDATE, PKI_NOW + 1));
    refuse_it();
    install(begin(ENROLMENT_UPDATE, PKI_NOW + 2), true);
    ck_kinds("");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notice");
    TCase *cases = tcase_create("notice");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, noted_once);
    tcase_add_test(cases, later_ones_supersede_those_that_wait);
    tcase_add_test(cases, one_message_is_one_notice);
    tcase_add_test(cases, details_are_bounded);
    tcase_add_test(cases, mails_are_digests);
    tcase_add_test(cases, mails_are_bounded);
    tcase_add_test(cases, mails_survive);
    tcase_add_test(cases, one_mail_at_a_time);
    tcase_add_test(cases, done_is_done);
    tcase_add_test(cases, wrong_clocks_pass);
    tcase_add_test(cases, logged_ones_hold_nothing_up);
    tcase_add_test(cases, forgotten_in_time);
    tcase_add_loop_test(cases, changes_are_told, 0, sizeof changes / sizeof *changes);
    tcase_add_test(cases, every_address_counts);
    tcase_add_test(cases, held_ones_are_told);
    tcase_add_test(cases, enrolments_are_told);
    tcase_add_test(cases, long_errors_are_cut);
    tcase_add_test(cases, own_deeds_are_not);
    suite_add_tcase(suite, cases);
    return fixture_run_suite(suite);
}
