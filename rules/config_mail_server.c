/* Settings that name a mail server: where it is, how it is spoken to. */
#include "config_reader.h"
#include "mail_server_setting.h"
#include "socket_address.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const tls_names[] = {[MAIL_TLS_NONE] = "none",
                                        [MAIL_TLS_OPPORTUNISTIC] = "opportunistic",
                                        [MAIL_TLS_REQUIRED] = "required",
                                        [MAIL_TLS_IMPLICIT] = "implicit"};
static const char *const verify_names[] = {
    [MAIL_VERIFY_FULL] = "full", [MAIL_VERIFY_CHAIN] = "chain", [MAIL_VERIFY_NONE] = "none"};

void mail_server_setting_clear(struct mail_server_setting *setting)
{
    free(setting->address);
    free(setting->unix_path);
    free(setting->host);
    free(setting->ca_file);
    free(setting->user);
    free(setting->password_file);
    *setting = (struct mail_server_setting){0};
}

/* A copy of the string `name`; NULL where it is absent, or wrong (told). */
static char *read_text(struct config_reader *reader, const config_setting_t *group,
                       const char *name)
{
    const char *text = reader_string(reader, group, name, false);
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        reader_problem(reader, group, "out of memory");
    return copy;
}

static char *read_path(struct config_reader *reader, const config_setting_t *group,
                       const char *name)
{
    char *path = read_text(reader, group, name);

    if (path && path[0] != '/')
        reader_expected(reader, config_setting_get_member(group, name), "an absolute path");
    return path;
}

static int read_name(struct config_reader *reader, const config_setting_t *group, const char *name,
                     const char *const *names, size_t count, int otherwise)
{
    const char *text = reader_string(reader, group, name, false);
    char *joined;

    for (size_t i = 0; text && i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return (int)i;
    if (text) {
        joined = reader_join_names(names, count);
        reader_problem(reader, config_setting_get_member(group, name),
                       "%s = \"%s\": allowed are %s", name, text, joined ? joined : "other values");
        free(joined);
    }
    return otherwise;
}

static bool read_switch(struct config_reader *reader, const config_setting_t *group,
                        const char *name)
{
    const config_setting_t *member = config_setting_get_member(group, name);

    if (!member)
        return false;
    if (config_setting_type(member) != CONFIG_TYPE_BOOL) {
        reader_expected(reader, member, "true or false");
        return false;
    }
    return config_setting_get_bool(member) != 0;
}

static bool is_loopback(const struct mail_server_setting *server)
{
    return strcmp(server->host, "localhost") == 0 || strncmp(server->host, "127.", 4) == 0 ||
           strcmp(server->host, "::1") == 0;
}

/* Take the address apart, in the one spelling that the check gives. */
static void read_address(struct config_reader *reader, const config_setting_t *place,
                         const char *text, struct mail_server_setting *server)
{
    char *key = NULL;
    char *why = NULL;
    const char *port, *at;

    if (socket_address_check(text, &key, &why) != 0) {
        reader_problem(reader, place, "%s", why_text(&why));
        goto out;
    }
    server->address = strdup(text);
    if (socket_address_is_unix(key)) {
        server->unix_path = strdup(strchr(key, ':') + 1);
    } else {
        port = strchr(key, ':') + 1;
        at = strchr(port, '@');
        server->port = (unsigned)strtoul(port, NULL, 10);
        server->host = strdup(at + 1);
        server->ipv6 = strncmp(key, "inet6:", 6) == 0;
    }
    if (!server->address || (!server->unix_path && !server->host)) {
        mail_server_setting_clear(server);
        reader_problem(reader, place, "out of memory");
    }

out:
    free(key);
    why_free(&why);
}

/* Who writes these believes in a protection that would not be there. */
static void check_tls_only(struct config_reader *reader, const config_setting_t *group,
                           const struct mail_server_setting *server, const char *name)
{
    const config_setting_t *member = config_setting_get_member(group, name);

    if (member && server->tls == MAIL_TLS_NONE)
        reader_problem(reader, member, "\"%s\" is for TLS, and tls is none here", name);
}

static void check_login(struct config_reader *reader, const config_setting_t *group,
                        const struct mail_server_setting *server)
{
    if (!server->user != !server->password_file)
        reader_problem(reader, group, "\"user\" and \"password_file\" belong together");
    if (server->user && !server->unix_path && server->tls == MAIL_TLS_NONE &&
        !server->login_in_clear)
        reader_problem(reader, group,
                       "\"user\" without TLS would show the password to the network: expected tls, "
                       "or login_in_clear = true");
}

static void read_group(struct config_reader *reader, const config_setting_t *group,
                       struct mail_server_setting *server)
{
    static const char *const names[] = {"address", "tls",           "verify",        "ca_file",
                                        "user",    "password_file", "login_in_clear"};
    const char *address = reader_string(reader, group, "address", true);
    int tls;

    reader_check_names(reader, group, "name in a mail server", names, COUNT(names));
    if (address)
        read_address(reader, config_setting_get_member(group, "address"), address, server);
    tls = server->unix_path || (server->host && is_loopback(server)) ? MAIL_TLS_NONE
                                                                     : MAIL_TLS_REQUIRED;
    server->tls = (enum mail_tls)read_name(reader, group, "tls", tls_names, COUNT(tls_names), tls);
    server->verify = (enum mail_verify)read_name(reader, group, "verify", verify_names,
                                                 COUNT(verify_names), MAIL_VERIFY_FULL);
    server->ca_file = read_path(reader, group, "ca_file");
    server->user = read_text(reader, group, "user");
    server->password_file = read_path(reader, group, "password_file");
    server->login_in_clear = read_switch(reader, group, "login_in_clear");
    check_tls_only(reader, group, server, "verify");
    check_tls_only(reader, group, server, "ca_file");
    check_login(reader, group, server);
}

static void read_server(struct config_reader *reader, const config_setting_t *setting,
                        struct mail_server_setting *server)
{
    mail_server_setting_clear(server);
    if (config_setting_is_group(setting)) {
        read_group(reader, setting, server);
        return;
    }
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        reader_expected(reader, setting, "%s",
                        settings_find(config_setting_name(setting))->allowed);
        return;
    }
    if (*config_setting_get_string(setting) == '\0')
        return; /* none */
    read_address(reader, setting, config_setting_get_string(setting), server);
    if (server->host && !is_loopback(server))
        server->tls = MAIL_TLS_REQUIRED;
}

void reader_reinject(struct config_reader *reader, const config_setting_t *setting)
{
    read_server(reader, setting, &reader->config->settings.reinject);
}

/* reinject is what switches splitting on: alone, the other would do nothing. */
void reader_reinject_incoming(struct config_reader *reader, const config_setting_t *setting)
{
    struct mail_server_setting *own = &reader->config->settings.reinject_incoming;
    const config_setting_t *root = config_setting_parent(setting);
    const config_setting_t *reinject = config_setting_get_member(root, "reinject");
    const char *text = reinject ? config_setting_get_string(reinject) : "";

    read_server(reader, setting, own);
    if (own->address && text && *text == '\0')
        reader_problem(
            reader, setting,
            "reinject_incoming does nothing without reinject: name a listener there too");
}

void reader_mail_server(struct config_reader *reader, const config_setting_t *setting)
{
    read_server(reader, setting, &reader->config->settings.mail_server);
}
