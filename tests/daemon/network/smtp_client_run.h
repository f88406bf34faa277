/* What the tests of the SMTP client share: a server as scripted, a client for it. Header only. */
#ifndef TESTS_SMTP_CLIENT_RUN_H
#define TESTS_SMTP_CLIENT_RUN_H

#include <time.h>

#include "smtp.h"
#include "smtp_server_run.h"
#include "why.h"

#define SMTP_CLIENT_UNUSED __attribute__((unused))

static struct smtp_test_server server;
static struct smtp_server target;
static struct smtp *smtp;
static char *why;

SMTP_CLIENT_UNUSED static void setup(void)
{
    why = NULL;
    smtp = NULL;
    target = (struct smtp_server){.host = "localhost",
                                  .family = AF_INET,
                                  .tls = SMTP_TLS_NONE,
                                  .helo_name = "gateway.example.com",
                                  .answer_timeout_ms = 10000,
                                  .total_timeout_ms = 20000};
}

SMTP_CLIENT_UNUSED static void teardown(void)
{
    smtp_free(&smtp);
    if (server.pid > 0)
        smtp_server_stop(&server);
    why_free(&why);
}

SMTP_CLIENT_UNUSED static void serve(const struct smtp_script *script)
{
    smtp_server_start(&server, script);
    target.port = (unsigned)server.port;
}

SMTP_CLIENT_UNUSED static void demand(enum smtp_status status, enum smtp_status wanted,
                                      const char *text)
{
    ck_assert_msg(status == wanted, "status %d instead of %d: %s", (int)status, (int)wanted,
                  why_text(&why));
    if (wanted != SMTP_OK)
        ck_assert_msg(strstr(why_text(&why), text) != NULL, "said: %s", why_text(&why));
}

SMTP_CLIENT_UNUSED static enum smtp_status connect_it(void)
{
    return smtp_connect(&target, &smtp, &why);
}

/* From MAIL to the end of the content, as far as it goes. */
SMTP_CLIENT_UNUSED static enum smtp_status send_message(const char *from, const char *to,
                                                        const char *content)
{
    enum smtp_status status = smtp_mail(smtp, &(struct smtp_sender){.address = from}, &why);

    if (status == SMTP_OK)
        status = smtp_rcpt(smtp, &(struct smtp_recipient){.address = to}, &why);
    if (status == SMTP_OK)
        status = smtp_data(smtp, &why);
    if (status == SMTP_OK)
        status = smtp_write(smtp, content, strlen(content), &why);
    if (status == SMTP_OK)
        status = smtp_end(smtp, &why);
    return status;
}

SMTP_CLIENT_UNUSED static enum smtp_status whole(void)
{
    enum smtp_status status = connect_it();

    if (status == SMTP_OK)
        status = send_message("a@example.com", "b@example.com", "Subject: x\r\n\r\nhello\r\n");
    return status;
}

/* What connection `number` received, up to now, has `text` in it. */
SMTP_CLIENT_UNUSED static bool was_sent(const char *number, const char *text)
{
    char *seen = smtp_server_saw(&server, number, NULL);
    bool found = strstr(seen, text) != NULL;

    free(seen);
    return found;
}

SMTP_CLIENT_UNUSED static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
