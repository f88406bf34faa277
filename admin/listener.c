/* A listener is known by its port, where that has a meaning, else by what master.cf says of it. */
#include "listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "restrictions.h"

static bool is_one_of(const char *port, const char *const *names)
{
    for (; *names; names++) {
        if (!strcmp(port, *names)) {
            return true;
        }
    }
    return false;
}

/* Handed back by a filter: milters are switched off for this listener alone. */
static bool has_no_milters(const struct postfix *postfix, const struct postfix_service *service)
{
    const char *milters = postfix_override(postfix, service, "smtpd_milters");
    const char *options = postfix_override(postfix, service, "receive_override_options");
    return (milters && !*milters) || (options && restrictions_have(options, "no_milters"));
}

static enum listener_kind kind_of(const struct postfix *postfix,
                                  const struct postfix_service *service)
{
    static const char *const submission_ports[] = {"submission", "587", "submissions",
                                                   "smtps",      "465", NULL};
    static const char *const inbound_ports[] = {"smtp", "25", "smtpd", NULL};
    const char *colon = strrchr(service->name, ':');
    const char *port = colon ? colon + 1 : service->name;
    const char *login = postfix_override(postfix, service, "smtpd_sasl_auth_enable");
    if (is_one_of(port, submission_ports)) {
        return LISTENER_SUBMISSION;
    }
    if (is_one_of(port, inbound_ports)) {
        return LISTENER_INBOUND;
    }
    if (has_no_milters(postfix, service)) {
        return LISTENER_RETURN;
    }
    return login && postfix_is_yes(login) ? LISTENER_SUBMISSION : LISTENER_INBOUND;
}

/* "-" is the default, which was y before compatibility level 1. */
static bool is_chrooted(const struct postfix *postfix, const struct postfix_service *service)
{
    return *service->chroot == 'y' ||
           (*service->chroot == '-' && !strcmp(postfix_main(postfix, "compatibility_level"), "0"));
}

int listeners_find(const struct postfix *postfix, struct listener_list *out)
{
    struct listener_list list = {0};
    for (size_t i = 0; i < postfix_service_count(postfix); i++) {
        const struct postfix_service *service = postfix_service(postfix, i);
        if (strcmp(service->command, "smtpd") != 0) {
            continue;
        }
        struct listener *items = reallocarray(list.items, list.count + 1, sizeof *items);
        char *label = NULL;
        if (items) {
            list.items = items;
        }
        if (!items || asprintf(&label, "%s/%s", service->name, service->type) < 0) {
            listeners_clear(&list);
            return -1;
        }
        list.items[list.count++] = (struct listener){.service = service,
                                                     .kind = kind_of(postfix, service),
                                                     .chroot = is_chrooted(postfix, service),
                                                     .label = label};
    }
    *out = list;
    return 0;
}

void listeners_clear(struct listener_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].label);
    }
    free(list->items);
    *list = (struct listener_list){0};
}

bool listener_takes_copies(const struct listener *listener)
{
    return listener->kind == LISTENER_COPIES || listener->kind == LISTENER_COPIES_INCOMING;
}
