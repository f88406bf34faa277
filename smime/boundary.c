/* Boundaries of the multiparts that we make. */
#include "boundary.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#define RANDOM_BYTES 16

int boundary_make(char *out)
{
    unsigned char random[RANDOM_BYTES];
    if (RAND_bytes(random, sizeof random) != 1)
        return -1;
    (void)snprintf(out, BOUNDARY_BYTES, "=_smimed_");
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(out + strlen(out), BOUNDARY_BYTES - strlen(out), "%02x", random[i]);
    return 0;
}
