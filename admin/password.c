/* Reading passwords, and wiping them. */
#include "password.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "input.h"
#include "tell.h"
#include "why.h"

static void note_open_file(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH)) {
        tell_note("%s holds a password and everybody on this machine may read it: chmod 600 %s",
                  path, path);
    }
}

int password_from_file(const char *path, struct password *out, char **why)
{
    struct input input;
    int rc = -1;
    if (input_read(path, &input, why)) {
        why_prefix(why, "the password");
        return -1;
    }
    const unsigned char *end = memchr(input.bytes, '\n', input.length);
    size_t length = end ? (size_t)(end - input.bytes) : input.length;
    if (length > 0 && input.bytes[length - 1] == '\r') {
        length--; /* a file written on Windows */
    }
    if (length > CREDENTIAL_MAX_PASSWORD_BYTES) {
        why_set(why, "the first line of %s is longer than %d bytes", path,
                CREDENTIAL_MAX_PASSWORD_BYTES);
        goto out;
    }
    if (memchr(input.bytes, '\0', length)) {
        why_set(why, "the first line of %s has a NUL byte, so it is no password", path);
        goto out;
    }
    memcpy(out->text, input.bytes, length);
    out->text[length] = '\0';
    note_open_file(path);
    rc = 0;
out:
    input_clear(&input);
    return rc;
}

/* OpenSSL would fall back to standard input, where a message or a key may be. */
static int has_terminal(void)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) {
        return 0;
    }
    close(terminal);
    return 1;
}

/* `twice` makes OpenSSL ask again. */
static int ask(const char *what, const char *question, bool twice, struct password *out, char **why)
{
    if (!has_terminal()) {
        why_set(why,
                "%s needs a password, and there is no terminal to ask for it: put it on the first "
                "line of a file and name that by --password-file FILE",
                what);
        return -1;
    }
    char *shown = tell_escape(what, NULL), *prompt = NULL;
    int rc = -1;
    if (!shown || asprintf(&prompt, "%s of %s: ", question, shown) < 0) {
        prompt = NULL;
        why_set(why, "out of memory");
        goto out;
    }
    if (EVP_read_pw_string(out->text, sizeof out->text, prompt, twice)) {
        why_set(why, twice ? "no password was given, or not the same one twice"
                           : "no password was given");
        goto out;
    }
    rc = 0;
out:
    free(prompt);
    free(shown);
    return rc;
}

int password_from_terminal(const char *what, struct password *out, char **why)
{
    return ask(what, "Password", false, out, why);
}

int password_new_from_terminal(const char *what, struct password *out, char **why)
{
    return ask(what, "New password", true, out, why);
}

void password_clear(struct password *password)
{
    OPENSSL_cleanse(password, sizeof *password);
}
