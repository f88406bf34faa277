/* Writing to a descriptor until all is written. */
#ifndef ADMIN_WRITE_ALL_H
#define ADMIN_WRITE_ALL_H

#include <stddef.h>

/* Returns 0, or -1 with errno. */
int write_all(int descriptor, const void *bytes, size_t length);

#endif
