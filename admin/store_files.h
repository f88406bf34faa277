/* The files and directories that a new store needs, and whom they belong to. */
#ifndef ADMIN_STORE_FILES_H
#define ADMIN_STORE_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "settings.h"
#include "store.h"

/* Whom the files belong to. */
struct owner {
    bool change; /* false: they stay whose they are */
    uid_t user;
    gid_t group;
};

/* Refuse a store that exists, and make the directories of store, secret and spool. Everything that
 * can go wrong for them is done before the store is made, so that a second try after a failure does
 * not stumble over a half-made store. Returns 0, or -1 told. */
int store_files_prepare(const struct settings *settings, struct owner *owner_out);

/* Give store and secret to their owner. Returns 0, or -1 told. */
int store_files_give(const struct store_options *options, const struct owner *owner);

/* Say on standard output where they lie. Returns 0, or -1 told. */
int store_files_report(const struct settings *settings, bool json);

#endif
