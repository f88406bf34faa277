/* Message-ID fields: new ones, and what they say. */
#include "message_id.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define RANDOM_BYTES 16
#define MESSAGE_ID_MAX_BYTES 900 /* a line has 998 (RFC 5322 section 2.1.1) */

char *message_id_new(const char *host)
{
    unsigned char random[RANDOM_BYTES];
    char hex[2 * RANDOM_BYTES + 1];
    char *id = NULL;
    if (RAND_bytes(random, sizeof random) != 1 ||
        OPENSSL_buf2hexstr_ex(hex, sizeof hex, NULL, random, sizeof random, '\0') != 1 ||
        asprintf(&id, "%s@%s", hex, host) < 0)
        return NULL;
    return id;
}

char *message_id_of(const struct header *header)
{
    const struct header_field *field = header_get(header, "Message-ID", 0);
    const char *id = field != NULL ? field->value + strspn(field->value, " \t\r\n") : "";
    size_t length = strcspn(id, " \t\r\n");
    if (length < 3 || length > MESSAGE_ID_MAX_BYTES || id[0] != '<' || id[length - 1] != '>')
        return NULL;
    for (size_t i = 0; i < length; i++)
        if (id[i] < '!' || id[i] > '~')
            return NULL;
    return strndup(id, length);
}
