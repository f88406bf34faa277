/* The report of `process` as one JSON object. */
#include "process_report.h"

#include <stdlib.h>

#include "certificate.h"
#include "process_names.h"
#include "table.h"

static json_t *reply_json(const struct reply *reply)
{
    if (!reply) {
        return json_null();
    }
    return json_pack("{s:i,s:s,s:o,s:o}", "code", reply->code, "enhanced", reply->enhanced, "text",
                     json_text(reply->english), "german", json_text(reply->german));
}

static json_t *accepted_json(const struct recipient *recipient)
{
    return json_pack("{s:o,s:b,s:s,s:s,s:I,s:s,s:s,s:b,s:n}", "address",
                     json_text(recipient->canonical), "accepted", 1, "direction",
                     direction_name(recipient->direction), "mode", process_mode_name(recipient),
                     "rule", (json_int_t)recipient->decision.position, "choice",
                     choice_effect_name(recipient->choice), "transform",
                     transform_name(recipient->transform), "blind", recipient->blind, "reply");
}

static json_t *refused_json(const struct refused_recipient *refused)
{
    return json_pack("{s:o,s:b,s:o,s:o}", "address", json_text(refused->address), "accepted", 0,
                     "reply", reply_json(&refused->reply), "reason", json_text(refused->why));
}

static json_t *recipients_json(const struct process_result *result)
{
    json_t *list = json_array();
    int rc = list ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < result->transaction.recipient_count; i++) {
        rc = json_array_append_new(list, accepted_json(&result->transaction.recipients[i]));
    }
    for (size_t i = 0; rc == 0 && i < result->refused_count; i++) {
        rc = json_array_append_new(list, refused_json(&result->refused[i]));
    }
    if (rc) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *certificate_or_null(X509 *certificate)
{
    return certificate ? certificate_json(certificate) : json_null();
}

static json_t *weak_json(unsigned weak)
{
    char *text = weakness_text(weak);
    json_t *value = json_text(text);
    free(text);
    return value;
}

static json_t *layer_json(const struct layer *layer)
{
    bool encrypted = layer->kind == LAYER_ENCRYPTED;
    return json_pack(
        "{s:s,s:s,s:o,s:o,s:b,s:o,s:o,s:o}", "kind", process_layer_name(layer->kind), "verdict",
        encrypted ? encryption_verdict_name(layer->encryption)
                  : signature_verdict_name(layer->signature),
        "reason", json_text(layer->reason), "algorithms", json_text(layer->algorithms),
        "authenticated", layer->authenticated, "signer", certificate_or_null(layer->signer),
        "signing_time", json_time(layer->signing_time), "weak", weak_json(layer->weak));
}

static json_t *layers_json(const struct opened *opened)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < opened->layer_count; i++) {
        if (json_array_append_new(list, layer_json(&opened->layers[i]))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *verdict_json(const char *verdict, const char *reason)
{
    return json_pack("{s:s,s:o}", "verdict", verdict, "reason", json_text(reason));
}

static json_t *protection_json(const struct restored *restored)
{
    json_t *names = json_array();
    for (size_t i = 0; names && i < restored->name_count; i++) {
        if (json_array_append_new(names, json_string(restored->names[i]))) {
            json_decref(names);
            names = NULL;
        }
    }
    return json_pack("{s:s,s:b,s:o,s:o,s:o}", "form", protection_form_name(restored->form),
                     "from_differs", restored->from_differs, "restored", names, "confidential",
                     json_text(restored->confidential), "differing",
                     json_text(restored->differing));
}

static int add_opened(json_t *report, const struct opened *opened)
{
    return json_object_set_new(report, "encryption",
                               verdict_json(encryption_verdict_name(opened->encryption),
                                            opened->encryption_reason)) ||
                   json_object_set_new(report, "signature",
                                       verdict_json(signature_verdict_name(opened->signature),
                                                    opened->signature_reason)) ||
                   json_object_set_new(report, "layers", layers_json(opened)) ||
                   json_object_set_new(report, "header_protection",
                                       protection_json(&opened->restored)) ||
                   json_object_set_new(report, "cipher", json_text(opened->cipher)) ||
                   json_object_set_new(report, "weak", weak_json(opened->weak)) ||
                   json_object_set_new(report, "unauthenticated_ciphertext",
                                       json_boolean(opened->unauthenticated)) ||
                   json_object_set_new(report, "defanged", json_boolean(opened->defanged)) ||
                   json_object_set_new(report, "signer_encryption_certificate",
                                       certificate_or_null(opened->harvest.certificate)) ||
                   json_object_set_new(report, "signed_part",
                                       json_boolean(opened->has_signed_part)) ||
                   json_object_set_new(report, "encrypted_part",
                                       json_boolean(opened->has_encrypted_part)) ||
                   json_object_set_new(report, "tnef_part", json_boolean(opened->has_tnef_part))
               ? -1
               : 0;
}

static json_t *edits_json(const struct outcome *outcome)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < outcome->edit_count; i++) {
        const struct header_edit *edit = &outcome->edits[i];
        json_t *row = json_pack("{s:s,s:o,s:I,s:o}", "edit", process_edit_name(edit->kind), "name",
                                json_text(edit->name), "index", (json_int_t)edit->index, "value",
                                json_text(edit->value));
        if (json_array_append_new(list, row)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static int add_outcome(json_t *report, const struct outcome *outcome)
{
    int rc =
        json_object_set_new(report, "direction", json_string(direction_name(outcome->direction))) ||
        json_object_set_new(report, "transform", json_string(transform_name(outcome->transform))) ||
        json_object_set_new(report, "changed", json_boolean(outcome->action == FLOW_REPLACE)) ||
        json_object_set_new(report, "return_headers_only",
                            json_boolean(outcome->return_headers_only)) ||
        json_object_set_new(report, "signer", json_text(outcome->signer)) ||
        json_object_set_new(report, "left_unsigned", json_text(outcome->exemption)) ||
        json_object_set_new(report, "choice", json_text(outcome->choice)) ||
        json_object_set_new(report, "choice_by", json_text(outcome->choice_by)) ||
        json_object_set_new(report, "note", json_text(outcome->note)) ||
        json_object_set_new(report, "cause", json_text(outcome->cause)) ||
        json_object_set_new(report, "edits", edits_json(outcome));
    if (rc == 0 && outcome->opened_set) {
        rc = add_opened(report, &outcome->opened);
    }
    return rc ? -1 : 0;
}

static json_t *members_json(const struct transaction *transaction, const struct outcome_copy *copy)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < copy->count; i++) {
        const struct recipient *recipient = &transaction->recipients[copy->members[i]];
        json_t *row = json_pack("{s:o,s:o}", "address", json_text(recipient->canonical), "reply",
                                reply_json(recipient->reply.code ? &recipient->reply : NULL));
        if (json_array_append_new(list, row)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *copies_json(const struct process_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < result->outcome.copy_count; i++) {
        const struct outcome_copy *copy = &result->outcome.copies[i];
        json_t *row = json_pack("{s:s,s:o}", "action",
                                copy->outcome->action == FLOW_REPLY ? "refused" : "accepted",
                                "recipients", members_json(&result->transaction, copy));
        if (!row || add_outcome(row, copy->outcome) || json_array_append_new(list, row)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *process_result_json(const struct process_result *result)
{
    const struct transaction *transaction = &result->transaction;
    const struct reply *reply = process_reply(result);
    json_t *report =
        json_pack("{s:s,s:o,s:s,s:o,s:o,s:o}", "action", process_action_name(reply), "reply",
                  reply_json(reply), "role", role_name(transaction->role), "sender",
                  json_text(transaction->sender), "recipients", recipients_json(result),
                  "directories", json_text(transaction->lookups));
    int rc = report ? 0 : -1;
    if (rc == 0 && result->outcome_set) {
        rc = add_outcome(report, &result->outcome) ||
             json_object_set_new(report, "copies", copies_json(result));
    } else if (rc == 0) {
        rc = json_object_set_new(report, "cause", json_text(result->cause));
    }
    if (rc) {
        json_decref(report);
        return NULL;
    }
    return report;
}

int process_report_json(const struct process_result *result, FILE *out)
{
    return json_write(process_result_json(result), out);
}
