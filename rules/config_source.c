/* The text of a configuration: grown by the scanner, line by line with its origin. */
#include "config_source.h"
#include "config_scan.h"

#include <stdlib.h>
#include <string.h>

static bool grow(void **items, size_t *room, size_t needed, size_t item_bytes)
{
    size_t wanted = *room ? *room : 64;
    void *grown;

    if (needed <= *room)
        return true;
    while (wanted < needed)
        wanted *= 2; /* bounded by CONFIG_MAX_BYTES */
    grown = reallocarray(*items, wanted, item_bytes);
    if (!grown)
        return false;
    *items = grown;
    *room = wanted;
    return true;
}

bool config_source_append(struct config_source *source, const char *bytes, size_t length)
{
    if (!grow((void **)&source->text, &source->room, source->length + length + 1, 1))
        return false;
    memcpy(source->text + source->length, bytes, length);
    source->length += length;
    source->text[source->length] = '\0';
    return true;
}

bool config_source_begin_line(struct config_source *source, size_t file, unsigned line)
{
    if (source->line_count > 0 && !config_source_append(source, "\n", 1))
        return false;
    if (!grow((void **)&source->lines, &source->line_room, source->line_count + 1,
              sizeof *source->lines))
        return false;
    source->lines[source->line_count++] = (struct source_line){file, line};
    return true;
}

bool config_source_add_literal(struct config_source *source, bool is_string, bool too_large)
{
    if (!grow((void **)&source->literals, &source->literal_room, source->literal_count + 1,
              sizeof *source->literals))
        return false;
    source->literals[source->literal_count++] = (struct literal){
        .is_string = is_string, .too_large = too_large, .line = (unsigned)source->line_count};
    return true;
}

bool config_source_add_token(struct config_source *source, struct config_token token)
{
    if (!source->keep)
        return true;
    if (!grow((void **)&source->tokens, &source->token_room, source->token_count + 1,
              sizeof *source->tokens))
        return false;
    source->tokens[source->token_count++] = token;
    return true;
}

static bool keep_bytes(struct config_source *source, const char *text, size_t length)
{
    struct config_bytes *bytes = reallocarray(source->bytes, source->file_count + 1, sizeof *bytes);

    if (!bytes)
        return false;
    source->bytes = bytes;
    bytes[source->file_count] = (struct config_bytes){malloc(length + 1), length};
    if (!bytes[source->file_count].text)
        return false;
    memcpy(bytes[source->file_count].text, text, length);
    bytes[source->file_count].text[length] = '\0';
    return true;
}

bool config_source_add_file(struct config_source *source, const char *path, const char *text,
                            size_t length)
{
    char **files = reallocarray(source->files, source->file_count + 1, sizeof *files);
    char *copy = NULL;

    if (!files)
        return false;
    source->files = files;
    copy = strdup(path);
    if (!copy || (source->keep && !keep_bytes(source, text, length))) {
        free(copy);
        return false;
    }
    files[source->file_count++] = copy;
    return true;
}

void config_source_place(const struct config_source *source, unsigned line, const char **file_out,
                         unsigned *line_out)
{
    *file_out = source->file_count > 0 ? source->files[0] : NULL;
    *line_out = 0;
    if (source->line_count == 0 || line == 0)
        return;
    /* libconfig may name the line behind the last one. */
    if (line > source->line_count)
        line = (unsigned)source->line_count;
    *file_out = source->files[source->lines[line - 1].file];
    *line_out = source->lines[line - 1].line;
}

void config_source_clear(struct config_source *source)
{
    for (size_t i = 0; i < source->file_count; i++) {
        free(source->files[i]);
        if (source->bytes)
            free(source->bytes[i].text);
    }
    free(source->files);
    free(source->bytes);
    free(source->tokens);
    free(source->lines);
    free(source->literals);
    free(source->text);
    *source = (struct config_source){0};
}
