/* Finding rules among the tokens, and what stands around them among the bytes. */
#include "edit_layout.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

#define NO_OFFSET ((size_t)-1)

static const struct config_token *token_at(const struct rules_layout *layout, size_t token)
{
    return &layout->source->tokens[token];
}

static const char *token_text(const struct rules_layout *layout, size_t token)
{
    const struct config_token *t = token_at(layout, token);

    return layout->source->bytes[t->file].text + t->offset;
}

bool layout_is_mark(const struct rules_layout *layout, size_t token, char mark)
{
    return token < layout->source->token_count && token_at(layout, token)->kind == TOKEN_MARK &&
           *token_text(layout, token) == mark;
}

bool layout_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

size_t layout_skip_comment(const char *text, size_t at, size_t end)
{
    const char *found;

    if (at < end && (text[at] == '#' || (at + 1 < end && memcmp(text + at, "//", 2) == 0))) {
        found = memchr(text + at, '\n', end - at);
        return found ? (size_t)(found - text) : end;
    }
    if (at + 1 < end && memcmp(text + at, "/*", 2) == 0) {
        found = at + 2 < end ? memmem(text + at + 2, end - at - 2, "*/", 2) : NULL;
        return found ? (size_t)(found + 2 - text) : end;
    }
    return at;
}

/* How deep the token opens (1) or closes (-1). */
static int nesting(const struct rules_layout *layout, size_t token)
{
    char c = *token_text(layout, token);

    if (token_at(layout, token)->kind != TOKEN_MARK)
        return 0;
    return strchr("([{", c) ? 1 : strchr(")]}", c) ? -1 : 0;
}

static bool names_rules(const struct rules_layout *layout, size_t token)
{
    const struct config_token *t = token_at(layout, token);

    return t->kind == TOKEN_NAME && t->length == strlen("rules") &&
           memcmp(token_text(layout, token), "rules", t->length) == 0 &&
           (layout_is_mark(layout, token + 1, '=') || layout_is_mark(layout, token + 1, ':'));
}

/* The brackets of the list, an include between which and the sign before it does no harm. */
static void find_list(struct rules_layout *layout)
{
    const size_t count = layout->source->token_count;
    int depth = 0;

    for (size_t i = 0; i < count; i++) {
        if (!layout->found && depth == 0 && names_rules(layout, i)) {
            layout->found = true;
            for (i += 2; i < count && nesting(layout, i) != 1; i++)
                ;
            layout->open = i;
        }
        if (i >= count)
            break;
        depth += nesting(layout, i);
        if (layout->found && depth == 0) {
            layout->close = i;
            return;
        }
    }
    layout->found = false;
}

static bool add_place(struct rules_layout *layout, size_t first, size_t last)
{
    struct rule_place *items = reallocarray(layout->items, layout->count + 1, sizeof *items);
    const struct config_token *from = token_at(layout, first), *to = token_at(layout, last);

    if (!items)
        return false;
    layout->items = items;
    items[layout->count] = (struct rule_place){.start = from->offset,
                                               .end = to->offset + to->length,
                                               .first_token = first,
                                               .last_token = last};
    if (layout_is_mark(layout, last + 1, ',')) {
        items[layout->count].has_comma = true;
        items[layout->count].comma = token_at(layout, last + 1)->offset;
    }
    layout->count++;
    return true;
}

static bool find_rules(struct rules_layout *layout)
{
    size_t first = 0;
    int depth = 0;

    for (size_t i = layout->open; i <= layout->close; i++) {
        int change = nesting(layout, i);

        if (change == 1 && depth == 1)
            first = i;
        depth += change;
        if (change == -1 && depth == 1 && !add_place(layout, first, i))
            return false;
    }
    return true;
}

/* Do all rules stand in one file, with no include between them? */
static int find_file(struct rules_layout *layout, char **why)
{
    const struct config_source *source = layout->source;
    bool empty = layout->count == 0;
    size_t from = empty ? layout->open : layout->items[0].first_token;
    size_t to = empty ? layout->close : layout->items[layout->count - 1].last_token;

    layout->file = token_at(layout, from)->file;
    for (size_t i = from; i <= to; i++) {
        const struct config_token *token = token_at(layout, i);

        if (token->file == layout->file && token->kind != TOKEN_INCLUDE)
            continue;
        why_set(why,
                "the rules are spread over several files (%s includes others between them): "
                "change them with an editor",
                source->files[layout->file]);
        return -1;
    }
    return 0;
}

/* The bytes around the rules that belong to the list: as far as the next token of this file. */
static void find_gaps(struct rules_layout *layout)
{
    bool empty = layout->count == 0;
    size_t from = empty ? layout->close : layout->items[0].first_token;
    size_t to = empty ? layout->open : layout->items[layout->count - 1].last_token;

    layout->gap_start = 0;
    for (size_t i = from; i-- > 0 && layout->gap_start == 0;) {
        const struct config_token *token = token_at(layout, i);

        if (token->file == layout->file)
            layout->gap_start = token->offset + token->length;
    }
    layout->gap_end = layout->length;
    for (size_t i = to + 1; i < layout->source->token_count; i++) {
        const struct config_token *token = token_at(layout, i);

        if (token->file == layout->file) {
            layout->gap_end = token->offset;
            return;
        }
    }
}

/* The block of a rule at `start` begins somewhere behind `from`, where the one before ends: with
 * the comment lines directly above it. What stands behind the other on the same line is the
 * other's. */
static size_t find_block_start(const char *text, size_t from, size_t start, bool *own_line_out)
{
    size_t line = from, comments = NO_OFFSET, comment = NO_OFFSET;
    bool first = from > 0, has_comment = false;

    for (size_t i = from; i < start;) {
        size_t skipped = layout_skip_comment(text, i, start);

        if (skipped > i) {
            comment = first && comment == NO_OFFSET ? i : comment;
            has_comment = true;
            i = skipped;
            continue;
        }
        if (text[i++] != '\n')
            continue;
        if (first || !has_comment)
            comments = NO_OFFSET;
        else if (comments == NO_OFFSET)
            comments = line;
        first = has_comment = false;
        line = i;
    }
    *own_line_out = !first;
    if (first)
        return comment != NO_OFFSET ? comment : start;
    return comments != NO_OFFSET ? comments : line;
}

/* The block of a rule ends with the line on which its comma (or it, if it is the last) ends; where
 * something else than a comment follows on that line, before that. */
static size_t find_block_end(const char *text, size_t from, size_t end)
{
    size_t last = from;

    for (size_t i = from; i < end;) {
        size_t skipped = layout_skip_comment(text, i, end);

        if (skipped > i) {
            last = i = skipped;
            continue;
        }
        if (text[i++] == '\n')
            return i;
    }
    return last;
}

static bool has_line_end(const char *text, size_t from, size_t end)
{
    size_t block_end = find_block_end(text, from, end);

    return block_end > from && text[block_end - 1] == '\n';
}

static void find_blocks(struct rules_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++) {
        struct rule_place *place = &layout->items[i];
        size_t from = i > 0 ? layout->items[i - 1].comma + 1 : layout->gap_start;

        place->block_start = find_block_start(layout->text, from, place->start, &place->own_line);
    }
    for (size_t i = 0; i < layout->count; i++) {
        struct rule_place *place = &layout->items[i];
        bool last = i + 1 == layout->count;
        size_t from = place->has_comma ? place->comma + 1 : place->end;
        size_t end = last ? layout->gap_end : layout->items[i + 1].start;

        place->block_end = last || has_line_end(layout->text, from, end)
                               ? find_block_end(layout->text, from, end)
                               : layout->items[i + 1].block_start;
    }
}

int rules_layout_find(const struct config_source *source, struct rules_layout *out, char **why)
{
    const char *newline;

    *out = (struct rules_layout){.source = source};
    find_list(out);
    if (out->found && !find_rules(out)) {
        why_set(why, "out of memory");
        goto failed;
    }
    if (out->found && find_file(out, why) != 0)
        goto failed;
    out->text = source->bytes[out->file].text;
    out->length = source->bytes[out->file].length;
    newline = memchr(out->text, '\n', out->length);
    out->eol = newline && newline > out->text && newline[-1] == '\r' ? "\r\n" : "\n";
    if (out->found) {
        find_gaps(out);
        find_blocks(out);
    }
    return 0;
failed:
    rules_layout_clear(out);
    return -1;
}

void rules_layout_clear(struct rules_layout *layout)
{
    free(layout->items);
    *layout = (struct rules_layout){0};
}
