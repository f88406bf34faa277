/* Changing rules in texts of any bytes. The first three bytes say what is done; then every rule
 * that is not meant has its bytes still, in its order, and the result is a configuration; or the
 * change is refused with a reason. */
#include "edit.h"
#include "why.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 forgets the string that it has just read when the next token is a syntax error.
 * That is not ours to free; leaks of ours still end the run. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

enum { CHOICE_BYTES = 3, MAX_COMPARED = 64 };

enum what { ADD, EDIT, MOVE, DELETE, WHATS };

static void demand(int condition)
{
    if (!condition)
        abort();
}

static size_t count_of(const struct rules_text *text)
{
    return rules_text_config(text)->rules.count;
}

static void same_rule(const struct rules_text *before, size_t before_position,
                      const struct rules_text *after, size_t after_position)
{
    size_t before_length = 0, after_length = 0;
    const char *was = rules_text_rule(before, before_position, &before_length);
    const char *is = rules_text_rule(after, after_position, &after_length);

    demand(was && is && before_length == after_length &&
           memcmp(was, is, was ? before_length : 0) == 0);
}

/* The rules without the one at `out_before` are the same as those afterwards without the one at
 * `out_after`; 0: none is left out. */
static void same_rest(const struct rules_text *before, size_t out_before,
                      const struct rules_text *after, size_t out_after)
{
    size_t b = 1, a = 1;

    while (b <= count_of(before) && b <= MAX_COMPARED) {
        b += b == out_before;
        a += a == out_after;
        if (b > count_of(before))
            break;
        same_rule(before, b++, after, a++);
    }
}

static int change(const struct rules_text *text, const uint8_t *choice, struct rules_change *out,
                  char **why)
{
    static const char *const patterns[] = {"*", "\"a b\"@example.com"};
    const struct rule_draft draft = {
        .managed = patterns,
        .managed_count = choice[0] & 0x10 ? 1 : 2,
        .external = patterns,
        .external_count = 1,
        .incoming = choice[0] & 0x20 ? "none" : NULL,
        .outgoing = choice[0] & 0x40 ? "sign" : NULL,
        .note = choice[0] & 0x80   ? "\"} # /*"
                : choice[1] & 0x80 ? ""
                                   : NULL,
    };
    size_t from = choice[1] & 0x3f, to = choice[2];

    switch (choice[0] % WHATS) {
    case ADD:
        return rules_text_add(text, &draft, from, out, why);
    case EDIT:
        return rules_text_edit(text, &draft, from, out, why);
    case MOVE:
        return rules_text_move(text, from, to, out, why);
    default:
        return rules_text_delete(text, from, out, why);
    }
}

static void check_change(const struct rules_text *text, const uint8_t *choice,
                         const struct rules_change *done)
{
    size_t from = choice[1] & 0x3f, before = count_of(text), after = count_of(done->result);
    struct problems problems = {0};
    struct config *config = config_parse("fuzz", done->after, done->after_length, &problems);

    demand(config && config->rules.count == after);
    switch (choice[0] % WHATS) {
    case ADD:
        demand(after == before + 1);
        same_rest(text, 0, done->result, done->position);
        break;
    case EDIT:
        demand(after == before);
        same_rest(text, from, done->result, from);
        break;
    case MOVE:
        demand(after == before);
        same_rule(text, from, done->result, choice[2]);
        same_rest(text, from, done->result, choice[2]);
        break;
    default:
        demand(after + 1 == before);
        same_rest(text, from, done->result, 0);
    }
    config_free(&config);
    problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    struct rules_change done = {0};
    struct rules_text *text;
    char *why = NULL;

    if (size < CHOICE_BYTES)
        return 0;
    text =
        rules_text_take("fuzz", (const char *)data + CHOICE_BYTES, size - CHOICE_BYTES, &problems);
    if (!text)
        demand(problems_any(&problems));
    else if (change(text, data, &done, &why) == 0)
        check_change(text, data, &done);
    else
        demand(why != NULL && done.after == NULL);
    rules_change_clear(&done);
    rules_text_free(&text);
    why_free(&why);
    problems_clear(&problems);
    return 0;
}
