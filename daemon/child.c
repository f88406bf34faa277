/* What the processes that the supervisor starts have in common. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "background.h"
#include "log.h"
#include "privileges.h"
#include "why.h"

void child_ignore_signals(void)
{
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    /* A limit on file sizes is a full disk: an error of one message, not the end of all. */
    signal(SIGXFSZ, SIG_IGN);
}

struct gateway *child_open_gateway(const struct child_options *options, const char *name)
{
    struct problems problems = {0};
    struct gateway *gateway = gateway_open(options->config_path, &problems);
    char *why = NULL;

    if (gateway && privileges_check_spool(gateway->config->settings.spool, &why) != 0) {
        problems_add(&problems, NULL, 0, "%s", why_text(&why));
        gateway_release(&gateway);
    }
    for (size_t i = 0; i < problems.count; i++) {
        char *text = problem_text(&problems.items[i]);

        log_line(LOG_LEVEL_ERROR, name, "%s", text ? text : "out of memory");
        free(text);
    }
    why_free(&why);
    problems_clear(&problems);
    return gateway;
}

void child_announce(const struct child_options *options, const char *name)
{
    const char ready = CHILD_READY;

    if (options->background)
        background_detach(options->config->settings.log == LOG_TARGET_STDERR);
    log_mirror_errors(false);
    if (write(options->control, &ready, 1) != 1)
        log_line(LOG_LEVEL_WARNING, name, "the supervisor is gone");
}

void child_obey(const struct child_options *options, void (*reload)(void *context), void *context)
{
    char command;
    ssize_t length;

    for (;;) {
        length = read(options->control, &command, 1);
        if (length < 0 && errno == EINTR)
            continue;
        if (length != 1 || command == CHILD_STOP)
            return;
        if (command == CHILD_RELOAD)
            reload(context);
    }
}
