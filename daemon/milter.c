/* The milter protocol: libmilter's callbacks, each handed to the connection's session, and the
 * changes that a message gets.
 *
 * Debian's libmilter serves connections with a pool of threads that ends at once when it is told to
 * stop, by smfi_stop() or by a signal, whatever messages are in hand. So it is never told to: the
 * worker waits until no message is in hand and exits (worker.c). */
#include "milter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmilter/mfapi.h>

#include "log.h"
#include "return_headers.h"
#include "session.h"
#include "why.h"

#define BODY_CHUNK_BYTES 65535 /* the protocol's MILTER_CHUNK_SIZE */
#define LISTEN_BACKLOG 128

#define NEEDED_ACTIONS                                                                             \
    (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_CHGFROM | SMFIF_DELRCPT |               \
     SMFIF_SETSYMLIST)

/* One a process, because libmilter has no place for a context that all connections share. */
static struct service *shared_service;

static struct session *session_of(SMFICTX *ctx)
{
    return smfi_getpriv(ctx);
}

/* libmilter wants non-const strings throughout; it copies all of them. */
static char *macro(SMFICTX *ctx, const char *name)
{
    return smfi_getsymval(ctx, (char *)(uintptr_t)name);
}

static char *doubled_percents(const char *text)
{
    char *doubled = malloc(strlen(text) * 2 + 1);
    char *put = doubled;

    for (; doubled && *text; text++) {
        if (*text == '%')
            *put++ = '%';
        *put++ = *text;
    }
    if (doubled)
        *put = '\0';
    return doubled;
}

/* A program on this machine gets a bounce, into which the MTA writes a reply of several lines as
 * one with the line ends and the code still in it: there both languages share a line. */
static int set_reply(SMFICTX *ctx, char *code, char *enhanced, char *english, char *german)
{
    char *both = NULL;
    int result;

    if (!*german)
        return smfi_setmlreply(ctx, code, enhanced, english, NULL);
    if (service_role(shared_service) != ROLE_LOCAL)
        return smfi_setmlreply(ctx, code, enhanced, english, german, NULL);
    if (asprintf(&both, "%s / %s", english, german) < 0)
        return MI_FAILURE;
    result = smfi_setmlreply(ctx, code, enhanced, both, NULL);
    free(both);
    return result;
}

/* Tell the client. Without the text where that fails: the code alone decides. */
static sfsistat answer(SMFICTX *ctx, const struct reply *reply)
{
    char code[4];
    char enhanced[sizeof reply->enhanced];
    char *english = doubled_percents(reply->english ? reply->english : "");
    char *german = doubled_percents(reply->german ? reply->german : "");
    int code_now = reply->code >= 400 && reply->code <= 599 ? reply->code : 451;

    snprintf(code, sizeof code, "%d", code_now);
    snprintf(enhanced, sizeof enhanced, "%s", reply->enhanced);
    if (english && german && *english)
        set_reply(ctx, code, enhanced, english, german);
    free(english);
    free(german);
    return code_now < 500 ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat result_of(SMFICTX *ctx, enum session_result result)
{
    return result == SESSION_CONTINUE ? SMFIS_CONTINUE
                                      : answer(ctx, session_reply(session_of(ctx)));
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long protocol,
                             unsigned long unused2, unsigned long unused3,
                             unsigned long *actions_out, unsigned long *protocol_out,
                             unsigned long *unused2_out, unsigned long *unused3_out)
{
    /* What the MTA must be able to do: header values with their leading blanks (a signature covers
     * them). Not to wait for answers to header fields saves a round trip for each; libmilter makes
     * up for MTAs that cannot. */
    const unsigned long needed = SMFIP_HDR_LEADSPC;
    const unsigned long wished =
        SMFIP_HDR_LEADSPC | SMFIP_NR_HDR | SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NODATA;

    (void)unused2;
    (void)unused3;
    *unused2_out = *unused3_out = 0;
    if ((actions & NEEDED_ACTIONS) != NEEDED_ACTIONS || (protocol & needed) != needed) {
        log_line(LOG_LEVEL_ERROR, "negotiate",
                 "the MTA lacks what we need: it offers actions 0x%lx and protocol 0x%lx, we need "
                 "0x%lx and 0x%lx",
                 actions, protocol, (unsigned long)NEEDED_ACTIONS, needed);
        return SMFIS_REJECT;
    }
    *actions_out = NEEDED_ACTIONS;
    *protocol_out = protocol & wished;
    /* {client_addr} is asked for at MAIL because it always has a value: so macros come with every
     * MAIL, and {auth_authen} and {tls_version} of an earlier message never stand for a later one.
     */
    if (smfi_setsymlist(ctx, SMFIM_CONNECT, "j {client_addr} {daemon_name}") != MI_SUCCESS ||
        smfi_setsymlist(ctx, SMFIM_ENVFROM,
                        "i j {auth_authen} {client_addr} {mail_addr} {tls_version}") !=
            MI_SUCCESS ||
        smfi_setsymlist(ctx, SMFIM_ENVRCPT, "i {rcpt_addr}") != MI_SUCCESS ||
        smfi_setsymlist(ctx, SMFIM_DATA, "i") != MI_SUCCESS ||
        smfi_setsymlist(ctx, SMFIM_EOH, "i") != MI_SUCCESS ||
        smfi_setsymlist(ctx, SMFIM_EOM, "i") != MI_SUCCESS)
        return SMFIS_REJECT;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, struct sockaddr *address)
{
    struct session *session = session_of(ctx);

    (void)host;
    if (service_stopping(shared_service))
        return SMFIS_TEMPFAIL;
    if (!session) {
        session = session_new(shared_service);
        if (!session || smfi_setpriv(ctx, session) != MI_SUCCESS) {
            session_free(&session);
            return SMFIS_TEMPFAIL;
        }
    }
    session_connect(session, address);
    return SMFIS_CONTINUE;
}

static sfsistat on_envfrom(SMFICTX *ctx, char **argv)
{
    struct session *session = session_of(ctx);
    struct session_mail mail = {0};
    enum session_result result;

    if (!session || !argv[0])
        return SMFIS_TEMPFAIL;
    mail.from = argv[0];
    mail.args = (const char *const *)(argv + 1);
    mail.login = macro(ctx, "{auth_authen}");
    mail.tls = macro(ctx, "{tls_version}");
    mail.host = macro(ctx, "j");
    result = session_sender(session, &mail);
    if (result == SESSION_CONTINUE)
        session_set_queue_id(session, macro(ctx, "i"));
    return result_of(ctx, result);
}

static sfsistat on_envrcpt(SMFICTX *ctx, char **argv)
{
    struct session *session = session_of(ctx);

    if (!session || !argv[0])
        return SMFIS_TEMPFAIL;
    session_set_queue_id(session, macro(ctx, "i"));
    return result_of(
        ctx, session_recipient(session, argv[0], (const char *const *)(argv + 1), time(NULL)));
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    struct session *session = session_of(ctx);

    if (session)
        session_header(session, name, value);
    return SMFIS_NOREPLY;
}

static sfsistat on_eoh(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    if (!session)
        return SMFIS_TEMPFAIL;
    session_set_queue_id(session, macro(ctx, "i"));
    return result_of(ctx, session_end_of_header(session));
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t length)
{
    struct session *session = session_of(ctx);

    return session ? result_of(ctx, session_body(session, bytes, length)) : SMFIS_TEMPFAIL;
}

/* Line ends of a folded value: the protocol has LF. A new string, NULL when out of memory. */
static char *milter_folds(const char *value)
{
    char *copy = malloc(strlen(value) + 1);
    char *put = copy;

    for (; copy && *value; value++)
        if (*value != '\r')
            *put++ = *value;
    if (copy)
        *put = '\0';
    return copy;
}

static int apply_edit(SMFICTX *ctx, const struct header_edit *edit)
{
    char *value = milter_folds(edit->value ? edit->value : "");
    int result = MI_FAILURE;

    if (!value)
        return -1;
    switch (edit->kind) {
    case EDIT_DELETE:
        result = smfi_chgheader(ctx, edit->name, (int)edit->index, NULL);
        break;
    case EDIT_CHANGE:
        result = smfi_chgheader(ctx, edit->name, (int)edit->index, value);
        break;
    case EDIT_INSERT:
        result = smfi_insheader(ctx, (int)edit->index, edit->name, value);
        break;
    case EDIT_APPEND:
        result = smfi_addheader(ctx, edit->name, value);
        break;
    }
    free(value);
    return result == MI_SUCCESS ? 0 : -1;
}

static int replace_body(SMFICTX *ctx, const struct spool *body)
{
    unsigned char *chunk = malloc(BODY_CHUNK_BYTES);
    off_t offset = 0;
    int rc = -1;

    if (!chunk)
        return -1;
    do {
        ssize_t length = spool_read(body, chunk, BODY_CHUNK_BYTES, offset);

        /* An empty body is replaced by one empty chunk; no other read may give nothing. */
        if (length < 0 || (length == 0 && offset < spool_size(body)))
            goto out;
        if (smfi_replacebody(ctx, chunk, (int)length) != MI_SUCCESS)
            goto out;
        offset += length;
    } while (offset < spool_size(body));
    rc = 0;
out:
    free(chunk);
    return rc;
}

static int ask_return_headers(SMFICTX *ctx, const struct transaction *transaction)
{
    char *sender = NULL;
    char *args = NULL;
    int rc = -1;

    if (!return_headers_needed(transaction))
        return 0;
    args = return_headers_args(transaction);
    if (!args || asprintf(&sender, "<%s>", transaction->sender_text) < 0)
        sender = NULL;
    else
        rc = smfi_chgfrom(ctx, sender, args) == MI_SUCCESS ? 0 : -1;
    free(sender);
    free(args);
    return rc;
}

/* Who was handed a copy gets no other. */
static int remove_recipients(SMFICTX *ctx, const struct transaction *transaction,
                             const struct outcome_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++) {
        char *recipient = NULL;
        int result;

        if (asprintf(&recipient, "<%s>", transaction->recipients[copy->members[i]].text) < 0)
            return -1;
        result = smfi_delrcpt(ctx, recipient);
        free(recipient);
        if (result != MI_SUCCESS)
            return -1;
    }
    return 0;
}

/* Hand the outcome to the MTA. Returns 0, -1 when any of it failed: the message is deferred then,
 * so that nothing half-changed goes on. */
static int apply(SMFICTX *ctx, const struct session *session, const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->copy_count; i++)
        if (remove_recipients(ctx, session_transaction(session), &outcome->copies[i]) != 0)
            return -1;
    if (outcome->return_headers_only && ask_return_headers(ctx, session_transaction(session)) != 0)
        return -1;
    for (size_t i = 0; i < outcome->edit_count; i++)
        if (apply_edit(ctx, &outcome->edits[i]) != 0)
            return -1;
    if (outcome->action == FLOW_REPLACE)
        return outcome->body ? replace_body(ctx, outcome->body) : -1;
    return 0;
}

static int report_progress(void *context)
{
    return smfi_progress(context) == MI_SUCCESS ? 0 : -1;
}

static sfsistat on_eom(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);
    const struct outcome *outcome = NULL;
    enum session_result result;
    bool applied;

    if (!session)
        return SMFIS_TEMPFAIL;
    session_set_queue_id(session, macro(ctx, "i"));
    result = session_end(session, time(NULL), report_progress, ctx, &outcome);
    if (result != SESSION_CONTINUE)
        return result_of(ctx, result);
    applied = apply(ctx, session, outcome) == 0;
    session_finish(session, applied);
    return applied ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

static sfsistat on_abort(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    if (session)
        session_abort(session);
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *session = session_of(ctx);

    session_free(&session);
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

int milter_open(const char *address, char **why)
{
    struct smfiDesc description = {
        .xxfi_name = "smimed",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = NEEDED_ACTIONS,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_envfrom,
        .xxfi_envrcpt = on_envrcpt,
        .xxfi_header = on_header,
        .xxfi_eoh = on_eoh,
        .xxfi_body = on_body,
        .xxfi_eom = on_eom,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_negotiate = on_negotiate,
    };
    char *connection = strdup(address);
    int rc = -1;

    if (!connection) {
        why_set(why, "out of memory");
        return -1;
    }
    /* Not removed by libmilter: it would take away a socket that somebody listens on. */
    if (smfi_register(description) != MI_SUCCESS || smfi_setconn(connection) != MI_SUCCESS ||
        smfi_setbacklog(LISTEN_BACKLOG) != MI_SUCCESS)
        why_set(why, "libmilter refuses the socket %s", address);
    else if (smfi_opensocket(false) != MI_SUCCESS)
        why_set(why, "cannot listen on %s: %m", address);
    else
        rc = 0;
    free(connection);
    return rc;
}

int milter_run(struct service *service)
{
    shared_service = service;
    smfi_main();
    return -1;
}
