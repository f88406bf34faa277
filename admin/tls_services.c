/* The table of services, and the option that chooses among them. */
#include "tls_services.h"

#include <string.h>

#include "context.h"
#include "tell.h"

#define MAX_PORT 65535

/* RFC 8314 section 3.3, RFC 3207, RFC 2595. ActiveSync, webmail and CalDAV come by https. */
static const struct tls_service services[] = {
    {.name = "smtp", .port = 25, .protocol = MAIL_SMTP},
    {.name = "submission", .port = 587, .protocol = MAIL_SMTP},
    {.name = "submissions", .port = 465, .implicit = true, .protocol = MAIL_SMTP},
    {.name = "imap", .port = 143, .protocol = MAIL_IMAP},
    {.name = "imaps", .port = 993, .implicit = true, .protocol = MAIL_IMAP},
    {.name = "pop3", .port = 110, .protocol = MAIL_POP3},
    {.name = "pop3s", .port = 995, .implicit = true, .protocol = MAIL_POP3},
    {.name = "https", .port = 443, .implicit = true},
};

#define SERVICE_COUNT (sizeof services / sizeof *services)

_Static_assert(SERVICE_COUNT <= TLS_MAX_SERVICES, "there are more services than one command has");

static const struct tls_service *service_named(const char *name, size_t length)
{
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        if (strlen(services[i].name) == length && !strncmp(services[i].name, name, length)) {
            return &services[i];
        }
    }
    return NULL;
}

static int read_wish(const char *wish, struct tls_service *out)
{
    size_t length = strcspn(wish, "=");
    const struct tls_service *service = service_named(wish, length);
    int64_t port = 0;
    if (!service) {
        tell_error("--service \"%s\" is none of smtp, submission, submissions, imap, imaps, pop3, "
                   "pop3s, https",
                   wish);
        return -1;
    }
    *out = *service;
    out->named = true;
    if (wish[length] == '=') {
        if (id_argument(wish + length + 1, &port) || port > MAX_PORT) {
            tell_error("--service \"%s\": behind the = a port from 1 to %d is expected", wish,
                       MAX_PORT);
            return -1;
        }
        out->port = (int)port;
    }
    return 0;
}

int tls_services_chosen(const struct option_values *wishes,
                        struct tls_service out[TLS_MAX_SERVICES], size_t *count_out)
{
    *count_out = 0;
    if (wishes->count > TLS_MAX_SERVICES) {
        tell_error("--service is given more than %d times", TLS_MAX_SERVICES);
        return -1;
    }
    for (size_t i = 0; i < wishes->count; i++) {
        if (read_wish(wishes->items[i], &out[i])) {
            return -1;
        }
    }
    if (wishes->count == 0) {
        memcpy(out, services, sizeof services);
    }
    *count_out = wishes->count > 0 ? wishes->count : SERVICE_COUNT;
    return 0;
}

const char *tls_service_start(const struct tls_service *service)
{
    if (service->implicit) {
        return "implicit";
    }
    return service->protocol == MAIL_POP3 ? "STLS" : "STARTTLS";
}
