/* The log line of a message: key=value pairs, text between double quotes, one line a message. */
#include "message_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Append ` key="value"` where there is a value. */
static void put_text(FILE *out, const char *key, const char *value)
{
    char *clean;

    if (!value)
        return;
    clean = log_escape(value);
    fprintf(out, " %s=\"%s\"", key, clean ? clean : "?");
    free(clean);
}

static void put_reply(FILE *out, const struct reply *reply)
{
    if (reply->code == 0)
        return;
    fprintf(out, " code=%d enhanced=%s", reply->code, reply->enhanced);
    put_text(out, "reply", reply->english);
}

static void put_protection(FILE *out, const struct restored *restored)
{
    char *text = NULL;

    if (restored->form == PROTECTION_FORM_NONE)
        return;
    text = restored_text(restored);
    put_text(out, "header_protection", text ? text : "?");
    free(text);
}

/* What nobody outside is told of a layer that could not be decrypted. */
static void put_detail(FILE *out, const struct opened *opened)
{
    for (size_t i = 0; i < opened->layer_count; i++) {
        const struct layer *layer = &opened->layers[i];

        if (layer->kind == LAYER_ENCRYPTED && layer->encryption == ENCRYPTION_NOT_DECRYPTED &&
            layer->reason && opened->encryption_reason &&
            strcmp(layer->reason, opened->encryption_reason) != 0)
            put_text(out, "encryption_detail", layer->reason);
    }
}

static void put_verdict(FILE *out, const struct opened *opened)
{
    char *weak;

    fprintf(out, " encryption=%s signature=%s", encryption_verdict_name(opened->encryption),
            signature_verdict_name(opened->signature));
    if (opened->unauthenticated)
        fprintf(out, " ciphertext=%s", opened->defanged ? "defanged" : "unauthenticated");
    put_text(out, "encryption_reason", opened->encryption_reason);
    put_detail(out, opened);
    put_text(out, "signature_reason", opened->signature_reason);
    weak = weakness_text(opened->weak);
    put_text(out, "weak", weak);
    free(weak);
    put_protection(out, &opened->restored);
}

static void put_work(FILE *out, const struct outcome *outcome)
{
    fprintf(out, " transform=%s", transform_name(outcome->transform));
    if (outcome->direction == DIRECTION_OUTGOING)
        put_text(out, "signer", outcome->signer ? outcome->signer : "");
    put_text(out, "unsigned", outcome->exemption);
    put_text(out, "choice", outcome->choice);
    put_text(out, "choice_by", outcome->choice_by);
    if (outcome->opened_set)
        put_verdict(out, &outcome->opened);
    put_text(out, "note", outcome->note);
}

/* Write what `out` collected in *text as one line, and release both. */
static void finish(enum log_level level, const char *id, FILE *out, char **text)
{
    if (fclose(out) == 0 && *text)
        log_line(level, id, "%s", *text);
    free(*text);
    *text = NULL;
}

static FILE *begin(char **text, size_t *length, const char *id)
{
    FILE *out = open_memstream(text, length);

    if (!out)
        log_line(LOG_LEVEL_ERROR, id, "out of memory for a log line");
    return out;
}

void message_log(const char *id, const char *action, const struct transaction *transaction,
                 const struct outcome *outcome, long elapsed_ms)
{
    bool defer = outcome->action == FLOW_REPLY && outcome->reply.code < 500;
    enum log_level level = defer ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    char *text = NULL;
    size_t length = 0;
    FILE *out;

    if (!log_enabled(level) || !(out = begin(&text, &length, id)))
        return;
    fprintf(out, "message direction=%s action=%s", direction_name(outcome->direction), action);
    put_text(out, "from", transaction->sender_text);
    fprintf(out, " recipients=%zu role=%s", transaction->recipient_count,
            role_name(transaction->role));
    if (outcome->copy_count > 0)
        fprintf(out, " copies=%zu", outcome->copy_count);
    put_text(out, "login", transaction->login);
    put_text(out, "tls", transaction->tls);
    put_work(out, outcome);
    put_text(out, "lookups", transaction->lookups);
    put_reply(out, &outcome->reply);
    put_text(out, "cause", outcome->cause);
    fprintf(out, " seconds=%ld.%03ld", elapsed_ms / 1000, elapsed_ms % 1000);
    finish(level, id, out, &text);
}

void message_log_copy(const char *id, const struct transaction *transaction,
                      const struct outcome_copy *copy)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out;

    if (!log_enabled(LOG_LEVEL_INFO) || !(out = begin(&text, &length, id)))
        return;
    fprintf(out, "copy direction=%s action=%s", direction_name(copy->outcome->direction),
            copy->outcome->action == FLOW_REPLACE ? "replace"
            : copy->outcome->action == FLOW_REPLY ? "report"
                                                  : "pass");
    for (size_t i = 0; i < copy->count; i++)
        put_text(out, "to", transaction->recipients[copy->members[i]].text);
    put_work(out, copy->outcome);
    put_reply(out, &copy->outcome->reply);
    put_text(out, "cause", copy->outcome->cause);
    finish(LOG_LEVEL_INFO, id, out, &text);
}

void message_log_refused(const char *id, const struct transaction *transaction,
                         const char *recipient, const struct reply *reply, const char *cause)
{
    enum log_level level = reply->code < 500 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    char *text = NULL;
    size_t length = 0;
    FILE *out;

    if (!log_enabled(level) || !(out = begin(&text, &length, id)))
        return;
    fprintf(out, "%s action=%s", recipient ? "recipient" : "message",
            reply->code < 500 ? "defer" : "refuse");
    put_text(out, "from", transaction->sender_text);
    put_text(out, "to", recipient);
    fprintf(out, " recipients=%zu role=%s", transaction->recipient_count,
            role_name(transaction->role));
    put_text(out, "login", transaction->login);
    put_text(out, "tls", transaction->tls);
    put_text(out, "lookups", transaction->lookups);
    put_reply(out, reply);
    put_text(out, "cause", cause);
    finish(level, id, out, &text);
}
