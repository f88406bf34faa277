/* Configuration and store of a command, with errors that say what to do next. */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor.h"
#include "address.h"
#include "tell.h"
#include "why.h"

#define MAX_ID_DIGITS 18 /* fits an int64_t */

void context_tell_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        char *text = problem_text(&problems->items[i]);
        tell_error("%s", text ? text : "out of memory");
        free(text);
    }
}

int context_config(struct context *context)
{
    if (context->config) {
        return 0;
    }
    struct problems problems = {0};
    context->config = config_load(context->config_path, &problems);
    if (!context->config) {
        context_tell_problems(&problems);
        tell_next("The configuration %s cannot be used; name another one with --config FILE.",
                  context->config_path);
    }
    problems_clear(&problems);
    return context->config ? 0 : -1;
}

struct store_options context_store_options(const struct context *context)
{
    const struct settings *settings = &context->config->settings;
    return (struct store_options){
        .path = settings->store,
        .secret_path = settings->master_secret,
        .mozilla_roots = settings->mozilla_roots,
        .timeout_ms = settings->database_timeout_ms,
    };
}

int context_store(struct context *context)
{
    if (context->store) {
        return 0;
    }
    if (context_config(context)) {
        return -1;
    }
    char *why = NULL;
    struct store_options options = context_store_options(context);
    int rc = 0;
    if (store_open(&options, &context->store, &why) != STORE_OK) {
        tell_error("the store cannot be opened: %s", why_text(&why));
        if (access(options.path, F_OK) != 0 && errno == ENOENT) {
            tell_next("If there is none yet, make it with: smimectl init");
        } else if (geteuid() != 0) {
            tell_next("smimectl is for root and for the user that smimed runs as.");
        }
        rc = -1;
    }
    why_free(&why);
    return rc ? rc : actor_set(context->arguments, context->store);
}

bool context_manages(const struct context *context, const char *canonical)
{
    const struct string_list *domains = &context->config->settings.managed_domains;
    return address_in_domains(canonical, domains->items, domains->count);
}

void context_clear(struct context *context)
{
    store_close(&context->store);
    config_free(&context->config);
}

char *canonical_argument(const char *text)
{
    char *canonical = NULL;
    switch (address_canonical(text, strlen(text), &canonical)) {
    case ADDRESS_OK:
        return canonical;
    case ADDRESS_ERROR:
        tell_error("out of memory");
        return NULL;
    case ADDRESS_NULL:
    case ADDRESS_INVALID:
        break;
    }
    tell_error("\"%s\" is no mail address", text);
    tell_next("An address looks like alice@example.com.");
    return NULL;
}

int id_argument(const char *text, int64_t *out)
{
    size_t length = strlen(text);
    if (length == 0 || length > MAX_ID_DIGITS || strspn(text, "0123456789") != length) {
        return -1;
    }
    *out = strtoll(text, NULL, 10);
    return *out > 0 ? 0 : -1;
}
