/* The one table of settings: parser, dump of defaults and the manual's test read it. */
#include "settings_table.h"
#include "address.h"
#include "settings.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define KIB 1024LL
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define PATH_MAX_BYTES 1024
#define NAME_MAX_BYTES 255
#define TAG_MAX_BYTES 64
#define WORDS_MAX_BYTES 512
#define DELIMITERS_MAX_BYTES 8

const char *const weak_algorithm_names[] = {[WEAK_SHA1] = "sha1",
                                            [WEAK_3DES] = "3des",
                                            [WEAK_RC2] = "rc2",
                                            [WEAK_RSA_1024] = "rsa-1024",
                                            NULL};
static const char *const unauthorised_actions[] = {
    [UNAUTHORISED_UNSIGNED] = "unsigned", [UNAUTHORISED_REFUSE] = "refuse", NULL};
static const char *const sender_choices[] = {
    [CHOICE_NONE] = "none", [CHOICE_STRENGTHEN] = "strengthen", [CHOICE_FREE] = "free", NULL};
static const char *const revocation_policies[] = {
    [REVOCATION_OFF] = "off", [REVOCATION_SOFT] = "soft", [REVOCATION_HARD] = "hard", NULL};
static const char *const header_confidentialities[] = {
    [HEADER_CONFIDENTIALITY_NONE] = "none", [HEADER_CONFIDENTIALITY_BASELINE] = "baseline", NULL};
static const char *const harvest_policies[] = {
    [HARVEST_OFF] = "off", [HARVEST_ANCHORED] = "anchored", [HARVEST_APPROVE] = "approve", NULL};
static const char *const directory_unavailables[] = {
    [DIRECTORY_DEFER] = "defer", [DIRECTORY_CONTINUE] = "continue", NULL};
static const char *const notify_senders[] = {[NOTIFY_SENDER_NEVER] = "never",
                                             [NOTIFY_SENDER_ASKED] = "asked",
                                             [NOTIFY_SENDER_OPTIONAL] = "optional",
                                             NULL};
static const char *const unauthenticated_actions[] = {[UNAUTHENTICATED_ACCEPT] = "accept",
                                                      [UNAUTHENTICATED_TAG] = "tag",
                                                      [UNAUTHENTICATED_DEFANG] = "defang",
                                                      [UNAUTHENTICATED_REJECT] = "reject",
                                                      NULL};
static const char *const log_targets[] = {
    [LOG_TARGET_STDERR] = "stderr", [LOG_TARGET_SYSLOG] = "syslog", NULL};
static const char *const log_levels[] = {[LOG_LEVEL_ERROR] = "error",
                                         [LOG_LEVEL_WARNING] = "warning",
                                         [LOG_LEVEL_INFO] = "info",
                                         [LOG_LEVEL_DEBUG] = "debug",
                                         NULL};

static bool is_absolute_path(const char *value)
{
    return value[0] == '/';
}

static bool is_absolute_path_or_empty(const char *value)
{
    return value[0] == '\0' || value[0] == '/';
}

static bool is_http_or_empty(const char *value)
{
    return value[0] == '\0' || strncmp(value, "http://", 7) == 0;
}

/* What may stand in a local part and means nothing there by itself. */
static bool is_delimiter_set(const char *value)
{
    return strspn(value, "!#$%&'*+-/=?^_`{|}~") == strlen(value);
}

/* So that it needs no quoting in Authentication-Results (RFC 8601 section 2.2), or in EHLO. */
static bool is_token(const char *value)
{
    return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           strlen(value);
}

static bool is_mail_address_or_empty(const char *value)
{
    char *canonical = NULL;
    bool is_one =
        value[0] == '\0' || (utf8_is_ascii(value, strlen(value)) &&
                             address_canonical(value, strlen(value), &canonical) == ADDRESS_OK);

    free(canonical);
    return is_one;
}

static bool is_printable(const char *value)
{
    return utf8_is_printable(value, strlen(value));
}

#define AT(member) .offset = offsetof(struct settings, member)
#define TEXT(member_, default_, least_, most_, accepts_, allowed_, documentation_)                 \
    {                                                                                              \
        .name = #member_, .type = SETTING_STRING, AT(member_), .minimum = least_,                  \
        .maximum = most_, .text = default_, .accepts = accepts_, .allowed = allowed_,              \
        .documentation = documentation_                                                            \
    }
#define CHOICE(member_, default_, choices_, documentation_)                                        \
    {                                                                                              \
        .name = #member_, .type = SETTING_CHOICE, AT(member_), .number = default_,                 \
        .choices = choices_, .documentation = documentation_                                       \
    }
#define SWITCH(member_, default_, documentation_)                                                  \
    {                                                                                              \
        .name = #member_, .type = SETTING_BOOL, AT(member_), .number = default_,                   \
        .documentation = documentation_                                                            \
    }
#define NUMBER(type_, member_, default_, least_, most_, documentation_)                            \
    {                                                                                              \
        .name = #member_, .type = type_, AT(member_), .number = default_, .minimum = least_,       \
        .maximum = most_, .documentation = documentation_                                          \
    }
#define LIST(name_, required_, allowed_, documentation_, example_)                                 \
    {                                                                                              \
        .name = name_, .type = SETTING_LIST, .required = required_, .allowed = allowed_,           \
        .documentation = documentation_, .example = example_                                       \
    }

#define MAIL_SERVER                                                                                \
    "the address of a socket (\"unix:/path\", \"inet:port@host\", \"inet6:port@host\"), or a "     \
    "group: "                                                                                      \
    "address, tls (none, opportunistic, required, implicit), verify (full, chain, none), "         \
    "ca_file, "                                                                                    \
    "user, password_file, login_in_clear"

const struct setting_entry settings_table[] = {
    /* who we are */
    LIST("managed_domains", true,
         "a list of domains: \"example.com\", or \".example.com\" for its "
         "subdomains",
         "The domains that are ours. An address in one of them is managed, any other external.",
         "[ \"example.com\" ]"),
    TEXT(
        recipient_delimiter, "+", 0, DELIMITERS_MAX_BYTES, is_delimiter_set,
        "any of !#$%&'*+-/=?^_`{|}~, or nothing",
        "Characters that separate a tag from a mailbox (user+tag@example.com), as the MTA has it."),
    {.name = "authserv_id",
     .type = SETTING_STRING,
     AT(authserv_id),
     .minimum = 1,
     .maximum = NAME_MAX_BYTES,
     .accepts = is_token,
     .allowed = "letters, digits, dots, hyphens and underscores",
     .documentation = "The name under which results stand in Authentication-Results (RFC 8601).\n"
                      "The default is the name of the host.",
     .example = "\"mail.example.com\""},

    /* where things are */
    TEXT(store, "/var/lib/smimed/store.db", 1, PATH_MAX_BYTES, is_absolute_path, "absolute path",
         "The database with certificates, mailboxes, keys and trust anchors."),
    TEXT(master_secret, "/etc/smimed/master.secret", 1, PATH_MAX_BYTES, is_absolute_path,
         "absolute path", "The file with the secret under which private keys are encrypted."),
    TEXT(spool, "/var/spool/smimed", 1, PATH_MAX_BYTES, is_absolute_path, "absolute path",
         "The directory for bodies that are being worked on; never holds them beyond that."),
    TEXT(mozilla_roots, "libnssckbi.so", 0, PATH_MAX_BYTES, NULL, "PKCS#11 module, or nothing",
         "The module with Mozilla's built-in roots; \"\" trusts imported anchors only."),

    /* daemon */
    LIST(
        "sockets", false,
        "a list of groups: address (\"unix:/path\", \"inet:port@host\", \"inet6:port@host\"), role "
        "(inbound, submission, local), mode and group (Unix sockets)",
        "Where the MTA finds the daemon. The role of a socket says who speaks to it: inbound for\n"
        "strangers, submission for authenticated users and trusted hosts, local for programs on "
        "this\nmachine. The daemon needs at least one; `mode` is octal (default \"0660\").",
        "( { address = \"unix:/run/smimed/inbound.sock\"; role = \"inbound\"; mode = \"0660\"; "
        "group = \"postfix\"; } )"),
    TEXT(user, "smimed", 0, NAME_MAX_BYTES, NULL, "user name, or nothing",
         "The user that the daemon becomes when it is started as root; \"\" stays as it is."),
    TEXT(group, "", 0, NAME_MAX_BYTES, NULL, "group name, or nothing",
         "The group that the daemon becomes; \"\" is the primary group of `user`."),
    TEXT(pid_file, "", 0, PATH_MAX_BYTES, is_absolute_path_or_empty, "absolute path, or nothing",
         "Where the process id of the daemon is written; \"\" writes none."),
    CHOICE(log, LOG_TARGET_STDERR, log_targets, "Where the log goes."),
    CHOICE(log_level, LOG_LEVEL_INFO, log_levels, "The least important lines that are logged."),

    /* who may ask for what */
    LIST("sender_logins", false,
         "\"mta\", or a list of groups: login, addresses (patterns of managed addresses)",
         "Which login may sign as which addresses. \"mta\" states that the MTA enforces it\n"
         "(smtpd_sender_login_maps). With an empty list a login owns the address of the same name.",
         "( { login = \"alice\"; addresses = [ \"alice@example.com\", \"info@example.com\" ]; } )"),
    LIST("trusted_networks", false,
         "a list of groups: network (\"192.0.2.0/24\", \"2001:db8::/32\"), addresses (patterns of "
         "managed addresses)",
         "Which hosts may sign without a login, and as which addresses.",
         "( { network = \"192.0.2.0/24\"; addresses = [ \"example.com\" ]; } )"),
    LIST("local_senders", false, "a list of patterns of managed addresses",
         "The addresses as which programs on this machine may sign (sockets of role local).",
         "[ \"cron@example.com\" ]"),
    LIST("shared_mailboxes", false,
         "a list of groups: from (a pattern of managed addresses), senders (patterns of managed "
         "addresses)",
         "Who, named in Sender:, may write as the shared mailbox named in From:.",
         "( { from = \"info@example.com\"; senders = [ \"alice@example.com\" ]; } )"),
    CHOICE(unauthorised_sender, UNAUTHORISED_UNSIGNED, unauthorised_actions,
           "What happens to a message whose sender may not sign as its From: sent unsigned, or "
           "refused."),

    /* outgoing */
    TEXT(
        profile, PROFILE_DEFAULT, 1, NAME_MAX_BYTES, NULL, "the name of a profile",
        "Which algorithms signed and encrypted mail may use, where no rule names another profile:\n"
        "default, strict, compatible, edi-energy, or one of `profiles`."),
    LIST(
        "profiles", false,
        "a list of groups: name, digests (sha256, sha384, sha512), signatures (pkcs1, pss, "
        "ecdsa), key_encryption (pkcs1, oaep, ecdh), ciphers (aes-256-gcm, aes-192-gcm, "
        "aes-128-gcm, aes-256-cbc, aes-192-cbc, aes-128-cbc), minimum_rsa_bits, minimum_ec_bits, "
        "header_confidentiality (none, baseline)",
        "Further profiles. Each list stands in order of preference; what is not said is as in the\n"
        "profile default. Of what a profile allows each recipient gets what he can read.",
        "( { name = \"partner\"; signatures = [ \"pss\" ]; key_encryption = [ \"oaep\" ]; "
        "ciphers = [ \"aes-256-gcm\", \"aes-256-cbc\" ]; minimum_rsa_bits = 3072; } )"),

    SWITCH(header_protection, true,
           "Are the header fields of a message signed and encrypted with it (RFC 9788)?"),
    CHOICE(header_confidentiality, HEADER_CONFIDENTIALITY_BASELINE, header_confidentialities,
           "What of the header an encrypted message hides from the outside: the Subject (shown as\n"
           "\"[...]\"), Comments, Keywords and Thread-Topic, or nothing."),
    SWITCH(legacy_display, false,
           "Does the text of encrypted mail begin with the hidden Subject, Keywords and Comments,\n"
           "for programs that do not know of header protection?"),

    /* a sender's own choice */
    CHOICE(
        sender_choice, CHOICE_STRENGTHEN, sender_choices,
        "What a sender may ask for by himself (X-Smimed, words in the subject, Sensitivity) where\n"
        "a rule does not say: nothing, more protection than the rule gives, or less as well."),
    TEXT(encrypt_words, "[encrypt]", 0, WORDS_MAX_BYTES, NULL, "words, separated by blanks",
         "Words at the beginning of a subject that ask for encryption."),
    TEXT(sign_words, "[sign]", 0, WORDS_MAX_BYTES, NULL, "words, separated by blanks",
         "Words that ask for a signature."),
    TEXT(plain_words, "[plain]", 0, WORDS_MAX_BYTES, NULL, "words, separated by blanks",
         "Words that ask for neither."),
    SWITCH(confidential_encrypts, true,
           "Does Sensitivity: Company-Confidential ask for encryption?"),
    SWITCH(unsigned_calendar, false,
           "Are calendar invitations (text/calendar) left unsigned, where no rule forces it?"),
    SWITCH(unsigned_auto_submitted, false,
           "Are messages of programs (Auto-Submitted) left unsigned, where no rule forces it?"),
    LIST("unsigned_senders", false, "a list of patterns of managed addresses",
         "Senders whose mail is left unsigned, where no rule forces it.",
         "[ \"newsletter@example.com\" ]"),

    /* directories */
    LIST("directories", false,
         "a list of groups: url (ldap://, ldaps://, ldapi://), domains (patterns of external "
         "addresses), base, filter, attributes, starttls (required, optional, off), ca_file, "
         "bind_dn, password_file, password_in_clear, anchored",
         "LDAP directories that are asked for certificates of recipients for whom none is known,\n"
         "in this order. They learn to whom mail is written. Without `domains` for all addresses.",
         "( { url = \"ldaps://ldap.partner.test\"; domains = [ \"partner.test\" ]; base = "
         "\"dc=partner,dc=test\"; } )"),
    SWITCH(smimea, false,
           "Are certificates looked up in the DNS as well (SMIMEA, RFC 8162)? Only answers that "
           "DNSSEC\nproves are used."),
    LIST("dns_resolvers", false, "a list of IP addresses: \"192.0.2.1\", \"192.0.2.1@5353\"",
         "The name servers that are asked for SMIMEA records; without any, those of "
         "resolv.conf(5).",
         "[ \"127.0.0.1\" ]"),
    TEXT(dns_trust_anchor, "/usr/share/dns/root.key", 1, PATH_MAX_BYTES, is_absolute_path,
         "absolute path", "The file with the key of the DNS root, as DNSKEY or DS records."),
    CHOICE(directory_unavailable, DIRECTORY_DEFER, directory_unavailables,
           "What happens to a message under encrypt-optional while a directory cannot be asked:\n"
           "deferred, or sent as if there were no certificate. Under encrypt-forced it is "
           "deferred."),
    NUMBER(SETTING_INT, directory_timeout_ms, 5000, 100, 30000,
           "Milliseconds that all look-ups of one message may take together."),
    NUMBER(SETTING_INT, directory_cache_s, 86400, 60, 2592000,
           "Seconds that a certificate from a directory is used before it is looked up again."),
    NUMBER(SETTING_INT, directory_negative_cache_s, 3600, 0, 604800,
           "Seconds before an address without a certificate is looked up again."),
    NUMBER(SETTING_INT, directory_failure_cache_s, 60, 0, 3600,
           "Seconds before a directory that could not be asked is tried again for an address."),
    NUMBER(SETTING_INT, max_directory_entries, 8, 1, 100,
           "Entries in the answer of a directory; an answer with more is not used."),
    NUMBER(SETTING_INT, max_directory_certificates, 16, 1, 100,
           "Certificates of an address that one directory may have; further ones are passed over."),
    NUMBER(SETTING_INT, max_directory_certificate_bytes, 64 * KIB, 1 * KIB, 1 * MIB,
           "Bytes of a certificate, or of a bundle of them, in a directory."),

    /* what smimed sends */
    LIST("reinject", false, MAIL_SERVER,
         "The listener of the MTA that takes copies of a message whose recipients need different\n"
         "bodies. It must admit nobody else, run the filters behind smimed and never smimed, "
         "follow\n"
         "aliases and copy nothing to always_bcc. Without it no message is split.",
         "\"unix:/var/spool/postfix/public/smimed-reinject\""),
    LIST(
        "reinject_incoming", false, MAIL_SERVER,
        "The same for copies of incoming messages, where other filters stand behind smimed: those\n"
        "that scan for spam and viruses, and none that verifies DKIM. Without it these go to\n"
        "`reinject`, too.",
        "\"unix:/var/spool/postfix/public/smimed-incoming\""),
    LIST(
        "mail_server", false, MAIL_SERVER,
        "The server that takes what smimed writes itself: reports on refused recipients, and "
        "notices.\n"
        "Without it they go to `reinject`.",
        "{ address = \"inet:587@relay.example.com\"; tls = \"required\"; verify = \"full\"; user = "
        "\"smimed\"; password_file = \"/etc/smimed/relay.password\"; }"),
    {.name = "helo_name",
     .type = SETTING_STRING,
     AT(helo_name),
     .minimum = 1,
     .maximum = NAME_MAX_BYTES,
     .accepts = is_token,
     .allowed = "letters, digits, dots, hyphens and underscores",
     .documentation = "The name under which smimed introduces itself to these servers (EHLO).\n"
                      "The default is the name of the host.",
     .example = "\"gateway.example.com\""},
    NUMBER(SETTING_INT, smtp_timeout_s, 30, 1, 300,
           "Seconds that these servers have for a connection with all that belongs to it, and for\n"
           "each answer."),
    SWITCH(
        split, true,
        "Is a message whose recipients need different bodies split into copies, which go to\n"
        "`reinject`? Without that listener, or with false, such recipients are told to come in a\n"
        "message of their own (452 4.5.3)."),
    TEXT(
        report_template, "", 0, PATH_MAX_BYTES, is_absolute_path_or_empty,
        "absolute path, or nothing",
        "A file with the text of reports to senders some of whose recipients are refused; \"\" is\n"
        "the text that is built in."),

    /* notices */
    LIST("administrator", false, "a mail address, or a list of them",
         "Who is told of certificates that expire, of activations that were completed or failed, "
         "and of\nother people's keys that change unexpectedly or wait for approval. Without it "
         "that is\nonly logged.",
         "[ \"postmaster@example.com\" ]"),
    TEXT(
        notice_sender, "", 0, NAME_MAX_BYTES, is_mail_address_or_empty,
        "a mail address (ASCII), or nothing",
        "The address in the From field of notices; \"\" is MAILER-DAEMON of `authserv_id`. In the\n"
        "envelope they have the null sender, so that nothing comes back."),
    NUMBER(SETTING_INT, notice_interval_s, 3600, 0, 86400,
           "Seconds between two mails to the administrator; what happens meanwhile stands in the "
           "next."),
    LIST("expiry_notice_days", false, "a list of at most 16 integers, 1 to 3650",
         "So many days before a certificate expires the administrator is told; once more when it "
         "has.\nThe default is 30, 14, 7 and 1.",
         "[ 30, 14, 7, 1 ]"),
    CHOICE(notify_sender, NOTIFY_SENDER_ASKED, notify_senders,
           "Is a sender told which recipients got his message with less protection? Where he asked "
           "for\nmore by himself, or also where encrypt-optional found no key."),
    TEXT(
        notice_template, "", 0, PATH_MAX_BYTES, is_absolute_path_or_empty,
        "absolute path, or nothing",
        "A file with the text of notices to the administrator; \"\" is the text that is built in."),
    TEXT(sender_notice_template, "", 0, PATH_MAX_BYTES, is_absolute_path_or_empty,
         "absolute path, or nothing",
         "A file with the text of notices to senders; \"\" is the text that is built in."),

    /* incoming */
    LIST("weak_algorithms", false, "a list of sha1, 3des, rc2, rsa-1024",
         "Which weak algorithms of incoming mail are accepted. Without, a signature that depends "
         "on\none is untrusted, and what is encrypted with one stays encrypted; either way it is "
         "told.",
         "[ \"sha1\" ]"),
    SWITCH(null_sender_exempt, false,
           "Are bounces and receipts (the null sender) exempt from decrypt-forced?"),
    {.name = "harvest",
     .type = SETTING_CHOICE,
     AT(harvest),
     .number = HARVEST_ANCHORED,
     .choices = harvest_policies,
     .was_switch = true,
     .documentation =
         "What becomes of certificates that come with a valid signature: nothing, learned where "
         "they"
         "\nchain to a trust anchor by themselves, or those held until an administrator approves."},
    SWITCH(clear_sign, true,
           "Do opaque-signed messages become clear-signed ones, where that is sound?"),
    SWITCH(restore_headers, true,
           "Do protected header fields of incoming mail (RFC 9788) replace those outside, and are\n"
           "those that lead the text for older programs taken out of it?"),
    SWITCH(remove_signature, false,
           "Are messages with a valid signature delivered without it? Other signatures stay."),
    CHOICE(
        unauthenticated_ciphertext, UNAUTHENTICATED_TAG, unauthenticated_actions,
        "What becomes of a message whose encryption does not show whether it was altered on its\n"
        "way (Efail), and that has no valid signature inside: nothing, it is told, it is "
        "delivered\n"
        "without anything active in it, or refused."),
    SWITCH(
        summary, false,
        "Is a text with the verdict in a person's words put before messages that came signed or\n"
        "encrypted and are delivered without a signature?"),
    TEXT(summary_template, "", 0, PATH_MAX_BYTES, is_absolute_path_or_empty,
         "absolute path, or nothing", "A file with that text; \"\" is the text that is built in."),
    SWITCH(subject_tags, false, "Is the verdict written into the subject?"),
    TEXT(tag_signed, "[signed]", 1, TAG_MAX_BYTES, is_printable, "printable UTF-8",
         "The tag of a message with a valid signature."),
    TEXT(tag_encrypted, "[encrypted]", 1, TAG_MAX_BYTES, is_printable, "printable UTF-8",
         "The tag of a message that came encrypted."),
    TEXT(tag_invalid, "[signature invalid]", 1, TAG_MAX_BYTES, is_printable, "printable UTF-8",
         "The tag of a message with a signature that is not valid."),
    TEXT(tag_unauthenticated, "[unauthenticated]", 1, TAG_MAX_BYTES, is_printable,
         "printable UTF-8", "The tag of a message under `unauthenticated_ciphertext`."),

    /* certificates */
    LIST("cmp", false,
         "a list of groups: name, url, ca_file, domains (patterns of managed addresses), reference "
         "and secret_file or certificate_file and key_file, server_certificate or trust_file, "
         "recipient, request (ir, cr), key, subject, implicit_confirm, update_by (mailbox, "
         "credential), renew_before_days, poll_min_s, poll_max_s, timeout_s, give_up_days",
         "Certificate authorities that issue certificates by CMP (RFC 4210, RFC 9483).",
         "( { name = \"ca\"; url = \"https://ca.example.com/cmp\"; reference = \"smimed\"; "
         "secret_file = \"/etc/smimed/cmp.secret\"; update_by = \"credential\"; } )"),

    /* mail programs */
    LIST("client_servers", false,
         "a list of groups: addresses (patterns of managed addresses), imap, pop3, submission "
         "(\"host:port tls\" or \"host:port starttls\"), activesync (\"host:port\"), username (%a "
         "address, %u before the @, %d domain)",
         "Where the owners of mailboxes find their servers, for smimectl client-settings. The "
         "first\ngroup that names an address is for it. Without a port it is that of TLS.",
         "( { addresses = [ \"example.com\" ]; imap = \"imap.example.com\"; submission = "
         "\"smtp.example.com:587 starttls\"; username = \"%a\"; } )"),

    /* revocation */
    CHOICE(
        revocation, REVOCATION_SOFT, revocation_policies,
        "Are certificates checked for having been revoked, by CRLs and OCSP? off: no. soft: what\n"
        "cannot be found out counts as good, and is told. hard: it counts as bad."),
    NUMBER(SETTING_INT, revocation_timeout_ms, 5000, 100, 30000,
           "Milliseconds that one message may wait for CRLs and OCSP answers, all together."),
    LIST("revocation_networks", false,
         "a list of networks: \"192.0.2.0/24\", \"2001:db8::/32\", or an address",
         "Networks besides the public ones where CRLs and OCSP answers may be asked for: "
         "certificates\n"
         "come from strangers, and must not lead us into networks behind our firewall.",
         "[ \"192.0.2.0/24\" ]"),
    NUMBER(SETTING_INT, revocation_retry_s, 300, 10, 86400,
           "Seconds for which a place that gave no answer is not asked again."),
    NUMBER(
        SETTING_INT, revocation_max_age_s, 86400, 60, 2592000,
        "Seconds after which a CRL or OCSP answer is asked for anew although it is still valid."),
    NUMBER(SETTING_INT, max_crl_bytes, 10 * MIB, 64 * KIB, 128 * MIB, "Larger CRLs are not taken."),
    TEXT(http_proxy, "", 0, PATH_MAX_BYTES, is_http_or_empty, "http://HOST:PORT, or nothing",
         "The proxy through which CRLs and OCSP answers are asked for; it decides then which "
         "addresses\n"
         "are reached. \"\" is none."),

    /* ceilings */
    NUMBER(SETTING_INT64, max_message_bytes, 150 * MIB, 64 * KIB, 64 * GIB,
           "Larger messages are refused (552 5.3.4)."),
    NUMBER(SETTING_INT64, message_size_limit, 0, 0, 64 * GIB,
           "The size that the MTA takes (message_size_limit in Postfix): no result may exceed it.\n"
           "0 is unknown."),
    NUMBER(SETTING_INT, max_header_bytes, 1 * MIB, 4 * KIB, 64 * MIB,
           "Bytes of all header fields of a message."),
    NUMBER(SETTING_INT, max_header_fields, 2000, 100, 100000,
           "Header fields of a message. Each one that is removed or replaced costs the MTA and us\n"
           "time that grows with the number of the others."),
    NUMBER(SETTING_INT, max_recipients, 1000, 1, 100000, "Recipients of a message."),
    NUMBER(SETTING_INT, max_parts, 10000, 1, 1000000, "MIME parts of a message."),
    NUMBER(SETTING_INT, max_nesting, 8, 1, 64, "S/MIME layers inside each other."),
    NUMBER(SETTING_INT, max_structure_bytes, 4 * MIB, 64 * KIB, 256 * MIB,
           "Bytes of a CMS structure without its content."),
    NUMBER(SETTING_INT, max_signers, 16, 1, 1000, "Signers of a message."),
    NUMBER(SETTING_INT, max_certificates, 64, 1, 1000, "Certificates in a CMS structure."),
    NUMBER(SETTING_INT, max_chain, 10, 1, 100, "Certificates from a signer to its anchor."),
    NUMBER(SETTING_INT, work_timeout_s, 45, 1, 240,
           "Seconds that the work at the end of a message may take; then it is deferred."),
    NUMBER(SETTING_INT, memory_spool_bytes, 256 * KIB, 0, 64 * MIB,
           "Smaller bodies stay in memory; larger ones go to `spool`."),
    NUMBER(SETTING_INT, database_timeout_ms, 5000, 0, 60000,
           "Milliseconds to wait for a database that somebody else has locked."),
    NUMBER(SETTING_INT, shutdown_timeout_s, 60, 0, 3600,
           "Seconds that SIGTERM waits for the messages in hand."),

    /* rules */
    LIST("rules", false,
         "a list of groups: note, managed, external (patterns), incoming (undefined, none, "
         "decrypt-optional, decrypt-always, decrypt-forced), outgoing (undefined, none, sign, "
         "encrypt-optional, encrypt-forced), choice (undefined, none, strengthen, free), "
         "require_tls "
         "(true, false), profile",
         "What happens between which of our addresses and which others: for each direction the "
         "first\nrule that matches and does not say undefined decides.",
         "( { note = \"Partner: never in the clear\"; managed = [ \"*\" ]; external = [ "
         "\"partner.test\" ]; outgoing = \"encrypt-forced\"; } )"),
};

const size_t settings_table_count = sizeof settings_table / sizeof settings_table[0];

const struct setting_entry *settings_find(const char *name)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        if (strcmp(settings_table[i].name, name) == 0)
            return &settings_table[i];
    }
    return NULL;
}
