/* Log lines to standard error or syslog. */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define STAMP_BYTES 64

static atomic_int log_target_now = LOG_TARGET_STDERR;
static atomic_int log_level_now = LOG_LEVEL_INFO;
static atomic_bool mirror = true;

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "error";
}

static int level_priority(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case LOG_LEVEL_INFO:
        return LOG_INFO;
    case LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_ERR;
}

void log_configure(enum log_target target, enum log_level level, bool debug)
{
    if (target == LOG_TARGET_SYSLOG)
        openlog("smimed", LOG_PID, LOG_MAIL);
    atomic_store(&log_target_now, (int)target);
    atomic_store(&log_level_now, (int)(debug ? LOG_LEVEL_DEBUG : level));
}

void log_mirror_errors(bool on)
{
    atomic_store(&mirror, on);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&log_level_now);
}

/* `quotes`: escape double quotes as well, for text that stands between some. */
static char *escape(const char *text, bool quotes)
{
    char *escaped = malloc(strlen(text) * 4 + 1);
    char *put = escaped;

    if (!escaped)
        return NULL;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c > '~' || *c == '\\' || (quotes && *c == '"'))
            put += sprintf(put, "\\x%02x", (unsigned)*c);
        else
            *put++ = (char)*c;
    }
    *put = '\0';
    return escaped;
}

char *log_escape(const char *text)
{
    return escape(text, true);
}

static void stamp(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    char day[24];
    char zone[8];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(zone, sizeof zone, "%z", &parts);
    snprintf(out, size, "%s.%03ld%s", day, now.tv_nsec / 1000000, zone);
}

/* One write(2) a line: lines of several processes and threads do not mix. */
static void write_stderr(enum log_level level, const char *id, const char *text)
{
    char when[STAMP_BYTES];
    char *line = NULL;
    int length;

    stamp(when, sizeof when);
    length = asprintf(&line, "%s smimed[%ld]: %s: %s: %s\n", when, (long)getpid(),
                      level_name(level), id, text);
    if (length < 0)
        return;
    /* Nobody is left to be told that the log cannot be written. */
    if (write(STDERR_FILENO, line, (size_t)length) < 0) {
        free(line);
        return;
    }
    free(line);
}

void log_line(enum log_level level, const char *id, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    char *clean = NULL;
    char *clean_id = NULL;
    int length;

    if (!log_enabled(level))
        return;
    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    clean = escape(text, false);
    clean_id = escape(id, false);
    if (clean && clean_id) {
        bool to_syslog = atomic_load(&log_target_now) == LOG_TARGET_SYSLOG;

        if (to_syslog)
            syslog(LOG_MAIL | level_priority(level), "%s: %s: %s", level_name(level), clean_id,
                   clean);
        if (!to_syslog || (level == LOG_LEVEL_ERROR && atomic_load(&mirror)))
            write_stderr(level, clean_id, clean);
    }
    free(clean_id);
    free(clean);
    free(text);
}
