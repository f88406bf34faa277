/* Can the files be read that the settings of the directories name? */
#ifndef DIRECTORY_DIRECTORY_CHECK_H
#define DIRECTORY_DIRECTORY_CHECK_H

#include "problems.h"
#include "settings.h"

/* Add what is wrong to `problems`, as of the file at `path`. Nobody is asked anything. */
void directory_check(const struct settings *settings, const char *path, struct problems *problems);

#endif
