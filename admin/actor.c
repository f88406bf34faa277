/* Who runs smimectl: the user, whoever became that user by sudo, and the command. */
#include "actor.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tell.h"
#include "why.h"

#define PASSWD_BYTES 4096 /* of one entry */

/* Options are left out: they tell where files lie, not what is changed. A new string, NULL when out
 * of memory. */
static char *join_words(const struct arguments *arguments)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < arguments->word_count; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", arguments->words[i]);
    }
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}

int actor_set(const struct arguments *arguments, struct store *store)
{
    char buffer[PASSWD_BYTES];
    struct passwd entry;
    struct passwd *user = NULL;
    char *why = NULL;
    char *command = join_words(arguments);
    int rc = -1;
    if (!command) {
        tell_error("out of memory");
        goto out;
    }
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &user)) {
        user = NULL; /* the number says enough */
    }
    struct store_actor actor = {.name = user ? user->pw_name : "",
                                .uid = getuid(),
                                .sudo_user = getenv("SUDO_USER"),
                                .command = command};
    if (store_set_actor(store, &actor, &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    rc = 0;
out:
    free(command);
    why_free(&why);
    return rc;
}
