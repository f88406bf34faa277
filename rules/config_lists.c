/* Lists of domains and patterns. */
#include "address.h"
#include "config_reader.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

/* Is every address that `pattern` names in a managed domain? */
static bool is_managed(const struct string_list *domains, const struct pattern *pattern)
{
    for (size_t i = 0; i < domains->count; i++) {
        const char *domain = domains->items[i];
        const char *named =
            pattern->kind == PATTERN_MAILBOX ? address_domain(pattern->text) : pattern->text;

        if (strcmp(named, domain) == 0 ||
            (domain[0] == '.' && address_domain_is_below(named, domain)))
            return true;
    }
    return false;
}

/* Is any? */
static bool touches_managed(const struct string_list *domains, const struct pattern *pattern)
{
    if (is_managed(domains, pattern))
        return true;
    for (size_t i = 0; pattern->kind == PATTERN_SUBDOMAINS && i < domains->count; i++) {
        if (address_domain_is_below(domains->items[i], pattern->text))
            return true;
    }
    return false;
}

void reader_check_side(struct config_reader *reader, const config_setting_t *setting,
                       const char *text, const struct pattern *pattern, enum pattern_side side)
{
    const struct string_list *domains = &reader->config->settings.managed_domains;

    if (!reader->domains_known || pattern->kind == PATTERN_ALL)
        return;
    if (side == PATTERNS_EXTERNAL && is_managed(domains, pattern))
        reader_problem(reader, setting,
                       "\"%s\" is in managed_domains: an external pattern never matches a managed "
                       "address",
                       text);
    if (side == PATTERNS_MANAGED && !touches_managed(domains, pattern))
        reader_problem(reader, setting,
                       "\"%s\" is not in managed_domains: expected a pattern of managed addresses",
                       text);
}

/* `setting` has to be a list or array of at least one member. */
static bool check_list(struct config_reader *reader, const config_setting_t *setting,
                       const char *of_what)
{
    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        reader_expected(reader, setting, "a list of %s, such as [ \"example.com\" ]", of_what);
        return false;
    }
    if (config_setting_length(setting) == 0) {
        reader_problem(reader, setting, "%s is empty: expected at least one of the %s",
                       config_setting_name(setting), of_what);
        return false;
    }
    return true;
}

/* The i-th member if it is a string, else NULL with the mistake told. */
static const char *string_member(struct config_reader *reader, const config_setting_t *member,
                                 const char *what)
{
    if (config_setting_type(member) == CONFIG_TYPE_STRING)
        return config_setting_get_string(member);
    reader_expected(reader, member, "a string with a %s", what);
    return NULL;
}

static bool add_domain(struct string_list *domains, char *domain)
{
    char **items = reallocarray(domains->items, domains->count + 1, sizeof *items);

    if (!items)
        return false;
    domains->items = items;
    items[domains->count++] = domain;
    return true;
}

static bool has_domain(const struct string_list *domains, const char *domain)
{
    for (size_t i = 0; i < domains->count; i++) {
        if (strcmp(domains->items[i], domain) == 0)
            return true;
    }
    return false;
}

static void read_domain(struct config_reader *reader, const config_setting_t *member,
                        struct string_list *domains)
{
    const char *text = string_member(reader, member, "domain");
    struct pattern pattern = {.text = NULL};

    if (!text)
        return;
    if (pattern_parse(text, &pattern, NULL) != 0 ||
        (pattern.kind != PATTERN_DOMAIN && pattern.kind != PATTERN_SUBDOMAINS)) {
        reader_expected(reader, member,
                        "a domain: \"example.com\", or \".example.com\" for its "
                        "subdomains");
        reader->domains_known = false;
    } else if (has_domain(domains, pattern.text)) {
        reader_problem(reader, member, "\"%s\" is listed twice", text);
    } else if (add_domain(domains, pattern.text)) {
        pattern.text = NULL; /* the list has it now */
    } else {
        reader_problem(reader, member, "out of memory");
    }
    pattern_clear(&pattern);
}

void reader_managed_domains(struct config_reader *reader, const config_setting_t *setting)
{
    int length;

    if (!check_list(reader, setting, "domains that are ours"))
        return;
    reader->domains_known = true;
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++)
        read_domain(reader, config_setting_get_elem(setting, (unsigned)i),
                    &reader->config->settings.managed_domains);
}

void reader_patterns(struct config_reader *reader, const config_setting_t *setting,
                     enum pattern_side side, struct pattern_list *out)
{
    int length;

    if (!check_list(reader, setting, "patterns"))
        return;
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
        const char *text = string_member(reader, member, "pattern");
        char *why = NULL;

        if (text && pattern_list_add(out, text, &why) != 0)
            reader_problem(reader, member, "%s", why_text(&why));
        else if (text)
            reader_check_side(reader, member, text, &out->items[out->count - 1], side);
        why_free(&why);
    }
}

void reader_member_patterns(struct config_reader *reader, const config_setting_t *group,
                            const char *name, enum pattern_side side, struct pattern_list *out)
{
    const config_setting_t *member = config_setting_get_member(group, name);

    if (!member)
        reader_problem(reader, group, "\"%s\" is missing here: expected a list of patterns", name);
    else
        reader_patterns(reader, member, side, out);
}
