/* ISO 8601 dates in UTC, written and read. */
#include "iso8601.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECONDS_DIGITS 11 /* reaches beyond the year 5000 */

static void format_utc(time_t time, const char *format, char out[ISO8601_BYTES])
{
    struct tm fields;
    if (!gmtime_r(&time, &fields) || strftime(out, ISO8601_BYTES, format, &fields) == 0) {
        strcpy(out, "out of range");
    }
}

void iso8601_time(time_t time, char out[ISO8601_BYTES])
{
    format_utc(time, "%Y-%m-%dT%H:%M:%SZ", out);
}

void iso8601_date(time_t time, char out[ISO8601_BYTES])
{
    format_utc(time, "%Y-%m-%d", out);
}

/* Has `text` the shape of `pattern`, where '0' stands for any digit? */
static bool has_shape(const char *text, const char *pattern)
{
    for (; *pattern; text++, pattern++) {
        if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern) {
            return false;
        }
    }
    return *text == '\0';
}

/* The number of `digits` digits at `text`. */
static int number(const char *text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int read_seconds(const char *text, time_t *out)
{
    size_t length = strlen(text);
    if (length == 0 || length > MAX_SECONDS_DIGITS || strspn(text, "0123456789") != length) {
        return -1;
    }
    *out = (time_t)strtoll(text, NULL, 10);
    return 0;
}

int iso8601_read(const char *text, time_t *out)
{
    bool with_seconds = has_shape(text, "0000-00-00T00:00:00Z");
    bool with_minutes = with_seconds || has_shape(text, "0000-00-00T00:00Z");
    if (!with_minutes && !has_shape(text, "0000-00-00")) {
        return read_seconds(text, out);
    }
    struct tm fields = {
        .tm_year = number(text, 4) - 1900,
        .tm_mon = number(text + 5, 2) - 1,
        .tm_mday = number(text + 8, 2),
        .tm_hour = with_minutes ? number(text + 11, 2) : 0,
        .tm_min = with_minutes ? number(text + 14, 2) : 0,
        .tm_sec = with_seconds ? number(text + 17, 2) : 0,
    };
    struct tm given = fields;
    time_t time = timegm(&fields);
    /* timegm() carries 31 February into March; such a date was not meant. */
    if (fields.tm_year != given.tm_year || fields.tm_mon != given.tm_mon ||
        fields.tm_mday != given.tm_mday || fields.tm_hour != given.tm_hour ||
        fields.tm_min != given.tm_min || fields.tm_sec != given.tm_sec) {
        return -1;
    }
    *out = time;
    return 0;
}
