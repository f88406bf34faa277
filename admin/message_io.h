/* A message on standard input and output, in memory that does not grow with it. */
#ifndef ADMIN_MESSAGE_IO_H
#define ADMIN_MESSAGE_IO_H

#include <stdio.h>

#include "entity.h"

enum line_ends { LINE_ENDS_LF, LINE_ENDS_CRLF };

enum message_status {
    MESSAGE_OK = 0,
    MESSAGE_TOO_LARGE, /* the message, or its header, is over its ceiling */
    MESSAGE_ERROR,     /* reading or the spool failed */
};

/* Read a message from `descriptor` to its end. The first line end says what the message has: after
 * LF every bare LF becomes CRLF; after CRLF all bytes stay, so that bare LF can be fed in. A
 * leading "From " line of an mbox is dropped, as MTAs do. On failure *why has a sentence and *out
 * is empty. */
enum message_status message_read(int descriptor, const struct spool_options *options,
                                 const struct smime_limits *limits, struct entity *out,
                                 enum line_ends *ends_out, char **why);

/* Write header, empty line and body. Returns 0, or -1 with a sentence. */
int message_write(const struct header *header, const struct spool *body, enum line_ends ends,
                  FILE *out, char **why);

#endif
