/* The tables of a store and their version.
 *
 * A store is brought up to date by steps, each from one version to the next; a new store goes
 * through all of them. Internal to store/. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "sql.h"

/* Tells a store from any other SQLite file ("smim"). */
#define SCHEMA_APPLICATION_ID 0x736d696d

/* Step i brings version i to version i + 1. */
struct schema_step {
    const char *script; /* SQL; NULL: none */
    /* Work that SQL cannot do, after the script; NULL: none. */
    enum store_status (*run)(struct sql *sql, char **why);
};

extern const struct schema_step schema_steps[];
extern const size_t schema_step_count; /* which is the version that this program knows */

/* Make the tables of a new store in an empty file. */
enum store_status schema_create(struct sql *sql, char **why);

/* Bring an existing store to version `count`, in one transaction: all steps or none. STORE_ERROR
 * when the file is no store of ours, STORE_REFUSED when its version is newer. */
enum store_status schema_migrate(struct sql *sql, const struct schema_step *steps, size_t count,
                                 char **why);

#endif
