/* Settings that are one value: checked against the table, put where the table says. */
#include "config_reader.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_bool(struct config_reader *reader, const config_setting_t *setting, bool *out)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
        reader_expected(reader, setting, "true or false");
        return;
    }
    *out = config_setting_get_bool(setting) != 0;
}

/* The value, or the entry's default with the mistake told. */
static long long read_integer(struct config_reader *reader, const config_setting_t *setting,
                              const struct setting_entry *entry)
{
    int type = config_setting_type(setting);
    long long value = entry->number;

    if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        value = config_setting_get_int64(setting);
    if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || value < entry->minimum ||
        value > entry->maximum) {
        reader_expected(reader, setting, "an integer between %lld and %lld", entry->minimum,
                        entry->maximum);
        return entry->number;
    }
    /* Not let through although we know the value: whoever else reads the file with libconfig does
     * not. */
    if (reader_cut(setting))
        reader_expected(reader, setting,
                        "an integer between %lld and %lld, with L behind it where it needs more "
                        "than 32 bits: %lldL",
                        entry->minimum, entry->maximum, value);
    return value;
}

static bool string_fits(const char *value, const struct setting_entry *entry)
{
    size_t length = strlen(value);

    return length >= (size_t)entry->minimum && length <= (size_t)entry->maximum &&
           utf8_is_printable(value, length) && (!entry->accepts || entry->accepts(value));
}

static void read_string(struct config_reader *reader, const config_setting_t *setting,
                        const struct setting_entry *entry, char **out)
{
    const char *value = NULL;
    char *copy;

    if (config_setting_type(setting) == CONFIG_TYPE_STRING)
        value = config_setting_get_string(setting);
    if (!value || !string_fits(value, entry)) {
        reader_expected(reader, setting, "a string of %lld to %lld bytes: %s", entry->minimum,
                        entry->maximum, entry->allowed);
        return;
    }
    copy = strdup(value);
    if (!copy) {
        reader_problem(reader, setting, "out of memory");
        return;
    }
    free(*out);
    *out = copy;
}

static void read_choice(struct config_reader *reader, const config_setting_t *setting,
                        const struct setting_entry *entry, int *out)
{
    char *value = NULL;
    char *joined = NULL;
    size_t count = 0;

    if (entry->was_switch && config_setting_type(setting) == CONFIG_TYPE_BOOL) {
        *out = config_setting_get_bool(setting) ? (int)entry->number : 0;
        return;
    }
    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        for (size_t i = 0; entry->choices[i]; i++) {
            if (strcmp(entry->choices[i], config_setting_get_string(setting)) == 0) {
                *out = (int)i;
                return;
            }
        }
    }
    value = reader_value_text(setting);
    while (entry->choices[count])
        count++;
    joined = reader_join_names(entry->choices, count);
    reader_problem(reader, setting, "%s = %s: allowed are %s", entry->name, value ? value : "?",
                   joined ? joined : "other values");
    free(joined);
    free(value);
}

void reader_value(struct config_reader *reader, const config_setting_t *setting,
                  const struct setting_entry *entry, void *base)
{
    void *member = (char *)base + entry->offset;

    switch (entry->type) {
    case SETTING_BOOL:
        read_bool(reader, setting, member);
        break;
    case SETTING_INT:
        *(int *)member = (int)read_integer(reader, setting, entry);
        break;
    case SETTING_INT64:
        *(long long *)member = read_integer(reader, setting, entry);
        break;
    case SETTING_STRING:
        read_string(reader, setting, entry, member);
        break;
    case SETTING_CHOICE:
        read_choice(reader, setting, entry, member);
        break;
    case SETTING_LIST:
        break; /* has its own reader */
    }
}

const char *reader_string(struct config_reader *reader, const config_setting_t *group,
                          const char *name, bool required)
{
    const config_setting_t *member = config_setting_get_member(group, name);
    const char *value;

    if (!member) {
        if (required)
            reader_problem(reader, group, "\"%s\" is missing here", name);
        return NULL;
    }
    value = config_setting_type(member) == CONFIG_TYPE_STRING ? config_setting_get_string(member)
                                                              : NULL;
    if (!value || *value == '\0' || !utf8_is_printable(value, strlen(value))) {
        reader_expected(reader, member, "a string that is not empty, without control characters");
        return NULL;
    }
    return value;
}
