/* The text of a Postfix map: any bytes. Keys and values lie inside of the text. */
#include "postfix_text.h"
#include "why.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
    const char *from;
    const char *to;
    size_t line;
};

static void demand(int condition)
{
    if (!condition)
        abort();
}

static int take(void *context, const char *key, const char *value, size_t line)
{
    struct bounds *bounds = context;
    demand(*key != '\0' && *key != '#');
    demand(key >= bounds->from && value > key && value + strlen(value) <= bounds->to);
    demand(key + strlen(key) <= value);
    demand(strchr(value, '\n') == NULL);
    demand(line > bounds->line);
    bounds->line = line;
    while (*value) {
        size_t bytes = postfix_word_bytes(value, ",");
        value += bytes ? bytes : 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *why = NULL;
    struct bounds bounds = {text, text + size, 0};

    demand(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    int rc = postfix_text_read(text, size, take, &bounds, &why);
    demand((rc == 0) == (why == NULL));
    why_free(&why);
    free(text);
    return 0;
}
