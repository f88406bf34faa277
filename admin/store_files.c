/* The files of a new store. */
#include "store_files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"
#include "tell.h"

#define PRIVATE_DIRECTORY 0700 /* of the store and the spool: keys and clear text of mail */
#define PUBLIC_DIRECTORY 0755  /* above them, and of the secret, which lies beside smimed.conf */
#define OTHERS 077             /* bits that a private directory must not have */

static int find_owner(const struct settings *settings, struct owner *out)
{
    *out = (struct owner){0};
    if (geteuid() != 0 || !*settings->user) {
        return 0;
    }
    const struct passwd *user = getpwnam(settings->user);
    if (!user) {
        tell_note("there is no user \"%s\" yet, so everything belongs to root", settings->user);
        tell_next("Make the user and give it the store, the secret and the spool directory (chown) "
                  "before smimed starts.");
        return 0;
    }
    *out = (struct owner){true, user->pw_uid, user->pw_gid};
    if (*settings->group) {
        const struct group *group = getgrnam(settings->group);
        if (!group) {
            tell_error("there is no group \"%s\"", settings->group);
            tell_next("Make it, or change the setting \"group\"; nothing was made.");
            return -1;
        }
        out->group = group->gr_gid;
    }
    return 0;
}

static int give(const char *path, const struct owner *owner)
{
    if (owner->change && lchown(path, owner->user, owner->group)) {
        tell_error("%s cannot be given to its owner: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

/* Make `path` and what is missing above it; what is there already stays as it is. */
static int make_directory(const char *path, mode_t mode, const struct owner *owner)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            return 0;
        }
        tell_error("%s exists and is no directory", path);
        return -1;
    }
    char *above = strdup(path);
    if (!above) {
        tell_error("out of memory");
        return -1;
    }
    int rc = -1;
    char *slash = strrchr(above, '/');
    if (slash && slash != above) {
        *slash = '\0';
        if (make_directory(above, PUBLIC_DIRECTORY, &(struct owner){0})) {
            goto out;
        }
    }
    if (mkdir(path, mode)) {
        tell_error("%s cannot be made: %s", path, strerror(errno));
        goto out;
    }
    rc = give(path, owner);
out:
    free(above);
    return rc;
}

static int make_directory_of(const char *file, mode_t mode, const struct owner *owner)
{
    const char *slash = strrchr(file, '/');
    if (!slash || slash == file) {
        return 0;
    }
    char *directory = strndup(file, (size_t)(slash - file));
    if (!directory) {
        tell_error("out of memory");
        return -1;
    }
    int rc = make_directory(directory, mode, owner);
    free(directory);
    return rc;
}

/* A spool directory that was there before may be open to others: the clear text of mail is not for
 * them. */
static int check_private(const char *path)
{
    struct stat status;
    if (stat(path, &status)) {
        tell_error("%s cannot be examined: %s", path, strerror(errno));
        return -1;
    }
    if (status.st_mode & OTHERS) {
        tell_error("%s is open to others (mode %04o)", path, status.st_mode & 07777U);
        tell_next("Close it with: chmod 0700 %s", path);
        return -1;
    }
    return 0;
}

static int refuse_existing(const char *path)
{
    struct stat status;
    if (lstat(path, &status) == 0) {
        tell_error("the store %s exists already; it is never overwritten", path);
        tell_next("To begin anew, move it and the master secret away first.");
        return -1;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        tell_error("%s cannot be examined: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

int store_files_prepare(const struct settings *settings, struct owner *owner_out)
{
    if (refuse_existing(settings->store) || find_owner(settings, owner_out) ||
        make_directory(settings->spool, PRIVATE_DIRECTORY, owner_out) ||
        check_private(settings->spool) ||
        make_directory_of(settings->store, PRIVATE_DIRECTORY, owner_out) ||
        make_directory_of(settings->master_secret, PUBLIC_DIRECTORY, &(struct owner){0})) {
        return -1;
    }
    return 0;
}

int store_files_give(const struct store_options *options, const struct owner *owner)
{
    /* SQLite gives its -wal and -shm files the owner of the database by itself. */
    return give(options->path, owner) || give(options->secret_path, owner) ? -1 : 0;
}

int store_files_report(const struct settings *settings, bool json)
{
    static const struct column columns[] = {{"store", "store", CELL_TEXT},
                                            {"master secret", "master_secret", CELL_TEXT},
                                            {"spool directory", "spool", CELL_TEXT},
                                            {NULL, NULL, CELL_TEXT}};
    struct table *table = table_new(columns);
    if (!table) {
        tell_error("out of memory");
        return -1;
    }
    table_text(table, settings->store);
    table_text(table, settings->master_secret);
    table_text(table, settings->spool);
    int rc = table_print_record(table, json, stdout);
    if (rc) {
        tell_error("standard output cannot be written");
    }
    table_free(&table);
    return rc;
}
