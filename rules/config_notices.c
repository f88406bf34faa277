/* The settings administrator and expiry_notice_days: who is told, and when. */
#include "address.h"
#include "config_reader.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ADMINISTRATORS 16
#define MAX_NOTICE_DAYS 3650

/* ---- Administrators ---- */

static bool is_listed(const struct string_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0)
            return true;
    }
    return false;
}

/* Takes `address` over where it returns true. */
static bool add(struct string_list *list, char *address)
{
    char **items = reallocarray(list->items, list->count + 1, sizeof *items);

    if (!items)
        return false;
    list->items = items;
    items[list->count++] = address;
    return true;
}

/* Servers without SMTPUTF8 have to take notices, too: the addresses are ASCII. */
static void read_administrator(struct config_reader *reader, const config_setting_t *member)
{
    struct string_list *list = &reader->config->settings.administrators;
    const char *text = config_setting_type(member) == CONFIG_TYPE_STRING
                           ? config_setting_get_string(member)
                           : NULL;
    char *canonical = NULL;

    if (!text || address_canonical(text, strlen(text), &canonical) != ADDRESS_OK ||
        !utf8_is_ascii(canonical, strlen(canonical)))
        reader_expected(reader, member, "a mail address (ASCII): \"postmaster@example.com\"");
    else if (is_listed(list, canonical))
        reader_problem(reader, member, "\"%s\" is listed twice", text);
    else if (list->count >= MAX_ADMINISTRATORS)
        reader_problem(reader, member, "more than %d addresses", MAX_ADMINISTRATORS);
    else if (add(list, canonical))
        canonical = NULL;
    else
        reader_problem(reader, member, "out of memory");
    free(canonical);
}

void reader_administrator(struct config_reader *reader, const config_setting_t *setting)
{
    int length;

    if (config_setting_is_scalar(setting)) {
        const char *text = config_setting_get_string(setting);

        if (!text || *text != '\0') /* "" is the default: nobody */
            read_administrator(reader, setting);
        return;
    }
    if (config_setting_is_group(setting)) {
        reader_expected(reader, setting, "a mail address, or a list of them");
        return;
    }
    length = config_setting_length(setting);
    for (int i = 0; i < length; i++)
        read_administrator(reader, config_setting_get_elem(setting, (unsigned)i));
}

/* ---- Days ---- */

/* Put `days` where it belongs: the greatest first. */
static void insert_days(struct settings *settings, int days)
{
    size_t at = settings->expiry_notice_count;

    for (; at > 0 && settings->expiry_notice_days[at - 1] < days; at--)
        settings->expiry_notice_days[at] = settings->expiry_notice_days[at - 1];
    settings->expiry_notice_days[at] = days;
    settings->expiry_notice_count++;
}

static bool has_days(const struct settings *settings, int days)
{
    for (size_t i = 0; i < settings->expiry_notice_count; i++) {
        if (settings->expiry_notice_days[i] == days)
            return true;
    }
    return false;
}

void reader_expiry_notice_days(struct config_reader *reader, const config_setting_t *setting)
{
    struct settings *settings = &reader->config->settings;
    int length = config_setting_length(setting);

    if ((!config_setting_is_list(setting) && !config_setting_is_array(setting)) || length == 0 ||
        length > EXPIRY_NOTICE_MAX) {
        reader_expected(reader, setting, "a list of 1 to %d integers, such as [ 30, 14, 7, 1 ]",
                        EXPIRY_NOTICE_MAX);
        return;
    }
    settings->expiry_notice_count = 0;
    for (int i = 0; i < length; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
        int days = config_setting_type(member) == CONFIG_TYPE_INT && !reader_cut(member)
                       ? config_setting_get_int(member)
                       : 0;

        if (days < 1 || days > MAX_NOTICE_DAYS)
            reader_expected(reader, member, "an integer, 1 to %d", MAX_NOTICE_DAYS);
        else if (has_days(settings, days))
            reader_problem(reader, member, "%d is listed twice", days);
        else
            insert_days(settings, days);
    }
}
