/* Subject fields from strangers: whatever the spelling, no forged tag may be left to a reader. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const tags[] = {"[signed]", "[encrypted]", "[signature invalid]"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value = malloc(size + 1);
    char *tagged;
    char *read;
    if (value == NULL)
        return 0;
    if (size > 0)
        memcpy(value, data, size);
    value[size] = '\0';
    tagged = subject_tag(value, tags, 3, "");
    if (tagged != NULL) {
        read = g_mime_utils_header_decode_text(NULL, tagged);
        for (size_t i = 0; read != NULL && i < 3; i++)
            if (strcasestr(read, tags[i]) != NULL)
                abort();
        g_free(read);
    }
    free(tagged);
    free(value);
    return 0;
}
