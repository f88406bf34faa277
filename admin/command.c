/* The dispatch table, and finding a command in it. */
#include "command.h"

#include <string.h>

const struct command_group *const command_groups[] = {
    &init_group,
    &mailbox_group,
    &pubkey_group,
    &trust_group,
    &crl_group,
    &ca_group,
    &rules_group,
    &process_group,
    &expiring_group,
    &notice_group,
    &audit_group,
    &backup_group,
    &restore_group,
    &setup_group,
    &tls_group,
    &client_settings_group,
    NULL,
};

int exit_code_of(size_t done, size_t failed)
{
    if (failed == 0) {
        return EXIT_DONE;
    }
    return done > 0 ? EXIT_PARTLY : EXIT_REFUSED;
}

const struct command_group *command_group_named(const char *word)
{
    for (size_t i = 0; command_groups[i]; i++) {
        if (!strcmp(command_groups[i]->name, word)) {
            return command_groups[i];
        }
    }
    return NULL;
}

const struct command *command_named(const struct command_group *group, const char *word)
{
    for (const struct command *command = group->commands; command->run; command++) {
        if (!command->name || (word && !strcmp(command->name, word))) {
            return command;
        }
    }
    return NULL;
}
