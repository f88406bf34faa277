/* The envelope of a backup: any bytes. Nothing is derived or decrypted here. */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "backup_envelope.h"
#include "why.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *why = NULL;
    BIO *file = size <= INT_MAX ? BIO_new_mem_buf(data, (int)size) : NULL;
    if (file && backup_envelope_check(file, &why) && !why) {
        abort();
    }
    BIO_free(file);
    why_free(&why);
    return 0;
}
