/* The command line, taken apart: options in any place, then the words of the command. */
#ifndef ADMIN_ARGUMENTS_H
#define ADMIN_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

enum option_id {
    OPTION_CONFIG,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_ACTIVESYNC,
    OPTION_ADDRESS,
    OPTION_ADDRESS_ATTR,
    OPTION_AGAIN,
    OPTION_ALIAS,
    OPTION_ALIAS_ATTR,
    OPTION_ALIAS_MAP,
    OPTION_ALL,
    OPTION_APPLY,
    OPTION_AT,
    OPTION_BASE,
    OPTION_BIND_DN,
    OPTION_CA,
    OPTION_CERT,
    OPTION_CHAIN,
    OPTION_CHOICE,
    OPTION_CLIENT,
    OPTION_COMPLETE,
    OPTION_CRLF,
    OPTION_CRL_URL,
    OPTION_CSR,
    OPTION_DAYS,
    OPTION_DER,
    OPTION_DOMAIN,
    OPTION_EXTERNAL,
    OPTION_FILTER,
    OPTION_FORMAT,
    OPTION_FROM,
    OPTION_FROM_FILE,
    OPTION_GENERIC,
    OPTION_ID,
    OPTION_IMAP,
    OPTION_INCOMING,
    OPTION_INCOMING_MODE,
    OPTION_KEY,
    OPTION_LANGUAGE,
    OPTION_LDAP,
    OPTION_LF,
    OPTION_LOGIN,
    OPTION_MAILBOX,
    OPTION_MANAGED,
    OPTION_MESSAGE,
    OPTION_NAME,
    OPTION_NO_CACHE,
    OPTION_NOTE,
    OPTION_NO_TLS,
    OPTION_OUTGOING,
    OPTION_OUTGOING_MODE,
    OPTION_OUTPUT,
    OPTION_OWN,
    OPTION_PASSWORD_FILE,
    OPTION_PEM,
    OPTION_PKCS12,
    OPTION_POP3,
    OPTION_POSITION,
    OPTION_POSTFIX_CONFIG,
    OPTION_POSTFIX_MAP,
    OPTION_PROFILE,
    OPTION_REASON,
    OPTION_REJECTED,
    OPTION_REPLACE,
    OPTION_REQUIRE_TLS,
    OPTION_ROLE,
    OPTION_SEPARATE,
    OPTION_SERIAL,
    OPTION_SERVICE,
    OPTION_SHOW_TEMPLATE,
    OPTION_SINCE,
    OPTION_SORT,
    OPTION_START_TLS,
    OPTION_STATE,
    OPTION_SUBJECT,
    OPTION_SUBMISSION,
    OPTION_SYSTEM,
    OPTION_TEMPLATE,
    OPTION_TEXT,
    OPTION_TIMEOUT,
    OPTION_TLS_CA,
    OPTION_TO,
    OPTION_TRUST,
    OPTION_USERNAME,
    OPTION_WAIT,
    OPTION_WITHDRAW,
    OPTION_WITH_CERTIFICATE,
    OPTION_COUNT,
};

/* A set of options: one bit each. */
typedef unsigned __int128 option_set;
#define OPTION_SET_BITS 128
#define WITH(option) ((option_set)1 << (option))

struct option_values {
    const char **items; /* borrowed from argv; "" of an option without a value */
    size_t count;
};

struct arguments {
    struct option_values options[OPTION_COUNT];
    char **words; /* borrowed from argv */
    size_t word_count;
};

/* Take `argv` apart. Returns 0; -1 when an option is unknown, lacks its value or comes twice where
 * only one makes sense, which was told on standard error. */
int arguments_parse(int argc, char **argv, struct arguments *out);

/* The name of an option, and whether it takes a value. */
const char *argument_name(enum option_id option, bool *takes_value_out);

bool argument_given(const struct arguments *arguments, enum option_id option);
/* The value of an option that was given, else NULL. */
const char *argument_value(const struct arguments *arguments, enum option_id option);

/* The first option that was given and is not in `allowed`: its name, NULL if none. */
const char *arguments_misplaced(const struct arguments *arguments, option_set allowed);

void arguments_clear(struct arguments *arguments);

#endif
