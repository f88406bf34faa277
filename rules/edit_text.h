/* How a rule is written, and which bytes change when it is added, moved, deleted or altered.
 * Internal to rules/. */
#ifndef RULES_EDIT_TEXT_H
#define RULES_EDIT_TEXT_H

#include "edit.h"
#include "edit_layout.h"
#include "edit_patch.h"

/* The value of a member, as it is written: a new string, NULL when out of memory. */
char *edit_string(const char *text);
char *edit_strings(const char *const *items, size_t count);

/* Indices count from 0. What has to change goes to *patches; trouble is kept there. */
void edit_add(const struct rules_layout *layout, const struct rule_draft *draft, size_t index,
              struct patches *patches);
void edit_move(const struct rules_layout *layout, size_t from, size_t to, struct patches *patches);
void edit_delete(const struct rules_layout *layout, size_t index, struct patches *patches);

/* edit_members.c */

void edit_members(const struct rules_layout *layout, const struct rule_draft *draft, size_t index,
                  struct patches *patches);

/* The blanks before the first byte of the line on which `offset` is that is none: a new string. */
char *edit_indent(const struct rules_layout *layout, size_t offset);

#endif
