/* The one table of settings. Internal to rules/. */
#ifndef RULES_SETTINGS_TABLE_H
#define RULES_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum setting_type {
    SETTING_BOOL,   /* bool */
    SETTING_INT,    /* int, minimum..maximum */
    SETTING_INT64,  /* long long, minimum..maximum */
    SETTING_STRING, /* char *, minimum..maximum bytes, as `accepts` says */
    SETTING_CHOICE, /* an enum: index into `choices` */
    SETTING_LIST,   /* its own reader in config.c */
};

struct setting_entry {
    const char *name;
    enum setting_type type;
    size_t offset; /* in struct settings; unused by SETTING_LIST */
    bool required;
    long long minimum, maximum;
    long long number;                   /* default of bool, integers and choices */
    const char *text;                   /* default of a string; NULL: made by settings_init() */
    const char *const *choices;         /* names, ended by NULL */
    bool was_switch;                    /* of a choice: false is the first, true the default */
    bool (*accepts)(const char *value); /* NULL: any printable text */
    const char *allowed;                /* in words, for strings and lists */
    const char *documentation;          /* lines, separated by \n */
    const char *example;                /* configuration text, for lists and made defaults */
};

extern const struct setting_entry settings_table[];
extern const size_t settings_table_count;

/* Set the default of `entry` within the structure `base`. Returns 0, -1 when out of memory. */
int setting_default(const struct setting_entry *entry, void *base);

/* The entry of this name, or NULL. */
const struct setting_entry *settings_find(const char *name);

#endif
