/* smimectl rules explain: the finding for both directions, as text or as JSON. */
#include "rules_explain.h"

#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "command.h"
#include "explanation.h"
#include "iso8601.h"
#include "table.h"
#include "tell.h"
#include "why.h"

/* What the two addresses are to each other. */
enum relation { RELATION_OUTGOING, RELATION_INCOMING, RELATION_INTERNAL, RELATION_FOREIGN };

static const char *relation_name(enum relation relation)
{
    static const char *const names[] = {"outgoing", "incoming", "internal", "foreign"};
    return names[relation];
}

static const char *relation_text(enum relation relation)
{
    static const char *const texts[] = {
        "outgoing: from a managed address to an external one",
        "incoming: from an external address to a managed one",
        "internal: both addresses are managed",
        "foreign: neither address is managed, so the message passes untouched",
    };
    return texts[relation];
}

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

/* Why a rule does or does not decide: a new string, NULL when out of memory. */
static char *match_sentence(const struct explanation *explanation, const struct rule *rule,
                            enum rule_match match)
{
    const char *mode = explanation_rule_mode(explanation, rule);
    const char *external =
        *explanation->external ? explanation->external : "a sender without a name of its own";
    char *sentence = NULL;
    int length = -1;
    switch (match) {
    case RULE_DECIDES:
        length = asprintf(&sentence, "decides: %s", mode);
        break;
    case RULE_MANAGED_DIFFERS:
        length = asprintf(&sentence, "no managed pattern matches %s", explanation->managed);
        break;
    case RULE_EXTERNAL_DIFFERS:
        length = asprintf(&sentence, "no external pattern matches %s", external);
        break;
    case RULE_UNDEFINED:
        length = asprintf(&sentence, "matches, but leaves %s mail undefined",
                          direction_name(explanation->direction));
        break;
    case RULE_SHADOWED:
        length = asprintf(&sentence, "would say %s, but rule %zu stands above it", mode,
                          explanation->decision.position);
        break;
    }
    return length < 0 ? NULL : sentence;
}

/* ---- text ---- */

static void print_line(const char *label, const char *text)
{
    printf("  %s: ", label);
    tell_text(stdout, text);
    putchar('\n');
}

static void print_rules(const struct context *context, const struct explanation *explanation)
{
    const struct rule_list *rules = &context->config->rules;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        char *sentence =
            match_sentence(explanation, rule, explanation_rule(context, explanation, i));
        printf("  rule %zu", i + 1);
        if (rule->note) {
            printf(" (");
            tell_text(stdout, rule->note);
            putchar(')');
        }
        printf(": ");
        tell_text(stdout, sentence ? sentence : "out of memory");
        putchar('\n');
        free(sentence);
    }
    if (explanation->decision.position == 0) {
        printf("  default: decides: %s, because no rule does\n", explanation_mode(explanation));
    }
}

static void print_answer(const char *label, const struct certificate_answer *answer)
{
    if (!answer->asked) {
        return;
    }
    if (!answer->certificate) {
        char *text = NULL;
        if (asprintf(&text, "missing: %s", why_text(&answer->reason)) < 0) {
            text = NULL;
        }
        print_line(label, text ? text : "missing");
        free(text);
        return;
    }
    char *subject = certificate_subject(answer->certificate), *text = NULL;
    char expires[ISO8601_BYTES];
    iso8601_date(certificate_not_after(answer->certificate), expires);
    if (asprintf(&text, "%s, until %s", subject ? subject : "?", expires) < 0) {
        text = NULL;
    }
    print_line(label, text ? text : "?");
    free(text);
    OPENSSL_free(subject);
}

static void print_explanation(const struct context *context, const struct explanation *explanation)
{
    if (explanation->direction == DIRECTION_NONE) {
        return;
    }
    printf("\n%s, ", direction_name(explanation->direction));
    tell_text(stdout, *explanation->from ? explanation->from : "<>");
    printf(" to ");
    tell_text(stdout, explanation->to);
    printf(": %s", explanation_mode(explanation));
    if (explanation->internal) {
        puts(", because managed recipients of an outgoing message get it as it is");
        return;
    }
    if (explanation->decision.position > 0) {
        printf(", decided by rule %zu\n", explanation->decision.position);
    } else {
        puts(", decided by the default");
    }
    print_rules(context, explanation);
    print_answer("signs with", &explanation->signing);
    print_answer("encrypts to", &explanation->encryption);
    print_answer("decrypts with", &explanation->decryption);
    if (explanation->decryption_keys > 1) {
        printf("  and with: %zu former keys\n", explanation->decryption_keys - 1);
    }
    print_line("does", transform_name(explanation->transform));
}

/* ---- JSON ---- */

static json_t *rules_json(const struct context *context, const struct explanation *explanation)
{
    const struct rule_list *rules = &context->config->rules;
    json_t *list = json_array();
    for (size_t i = 0; list && !explanation->internal && i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        enum rule_match match = explanation_rule(context, explanation, i);
        char *sentence = match_sentence(explanation, rule, match);
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

static json_t *explanation_json(const struct context *context,
                                const struct explanation *explanation)
{
    const char *decided_by = explanation->decision.position > 0 ? "rule" : "default";
    if (explanation->direction == DIRECTION_NONE) {
        return json_null();
    }
    return json_pack(
        "{s:o,s:o,s:o,s:o,s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:I,s:s}", "from",
        json_text(explanation->from), "to", json_text(explanation->to), "managed",
        json_text(explanation->managed), "external", json_text(explanation->external), "mode",
        explanation_mode(explanation), "decided_by",
        explanation->internal ? "internal" : decided_by, "position",
        (json_int_t)explanation->decision.position, "rules", rules_json(context, explanation),
        "signing", answer_json(&explanation->signing), "encryption",
        answer_json(&explanation->encryption), "decryption", answer_json(&explanation->decryption),
        "decryption_keys", (json_int_t)explanation->decryption_keys, "transform",
        transform_name(explanation->transform));
}

/* ---- the command ---- */

static int print_all(const struct context *context, const char *from, const char *to,
                     enum relation relation, const struct explanation *outgoing,
                     const struct explanation *incoming)
{
    if (context->json) {
        return json_write(json_pack("{s:o,s:o,s:s,s:o,s:o}", "from", json_text(from), "to",
                                    json_text(to), "relation", relation_name(relation), "outgoing",
                                    explanation_json(context, outgoing), "incoming",
                                    explanation_json(context, incoming)),
                          stdout);
    }
    tell_text(stdout, *from ? from : "<>");
    printf(" to ");
    tell_text(stdout, to);
    printf(" is %s\n", relation_text(relation));
    /* The message asked for first, then the answer to it. */
    print_explanation(context, relation == RELATION_INCOMING ? incoming : outgoing);
    print_explanation(context, relation == RELATION_INCOMING ? outgoing : incoming);
    if (relation == RELATION_INTERNAL) {
        puts("  (only where the message comes in from outside, by an inbound socket)");
    }
    return ferror(stdout) ? -1 : 0;
}

/* A pair has two directions: of what `from` writes, and of what `to` answers. Between two managed
 * addresses it is one message, sent here and perhaps coming back in from outside. */
static int explain_both(struct context *context, const char *from, const char *to,
                        enum relation relation, struct explanation *outgoing,
                        struct explanation *incoming)
{
    switch (relation) {
    case RELATION_OUTGOING:
        return explanation_outgoing(context, from, to, outgoing) ||
                       explanation_incoming(context, to, from, incoming)
                   ? -1
                   : 0;
    case RELATION_INCOMING:
        /* Nobody answers the null sender. */
        return explanation_incoming(context, from, to, incoming) ||
                       (*from && explanation_outgoing(context, to, from, outgoing))
                   ? -1
                   : 0;
    case RELATION_INTERNAL:
        return explanation_outgoing(context, from, to, outgoing) ||
                       explanation_incoming(context, from, to, incoming)
                   ? -1
                   : 0;
    case RELATION_FOREIGN:
        break;
    }
    return 0;
}

static int explain(struct context *context, const char *from, const char *to)
{
    struct explanation outgoing = {0}, incoming = {0};
    bool from_managed = *from && context_manages(context, from);
    bool to_managed = context_manages(context, to);
    enum relation relation = from_managed ? (to_managed ? RELATION_INTERNAL : RELATION_OUTGOING)
                                          : (to_managed ? RELATION_INCOMING : RELATION_FOREIGN);
    int rc = explain_both(context, from, to, relation, &outgoing, &incoming);
    if (rc == 0) {
        rc = print_all(context, from, to, relation, &outgoing, &incoming);
        if (rc) {
            tell_error("the explanation cannot be written");
        }
    }
    explanation_clear(&outgoing);
    explanation_clear(&incoming);
    return rc;
}

int rules_explain(struct context *context)
{
    const char *from_text = argument_value(context->arguments, OPTION_FROM);
    const struct option_values *to_texts = &context->arguments->options[OPTION_TO];
    if (!from_text || to_texts->count != 1) {
        tell_error("--from and one --to are needed");
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    bool null_sender = !*from_text || !strcmp(from_text, "<>");
    char *from = null_sender ? strdup("") : canonical_argument(from_text);
    char *to = canonical_argument(to_texts->items[0]);
    int code = from && to && explain(context, from, to) == 0 ? EXIT_DONE : EXIT_REFUSED;
    free(from);
    free(to);
    return code;
}
