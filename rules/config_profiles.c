/* profiles = ( { name; digests; signatures; key_encryption; ciphers; minimum_rsa_bits;
 * minimum_ec_bits; header_confidentiality; }, ... ), the setting `profile`, and weak_algorithms. */
#include "config_reader.h"
#include "profile.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MAX_VALUES 16 /* of a list of names */

static size_t count_names(const char *const *names)
{
    size_t count = 0;

    while (names[count])
        count++;
    return count;
}

/* The value that `member` names, -1 with the mistake told. */
static int read_value(struct config_reader *reader, const config_setting_t *list,
                      const config_setting_t *member, const char *const *names)
{
    char *value, *allowed;

    if (config_setting_type(member) == CONFIG_TYPE_STRING) {
        for (int i = 0; names[i]; i++) {
            if (strcmp(names[i], config_setting_get_string(member)) == 0)
                return i;
        }
    }
    value = reader_value_text(member);
    allowed = reader_join_names(names, count_names(names));
    reader_problem(reader, member, "%s: %s is not allowed; allowed are %s",
                   config_setting_name(list), value ? value : "?", allowed ? allowed : "others");
    free(allowed);
    free(value);
    return -1;
}

/* The values that the list `setting` names, each once, into `out` (of MAX_VALUES). Returns their
 * number. */
static size_t read_names(struct config_reader *reader, const config_setting_t *setting,
                         const char *const *names, int *out)
{
    size_t count = 0;
    int length;

    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        reader_expected(reader, setting, "a list of names in quotes, such as [ \"%s\" ]", names[0]);
        return 0;
    }
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
        int value = read_value(reader, setting, member, names);
        bool twice = false;

        for (size_t k = 0; k < count; k++)
            twice = twice || out[k] == value;
        if (twice)
            reader_problem(reader, member, "%s: \"%s\" is listed twice",
                           config_setting_name(setting), names[value]);
        else if (value >= 0)
            out[count++] = value;
    }
    return count;
}

static void read_items(struct config_reader *reader, const config_setting_t *group,
                       const struct profile_member *member, struct profile *profile)
{
    const config_setting_t *setting = config_setting_get_member(group, member->name);
    struct profile_items *items = (void *)((char *)profile + member->offset);

    if (!setting)
        return;
    if ((config_setting_is_list(setting) || config_setting_is_array(setting)) &&
        config_setting_length(setting) == 0)
        reader_problem(reader, setting, "%s is empty: expected at least one name", member->name);
    *items = (struct profile_items){.count = 0};
    items->count = read_names(reader, setting, member->values, items->items);
}

static void read_bits(struct config_reader *reader, const config_setting_t *group, const char *name,
                      int least, int most, int *out)
{
    const config_setting_t *setting = config_setting_get_member(group, name);

    if (!setting)
        return;
    if (config_setting_type(setting) != CONFIG_TYPE_INT || reader_cut(setting) ||
        config_setting_get_int(setting) < least || config_setting_get_int(setting) > most)
        reader_expected(reader, setting, "an integer, %d to %d", least, most);
    else
        *out = config_setting_get_int(setting);
}

static void read_confidentiality(struct config_reader *reader, const config_setting_t *group,
                                 enum profile_confidentiality *out)
{
    const config_setting_t *setting = config_setting_get_member(group, "header_confidentiality");
    const char *const *names = &profile_confidentiality_names[PROFILE_HIDES_NONE];
    int value = setting ? read_value(reader, setting, setting, names) : -1;

    if (value >= 0)
        *out = (enum profile_confidentiality)(PROFILE_HIDES_NONE + value);
}

/* A name that is free, so that "strict" means the same on every host; NULL with the mistake told.
 */
static const char *read_name(struct config_reader *reader, const config_setting_t *group)
{
    const char *name = reader_string(reader, group, "name", true);

    if (!name || !profile_find(&reader->config->settings, name))
        return name;
    reader_problem(reader, config_setting_get_member(group, "name"),
                   "\"%s\" is the name of another profile; those that come with smimed cannot be "
                   "changed",
                   name);
    return NULL;
}

static void add_profile(struct config_reader *reader, const config_setting_t *group,
                        const char *name, struct profile profile)
{
    struct settings *settings = &reader->config->settings;
    struct profile *grown =
        reallocarray(settings->profiles, settings->profile_count + 1, sizeof *grown);

    if (grown)
        settings->profiles = grown;
    profile.name = strdup(name);
    if (grown && profile.name) {
        grown[settings->profile_count++] = profile;
        return;
    }
    free(profile.name);
    reader_problem(reader, group, "out of memory");
}

static void read_profile(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {
        "name",    "digests",          "signatures",      "key_encryption",
        "ciphers", "minimum_rsa_bits", "minimum_ec_bits", "header_confidentiality"};
    struct profile profile = *profile_shipped(0);
    const char *name = read_name(reader, group);

    reader_check_names(reader, group, "name in a profile", names, COUNT(names));
    for (size_t i = 0; i < profile_member_count; i++)
        read_items(reader, group, &profile_members[i], &profile);
    read_bits(reader, group, "minimum_rsa_bits", PROFILE_MIN_RSA_BITS, PROFILE_MAX_RSA_BITS,
              &profile.minimum_rsa_bits);
    read_bits(reader, group, "minimum_ec_bits", PROFILE_MIN_EC_BITS, PROFILE_MAX_EC_BITS,
              &profile.minimum_ec_bits);
    read_confidentiality(reader, group, &profile.header_confidentiality);
    if (name)
        add_profile(reader, group, name, profile);
}

void reader_profiles(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_profile(reader, group);
    }
}

void reader_check_profile(struct config_reader *reader, const config_setting_t *setting)
{
    const struct settings *settings = &reader->config->settings;
    const char *name = config_setting_type(setting) == CONFIG_TYPE_STRING
                           ? config_setting_get_string(setting)
                           : NULL;
    char *known = NULL;
    size_t length = 0;
    FILE *out;

    /* What is no name at all was told before. */
    if (!name || *name == '\0' || !utf8_is_printable(name, strlen(name)) ||
        profile_find(settings, name))
        return;
    out = open_memstream(&known, &length);
    for (size_t i = 0; out && profile_shipped(i); i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", profile_shipped(i)->name);
    for (size_t i = 0; out && i < settings->profile_count; i++)
        fprintf(out, ", %s", settings->profiles[i].name);
    if (out && fclose(out) == EOF)
        out = NULL;
    reader_problem(reader, setting,
                   "profile = \"%s\": there is no profile of that name; there are "
                   "%s",
                   name, out ? known : "others");
    free(known);
}

void reader_weak_algorithms(struct config_reader *reader, const config_setting_t *setting)
{
    int values[MAX_VALUES];
    size_t count = read_names(reader, setting, weak_algorithm_names, values);

    for (size_t i = 0; i < count; i++)
        reader->config->settings.weak_algorithms |= 1U << values[i];
}
