/* A mail server that smimed sends to, as smimed.conf names it. */
#ifndef RULES_MAIL_SERVER_SETTING_H
#define RULES_MAIL_SERVER_SETTING_H

#include <stdbool.h>

enum mail_tls { MAIL_TLS_NONE, MAIL_TLS_OPPORTUNISTIC, MAIL_TLS_REQUIRED, MAIL_TLS_IMPLICIT };
enum mail_verify { MAIL_VERIFY_FULL, MAIL_VERIFY_CHAIN, MAIL_VERIFY_NONE };

/* reinject = "unix:/path", or mail_server = { address = "inet:587@relay.example.com"; user = "x";
 * password_file = "/path"; } */
struct mail_server_setting {
    char *address;           /* as written; NULL: there is no such server */
    char *unix_path;         /* NULL: TCP */
    char *host;              /* canonical name or number; NULL with a Unix socket */
    unsigned port;           /* 0 with a Unix socket */
    bool ipv6;               /* "inet6:" */
    enum mail_tls tls;       /* default: none for Unix sockets and loopback, required for others */
    enum mail_verify verify; /* default full: chain and host name */
    char *ca_file;           /* PEM, besides the system's authorities; NULL: none */
    char *user;              /* NULL: no login */
    char *password_file;     /* there whenever `user` is */
    bool login_in_clear;     /* default false */
};

void mail_server_setting_clear(struct mail_server_setting *setting);

#endif
