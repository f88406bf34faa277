/* smimectl setup postfix: an existing set-up is looked at, topic after topic; each adds what it
 * found and what is to be changed. */
#ifndef ADMIN_SETUP_H
#define ADMIN_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "context.h"
#include "listener.h"
#include "postconf.h"
#include "setup_change.h"
#include "setup_findings.h"

struct setup {
    struct context *context; /* with its configuration */
    const struct postfix *postfix;
    struct listener_list listeners;
    struct setup_findings *findings;
    struct change_list changes;
    bool failed; /* out of memory */
};

/* Look at everything: fills listeners, findings and changes. Returns 0; -1 told. */
int setup_examine(struct setup *setup);
void setup_clear(struct setup *setup);

/* The topics, each in a file of its own. What fails is kept in setup->failed. */
void setup_check_milters(struct setup *setup); /* sockets, roles, order */
void setup_check_access(struct setup *setup);  /* may Postfix use the sockets */
void setup_check_copies(struct setup *setup);  /* the listener for copies of split messages */
void setup_check_failing(struct setup *setup); /* default action, protocol, timeouts, macros */
void setup_check_senders(struct setup *setup); /* who enforces sender logins */
void setup_check_bypass(struct setup *setup);  /* content filters, listeners without milters */
void setup_check_mappings(
    struct setup *setup); /* addresses and copies that come before or behind */
void setup_check_sizes(struct setup *setup);
void setup_check_tls(struct setup *setup);

/* The setting that names the listener of a kind for copies; its address is NULL where there is
 * none, or where one takes both. */
const struct mail_server_setting *setup_server_of_copies(const struct setup *setup,
                                                         enum listener_kind kind);
/* The milters that copies have to pass, by the kind of their listener, without blanks: those that
 * sign what users send; of incoming mail those that stand behind smimed. A new string, NULL when
 * out of memory. */
char *setup_filters_of_copies(struct setup *setup, enum listener_kind kind);
/* Does the listener have these, and none that does harm? */
void setup_check_filters_of_copies(struct setup *setup, const struct listener *listener);
/* The first listener of a kind, NULL when there is none. */
const struct listener *setup_listener(const struct setup *setup, enum listener_kind kind);

/* Tell the listeners that take copies, which look like others. Before the topics. */
void setup_mark_copies(struct setup *setup);

/* Is the user in the group? Also when nobody can tell. */
bool is_in_group(const char *name, gid_t gid);

/* Found: `sentence` is taken over (NULL: out of memory). */
void setup_wrong(struct setup *setup, const char *kind, const char *about, char *sentence,
                 const char *why);
void setup_advice(struct setup *setup, const char *kind, const char *about, char *sentence,
                  const char *why);

/* To be changed: a parameter of main.cf, of a service. */
void setup_change_main(struct setup *setup, const char *name, const char *value);
void setup_change_service(struct setup *setup, const struct listener *listener, const char *name,
                          const char *value);

/* A new string, NULL when out of memory. */
char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The first socket of a role in smimed.conf, NULL when there is none. */
const char *setup_socket(const struct setup *setup, enum role role);

#endif
