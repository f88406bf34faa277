/* Lines that a mail server says before TLS: the first byte chooses the protocol. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail_capabilities.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail_capabilities capabilities = {0};
    if (size == 0)
        return 0;
    enum mail_protocol protocol = (enum mail_protocol)(data[0] % 3);
    for (data++, size--; size > 0;) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end ? (size_t)(end - data) + 1 : size;
        char *line = malloc(length); /* of its own, so that reading beyond it is seen */
        if (!line)
            abort();
        memcpy(line, data, length);
        mail_capabilities_add(&capabilities, protocol, line, length);
        free(line);
        data += length;
        size -= length;
    }
    if (capabilities.password && !mail_capabilities_clear_password(&capabilities))
        abort();
    return 0;
}
