/* What `setup postfix` finds: what is wrong, or could be better, and why it matters. */
#ifndef ADMIN_SETUP_FINDINGS_H
#define ADMIN_SETUP_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct setup_findings; /* opaque */

/* NULL when out of memory. */
struct setup_findings *setup_findings_new(void);

/* Add one: `about` (a listener or a parameter) and `sentence` are copied, `kind` and `why` have to
 * outlive it. Returns 0, -1 out of memory. */
int setup_findings_add(struct setup_findings *findings, bool wrong, const char *kind,
                       const char *about, const char *sentence, const char *why);

/* How many are wrong? */
size_t setup_findings_wrong(const struct setup_findings *findings);
size_t setup_findings_count(const struct setup_findings *findings);

/* For people, on standard output. */
void setup_findings_print(const struct setup_findings *findings);

/* As a JSON array, NULL when out of memory. */
json_t *setup_findings_json(const struct setup_findings *findings);

void setup_findings_free(struct setup_findings **findings);

#endif
