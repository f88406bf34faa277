/* What `rules check` finds: a list, shown as a table or as JSON. */
#ifndef ADMIN_FINDINGS_H
#define ADMIN_FINDINGS_H

#include <stdbool.h>

#include "rules.h"

struct finding {
    size_t position;       /* of the rule; 0: of no rule */
    const char *kind;      /* "never-decides" */
    const char *direction; /* "incoming", "outgoing"; NULL: no one of them */
    const char *subject;   /* a pattern or an address; NULL: the rule itself */
    char *sentence;
};

struct findings; /* opaque */

/* NULL when out of memory. The rules have to outlive it. */
struct findings *findings_new(const struct rule_list *rules);

/* Add what was found; copies it. A NULL sentence is out of memory, which is kept until all is
 * written. Takes finding.sentence over. */
void findings_add(struct findings *findings, struct finding finding);

size_t findings_count(const struct findings *findings);

/* Write them to standard output. Returns 0, -1 when out of memory or writing fails. */
int findings_print(const struct findings *findings, bool json);
void findings_free(struct findings **findings);

#endif
