/* Several threads, several handles, a locked database, a file that goes away. */
#include "store_fixture.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cache.h"
#include "handle.h"

#define ALICE "alice@example.com"
#define BOB "bob@partner.test"
#define THREADS 8

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

static struct store *second_handle(void)
{
    struct store *store = NULL;
    ck_ok(&fixture, store_open(&fixture.options, &store, &fixture.why));
    return store;
}

static bool signs(struct store *store, const char *address)
{
    struct identity identity;
    enum store_status status =
        store_signing_identity(store, address, PKI_NOW, &identity, &fixture.why);
    ck_assert_msg(status == STORE_OK || status == STORE_NONE, "%s", why_text(&fixture.why));
    identity_clear(&identity);
    return status == STORE_OK;
}

static bool has_key(struct store *store, const char *address)
{
    X509 *certificate = NULL;
    enum store_status status =
        store_encryption_certificate(store, address, PKI_NOW, &certificate, NULL, &fixture.why);
    ck_assert_msg(status == STORE_OK || status == STORE_NONE, "%s", why_text(&fixture.why));
    X509_free(certificate);
    return status == STORE_OK;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- Two handles ---- */

START_TEST(handles_see_each_others_changes)
{
    struct pki bob = pki_leaf(&ca, BOB);
    struct store *other = second_handle();
    ck_assert(!signs(fixture.store, ALICE)); /* remembered: no such mailbox */
    ck_assert(!has_key(fixture.store, BOB));

    struct pki alice = pki_leaf(&ca, ALICE);
    ck_ok(&fixture, store_mailbox_add(other, ALICE, NULL, 0, &fixture.why));
    ck_ok(&fixture, store_mailbox_activate(other, ALICE, alice.key, alice.certificate, NULL,
                                           PKI_NOW, &fixture.why));
    ck_ok(&fixture, store_pubkey_import(other, bob.certificate, PKI_NOW, NULL, &fixture.why));
    /* Whoever changes sees it at once, the other handle with the next message. */
    ck_assert(signs(other, ALICE));
    ck_assert(has_key(other, BOB));
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert(signs(fixture.store, ALICE));
    ck_assert(has_key(fixture.store, BOB));

    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why));
    ck_ok(&fixture, store_refresh(other, &fixture.why));
    ck_assert(!signs(other, ALICE));
    store_close(&other);
    pki_clear(&alice);
    pki_clear(&bob);
}
END_TEST

/* A change of this handle's own must not hide one of another that came before it. */
START_TEST(own_change_after_a_foreign_one)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    struct pki bob = pki_leaf(&ca, BOB);
    struct store *other = second_handle();
    ck_assert(signs(fixture.store, ALICE));
    ck_ok(&fixture, store_mailbox_deactivate(other, ALICE, &fixture.why));
    /* A harvest forgets only bob, if nothing came between. */
    ck_ok(&fixture,
          store_harvest(fixture.store, BOB, bob.certificate, NULL, PKI_NOW, NULL, &fixture.why));
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert(!signs(fixture.store, ALICE));
    store_close(&other);
    pki_clear(&alice);
    pki_clear(&bob);
}
END_TEST

START_TEST(sees_changes_of_another_process)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    ck_assert(signs(fixture.store, ALICE));
    /* A connection must not be carried into a child: it opens its own. */
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct store *own = NULL;
        bool done = store_open(&fixture.options, &own, NULL) == STORE_OK &&
                    store_mailbox_deactivate(own, ALICE, NULL) == STORE_OK;
        store_close(&own);
        _exit(done ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert(!signs(fixture.store, ALICE));
    pki_clear(&alice);
}
END_TEST

/* ---- Trouble with the file ---- */

static void ck_all_fail(const char *reason)
{
    int64_t generation = 0;
    ck_status(&fixture, store_refresh(fixture.store, &fixture.why), STORE_ERROR, reason);
    ck_status(&fixture, store_generation(fixture.store, &generation, &fixture.why), STORE_ERROR,
              reason);
    ck_status(&fixture, store_mailbox_add(fixture.store, "new@example.com", NULL, 0, &fixture.why),
              STORE_ERROR, reason);
}

START_TEST(removed_file_is_an_error)
{
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert_int_eq(unlink(fixture.path), 0);
    ck_all_fail("is gone");
}
END_TEST

START_TEST(replaced_file_is_an_error)
{
    char command[512];
    snprintf(command, sizeof command, "cp -p %s %s.copy && mv %s.copy %s", fixture.path,
             fixture.path, fixture.path, fixture.path);
    ck_assert_int_eq(system(command), 0);
    ck_all_fail("was replaced by another file");
}
END_TEST

START_TEST(moved_directory_is_an_error)
{
    char moved[96];
    snprintf(moved, sizeof moved, "%s.moved", fixture.directory);
    ck_assert_int_eq(rename(fixture.directory, moved), 0);
    ck_all_fail("is gone");
    ck_assert_int_eq(rename(moved, fixture.directory), 0);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
}
END_TEST

/* Root may read everything: only somebody else can try this one. */
START_TEST(unreadable_file_is_an_error)
{
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(fixture.directory, 65534, 65534), 0);
        ck_assert_int_eq(chown(fixture.path, 65534, 65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert_int_eq(chmod(fixture.path, 0400), 0);
    ck_all_fail("may no longer be read and written");
    ck_assert_int_eq(chmod(fixture.path, 0), 0);
    ck_all_fail("may no longer be read and written");
    ck_assert_int_eq(chmod(fixture.path, 0600), 0);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    if (getuid() == 0) {
        ck_assert_int_eq(seteuid(0), 0);
    }
}
END_TEST

/* No room for a write: the change is an error and leaves nothing, look-ups go on, and when there is
 * room again so do changes. */
START_TEST(full_disk_is_an_error)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    struct rlimit limit;
    int64_t generation = fixture_generation(&fixture);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t former = limit.rlim_cur;
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = 4096;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum store_status status =
        store_mailbox_add(fixture.store, "new@example.com", NULL, 0, &fixture.why);
    bool looked_up = store_refresh(fixture.store, NULL) == STORE_OK && signs(fixture.store, ALICE);
    limit.rlim_cur = former;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(status, STORE_ERROR);
    ck_assert_ptr_nonnull(strstr(why_text(&fixture.why), "cannot be used"));
    ck_assert(looked_up);
    ck_assert_int_eq(fixture_generation(&fixture), generation);
    ck_ok(&fixture, store_mailbox_add(fixture.store, "new@example.com", NULL, 0, &fixture.why));
    ck_assert_int_eq(fixture_generation(&fixture), generation + 1);
    pki_clear(&alice);
}
END_TEST

/* ---- A locked database ---- */

static sqlite3 *lock(const char *statements)
{
    sqlite3 *other = NULL;
    ck_assert_int_eq(sqlite3_open(fixture.path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, statements, NULL, NULL, NULL), SQLITE_OK);
    return other;
}

START_TEST(locked_for_writing)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    sqlite3 *other = lock("BEGIN IMMEDIATE");
    /* Messages go on. */
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    ck_assert(signs(fixture.store, ALICE));
    double start = seconds();
    ck_status(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why), STORE_ERROR,
              "stayed locked by another process for 300 ms");
    double took = seconds() - start;
    ck_assert_msg(took > 0.25 && took < 1.5, "took %.3f s", took);
    sqlite3_close(other);
    ck_ok(&fixture, store_mailbox_deactivate(fixture.store, ALICE, &fixture.why));
    pki_clear(&alice);
}
END_TEST

static void *release_soon(void *context)
{
    nanosleep(&(struct timespec){0, 100 * 1000000L}, NULL);
    sqlite3_close(context);
    return NULL;
}

START_TEST(waits_for_a_short_lock)
{
    pthread_t thread;
    sqlite3 *other = lock("BEGIN IMMEDIATE");
    ck_assert_int_eq(pthread_create(&thread, NULL, release_soon, other), 0);
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    pthread_join(thread, NULL);
}
END_TEST

struct timed {
    enum store_status status;
    double took;
};

static void *refresh_timed(void *context)
{
    struct timed *timed = context;
    double start = seconds();
    timed->status = store_refresh(fixture.store, NULL);
    timed->took = seconds() - start;
    return NULL;
}

/* Locked even for reading (another program in exclusive mode): every thread gets its error within
 * the timeout, also those that wait for each other. */
START_TEST(locked_for_reading)
{
    pthread_t threads[THREADS];
    struct timed timed[THREADS];
    /* The last connection goes, so that another may have the file for itself. */
    store_close(&fixture.store);
    sqlite3 *other = lock("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE;"
                          "UPDATE meta SET generation = 7; COMMIT;");
    struct store *refused = NULL;
    double start = seconds();
    ck_status(&fixture, store_open(&fixture.options, &refused, &fixture.why), STORE_ERROR,
              "stayed locked by another process for 300 ms");
    ck_assert_msg(seconds() - start < 1.5, "took %.3f s", seconds() - start);
    sqlite3_close(other);

    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    ck_ok(&fixture, sql_lock(fixture.store->sql, &fixture.why));
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, refresh_timed, &timed[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(timed[i].status, STORE_ERROR);
        ck_assert_msg(timed[i].took > 0.25 && timed[i].took < 1.5, "took %.3f s", timed[i].took);
    }
    sql_unlock(fixture.store->sql);
    ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
}
END_TEST

/* ---- Threads ---- */

struct work {
    unsigned seed;
    struct pki *pairs;
    size_t pair_count;
    atomic_int *failures;
    bool writes;
};

static void one_message(struct work *work, int round)
{
    struct identity identity;
    struct identity_list list;
    struct trust trust;
    X509 *certificate = NULL;
    char address[64];
    size_t who = (size_t)rand_r(&work->seed) % work->pair_count;
    snprintf(address, sizeof address, "user%zu@example.com", who);
    char *why = NULL;
    bool good = store_refresh(fixture.store, &why) == STORE_OK;
    good = good &&
           store_signing_identity(fixture.store, address, PKI_NOW, &identity, &why) == STORE_OK;
    /* Nobody ever gets another one's key. */
    if (good) {
        good = X509_cmp(identity.certificate, work->pairs[who].certificate) == 0 &&
               EVP_PKEY_eq(identity.key, work->pairs[who].key) == 1;
        identity_clear(&identity);
    }
    if (good && (good = store_identities(fixture.store, address, &list, &why) == STORE_OK)) {
        good = list.count == 1;
        identity_list_clear(&list);
    }
    if (good && (good = store_encryption_certificate(fixture.store, BOB, PKI_NOW, &certificate,
                                                     NULL, &why) != STORE_ERROR)) {
        X509_free(certificate);
    }
    if (good && (good = store_trust(fixture.store, &trust, &why) == STORE_OK)) {
        store_trust_clear(&trust);
    }
    if (good && work->writes && round % 20 == 0) {
        good = store_mailbox_set_never_decrypt(fixture.store, "other@example.com", round % 40 == 0,
                                               &why) == STORE_OK;
    }
    if (!good) {
        fprintf(stderr, "failed: %s\n", why_text(&why));
        atomic_fetch_add(work->failures, 1);
    }
    why_free(&why);
}

static void *work_through(void *context)
{
    struct work *work = context;
    for (int round = 0; round < 300; round++) {
        one_message(work, round);
    }
    return NULL;
}

START_TEST(threads_share_a_handle)
{
    enum { USERS = 12 };
    struct pki pairs[USERS];
    struct work work[THREADS];
    pthread_t threads[THREADS];
    atomic_int failures = 0;
    char address[64];
    store_close(&fixture.store);
    fixture.options.timeout_ms = 20000; /* two cores, a sanitizer, eight threads */
    ck_ok(&fixture, store_open(&fixture.options, &fixture.store, &fixture.why));
    ck_ok(&fixture, store_mailbox_add(fixture.store, "other@example.com", NULL, 0, &fixture.why));
    for (size_t i = 0; i < USERS; i++) {
        snprintf(address, sizeof address, "user%zu@example.com", i);
        pairs[i] = fixture_activate(&fixture, &ca, address);
    }
    for (size_t i = 0; i < THREADS; i++) {
        work[i] = (struct work){(unsigned)i + 1, pairs, USERS, &failures, i < 2};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work_through, &work[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(atomic_load(&failures), 0);
    for (size_t i = 0; i < USERS; i++) {
        pki_clear(&pairs[i]);
    }
}
END_TEST

/* ---- The cache ---- */

struct number {
    struct cached cached;
    int value;
};

static atomic_int numbers;

static void number_destroy(struct cached *cached)
{
    atomic_fetch_sub(&numbers, 1);
    free(cached);
}

static void put_number(struct cache *cache, const char *address, uint64_t epoch, int value,
                       size_t objects)
{
    struct number *number = calloc(1, sizeof *number);
    ck_assert_ptr_nonnull(number);
    cached_init(&number->cached, objects, number_destroy);
    atomic_fetch_add(&numbers, 1);
    number->value = value;
    cache_put(cache, CACHE_SIGNING, address, epoch, &number->cached);
    cached_release(&number->cached);
}

/* -1: not there. */
static int get_number(struct cache *cache, const char *address, uint64_t *epoch_out)
{
    uint64_t epoch = 0;
    struct number *number =
        (struct number *)cache_get(cache, CACHE_SIGNING, address, epoch_out ? epoch_out : &epoch);
    int value = number ? number->value : -1;
    if (number) {
        cached_release(&number->cached);
    }
    return value;
}

START_TEST(cache_is_bounded_and_obeys)
{
    uint64_t epoch = 0;
    size_t values = 0;
    size_t objects = 0;
    char name[16];
    struct cache *cache = cache_new(10);
    cache_obey(cache, 1);
    ck_assert_int_eq(get_number(cache, "a", &epoch), -1);
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "%d", i);
        put_number(cache, name, epoch, i, i == 7 ? 3 : 0);
    }
    cache_measure(cache, &values, &objects);
    ck_assert_uint_eq(values, 8);
    ck_assert_uint_eq(objects, 10);
    /* The one not used for the longest time goes. */
    ck_assert_int_eq(get_number(cache, "0", NULL), 0);
    put_number(cache, "new", epoch, 99, 2);
    ck_assert_int_eq(get_number(cache, "0", NULL), 0);
    ck_assert_int_eq(get_number(cache, "1", NULL), -1);
    ck_assert_int_eq(get_number(cache, "2", NULL), -1);
    ck_assert_int_eq(get_number(cache, "3", NULL), 3);
    /* Too big for the cache: passed over, nothing else goes. */
    put_number(cache, "huge", epoch, 5, 11);
    ck_assert_int_eq(get_number(cache, "huge", NULL), -1);
    ck_assert_int_eq(get_number(cache, "new", NULL), 99);
    /* In the place of a former one. */
    put_number(cache, "new", epoch, 100, 1);
    ck_assert_int_eq(get_number(cache, "new", NULL), 100);

    /* What was loaded before a change is not put in after it. */
    cache_obey(cache, 1);
    ck_assert_int_eq(get_number(cache, "new", NULL), 100);
    cache_obey(cache, 2);
    cache_measure(cache, &values, &objects);
    ck_assert_uint_eq(values, 0);
    ck_assert_uint_eq(objects, 0);
    put_number(cache, "late", epoch, 1, 1);
    ck_assert_int_eq(get_number(cache, "late", &epoch), -1);

    /* A change to some addresses forgets these alone, if it is the next one. */
    put_number(cache, "x", epoch, 1, 1);
    put_number(cache, "y", epoch, 2, 1);
    char x[] = "x";
    char *changed[] = {x};
    cache_advance(cache, 3, CACHE_SIGNING, changed, 1);
    ck_assert_int_eq(get_number(cache, "x", NULL), -1);
    ck_assert_int_eq(get_number(cache, "y", NULL), 2);
    put_number(cache, "x", epoch, 1, 1);
    ck_assert_int_eq(get_number(cache, "x", NULL), -1);
    cache_advance(cache, 5, CACHE_SIGNING, changed, 1);
    ck_assert_int_eq(get_number(cache, "y", NULL), -1);
    cache_free(&cache);
    ck_assert_ptr_null(cache);
    ck_assert_int_eq(atomic_load(&numbers), 0);
}
END_TEST

/* Look-ups of any number of addresses leave no more than the cache holds, and what was forgotten is
 * loaded again. */
START_TEST(memory_stays_bounded)
{
    struct pki alice = fixture_activate(&fixture, &ca, ALICE);
    struct pki bob = pki_leaf(&ca, BOB);
    char address[64];
    size_t values = 0;
    size_t objects = 0;
    ck_ok(&fixture,
          store_pubkey_import(fixture.store, bob.certificate, PKI_NOW, NULL, &fixture.why));
    size_t used = 0;
    for (int i = 0; i < 12000; i++) {
        snprintf(address, sizeof address, "nobody%d@partner.test", i);
        ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
        ck_assert(!has_key(fixture.store, address));
        why_free(&fixture.why);
        if (i % 1000 == 0) {
            ck_assert(signs(fixture.store, ALICE));
            ck_assert(has_key(fixture.store, BOB));
        }
        if (i == 4000) {
            used = mallinfo2().uordblks;
        }
    }
    cache_measure(fixture.store->cache, &values, &objects);
    ck_assert_uint_le(objects, CACHE_MAX_OBJECTS);
    size_t now_used = mallinfo2().uordblks;
    ck_assert_msg(now_used < used + 256 * 1024, "%zu bytes, then %zu", used, now_used);
    pki_clear(&alice);
    pki_clear(&bob);
}
END_TEST

/* ---- Speed ---- */

/* Generous: what must not happen is that a warm look-up parses a key (0.3 ms and more). */
START_TEST(warm_look_ups_are_quick)
{
    enum { ROUNDS = 2000 };
    struct pki pair = pki_leaf_rsa(&ca, ALICE);
    struct identity identity;
    ck_ok(&fixture, store_mailbox_add(fixture.store, ALICE, NULL, 0, &fixture.why));
    ck_ok(&fixture, store_mailbox_activate(fixture.store, ALICE, pair.key, pair.certificate, NULL,
                                           PKI_NOW, &fixture.why));
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        ck_ok(&fixture, store_refresh(fixture.store, &fixture.why));
    }
    double refresh_us = (seconds() - start) / ROUNDS * 1e6;
    ck_assert(signs(fixture.store, ALICE));
    start = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        ck_ok(&fixture,
              store_signing_identity(fixture.store, ALICE, PKI_NOW, &identity, &fixture.why));
        identity_clear(&identity);
    }
    double identity_us = (seconds() - start) / ROUNDS * 1e6;
    printf("refresh %.1f us, signing identity %.1f us\n", refresh_us, identity_us);
    ck_assert_msg(refresh_us < 250, "refresh takes %.1f us", refresh_us);
    ck_assert_msg(identity_us < 100, "signing identity takes %.1f us", identity_us);
    pki_clear(&pair);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store/concurrency");
    TCase *tests = tcase_create("concurrency");
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, handles_see_each_others_changes);
    tcase_add_test(tests, own_change_after_a_foreign_one);
    tcase_add_test(tests, sees_changes_of_another_process);
    tcase_add_test(tests, removed_file_is_an_error);
    tcase_add_test(tests, replaced_file_is_an_error);
    tcase_add_test(tests, moved_directory_is_an_error);
    tcase_add_test(tests, unreadable_file_is_an_error);
    tcase_add_test(tests, full_disk_is_an_error);
    tcase_add_test(tests, locked_for_writing);
    tcase_add_test(tests, waits_for_a_short_lock);
    tcase_add_test(tests, locked_for_reading);
    tcase_add_test(tests, threads_share_a_handle);
    tcase_add_test(tests, cache_is_bounded_and_obeys);
    tcase_add_test(tests, memory_stays_bounded);
    tcase_add_test(tests, warm_look_ups_are_quick);
    suite_add_tcase(suite, tests);
    return fixture_run_suite(suite);
}
