/* Rules as blocks of text, put in, taken out and moved. */
#include "edit_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how a rule is written ---- */

static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void write_strings(FILE *out, const char *const *items, size_t count)
{
    fputs("[ ", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", out);
        write_string(out, items[i]);
    }
    fputs(" ]", out);
}

/* What was written to `out`, which is closed; NULL when out of memory. */
static char *written(FILE *out, char **text)
{
    bool failed = ferror(out) != 0;

    if (fclose(out) == EOF || failed) {
        free(*text);
        *text = NULL;
    }
    return *text;
}

char *edit_string(const char *text)
{
    char *result = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&result, &length);

    if (!out)
        return NULL;
    write_string(out, text);
    return written(out, &result);
}

char *edit_strings(const char *const *items, size_t count)
{
    char *result = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&result, &length);

    if (!out)
        return NULL;
    write_strings(out, items, count);
    return written(out, &result);
}

/* A rule as it is written: over several lines, those behind the first with `indent` and two blanks
 * more; on one line with `indent` NULL. */
static char *write_rule(const struct rule_draft *draft, const char *indent, const char *eol)
{
    const char *const between[] = {indent ? eol : " ", indent ? indent : "", indent ? "  " : ""};
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    fputs("{ ", out);
    if (draft->note && *draft->note) {
        fputs("note = ", out);
        write_string(out, draft->note);
        fprintf(out, ";%s%s%s", between[0], between[1], between[2]);
    }
    fputs("managed = ", out);
    write_strings(out, draft->managed, draft->managed_count);
    fprintf(out, ";%s%s%sexternal = ", between[0], between[1], between[2]);
    write_strings(out, draft->external, draft->external_count);
    fputc(';', out);
    if (draft->incoming)
        fprintf(out, "%s%s%sincoming = \"%s\";", between[0], between[1], between[2],
                draft->incoming);
    if (draft->outgoing)
        fprintf(out, "%s%s%soutgoing = \"%s\";", between[0], between[1], between[2],
                draft->outgoing);
    if (draft->choice)
        fprintf(out, "%s%s%schoice = \"%s\";", between[0], between[1], between[2], draft->choice);
    if (draft->require_tls && strcmp(draft->require_tls, "undefined") != 0)
        fprintf(out, "%s%s%srequire_tls = %s;", between[0], between[1], between[2],
                draft->require_tls);
    if (draft->profile && *draft->profile) {
        fprintf(out, "%s%s%sprofile = ", between[0], between[1], between[2]);
        write_string(out, draft->profile);
        fputc(';', out);
    }
    fputs(" }", out);
    return written(out, &text);
}

/* ---- pieces ---- */

/* The texts, of which the last is NULL, as one: a new string, NULL when out of memory. */
static char *joined(const char *first, ...) __attribute__((sentinel));

static char *joined(const char *first, ...)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    va_list more;

    if (!out)
        return NULL;
    va_start(more, first);
    for (const char *piece = first; piece; piece = va_arg(more, const char *))
        fputs(piece, out);
    va_end(more);
    return written(out, &text);
}

char *edit_indent(const struct rules_layout *layout, size_t offset)
{
    size_t line = offset, end;

    while (line > 0 && layout->text[line - 1] != '\n')
        line--;
    for (end = line; end < offset && layout_is_blank(layout->text[end]);)
        end++;
    return strndup(layout->text + line, end - line);
}

static bool ends_line(const struct rules_layout *layout, size_t offset)
{
    return offset == 0 || layout->text[offset - 1] == '\n';
}

static bool ends_with(const char *text, char c)
{
    size_t length = strlen(text);

    return length > 0 && text[length - 1] == c;
}

/* Does the block end within a comment, so that more on the same line would become part of it? */
static bool ends_in_comment(const struct rules_layout *layout, const struct rule_place *place)
{
    const char *text = layout->text;
    bool inside = false;

    for (size_t i = place->has_comma ? place->comma + 1 : place->end; i < place->block_end;) {
        size_t skipped = layout_skip_comment(text, i, place->block_end);

        inside = skipped > i && memcmp(text + i, "/*", 2) != 0;
        i = skipped > i ? skipped : i + 1;
    }
    return inside;
}

/* The comma behind a rule goes; with the blanks behind it where the next rule, which is gone too,
 * stood on the same line. */
static void drop_comma(const struct rules_layout *layout, size_t index, struct patches *patches)
{
    const struct rule_place *place = &layout->items[index];
    size_t count = 1;

    if (!layout->items[index + 1].own_line)
        count = layout->items[index + 1].block_start - place->comma;
    patches_add(patches, place->comma, count, strdup(""));
}

/* ---- changes ---- */

/* Take a block out. What stands before it on its line keeps the line end. */
static void cut(const struct rules_layout *layout, const struct rule_place *place,
                struct patches *patches)
{
    size_t end = place->block_end;

    if (!place->own_line && ends_line(layout, end))
        end -= strlen(layout->text[end - 2] == '\r' ? "\r\n" : "\n");
    patches_add(patches, place->block_start, end - place->block_start, strdup(""));
}

void edit_delete(const struct rules_layout *layout, size_t index, struct patches *patches)
{
    if (index > 0 && index + 1 == layout->count)
        drop_comma(layout, index - 1, patches);
    cut(layout, &layout->items[index], patches);
}

/* A list where there was none. */
static void add_list(const struct rules_layout *layout, const struct rule_draft *draft,
                     struct patches *patches)
{
    char *rule = write_rule(draft, "  ", layout->eol);
    const char *eol = layout->eol;
    bool line = ends_line(layout, layout->length);

    if (rule)
        patches_add(patches, layout->length, 0,
                    joined(line ? "" : eol, layout->length > 0 ? eol : "", "rules = (", eol, "  ",
                           rule, eol, ");", eol, (char *)NULL));
    else
        patches->failed = true;
    free(rule);
}

static bool only_blanks(const struct rules_layout *layout, size_t from, size_t end)
{
    while (from < end && layout_is_blank(layout->text[from]))
        from++;
    return from == end;
}

/* The first rule, before the closing bracket. "[ ]" is an empty list as well, but cannot hold
 * rules. */
static void add_first(const struct rules_layout *layout, const struct rule_draft *draft,
                      struct patches *patches)
{
    size_t from = layout->gap_start, to = layout->gap_end, line = to;
    char *rule = write_rule(draft, "  ", layout->eol);

    while (line > from && layout->text[line - 1] != '\n')
        line--;
    if (!rule)
        patches->failed = true;
    else if (line > from && only_blanks(layout, line, to))
        patches_add(patches, line, 0, joined("  ", rule, layout->eol, (char *)NULL));
    else if (only_blanks(layout, from, to))
        patches_add(patches, from, to - from,
                    joined(layout->eol, "  ", rule, layout->eol, (char *)NULL));
    else
        patches_add(patches, to, 0, joined(layout->eol, "  ", rule, layout->eol, (char *)NULL));
    if (layout_is_mark(layout, layout->open, '[')) {
        const struct config_token *tokens = layout->source->tokens;

        patches_add(patches, tokens[layout->open].offset, 1, strdup("("));
        patches_add(patches, tokens[layout->close].offset, 1, strdup(")"));
    }
    free(rule);
}

/* Behind the last one. */
static void add_last(const struct rules_layout *layout, const struct rule_draft *draft,
                     struct patches *patches)
{
    const struct rule_place *last = &layout->items[layout->count - 1];
    bool line = ends_line(layout, last->block_end);
    bool own_line = last->own_line || line || ends_in_comment(layout, last);
    char *indent = last->own_line ? edit_indent(layout, last->start) : strdup("  ");
    char *rule = indent ? write_rule(draft, own_line ? indent : NULL, layout->eol) : NULL;

    patches_add(patches, last->end, 0, strdup(","));
    if (!rule)
        patches->failed = true;
    else if (own_line)
        patches_add(
            patches, last->block_end, 0,
            joined(line ? "" : layout->eol, indent, rule, line ? layout->eol : "", (char *)NULL));
    else
        patches_add(patches, last->block_end, 0, joined(" ", rule, (char *)NULL));
    free(rule);
    free(indent);
}

void edit_add(const struct rules_layout *layout, const struct rule_draft *draft, size_t index,
              struct patches *patches)
{
    const struct rule_place *next;
    char *indent = NULL, *rule = NULL;

    if (!layout->found) {
        add_list(layout, draft, patches);
        return;
    }
    if (layout->count == 0) {
        add_first(layout, draft, patches);
        return;
    }
    if (index >= layout->count) {
        add_last(layout, draft, patches);
        return;
    }
    next = &layout->items[index];
    indent = edit_indent(layout, next->start);
    rule = indent ? write_rule(draft, next->own_line ? indent : NULL, layout->eol) : NULL;
    if (!rule)
        patches->failed = true;
    else if (next->own_line)
        patches_add(patches, next->block_start, 0,
                    joined(indent, rule, ",", layout->eol, (char *)NULL));
    else
        patches_add(patches, next->block_start, 0, joined(rule, ", ", (char *)NULL));
    free(rule);
    free(indent);
}

/* The block of a rule with a comma behind the rule, or without one: a new string. */
static char *block_text(const struct rules_layout *layout, const struct rule_place *place,
                        bool comma)
{
    struct patches patches = {0};
    char *text;
    size_t length = 0;

    if (comma && !place->has_comma)
        patches_add(&patches, place->end - place->block_start, 0, strdup(","));
    if (!comma && place->has_comma)
        patches_add(&patches, place->comma - place->block_start, 1, strdup(""));
    text = patches_apply(&patches, layout->text + place->block_start,
                         place->block_end - place->block_start, &length);
    patches_clear(&patches);
    return text;
}

/* Put a block with its comma before that of another rule. */
static void put_before(const struct rules_layout *layout, const struct rule_place *moved,
                       const struct rule_place *next, struct patches *patches)
{
    char *block = block_text(layout, moved, true);
    char *indent = edit_indent(layout, next->start);
    const char *end = "";

    if (block && !ends_with(block, '\n')) {
        if (next->own_line || ends_in_comment(layout, moved))
            end = layout->eol;
        else if (!ends_with(block, ' '))
            end = " ";
    }
    if (block && indent)
        patches_add(
            patches, next->block_start, 0,
            joined(next->own_line && !moved->own_line ? indent : "", block, end, (char *)NULL));
    else
        patches->failed = true;
    free(indent);
    free(block);
}

/* Put a block without its comma behind that of the last rule. */
static void put_last(const struct rules_layout *layout, const struct rule_place *moved,
                     struct patches *patches)
{
    const struct rule_place *last = &layout->items[layout->count - 1];
    bool line = ends_line(layout, last->block_end);
    bool new_line = moved->own_line || last->own_line || ends_in_comment(layout, last);
    char *block = block_text(layout, moved, false);
    char *indent = edit_indent(layout, last->start);
    const char *before = "", *end = "";

    if (line)
        before = !moved->own_line && last->own_line && indent ? indent : "";
    else
        before = new_line ? layout->eol : " ";
    if (block && !ends_with(block, '\n') && (line || ends_in_comment(layout, moved)))
        end = layout->eol;
    for (size_t i = block ? strlen(block) : 0; i > 0 && layout_is_blank(block[i - 1]); i--)
        block[i - 1] = '\0';
    patches_add(patches, last->end, 0, strdup(","));
    if (block && indent)
        patches_add(patches, last->block_end, 0, joined(before, block, end, (char *)NULL));
    else
        patches->failed = true;
    free(indent);
    free(block);
}

void edit_move(const struct rules_layout *layout, size_t from, size_t to, struct patches *patches)
{
    const struct rule_place *moved = &layout->items[from];

    if (from == to)
        return;
    if (to + 1 == layout->count) {
        cut(layout, moved, patches);
        put_last(layout, moved, patches);
        return;
    }
    edit_delete(layout, from, patches);
    put_before(layout, moved, &layout->items[to < from ? to : to + 1], patches);
}
