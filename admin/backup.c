/* smimectl backup and restore: the store and the master secret in one encrypted file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "backup_file.h"
#include "command.h"
#include "password.h"
#include "store_files.h"
#include "tell.h"
#include "why.h"

#define MIN_PASSWORD_BYTES 8

/* The first line of --password-file, or asked for at the terminal: twice where it is `fresh`. */
static int read_password(const struct context *context, const char *path, bool fresh,
                         struct password *out)
{
    const char *file = argument_value(context->arguments, OPTION_PASSWORD_FILE);
    char *why = NULL;
    int rc = file    ? password_from_file(file, out, &why)
             : fresh ? password_new_from_terminal(path, out, &why)
                     : password_from_terminal(path, out, &why);
    if (rc) {
        tell_error("%s", why_text(&why));
    } else if (fresh && strlen(out->text) < MIN_PASSWORD_BYTES) {
        tell_error("the password has less than %d bytes", MIN_PASSWORD_BYTES);
        tell_next("Who has the backup may try passwords as long as he likes: take a long one.");
        rc = -1;
    }
    why_free(&why);
    return rc;
}

/* ---- backup ---- */

/* A new file beside `path`, for nobody else: its name in *name_out (free()). -1 told. */
static int make_beside(const char *path, char **name_out)
{
    if (asprintf(name_out, "%s.XXXXXX", path) < 0) {
        *name_out = NULL;
        tell_error("out of memory");
        return -1;
    }
    int file = mkostemp(*name_out, O_CLOEXEC); /* mode 0600 */
    if (file < 0) {
        tell_error("%s cannot be made: %s", *name_out, strerror(errno));
        free(*name_out);
        *name_out = NULL;
    }
    return file;
}

/* Copy the database into a file of its own first: encrypting it takes longer than one would keep
 * the store occupied. What is copied holds keys only under the master secret. */
static int copy_database(struct context *context, const char *path, char **copy_out)
{
    char *why = NULL;
    int file = make_beside(path, copy_out);
    if (file < 0) {
        return -1;
    }
    close(file);
    int rc = store_copy(context->store, *copy_out, &why) == STORE_OK ? 0 : -1;
    if (rc) {
        tell_error("%s", why_text(&why));
    }
    why_free(&why);
    return rc;
}

static int encrypt(struct context *context, const char *copy, const char *password, FILE *out)
{
    char line[STORE_SECRET_LINE_BYTES];
    char *why = NULL;
    store_secret_line(context->store, line);
    int rc = backup_write(line, copy, password, out, &why);
    OPENSSL_cleanse(line, sizeof line);
    if (rc) {
        tell_error("%s", why_text(&why));
    } else if (fflush(out) == EOF || fsync(fileno(out))) {
        tell_error("the backup cannot be written: %s", strerror(errno));
        rc = -1;
    }
    why_free(&why);
    return rc;
}

/* Under its name only when it is complete; whatever had that name stays until then, and for good:
 * a backup is not overwritten. */
static int publish(const char *name, const char *path)
{
    if (link(name, path)) {
        tell_error("%s cannot be made: %s", path, strerror(errno));
        if (errno == EEXIST) {
            tell_next("A backup is never overwritten; take another name.");
        }
        return -1;
    }
    return 0;
}

static void remove_file(char *name)
{
    if (name) {
        unlink(name);
        free(name);
    }
}

static int write_backup(struct context *context, const char *path, const char *password)
{
    char *copy = NULL, *unfinished = NULL;
    FILE *out = NULL;
    int rc = -1;
    int file = make_beside(path, &unfinished);
    if (file < 0) {
        goto out;
    }
    out = fdopen(file, "we");
    if (!out) {
        close(file);
        tell_error("out of memory");
        goto out;
    }
    if (copy_database(context, path, &copy) || encrypt(context, copy, password, out) ||
        publish(unfinished, path)) {
        goto out;
    }
    rc = 0;
out:
    if (out) {
        fclose(out);
    }
    remove_file(copy);
    remove_file(unfinished);
    return rc;
}

static int backup(struct context *context)
{
    const char *path = context->words[0];
    struct password password = {0};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (access(path, F_OK) == 0) {
        tell_error("%s exists already", path);
        tell_next("A backup is never overwritten; take another name.");
        return EXIT_REFUSED;
    }
    if (context_store(context) || read_password(context, path, true, &password) ||
        write_backup(context, path, password.text)) {
        goto out;
    }
    code = EXIT_DONE;
    if (store_audit(context->store, "backup made", path, "", &why) != STORE_OK) {
        tell_error("the backup is made, but cannot be recorded: %s", why_text(&why));
        code = EXIT_REFUSED;
    }
out:
    password_clear(&password);
    why_free(&why);
    return code;
}

/* ---- restore ---- */

/* The decrypted content, NULL told. */
static BIO *open_backup(const struct context *context, const char *path)
{
    struct password password = {0};
    BIO *content = NULL;
    char *why = NULL;
    FILE *in = fopen(path, "re");
    if (!in) {
        tell_error("%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    if (read_password(context, path, false, &password) == 0) {
        content = backup_read(in, password.text, &why);
        if (!content) {
            tell_error("%s %s", path, why_text(&why));
            tell_next("Nothing was changed.");
        }
    }
    password_clear(&password);
    why_free(&why);
    fclose(in);
    return content;
}

static int put_store(struct context *context, BIO *content)
{
    const struct store_options options = context_store_options(context);
    char *bytes = NULL, *why = NULL;
    long length = BIO_get_mem_data(content, &bytes);
    const unsigned char *database = (const unsigned char *)bytes + STORE_SECRET_LINE_BYTES;
    int rc = -1;
    if (store_restore(&options, bytes, database, (size_t)length - STORE_SECRET_LINE_BYTES, &why) ==
        STORE_OK) {
        rc = 0;
    } else {
        tell_error("the store cannot be restored: %s", why_text(&why));
        tell_next("Nothing was restored.");
    }
    why_free(&why);
    return rc;
}

/* Behind store_files_give(): what SQLite makes belongs to whom the database does. */
static int record(struct context *context, const char *path)
{
    char *why = NULL;
    if (context_store(context)) {
        return -1;
    }
    int rc = store_audit(context->store, "store restored", path, "", &why) == STORE_OK ? 0 : -1;
    if (rc) {
        tell_error("the store is restored, but that cannot be recorded: %s", why_text(&why));
    }
    why_free(&why);
    return rc;
}

static int restore(struct context *context)
{
    struct owner owner;
    int code = EXIT_REFUSED;
    if (context_config(context)) {
        return EXIT_REFUSED;
    }
    BIO *content = open_backup(context, context->words[0]);
    const struct settings *settings = &context->config->settings;
    const struct store_options options = context_store_options(context);
    if (!content || store_files_prepare(settings, &owner) || put_store(context, content) ||
        store_files_give(&options, &owner) || record(context, context->words[0]) ||
        store_files_report(settings, context->json)) {
        goto out;
    }
    code = EXIT_DONE;
out:
    backup_free(content);
    return code;
}

static const struct command backup_commands[] = {
    {.min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_PASSWORD_FILE),
     .synopsis = "FILE [--password-file FILE]",
     .summary = "save store and master secret in one encrypted file",
     .details = "Writes the store, as it is at one moment while smimed goes on, and the master\n"
                "secret to a new file, encrypted with a password: CMS (RFC 5083, AES-256-GCM),\n"
                "which openssl cms reads, too. An existing file is never overwritten. The\n"
                "password is asked for twice, or is the first line of --password-file.",
     .example = "  smimectl backup /backup/smimed-2026-01-02.p7m --password-file /root/backup.pass",
     .run = backup},
    {0},
};

const struct command_group backup_group = {"backup", "save store and master secret",
                                           backup_commands};

static const struct command restore_commands[] = {
    {.min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_PASSWORD_FILE),
     .synopsis = "FILE [--password-file FILE]",
     .summary = "make store and master secret from a backup",
     .details = "Makes the store, the master secret and the spool directory, as init does, from a\n"
                "backup. An existing store is never overwritten, nor a master secret that is\n"
                "another one: move them away first.",
     .example = "  smimectl restore /backup/smimed-2026-01-02.p7m",
     .run = restore},
    {0},
};

const struct command_group restore_group = {"restore", "make store and master secret from a backup",
                                            restore_commands};
