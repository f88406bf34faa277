/* Delivery status notifications. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "auth_results.h"
#include "copies.h"
#include "header_edits.h"
#include "log.h"
#include "mail_date.h"
#include "message_id.h"
#include "report_message.h"
#include "report_text.h"
#include "subject.h"
#include "why.h"

#define SUBJECT_MAX_BYTES 200

/* Says one of the MTA's own filters that the sender's address is his? 1, 0, -1 out of memory. */
static int is_authenticated(const struct gateway *gateway, const struct transaction *transaction)
{
    const struct header *header = &transaction->message.header;
    const char *at = strrchr(transaction->sender, '@');
    const struct header_field *field;
    int found = 0;
    for (size_t i = 0; found == 0 && at != NULL &&
                       (field = header_get(header, "Authentication-Results", i)) != NULL;
         i++)
        found =
            auth_results_authenticate(field->value, gateway->config->settings.authserv_id, at + 1);
    return found;
}

int report_allowed(const struct gateway *gateway, const struct transaction *transaction)
{
    if (!copies_allowed(gateway) || transaction->sender[0] == '\0')
        return 0;
    return transaction->role == ROLE_INBOUND ? is_authenticated(gateway, transaction) : 1;
}

bool report_wanted(const struct recipient *recipient)
{
    const char *notify = transaction_arg(recipient->args, "NOTIFY");
    return notify == NULL || strcasestr(notify, "FAILURE") != NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Write what xtext (RFC 3461 section 4) stands for, as far as it is printable ASCII. */
static void put_xtext(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        int c = (unsigned char)*text;
        if (c == '+' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
            c = hex_digit(text[1]) * 16 + hex_digit(text[2]);
            text += 2;
        }
        putc(c >= 0x20 && c < 0x7F ? c : '?', out);
    }
}

/* One code point of well-formed UTF-8; *length_out is how many bytes it has. */
static unsigned long code_point(const unsigned char *p, size_t *length_out)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    unsigned long value = length == 1 ? p[0] : p[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            length = i;
            break;
        }
        value = value << 6 | (p[i] & 0x3FU);
    }
    *length_out = length;
    return value;
}

/* RFC 3464 section 2.3.2; beyond ASCII as utf-8-addr-xtext (RFC 6533 section 3). */
static void put_address(FILE *out, const char *address)
{
    const unsigned char *p = (const unsigned char *)address;
    bool ascii = true;
    for (; *p != '\0'; p++)
        ascii = ascii && *p < 0x80;
    if (ascii) {
        fprintf(out, "rfc822; %s", address);
        return;
    }
    fputs("utf-8; ", out);
    for (p = (const unsigned char *)address; *p != '\0';) {
        size_t length;
        unsigned long point = code_point(p, &length);
        if (point > 0x20 && point < 0x7F && point != '+' && point != '=' && point != '\\')
            putc((int)point, out);
        else
            fprintf(out, "\\x{%lX}", point);
        p += length;
    }
}

static char *status_text(const struct gateway *gateway, const struct transaction *transaction,
                         const size_t *members, size_t count, const char *date)
{
    const char *envid = transaction_arg(transaction->sender_args, "ENVID");
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    fprintf(out, "Reporting-MTA: dns; %s\n", gateway->config->settings.authserv_id);
    if (envid != NULL) {
        fputs("Original-Envelope-Id: ", out);
        put_xtext(out, envid);
        putc('\n', out);
    }
    fprintf(out, "Arrival-Date: %s\n", date);
    for (size_t i = 0; i < count; i++) {
        const struct recipient *recipient = &transaction->recipients[members[i]];
        const char *original = transaction_arg(recipient->args, "ORCPT");
        putc('\n', out);
        if (original != NULL && strchr(original, ';') != NULL) {
            fprintf(out, "Original-Recipient: %.*s; ", (int)strcspn(original, ";"), original);
            put_xtext(out, strchr(original, ';') + 1);
            putc('\n', out);
        }
        fputs("Final-Recipient: ", out);
        put_address(out, recipient->text);
        fprintf(out, "\nAction: failed\nStatus: %s\nDiagnostic-Code: smtp; %d %s %s\n",
                recipient->reply.enhanced, recipient->reply.code, recipient->reply.enhanced,
                recipient->reply.english);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* "<bob@partner.test>:\n    why" for each, in one language. */
static char *recipients_text(const struct transaction *transaction, const size_t *members,
                             size_t count, bool german)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct recipient *recipient = &transaction->recipients[members[i]];
        fprintf(out, "%s<%s>:\n    %s", i > 0 ? "\n" : "", recipient->text,
                german ? recipient->reply.german : recipient->reply.english);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static char *header_text(const struct header *header)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < header->count && ftell(out) < REPORT_MAX_HEADER_BYTES; i++)
        fprintf(out, "%s:%s\r\n", header->fields[i].name, header->fields[i].value);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The administrator's text; where that is broken, ours: a report is not what shall fail. */
static int load_text(const struct gateway *gateway, const char *id,
                     const struct report_words *words, struct mail_text *out)
{
    char *why = NULL;
    char *text = report_text_load(gateway->config->settings.report_template, &why);
    int rc;
    if (text == NULL)
        log_line(LOG_LEVEL_ERROR, id, "report_template is not used: %s", why_text(&why));
    why_free(&why);
    rc = report_text_fill(text != NULL ? text : report_text_built_in(), words, out);
    free(text);
    return rc;
}

struct pieces {
    char *subject;
    char *german;
    char *english;
    char *status;
    char *headers;
    char *from;
    char *message_id;
    char *in_reply_to; /* NULL: the message has no identifier that could be named */
    struct mail_text text;
};

static void pieces_clear(struct pieces *pieces)
{
    free(pieces->subject);
    free(pieces->german);
    free(pieces->english);
    free(pieces->status);
    free(pieces->headers);
    free(pieces->from);
    free(pieces->message_id);
    free(pieces->in_reply_to);
    mail_text_clear(&pieces->text);
}

/* The header that the report gives back: it travels in the clear, and its reader knows what he has
 * written. */
static int returned_header(const struct gateway *gateway, const struct transaction *transaction,
                           struct header *out)
{
    const struct header *header = &transaction->message.header;
    struct outcome hiding = {0};
    int rc = header_copy(out, header);
    if (rc == 0 && header_edits_hides(&gateway->config->settings, transaction))
        rc = header_edits_hide(CONFIDENTIALITY_BASELINE, header, &hiding);
    if (rc == 0)
        rc = outcome_edit_header(&hiding, out);
    outcome_clear(&hiding);
    return rc;
}

static int make_pieces(const struct gateway *gateway, const struct transaction *transaction,
                       const struct header *header, const size_t *members, size_t count,
                       const char *id, const char *date, struct pieces *out)
{
    const char *host = gateway->config->settings.authserv_id;
    const struct header_field *subject = header_get(header, "Subject", 0);
    struct report_words words = {.host = host, .sender = transaction->sender_text};
    out->subject = subject_words(subject != NULL ? subject->value : NULL, SUBJECT_MAX_BYTES);
    out->german = recipients_text(transaction, members, count, true);
    out->english = recipients_text(transaction, members, count, false);
    out->status = status_text(gateway, transaction, members, count, date);
    out->headers = header_text(header);
    out->message_id = message_id_new(host);
    out->in_reply_to = message_id_named(header);
    if (asprintf(&out->from, "Mail Delivery System <MAILER-DAEMON@%s>", host) < 0)
        out->from = NULL;
    if (out->subject == NULL || out->german == NULL || out->english == NULL ||
        out->status == NULL || out->headers == NULL || out->from == NULL || out->message_id == NULL)
        return -1;
    words.subject = out->subject;
    words.recipients_de = out->german;
    words.recipients_en = out->english;
    return load_text(gateway, id, &words, &out->text);
}

int report_make(const struct gateway *gateway, const struct transaction *transaction,
                const size_t *members, size_t count, const char *id, time_t now, struct entity *out,
                char **why)
{
    struct pieces pieces = {0};
    struct report_parts parts = {.to = transaction->sender_text};
    struct header header = {0};
    char date[MAIL_DATE_BYTES];
    int rc = -1;
    mail_date(now, date);
    if (returned_header(gateway, transaction, &header) != 0 ||
        make_pieces(gateway, transaction, &header, members, count, id, date, &pieces) != 0) {
        why_set(why, "out of memory");
        goto out;
    }
    parts.from = pieces.from;
    parts.subject = pieces.text.subject;
    parts.date = date;
    parts.message_id = pieces.message_id;
    parts.in_reply_to = pieces.in_reply_to;
    parts.text = pieces.text.body;
    parts.status = pieces.status;
    parts.headers = pieces.headers;
    rc = report_message_make(&parts, &gateway->spool, out, why);
out:
    header_clear(&header);
    pieces_clear(&pieces);
    return rc;
}
