/* Changing what one rule says: the bytes of a value, or a member more or less. */
#include "edit_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "name = value;" within a rule. */
struct member {
    size_t start;                  /* of the name */
    size_t value_start, value_end; /* of all its tokens */
    size_t end;                    /* with the sign behind it, if there is one */
    bool terminated;
};

static const struct config_token *token_at(const struct rules_layout *layout, size_t token)
{
    return &layout->source->tokens[token];
}

/* The token behind the value that begins with `token`: a list with its brackets, or strings that
 * are joined. */
static size_t skip_value(const struct rules_layout *layout, size_t token)
{
    int depth = 0;

    if (token_at(layout, token)->kind == TOKEN_STRING) {
        while (token_at(layout, token)->kind == TOKEN_STRING)
            token++;
        return token;
    }
    do {
        if (layout_is_mark(layout, token, '[') || layout_is_mark(layout, token, '(') ||
            layout_is_mark(layout, token, '{'))
            depth++;
        if (layout_is_mark(layout, token, ']') || layout_is_mark(layout, token, ')') ||
            layout_is_mark(layout, token, '}'))
            depth--;
        token++;
    } while (depth > 0);
    return token;
}

/* The member that begins with `token`. Returns the token behind it. */
static size_t read_member(const struct rules_layout *layout, size_t token, struct member *out)
{
    size_t next = skip_value(layout, token + 2);
    const struct config_token *last = token_at(layout, next - 1);

    out->start = token_at(layout, token)->offset;
    out->value_start = token_at(layout, token + 2)->offset;
    out->value_end = out->end = last->offset + last->length;
    out->terminated = layout_is_mark(layout, next, ';') || layout_is_mark(layout, next, ',');
    if (out->terminated)
        out->end = token_at(layout, next++)->offset + 1;
    return next;
}

static bool is_named(const struct rules_layout *layout, const struct config_token *token,
                     const char *name)
{
    return token->length == strlen(name) &&
           memcmp(layout->text + token->offset, name, token->length) == 0;
}

/* Members that go. */
struct leaving {
    const char *names[3];
    size_t count;
};

static bool is_leaving(const struct rules_layout *layout, const struct config_token *token,
                       const struct leaving *leaving)
{
    for (size_t i = 0; i < leaving->count; i++) {
        if (is_named(layout, token, leaving->names[i]))
            return true;
    }
    return false;
}

/* Find the member of this name; *last_out is the last one of the rule that stays. */
static bool find_member(const struct rules_layout *layout, const struct rule_place *place,
                        const char *name, const struct leaving *leaving, struct member *out,
                        struct member *last_out)
{
    bool found = false;

    for (size_t i = place->first_token + 1; i < place->last_token;) {
        const struct config_token *token = token_at(layout, i);
        struct member member = {0};

        i = read_member(layout, i, &member);
        if (is_named(layout, token, name)) {
            *out = member;
            found = true;
        }
        if (!is_leaving(layout, token, leaving))
            *last_out = member;
    }
    return found;
}

static bool begins_line(const struct rules_layout *layout, size_t offset)
{
    while (offset > 0 && layout_is_blank(layout->text[offset - 1]))
        offset--;
    return offset == 0 || layout->text[offset - 1] == '\n';
}

/* Where the line of `offset` goes on with blanks, and maybe a comment, only: behind its end. 0
 * where something else stands there. */
static size_t line_behind(const struct rules_layout *layout, size_t offset, bool comments)
{
    while (offset < layout->length) {
        size_t skipped =
            comments ? layout_skip_comment(layout->text, offset, layout->length) : offset;

        if (skipped > offset)
            offset = skipped;
        else if (layout->text[offset] == '\n')
            return offset + 1;
        else if (layout_is_blank(layout->text[offset]))
            offset++;
        else
            return 0;
    }
    return 0;
}

/* Without a trace, where it stands alone on its line. */
static void remove_member(const struct rules_layout *layout, const struct member *member,
                          struct patches *patches)
{
    size_t from = member->start, to = member->end, next = line_behind(layout, to, false);

    if (begins_line(layout, from) && next > 0) {
        while (from > 0 && layout->text[from - 1] != '\n')
            from--;
        to = next;
    } else {
        to = next > 0 ? next : to;
        while (layout_is_blank(layout->text[to]))
            to++;
    }
    patches_add(patches, from, to - from, strdup(""));
}

/* Was something put there already? */
static bool is_patched(const struct patches *patches, size_t offset)
{
    for (size_t i = 0; i < patches->count; i++) {
        if (patches->items[i].offset == offset)
            return true;
    }
    return false;
}

static void add_member(const struct rules_layout *layout, const struct member *last,
                       const char *name, const char *value, struct patches *patches)
{
    size_t next = line_behind(layout, last->end, true);
    bool own_line = begins_line(layout, last->start);
    char *indent = edit_indent(layout, last->start);
    char *text = NULL;
    int length = -1;

    if (!last->terminated && !is_patched(patches, last->end))
        patches_add(patches, last->end, 0, strdup(";"));
    if (!indent)
        goto out;
    if (next > 0 && own_line)
        length = asprintf(&text, "%s%s = %s;%s", indent, name, value, layout->eol);
    else if (own_line)
        length = asprintf(&text, "%s%s%s = %s;", layout->eol, indent, name, value);
    else
        length = asprintf(&text, " %s = %s;", name, value);
out:
    patches_add(patches, next > 0 && own_line ? next : last->end, 0, length < 0 ? NULL : text);
    free(indent);
}

/* Takes `value` over. */
static void set_member(const struct rules_layout *layout, const struct rule_place *place,
                       const char *name, const struct leaving *leaving, char *value,
                       struct patches *patches)
{
    struct member member = {0}, last = {0};

    if (!value) {
        patches->failed = true;
        return;
    }
    if (find_member(layout, place, name, leaving, &member, &last)) {
        patches_add(patches, member.value_start, member.value_end - member.value_start, value);
        return;
    }
    add_member(layout, &last, name, value, patches);
    free(value);
}

static void remove_named(const struct rules_layout *layout, const struct rule_place *place,
                         const char *name, const struct leaving *leaving, struct patches *patches)
{
    struct member member = {0}, last = {0};

    if (find_member(layout, place, name, leaving, &member, &last))
        remove_member(layout, &member, patches);
}

static void set_names(const struct rules_layout *layout, const struct rule_draft *draft,
                      const struct rule_place *place, const struct leaving *leaving,
                      struct patches *patches)
{
    if (draft->incoming)
        set_member(layout, place, "incoming", leaving, edit_string(draft->incoming), patches);
    if (draft->outgoing)
        set_member(layout, place, "outgoing", leaving, edit_string(draft->outgoing), patches);
    if (draft->choice)
        set_member(layout, place, "choice", leaving, edit_string(draft->choice), patches);
}

void edit_members(const struct rules_layout *layout, const struct rule_draft *draft, size_t index,
                  struct patches *patches)
{
    const struct rule_place *place = &layout->items[index];
    bool no_note = draft->note && !*draft->note;
    bool no_tls = draft->require_tls && strcmp(draft->require_tls, "undefined") == 0;
    bool no_profile = draft->profile && !*draft->profile;
    struct leaving leaving = {.count = 0};

    if (no_note)
        leaving.names[leaving.count++] = "note";
    if (no_tls)
        leaving.names[leaving.count++] = "require_tls";
    if (no_profile)
        leaving.names[leaving.count++] = "profile";
    if (draft->managed_count > 0)
        set_member(layout, place, "managed", &leaving,
                   edit_strings(draft->managed, draft->managed_count), patches);
    if (draft->external_count > 0)
        set_member(layout, place, "external", &leaving,
                   edit_strings(draft->external, draft->external_count), patches);
    set_names(layout, draft, place, &leaving, patches);
    if (draft->require_tls && !no_tls)
        set_member(layout, place, "require_tls", &leaving, strdup(draft->require_tls), patches);
    if (draft->profile && !no_profile)
        set_member(layout, place, "profile", &leaving, edit_string(draft->profile), patches);
    if (draft->note && !no_note)
        set_member(layout, place, "note", &leaving, edit_string(draft->note), patches);
    for (size_t i = 0; i < leaving.count; i++)
        remove_named(layout, place, leaving.names[i], &leaving, patches);
}
