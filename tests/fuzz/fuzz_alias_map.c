/* Alias maps: any bytes. Either mistakes, each with its line, or a map that says of an address
 * whether it leads outside, in bounded time. */
#include "address.h"
#include "alias_map.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *domains[] = {"example.com", ".example.org"};
static char delimiters[] = "+";

static void demand(int condition)
{
    if (!condition)
        abort();
}

static void check_address(const struct alias_map *map, const char *address)
{
    const struct settings settings = {.managed_domains = {domains, 2},
                                      .recipient_delimiter = delimiters};
    char *target = NULL;
    int found = alias_map_outside(map, address, &settings, &target);

    demand(found == 0 || found == 1);
    demand((found == 1) == (target != NULL));
    demand(!target || !address_in_domains(target, domains, 2));
    free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    struct alias_map *map = alias_map_parse("fuzz", (const char *)data, size, &problems);

    if (map) {
        check_address(map, "a@example.com");
        check_address(map, "\"a b\"+c@s.example.org");
    } else {
        demand(problems.count > 0 && problems.items[0].line > 0);
    }
    alias_map_free(&map);
    problems_clear(&problems);
    return 0;
}
