/* Where an MTA sends mail for our addresses on to: a Postfix virtual alias map (virtual(5)) as
 * text, "address target, target" a line, as `postmap -s` writes it or as it was written. */
#ifndef RULES_ALIAS_MAP_H
#define RULES_ALIAS_MAP_H

#include <stddef.h>

#include "problems.h"
#include "settings.h"

#define ALIAS_MAP_MAX_BYTES (64UL * 1024 * 1024)

struct alias_map;

/* Read a map. `name` stands in mistakes. NULL with every mistake in *problems. */
struct alias_map *alias_map_parse(const char *name, const char *text, size_t length,
                                  struct problems *problems);
void alias_map_free(struct alias_map **map);

/* Does mail to `address` (canonical, managed) reach somebody outside the managed domains, by one
 * step or several? Returns 1 with that address in *target_out (a new string), 0, or -1 out of
 * memory. The entry of the address itself, without its tag, of the local part alone and of
 * "@domain" are tried in this order. */
int alias_map_outside(const struct alias_map *map, const char *address,
                      const struct settings *settings, char **target_out);

#endif
