/* Addresses that Postfix changes, and copies that it makes, before or behind smimed. */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

static const char copies_why[] =
    "The copy is made behind smimed: of outgoing mail it is encrypted for others and nobody here "
    "can read it; of incoming mail it has the clear text. A copy of what users send is better made "
    "by a rule's recipients, or in the mailbox.";
static const char canonical_why[] =
    "smimed meets the envelope sender before canonical mapping and the From field after it. Where "
    "the two differ nothing is signed: map neither, or let both addresses belong to one mailbox.";
static const char behind_why[] =
    "It is applied when the message leaves, after it was signed: recipients see a From, or a body, "
    "that is not what was signed.";

static const struct mapping {
    const char *parameter;
    const char *kind;
    const char *what;
    const char *why;
    bool wrong;
} mappings[] = {
    {"always_bcc", "copies", "sends a copy of each message", copies_why, false},
    {"recipient_bcc_maps", "copies", "sends copies by recipient", copies_why, false},
    {"sender_bcc_maps", "copies", "sends copies by sender", copies_why, false},
    {"canonical_maps", "mapping", "changes addresses", canonical_why, false},
    {"sender_canonical_maps", "mapping", "changes senders", canonical_why, false},
    {"masquerade_domains", "mapping", "changes the domains of senders", canonical_why, false},
    {"smtp_generic_maps", "after-signing", "changes addresses when mail leaves", behind_why, false},
    {"smtp_header_checks", "after-signing", "may change fields when mail leaves", behind_why,
     false},
    {"smtp_mime_header_checks", "after-signing", "may change what is signed", behind_why, true},
    {"smtp_body_checks", "after-signing", "may change what is signed", behind_why, true},
};

void setup_check_mappings(struct setup *setup)
{
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++) {
        const struct mapping *mapping = &mappings[i];
        const char *value = postfix_main(setup->postfix, mapping->parameter);
        if (!*value) {
            continue;
        }
        char *sentence = text_of("%s = %s %s", mapping->parameter, value, mapping->what);
        if (mapping->wrong) {
            setup_wrong(setup, mapping->kind, mapping->parameter, sentence, mapping->why);
        } else {
            setup_advice(setup, mapping->kind, mapping->parameter, sentence, mapping->why);
        }
    }
    const char *aliases = postfix_main(setup->postfix, "virtual_alias_maps");
    if (*aliases) {
        setup_advice(setup, "aliases", "virtual_alias_maps",
                     text_of("virtual_alias_maps = %s is applied behind smimed", aliases),
                     "An alias that leads outside takes decrypted mail along. Which do: postmap "
                     "-s MAP | smimectl rules check --alias-map -");
    }
}
