/* A session driven by bytes: each first byte of a piece is the command, the rest its argument.
 *
 * The gateway is a real one, with an empty store in a directory of its own, so that whole messages
 * go through the flow. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/stat.h>

#include "log.h"
#include "session.h"
#include "why.h"

#define NOW ((time_t)1767225600)
#define PIECE_END '\x1e' /* between commands */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64] = "/tmp/smimed-fuzz-XXXXXX";
static struct service *services[3];

static void remove_directory(void)
{
    char command[128];

    for (size_t i = 0; i < 3; i++)
        service_free(&services[i]);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", directory);
}

static void need(int made, const char *what)
{
    if (made)
        return;
    fprintf(stderr, "fuzz_session: cannot make %s\n", what);
    abort();
}

static void make_services(void)
{
    char config[96], store[96], secret[96], spool[96];
    struct store_options options = {.path = store, .secret_path = secret, .timeout_ms = 1000};
    char *why = NULL;
    FILE *out;

    need(mkdtemp(directory) != NULL, "a directory");
    atexit(remove_directory);
    snprintf(config, sizeof config, "%s/conf", directory);
    snprintf(store, sizeof store, "%s/store", directory);
    snprintf(secret, sizeof secret, "%s/secret", directory);
    snprintf(spool, sizeof spool, "%s/spool", directory);
    need(mkdir(spool, 0700) == 0, "a spool");
    need(store_create(&options, &why) == STORE_OK, "a store");
    out = fopen(config, "w");
    need(out != NULL, "a configuration");
    fprintf(out,
            "managed_domains = [ \"example.com\" ];\nstore = \"%s\";\nmaster_secret = \"%s\";\n"
            "spool = \"%s\";\nmozilla_roots = \"\";\nauthserv_id = \"mx.example.com\";\n"
            "max_recipients = 5;\nmax_header_bytes = 4096;\nmax_message_bytes = 65536;\n"
            "memory_spool_bytes = 4096;\n",
            store, secret, spool);
    need(fclose(out) == 0, "a configuration");
    for (int role = ROLE_INBOUND; role <= ROLE_LOCAL; role++) {
        struct problems problems = {0};
        struct gateway *gateway = gateway_open(config, &problems);

        if (problems.count > 0)
            fprintf(stderr, "%s\n", problems.items[0].text);
        need(gateway != NULL, "a gateway");
        services[role] = service_new(gateway, (enum role)role);
        need(services[role] != NULL, "a service");
    }
    log_configure(LOG_TARGET_STDERR, LOG_LEVEL_ERROR, false);
}

static void end_message(struct session *session, const char *text)
{
    const struct outcome *outcome = NULL;

    if (session_end(session, NOW, NULL, NULL, &outcome) != SESSION_CONTINUE)
        return;
    need(outcome != NULL && outcome->action != FLOW_REPLY, "an outcome");
    session_finish(session, *text != 'x');
}

static void connect_client(struct session *session, const char *text, size_t length)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};

    if (length < sizeof address.sin6_addr) {
        session_connect(session, NULL);
        return;
    }
    memcpy(&address.sin6_addr, text, sizeof address.sin6_addr);
    session_connect(session, (struct sockaddr *)&address);
}

static void header(struct session *session, char *text)
{
    char *colon = strchr(text, ':');

    if (!colon)
        return;
    *colon = '\0';
    session_header(session, text, colon + 1);
}

static void mail_from(struct session *session, char *text)
{
    /* "sender\targument\tlogin" */
    const char *args[] = {NULL, NULL};
    struct session_mail mail = {.from = text, .args = args};
    char *rest = text;

    mail.from = strsep(&rest, "\t");
    args[0] = strsep(&rest, "\t");
    mail.login = strsep(&rest, "\t");
    mail.host = rest;
    session_sender(session, &mail);
}

/* One command. `text` is NUL-terminated, and may have NULs within for the body. */
static void command(struct session *session, char name, char *text, size_t length)
{
    switch (name) {
    case 'C':
        connect_client(session, text, length);
        break;
    case 'M':
        mail_from(session, text);
        break;
    case 'R':
        session_recipient(session, text, NULL, NOW);
        break;
    case 'Q':
        session_set_queue_id(session, text);
        break;
    case 'L':
        header(session, text);
        break;
    case 'N':
        session_end_of_header(session);
        break;
    case 'B':
        session_body(session, text, length);
        break;
    case 'E':
        end_message(session, text);
        break;
    case 'A':
        session_abort(session);
        break;
    default:
        break;
    }
    need(session_id(session) != NULL && session_reply(session) != NULL, "an id");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session *session;
    const uint8_t *end = data + size;

    if (!services[0])
        make_services();
    if (size < 1)
        return 0;
    session = session_new(services[data[0] % 3]);
    need(session != NULL, "a session");
    session_connect(session, NULL);
    for (const uint8_t *at = data + 1; at < end;) {
        const uint8_t *stop = memchr(at, PIECE_END, (size_t)(end - at));
        size_t length;
        char *text;

        if (!stop)
            stop = end;
        if (stop > at) {
            length = (size_t)(stop - at) - 1;
            text = malloc(length + 1);
            need(text != NULL, "room");
            memcpy(text, at + 1, length);
            text[length] = '\0';
            command(session, (char)*at, text, length);
            free(text);
        }
        at = stop < end ? stop + 1 : end;
    }
    session_free(&session);
    for (size_t i = 0; i < 3; i++)
        need(service_wait_idle(services[i], 0) == 0, "an end of every message");
    return 0;
}
