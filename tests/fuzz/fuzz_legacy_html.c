/* The legacy display element in whatever HTML was encrypted: its bytes are those of one <div>, and
 * without them there is none left. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "legacy_html.h"
#include "main_parts.h"

static void need(int holds)
{
    if (!holds)
        abort();
}

static void check(const char *html, size_t length, const char *charset)
{
    size_t from = 0, to = 0;
    char *lines = NULL;
    char *rest;
    int found = legacy_html_find(html, length, charset, &from, &to, &lines);
    need(found == 0 || found == 1);
    need((found == 1) == (lines != NULL));
    if (found == 0)
        return;
    need(from < to && to <= length && strncasecmp(html + from, "<div", 4) == 0 &&
         html[to - 1] == '>');
    need(strchr(lines, '<') == NULL || memmem(html + from, to - from, "&", 1) != NULL);
    rest = malloc(length + 1);
    need(rest != NULL);
    memcpy(rest, html, from);
    memcpy(rest + from, html + to, length - to);
    rest[length - (to - from)] = '\0';
    need(strcasestr(rest, LEGACY_DISPLAY_CLASS) == NULL);
    free(lines);
    free(rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *html = malloc(size + 1);
    need(html != NULL);
    memcpy(html, data, size);
    html[size] = '\0';
    check(html, size, "utf-8");
    check(html, size, "iso-8859-1");
    free(html);
    return 0;
}
