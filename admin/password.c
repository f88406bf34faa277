/* Reading passwords, and wiping them. */
#include "password.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "input.h"
#include "tell.h"
#include "why.h"

int password_from_file(const char *path, struct password *out)
{
    struct input input;
    char *why = NULL;
    int rc = -1;
    if (input_read(path, &input, &why)) {
        tell_error("the password: %s", why_text(&why));
        why_free(&why);
        return -1;
    }
    const unsigned char *end = memchr(input.bytes, '\n', input.length);
    size_t length = end ? (size_t)(end - input.bytes) : input.length;
    if (length > 0 && input.bytes[length - 1] == '\r') {
        length--; /* a file written on Windows */
    }
    if (length > CREDENTIAL_MAX_PASSWORD_BYTES) {
        tell_error("the first line of %s is longer than %d bytes", path,
                   CREDENTIAL_MAX_PASSWORD_BYTES);
        goto out;
    }
    if (memchr(input.bytes, '\0', length)) {
        tell_error("the first line of %s has a NUL byte, so it is no password", path);
        goto out;
    }
    memcpy(out->text, input.bytes, length);
    out->text[length] = '\0';
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

int password_from_terminal(const char *what, struct password *out)
{
    if (!has_terminal()) {
        tell_error("%s needs a password, and there is no terminal to ask for it", what);
        tell_next("Put it on the first line of a file and name that by --password-file FILE.");
        return -1;
    }
    char *shown = tell_escape(what, NULL), *prompt = NULL;
    int rc = -1;
    if (!shown || asprintf(&prompt, "Password of %s: ", shown) < 0) {
        prompt = NULL;
        tell_error("out of memory");
        goto out;
    }
    if (EVP_read_pw_string(out->text, sizeof out->text, prompt, 0)) {
        tell_error("no password was given");
        goto out;
    }
    rc = 0;
out:
    free(prompt);
    free(shown);
    return rc;
}

void password_clear(struct password *password)
{
    OPENSSL_cleanse(password, sizeof *password);
}
