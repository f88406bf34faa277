/* The loop over ids. */
#include "deletion.h"

#include "command.h"
#include "tell.h"
#include "why.h"

struct change_function {
    delete_function *plain; /* one of the two */
    dated_function *dated;
};

static int change_one(const struct context *context, const char *word,
                      const struct change_function *function, const char *advice)
{
    int64_t id = 0;
    char *why = NULL;
    int rc = -1;
    if (id_argument(word, &id)) {
        tell_error("\"%s\" is no id", word);
    } else {
        enum store_status status = function->plain
                                       ? function->plain(context->store, id, &why)
                                       : function->dated(context->store, id, context->now, &why);
        rc = status == STORE_OK ? 0 : -1;
        if (rc) {
            tell_error("%s: %s", word, why_text(&why));
        }
    }
    if (rc) {
        tell_next("%s", advice);
    }
    why_free(&why);
    return rc;
}

static int change_all(struct context *context, const struct change_function *function,
                      const char *advice)
{
    size_t failed = 0;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        if (change_one(context, context->words[i], function, advice)) {
            failed++;
        }
    }
    return exit_code_of(context->word_count - failed, failed);
}

int delete_by_ids(struct context *context, delete_function *function, const char *advice)
{
    return change_all(context, &(struct change_function){.plain = function}, advice);
}

int change_by_ids(struct context *context, dated_function *function, const char *advice)
{
    return change_all(context, &(struct change_function){.dated = function}, advice);
}
