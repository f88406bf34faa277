/* Scans configuration text as libconfig's lexer does, and files that it includes.
 *
 * It has no opinion on syntax: what it does not know it copies, and libconfig judges. It knows
 * comments, strings, names and numbers, as far as it takes to find includes and integers. */
#include "config_scan.h"
#include "config_number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scan {
    struct config_source *source;
    const struct config_substitute *substitute; /* NULL: none */
    struct problems *problems;
    const char *path; /* of this file */
    size_t file;
    const char *text;
    size_t length;
    size_t at;
    unsigned line;
    unsigned nesting;
    bool may_include;
    bool after_string; /* a string now would be joined to the one before */
};

static int scan_file(struct scan *parent, const char *path);

static int out_of_memory(struct scan *scan)
{
    problems_add(scan->problems, scan->path, scan->line, "out of memory");
    return -1;
}

/* Copy `count` bytes, keeping the lines right. */
static int copy(struct scan *scan, size_t count)
{
    while (count > 0) {
        const char *start = scan->text + scan->at;
        const char *newline = memchr(start, '\n', count);
        size_t bytes = newline ? (size_t)(newline - start) : count;

        if (!config_source_append(scan->source, start, bytes))
            return out_of_memory(scan);
        scan->at += bytes;
        count -= bytes;
        if (newline) {
            scan->at++;
            count--;
            scan->line++;
            if (!config_source_begin_line(scan->source, scan->file, scan->line))
                return out_of_memory(scan);
        }
    }
    return 0;
}

static size_t left(const struct scan *scan)
{
    return scan->length - scan->at;
}

static bool looking_at(const struct scan *scan, const char *text)
{
    size_t length = strlen(text);

    return left(scan) >= length && memcmp(scan->text + scan->at, text, length) == 0;
}

/* Keep the `count` bytes from here as a token. */
static int add_token(struct scan *scan, enum config_token_kind kind, size_t count)
{
    const struct config_token token = {kind, scan->file, scan->at, count};

    return config_source_add_token(scan->source, token) ? 0 : out_of_memory(scan);
}

static int copy_token(struct scan *scan, enum config_token_kind kind, size_t count)
{
    return add_token(scan, kind, count) == 0 ? copy(scan, count) : -1;
}

static int scan_string(struct scan *scan)
{
    unsigned start_line = scan->line;
    size_t i = scan->at + 1;

    while (i < scan->length && scan->text[i] != '"')
        i += scan->text[i] == '\\' ? 2 : 1;
    if (i >= scan->length) {
        problems_add(scan->problems, scan->path, start_line,
                     "the string that begins here has no closing \"");
        return -1;
    }
    if (!scan->after_string && !config_source_add_literal(scan->source, true, false))
        return out_of_memory(scan);
    scan->after_string = true;
    return copy_token(scan, TOKEN_STRING, i + 1 - scan->at);
}

static int scan_line_comment(struct scan *scan)
{
    const char *newline = memchr(scan->text + scan->at, '\n', left(scan));

    return copy(scan, newline ? (size_t)(newline - scan->text) - scan->at : left(scan));
}

static int scan_block_comment(struct scan *scan)
{
    const char *start = scan->text + scan->at;
    const char *end = memmem(start + 2, left(scan) - 2, "*/", 2);

    if (!end) {
        problems_add(scan->problems, scan->path, scan->line,
                     "the comment that begins here has no closing */");
        return -1;
    }
    return copy(scan, (size_t)(end + 2 - start));
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_name_byte(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static int scan_name(struct scan *scan)
{
    size_t count = 1;

    while (count < left(scan) && is_name_byte(scan->text[scan->at + count]))
        count++;
    scan->after_string = false;
    return copy_token(scan, TOKEN_NAME, count);
}

static int scan_number(struct scan *scan)
{
    struct config_number number;

    config_number_read(scan->text + scan->at, left(scan), &number);
    scan->after_string = false;
    if (number.kind != NUMBER_INTEGER)
        return copy_token(scan, TOKEN_NUMBER, number.length ? number.length : 1);
    if (!config_source_add_literal(scan->source, false, number.too_large))
        return out_of_memory(scan);
    if (!number.rewrite)
        return copy_token(scan, TOKEN_NUMBER, number.length);
    if (add_token(scan, TOKEN_NUMBER, number.length) != 0)
        return -1;
    if (!config_source_append(scan->source, number.text, strlen(number.text)))
        return out_of_memory(scan);
    scan->at += number.length;
    return 0;
}

static size_t skip_blanks(const char *text, size_t length, size_t i)
{
    while (i < length && (text[i] == ' ' || text[i] == '\t'))
        i++;
    return i;
}

/* The file name in an `@include "name"` at the start of this line: a new string, and the bytes of
 * the directive in *count_out. NULL where there is none. */
static char *include_name(const struct scan *scan, size_t *count_out)
{
    static const char directive[] = "@include";
    const size_t directive_length = sizeof directive - 1;
    const char *text = scan->text + scan->at;
    const char *line_end = memchr(text, '\n', left(scan));
    size_t length = line_end ? (size_t)(line_end - text) : left(scan);
    size_t start = skip_blanks(text, length, 0);
    const char *quote;
    size_t name;

    if (start + directive_length > length || memcmp(text + start, directive, directive_length) != 0)
        return NULL;
    start += directive_length;
    name = skip_blanks(text, length, start);
    if (name == start || name == length || text[name] != '"')
        return NULL;
    name++;
    quote = memchr(text + name, '"', length - name);
    if (!quote)
        return NULL;
    *count_out = (size_t)(quote + 1 - text);
    return strndup(text + name, (size_t)(quote - text) - name);
}

/* `name` as seen from the file that includes it; a new string. */
static char *resolve(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash + 1 - path) : 0;
    char *resolved;

    if (name[0] == '/')
        return strdup(name);
    resolved = malloc(folder + strlen(name) + 1);
    if (!resolved)
        return NULL;
    memcpy(resolved, path, folder);
    memcpy(resolved + folder, name, strlen(name) + 1);
    return resolved;
}

static int include(struct scan *scan, const char *name)
{
    char *path = NULL;
    int rc = -1;

    if (!scan->may_include) {
        problems_add(scan->problems, scan->path, scan->line, "files cannot be included here");
        return -1;
    }
    if (scan->nesting + 1 > CONFIG_MAX_NESTING) {
        problems_add(scan->problems, scan->path, scan->line,
                     "includes are nested more than %d deep; does a file include itself?",
                     CONFIG_MAX_NESTING);
        return -1;
    }
    path = resolve(scan->path, name);
    if (!path)
        return out_of_memory(scan);
    rc = scan_file(scan, path);
    /* What stands behind the directive is still of this line. */
    if (rc == 0 && !config_source_begin_line(scan->source, scan->file, scan->line))
        rc = out_of_memory(scan);
    free(path);
    return rc;
}

static int scan_token(struct scan *scan)
{
    char c = scan->text[scan->at];

    if (c == '"')
        return scan_string(scan);
    if (c == '#' || looking_at(scan, "//"))
        return scan_line_comment(scan);
    if (looking_at(scan, "/*"))
        return scan_block_comment(scan);
    if (is_name_start(c))
        return scan_name(scan);
    if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.')
        return scan_number(scan);
    if (strchr(" \t\r\n\f", c))
        return copy(scan, 1);
    scan->after_string = false;
    return copy_token(scan, TOKEN_MARK, 1);
}

static int scan_text(struct scan *scan)
{
    const char *nul = memchr(scan->text, '\0', scan->length);
    bool at_line_start = true;
    int rc = 0;

    if (nul) {
        for (const char *p = scan->text; p < nul; p++)
            scan->line += *p == '\n';
        problems_add(scan->problems, scan->path, scan->line, "a NUL byte; expected text");
        return -1;
    }
    /* Some editors begin UTF-8 with a byte order mark. */
    if (looking_at(scan, "\xef\xbb\xbf"))
        scan->at += 3;
    while (rc == 0 && scan->at < scan->length) {
        size_t count = 0;
        char *name = at_line_start ? include_name(scan, &count) : NULL;

        if (name) {
            rc = add_token(scan, TOKEN_INCLUDE, count);
            scan->at += count;
            if (rc == 0)
                rc = include(scan, name);
            free(name);
        } else {
            rc = scan_token(scan);
        }
        at_line_start = scan->at > 0 && scan->text[scan->at - 1] == '\n';
    }
    return rc;
}

/* `path`, opened, with what it is. Returns the descriptor; -1 with the mistake told at the place of
 * the include: a directory or a pipe is no configuration. */
static int open_file(const struct scan *parent, const char *path, struct stat *status_out)
{
    const char *place = parent->path ? parent->path : path;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, status_out) != 0)
        problems_add(parent->problems, place, parent->line, "cannot open %s: %m", path);
    else if (!S_ISREG(status_out->st_mode))
        problems_add(parent->problems, place, parent->line, "%s is not a file", path);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* At most `room` bytes of the file. Returns 0, or -1 with errno. */
static int read_all(int fd, char *text, size_t room, size_t *length_out)
{
    size_t length = 0;

    while (length < room) {
        ssize_t got = read(fd, text + length, room - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break; /* it became shorter */
        length += (size_t)got;
    }
    *length_out = length;
    return 0;
}

/* The substitute's bytes, if it stands for this file. */
static const struct config_substitute *substitute_of(const struct scan *parent,
                                                     const struct stat *status)
{
    const struct config_substitute *substitute = parent->substitute;

    if (substitute && substitute->device == status->st_dev && substitute->inode == status->st_ino)
        return substitute;
    return NULL;
}

/* Read what the file has, or what stands for it. Returns a new buffer, or NULL with the mistake
 * told. */
static char *read_file(const struct scan *parent, const char *path, size_t *length_out)
{
    const char *place = parent->path ? parent->path : path;
    const struct config_substitute *substitute;
    struct stat status;
    char *text = NULL;
    size_t size;
    int fd = open_file(parent, path, &status);

    if (fd < 0)
        return NULL;
    substitute = substitute_of(parent, &status);
    size = substitute ? substitute->length : (size_t)status.st_size;
    if (CONFIG_MAX_BYTES < size || size + parent->source->length > CONFIG_MAX_BYTES) {
        problems_add(parent->problems, place, parent->line,
                     "%s: a configuration may have %lu bytes", path, CONFIG_MAX_BYTES);
        goto out;
    }
    text = malloc(size + 1);
    if (!text) {
        problems_add(parent->problems, place, parent->line, "out of memory");
        goto out;
    }
    if (substitute) {
        memcpy(text, substitute->text, size);
        *length_out = size;
    } else if (read_all(fd, text, size, length_out) != 0) {
        problems_add(parent->problems, place, parent->line, "cannot read %s: %m", path);
        free(text);
        text = NULL;
    }
out:
    close(fd);
    return text;
}

static int scan_named(struct scan *parent, const char *path, const char *text, size_t length)
{
    struct scan scan = {.source = parent->source,
                        .substitute = parent->substitute,
                        .problems = parent->problems,
                        .path = path,
                        .file = parent->source->file_count,
                        .text = text,
                        .length = length,
                        .line = 1,
                        .nesting = parent->path ? parent->nesting + 1 : 0,
                        .may_include = parent->may_include};

    if (parent->source->file_count >= CONFIG_MAX_FILES) {
        problems_add(parent->problems, parent->path, parent->line,
                     "more than %d files are included", CONFIG_MAX_FILES);
        return -1;
    }
    if (!config_source_add_file(parent->source, path, text, length) ||
        !config_source_begin_line(parent->source, scan.file, 1))
        return out_of_memory(&scan);
    return scan_text(&scan);
}

/* For libconfig a comment on a last line without a line end is a syntax error. */
static int end_text(struct scan *scan)
{
    return config_source_append(scan->source, "\n", 1) ? 0 : out_of_memory(scan);
}

static int scan_file(struct scan *parent, const char *path)
{
    size_t length = 0;
    char *text = read_file(parent, path, &length);
    int rc = text ? scan_named(parent, path, text, length) : -1;

    free(text);
    return rc;
}

static int read_source(struct config_source *source, const char *path,
                       const struct config_substitute *substitute, struct problems *problems)
{
    struct scan outside = {
        .source = source, .substitute = substitute, .problems = problems, .may_include = true};

    return scan_file(&outside, path) == 0 ? end_text(&outside) : -1;
}

static int take_source(struct config_source *source, const char *name, const char *text,
                       size_t length, struct problems *problems)
{
    struct scan outside = {.source = source, .problems = problems, .may_include = false};

    if (length > CONFIG_MAX_BYTES) {
        problems_add(problems, name, 0, "a configuration may have %lu bytes", CONFIG_MAX_BYTES);
        return -1;
    }
    return scan_named(&outside, name, text, length) == 0 ? end_text(&outside) : -1;
}

int config_source_read(struct config_source *source, const char *path, struct problems *problems)
{
    *source = (struct config_source){0};
    return read_source(source, path, NULL, problems);
}

int config_source_read_kept(struct config_source *source, const char *path,
                            const struct config_substitute *substitute, struct problems *problems)
{
    *source = (struct config_source){.keep = true};
    return read_source(source, path, substitute, problems);
}

int config_source_take(struct config_source *source, const char *name, const char *text,
                       size_t length, struct problems *problems)
{
    *source = (struct config_source){0};
    return take_source(source, name, text, length, problems);
}

int config_source_take_kept(struct config_source *source, const char *name, const char *text,
                            size_t length, struct problems *problems)
{
    *source = (struct config_source){.keep = true};
    return take_source(source, name, text, length, problems);
}
