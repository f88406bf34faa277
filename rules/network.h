/* Networks in CIDR notation (RFC 4632, RFC 4291 section 2.3). Internal to rules/. */
#ifndef RULES_NETWORK_H
#define RULES_NETWORK_H

#include "settings.h"

/* Read "192.0.2.0/24", "2001:db8::/32" or a single address into `prefix` and `prefix_bits`. Returns
 * 0, or -1 with *why. Bits set behind the prefix are a mistake: somebody meant something else. */
int network_parse(const char *text, struct network_setting *out, char **why);

#endif
