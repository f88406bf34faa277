/* An OpenSSL BIO that reads a range of a spool. */
#include <pthread.h>
#include <stdlib.h>

#include "spool.h"

struct range {
    const struct spool *spool;
    off_t from;
    off_t at;
    off_t to;
};

static BIO_METHOD *reader_method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int reader_read(BIO *bio, char *buffer, int length)
{
    struct range *range = BIO_get_data(bio);
    ssize_t n;
    if (length <= 0 || range->at >= range->to)
        return 0;
    if (length > range->to - range->at)
        length = (int)(range->to - range->at);
    n = spool_read(range->spool, buffer, (size_t)length, range->at);
    if (n > 0)
        range->at += n;
    return (int)n;
}

static long reader_ctrl(BIO *bio, int command, long number, void *pointer)
{
    struct range *range = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_RESET:
        range->at = range->from;
        return 1;
    case BIO_CTRL_EOF:
        return range->at >= range->to;
    case BIO_CTRL_PENDING:
        return (long)(range->to - range->at);
    case BIO_CTRL_FLUSH:
        return 1;
    default:
        return 0;
    }
}

static int reader_destroy(BIO *bio)
{
    free(BIO_get_data(bio));
    BIO_set_data(bio, NULL);
    return 1;
}

/* The method lives as long as the process: BIOs of any thread may use it. */
static void make_method(void)
{
    BIO_METHOD *reader = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spool reader");
    if (reader == NULL || BIO_meth_set_read(reader, reader_read) != 1 ||
        BIO_meth_set_ctrl(reader, reader_ctrl) != 1 ||
        BIO_meth_set_destroy(reader, reader_destroy) != 1) {
        BIO_meth_free(reader);
        return;
    }
    reader_method = reader;
}

BIO *spool_reader(const struct spool *spool, off_t from, off_t to)
{
    struct range *range;
    BIO *bio;
    (void)pthread_once(&method_once, make_method);
    if (reader_method == NULL)
        return NULL;
    range = malloc(sizeof *range);
    bio = range != NULL ? BIO_new(reader_method) : NULL;
    if (bio == NULL) {
        free(range);
        return NULL;
    }
    *range = (struct range){.spool = spool, .from = from, .at = from, .to = to};
    BIO_set_data(bio, range);
    BIO_set_init(bio, 1);
    return bio;
}
