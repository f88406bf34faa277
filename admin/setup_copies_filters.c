/* Which filters copies of split messages pass: those that the message in hand passes behind smimed.
 *
 * What users send is signed there, and what comes in is scanned. A filter that verifies signatures
 * of the transport must not see copies of incoming messages: smimed has changed them. OpenDKIM even
 * takes its former result away and writes the new one in its place. */
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_list.h"

/* Is it one of smimed's sockets? */
static bool is_smimed(struct setup *setup, const char *address)
{
    const struct settings *settings = &setup->context->config->settings;
    bool ours = false;
    for (size_t i = 0; i < settings->socket_count && !ours; i++) {
        char *socket = milter_address(settings->sockets[i].address);
        ours = socket && !strcmp(socket, address);
        setup->failed = setup->failed || !socket;
        free(socket);
    }
    return ours;
}

static int parse(const struct setup *setup, const char *value, struct milter_list *out)
{
    return milter_list_parse(value, postfix_main(setup->postfix, "queue_directory"), out);
}

/* The milters of the first listener of a kind; an empty list where there is none. */
static int list_of(const struct setup *setup, enum listener_kind kind, struct milter_list *out)
{
    const struct listener *listener = setup_listener(setup, kind);
    return listener ? parse(setup,
                            postfix_value(setup->postfix, listener->service, "smtpd_milters"), out)
                    : 0;
}

static bool has_address(const struct milter_list *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->items[i].address, address)) {
            return true;
        }
    }
    return false;
}

static bool verifies(const struct milter *milter)
{
    return milter->kind == MILTER_SIGNER || milter->kind == MILTER_VERIFIER ||
           milter->kind == MILTER_BOTH;
}

/* How many stand before smimed, and it among them; all where smimed is to be put in still. */
static size_t count_before(struct setup *setup, const struct milter_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_smimed(setup, list->items[i].address)) {
            return i + 1;
        }
    }
    return list->count;
}

/* What scans belongs behind smimed, wherever it stands. */
static bool is_wanted(struct setup *setup, const struct milter *milter, enum listener_kind kind,
                      bool behind)
{
    if (is_smimed(setup, milter->address)) {
        return false;
    }
    if (kind == LISTENER_COPIES) {
        return milter->kind == MILTER_SIGNER || milter->kind == MILTER_BOTH;
    }
    return milter->kind == MILTER_SCANNER || (milter->kind == MILTER_OTHER && behind);
}

char *setup_filters_of_copies(struct setup *setup, enum listener_kind kind)
{
    struct milter_list list = {0};
    char *value = NULL;
    size_t length = 0;
    if (list_of(setup, kind == LISTENER_COPIES ? LISTENER_SUBMISSION : LISTENER_INBOUND, &list)) {
        return NULL;
    }
    size_t before = count_before(setup, &list);
    FILE *out = open_memstream(&value, &length);
    for (size_t i = 0; out && i < list.count; i++) {
        if (is_wanted(setup, &list.items[i], kind, i >= before)) {
            fprintf(out, "%s%s", ftell(out) > 0 ? " " : "", list.items[i].text);
        }
    }
    if (out && fclose(out) == EOF) {
        free(value);
        value = NULL;
    }
    milter_list_clear(&list);
    if (value) {
        milter_list_compact(value);
    }
    return value;
}

/* ---- what a listener has ---- */

/* The place of a listener: its milters, and those that it should have. */
struct filters {
    const struct listener *listener;
    struct milter_list list;
    struct milter_list wanted;
    char *value; /* of the latter */
};

/* Returns whether nothing is wrong. */
static bool check_own(struct setup *setup, const struct filters *filters)
{
    for (size_t i = 0; i < filters->list.count; i++) {
        if (is_smimed(setup, filters->list.items[i].address)) {
            setup_wrong(setup, "twice", filters->listener->label,
                        text_of("smimed is asked about the copies that it made"),
                        "It would take them for mail of strangers, or split them again.");
            return false;
        }
    }
    return true;
}

static bool check_missing(struct setup *setup, const struct filters *filters)
{
    bool incoming = filters->listener->kind == LISTENER_COPIES_INCOMING;
    bool complete = true;
    for (size_t i = 0; i < filters->wanted.count; i++) {
        const char *address = filters->wanted.items[i].address;
        if (has_address(&filters->list, address)) {
            continue;
        }
        complete = false;
        if (incoming) {
            setup_wrong(
                setup, "copies", filters->listener->label,
                text_of("%s, behind smimed where strangers deliver, does not see copies", address),
                "Some recipients of a split message would get it without having been "
                "scanned after it was decrypted.");
        } else {
            setup_wrong(setup, "copies", filters->listener->label,
                        text_of("%s, which signs what users send, does not sign copies", address),
                        "Some recipients of a split message would get it without a DKIM "
                        "signature, and may take it for spam.");
        }
    }
    return complete;
}

static const char one_listener_why[] =
    "Let reinject_incoming = \"unix:/var/spool/postfix/public/smimed-incoming\" in smimed.conf "
    "give "
    "these copies a listener of their own; this command makes it.";

/* What takes copies of incoming messages, too, has to scan and must not verify. */
static void check_incoming_too(struct setup *setup, const struct filters *filters)
{
    struct milter_list strangers = {0}, scanners = {0};
    char *behind = setup_filters_of_copies(setup, LISTENER_COPIES_INCOMING);
    if (!behind || parse(setup, behind, &scanners) ||
        list_of(setup, LISTENER_INBOUND, &strangers)) {
        setup->failed = true;
        goto out;
    }
    for (size_t i = 0; i < scanners.count; i++) {
        if (!has_address(&filters->list, scanners.items[i].address)) {
            setup_wrong(setup, "copies", filters->listener->label,
                        text_of("%s does not see copies of incoming messages, which smimed has "
                                "decrypted",
                                scanners.items[i].address),
                        one_listener_why);
        }
    }
    for (size_t i = 0; i < filters->list.count; i++) {
        const struct milter *milter = &filters->list.items[i];
        if (verifies(milter) && has_address(&strangers, milter->address)) {
            setup_advice(setup, "copies", filters->listener->label,
                         text_of("%s verifies copies of incoming messages again, after smimed "
                                 "has changed them, and finds their DKIM signatures broken",
                                 milter->address),
                         one_listener_why);
        }
    }
out:
    free(behind);
    milter_list_clear(&scanners);
    milter_list_clear(&strangers);
}

void setup_check_filters_of_copies(struct setup *setup, const struct listener *listener)
{
    struct filters filters = {.listener = listener,
                              .value = setup_filters_of_copies(setup, listener->kind)};
    const char *value = postfix_value(setup->postfix, listener->service, "smtpd_milters");
    if (!filters.value || parse(setup, filters.value, &filters.wanted) ||
        parse(setup, value, &filters.list)) {
        setup->failed = true;
        goto out;
    }
    bool right = check_own(setup, &filters);
    right = check_missing(setup, &filters) && right;
    if (!right) {
        setup_change_service(setup, listener, "smtpd_milters", filters.value);
    }
    if (listener->kind == LISTENER_COPIES &&
        !setup_server_of_copies(setup, LISTENER_COPIES_INCOMING)->address) {
        check_incoming_too(setup, &filters);
    }
out:
    milter_list_clear(&filters.list);
    milter_list_clear(&filters.wanted);
    free(filters.value);
}
