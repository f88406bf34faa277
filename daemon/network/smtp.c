/* The dialogue with an SMTP server: EHLO, envelope, content. */
#include "smtp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_parts.h"
#include "smtp_syntax.h"
#include "utf8.h"
#include "why.h"

/* A size that a server gives, as a number of at most so many digits (RFC 1870 section 3: 20). */
#define SIZE_MAX_DIGITS 18
#define QUIT_TIMEOUT_MS 2000

/* RFC 4954 section 6: authentication required, credentials invalid, encryption required. */
static bool is_about_login(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

/* Wrong order of calls: a bug of ours, not the server's fault. */
static enum smtp_status out_of_order(struct smtp *smtp, char **why)
{
    if (smtp->channel.lost) {
        why_set(why, "%s: the connection was lost", smtp->where);
        return SMTP_DEFERRED;
    }
    why_set(why, "%s: commands in the wrong order", smtp->where);
    return SMTP_ERROR;
}

/* Keep the last reply, and say what it means where `wanted` is the first digit of success. */
static enum smtp_status judge(struct smtp *smtp, int wanted, const char *command, char **why)
{
    int kind = smtp->channel.reply.code / 100;

    free(smtp->words);
    smtp->words = smtp_reply_words(&smtp->channel.reply);
    if (kind == wanted && !smtp->channel.lost)
        return SMTP_OK;
    why_set(why, "%s answers %s with: %s", smtp->where, command, smtp_last_words(smtp));
    /* That is between the administrator and the server; no message is at fault. */
    if (kind == 5 && is_about_login(smtp->channel.reply.code))
        return SMTP_DEFERRED;
    if (kind == 5)
        return SMTP_REFUSED;
    /* An answer of the wrong kind: we no longer know what it was an answer to. */
    if (kind != 4)
        smtp->channel.lost = true;
    return SMTP_DEFERRED;
}

/* Say a line and take the answer. The line has been checked. */
static enum smtp_status say(struct smtp *smtp, int wanted, const char *line, char **why)
{
    struct smtp_channel *channel = &smtp->channel;
    enum smtp_status status = smtp_channel_quiet(channel, why);

    if (status == SMTP_OK)
        status = smtp_channel_put(channel, line, strlen(line), why);
    if (status == SMTP_OK)
        status = smtp_channel_put(channel, "\r\n", 2, why);
    if (status == SMTP_OK)
        status = smtp_channel_flush(channel, why);
    if (status == SMTP_OK)
        status = smtp_channel_reply(channel, why);
    if (status != SMTP_OK) {
        why_prefix(why, "%s, %s", smtp->where, line);
        return status;
    }
    return judge(smtp, wanted, line, why);
}

static long long read_size(const char *text)
{
    long long size = 0;
    int digits = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        if (++digits > SIZE_MAX_DIGITS)
            return 0; /* no limit that we could reach */
        size = size * 10 + (*text - '0');
    }
    return size;
}

static void learn_extensions(struct smtp *smtp)
{
    static const struct {
        const char *keyword;
        enum smtp_extension extension;
    } known[] = {{"SIZE", SMTP_SIZE},
                 {"8BITMIME", SMTP_8BITMIME},
                 {"SMTPUTF8", SMTP_SMTPUTF8},
                 {"DSN", SMTP_DSN}};
    const char *size = smtp_reply_keyword(&smtp->channel.reply, "SIZE");

    smtp->extensions = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (smtp_reply_keyword(&smtp->channel.reply, known[i].keyword))
            smtp->extensions |= known[i].extension;
    smtp->max_size = size ? read_size(size) : 0;
}

/* Once more: what libcurl asked before TLS and login may have changed, and it keeps the answer. */
static enum smtp_status greet(struct smtp *smtp, char **why)
{
    char *line = NULL;
    enum smtp_status status;

    if (asprintf(&line, "EHLO %s", smtp->channel.server->helo_name) < 0) {
        why_set(why, "out of memory");
        return SMTP_ERROR;
    }
    status = say(smtp, 2, line, why);
    free(line);
    if (status == SMTP_OK)
        learn_extensions(smtp);
    /* A server that knows HELO only, which libcurl has said then, has no extensions. */
    if (status == SMTP_REFUSED && !smtp->channel.lost) {
        why_free(why);
        return SMTP_OK;
    }
    return status;
}

enum smtp_status smtp_connect(const struct smtp_server *server, struct smtp **out, char **why)
{
    struct smtp *smtp = calloc(1, sizeof *smtp);
    enum smtp_status status = SMTP_ERROR;

    *out = NULL;
    if (smtp)
        smtp->where = smtp_server_name(server);
    if (!smtp || !smtp->where) {
        why_set(why, "out of memory");
        goto out;
    }
    smtp->channel.server = server;
    smtp->channel.deadline_ms = smtp_channel_now_ms() + server->total_timeout_ms;
    status = smtp_open(smtp, why);
    if (status != SMTP_OK) {
        why_prefix(why, "%s", smtp->where);
        goto out;
    }
    status = greet(smtp, why);
    if (status == SMTP_OK) {
        *out = smtp;
        smtp = NULL;
    }

out:
    smtp_free(&smtp);
    return status;
}

bool smtp_offers(const struct smtp *smtp, enum smtp_extension extension)
{
    return (smtp->extensions & extension) != 0;
}

bool smtp_is_encrypted(const struct smtp *smtp)
{
    return smtp->encrypted;
}

/* Append to *line; NULL once memory is out. */
__attribute__((format(printf, 2, 3))) static void append(char **line, const char *format, ...)
{
    char *more = NULL;
    char *longer = NULL;
    va_list args;

    va_start(args, format);
    if (*line && vasprintf(&more, format, args) >= 0 && asprintf(&longer, "%s%s", *line, more) < 0)
        longer = NULL;
    va_end(args);
    free(more);
    free(*line);
    *line = longer;
}

static enum smtp_status refuse(struct smtp *smtp, char **why, const char *sentence)
{
    why_set(why, "%s: %s", smtp->where, sentence);
    return SMTP_REFUSED;
}

/* Can this be said to this server? */
static enum smtp_status check_sender(struct smtp *smtp, const struct smtp_sender *sender,
                                     char **why)
{
    if (!smtp_path_is_sound(sender->address))
        return refuse(smtp, why, "the sender's address has characters that no address has");
    if ((sender->ret && !smtp_ret_is_sound(sender->ret)) ||
        (sender->envid && !smtp_envid_is_sound(sender->envid)))
        return refuse(smtp, why, "RET or ENVID is not as RFC 3461 has it");
    if (smtp->utf8 && !smtp_offers(smtp, SMTP_SMTPUTF8))
        return refuse(smtp, why,
                      "international addresses or header fields need SMTPUTF8, which it does not "
                      "offer");
    if (sender->eightbit && !smtp_offers(smtp, SMTP_8BITMIME))
        return refuse(smtp, why, "8-bit content needs 8BITMIME, which it does not offer");
    if (smtp->max_size > 0 && sender->size > smtp->max_size) {
        why_set(why, "%s: a message of %lld bytes is larger than the %lld that it takes",
                smtp->where, sender->size, smtp->max_size);
        return SMTP_REFUSED;
    }
    return SMTP_OK;
}

enum smtp_status smtp_mail(struct smtp *smtp, const struct smtp_sender *sender, char **why)
{
    enum smtp_status status;
    char *line = NULL;

    if (smtp->channel.lost || smtp->stage != SMTP_STAGE_READY)
        return out_of_order(smtp, why);
    smtp->utf8 = sender->smtputf8 || !utf8_is_ascii(sender->address, strlen(sender->address));
    status = check_sender(smtp, sender, why);
    if (status != SMTP_OK)
        return status;
    if (asprintf(&line, "MAIL FROM:<%s>", sender->address) < 0)
        line = NULL;
    if (sender->size > 0 && smtp_offers(smtp, SMTP_SIZE))
        append(&line, " SIZE=%lld", sender->size);
    if (sender->eightbit)
        append(&line, " BODY=8BITMIME");
    if (smtp->utf8)
        append(&line, " SMTPUTF8");
    if (sender->ret && smtp_offers(smtp, SMTP_DSN))
        append(&line, " RET=%s", sender->ret);
    if (sender->envid && smtp_offers(smtp, SMTP_DSN))
        append(&line, " ENVID=%s", sender->envid);
    if (!line) {
        why_set(why, "out of memory");
        return SMTP_ERROR;
    }
    status = say(smtp, 2, line, why);
    free(line);
    if (status == SMTP_OK)
        smtp->stage = SMTP_STAGE_MAIL;
    return status;
}

static enum smtp_status check_recipient(struct smtp *smtp, const struct smtp_recipient *recipient,
                                        char **why)
{
    if (*recipient->address == '\0' || !smtp_path_is_sound(recipient->address))
        return refuse(smtp, why, "the recipient's address has characters that no address has");
    if ((recipient->notify && !smtp_notify_is_sound(recipient->notify)) ||
        (recipient->orcpt && !smtp_orcpt_is_sound(recipient->orcpt)))
        return refuse(smtp, why, "NOTIFY or ORCPT is not as RFC 3461 has it");
    if (!smtp->utf8 &&
        (!utf8_is_ascii(recipient->address, strlen(recipient->address)) ||
         (recipient->orcpt && !utf8_is_ascii(recipient->orcpt, strlen(recipient->orcpt)))))
        return refuse(smtp, why, "an international address needs SMTPUTF8 in MAIL");
    return SMTP_OK;
}

enum smtp_status smtp_rcpt(struct smtp *smtp, const struct smtp_recipient *recipient, char **why)
{
    enum smtp_status status;
    char *line = NULL;

    if (smtp->channel.lost || (smtp->stage != SMTP_STAGE_MAIL && smtp->stage != SMTP_STAGE_RCPT))
        return out_of_order(smtp, why);
    status = check_recipient(smtp, recipient, why);
    if (status != SMTP_OK)
        return status;
    if (asprintf(&line, "RCPT TO:<%s>", recipient->address) < 0)
        line = NULL;
    if (recipient->notify && smtp_offers(smtp, SMTP_DSN))
        append(&line, " NOTIFY=%s", recipient->notify);
    if (recipient->orcpt && smtp_offers(smtp, SMTP_DSN))
        append(&line, " ORCPT=%s", recipient->orcpt);
    if (!line) {
        why_set(why, "out of memory");
        return SMTP_ERROR;
    }
    status = say(smtp, 2, line, why);
    free(line);
    if (status == SMTP_OK)
        smtp->stage = SMTP_STAGE_RCPT;
    return status;
}

enum smtp_status smtp_reset(struct smtp *smtp, char **why)
{
    enum smtp_status status;

    if (smtp->channel.lost || smtp->stage >= SMTP_STAGE_CONTENT)
        return out_of_order(smtp, why);
    status = say(smtp, 2, "RSET", why);
    if (status == SMTP_OK)
        smtp->stage = SMTP_STAGE_READY;
    return status;
}

enum smtp_status smtp_data(struct smtp *smtp, char **why)
{
    enum smtp_status status;

    if (smtp->channel.lost || smtp->stage != SMTP_STAGE_RCPT)
        return out_of_order(smtp, why);
    status = say(smtp, 3, "DATA", why);
    if (status != SMTP_OK)
        return status;
    smtp->stage = SMTP_STAGE_CONTENT;
    smtp->line_start = true;
    smtp->after_cr = false;
    return SMTP_OK;
}

/* Bytes of one line of the content without its LF. */
static enum smtp_status write_run(struct smtp *smtp, const char *bytes, size_t length, char **why)
{
    enum smtp_status status = SMTP_OK;

    if (length == 0)
        return SMTP_OK;
    if (smtp->line_start && *bytes == '.')
        status = smtp_channel_put(&smtp->channel, ".", 1, why);
    smtp->line_start = false;
    smtp->after_cr = bytes[length - 1] == '\r';
    return status == SMTP_OK ? smtp_channel_put(&smtp->channel, bytes, length, why) : status;
}

static enum smtp_status end_line(struct smtp *smtp, char **why)
{
    const char *end = smtp->after_cr ? "\n" : "\r\n";

    smtp->line_start = true;
    smtp->after_cr = false;
    return smtp_channel_put(&smtp->channel, end, strlen(end), why);
}

enum smtp_status smtp_write(struct smtp *smtp, const void *bytes, size_t length, char **why)
{
    enum smtp_status status = SMTP_OK;
    const char *at = bytes;

    if (smtp->channel.lost || smtp->stage != SMTP_STAGE_CONTENT)
        return out_of_order(smtp, why);
    while (length > 0 && status == SMTP_OK) {
        const char *end = memchr(at, '\n', length);
        size_t run = end ? (size_t)(end - at) : length;

        status = write_run(smtp, at, run, why);
        if (end && status == SMTP_OK)
            status = end_line(smtp, why);
        run += end ? 1 : 0;
        at += run;
        length -= run;
    }
    if (status != SMTP_OK)
        why_prefix(why, "%s, content", smtp->where);
    return status;
}

/* Before the end of the content an answer can only be a refusal, which must not be taken for an
 * acceptance. */
enum smtp_status smtp_flush(struct smtp *smtp, char **why)
{
    enum smtp_status status;

    if (smtp->channel.lost || smtp->stage != SMTP_STAGE_CONTENT)
        return out_of_order(smtp, why);
    status = smtp_channel_flush(&smtp->channel, why);
    if (status == SMTP_OK)
        status = smtp_channel_quiet(&smtp->channel, why);
    if (status != SMTP_OK)
        why_prefix(why, "%s, content", smtp->where);
    return status;
}

enum smtp_status smtp_end(struct smtp *smtp, char **why)
{
    struct smtp_channel *channel = &smtp->channel;
    enum smtp_status status;

    if (channel->lost || smtp->stage != SMTP_STAGE_CONTENT)
        return out_of_order(smtp, why);
    smtp->stage = SMTP_STAGE_BROKEN;
    status = smtp_channel_quiet(channel, why);
    if (status == SMTP_OK && !smtp->line_start)
        status = end_line(smtp, why);
    if (status == SMTP_OK)
        status = smtp_channel_put(channel, ".\r\n", 3, why);
    if (status == SMTP_OK)
        status = smtp_channel_flush(channel, why);
    if (status == SMTP_OK)
        status = smtp_channel_reply(channel, why);
    if (status != SMTP_OK) {
        why_prefix(why, "%s, end of data", smtp->where);
        return status;
    }
    smtp->stage = SMTP_STAGE_READY;
    return judge(smtp, 2, "the end of the content", why);
}

void smtp_extend(struct smtp *smtp, long long ms)
{
    long long until_ms = smtp_channel_now_ms() + ms;

    if (until_ms > smtp->channel.deadline_ms)
        smtp->channel.deadline_ms = until_ms;
}

const char *smtp_last_words(const struct smtp *smtp)
{
    return smtp->words ? smtp->words : "";
}

void smtp_quit(struct smtp **smtp)
{
    struct smtp *leaving = *smtp;

    /* Within the content it would be content. */
    if (leaving && !leaving->channel.lost && leaving->stage < SMTP_STAGE_CONTENT) {
        long long until_ms = smtp_channel_now_ms() + QUIT_TIMEOUT_MS;

        if (until_ms < leaving->channel.deadline_ms)
            leaving->channel.deadline_ms = until_ms;
        say(leaving, 2, "QUIT", NULL);
    }
    smtp_free(smtp);
}

void smtp_free(struct smtp **smtp)
{
    if (!*smtp)
        return;
    curl_easy_cleanup((*smtp)->channel.curl);
    free((*smtp)->where);
    free((*smtp)->words);
    free(*smtp);
    *smtp = NULL;
}
