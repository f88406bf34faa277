/* Reading files whose size nobody knows, up to a ceiling. */
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "why.h"

#define FIRST_BYTES ((size_t)64 * 1024)

/* Room for one more byte and a NUL. */
static int grow(struct text_file *file)
{
    if (file->length + 1 < file->room) {
        return 0;
    }
    size_t room = file->room ? 2 * file->room : FIRST_BYTES;
    /* realloc() would leave copies of passwords behind. */
    char *text = OPENSSL_clear_realloc(file->text, file->room, room);
    if (!text) {
        return -1;
    }
    file->text = text;
    file->room = room;
    return 0;
}

static int left_ms(const struct timespec *end)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long left = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
    return left > 0 ? (int)left : 0;
}

/* More than 0: bytes that were read. 0: the end. -1: errno. */
static ssize_t read_some(int descriptor, struct text_file *file, const struct timespec *end)
{
    ssize_t got = -1;
    do {
        struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
        int ready = end ? poll(&waiting, 1, left_ms(end)) : 1;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        got = ready < 0
                  ? -1
                  : read(descriptor, file->text + file->length, file->room - file->length - 1);
    } while (got < 0 && errno == EINTR);
    return got;
}

int text_file_drain(int descriptor, const char *what, int timeout_s, struct text_file *out,
                    char **why)
{
    struct text_file file = {0};
    struct timespec end;
    ssize_t got = 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += timeout_s;
    while (got > 0) {
        if (file.length > TEXT_FILE_MAX_BYTES) {
            why_set(why, "%s is larger than %zu bytes", what, TEXT_FILE_MAX_BYTES);
            break;
        }
        if (grow(&file)) {
            why_set(why, "out of memory");
            break;
        }
        got = read_some(descriptor, &file, timeout_s ? &end : NULL);
        if (got < 0) {
            why_set(why, "%s cannot be read: %s", what, strerror(errno));
        } else {
            file.length += (size_t)got;
        }
    }
    if (got != 0) {
        text_file_clear(&file);
        return -1;
    }
    file.text[file.length] = '\0';
    *out = file;
    return 0;
}

int text_file_read(const char *path, struct text_file *out, char **why)
{
    bool standard = !strcmp(path, "-");
    int descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        why_set(why, "%s cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    int rc = text_file_drain(descriptor, standard ? "standard input" : path, 0, out, why);
    if (!standard) {
        close(descriptor);
    }
    return rc;
}

void text_file_clear(struct text_file *file)
{
    OPENSSL_clear_free(file->text, file->room);
    *file = (struct text_file){0};
}
