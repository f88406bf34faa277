/* Passwords in files. */
#ifndef DIRECTORY_PASSWORD_FILE_H
#define DIRECTORY_PASSWORD_FILE_H

#define PASSWORD_FILE_MAX_BYTES 1024

/* The first line of `path`, which must not be open to everybody: a new string, to be released with
 * password_free(). NULL with a sentence. */
char *password_file_read(const char *path, char **why);
void password_free(char **password);

#endif
