/* Configuration files: the fixtures good.*.conf are taken, and bad.*.conf are refused with exactly
 * the mistakes that they list in lines "# expect: PLACE: TEXT", where PLACE is a line of the
 * fixture, FILE:LINE beside it, or "-" for none. */
#include "config.h"
#include "settings_table.h"
#include "test_run.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "tests/rules"
#define EXPECT "# expect: "

/* All sentences, one a line, each sorted into place so that two sets compare as texts. */
static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
    char **items;
    size_t count;
};

static void lines_add(struct lines *lines, char *line)
{
    lines->items = reallocarray(lines->items, lines->count + 1, sizeof *lines->items);
    ck_assert_ptr_nonnull(lines->items);
    ck_assert_ptr_nonnull(line);
    lines->items[lines->count++] = line;
}

/* The lines sorted, as one text; the lines are released. */
static char *lines_text(struct lines *lines)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    ck_assert_ptr_nonnull(out);
    if (lines->count > 0)
        qsort(lines->items, lines->count, sizeof *lines->items, compare_lines);
    for (size_t i = 0; i < lines->count; i++) {
        fprintf(out, "%s\n", lines->items[i]);
        free(lines->items[i]);
    }
    free(lines->items);
    fclose(out);
    return text;
}

static char *problems_text(struct problems *problems)
{
    struct lines lines = {0};

    for (size_t i = 0; i < problems->count; i++)
        lines_add(&lines, problem_text(&problems->items[i]));
    problems_clear(problems);
    return lines_text(&lines);
}

static char *read_whole(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t length = 0;

    ck_assert_ptr_nonnull(in);
    ck_assert(getdelim(&text, &length, '\0', in) > 0);
    fclose(in);
    return text;
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, pattern);
    ck_assert_int_ge(vasprintf(&text, pattern, arguments), 0);
    va_end(arguments);
    return text;
}

/* What the fixture at `path` says that it expects. */
static char *expected_text(const char *path)
{
    char *text = read_whole(path);
    struct lines lines = {0};
    char *next = text;
    char *line;

    while ((line = strsep(&next, "\n"))) {
        char *place, *sentence;

        if (strncmp(line, EXPECT, strlen(EXPECT)) != 0)
            continue;
        place = line + strlen(EXPECT);
        sentence = strstr(place, ": ");
        ck_assert_ptr_nonnull(sentence);
        *sentence = '\0';
        sentence += 2;
        if (strcmp(place, "-") == 0)
            lines_add(&lines, format("%s: %s", path, sentence));
        else if (strchr(place, ':'))
            lines_add(&lines, format("%s/%s: %s", FOLDER, place, sentence));
        else
            lines_add(&lines, format("%s:%s: %s", path, place, sentence));
    }
    free(text);
    return lines_text(&lines);
}

static glob_t bad_fixtures, good_fixtures;

START_TEST(bad_fixture)
{
    const char *path = bad_fixtures.gl_pathv[_i];
    struct problems problems = {0};
    struct config *config = config_load(path, &problems);
    char *expected = expected_text(path);
    char *told = problems_text(&problems);

    ck_assert_msg(!config, "%s was taken", path);
    ck_assert_msg(*expected != '\0', "%s expects nothing", path);
    ck_assert_msg(strcmp(told, expected) == 0, "%s\ntold:\n%s\nexpected:\n%s", path, told,
                  expected);
    free(told);
    free(expected);
}
END_TEST

START_TEST(good_fixture)
{
    const char *path = good_fixtures.gl_pathv[_i];
    struct problems problems = {0};
    struct config *config = config_load(path, &problems);
    char *told = problems_text(&problems);

    ck_assert_msg(config != NULL && *told == '\0', "%s: %s", path, told);
    ck_assert_str_eq(config->path, path);
    config_free(&config);
    ck_assert_ptr_null(config);
    config_free(&config);
    free(told);
}
END_TEST

static struct config *load(const char *path)
{
    struct problems problems = {0};
    struct config *config = config_load(path, &problems);
    char *told = problems_text(&problems);

    ck_assert_msg(config != NULL, "%s", told);
    free(told);
    return config;
}

START_TEST(full_lists)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct settings *s = &config->settings;
    static const unsigned char inside[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 9};

    ck_assert_uint_eq(s->managed_domains.count, 3);
    ck_assert_str_eq(s->managed_domains.items[0], "example.com");
    ck_assert_str_eq(s->managed_domains.items[1], ".example.org");
    ck_assert_str_eq(s->managed_domains.items[2], "xn--bcher-kva.example");
    ck_assert_uint_eq(s->socket_count, 3);
    ck_assert_str_eq(s->sockets[0].address, "unix:/run/smimed/inbound.sock");
    ck_assert_int_eq(s->sockets[0].role, ROLE_INBOUND);
    ck_assert_uint_eq(s->sockets[0].mode, 0600);
    ck_assert_str_eq(s->sockets[0].group, "postfix");
    ck_assert_int_eq(s->sockets[1].role, ROLE_SUBMISSION);
    ck_assert_uint_eq(s->sockets[1].mode, 0660);
    ck_assert_ptr_null(s->sockets[1].group);
    ck_assert_int_eq(s->sockets[2].role, ROLE_LOCAL);
    ck_assert(!s->sender_logins_mta);
    ck_assert_uint_eq(s->sender_login_count, 2);
    ck_assert_str_eq(s->sender_logins[0].login, "alice");
    ck_assert(pattern_list_matches(&s->sender_logins[0].addresses, "info@example.com", NULL));
    ck_assert(!pattern_list_matches(&s->sender_logins[0].addresses, "bob@example.com", NULL));
    ck_assert_uint_eq(s->trusted_network_count, 3);
    ck_assert(settings_network_contains(&s->trusted_networks[0], inside));
    ck_assert(!settings_network_contains(&s->trusted_networks[1], inside));
    ck_assert(!settings_network_contains(&s->trusted_networks[2], inside));
    ck_assert(pattern_list_matches(&s->local_senders, "cron@example.com", NULL));
    ck_assert_uint_eq(s->shared_mailbox_count, 1);
    ck_assert_str_eq(s->shared_mailboxes[0].from.text, "info@example.com");
    ck_assert(pattern_list_matches(&s->shared_mailboxes[0].senders, "alice@example.com", NULL));
    ck_assert_uint_eq(config->settings.unsigned_senders.count, 2);
    ck_assert(pattern_list_matches(&config->settings.unsigned_senders, "news@example.com", "+"));
    config_free(&config);
}
END_TEST

START_TEST(full_mail_servers)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct mail_server_setting *reinject = &config->settings.reinject;
    const struct mail_server_setting *server = &config->settings.mail_server;

    ck_assert_str_eq(reinject->address, "unix:/run//reinject.sock");
    ck_assert_str_eq(reinject->unix_path, "/run/reinject.sock");
    ck_assert_int_eq(reinject->tls, MAIL_TLS_NONE);
    ck_assert(!reinject->host && !reinject->user && !reinject->ca_file);
    ck_assert_str_eq(config->settings.reinject_incoming.unix_path, "/run/incoming.sock");
    ck_assert_str_eq(server->host, "relay.xn--bcher-kva.example");
    ck_assert_uint_eq(server->port, 587);
    ck_assert(server->ipv6 && !server->unix_path && server->login_in_clear);
    ck_assert_int_eq(server->tls, MAIL_TLS_OPPORTUNISTIC);
    ck_assert_int_eq(server->verify, MAIL_VERIFY_CHAIN);
    ck_assert_str_eq(server->ca_file, "/srv/smimed/ca.pem");
    ck_assert_str_eq(server->user, "smimed");
    ck_assert_str_eq(server->password_file, "/srv/smimed/relay");
    ck_assert_str_eq(config->settings.helo_name, "gw.example.com");
    ck_assert_int_eq(config->settings.smtp_timeout_s, 17);
    config_free(&config);
}
END_TEST

START_TEST(notices)
{
    struct config *config = load(FOLDER "/good.notices.conf");
    const struct settings *s = &config->settings;
    static const int days[] = {90, 7, 1};

    ck_assert_uint_eq(s->administrators.count, 2);
    ck_assert_str_eq(s->administrators.items[0], "postmaster@example.com");
    ck_assert_str_eq(s->administrators.items[1], "smime@other.test");
    ck_assert_str_eq(s->notice_sender, "smime@example.com");
    ck_assert_uint_eq(s->expiry_notice_count, sizeof days / sizeof days[0]);
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        ck_assert_int_eq(s->expiry_notice_days[i], days[i]);
    ck_assert_int_eq(s->notify_sender, NOTIFY_SENDER_OPTIONAL);
    ck_assert_int_eq(s->notice_interval_s, 0);
    config_free(&config);
}
END_TEST

START_TEST(full_clients)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct settings *s = &config->settings;

    ck_assert_uint_eq(s->client_server_count, 2);
    ck_assert(pattern_list_matches(&s->client_servers[0].addresses, "boss@example.com", NULL));
    ck_assert(!pattern_list_matches(&s->client_servers[0].addresses, "bob@example.com", NULL));
    ck_assert_ptr_null(s->client_servers[0].imap.name);
    ck_assert_str_eq(s->client_servers[0].activesync.name, "eas.example.com");
    ck_assert_int_eq(s->client_servers[0].activesync.port, 8443);
    ck_assert_str_eq(s->client_servers[0].username, "EX\\%u");
    ck_assert_str_eq(s->client_servers[1].imap.name, "imap.example.com");
    ck_assert_int_eq(s->client_servers[1].imap.port, 993);
    ck_assert(!s->client_servers[1].imap.start_tls);
    ck_assert_int_eq(s->client_servers[1].pop3.port, 110);
    ck_assert(s->client_servers[1].pop3.start_tls);
    ck_assert_int_eq(s->client_servers[1].submission.port, 2525);
    ck_assert(s->client_servers[1].submission.start_tls);
    ck_assert_str_eq(s->client_servers[1].username, "%a");
    config_free(&config);
}
END_TEST

/* Strict, where nobody says otherwise and the way leads over a network. */
START_TEST(mail_server_defaults)
{
    static const struct {
        const char *text;
        bool there;
        enum mail_tls tls;
    } cases[] = {
        {"", false, MAIL_TLS_NONE},
        {"mail_server = \"\";", false, MAIL_TLS_NONE},
        {"mail_server = \"unix:/run/x\";", true, MAIL_TLS_NONE},
        {"mail_server = \"inet:25@127.0.0.2\";", true, MAIL_TLS_NONE},
        {"mail_server = \"inet6:25@0::1\";", true, MAIL_TLS_NONE},
        {"mail_server = \"inet:25@Localhost\";", true, MAIL_TLS_NONE},
        {"mail_server = \"inet:25@relay.test\";", true, MAIL_TLS_REQUIRED},
        {"mail_server = { address = \"inet:25@192.0.2.1\"; };", true, MAIL_TLS_REQUIRED},
        {"mail_server = { address = \"inet:25@127.0.0.1\"; };", true, MAIL_TLS_NONE},
        {"mail_server = { address = \"inet:25@relay.test\"; tls = \"none\"; };", true,
         MAIL_TLS_NONE},
    };
    struct problems problems = {0};
    struct config *config;
    char *text = NULL;

    ck_assert_int_gt(
        asprintf(&text, "managed_domains = [ \"example.com\" ];\n%s\n", cases[_i].text), 0);
    config = config_parse("x.conf", text, strlen(text), &problems);
    ck_assert_msg(config != NULL, "%s", problems.count ? problems.items[0].text : "?");
    ck_assert((config->settings.mail_server.address != NULL) == cases[_i].there);
    ck_assert_int_eq(config->settings.mail_server.tls, cases[_i].tls);
    ck_assert_int_eq(config->settings.mail_server.verify, MAIL_VERIFY_FULL);
    ck_assert(!config->settings.mail_server.login_in_clear);
    config_free(&config);
    free(text);
}
END_TEST

START_TEST(full_scalars)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct settings *s = &config->settings;

    ck_assert_str_eq(s->recipient_delimiter, "+-");
    ck_assert_str_eq(s->authserv_id, "mx.example.com");
    ck_assert_str_eq(s->store, "/srv/smimed/store.db");
    ck_assert_str_eq(s->master_secret, "/srv/smimed/master.secret");
    ck_assert_str_eq(s->spool, "/srv/smimed/spool");
    ck_assert_str_eq(s->mozilla_roots, "");
    ck_assert_str_eq(s->user, "");
    ck_assert_str_eq(s->group, "mail");
    ck_assert_str_eq(s->pid_file, "/run/smimed.pid");
    ck_assert_int_eq(s->log, LOG_TARGET_SYSLOG);
    ck_assert_int_eq(s->log_level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(s->unauthorised_sender, UNAUTHORISED_REFUSE);
    ck_assert_str_eq(s->profile, "partner");
    ck_assert_uint_eq(s->weak_algorithms, 1U << WEAK_SHA1 | 1U << WEAK_RC2 | 1U << WEAK_RSA_1024);
    ck_assert(!s->header_protection && !s->restore_headers && s->legacy_display &&
              s->header_confidentiality == HEADER_CONFIDENTIALITY_NONE);
    ck_assert(s->null_sender_exempt && s->harvest == HARVEST_OFF && !s->clear_sign &&
              s->subject_tags);
    ck_assert_str_eq(s->tag_signed, "[signed!]");
    ck_assert_str_eq(s->tag_encrypted, "[\"crypt\"]");
    ck_assert_str_eq(s->tag_invalid, "[ungültig]");
    ck_assert_str_eq(s->tag_unauthenticated, "[unbeglaubigt]");
    ck_assert_int_eq(s->unauthenticated_ciphertext, UNAUTHENTICATED_DEFANG);
    ck_assert(s->remove_signature && s->summary);
    ck_assert_str_eq(s->summary_template, "/srv/smimed/summary.txt");
    ck_assert_int_eq(s->max_message_bytes, 5000000000LL);
    ck_assert_int_eq(s->message_size_limit, 20000000);
    ck_assert_int_eq(s->max_header_bytes, 0x100000);
    ck_assert_int_eq(s->max_recipients, 5);
    ck_assert_int_eq(s->max_parts, 6);
    ck_assert_int_eq(s->max_nesting, 7);
    ck_assert_int_eq(s->max_structure_bytes, 70000);
    ck_assert_int_eq(s->max_signers, 8);
    ck_assert_int_eq(s->max_certificates, 9);
    ck_assert_int_eq(s->max_chain, 11);
    ck_assert_int_eq(s->work_timeout_s, 12);
    ck_assert_int_eq(s->memory_spool_bytes, 0);
    ck_assert_int_eq(s->database_timeout_ms, 13);
    ck_assert_int_eq(s->shutdown_timeout_s, 14);
    ck_assert_int_eq(s->sender_choice, CHOICE_NONE);
    ck_assert_str_eq(s->encrypt_words, "[encrypt] [verschlüsseln]");
    ck_assert_str_eq(s->sign_words, "");
    ck_assert_str_eq(s->plain_words, "[offen]");
    ck_assert(!s->confidential_encrypts && s->unsigned_calendar && s->unsigned_auto_submitted);
    config_free(&config);
}
END_TEST

START_TEST(cmp_of_two_kinds)
{
    struct config *config = load(FOLDER "/good.cmp.conf");
    const struct settings *s = &config->settings;
    const struct cmp_setting *a = &s->cmp[0], *b = &s->cmp[1];

    ck_assert_uint_eq(s->cmp_count, 2);
    ck_assert_str_eq(a->name, "by-secret");
    ck_assert_str_eq(a->secret_file, "/etc/smimed/cmp.secret");
    ck_assert(pattern_list_matches(&a->domains, "alice@example.org", NULL));
    ck_assert(!pattern_list_matches(&a->domains, "alice@example.com", NULL));
    ck_assert_str_eq(a->key, "rsa:3072");
    ck_assert_str_eq(a->ca_file, "");
    ck_assert_str_eq(a->subject, "");
    ck_assert_int_eq(a->request, CMP_REQUEST_IR);
    ck_assert_int_eq(a->update_by, CMP_UPDATE_BY_CREDENTIAL);
    ck_assert(!a->implicit_confirm);
    ck_assert_int_eq(a->renew_before_days, 30);
    ck_assert_int_eq(a->poll_min_s, 60);
    ck_assert_int_eq(a->poll_max_s, 86400);
    ck_assert_int_eq(a->timeout_s, 30);
    ck_assert_int_eq(a->give_up_days, 14);
    ck_assert_str_eq(b->url, "HTTPS://ca.example.net:8443/pkix/?a=b");
    ck_assert_str_eq(b->recipient, "CN=CA,O=Example,C=DE");
    ck_assert_uint_eq(b->domains.count, 0);
    ck_assert_int_eq(b->request, CMP_REQUEST_CR);
    ck_assert_int_eq(b->update_by, CMP_UPDATE_BY_MAILBOX);
    ck_assert(b->implicit_confirm);
    ck_assert_int_eq(b->renew_before_days, 0);
    ck_assert_int_eq(b->give_up_days, 365);
    config_free(&config);
}
END_TEST

START_TEST(full_rules)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct rule_list *rules = &config->rules;

    ck_assert_uint_eq(rules->count, 2);
    ck_assert_str_eq(rules->items[0].note, "Partner: never in the clear");
    ck_assert_str_eq(rules->items[0].file, FOLDER "/good.full.conf");
    ck_assert_uint_eq(rules->items[0].line, 78);
    ck_assert_uint_eq(rules->items[1].line, 83);
    ck_assert_uint_eq(rules->items[0].external_count, 2);
    ck_assert_int_eq(rules->items[0].incoming, INCOMING_DECRYPT_FORCED);
    ck_assert_int_eq(rules->items[1].incoming, INCOMING_UNDEFINED);
    ck_assert_ptr_null(rules->items[1].note);
    ck_assert_int_eq(rules->items[0].choice, CHOICE_UNDEFINED);
    ck_assert_int_eq(rules->items[0].require_tls, TLS_UNDEFINED);
    ck_assert_int_eq(rules->items[1].choice, CHOICE_FREE);
    ck_assert_int_eq(rules->items[1].require_tls, TLS_REQUIRED);
    ck_assert_int_eq(rules_outgoing(rules, "a@example.com", "ceo@other.test", "+", true).mode,
                     OUTGOING_ENCRYPT_FORCED);
    ck_assert_ptr_null(rules->items[0].profile);
    ck_assert_str_eq(rules->items[1].profile, "as ever");
    config_free(&config);
}
END_TEST

/* What a profile does not say is as in `default`. */
START_TEST(full_profiles)
{
    struct config *config = load(FOLDER "/good.full.conf");
    const struct settings *s = &config->settings;
    const struct profile *partner = profile_find(s, "partner");
    char *text = profile_text(partner);
    char *same = profile_text(profile_find(s, "as ever"));
    char *standard = profile_text(profile_find(s, PROFILE_DEFAULT));

    ck_assert_uint_eq(s->profile_count, 2);
    ck_assert_ptr_null(profile_find(s, "nowhere"));
    ck_assert_str_eq(text, "digests sha512, sha256; signatures pss; key_encryption oaep, ecdh; "
                           "ciphers aes-256-gcm, aes-128-cbc; minimum_rsa_bits 3072; "
                           "minimum_ec_bits 384; header_confidentiality none");
    ck_assert_str_eq(same, standard);
    free(text);
    text = profile_text(profile_find(s, "edi-energy"));
    ck_assert_str_eq(text, "digests sha256, sha512; signatures pss; key_encryption oaep; "
                           "ciphers aes-128-gcm; minimum_rsa_bits 2048; minimum_ec_bits 256; "
                           "header_confidentiality none");
    free(text);
    free(same);
    free(standard);
    config_free(&config);
}
END_TEST

/* Wherever the process stands: relative names are seen from the including file's folder. */
START_TEST(included_rules)
{
    char *path = realpath(FOLDER "/good.include.conf", NULL);
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct config *config;
    size_t length;

    ck_assert_ptr_nonnull(path);
    ck_assert_int_ge(here, 0);
    ck_assert_int_eq(chdir("/"), 0);
    config = load(path);
    ck_assert_int_eq(fchdir(here), 0);
    close(here);
    ck_assert_uint_eq(config->rules.count, 2);
    ck_assert_uint_eq(config->rules.items[0].line, 2);
    length = strlen(config->rules.items[0].file);
    ck_assert_str_eq(config->rules.items[0].file + length - strlen("/included/one-rule.inc"),
                     "/included/one-rule.inc");
    ck_assert_uint_eq(config->rules.items[1].line, 6);
    ck_assert_int_eq(config->settings.work_timeout_s, 20);
    config_free(&config);
    free(path);
}
END_TEST

START_TEST(sender_logins_by_mta)
{
    struct config *config = load(FOLDER "/good.sender-logins-mta.conf");

    ck_assert(config->settings.sender_logins_mta);
    ck_assert_uint_eq(config->settings.sender_login_count, 0);
    config_free(&config);
}
END_TEST

START_TEST(traps)
{
    struct config *config = load(FOLDER "/good.traps.conf");

    ck_assert_str_eq(config->settings.tag_signed, "# /* 5000000000");
    ck_assert_str_eq(config->settings.tag_invalid, "a \" b // c");
    ck_assert_str_eq(config->settings.authserv_id, "5000000000");
    ck_assert_int_eq(config->settings.max_chain, 5);
    ck_assert_int_eq(config->settings.max_nesting, 8);
    config_free(&config);
}
END_TEST

/* What the text gives: "" when it is taken. */
static char *told_of(const char *text, size_t length)
{
    struct problems problems = {0};
    struct config *config = config_parse("x.conf", text, length, &problems);
    char *told = problems_text(&problems);

    ck_assert_msg((config != NULL) == (*told == '\0'), "%s", told);
    config_free(&config);
    return told;
}

#define MANAGED "managed_domains = [ \"example.com\" ];\n"

static const struct {
    const char *text;
    size_t length;
    const char *told;
} texts[] = {
#define TEXT(literal) literal, sizeof(literal) - 1
    {TEXT(MANAGED), ""},
    {TEXT(MANAGED "max_chain = 5;\0max_nesting = 0;"), "x.conf:2: a NUL byte; expected text\n"},
    {TEXT(MANAGED "@include \"/etc/passwd\"\n"), "x.conf:2: files cannot be included here\n"},
    {TEXT(MANAGED "store = \"/m\xFCller\";"),
     "x.conf:2: store = \"/m\xFCller\": expected a string of 1 to 1024 bytes: absolute path\n"},
    {TEXT(MANAGED "max_message_bytes = 5000000000L; message_size_limit = 6000000000;"),
     "x.conf:2: message_size_limit = 6000000000: expected an integer between 0 and 68719476736, "
     "with L behind it where it needs more than 32 bits: 6000000000L\n"},
    {TEXT(MANAGED "max_message_bytes = 1e6;"),
     "x.conf:2: max_message_bytes = 1e+06: expected an integer between 65536 and 68719476736\n"},
    {TEXT(MANAGED "max_message_bytes = 2147483648LL;"), ""},
    {TEXT(MANAGED "max_message_bytes = 2147483647;"), ""},
    {TEXT(MANAGED "log = \"x\\n\\x1b[31m\";"),
     "x.conf:2: log = \"x\\x0a\\x1b[31m\": allowed are stderr, syslog\n"},
#undef TEXT
};

START_TEST(text_in_memory)
{
    /* A copy of exactly this size, for AddressSanitizer to see a byte read too many. */
    char *copy = malloc(texts[_i].length);
    char *told;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, texts[_i].text, texts[_i].length);
    told = told_of(copy, texts[_i].length);
    ck_assert_str_eq(told, texts[_i].told);
    free(told);
    free(copy);
}
END_TEST

/* Exactly one mistake, at line 2, that names the setting. */
static void demand_refusal(const char *name, const char *value)
{
    char *text = format(MANAGED "%s = %s;\n", name, value);
    char *told = told_of(text, strlen(text));
    char *start = format("x.conf:2: %s = ", name);

    ck_assert_msg(strncmp(told, start, strlen(start)) == 0, "%s = %s: %s", name, value, told);
    ck_assert_msg(strchr(told, '\n') == told + strlen(told) - 1, "%s = %s: %s", name, value, told);
    free(start);
    free(told);
    free(text);
}

static void demand_acceptance(const char *name, long long value)
{
    char *text = format(MANAGED "%s = %lldL;\n", name, value);
    char *told = told_of(text, strlen(text));

    ck_assert_msg(*told == '\0', "%s", told);
    free(told);
    free(text);
}

/* What was a switch once is understood as such. */
START_TEST(harvest_policies)
{
    static const struct {
        const char *value;
        enum harvest_policy policy;
    } cases[] = {
        {"\"off\"", HARVEST_OFF},         {"\"anchored\"", HARVEST_ANCHORED},
        {"\"approve\"", HARVEST_APPROVE}, {"false", HARVEST_OFF},
        {"true", HARVEST_ANCHORED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problems problems = {0};
        char *text = format(MANAGED "harvest = %s;\n", cases[i].value);
        struct config *config = config_parse("x.conf", text, strlen(text), &problems);
        ck_assert_msg(config != NULL, "%s", text);
        ck_assert_int_eq(config->settings.harvest, cases[i].policy);
        config_free(&config);
        problems_clear(&problems);
        free(text);
    }
}
END_TEST

/* Every setting of the table refuses what is not of its type, and what is out of its bounds. */
START_TEST(each_setting)
{
    const struct setting_entry *entry = &settings_table[_i];
    char number[32];

    if (strcmp(entry->name, "managed_domains") == 0)
        return; /* has fixtures of its own */
    /* A mail server is a text or a group, and has fixtures for what is wrong with these. */
    bool server = entry->type == SETTING_LIST && strstr(entry->allowed, "or a group: address");
    if (!server)
        demand_refusal(entry->name, "{ a = 1; }");
    demand_refusal(entry->name, "1.5");
    if (entry->type != SETTING_BOOL && !entry->was_switch)
        demand_refusal(entry->name, "true");
    if (entry->type != SETTING_INT && entry->type != SETTING_INT64)
        demand_refusal(entry->name, "1");
    if (entry->type != SETTING_STRING && !server)
        demand_refusal(entry->name, "\"25\"");
    else if (!server)
        demand_refusal(entry->name, "\"\\x01\"");
    if (entry->type != SETTING_LIST)
        demand_refusal(entry->name, "( \"*\" )");
    if (entry->type != SETTING_INT && entry->type != SETTING_INT64)
        return;
    snprintf(number, sizeof number, "%lldL", entry->minimum - 1);
    demand_refusal(entry->name, number);
    snprintf(number, sizeof number, "%lldL", entry->maximum + 1);
    demand_refusal(entry->name, number);
    demand_acceptance(entry->name, entry->minimum);
    demand_acceptance(entry->name, entry->maximum);
}
END_TEST

START_TEST(long_value_is_shortened)
{
    char *value = malloc(100000);
    char *text, *told;

    ck_assert_ptr_nonnull(value);
    memset(value, 'x', 99999);
    value[99999] = '\0';
    text = format(MANAGED "log = \"%s\";\n", value);
    told = told_of(text, strlen(text));
    ck_assert_uint_lt(strlen(told), 300);
    ck_assert_ptr_nonnull(strstr(told, "xxx...\": allowed are stderr, syslog"));
    free(told);
    free(text);
    free(value);
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fputs(text, out), 0);
    ck_assert_int_eq(fclose(out), 0);
}

/* Files that are no files, and names from the root. */
START_TEST(odd_files)
{
    char folder[] = "/tmp/smimed-test-config-XXXXXX";
    struct problems problems = {0};
    struct config *config;
    char *main_path, *part_path, *fifo_path, *text, *told;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    main_path = format("%s/main.conf", folder);
    part_path = format("%s/part.inc", folder);
    fifo_path = format("%s/fifo", folder);
    ck_assert_int_eq(mkfifo(fifo_path, 0600), 0);
    write_file(part_path, "max_chain = 7");
    text = format(MANAGED "@include \"%s\" ; max_nesting = 3;\n", part_path);
    write_file(main_path, text);
    config = load(main_path);
    ck_assert_int_eq(config->settings.max_chain, 7);
    ck_assert_int_eq(config->settings.max_nesting, 3);
    config_free(&config);

    ck_assert_ptr_null(config_load(folder, &problems));
    ck_assert_ptr_null(config_load(fifo_path, &problems));
    ck_assert_uint_eq(problems.count, 2);
    told = problems_text(&problems);
    ck_assert_ptr_nonnull(strstr(told, "is not a file"));
    unlink(part_path);
    unlink(main_path);
    unlink(fifo_path);
    ck_assert_int_eq(rmdir(folder), 0);
    free(told);
    free(text);
    free(main_path);
    free(part_path);
    free(fifo_path);
}
END_TEST

/* Mistakes that somebody else told before stay, and do not spoil a good configuration. */
START_TEST(earlier_problems_stay)
{
    struct problems problems = {0};
    struct config *config;

    problems_add(&problems, NULL, 0, "earlier");
    config = config_parse("x.conf", MANAGED, strlen(MANAGED), &problems);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_null(config_parse("x.conf", "", 0, &problems));
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_str_eq(problems.items[0].text, "earlier");
    config_free(&config);
    problems_clear(&problems);
    ck_assert_uint_eq(problems.count, 0);
}
END_TEST

static Suite *config_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");

    tcase_add_loop_test(tc, bad_fixture, 0, (int)bad_fixtures.gl_pathc);
    tcase_add_loop_test(tc, good_fixture, 0, (int)good_fixtures.gl_pathc);
    tcase_add_test(tc, cmp_of_two_kinds);
    tcase_add_test(tc, full_lists);
    tcase_add_test(tc, full_mail_servers);
    tcase_add_loop_test(tc, mail_server_defaults, 0, 10);
    tcase_add_test(tc, notices);
    tcase_add_test(tc, full_clients);
    tcase_add_test(tc, full_scalars);
    tcase_add_test(tc, full_rules);
    tcase_add_test(tc, full_profiles);
    tcase_add_test(tc, included_rules);
    tcase_add_test(tc, sender_logins_by_mta);
    tcase_add_test(tc, traps);
    tcase_add_loop_test(tc, text_in_memory, 0, (int)(sizeof texts / sizeof texts[0]));
    tcase_add_test(tc, harvest_policies);
    tcase_add_loop_test(tc, each_setting, 0, (int)settings_table_count);
    tcase_add_test(tc, long_value_is_shortened);
    tcase_add_test(tc, odd_files);
    tcase_add_test(tc, earlier_problems_stay);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    int status;

    if (glob(FOLDER "/bad.*.conf", 0, NULL, &bad_fixtures) != 0 ||
        glob(FOLDER "/good.*.conf", 0, NULL, &good_fixtures) != 0) {
        fprintf(stderr, "no fixtures in " FOLDER ": run this from the root of the sources\n");
        return EXIT_FAILURE;
    }
    status = test_run(config_suite());
    globfree(&bad_fixtures);
    globfree(&good_fixtures);
    return status;
}
