/* MAIL parameters that keep a message's text out of bounces (RFC 3461 section 4.3). */
#ifndef DAEMON_RETURN_HEADERS_H
#define DAEMON_RETURN_HEADERS_H

#include <stdbool.h>

#include "transaction.h"

/* Must the MTA be told RET=HDRS? Not for the null sender, to whom nothing is returned, nor where
 * the sender asked for it himself. */
bool return_headers_needed(const struct transaction *transaction);

/* The parameters for the changed MAIL, blank-separated: those of the sender that still hold, with
 * RET=HDRS. A new string (free()), NULL when out of memory. */
char *return_headers_args(const struct transaction *transaction);

#endif
