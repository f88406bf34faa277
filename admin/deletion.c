/* The loop over ids. */
#include "deletion.h"

#include "command.h"
#include "tell.h"
#include "why.h"

static int delete_one(struct store *store, const char *word, delete_function *function,
                      const char *advice)
{
    int64_t id = 0;
    char *why = NULL;
    int rc = -1;
    if (id_argument(word, &id)) {
        tell_error("\"%s\" is no id", word);
    } else {
        rc = function(store, id, &why) == STORE_OK ? 0 : -1;
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

int delete_by_ids(struct context *context, delete_function *function, const char *advice)
{
    size_t failed = 0;
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < context->word_count; i++) {
        if (delete_one(context->store, context->words[i], function, advice)) {
            failed++;
        }
    }
    return exit_code_of(context->word_count - failed, failed);
}
