/* Delivery status notifications (daemon/report.h), as GMime and a reader of lines see them. */
#include <check.h>
#include <gmime/gmime.h>

#include "flow_world.h"
#include "report.h"
#include "report_text.h"
#include "test_run.h"

#define TEXT                                                                                       \
    "From: =?utf-8?q?J=C3=B6rg?= <alice@example.com>\nTo: bob@partner.test\n"                      \
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= {host}\nMessage-ID: <one@example.com>\n"                 \
    "X-Long: \xc3\xa4\n\nThe secret text\n"

static struct world world;
static struct transaction transaction;
static struct entity report;

static void begin(const char *config)
{
    world = world_open(config);
    transaction = world_message(&world, ROLE_SUBMISSION, NULL, "alice@example.com", TEXT);
}

static void add_recipient(const char *address, const char *const *args)
{
    struct recipient *recipient;
    ck_assert_int_eq(transaction_add_recipient(&transaction, address, address), 0);
    ck_assert_int_eq(transaction_set_recipient_args(&transaction, args), 0);
    recipient = &transaction.recipients[transaction.recipient_count - 1];
    reply_set(&recipient->reply, 550, "5.7.1", "Not sent: no public key",
              "Nicht gesendet: kein Schluessel");
}

static GMimeMessage *make(void)
{
    static const size_t members[] = {0, 1, 2};
    struct spool *all = spool_new(&world.gateway->spool);
    char *why = NULL;
    char *text;
    size_t size;
    GMimeStream *stream;
    GMimeParser *parser;
    GMimeMessage *message;
    ck_assert_msg(report_make(world.gateway, &transaction, members, transaction.recipient_count,
                              "4XQ7", PKI_NOW, &report, &why) == 0,
                  "%s", why_text(&why));
    ck_assert(header_write(&report.header, all) == 0 && spool_puts(all, "\r\n") == 0 &&
              spool_copy(all, report.body, 0, spool_size(report.body)) == 0);
    size = (size_t)spool_size(all);
    text = calloc(1, size + 1);
    ck_assert(text != NULL && spool_read(all, text, size, 0) == (ssize_t)size);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        ck_assert_uint_le(length, 999);
        ck_assert_msg(length > 0 && line[length - 1] == '\r' && line[length] == '\n',
                      "a bare line end");
        for (size_t i = 0; i < length; i++)
            ck_assert_msg((unsigned char)line[i] < 0x80, "8-bit: %.*s", (int)length, line);
        line += length + 1;
    }
    ck_assert_ptr_null(strstr(text, "secret"));
    g_mime_init();
    stream = g_mime_stream_mem_new_with_buffer(text, size);
    parser = g_mime_parser_new_with_stream(stream);
    message = g_mime_parser_construct_message(parser, NULL);
    ck_assert_ptr_nonnull(message);
    g_object_unref(parser);
    g_object_unref(stream);
    spool_free(&all);
    free(text);
    return message;
}

static void end(GMimeMessage *message)
{
    g_object_unref(message);
    entity_clear(&report);
    transaction_clear(&transaction);
    world_close(&world);
}

static char *content_of(GMimeMessage *message, int index, const char *type)
{
    GMimeObject *root = g_mime_message_get_mime_part(message);
    GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(root), index);
    char *mime = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
    GMimeStream *stream = g_mime_stream_mem_new();
    GByteArray *bytes;
    char *text;
    ck_assert_str_eq(mime, type);
    g_free(mime);
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), stream);
    bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    text = strndup((const char *)bytes->data, bytes->len);
    g_object_unref(stream);
    return text;
}

static void expect(char *text, const char *const *wanted)
{
    for (; *wanted; wanted++)
        ck_assert_msg(strstr(text, *wanted), "\"%s\" is missing in:\n%s", *wanted, text);
    free(text);
}

START_TEST(report_is_complete)
{
    static const char *const mail_args[] = {"RET=FULL", "ENVID=QQ+2B314", NULL};
    static const char *const bob_args[] = {"NOTIFY=SUCCESS,FAILURE",
                                           "ORCPT=rfc822;Bob+2Btag@Partner.test", NULL};
    static const char *const status[] = {"Reporting-MTA: dns; mx.example.com",
                                         "Original-Envelope-Id: QQ+314",
                                         "Arrival-Date: Thu, 1 Jan 2026 00:00:00 +0000",
                                         "Original-Recipient: rfc822; Bob+tag@Partner.test",
                                         "Final-Recipient: rfc822; bob@partner.test",
                                         "Action: failed",
                                         "Status: 5.7.1",
                                         "Diagnostic-Code: smtp; 550 5.7.1 Not sent: no public key",
                                         "Final-Recipient: utf-8; j\\x{F6}rg@xn--bcher-kva.test",
                                         NULL};
    static const char *const text[] = {"<bob@partner.test>:",
                                       "Nicht gesendet: kein Schluessel",
                                       "Not sent: no public key",
                                       "\"Gr\xc3\xbc\xc3\x9f"
                                       "e {host}\"",
                                       "postmaster of mx.example.com",
                                       NULL};
    static const char *const headers[] = {"Message-ID: <one@example.com>",
                                          "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= {host}", NULL};
    GMimeMessage *message;
    begin("");
    ck_assert_int_eq(transaction_set_sender_args(&transaction, mail_args), 0);
    add_recipient("bob@partner.test", bob_args);
    add_recipient("j\xc3\xb6rg@xn--bcher-kva.test", NULL);
    message = make();
    ck_assert_str_eq(g_mime_message_get_subject(message),
                     "Nicht zugestellt / Not delivered: Gr\xc3\xbc\xc3\x9f"
                     "e {host}");
    ck_assert_str_eq(g_mime_object_get_header(GMIME_OBJECT(message), "Auto-Submitted"),
                     "auto-replied");
    ck_assert_ptr_nonnull(
        strstr(g_mime_object_get_header(GMIME_OBJECT(message), "To"), "alice@example.com"));
    ck_assert_ptr_nonnull(strstr(g_mime_object_get_header(GMIME_OBJECT(message), "In-Reply-To"),
                                 "<one@example.com>"));
    ck_assert_str_eq(g_mime_object_get_content_type_parameter(g_mime_message_get_mime_part(message),
                                                              "report-type"),
                     "delivery-status");
    expect(content_of(message, 0, "text/plain"), text);
    expect(content_of(message, 1, "message/delivery-status"), status);
    expect(content_of(message, 2, "text/rfc822-headers"), headers);
    end(message);
}
END_TEST

/* What is answered is named where it is a message identifier; nothing that a sender put in its
 * place keeps him from hearing of a failure, or gets into the header of the report. */
START_TEST(message_ids_of_all_sorts)
{
    static char long_one[70001];
    static const struct {
        const char *value;
        const char *answered; /* NULL: no In-Reply-To */
    } ids[] = {
        {" <1@example.com>", "<1@example.com>"},
        {"\r\n\t<1@example.com>", "<1@example.com>"},
        {" <1@example.com> (a comment)", "<1@example.com>"},
        {" <m\xc3\xbcll@example.com>", NULL},
        {" <1@example.com\rX-Smimed-Signature: valid>", NULL},
        {" nonsense", NULL},
        {"", NULL},
        {long_one, NULL},
    };
    GMimeMessage *message;
    memset(long_one, 'x', sizeof long_one - 1);
    memcpy(long_one, " <", 2);
    long_one[sizeof long_one - 2] = '>';
    begin("");
    add_recipient("bob@partner.test", NULL);
    header_remove(&transaction.message.header, "Message-ID", 0);
    ck_assert_int_eq(header_add(&transaction.message.header, "Message-ID", ids[_i].value), 0);
    message = make();
    if (ids[_i].answered != NULL)
        ck_assert_str_eq(g_mime_object_get_header(GMIME_OBJECT(message), "In-Reply-To"),
                         ids[_i].answered);
    else
        ck_assert_ptr_null(g_mime_object_get_header(GMIME_OBJECT(message), "In-Reply-To"));
    ck_assert_ptr_null(g_mime_object_get_header(GMIME_OBJECT(message), "X-Smimed-Signature"));
    end(message);
}
END_TEST

/* The administrator's words; where his file is broken, ours. */
START_TEST(template_is_the_administrators)
{
    static const struct {
        const char *text;
        const char *subject;
    } cases[] = {
        {"Subject: Unzustellbar \xc3\xbc {sender}\r\n\r\nHallo {recipients_de} {unknown} {\r\n",
         "Unzustellbar \xc3\xbc alice@example.com"},
        {"Hello\n\n{recipients_en}\n", "Nicht zugestellt"},
        {"Subject: latin \xfc\n\nx\n", "Nicht zugestellt"},
        {NULL, "Nicht zugestellt"},
    };
    char name[] = "/tmp/smimed-report.XXXXXX";
    char config[200];
    int fd = mkstemp(name);
    GMimeMessage *message;
    ck_assert_int_ge(fd, 0);
    if (cases[_i].text)
        ck_assert_int_eq(write(fd, cases[_i].text, strlen(cases[_i].text)),
                         (ssize_t)strlen(cases[_i].text));
    else
        unlink(name);
    close(fd);
    snprintf(config, sizeof config, "report_template = \"%s\";", name);
    begin(config);
    add_recipient("bob@partner.test", NULL);
    message = make();
    ck_assert_int_eq(
        strncmp(g_mime_message_get_subject(message), cases[_i].subject, strlen(cases[_i].subject)),
        0);
    if (_i == 0) {
        char *text = content_of(message, 0, "text/plain");
        ck_assert_ptr_nonnull(strstr(text, "Hallo <bob@partner.test>:"));
        ck_assert_ptr_nonnull(strstr(text, "kein Schluessel {unknown} {"));
        free(text);
    }
    unlink(name);
    end(message);
}
END_TEST

/* What is shipped for administrators to change is what is built in. */
START_TEST(shipped_template_is_the_one_built_in)
{
    char *why = NULL;
    char *text = report_text_load("etc/report.txt", &why);
    ck_assert_msg(text != NULL, "%s", why_text(&why));
    ck_assert_str_eq(text, report_text_built_in());
    free(text);
}
END_TEST

START_TEST(hears_of_failures)
{
    static const struct {
        const char *args[2];
        bool wanted;
    } cases[] = {
        {{NULL}, true},
        {{"NOTIFY=FAILURE"}, true},
        {{"notify=success,failure"}, true},
        {{"NOTIFY=NEVER"}, false},
        {{"NOTIFY=SUCCESS,DELAY"}, false},
    };
    begin("");
    add_recipient("bob@partner.test", cases[_i].args);
    ck_assert_int_eq(report_wanted(&transaction.recipients[0]), cases[_i].wanted);
    transaction_clear(&transaction);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_test(tests, report_is_complete);
    tcase_add_loop_test(tests, message_ids_of_all_sorts, 0, 8);
    tcase_add_loop_test(tests, template_is_the_administrators, 0, 4);
    tcase_add_test(tests, shipped_template_is_the_one_built_in);
    tcase_add_loop_test(tests, hears_of_failures, 0, 5);
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
