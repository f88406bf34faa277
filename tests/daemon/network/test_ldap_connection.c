/* Connections to a real slapd, and to servers that answer nothing, half, or no (RFC 4511). */
#include "admin/slapd_run.h"
#include "fake_server.h"
#include "ldap_connection.h"
#include "why.h"

#define DN "cn=smimed,dc=example,dc=com"
#define PASSWORD "s3cret"
#define LIMIT_MS 700
#define SLACK_MS 600 /* of a busy machine */

static const char people[] = "dn: dc=example,dc=com\n"
                             "objectClass: dcObject\n"
                             "objectClass: organization\n"
                             "o: Example\n"
                             "dc: example\n"
                             "\n"
                             "dn: cn=smimed,dc=example,dc=com\n"
                             "objectClass: organizationalRole\n"
                             "objectClass: simpleSecurityObject\n"
                             "cn: smimed\n"
                             "userPassword: s3cret\n";

static struct slapd slapd;

static void setup(void)
{
    make_directory();
    slapd_start(&slapd, people);
}

static void teardown(void)
{
    slapd_stop(&slapd);
    remove_directory();
}

static struct ldap_connection_options options_for(const char *uri)
{
    return (struct ldap_connection_options){
        .uri = uri,
        .ca_file_setting = "ca_file",
        .starttls_setting = "starttls",
        .connect_timeout_ms = LIMIT_MS,
        .deadline = deadline_in_ms(5000),
    };
}

/* Who are we there (RFC 4532)? The server's word. */
static void expect_identity(struct ldap_connection *connection, const char *wanted)
{
    LDAP *ldap = ldap_connection_handle(connection);
    struct berval *identity = NULL;
    ck_assert_int_eq(ldap_whoami_s(ldap, &identity, NULL, NULL), LDAP_SUCCESS);
    ck_assert_msg(identity->bv_len == strlen(wanted) &&
                      memcmp(identity->bv_val, wanted, identity->bv_len) == 0,
                  "bound as %.*s", (int)identity->bv_len, identity->bv_val);
    ber_bvfree(identity);
}

enum where { PLAIN, TLS, LOCAL };

static const struct connection_case {
    const char *name;
    enum where where;
    enum ldap_starttls starttls;
    const char *ca; /* "": none given */
    const char *password;
    bool in_clear;
    const char *why; /* NULL: it works */
} connections[] = {
    {"STARTTLS", PLAIN, LDAP_STARTTLS_REQUIRED, "directory-ca.pem", PASSWORD, false, NULL},
    {"STARTTLS, optional", PLAIN, LDAP_STARTTLS_OPTIONAL, "directory-ca.pem", PASSWORD, false,
     NULL},
    {"ldaps", TLS, LDAP_STARTTLS_REQUIRED, "directory-ca.pem", PASSWORD, false, NULL},
    {"ldapi", LOCAL, LDAP_STARTTLS_REQUIRED, "directory-ca.pem", PASSWORD, false, NULL},
    {"anonymous in the clear", PLAIN, LDAP_STARTTLS_OFF, "directory-ca.pem", NULL, false, NULL},
    {"password in the clear, allowed", PLAIN, LDAP_STARTTLS_OFF, "directory-ca.pem", PASSWORD, true,
     NULL},
    {"password in the clear", PLAIN, LDAP_STARTTLS_OFF, "directory-ca.pem", PASSWORD, false,
     "use ldaps:// or starttls"},
    {"wrong password", TLS, LDAP_STARTTLS_OFF, "directory-ca.pem", "wrong", false,
     "Invalid credentials"},
    {"empty password", TLS, LDAP_STARTTLS_OFF, "directory-ca.pem", "", false, "is empty"},
    {"ldaps, another CA", TLS, LDAP_STARTTLS_OFF, "other.pem", NULL, false,
     "its certificate may be at fault"},
    {"ldaps, no CA given", TLS, LDAP_STARTTLS_OFF, "", NULL, false, "given with ca_file"},
    {"STARTTLS, another CA", PLAIN, LDAP_STARTTLS_REQUIRED, "other.pem", NULL, false, "STARTTLS: "},
    {"optional is no way around a wrong certificate", PLAIN, LDAP_STARTTLS_OPTIONAL, "other.pem",
     NULL, false, "its certificate may be at fault"},
    {"no file of CAs", TLS, LDAP_STARTTLS_OFF, "none.pem", NULL, false, "none.pem"},
};

START_TEST(each_connection)
{
    const struct connection_case *c = &connections[_i];
    const char *const uris[] = {slapd.uri, slapd.tls_uri, slapd.local_uri};
    struct ldap_connection_options options = options_for(uris[c->where]);
    struct pki other = pki_ca("Other CA");
    char *why = NULL;
    write_pki("other", &other);
    pki_clear(&other);
    options.starttls = c->starttls;
    options.ca_file = *c->ca ? in_dir(c->ca) : NULL;
    options.bind_dn = c->password ? DN : NULL;
    options.password = c->password;
    options.password_in_clear = c->in_clear;
    struct ldap_connection *directory = ldap_connection_open(&options, &why);
    ck_assert_msg((directory != NULL) == (c->why == NULL), "%s: %s", c->name, why_text(&why));
    if (c->why) {
        ck_assert_msg(strstr(why, c->why) != NULL, "%s: %s", c->name, why);
    } else {
        expect_identity(directory, c->password ? "dn:" DN : "");
        ck_assert_int_eq(ldap_tls_inplace(ldap_connection_handle(directory)),
                         c->where == TLS ||
                             (c->where == PLAIN && c->starttls != LDAP_STARTTLS_OFF));
    }
    ldap_connection_close(&directory);
    why_free(&why);
}
END_TEST

/* ---- servers that are none ---- */

/* ExtendedResponse of message 1: protocolError, as of a server without STARTTLS. */
static const unsigned char refused[] = {0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07,
                                        0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00};
/* The beginning of a TLS record of 16 KB, and of an LDAP message. */
static const unsigned char record[] = {0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x00, 0x10};
static const unsigned char message[] = {0x30, 0x84, 0x00, 0x00, 0x10, 0x00, 0x02, 0x01, 0x01};

static const struct silence_case {
    const char *name;
    const char *scheme;
    const unsigned char *answer;
    size_t length;
    unsigned pause_ms;
} silences[] = {
    {"silent", "ldap", NULL, 0, 0},
    {"silent, for TLS", "ldaps", NULL, 0, 0},
    {"half a TLS record", "ldaps", record, sizeof record, 0},
    {"half a TLS record, slowly", "ldaps", record, sizeof record, 200},
    {"half an answer", "ldap", message, sizeof message, 0},
    {"half an answer, slowly", "ldap", message, sizeof message, 200},
};

START_TEST(each_silence_ends_in_time)
{
    const struct silence_case *c = &silences[_i];
    struct fake_server server = fake_server_start(c->answer, c->length, c->pause_ms);
    struct deadline patience = deadline_in_ms(10000);
    char uri[64], *why = NULL;
    snprintf(uri, sizeof uri, "%s://127.0.0.1:%d", c->scheme, server.port);
    struct ldap_connection_options options = options_for(uri);
    options.deadline = deadline_in_ms(LIMIT_MS);
    struct ldap_connection *directory = ldap_connection_open(&options, &why);
    long taken = 10000 - deadline_left_ms(&patience);
    ck_assert_msg(directory == NULL, "%s: connected", c->name);
    ck_assert_msg(taken < LIMIT_MS + SLACK_MS, "%s: %ld ms, %s", c->name, taken, why_text(&why));
    ck_assert_msg(taken >= LIMIT_MS - 50, "%s: %ld ms, %s", c->name, taken, why_text(&why));
    ck_assert_ptr_nonnull(why);
    why_free(&why);
    fake_server_stop(&server);
}
END_TEST

START_TEST(without_tls_is_refused_unless_optional)
{
    struct fake_server server = fake_server_start(refused, sizeof refused, 0);
    char uri[64], *why = NULL;
    snprintf(uri, sizeof uri, "ldap://127.0.0.1:%d", server.port);
    struct ldap_connection_options options = options_for(uri);
    struct ldap_connection *directory = ldap_connection_open(&options, &why);
    ck_assert_ptr_null(directory);
    ck_assert_msg(strstr(why, "offers no STARTTLS") != NULL, "%s", why);
    options.starttls = LDAP_STARTTLS_OPTIONAL;
    directory = ldap_connection_open(&options, &why);
    ck_assert_msg(directory != NULL, "%s", why_text(&why));
    ldap_connection_close(&directory);
    options.bind_dn = DN;
    options.password = PASSWORD;
    directory = ldap_connection_open(&options, &why);
    ck_assert_ptr_null(directory);
    ck_assert_msg(strstr(why, "in the clear") != NULL, "%s", why);
    why_free(&why);
    fake_server_stop(&server);
}
END_TEST

START_TEST(nobody_listens)
{
    char uri[64], *why = NULL;
    snprintf(uri, sizeof uri, "ldap://127.0.0.1:%d", slapd_free_port());
    struct ldap_connection_options options = options_for(uri);
    struct ldap_connection *directory = ldap_connection_open(&options, &why);
    ck_assert_ptr_null(directory);
    ck_assert_msg(strstr(why, "no connection: ") == why, "%s", why_text(&why));
    why_free(&why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("LDAP connections");
    TCase *real = tcase_create("slapd");
    TCase *fake = tcase_create("no directory");
    tcase_set_timeout(real, 60);
    tcase_add_unchecked_fixture(real, setup, teardown);
    tcase_add_loop_test(real, each_connection, 0, sizeof connections / sizeof *connections);
    suite_add_tcase(suite, real);
    tcase_set_timeout(fake, 60);
    tcase_add_unchecked_fixture(fake, make_directory, remove_directory);
    tcase_add_loop_test(fake, each_silence_ends_in_time, 0, sizeof silences / sizeof *silences);
    tcase_add_test(fake, without_tls_is_refused_unless_optional);
    tcase_add_test(fake, nobody_listens);
    suite_add_tcase(suite, fake);
    return run_suite(suite);
}
