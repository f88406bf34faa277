/* Send messages to a milter as an MTA would, and show what becomes of them.
 *
 *     milter_send --socket S --mail-from A --rcpt B ... [options] < message > result
 *
 * The resulting message goes to standard output (of the last one, when there are several), replies
 * go to standard error. Exit status: 0 accepted, 1 refused for good, 2 refused for now, 3 the
 * milter was lost, 64 wrong command line. */
#include "milter_client.h"

#include <getopt.h>
#include <time.h>

struct command_line {
    const char *socket;
    const char *client;
    struct milter_mail mail;
    size_t to_count;
    size_t arg_count;
    long count;          /* messages in all */
    long per_connection; /* 0: all on one */
    bool abort_midway;   /* abort each message once before it is sent */
    bool quiet;
    bool timing;
};

static const char usage[] =
    "usage: milter_send --socket S --mail-from A --rcpt B [--rcpt C ...] [options] < message\n"
    "  --mail-arg ARG        an ESMTP parameter of MAIL\n"
    "  --auth LOGIN          {auth_authen}\n"
    "  --client IP           the SMTP client's address; \"local\" for a program on the machine\n"
    "  --queue-id ID         the queue id\n"
    "  --count N             send the message N times\n"
    "  --per-connection N    at most N on one connection\n"
    "  --abort               begin and abort every message once before it is sent\n"
    "  --quiet               no result on standard output\n"
    "  --time                messages a second on standard error\n";

static char *read_all(FILE *in, size_t *length_out)
{
    size_t size = 65536;
    size_t length = 0;
    char *text = milter_need(malloc(size));
    size_t got;

    while ((got = fread(text + length, 1, size - length, in)) > 0) {
        length += got;
        if (length == size) {
            size *= 2;
            text = milter_need(realloc(text, size));
        }
    }
    *length_out = length;
    return text;
}

static int read_command_line(int argc, char **argv, struct command_line *line)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"mail-from", required_argument, NULL, 'f'},
        {"rcpt", required_argument, NULL, 'r'},
        {"mail-arg", required_argument, NULL, 'g'},
        {"auth", required_argument, NULL, 'a'},
        {"client", required_argument, NULL, 'c'},
        {"queue-id", required_argument, NULL, 'i'},
        {"count", required_argument, NULL, 'n'},
        {"per-connection", required_argument, NULL, 'p'},
        {"abort", no_argument, NULL, 'A'},
        {"quiet", no_argument, NULL, 'q'},
        {"time", no_argument, NULL, 't'},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            line->socket = optarg;
            break;
        case 'f':
            line->mail.from = optarg;
            break;
        case 'r':
            if (line->to_count + 1 < MILTER_MAX_TO)
                line->mail.to[line->to_count++] = optarg;
            break;
        case 'g':
            if (line->arg_count < 8)
                line->mail.args[line->arg_count++] = optarg;
            break;
        case 'a':
            line->mail.login = optarg;
            break;
        case 'c':
            line->client = strcmp(optarg, "local") ? optarg : NULL;
            break;
        case 'i':
            line->mail.queue_id = optarg;
            break;
        case 'n':
            line->count = strtol(optarg, NULL, 10);
            break;
        case 'p':
            line->per_connection = strtol(optarg, NULL, 10);
            break;
        case 'A':
            line->abort_midway = true;
            break;
        case 'q':
            line->quiet = true;
            break;
        case 't':
            line->timing = true;
            break;
        default:
            return -1;
        }
    }
    return line->socket && line->mail.from && line->to_count > 0 && optind == argc ? 0 : -1;
}

static int exit_status(const struct milter_client *mc, char answer)
{
    switch (answer) {
    case MILTER_ACCEPT:
        return 0;
    case MILTER_REPLYCODE:
        fprintf(stderr, "%s\n", mc->reply);
        return mc->reply[0] == '5' ? 1 : 2;
    case MILTER_REJECT:
        fprintf(stderr, "rejected\n");
        return 1;
    case MILTER_TEMPFAIL:
        fprintf(stderr, "deferred\n");
        return 2;
    default:
        fprintf(stderr, "%s\n", mc->error[0] ? mc->error : "unexpected answer");
        return 3;
    }
}

/* Begin the message and abort it after its header. */
static char begin_and_abort(struct milter_client *mc, const struct milter_mail *mail)
{
    char answer = milter_envelope(mc, mail);

    if (answer == MILTER_CONTINUE)
        answer = milter_data(mc, mail);
    if (answer == MILTER_CONTINUE && milter_abort(mc) != 0)
        answer = MILTER_LOST;
    return answer;
}

static int send_one(struct milter_client *mc, const struct command_line *line)
{
    int status;

    if (line->abort_midway && begin_and_abort(mc, &line->mail) == MILTER_LOST)
        return exit_status(mc, MILTER_LOST);
    status = exit_status(mc, milter_send(mc, &line->mail));
    for (size_t i = 0; i < line->to_count; i++)
        if (mc->to_replies[i] && mc->to_replies[i] != MILTER_CONTINUE)
            fprintf(stderr, "recipient %s: not accepted\n", line->mail.to[i]);
    if (status == 0 && mc->change_from)
        fprintf(stderr, "MAIL FROM:%s %s\n", mc->change_from, mc->change_from_args);
    return status;
}

static int run(const struct command_line *line)
{
    struct milter_client mc = {.fd = -1};
    int status = 0;

    for (long i = 0; i < line->count && status == 0; i++) {
        if (i == 0 || (line->per_connection > 0 && i % line->per_connection == 0)) {
            milter_close(&mc);
            if (milter_connect(&mc, line->socket) != 0)
                return exit_status(&mc, MILTER_LOST);
            if (milter_open_session(&mc, line->client) != MILTER_CONTINUE) {
                status = exit_status(&mc, MILTER_LOST);
                break;
            }
        }
        status = send_one(&mc, line);
    }
    if (status == 0 && !line->quiet && mc.message &&
        fwrite(mc.message, 1, mc.message_length, stdout) != mc.message_length)
        status = 3;
    milter_close(&mc);
    return status;
}

int main(int argc, char **argv)
{
    struct command_line line = {.client = "192.0.2.1", .count = 1};
    struct timespec from, to;
    double seconds;
    char *text;
    int status;

    if (read_command_line(argc, argv, &line) != 0) {
        fputs(usage, stderr);
        return 64;
    }
    text = read_all(stdin, &line.mail.length);
    line.mail.text = text;
    clock_gettime(CLOCK_MONOTONIC, &from);
    status = run(&line);
    clock_gettime(CLOCK_MONOTONIC, &to);
    seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    if (line.timing)
        fprintf(stderr, "%ld messages in %.3f s, %.1f a second\n", line.count, seconds,
                (double)line.count / seconds);
    free(text);
    return status;
}
