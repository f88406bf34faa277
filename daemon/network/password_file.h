/* A password on the first line of a file of its own. Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_PASSWORD_FILE_H
#define DAEMON_NETWORK_PASSWORD_FILE_H

#define PASSWORD_FILE_MAX_BYTES 1024 /* of the first line */

/* The first line of `path`, which must be a regular file that nobody but its owner may read, as a
 * new string; NULL with a sentence. Release with password_free(). */
char *password_file_read(const char *path, char **why);

/* Wipe and release; *password becomes NULL. */
void password_free(char **password);

#endif
