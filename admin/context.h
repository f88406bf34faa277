/* What a command works with: its arguments, the configuration and the store, opened when asked for.
 */
#ifndef ADMIN_CONTEXT_H
#define ADMIN_CONTEXT_H

#include <stdbool.h>
#include <time.h>

#include "arguments.h"
#include "config.h"
#include "store.h"

#define DEFAULT_CONFIG_PATH "/etc/smimed/smimed.conf"

struct context {
    const struct arguments *arguments;
    char *const *words; /* behind the command's own */
    size_t word_count;
    const char *config_path;
    bool json;
    time_t now;
    struct config *config; /* NULL before context_config() */
    struct store *store;   /* NULL before context_store() */
};

/* Load the configuration. Returns 0, or -1 with every mistake told. */
int context_config(struct context *context);

/* Open the store, and the configuration before it. Returns 0, or -1 told. */
int context_store(struct context *context);

/* The options with which the configuration describes the store; borrowed from it. */
struct store_options context_store_options(const struct context *context);

/* Is `canonical` in a managed domain? */
bool context_manages(const struct context *context, const char *canonical);

void context_clear(struct context *context);

/* Tell every problem; they stay the caller's. */
void context_tell_problems(const struct problems *problems);

/* The canonical form of an address argument: a new string (free()), or NULL told. */
char *canonical_argument(const char *text);

/* Read an id: a positive decimal number. Returns 0, -1 when `text` is none. */
int id_argument(const char *text, int64_t *out);

#endif
