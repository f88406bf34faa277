/* Lines to an SMTP server and replies from it. */
#include "smtp_channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "why.h"

#define TICK_MS 1000
/* A server that closes on us has often said why just before; more than this is not waited for it.
 */
#define LAST_WORDS_MS 200

long long smtp_channel_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum smtp_status lose(struct smtp_channel *channel)
{
    channel->lost = true;
    return SMTP_DEFERRED;
}

/* Wait until the socket is ready for `events`, or `until_ms`. */
static enum smtp_status wait_for(struct smtp_channel *channel, short events, long long until_ms,
                                 char **why)
{
    const struct smtp_server *server = channel->server;

    if (until_ms > channel->deadline_ms)
        until_ms = channel->deadline_ms;
    for (;;) {
        struct pollfd ready = {.fd = channel->fd, .events = events};
        long long left_ms = until_ms - smtp_channel_now_ms();
        int rc;

        if (server->tick && server->tick(server->context) != 0) {
            why_set(why, "the work was given up while waiting for it");
            return lose(channel);
        }
        if (left_ms <= 0) {
            why_set(why, "no answer in time");
            return lose(channel);
        }
        rc = poll(&ready, 1, left_ms < TICK_MS ? (int)left_ms : TICK_MS);
        if (rc > 0)
            return SMTP_OK;
        if (rc < 0 && errno != EINTR) {
            why_set(why, "cannot wait for the answer: %s", strerror(errno));
            return lose(channel);
        }
    }
}

/* Fill the empty input buffer. `wait_ms` 0: only with what is there; then it may stay empty. */
static enum smtp_status fill(struct smtp_channel *channel, long long wait_ms, char **why)
{
    long long until_ms = smtp_channel_now_ms() + wait_ms;

    channel->in_at = channel->in_length = 0;
    for (;;) {
        size_t got = 0;
        CURLcode code = curl_easy_recv(channel->curl, channel->in, sizeof channel->in, &got);

        if (code == CURLE_OK && got > 0) {
            channel->in_length = got;
            return SMTP_OK;
        }
        if (code != CURLE_AGAIN) {
            why_set(why, "the connection was lost%s%s", code == CURLE_OK ? "" : ": ",
                    code == CURLE_OK ? "" : curl_easy_strerror(code));
            return lose(channel);
        }
        if (wait_ms == 0)
            return SMTP_OK;
        if (wait_for(channel, POLLIN, until_ms, why) != SMTP_OK)
            return SMTP_DEFERRED;
    }
}

static enum smtp_status read_reply(struct smtp_channel *channel, long long timeout_ms, char **why)
{
    long long until_ms = smtp_channel_now_ms() + timeout_ms;
    enum smtp_reply_state state = SMTP_REPLY_MORE;
    size_t used;

    smtp_reply_begin(&channel->reply);
    while (state == SMTP_REPLY_MORE) {
        if (channel->in_at == channel->in_length) {
            long long left_ms = until_ms - smtp_channel_now_ms();

            /* A reply that comes byte by byte is not answered in time either. */
            if (fill(channel, left_ms > 0 ? left_ms : 1, why) != SMTP_OK)
                return SMTP_DEFERRED;
            if (left_ms <= 0) {
                why_set(why, "no answer in time");
                return lose(channel);
            }
        }
        state = smtp_reply_feed(&channel->reply, channel->in + channel->in_at,
                                channel->in_length - channel->in_at, &used, why);
        channel->in_at += used;
    }
    if (state == SMTP_REPLY_BROKEN)
        return lose(channel);
    /* RFC 5321 section 3.8: it closes the connection. */
    if (channel->reply.code == 421)
        channel->lost = true;
    return SMTP_OK;
}

enum smtp_status smtp_channel_reply(struct smtp_channel *channel, char **why)
{
    return read_reply(channel, channel->server->answer_timeout_ms, why);
}

/* The connection does not take our bytes. Has the server said why? */
static enum smtp_status cannot_send(struct smtp_channel *channel, CURLcode code, char **why)
{
    char *words = NULL;

    why_set(why, "the connection was lost: %s", curl_easy_strerror(code));
    channel->lost = true;
    if (read_reply(channel, LAST_WORDS_MS, NULL) == SMTP_OK)
        words = smtp_reply_words(&channel->reply);
    if (words)
        why_set(why, "the connection was lost: %s", words);
    free(words);
    return lose(channel);
}

enum smtp_status smtp_channel_flush(struct smtp_channel *channel, char **why)
{
    size_t sent = 0;

    if (channel->lost) {
        why_set(why, "the connection was lost");
        return SMTP_DEFERRED;
    }
    while (sent < channel->out_length) {
        size_t count = 0;
        CURLcode code =
            curl_easy_send(channel->curl, channel->out + sent, channel->out_length - sent, &count);

        sent += count;
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return cannot_send(channel, code, why);
        if (code == CURLE_AGAIN &&
            wait_for(channel, POLLOUT, smtp_channel_now_ms() + channel->server->answer_timeout_ms,
                     why) != SMTP_OK)
            return SMTP_DEFERRED;
    }
    channel->out_length = 0;
    return SMTP_OK;
}

enum smtp_status smtp_channel_put(struct smtp_channel *channel, const char *bytes, size_t length,
                                  char **why)
{
    while (length > 0) {
        size_t room = sizeof channel->out - channel->out_length;
        size_t count = length < room ? length : room;

        memcpy(channel->out + channel->out_length, bytes, count);
        channel->out_length += count;
        bytes += count;
        length -= count;
        if (channel->out_length == sizeof channel->out &&
            smtp_channel_flush(channel, why) != SMTP_OK)
            return SMTP_DEFERRED;
    }
    return SMTP_OK;
}

enum smtp_status smtp_channel_quiet(struct smtp_channel *channel, char **why)
{
    char *words = NULL;

    if (channel->lost) {
        why_set(why, "the connection was lost");
        return SMTP_DEFERRED;
    }
    if (channel->in_at == channel->in_length && fill(channel, 0, why) != SMTP_OK)
        return SMTP_DEFERRED;
    if (channel->in_at == channel->in_length)
        return SMTP_OK;
    if (read_reply(channel, LAST_WORDS_MS, why) == SMTP_OK)
        words = smtp_reply_words(&channel->reply);
    if (words)
        why_set(why, "it speaks without being asked: %s", words);
    free(words);
    return lose(channel);
}
