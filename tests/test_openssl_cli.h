/* `openssl cms` as an oracle: commands in a temporary directory. What cannot be run aborts. */
#ifndef TESTS_TEST_OPENSSL_CLI_H
#define TESTS_TEST_OPENSSL_CLI_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test_entity.h"
#include "test_pki.h"

static char cli_directory[] = "/tmp/smimed-test.XXXXXX";

static inline void cli_begin(void)
{
    entity_need(mkdtemp(cli_directory) != NULL, "a directory");
}

static inline void cli_end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", cli_directory);
    entity_need(system(command) == 0, "an end");
}

/* The path of a file in the directory; up to four are valid at a time. */
static inline const char *cli_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", cli_directory, name);
    return path;
}

/* Run a shell command in the directory: its exit status. What it writes to stderr goes to the file
 * "stderr". */
__attribute__((format(printf, 1, 2))) static inline int cli_run(const char *format, ...)
{
    char command[2048];
    char whole[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "cd %s && { %s ; } 2>stderr", cli_directory, command);
    return system(whole);
}

/* The contents of a file with a NUL behind; free(). */
static inline char *cli_read(const char *name, size_t *length_out)
{
    FILE *file = fopen(cli_path(name), "rbe");
    char *text = NULL;
    size_t length = 0, n;
    entity_need(file != NULL, name);
    do {
        text = realloc(text, length + 65537);
        entity_need(text != NULL, "a text");
        n = fread(text + length, 1, 65536, file);
        length += n;
    } while (n > 0);
    fclose(file);
    text[length] = '\0';
    if (length_out != NULL)
        *length_out = length;
    return text;
}

static inline void cli_write(const char *name, const char *text, size_t length)
{
    FILE *file = fopen(cli_path(name), "wbe");
    entity_need(file != NULL && fwrite(text, 1, length, file) == length && fclose(file) == 0, name);
}

/* The certificate to the file `name`, the key to `name`.key. */
static inline void cli_write_pki(const char *name, const struct pki *pki)
{
    char key[64];
    snprintf(key, sizeof key, "%s.key", name);
    pki_write_certificate(cli_path(name), pki->certificate);
    pki_write_key(cli_path(key), pki->key);
}

static inline void cli_write_entity(const char *name, const struct entity *entity)
{
    size_t length;
    char *text = entity_text(entity, &length);
    cli_write(name, text, length);
    free(text);
}

/* Is `what` in the file? */
static inline int cli_contains(const char *name, const char *what)
{
    size_t length;
    char *text = cli_read(name, &length);
    int found = memmem(text, length, what, strlen(what)) != NULL;
    free(text);
    return found;
}

#endif
