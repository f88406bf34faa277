/* The listening socket around its opening by libmilter. */
#include "listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "privileges.h"
#include "why.h"

#define MODE_BITS 07777

const char *listener_path(const char *address)
{
    if (!strncasecmp(address, "unix:", 5))
        return address + 5;
    if (!strncasecmp(address, "local:", 6))
        return address + 6;
    return NULL;
}

/* The group whose members may connect. */
static const char *group_name(const struct settings *settings)
{
    struct passwd *user;
    struct group *group;

    if (settings->group && *settings->group)
        return settings->group;
    user = getpwnam(settings->user);
    group = user ? getgrgid(user->pw_gid) : NULL;
    return group ? group->gr_name : settings->user;
}

/* What is wrong with the directory, and the command that makes it. */
static void tell_directory(const struct settings *settings, const char *directory, char **why)
{
    const char *user = settings->user && *settings->user ? settings->user : NULL;
    int error = errno;

    if (error == ENOENT && user)
        why_set(why,
                "the directory %s of a socket does not exist; make it: install -d -o %s -g %s "
                "-m 0750 %s",
                directory, user, group_name(settings), directory);
    else if (error == ENOENT)
        why_set(why, "the directory %s of a socket does not exist; make it: install -d -m 0750 %s",
                directory, directory);
    else
        why_set(why, "cannot make a socket in the directory %s: %s", directory, strerror(error));
}

static int check_directory(const struct settings *settings, const char *path, char **why)
{
    const char *slash = strrchr(path, '/');
    char *directory;
    struct stat status;
    int rc = -1;

    if (!slash || slash == path)
        return 0;
    directory = strndup(path, (size_t)(slash - path));
    if (!directory) {
        why_set(why, "out of memory");
        return -1;
    }
    if (stat(directory, &status) != 0)
        tell_directory(settings, directory, why);
    else if (!S_ISDIR(status.st_mode))
        why_set(why, "%s, where the socket %s should be, is not a directory", directory, path);
    else if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0)
        tell_directory(settings, directory, why);
    else
        rc = 0;
    free(directory);
    return rc;
}

/* Does somebody listen on the socket file? 1 yes, 0 no, -1 with a sentence. */
static int somebody_listens(const char *path, char **why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int result = -1;
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        why_set(why, "the socket path %s is too long (at most %zu bytes)", path,
                sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        why_set(why, "cannot make a socket: %m");
        return -1;
    }
    /* EAGAIN: the backlog is full, so there is a listener. */
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN)
        result = 1;
    else if (errno == ECONNREFUSED || errno == ENOENT)
        result = 0;
    else
        why_set(why, "cannot tell whether somebody listens on %s: %m", path);
    close(fd);
    return result;
}

/* Judge what is at `path`: 0 nothing, 1 a socket file that nobody listens on, -1 with a sentence.
 */
static int judge_existing(const char *path, char **why)
{
    struct stat status;
    int listens;

    listens = somebody_listens(path, why);
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT && listens >= 0)
            return 0;
        if (errno != ENOENT)
            why_set(why, "cannot look at the socket %s: %m", path);
        return -1;
    }
    if (!S_ISSOCK(status.st_mode)) {
        why_set(why, "%s exists and is not a socket; it is not removed", path);
        return -1;
    }
    if (listens < 0)
        return -1;
    if (listens) {
        why_set(why, "another process already listens on %s", path);
        return -1;
    }
    return 1;
}

static int find_group(const char *name, gid_t *out, char **why)
{
    struct group *found = getgrnam(name);

    if (!found) {
        why_set(why, "the group %s of a socket does not exist", name);
        return -1;
    }
    *out = found->gr_gid;
    return 0;
}

int listener_check(const struct settings *settings, const struct socket_setting *setting,
                   char **why)
{
    const char *path = listener_path(setting->address);
    struct stat status;
    gid_t group;

    if (!path)
        return 0;
    if (setting->group && find_group(setting->group, &group, why) != 0)
        return -1;
    if (check_directory(settings, path, why) != 0)
        return -1;
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        why_set(why, "%s exists and is not a socket", path);
        return -1;
    }
    return 0;
}

int listener_prepare(const struct settings *settings, const struct socket_setting *setting,
                     char **why)
{
    const char *path = listener_path(setting->address);

    if (!path)
        return 0;
    if (check_directory(settings, path, why) != 0)
        return -1;
    switch (judge_existing(path, why)) {
    case 0:
        return 0;
    case 1:
        if (unlink(path) == 0)
            return 0;
        why_set(why, "cannot remove the left-over socket %s: %m", path);
        return -1;
    default:
        return -1;
    }
}

/* Made by root, the socket would be root's and its group's, and no MTA could connect. */
static int give_to_owner(const struct settings *settings, const struct socket_setting *setting,
                         const char *path, char **why)
{
    uid_t uid;
    gid_t gid;

    if (privileges_identity(settings->user, settings->group, &uid, &gid, why) != 0 ||
        (setting->group && find_group(setting->group, &gid, why) != 0))
        return -1;
    if (lchown(path, uid, gid) == 0)
        return 0;
    if (setting->group)
        why_set(why, "cannot give the socket %s to the group %s: %m", path, setting->group);
    else
        why_set(why, "cannot give the socket %s to user %u and group %u: %m", path, (unsigned)uid,
                (unsigned)gid);
    return -1;
}

static int finish_unix(const struct settings *settings, const struct socket_setting *setting,
                       const char *path, struct listener *out, char **why)
{
    struct stat status;

    if (give_to_owner(settings, setting, path, why) != 0)
        return -1;
    /* Never through a symbolic link: the folder may be that of a user with less rights. */
    if (fchmodat(AT_FDCWD, path, setting->mode & MODE_BITS, AT_SYMLINK_NOFOLLOW) != 0 ||
        lstat(path, &status) != 0) {
        why_set(why, "cannot set the mode of the socket %s: %m", path);
        return -1;
    }
    out->path = strdup(path);
    if (!out->path) {
        why_set(why, "out of memory");
        return -1;
    }
    out->device = status.st_dev;
    out->inode = status.st_ino;
    return 0;
}

/* Is it a listening TCP socket? */
static bool listens_on_tcp(int fd)
{
    int domain = 0;
    int listening = 0;
    socklen_t length = sizeof domain;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
        (domain != AF_INET && domain != AF_INET6))
        return false;
    length = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening;
}

/* libmilter does not tell its descriptor; it is the one listening TCP socket of this process. */
static int finish_tcp(const char *address, char **why)
{
    DIR *fds = opendir("/proc/self/fd");
    struct dirent *entry;
    bool found = false;
    int one = 1;

    while (fds && (entry = readdir(fds)) != NULL) {
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] == '.' || !listens_on_tcp(fd))
            continue;
        found = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
    }
    if (fds)
        closedir(fds);
    if (!found)
        why_set(why, "cannot set TCP_NODELAY on %s; messages will be slow", address);
    return found ? 0 : -1;
}

int listener_finish(const struct settings *settings, const struct socket_setting *setting,
                    struct listener *out, char **why)
{
    const char *path = listener_path(setting->address);

    *out = (struct listener){0};
    return path ? finish_unix(settings, setting, path, out, why)
                : finish_tcp(setting->address, why);
}

void listener_remove(struct listener *listener)
{
    struct stat status;

    if (!listener->path)
        return;
    if (lstat(listener->path, &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_dev == listener->device && status.st_ino == listener->inode)
        unlink(listener->path);
    free(listener->path);
    *listener = (struct listener){0};
}
