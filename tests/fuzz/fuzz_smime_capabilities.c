/* smimeCapabilities of strangers, as the store hands them out. */
#include <stdint.h>
#include <stdlib.h>

#include "smime_capabilities.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smime_capabilities found;
    smime_capabilities_read(data, size, &found);
    if (!found.known && (found.ciphers.count > 0 || found.oaep || found.agreements.count > 0))
        abort();
    if (found.agreements.count > KEY_AGREEMENTS)
        abort();
    for (size_t i = 0; i < found.ciphers.count; i++)
        for (size_t k = 0; k < i; k++)
            if (found.ciphers.items[i] == found.ciphers.items[k])
                abort();
    return 0;
}
