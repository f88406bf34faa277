/* smimectl rules: the table of its commands. */
#include "command.h"
#include "rules_change.h"
#include "rules_check.h"
#include "rules_explain.h"
#include "rules_list.h"

#define OPTIONS_OF_RULE                                                                            \
    (WITH(OPTION_MANAGED) | WITH(OPTION_EXTERNAL) | WITH(OPTION_INCOMING_MODE) |                   \
     WITH(OPTION_OUTGOING_MODE) | WITH(OPTION_NOTE) | WITH(OPTION_CHOICE) |                        \
     WITH(OPTION_REQUIRE_TLS) | WITH(OPTION_PROFILE))

static const struct command rules_commands[] = {
    {.name = "list",
     .synopsis = "",
     .summary = "list the rules in their order",
     .details =
         "Lists position, managed and external patterns, the mode for incoming and outgoing\n"
         "mail, what a sender may choose by himself, whether TLS is required, the profile of\n"
         "algorithms, and the note.\n"
         "Position 1 has the highest priority.",
     .example = "  smimectl rules list",
     .run = rules_list},
    {.name = "add",
     .options = OPTIONS_OF_RULE | WITH(OPTION_POSITION),
     .synopsis = "--managed PATTERN... --external PATTERN... [--incoming-mode MODE]\n"
                 "           [--outgoing-mode MODE] [--choice none|strengthen|free]\n"
                 "           [--require-tls true|false] [--profile NAME] [--note TEXT]\n"
                 "           [--position N|last]",
     .summary = "add a rule, at the top unless told otherwise",
     .details =
         "Writes a new rule into the file that has the rules (the configuration or a file that\n"
         "it includes) and tells a running smimed to reload. --managed and --external may be\n"
         "repeated. --choice says what a sender may ask for by himself: none, strengthen (more\n"
         "than the outgoing mode), free (less as well). With --require-tls true mail in either\n"
         "direction must come in by TLS. --profile names the algorithms for mail that goes out:\n"
         "default, strict, compatible, edi-energy, or one of the configuration. Everything else\n"
         "in the file stays byte for byte; the former file is kept as FILE.bak. A change that\n"
         "would make the configuration wrong is refused.",
     .example = "  smimectl rules add --managed example.com --external partner.test \\\n"
                "      --incoming-mode decrypt-forced --outgoing-mode encrypt-forced \\\n"
                "      --note 'Partner: never in the clear'",
     .run = rules_add},
    {.name = "edit",
     .min_words = 1,
     .max_words = 1,
     .options = OPTIONS_OF_RULE,
     .synopsis = "POSITION [--managed PATTERN...] [--external PATTERN...]\n"
                 "           [--incoming-mode MODE] [--outgoing-mode MODE]\n"
                 "           [--choice undefined|none|strengthen|free]\n"
                 "           [--require-tls true|false|undefined] [--profile NAME] [--note TEXT]",
     .summary = "change what a rule says",
     .details =
         "Replaces what is given and leaves the rest of the rule, with its comments, as it\n"
         "is. --note '' removes the note, --profile '' the profile, --require-tls undefined\n"
         "what is said of TLS.",
     .example = "  smimectl rules edit 2 --outgoing-mode encrypt-optional",
     .run = rules_edit},
    {.name = "move",
     .min_words = 2,
     .max_words = 2,
     .synopsis = "POSITION NEW-POSITION",
     .summary = "move a rule to another position",
     .details =
         "Moves a rule with the comments that belong to it: the lines directly above it, up\n"
         "to an empty line, and what follows it on its line.",
     .example = "  smimectl rules move 4 1",
     .run = rules_move},
    {.name = "up",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "POSITION",
     .summary = "give a rule a higher priority",
     .details = "Moves a rule above the one before it, with its comments.",
     .example = "  smimectl rules up 3",
     .run = rules_up},
    {.name = "down",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "POSITION",
     .summary = "give a rule a lower priority",
     .details = "Moves a rule below the one behind it, with its comments.",
     .example = "  smimectl rules down 3",
     .run = rules_down},
    {.name = "delete",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "POSITION",
     .summary = "delete a rule",
     .details = "Deletes a rule with the comments that belong to it (see rules move). The former\n"
                "file is kept as FILE.bak.",
     .example = "  smimectl rules delete 3",
     .run = rules_delete},
    {.name = "check",
     .options = WITH(OPTION_ALIAS_MAP),
     .synopsis = "[--alias-map FILE]",
     .summary = "find rules that never decide, and mailboxes that cannot do what they ask",
     .details =
         "Finds rules, and patterns of rules, that never decide because rules above them do, in\n"
         "each direction, for TLS and for profiles; forced modes for mailboxes without the\n"
         "certificate or key that they need; and, with --alias-map, mailboxes whose mail is\n"
         "decrypted and sent on to the outside. FILE is a Postfix virtual alias map as text\n"
         "('-' is standard input).\n"
         "\n"
         "Exit codes: 0 nothing found; 6 something was found; 1 the check failed.",
     .example = "  smimectl rules check\n"
                "  postmap -s hash:/etc/postfix/virtual | smimectl rules check --alias-map -",
     .run = rules_check},
    {.name = "explain",
     .options = WITH(OPTION_FROM) | WITH(OPTION_TO) | WITH(OPTION_MESSAGE),
     .synopsis = "--from ADDRESS --to ADDRESS [--message FILE]",
     .summary = "say which rule decides between two addresses, and why the others do not",
     .details =
         "Says for mail from one address to another in which direction it goes, which rule\n"
         "decides, why each of the others does not, which certificates would be used, are\n"
         "missing or do not fit the profile, the algorithms, and what would be done. --from\n"
         "'<>' stands for the null sender. With --message also which rules its From calls for,\n"
         "and what would become of this message; nothing is learned from it, and nothing is\n"
         "sent.",
     .example = "  smimectl rules explain --from alice@example.com --to bob@partner.test",
     .run = rules_explain},
    {0},
};

const struct command_group rules_group = {
    "rules", "The rules: what happens between which addresses", rules_commands};
