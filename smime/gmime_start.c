/* GMime's one-time initialisation, safe from any thread. */
#include "gmime_start.h"

#include <gmime/gmime.h>
#include <pthread.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;

void gmime_start(void)
{
    (void)pthread_once(&started, g_mime_init);
}
