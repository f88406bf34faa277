/* The value of an unstructured header field, and the words that people see. */
#include "unstructured.h"

#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "gmime_start.h"

#define LINE_BYTES 76 /* of a folded field: RFC 5322 section 2.1.1, RFC 2047 section 2 */
#define NAME_BYTES (sizeof "Subject:" - 1)

/* How many folds fit into `text`, and with `out` that text with them: a fold goes before a blank.
 */
static size_t put_folds(const char *text, char *out)
{
    size_t line = NAME_BYTES;
    size_t folds = 0;
    while (*text != '\0') {
        size_t length = strspn(text, " \t");
        length += strcspn(text + length, " \t");
        if (line > NAME_BYTES && line + length > LINE_BYTES && strspn(text, " \t") == 1 &&
            length > 1) {
            folds++;
            line = 0;
            if (out != NULL) {
                memcpy(out, "\r\n", 2);
                out += 2;
            }
        }
        if (out != NULL) {
            memcpy(out, text, length);
            out += length;
        }
        line += length;
        text += length;
    }
    if (out != NULL)
        *out = '\0';
    return folds;
}

char *unstructured_encode(const char *text)
{
    char *encoded;
    char *value;
    char *out = NULL;
    gmime_start();
    encoded = g_mime_utils_header_encode_text(NULL, text, NULL);
    value = encoded != NULL ? g_strconcat(" ", encoded, NULL) : NULL;
    if (value != NULL)
        out = malloc(strlen(value) + 2 * put_folds(value, NULL) + 1);
    if (out != NULL)
        put_folds(value, out);
    g_free(value);
    g_free(encoded);
    return out;
}

char *unstructured_decode(const char *value)
{
    char *line = malloc(strlen(value) + 1);
    char *put = line;
    char *decoded = NULL;
    char *valid = NULL;
    gmime_start();
    for (; line != NULL && *value != '\0'; value++)
        if (*value != '\r' && *value != '\n')
            *put++ = *value;
    if (line != NULL) {
        *put = '\0';
        decoded = g_mime_utils_header_decode_text(NULL, line);
    }
    if (decoded != NULL)
        valid = g_utf8_make_valid(decoded, -1);
    g_free(decoded);
    free(line);
    return valid;
}
