/* The text of a configuration: the file and what it includes, as one, with the origin of each line.
 * Internal to rules/.
 *
 * libconfig gets this text instead of the files, because libconfig 1.5
 *   - cuts integers that do not fit 32 bits and have no L behind them, silently;
 *   - takes relative @include from the working directory, and absolute ones not at all once it is
 *     told a directory;
 *   - ends the process when an included name is a directory;
 *   - tells the line behind a string instead of the string's own;
 *   - reads to the first NUL byte, and takes an open string or comment for a finished one. */
#ifndef RULES_CONFIG_SOURCE_H
#define RULES_CONFIG_SOURCE_H

#include "problems.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONFIG_MAX_BYTES (16UL * 1024 * 1024) /* of all files together */
#define CONFIG_MAX_NESTING 8                  /* includes inside includes */
#define CONFIG_MAX_FILES 256

/* A string or an integer, in the order of the text. */
struct literal {
    bool is_string;
    bool too_large; /* an integer without L that does not fit 32 bits; passed on with L */
    unsigned line;  /* of `text`, from 1 */
};

struct source_line {
    size_t file; /* index */
    unsigned line;
};

/* What a file consists of, but for blanks and comments; kept for who wants to change it. */
enum config_token_kind {
    TOKEN_NAME, /* also true and false */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_MARK,    /* one byte: = : ; , ( ) [ ] { } */
    TOKEN_INCLUDE, /* the directive with its file name */
};

struct config_token {
    enum config_token_kind kind;
    size_t file; /* index; a file that is included twice has two */
    size_t offset, length;
};

/* The bytes of files[i], as they are. */
struct config_bytes {
    char *text;
    size_t length;
};

/* A text that is read instead of what a file has now. */
struct config_substitute {
    dev_t device; /* the file; whatever it is called, and however often it is included */
    ino_t inode;
    const char *text;
    size_t length;
};

struct config_source {
    bool keep; /* fill `tokens` and `bytes`, too */
    struct config_token *tokens;
    size_t token_count, token_room;
    struct config_bytes *bytes; /* one for each of `files` */
    char *text;                 /* NUL-terminated, without other NUL bytes */
    size_t length, room;
    char **files;
    size_t file_count;
    struct source_line *lines; /* lines[i] is line i + 1 of `text` */
    size_t line_count, line_room;
    struct literal *literals;
    size_t literal_count, literal_room;
};

/* Read the file at `path` with its includes. Returns 0, or -1 with the mistakes in *problems. */
int config_source_read(struct config_source *source, const char *path, struct problems *problems);

/* The same for a text in memory, which may not include files. `name` stands in problems. */
int config_source_take(struct config_source *source, const char *name, const char *text,
                       size_t length, struct problems *problems);

/* The same two, with tokens and bytes kept. `substitute` may be NULL. */
int config_source_read_kept(struct config_source *source, const char *path,
                            const struct config_substitute *substitute, struct problems *problems);
int config_source_take_kept(struct config_source *source, const char *name, const char *text,
                            size_t length, struct problems *problems);

/* Where line `line` of the text comes from. */
void config_source_place(const struct config_source *source, unsigned line, const char **file_out,
                         unsigned *line_out);

void config_source_clear(struct config_source *source);

#endif
