/* Reading and writing until a deadline, as a layer of liblber. */
#include "sockbuf_limit.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

/* Between the socket and TLS. */
#define LIMIT_LEVEL ((LBER_SBIOD_LEVEL_PROVIDER + LBER_SBIOD_LEVEL_TRANSPORT) / 2)

static int setup(Sockbuf_IO_Desc *layer, void *argument)
{
    layer->sbiod_pvt = argument;
    return 0;
}

static int take_off(Sockbuf_IO_Desc *layer)
{
    layer->sbiod_pvt = NULL;
    return 0;
}

static int control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
    return LBER_SBIOD_CTRL_NEXT(layer, option, argument);
}

/* Wait until the socket is ready for `events`. Returns 0, or -1 with errno when the time is up. */
static int wait_for(Sockbuf_IO_Desc *layer, short events)
{
    struct sockbuf_limit *limit = layer->sbiod_pvt;
    struct pollfd ready = {.fd = -1, .events = events};
    int count;
    if (ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &ready.fd) < 0 || ready.fd < 0) {
        errno = EBADF;
        return -1;
    }
    do {
        long left = deadline_left_ms(&limit->deadline);
        count = left > 0 ? poll(&ready, 1, left < INT_MAX ? (int)left : INT_MAX) : 0;
    } while (count < 0 && errno == EINTR);
    if (count > 0)
        return 0;
    if (count == 0) {
        limit->expired = true;
        errno = ETIMEDOUT;
    }
    return -1;
}

static bool is_not_ready(ber_slen_t done)
{
    return done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static ber_slen_t read_in_time(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t length)
{
    ber_slen_t done;
    do {
        if (wait_for(layer, POLLIN))
            return -1;
        done = LBER_SBIOD_READ_NEXT(layer, bytes, length);
    } while (is_not_ready(done));
    return done;
}

static ber_slen_t write_in_time(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t length)
{
    ber_slen_t done;
    do {
        if (wait_for(layer, POLLOUT))
            return -1;
        done = LBER_SBIOD_WRITE_NEXT(layer, bytes, length);
    } while (is_not_ready(done));
    return done;
}

static int close_nothing(Sockbuf_IO_Desc *layer)
{
    (void)layer;
    return 0;
}

int sockbuf_limit_add(Sockbuf *sockbuf, struct sockbuf_limit *limit)
{
    static Sockbuf_IO layer = {.sbi_setup = setup,
                               .sbi_remove = take_off,
                               .sbi_ctrl = control,
                               .sbi_read = read_in_time,
                               .sbi_write = write_in_time,
                               .sbi_close = close_nothing};
    return ber_sockbuf_add_io(sockbuf, &layer, LIMIT_LEVEL, limit);
}
