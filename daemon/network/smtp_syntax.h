/* What may stand in MAIL and RCPT: checked before it is written, so that nobody who chooses an
 * address chooses a command. Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_SMTP_SYNTAX_H
#define DAEMON_NETWORK_SMTP_SYNTAX_H

#include <stdbool.h>

#define SMTP_MAX_ADDRESS_BYTES 998
/* RFC 3461 has 100 and 500; what an MTA let in longer has to go on. */
#define SMTP_MAX_ENVID_BYTES 998
#define SMTP_MAX_ORCPT_BYTES 998

/* May `text` stand between < and >? No control characters, no blanks, angle brackets or
 * backslashes outside quotes, quotes in pairs, UTF-8 where not ASCII. Whether it is an address is
 * for the server to say. */
bool smtp_path_is_sound(const char *text);

/* RET, ENVID, NOTIFY and ORCPT (RFC 3461, RFC 6533). */
bool smtp_ret_is_sound(const char *text);
bool smtp_envid_is_sound(const char *text);
bool smtp_notify_is_sound(const char *text);
bool smtp_orcpt_is_sound(const char *text);

/* A name for EHLO, or of a host: letters, digits, dots, hyphens and underscores. */
bool smtp_name_is_sound(const char *text);

#endif
