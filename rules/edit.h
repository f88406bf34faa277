/* Changing one rule in the administrator's configuration: comments, order and formatting of all
 * others stay byte for byte.
 *
 * Nothing is written: a change is a new text for one file, which was read again as part of the
 * whole configuration and means what it should. */
#ifndef RULES_EDIT_H
#define RULES_EDIT_H

#include "config.h"

/* A configuration with the place of each of its rules. */
struct rules_text;

/* Read the configuration at `path`, as config_load() does. NULL with every mistake in *problems. */
struct rules_text *rules_text_open(const char *path, struct problems *problems);

/* The same for a text in memory, which may not include files (config_parse()). */
struct rules_text *rules_text_take(const char *name, const char *text, size_t length,
                                   struct problems *problems);
void rules_text_free(struct rules_text **text);

/* What was read; it stays the text's. */
const struct config *rules_text_config(const struct rules_text *text);

/* The file in which the rules stand, or would if there were any: as the configuration names it.
 * NULL with *why where they are spread over several files. */
const char *rules_text_file(const struct rules_text *text, char **why);

/* The bytes of rule `position`, from its { to its }; NULL where they cannot be told. They stay the
 * text's. */
const char *rules_text_rule(const struct rules_text *text, size_t position, size_t *length_out);

/* What an administrator says of a rule; texts as they are to be written. */
struct rule_draft {
    const char *const *managed; /* patterns; count 0: not said */
    size_t managed_count;
    const char *const *external;
    size_t external_count;
    const char *incoming; /* a mode's name; NULL: not said */
    const char *outgoing;
    const char *choice;      /* a name (rules.h); NULL: not said */
    const char *require_tls; /* "true", "false", "undefined"; NULL: not said */
    const char *profile;     /* NULL: not said; "": none */
    const char *note;        /* NULL: not said; "": no note */
};

struct rules_change {
    char *file; /* that is to be replaced, as the configuration names it */
    char *before;
    size_t before_length;
    char *after;
    size_t after_length;
    size_t position;           /* of the rule: where it is now, where a deleted one was */
    struct rules_text *result; /* what the configuration would be */
};

/* Each returns 0 with *out filled (rules_change_clear()); -1 with a sentence in *why: there is no
 * such rule, a pattern or mode is none, or the rules stand so that they have to be changed with an
 * editor. Positions count from 1.
 *
 * Add a rule so that it gets `position`; one behind the last puts it to the end. */
int rules_text_add(const struct rules_text *text, const struct rule_draft *draft, size_t position,
                   struct rules_change *out, char **why);
/* Change what the draft says of rule `position`. */
int rules_text_edit(const struct rules_text *text, const struct rule_draft *draft, size_t position,
                    struct rules_change *out, char **why);
/* Move rule `from` so that it gets position `to`, with the comments that belong to it. */
int rules_text_move(const struct rules_text *text, size_t from, size_t to, struct rules_change *out,
                    char **why);
/* Delete a rule with the comments that belong to it. */
int rules_text_delete(const struct rules_text *text, size_t position, struct rules_change *out,
                      char **why);
void rules_change_clear(struct rules_change *change);

#endif
