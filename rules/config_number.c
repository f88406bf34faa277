/* Integers of any size, without the silent cuts of libconfig 1.5: it reads 5000000000 as 705032704,
 * 0xFFFFFFFF as -1, and hexadecimal ones beyond 64 bits modulo 2^64. */
#include "config_number.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* -1 for what is no hexadecimal digit. */
static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static size_t skip_digits(const char *text, size_t length, size_t i)
{
    while (i < length && is_digit(text[i]))
        i++;
    return i;
}

/* End of the float that has its integer digits before `i`; `i` itself where it is no float. */
static size_t float_end(const char *text, size_t length, size_t i, bool has_digits)
{
    size_t end = i;
    size_t exponent;

    if (end < length && text[end] == '.')
        end = skip_digits(text, length, end + 1);
    if (end >= length || (text[end] != 'e' && text[end] != 'E') || (end == i && !has_digits))
        return end;
    exponent = end + 1;
    if (exponent < length && (text[exponent] == '+' || text[exponent] == '-'))
        exponent++;
    if (exponent < length && is_digit(text[exponent]))
        end = skip_digits(text, length, exponent);
    return end;
}

/* The value of the digits from `i`, at most UINT64_MAX; *end_out is behind the last. */
static uint64_t read_digits(const char *text, size_t length, size_t i, unsigned base,
                            size_t *end_out)
{
    uint64_t value = 0;

    for (; i < length; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0 || (unsigned)digit >= base)
            break;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            value = UINT64_MAX;
        /* Saturated: every further digit overflows again, because base * UINT64_MAX does. */
    }
    *end_out = i;
    return value;
}

static long long signed_value(uint64_t magnitude, bool negative)
{
    if (!negative)
        return magnitude > (uint64_t)LLONG_MAX ? LLONG_MAX : (long long)magnitude;
    return magnitude > (uint64_t)LLONG_MAX ? LLONG_MIN : -(long long)magnitude;
}

void config_number_read(const char *text, size_t length, struct config_number *out)
{
    bool is_signed = length > 0 && (text[0] == '-' || text[0] == '+');
    size_t start = is_signed ? 1 : 0;
    size_t end = skip_digits(text, length, start);
    size_t as_float = float_end(text, length, end, end > start);
    bool hex, suffix;
    uint64_t magnitude;
    long long value;

    *out = (struct config_number){.kind = NUMBER_NONE};
    if (as_float > end) {
        out->kind = NUMBER_FLOAT;
        out->length = as_float;
        return;
    }
    if (end == start)
        return;
    hex = !is_signed && end == 1 && text[0] == '0' && length > 2 &&
          (text[1] == 'x' || text[1] == 'X') && hex_digit(text[2]) >= 0;
    magnitude = read_digits(text, length, hex ? 2 : start, hex ? 16 : 10, &end);
    value = signed_value(magnitude, text[0] == '-');
    suffix = end < length && text[end] == 'L';
    if (suffix)
        end += end + 1 < length && text[end + 1] == 'L' ? 2 : 1;
    out->kind = NUMBER_INTEGER;
    out->length = end;
    out->too_large = !suffix && (value > INT_MAX || value < INT_MIN);
    out->rewrite = suffix || out->too_large;
    snprintf(out->text, sizeof out->text, "%lldL", value);
}
