/* Entities as strangers write them, in both modes. What is said to be clean is; what must not
 * change does not; the leaves that GMime finds keep their contents. */
#include <stdint.h>
#include <stdlib.h>

#include "../test_entity.h"
#include "../test_mime_oracle.h"
#include "canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *make(const struct entity *message, enum canonical_mode mode,
                  enum canonical_result *result, size_t *length)
{
    struct entity made = {.body = spool_new(&test_spool_options)};
    char *text = NULL;
    char *why = NULL;
    if (made.body == NULL || canonical_entity(message, mode, &test_limits, &made.header, made.body,
                                              result, &why) != SMIME_OK)
        abort();
    text = entity_text(&made, length);
    entity_clear(&made);
    return text;
}

/* GMime's reading of quoted-printable differs from RFC 2045 in blanks at line ends, of base64 in
 * what stands behind its end, of headers in what is none: the same bytes then mean other things. */
static bool comparable(const char *text)
{
    return strcasestr(text, "quoted-printable") == NULL && strcasestr(text, "base64") == NULL &&
           strcasestr(text, "uu") == NULL && strcasestr(text, "yenc") == NULL;
}

static void same_leaves(const char *a, size_t a_length, const char *b, size_t b_length)
{
    struct mime_oracle before = oracle_read(a, a_length);
    struct mime_oracle after = oracle_read(b, b_length);
    guint index;
    if (!oracle_same_leaves(&before, &after, &index))
        abort();
    oracle_clear(&before);
    oracle_clear(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entity message;
    enum canonical_result strict, best;
    size_t strict_length, best_length, length, at;
    char *strict_text, *best_text, *text;
    static bool started;
    if (!started)
        g_mime_init();
    started = true;
    message = entity_from((const char *)data, size);
    text = entity_text(&message, &length);
    strict_text = make(&message, CANONICAL_STRICT, &strict, &strict_length);
    best_text = make(&message, CANONICAL_BEST_EFFORT, &best, &best_length);
    if (strict != best)
        abort();
    if (strict == CANONICAL_CLEAN) {
        if (!oracle_clean(strict_text, strict_length, &at) || strict_length != best_length ||
            memcmp(strict_text, best_text, best_length) != 0)
            abort();
        if (comparable(text) && header_get(&message.header, "Content-Type", 0) != NULL)
            same_leaves(text, length, strict_text, strict_length);
    }
    free(text);
    free(strict_text);
    free(best_text);
    entity_clear(&message);
    return 0;
}
