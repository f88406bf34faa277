/* What the process may do. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "why.h"

#define WANTED_OPEN_FILES 65536

void privileges_harden(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;

    /* Message texts and keys are in memory: a core dump would put them on disk. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(0077);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < WANTED_OPEN_FILES) {
        files.rlim_cur = files.rlim_max < WANTED_OPEN_FILES ? files.rlim_max : WANTED_OPEN_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int find_ids(const char *user, const char *group, uid_t *uid_out, gid_t *gid_out, char **why)
{
    struct passwd *found_user;
    struct group *found_group;

    errno = 0;
    found_user = getpwnam(user);
    if (!found_user) {
        why_set(why, "the user %s does not exist; make it, or set user", user);
        return -1;
    }
    *uid_out = found_user->pw_uid;
    *gid_out = found_user->pw_gid;
    if (!group || !*group)
        return 0;
    found_group = getgrnam(group);
    if (!found_group) {
        why_set(why, "the group %s does not exist; make it, or set group", group);
        return -1;
    }
    *gid_out = found_group->gr_gid;
    return 0;
}

int privileges_identity(const char *user, const char *group, uid_t *uid_out, gid_t *gid_out,
                        char **why)
{
    *uid_out = geteuid();
    *gid_out = getegid();
    if (!user || !*user || *uid_out != 0)
        return 0;
    return find_ids(user, group, uid_out, gid_out, why);
}

int privileges_drop(const char *user, const char *group, char **why)
{
    uid_t uid;
    gid_t gid;

    if (!user || !*user)
        return 0;
    if (geteuid() != 0) {
        struct passwd *self = getpwuid(geteuid());

        return self && !strcmp(self->pw_name, user) ? 0 : 1;
    }
    if (find_ids(user, group, &uid, &gid, why) != 0)
        return -1;
    /* The user's further groups too: the socket's group is usually one of them. */
    if (initgroups(user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0) {
        why_set(why, "cannot become the user %s: %m", user);
        return -1;
    }
    if (uid != 0 && setuid(0) == 0) {
        why_set(why, "privileges could be regained after becoming the user %s", user);
        return -1;
    }
    /* Changing the user has made the process dumpable again, where that is the system's habit. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}

int privileges_check_spool(const char *directory, char **why)
{
    struct stat status;

    if (stat(directory, &status) != 0) {
        why_set(why, "the spool directory %s: %m", directory);
        return -1;
    }
    if (!S_ISDIR(status.st_mode)) {
        why_set(why, "the spool %s is not a directory", directory);
        return -1;
    }
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        why_set(why,
                "the spool directory %s belongs to user id %u; it must belong to the user smimed "
                "runs as (%u) or to root",
                directory, (unsigned)status.st_uid, (unsigned)geteuid());
        return -1;
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX)) {
        why_set(why,
                "the spool directory %s has mode %04o and is writable for others; allowed is "
                "0700",
                directory, (unsigned)status.st_mode & 07777);
        return -1;
    }
    if (access(directory, W_OK | X_OK) != 0) {
        why_set(why, "cannot write to the spool directory %s: %m", directory);
        return -1;
    }
    return 0;
}
