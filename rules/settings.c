/* Settings as values: defaults, release, and the dump for the administrator. */
#include "settings.h"
#include "settings_table.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_NAME_BYTES 256
#define FALLBACK_HOST_NAME "localhost"

static const char *const role_names[] = {
    [ROLE_INBOUND] = "inbound", [ROLE_SUBMISSION] = "submission", [ROLE_LOCAL] = "local"};

const char *role_name(enum role role)
{
    return (size_t)role < sizeof role_names / sizeof role_names[0] ? role_names[role] : "unknown";
}

const char *settings_name(size_t i)
{
    return i < settings_table_count ? settings_table[i].name : NULL;
}

/* The host name, where the setting takes it. */
static char *default_host_name(const struct setting_entry *entry)
{
    char name[HOST_NAME_BYTES] = "";

    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0' || !entry->accepts(name))
        return strdup(FALLBACK_HOST_NAME);
    return strdup(name);
}

/* Enumerations are written as int: they have its size and no negative values. */
_Static_assert(sizeof(enum harvest_policy) == sizeof(int), "an enum setting is stored as int");

int setting_default(const struct setting_entry *entry, void *base)
{
    char *member = (char *)base + entry->offset;

    switch (entry->type) {
    case SETTING_BOOL:
        *(bool *)(void *)member = entry->number != 0;
        return 0;
    case SETTING_INT:
    case SETTING_CHOICE:
        *(int *)(void *)member = (int)entry->number;
        return 0;
    case SETTING_INT64:
        *(long long *)(void *)member = entry->number;
        return 0;
    case SETTING_STRING:
        *(char **)(void *)member = entry->text ? strdup(entry->text) : default_host_name(entry);
        return *(char **)(void *)member ? 0 : -1;
    case SETTING_LIST:
        return 0;
    }
    return 0;
}

int settings_init(struct settings *settings, char **why)
{
    static const int days[] = {30, 14, 7, 1};

    *settings = (struct settings){.expiry_notice_count = sizeof days / sizeof days[0]};
    memcpy(settings->expiry_notice_days, days, sizeof days);
    for (size_t i = 0; i < settings_table_count; i++) {
        if (setting_default(&settings_table[i], settings) != 0) {
            settings_clear(settings);
            why_set(why, "out of memory");
            return -1;
        }
    }
    return 0;
}

static void clear_clients(struct settings *settings)
{
    for (size_t i = 0; i < settings->client_server_count; i++) {
        struct client_setting *client = &settings->client_servers[i];

        pattern_list_clear(&client->addresses);
        mail_host_clear(&client->imap);
        mail_host_clear(&client->pop3);
        mail_host_clear(&client->submission);
        mail_host_clear(&client->activesync);
        free(client->username);
    }
    free(settings->client_servers);
}

static void clear_strings(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

static void clear_directory(struct directory_setting *directory)
{
    free(directory->url);
    pattern_list_clear(&directory->domains);
    free(directory->base);
    free(directory->filter);
    clear_strings(&directory->attributes);
    free(directory->ca_file);
    free(directory->bind_dn);
    free(directory->password_file);
}

static void clear_lists(struct settings *settings)
{
    clear_strings(&settings->managed_domains);
    clear_strings(&settings->dns_resolvers);
    clear_strings(&settings->administrators);
    for (size_t i = 0; i < settings->directory_count; i++)
        clear_directory(&settings->directories[i]);
    free(settings->directories);
    for (size_t i = 0; i < settings->socket_count; i++) {
        free(settings->sockets[i].address);
        free(settings->sockets[i].group);
    }
    free(settings->sockets);
    for (size_t i = 0; i < settings->sender_login_count; i++) {
        free(settings->sender_logins[i].login);
        pattern_list_clear(&settings->sender_logins[i].addresses);
    }
    free(settings->sender_logins);
    for (size_t i = 0; i < settings->trusted_network_count; i++)
        pattern_list_clear(&settings->trusted_networks[i].addresses);
    free(settings->trusted_networks);
    pattern_list_clear(&settings->local_senders);
    pattern_list_clear(&settings->unsigned_senders);
    for (size_t i = 0; i < settings->revocation_network_count; i++)
        pattern_list_clear(&settings->revocation_networks[i].addresses);
    free(settings->revocation_networks);
    for (size_t i = 0; i < settings->shared_mailbox_count; i++) {
        pattern_clear(&settings->shared_mailboxes[i].from);
        pattern_list_clear(&settings->shared_mailboxes[i].senders);
    }
    free(settings->shared_mailboxes);
    clear_clients(settings);
    for (size_t i = 0; i < settings->profile_count; i++)
        free(settings->profiles[i].name);
    free(settings->profiles);
    for (size_t i = 0; i < settings->cmp_count; i++)
        cmp_setting_clear(&settings->cmp[i]);
    free(settings->cmp);
    mail_server_setting_clear(&settings->reinject);
    mail_server_setting_clear(&settings->reinject_incoming);
    mail_server_setting_clear(&settings->mail_server);
}

void settings_clear(struct settings *settings)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        if (settings_table[i].type == SETTING_STRING)
            free(*(char **)(void *)((char *)settings + settings_table[i].offset));
    }
    clear_lists(settings);
    *settings = (struct settings){0};
}

static void print_type(const struct setting_entry *entry, FILE *out)
{
    switch (entry->type) {
    case SETTING_BOOL:
        fputs("true or false", out);
        break;
    case SETTING_INT:
        fprintf(out, "integer, %lld to %lld", entry->minimum, entry->maximum);
        break;
    case SETTING_INT64:
        fprintf(out, "integer, %lld to %lld; one of more than 32 bits with L behind it",
                entry->minimum, entry->maximum);
        break;
    case SETTING_CHOICE:
        fputs("one of", out);
        for (size_t i = 0; entry->choices[i]; i++)
            fprintf(out, "%s %s", i > 0 ? "," : "", entry->choices[i]);
        break;
    case SETTING_STRING:
        fprintf(out, "string: %s", entry->allowed);
        break;
    case SETTING_LIST:
        fputs(entry->allowed, out);
        break;
    }
    if (entry->required)
        fputs(" (required)", out);
    fputc('\n', out);
}

static void print_value(const struct setting_entry *entry, FILE *out)
{
    switch (entry->type) {
    case SETTING_BOOL:
        fprintf(out, "%s = %s;\n", entry->name, entry->number ? "true" : "false");
        break;
    case SETTING_INT:
    case SETTING_INT64:
        fprintf(out, "%s = %lld;\n", entry->name, entry->number);
        break;
    case SETTING_CHOICE:
        fprintf(out, "%s = \"%s\";\n", entry->name, entry->choices[entry->number]);
        break;
    case SETTING_STRING:
        if (entry->text)
            fprintf(out, "%s = \"%s\";\n", entry->name, entry->text);
        else
            fprintf(out, "# %s = %s;\n", entry->name, entry->example);
        break;
    case SETTING_LIST:
        if (entry->required)
            fprintf(out, "%s = %s;\n", entry->name, entry->example);
        else
            fprintf(out, "# %s = %s;\n", entry->name, entry->example);
        break;
    }
}

static void print_documentation(const char *text, FILE *out)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        fprintf(out, "# %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

void settings_print_defaults(FILE *out)
{
    fputs("# smimed.conf: every setting, with its default where it has one.\n", out);
    for (size_t i = 0; i < settings_table_count; i++) {
        fputc('\n', out);
        print_documentation(settings_table[i].documentation, out);
        fputs("# ", out);
        print_type(&settings_table[i], out);
        print_value(&settings_table[i], out);
    }
}
