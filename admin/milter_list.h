/* The value of smtpd_milters or non_smtpd_milters, taken apart, and what the milters in it are for.
 */
#ifndef ADMIN_MILTER_LIST_H
#define ADMIN_MILTER_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* What smimed's place is relative to, as far as the address tells. */
enum milter_kind {
    MILTER_OTHER,
    MILTER_SIGNER,   /* DKIM, ARC: verifies what strangers signed, signs what users send */
    MILTER_VERIFIER, /* DMARC, SPF: needs the message as it came */
    MILTER_SCANNER,  /* viruses, spam: needs the clear text */
    MILTER_BOTH,     /* Rspamd: all of it */
};

struct milter {
    char *text;    /* as the value has it, with its braces */
    char *address; /* "unix:/path" or "inet:host:port", comparable */
    bool absolute; /* a path that the value has from the root on */
    char *action;  /* default_action of its own, NULL if it has none */
    enum milter_kind kind;
};

struct milter_list {
    struct milter *items;
    size_t count;
};

/* Take a value apart: names between commas and blanks, or { name, option = value, ... }
 * (postconf(5), smtpd_milters). A relative path is seen from `queue_directory`. Returns 0, -1 out
 * of memory. */
int milter_list_parse(const char *value, const char *queue_directory, struct milter_list *out);
void milter_list_clear(struct milter_list *list);

/* An address out of smimed.conf ("unix:/path", "inet:port@host") in the comparable form; a new
 * string, NULL when out of memory. */
char *milter_address(const char *socket);

/* The comparable form as main.cf is to have it: a path below the queue directory relative to that,
 * so that it is the same with and without chroot. A new string, NULL when out of memory. */
char *milter_text(const char *address, const char *queue_directory);

/* A list without blanks, as a service in master.cf has to have it; changes `value`. */
void milter_list_compact(char *value);

/* What a service that is locked into the queue directory reaches by an absolute path: the
 * comparable form, a new string, NULL when out of memory. */
char *milter_address_in_jail(const char *address, const char *queue_directory);

/* Is the address one that such a service cannot reach? */
bool milter_out_of_jail(const char *address, const char *queue_directory);

#endif
