/* smimectl setup: real Postfix configurations, good ones and each way to be wrong, read and changed
 * by the real postconf; the lines for Sendmail. */
#include <dirent.h>
#include <sys/time.h>

#include "smimectl_run.h"

#define SOCKETS                                                                                    \
    "sockets = ( { role = \"inbound\"; address = "                                                 \
    "\"unix:@Q@/smimed/inbound.sock\"; "                                                           \
    "},"                                                                                           \
    " { role = \"submission\"; address = \"unix:@Q@/smimed/submission.sock\"; },"                  \
    " { role = \"local\"; address = \"inet:10025@localhost\"; } );\n"
#define SIZE "message_size_limit = 104857600L;\n"

#define MAIN                                                                                       \
    "compatibility_level = 3.6\n"                                                                  \
    "queue_directory = @Q@\n"                                                                      \
    "data_directory = @Q@/data\n"                                                                  \
    "milter_default_action = tempfail\n"                                                           \
    "smtpd_milters = inet:localhost:8891 unix:smimed/inbound.sock unix:spamass/spamass.sock\n"     \
    "non_smtpd_milters = inet:127.0.0.1:10025 inet:localhost:8891\n"                               \
    "message_size_limit = 104857600\n"                                                             \
    "mailbox_size_limit = 0\n"                                                                     \
    "virtual_mailbox_limit = 0\n"                                                                  \
    "virtual_alias_maps =\n"
#define SMTP "smtp inet n - y - - smtpd\n"
#define SUBMISSION(milters)                                                                        \
    "submission inet n - y - - smtpd\n"                                                            \
    "  -o smtpd_sasl_auth_enable=yes\n"                                                            \
    "  -o message_size_limit=55000000\n"                                                           \
    "  -o smtpd_milters=" milters "\n"
#define LOGGED_IN "  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n"
#define MASTER SMTP SUBMISSION("unix:smimed/submission.sock,inet:localhost:8891") LOGGED_IN
#define REJECT_MISMATCH "  -o smtpd_sender_restrictions=reject_sender_login_mismatch\n"
#define MAPS "smtpd_sender_login_maps = texthash:/etc/postfix/senders\n"
#define MTA "sender_logins = \"mta\";\n"

#define MAX_FINDINGS 6

#define REINJECT                                                                                   \
    "reinject = \"unix:@Q@/public/smimed-reinject\";\n"                                            \
    "reinject_incoming = \"unix:@Q@/public/smimed-incoming\";\n"
#define OUTGOING(milters)                                                                          \
    "smimed-reinject unix n - n - - smtpd -o cleanup_service_name=own -o smtpd_milters=" milters   \
    "\n"
#define INCOMING(milters)                                                                          \
    "smimed-incoming unix n - n - - smtpd -o cleanup_service_name=own -o smtpd_milters=" milters   \
    "\n"
#define COPIES(milters) OUTGOING(milters) INCOMING("unix:spamass/spamass.sock")
#define ELSEWHERE "reinject_incoming = \"inet:25@192.0.2.1\";\n"
#define ONE "reinject = \"unix:@Q@/public/smimed-reinject\";\n"

static const struct setup_case {
    const char *name;
    const char *config;                 /* further lines of smimed.conf */
    const char *main;                   /* further lines of main.cf, which win */
    const char *master;                 /* NULL: MASTER */
    const char *copies;                 /* NULL: COPIES("inet:localhost:8891") */
    const char *findings[MAX_FINDINGS]; /* "kind about", with "?" before advice */
    const char *changes[MAX_FINDINGS];  /* "service parameter=value", "-": main.cf */
} setup_cases[] = {
    {.name = "a good one"},
    {.name = "absolute paths, not chrooted",
     .main = "smtpd_milters = unix:@Q@//smimed/./inbound.sock\n",
     .master = "smtp inet n - n - - smtpd\n" SUBMISSION("unix:smimed/submission.sock") LOGGED_IN},
    {.name = "the default action",
     .main = "milter_default_action = accept\n",
     .findings = {"default-action milter_default_action"},
     .changes = {"- milter_default_action=tempfail"}},
    {.name = "the default action of one listener",
     .master = MASTER "  -o milter_default_action=accept\n",
     .findings = {"default-action submission/inet"},
     .changes = {"submission/inet milter_default_action=tempfail"}},
    {.name = "the default action of the milter itself",
     .main = "smtpd_milters = { unix:smimed/inbound.sock, default_action=accept }\n",
     .findings = {"default-action smtp/inet"},
     .changes = {"- smtpd_milters=unix:smimed/inbound.sock"}},
    {.name = "an old protocol",
     .main = "milter_protocol = 4\n",
     .findings = {"protocol milter_protocol"},
     .changes = {"- milter_protocol=6"}},
    {.name = "too little time",
     .main = "milter_content_timeout = 50s\n",
     .findings = {"timeout milter_content_timeout"},
     .changes = {"- milter_content_timeout=300s"}},
    {.name = "time enough", .main = "milter_content_timeout = 1m\n"},
    {.name = "a login for everybody",
     .main = "milter_macro_defaults = auth_type=x, {auth_authen}=boss\n",
     .findings = {"macro milter_macro_defaults"}},
    {.name = "strangers without smimed",
     .main = "smtpd_milters = inet:localhost:8891 unix:spamass/spamass.sock\n",
     .findings = {"no-socket smtp/inet"},
     .changes = {"- smtpd_milters=inet:localhost:8891 unix:smimed/inbound.sock "
                 "unix:spamass/spamass.sock"}},
    {.name = "users without smimed",
     .master = SMTP SUBMISSION("inet:localhost:8891") LOGGED_IN,
     .findings = {"no-socket submission/inet"},
     .changes = {"submission/inet smtpd_milters=unix:smimed/submission.sock,inet:localhost:8891"}},
    {.name = "users with main.cf's milters",
     .master = SMTP "smtps inet n - y - - smtpd\n  -o message_size_limit=55000000\n" LOGGED_IN,
     .findings = {"role smtps/inet"},
     .changes = {"smtps/inet smtpd_milters=unix:smimed/submission.sock,inet:localhost:8891,unix:"
                 "spamass/spamass.sock"}},
    {.name = "strangers at the socket for users",
     .main = "smtpd_milters = unix:smimed/submission.sock\n",
     .findings = {"role smtp/inet"},
     .changes = {"- smtpd_milters=unix:smimed/inbound.sock"}},
    {.name = "programs at the socket for users",
     .main = "non_smtpd_milters = unix:smimed/submission.sock\n",
     .findings = {"role non_smtpd_milters"},
     .changes = {"- non_smtpd_milters=inet:127.0.0.1:10025"}},
    {.name = "smimed before DKIM, strangers",
     .main = "smtpd_milters = unix:smimed/inbound.sock inet:localhost:8891\n",
     .findings = {"order smtp/inet"},
     .changes = {"- smtpd_milters=inet:localhost:8891 unix:smimed/inbound.sock"}},
    {.name = "smimed behind the scanner, strangers",
     .main = "smtpd_milters = unix:/clamav/clamav-milter.ctl, unix:smimed/inbound.sock\n",
     .findings = {"order smtp/inet", "copies smimed-incoming/unix"},
     .changes = {"- smtpd_milters=unix:smimed/inbound.sock unix:/clamav/clamav-milter.ctl",
                 "smimed-incoming/unix smtpd_milters=unix:/clamav/clamav-milter.ctl"}},
    {.name = "smimed behind the DKIM signer, users",
     .master = SMTP SUBMISSION("{inet:localhost:8891,connect_timeout=5s},unix:smimed/"
                               "submission.sock") LOGGED_IN,
     .findings = {"order submission/inet"},
     .changes = {"submission/inet smtpd_milters=unix:smimed/submission.sock,{inet:localhost:8891,"
                 "connect_timeout=5s}"}},
    {.name = "Rspamd does both",
     .main = "smtpd_milters = inet:localhost:11332 unix:smimed/inbound.sock\n",
     .findings = {"?sees-ciphertext smtp/inet"}},
    {.name = "asked twice",
     .main = "smtpd_milters = unix:smimed/inbound.sock unix:smimed/inbound.sock\n",
     .findings = {"twice smtp/inet"},
     .changes = {"- smtpd_milters=unix:smimed/inbound.sock"}},
    {.name = "out of the jail",
     .config = "sockets = ( { role = \"inbound\"; address = \"unix:/run/smimed/in.sock\"; } );\n",
     .main = "smtpd_milters = inet:localhost:8891 unix:/run/smimed/in.sock\n",
     .master = "smtpd pass - - y - - smtpd\n",
     .findings = {"out-of-jail smtpd/pass", "?no-socket non_smtpd_milters"}},
    {.name = "a path from outside of the jail",
     .main = "smtpd_milters = unix:@Q@/smimed/inbound.sock\n",
     .findings = {"out-of-jail smtp/inet"},
     .changes = {"- smtpd_milters=unix:smimed/inbound.sock"}},
    {.name = "a path as seen from the jail", .main = "smtpd_milters = unix:/smimed/inbound.sock\n"},
    {.name = "sockets that Postfix may not use",
     .config = "sockets = ( { role = \"inbound\"; group = \"nogroup\"; "
               "address = \"unix:@Q@/smimed/inbound.sock\"; },"
               " { role = \"submission\"; group = \"postfix\"; "
               "address = \"unix:@Q@/smimed/submission.sock\"; },"
               " { role = \"local\"; group = \"nogroup\"; mode = \"0666\"; "
               "address = \"unix:@Q@/smimed/local.sock\"; } );\n",
     .main = "non_smtpd_milters = unix:smimed/local.sock\n",
     .findings = {"access unix:@Q@/smimed/inbound.sock"}},
    {.name = "nobody takes copies, and none are made",
     .config = SOCKETS "# no reinject\n",
     .copies = "",
     .findings = {"?copies reinject"}},
    {.name = "nobody takes copies, and nothing is split",
     .config = SOCKETS "# no reinject\nsplit = false;\n",
     .copies = ""},
    {.name = "nobody takes copies",
     .copies = "",
     .findings = {"copies unix:@Q@/public/smimed-reinject",
                  "copies unix:@Q@/public/smimed-incoming"},
     .changes = {"smimed-cleanup/unix new cleanup", "smimed-reinject/unix new smtpd",
                 "smimed-incoming/unix new smtpd"}},
    {.name = "nobody takes copies of incoming messages",
     .copies = OUTGOING("inet:localhost:8891"),
     .findings = {"copies unix:@Q@/public/smimed-incoming"},
     .changes = {"smimed-cleanup/unix new cleanup", "smimed-incoming/unix new smtpd"}},
    {.name = "one listener, which does not scan and verifies",
     .config = SOCKETS ONE,
     .copies = OUTGOING("inet:localhost:8891"),
     .findings = {"copies smimed-reinject/unix", "?copies smimed-reinject/unix"}},
    {.name = "one listener, by two names",
     .config = SOCKETS ONE "reinject_incoming = \"unix:@Q@/public/smimed-reinject\";\n",
     .copies = OUTGOING("inet:localhost:8891"),
     .findings = {"copies smimed-reinject/unix", "?copies smimed-reinject/unix"}},
    {.name = "one listener, which scans and whose signer does not verify",
     .config = SOCKETS ONE,
     .master = SMTP SUBMISSION("unix:smimed/submission.sock,unix:dkim/signer.sock") LOGGED_IN,
     .copies = OUTGOING("unix:dkim/signer.sock,unix:spamass/spamass.sock")},
    {.name = "one listener, and nothing beside smimed",
     .config = SOCKETS ONE,
     .main = "smtpd_milters = unix:smimed/inbound.sock\n",
     .master = SMTP SUBMISSION("unix:smimed/submission.sock") LOGGED_IN,
     .copies = OUTGOING("")},
    {.name = "copies of incoming messages that smimed sees again",
     .copies = OUTGOING("inet:localhost:8891") INCOMING("unix:smimed/inbound.sock,"
                                                        "unix:spamass/spamass.sock"),
     .findings = {"twice smimed-incoming/unix"},
     .changes = {"smimed-incoming/unix smtpd_milters=unix:spamass/spamass.sock"}},
    {.name = "copies of incoming messages that nobody scans",
     .copies = OUTGOING("inet:localhost:8891") INCOMING(""),
     .findings = {"copies smimed-incoming/unix"},
     .changes = {"smimed-incoming/unix smtpd_milters=unix:spamass/spamass.sock"}},
    {.name = "copies where Postfix makes no sockets",
     .config = SOCKETS "reinject = \"unix:/run/smimed/reinject\";\n",
     .copies = "",
     .findings = {"copies unix:/run/smimed/reinject"}},
    {.name = "copies to another machine",
     .config = SOCKETS "reinject = \"inet:25@192.0.2.1\";\n",
     .copies = ""},
    {.name = "copies that nobody signs",
     .copies = COPIES(""),
     .findings = {"copies smimed-reinject/unix"},
     .changes = {"smimed-reinject/unix smtpd_milters=inet:localhost:8891"}},
    {.name = "copies that smimed sees again",
     .copies = COPIES("unix:smimed/submission.sock,inet:localhost:8891"),
     .findings = {"twice smimed-reinject/unix"},
     .changes = {"smimed-reinject/unix smtpd_milters=inet:localhost:8891"}},
    {.name = "copies by TCP, from everybody on this machine",
     .config = SOCKETS "reinject = \"inet:10027@127.0.0.1\";\n" ELSEWHERE,
     .copies = "127.0.0.1:10027 inet n - n - - smtpd -o smtpd_milters=inet:localhost:8891\n",
     .findings = {"open-bypass 127.0.0.1:10027/inet"}},
    {.name = "copies by TCP with a login",
     .config =
         SOCKETS "reinject = { address = \"inet:10027@127.0.0.1\"; user = \"smimed\"; "
                 "password_file = \"/etc/smimed/password\"; login_in_clear = true; };\n" ELSEWHERE,
     .copies = "127.0.0.1:10027 inet n - n - - smtpd -o smtpd_milters=inet:localhost:8891 "
               "-o smtpd_sasl_auth_enable=yes "
               "-o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n"},
    {.name = "copies whose aliases are not expanded",
     .config = SOCKETS ONE ELSEWHERE,
     .main = "virtual_alias_maps = texthash:/y\nalways_bcc = a@example.com\n",
     .copies = "smimed-reinject unix n - n - - smtpd -o smtpd_milters=inet:localhost:8891 "
               "-o receive_override_options=no_address_mappings\n",
     .findings = {"copies smimed-reinject/unix", "?copies always_bcc",
                  "?aliases virtual_alias_maps"}},
    {.name = "copies that are copied again",
     .config = SOCKETS ONE ELSEWHERE,
     .main = "always_bcc = a@example.com\n",
     .copies = "smimed-reinject unix n - n - - smtpd -o smtpd_milters=inet:localhost:8891\n",
     .findings = {"?copies smimed-reinject/unix", "?copies always_bcc"}},
    {.name = "no listener for users", .master = SMTP, .findings = {"no-listener submission/inet"}},
    {.name = "the MTA shall vouch and has no map",
     .config = SOCKETS MTA,
     .findings = {"sender-logins submission/inet"}},
    {.name = "the MTA shall vouch and has a map only",
     .config = SOCKETS MTA,
     .main = MAPS,
     .findings = {"sender-logins submission/inet"}},
    {.name = "the MTA shall vouch and does",
     .config = SOCKETS MTA,
     .main = MAPS,
     .master = MASTER REJECT_MISMATCH},
    {.name = "the MTA shall vouch, by another restriction",
     .config = SOCKETS MTA,
     .main = MAPS,
     .master = MASTER
     "  -o smtpd_sender_restrictions=reject_authenticated_sender_login_mismatch,permit\n"},
    {.name = "the MTA shall vouch and does not for those without a login",
     .config = SOCKETS MTA,
     .main = MAPS,
     .master = SMTP SUBMISSION(
         "unix:smimed/submission.sock") "  -o "
                                        "smtpd_relay_restrictions=permit_mynetworks,permit_sasl_"
                                        "authenticated,reject\n"
                                        "  -o "
                                        "smtpd_sender_restrictions=reject_authenticated_sender_"
                                        "login_mismatch\n",
     .findings = {"sender-logins submission/inet"}},
    {.name = "the MTA shall vouch, behind something that permits",
     .config = SOCKETS MTA,
     .main = MAPS,
     .master = MASTER "  -o smtpd_sender_restrictions=permit_sasl_authenticated,"
                      "reject_sender_login_mismatch\n",
     .findings = {"sender-logins submission/inet"}},
    {.name = "the MTA could vouch",
     .main = MAPS,
     .master = MASTER REJECT_MISMATCH,
     .findings = {"?sender-logins submission/inet"}},
    {.name = "a login for strangers",
     .master = MASTER "8025 inet n - y - - smtpd\n",
     .main = "smtpd_sasl_auth_enable = yes\n",
     .findings = {"?login smtp/inet", "?login 8025/inet"}},
    {.name = "milters switched off",
     .main = "receive_override_options = no_milters, no_unknown_recipient_checks\n",
     .findings = {"no-milters smtp/inet", "no-milters submission/inet",
                  "no-milters receive_override_options"}},
    {.name = "a filter before the queue",
     .main = "smtpd_proxy_filter = 127.0.0.1:10024\n",
     .findings = {"proxy-filter smtp/inet", "proxy-filter submission/inet"}},
    {.name = "milters by client",
     .main = "smtpd_milter_maps = texthash:/etc/postfix/milters\n",
     .findings = {"?milter-maps smtp/inet", "?milter-maps submission/inet"}},
    {.name = "a content filter that hands back as it should",
     .main = "content_filter = smtp:[127.0.0.1]:10025\n",
     .master = MASTER "127.0.0.1:10026 inet n - y - - smtpd\n  -o content_filter=\n"
                      "  -o smtpd_milters=\n"},
    {.name = "a content filter that hands back to smimed",
     .main = "content_filter = smtp:[127.0.0.1]:10025\n",
     .master = MASTER "127.0.0.1:10026 inet n - y - - smtpd\n  -o content_filter=\n",
     .findings = {"twice 127.0.0.1:10026/inet", "?content-filter content_filter"}},
    {.name = "a way past smimed for everybody",
     .master = MASTER "10026 inet n - y - - smtpd\n  -o receive_override_options=no_milters\n",
     .findings = {"open-bypass 10026/inet"}},
    {.name = "copies and mappings",
     .main = "always_bcc = archive@example.com\nsender_canonical_maps = texthash:/x\n"
             "virtual_alias_maps = texthash:/y\n",
     .findings = {"?copies always_bcc", "?mapping sender_canonical_maps",
                  "?aliases virtual_alias_maps"}},
    {.name = "changes behind the signature",
     .main = "smtp_body_checks = regexp:/x\nsmtp_generic_maps = texthash:/y\n",
     .findings = {"?after-signing smtp_generic_maps", "after-signing smtp_body_checks"}},
    {.name = "another size in smimed.conf",
     .main = "message_size_limit = 110000000\n",
     .findings = {"size message_size_limit"}},
    {.name = "a size that smimed.conf does not know",
     .config = SOCKETS "message_size_limit = 0L;\n",
     .findings = {"?size message_size_limit"}},
    {.name = "mailboxes smaller than messages",
     .main = "virtual_mailbox_limit = 51200000\n",
     .findings = {"size virtual_mailbox_limit"}},
    {.name = "users are promised too much",
     .master = MASTER "  -o message_size_limit=90000000\n",
     .findings = {"?size submission/inet"}},
    {.name = "forced encryption and no TLS",
     .config = SOCKETS SIZE "rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\", "
                            "\"boss@other.test\", \"*\" ]; outgoing = \"encrypt-forced\"; } );\n",
     .findings = {"?tls partner.test", "?tls other.test", "?tls smtp_tls_security_level"}},
    {.name = "TLS that a rule demands, and none for what is sent",
     .config = SOCKETS SIZE "rules = ( { managed = [ \"*\" ]; external = [ \"lax.partner.test\" ]; "
                            "require_tls = false; }, { managed = [ \"*\" ]; external = [ "
                            "\"partner.test\" ]; require_tls = true; } );\n",
     .findings = {"?tls partner.test"}},
    {.name = "forced encryption and TLS where it is offered",
     .config = SOCKETS SIZE "rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\", "
                            "\"*\" ]; outgoing = \"encrypt-forced\"; } );\n",
     .main = "smtp_tls_security_level = may\n",
     .findings = {"?tls partner.test"}},
    {.name = "forced encryption and TLS",
     .config = SOCKETS SIZE "rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\", "
                            "\"*\" ]; outgoing = \"encrypt-forced\"; } );\n",
     .main = "smtp_tls_security_level = encrypt\n"},
};

/* Each @Q@ in a text by the private queue directory: a new string. */
static char *with_queue(const char *text)
{
    char *out = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&out, &length);
    ck_assert_ptr_nonnull(stream);
    for (const char *at; (at = strstr(text, "@Q@")) != NULL; text = at + 3) {
        fwrite(text, 1, (size_t)(at - text), stream);
        fputs(in_dir("queue"), stream);
    }
    fputs(text, stream);
    ck_assert_int_eq(fclose(stream), 0);
    return out;
}

static void write_settings(const char *more)
{
    char *text = with_queue(more);
    write_config(text);
    free(text);
}

static char *postfix_dir(void)
{
    return in_dir("postfix");
}

/* Postfix waits until a file is a second old before it reads it. */
static void make_older(const char *path)
{
    const struct timeval old[2] = {{1000000000, 0}, {1000000000, 0}};
    ck_assert_int_eq(utimes(path, old), 0);
}

/* main.cf and master.cf in the test's directory. */
static void write_postfix(const char *main, const char *master, const char *copies)
{
    char *text = NULL;
    mkdir(postfix_dir(), 0755);
    mkdir(in_dir("queue"), 0755);
    ck_assert_int_gt(asprintf(&text, MAIN "%s", main ? main : ""), 0);
    char *whole = with_queue(text);
    write_text(in_dir("postfix/main.cf"), whole);
    make_older(in_dir("postfix/main.cf"));
    free(whole);
    free(text);
    ck_assert_int_gt(asprintf(&text, "cleanup unix n - y - 0 cleanup\n%s%s",
                              copies ? copies : COPIES("inet:localhost:8891"),
                              master ? master : MASTER),
                     0);
    write_text(in_dir("postfix/master.cf"), text);
    make_older(in_dir("postfix/master.cf"));
    free(text);
}

static struct run setup(const char *option)
{
    return option ? SMIMECTL("setup", "postfix", "--postfix-config", postfix_dir(), option)
                  : SMIMECTL("setup", "postfix", "--postfix-config", postfix_dir());
}

/* Compare "kind about" lines, "?" before advice. */
static size_t expect_findings(const char *name, const json_t *all, const char *const *expected)
{
    json_t *item;
    size_t i, wrong = 0, count = 0;
    while (count < MAX_FINDINGS && expected[count]) {
        count++;
    }
    json_array_foreach(json_object_get(all, "findings"), i, item)
    {
        char found[256];
        bool is_wrong = json_is_true(json_object_get(item, "wrong"));
        snprintf(found, sizeof found, "%s%s %s", is_wrong ? "" : "?", text_at(item, "kind"),
                 text_at(item, "about"));
        char *wanted = with_queue(i < count ? expected[i] : "nothing");
        ck_assert_msg(!strcmp(found, wanted), "%s: found \"%s\", wanted \"%s\"", name, found,
                      wanted);
        free(wanted);
        ck_assert_msg(strlen(text_at(item, "why")) > 20 && strlen(text_at(item, "finding")) > 10,
                      "%s: %s says nothing", name, found);
        wrong += is_wrong;
    }
    ck_assert_msg(i == count, "%s: lacks \"%s\"", name, i < count ? expected[i] : "");
    return wrong;
}

static void expect_changes(const char *name, const json_t *all, const char *key,
                           const char *const *expected)
{
    json_t *item;
    size_t i, count = 0;
    while (count < MAX_FINDINGS && expected[count]) {
        count++;
    }
    json_array_foreach(json_object_get(all, key), i, item)
    {
        char found[1024];
        const char *service = json_string_value(json_object_get(item, "service"));
        if (json_is_null(json_object_get(item, "parameter"))) {
            bool smtpd = strstr(text_at(item, "value"), " smtpd -o ") != NULL;
            snprintf(found, sizeof found, "%s new %s", service, smtpd ? "smtpd" : "cleanup");
        } else {
            snprintf(found, sizeof found, "%s %s=%s", service ? service : "-",
                     text_at(item, "parameter"), text_at(item, "value"));
        }
        ck_assert_msg(i < count && !strcmp(found, expected[i]), "%s: change \"%s\", wanted \"%s\"",
                      name, found, i < count ? expected[i] : "nothing");
    }
    ck_assert_msg(i == count, "%s: no change \"%s\"", name, i < count ? expected[i] : "");
}

/* The settings of a case, with those that it does not name. */
static void write_case(const struct setup_case *c)
{
    const char *config = c->config ? c->config : SOCKETS;
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text, "%s%s%s", config, strstr(config, "reinject") ? "" : REINJECT,
                              strstr(config, "message_size_limit") ? "" : SIZE),
                     0);
    write_settings(text);
    free(text);
    write_postfix(c->main, c->master, c->copies);
}

/* What is found, without and with --apply, and that a second --apply has nothing to do. */
START_TEST(finds_and_applies)
{
    const struct setup_case *c = &setup_cases[_i];
    static const char *const none[] = {NULL};
    write_case(c);
    char *main_before = read_file(in_dir("postfix/main.cf"), NULL);
    struct run run = setup("--json");
    json_t *all = parse_json(c->name, run.out);
    size_t wrong = expect_findings(c->name, all, c->findings);
    expect_changes(c->name, all, "changes", c->changes);
    expect_changes(c->name, all, "applied", none);
    ck_assert_msg(run.code == (wrong ? 6 : 0), "%s: exit code %d", c->name, run.code);
    json_decref(all);
    run_clear(&run);
    char *main_after = read_file(in_dir("postfix/main.cf"), NULL);
    ck_assert_str_eq(main_before, main_after);
    free(main_before);
    free(main_after);

    if (!c->changes[0] || geteuid() != 0) {
        return;
    }
    run = SMIMECTL("--json", "setup", "postfix", "--postfix-config", postfix_dir(), "--apply");
    all = parse_json(c->name, run.out);
    expect_changes(c->name, all, "applied", c->changes);
    expect_changes(c->name, all, "changes", none);
    json_decref(all);
    run_clear(&run);
}
END_TEST

/* ---- --apply ---- */

/* How many files of the Postfix directory have names that begin so? */
static size_t files_like(const char *prefix)
{
    DIR *directory = opendir(postfix_dir());
    struct dirent *entry;
    size_t count = 0;
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    closedir(directory);
    return count;
}

static void expect_postconf(const char *option, const char *parameter, const char *value)
{
    char *wanted = NULL;
    ck_assert_int_gt(asprintf(&wanted, "%s\n", value), 0);
    struct run run = RUN(NULL, "/usr/sbin/postconf", "-c", postfix_dir(), option, parameter);
    ck_assert_msg(run.code == 0 && !strcmp(run.out, wanted), "%s is %s%s, wanted %s", parameter,
                  run.out, run.err, wanted);
    run_clear(&run);
    free(wanted);
}

START_TEST(applies_once_with_copies)
{
    write_settings(SOCKETS REINJECT SIZE);
    write_postfix("# kept\nsmtpd_milters =\nnon_smtpd_milters =\nmilter_default_action = accept\n",
                  SMTP "# kept too\n" SUBMISSION("") LOGGED_IN, NULL);
    char *before = read_file(in_dir("postfix/master.cf"), NULL);
    expect_run("without", setup(NULL), 6, NULL);
    ck_assert_uint_eq(files_like("main.cf"), 1);
    struct run run = setup("--apply");
    ck_assert_msg(run.code == 0, "%d %s%s", run.code, run.out, run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "is kept as"));
    ck_assert_ptr_nonnull(strstr(run.out, "postfix check is content"));
    ck_assert_ptr_nonnull(strstr(run.out, " reload\n"));
    run_clear(&run);
    expect_postconf("-h", "smtpd_milters", "unix:smimed/inbound.sock");
    expect_postconf("-h", "non_smtpd_milters", "inet:127.0.0.1:10025");
    expect_postconf("-h", "milter_default_action", "tempfail");
    expect_postconf("-Ph", "submission/inet/smtpd_milters", "unix:smimed/submission.sock");
    ck_assert_uint_eq(files_like("main.cf."), 1);
    ck_assert_uint_eq(files_like("master.cf.20"), 1);
    char *after = read_file(in_dir("postfix/master.cf"), NULL);
    ck_assert_ptr_nonnull(strstr(after, "# kept too"));
    ck_assert_str_ne(before, after);
    free(after);
    expect_output("again", setup("--apply"), "is as it should be");
    ck_assert_uint_eq(files_like("main.cf."), 1); /* nothing to do, nothing to keep */
    free(before);
}
END_TEST

/* A postconf that fails half way: both files are as they were. */
START_TEST(restores_what_it_had)
{
    write_settings(SOCKETS REINJECT SIZE);
    write_postfix("milter_default_action = accept\n", SMTP SUBMISSION("") LOGGED_IN, NULL);
    char *main = read_file(in_dir("postfix/main.cf"), NULL);
    char *master = read_file(in_dir("postfix/master.cf"), NULL);
    mkdir(in_dir("bin"), 0755);
    write_text(in_dir("bin/postconf"),
               "#!/bin/sh\n[ \"$3\" != -P ] || { echo broken >&2; exit 1; }\n"
               "exec /usr/sbin/postconf \"$@\"\n");
    ck_assert_int_eq(chmod(in_dir("bin/postconf"), 0755), 0);
    char *path = NULL;
    ck_assert_int_gt(asprintf(&path, "PATH=%s:/usr/bin:/bin", in_dir("bin")), 0);
    expect_run("apply",
               RUN(NULL, "env", path, run_program, "-c", run_config, "setup", "postfix",
                   "--postfix-config", postfix_dir(), "--apply"),
               1, "nothing was changed: postconf: broken");
    free(path);
    char *main_now = read_file(in_dir("postfix/main.cf"), NULL);
    char *master_now = read_file(in_dir("postfix/master.cf"), NULL);
    ck_assert_str_eq(main, main_now);
    ck_assert_str_eq(master, master_now);
    free(main);
    free(master);
    free(main_now);
    free(master_now);
}
END_TEST

START_TEST(says_what_to_do)
{
    write_settings(SOCKETS REINJECT SIZE);
    expect_run("no such folder",
               SMIMECTL("setup", "postfix", "--postfix-config", in_dir("nowhere")), 1,
               "--postfix-config DIRECTORY");
    write_postfix(NULL, NULL, NULL);
    expect_output("good", setup(NULL), "is as it should be");
    expect_run("no such option", SMIMECTL("setup", "sendmail", "--apply"), 2, "does not belong");
    write_postfix("milter_default_action = accept\n", NULL, NULL);
    struct run run = setup(NULL);
    ck_assert_int_eq(run.code, 6);
    ck_assert_ptr_nonnull(strstr(run.out, "main.cf:\n    milter_default_action = tempfail\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "wrong: milter_default_action (default-action)\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "\n  Why: "));
    run_clear(&run);
}
END_TEST

/* ---- Sendmail ---- */

START_TEST(prints_lines_for_sendmail)
{
    write_settings(SOCKETS REINJECT SIZE "work_timeout_s = 240;\n");
    struct run run = SMIMECTL("setup", "sendmail");
    static const char *const lines[] = {
        ("MAIL_FILTER(`smimed-inbound', `S=unix:@Q@/smimed/inbound.sock, F=T, "
         "T=C:30s;S:30s;R:60s;E:8m')dnl\n"),
        "MAIL_FILTER(`smimed-local', `S=inet:10025@localhost, F=T,",
        "Port=submission, M=Ea, InputMailFilters=smimed-submission')dnl\n",
        "define(`confMAX_MESSAGE_SIZE', `104857600')dnl\n",
        "define(`RELAY_MAILER_ARGS', `TCP $h 10587')dnl\n",
    };
    ck_assert_int_eq(run.code, 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char *line = with_queue(lines[i]);
        ck_assert_msg(strstr(run.out, line) != NULL, "lacks %s:\n%s", line, run.out);
        free(line);
    }
    run_clear(&run);
    json_t *all = expect_json("json", SMIMECTL("--json", "setup", "sendmail"));
    ck_assert_ptr_nonnull(strstr(text_at(all, "sendmail.mc"), "no_default_msa"));
    ck_assert_ptr_nonnull(strstr(text_at(all, "submit.mc"), "FEATURE(`msp'"));
    json_decref(all);
    expect_output("a Unix socket is not for Sendmail", SMIMECTL("setup", "sendmail"),
                  "a Unix socket of Sendmail's is for root only");
    write_settings(SOCKETS "reinject = \"inet:10588@127.0.0.1\";\n"
                           "reinject_incoming = \"inet:10589@127.0.0.1\";\n");
    expect_output("copies", SMIMECTL("setup", "sendmail"),
                  "DAEMON_OPTIONS(`Name=copies, Addr=127.0.0.1, Port=10588, M=Ea')dnl\n");
    expect_output("copies of incoming messages", SMIMECTL("setup", "sendmail"),
                  "DAEMON_OPTIONS(`Name=incoming-copies, Addr=127.0.0.1, Port=10589, M=Ea')dnl\n");
    write_settings(SOCKETS
                   "reinject = { address = \"inet:10588@127.0.0.1\"; user = \"copies@x.test\"; "
                   "password_file = \"/etc/p\"; login_in_clear = true; };\n");
    expect_output("by smimed's login only", SMIMECTL("setup", "sendmail"),
                  "Rcopies $| `copies@x.test'\t$@ ok\nRcopies $| $*\t$#error $@ 4.7.1 $: ");
    write_settings(SOCKETS "reinject = { address = \"inet:10588@127.0.0.1\"; user = \"$1 `'\"; "
                           "password_file = \"/etc/p\"; login_in_clear = true; };\n");
    expect_output("a login that is no text of a rule", SMIMECTL("setup", "sendmail"),
                  "the login cannot be named here");
    write_config("");
    expect_run("no sockets", SMIMECTL("setup", "sendmail"), 1, "names no sockets");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl setup");
    TCase *cases = tcase_create("setup");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, make_directory, remove_directory);
    tcase_add_loop_test(cases, finds_and_applies, 0, sizeof setup_cases / sizeof *setup_cases);
    if (geteuid() == 0) { /* postfix check is for root */
        tcase_add_test(cases, applies_once_with_copies);
        tcase_add_test(cases, restores_what_it_had);
    }
    tcase_add_test(cases, says_what_to_do);
    tcase_add_test(cases, prints_lines_for_sendmail);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
