/* The setting cmp: certificate authorities that are asked by CMP. */
#include "config_reader.h"
#include "settings_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define PATH_MAX_BYTES 1024
#define NAME_MAX_BYTES 64
#define URL_MAX_BYTES 2048 /* HTTP_MAX_URL_BYTES */
#define DN_MAX_BYTES 1024

static const char *const request_types[] = {[CMP_REQUEST_IR] = "ir", [CMP_REQUEST_CR] = "cr", NULL};
static const char *const update_bys[] = {
    [CMP_UPDATE_BY_MAILBOX] = "mailbox", [CMP_UPDATE_BY_CREDENTIAL] = "credential", NULL};
static const char *const key_kinds[] = {"rsa:2048", "rsa:3072", "rsa:4096",
                                        "ec:P-256", "ec:P-384", NULL};

static bool is_name(const char *value)
{
    return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           strlen(value);
}

static bool is_url(const char *value)
{
    return strncasecmp(value, "http://", 7) == 0 || strncasecmp(value, "https://", 8) == 0;
}

static bool is_absolute_path(const char *value)
{
    return value[0] == '/';
}

static bool is_key_kind(const char *value)
{
    for (size_t i = 0; key_kinds[i]; i++) {
        if (strcmp(key_kinds[i], value) == 0)
            return true;
    }
    return false;
}

#define AT(member) .offset = offsetof(struct cmp_setting, member)
#define TEXT(member_, required_, default_, most_, accepts_, allowed_)                              \
    {                                                                                              \
        .name = #member_, .type = SETTING_STRING, AT(member_), .required = required_,              \
        .minimum = 1, .maximum = most_, .text = default_, .accepts = accepts_, .allowed = allowed_ \
    }
#define FILE_NAME(member_)                                                                         \
    TEXT(member_, false, "", PATH_MAX_BYTES, is_absolute_path, "absolute path")
#define NUMBER(member_, default_, least_, most_)                                                   \
    {                                                                                              \
        .name = #member_, .type = SETTING_INT, AT(member_), .number = default_, .minimum = least_, \
        .maximum = most_                                                                           \
    }
#define CHOICE(member_, default_, choices_)                                                        \
    {                                                                                              \
        .name = #member_, .type = SETTING_CHOICE, AT(member_), .number = default_,                 \
        .choices = choices_                                                                        \
    }

static const struct setting_entry members[] = {
    TEXT(name, true, "", NAME_MAX_BYTES, is_name, "letters, digits, dots, hyphens and underscores"),
    TEXT(url, true, "", URL_MAX_BYTES, is_url, "http:// or https://"),
    FILE_NAME(ca_file),
    {.name = "domains", .type = SETTING_LIST},
    TEXT(reference, false, "", DN_MAX_BYTES, NULL, "the name that the CA gave to the secret"),
    FILE_NAME(secret_file),
    FILE_NAME(certificate_file),
    FILE_NAME(key_file),
    FILE_NAME(server_certificate),
    FILE_NAME(trust_file),
    TEXT(recipient, false, "", DN_MAX_BYTES, NULL, "a distinguished name"),
    CHOICE(request, CMP_REQUEST_IR, request_types),
    TEXT(key, false, "rsa:3072", NAME_MAX_BYTES, is_key_kind,
         "rsa:2048, rsa:3072, rsa:4096, ec:P-256 or ec:P-384"),
    TEXT(subject, false, "", DN_MAX_BYTES, NULL, "a distinguished name"),
    {.name = "implicit_confirm", .type = SETTING_BOOL, AT(implicit_confirm)},
    CHOICE(update_by, CMP_UPDATE_BY_MAILBOX, update_bys),
    NUMBER(renew_before_days, 30, 0, 3650),
    NUMBER(poll_min_s, 60, 1, 86400),
    NUMBER(poll_max_s, 86400, 1, 30 * 86400),
    NUMBER(timeout_s, 30, 1, 300),
    NUMBER(give_up_days, 14, 1, 365),
};

static const struct setting_entry *find_member(const char *name)
{
    for (size_t i = 0; name && i < COUNT(members); i++) {
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    }
    return NULL;
}

/* Room for one more, with its defaults; NULL with the mistake told. */
static struct cmp_setting *add(struct config_reader *reader, const config_setting_t *group)
{
    struct settings *settings = &reader->config->settings;
    struct cmp_setting *grown = reallocarray(settings->cmp, settings->cmp_count + 1, sizeof *grown);
    struct cmp_setting *added;

    if (!grown) {
        reader_problem(reader, group, "out of memory");
        return NULL;
    }
    settings->cmp = grown;
    added = &grown[settings->cmp_count];
    *added = (struct cmp_setting){0};
    settings->cmp_count++;
    for (size_t i = 0; i < COUNT(members); i++) {
        if (setting_default(&members[i], added) != 0) {
            reader_problem(reader, group, "out of memory");
            return NULL;
        }
    }
    return added;
}

static void read_members(struct config_reader *reader, const config_setting_t *group,
                         struct cmp_setting *cmp)
{
    int length = config_setting_length(group);

    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        const struct setting_entry *entry = find_member(config_setting_name(member));

        if (entry && entry->type == SETTING_LIST)
            reader_patterns(reader, member, PATTERNS_MANAGED, &cmp->domains);
        else if (entry)
            reader_value(reader, member, entry, cmp);
    }
    for (size_t i = 0; i < COUNT(members); i++) {
        if (members[i].required && !config_setting_get_member(group, members[i].name))
            reader_problem(reader, group, "\"%s\" is missing here", members[i].name);
    }
}

static void check_names(struct config_reader *reader, const config_setting_t *group)
{
    const char *names[COUNT(members)];

    for (size_t i = 0; i < COUNT(members); i++)
        names[i] = members[i].name;
    reader_check_names(reader, group, "name in a CMP CA", names, COUNT(members));
}

static bool given(const config_setting_t *group, const char *name)
{
    return config_setting_get_member(group, name) != NULL;
}

/* What each of these protects would not be protected without the other. */
static void check_credentials(struct config_reader *reader, const config_setting_t *group,
                              const struct cmp_setting *cmp)
{
    bool secret = given(group, "secret_file");
    bool certificate = given(group, "certificate_file");
    bool server = given(group, "server_certificate");
    bool trust = given(group, "trust_file");

    if (secret == certificate)
        reader_problem(reader, group,
                       "a credential is needed: either reference and secret_file, or "
                       "certificate_file and key_file");
    if (secret != given(group, "reference"))
        reader_problem(reader, group, "\"reference\" and \"secret_file\" belong together");
    if (certificate != given(group, "key_file"))
        reader_problem(reader, group, "\"certificate_file\" and \"key_file\" belong together");
    if (server && trust)
        reader_problem(reader, group,
                       "either \"server_certificate\" or \"trust_file\" says who signs answers");
    if (trust && !given(group, "recipient"))
        reader_problem(reader, group,
                       "\"trust_file\" needs \"recipient\": whom of those below the anchors to "
                       "believe");
    if (!server && !trust && certificate)
        reader_problem(reader, group,
                       "\"server_certificate\" or \"trust_file\" is needed for answers that are "
                       "signed");
    else if (!server && !trust && cmp->update_by == CMP_UPDATE_BY_MAILBOX)
        reader_problem(reader, group,
                       "\"server_certificate\" or \"trust_file\" is needed for answers to key "
                       "updates, or update_by = \"credential\"");
}

static void check(struct config_reader *reader, const config_setting_t *group,
                  const struct cmp_setting *cmp)
{
    const struct settings *settings = &reader->config->settings;

    for (size_t i = 0; i + 1 < settings->cmp_count; i++) {
        if (cmp->name[0] != '\0' && strcmp(settings->cmp[i].name, cmp->name) == 0)
            reader_problem(reader, config_setting_get_member(group, "name"),
                           "\"%s\" is the name of two CMP CAs", cmp->name);
    }
    if (cmp->poll_max_s < cmp->poll_min_s)
        reader_problem(reader, group, "poll_max_s is less than poll_min_s");
    check_credentials(reader, group, cmp);
}

void reader_cmp(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);
        struct cmp_setting *cmp;

        if (!group)
            continue;
        check_names(reader, group);
        cmp = add(reader, group);
        if (!cmp)
            return;
        read_members(reader, group, cmp);
        check(reader, group, cmp);
    }
}

void cmp_setting_clear(struct cmp_setting *cmp)
{
    for (size_t i = 0; i < COUNT(members); i++) {
        if (members[i].type == SETTING_STRING)
            free(*(char **)(void *)((char *)cmp + members[i].offset));
    }
    pattern_list_clear(&cmp->domains);
    *cmp = (struct cmp_setting){0};
}
