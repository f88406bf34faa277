/* smimectl rules explain: the finding for both directions, as text or as JSON. */
#include "rules_explain.h"

#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "command.h"
#include "explanation.h"
#include "explanation_json.h"
#include "iso8601.h"
#include "message_trial.h"
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
            explanation_sentence(explanation, rule, explanation_rule(context, explanation, i));
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

static void print_transport(const struct explanation *explanation)
{
    if (explanation->tls.mode != TLS_REQUIRED) {
        return;
    }
    printf("  TLS: required by rule %zu, else refused by 530\n", explanation->tls.position);
}

static void print_choice(const struct explanation *explanation)
{
    static const char *const texts[] = {
        [CHOICE_NONE] = "nothing",
        [CHOICE_STRENGTHEN] = "more than that, not less",
        [CHOICE_FREE] = "more than that, and less",
    };
    if (explanation->direction != DIRECTION_OUTGOING) {
        return;
    }
    printf("  the sender may choose: %s (%s)\n", texts[explanation->allowed],
           explanation->decision.choice == CHOICE_UNDEFINED ? "the setting sender_choice"
                                                            : "the rule");
}

/* "pss with sha256"; "oaep, aes-256-gcm or aes-256-cbc". */
static void print_algorithms(const struct explanation *explanation)
{
    const struct decision *decision = &explanation->decision;
    if (explanation->direction != DIRECTION_OUTGOING) {
        return;
    }
    printf("  profile: ");
    tell_text(stdout, explanation->profile->name);
    if (decision->profile_position > 0) {
        printf(", by rule %zu\n", decision->profile_position);
    } else {
        puts(", by the setting profile");
    }
    if (explanation->signing.certificate) {
        printf("  signs by: %s with %s\n", sign_scheme_name(explanation->signs.scheme),
               sign_digest_name(explanation->signs.digest));
    }
    for (size_t i = 0;
         explanation->encryption.certificate && i < explanation->encrypts.ciphers.count; i++) {
        printf("%s%s", i == 0 ? "  encrypts by: " : " or ",
               encrypt_cipher_name(explanation->encrypts.ciphers.items[i]));
    }
    if (explanation->encryption.certificate) {
        printf(", key by %s\n", encrypt_transport_name(explanation->encrypts.transport));
    }
}

static const char *source_text(enum pubkey_source source)
{
    switch (source) {
    case PUBKEY_IMPORTED:
        return "an import";
    case PUBKEY_HARVESTED:
        return "signed mail";
    case PUBKEY_DIRECTORY:
        return "a directory";
    }
    return "?";
}

/* `by` NULL: by the envelope. */
static void print_explanation(const struct context *context, const struct explanation *explanation,
                              const char *by)
{
    if (explanation->direction == DIRECTION_NONE) {
        return;
    }
    printf("\n%s, ", direction_name(explanation->direction));
    tell_text(stdout, *explanation->from ? explanation->from : "<>");
    printf(" to ");
    tell_text(stdout, explanation->to);
    if (by) {
        printf(", by From ");
        tell_text(stdout, by);
    }
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
    print_choice(explanation);
    print_transport(explanation);
    print_answer("signs with", &explanation->signing);
    print_answer("encrypts to", &explanation->encryption);
    if (explanation->encryption.certificate) {
        print_line("  known from", source_text(explanation->encryption.source));
    }
    if (explanation->encryption.directories) {
        print_line("  directories", explanation->encryption.directories);
    }
    print_algorithms(explanation);
    print_answer("decrypts with", &explanation->decryption);
    if (explanation->decryption_keys > 1) {
        printf("  and with: %zu former keys\n", explanation->decryption_keys - 1);
    }
    print_line("does", transform_name(explanation->transform));
}

/* ---- the answer ---- */

/* Everything that is said of one pair. */
struct answer {
    const char *from; /* "" is the null sender */
    const char *to;
    enum relation relation;
    struct explanation outgoing, incoming; /* direction DIRECTION_NONE: not that way */
    struct explanation reply;              /* the other way between the same two */
    /* With a message: */
    bool has_message;
    struct message_trial trial;
    struct explanation outgoing_by_author, incoming_by_author; /* another one than the sender */
    struct process_result sent, received;
};

static json_t *result_json(const struct explanation *explanation,
                           const struct process_result *result)
{
    return explanation->direction == DIRECTION_NONE ? json_null() : process_result_json(result);
}

static json_t *message_json(const struct context *context, const struct answer *answer)
{
    if (!answer->has_message) {
        return json_null();
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "from", json_text(answer->trial.author),
                     "outgoing_by_from", explanation_json(context, &answer->outgoing_by_author),
                     "incoming_by_from", explanation_json(context, &answer->incoming_by_author),
                     "outgoing", result_json(&answer->outgoing, &answer->sent), "incoming",
                     result_json(&answer->incoming, &answer->received));
}

static void print_result(const struct explanation *explanation, const struct process_result *result)
{
    if (explanation->direction != DIRECTION_NONE) {
        printf("\nthe message, %s: ", direction_name(explanation->direction));
        process_report_text(result, stdout);
    }
}

static void print_message(const struct context *context, const struct answer *answer)
{
    const struct message_trial *trial = &answer->trial;
    if (!trial->author) {
        putchar('\n');
        tell_text(stdout, why_text(&trial->author_reason));
        putchar('\n');
    }
    print_explanation(context, &answer->outgoing_by_author, trial->author);
    print_explanation(context, &answer->incoming_by_author, trial->author);
    print_result(&answer->outgoing, &answer->sent);
    print_result(&answer->incoming, &answer->received);
}

/* Of the message itself, else of the reply to it. */
static const struct explanation *
side(const struct answer *answer, const struct explanation *explanation, enum direction direction)
{
    return explanation->direction == DIRECTION_NONE && answer->reply.direction == direction
               ? &answer->reply
               : explanation;
}

static int print_answer_json(const struct context *context, const struct answer *answer)
{
    return json_write(
        json_pack("{s:o,s:o,s:s,s:o,s:o,s:o}", "from", json_text(answer->from), "to",
                  json_text(answer->to), "relation", relation_name(answer->relation), "outgoing",
                  explanation_json(context, side(answer, &answer->outgoing, DIRECTION_OUTGOING)),
                  "incoming",
                  explanation_json(context, side(answer, &answer->incoming, DIRECTION_INCOMING)),
                  "message", message_json(context, answer)),
        stdout);
}

static int print_answer_text(const struct context *context, const struct answer *answer)
{
    tell_text(stdout, *answer->from ? answer->from : "<>");
    printf(" to ");
    tell_text(stdout, answer->to);
    printf(" is %s\n", relation_text(answer->relation));
    print_explanation(context, &answer->outgoing, NULL);
    print_explanation(context, &answer->incoming, NULL);
    print_explanation(context, &answer->reply, NULL);
    if (answer->relation == RELATION_INTERNAL) {
        puts("  (only where the message comes in from outside, by an inbound socket)");
    }
    if (answer->has_message) {
        print_message(context, answer);
    }
    return ferror(stdout) ? -1 : 0;
}

/* ---- the command ---- */

/* What the message adds: the rules for its author, where that is somebody else, and what would
 * become of it. Returns 0, -1 told. */
static int explain_message(struct context *context, const char *client, struct answer *answer)
{
    const char *author = answer->trial.author;
    bool sent = answer->outgoing.direction != DIRECTION_NONE;
    bool received = answer->incoming.direction != DIRECTION_NONE;
    if (author && sent && strcmp(author, client) != 0 && context_manages(context, author) &&
        explanation_outgoing(context, author, answer->to, &answer->outgoing_by_author)) {
        return -1;
    }
    if (author && received && strcmp(author, answer->from) != 0 &&
        explanation_incoming(context, author, answer->to, &answer->incoming_by_author)) {
        return -1;
    }
    /* Incoming first: trying an outgoing message gives rights to who sends it. */
    if (received && message_trial_run(&answer->trial, context, ROLE_INBOUND, answer->from,
                                      answer->to, &answer->received)) {
        return -1;
    }
    return sent ? message_trial_run(&answer->trial, context, ROLE_SUBMISSION, answer->from,
                                    answer->to, &answer->sent)
                : 0;
}

/* A rule has two modes: who asks about two addresses wants to know of the reply, too. Nobody
 * replies to the null sender. */
static int explain_reply(struct context *context, const char *client, struct answer *answer)
{
    if (answer->relation == RELATION_OUTGOING) {
        return explanation_incoming(context, answer->to, client, &answer->reply);
    }
    if (answer->relation == RELATION_INCOMING && *answer->from) {
        return explanation_outgoing(context, answer->to, answer->from, &answer->reply);
    }
    return 0;
}

static enum relation relation_of(bool from_managed, bool to_managed)
{
    if (from_managed) {
        return to_managed ? RELATION_INTERNAL : RELATION_OUTGOING;
    }
    return to_managed ? RELATION_INCOMING : RELATION_FOREIGN;
}

static int explain(struct context *context, const char *path, struct answer *answer)
{
    const char *client = answer->from;
    answer->has_message = path != NULL;
    if (path && message_trial_open(context, path, &answer->trial)) {
        return -1;
    }
    if (!*client && answer->trial.author) {
        client = answer->trial.author; /* a message of ours without a sender is its author's */
    }
    bool from_managed = *client && context_manages(context, client);
    bool to_managed = context_manages(context, answer->to);
    answer->relation = relation_of(from_managed, to_managed);
    if (from_managed && explanation_outgoing(context, client, answer->to, &answer->outgoing)) {
        return -1;
    }
    if (to_managed && explanation_incoming(context, answer->from, answer->to, &answer->incoming)) {
        return -1;
    }
    if (explain_reply(context, client, answer)) {
        return -1;
    }
    if (path && explain_message(context, client, answer)) {
        return -1;
    }
    if (context->json ? print_answer_json(context, answer) : print_answer_text(context, answer)) {
        tell_error("the explanation cannot be written");
        return -1;
    }
    return 0;
}

static void answer_clear(struct answer *answer)
{
    explanation_clear(&answer->outgoing);
    explanation_clear(&answer->incoming);
    explanation_clear(&answer->reply);
    explanation_clear(&answer->outgoing_by_author);
    explanation_clear(&answer->incoming_by_author);
    process_result_clear(&answer->sent);
    process_result_clear(&answer->received);
    message_trial_clear(&answer->trial);
}

int rules_explain(struct context *context)
{
    const char *from_text = argument_value(context->arguments, OPTION_FROM);
    const struct option_values *to_texts = &context->arguments->options[OPTION_TO];
    struct answer answer = {.trial.descriptor = -1};
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
    int code = EXIT_REFUSED;
    answer.from = from;
    answer.to = to;
    if (from && to &&
        explain(context, argument_value(context->arguments, OPTION_MESSAGE), &answer) == 0) {
        code = EXIT_DONE;
    }
    answer_clear(&answer);
    free(from);
    free(to);
    return code;
}
