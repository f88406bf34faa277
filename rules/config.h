/* smimed.conf: read, checked, turned into settings and rules (libconfig). */
#ifndef RULES_CONFIG_H
#define RULES_CONFIG_H

#include "problems.h"
#include "rules.h"
#include "settings.h"

struct config {
    char *path;
    struct settings settings;
    struct rule_list rules;
};

/* Read the file at `path` and what it includes (a relative name is seen from the folder of the file
 * that includes it).
 *
 * Returns a new configuration (config_free()), or NULL with every mistake in *problems. Unknown
 * names, wrong types, impossible values and integers that do not fit are mistakes; of what
 * libconfig's own parser rejects, the first. Opens no file but the configuration's. */
struct config *config_load(const char *path, struct problems *problems);

/* The same for a text in memory, which may not include files. `name` stands for the file in
 * mistakes and rules. */
struct config *config_parse(const char *name, const char *text, size_t length,
                            struct problems *problems);

void config_free(struct config **config);

#endif
