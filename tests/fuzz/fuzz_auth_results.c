/* Authentication-Results fields from strangers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth_results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *changed = NULL;
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (auth_results_without_smime(text, "mx.example.com", &changed) == AUTH_RESULTS_CHANGE) {
        char *again = NULL;
        /* What was taken out must not come back when it is read a second time. */
        if (auth_results_without_smime(changed, "mx.example.com", &again) != AUTH_RESULTS_KEEP)
            abort();
        free(again);
    }
    free(changed);
    if (auth_results_authenticate(text, "mx.example.com", "partner.test") < 0)
        abort();
    free(text);
    return 0;
}
