/* From and To fields as strangers write them. An accepted From is one canonical address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "display_name.h"
#include "mailboxes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value = strndup((const char *)data, size);
    struct header_field field = {.name = (char *)"From", .value = value};
    struct header header = {.fields = &field, .count = 1};
    struct mailboxes found;
    char *address = NULL;
    char *again = NULL;
    if (value == NULL)
        return 0;
    if (mailboxes_from(&header, &address, NULL) == 0) {
        if (strchr(address, '@') == NULL ||
            address_canonical(address, strlen(address), &again) != ADDRESS_OK ||
            strcmp(address, again) != 0)
            abort();
        free(again);
        /* What can be trusted as From must be all that an easy reader finds, if it finds any. */
        if (mailboxes_of(&header, "From", &found) != 0 || found.count > 1 ||
            (found.count == 1 && strcmp(found.items[0], address) != 0))
            abort();
        mailboxes_clear(&found);
        if (display_name_addresses(&header, address, &found) != 0)
            abort();
        for (size_t i = 0; i < found.count; i++)
            if (strchr(found.items[i], '@') == NULL)
                abort();
        mailboxes_clear(&found);
        free(address);
    }
    if (mailboxes_of(&header, "from", &found) == 0)
        mailboxes_clear(&found);
    if (mailboxes_mentioned(&header, "from", &found) == 0)
        mailboxes_clear(&found);
    free(value);
    return 0;
}
