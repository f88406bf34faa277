/* smimed.conf: text, tree, values. */
#include "config.h"
#include "config_reader.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

static void read_senders(struct config_reader *reader, const config_setting_t *setting,
                         struct pattern_list *out)
{
    /* An empty list is the default: nobody. */
    if (config_setting_is_aggregate(setting) && !config_setting_is_group(setting) &&
        config_setting_length(setting) == 0)
        return;
    reader_patterns(reader, setting, PATTERNS_MANAGED, out);
}

static void read_local_senders(struct config_reader *reader, const config_setting_t *setting)
{
    read_senders(reader, setting, &reader->config->settings.local_senders);
}

static void read_unsigned_senders(struct config_reader *reader, const config_setting_t *setting)
{
    read_senders(reader, setting, &reader->config->settings.unsigned_senders);
}

static const struct {
    const char *name;
    void (*read)(struct config_reader *reader, const config_setting_t *setting);
} list_readers[] = {
    {"managed_domains", reader_managed_domains},
    {"sockets", reader_sockets},
    {"sender_logins", reader_sender_logins},
    {"trusted_networks", reader_trusted_networks},
    {"local_senders", read_local_senders},
    {"unsigned_senders", read_unsigned_senders},
    {"shared_mailboxes", reader_shared_mailboxes},
    {"client_servers", reader_client_servers},
    {"directories", reader_directories},
    {"dns_resolvers", reader_dns_resolvers},
    {"cmp", reader_cmp},
    {"reinject", reader_reinject},
    {"reinject_incoming", reader_reinject_incoming},
    {"mail_server", reader_mail_server},
    {"administrator", reader_administrator},
    {"expiry_notice_days", reader_expiry_notice_days},
    {"revocation_networks", reader_revocation_networks},
    {"weak_algorithms", reader_weak_algorithms},
    {"rules", reader_rules},
};

#define LIST_READERS (sizeof list_readers / sizeof list_readers[0])

static void read_list(struct config_reader *reader, const config_setting_t *setting)
{
    for (size_t i = 0; i < LIST_READERS; i++) {
        if (strcmp(list_readers[i].name, config_setting_name(setting)) == 0)
            list_readers[i].read(reader, setting);
    }
}

static void tell_unknown(struct config_reader *reader, const config_setting_t *root)
{
    const char **names = calloc(settings_table_count, sizeof *names);

    if (!names) {
        reader_problem(reader, root, "out of memory");
        return;
    }
    for (size_t i = 0; i < settings_table_count; i++)
        names[i] = settings_table[i].name;
    reader_check_names(reader, root, "setting", names, settings_table_count);
    free(names);
}

static void read_root(struct config_reader *reader, const config_setting_t *root)
{
    const config_setting_t *domains = config_setting_get_member(root, "managed_domains");
    const config_setting_t *profiles = config_setting_get_member(root, "profiles");
    const config_setting_t *profile = config_setting_get_member(root, "profile");
    int length = config_setting_length(root);

    /* First, because what other patterns may name depends on it. */
    if (domains)
        reader_managed_domains(reader, domains);
    else
        problems_add(reader->problems, reader->config->path, 0,
                     "managed_domains is missing: expected %s",
                     settings_find("managed_domains")->allowed);
    /* Likewise, because rules name them. */
    if (profiles)
        reader_profiles(reader, profiles);
    tell_unknown(reader, root);
    for (int i = 0; i < length; i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const struct setting_entry *entry = settings_find(config_setting_name(setting));

        if (!entry || setting == domains || setting == profiles)
            continue;
        if (entry->type == SETTING_LIST)
            read_list(reader, setting);
        else
            reader_value(reader, setting, entry, &reader->config->settings);
    }
    if (profile)
        reader_check_profile(reader, profile);
}

/* Turn the text into values; mistakes go to *problems. */
static void read_source(struct config *config, const struct config_source *source,
                        struct problems *problems)
{
    struct config_reader reader = {.source = source, .problems = problems, .config = config};
    const char *file = NULL;
    unsigned line = 0;
    config_t tree;

    config_init(&tree);
    if (config_read_string(&tree, source->text ? source->text : "") == CONFIG_TRUE) {
        reader_attach_literals(&reader, config_root_setting(&tree));
        read_root(&reader, config_root_setting(&tree));
    } else {
        config_source_place(source, (unsigned)config_error_line(&tree), &file, &line);
        problems_add(problems, file, line,
                     "%s here or just before; what stands behind it was not checked",
                     config_error_text(&tree));
    }
    config_destroy(&tree);
}

static struct config *config_new(const char *path, struct problems *problems)
{
    struct config *config = calloc(1, sizeof *config);
    char *why = NULL;

    if (config)
        config->path = strdup(path);
    if (!config || !config->path || settings_init(&config->settings, &why) != 0) {
        problems_add(problems, path, 0, "%s", why ? why : "out of memory");
        config_free(&config);
    }
    why_free(&why);
    return config;
}

struct config *config_build(const char *path, const struct config_source *source,
                            struct problems *problems)
{
    struct problems found = {0};
    struct config *config = config_new(path, &found);

    if (config)
        read_source(config, source, &found);
    if (problems_any(&found))
        config_free(&config);
    problems_move(problems, &found);
    return config;
}

/* Read `source` into a new configuration, unless `rc` says that it could not be had. */
static struct config *finish(const char *path, struct config_source *source, int rc,
                             struct problems *problems)
{
    struct config *config = rc == 0 ? config_build(path, source, problems) : NULL;

    config_source_clear(source);
    return config;
}

struct config *config_load(const char *path, struct problems *problems)
{
    struct config_source source;
    int rc = config_source_read(&source, path, problems);

    return finish(path, &source, rc, problems);
}

struct config *config_parse(const char *name, const char *text, size_t length,
                            struct problems *problems)
{
    struct config_source source;
    int rc = config_source_take(&source, name, text, length, problems);

    return finish(name, &source, rc, problems);
}

void config_free(struct config **config)
{
    if (!*config)
        return;
    settings_clear(&(*config)->settings);
    rules_clear(&(*config)->rules);
    free((*config)->path);
    free(*config);
    *config = NULL;
}
