/* HTML and MIME from strangers, made inert: nothing that begins an element but those that we write
 * may be in the result, and no attribute but harmless ones. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "html_inert.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 24};

/* Between '<' and '>' stands only: an optional slash, letters and digits, attributes of plain
 * values.
 */
static void check_tag(const char *tag, size_t length)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#%-";
    static const char *const forbidden[] = {"script", "img", "style", "svg", "a ", "href", "src"};
    if (length >= 13 && strncmp(tag, "!DOCTYPE html", 13) == 0)
        return;
    for (size_t i = 0; i < length; i++)
        if (strchr(plain, tag[i]) == NULL && strchr(" =\"", tag[i]) == NULL &&
            !(i == 0 && tag[i] == '/'))
            abort();
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (length >= strlen(forbidden[i]) && strncmp(tag, forbidden[i], strlen(forbidden[i])) == 0)
            abort();
}

static void check(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        const char *end = *p == '<' ? strchr(p, '>') : NULL;
        if ((unsigned char)*p >= 0x7f || (*p == '<' && end == NULL))
            abort();
        if (end != NULL)
            check_tag(p + 1, (size_t)(end - p) - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool *out = spool_new(&options);
    char *why = NULL;
    char *text;
    size_t length;
    if (out == NULL)
        return 0;
    if (html_inert((const char *)data, size, out, &why) == SMIME_OK) {
        length = (size_t)spool_size(out);
        text = calloc(1, length + 1);
        if (text == NULL || spool_read(out, text, length, 0) != (ssize_t)length ||
            strlen(text) != length)
            abort();
        check(text);
        free(text);
    }
    why_free(&why);
    spool_free(&out);
    return 0;
}
