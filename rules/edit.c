/* A changed file takes the place of the old one only if it was read again, and means what it did
 * but for the one rule. */
#include "edit.h"
#include "config_reader.h"
#include "edit_text.h"
#include "why.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rules_text {
    struct config_source source;
    struct config *config;
    struct rules_layout layout;
    bool placed; /* `layout` is good; else `why` */
    char *why;
    bool in_memory;
};

/* ---- reading ---- */

static struct rules_text *text_new(const char *path, struct problems *problems)
{
    struct rules_text *text = calloc(1, sizeof *text);

    if (!text)
        problems_add(problems, path, 0, "out of memory");
    return text;
}

/* Build the rest from the source, unless `rc` says that there is none. Takes `text` over. */
static struct rules_text *text_build(struct rules_text *text, const char *path, int rc,
                                     struct problems *problems)
{
    if (rc == 0)
        text->config = config_build(path, &text->source, problems);
    if (!text->config) {
        rules_text_free(&text);
        return NULL;
    }
    text->placed = rules_layout_find(&text->source, &text->layout, &text->why) == 0;
    if (text->placed && text->layout.count != text->config->rules.count) {
        text->placed = false;
        why_set(&text->why, "the rules cannot be told apart: change them with an editor");
    }
    return text;
}

static struct rules_text *text_read(const char *path, const struct config_substitute *substitute,
                                    struct problems *problems)
{
    struct rules_text *text = text_new(path, problems);

    if (!text)
        return NULL;
    return text_build(text, path,
                      config_source_read_kept(&text->source, path, substitute, problems), problems);
}

struct rules_text *rules_text_open(const char *path, struct problems *problems)
{
    return text_read(path, NULL, problems);
}

struct rules_text *rules_text_take(const char *name, const char *bytes, size_t length,
                                   struct problems *problems)
{
    struct rules_text *text = text_new(name, problems);

    if (!text)
        return NULL;
    text->in_memory = true;
    return text_build(text, name,
                      config_source_take_kept(&text->source, name, bytes, length, problems),
                      problems);
}

void rules_text_free(struct rules_text **text)
{
    if (!*text)
        return;
    rules_layout_clear(&(*text)->layout);
    config_source_clear(&(*text)->source);
    config_free(&(*text)->config);
    why_free(&(*text)->why);
    free(*text);
    *text = NULL;
}

const struct config *rules_text_config(const struct rules_text *text)
{
    return text->config;
}

const char *rules_text_file(const struct rules_text *text, char **why)
{
    if (text->placed)
        return text->source.files[text->layout.file];
    why_set(why, "%s", why_text(&text->why));
    return NULL;
}

const char *rules_text_rule(const struct rules_text *text, size_t position, size_t *length_out)
{
    const struct rule_place *place;

    if (!text->placed || position == 0 || position > text->layout.count)
        return NULL;
    place = &text->layout.items[position - 1];
    *length_out = place->end - place->start;
    return text->layout.text + place->start;
}

/* ---- comparing ---- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static bool same_patterns(const struct pattern *a, size_t a_count, const struct pattern *b,
                          size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (a[i].kind != b[i].kind || !same_text(a[i].text, b[i].text))
            return false;
    }
    return true;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
    return same_text(a->note, b->note) && a->incoming == b->incoming &&
           a->outgoing == b->outgoing && a->choice == b->choice &&
           a->require_tls == b->require_tls && same_text(a->profile, b->profile) &&
           same_patterns(a->managed, a->managed_count, b->managed, b->managed_count) &&
           same_patterns(a->external, a->external_count, b->external, b->external_count);
}

static bool same_bytes(const struct rules_text *a, size_t a_index, const struct rules_text *b,
                       size_t b_index)
{
    size_t a_length = 0, b_length = 0;
    const char *a_bytes = rules_text_rule(a, a_index + 1, &a_length);
    const char *b_bytes = rules_text_rule(b, b_index + 1, &b_length);

    return a_bytes && b_bytes && a_length == b_length && memcmp(a_bytes, b_bytes, a_length) == 0;
}

static bool same_token(const struct config_source *a, const struct config_token *x,
                       const struct config_source *b, const struct config_token *y)
{
    return x->kind == y->kind && x->length == y->length && x->file == y->file &&
           memcmp(a->bytes[x->file].text + x->offset, b->bytes[y->file].text + y->offset,
                  x->length) == 0;
}

/* Everything but the list of rules, token by token. Where there was no list, its name, sign and
 * terminator are new. */
static bool same_outside(const struct rules_text *a, const struct rules_text *b)
{
    const struct config_source *before = &a->source, *after = &b->source;
    size_t head = a->layout.found ? a->layout.open : before->token_count;
    size_t tail = a->layout.found ? before->token_count - a->layout.close - 1 : 0;
    size_t new_head = a->layout.found ? head : head + 2;
    size_t new_tail = a->layout.found ? tail : 1;

    if (!b->layout.found || b->layout.open != new_head ||
        after->token_count - b->layout.close - 1 != new_tail)
        return false;
    for (size_t i = 0; i < head; i++) {
        if (!same_token(before, &before->tokens[i], after, &after->tokens[i]))
            return false;
    }
    for (size_t i = 1; i <= tail; i++) {
        if (!same_token(before, &before->tokens[before->token_count - i], after,
                        &after->tokens[after->token_count - i]))
            return false;
    }
    return true;
}

/* ---- the draft, as a rule ---- */

static int take_patterns(const char *const *texts, size_t count, struct pattern **items,
                         size_t *count_out, char **why)
{
    struct pattern_list list = {0};

    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (pattern_list_add(&list, texts[i], why) != 0) {
            pattern_list_clear(&list);
            return -1;
        }
    }
    *items = list.items;
    *count_out = list.count;
    return 0;
}

/* What the draft says by a name. */
static int take_names(const struct rule_draft *draft, struct rule *out, char **why)
{
    if (draft->incoming && incoming_mode_from_name(draft->incoming, &out->incoming) != 0) {
        why_set(why,
                "\"%s\" is no mode for incoming mail: allowed are undefined, none, "
                "decrypt-optional, decrypt-always, decrypt-forced",
                draft->incoming);
        return -1;
    }
    if (draft->outgoing && outgoing_mode_from_name(draft->outgoing, &out->outgoing) != 0) {
        why_set(why,
                "\"%s\" is no mode for outgoing mail: allowed are undefined, none, sign, "
                "encrypt-optional, encrypt-forced",
                draft->outgoing);
        return -1;
    }
    if (draft->choice && sender_choice_from_name(draft->choice, &out->choice) != 0) {
        why_set(why,
                "\"%s\" is no choice of a sender's: allowed are undefined, none, strengthen, free",
                draft->choice);
        return -1;
    }
    if (draft->require_tls && tls_demand_from_name(draft->require_tls, &out->require_tls) != 0) {
        why_set(why, "require_tls cannot be \"%s\": allowed are true, false, undefined",
                draft->require_tls);
        return -1;
    }
    return 0;
}

/* The patterns of the draft and, where it has none, those of `old`. Borrowed ones are not to be
 * cleared: see draft_clear(). */
static int take_draft(const struct rule_draft *draft, const struct rule *old, struct rule *out,
                      char **why)
{
    *out = *old;
    if (take_names(draft, out, why) != 0)
        return -1;
    if (draft->profile)
        out->profile = *draft->profile ? (char *)(uintptr_t)draft->profile : NULL;
    if (draft->note)
        out->note = *draft->note ? (char *)(uintptr_t)draft->note : NULL;
    if (take_patterns(draft->managed, draft->managed_count, &out->managed, &out->managed_count,
                      why) != 0)
        return -1;
    return take_patterns(draft->external, draft->external_count, &out->external,
                         &out->external_count, why);
}

static void draft_clear(struct rule *rule, const struct rule *old)
{
    struct rule own = {0};

    if (rule->managed != old->managed) {
        own.managed = rule->managed;
        own.managed_count = rule->managed_count;
    }
    if (rule->external != old->external) {
        own.external = rule->external;
        own.external_count = rule->external_count;
    }
    rule_clear(&own);
}

/* ---- changing ---- */

enum change_kind { CHANGE_ADD, CHANGE_EDIT, CHANGE_MOVE, CHANGE_DELETE };

struct change {
    enum change_kind kind;
    size_t from, to;            /* indices */
    const struct rule *written; /* what an added or altered rule should be */
};

/* Where the rule that is at `index` afterwards was before. */
static size_t former_index(const struct change *change, size_t index)
{
    switch (change->kind) {
    case CHANGE_ADD:
        return index > change->to ? index - 1 : index;
    case CHANGE_DELETE:
        return index >= change->from ? index + 1 : index;
    case CHANGE_MOVE:
        if (index == change->to)
            return change->from;
        if (change->from < change->to && index >= change->from && index < change->to)
            return index + 1;
        if (change->from > change->to && index > change->to && index <= change->from)
            return index - 1;
        return index;
    case CHANGE_EDIT:
        break;
    }
    return index;
}

static bool is_as_meant(const struct rules_text *before, const struct rules_text *after,
                        const struct change *change)
{
    const struct rule_list *old = &before->config->rules, *new = &after->config->rules;
    size_t count = old->count;

    if (change->kind == CHANGE_ADD)
        count++;
    if (change->kind == CHANGE_DELETE)
        count--;
    if (!after->placed || new->count != count || !same_outside(before, after))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t former = former_index(change, i);
        bool written = change->written && i == change->to;

        if (written ? !same_rule(&new->items[i], change->written)
                    : !same_rule(&new->items[i], &old->items[former]) ||
                          !same_bytes(before, former, after, i))
            return false;
    }
    return true;
}

/* Read the configuration with the changed text. NULL with *why. */
static struct rules_text *read_again(const struct rules_text *text, const struct rules_change *out,
                                     char **why)
{
    struct problems problems = {0};
    struct rules_text *result = NULL;
    char *first = NULL;
    struct stat status;

    if (text->in_memory) {
        result = rules_text_take(text->config->path, out->after, out->after_length, &problems);
    } else if (stat(out->file, &status) != 0) {
        why_set(why, "%s: %m", out->file);
        return NULL;
    } else {
        const struct config_substitute substitute = {status.st_dev, status.st_ino, out->after,
                                                     out->after_length};

        result = text_read(text->config->path, &substitute, &problems);
    }
    if (!result) {
        first = problems.count > 0 ? problem_text(&problems.items[0]) : NULL;
        why_set(why, "the configuration would be wrong: %s", first ? first : "out of memory");
        free(first);
    }
    problems_clear(&problems);
    return result;
}

/* The changed text, read again and compared. Takes the patches over. */
static int finish(const struct rules_text *text, const struct change *change,
                  struct patches *patches, struct rules_change *out, char **why)
{
    const struct rules_layout *layout = &text->layout;
    int rc = -1;

    *out = (struct rules_change){.position = change->kind == CHANGE_DELETE ? change->from + 1
                                                                           : change->to + 1};
    out->file = strdup(text->source.files[layout->file]);
    out->before = malloc(layout->length + 1);
    out->after = patches_apply(patches, layout->text, layout->length, &out->after_length);
    if (!out->file || !out->before || !out->after) {
        why_set(why, "the text cannot be changed; out of memory?");
        goto out;
    }
    memcpy(out->before, layout->text, layout->length + 1);
    out->before_length = layout->length;
    out->result = read_again(text, out, why);
    if (!out->result)
        goto out;
    if (!is_as_meant(text, out->result, change)) {
        why_set(why, "the rules stand in %s so that they have to be changed with an editor",
                out->file);
        goto out;
    }
    rc = 0;
out:
    patches_clear(patches);
    if (rc != 0)
        rules_change_clear(out);
    return rc;
}

/* Can rule `position` be changed? */
static int check_position(const struct rules_text *text, size_t position, char **why)
{
    if (!rules_text_file(text, why))
        return -1;
    if (position > 0 && position <= text->layout.count)
        return 0;
    if (text->layout.count == 0)
        why_set(why, "there is no rule %zu: there are none", position);
    else
        why_set(why, "there is no rule %zu: they have the positions 1 to %zu", position,
                text->layout.count);
    return -1;
}

int rules_text_add(const struct rules_text *text, const struct rule_draft *draft, size_t position,
                   struct rules_change *out, char **why)
{
    const struct rule nothing = {.choice = CHOICE_UNDEFINED};
    struct rule rule = {0};
    struct change change = {.kind = CHANGE_ADD, .written = &rule};
    struct patches patches = {0};
    int rc = -1;

    if (!rules_text_file(text, why))
        return -1;
    if (position == 0 || draft->managed_count == 0 || draft->external_count == 0) {
        why_set(why, "a rule needs a position from 1, managed patterns and external patterns");
        return -1;
    }
    if (take_draft(draft, &nothing, &rule, why) == 0) {
        change.to = position > text->layout.count ? text->layout.count : position - 1;
        edit_add(&text->layout, draft, change.to, &patches);
        rc = finish(text, &change, &patches, out, why);
    }
    draft_clear(&rule, &nothing);
    return rc;
}

int rules_text_edit(const struct rules_text *text, const struct rule_draft *draft, size_t position,
                    struct rules_change *out, char **why)
{
    struct change change = {.kind = CHANGE_EDIT, .from = position - 1, .to = position - 1};
    struct patches patches = {0};
    const struct rule *old;
    struct rule rule = {0};
    int rc = -1;

    if (check_position(text, position, why) != 0)
        return -1;
    old = &text->config->rules.items[position - 1];
    if (take_draft(draft, old, &rule, why) == 0) {
        change.written = &rule;
        edit_members(&text->layout, draft, position - 1, &patches);
        rc = finish(text, &change, &patches, out, why);
    }
    draft_clear(&rule, old);
    return rc;
}

int rules_text_move(const struct rules_text *text, size_t from, size_t to, struct rules_change *out,
                    char **why)
{
    struct change change = {.kind = CHANGE_MOVE, .from = from - 1, .to = to - 1};
    struct patches patches = {0};

    if (check_position(text, from, why) != 0 || check_position(text, to, why) != 0)
        return -1;
    edit_move(&text->layout, from - 1, to - 1, &patches);
    return finish(text, &change, &patches, out, why);
}

int rules_text_delete(const struct rules_text *text, size_t position, struct rules_change *out,
                      char **why)
{
    struct change change = {.kind = CHANGE_DELETE, .from = position - 1};
    struct patches patches = {0};

    if (check_position(text, position, why) != 0)
        return -1;
    edit_delete(&text->layout, position - 1, &patches);
    return finish(text, &change, &patches, out, why);
}

void rules_change_clear(struct rules_change *change)
{
    free(change->file);
    free(change->before);
    free(change->after);
    rules_text_free(&change->result);
    *change = (struct rules_change){0};
}
