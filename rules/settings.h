/* Settings of smimed.conf, as values.
 *
 * One table in settings_table.c (name, type, default, minimum, maximum, allowed values, one line of
 * documentation) feeds the parser, `smimed -t`, the dump of defaults and the test that
 * smimed.conf(5) names them all. */
#ifndef RULES_SETTINGS_H
#define RULES_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cmp_setting.h"
#include "mail_host.h"
#include "mail_server_setting.h"
#include "pattern.h"
#include "profile.h"
#include "rules.h"

enum role { ROLE_INBOUND, ROLE_SUBMISSION, ROLE_LOCAL };
const char *role_name(enum role role); /* "inbound", "submission", "local" */

struct string_list {
    char **items;
    size_t count;
};

/* sockets = ( { address = "unix:/run/smimed/inbound.sock"; role = "inbound"; mode = "0660"; group =
 * "postfix"; } ) */
struct socket_setting {
    char *address; /* "unix:/path", "inet:port@host", "inet6:port@host" */
    enum role role;
    unsigned mode; /* of a Unix socket, octal; default 0660 */
    char *group;   /* NULL: that of the process */
};

/* sender_logins = ( { login = "alice"; addresses = [ "alice@example.com", "info@example.com" ]; } )
 */
struct login_setting {
    char *login;
    struct pattern_list addresses;
};

/* trusted_networks = ( { network = "192.0.2.0/24"; addresses = [ "example.com" ]; } ) */
struct network_setting {
    unsigned char prefix[16]; /* IPv6, or IPv4-mapped (RFC 4291 section 2.5.5.2) */
    unsigned prefix_bits;     /* of 128 */
    struct pattern_list addresses;
};

/* shared_mailboxes = ( { from = "info@example.com"; senders = [ "alice@example.com" ]; } ) */
struct shared_setting {
    struct pattern from;
    struct pattern_list senders;
};

/* client_servers = ( { addresses = [ "example.com" ]; imap = "imap.example.com:993 tls"; submission
 * = "smtp.example.com:587 starttls"; username = "%a"; } ) */
struct client_setting {
    struct pattern_list addresses;
    struct mail_host imap, pop3, submission, activesync; /* without a name: there is none */
    char *username;                                      /* checked by mail_username_check() */
};

/* directories = ( { url = "ldaps://ldap.partner.test"; domains = [ "partner.test" ]; } ) */
enum starttls { STARTTLS_REQUIRED, STARTTLS_OPTIONAL, STARTTLS_OFF };
struct directory_setting {
    char *url;                     /* ldap://, ldaps://, ldapi:// */
    struct pattern_list domains;   /* external; empty: it is asked for all */
    char *base;                    /* DN; "" is the root */
    char *filter;                  /* %s address, %u local part, %d domain, %% a percent sign */
    struct string_list attributes; /* with certificates, "userCertificate;binary" */
    enum starttls starttls;        /* of ldap://; default required */
    char *ca_file;                 /* NULL: the CAs of ldap.conf(5) */
    char *bind_dn;                 /* NULL: anonymous */
    char *password_file;           /* of bind_dn */
    bool password_in_clear;        /* may be sent without TLS; default false */
    bool anchored;                 /* certificates need a chain to a trust anchor; default true */
};

/* Of incoming mail; bits of settings.weak_algorithms. */
enum weak_algorithm {
    WEAK_SHA1,     /* signatures, of the message and of the certificates in its chain */
    WEAK_3DES,     /* content */
    WEAK_RC2,      /* content */
    WEAK_RSA_1024, /* RSA keys of 1024 to 2047 bits */
};
extern const char *const weak_algorithm_names[]; /* ended by NULL */

#define EXPIRY_NOTICE_MAX 16 /* expiry_notice_days = [ 30, 14, 7, 1 ] */

enum header_confidentiality { HEADER_CONFIDENTIALITY_NONE, HEADER_CONFIDENTIALITY_BASELINE };
enum harvest_policy { HARVEST_OFF, HARVEST_ANCHORED, HARVEST_APPROVE };
enum directory_unavailable { DIRECTORY_DEFER, DIRECTORY_CONTINUE };
/* What is done about certificates that may have been revoked. */
enum revocation_policy { REVOCATION_OFF, REVOCATION_SOFT, REVOCATION_HARD };
enum unauthorised_action { UNAUTHORISED_UNSIGNED, UNAUTHORISED_REFUSE };
/* When a sender is told that his message went out with less protection than somebody wanted. */
enum notify_sender { NOTIFY_SENDER_NEVER, NOTIFY_SENDER_ASKED, NOTIFY_SENDER_OPTIONAL };
/* What becomes of decrypted text that could have been altered on its way. */
enum unauthenticated_action {
    UNAUTHENTICATED_ACCEPT,
    UNAUTHENTICATED_TAG,
    UNAUTHENTICATED_DEFANG,
    UNAUTHENTICATED_REJECT
};
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Is `ip` (IPv6, or IPv4-mapped) in the network? An IPv6 network wider than the IPv4-mapped
 * addresses ("::/0") does not contain these: who trusts an IPv6 network does not mean all IPv4. */
bool settings_network_contains(const struct network_setting *network, const unsigned char ip[16]);

struct settings {
    /* who we are */
    struct string_list managed_domains; /* canonical; ".example.com" for all subdomains; required */
    char *recipient_delimiter;          /* default "+" */
    char *authserv_id;                  /* default: the host name */
    /* where things are */
    char *store;         /* default "/var/lib/smimed/store.db" */
    char *master_secret; /* default "/etc/smimed/master.secret" */
    char *spool;         /* default "/var/spool/smimed" */
    char *mozilla_roots; /* PKCS#11 module; default "libnssckbi.so"; "" for none */
    /* daemon */
    struct socket_setting *sockets; /* at least one, required by the daemon only */
    size_t socket_count;
    char *user;     /* "" = stay; default "smimed" */
    char *group;    /* "" = the user's */
    char *pid_file; /* "" = none */
    enum log_target log;
    enum log_level log_level;
    /* who may ask for what */
    bool sender_logins_mta; /* sender_logins = "mta" */
    struct login_setting *sender_logins;
    size_t sender_login_count; /* 0 and not mta: a login owns the address of the same name */
    struct network_setting *trusted_networks;
    size_t trusted_network_count;
    struct pattern_list local_senders; /* addresses as which programs on this machine may sign */
    struct shared_setting *shared_mailboxes;
    size_t shared_mailbox_count;
    enum unauthorised_action unauthorised_sender; /* default unsigned */
    /* outgoing */
    char *profile; /* where no rule says; default "default" */
    struct profile *profiles;
    size_t profile_count;
    /* header protection (RFC 9788) */
    bool header_protection;                             /* default true */
    enum header_confidentiality header_confidentiality; /* of encrypted mail; default baseline */
    bool legacy_display; /* what is hidden leads the text; default false */
    /* a sender's own choice */
    enum sender_choice sender_choice; /* where a rule does not say; default strengthen */
    char *encrypt_words;              /* of the subject, separated by blanks; default "[encrypt]" */
    char *sign_words;                 /* default "[sign]" */
    char *plain_words;                /* default "[plain]" */
    bool confidential_encrypts;       /* Sensitivity: Company-Confidential; default true */
    /* what is left unsigned */
    bool unsigned_calendar;               /* default false */
    bool unsigned_auto_submitted;         /* default false */
    struct pattern_list unsigned_senders; /* default none */
    /* directories */
    struct directory_setting *directories;
    size_t directory_count;
    bool smimea;                      /* SMIMEA records; default false */
    struct string_list dns_resolvers; /* "192.0.2.1", "192.0.2.1@53"; empty: resolv.conf(5) */
    char *dns_trust_anchor;           /* default "/usr/share/dns/root.key" */
    enum directory_unavailable directory_unavailable; /* encrypt-optional; default defer */
    int directory_timeout_ms;                         /* of a message; default 5000 */
    int directory_cache_s;                            /* what was found; default a day */
    int directory_negative_cache_s;                   /* that nothing was; default an hour */
    int directory_failure_cache_s;       /* that it could not be asked; default a minute */
    int max_directory_entries;           /* of one answer; default 8 */
    int max_directory_certificates;      /* default 16 */
    int max_directory_certificate_bytes; /* default 64 KiB */
    /* what smimed sends */
    struct mail_server_setting reinject;          /* the MTA's listener for copies */
    struct mail_server_setting reinject_incoming; /* for those of incoming mail; none: reinject */
    struct mail_server_setting mail_server;       /* for reports and notices */
    char *helo_name;                              /* default: the host name */
    int smtp_timeout_s;    /* for a connection, and for each answer; default 30 */
    bool split;            /* default true; without `reinject` nothing is split */
    char *report_template; /* the text of reports; "" = built in */
    /* notices */
    struct string_list administrators; /* canonical, ASCII; none: notices are only logged */
    char *notice_sender;               /* "" = MAILER-DAEMON of authserv_id */
    int notice_interval_s;             /* between two mails to the administrator; default an hour */
    int expiry_notice_days[EXPIRY_NOTICE_MAX]; /* the greatest first; default 30, 14, 7, 1 */
    size_t expiry_notice_count;
    enum notify_sender notify_sender; /* default asked */
    char *notice_template;            /* to the administrator; "" = built in */
    char *sender_notice_template;     /* "" = built in */
    /* incoming */
    enum harvest_policy harvest; /* default "anchored" */
    unsigned weak_algorithms;    /* that are accepted: a bit for each; default none */
    bool null_sender_exempt;     /* <> exempt from decrypt-forced; default false */
    bool clear_sign;             /* opaque-signed becomes clear-signed; default true */
    bool restore_headers;        /* the protected header replaces the message's; default true */
    bool remove_signature;       /* where it is valid; default false */
    enum unauthenticated_action unauthenticated_ciphertext; /* default tag */
    bool summary;                                           /* default false */
    char *summary_template;                                 /* "" = built in */
    bool subject_tags;                                      /* default false */
    char *tag_signed, *tag_encrypted, *tag_invalid, /* "[signed]", "[encrypted]", "[signature
                                                       invalid]" */
        *tag_unauthenticated;                       /* "[unauthenticated]" */
    /* certificates */
    struct cmp_setting *cmp;
    size_t cmp_count;
    /* mail programs */
    struct client_setting *client_servers; /* the first that names an address is for it */
    size_t client_server_count;
    /* revocation */
    enum revocation_policy revocation;           /* default "soft" */
    int revocation_timeout_ms;                   /* for all that a message asks; default 5000 */
    struct network_setting *revocation_networks; /* asked besides public ones; no addresses */
    size_t revocation_network_count;
    int revocation_retry_s;   /* a place that failed is left alone so long; default 300 */
    int revocation_max_age_s; /* older answers are asked for anew; default a day */
    int max_crl_bytes;        /* default 10 MiB */
    char *http_proxy;         /* "" = none */
    /* ceilings */
    long long max_message_bytes;  /* default 150 MiB: larger ones are refused by 552 5.3.4 */
    long long message_size_limit; /* what the MTA takes: result may not exceed it; 0 = unknown;
                                     default 0 */
    int max_header_bytes;         /* default 1 MiB */
    int max_header_fields;        /* default 2000 */
    int max_recipients;           /* default 1000 */
    int max_parts;                /* MIME parts; default 10000 */
    int max_nesting;              /* S/MIME layers; default 8 */
    int max_structure_bytes;      /* CMS structure without its content; default 4 MiB */
    int max_signers;              /* SignerInfos; default 16 */
    int max_certificates;         /* in one CMS; default 64 */
    int max_chain;                /* certificates in a chain; default 10 */
    int work_timeout_s;           /* at end of message; default 45 */
    int memory_spool_bytes;       /* smaller bodies stay in memory; default 256 KiB */
    int database_timeout_ms;      /* default 5000 */
    int shutdown_timeout_s;       /* SIGTERM waits so long for the messages in hand; default 60 */
};

/* Fill `settings` with the defaults (managed_domains and all lists empty). Returns 0, or -1 when
 * out of memory; then nothing needs clearing. */
int settings_init(struct settings *settings, char **why);

/* Release what the settings own. */
void settings_clear(struct settings *settings);

/* Write all settings with type, default, allowed values and documentation, for `smimed --defaults`:
 * the text is itself a configuration that config_load() takes and that gives the defaults. */
void settings_print_defaults(FILE *out);

/* Name of the i-th setting in the table, NULL past the end (for the manual's test). */
const char *settings_name(size_t i);

#endif
