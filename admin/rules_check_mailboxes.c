/* smimectl rules check: what the rules ask of mailboxes that these cannot do, or should not. */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "rules_check.h"
#include "shadow.h"
#include "tell.h"
#include "why.h"

struct check {
    struct context *context;
    const struct alias_map *map; /* NULL: none */
    struct findings *findings;
};

static int out_of_memory(void)
{
    tell_error("out of memory");
    return -1;
}

/* Does the rule force a mode in this direction? */
static bool is_forced(const struct rule *rule, enum rule_direction direction)
{
    return direction == RULE_INCOMING ? rule->incoming == INCOMING_DECRYPT_FORCED
                                      : rule->outgoing == OUTGOING_ENCRYPT_FORCED;
}

/* Could the rule decide for this managed address? 1, 0, -1 told. */
static int could_decide(const struct check *check, size_t index, enum rule_direction direction,
                        const char *address)
{
    const struct config *config = check->context->config;
    const struct rule *rule = &config->rules.items[index];
    struct pattern_list managed = rule_managed(rule), external = rule_external(rule);
    struct pattern mailbox = {PATTERN_MAILBOX, NULL};
    struct shadow shadow;
    if (!pattern_list_matches(&managed, address, config->settings.recipient_delimiter)) {
        return 0;
    }
    mailbox.text = strdup(address);
    if (!mailbox.text) {
        return out_of_memory();
    }
    const struct pattern_list mailboxes = {&mailbox, 1};
    int found = shadow_find(&config->rules, index, direction, &mailboxes, &external,
                            &config->settings, &shadow);
    shadow_clear(&shadow);
    pattern_clear(&mailbox);
    return found < 0 ? out_of_memory() : !found;
}

/* The keys that open mail to `address`; "alice+news@" is alice's. */
static enum store_status find_keys(struct context *context, const char *address, char **why)
{
    struct identity_list list = {0};
    enum store_status status = store_identities(context->store, address, &list, why);
    if (status == STORE_NONE) {
        char *plain = address_without_tag(address, context->config->settings.recipient_delimiter);
        if (!plain) {
            why_set(why, "out of memory");
            return STORE_ERROR;
        }
        if (strcmp(plain, address) != 0) {
            status = store_identities(context->store, plain, &list, why);
        }
        free(plain);
    }
    identity_list_clear(&list);
    return status;
}

/* Can the mailbox do what a forced mode needs? 1; 0 with *why; -1 told. */
static int is_able(const struct check *check, enum rule_direction direction, const char *address,
                   char **why)
{
    struct context *context = check->context;
    enum store_status status;
    if (direction == RULE_OUTGOING) {
        struct identity identity = {0};
        status = store_signing_identity(context->store, address, context->now, &identity, why);
        identity_clear(&identity);
    } else {
        status = find_keys(context, address, why);
    }
    if (status == STORE_OK || status == STORE_NONE) {
        return status == STORE_OK;
    }
    tell_error("%s: %s", address, why_text(why));
    return -1;
}

static void add_unable(const struct check *check, size_t index, enum rule_direction direction,
                       const char *address, const char *why)
{
    bool outgoing = direction == RULE_OUTGOING;
    char *sentence = NULL;
    if (asprintf(&sentence, "%s, but %s: such mail is refused",
                 outgoing ? "only signed and encrypted mail is sent"
                          : "only mail that can be decrypted is accepted",
                 why) < 0) {
        sentence = NULL;
    }
    findings_add(check->findings, (struct finding){.position = index + 1,
                                                   .kind = outgoing ? "no-certificate" : "no-key",
                                                   .direction = outgoing ? "outgoing" : "incoming",
                                                   .subject = address,
                                                   .sentence = sentence});
}

/* A forced mode, and an address that a mailbox has, or that the rule names. Returns 1 when there is
 * a finding, 0, -1 told. */
static int check_address(const struct check *check, size_t index, enum rule_direction direction,
                         const char *address)
{
    char *why = NULL;
    int could = could_decide(check, index, direction, address);
    if (could != 1) {
        return could;
    }
    int able = is_able(check, direction, address, &why);
    if (able == 0) {
        add_unable(check, index, direction, address, why_text(&why));
    }
    why_free(&why);
    return able < 0 ? -1 : !able;
}

/* One finding for a mailbox, whatever many addresses it has. */
static int check_forced(const struct check *check, size_t index, enum rule_direction direction,
                        const struct mailbox *mailbox)
{
    int found = check_address(check, index, direction, mailbox->address);
    for (size_t i = 0; found == 0 && i < mailbox->alias_count; i++) {
        found = check_address(check, index, direction, mailbox->aliases[i]);
    }
    return found < 0 ? -1 : 0;
}

/* An address that the rule names and that no mailbox has. */
static int check_named(const struct check *check, size_t index, enum rule_direction direction,
                       const struct pattern *pattern)
{
    struct mailbox *mailbox = NULL;
    char *why = NULL;
    int rc = 0;
    if (pattern->kind != PATTERN_MAILBOX) {
        return 0;
    }
    enum store_status status =
        store_mailbox_find(check->context->store, pattern->text, &mailbox, &why);
    if (status == STORE_NONE) {
        rc = check_address(check, index, direction, pattern->text) < 0 ? -1 : 0;
    } else if (status != STORE_OK) {
        tell_error("%s: %s", pattern->text, why_text(&why));
        rc = -1;
    }
    mailbox_free(&mailbox);
    why_free(&why);
    return rc;
}

static int check_rules(const struct check *check, const struct mailbox_list *mailboxes)
{
    const struct rule_list *rules = &check->context->config->rules;
    int rc = 0;
    for (size_t r = 0; r < rules->count; r++) {
        const struct rule *rule = &rules->items[r];
        for (int d = RULE_INCOMING; d <= RULE_OUTGOING; d++) {
            enum rule_direction direction = (enum rule_direction)d;
            if (!is_forced(rule, direction)) {
                continue;
            }
            for (size_t i = 0; rc == 0 && i < mailboxes->count; i++) {
                rc = check_forced(check, r, direction, &mailboxes->items[i]);
            }
            for (size_t i = 0; rc == 0 && i < rule->managed_count; i++) {
                rc = check_named(check, r, direction, &rule->managed[i]);
            }
        }
    }
    return rc;
}

/* ---- redirects ---- */

/* May mail to the address be decrypted? 1, 0, -1 told. */
static int may_decrypt(const struct check *check, const char *address)
{
    const struct config *config = check->context->config;
    char *why = NULL;
    int may = is_able(check, RULE_INCOMING, address, &why);
    why_free(&why);
    if (may != 1) {
        return may;
    }
    may = shadow_may_decrypt(&config->rules, address, &config->settings);
    return may < 0 ? out_of_memory() : may;
}

static int check_redirect(const struct check *check, const char *address)
{
    char *target = NULL, *sentence = NULL;
    int outside =
        alias_map_outside(check->map, address, &check->context->config->settings, &target);
    if (outside < 0) {
        return out_of_memory();
    }
    int may = outside ? may_decrypt(check, address) : 0;
    if (may == 1) {
        if (asprintf(&sentence,
                     "is sent on to %s, outside, after it was decrypted; stop that with: smimectl "
                     "mailbox never-decrypt %s on",
                     target, address) < 0) {
            sentence = NULL;
        }
        findings_add(check->findings, (struct finding){.kind = "leads-outside",
                                                       .direction = "incoming",
                                                       .subject = address,
                                                       .sentence = sentence});
    }
    free(target);
    return may < 0 ? -1 : 0;
}

static int check_redirects(const struct check *check, const struct mailbox_list *mailboxes)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < mailboxes->count; i++) {
        const struct mailbox *mailbox = &mailboxes->items[i];
        rc = mailbox->never_decrypt ? 0 : check_redirect(check, mailbox->address);
        for (size_t k = 0; rc == 0 && !mailbox->never_decrypt && k < mailbox->alias_count; k++) {
            rc = check_redirect(check, mailbox->aliases[k]);
        }
    }
    return rc;
}

int check_mailboxes(struct context *context, const struct alias_map *map, struct findings *findings)
{
    const struct check check = {context, map, findings};
    const struct mailbox_filter all = {.state = -1};
    struct mailbox_list mailboxes = {0};
    char *why = NULL;
    int rc = -1;
    if (store_mailbox_list(context->store, &all, &mailboxes, &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    rc = check_rules(&check, &mailboxes);
    if (rc == 0 && map) {
        rc = check_redirects(&check, &mailboxes);
    }
out:
    mailbox_list_clear(&mailboxes);
    why_free(&why);
    return rc;
}
