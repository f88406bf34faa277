/* What `rules explain` found, as JSON. */
#include "explanation_json.h"

#include <stdlib.h>

#include "certificate.h"
#include "table.h"
#include "why.h"

static const char *match_name(enum rule_match match)
{
    static const char *const names[] = {
        [RULE_DECIDES] = "decides",
        [RULE_MANAGED_DIFFERS] = "managed-differs",
        [RULE_EXTERNAL_DIFFERS] = "external-differs",
        [RULE_UNDEFINED] = "undefined",
        [RULE_SHADOWED] = "shadowed",
    };
    return names[match];
}

static json_t *rules_json(const struct context *context, const struct explanation *explanation)
{
    const struct rule_list *rules = &context->config->rules;
    json_t *list = json_array();
    for (size_t i = 0; list && !explanation->internal && i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        enum rule_match match = explanation_rule(context, explanation, i);
        char *sentence = explanation_sentence(explanation, rule, match);
        json_t *row =
            json_pack("{s:I,s:s,s:s,s:o,s:o,s:o,s:I}", "position", (json_int_t)(i + 1), "match",
                      match_name(match), "mode", explanation_rule_mode(explanation, rule), "reason",
                      json_text(sentence), "note", json_text(rule->note), "file",
                      json_text(rule->file), "line", (json_int_t)rule->line);
        free(sentence);
        if (json_array_append_new(list, row)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *answer_json(const struct certificate_answer *answer)
{
    if (!answer->asked) {
        return json_null();
    }
    if (!answer->certificate) {
        return json_pack("{s:n,s:o}", "certificate", "reason",
                         json_text(why_text(&answer->reason)));
    }
    return json_pack("{s:o,s:n}", "certificate", certificate_json(answer->certificate), "reason");
}

/* Only what goes out has a sender of ours, and only for an external recipient he may choose. */
static json_t *choice_json(const struct explanation *explanation)
{
    if (explanation->direction != DIRECTION_OUTGOING || explanation->internal) {
        return json_null();
    }
    return json_string(sender_choice_name(explanation->allowed));
}

/* The same, with who brought the certificate and who would be asked for one. */
static json_t *encryption_json(const struct certificate_answer *answer)
{
    json_t *value = answer_json(answer);
    if (!answer->asked || !value) {
        return value;
    }
    if (json_object_set_new(value, "source",
                            answer->certificate ? json_text(pubkey_source_name(answer->source))
                                                : json_null()) ||
        json_object_set_new(value, "directories", json_text(answer->directories))) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* How it signs and encrypts; null for what it does not. */
static json_t *algorithms_json(const struct explanation *explanation)
{
    const struct encryption_choice *encrypts = &explanation->encrypts;
    bool signs = explanation->signing.certificate != NULL;
    bool encrypting = explanation->encryption.certificate != NULL;
    if (explanation->direction != DIRECTION_OUTGOING || explanation->internal) {
        return json_null();
    }
    json_t *ciphers = encrypting ? json_array() : json_null();
    for (size_t i = 0; ciphers && encrypting && i < encrypts->ciphers.count; i++) {
        if (json_array_append_new(ciphers,
                                  json_string(encrypt_cipher_name(encrypts->ciphers.items[i])))) {
            json_decref(ciphers);
            ciphers = NULL;
        }
    }
    return json_pack(
        "{s:o,s:I,s:o,s:o,s:o,s:o}", "profile", json_text(explanation->profile->name), "position",
        (json_int_t)explanation->decision.profile_position, "signature",
        json_text(signs ? sign_scheme_name(explanation->signs.scheme) : NULL), "digest",
        json_text(signs ? sign_digest_name(explanation->signs.digest) : NULL), "key_encryption",
        json_text(encrypting ? encrypt_transport_name(encrypts->transport) : NULL), "ciphers",
        ciphers);
}

json_t *explanation_json(const struct context *context, const struct explanation *explanation)
{
    const char *decided_by = explanation->decision.position > 0 ? "rule" : "default";
    if (explanation->direction == DIRECTION_NONE) {
        return json_null();
    }
    return json_pack(
        "{s:o,s:o,s:s,s:s,s:I,s:o,s:o,s:b,s:I,s:o,s:o,s:o,s:o,s:I,s:s}", "managed",
        json_text(explanation->managed), "external", json_text(explanation->external), "mode",
        explanation_mode(explanation), "decided_by",
        explanation->internal ? "internal" : decided_by, "position",
        (json_int_t)explanation->decision.position, "rules", rules_json(context, explanation),
        "choice", choice_json(explanation), "require_tls", explanation->tls.mode == TLS_REQUIRED,
        "tls_position", (json_int_t)explanation->tls.position, "signing",
        answer_json(&explanation->signing), "encryption", encryption_json(&explanation->encryption),
        "algorithms", algorithms_json(explanation), "decryption",
        answer_json(&explanation->decryption), "decryption_keys",
        (json_int_t)explanation->decryption_keys, "transform",
        transform_name(explanation->transform));
}
