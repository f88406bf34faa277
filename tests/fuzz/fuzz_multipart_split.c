/* Multiparts of strangers: the first line is the boundary, the rest the body. Parts lie in order,
 * apart from each other, and before each one stands its delimiter. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multipart_split.h"
#include "why.h"

#define MAX_PARTS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 20};
static const struct smime_progress nobody = {0};

static void check(const struct multipart *split, const char *text, size_t size,
                  const char *boundary)
{
    off_t at = 0;
    if (split->count > MAX_PARTS)
        abort();
    for (size_t i = 0; i < split->count; i++) {
        const struct multipart_part *part = &split->parts[i];
        const char *line;
        if (part->from < at || part->to < part->from || part->to > (off_t)size)
            abort();
        /* The line before the part begins with the delimiter. */
        line = text + part->from;
        if (line > text && line[-1] == '\n')
            line--;
        while (line > text && line[-1] != '\n')
            line--;
        if (memcmp(line, "--", 2) != 0 || strncmp(line + 2, boundary, strlen(boundary)) != 0)
            abort();
        at = part->to;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *lf = memchr(data, '\n', size);
    size_t length = lf != NULL ? (size_t)(lf - data) : 0;
    struct spool *text = spool_new(&options);
    struct multipart split;
    char *boundary;
    char *body;
    char *why = NULL;
    if (lf == NULL || length == 0 || length > 250 || memchr(data, '\0', length) != NULL) {
        spool_free(&text);
        return 0;
    }
    boundary = strndup((const char *)data, length);
    size -= length + 1;
    body = malloc(size + 1);
    if (text == NULL || boundary == NULL || body == NULL || spool_write(text, lf + 1, size) != 0)
        abort();
    memcpy(body, lf + 1, size);
    body[size] = '\0';
    if (multipart_split(text, 0, (off_t)size, boundary, MAX_PARTS, &nobody, &split, &why) ==
        SMIME_OK) {
        check(&split, body, size, boundary);
        multipart_clear(&split);
    }
    why_free(&why);
    free(body);
    free(boundary);
    spool_free(&text);
    return 0;
}
