/* A new file is written beside the old one, given all that the old one has, and renamed. */
#include "file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "why.h"
#include "write_all.h"

#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 20
#define MAX_ATTRIBUTE_BYTES 65536 /* what Linux allows, for a value and for all names */

/* The folder of `path`: a new string, NULL when out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static int open_folder(const char *path, char **why)
{
    char *folder = folder_of(path);
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (descriptor < 0) {
        why_set(why, "%s: %m", folder ? folder : path);
    }
    free(folder);
    return descriptor;
}

int folder_lock(const char *path, char **why)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000L * 1000L};
    int descriptor = open_folder(path, why);
    if (descriptor < 0) {
        return -1;
    }
    for (int waited = 0; flock(descriptor, LOCK_EX | LOCK_NB); waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            why_set(why, "the folder of %s cannot be locked: %m", path);
            goto failed;
        }
        if (waited >= LOCK_WAIT_MS) {
            why_set(why, "somebody else is changing %s; try again", path);
            goto failed;
        }
        nanosleep(&step, NULL);
    }
    return descriptor;
failed:
    close(descriptor);
    return -1;
}

/* ---- attributes ---- */

/* Labels that hang on the content are made anew by the kernel. */
static bool is_of_content(const char *name)
{
    return !strcmp(name, "security.ima") || !strcmp(name, "security.evm");
}

/* Give `to` the attribute `name` of `from`, unless it has the same already. */
static int copy_attribute(int from, int to, const char *name, char *value, char *other)
{
    ssize_t length = fgetxattr(from, name, value, MAX_ATTRIBUTE_BYTES);
    if (length < 0) {
        return errno == ENODATA ? 0 : -1;
    }
    if (fgetxattr(to, name, other, MAX_ATTRIBUTE_BYTES) == length &&
        !memcmp(value, other, (size_t)length)) {
        return 0;
    }
    return fsetxattr(to, name, value, (size_t)length, 0);
}

static int copy_attributes(int from, int to, char **why)
{
    char *names = malloc(3 * MAX_ATTRIBUTE_BYTES);
    char *value = names ? names + MAX_ATTRIBUTE_BYTES : NULL;
    int rc = -1;
    if (!names) {
        why_set(why, "out of memory");
        return -1;
    }
    ssize_t length = flistxattr(from, names, MAX_ATTRIBUTE_BYTES);
    if (length < 0 && errno != ENOTSUP) {
        why_set(why, "its extended attributes cannot be read: %m");
        goto out;
    }
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        if (!is_of_content(name) &&
            copy_attribute(from, to, name, value, value + MAX_ATTRIBUTE_BYTES)) {
            why_set(why, "its extended attribute %s cannot be kept: %m", name);
            goto out;
        }
    }
    rc = 0;
out:
    free(names);
    return rc;
}

static int copy_status(int from, int to, char **why)
{
    struct stat old, new;
    if (fstat(from, &old) || fstat(to, &new)) {
        why_set(why, "%m");
        return -1;
    }
    if ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
        fchown(to, old.st_uid, old.st_gid)) {
        why_set(why, "its owner cannot be kept: %m");
        return -1;
    }
    if (fchmod(to, old.st_mode & 07777)) {
        why_set(why, "its mode cannot be kept: %m");
        return -1;
    }
    return copy_attributes(from, to, why);
}

/* ---- bytes ---- */

/* Put a file at `path` with the bytes, and with all else as `like` has it. */
static int put(const char *path, const char *bytes, size_t length, int like, char **why)
{
    char *folder = folder_of(path), *temporary = NULL;
    int descriptor = -1, rc = -1;
    if (!folder || asprintf(&temporary, "%s/.smimectl-XXXXXX", folder) < 0) {
        temporary = NULL;
        why_set(why, "out of memory");
        goto out;
    }
    descriptor = mkostemp(temporary, O_CLOEXEC);
    if (descriptor < 0) {
        why_set(why, "no file can be made in %s: %m", folder);
        goto out;
    }
    if (copy_status(like, descriptor, why)) {
        why_prefix(why, "%s", path);
        goto out;
    }
    if (write_all(descriptor, bytes, length) || fsync(descriptor)) {
        why_set(why, "%s: %m", path);
        goto out;
    }
    if (rename(temporary, path)) {
        why_set(why, "%s cannot be replaced: %m", path);
        goto out;
    }
    rc = 0;
out:
    if (descriptor >= 0) {
        if (rc) {
            unlink(temporary);
        }
        close(descriptor);
    }
    free(temporary);
    free(folder);
    return rc;
}

/* Does the file have these bytes, and no more? 1, 0, or -1 with errno. */
static int has_bytes(int descriptor, const char *bytes, size_t length)
{
    char *found = malloc(length + 1);
    size_t have = 0;
    int same = -1;
    if (!found) {
        return -1;
    }
    while (have <= length) {
        ssize_t got = read(descriptor, found + have, length + 1 - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            goto out;
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    same = have == length && !memcmp(found, bytes, length);
out:
    free(found);
    return same;
}

int file_replace(const struct replacement *replacement, char **why)
{
    const char *path = replacement->path;
    char *backup = NULL;
    int folder = -1, rc = -1;
    int old = open(path, O_RDONLY | O_CLOEXEC);
    if (old < 0) {
        why_set(why, "%s: %m", path);
        return -1;
    }
    int same = has_bytes(old, replacement->before, replacement->before_length);
    if (same != 1) {
        if (same == 0) {
            why_set(why, "%s was changed by somebody else meanwhile; try again", path);
        } else {
            why_set(why, "%s: %m", path);
        }
        goto out;
    }
    if (asprintf(&backup, "%s" BACKUP_SUFFIX, path) < 0) {
        backup = NULL;
        why_set(why, "out of memory");
        goto out;
    }
    folder = open_folder(path, why);
    if (folder < 0 || put(backup, replacement->before, replacement->before_length, old, why) ||
        put(path, replacement->after, replacement->after_length, old, why)) {
        goto out;
    }
    /* The renaming is in the folder; where a file system cannot sync one there is nothing to do. */
    if (fsync(folder) && errno != EINVAL) {
        why_set(why, "%s is changed, but may not survive a crash: %m", path);
        goto out;
    }
    rc = 0;
out:
    free(backup);
    if (folder >= 0) {
        close(folder);
    }
    close(old);
    return rc;
}
