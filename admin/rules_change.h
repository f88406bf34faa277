/* smimectl rules add, edit, move, up, down, delete. */
#ifndef ADMIN_RULES_CHANGE_H
#define ADMIN_RULES_CHANGE_H

#include "context.h"

/* The commands; each an exit code. */
int rules_add(struct context *context);
int rules_edit(struct context *context);
int rules_move(struct context *context);
int rules_up(struct context *context);
int rules_down(struct context *context);
int rules_delete(struct context *context);

#endif
