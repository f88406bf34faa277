/* write(2) may take less than it was given, and be interrupted. */
#include "write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int descriptor, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(descriptor, at, length);
        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        }
    }
    return 0;
}
