/* The SMTP servers of a Postfix set-up, and whom each is for. */
#ifndef ADMIN_LISTENER_H
#define ADMIN_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "postconf.h"

enum listener_kind {
    LISTENER_INBOUND,         /* strangers */
    LISTENER_SUBMISSION,      /* users who log in */
    LISTENER_RETURN,          /* where a content filter hands mail back: no milters on purpose */
    LISTENER_COPIES,          /* where smimed hands in copies (setup_check_copies.c tells) */
    LISTENER_COPIES_INCOMING, /* those of incoming messages, where they have one of their own */
};

struct listener {
    const struct postfix_service *service; /* borrowed from the set-up */
    enum listener_kind kind;
    bool chroot;
    char *label; /* "submission/inet", as postconf -P has it */
};

struct listener_list {
    struct listener *items;
    size_t count;
};

/* Is it for copies of either kind? */
bool listener_takes_copies(const struct listener *listener);

/* Returns 0, -1 out of memory. */
int listeners_find(const struct postfix *postfix, struct listener_list *out);
void listeners_clear(struct listener_list *list);

#endif
