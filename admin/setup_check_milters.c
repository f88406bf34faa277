/* Which socket each listener has, and where it stands among other milters (DESIGN section 3). */
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter_list.h"

/* One list of milters of the set-up and whom its mail comes from. */
struct place {
    const char *about;               /* of findings */
    const char *parameter;           /* "smtpd_milters" */
    const struct listener *listener; /* NULL: non_smtpd_milters */
    enum role role;
    bool chroot;
};

static const char *const wrong_role_why[] = {
    [ROLE_INBOUND] = "smimed believes the socket and nothing that a client says: strangers would "
                     "have mail signed as one of your users, or sent past the rules for what "
                     "comes in.",
    [ROLE_SUBMISSION] = "smimed believes the socket: what your users send would be taken for mail "
                        "of strangers, and be neither signed nor encrypted.",
    [ROLE_LOCAL] = "smimed believes the socket: programs on this machine are to sign as "
                   "local_senders only, and get no refusal before their message is complete.",
};

static const char *const no_socket_why[] = {
    [ROLE_INBOUND] = "What strangers send here is neither decrypted nor verified, and rules that "
                     "demand encrypted mail do not hold.",
    [ROLE_SUBMISSION] = "What your users send here goes out unsigned and in the clear, also where "
                        "a rule demands encryption.",
    [ROLE_LOCAL] = "What programs on this machine send goes out unsigned and in the clear, also "
                   "where a rule demands encryption.",
};

/* ---- sockets of ours ---- */

/* Is it one of smimed's sockets? Its role. */
static bool is_ours(const struct setup *setup, const char *address, enum role *role_out)
{
    const struct settings *settings = &setup->context->config->settings;
    bool found = false;
    for (size_t i = 0; i < settings->socket_count && !found; i++) {
        char *socket = milter_address(settings->sockets[i].address);
        found = socket && !strcmp(socket, address);
        *role_out = settings->sockets[i].role;
        free(socket);
    }
    return found;
}

/* The same for an entry; a path from the root on may be meant as seen from the jail. */
static bool entry_is_ours(const struct setup *setup, const struct place *place,
                          const struct milter *entry, enum role *role_out)
{
    bool found = is_ours(setup, entry->address, role_out);
    if (!found && place->chroot && entry->absolute) {
        char *jailed =
            milter_address_in_jail(entry->address, postfix_main(setup->postfix, "queue_directory"));
        found = jailed && is_ours(setup, jailed, role_out);
        free(jailed);
    }
    return found;
}

/* ---- where smimed belongs ---- */

/* Among the others, of which none is ours. Strangers: what verifies must see the message as it
 * came, what scans must see the clear text. Users: what refuses comes first, what signs for the
 * transport last. */
static size_t wanted_position(const struct milter_list *others, enum role role)
{
    size_t first_signer = others->count, first_scanner = others->count, behind_verifiers = 0;
    for (size_t i = others->count; i-- > 0;) {
        switch (others->items[i].kind) {
        case MILTER_SCANNER:
            first_scanner = i;
            break;
        case MILTER_SIGNER:
        case MILTER_BOTH:
            first_signer = i;
            __attribute__((fallthrough));
        case MILTER_VERIFIER:
            behind_verifiers = behind_verifiers ? behind_verifiers : i + 1;
            break;
        case MILTER_OTHER:
            break;
        }
    }
    if (role != ROLE_INBOUND) {
        return first_signer;
    }
    return behind_verifiers ? behind_verifiers : first_scanner;
}

/* The value as it should be: the others in their order, and `socket` in its place. NULL: out of
 * memory. */
static char *wanted_value(const struct milter_list *others, const char *socket, enum role role)
{
    char *value = NULL;
    size_t length = 0, position = wanted_position(others, role);
    FILE *out = open_memstream(&value, &length);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i <= others->count; i++) {
        if (i == position) {
            fprintf(out, "%s%s", i > 0 ? " " : "", socket);
        }
        if (i < others->count) {
            fprintf(out, "%s%s", i > 0 || i == position ? " " : "", others->items[i].text);
        }
    }
    if (fclose(out) == EOF) {
        free(value);
        return NULL;
    }
    return value;
}

/* ---- what is there ---- */

struct judged {
    struct milter_list others; /* items borrowed from the list */
    size_t own_count;
    size_t own_at;                /* among the others */
    const struct milter *own;     /* the first of the right role */
    const struct milter *strange; /* one of ours with another role */
    enum role strange_role;
};

static int judge(const struct setup *setup, const struct place *place,
                 const struct milter_list *list, struct judged *out)
{
    *out = (struct judged){.others.items = calloc(list->count + 1, sizeof(struct milter))};
    if (!out->others.items) {
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        enum role found = ROLE_INBOUND;
        if (!entry_is_ours(setup, place, &list->items[i], &found)) {
            out->others.items[out->others.count++] = list->items[i];
        } else if (found != place->role) {
            out->strange = &list->items[i];
            out->strange_role = found;
        } else if (out->own_count++ == 0) {
            out->own = &list->items[i];
            out->own_at = out->others.count;
        }
    }
    return 0;
}

static void change(struct setup *setup, const struct place *place, char *value)
{
    const struct listener *listener = place->listener;
    bool overrides =
        listener && postfix_override(setup->postfix, listener->service, place->parameter);
    /* main.cf's value is for strangers; everybody else has one of his own. */
    if (listener && (overrides || listener->kind != LISTENER_INBOUND)) {
        milter_list_compact(value);
        setup_change_service(setup, listener, place->parameter, value);
    } else {
        setup_change_main(setup, place->parameter, value);
    }
}

/* Does the socket stand where it belongs? */
static void check_order(struct setup *setup, const struct place *place, const struct judged *judged,
                        char *wanted)
{
    size_t position = wanted_position(&judged->others, place->role);
    const struct milter *other =
        &judged->others.items[judged->own_at < position ? position - 1 : position];
    if (judged->own_at == position) {
        return;
    }
    setup_wrong(setup, "order", place->about,
                text_of("smimed stands %s %s", judged->own_at < position ? "before" : "behind",
                        other->address),
                place->role == ROLE_INBOUND
                    ? "What verifies DKIM or DMARC must see the message as it came, before "
                      "smimed changes the body; what scans for spam and viruses must see the "
                      "clear text, behind smimed."
                    : "smimed changes the body: a DKIM or ARC signature made before it is broken "
                      "when the message leaves.");
    change(setup, place, wanted);
}

/* A service that is locked into the queue directory sees paths from there. */
static void check_jail(struct setup *setup, const struct place *place, const struct milter *own,
                       char *wanted)
{
    const char *queue = postfix_main(setup->postfix, "queue_directory");
    enum role role = ROLE_INBOUND;
    /* An entry that is ours as it stands was meant as seen from outside. */
    if (!place->chroot || !own->absolute || !is_ours(setup, own->address, &role)) {
        return;
    }
    setup_wrong(setup, "out-of-jail", place->about,
                text_of("%s is outside of the queue directory, which this service is locked in",
                        own->address),
                "Postfix cannot reach the socket, and all mail is deferred. Let smimed.conf have "
                "the socket below the queue directory, and main.cf its path from there on.");
    if (!milter_out_of_jail(own->address, queue)) {
        change(setup, place, wanted);
    }
}

static void check_own(struct setup *setup, const struct place *place, const struct judged *judged,
                      char *wanted)
{
    const char *action = judged->own->action;
    if (judged->own_count > 1) {
        setup_wrong(setup, "twice", place->about, text_of("smimed is asked more than once"),
                    "The second time it would sign and encrypt what it made itself.");
        change(setup, place, wanted);
    } else if (action && strcmp(action, "tempfail") != 0) {
        setup_wrong(setup, "default-action", place->about,
                    text_of("the default_action of smimed is %s", action),
                    "When smimed cannot be asked, mail must wait: what a rule wants encrypted "
                    "would go out in the clear, or be lost.");
        change(setup, place, wanted);
    } else {
        check_order(setup, place, judged, wanted);
    }
    check_jail(setup, place, judged->own, wanted);
}

static void check_rspamd(struct setup *setup, const struct place *place,
                         const struct judged *judged)
{
    for (size_t i = 0; place->role == ROLE_INBOUND && i < judged->others.count; i++) {
        if (judged->others.items[i].kind == MILTER_BOTH) {
            setup_advice(setup, "sees-ciphertext", place->about,
                         text_of("%s verifies DKIM and looks at contents at once",
                                 judged->others.items[i].address),
                         "Before smimed it verifies, but sees encrypted mail encrypted; behind "
                         "it, DKIM of decrypted mail looks broken. Verify before and scan behind "
                         "where spam comes encrypted.");
        }
    }
}

static void check_list(struct setup *setup, const struct place *place, const char *value)
{
    const char *queue = postfix_main(setup->postfix, "queue_directory");
    const char *socket = setup_socket(setup, place->role);
    struct milter_list list = {0};
    struct judged judged = {0};
    char *address = NULL, *text = NULL, *wanted = NULL;
    if (!socket) {
        setup_advice(setup, "no-socket", place->about,
                     text_of("smimed.conf has no socket of role %s", role_name(place->role)),
                     no_socket_why[place->role]);
        return;
    }
    if (milter_list_parse(value, queue, &list) || judge(setup, place, &list, &judged) ||
        !(address = milter_address(socket)) || !(text = milter_text(address, queue)) ||
        !(wanted = wanted_value(&judged.others, text, place->role))) {
        setup->failed = true;
        goto out;
    }
    if (judged.strange) {
        setup_wrong(setup, "role", place->about,
                    text_of("%s has the socket of role %s: %s", place->parameter,
                            role_name(judged.strange_role), judged.strange->address),
                    wrong_role_why[place->role]);
        change(setup, place, wanted);
    } else if (!judged.own) {
        setup_wrong(setup, "no-socket", place->about,
                    text_of("%s lacks smimed's socket of role %s", place->parameter,
                            role_name(place->role)),
                    no_socket_why[place->role]);
        change(setup, place, wanted);
    }
    if (judged.own && !judged.strange) {
        check_own(setup, place, &judged, wanted);
    }
    check_rspamd(setup, place, &judged);
out:
    free(judged.others.items);
    milter_list_clear(&list);
    free(address);
    free(text);
    free(wanted);
}

/* ---- all places ---- */

static bool cleanup_is_chrooted(const struct postfix *postfix)
{
    for (size_t i = 0; i < postfix_service_count(postfix); i++) {
        const struct postfix_service *service = postfix_service(postfix, i);
        if (!strcmp(service->command, "cleanup")) {
            return *service->chroot == 'y';
        }
    }
    return false;
}

void setup_check_milters(struct setup *setup)
{
    bool submission = false;
    for (size_t i = 0; i < setup->listeners.count; i++) {
        const struct listener *listener = &setup->listeners.items[i];
        struct place place = {.about = listener->label,
                              .parameter = "smtpd_milters",
                              .listener = listener,
                              .chroot = listener->chroot,
                              .role = listener->kind == LISTENER_SUBMISSION ? ROLE_SUBMISSION
                                                                            : ROLE_INBOUND};
        submission = submission || listener->kind == LISTENER_SUBMISSION;
        if (listener->kind == LISTENER_INBOUND || listener->kind == LISTENER_SUBMISSION) {
            check_list(setup, &place,
                       postfix_value(setup->postfix, listener->service, place.parameter));
        }
    }
    struct place local = {.about = "non_smtpd_milters",
                          .parameter = "non_smtpd_milters",
                          .role = ROLE_LOCAL,
                          .chroot = cleanup_is_chrooted(setup->postfix)};
    check_list(setup, &local, postfix_main(setup->postfix, local.parameter));
    if (!submission && setup_socket(setup, ROLE_SUBMISSION)) {
        setup_wrong(setup, "no-listener", "submission/inet",
                    text_of("there is no listener for users (submission, submissions)"),
                    "smimed signs and encrypts what comes by a listener where users log in. The "
                    "example postfix-master.cf has one; then run this again.");
    }
}
