/* smimectl ca create: a CA of one's own. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ca_commands.h"
#include "command.h"
#include "csr.h"
#include "distinguished_name.h"
#include "tell.h"
#include "why.h"

#define CA_KEY_DEFAULT "rsa:4096" /* what every mail program can check */

/* --name or --subject as a name; NULL told. */
static X509_NAME *subject_given(const struct context *context)
{
    const char *name = argument_value(context->arguments, OPTION_NAME);
    const char *text = argument_value(context->arguments, OPTION_SUBJECT);
    char *why = NULL;
    X509_NAME *subject = NULL;
    if (text) {
        subject = distinguished_name_read(text, &why);
        if (!subject) {
            tell_error("%s", why_text(&why));
        }
        why_free(&why);
        return subject;
    }
    subject = X509_NAME_new();
    if (!subject) {
        tell_error("out of memory");
    } else if (!*name || X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                                    (const unsigned char *)name, -1, -1, 0) != 1) {
        tell_error("\"%s\" cannot be the name of a CA: 1 to 64 characters in UTF-8 are wanted",
                   name);
        X509_NAME_free(subject);
        subject = NULL;
    }
    ERR_clear_error();
    return subject;
}

/* Making a key takes its time; a CA that is in the way is told before. */
static int refuse_second(struct context *context)
{
    struct ca_list list = {0};
    char *why = NULL;
    int rc = -1;
    if (store_ca_list(context->store, &list, &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
    } else if (list.count > 0 && !argument_given(context->arguments, OPTION_REPLACE)) {
        tell_error("there is a CA already");
        tell_next("It is shown by: smimectl ca show. With --replace a new one issues from now on; "
                  "the former one still revokes and makes CRLs.");
    } else {
        rc = 0;
    }
    ca_list_clear(&list);
    why_free(&why);
    return rc;
}

static int trust(struct context *context, const struct ca *ca)
{
    char *why = NULL;
    if (store_anchor_import(context->store, ca->certificate, context->now, NULL, &why) !=
        STORE_OK) {
        tell_error("the CA was made, but could not become a trust anchor: %s", why_text(&why));
        tell_next("Try: smimectl ca export | smimectl trust import -");
        why_free(&why);
        return -1;
    }
    return 0;
}

/* What is left to do. */
static void advise(const struct context *context, const struct ca *ca)
{
    if (!argument_given(context->arguments, OPTION_TRUST)) {
        tell_note("this machine does not believe it yet: smimectl ca export | smimectl trust "
                  "import -");
    }
    if (!*ca->crl_url) {
        tell_note("without --crl-url, certificates will not say where their CRL is, and nobody "
                  "will notice that one was revoked");
    }
    tell_note("those who are to believe it need its certificate: smimectl ca export");
}

static int make(struct context *context, const X509_NAME *subject, int days)
{
    const char *kind = argument_value(context->arguments, OPTION_KEY);
    struct ca_create request = {
        .subject = subject,
        .days = days,
        .crl_url = argument_value(context->arguments, OPTION_CRL_URL),
        .replace = argument_given(context->arguments, OPTION_REPLACE),
    };
    struct ca_list made = {0};
    int64_t id = 0;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (new_key_make(kind ? kind : CA_KEY_DEFAULT, &request.key, &why) != STORE_OK ||
        store_ca_create(context->store, &request, context->now, &id, &why) != STORE_OK ||
        store_ca_find(context->store, id, &made, &why) != STORE_OK) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    bool trusted =
        !argument_given(context->arguments, OPTION_TRUST) || trust(context, &made.items[0]) == 0;
    if (ca_show_one(context, &made.items[0]) == 0) {
        code = trusted ? EXIT_DONE : EXIT_PARTLY;
        advise(context, &made.items[0]);
    }
out:
    ca_list_clear(&made);
    EVP_PKEY_free(request.key);
    why_free(&why);
    return code;
}

int ca_create(struct context *context)
{
    bool named = argument_given(context->arguments, OPTION_NAME);
    int days = 0;
    if (named == argument_given(context->arguments, OPTION_SUBJECT)) {
        tell_error("either --name NAME is needed, or --subject DN");
        return EXIT_USAGE;
    }
    if (ca_days(context, CA_DEFAULT_DAYS, CA_MAX_DAYS, &days)) {
        return EXIT_USAGE;
    }
    if (context_store(context) || refuse_second(context)) {
        return EXIT_REFUSED;
    }
    X509_NAME *subject = subject_given(context);
    int code = subject ? make(context, subject, days) : EXIT_REFUSED;
    X509_NAME_free(subject);
    return code;
}
