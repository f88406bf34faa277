/* The listeners that take the copies of split messages (`reinject` and `reinject_incoming` in
 * smimed.conf): there, past smimed, reached by nobody else, and with each address mapped exactly
 * once.
 *
 * A copy has the recipient as the client named it, because milters are told before aliases are
 * expanded; when smimed takes the recipient from the message in hand, its expansion goes as well.
 * So envelope addresses of copies have to be mapped, while header fields were mapped and copies
 * (always_bcc) made already. Only cleanup(8) tells these apart, so the listener has one of its own.
 */
#include "setup.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "restrictions.h"

#define NO_MAPPINGS "no_address_mappings"
#define CLEANUP "smimed-cleanup"
#define DIRECTORY_GROUP "postdrop" /* may enter public/ (setgid_group) */

static const enum listener_kind kinds[] = {LISTENER_COPIES, LISTENER_COPIES_INCOMING};

#define KINDS (sizeof kinds / sizeof *kinds)

const struct mail_server_setting *setup_server_of_copies(const struct setup *setup,
                                                         enum listener_kind kind)
{
    static const struct mail_server_setting none = {0};
    const struct settings *settings = &setup->context->config->settings;
    const struct mail_server_setting *incoming = &settings->reinject_incoming;
    if (kind == LISTENER_COPIES) {
        return &settings->reinject;
    }
    return incoming->address && settings->reinject.address &&
                   !strcmp(incoming->address, settings->reinject.address)
               ? &none
               : incoming;
}

/* The name of the service whose Unix socket this is, NULL when Postfix would not make it there. */
static const char *service_of(const struct setup *setup, const char *path)
{
    const char *queue = postfix_main(setup->postfix, "queue_directory");
    size_t length = strlen(queue);
    if (strncmp(path, queue, length) != 0 || strncmp(path + length, "/public/", 8) != 0) {
        return NULL;
    }
    const char *name = path + length + strlen("/public/");
    return *name && !strchr(name, '/') ? name : NULL;
}

/* Does this TCP listener have the port, on this machine? */
static bool has_port(const struct postfix_service *service, unsigned port)
{
    const char *colon = strrchr(service->name, ':');
    char wanted[sizeof "65535"];
    snprintf(wanted, sizeof wanted, "%u", port % 65536);
    return !strcmp(service->type, "inet") && !strcmp(colon ? colon + 1 : service->name, wanted);
}

static bool is_here(const char *host)
{
    return !strcmp(host, "127.0.0.1") || !strcmp(host, "::1") || !strcmp(host, "localhost");
}

static bool takes_copies(const struct setup *setup, const struct mail_server_setting *server,
                         const struct postfix_service *service)
{
    if (!server->address) {
        return false;
    }
    if (server->unix_path) {
        const char *name = service_of(setup, server->unix_path);
        return name && !strcmp(service->type, "unix") && !strcmp(service->name, name);
    }
    return is_here(server->host) && has_port(service, server->port);
}

void setup_mark_copies(struct setup *setup)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        struct listener *listener = &setup->listeners.items[i];
        for (size_t k = 0; k < KINDS; k++) {
            if (takes_copies(setup, setup_server_of_copies(setup, kinds[k]), listener->service)) {
                listener->kind = kinds[k];
            }
        }
    }
}

const struct listener *setup_listener(const struct setup *setup, enum listener_kind kind)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        if (setup->listeners.items[i].kind == kind) {
            return &setup->listeners.items[i];
        }
    }
    return NULL;
}

/* ---- a listener that is not there ---- */

static const char *chroot_of(const struct setup *setup, const char *command)
{
    for (size_t i = 0; i < postfix_service_count(setup->postfix); i++) {
        const struct postfix_service *service = postfix_service(setup->postfix, i);
        if (!strcmp(service->command, command)) {
            return service->chroot;
        }
    }
    return "n";
}

static void add_service(struct setup *setup, char *label, char *line)
{
    if (!label || !line || changes_add_service(&setup->changes, label, line)) {
        setup->failed = true;
    }
    free(label);
    free(line);
}

static bool has_cleanup(const struct setup *setup)
{
    for (size_t i = 0; i < postfix_service_count(setup->postfix); i++) {
        if (!strcmp(postfix_service(setup->postfix, i)->name, CLEANUP)) {
            return true;
        }
    }
    return false;
}

static void add_cleanup(struct setup *setup)
{
    add_service(setup, text_of(CLEANUP "/unix"),
                text_of(CLEANUP " unix n - %s - 0 cleanup -o syslog_name=postfix/reinject "
                                "-o always_bcc= -o sender_bcc_maps= -o recipient_bcc_maps= "
                                "-o canonical_classes=envelope_sender,envelope_recipient "
                                "-o masquerade_classes=envelope_sender",
                        chroot_of(setup, "cleanup")));
}

/* Restrictions are for strangers and users; here everybody who gets in is smimed. */
static void add_listener(struct setup *setup, const char *name, enum listener_kind kind)
{
    char *milters = setup_filters_of_copies(setup, kind);
    bool outgoing = kind == LISTENER_COPIES;
    if (!milters) {
        setup->failed = true;
        return;
    }
    /* Where both are made, the first one brings it along. */
    if (outgoing || (setup_listener(setup, LISTENER_COPIES) && !has_cleanup(setup))) {
        add_cleanup(setup);
    }
    add_service(
        setup, text_of("%s/unix", name),
        text_of("%s unix n - %s - - smtpd -o syslog_name=postfix/reinject "
                "-o cleanup_service_name=" CLEANUP " -o smtpd_milters=%s%s "
                "-o mynetworks=127.0.0.0/8 "
                "-o smtpd_sasl_auth_enable=no -o smtpd_tls_security_level=none "
                "-o smtpd_client_restrictions= -o smtpd_helo_restrictions= "
                "-o smtpd_sender_restrictions= -o smtpd_data_restrictions= "
                "-o smtpd_end_of_data_restrictions= "
                "-o smtpd_relay_restrictions=permit_mynetworks,reject "
                "-o smtpd_recipient_restrictions=permit_mynetworks,reject "
                "-o receive_override_options=no_unknown_recipient_checks,no_header_body_checks",
                name, chroot_of(setup, "smtpd"), milters,
                outgoing ? " -o milter_macro_daemon_name=ORIGINATING" : ""));
    free(milters);
}

static const char deferred_why[] =
    "A message whose recipients need different bodies cannot be split: it is deferred for all of "
    "them until somebody takes the copies.";

static void check_missing(struct setup *setup, enum listener_kind kind)
{
    const struct mail_server_setting *server = setup_server_of_copies(setup, kind);
    const char *name = server->unix_path ? service_of(setup, server->unix_path) : NULL;
    if (setup_listener(setup, kind) || (server->host && !is_here(server->host))) {
        return;
    }
    if (server->unix_path && !name) {
        setup_wrong(setup, "copies", server->address,
                    text_of("Postfix makes its sockets in %s/public",
                            postfix_main(setup->postfix, "queue_directory")),
                    deferred_why);
        return;
    }
    setup_wrong(setup, "copies", server->address,
                text_of("no listener takes the copies of split messages here"), deferred_why);
    if (name) {
        add_listener(setup, name, kind);
    }
}

/* ---- a listener that is there ---- */

static void check_mappings(struct setup *setup, const struct listener *listener)
{
    static const char *const copies[] = {"always_bcc", "sender_bcc_maps", "recipient_bcc_maps"};
    const char *options =
        postfix_value(setup->postfix, listener->service, "receive_override_options");
    const char *cleanup =
        postfix_override(setup->postfix, listener->service, "cleanup_service_name");
    if (restrictions_have(options, NO_MAPPINGS) &&
        *postfix_main(setup->postfix, "virtual_alias_maps")) {
        setup_wrong(setup, "copies", listener->label,
                    text_of("receive_override_options = %s: aliases are not expanded", options),
                    "A recipient who is an alias loses the expansion with the message in hand; "
                    "his copy has to be expanded here, or it comes back as undeliverable.");
    }
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        const char *value = postfix_main(setup->postfix, copies[i]);
        if (*value && !cleanup && !restrictions_have(options, NO_MAPPINGS)) {
            setup_advice(
                setup, "copies", listener->label,
                text_of("%s = %s applies to each part of a split message", copies[i], value),
                "The archive gets one more copy of the message for each way that it is "
                "sent. A cleanup service of its own (cleanup_service_name) helps.");
        }
    }
}

/* Reached by nobody but smimed: by TCP only with a login. */
static void check_reach(struct setup *setup, const struct listener *listener)
{
    bool login =
        postfix_is_yes(postfix_value(setup->postfix, listener->service, "smtpd_sasl_auth_enable"));
    const char *relay =
        postfix_value(setup->postfix, listener->service, "smtpd_relay_restrictions");
    if (!strcmp(listener->service->type, "inet") &&
        (!login || restrictions_have(relay, "permit_mynetworks"))) {
        setup_wrong(setup, "open-bypass", listener->label,
                    text_of("everybody on this machine gets in"),
                    "Who reaches this listener sends past all rules. Let it be a Unix socket "
                    "(reinject = \"unix:/var/spool/postfix/public/smimed-reinject\"), or demand a "
                    "login.");
    }
}

/* public/ is for the group that the sendmail command runs in. */
static void check_entry(struct setup *setup, const char *address)
{
    const char *group_name = postfix_main(setup->postfix, "setgid_group");
    const struct settings *settings = &setup->context->config->settings;
    const char *user_name = settings->user;
    const struct group *group = getgrnam(*group_name ? group_name : DIRECTORY_GROUP);
    const struct passwd *user = *user_name ? getpwnam(user_name) : NULL;
    gid_t gid = group ? group->gr_gid : 0;
    if (group && user && user->pw_uid != 0 && strcmp(settings->group, group_name) != 0 &&
        !is_in_group(user_name, gid)) {
        setup_wrong(setup, "access", address,
                    text_of("the user %s is not in the group %s, which may enter the folder",
                            user_name, group_name),
                    "smimed cannot hand copies over, and defers what it should split. Put the user "
                    "into the group with adduser, then restart smimed.");
    }
}

/* Nothing, where the setting names no listener. */
static void check_kind(struct setup *setup, enum listener_kind kind)
{
    const struct mail_server_setting *server = setup_server_of_copies(setup, kind);
    if (!server->address) {
        return;
    }
    check_missing(setup, kind);
    if (server->unix_path && service_of(setup, server->unix_path)) {
        check_entry(setup, server->address);
    }
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        if (listener->kind == kind) {
            setup_check_filters_of_copies(setup, listener);
            check_mappings(setup, listener);
            check_reach(setup, listener);
        }
    }
}

void setup_check_copies(struct setup *setup)
{
    const struct settings *settings = &setup->context->config->settings;
    if (!settings->split) {
        return;
    }
    if (!settings->reinject.address) {
        setup_advice(setup, "copies", "reinject",
                     text_of("smimed.conf does not say who takes copies (reinject)"),
                     "A message whose recipients need different bodies is not split: the client is "
                     "asked to send it again for each of them (452), and programs that cannot get "
                     "it back. With reinject = \"unix:/var/spool/postfix/public/smimed-reinject\" "
                     "this command makes such a listener.");
        return;
    }
    check_kind(setup, LISTENER_COPIES);
    check_kind(setup, LISTENER_COPIES_INCOMING);
}
