/* Starting libcurl, once in a process. Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_CURL_START_H
#define DAEMON_NETWORK_CURL_START_H

#include <curl/curl.h>

/* A new handle; NULL when libcurl could not be started or is out of memory. Thread-safe. */
CURL *curl_start(void);

#endif
