/* `smimed -t`: everything that can be wrong before the first message comes. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "directory_check.h"
#include "enrol.h"
#include "gateway.h"
#include "listener.h"
#include "mail_server.h"
#include "mail_template.h"
#include "privileges.h"
#include "summary.h"
#include "why.h"

void check_print_problems(struct problems *problems, FILE *errors)
{
    for (size_t i = 0; i < problems->count; i++) {
        char *text = problem_text(&problems->items[i]);

        fprintf(errors, "%s\n", text ? text : "out of memory");
        free(text);
    }
    problems_clear(problems);
}

/* Add what a check had to say about a file's setting; once, if it holds for several. */
static void note(struct problems *problems, const struct config *config, char **why)
{
    const char *last = problems->count ? problems->items[problems->count - 1].text : NULL;

    if (!last || strcmp(last, why_text(why)) != 0)
        problems_add(problems, config->path, 0, "%s", why_text(why));
    why_free(why);
}

static void check_sockets(const struct config *config, struct problems *problems)
{
    const struct settings *settings = &config->settings;
    char *why = NULL;

    if (settings->socket_count == 0)
        problems_add(problems, config->path, 0, "sockets is missing: smimed needs at least one");
    for (size_t i = 0; i < settings->socket_count; i++)
        if (listener_check(settings, &settings->sockets[i], &why) != 0)
            note(problems, config, &why);
}

/* As the user that smimed runs as: it reads them later. */
static void check_cas(const struct config *config, struct problems *problems)
{
    char *why = NULL;

    for (size_t i = 0; i < config->settings.cmp_count; i++)
        if (enrol_ca_check(&config->settings.cmp[i], &why) != 0)
            note(problems, config, &why);
}

static void check_server(const struct config *config, const struct mail_server_setting *server,
                         struct problems *problems)
{
    char *why = NULL;

    if (mail_server_check(&config->settings, server, &why) != 0)
        note(problems, config, &why);
}

/* The mail falls back on the text that is built in; the administrator should hear of it before. */
static void check_template(const struct config *config, const char *name, const char *path,
                           struct problems *problems)
{
    char *why = NULL;
    char *text = mail_template_load(path, "Subject: built in\n\n", &why);

    if (!text) {
        why_prefix(&why, "%s", name);
        note(problems, config, &why);
    }
    free(text);
}

/* The same of a text in the messages of others. */
static void check_summary(const struct config *config, struct problems *problems)
{
    char *why = NULL;
    char *text = summary_load(config->settings.summary_template, &why);

    if (!text) {
        why_prefix(&why, "summary_template");
        note(problems, config, &why);
    }
    free(text);
}

static void check_templates(const struct config *config, struct problems *problems)
{
    const struct settings *settings = &config->settings;

    check_template(config, "report_template", settings->report_template, problems);
    check_template(config, "notice_template", settings->notice_template, problems);
    check_template(config, "sender_notice_template", settings->sender_notice_template, problems);
    check_summary(config, problems);
}

static void check_administrator(const struct config *config, struct problems *problems)
{
    if (config->settings.administrators.count > 0 && !mail_server_for_own(&config->settings))
        problems_add(problems, config->path, 0,
                     "administrator is set, but nobody takes the notices: set mail_server, or "
                     "reinject");
}

static void report_server(const char *name, const struct mail_server_setting *server, FILE *out)
{
    if (server->address)
        fprintf(out, "%s %s: not asked; its files were read\n", name, server->address);
}

/* What mail may be written with: the profile for all, and those that rules name. */
static void report_profiles(const struct config *config, FILE *out)
{
    for (size_t i = 0; i <= config->rules.count; i++) {
        const char *name = i == 0 ? config->settings.profile : config->rules.items[i - 1].profile;
        const struct profile *profile = name ? profile_find(&config->settings, name) : NULL;
        char *text = profile ? profile_text(profile) : NULL;

        for (size_t k = 0; text && k < i; k++) {
            const char *before =
                k == 0 ? config->settings.profile : config->rules.items[k - 1].profile;

            if (before && strcmp(before, name) == 0) {
                free(text);
                text = NULL;
            }
        }
        if (text)
            fprintf(out, "profile %s: %s\n", name, text);
        free(text);
    }
}

static void report(const struct config *config, FILE *out)
{
    const struct settings *settings = &config->settings;

    fprintf(out, "%s is good: %zu rules, %zu managed domains\n", config->path, config->rules.count,
            settings->managed_domains.count);
    for (size_t i = 0; i < settings->socket_count; i++)
        fprintf(out, "socket %s, role %s: can be made\n", settings->sockets[i].address,
                role_name(settings->sockets[i].role));
    report_profiles(config, out);
    report_server("reinject", &settings->reinject, out);
    report_server("reinject_incoming", &settings->reinject_incoming, out);
    report_server("mail_server", &settings->mail_server, out);
    fprintf(out, "store %s, master secret %s: opened\n", settings->store, settings->master_secret);
    fprintf(out, "spool %s: writable for smimed only\n", settings->spool);
}

int check_run(const char *config_path, FILE *out, FILE *errors)
{
    struct problems problems = {0};
    struct config *config = config_load(config_path, &problems);
    struct gateway *gateway = NULL;
    char *why = NULL;
    int status = 1;

    if (!config)
        goto out;
    check_sockets(config, &problems);
    if (privileges_drop(config->settings.user, config->settings.group, &why) < 0) {
        note(&problems, config, &why);
        config_free(&config);
        goto out;
    }
    if (privileges_check_spool(config->settings.spool, &why) != 0)
        note(&problems, config, &why);
    directory_check(&config->settings, config_path, &problems);
    check_server(config, &config->settings.reinject, &problems);
    check_server(config, &config->settings.reinject_incoming, &problems);
    check_server(config, &config->settings.mail_server, &problems);
    check_templates(config, &problems);
    check_administrator(config, &problems);
    check_cas(config, &problems);
    gateway = gateway_new(config, &problems);
    if (gateway && problems.count == 0) {
        report(gateway->config, out);
        status = 0;
    }
out:
    gateway_release(&gateway);
    check_print_problems(&problems, errors);
    return status;
}
