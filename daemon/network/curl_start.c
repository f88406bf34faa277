/* Starting libcurl. Its global initialisation is not safe in threads everywhere. */
#include "curl_start.h"

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

CURL *curl_start(void)
{
    pthread_once(&once, start);
    return started == CURLE_OK ? curl_easy_init() : NULL;
}
