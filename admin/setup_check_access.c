/* May Postfix's daemons use smimed's Unix sockets? They run as mail_owner and get in by its groups.
 */
#include "setup.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_MAY 06 /* read and write */
#define MAX_GROUPS 1024

/* The group that the socket will have. Returns false when it cannot be told from here. */
static bool group_of(const struct settings *settings, const struct socket_setting *socket,
                     gid_t *gid_out)
{
    const char *name = socket->group ? socket->group : settings->group;
    const struct group *group = *name ? getgrnam(name) : NULL;
    const struct passwd *user = !*name && *settings->user ? getpwnam(settings->user) : NULL;
    if (!group && !user) {
        return false;
    }
    *gid_out = group ? group->gr_gid : user->pw_gid;
    return true;
}

bool is_in_group(const char *name, gid_t gid)
{
    const struct passwd *user = getpwnam(name);
    int count = MAX_GROUPS;
    gid_t *groups = calloc(MAX_GROUPS, sizeof *groups);
    bool found = false;
    if (!user || !groups || getgrouplist(name, user->pw_gid, groups, &count) < 0) {
        free(groups);
        return true;
    }
    for (int i = 0; i < count; i++) {
        found = found || groups[i] == gid;
    }
    free(groups);
    return found;
}

void setup_check_access(struct setup *setup)
{
    const struct settings *settings = &setup->context->config->settings;
    const char *owner = postfix_main(setup->postfix, "mail_owner");
    for (size_t i = 0; i < settings->socket_count; i++) {
        const struct socket_setting *socket = &settings->sockets[i];
        gid_t gid = 0;
        if (strncmp(socket->address, "unix:", 5) != 0 ||
            (socket->mode & OTHERS_MAY) == OTHERS_MAY || !group_of(settings, socket, &gid) ||
            is_in_group(owner, gid)) {
            continue;
        }
        const struct group *group = getgrgid(gid);
        const char *name = group ? group->gr_name : "?";
        setup_wrong(
            setup, "access", socket->address,
            text_of("Postfix's user %s is not in the group %s, which the socket has", owner, name),
            "Postfix cannot connect (\"Permission denied\" in its log), and all mail is "
            "deferred. Put the user into the group with adduser, then restart Postfix.");
    }
}
