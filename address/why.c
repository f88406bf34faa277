/* One sentence that says why something failed. */
#include "why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sentence may quote what a stranger sent: it must stay one line of a log. */
static char *escape(const char *text)
{
    char *out = malloc(strlen(text) * 4 + 1);
    char *p = out;
    if (out == NULL)
        return NULL;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            p += sprintf(p, "\\x%02x", c);
        else
            *p++ = (char)c;
    }
    *p = '\0';
    return out;
}

void why_set(char **why, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    if (why == NULL)
        return;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    free(*why);
    *why = text != NULL ? escape(text) : NULL;
    free(text);
}

void why_prefix(char **why, const char *format, ...)
{
    va_list args;
    char *prefix = NULL;
    if (why == NULL)
        return;
    va_start(args, format);
    if (vasprintf(&prefix, format, args) < 0)
        prefix = NULL;
    va_end(args);
    if (prefix == NULL)
        return;
    if (*why == NULL)
        why_set(why, "%s", prefix);
    else
        why_set(why, "%s: %s", prefix, *why);
    free(prefix);
}

const char *why_text(char *const *why)
{
    return why != NULL && *why != NULL ? *why : "no reason given";
}

void why_free(char **why)
{
    if (why == NULL)
        return;
    free(*why);
    *why = NULL;
}
