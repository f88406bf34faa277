/* A milter protocol client: the MTA's side, of our own, so that tests and the benchmark hand
 * messages to a running smimed and get back what an MTA would send on.
 *
 * Header only, so that every test program stays one .c file.
 *
 *     struct milter_client mc = {0};
 *     struct milter_mail mail = {.from = "<alice@example.com>", .to = {"<bob@partner.test>"},
 *                                .login = "alice", .text = text, .length = strlen(text)};
 *     milter_connect(&mc, "unix:/run/smimed/submission.sock");
 *     milter_open_session(&mc, "192.0.2.1");
 *     if (milter_send(&mc, &mail) == MILTER_ACCEPT) ... mc.message, mc.message_length
 *     milter_close(&mc);
 *
 * Functions return a reply character of the protocol (MILTER_*), or MILTER_LOST with mc.error. */
#ifndef TESTS_MILTER_CLIENT_H
#define TESTS_MILTER_CLIENT_H

#include "milter_wire.h"

struct milter_mail {
    const char *from; /* as in MAIL FROM */
    const char *args[8];
    const char *to[MILTER_MAX_TO]; /* NULL at the end */
    const char *login;             /* {auth_authen}; NULL: not authenticated */
    const char *tls;               /* {tls_version}; NULL: no TLS */
    const char *queue_id;          /* told from the second command on; NULL: "Q0001" */
    const char *text;              /* the message; LF or CRLF lines */
    size_t length;
};

/* ---- A session ---- */

MILTER_UNUSED static char milter_negotiate_with(struct milter_client *mc, uint32_t actions,
                                                uint32_t protocol)
{
    uint32_t offer[3] = {htonl(6), htonl(actions), htonl(protocol)};
    uint32_t got[3];
    char answer;

    if (milter_put(mc, 'O', offer, sizeof offer) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    answer = milter_get(mc);
    if (answer != 'O')
        return answer == MILTER_LOST ? answer : milter_fail(mc, "negotiation failed");
    if (mc->data_length < sizeof got)
        return milter_fail(mc, "negotiation answer of %zu bytes", mc->data_length);
    memcpy(got, mc->data, sizeof got);
    mc->actions = ntohl(got[1]);
    mc->protocol = ntohl(got[2]);
    free(mc->symlist);
    mc->symlist = milter_need(calloc(1, 1));
    for (size_t at = sizeof got; at + 5 <= mc->data_length;) {
        const char *names = (const char *)mc->data + at + 4;
        char *longer = NULL;
        uint32_t stage;

        memcpy(&stage, mc->data + at, 4);
        if (asprintf(&longer, "%s%u:%s;", mc->symlist, (unsigned)ntohl(stage), names) < 0)
            abort();
        free(mc->symlist);
        mc->symlist = longer;
        at += 4 + strlen(names) + 1;
    }
    return MILTER_CONTINUE;
}

/* Tell of an SMTP client; `ip` NULL: a program on the MTA's machine, without an address. */
MILTER_UNUSED static char milter_client_connects(struct milter_client *mc, const char *ip)
{
    const char *macros[] = {"j", "mx.example.com", "{client_addr}", ip ? ip : "127.0.0.1", NULL};
    char data[256];
    size_t length;

    if (milter_macros(mc, 'C', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    length = (size_t)snprintf(data, sizeof data, "client.test") + 1;
    if (!ip) {
        data[length++] = 'U';
    } else {
        data[length++] = strchr(ip, ':') ? '6' : '4';
        data[length++] = 0x30;
        data[length++] = 0x39;
        length += (size_t)snprintf(data + length, sizeof data - length, "%s", ip) + 1;
    }
    return milter_command(mc, 'C', data, length);
}

MILTER_UNUSED static char milter_open_session(struct milter_client *mc, const char *ip)
{
    char answer = milter_negotiate_with(mc, MILTER_ALL_ACTIONS, MILTER_ALL_PROTOCOL);

    return answer == MILTER_CONTINUE ? milter_client_connects(mc, ip) : answer;
}

MILTER_UNUSED static void milter_clear_message(struct milter_client *mc)
{
    for (size_t i = 0; i < mc->field_count; i++) {
        free(mc->fields[i].name);
        free(mc->fields[i].value);
    }
    free(mc->fields);
    free(mc->body);
    free(mc->change_from);
    free(mc->change_from_args);
    free(mc->message);
    mc->fields = NULL;
    mc->field_count = 0;
    mc->body = mc->change_from = mc->change_from_args = mc->message = NULL;
    mc->body_length = mc->message_length = mc->edits = mc->progress = 0;
    mc->body_replaced = false;
}

MILTER_UNUSED static char milter_mail_from(struct milter_client *mc, const struct milter_mail *mail)
{
    const char *strings[10] = {mail->from};
    const char *macros[] = {
        "{client_addr}", "192.0.2.1", "{mail_addr}", mail->from, NULL, NULL, NULL, NULL, NULL};
    size_t count = 4;

    milter_clear_message(mc);
    if (mail->login) {
        macros[count++] = "{auth_authen}";
        macros[count++] = mail->login;
    }
    if (mail->tls) {
        macros[count++] = "{tls_version}";
        macros[count++] = mail->tls;
    }
    for (size_t i = 0; i < 8 && mail->args[i]; i++)
        strings[i + 1] = mail->args[i];
    if (milter_macros(mc, 'M', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return milter_strings(mc, 'M', strings);
}

MILTER_UNUSED static char milter_rcpt_to(struct milter_client *mc, const char *to)
{
    const char *strings[] = {to, NULL};
    const char *macros[] = {"{rcpt_addr}", to, NULL};

    if (milter_macros(mc, 'R', macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return milter_strings(mc, 'R', strings);
}

/* Split the message into fields (values with their leading blank, folds as LF) and a CRLF body. */
MILTER_UNUSED static void milter_take_message(struct milter_client *mc, const char *text,
                                              size_t length)
{
    const char *at = text;
    const char *end = text + length;
    char *put;

    while (at < end && *at != '\n' && !(*at == '\r' && at + 1 < end && at[1] == '\n')) {
        const char *stop = at;
        char *field;
        char *colon;

        do {
            stop = memchr(stop, '\n', (size_t)(end - stop));
            stop = stop ? stop + 1 : end;
        } while (stop < end && (*stop == ' ' || *stop == '\t'));
        field = milter_need(malloc((size_t)(stop - at) + 1));
        put = field;
        for (const char *c = at; c < stop; c++)
            if (*c != '\r' && !(*c == '\n' && c + 1 == stop))
                *put++ = *c;
        *put = '\0';
        colon = strchr(field, ':');
        if (colon) {
            *colon = '\0';
            milter_insert_field(mc, mc->field_count, field, colon + 1);
        }
        free(field);
        at = stop;
    }
    if (at < end && *at == '\r')
        at++;
    if (at < end)
        at++;
    mc->body = put = milter_need(malloc((size_t)(end - at) * 2 + 1));
    for (const char *c = at; c < end; c++) {
        if (*c == '\n' && (c == at || c[-1] != '\r'))
            *put++ = '\r';
        *put++ = *c;
    }
    *put = '\0';
    mc->body_length = (size_t)(put - mc->body);
}

MILTER_UNUSED static char milter_put_header(struct milter_client *mc)
{
    for (size_t i = 0; i < mc->field_count; i++) {
        const char *strings[] = {mc->fields[i].name, mc->fields[i].value, NULL};
        char *data;
        size_t length = milter_join(&data, strings);
        char answer = MILTER_CONTINUE;

        if (milter_put(mc, 'L', data, length) != 0)
            answer = milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
        else if (!(mc->protocol & MILTER_NR_HDR))
            answer = milter_answer(mc);
        free(data);
        if (answer != MILTER_CONTINUE)
            return answer;
    }
    return MILTER_CONTINUE;
}

MILTER_UNUSED static char milter_queue_id(struct milter_client *mc, char stage,
                                          const struct milter_mail *mail)
{
    const char *macros[] = {"i", mail->queue_id ? mail->queue_id : "Q0001", NULL};

    if (milter_macros(mc, stage, macros) != 0)
        return milter_fail(mc, "cannot send to the milter: %s", strerror(errno));
    return MILTER_CONTINUE;
}

/* Header and body, without the end of the message. */
MILTER_UNUSED static char milter_data(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer;

    milter_take_message(mc, mail->text, mail->length);
    answer = milter_put_header(mc);
    if (answer == MILTER_CONTINUE)
        answer = milter_queue_id(mc, 'N', mail);
    if (answer == MILTER_CONTINUE)
        answer = milter_command(mc, 'N', NULL, 0);
    for (size_t at = 0; answer == MILTER_CONTINUE && at < mc->body_length; at += MILTER_CHUNK) {
        size_t left = mc->body_length - at;

        answer = milter_command(mc, 'B', mc->body + at, left < MILTER_CHUNK ? left : MILTER_CHUNK);
    }
    return answer;
}

/* The resulting message as text. */
MILTER_UNUSED static void milter_make_message(struct milter_client *mc)
{
    FILE *out = milter_need(open_memstream(&mc->message, &mc->message_length));

    for (size_t i = 0; i < mc->field_count; i++) {
        fprintf(out, "%s:", mc->fields[i].name);
        for (const char *c = mc->fields[i].value; *c; c++) {
            if (*c == '\n')
                fputc('\r', out);
            fputc(*c, out);
        }
        fputs("\r\n", out);
    }
    fputs("\r\n", out);
    fwrite(mc->body, 1, mc->body_length, out);
    fclose(out);
}

/* The end of the message. MILTER_ACCEPT (for both accepting answers) with mc->message set. */
MILTER_UNUSED static char milter_end(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_queue_id(mc, 'E', mail);

    if (answer == MILTER_CONTINUE)
        answer = milter_command(mc, 'E', NULL, 0);
    if (answer == MILTER_CONTINUE)
        answer = MILTER_ACCEPT;
    if (answer == MILTER_ACCEPT)
        milter_make_message(mc);
    return answer;
}

MILTER_UNUSED static int milter_abort(struct milter_client *mc)
{
    return milter_put(mc, 'A', NULL, 0) == 0 ? milter_flush(mc) : -1;
}

/* MAIL and all RCPTs. MILTER_CONTINUE when at least one recipient was taken, else the answer to
 * MAIL or to the last RCPT. */
MILTER_UNUSED static char milter_envelope(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_mail_from(mc, mail);
    size_t taken = 0;

    if (answer != MILTER_CONTINUE)
        return answer;
    for (size_t i = 0; i < MILTER_MAX_TO && mail->to[i]; i++) {
        answer = milter_rcpt_to(mc, mail->to[i]);
        mc->to_replies[i] = answer;
        if (answer == MILTER_LOST)
            return answer;
        taken += answer == MILTER_CONTINUE;
    }
    if (taken > 0)
        return MILTER_CONTINUE;
    milter_abort(mc);
    return answer;
}

/* A whole message. MILTER_ACCEPT with mc->message, or the answer that ended it. */
MILTER_UNUSED static char milter_send(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_envelope(mc, mail);

    if (answer == MILTER_CONTINUE)
        answer = milter_data(mc, mail);
    if (answer == MILTER_CONTINUE)
        answer = milter_end(mc, mail);
    return answer;
}

/* The value of the `index`-th (from 0) field called `name` in the message in hand; NULL. */
MILTER_UNUSED static const char *milter_field(const struct milter_client *mc, const char *name,
                                              size_t index)
{
    for (size_t i = 0; i < mc->field_count; i++)
        if (!strcasecmp(mc->fields[i].name, name) && index-- == 0)
            return mc->fields[i].value;
    return NULL;
}

MILTER_UNUSED static void milter_close(struct milter_client *mc)
{
    if (mc->fd >= 0) {
        if (milter_put(mc, 'Q', NULL, 0) == 0)
            milter_flush(mc);
        close(mc->fd);
    }
    milter_clear_message(mc);
    free(mc->symlist);
    free(mc->data);
    free(mc->out);
    mc->symlist = NULL;
    mc->out = NULL;
    mc->data = NULL;
    mc->fd = -1;
}

#endif
