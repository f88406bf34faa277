/* smimectl init: the store, the master secret and the spool directory, as the configuration says.
 */
#include "command.h"
#include "store_files.h"
#include "tell.h"
#include "why.h"

static int make_store(const struct context *context, const struct owner *owner)
{
    struct store_options options = context_store_options(context);
    char *why = NULL;
    int rc = -1;
    if (store_create(&options, &why) != STORE_OK) {
        tell_error("the store cannot be made: %s", why_text(&why));
    } else {
        rc = store_files_give(&options, owner);
    }
    why_free(&why);
    return rc;
}

static int init(struct context *context)
{
    struct owner owner;
    if (context_config(context)) {
        return EXIT_REFUSED;
    }
    const struct settings *settings = &context->config->settings;
    if (store_files_prepare(settings, &owner) || make_store(context, &owner) ||
        store_files_report(settings, context->json)) {
        return EXIT_REFUSED;
    }
    if (!context->json) {
        tell_note("keep a copy of the master secret in a safe place: without it the private keys "
                  "in the store are lost");
    }
    return EXIT_DONE;
}

static const struct command init_commands[] = {
    {.synopsis = "",
     .summary = "make the store",
     .details =
         "Makes the store, the master secret and the spool directory where the configuration\n"
         "says, readable to nobody else. Run by root they are given to the configured user\n"
         "and group. An existing store is never overwritten; an existing master secret is\n"
         "used as it is.",
     .example = "  smimectl -c /etc/smimed/smimed.conf init",
     .run = init},
    {0},
};

const struct command_group init_group = {"init", "make the store, the master secret and the spool",
                                         init_commands};
