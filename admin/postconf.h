/* A Postfix set-up as postconf(1) shows it: parameters of main.cf with their defaults and all
 * $names expanded, services of master.cf and what they override. Neither file is parsed here. */
#ifndef ADMIN_POSTCONF_H
#define ADMIN_POSTCONF_H

#include <stdbool.h>
#include <stddef.h>

#define DEFAULT_POSTFIX_CONFIG "/etc/postfix"

struct postfix_service {
    char *name;    /* as master.cf has it: "smtp", "127.0.0.1:10026" */
    char *type;    /* "inet", "unix", "pass" */
    char *chroot;  /* "y", "n", "-" */
    char *command; /* "smtpd" */
};

struct postfix; /* opaque */

/* Read the set-up in `directory`. Returns 0; -1 with *why. Release with postfix_free(). */
int postfix_read(const char *directory, struct postfix **out, char **why);
void postfix_free(struct postfix **postfix);

const char *postfix_directory(const struct postfix *postfix);

/* The value of a parameter in main.cf, or its default; "" when there is no such parameter. */
const char *postfix_main(const struct postfix *postfix, const char *name);

size_t postfix_service_count(const struct postfix *postfix);
const struct postfix_service *postfix_service(const struct postfix *postfix, size_t index);

/* What a service overrides in master.cf, NULL where it does not. */
const char *postfix_override(const struct postfix *postfix, const struct postfix_service *service,
                             const char *name);
/* What is in force for a service: its override, else what main.cf says. */
const char *postfix_value(const struct postfix *postfix, const struct postfix_service *service,
                          const char *name);

/* Is the value one that Postfix takes for yes? */
bool postfix_is_yes(const char *value);

/* A number as Postfix writes them. -1 when it is none. */
long long postfix_number(const char *value);
/* A time as Postfix writes them ("30s", "5m"), in seconds; a bare number is seconds. -1: none. */
long long postfix_seconds(const char *value);

#endif
