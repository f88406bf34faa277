/* A store in a directory of its own, for tests. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <sqlite3.h>

#include "store.h"
#include "test_pki.h"
#include "why.h"

#define FIXTURE_TIMEOUT_MS 300

struct fixture {
    char directory[64];
    char path[96];
    char secret_path[96];
    struct store_options options;
    struct store *store;
    char *why;
};

/* Without Mozilla's roots: those have a test of their own. */
static inline void fixture_prepare(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/smimed-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof fixture->path, "%s/store.db", fixture->directory);
    snprintf(fixture->secret_path, sizeof fixture->secret_path, "%s/secret", fixture->directory);
    fixture->options = (struct store_options){
        .path = fixture->path,
        .secret_path = fixture->secret_path,
        .timeout_ms = FIXTURE_TIMEOUT_MS,
    };
}

static inline void fixture_open(struct fixture *fixture)
{
    fixture_prepare(fixture);
    enum store_status status = store_create(&fixture->options, &fixture->why);
    ck_assert_msg(status == STORE_OK, "store_create: %s", why_text(&fixture->why));
    status = store_open(&fixture->options, &fixture->store, &fixture->why);
    ck_assert_msg(status == STORE_OK, "store_open: %s", why_text(&fixture->why));
}

static inline void fixture_close(struct fixture *fixture)
{
    store_close(&fixture->store);
    why_free(&fixture->why);
    DIR *directory = opendir(fixture->directory);
    ck_assert_ptr_nonnull(directory);
    struct dirent *entry = NULL;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ck_assert_int_eq(unlinkat(dirfd(directory), entry->d_name, 0), 0);
        }
    }
    closedir(directory);
    ck_assert_int_eq(rmdir(fixture->directory), 0);
}

/* Status as expected, and the sentence has `part` in it (NULL: whatever it says). */
#define ck_status(fixture, call, wanted, part)                                                     \
    do {                                                                                           \
        why_free(&(fixture)->why);                                                                 \
        int status_ = (int)(call);                                                                 \
        ck_assert_msg(status_ == (int)(wanted), "%s: status %d, wanted %d: %s", #call, status_,    \
                      (int)(wanted), why_text(&(fixture)->why));                                   \
        const char *part_ = (part);                                                                \
        ck_assert_msg(!part_ || strstr(why_text(&(fixture)->why), part_),                          \
                      "%s: says \"%s\", wanted \"%s\"", #call, why_text(&(fixture)->why), part_);  \
    } while (0)
#define ck_ok(fixture, call) ck_status(fixture, call, STORE_OK, NULL)

static inline int64_t fixture_generation(struct fixture *fixture)
{
    int64_t generation = 0;
    ck_ok(fixture, store_generation(fixture->store, &generation, &fixture->why));
    return generation;
}

/* A mailbox with an active certificate. */
static inline struct pki fixture_activate(struct fixture *fixture, const struct pki *ca,
                                          const char *address)
{
    struct pki pair = pki_leaf(ca, address);
    ck_ok(fixture, store_mailbox_add(fixture->store, address, NULL, 0, &fixture->why));
    ck_ok(fixture, store_mailbox_activate(fixture->store, address, pair.key, pair.certificate, NULL,
                                          PKI_NOW, &fixture->why));
    return pair;
}

/* The one integer that a query of the database file gives, past the store. */
static inline int64_t fixture_query(const struct fixture *fixture, const char *text)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    ck_assert_int_eq(sqlite3_open(fixture->path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(database, text, -1, &statement, NULL) == SQLITE_OK, "%s: %s",
                  text, sqlite3_errmsg(database));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return value;
}

/* Alter the database file past the store. */
static inline void fixture_alter(const struct fixture *fixture, const char *text)
{
    sqlite3 *database = NULL;
    char *message = NULL;
    ck_assert_int_eq(sqlite3_open(fixture->path, &database), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(database, text, NULL, NULL, &message) == SQLITE_OK, "%.200s: %s",
                  text, message);
    sqlite3_close(database);
}

static inline int fixture_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
