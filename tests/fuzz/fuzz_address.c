/* Addresses from envelopes, headers and certificates, and patterns: any bytes. What comes out has
 * to be its own canonical form, and what is derived from it likewise. */
#include "address.h"
#include "pattern.h"
#include "why.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
    if (!condition)
        abort();
}

/* `text` has to be canonical; free it. Without a tag an address may need quotes that it did not
 * need before, which may take it past the ceiling. */
static void check_canonical(char *text)
{
    char *again = NULL;
    enum address_status status = address_canonical(text, strlen(text), &again);

    if (strlen(text) <= ADDRESS_MAX_BYTES) {
        demand(status == ADDRESS_OK);
        demand(strcmp(text, again) == 0);
    }
    free(again);
    free(text);
}

static void check_pattern(const uint8_t *data, size_t size, const char *canonical)
{
    struct pattern pattern;
    char *text = malloc(size + 1);
    char *why = NULL;

    demand(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (pattern_parse(text, &pattern, &why) == 0) {
        demand(why == NULL);
        if (canonical)
            pattern_matches(&pattern, canonical, "+-");
        if (pattern.kind == PATTERN_MAILBOX)
            demand(pattern_matches(&pattern, pattern.text, "+"));
        pattern_clear(&pattern);
    } else {
        demand(why != NULL);
    }
    why_free(&why);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *canonical = NULL;
    char *domain = NULL;

    if (address_canonical((const char *)data, size, &canonical) == ADDRESS_OK) {
        char *stripped = address_without_tag(canonical, "+-");

        demand(strlen(canonical) <= ADDRESS_MAX_BYTES);
        demand(address_domain(canonical)[0] != '\0');
        demand(stripped != NULL);
        if (strcmp(stripped, canonical) != 0)
            demand(address_equals_without_tag(canonical, stripped, "+-"));
        check_canonical(stripped);
        check_canonical(address_without_verp(canonical, "+-"));
        check_canonical(strdup(canonical));
    }
    if (address_canonical_domain((const char *)data, size, &domain) == ADDRESS_OK) {
        char *again = NULL;

        demand(address_canonical_domain(domain, strlen(domain), &again) == ADDRESS_OK);
        demand(strcmp(domain, again) == 0);
        free(again);
    }
    check_pattern(data, size, canonical);
    free(domain);
    free(canonical);
    return 0;
}
