/* New values for Message-ID fields. */
#include "message_id.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define RANDOM_BYTES 16

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
