/* Commands of smimectl: each group is described by one table, from which the dispatcher, the check
 * of the arguments and all help are fed. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "arguments.h"
#include "context.h"

/* Exit codes, documented in smimectl(8). */
enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,     /* refused, or failed; nothing was changed */
    EXIT_USAGE = 2,       /* the command line is wrong */
    EXIT_PARTLY = 3,      /* some of several were done, some were not */
    EXIT_EXPIRING = 4,    /* expiring: certificates run out within the days asked for */
    EXIT_EXPIRED = 5,     /* expiring: certificates have run out */
    EXIT_TLS_WARNING = 4, /* tls check: something should be better */
    EXIT_TLS_FAILED = 5,  /* tls check: something is wrong */
    EXIT_FOUND = 6,       /* rules check, setup: something was found */
    EXIT_DEFERRED = 75    /* process: to be tried again (EX_TEMPFAIL) */
};

struct command {
    const char *name; /* NULL: the group is the command ("init") */
    size_t min_words; /* behind the command's own words */
    size_t max_words;
    option_set options;   /* allowed besides --config, --json, --help */
    const char *synopsis; /* what follows the command's own words */
    const char *summary;  /* half a line */
    const char *details;  /* a paragraph, lines broken */
    const char *example;
    int (*run)(struct context *context); /* an exit code */
};

struct command_group {
    const char *name;
    const char *summary;
    const struct command *commands; /* the last has no `run` */
};

extern const struct command_group init_group;
extern const struct command_group mailbox_group;
extern const struct command_group pubkey_group;
extern const struct command_group trust_group;
extern const struct command_group tls_group;
extern const struct command_group client_settings_group;
extern const struct command_group crl_group;
extern const struct command_group ca_group;
extern const struct command_group rules_group;
extern const struct command_group process_group;
extern const struct command_group expiring_group;
extern const struct command_group notice_group;
extern const struct command_group audit_group;
extern const struct command_group backup_group;
extern const struct command_group restore_group;
extern const struct command_group setup_group;

/* All groups, NULL at the end. */
extern const struct command_group *const command_groups[];

/* NULL where there is none of that name. A group that is a command itself has that one command,
 * whatever `word` is; otherwise `word` may be NULL. */
const struct command_group *command_group_named(const char *word);
const struct command *command_named(const struct command_group *group, const char *word);

/* Of `done` and `failed` things that one command was asked for. */
int exit_code_of(size_t done, size_t failed);

#endif
