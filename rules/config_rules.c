/* rules = ( { note; managed; external; incoming; outgoing; choice; require_tls;
 * profile; }, ... ) */
#include "config_reader.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void tell_modes(struct config_reader *reader, const config_setting_t *member,
                       const char *const names[5])
{
    char *value = reader_value_text(member);

    reader_problem(reader, member, "%s = %s: allowed are %s, %s, %s, %s, %s",
                   config_setting_name(member), value ? value : "?", names[0], names[1], names[2],
                   names[3], names[4]);
    free(value);
}

static void read_incoming(struct config_reader *reader, const config_setting_t *group,
                          enum incoming_mode *out)
{
    const config_setting_t *member = config_setting_get_member(group, "incoming");
    const char *names[5];

    if (!member)
        return;
    if (config_setting_type(member) == CONFIG_TYPE_STRING &&
        incoming_mode_from_name(config_setting_get_string(member), out) == 0)
        return;
    for (enum incoming_mode mode = INCOMING_UNDEFINED; mode <= INCOMING_DECRYPT_FORCED; mode++)
        names[mode] = incoming_mode_name(mode);
    tell_modes(reader, member, names);
}

static void read_outgoing(struct config_reader *reader, const config_setting_t *group,
                          enum outgoing_mode *out)
{
    const config_setting_t *member = config_setting_get_member(group, "outgoing");
    const char *names[5];

    if (!member)
        return;
    if (config_setting_type(member) == CONFIG_TYPE_STRING &&
        outgoing_mode_from_name(config_setting_get_string(member), out) == 0)
        return;
    for (enum outgoing_mode mode = OUTGOING_UNDEFINED; mode <= OUTGOING_ENCRYPT_FORCED; mode++)
        names[mode] = outgoing_mode_name(mode);
    tell_modes(reader, member, names);
}

static void read_choice(struct config_reader *reader, const config_setting_t *group,
                        enum sender_choice *out)
{
    const config_setting_t *member = config_setting_get_member(group, "choice");
    char *value;

    if (!member)
        return;
    if (config_setting_type(member) == CONFIG_TYPE_STRING &&
        sender_choice_from_name(config_setting_get_string(member), out) == 0)
        return;
    value = reader_value_text(member);
    reader_problem(reader, member, "choice = %s: allowed are undefined, none, strengthen, free",
                   value ? value : "?");
    free(value);
}

static void read_require_tls(struct config_reader *reader, const config_setting_t *group,
                             enum tls_demand *out)
{
    const config_setting_t *member = config_setting_get_member(group, "require_tls");

    if (!member)
        return;
    if (config_setting_type(member) == CONFIG_TYPE_BOOL)
        *out = config_setting_get_bool(member) ? TLS_REQUIRED : TLS_NOT_REQUIRED;
    else
        reader_expected(reader, member, "true or false");
}

static void read_profile(struct config_reader *reader, const config_setting_t *group,
                         struct rule *rule)
{
    const char *name = reader_string(reader, group, "profile", false);

    if (!name)
        return;
    reader_check_profile(reader, config_setting_get_member(group, "profile"));
    rule->profile = strdup(name);
    if (!rule->profile)
        reader_problem(reader, group, "out of memory");
}

static void read_sides(struct config_reader *reader, const config_setting_t *group,
                       struct rule *rule)
{
    struct pattern_list managed = {0}, external = {0};

    reader_member_patterns(reader, group, "managed", PATTERNS_MANAGED, &managed);
    reader_member_patterns(reader, group, "external", PATTERNS_EXTERNAL, &external);
    rule->managed = managed.items;
    rule->managed_count = managed.count;
    rule->external = external.items;
    rule->external_count = external.count;
}

static void read_note(struct config_reader *reader, const config_setting_t *group,
                      struct rule *rule)
{
    const char *note = reader_string(reader, group, "note", false);

    if (!note)
        return;
    rule->note = strdup(note);
    if (!rule->note)
        reader_problem(reader, group, "out of memory");
}

static void read_rule(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"note",     "managed", "external",    "incoming",
                                        "outgoing", "choice",  "require_tls", "profile"};
    struct rule_list *rules = &reader->config->rules;
    struct rule *items = reallocarray(rules->items, rules->count + 1, sizeof *items);
    struct rule *rule;
    const char *file = NULL;

    if (!items) {
        reader_problem(reader, group, "out of memory");
        return;
    }
    rules->items = items;
    rule = &items[rules->count++];
    *rule = (struct rule){.incoming = INCOMING_UNDEFINED,
                          .outgoing = OUTGOING_UNDEFINED,
                          .choice = CHOICE_UNDEFINED,
                          .require_tls = TLS_UNDEFINED};
    config_source_place(reader->source, config_setting_source_line(group), &file, &rule->line);
    rule->file = file ? strdup(file) : NULL;
    if (!rule->file)
        reader_problem(reader, group, "out of memory");
    reader_check_names(reader, group, "name in a rule", names, COUNT(names));
    read_note(reader, group, rule);
    read_sides(reader, group, rule);
    read_incoming(reader, group, &rule->incoming);
    read_outgoing(reader, group, &rule->outgoing);
    read_choice(reader, group, &rule->choice);
    read_require_tls(reader, group, &rule->require_tls);
    read_profile(reader, group, rule);
}

void reader_rules(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_rule(reader, group);
    }
}
