/* A gateway of its own treats the message, so that the configuration can be changed for that. */
#include "message_trial.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mailboxes.h"
#include "tell.h"
#include "why.h"

static int rewind_message(const struct message_trial *trial)
{
    if (lseek(trial->descriptor, 0, SEEK_SET) == 0) {
        return 0;
    }
    tell_error("the message cannot be read again: %m");
    return -1;
}

static int read_author(struct message_trial *trial)
{
    struct smime_limits limits;
    struct entity message = {0};
    enum line_ends ends = LINE_ENDS_LF;
    char *why = NULL;
    gateway_limits(trial->gateway, &limits);
    enum message_status status =
        message_read(trial->descriptor, &trial->gateway->spool, &limits, &message, &ends, &why);
    if (status == MESSAGE_OK) {
        mailboxes_from(&message.header, &trial->author, &trial->author_reason);
    } else {
        tell_error("the message: %s", why_text(&why));
    }
    entity_clear(&message);
    why_free(&why);
    return status == MESSAGE_OK ? 0 : -1;
}

int message_trial_open(const struct context *context, const char *path, struct message_trial *out)
{
    struct problems problems = {0};
    *out = (struct message_trial){.descriptor = open(path, O_RDONLY | O_CLOEXEC)};
    if (out->descriptor < 0) {
        tell_error("%s: %m", path);
        return -1;
    }
    if (lseek(out->descriptor, 0, SEEK_SET) != 0) {
        tell_error("%s has to be a file, because it is read more than once", path);
        return -1;
    }
    out->gateway = gateway_open(context->config_path, &problems);
    if (!out->gateway) {
        context_tell_problems(&problems);
    }
    problems_clear(&problems);
    if (!out->gateway) {
        return -1;
    }
    out->gateway->config->settings.harvest = HARVEST_OFF;
    return read_author(out);
}

int message_trial_run(struct message_trial *trial, const struct context *context, enum role role,
                      const char *from, const char *to, struct process_result *result)
{
    const struct option_values recipients = {.items = &to, .count = 1};
    const struct envelope envelope = {
        .role = role, .from = from, .to = &recipients, .now = context->now};
    enum line_ends ends = LINE_ENDS_LF;
    if (rewind_message(trial)) {
        return -1;
    }
    return process_run(trial->gateway, &envelope, trial->descriptor, result, &ends);
}

void message_trial_clear(struct message_trial *trial)
{
    if (trial->descriptor >= 0) {
        close(trial->descriptor);
    }
    gateway_release(&trial->gateway);
    free(trial->author);
    why_free(&trial->author_reason);
    *trial = (struct message_trial){.descriptor = -1};
}
