/* The report of `process` as lines for people. */
#include "process_report.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "certificate.h"
#include "iso8601.h"
#include "process_names.h"
#include "tell.h"

const struct reply *process_reply(const struct process_result *result)
{
    if (!result->outcome_set) {
        return &result->reply;
    }
    return result->outcome.action == FLOW_REPLY ? &result->outcome.reply : NULL;
}

/* "label: text", nothing where there is no text. */
static void line(FILE *out, const char *label, const char *text)
{
    if (text) {
        fprintf(out, "%s: ", label);
        tell_text(out, text);
        fputc('\n', out);
    }
}

static void print_reply(FILE *out, const struct reply *reply)
{
    fprintf(out, "reply: %d %s ", reply->code, reply->enhanced);
    tell_text(out, reply->english);
    fputc('\n', out);
    line(out, "reply in German", reply->german);
}

static void print_recipients(const struct process_result *result, FILE *out)
{
    for (size_t i = 0; i < result->transaction.recipient_count; i++) {
        const struct recipient *recipient = &result->transaction.recipients[i];
        fputs("recipient ", out);
        tell_text(out, recipient->canonical);
        if (recipient->direction == DIRECTION_NONE) {
            fputs(": untouched\n", out);
            continue;
        }
        fprintf(out, ": %s, ", process_mode_name(recipient));
        if (recipient->decision.position > 0) {
            fprintf(out, "by rule %zu", recipient->decision.position);
        } else {
            fputs("by default", out);
        }
        fputs(process_choice_text(recipient->choice), out);
        fprintf(out, ": %s%s\n", transform_name(recipient->transform),
                recipient->blind && result->outcome_set &&
                        recipient->direction == DIRECTION_OUTGOING
                    ? " (blind copy)"
                    : "");
    }
    for (size_t i = 0; i < result->refused_count; i++) {
        const struct refused_recipient *refused = &result->refused[i];
        fputs("recipient ", out);
        tell_text(out, refused->address);
        fprintf(out, ": refused: %d %s ", refused->reply.code, refused->reply.enhanced);
        tell_text(out, refused->reply.english);
        fputc('\n', out);
        line(out, "  because", refused->why);
    }
}

static void print_verdict(FILE *out, const char *label, const char *verdict, const char *reason)
{
    fprintf(out, "%s: %s", label, verdict);
    if (reason && strcmp(reason, verdict) != 0) {
        fputs(": ", out);
        tell_text(out, reason);
    }
    fputc('\n', out);
}

static void print_layer(FILE *out, size_t number, const struct layer *layer)
{
    const char *verdict = layer->kind == LAYER_ENCRYPTED
                              ? encryption_verdict_name(layer->encryption)
                              : signature_verdict_name(layer->signature);
    fprintf(out, "layer %zu: %s, %s", number, process_layer_name(layer->kind), verdict);
    if (layer->algorithms) {
        fputs(", ", out);
        tell_text(out, layer->algorithms);
    }
    if (layer->reason && strcmp(layer->reason, verdict) != 0) {
        fputs(": ", out);
        tell_text(out, layer->reason);
    }
    fputc('\n', out);
    if (layer->signer) {
        char *subject = certificate_subject(layer->signer);
        line(out, "  signer", subject);
        OPENSSL_free(subject);
    }
    if (layer->signing_time) {
        char time[ISO8601_BYTES];
        iso8601_time(layer->signing_time, time);
        line(out, "  signed at", time);
    }
}

static void print_opened(const struct opened *opened, FILE *out)
{
    print_verdict(out, "encryption", encryption_verdict_name(opened->encryption),
                  opened->encryption_reason);
    print_verdict(out, "signature", signature_verdict_name(opened->signature),
                  opened->signature_reason);
    for (size_t i = 0; i < opened->layer_count; i++) {
        print_layer(out, i + 1, &opened->layers[i]);
    }
    if (opened->weak != 0) {
        char *weak = weakness_text(opened->weak);
        line(out, "weak algorithms", weak ? weak : "?");
        free(weak);
    }
    if (opened->unauthenticated) {
        fprintf(out, "the ciphertext could have been altered on its way%s\n",
                opened->defanged ? "; what is delivered was made inert" : "");
    }
    if (opened->restored.form != PROTECTION_FORM_NONE) {
        char *text = restored_text(&opened->restored);
        line(out, "header protection", text ? text : "?");
        free(text);
    }
    if (opened->has_signed_part) {
        fputs("a part of the message is signed; it was left alone\n", out);
    }
    if (opened->has_encrypted_part) {
        fputs("a part of the message is encrypted; it was left alone\n", out);
    }
    if (opened->has_tnef_part) {
        fputs("a part of the message is Outlook's winmail.dat (TNEF); it was not looked at\n", out);
    }
}

/* Who leaves this message: for a copy, or refused by a report to the sender. */
static void print_copy(const struct process_result *result, const struct outcome_copy *copy,
                       FILE *out)
{
    bool refused = copy->outcome->action == FLOW_REPLY;
    for (size_t i = 0; i < copy->count; i++) {
        const struct recipient *recipient = &result->transaction.recipients[copy->members[i]];
        fputs(i > 0 ? ", " : refused ? "refused by a report: " : "a copy for ", out);
        tell_text(out, recipient->canonical);
    }
    if (!refused) {
        fprintf(out, ": %s\n", transform_name(copy->outcome->transform));
        line(out, "  note", copy->outcome->note);
        return;
    }
    fputc('\n', out);
    print_reply(out, &copy->outcome->reply);
}

/* How many of each; what exactly is for --json. */
static void print_edits(const struct outcome *outcome, FILE *out)
{
    size_t deleted = 0, changed = 0;
    for (size_t i = 0; i < outcome->edit_count; i++) {
        deleted += outcome->edits[i].kind == EDIT_DELETE;
        changed += outcome->edits[i].kind == EDIT_CHANGE;
    }
    if (outcome->edit_count > 0) {
        fprintf(out, "header fields: %zu deleted, %zu added, %zu changed\n", deleted,
                outcome->edit_count - deleted - changed, changed);
    }
}

void process_report_text(const struct process_result *result, FILE *out)
{
    const struct outcome *outcome = &result->outcome;
    const struct reply *reply = process_reply(result);
    fputs(process_action_name(reply), out);
    if (result->outcome_set) {
        fprintf(out, ": %s, %s",
                outcome->direction == DIRECTION_NONE ? "neither outgoing nor incoming"
                                                     : direction_name(outcome->direction),
                reply ? "nothing sent on" : transform_name(outcome->transform));
    }
    fputc('\n', out);
    if (reply) {
        print_reply(out, reply);
    }
    line(out, "cause", result->outcome_set ? outcome->cause : result->cause);
    if (result->outcome_set && outcome->choice) {
        fprintf(out, "the sender chose: %s, by ", outcome->choice);
        tell_text(out, outcome->choice_by);
        fputc('\n', out);
    }
    print_recipients(result, out);
    line(out, "directories", result->transaction.lookups);
    if (!result->outcome_set) {
        return;
    }
    if (outcome->opened_set) {
        print_opened(&outcome->opened, out);
    }
    line(out, "signed as", outcome->signer);
    line(out, "left unsigned", outcome->exemption);
    line(out, "note", outcome->note);
    print_edits(outcome, out);
    for (size_t i = 0; i < outcome->copy_count; i++) {
        print_copy(result, &outcome->copies[i], out);
    }
}
