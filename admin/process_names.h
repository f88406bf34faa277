/* Names of what the report of `process` tells, the same in text and in JSON. */
#ifndef ADMIN_PROCESS_NAMES_H
#define ADMIN_PROCESS_NAMES_H

#include "flow.h"

/* "accepted", "refused" (5xx) or "deferred" (4xx). `reply` NULL: accepted. */
const char *process_action_name(const struct reply *reply);
/* The mode by which the recipient was judged, "none" where no rule is asked. */
const char *process_mode_name(const struct recipient *recipient);
/* What the sender's choice came to, to be put behind who decided; "" where he chose nothing. */
const char *process_choice_text(enum choice_effect effect);
const char *process_layer_name(enum layer_kind kind);
const char *process_edit_name(enum edit_kind kind);

#endif
