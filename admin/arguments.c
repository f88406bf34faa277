/* Options of all commands in one table, so that they may stand anywhere on the command line: what
 * takes a value is known before the command is. */
#include "arguments.h"

#include <getopt.h>
#include <stdlib.h>

#include "tell.h"

#define FIRST_LONG 256 /* beyond every option character */

static const struct option option_table[] = {
    {"config", required_argument, NULL, FIRST_LONG + OPTION_CONFIG},
    {"json", no_argument, NULL, FIRST_LONG + OPTION_JSON},
    {"help", no_argument, NULL, FIRST_LONG + OPTION_HELP},
    {"version", no_argument, NULL, FIRST_LONG + OPTION_VERSION},
    {"activesync", required_argument, NULL, FIRST_LONG + OPTION_ACTIVESYNC},
    {"address", required_argument, NULL, FIRST_LONG + OPTION_ADDRESS},
    {"address-attr", required_argument, NULL, FIRST_LONG + OPTION_ADDRESS_ATTR},
    {"again", no_argument, NULL, FIRST_LONG + OPTION_AGAIN},
    {"alias", required_argument, NULL, FIRST_LONG + OPTION_ALIAS},
    {"alias-attr", required_argument, NULL, FIRST_LONG + OPTION_ALIAS_ATTR},
    {"alias-map", required_argument, NULL, FIRST_LONG + OPTION_ALIAS_MAP},
    {"all", no_argument, NULL, FIRST_LONG + OPTION_ALL},
    {"apply", no_argument, NULL, FIRST_LONG + OPTION_APPLY},
    {"at", required_argument, NULL, FIRST_LONG + OPTION_AT},
    {"base", required_argument, NULL, FIRST_LONG + OPTION_BASE},
    {"bind-dn", required_argument, NULL, FIRST_LONG + OPTION_BIND_DN},
    {"ca", required_argument, NULL, FIRST_LONG + OPTION_CA},
    {"cert", required_argument, NULL, FIRST_LONG + OPTION_CERT},
    {"chain", required_argument, NULL, FIRST_LONG + OPTION_CHAIN},
    {"choice", required_argument, NULL, FIRST_LONG + OPTION_CHOICE},
    {"client", required_argument, NULL, FIRST_LONG + OPTION_CLIENT},
    {"complete", no_argument, NULL, FIRST_LONG + OPTION_COMPLETE},
    {"crlf", no_argument, NULL, FIRST_LONG + OPTION_CRLF},
    {"crl-url", required_argument, NULL, FIRST_LONG + OPTION_CRL_URL},
    {"csr", required_argument, NULL, FIRST_LONG + OPTION_CSR},
    {"days", required_argument, NULL, FIRST_LONG + OPTION_DAYS},
    {"der", no_argument, NULL, FIRST_LONG + OPTION_DER},
    {"domain", required_argument, NULL, FIRST_LONG + OPTION_DOMAIN},
    {"external", required_argument, NULL, FIRST_LONG + OPTION_EXTERNAL},
    {"filter", required_argument, NULL, FIRST_LONG + OPTION_FILTER},
    {"format", required_argument, NULL, FIRST_LONG + OPTION_FORMAT},
    {"from", required_argument, NULL, FIRST_LONG + OPTION_FROM},
    {"from-file", required_argument, NULL, FIRST_LONG + OPTION_FROM_FILE},
    {"generic", no_argument, NULL, FIRST_LONG + OPTION_GENERIC},
    {"id", required_argument, NULL, FIRST_LONG + OPTION_ID},
    {"imap", required_argument, NULL, FIRST_LONG + OPTION_IMAP},
    {"incoming", no_argument, NULL, FIRST_LONG + OPTION_INCOMING},
    {"incoming-mode", required_argument, NULL, FIRST_LONG + OPTION_INCOMING_MODE},
    {"key", required_argument, NULL, FIRST_LONG + OPTION_KEY},
    {"language", required_argument, NULL, FIRST_LONG + OPTION_LANGUAGE},
    {"ldap", required_argument, NULL, FIRST_LONG + OPTION_LDAP},
    {"lf", no_argument, NULL, FIRST_LONG + OPTION_LF},
    {"login", required_argument, NULL, FIRST_LONG + OPTION_LOGIN},
    {"mailbox", required_argument, NULL, FIRST_LONG + OPTION_MAILBOX},
    {"managed", required_argument, NULL, FIRST_LONG + OPTION_MANAGED},
    {"message", required_argument, NULL, FIRST_LONG + OPTION_MESSAGE},
    {"name", required_argument, NULL, FIRST_LONG + OPTION_NAME},
    {"no-cache", no_argument, NULL, FIRST_LONG + OPTION_NO_CACHE},
    {"note", required_argument, NULL, FIRST_LONG + OPTION_NOTE},
    {"no-tls", no_argument, NULL, FIRST_LONG + OPTION_NO_TLS},
    {"outgoing", no_argument, NULL, FIRST_LONG + OPTION_OUTGOING},
    {"outgoing-mode", required_argument, NULL, FIRST_LONG + OPTION_OUTGOING_MODE},
    {"output", required_argument, NULL, FIRST_LONG + OPTION_OUTPUT},
    {"own", no_argument, NULL, FIRST_LONG + OPTION_OWN},
    {"password-file", required_argument, NULL, FIRST_LONG + OPTION_PASSWORD_FILE},
    {"pem", no_argument, NULL, FIRST_LONG + OPTION_PEM},
    {"pkcs12", required_argument, NULL, FIRST_LONG + OPTION_PKCS12},
    {"pop3", required_argument, NULL, FIRST_LONG + OPTION_POP3},
    {"position", required_argument, NULL, FIRST_LONG + OPTION_POSITION},
    {"postfix-config", required_argument, NULL, FIRST_LONG + OPTION_POSTFIX_CONFIG},
    {"postfix-map", required_argument, NULL, FIRST_LONG + OPTION_POSTFIX_MAP},
    {"profile", required_argument, NULL, FIRST_LONG + OPTION_PROFILE},
    {"reason", required_argument, NULL, FIRST_LONG + OPTION_REASON},
    {"rejected", no_argument, NULL, FIRST_LONG + OPTION_REJECTED},
    {"replace", no_argument, NULL, FIRST_LONG + OPTION_REPLACE},
    {"require-tls", required_argument, NULL, FIRST_LONG + OPTION_REQUIRE_TLS},
    {"role", required_argument, NULL, FIRST_LONG + OPTION_ROLE},
    {"separate", no_argument, NULL, FIRST_LONG + OPTION_SEPARATE},
    {"serial", required_argument, NULL, FIRST_LONG + OPTION_SERIAL},
    {"service", required_argument, NULL, FIRST_LONG + OPTION_SERVICE},
    {"show-template", no_argument, NULL, FIRST_LONG + OPTION_SHOW_TEMPLATE},
    {"since", required_argument, NULL, FIRST_LONG + OPTION_SINCE},
    {"sort", required_argument, NULL, FIRST_LONG + OPTION_SORT},
    {"start-tls", no_argument, NULL, FIRST_LONG + OPTION_START_TLS},
    {"state", required_argument, NULL, FIRST_LONG + OPTION_STATE},
    {"subject", required_argument, NULL, FIRST_LONG + OPTION_SUBJECT},
    {"submission", required_argument, NULL, FIRST_LONG + OPTION_SUBMISSION},
    {"system", no_argument, NULL, FIRST_LONG + OPTION_SYSTEM},
    {"template", required_argument, NULL, FIRST_LONG + OPTION_TEMPLATE},
    {"text", required_argument, NULL, FIRST_LONG + OPTION_TEXT},
    {"timeout", required_argument, NULL, FIRST_LONG + OPTION_TIMEOUT},
    {"tls-ca", required_argument, NULL, FIRST_LONG + OPTION_TLS_CA},
    {"to", required_argument, NULL, FIRST_LONG + OPTION_TO},
    {"trust", no_argument, NULL, FIRST_LONG + OPTION_TRUST},
    {"username", required_argument, NULL, FIRST_LONG + OPTION_USERNAME},
    {"wait", required_argument, NULL, FIRST_LONG + OPTION_WAIT},
    {"withdraw", no_argument, NULL, FIRST_LONG + OPTION_WITHDRAW},
    {"with-certificate", no_argument, NULL, FIRST_LONG + OPTION_WITH_CERTIFICATE},
    {NULL, 0, NULL, 0},
};

static const option_set repeatable = WITH(OPTION_ALIAS) | WITH(OPTION_ALIAS_ATTR) |
                                     WITH(OPTION_CHAIN) | WITH(OPTION_EXTERNAL) |
                                     WITH(OPTION_MANAGED) | WITH(OPTION_SERVICE) | WITH(OPTION_TO);

_Static_assert(sizeof option_table / sizeof *option_table == OPTION_COUNT + 1,
               "an option is missing in the table");
_Static_assert(OPTION_COUNT <= OPTION_SET_BITS, "there are more options than bits in a set");

static const char *option_name(int option)
{
    for (const struct option *entry = option_table; entry->name; entry++) {
        if (entry->val == FIRST_LONG + option) {
            return entry->name;
        }
    }
    return "?";
}

static int add_value(struct arguments *arguments, int option, const char *value)
{
    struct option_values *values = &arguments->options[option];
    if (values->count > 0 && !(repeatable & WITH(option))) {
        tell_error("option --%s is given twice", option_name(option));
        return -1;
    }
    const char **grown = reallocarray(values->items, values->count + 1, sizeof *grown);
    if (!grown) {
        tell_error("out of memory");
        return -1;
    }
    values->items = grown;
    values->items[values->count++] = value ? value : "";
    return 0;
}

static int complain(int character, char **argv)
{
    const char *what = argv[optind - 1];
    if (character == ':') {
        tell_error("option %s needs a value", what);
    } else {
        tell_error("unknown or ambiguous option, or a value where none belongs: %s", what);
    }
    return -1;
}

int arguments_parse(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){0};
    opterr = 0; /* getopt's own messages would not be escaped */
    int character;
    while ((character = getopt_long(argc, argv, ":c:h", option_table, NULL)) != -1) {
        int option;
        if (character == 'c') {
            option = OPTION_CONFIG;
        } else if (character == 'h') {
            option = OPTION_HELP;
        } else if (character >= FIRST_LONG) {
            option = character - FIRST_LONG;
        } else {
            return complain(character, argv);
        }
        if (add_value(out, option, optarg)) {
            return -1;
        }
    }
    out->words = argv + optind;
    out->word_count = (size_t)(argc - optind);
    return 0;
}

const char *argument_name(enum option_id option, bool *takes_value_out)
{
    *takes_value_out = false;
    for (const struct option *entry = option_table; entry->name; entry++) {
        if (entry->val == FIRST_LONG + (int)option) {
            *takes_value_out = entry->has_arg == required_argument;
        }
    }
    return option_name((int)option);
}

bool argument_given(const struct arguments *arguments, enum option_id option)
{
    return arguments->options[option].count > 0;
}

const char *argument_value(const struct arguments *arguments, enum option_id option)
{
    const struct option_values *values = &arguments->options[option];
    return values->count > 0 ? values->items[0] : NULL;
}

const char *arguments_misplaced(const struct arguments *arguments, option_set allowed)
{
    for (int option = 0; option < OPTION_COUNT; option++) {
        if (arguments->options[option].count > 0 && !(allowed & WITH(option))) {
            return option_name(option);
        }
    }
    return NULL;
}

void arguments_clear(struct arguments *arguments)
{
    for (int option = 0; option < OPTION_COUNT; option++) {
        free(arguments->options[option].items);
    }
    *arguments = (struct arguments){0};
}
