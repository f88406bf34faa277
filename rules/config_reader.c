/* Places, mistakes and names, for all that read the configuration. */
#include "config_reader.h"
#include "suggestion.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_MAX_BYTES 120 /* of a value, in a sentence about it */
#define LISTED_NAMES_MAX 8   /* more names are not listed in a sentence */

/* Integers and strings come in the same order in the text and in the tree; the literal says where
 * each stands, which libconfig does not know of strings in a list (it tells the line of the token
 * behind). Where the orders differ, libconfig's own lines have to do. */
static void attach(const struct config_source *source, config_setting_t *setting, size_t *next)
{
    int type = config_setting_type(setting);

    if (config_setting_is_aggregate(setting)) {
        int length = config_setting_length(setting);

        for (int i = 0; i < length; i++)
            attach(source, config_setting_get_elem(setting, (unsigned)i), next);
        return;
    }
    if (type != CONFIG_TYPE_STRING && type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return;
    if (*next >= source->literal_count)
        return;
    if (source->literals[*next].is_string != (type == CONFIG_TYPE_STRING)) {
        *next = source->literal_count;
        return;
    }
    config_setting_set_hook(setting, &source->literals[(*next)++]);
}

void reader_attach_literals(struct config_reader *reader, config_setting_t *root)
{
    size_t next = 0;

    attach(reader->source, root, &next);
}

static unsigned line_of(const config_setting_t *setting)
{
    const struct literal *literal = config_setting_get_hook(setting);

    /* A named setting stands where its name does. */
    if (!config_setting_name(setting) && literal)
        return literal->line;
    return config_setting_source_line(setting);
}

void reader_problem(struct config_reader *reader, const config_setting_t *setting,
                    const char *format, ...)
{
    const char *file = NULL;
    unsigned line = 0;
    va_list arguments;

    config_source_place(reader->source, line_of(setting), &file, &line);
    va_start(arguments, format);
    problems_add_args(reader->problems, file, line, format, arguments);
    va_end(arguments);
}

bool reader_cut(const config_setting_t *setting)
{
    const struct literal *literal = config_setting_get_hook(setting);

    return literal && literal->too_large;
}

/* `text` in quotes, shortened between two characters where it is long. */
static char *quote(const char *text)
{
    size_t length = strnlen(text, QUOTED_MAX_BYTES + 1);
    size_t shown = utf8_cut(text, length, QUOTED_MAX_BYTES);
    char *quoted = NULL;

    return asprintf(&quoted, "\"%.*s%s\"", (int)shown, text, shown < length ? "..." : "") < 0
               ? NULL
               : quoted;
}

char *reader_value_text(const config_setting_t *setting)
{
    char *text = NULL;

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING:
        return quote(config_setting_get_string(setting));
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return asprintf(&text, "%lld", config_setting_get_int64(setting)) < 0 ? NULL : text;
    case CONFIG_TYPE_FLOAT:
        return asprintf(&text, "%g", config_setting_get_float(setting)) < 0 ? NULL : text;
    case CONFIG_TYPE_BOOL:
        return strdup(config_setting_get_bool(setting) ? "true" : "false");
    case CONFIG_TYPE_GROUP:
        return strdup("a group");
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return strdup("a list");
    default:
        return strdup("nothing");
    }
}

void reader_expected(struct config_reader *reader, const config_setting_t *setting,
                     const char *format, ...)
{
    const char *name = config_setting_name(setting);
    char *value = reader_value_text(setting);
    char *wanted = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&wanted, format, arguments) < 0)
        wanted = NULL;
    va_end(arguments);
    reader_problem(reader, setting, "%s%s%s: expected %s", name ? name : "", name ? " = " : "",
                   value ? value : "?", wanted ? wanted : "another value");
    free(wanted);
    free(value);
}

char *reader_join_names(const char *const *names, size_t count)
{
    size_t length = 1;
    char *joined, *end;

    for (size_t i = 0; i < count; i++)
        length += strlen(names[i]) + 2;
    joined = malloc(length);
    if (!joined)
        return NULL;
    end = joined;
    *end = '\0';
    for (size_t i = 0; i < count; i++)
        end = stpcpy(stpcpy(end, i > 0 ? ", " : ""), names[i]);
    return joined;
}

static void tell_unknown_name(struct config_reader *reader, const config_setting_t *member,
                              const char *what, const char *const *names, size_t count)
{
    const char *name = config_setting_name(member);
    const char *meant = suggestion_for(name, names, count);
    char *joined = NULL;

    if (meant) {
        reader_problem(reader, member, "unknown %s \"%s\"; did you mean \"%s\"?", what, name,
                       meant);
        return;
    }
    if (count > LISTED_NAMES_MAX) {
        reader_problem(reader, member, "unknown %s \"%s\"; smimed.conf(5) has them all", what,
                       name);
        return;
    }
    joined = reader_join_names(names, count);
    reader_problem(reader, member, "unknown %s \"%s\"; allowed are %s", what, name,
                   joined ? joined : "others");
    free(joined);
}

void reader_check_names(struct config_reader *reader, const config_setting_t *group,
                        const char *what, const char *const *names, size_t count)
{
    int length = config_setting_length(group);

    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        bool known = false;

        for (size_t k = 0; k < count && !known; k++)
            known = strcmp(names[k], config_setting_name(member)) == 0;
        if (!known)
            tell_unknown_name(reader, member, what, names, count);
    }
}

size_t reader_groups(struct config_reader *reader, const config_setting_t *setting)
{
    int length;

    /* "[ ]" is an array, which cannot hold groups; an empty one means the same as "( )". */
    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        reader_expected(reader, setting, "%s",
                        settings_find(config_setting_name(setting))->allowed);
        return 0;
    }
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);

        if (!config_setting_is_group(member))
            reader_expected(reader, member, "a group { ... }");
    }
    return (size_t)length;
}

config_setting_t *reader_group(const config_setting_t *setting, size_t i)
{
    config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);

    return member && config_setting_is_group(member) ? member : NULL;
}
