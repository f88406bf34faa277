/* Settings: defaults, the dump of them, and networks. */
#include "config.h"
#include "network.h"
#include "why.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void demand_defaults(const struct settings *s)
{
    ck_assert_str_eq(s->recipient_delimiter, "+");
    ck_assert_str_eq(s->store, "/var/lib/smimed/store.db");
    ck_assert_str_eq(s->master_secret, "/etc/smimed/master.secret");
    ck_assert_str_eq(s->spool, "/var/spool/smimed");
    ck_assert_str_eq(s->mozilla_roots, "libnssckbi.so");
    ck_assert_str_eq(s->user, "smimed");
    ck_assert_str_eq(s->group, "");
    ck_assert_str_eq(s->pid_file, "");
    ck_assert_int_eq(s->log, LOG_TARGET_STDERR);
    ck_assert_int_eq(s->log_level, LOG_LEVEL_INFO);
    ck_assert(!s->sender_logins_mta);
    ck_assert_uint_eq(s->socket_count + s->sender_login_count + s->trusted_network_count +
                          s->local_senders.count + s->shared_mailbox_count,
                      0);
    ck_assert_int_eq(s->unauthorised_sender, UNAUTHORISED_UNSIGNED);
    ck_assert_str_eq(s->profile, "default");
    ck_assert_uint_eq(s->profile_count, 0);
    ck_assert_uint_eq(s->weak_algorithms, 0);
    ck_assert(s->header_protection && s->restore_headers && !s->legacy_display &&
              s->header_confidentiality == HEADER_CONFIDENTIALITY_BASELINE);
    ck_assert(!s->reinject.address && !s->mail_server.address);
    ck_assert_int_eq(s->smtp_timeout_s, 30);
    ck_assert_uint_eq(s->administrators.count, 0);
    ck_assert_str_eq(s->notice_sender, "");
    ck_assert_int_eq(s->notice_interval_s, 3600);
    ck_assert_uint_eq(s->expiry_notice_count, 4);
    ck_assert_int_eq(s->expiry_notice_days[0], 30);
    ck_assert_int_eq(s->expiry_notice_days[3], 1);
    ck_assert_int_eq(s->notify_sender, NOTIFY_SENDER_ASKED);
    ck_assert(!s->null_sender_exempt && s->harvest == HARVEST_ANCHORED && s->clear_sign &&
              !s->subject_tags);
    ck_assert_str_eq(s->tag_signed, "[signed]");
    ck_assert_str_eq(s->tag_encrypted, "[encrypted]");
    ck_assert_str_eq(s->tag_invalid, "[signature invalid]");
    ck_assert_str_eq(s->tag_unauthenticated, "[unauthenticated]");
    ck_assert_int_eq(s->unauthenticated_ciphertext, UNAUTHENTICATED_TAG);
    ck_assert(!s->remove_signature && !s->summary);
    ck_assert_str_eq(s->summary_template, "");
    ck_assert_int_eq(s->revocation, REVOCATION_SOFT);
    ck_assert_int_eq(s->revocation_timeout_ms, 5000);
    ck_assert_uint_eq(s->revocation_network_count, 0);
    ck_assert_int_eq(s->revocation_retry_s, 300);
    ck_assert_int_eq(s->revocation_max_age_s, 86400);
    ck_assert_int_eq(s->max_crl_bytes, 10 * 1024 * 1024);
    ck_assert_str_eq(s->http_proxy, "");
    ck_assert_int_eq(s->max_message_bytes, 150LL * 1024 * 1024);
    ck_assert_int_eq(s->message_size_limit, 0);
    ck_assert_int_eq(s->max_header_bytes, 1024 * 1024);
    ck_assert_int_eq(s->max_header_fields, 2000);
    ck_assert_int_eq(s->max_recipients, 1000);
    ck_assert_int_eq(s->max_parts, 10000);
    ck_assert_int_eq(s->max_nesting, 8);
    ck_assert_int_eq(s->max_structure_bytes, 4 * 1024 * 1024);
    ck_assert_int_eq(s->max_signers, 16);
    ck_assert_int_eq(s->max_certificates, 64);
    ck_assert_int_eq(s->max_chain, 10);
    ck_assert_int_eq(s->work_timeout_s, 45);
    ck_assert_int_eq(s->memory_spool_bytes, 256 * 1024);
    ck_assert_int_eq(s->database_timeout_ms, 5000);
    ck_assert_int_eq(s->shutdown_timeout_s, 60);
}

START_TEST(defaults)
{
    struct settings settings;
    char host[256] = "";

    ck_assert_int_eq(settings_init(&settings, NULL), 0);
    demand_defaults(&settings);
    ck_assert_int_eq(gethostname(host, sizeof host - 1), 0);
    ck_assert_str_eq(settings.authserv_id, host);
    ck_assert_str_eq(settings.helo_name, host);
    ck_assert_uint_eq(settings.managed_domains.count, 0);
    settings_clear(&settings);
    ck_assert_ptr_null(settings.store);
}
END_TEST

static char *dump(size_t *length_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length_out);

    ck_assert_ptr_nonnull(out);
    settings_print_defaults(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* Each name begins a line, as a setting or as one commented out, and has documentation above. */
START_TEST(dump_names_all)
{
    size_t length;
    char *text = dump(&length);
    size_t i = 0;

    for (; settings_name(i); i++) {
        char *active = NULL, *comment = NULL;
        const char *at;

        ck_assert_int_gt(asprintf(&active, "\n%s = ", settings_name(i)), 0);
        ck_assert_int_gt(asprintf(&comment, "\n# %s = ", settings_name(i)), 0);
        at = strstr(text, active);
        if (!at)
            at = strstr(text, comment);
        ck_assert_msg(at != NULL, "the dump lacks %s", settings_name(i));
        while (at[-1] != '\n')
            at--;
        ck_assert_msg(strncmp(at, "# ", 2) == 0, "%s is not documented", settings_name(i));
        free(active);
        free(comment);
    }
    ck_assert_uint_ge(i, 40);
    ck_assert_ptr_null(settings_name(i + 1));
    free(text);
}
END_TEST

START_TEST(dump_is_a_configuration)
{
    struct problems problems = {0};
    size_t length;
    char *text = dump(&length);
    struct config *config = config_parse("defaults", text, length, &problems);

    ck_assert_msg(config != NULL, "%s", problems.count ? problems.items[0].text : "?");
    demand_defaults(&config->settings);
    ck_assert_uint_eq(config->settings.managed_domains.count, 1);
    ck_assert_uint_eq(config->rules.count, 0);
    config_free(&config);
    free(text);
}
END_TEST

/* The examples that are commented out have to be good ones. */
START_TEST(dump_examples_work)
{
    struct problems problems = {0};
    struct config *config;
    size_t length;
    char *text = dump(&length);

    for (size_t i = 0; settings_name(i); i++) {
        char *comment = NULL;
        char *at;

        ck_assert_int_gt(asprintf(&comment, "\n# %s = ", settings_name(i)), 0);
        at = strstr(text, comment);
        if (at)
            at[1] = ' ';
        free(comment);
    }
    config = config_parse("examples", text, length, &problems);
    ck_assert_msg(config != NULL, "%u: %s", problems.count ? problems.items[0].line : 0,
                  problems.count ? problems.items[0].text : "?");
    ck_assert_str_eq(config->settings.authserv_id, "mail.example.com");
    ck_assert_uint_eq(config->settings.socket_count, 1);
    ck_assert_uint_eq(config->settings.sender_login_count, 1);
    ck_assert_uint_eq(config->settings.trusted_network_count, 1);
    ck_assert_uint_eq(config->settings.local_senders.count, 1);
    ck_assert_uint_eq(config->settings.shared_mailbox_count, 1);
    ck_assert_uint_eq(config->rules.count, 1);
    config_free(&config);
    free(text);
}
END_TEST

static const struct {
    const char *network, *address;
    bool contains;
} networks[] = {
    {"192.0.2.0/24", "::ffff:192.0.2.255", true},
    {"192.0.2.0/24", "::ffff:192.0.3.0", false},
    {"192.0.2.0/24", "192.0.2.0", false}, /* ::192.0.2.0 is another address; see below */
    {"192.0.2.128/25", "::ffff:192.0.2.128", true},
    {"192.0.2.128/25", "::ffff:192.0.2.127", false},
    {"192.0.2.7", "::ffff:192.0.2.7", true},
    {"192.0.2.7", "::ffff:192.0.2.6", false},
    {"192.0.2.6/31", "::ffff:192.0.2.7", true},
    {"0.0.0.0/0", "::ffff:203.0.113.1", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"2001:db8::/33", "2001:db8:7fff::", true},
    {"2001:db8::/33", "2001:db8:8000::", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "::ffff:192.0.2.1", false},
    {"::ffff:192.0.2.0/120", "::ffff:192.0.2.1", true},
};

START_TEST(network_contains)
{
    struct network_setting network = {.prefix_bits = 0};
    unsigned char ip[16] = {0};
    char *why = NULL;

    ck_assert_msg(network_parse(networks[_i].network, &network, &why) == 0, "%s", why_text(&why));
    if (inet_pton(AF_INET6, networks[_i].address, ip) != 1)
        ck_assert_int_eq(inet_pton(AF_INET, networks[_i].address, ip + 12), 1);
    ck_assert_msg(settings_network_contains(&network, ip) == networks[_i].contains, "%s in %s",
                  networks[_i].address, networks[_i].network);
}
END_TEST

static const char *const not_networks[] = {
    "",
    "/",
    "/24",
    "192.0.2",
    "192.0.2.0/",
    "192.0.2.0/-1",
    "192.0.2.0/33",
    "192.0.2.0/24 ",
    "192.0.2.0/0x18",
    "192.0.2.0/1000",
    "192.0.2.1/24",
    "0.0.0.1/0",
    "[2001:db8::]/32",
    "2001:db8::/129",
    "2001:db8::1/127",
    "*",
    "localhost",
    "192.0.2.0/24/24",
};

START_TEST(not_a_network)
{
    struct network_setting network;
    char *why = NULL;

    ck_assert_msg(network_parse(not_networks[_i], &network, &why) == -1, "accepted: %s",
                  not_networks[_i]);
    ck_assert_ptr_nonnull(why);
    why_free(&why);
}
END_TEST

START_TEST(role_names)
{
    ck_assert_str_eq(role_name(ROLE_INBOUND), "inbound");
    ck_assert_str_eq(role_name(ROLE_SUBMISSION), "submission");
    ck_assert_str_eq(role_name(ROLE_LOCAL), "local");
    ck_assert_str_eq(role_name((enum role)3), "unknown");
}
END_TEST

static Suite *settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *tc = tcase_create("settings");

    tcase_add_test(tc, defaults);
    tcase_add_test(tc, dump_names_all);
    tcase_add_test(tc, dump_is_a_configuration);
    tcase_add_test(tc, dump_examples_work);
    tcase_add_loop_test(tc, network_contains, 0, (int)COUNT(networks));
    tcase_add_loop_test(tc, not_a_network, 0, (int)COUNT(not_networks));
    tcase_add_test(tc, role_names);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(settings_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
