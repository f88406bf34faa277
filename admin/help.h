/* Help texts, made from the tables of commands. */
#ifndef ADMIN_HELP_H
#define ADMIN_HELP_H

#include <stdio.h>

#include "command.h"

/* All groups, the common options and the exit codes. */
void help_program(FILE *out);
/* The commands of one group; the full text where the group is the command. */
void help_group(const struct command_group *group, FILE *out);
void help_command(const struct command_group *group, const struct command *command, FILE *out);
/* All commands, for the completion of shells (etc/smimectl.bash-completion says how). */
void help_completion(FILE *out);
/* One line: how the command is called. */
void help_usage(const struct command_group *group, const struct command *command, FILE *out);

#endif
