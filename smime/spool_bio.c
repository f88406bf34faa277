/* OpenSSL BIOs over a spool: one that reads a range of it, one that appends to it. */
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
static BIO_METHOD *writer_method;
static pthread_once_t methods_once = PTHREAD_ONCE_INIT;

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

static int writer_write(BIO *bio, const char *bytes, int length)
{
    if (length <= 0)
        return 0;
    return spool_write(BIO_get_data(bio), bytes, (size_t)length) == 0 ? length : -1;
}

static long writer_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* The methods live as long as the process: BIOs of any thread may use them. */
static void make_methods(void)
{
    BIO_METHOD *reader = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spool reader");
    BIO_METHOD *writer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spool writer");
    if (reader == NULL || writer == NULL || BIO_meth_set_read(reader, reader_read) != 1 ||
        BIO_meth_set_ctrl(reader, reader_ctrl) != 1 ||
        BIO_meth_set_destroy(reader, reader_destroy) != 1 ||
        BIO_meth_set_write(writer, writer_write) != 1 ||
        BIO_meth_set_ctrl(writer, writer_ctrl) != 1) {
        BIO_meth_free(reader);
        BIO_meth_free(writer);
        return;
    }
    reader_method = reader;
    writer_method = writer;
}

BIO *spool_reader(const struct spool *spool, off_t from, off_t to)
{
    struct range *range;
    BIO *bio;
    (void)pthread_once(&methods_once, make_methods);
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

BIO *spool_writer(struct spool *spool)
{
    BIO *bio;
    (void)pthread_once(&methods_once, make_methods);
    if (writer_method == NULL)
        return NULL;
    bio = BIO_new(writer_method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, spool);
    BIO_set_init(bio, 1);
    return bio;
}
