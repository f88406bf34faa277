/* The mail servers of the configuration, as the SMTP client takes them. */
#include "mail_server.h"

#include <sys/socket.h>

#include "why.h"

static const enum smtp_tls tls_modes[] = {[MAIL_TLS_NONE] = SMTP_TLS_NONE,
                                          [MAIL_TLS_OPPORTUNISTIC] = SMTP_TLS_OPPORTUNISTIC,
                                          [MAIL_TLS_REQUIRED] = SMTP_TLS_REQUIRED,
                                          [MAIL_TLS_IMPLICIT] = SMTP_TLS_IMPLICIT};
static const enum smtp_verify verify_modes[] = {[MAIL_VERIFY_FULL] = SMTP_VERIFY_FULL,
                                                [MAIL_VERIFY_CHAIN] = SMTP_VERIFY_CHAIN,
                                                [MAIL_VERIFY_NONE] = SMTP_VERIFY_NONE};

void mail_server_fill(const struct settings *settings, const struct mail_server_setting *setting,
                      struct smtp_server *out)
{
    *out = (struct smtp_server){
        .unix_path = setting->unix_path,
        .host = setting->host,
        .port = setting->port,
        .family = setting->ipv6 ? AF_INET6 : AF_INET,
        .tls = tls_modes[setting->tls],
        .verify = verify_modes[setting->verify],
        .ca_file = setting->ca_file,
        .user = setting->user,
        .password_file = setting->password_file,
        .login_in_clear = setting->login_in_clear,
        .helo_name = settings->helo_name,
        .answer_timeout_ms = settings->smtp_timeout_s * 1000,
        .total_timeout_ms = settings->work_timeout_s * 1000,
    };
}

const struct mail_server_setting *mail_server_for_own(const struct settings *settings)
{
    if (settings->mail_server.address)
        return &settings->mail_server;
    return settings->reinject.address ? &settings->reinject : NULL;
}

int mail_server_check(const struct settings *settings, const struct mail_server_setting *setting,
                      char **why)
{
    struct smtp_server server;

    if (!setting->address)
        return 0;
    mail_server_fill(settings, setting, &server);
    if (smtp_check(&server, why) == SMTP_OK)
        return 0;
    why_prefix(why, "%s", setting->address);
    return -1;
}
