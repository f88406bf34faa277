/* Settings that are lists of groups: sockets, logins, networks, shared mailboxes. */
#include "config_reader.h"
#include "network.h"
#include "socket_address.h"
#include "why.h"

#include <stdlib.h>
#include <string.h>

#define MODE_DEFAULT 0660U
#define MODE_MAX 0777U
#define MODE_MAX_DIGITS 4

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Room for one more item behind `count`, zeroed; NULL with the mistake told. */
static void *add_item(struct config_reader *reader, const config_setting_t *group, void **items,
                      size_t *count, size_t item_bytes)
{
    char *grown = reallocarray(*items, *count + 1, item_bytes);

    if (!grown) {
        reader_problem(reader, group, "out of memory");
        return NULL;
    }
    *items = grown;
    memset(grown + *count * item_bytes, 0, item_bytes);
    return grown + (*count)++ * item_bytes;
}

static char *copy_string(struct config_reader *reader, const config_setting_t *group,
                         const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        reader_problem(reader, group, "out of memory");
    return copy;
}

static void read_role(struct config_reader *reader, const config_setting_t *group,
                      struct socket_setting *socket)
{
    const char *name = reader_string(reader, group, "role", true);

    if (!name)
        return;
    for (enum role role = ROLE_INBOUND; role <= ROLE_LOCAL; role++) {
        if (strcmp(name, role_name(role)) == 0) {
            socket->role = role;
            return;
        }
    }
    reader_problem(reader, config_setting_get_member(group, "role"),
                   "role = \"%s\": allowed are %s, %s, %s", name, role_name(ROLE_INBOUND),
                   role_name(ROLE_SUBMISSION), role_name(ROLE_LOCAL));
}

/* -1 unless `text` is three or four octal digits up to MODE_MAX. */
static int parse_mode(const char *text)
{
    size_t length = strlen(text);
    unsigned mode = 0;

    if (length < MODE_MAX_DIGITS - 1 || length > MODE_MAX_DIGITS ||
        strspn(text, "01234567") != length)
        return -1;
    for (; *text != '\0'; text++)
        mode = mode * 8 + (unsigned)(*text - '0');
    return mode <= MODE_MAX ? (int)mode : -1;
}

static void read_mode(struct config_reader *reader, const config_setting_t *group,
                      struct socket_setting *socket)
{
    const config_setting_t *member = config_setting_get_member(group, "mode");
    int mode = -1;

    socket->mode = MODE_DEFAULT;
    if (!member)
        return;
    /* Without quotes libconfig would read 0660 as six hundred and sixty. */
    if (config_setting_type(member) == CONFIG_TYPE_STRING)
        mode = parse_mode(config_setting_get_string(member));
    if (mode < 0)
        reader_expected(reader, member, "an octal mode in quotes, \"0000\" to \"0777\"");
    else
        socket->mode = (unsigned)mode;
}

/* What belongs to files has no meaning for TCP; somebody who writes it believes in a protection
 * that is not there. */
static void check_unix_only(struct config_reader *reader, const config_setting_t *group,
                            const char *name)
{
    const config_setting_t *member = config_setting_get_member(group, name);

    if (member)
        reader_problem(reader, member, "\"%s\" is for Unix sockets only", name);
}

/* Is the socket at `key` free? Takes `key`. */
static bool claim(struct config_reader *reader, const config_setting_t *group, char ***keys,
                  size_t *count, char *key)
{
    char **item;

    for (size_t i = 0; i < *count; i++) {
        if (strcmp((*keys)[i], key) == 0) {
            reader_problem(reader, config_setting_get_member(group, "address"),
                           "\"%s\" is the address of two sockets", key);
            free(key);
            return false;
        }
    }
    item = add_item(reader, group, (void **)keys, count, sizeof **keys);
    if (!item) {
        free(key);
        return false;
    }
    *item = key;
    return true;
}

static void read_socket(struct config_reader *reader, const config_setting_t *group, char ***keys,
                        size_t *key_count)
{
    static const char *const names[] = {"address", "role", "mode", "group"};
    struct settings *settings = &reader->config->settings;
    struct socket_setting *socket;
    const char *address = reader_string(reader, group, "address", true);
    char *key = NULL;
    char *why = NULL;

    reader_check_names(reader, group, "name in a socket", names, COUNT(names));
    socket = add_item(reader, group, (void **)&settings->sockets, &settings->socket_count,
                      sizeof *socket);
    if (!socket)
        return;
    read_role(reader, group, socket);
    read_mode(reader, group, socket);
    socket->group = copy_string(reader, group, reader_string(reader, group, "group", false));
    if (!address)
        return;
    socket->address = copy_string(reader, group, address);
    if (socket_address_check(address, &key, &why) != 0)
        reader_problem(reader, config_setting_get_member(group, "address"), "%s", why_text(&why));
    else
        claim(reader, group, keys, key_count, key);
    if (!socket_address_is_unix(address)) {
        check_unix_only(reader, group, "mode");
        check_unix_only(reader, group, "group");
    }
    why_free(&why);
}

void reader_sockets(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);
    char **keys = NULL;
    size_t key_count = 0;

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_socket(reader, group, &keys, &key_count);
    }
    for (size_t i = 0; i < key_count; i++)
        free(keys[i]);
    free(keys);
}

static void read_login(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"login", "addresses"};
    struct settings *settings = &reader->config->settings;
    struct login_setting *login;
    const char *text = reader_string(reader, group, "login", true);

    reader_check_names(reader, group, "name in a sender login", names, COUNT(names));
    for (size_t i = 0; text && i < settings->sender_login_count; i++) {
        if (settings->sender_logins[i].login && strcmp(settings->sender_logins[i].login, text) == 0)
            reader_problem(reader, config_setting_get_member(group, "login"),
                           "login \"%s\" is listed twice", text);
    }
    login = add_item(reader, group, (void **)&settings->sender_logins,
                     &settings->sender_login_count, sizeof *login);
    if (!login)
        return;
    login->login = copy_string(reader, group, text);
    reader_member_patterns(reader, group, "addresses", PATTERNS_MANAGED, &login->addresses);
}

void reader_sender_logins(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count;

    if (config_setting_type(setting) == CONFIG_TYPE_STRING &&
        strcmp(config_setting_get_string(setting), "mta") == 0) {
        reader->config->settings.sender_logins_mta = true;
        return;
    }
    count = reader_groups(reader, setting);
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_login(reader, group);
    }
}

static void read_network(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"network", "addresses"};
    struct settings *settings = &reader->config->settings;
    struct network_setting *network;
    const char *text = reader_string(reader, group, "network", true);
    char *why = NULL;

    reader_check_names(reader, group, "name in a trusted network", names, COUNT(names));
    network = add_item(reader, group, (void **)&settings->trusted_networks,
                       &settings->trusted_network_count, sizeof *network);
    if (!network)
        return;
    if (text && network_parse(text, network, &why) != 0)
        reader_problem(reader, config_setting_get_member(group, "network"), "%s", why_text(&why));
    reader_member_patterns(reader, group, "addresses", PATTERNS_MANAGED, &network->addresses);
    why_free(&why);
}

void reader_trusted_networks(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_network(reader, group);
    }
}

static void add_network(struct config_reader *reader, const config_setting_t *member)
{
    struct settings *settings = &reader->config->settings;
    struct network_setting *network;
    char *why = NULL;

    if (config_setting_type(member) != CONFIG_TYPE_STRING) {
        reader_expected(reader, member, "a network in quotes, such as \"192.0.2.0/24\"");
        return;
    }
    network = add_item(reader, member, (void **)&settings->revocation_networks,
                       &settings->revocation_network_count, sizeof *network);
    if (network && network_parse(config_setting_get_string(member), network, &why) != 0)
        reader_problem(reader, member, "%s", why_text(&why));
    why_free(&why);
}

void reader_revocation_networks(struct config_reader *reader, const config_setting_t *setting)
{
    int length;

    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        reader_expected(reader, setting, "a list of networks, such as [ \"192.0.2.0/24\" ]");
        return;
    }
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++)
        add_network(reader, config_setting_get_elem(setting, (unsigned)i));
}

static void read_shared(struct config_reader *reader, const config_setting_t *group)
{
    static const char *const names[] = {"from", "senders"};
    struct settings *settings = &reader->config->settings;
    struct shared_setting *shared;
    const config_setting_t *member = config_setting_get_member(group, "from");
    const char *text = reader_string(reader, group, "from", true);
    char *why = NULL;

    reader_check_names(reader, group, "name in a shared mailbox", names, COUNT(names));
    shared = add_item(reader, group, (void **)&settings->shared_mailboxes,
                      &settings->shared_mailbox_count, sizeof *shared);
    if (!shared)
        return;
    if (text && pattern_parse(text, &shared->from, &why) != 0)
        reader_problem(reader, member, "%s", why_text(&why));
    else if (text)
        reader_check_side(reader, member, text, &shared->from, PATTERNS_MANAGED);
    reader_member_patterns(reader, group, "senders", PATTERNS_MANAGED, &shared->senders);
    why_free(&why);
}

void reader_shared_mailboxes(struct config_reader *reader, const config_setting_t *setting)
{
    size_t count = reader_groups(reader, setting);

    for (size_t i = 0; i < count; i++) {
        const config_setting_t *group = reader_group(setting, i);

        if (group)
            read_shared(reader, group);
    }
}
