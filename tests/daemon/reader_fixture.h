/* What the tests of incoming mail's readers share: alice and bert are ours, bob writes to them; his
 * messages come from `openssl cms`. */
#ifndef TESTS_DAEMON_READER_FIXTURE_H
#define TESTS_DAEMON_READER_FIXTURE_H

#include <check.h>

#include "flow_world.h"
#include "test_run.h"

#define FIELDS                                                                                     \
    "From: Bob <bob@partner.test>\nTo: alice@example.com\nSubject: hi\nMIME-Version: 1.0\n"

static struct world world;
static struct pki alice;
static struct pki bert;
static struct pki bob;
static EVP_PKEY *keys[2]; /* of alice and bob: made once */

static inline void write_pem(const struct pki *pki, const char *name)
{
    char path[128];
    FILE *file;
    snprintf(path, sizeof path, "%s/%s", world.directory, name);
    file = fopen(path, "w");
    ck_assert(file != NULL && PEM_write_X509(file, pki->certificate) == 1 &&
              PEM_write_PrivateKey(file, pki->key, NULL, NULL, 0, NULL, NULL) == 1);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void begin(const char *config)
{
    world = world_open(config);
    alice = pki_make(&(struct pki_spec){.addresses = {"alice@example.com"}, .use_key = keys[0]},
                     &world.ca);
    bob = pki_make(&(struct pki_spec){.addresses = {"info@partner.test", "bob@partner.test"},
                                      .use_key = keys[1]},
                   &world.ca);
    bert = world_mailbox(&world, "bert@example.com", NULL);
    world_need(store_mailbox_add(world.gateway->store, "alice@example.com", NULL, 0, NULL) ==
                       STORE_OK &&
                   store_mailbox_activate(world.gateway->store, "alice@example.com", alice.key,
                                          alice.certificate, NULL, PKI_NOW, NULL) == STORE_OK,
               "a mailbox", NULL);
    write_pem(&alice, "alice.pem");
    write_pem(&bert, "bert.pem");
    write_pem(&bob, "bob.pem");
    world_file(&world, "html",
               "Content-Type: text/html\r\n\r\n"
               "<p>The secret text<img src=\"http://evil.test/?\"></p>\r\n");
}

static inline void end(void)
{
    pki_clear(&alice);
    pki_clear(&bert);
    pki_clear(&bob);
    world_close(&world);
}

/* Standard output of a shell command in the world's directory, without CR. */
static inline char *output_of(const char *command)
{
    char line[2048];
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    FILE *in;
    int c;
    snprintf(line, sizeof line, "cd '%s' && { %s; } 2>errors || { cat errors >&2; false; }",
             world.directory, command);
    in = popen(line, "r");
    ck_assert(in != NULL && out != NULL);
    while ((c = getc(in)) != EOF)
        if (c != '\r')
            putc(c, out);
    ck_assert_msg(pclose(in) == 0, "%s", command);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* What `command` writes, with the fields of a message in front. */
static inline char *message_of(const char *fields, const char *command)
{
    char *entity = output_of(command);
    char *text = NULL;
    ck_assert_int_ge(asprintf(&text, "%s%s", fields, entity), 0);
    free(entity);
    return text;
}

static inline struct outcome receive(struct transaction *transaction, const char *text)
{
    *transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    ck_assert_int_eq(world_recipient(&world, transaction, "alice@example.com"), 0);
    return world_end(&world, transaction);
}

/* The same for both of our users. */
static inline struct outcome receive_both(struct transaction *transaction, const char *text)
{
    *transaction = world_message(&world, ROLE_INBOUND, NULL, "bob@partner.test", text);
    ck_assert_int_eq(world_recipient(&world, transaction, "alice@example.com"), 0);
    ck_assert_int_eq(world_recipient(&world, transaction, "bert@example.com"), 0);
    return world_end(&world, transaction);
}

static inline void done(struct transaction *transaction, struct outcome *outcome)
{
    outcome_clear(outcome);
    transaction_clear(transaction);
}

/* The message that alice gets. */
static inline char *received(const char *text)
{
    struct transaction transaction;
    struct outcome outcome = receive(&transaction, text);
    char *result;
    ck_assert_msg(outcome.action != FLOW_REPLY, "%s", outcome.reply.english);
    result = world_text(&transaction, &outcome);
    done(&transaction, &outcome);
    return result;
}

static inline void assert_has(const char *text, const char *wanted)
{
    ck_assert_msg(strstr(text, wanted) != NULL, "'%s' is not in:\n%s", wanted, text);
}

static inline void assert_lacks(const char *text, const char *unwanted)
{
    ck_assert_msg(strstr(text, unwanted) == NULL, "'%s' is in:\n%s", unwanted, text);
}

#define ENCRYPT "openssl cms -encrypt -aes256 -in html alice.pem"
#define ENCRYPT_GCM "openssl cms -encrypt -aes-256-gcm -in html alice.pem"
#define SIGN "openssl cms -sign -signer bob.pem -in html"
#define SIGN_AND_ENCRYPT SIGN " -out s && openssl cms -encrypt -aes256 -in s alice.pem"
#define DOUBT "what was encrypted could have been altered on its way"

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

/* Run the tests in a process that has made the keys. */
static inline int run_with_keys(Suite *suite)
{
    int status;
    for (size_t i = 0; i < 2; i++)
        keys[i] = pki_new_key(PKI_RSA_2048);
    status = test_run(suite);
    for (size_t i = 0; i < 2; i++)
        EVP_PKEY_free(keys[i]);
    return status;
}

#endif
