/* Passwords: from the first line of a file or from the terminal, never from the command line. */
#ifndef ADMIN_PASSWORD_H
#define ADMIN_PASSWORD_H

#include "credential.h"

struct password {
    char text[CREDENTIAL_MAX_PASSWORD_BYTES + 1];
};

/* All return 0, or -1 with a sentence. password_clear() wipes. */
int password_from_file(const char *path, struct password *out, char **why);

/* Ask for the password of `what`, without echo. */
int password_from_terminal(const char *what, struct password *out, char **why);

/* Ask twice for a new password of `what`, without echo, until both are the same. */
int password_new_from_terminal(const char *what, struct password *out, char **why);

void password_clear(struct password *password);

#endif
