/* Settings of the directories that are asked for certificates: LDAP and name servers. */
#include "config_reader.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_FILTER "(mail=%s)"
#define MAX_PORT 65535
#define MAX_PORT_DIGITS 5
#define MAX_RESOLVERS 8
#define MAX_DIRECTORIES 64
#define MAX_ATTRIBUTES 16

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const default_attributes[] = {"userCertificate;binary",
                                                 "userSMIMECertificate;binary"};

static char *copy_string(struct config_reader *reader, const config_setting_t *group,
                         const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        reader_problem(reader, group, "out of memory");
    return copy;
}

static void add_string(struct config_reader *reader, const config_setting_t *setting,
                       struct string_list *list, const char *text)
{
    char **grown = reallocarray(list->items, list->count + 1, sizeof *grown);

    if (grown)
        list->items = grown;
    if (grown && (grown[list->count] = strdup(text)) != NULL)
        list->count++;
    else
        reader_problem(reader, setting, "out of memory");
}

/* Each member of a list of strings for which `accepts` returns true; at most `most`. */
static void read_strings(struct config_reader *reader, const config_setting_t *setting, int most,
                         bool (*accepts)(const char *text), const char *wanted,
                         struct string_list *out)
{
    int length;

    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        reader_expected(reader, setting, "a list of strings, each %s", wanted);
        return;
    }
    length = config_setting_length(setting);
    if (length > most)
        reader_problem(reader, setting, "%s has more than %d members", config_setting_name(setting),
                       most);
    for (int i = 0; i < length && i < most; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
        const char *text = config_setting_type(member) == CONFIG_TYPE_STRING
                               ? config_setting_get_string(member)
                               : NULL;

        if (!text || !accepts(text))
            reader_expected(reader, member, "%s", wanted);
        else
            add_string(reader, member, out, text);
    }
}

static void read_bool(struct config_reader *reader, const config_setting_t *group, const char *name,
                      bool *out)
{
    const config_setting_t *member = config_setting_get_member(group, name);

    if (!member)
        return;
    if (config_setting_type(member) != CONFIG_TYPE_BOOL)
        reader_expected(reader, member, "true or false");
    else
        *out = config_setting_get_bool(member) != 0;
}

/* A path that has to be absolute, because the daemon has no directory of its own. */
static char *read_path(struct config_reader *reader, const config_setting_t *group,
                       const char *name)
{
    const char *text = reader_string(reader, group, name, false);

    if (text && text[0] != '/') {
        reader_expected(reader, config_setting_get_member(group, name), "an absolute path");
        return NULL;
    }
    return copy_string(reader, group, text);
}

static bool is_ldap_url(const char *text)
{
    return !strncasecmp(text, "ldap://", 7) || !strncasecmp(text, "ldaps://", 8) ||
           !strncasecmp(text, "ldapi://", 8);
}

static bool is_plain_ldap(const char *text)
{
    return !strncasecmp(text, "ldap://", 7);
}

static void read_url(struct config_reader *reader, const config_setting_t *group,
                     struct directory_setting *directory)
{
    const char *text = reader_string(reader, group, "url", true);

    /* What libldap would take from the rest of a URL has settings of its own here. */
    if (text && (!is_ldap_url(text) || strchr(text, '?') || strchr(text, ' ')))
        reader_expected(reader, config_setting_get_member(group, "url"),
                        "ldap://HOST, ldaps://HOST or ldapi://PATH, with or without a port");
    else
        directory->url = copy_string(reader, group, text);
}

/* RFC 4515 is the directory's matter; what stands for the address has to be there, once at least.
 */
static bool is_filter(const char *text)
{
    bool named = false;
    size_t length = strlen(text);

    if (length < 2 || text[0] != '(' || text[length - 1] != ')')
        return false;
    for (const char *p = strchr(text, '%'); p; p = strchr(p + 2, '%')) {
        if (!p[1] || !strchr("sud%", p[1]))
            return false;
        named = named || p[1] == 's' || p[1] == 'u';
    }
    return named;
}

static void read_filter(struct config_reader *reader, const config_setting_t *group,
                        struct directory_setting *directory)
{
    const char *text = reader_string(reader, group, "filter", false);

    if (text && !is_filter(text))
        reader_expected(reader, config_setting_get_member(group, "filter"),
                        "a filter in brackets with %%s for the address, or %%u for its local part "
                        "(%%d is its domain, %%%% a percent sign), such as \"%s\"",
                        DEFAULT_FILTER);
    else
        directory->filter = copy_string(reader, group, text ? text : DEFAULT_FILTER);
}

/* RFC 4512 section 2.5: a name or an OID, with options. */
static bool is_attribute(const char *text)
{
    return *text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "-;.") == strlen(text);
}

static void read_attributes(struct config_reader *reader, const config_setting_t *group,
                            struct directory_setting *directory)
{
    const config_setting_t *member = config_setting_get_member(group, "attributes");

    if (member) {
        read_strings(reader, member, MAX_ATTRIBUTES, is_attribute,
                     "the name of an attribute, such as \"userCertificate;binary\"",
                     &directory->attributes);
        if (config_setting_is_aggregate(member) && config_setting_length(member) == 0)
            reader_problem(reader, member, "attributes is empty: expected at least one");
        return;
    }
    for (size_t i = 0; i < COUNT(default_attributes); i++)
        add_string(reader, group, &directory->attributes, default_attributes[i]);
}

static void read_starttls(struct config_reader *reader, const config_setting_t *group,
                          struct directory_setting *directory)
{
    static const char *const names[] = {
        [STARTTLS_REQUIRED] = "required", [STARTTLS_OPTIONAL] = "optional", [STARTTLS_OFF] = "off"};
    const char *text = reader_string(reader, group, "starttls", false);

    for (size_t i = 0; text && i < COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            directory->starttls = (enum starttls)i;
            text = NULL;
        }
    }
    if (text)
        reader_problem(reader, config_setting_get_member(group, "starttls"),
                       "starttls = \"%s\": allowed are required, optional, off", text);
    if (directory->url && !is_plain_ldap(directory->url) &&
        config_setting_get_member(group, "starttls"))
        reader_problem(reader, config_setting_get_member(group, "starttls"),
                       "\"starttls\" is for ldap:// only");
}

static void read_bind(struct config_reader *reader, const config_setting_t *group,
                      struct directory_setting *directory)
{
    directory->bind_dn = copy_string(reader, group, reader_string(reader, group, "bind_dn", false));
    directory->password_file = read_path(reader, group, "password_file");
    read_bool(reader, group, "password_in_clear", &directory->password_in_clear);
    if (!config_setting_get_member(group, "bind_dn") !=
        !config_setting_get_member(group, "password_file"))
        reader_problem(reader, group, "\"bind_dn\" and \"password_file\" go together");
    if (directory->bind_dn && directory->url && is_plain_ldap(directory->url) &&
        directory->starttls == STARTTLS_OFF && !directory->password_in_clear)
        reader_problem(reader, group,
                       "the password would be sent in the clear: expected ldaps://, starttls, or "
                       "password_in_clear = true");
}

/* Space for one more; NULL with the mistake told. */
static struct directory_setting *add_directory(struct config_reader *reader,
                                               const config_setting_t *group)
{
    struct settings *settings = &reader->config->settings;
    struct directory_setting *grown =
        reallocarray(settings->directories, settings->directory_count + 1, sizeof *grown);

    if (!grown) {
        reader_problem(reader, group, "out of memory");
        return NULL;
    }
    settings->directories = grown;
    grown[settings->directory_count] = (struct directory_setting){.anchored = true};
    return &grown[settings->directory_count++];
}

static void read_directory(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"url",           "domains",           "base",    "filter",
                                        "attributes",    "starttls",          "ca_file", "bind_dn",
                                        "password_file", "password_in_clear", "anchored"};
    struct directory_setting *directory = add_directory(reader, group);
    const char *base;

    reader_check_names(reader, group, "name in a directory", names, COUNT(names));
    if (!directory)
        return;
    read_url(reader, group, directory);
    if (config_setting_get_member(group, "domains"))
        reader_member_patterns(reader, group, "domains", PATTERNS_EXTERNAL, &directory->domains);
    /* "" is a base, too. */
    if (config_setting_lookup_string(group, "base", &base) != CONFIG_TRUE || *base)
        base = reader_string(reader, group, "base", false);
    directory->base = copy_string(reader, group, base ? base : "");
    read_filter(reader, group, directory);
    read_attributes(reader, group, directory);
    read_starttls(reader, group, directory);
    directory->ca_file = read_path(reader, group, "ca_file");
    read_bind(reader, group, directory);
    read_bool(reader, group, "anchored", &directory->anchored);
}

void reader_directories(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    if (count > MAX_DIRECTORIES) {
        reader_problem(reader, setting, "directories has more than %d members", MAX_DIRECTORIES);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_directory(reader, group);
    }
}

/* An IP address with or without "@port", as libunbound takes it. */
static bool is_resolver(const char *text)
{
    unsigned char parsed[sizeof(struct in6_addr)];
    char address[INET6_ADDRSTRLEN];
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);

    if (length >= sizeof address)
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET, address, parsed) != 1 && inet_pton(AF_INET6, address, parsed) != 1)
        return false;
    if (!at)
        return true;
    length = strlen(at + 1);
    return length > 0 && length <= MAX_PORT_DIGITS && strspn(at + 1, "0123456789") == length &&
           atoi(at + 1) > 0 && atoi(at + 1) <= MAX_PORT;
}

void reader_dns_resolvers(struct config_reader *reader, const config_setting_t *setting)
{
    read_strings(reader, setting, MAX_RESOLVERS, is_resolver,
                 "an IP address: \"192.0.2.1\" or \"192.0.2.1@5353\"",
                 &reader->config->settings.dns_resolvers);
}
