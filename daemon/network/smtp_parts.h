/* What the parts of the SMTP client share. Internal to daemon/network/. */
#ifndef DAEMON_NETWORK_SMTP_PARTS_H
#define DAEMON_NETWORK_SMTP_PARTS_H

#include "smtp_channel.h"

enum smtp_stage {
    SMTP_STAGE_READY, /* for MAIL */
    SMTP_STAGE_MAIL,  /* for RCPT */
    SMTP_STAGE_RCPT,  /* for RCPT and DATA */
    SMTP_STAGE_CONTENT,
    SMTP_STAGE_BROKEN, /* a transaction went wrong within its content: nothing can be said after */
};

struct smtp {
    struct smtp_channel channel;
    char *where; /* the server in sentences: "relay.example.com:25", "/path/of/socket" */
    char *words; /* smtp_last_words(); NULL for none */
    enum smtp_stage stage;
    unsigned extensions; /* enum smtp_extension */
    long long max_size;  /* of the server; 0: it does not say */
    bool encrypted;
    bool utf8;       /* the transaction is one of SMTPUTF8 */
    bool line_start; /* of the content: where a dot is stuffed */
    bool after_cr;
};

/* smtp_connect.c: make smtp->channel.curl a connection on which libcurl has done TLS and login.
 * SMTP_OK, SMTP_DEFERRED, SMTP_ERROR. */
enum smtp_status smtp_open(struct smtp *smtp, char **why);

/* "host:port" or the path, for sentences; NULL when out of memory. */
char *smtp_server_name(const struct smtp_server *server);

#endif
