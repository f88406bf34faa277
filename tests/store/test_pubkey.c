/* Other people's public keys: importing, harvesting, choosing one to encrypt with. */
#include "store_fixture.h"

static struct fixture fixture;
static struct pki ca;

#define BOB "bob@partner.test"

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

static void import(const struct pki *pair)
{
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pair->certificate, PKI_NOW, NULL, &fixture.why));
}

static bool harvest(const struct pki *pair, time_t now)
{
    bool changed = false;
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, pair->certificate, NULL, now, &changed, &fixture.why));
    return changed;
}

/* `pair` NULL: there is none. */
static void ck_chosen(const char *address, time_t now, const struct pki *pair)
{
    X509 *certificate = NULL;
    enum store_status status =
        store_encryption_certificate(fixture.store, address, now, &certificate, NULL, &fixture.why);
    ck_assert_msg(status == (pair ? STORE_OK : STORE_NONE), "%s: %d %s", address, status,
                  why_text(&fixture.why));
    ck_assert((certificate != NULL) == (pair != NULL));
    if (pair) {
        ck_assert_msg(X509_cmp(certificate, pair->certificate) == 0, "another certificate");
    }
    X509_free(certificate);
}

static struct pki bob_valid(time_t not_before, time_t not_after)
{
    return pki_make(
        &(struct pki_spec){.addresses = {BOB}, .not_before = not_before, .not_after = not_after},
        &ca);
}

/* ---- Importing ---- */

START_TEST(imports_for_every_address)
{
    struct pki pair = pki_make(&(struct pki_spec){.addresses = {BOB, "Robert@Partner.test"}}, &ca);
    int64_t id = 0;
    int64_t again = 0;
    int64_t before = fixture_generation(&fixture);
    ck_chosen(BOB, PKI_NOW, NULL);
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), "no valid public key of " BOB));
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pair.certificate, PKI_NOW, &id, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    ck_chosen(BOB, PKI_NOW, &pair);
    ck_chosen("robert@partner.test", PKI_NOW, &pair);
    ck_chosen("eve@partner.test", PKI_NOW, NULL);

    /* Again: the same one, nothing new. */
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pair.certificate, PKI_NOW, &again, &fixture.why));
    ck_assert_int_eq(again, id);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);

    struct pubkey_list list;
    ck_ok(&fixture, store_pubkey_list(fixture.store, "robert@partner.test", &list, &fixture.why));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(list.items[0].id, id);
    ck_assert_uint_eq(list.items[0].address_count, 2);
    ck_assert_str_eq(list.items[0].addresses[0], BOB);
    ck_assert_str_eq(list.items[0].addresses[1], "robert@partner.test");
    ck_assert_int_eq(list.items[0].source, PUBKEY_IMPORTED);
    ck_assert_int_eq(list.items[0].first_seen, PKI_NOW);
    ck_assert_int_eq(X509_cmp(list.items[0].certificate, pair.certificate), 0);
    ck_assert_uint_eq(strlen(list.items[0].fingerprint), 64);
    pubkey_list_clear(&list);
    ck_ok(&fixture, store_pubkey_list(fixture.store, "eve@partner.test", &list, &fixture.why));
    ck_assert_uint_eq(list.count, 0);

    ck_ok(&fixture, store_pubkey_delete(fixture.store, id, &fixture.why));
    ck_chosen(BOB, PKI_NOW, NULL);
    ck_chosen("robert@partner.test", PKI_NOW, NULL);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey_address"), 0);
    ck_status(&fixture, store_pubkey_delete(fixture.store, id, &fixture.why), STORE_REFUSED,
              "there is no public key");
    pki_clear(&pair);
}
END_TEST

static const struct {
    const char *name;
    struct pki_spec spec;
    const char *reason;
} refusals[] = {
    {"no address", {.common_name = "Bob"}, "no mail address"},
    {"domain", {.addresses = {"partner.test"}}, "certificate for a domain, not for a mailbox"},
    {"host",
     {.common_name = "mx.partner.test", .dns_names = {"mx.partner.test"}},
     "certificate for a domain, not for a mailbox"},
    {"gateway",
     {.addresses = {"domain-confidentiality-authority@partner.test"}},
     "certificate for a domain, not for a mailbox"},
    {"CA", {.addresses = {BOB}, .ca = true}, "belongs to a CA"},
    {"expired", {.addresses = {BOB}, .not_after = PKI_NOW - 1}, "has expired"},
    {"not yet valid", {.addresses = {BOB}, .not_before = PKI_NOW + 1}, "not yet valid"},
    {"signs only", {.addresses = {BOB}, .key_usage = "digitalSignature"}, "excludes encryption"},
    {"TLS", {.addresses = {BOB}, .extended_key_usage = "serverAuth"}, "excludes mail"},
    {"RSA-1024", {.addresses = {BOB}, .key = PKI_RSA_1024}, "1024 bits, at least 2048"},
    {"X25519", {.addresses = {BOB}, .key = PKI_X25519}, "X25519"},
};

START_TEST(refuses_unfit_certificates)
{
    struct pki pair = pki_make(&refusals[_i].spec, &ca);
    bool changed = true;
    ck_status(&fixture,
              store_pubkey_import(fixture.store, pair.certificate, PKI_NOW, NULL, &fixture.why),
              STORE_REFUSED, refusals[_i].reason);
    ck_status(
        &fixture,
        store_harvest(fixture.store, BOB, pair.certificate, NULL, PKI_NOW, &changed, &fixture.why),
        STORE_REFUSED, refusals[_i].reason);
    ck_assert(!changed);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 0);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT generation FROM meta"), 1);
    pki_clear(&pair);
}
END_TEST

/* ---- Choosing ---- */

START_TEST(expired_never_hides_good)
{
    struct pki good = bob_valid(PKI_NOW - 300 * PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    struct pki brief = bob_valid(PKI_NOW - PKI_DAY, PKI_NOW + PKI_DAY); /* newer, ends sooner */
    import(&good);
    import(&brief);
    ck_chosen(BOB, PKI_NOW, &brief);
    ck_chosen(BOB, PKI_NOW + PKI_DAY, &brief); /* its last second */
    ck_chosen(BOB, PKI_NOW + PKI_DAY + 1, &good);
    /* The clock may go back (smimectl process --at). */
    ck_chosen(BOB, PKI_NOW, &brief);
    ck_chosen(BOB, PKI_NOW - 2 * PKI_DAY, &good);
    ck_chosen(BOB, PKI_NOW - 301 * PKI_DAY, NULL);
    ck_chosen(BOB, PKI_NOW + 301 * PKI_DAY, NULL);
    ck_chosen(BOB, PKI_NOW, &brief);
    pki_clear(&good);
    pki_clear(&brief);
}
END_TEST

START_TEST(imported_before_harvested)
{
    struct pki imported = bob_valid(PKI_NOW - 300 * PKI_DAY, PKI_NOW + 10 * PKI_DAY);
    struct pki harvested = bob_valid(PKI_NOW - PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    import(&imported);
    ck_assert(harvest(&harvested, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &imported);
    /* Both are kept, and when the imported one ends the other serves. */
    ck_chosen(BOB, PKI_NOW + 11 * PKI_DAY, &harvested);

    /* Harvested first, imported later: it becomes imported, and the newer one of two. */
    import(&harvested);
    ck_chosen(BOB, PKI_NOW, &harvested);
    /* Seen again in a signature, it stays imported. */
    ck_assert(!harvest(&harvested, PKI_NOW + 2 * PKI_DAY));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey WHERE source = 0"), 2);
    pki_clear(&imported);
    pki_clear(&harvested);
}
END_TEST

START_TEST(future_certificate_takes_over_in_time)
{
    struct pki now = bob_valid(PKI_NOW - PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    struct pki later = bob_valid(PKI_NOW + PKI_DAY, PKI_NOW + 300 * PKI_DAY);
    import(&now);
    ck_ok(&fixture, store_pubkey_import(fixture.store, later.certificate, PKI_NOW + 2 * PKI_DAY,
                                        NULL, &fixture.why));
    ck_chosen(BOB, PKI_NOW, &now);
    ck_chosen(BOB, PKI_NOW + PKI_DAY - 1, &now);
    ck_chosen(BOB, PKI_NOW + PKI_DAY, &later);
    pki_clear(&now);
    pki_clear(&later);
}
END_TEST

/* ---- Harvesting ---- */

START_TEST(same_signer_writes_once)
{
    struct pki pair = pki_leaf(&ca, BOB);
    int64_t before = fixture_generation(&fixture);
    ck_assert(harvest(&pair, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &pair);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    struct stat before_log;
    struct stat after_log;
    char log[128];
    snprintf(log, sizeof log, "%s-wal", fixture.path);
    ck_assert_int_eq(stat(log, &before_log), 0);
    for (int i = 1; i < 100; i++) {
        ck_assert(!harvest(&pair, PKI_NOW + i));
    }
    ck_assert_int_eq(fixture_query(&fixture, "SELECT last_seen FROM pubkey"), PKI_NOW);
    ck_assert_int_eq(stat(log, &after_log), 0);
    ck_assert_int_eq(after_log.st_size, before_log.st_size);
    ck_assert_int_eq(after_log.st_mtim.tv_nsec, before_log.st_mtim.tv_nsec);
    /* A day later it is noted, which no message notices. */
    ck_assert(!harvest(&pair, PKI_NOW + PKI_DAY));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT last_seen FROM pubkey"), PKI_NOW + PKI_DAY);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT first_seen FROM pubkey"), PKI_NOW);
    ck_assert_int_eq(fixture_generation(&fixture), before + 1);
    pki_clear(&pair);
}
END_TEST

/* With the database locked for writing a known signer is still no error: nothing needs writing. */
START_TEST(known_signer_needs_no_write_lock)
{
    struct pki pair = pki_leaf(&ca, BOB);
    sqlite3 *other = NULL;
    ck_assert(harvest(&pair, PKI_NOW));
    ck_assert_int_eq(sqlite3_open(fixture.path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert(!harvest(&pair, PKI_NOW + 1));
    ck_status(&fixture,
              store_harvest(fixture.store, BOB, pair.certificate, NULL, PKI_NOW + 2 * PKI_DAY, NULL,
                            &fixture.why),
              STORE_ERROR, "locked by another process");
    sqlite3_close(other);
    pki_clear(&pair);
}
END_TEST

START_TEST(harvest_must_name_the_signer)
{
    struct pki pair = pki_leaf(&ca, "eve@partner.test");
    ck_status(
        &fixture,
        store_harvest(fixture.store, BOB, pair.certificate, NULL, PKI_NOW, NULL, &fixture.why),
        STORE_REFUSED, "does not name " BOB);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey"), 0);
    pki_clear(&pair);
}
END_TEST

static void ck_capabilities(const char *wanted)
{
    X509 *certificate = NULL;
    struct capabilities found;
    ck_ok(&fixture, store_encryption_certificate(fixture.store, BOB, PKI_NOW, &certificate, &found,
                                                 &fixture.why));
    if (wanted) {
        ck_assert_uint_eq(found.length, strlen(wanted));
        ck_assert_mem_eq(found.der, wanted, found.length);
    } else {
        ck_assert_ptr_null(found.der);
    }
    capabilities_clear(&found);
    X509_free(certificate);
}

static bool declare(const struct pki *pair, const char *der, size_t length, time_t now)
{
    bool changed = false;
    struct capabilities capabilities = {.der = (unsigned char *)(uintptr_t)der, .length = length};
    ck_ok(&fixture, store_harvest(fixture.store, BOB, pair->certificate, &capabilities, now,
                                  &changed, &fixture.why));
    return changed;
}

START_TEST(remembers_capabilities)
{
    static char large[5000];
    struct pki pair = pki_leaf(&ca, BOB);
    struct pki other = pki_leaf(&ca, BOB);
    memset(large, 'x', sizeof large);
    ck_assert(harvest(&pair, PKI_NOW));
    ck_capabilities(NULL);
    ck_assert(declare(&pair, "0\x01one", 5, PKI_NOW));
    ck_capabilities("0\x01one");
    int64_t generation = fixture_generation(&fixture);
    ck_assert(!declare(&pair, "0\x01one", 5, PKI_NOW + 5));
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_assert(declare(&pair, "0\x01two", 5, PKI_NOW + 6));
    ck_capabilities("0\x01two");
    ck_assert_int_eq(fixture_generation(&fixture), generation + 1);
    /* A message that declares none takes nothing back; what is over the ceiling is not kept. */
    ck_assert(!harvest(&pair, PKI_NOW + 7));
    ck_assert(!declare(&pair, large, sizeof large, PKI_NOW + 8));
    ck_capabilities("0\x01two");

    /* They are the address's: the next certificate has them too; without any they go. */
    ck_assert(harvest(&other, PKI_NOW));
    struct pubkey_list list;
    ck_ok(&fixture, store_pubkey_list(fixture.store, NULL, &list, &fixture.why));
    ck_assert_uint_eq(list.count, 2);
    ck_ok(&fixture, store_pubkey_delete(fixture.store, list.items[0].id, &fixture.why));
    ck_capabilities("0\x01two");
    ck_ok(&fixture, store_pubkey_delete(fixture.store, list.items[1].id, &fixture.why));
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM capabilities"), 0);
    pubkey_list_clear(&list);
    pki_clear(&pair);
    pki_clear(&other);
}
END_TEST

/* Mail with this signingTime (0: none) comes in at `now`. */
static bool harvest_signed(const struct pki *pair, time_t signed_at, time_t now)
{
    bool changed = false;
    struct capabilities capabilities = {.signed_at = signed_at};
    ck_ok(&fixture, store_harvest(fixture.store, BOB, pair->certificate, &capabilities, now,
                                  &changed, &fixture.why));
    return changed;
}

/* Of several certificates the one that the latest signed mail brought, whichever is newer, and in
 * whatever order mail comes in. */
START_TEST(the_latest_mail_chooses)
{
    struct pki newer = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki older = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_YEAR);
    ck_assert(harvest_signed(&newer, PKI_NOW - 100, PKI_NOW));
    ck_assert(harvest_signed(&older, PKI_NOW - 50, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &older);
    int64_t generation = fixture_generation(&fixture);
    /* An old mail once more, and one that does not say when it was signed. */
    ck_assert(!harvest_signed(&newer, PKI_NOW - 100, PKI_NOW + 1));
    ck_assert(!harvest_signed(&newer, 0, PKI_NOW + 1));
    ck_assert(!harvest_signed(&older, PKI_NOW - 20, PKI_NOW + 1));
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_chosen(BOB, PKI_NOW, &older);
    ck_assert(harvest_signed(&newer, PKI_NOW - 10, PKI_NOW + 2));
    ck_assert_int_eq(fixture_generation(&fixture), generation + 1);
    ck_chosen(BOB, PKI_NOW, &newer);
    /* A clock that is fast has the last word only until now. */
    ck_assert(harvest_signed(&older, PKI_NOW + PKI_YEAR, PKI_NOW + 3));
    ck_chosen(BOB, PKI_NOW + 3, &older);
    ck_assert(harvest_signed(&newer, PKI_NOW + 4, PKI_NOW + 5));
    ck_chosen(BOB, PKI_NOW + 5, &newer);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM audit WHERE action ="
                                             " 'public key preferred'"),
                     3);
    pki_clear(&newer);
    pki_clear(&older);
}
END_TEST

START_TEST(what_is_preferred_and_gone)
{
    struct pki newer = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki older = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_DAY);
    struct pubkey_list list;
    ck_assert(harvest_signed(&newer, PKI_NOW - 100, PKI_NOW));
    ck_assert(harvest_signed(&older, PKI_NOW - 50, PKI_NOW));
    /* Expired: the other one. */
    ck_chosen(BOB, PKI_NOW + 2 * PKI_DAY, &newer);
    ck_chosen(BOB, PKI_NOW, &older);
    ck_ok(&fixture, store_pubkey_list(fixture.store, BOB, &list, &fixture.why));
    for (size_t i = 0; i < list.count; i++) {
        if (X509_cmp(list.items[i].certificate, older.certificate) == 0) {
            ck_ok(&fixture, store_pubkey_delete(fixture.store, list.items[i].id, &fixture.why));
        }
    }
    pubkey_list_clear(&list);
    ck_chosen(BOB, PKI_NOW, &newer);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM preference"), 0);
    pki_clear(&newer);
    pki_clear(&older);
}
END_TEST

/* What an administrator imported or pinned is not moved by mail. */
START_TEST(imported_stays_whatever_mail_wants)
{
    struct pki imported = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki other = bob_valid(PKI_NOW - 80 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki newer = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    int64_t id = 0;
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, imported.certificate, PKI_NOW, &id, &fixture.why));
    ck_assert(harvest_signed(&newer, PKI_NOW - 5, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &imported);
    /* Of two that were imported the wish of his mail decides, until one is pinned. */
    import(&other);
    ck_chosen(BOB, PKI_NOW, &other);
    ck_assert(harvest_signed(&imported, PKI_NOW - 4, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &imported);
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_assert(harvest_signed(&other, PKI_NOW - 3, PKI_NOW));
    ck_chosen(BOB, PKI_NOW, &imported);
    pki_clear(&imported);
    pki_clear(&other);
    pki_clear(&newer);
}
END_TEST

/* Nor is what mail only brings along: its certificates are not signed. */
START_TEST(what_mail_only_brings_is_not_preferred)
{
    struct pki newer = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki older = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct capabilities brought = {.signed_at = PKI_NOW - 50, .no_wish = true};
    bool changed = false;
    ck_assert(harvest_signed(&newer, PKI_NOW - 100, PKI_NOW));
    ck_ok(&fixture, store_harvest(fixture.store, BOB, older.certificate, &brought, PKI_NOW,
                                  &changed, &fixture.why));
    ck_assert(changed); /* it is learned */
    ck_chosen(BOB, PKI_NOW, &newer);
    pki_clear(&newer);
    pki_clear(&older);
}
END_TEST

/* Whoever pins a certificate wants no other one, even where it does not fit a profile. */
START_TEST(only_the_pinned_one_is_offered)
{
    struct pki pinned = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki other = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    STACK_OF(X509) *offered = NULL;
    int64_t id = 0;
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pinned.certificate, PKI_NOW, &id, &fixture.why));
    import(&other);
    ck_ok(&fixture, store_encryption_certificates(fixture.store, BOB, PKI_NOW, &offered, NULL, NULL,
                                                  &fixture.why));
    ck_assert_int_eq(sk_X509_num(offered), 2);
    sk_X509_pop_free(offered, X509_free);
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_encryption_certificates(fixture.store, BOB, PKI_NOW, &offered, NULL, NULL,
                                                  &fixture.why));
    ck_assert_int_eq(sk_X509_num(offered), 1);
    ck_assert_int_eq(X509_cmp(sk_X509_value(offered, 0), pinned.certificate), 0);
    sk_X509_pop_free(offered, X509_free);
    pki_clear(&pinned);
    pki_clear(&other);
}
END_TEST

/* ... until it ends, and of this address alone. */
START_TEST(what_is_pinned_binds_no_others)
{
    struct pki pinned = bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_DAY);
    struct pki other = bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR);
    struct pki eve = pki_leaf(&ca, "eve@partner.test");
    int64_t id = 0;
    import(&other);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, eve.certificate, PKI_NOW, &id, &fixture.why));
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_chosen(BOB, PKI_NOW, &other);
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, pinned.certificate, PKI_NOW, &id, &fixture.why));
    ck_ok(&fixture, store_pubkey_pin(fixture.store, id, PKI_NOW, &fixture.why));
    ck_chosen(BOB, PKI_NOW, &pinned);
    ck_chosen(BOB, PKI_NOW + 2 * PKI_DAY, &other);
    pki_clear(&pinned);
    pki_clear(&other);
    pki_clear(&eve);
}
END_TEST

/* Capabilities likewise. */
START_TEST(the_latest_mail_declares)
{
    struct pki pair = pki_leaf(&ca, BOB);
    static const struct {
        const char *der;
        time_t signed_at;
        bool changed;
    } mails[] = {{"0\x01one", PKI_NOW - 50, true},
                 {"0\x01old", PKI_NOW - 60, false},
                 {"0\x01zzz", 0, false},
                 {"0\x01two", PKI_NOW - 40, true}};
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        struct capabilities capabilities = {.der = (unsigned char *)(uintptr_t)mails[i].der,
                                            .length = 5,
                                            .signed_at = mails[i].signed_at};
        bool changed = false;
        ck_ok(&fixture, store_harvest(fixture.store, BOB, pair.certificate, &capabilities,
                                      PKI_NOW + (time_t)i, &changed, &fixture.why));
        ck_assert_int_eq(changed, mails[i].changed);
    }
    ck_capabilities("0\x01two");
    pki_clear(&pair);
}
END_TEST

/* The preferred one first, then the others; expired ones are not among them. */
START_TEST(all_that_may_be_used)
{
    struct pki pairs[] = {bob_valid(PKI_NOW - 10 * PKI_DAY, PKI_NOW + PKI_YEAR),
                          bob_valid(PKI_NOW - 90 * PKI_DAY, PKI_NOW + PKI_YEAR),
                          bob_valid(PKI_NOW - 50 * PKI_DAY, PKI_NOW + PKI_DAY)};
    static const int order[] = {1, 0, 2};
    STACK_OF(X509) *found = NULL;
    for (size_t i = 0; i < 3; i++) {
        ck_assert(harvest_signed(&pairs[i], 0, PKI_NOW));
    }
    ck_assert(harvest_signed(&pairs[1], PKI_NOW - 5, PKI_NOW));
    ck_ok(&fixture, store_encryption_certificates(fixture.store, BOB, PKI_NOW, &found, NULL, NULL,
                                                  &fixture.why));
    ck_assert_int_eq(sk_X509_num(found), 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(X509_cmp(sk_X509_value(found, i), pairs[order[i]].certificate), 0);
    }
    sk_X509_pop_free(found, X509_free);
    ck_ok(&fixture, store_encryption_certificates(fixture.store, BOB, PKI_NOW + 2 * PKI_DAY, &found,
                                                  NULL, NULL, &fixture.why));
    ck_assert_int_eq(sk_X509_num(found), 2);
    sk_X509_pop_free(found, X509_free);
    for (size_t i = 0; i < 3; i++) {
        pki_clear(&pairs[i]);
    }
}
END_TEST

START_TEST(harvested_are_bounded)
{
    struct pki imported = bob_valid(PKI_NOW - 300 * PKI_DAY, PKI_NOW + PKI_DAY);
    struct pki shared =
        pki_make(&(struct pki_spec){.addresses = {BOB, "robert@partner.test"}}, &ca);
    import(&imported);
    ck_assert(harvest(&shared, PKI_NOW - 5));
    ck_chosen("robert@partner.test", PKI_NOW, &shared);
    for (int i = 0; i < 40; i++) {
        struct pki pair = pki_leaf(&ca, BOB);
        ck_assert(harvest(&pair, PKI_NOW + i));
        pki_clear(&pair);
    }
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM pubkey WHERE source = 1"), 32);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT min(last_seen) FROM pubkey WHERE source = 1"),
                     PKI_NOW + 8);
    ck_assert_int_eq(fixture_query(&fixture, "SELECT count(*) FROM certificate"), 33);
    /* The imported one stays; an address of a dropped one is not remembered from the cache. */
    ck_chosen(BOB, PKI_NOW, &imported);
    ck_chosen("robert@partner.test", PKI_NOW, NULL);
    pki_clear(&imported);
    pki_clear(&shared);
}
END_TEST

START_TEST(names_sources)
{
    ck_assert_str_eq(pubkey_source_name(PUBKEY_IMPORTED), "imported");
    ck_assert_str_eq(pubkey_source_name(PUBKEY_HARVESTED), "harvested");
}
END_TEST

START_TEST(damaged_certificates_are_errors)
{
    struct pki pair = pki_leaf(&ca, BOB);
    X509 *certificate = NULL;
    struct pubkey_list list;
    import(&pair);
    fixture_alter(&fixture, "UPDATE certificate SET der = substr(der, 1, 50);"
                            "UPDATE meta SET generation = generation + 1;");
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_status(
        &fixture,
        store_encryption_certificate(fixture.store, BOB, PKI_NOW, &certificate, NULL, &fixture.why),
        STORE_ERROR, "is damaged");
    ck_assert_ptr_null(certificate);
    ck_status(&fixture, store_pubkey_list(fixture.store, NULL, &list, &fixture.why), STORE_ERROR,
              "is damaged");
    ck_assert_ptr_null(list.items);
    pki_clear(&pair);
}
END_TEST

/* Every look-up that a message causes goes by an index. */
START_TEST(look_ups_use_indexes)
{
    static const char *const queries[] = {
        "SELECT c.der FROM pubkey_address a JOIN pubkey p ON p.id = a.pubkey"
        " JOIN certificate c ON c.id = p.certificate WHERE a.address = 'x'",
        "SELECT k.id FROM mailbox_address a JOIN mailbox m ON m.id = a.mailbox"
        " LEFT JOIN private_key k ON k.id = m.signing_key WHERE a.address = 'x'",
        "SELECT id FROM private_key WHERE mailbox = 1",
        "SELECT id FROM certificate WHERE fingerprint = 'x'",
        "SELECT der FROM capabilities WHERE address = 'x'",
        "SELECT certificate FROM key_chain WHERE private_key = 1 ORDER BY position",
        "DELETE FROM certificate WHERE id = 1",
        "DELETE FROM pubkey WHERE id = 1",
    };
    sqlite3 *database = NULL;
    sqlite3_stmt *row = NULL;
    char text[512];
    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", queries[_i]);
    ck_assert_int_eq(sqlite3_open(fixture.path, &database), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(database, "PRAGMA foreign_keys = ON", NULL, NULL, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(database, text, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(row, 3);
        ck_assert_msg(!strstr(detail, "SCAN"), "%s: %s", queries[_i], detail);
    }
    sqlite3_finalize(row);
    sqlite3_close(database);
}
END_TEST

#define COUNT(table) (int)(sizeof table / sizeof *table)

int main(void)
{
    Suite *suite = suite_create("store/pubkey");
    TCase *tests = tcase_create("pubkey");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, imports_for_every_address);
    tcase_add_loop_test(tests, refuses_unfit_certificates, 0, COUNT(refusals));
    tcase_add_test(tests, expired_never_hides_good);
    tcase_add_test(tests, imported_before_harvested);
    tcase_add_test(tests, future_certificate_takes_over_in_time);
    tcase_add_test(tests, same_signer_writes_once);
    tcase_add_test(tests, known_signer_needs_no_write_lock);
    tcase_add_test(tests, harvest_must_name_the_signer);
    tcase_add_test(tests, remembers_capabilities);
    tcase_add_test(tests, the_latest_mail_chooses);
    tcase_add_test(tests, what_is_preferred_and_gone);
    tcase_add_test(tests, imported_stays_whatever_mail_wants);
    tcase_add_test(tests, what_mail_only_brings_is_not_preferred);
    tcase_add_test(tests, only_the_pinned_one_is_offered);
    tcase_add_test(tests, what_is_pinned_binds_no_others);
    tcase_add_test(tests, the_latest_mail_declares);
    tcase_add_test(tests, all_that_may_be_used);
    tcase_add_test(tests, harvested_are_bounded);
    tcase_add_test(tests, names_sources);
    tcase_add_test(tests, damaged_certificates_are_errors);
    tcase_add_loop_test(tests, look_ups_use_indexes, 0, 8);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
