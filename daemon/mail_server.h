/* The mail servers of the configuration, as the SMTP client takes them. */
#ifndef DAEMON_MAIL_SERVER_H
#define DAEMON_MAIL_SERVER_H

#include "settings.h"
#include "smtp.h"

/* `setting`, which names a server, as *out; it points into both. Without a progress function, and
 * with work_timeout_s as the time for everything on a connection. */
void mail_server_fill(const struct settings *settings, const struct mail_server_setting *setting,
                      struct smtp_server *out);

/* Where reports go: `mail_server`, or else `reinject`; NULL when there is neither. */
const struct mail_server_setting *mail_server_for_own(const struct settings *settings);

/* Can the files be read that `setting` names, if it names a server? Nobody is asked. Returns 0, -1
 * with a sentence. */
int mail_server_check(const struct settings *settings, const struct mail_server_setting *setting,
                      char **why);

#endif
