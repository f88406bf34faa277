/* Lines to an SMTP server and replies from it, through a connection that libcurl made; bounded in
 * time. Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_SMTP_CHANNEL_H
#define DAEMON_NETWORK_SMTP_CHANNEL_H

#include <stdbool.h>

#include <curl/curl.h>

#include "smtp.h"
#include "smtp_reply.h"

#define SMTP_CHANNEL_IN_BYTES 4096
#define SMTP_CHANNEL_OUT_BYTES 16384

struct smtp_channel {
    CURL *curl;
    curl_socket_t fd;
    const struct smtp_server *server; /* timeouts, tick */
    long long deadline_ms;            /* CLOCK_MONOTONIC */
    bool lost;                        /* nothing more can be said on it */
    size_t in_at, in_length;
    size_t out_length;
    struct smtp_reply reply; /* the last one */
    char in[SMTP_CHANNEL_IN_BYTES];
    char out[SMTP_CHANNEL_OUT_BYTES];
};

/* CLOCK_MONOTONIC in milliseconds. */
long long smtp_channel_now_ms(void);

/* Buffer bytes; smtp_channel_flush() sends what is left. SMTP_OK or SMTP_DEFERRED. */
enum smtp_status smtp_channel_put(struct smtp_channel *channel, const char *bytes, size_t length,
                                  char **why);
enum smtp_status smtp_channel_flush(struct smtp_channel *channel, char **why);

/* Read one reply into channel->reply. SMTP_OK whatever its code is, or SMTP_DEFERRED. */
enum smtp_status smtp_channel_reply(struct smtp_channel *channel, char **why);

/* Has the server nothing to say? It is our turn between reply and command; a server that speaks
 * then (closes, or answers what was not asked) would have later answers misunderstood. SMTP_OK, or
 * SMTP_DEFERRED with its words. */
enum smtp_status smtp_channel_quiet(struct smtp_channel *channel, char **why);

#endif
