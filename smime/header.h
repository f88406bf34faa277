/* Header fields of a message or a part, as they stand in its text (RFC 5322 section 2.2). */
#ifndef SMIME_HEADER_H
#define SMIME_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "spool.h"

struct header_field {
    char *name;  /* as written */
    char *value; /* what follows the colon, leading blank included, folds as CRLF, no CRLF at the
                    end */
};

struct header {
    struct header_field *fields;
    size_t count;
    size_t bytes; /* of all fields with colon and CRLF */
};

/* Append a copy. Lone CR or LF in `value` (as a milter gives folds) becomes CRLF when a blank
 * follows, a blank otherwise. `value` is written as given, so with its leading blank. Returns 0, -1
 * out of memory. */
int header_add(struct header *header, const char *name, const char *value);

/* The index-th (from 0) field called `name` (case-insensitively), NULL if there are fewer. */
const struct header_field *header_get(const struct header *header, const char *name, size_t index);
size_t header_count(const struct header *header, const char *name);

/* Remove the index-th (from 0) field called `name`. */
void header_remove(struct header *header, const char *name, size_t index);

/* Give fields[at] another value (a copy, as in header_add()). Returns 0, -1 out of memory. */
int header_set(struct header *header, size_t at, const char *value);

/* Insert a copy before fields[position]. Returns 0, -1 out of memory. */
int header_insert(struct header *header, size_t position, const char *name, const char *value);

/* Is it a content header field: Content-*? (MIME-Version is not.) */
bool header_is_content(const char *name);

int header_copy(struct header *target, const struct header *source);

/* Write all fields, each with CRLF, without the empty line. Returns 0, -1 with errno. */
int header_write(const struct header *header, struct spool *out);

/* Read the header at [from, to) of `text`, up to and with the empty line, or to the end. Takes CRLF
 * and LF line ends; at most `max_bytes`. *body_out is where the body begins. A line that is no
 * header field ends the header (the body begins there). Returns 0, -1 with a sentence. */
int header_parse(const struct spool *text, off_t from, off_t to, size_t max_bytes,
                 struct header *header_out, off_t *body_out, char **why);

void header_clear(struct header *header);

#endif
