/* Sending a notice: putting its mail together and handing it to the mail server. */
#include "notice_delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mail_date.h"
#include "mail_template.h"
#include "notice_message.h"
#include "notice_text.h"
#include "utf8.h"
#include "why.h"

#define LOG_ID "notice"

/* The From address: the setting's, or MAILER-DAEMON of authserv_id. NULL out of memory. */
static char *from_address(const struct settings *settings)
{
    char *from = NULL;
    if (settings->notice_sender[0] != '\0')
        return strdup(settings->notice_sender);
    return asprintf(&from, "MAILER-DAEMON@%s", settings->authserv_id) < 0 ? NULL : from;
}

/* ---- Composing ---- */

static bool is_to_sender(const struct notice_mail *mail)
{
    return mail->recipient[0] != '\0';
}

/* The To field. What is not ASCII would need SMTPUTF8 for the header; the envelope says it anyway.
 */
static char *to_text(const struct settings *settings, const struct notice_mail *mail)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out;
    if (is_to_sender(mail) && !utf8_is_ascii(mail->recipient, strlen(mail->recipient)))
        return strdup("undisclosed-recipients:;");
    out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    if (is_to_sender(mail))
        fprintf(out, "<%s>", mail->recipient);
    for (size_t i = 0; !is_to_sender(mail) && i < settings->administrators.count; i++)
        fprintf(out, "%s<%s>", i > 0 ? ", " : "", settings->administrators.items[i]);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The administrator's text; where that is broken, ours: a notice is not what shall fail. */
static char *load_template(const struct settings *settings, bool to_sender)
{
    const char *name = to_sender ? "sender_notice_template" : "notice_template";
    const char *path = to_sender ? settings->sender_notice_template : settings->notice_template;
    const char *built_in = notice_text_built_in(to_sender);
    char *why = NULL;
    char *text = mail_template_load(path, built_in, &why);
    if (text == NULL && path[0] != '\0') {
        log_line(LOG_LEVEL_ERROR, LOG_ID, "%s is not used: %s", name, why_text(&why));
        text = strdup(built_in);
    }
    why_free(&why);
    return text;
}

static int make_text(const struct settings *settings, const struct notice_mail *mail, time_t now,
                     struct mail_text *out)
{
    struct notice_words german = {0};
    struct notice_words english = {0};
    char *text = load_template(settings, is_to_sender(mail));
    int rc = -1;
    if (text != NULL && notice_words_make(&mail->notices, NOTICE_GERMAN, now, &german) == 0 &&
        notice_words_make(&mail->notices, NOTICE_ENGLISH, now, &english) == 0) {
        const struct template_word words[] = {
            {"host", settings->authserv_id},
            {"subject", mail->notices.count > 0 ? mail->notices.items[0].object : ""},
            {"headline_de", german.headline},
            {"headline_en", english.headline},
            {"items_de", german.items},
            {"items_en", english.items},
        };
        rc = mail_template_fill(text, words, sizeof words / sizeof *words, out);
    }
    notice_words_clear(&german);
    notice_words_clear(&english);
    free(text);
    return rc;
}

static int compose(const struct settings *settings, const struct spool_options *spool,
                   const struct notice_mail *mail, time_t now, struct entity *out, char **why)
{
    struct mail_text text = {0};
    struct notice_parts parts = {.message_id = mail->message_id, .replied = is_to_sender(mail)};
    char date[MAIL_DATE_BYTES];
    char *address = from_address(settings);
    char *to = to_text(settings, mail);
    char *from = NULL;
    int rc = -1;
    if (address == NULL || to == NULL || asprintf(&from, "smimed <%s>", address) < 0) {
        from = NULL;
        why_set(why, "out of memory");
        goto out;
    }
    if (make_text(settings, mail, now, &text) != 0) {
        why_set(why, "out of memory");
        goto out;
    }
    mail_date(mail->formed, date);
    parts.from = from;
    parts.to = to;
    parts.date = date;
    parts.subject = text.subject;
    parts.text = text.body;
    /* What it answers can be named where it is one message. */
    if (mail->notices.count == 1 && mail->notices.items[0].reference[0] != '\0')
        parts.in_reply_to = mail->notices.items[0].reference;
    rc = notice_message_make(&parts, spool, out, why);
out:
    mail_text_clear(&text);
    free(address);
    free(from);
    free(to);
    return rc;
}

/* ---- Handing over ---- */

static void drop(struct copy_recipient *recipients, size_t *count, const char *refused)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(recipients[i].text, refused) != 0)
            recipients[kept++] = recipients[i];
    *count = kept;
}

/* One stale address must not keep the others from hearing of anything. */
static enum handover_status hand_over(const struct settings *settings, struct copy *copy,
                                      struct copy_recipient *recipients, char **why)
{
    char *refusals = NULL;
    enum handover_status status;
    for (;;) {
        const char *refused = NULL;
        size_t before = copy->recipient_count;
        size_t committed = 0;
        char *sentence = NULL;
        status = handover_own(settings, copy, 1, NULL, &committed, &refused, &sentence);
        if (status == HANDOVER_REFUSED && refused != NULL)
            drop(recipients, &copy->recipient_count, refused);
        if (status != HANDOVER_DONE) {
            char *former = refusals;
            refusals = NULL;
            why_set(&refusals, "%s%s%s", former != NULL ? former : "", former != NULL ? "; " : "",
                    why_text(&sentence));
            why_free(&former);
        }
        why_free(&sentence);
        if (status != HANDOVER_REFUSED || copy->recipient_count == before ||
            copy->recipient_count == 0)
            break;
    }
    *why = refusals;
    return status;
}

enum handover_status notice_deliver(const struct settings *settings,
                                    const struct spool_options *spool,
                                    const struct notice_mail *mail, time_t now, char **why)
{
    size_t count = is_to_sender(mail) ? 1 : settings->administrators.count;
    struct copy_recipient *recipients = calloc(count + 1, sizeof *recipients);
    struct entity message = {0};
    struct copy copy = {
        .sender = "", .recipients = recipients, .recipient_count = count, .message = &message};
    enum handover_status status = HANDOVER_DEFERRED;
    if (recipients == NULL) {
        why_set(why, "out of memory");
        return HANDOVER_DEFERRED;
    }
    for (size_t i = 0; i < count; i++)
        recipients[i] = (struct copy_recipient){
            .text = is_to_sender(mail) ? mail->recipient : settings->administrators.items[i],
            .notify = "NEVER"};
    if (compose(settings, spool, mail, now, &message, why) == 0)
        status = hand_over(settings, &copy, recipients, why);
    entity_clear(&message);
    free(recipients);
    return status;
}
