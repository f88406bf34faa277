/* Numbers as libconfig's lexer takes them. Internal to rules/. */
#ifndef RULES_CONFIG_NUMBER_H
#define RULES_CONFIG_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum config_number_kind { NUMBER_NONE, NUMBER_FLOAT, NUMBER_INTEGER };

struct config_number {
    enum config_number_kind kind;
    size_t length;  /* bytes of the literal; 0 for NUMBER_NONE */
    bool too_large; /* does not fit 32 bits and has no L */
    bool rewrite;   /* libconfig has to see `text` instead, or it reads another value */
    char text[32];  /* decimal, with L; the nearest 64-bit integer */
};

/* The number at the start of `text`. */
void config_number_read(const char *text, size_t length, struct config_number *out);

#endif
