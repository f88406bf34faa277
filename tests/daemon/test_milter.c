/* A running smimed and its milter protocol: what happens to messages. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_run.h"
#include "milter_client.h"
#include "test_pki.h"
#include "test_run.h"

#define SMALL                                                                                      \
    "From: stranger@other.test\nTo: bob@example.com\nSubject: hello\n\tfolded\n\nHi\n.dot\n"

static struct site site;
static struct daemon_run run;
static char inbound[128], submission[128], local[128], tcp[64];

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Write the configuration with the four sockets and `more`. */
static void configure(const char *more)
{
    char text[2048];

    snprintf(text, sizeof text,
             "sockets = ( { address = \"%s\"; role = \"inbound\"; },\n"
             "  { address = \"%s\"; role = \"submission\"; mode = \"0600\"; },\n"
             "  { address = \"%s\"; role = \"local\"; },\n"
             "  { address = \"%s\"; role = \"inbound\"; } );\npid_file = \"%s/pid\";\n%s",
             inbound, submission, local, tcp, site.dir, more);
    site_configure(&site, text);
}

static void begin(const char *more)
{
    site_make(&site, "");
    snprintf(inbound, sizeof inbound, "unix:%s/inbound", site.dir);
    snprintf(submission, sizeof submission, "unix:%s/submission", site.dir);
    snprintf(local, sizeof local, "unix:%s/local", site.dir);
    snprintf(tcp, sizeof tcp, "inet:%d@127.0.0.1", free_port());
    configure(more);
    daemon_start(&run, &site);
}

static void end(void)
{
    daemon_stop(&run);
    site_remove(&site);
}

static void open_client(struct milter_client *mc, const char *name)
{
    ck_assert_msg(milter_connect(mc, name) == 0, "%s", mc->error);
    ck_assert_msg(milter_open_session(mc, "192.0.2.1") == MILTER_CONTINUE, "%s", mc->error);
}

static struct milter_mail small_mail(const char *from, const char *to)
{
    return (struct milter_mail){.from = from, .to = {to}, .text = SMALL, .length = strlen(SMALL)};
}

START_TEST(every_socket_serves_its_role)
{
    const char *const names[] = {inbound, submission, local, tcp};
    const struct milter_mail mail = small_mail("<stranger@other.test>", "<bob@example.com>");
    struct stat status;

    begin("");
    for (size_t i = 0; i < 4; i++) {
        struct milter_client mc;

        open_client(&mc, names[i]);
        ck_assert_msg(milter_send(&mc, &mail) == MILTER_ACCEPT, "%s: %s", names[i], mc.reply);
        /* only strangers' mail gets a verdict */
        ck_assert_msg((milter_field(&mc, "X-Smimed-Signature", 0) != NULL) == (i == 0 || i == 3),
                      "%s", names[i]);
        milter_close(&mc);
    }
    ck_assert_int_eq(stat(inbound + 5, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0660);
    ck_assert_int_eq(stat(submission + 5, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0600);
    end();
}
END_TEST

START_TEST(negotiation)
{
    struct milter_client mc;

    begin("");
    open_client(&mc, inbound);
    ck_assert_uint_eq(mc.actions & 0x1U, 0x1U);   /* add headers */
    ck_assert_uint_eq(mc.actions & 0x2U, 0x2U);   /* change body */
    ck_assert_uint_eq(mc.actions & 0x10U, 0x10U); /* change headers */
    ck_assert_uint_eq(mc.actions & 0x40U, 0x40U); /* change from */
    ck_assert_uint_eq(mc.actions & 0x8U, 0x8U);   /* take recipients away */
    ck_assert_uint_eq(mc.actions & 0x4U, 0);      /* never add any */
    ck_assert_uint_eq(mc.protocol & 0x100000U, 0x100000U);
    ck_assert_ptr_nonnull(strstr(mc.symlist, "{auth_authen}"));
    ck_assert_ptr_nonnull(strstr(mc.symlist, "2:i "));
    ck_assert_ptr_nonnull(strstr(mc.symlist, "{tls_version}"));
    milter_close(&mc);
    /* an MTA that eats leading blanks would break signatures: it is not served */
    ck_assert_int_eq(milter_connect(&mc, inbound), 0);
    ck_assert_int_eq(milter_negotiate_with(&mc, MILTER_ALL_ACTIONS, 0x7fU), MILTER_LOST);
    milter_close(&mc);
    /* one that cannot go on without answers to header fields is */
    ck_assert_int_eq(milter_connect(&mc, inbound), 0);
    ck_assert_int_eq(
        milter_negotiate_with(&mc, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL & ~MILTER_NR_HDR),
        MILTER_CONTINUE);
    ck_assert_int_eq(milter_client_connects(&mc, NULL), MILTER_CONTINUE);
    ck_assert_uint_eq(mc.protocol & MILTER_NR_HDR, 0);
    {
        const struct milter_mail mail = small_mail("<>", "<bob@example.com>");

        ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    }
    milter_close(&mc);
    end();
}
END_TEST

START_TEST(many_messages_on_one_connection)
{
    struct milter_mail mail = small_mail("<stranger@other.test>", "<bob@example.com>");
    struct milter_client mc;
    char id[32];

    begin("");
    open_client(&mc, inbound);
    mail.queue_id = id;
    for (int i = 0; i < 60; i++) {
        snprintf(id, sizeof id, "Q%d", i);
        /* in between: a message aborted after MAIL, RCPT, header and body in turn */
        ck_assert_int_eq(milter_mail_from(&mc, &mail), MILTER_CONTINUE);
        if (i % 4 > 0)
            ck_assert_int_eq(milter_rcpt_to(&mc, "<carol@example.com>"), MILTER_CONTINUE);
        if (i % 4 > 1)
            ck_assert_int_eq(milter_data(&mc, &mail), MILTER_CONTINUE);
        ck_assert_int_eq(milter_abort(&mc), 0);
        ck_assert_msg(milter_send(&mc, &mail) == MILTER_ACCEPT, "message %d: %s", i, mc.error);
        ck_assert_ptr_nonnull(strstr(mc.message, "Subject: hello\r\n\tfolded\r\n"));
        ck_assert_ptr_nonnull(strstr(mc.message, "\r\n\r\nHi\r\n.dot\r\n"));
        ck_assert_ptr_nonnull(milter_field(&mc, "X-Smimed-Signature", 0));
        ck_assert_ptr_null(milter_field(&mc, "X-Smimed-Signature", 1));
    }
    milter_close(&mc);
    ck_assert_uint_eq(daemon_log_count(&run, "message direction=incoming"), 60);
    ck_assert_uint_eq(daemon_log_count(&run, " Q59: message"), 1);
    end();
}
END_TEST

START_TEST(refusals_carry_both_languages)
{
    struct milter_mail mail = small_mail("<a b@other.test>", "<bob@example.com>");
    struct milter_client mc;

    begin("");
    open_client(&mc, inbound);
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_REPLYCODE);
    ck_assert_str_eq(mc.reply, "550-5.1.7 The sender's address is not a mail address.\r\n"
                               "550 5.1.7 Die Absenderadresse ist keine Mailadresse.");
    /* one refused recipient does not end the message */
    mail.from = "<a@other.test>";
    mail.to[1] = "<@>";
    mail.to[2] = "<carol@example.com>";
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    ck_assert_int_eq(mc.to_replies[1], MILTER_REPLYCODE);
    ck_assert_int_eq(mc.to_replies[2], MILTER_CONTINUE);
    milter_close(&mc);
    end();
}
END_TEST

/* The header's answer comes at its end, so that no answer is sent where none is awaited. */
START_TEST(too_large_header_is_refused_at_its_end)
{
    struct milter_mail mail = small_mail("<a@other.test>", "<bob@example.com>");
    struct milter_client mc;
    char *text = calloc(1, 20000);
    char *put = text;

    for (int i = 0; i < 100; i++)
        put += sprintf(put, "X-Filler: %0100d\n", i);
    strcpy(put, "\nbody\n");
    mail.text = text;
    mail.length = strlen(text);
    begin("max_header_bytes = 4096;\n");
    open_client(&mc, inbound);
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_REPLYCODE);
    ck_assert_int_eq(strncmp(mc.reply, "552-5.3.4 ", 10), 0);
    mail = small_mail("<a@other.test>", "<bob@example.com>");
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    free(text);
    end();
}
END_TEST

/* Several answers at end of message, over TCP: they must not wait for acknowledgements. */
START_TEST(tcp_does_not_stall)
{
    const struct milter_mail mail = small_mail("<a@other.test>", "<bob@example.com>");
    struct milter_client mc;
    struct timespec from, to;
    long ms;

    begin("");
    open_client(&mc, tcp);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_uint_gt(mc.edits, 1);
    ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
    /* 50 stalls of 40 ms are 2000 ms */
    ck_assert_msg(ms < 1500, "50 messages took %ld ms", ms);
    milter_close(&mc);
    end();
}
END_TEST

/* Give alice a certificate in the site's store. */
static void activate_alice(const struct pki *ca, struct pki *alice)
{
    struct gateway *gateway = site_gateway(&site);
    struct store *store = gateway->store;
    time_t now = time(NULL);
    char *why = NULL;

    *alice = pki_leaf(ca, "alice@example.com");
    ck_assert_int_eq(store_mailbox_add(store, "alice@example.com", NULL, 0, &why), STORE_OK);
    ck_assert_msg(store_mailbox_activate(store, "alice@example.com", alice->key, alice->certificate,
                                         NULL, now, &why) == STORE_OK,
                  "%s", why_text(&why));
    why_free(&why);
    gateway_release(&gateway);
}

/* Does `openssl cms` verify the message with the CA? */
static bool openssl_verifies(const struct milter_client *mc, const struct pki *ca)
{
    char message[128], anchor[128], command[700];
    FILE *out;

    snprintf(message, sizeof message, "%s/message", site.dir);
    snprintf(anchor, sizeof anchor, "%s/ca.pem", site.dir);
    pki_write_certificate(anchor, ca->certificate);
    out = fopen(message, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(mc->message, 1, mc->message_length, out), mc->message_length);
    ck_assert_int_eq(fclose(out), 0);
    snprintf(command, sizeof command,
             "openssl cms -verify -in %s -CAfile %s -out /dev/null 2>%s/openssl.log", message,
             anchor, site.dir);
    return system(command) == 0;
}

static const char outgoing_text[] = "From: alice@example.com\nTo: carol@partner.test\n"
                                    "Subject: signed\n\nThis is signed.\n";

START_TEST(a_login_does_not_reach_the_next_message)
{
    struct milter_mail mail = {.from = "<alice@example.com>",
                               .to = {"<carol@partner.test>"},
                               .login = "alice@example.com",
                               .text = outgoing_text,
                               .length = strlen(outgoing_text)};
    struct pki ca = pki_ca("Test CA");
    struct pki alice;
    struct milter_client mc;

    begin("");
    activate_alice(&ca, &alice);
    open_client(&mc, submission);
    for (int i = 0; i < 5; i++) {
        mail.login = "alice@example.com";
        ck_assert_msg(milter_send(&mc, &mail) == MILTER_ACCEPT, "%s %s", mc.reply, mc.error);
        ck_assert(mc.body_replaced);
        ck_assert_msg(openssl_verifies(&mc, &ca), "openssl does not verify:\n%s", mc.message);
        mail.login = NULL;
        ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
        ck_assert_msg(!mc.body_replaced, "signed without a login");
    }
    milter_close(&mc);
    pki_clear(&alice);
    pki_clear(&ca);
    end();
}
END_TEST

/* What the MTA says of TLS at one MAIL counts for that message. */
START_TEST(tls_is_asked_of_each_message)
{
    struct milter_mail mail = small_mail("<a@partner.test>", "<bob@example.com>");
    struct milter_client mc;

    begin("rules = ( { managed = [ \"*\" ]; external = [ \"partner.test\" ]; require_tls = true; "
          "} );\n");
    open_client(&mc, inbound);
    mail.tls = "TLSv1.3";
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    mail.tls = NULL;
    ck_assert_int_eq(milter_mail_from(&mc, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_rcpt_to(&mc, mail.to[0]), MILTER_REPLYCODE);
    ck_assert_msg(strncmp(mc.reply, "530-5.7.0 ", 10) == 0, "%s", mc.reply);
    ck_assert_int_eq(milter_abort(&mc), 0);
    mail.tls = "TLSv1.2";
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    ck_assert_uint_eq(daemon_log_count(&run, " tls=\"TLSv1.3\""), 1);
    ck_assert_uint_eq(daemon_log_count(&run, "code=530 enhanced=5.7.0"), 1);
    end();
}
END_TEST

START_TEST(large_bodies_come_back_whole)
{
    struct milter_mail mail = {.from = "<alice@example.com>",
                               .to = {"<carol@partner.test>"},
                               .login = "alice@example.com"};
    struct pki ca = pki_ca("Test CA");
    size_t lines = 60000;
    char *text = malloc(lines * 80 + 200);
    char *put = text;
    struct pki alice;
    struct milter_client mc;

    ck_assert_ptr_nonnull(text);
    put += sprintf(put, "From: alice@example.com\nTo: carol@partner.test\nSubject: large\n\n");
    for (size_t i = 0; i < lines; i++)
        put += sprintf(put, "%08zu abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz\n", i);
    mail.text = text;
    mail.length = (size_t)(put - text);
    begin("memory_spool_bytes = 65536;\n");
    activate_alice(&ca, &alice);
    open_client(&mc, submission);
    ck_assert_msg(milter_send(&mc, &mail) == MILTER_ACCEPT, "%s %s", mc.reply, mc.error);
    ck_assert(mc.body_replaced);
    ck_assert_uint_gt(mc.body_length, mail.length);
    ck_assert_ptr_nonnull(strstr(mc.body, "00059999 abcdef"));
    ck_assert_msg(openssl_verifies(&mc, &ca), "openssl does not verify");
    milter_close(&mc);
    pki_clear(&alice);
    pki_clear(&ca);
    free(text);
    end();
}
END_TEST

/* The next SMTP client on the same connection of the MTA (a new connect after QUIT_NC). */
START_TEST(next_client_on_the_same_connection)
{
    const struct milter_mail mail = small_mail("<a@other.test>", "<bob@example.com>");
    struct milter_client mc;

    begin("");
    open_client(&mc, inbound);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
        ck_assert_int_eq(milter_put(&mc, 'K', NULL, 0), 0);
        ck_assert_int_eq(milter_client_connects(&mc, "2001:db8::1"), MILTER_CONTINUE);
    }
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("milter");
    TCase *cases = tcase_create("milter");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, every_socket_serves_its_role);
    tcase_add_test(cases, negotiation);
    tcase_add_test(cases, many_messages_on_one_connection);
    tcase_add_test(cases, refusals_carry_both_languages);
    tcase_add_test(cases, too_large_header_is_refused_at_its_end);
    tcase_add_test(cases, tcp_does_not_stall);
    tcase_add_test(cases, a_login_does_not_reach_the_next_message);
    tcase_add_test(cases, tls_is_asked_of_each_message);
    tcase_add_test(cases, large_bodies_come_back_whole);
    tcase_add_test(cases, next_client_on_the_same_connection);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
