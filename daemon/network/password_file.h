/* A password on the first line of a file of its own. */
#ifndef DAEMON_NETWORK_PASSWORD_FILE_H
#define DAEMON_NETWORK_PASSWORD_FILE_H

#define PASSWORD_FILE_MAX_BYTES 1024 /* of the first line */

/* The first line of `path`, as a new string; NULL with a sentence. It must be a regular file that
 * is open to its owner and, for reading, to a group, and it must not be empty: many a server takes
 * an empty password for no login at all. Release with password_free(). */
char *password_file_read(const char *path, char **why);

/* Wipe and release; *password becomes NULL. */
void password_free(char **password);

#endif
