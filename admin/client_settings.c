/* smimectl client-settings: what the owner of a mailbox needs for his mail program. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "client_account.h"
#include "client_autoconfig.h"
#include "client_guide.h"
#include "client_profile.h"
#include "command.h"
#include "credential.h"
#include "private_file.h"
#include "table.h"
#include "tell.h"
#include "text_file.h"
#include "why.h"

enum format { FORMAT_TEXT, FORMAT_AUTOCONFIG, FORMAT_MOBILECONFIG };

struct wishes {
    enum format format;
    enum client_language language;
    const char *template; /* file; NULL: the guide that is built in */
    const char *output;   /* file; NULL: standard output */
    bool with_certificate;
    bool show_template;
};

static int choose(const struct arguments *arguments, enum option_id option, const char *name,
                  const char *const *choices, int *out)
{
    const char *text = argument_value(arguments, option);
    *out = 0;
    for (int i = 0; text && choices[i]; i++) {
        if (!strcmp(text, choices[i])) {
            *out = i;
            return 0;
        }
    }
    if (text) {
        tell_error("--%s \"%s\" is not known", name, text);
        return -1;
    }
    return 0;
}

static int read_wishes(const struct context *context, struct wishes *out)
{
    static const char *const formats[] = {[FORMAT_TEXT] = "text",
                                          [FORMAT_AUTOCONFIG] = "autoconfig",
                                          [FORMAT_MOBILECONFIG] = "mobileconfig",
                                          NULL};
    static const char *const languages[] = {[CLIENT_ENGLISH] = "en", [CLIENT_GERMAN] = "de", NULL};
    const struct arguments *arguments = context->arguments;
    int format, language;
    if (choose(arguments, OPTION_FORMAT, "format", formats, &format) ||
        choose(arguments, OPTION_LANGUAGE, "language", languages, &language)) {
        return -1;
    }
    *out = (struct wishes){
        .format = (enum format)format,
        .language = (enum client_language)language,
        .template = argument_value(arguments, OPTION_TEMPLATE),
        .output = argument_value(arguments, OPTION_OUTPUT),
        .with_certificate = argument_given(arguments, OPTION_WITH_CERTIFICATE),
        .show_template = argument_given(arguments, OPTION_SHOW_TEMPLATE),
    };
    if (out->with_certificate && (out->format != FORMAT_MOBILECONFIG || !out->output)) {
        tell_error("--with-certificate belongs to --format mobileconfig and --output FILE");
        return -1;
    }
    if (out->template && out->format != FORMAT_TEXT) {
        tell_error("--template belongs to --format text");
        return -1;
    }
    if (context->json && !out->output) {
        tell_error("--json belongs to --output FILE: what is written has a format of its own");
        return -1;
    }
    return 0;
}

/* The mailbox's certificate as PKCS#12 that Apple's programs read. */
static int make_pkcs12(struct context *context, const struct client_account *account,
                       const char *path, unsigned char **out, size_t *length_out)
{
    struct identity identity = {.key = NULL};
    struct password password = {0};
    char *why = NULL;
    int rc = -1;
    if (context_store(context)) {
        return -1;
    }
    if (store_mailbox_identity(context->store, account->address, 0, &identity, &why) != STORE_OK) {
        tell_error("%s: %s", account->address, why_text(&why));
        tell_next("A mailbox gets a certificate by: smimectl mailbox activate %s",
                  account->address);
    } else if (private_file_password(context->arguments, path, &password, &why) ||
               credential_write_pkcs12_for_apple(identity.key, identity.certificate, identity.chain,
                                                 account->address, password.text, out, length_out,
                                                 &why) != CREDENTIAL_OK) {
        tell_error("%s", why_text(&why));
    } else {
        rc = 0;
    }
    password_clear(&password);
    identity_clear(&identity);
    why_free(&why);
    return rc;
}

static int write_profile(struct context *context, FILE *out, const struct client_account *account,
                         const struct wishes *wishes)
{
    unsigned char *pkcs12 = NULL;
    size_t length = 0;
    int rc = -1;
    if (!wishes->with_certificate ||
        make_pkcs12(context, account, wishes->output, &pkcs12, &length) == 0) {
        rc = client_profile_write(out, account, &(struct client_identity){pkcs12, length},
                                  wishes->language);
        if (rc) {
            tell_error("out of memory");
        }
    }
    OPENSSL_free(pkcs12);
    return rc;
}

static int write_autoconfig(FILE *out, const struct client_account *account)
{
    if (!account->hosts[MAIL_HOST_SUBMISSION]) {
        tell_error("Thunderbird needs IMAP or POP3, and %s has only ActiveSync", account->address);
        return -1;
    }
    client_autoconfig_write(out, account);
    return 0;
}

static int write_guide(FILE *out, const struct client_account *account, const struct wishes *wishes)
{
    struct text_file file = {0};
    char *why = NULL;
    int rc = -1;
    if (wishes->template && text_file_read(wishes->template, &file, &why)) {
        tell_error("%s", why_text(&why));
    } else if (client_guide_write(out, account,
                                  file.text ? file.text : client_guide_template(wishes->language),
                                  &why)) {
        tell_error("%s: %s", wishes->template ? wishes->template : "the guide", why_text(&why));
    } else {
        rc = 0;
    }
    text_file_clear(&file);
    why_free(&why);
    return rc;
}

/* All of it in memory, so that a failure leaves no half of a file. */
static int compose(struct context *context, const struct client_account *account,
                   const struct wishes *wishes, char **text_out, size_t *length_out)
{
    FILE *out = open_memstream(text_out, length_out);
    int rc = -1;
    if (!out) {
        tell_error("out of memory");
        return -1;
    }
    switch (wishes->format) {
    case FORMAT_TEXT:
        rc = write_guide(out, account, wishes);
        break;
    case FORMAT_AUTOCONFIG:
        rc = write_autoconfig(out, account);
        break;
    case FORMAT_MOBILECONFIG:
        rc = write_profile(context, out, account, wishes);
        break;
    }
    if (fclose(out) == EOF && rc == 0) {
        tell_error("out of memory");
        rc = -1;
    }
    return rc;
}

static int report(const struct context *context, const char *address, const char *path)
{
    static const struct column columns[] = {
        {"mailbox", "mailbox", CELL_TEXT}, {"file", "file", CELL_TEXT}, {NULL, NULL, CELL_TEXT}};
    struct table *table = table_new(columns);
    int rc = -1;
    if (table) {
        table_text(table, address);
        table_text(table, path);
        rc = table_print_record(table, context->json, stdout);
    }
    table_free(&table);
    if (rc) {
        tell_error("the report cannot be written");
    }
    return rc;
}

static int deliver(const struct context *context, const char *address, const char *path,
                   const char *text, size_t length)
{
    char *why = NULL;
    int rc;
    if (!path) {
        return fwrite(text, 1, length, stdout) == length ? 0 : -1; /* main() tells */
    }
    rc = private_file_write(path, (const unsigned char *)text, length, &why);
    if (rc) {
        tell_error("%s", why_text(&why));
    } else {
        rc = report(context, address, path);
    }
    why_free(&why);
    return rc;
}

static int client_settings(struct context *context)
{
    struct client_account account = {0};
    struct wishes wishes;
    char *text = NULL;
    size_t length = 0;
    int code;
    if (read_wishes(context, &wishes)) {
        return EXIT_USAGE;
    }
    if (wishes.show_template) {
        fputs(client_guide_template(wishes.language), stdout);
        return EXIT_DONE;
    }
    if (wishes.output && access(wishes.output, F_OK) == 0) { /* before a password is asked for */
        tell_error("%s exists already, and is not overwritten", wishes.output);
        return EXIT_REFUSED;
    }
    code = client_account_read(context, &account);
    if (code == EXIT_DONE && (compose(context, &account, &wishes, &text, &length) ||
                              deliver(context, account.address, wishes.output, text, length))) {
        code = EXIT_REFUSED;
    }
    free(text);
    client_account_clear(&account);
    return code;
}

static const struct command client_settings_commands[] = {
    {.options = WITH(OPTION_MAILBOX) | WITH(OPTION_FORMAT) | WITH(OPTION_LANGUAGE) |
                WITH(OPTION_NAME) | WITH(OPTION_IMAP) | WITH(OPTION_POP3) |
                WITH(OPTION_SUBMISSION) | WITH(OPTION_ACTIVESYNC) | WITH(OPTION_USERNAME) |
                WITH(OPTION_TEMPLATE) | WITH(OPTION_SHOW_TEMPLATE) | WITH(OPTION_OUTPUT) |
                WITH(OPTION_WITH_CERTIFICATE) | WITH(OPTION_PASSWORD_FILE),
     .synopsis = "--mailbox ADDRESS [--format text|autoconfig|mobileconfig]\n"
                 "      [--language en|de] [--name NAME] [--imap SERVER] [--pop3 SERVER]\n"
                 "      [--submission SERVER] [--activesync SERVER] [--username PATTERN]\n"
                 "      [--template FILE|--show-template] [--output FILE]\n"
                 "      [--with-certificate [--password-file FILE]]",
     .summary = "what to enter in mail programs",
     .details =
         "Writes what the owner of a mailbox needs to set up his mail program, with encrypted\n"
         "connections only. text: a guide for Outlook, Thunderbird, Apple Mail, iPhone and\n"
         "Android, in English or German. autoconfig: Thunderbird's configuration file, which\n"
         "serves the whole domain when it stands at\n"
         "https://autoconfig.DOMAIN/mail/config-v1.1.xml. mobileconfig: a profile for iPhone,\n"
         "iPad and Mac.\n"
         "\n"
         "The servers are those of the setting client_servers, or of --imap, --pop3,\n"
         "--submission and --activesync, written in the same way: \"imap.example.com\",\n"
         "\"smtp.example.com:587 starttls\"; --username says how one logs in: %a is the address,\n"
         "%u what stands before the @, %d the domain. --with-certificate puts the certificate\n"
         "of the mailbox and its key into the profile, protected by a password that is on the\n"
         "first line of a file or asked for; tell it to the owner by another way than the\n"
         "file. --template takes a guide of your own; --show-template shows the one that is\n"
         "built in, to begin with. A file that exists is not overwritten.",
     .example = "  smimectl client-settings --mailbox alice@example.com --language de \\\n"
                "      --imap imap.example.com --submission \"smtp.example.com:587 starttls\"",
     .run = client_settings},
    {0},
};

const struct command_group client_settings_group = {
    "client-settings", "what to enter in mail programs", client_settings_commands};
