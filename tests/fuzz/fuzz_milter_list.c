/* The value of smtpd_milters: any text. What is written for a service says the same. */
#include "milter_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUEUE "/var/spool/postfix"

static void demand(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value = strndup((const char *)data, size);
    struct milter_list list = {0}, again = {0};

    demand(value != NULL);
    demand(milter_list_parse(value, QUEUE, &list) == 0);
    for (size_t i = 0; i < list.count; i++) {
        char *text = milter_text(list.items[i].address, QUEUE);
        char *jailed = milter_address_in_jail(list.items[i].address, QUEUE);
        demand(list.items[i].text[0] != '\0' && text && jailed);
        milter_out_of_jail(list.items[i].address, QUEUE);
        free(text);
        free(jailed);
    }
    milter_list_compact(value);
    demand(strpbrk(value, " \t\r\n") == NULL);
    demand(milter_list_parse(value, QUEUE, &again) == 0);
    milter_list_clear(&again);
    milter_list_clear(&list);

    char *address = milter_address(value);
    demand(address != NULL);
    free(address);
    free(value);
    return 0;
}
