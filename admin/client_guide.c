/* Filling in the marks of a guide. */
#include "client_guide.h"

#include <stdbool.h>
#include <string.h>

#include "why.h"

static const char *const services[CLIENT_SERVICES] = {
    [MAIL_HOST_IMAP] = "imap",
    [MAIL_HOST_POP3] = "pop3",
    [MAIL_HOST_SUBMISSION] = "submission",
    [MAIL_HOST_ACTIVESYNC] = "activesync",
};

struct mark {
    const char *text;
    size_t length;
};

static bool is(const struct mark *mark, const char *name)
{
    return strlen(name) == mark->length && !strncmp(mark->text, name, mark->length);
}

/* The service that the mark begins with, and what follows "_"; CLIENT_SERVICES if none. */
static size_t service_of(const struct mark *mark, struct mark *rest_out)
{
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        size_t length = strlen(services[i]);
        if (mark->length > length && !strncmp(mark->text, services[i], length) &&
            mark->text[length] == '_') {
            *rest_out = (struct mark){mark->text + length + 1, mark->length - length - 1};
            return i;
        }
    }
    return CLIENT_SERVICES;
}

static bool write_host(FILE *out, const struct mail_host *host, const struct mark *what)
{
    if (is(what, "host")) {
        fputs(host->name, out);
    } else if (is(what, "port")) {
        fprintf(out, "%d", host->port);
    } else if (is(what, "security")) {
        fputs(host->start_tls ? "STARTTLS" : "SSL/TLS", out);
    } else {
        return false;
    }
    return true;
}

/* Returns 0, -1 with *why. */
static int write_mark(FILE *out, const struct client_account *account, const struct mark *mark,
                      unsigned line, char **why)
{
    struct mark rest = {NULL, 0};
    size_t service = service_of(mark, &rest);
    const char *value = is(mark, "address")    ? account->address
                        : is(mark, "username") ? account->username
                        : is(mark, "domain")   ? account->domain
                        : is(mark, "name")     ? (account->name ? account->name : account->address)
                                               : NULL;
    if (value) {
        fputs(value, out);
        return 0;
    }
    if (service < CLIENT_SERVICES && !account->hosts[service]) {
        why_set(why,
                "line %u has ${%.*s}, and there is no %s: lines for it stand between [[%s]] "
                "and [[end]]",
                line, (int)mark->length, mark->text, services[service], services[service]);
        return -1;
    }
    if (service == CLIENT_SERVICES || !write_host(out, account->hosts[service], &rest)) {
        why_set(why, "line %u: ${%.*s} is unknown", line, (int)mark->length, mark->text);
        return -1;
    }
    return 0;
}

static int write_line(FILE *out, const struct client_account *account, const char *at,
                      size_t length, unsigned line, char **why)
{
    const char *end = at + length;
    while (at < end) {
        const char *open = memmem(at, (size_t)(end - at), "${", 2);
        const char *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL;
        if (!close) {
            fwrite(at, 1, (size_t)(end - at), out);
            break;
        }
        fwrite(at, 1, (size_t)(open - at), out);
        struct mark mark = {open + 2, (size_t)(close - open) - 2};
        if (write_mark(out, account, &mark, line, why)) {
            return -1;
        }
        at = close + 1;
    }
    fputc('\n', out);
    return 0;
}

/* Is the part that `mark` begins for this account? 1, 0; -1 with *why. */
static int part_wanted(const struct client_account *account, const struct mark *mark, unsigned line,
                       char **why)
{
    for (size_t i = 0; i < CLIENT_SERVICES; i++) {
        if (is(mark, services[i])) {
            return account->hosts[i] != NULL;
        }
    }
    if (is(mark, "name")) {
        return account->name != NULL;
    }
    why_set(why, "line %u: [[%.*s]] is unknown", line, (int)mark->length, mark->text);
    return -1;
}

int client_guide_write(FILE *out, const struct client_account *account, const char *text,
                       char **why)
{
    bool inside = false, wanted = true;
    unsigned line = 0, begin = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        const char *next = text + length + (text[length] == '\n');
        length -= length > 0 && text[length - 1] == '\r';
        line++;
        if (length >= 4 && !strncmp(text, "[[", 2) && !strncmp(text + length - 2, "]]", 2)) {
            struct mark mark = {text + 2, length - 4};
            bool end = is(&mark, "end");
            if (end != inside) {
                why_set(why,
                        end ? "line %u: nothing is to be ended by [[end]]"
                            : "line %u: the part before has not been ended by [[end]]",
                        line);
                return -1;
            }
            int part = end ? 1 : part_wanted(account, &mark, line, why);
            if (part < 0) {
                return -1;
            }
            wanted = part == 1;
            inside = !end;
            begin = line;
        } else if (wanted && write_line(out, account, text, length, line, why)) {
            return -1;
        }
        text = next;
    }
    if (inside) {
        why_set(why, "line %u: the part that begins here has no [[end]]", begin);
        return -1;
    }
    return 0;
}
