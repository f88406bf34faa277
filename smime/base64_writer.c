/* A BIO that writes base64 to a spool, in CRLF lines. */
#include "base64_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define LINE_BYTES 57  /* before encoding */
#define LINE_OCTETS 78 /* encoded, with CRLF */
#define LINES_AT_ONCE 64

struct writer {
    struct spool *out;
    size_t pending;
    int failed; /* errno */
    unsigned char bytes[LINE_BYTES * LINES_AT_ONCE];
};

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

/* Write all that is pending. Only the last line of all may be short. */
static int write_lines(struct writer *writer)
{
    unsigned char text[LINE_OCTETS * LINES_AT_ONCE + 1];
    unsigned char *p = text;
    for (size_t at = 0; at < writer->pending; at += LINE_BYTES) {
        size_t left = writer->pending - at;
        p += EVP_EncodeBlock(p, writer->bytes + at, left < LINE_BYTES ? (int)left : LINE_BYTES);
        *p++ = '\r';
        *p++ = '\n';
    }
    writer->pending = 0;
    if (spool_write(writer->out, text, (size_t)(p - text)) == 0)
        return 0;
    writer->failed = errno != 0 ? errno : EIO;
    return -1;
}

static int writer_write(BIO *bio, const char *bytes, int length)
{
    struct writer *writer = BIO_get_data(bio);
    size_t left = length > 0 ? (size_t)length : 0;
    while (left > 0 && writer->failed == 0) {
        size_t room = sizeof writer->bytes - writer->pending;
        size_t piece = left < room ? left : room;
        memcpy(writer->bytes + writer->pending, bytes, piece);
        writer->pending += piece;
        bytes += piece;
        left -= piece;
        if (writer->pending == sizeof writer->bytes && write_lines(writer) != 0)
            break;
    }
    if (writer->failed == 0)
        return length;
    errno = writer->failed;
    return -1;
}

static long writer_ctrl(BIO *bio, int command, long number, void *pointer)
{
    const struct writer *writer = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH && writer->failed == 0;
}

static int writer_destroy(BIO *bio)
{
    struct writer *writer = BIO_get_data(bio);
    if (writer != NULL)
        OPENSSL_cleanse(writer, sizeof *writer);
    free(writer);
    BIO_set_data(bio, NULL);
    return 1;
}

/* The method lives as long as the process: BIOs of any thread may use it. */
static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "base64 lines");
    if (made == NULL || BIO_meth_set_write(made, writer_write) != 1 ||
        BIO_meth_set_ctrl(made, writer_ctrl) != 1 ||
        BIO_meth_set_destroy(made, writer_destroy) != 1) {
        BIO_meth_free(made);
        return;
    }
    method = made;
}

BIO *base64_writer(struct spool *out)
{
    struct writer *writer;
    BIO *bio;
    (void)pthread_once(&method_once, make_method);
    if (method == NULL)
        return NULL;
    writer = malloc(sizeof *writer);
    bio = writer != NULL ? BIO_new(method) : NULL;
    if (bio == NULL) {
        free(writer);
        return NULL;
    }
    writer->out = out;
    writer->pending = 0;
    writer->failed = 0;
    BIO_set_data(bio, writer);
    BIO_set_init(bio, 1);
    return bio;
}

int base64_writer_end(BIO *bio)
{
    struct writer *writer = BIO_get_data(bio);
    if (writer->failed == 0 && writer->pending > 0)
        (void)write_lines(writer);
    errno = writer->failed;
    return writer->failed == 0 ? 0 : -1;
}
