/* Parameters of a Content-Type in the text of the field, of which some change and all else stays as
 * it was written (RFC 2045 section 5.1, RFC 2231). */
#ifndef SMIME_MEDIA_PARAMETER_H
#define SMIME_MEDIA_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>

/* How often `name` stands as a parameter, outside of quoted strings and comments: once plainly
 * ("name=", in *plain), or in the forms of RFC 2231 ("name*=", "name*0=", in *pieces). False when a
 * quoted string or a comment never ends. */
bool media_parameter_count(const char *value, const char *name, size_t *plain, size_t *pieces);

/* *out: `value` without the `count` parameters in `drop`, in whatever form and number, and with
 * `name="text"` at its end (name NULL: nothing is added; `text` needs no quoting). A new string, or
 * NULL where the value is not one that all programs split alike. Returns 0, -1 out of memory. */
int media_parameter_change(const char *value, const char *const *drop, size_t count,
                           const char *name, const char *text, char **out);

#endif
