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

/* Has the value the one shape that leaves nothing to guess: "type/subtype; name=word; name="text"",
 * with blanks as may be, but no comments, quoted pairs or other text between; "boundary" neither in
 * pieces nor encoded, and what stands there is `boundary` (NULL: it is not there)? Mail programs
 * take anything else for different types, or look for different boundaries. `value` is unfolded and
 * begins with no blank. */
bool media_value_is_plain(const char *value, const char *boundary);

/* *out: `value` without the `count` parameters in `drop`, in whatever form and number, and with
 * `name="text"` at its end (name NULL: nothing is added; `text` needs no quoting). A new string, or
 * NULL where the value is not one that all programs split alike. Returns 0, -1 out of memory. */
int media_parameter_change(const char *value, const char *const *drop, size_t count,
                           const char *name, const char *text, char **out);

#endif
