/* What `rules explain` found, as JSON. */
#ifndef ADMIN_EXPLANATION_JSON_H
#define ADMIN_EXPLANATION_JSON_H

#include <jansson.h>

#include "explanation.h"

/* null for a direction that the message does not go. A new reference; NULL out of memory. */
json_t *explanation_json(const struct context *context, const struct explanation *explanation);

#endif
