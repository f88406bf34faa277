/* MAIL parameters that keep a message's text out of bounces. */
#include "return_headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parameters that a change of the sender must repeat, because the MTA forgets them with it. SIZE
 * and BODY speak of the text that came in, which is no longer the one that goes on. */
static const char *const kept[] = {"ENVID=", "SMTPUTF8", "AUTH="};

static bool is_kept(const char *arg)
{
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        size_t length = strlen(kept[i]);
        bool takes_value = kept[i][length - 1] == '=';

        if (takes_value ? !strncasecmp(arg, kept[i], length) : !strcasecmp(arg, kept[i]))
            return true;
    }
    return false;
}

bool return_headers_needed(const struct transaction *transaction)
{
    if (!transaction->sender_text || !*transaction->sender_text)
        return false;
    for (char **arg = transaction->sender_args; arg && *arg; arg++)
        if (!strcasecmp(*arg, "RET=HDRS"))
            return false;
    return true;
}

char *return_headers_args(const struct transaction *transaction)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    fputs("RET=HDRS", out);
    for (char **arg = transaction->sender_args; arg && *arg; arg++)
        if (is_kept(*arg))
            fprintf(out, " %s", *arg);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
