/* The setting client_servers: where mail programs find their servers. */
#include "config_reader.h"
#include "mail_host.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

#define USERNAME_DEFAULT "%a"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void read_host(struct config_reader *reader, const config_setting_t *group, const char *name,
                      enum mail_host_service service, struct mail_host *out)
{
    const char *text = reader_string(reader, group, name, false);
    char *why = NULL;

    if (text && mail_host_parse(service, text, out, &why) != 0)
        reader_problem(reader, config_setting_get_member(group, name), "%s", why_text(&why));
    why_free(&why);
}

static void read_username(struct config_reader *reader, const config_setting_t *group,
                          struct client_setting *client)
{
    const char *text = reader_string(reader, group, "username", false);
    char *why = NULL;

    if (text && mail_username_check(text, &why) != 0)
        reader_problem(reader, config_setting_get_member(group, "username"), "%s", why_text(&why));
    why_free(&why);
    client->username = strdup(text ? text : USERNAME_DEFAULT);
    if (!client->username)
        reader_problem(reader, group, "out of memory");
}

static void read_client(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"addresses",  "imap",       "pop3",
                                        "submission", "activesync", "username"};
    struct settings *settings = &reader->config->settings;
    struct client_setting *grown =
        reallocarray(settings->client_servers, settings->client_server_count + 1, sizeof *grown);
    struct client_setting *client;

    reader_check_names(reader, group, "name in client_servers", names, COUNT(names));
    if (!grown) {
        reader_problem(reader, group, "out of memory");
        return;
    }
    settings->client_servers = grown;
    client = &grown[settings->client_server_count++];
    *client = (struct client_setting){.username = NULL};
    reader_member_patterns(reader, group, "addresses", PATTERNS_MANAGED, &client->addresses);
    read_host(reader, group, "imap", MAIL_HOST_IMAP, &client->imap);
    read_host(reader, group, "pop3", MAIL_HOST_POP3, &client->pop3);
    read_host(reader, group, "submission", MAIL_HOST_SUBMISSION, &client->submission);
    read_host(reader, group, "activesync", MAIL_HOST_ACTIVESYNC, &client->activesync);
    read_username(reader, group, client);
    if (!config_setting_get_member(group, "imap") && !config_setting_get_member(group, "pop3") &&
        !config_setting_get_member(group, "submission") &&
        !config_setting_get_member(group, "activesync"))
        reader_problem(reader, group,
                       "no server is named: expected imap, pop3, submission or activesync");
}

void reader_client_servers(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_client(reader, group);
    }
}
