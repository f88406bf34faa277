/* A store, a CA that speaks CMP, and the settings that name it. Header only. */
#ifndef TESTS_ENROL_FIXTURE_H
#define TESTS_ENROL_FIXTURE_H

#include "cmp_ca_run.h"
#include "config.h"
#include "enrol.h"
#include "store_fixture.h"

struct enrol_fixture {
    struct fixture store;
    struct cmp_ca_run ca;
    struct config *config;
    const struct settings *settings;
    char *why;
};

static const char *const enrol_alice = "alice@example.com";

CMP_CA_UNUSED static char *enrol_path(const struct enrol_fixture *fixture, const char *name)
{
    static char paths[8][160];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", fixture->store.directory, name);
    return path;
}

CMP_CA_UNUSED static void enrol_write(const struct enrol_fixture *fixture, const char *name,
                                      const char *text, mode_t mode)
{
    FILE *file = fopen(enrol_path(fixture, name), "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(enrol_path(fixture, name), mode), 0);
}

/* The settings of the CA are these lines besides its name and URL. */
__attribute__((format(printf, 2, 3))) CMP_CA_UNUSED static void
enrol_configure(struct enrol_fixture *fixture, const char *format, ...)
{
    char lines[2048], *text = NULL;
    struct problems problems = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(lines, sizeof lines, format, arguments);
    va_end(arguments);
    ck_assert_int_gt(asprintf(&text,
                              "managed_domains = [ \"example.com\" ];\n"
                              "cmp = ( { name = \"ca\"; url = \"%s\"; key = \"ec:P-256\";\n"
                              "poll_min_s = 1; timeout_s = 2; %s } );\n",
                              fixture->ca.url, lines),
                     0);
    config_free(&fixture->config);
    fixture->config = config_parse("test", text, strlen(text), &problems);
    ck_assert_msg(fixture->config != NULL, "%s", problems.count ? problems.items[0].text : "?");
    fixture->settings = &fixture->config->settings;
    free(text);
}

#define ENROL_BY_SECRET                                                                            \
    "reference = \"" CMP_CA_REFERENCE "\"; secret_file = \"%s\"; server_certificate = \"%s\";"

CMP_CA_UNUSED static void enrol_by_secret(struct enrol_fixture *fixture, const char *more)
{
    enrol_configure(fixture, ENROL_BY_SECRET "%s", enrol_path(fixture, "cmp.secret"),
                    enrol_path(fixture, "ca.pem"), more);
}

/* With a CA that is not started yet. */
CMP_CA_UNUSED static void enrol_prepare(struct enrol_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture_open(&fixture->store);
    cmp_ca_prepare(&fixture->ca);
    pki_write_certificate(enrol_path(fixture, "ca.pem"), fixture->ca.ca.issuer.certificate);
    enrol_write(fixture, "cmp.secret", CMP_CA_SECRET "\n", 0600);
    ck_ok(&fixture->store,
          store_mailbox_add(fixture->store.store, enrol_alice, NULL, 0, &fixture->store.why));
}

CMP_CA_UNUSED static void enrol_open(struct enrol_fixture *fixture)
{
    enrol_prepare(fixture);
    cmp_ca_start(&fixture->ca);
    enrol_by_secret(fixture, "");
}

CMP_CA_UNUSED static void enrol_close(struct enrol_fixture *fixture)
{
    why_free(&fixture->why);
    config_free(&fixture->config);
    cmp_ca_remove(&fixture->ca);
    fixture_close(&fixture->store);
}

CMP_CA_UNUSED static enum store_status enrol_start(struct enrol_fixture *fixture,
                                                   enum enrolment_kind kind, time_t now)
{
    why_free(&fixture->why);
    return enrol_begin(fixture->store.store, fixture->settings,
                       enrol_ca_for(fixture->settings, enrol_alice), enrol_alice, kind, now,
                       &fixture->why);
}

static const char *const enrol_results[] = {
    [ENROL_ACTIVE] = "active", [ENROL_WAITING] = "waiting", [ENROL_RETRY] = "retry",
    [ENROL_FAILED] = "failed", [ENROL_NONE] = "none",       [ENROL_ERROR] = "error"};

/* One step, with this result and (where not NULL) this in its sentence. */
CMP_CA_UNUSED static void enrol_expect(struct enrol_fixture *fixture, time_t now,
                                       enum enrol_result wanted, const char *part)
{
    why_free(&fixture->why);
    enum enrol_result result =
        enrol_step(fixture->store.store, fixture->settings, enrol_alice, now, &fixture->why);
    ck_assert_msg(result == wanted, "%s, wanted %s: %s", enrol_results[result],
                  enrol_results[wanted], why_text(&fixture->why));
    ck_assert_msg(!part || strstr(why_text(&fixture->why), part), "says \"%s\", wanted \"%s\"",
                  why_text(&fixture->why), part);
}

CMP_CA_UNUSED static struct mailbox *enrol_mailbox(struct enrol_fixture *fixture)
{
    struct mailbox *mailbox = NULL;
    ck_ok(&fixture->store,
          store_mailbox_find(fixture->store.store, enrol_alice, &mailbox, &fixture->store.why));
    return mailbox;
}

CMP_CA_UNUSED static void enrol_expect_state(struct enrol_fixture *fixture,
                                             enum mailbox_state wanted)
{
    struct mailbox *mailbox = enrol_mailbox(fixture);
    ck_assert_str_eq(mailbox_state_name(mailbox->state), mailbox_state_name(wanted));
    mailbox_free(&mailbox);
}

/* The certificate that signs: X509_free(). */
CMP_CA_UNUSED static X509 *enrol_signer(struct enrol_fixture *fixture, time_t now)
{
    struct identity identity;
    ck_ok(&fixture->store, store_signing_identity(fixture->store.store, enrol_alice, now, &identity,
                                                  &fixture->store.why));
    X509 *certificate = identity.certificate;
    X509_up_ref(certificate);
    identity_clear(&identity);
    return certificate;
}

/* Run a command with a shell: it must succeed. */
__attribute__((format(printf, 1, 2))) CMP_CA_UNUSED static void enrol_run(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    ck_assert_msg(system(command) == 0, "fails: %s", command);
}

#endif
