/* The listener that takes the copies of split messages (`reinject` in smimed.conf): there, past
 * smimed, reached by nobody else, and with each address mapped exactly once.
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

#include "milter_list.h"
#include "restrictions.h"

#define NO_MAPPINGS "no_address_mappings"
#define CLEANUP "smimed-cleanup"
#define DIRECTORY_GROUP "postdrop" /* may enter public/ (setgid_group) */

static const struct mail_server_setting *reinject_of(const struct setup *setup)
{
    return &setup->context->config->settings.reinject;
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

static bool takes_copies(const struct setup *setup, const struct postfix_service *service)
{
    const struct mail_server_setting *reinject = reinject_of(setup);
    if (!reinject->address) {
        return false;
    }
    if (reinject->unix_path) {
        const char *name = service_of(setup, reinject->unix_path);
        return name && !strcmp(service->type, "unix") && !strcmp(service->name, name);
    }
    return is_here(reinject->host) && has_port(service, reinject->port);
}

void setup_mark_copies(struct setup *setup)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        if (takes_copies(setup, setup->listeners.items[i].service)) {
            setup->listeners.items[i].kind = LISTENER_COPIES;
        }
    }
}

/* ---- what is behind smimed ---- */

static const struct listener *first_of(const struct setup *setup, enum listener_kind kind)
{
    for (size_t i = 0; i < setup->listeners.count; i++) {
        if (setup->listeners.items[i].kind == kind) {
            return &setup->listeners.items[i];
        }
    }
    return NULL;
}

/* The milters that sign what users send, without blanks: a new string, NULL when out of memory. */
static char *milters_behind(const struct setup *setup)
{
    const struct listener *users = first_of(setup, LISTENER_SUBMISSION);
    struct milter_list list = {0};
    char *value = NULL;
    size_t length = 0;
    if (!users) {
        return strdup("");
    }
    if (milter_list_parse(postfix_value(setup->postfix, users->service, "smtpd_milters"),
                          postfix_main(setup->postfix, "queue_directory"), &list)) {
        return NULL;
    }
    FILE *out = open_memstream(&value, &length);
    for (size_t i = 0; out && i < list.count; i++) {
        bool signs = list.items[i].kind == MILTER_SIGNER || list.items[i].kind == MILTER_BOTH;
        if (signs) {
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

/* Restrictions are for strangers and users; here everybody who gets in is smimed. */
static void add_listener(struct setup *setup, const char *name)
{
    char *milters = milters_behind(setup);
    if (!milters) {
        setup->failed = true;
        return;
    }
    add_service(setup, text_of(CLEANUP "/unix"),
                text_of(CLEANUP " unix n - %s - 0 cleanup -o syslog_name=postfix/reinject "
                                "-o always_bcc= -o sender_bcc_maps= -o recipient_bcc_maps= "
                                "-o canonical_classes=envelope_sender,envelope_recipient "
                                "-o masquerade_classes=envelope_sender",
                        chroot_of(setup, "cleanup")));
    add_service(
        setup, text_of("%s/unix", name),
        text_of("%s unix n - %s - - smtpd -o syslog_name=postfix/reinject "
                "-o cleanup_service_name=" CLEANUP " -o smtpd_milters=%s "
                "-o milter_macro_daemon_name=ORIGINATING -o mynetworks=127.0.0.0/8 "
                "-o smtpd_sasl_auth_enable=no -o smtpd_tls_security_level=none "
                "-o smtpd_client_restrictions= -o smtpd_helo_restrictions= "
                "-o smtpd_sender_restrictions= -o smtpd_data_restrictions= "
                "-o smtpd_end_of_data_restrictions= "
                "-o smtpd_relay_restrictions=permit_mynetworks,reject "
                "-o smtpd_recipient_restrictions=permit_mynetworks,reject "
                "-o receive_override_options=no_unknown_recipient_checks,no_header_body_checks",
                name, chroot_of(setup, "smtpd"), milters));
    free(milters);
}

static const char deferred_why[] =
    "A message whose recipients need different bodies cannot be split: it is deferred for all of "
    "them until somebody takes the copies.";

static void check_missing(struct setup *setup)
{
    const struct mail_server_setting *reinject = reinject_of(setup);
    const char *name = reinject->unix_path ? service_of(setup, reinject->unix_path) : NULL;
    if (first_of(setup, LISTENER_COPIES) || (reinject->host && !is_here(reinject->host))) {
        return;
    }
    if (reinject->unix_path && !name) {
        setup_wrong(setup, "copies", reinject->address,
                    text_of("Postfix makes its sockets in %s/public",
                            postfix_main(setup->postfix, "queue_directory")),
                    deferred_why);
        return;
    }
    setup_wrong(setup, "copies", reinject->address,
                text_of("no listener takes the copies of split messages here"), deferred_why);
    if (name) {
        add_listener(setup, name);
    }
}

/* ---- a listener that is there ---- */

static void check_milters(struct setup *setup, const struct listener *listener)
{
    const struct settings *settings = &setup->context->config->settings;
    const char *value = postfix_value(setup->postfix, listener->service, "smtpd_milters");
    struct milter_list list = {0};
    bool ours = false;
    if (milter_list_parse(value, postfix_main(setup->postfix, "queue_directory"), &list)) {
        setup->failed = true;
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        for (size_t k = 0; k < settings->socket_count; k++) {
            char *socket = milter_address(settings->sockets[k].address);
            ours = ours || (socket && !strcmp(socket, list.items[i].address));
            free(socket);
        }
    }
    milter_list_clear(&list);
    char *wanted = ours ? milters_behind(setup) : NULL;
    if (ours) {
        setup_wrong(setup, "twice", listener->label,
                    text_of("smimed is asked about the copies that it made"),
                    "It would take them for mail of strangers, or split them again.");
        if (wanted) {
            setup_change_service(setup, listener, "smtpd_milters", wanted);
        } else {
            setup->failed = true;
        }
    }
    free(wanted);
}

/* What signs for the transport has to sign copies, too. */
static void check_signers(struct setup *setup, const struct listener *listener)
{
    const char *queue = postfix_main(setup->postfix, "queue_directory");
    const char *value = postfix_value(setup->postfix, listener->service, "smtpd_milters");
    struct milter_list wanted = {0}, list = {0};
    char *behind = milters_behind(setup);
    if (!behind || milter_list_parse(behind, queue, &wanted) ||
        milter_list_parse(value, queue, &list)) {
        setup->failed = true;
        goto out;
    }
    for (size_t i = 0; i < wanted.count; i++) {
        bool found = false;
        for (size_t k = 0; k < list.count; k++) {
            found = found || !strcmp(list.items[k].address, wanted.items[i].address);
        }
        if (!found) {
            setup_wrong(setup, "copies", listener->label,
                        text_of("%s, which signs what users send, does not sign copies",
                                wanted.items[i].address),
                        "Some recipients of a split message would get it without a DKIM "
                        "signature, and may take it for spam.");
            setup_change_service(setup, listener, "smtpd_milters", behind);
        }
    }
out:
    milter_list_clear(&list);
    milter_list_clear(&wanted);
    free(behind);
}

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
static void check_entry(struct setup *setup)
{
    const char *group_name = postfix_main(setup->postfix, "setgid_group");
    const struct settings *settings = &setup->context->config->settings;
    const char *user_name = settings->user;
    const struct group *group = getgrnam(*group_name ? group_name : DIRECTORY_GROUP);
    const struct passwd *user = *user_name ? getpwnam(user_name) : NULL;
    gid_t gid = group ? group->gr_gid : 0;
    if (group && user && user->pw_uid != 0 && strcmp(settings->group, group_name) != 0 &&
        !is_in_group(user_name, gid)) {
        setup_wrong(setup, "access", reinject_of(setup)->address,
                    text_of("the user %s is not in the group %s, which may enter the folder",
                            user_name, group_name),
                    "smimed cannot hand copies over, and defers what it should split. Put the user "
                    "into the group with adduser, then restart smimed.");
    }
}

void setup_check_copies(struct setup *setup)
{
    const struct mail_server_setting *reinject = reinject_of(setup);
    if (!setup->context->config->settings.split) {
        return;
    }
    if (!reinject->address) {
        setup_advice(setup, "copies", "reinject",
                     text_of("smimed.conf does not say who takes copies (reinject)"),
                     "A message whose recipients need different bodies is not split: the client is "
                     "asked to send it again for each of them (452), and programs that cannot get "
                     "it back. With reinject = \"unix:/var/spool/postfix/public/smimed-reinject\" "
                     "this command makes such a listener.");
        return;
    }
    check_missing(setup);
    if (reinject->unix_path && service_of(setup, reinject->unix_path)) {
        check_entry(setup);
    }
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        if (listener->kind == LISTENER_COPIES) {
            check_milters(setup, listener);
            check_signers(setup, listener);
            check_mappings(setup, listener);
            check_reach(setup, listener);
        }
    }
}
