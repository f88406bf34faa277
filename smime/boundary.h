/* Boundaries of the multiparts that we make (RFC 2046 section 5.1.1). */
#ifndef SMIME_BOUNDARY_H
#define SMIME_BOUNDARY_H

#define BOUNDARY_BYTES 48 /* with its NUL */

/* Make one of 128 random bits, which no text holds by chance and nobody can foresee: `out` has
 * BOUNDARY_BYTES. Returns 0, -1 when no random numbers can be had. */
int boundary_make(char *out);

#endif
