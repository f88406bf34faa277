/* smimectl tls check: how the services of a mail server encrypt, asked all at once. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "address.h"
#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "input.h"
#include "table.h"
#include "tell.h"
#include "tls_findings.h"
#include "tls_services.h"
#include "why.h"

#define DEFAULT_DAYS 14
#define MAX_DAYS 36500
#define DAY_S (24 * 60 * 60)
#define DEFAULT_TIMEOUT_S 30
#define MAX_TIMEOUT_S 600
#define MAX_NAMES 100 /* of a certificate, that are listed */

struct probe {
    struct tls_service service;
    struct tls_probe_request request;
    struct tls_probe_result result;
    struct tls_findings findings;
    pthread_t thread;
    bool running;
};

struct check {
    char *host;
    const char *address;
    int64_t days;
    int timeout_s;
    struct tls_anchors *anchors;
    struct probe probes[TLS_MAX_SERVICES];
    size_t count;
};

/* ---- what is asked for ---- */

static bool is_ip_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static int read_host(const struct context *context, struct check *check)
{
    const char *host = context->words[0];
    check->address = argument_value(context->arguments, OPTION_ADDRESS);
    if (check->address && !is_ip_address(check->address)) {
        tell_error("--address \"%s\" is no IP address", check->address);
        return -1;
    }
    if (is_ip_address(host)) {
        check->host = strdup(host);
    } else if (address_canonical_domain(host, strlen(host), &check->host) == ADDRESS_INVALID) {
        tell_error("\"%s\" is neither the name of a host nor an IP address", host);
        return -1;
    }
    if (!check->host) {
        tell_error("out of memory");
        return -1;
    }
    return 0;
}

static int read_number(const struct arguments *arguments, enum option_id option, const char *name,
                       int64_t most, int64_t *out)
{
    const char *text = argument_value(arguments, option);
    if (text && (id_argument(text, out) || *out > most)) {
        tell_error("--%s \"%s\" must be a number from 1 to %lld", name, text, (long long)most);
        return -1;
    }
    return 0;
}

static int read_wishes(const struct context *context, struct check *check)
{
    struct tls_service services[TLS_MAX_SERVICES];
    int64_t timeout_s = DEFAULT_TIMEOUT_S;
    check->days = DEFAULT_DAYS;
    if (read_host(context, check) ||
        read_number(context->arguments, OPTION_DAYS, "days", MAX_DAYS, &check->days) ||
        read_number(context->arguments, OPTION_TIMEOUT, "timeout", MAX_TIMEOUT_S, &timeout_s) ||
        tls_services_chosen(&context->arguments->options[OPTION_SERVICE], services,
                            &check->count)) {
        return -1;
    }
    check->timeout_s = (int)timeout_s;
    for (size_t i = 0; i < check->count; i++) {
        check->probes[i].service = services[i];
    }
    return 0;
}

static int add_own_anchors(struct context *context, STACK_OF(X509) * all, char **why)
{
    struct anchor_list list = {0};
    int rc = -1;
    if (context_store(context)) {
        why_set(why, "own trust anchors are not known");
        return -1;
    }
    if (store_anchor_list(context->store, &list, why) != STORE_OK) {
        return -1;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].origin == ANCHOR_OWN &&
            X509_add_cert(all, list.items[i].certificate, X509_ADD_FLAG_UP_REF) != 1) {
            why_set(why, "out of memory");
            goto out;
        }
    }
    rc = 0;
out:
    anchor_list_clear(&list);
    return rc;
}

static int load_anchors(struct context *context, struct check *check)
{
    const char *file = argument_value(context->arguments, OPTION_TLS_CA);
    STACK_OF(X509) *more = sk_X509_new_null();
    char *why = NULL;
    if (!more) {
        why_set(&why, "out of memory");
    } else if ((!file || input_add_certificates(file, more, &why) == 0) &&
               (!argument_given(context->arguments, OPTION_OWN) ||
                add_own_anchors(context, more, &why) == 0)) {
        check->anchors = tls_anchors_load(more, &why);
    }
    if (!check->anchors) {
        tell_error("%s", why_text(&why));
    }
    sk_X509_pop_free(more, X509_free);
    why_free(&why);
    return check->anchors ? 0 : -1;
}

/* ---- asking ---- */

static void *run_probe(void *context)
{
    struct probe *probe = context;
    tls_probe(&probe->request, &probe->result);
    return NULL;
}

/* Ask all at once, so that the command takes no longer than its slowest service. */
static int ask(const struct context *context, struct check *check)
{
    sigset_t pipe, before;
    int rc = 0;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before); /* for the threads, which inherit it */
    for (size_t i = 0; i < check->count; i++) {
        struct probe *probe = &check->probes[i];
        probe->request = (struct tls_probe_request){
            .host = check->host,
            .address = check->address,
            .port = probe->service.port,
            .implicit = probe->service.implicit,
            .protocol = probe->service.protocol,
            .anchors = check->anchors,
            .now = context->now,
            .timeout_ms = check->timeout_s * 1000,
        };
        probe->running = pthread_create(&probe->thread, NULL, run_probe, probe) == 0;
        rc = probe->running ? rc : -1;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i < check->count; i++) {
        if (check->probes[i].running) {
            pthread_join(check->probes[i].thread, NULL);
        }
    }
    return rc;
}

/* Returns the worst that was found; *heard_out: did any service answer? -1 when out of memory. */
static int judge(const struct context *context, struct check *check, bool *heard_out)
{
    enum tls_severity worst = TLS_FINE;
    *heard_out = false;
    for (size_t i = 0; i < check->count; i++) {
        struct probe *probe = &check->probes[i];
        if (tls_findings_make(&probe->service, &probe->result, context->now,
                              context->now + check->days * DAY_S, &probe->findings)) {
            return -1;
        }
        worst = probe->findings.worst > worst ? probe->findings.worst : worst;
        *heard_out = *heard_out || strcmp(probe->findings.state, "absent") != 0;
    }
    return (int)worst;
}

/* ---- telling ---- */

static const struct column columns[] = {
    {"SERVICE", "service", CELL_TEXT},   {"PORT", "port", CELL_INTEGER},
    {"TLS", "tls", CELL_TEXT},           {"VERSIONS", "versions", CELL_LIST},
    {"EXPIRES", "not_after", CELL_TIME}, {"STATE", "state", CELL_TEXT},
    {NULL, "reachable", CELL_BOOLEAN},   {NULL, "encrypts", CELL_BOOLEAN},
    {NULL, "subject", CELL_TEXT},        {NULL, "issuer", CELL_TEXT},
    {NULL, "names", CELL_LIST},          {NULL, "not_before", CELL_TIME},
    {NULL, "fingerprint", CELL_TEXT},    {NULL, "findings", CELL_LIST},
    {NULL, "sentences", CELL_LIST},      {NULL, NULL, CELL_TEXT}};

static void add_names(struct table *table, X509 *certificate)
{
    char *names[MAX_NAMES];
    size_t count = 0;
    GENERAL_NAMES *all =
        certificate ? X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL) : NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && count < MAX_NAMES; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS) {
            const ASN1_IA5STRING *text = name->d.dNSName;
            names[count] = strndup((const char *)ASN1_STRING_get0_data(text),
                                   (size_t)ASN1_STRING_length(text));
            count += names[count] != NULL;
        }
    }
    table_list(table, names, count);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    GENERAL_NAMES_free(all);
}

static void add_findings(struct table *table, const struct tls_findings *findings)
{
    char *kinds[TLS_MAX_FINDINGS], *sentences[TLS_MAX_FINDINGS];
    for (size_t i = 0; i < findings->count; i++) {
        kinds[i] = (char *)(uintptr_t)findings->items[i].kind;
        sentences[i] = findings->items[i].sentence;
    }
    table_list(table, kinds, findings->count);
    table_list(table, sentences, findings->count);
}

static void add_row(struct table *table, const struct probe *probe)
{
    const struct tls_probe_result *result = &probe->result;
    X509 *certificate = sk_X509_value(result->chain, 0);
    char *subject = certificate ? certificate_subject(certificate) : NULL;
    char *issuer = certificate ? certificate_issuer(certificate) : NULL;
    char *fingerprint = certificate ? cert_fingerprint(certificate) : NULL;
    char *versions[TLS_VERSION_COUNT];
    size_t count = 0;
    for (int i = 0; i < TLS_VERSION_COUNT; i++) {
        if (result->versions[i] == TLS_ANSWER_YES) {
            versions[count++] = (char *)(uintptr_t)tls_version_name((enum tls_version)i);
        }
    }
    table_text(table, probe->service.name);
    table_integer(table, probe->service.port);
    table_text(table, tls_service_start(&probe->service));
    table_list(table, versions, count);
    table_time(table, certificate ? certificate_not_after(certificate) : 0);
    table_text(table, probe->findings.state);
    table_boolean(table, result->state != TLS_PROBE_NO_NAME && result->state != TLS_PROBE_CLOSED &&
                             result->state != TLS_PROBE_NO_ANSWER);
    table_boolean(table, result->state == TLS_PROBE_ENCRYPTED);
    table_text(table, subject);
    table_text(table, issuer);
    add_names(table, certificate);
    table_time(table, certificate ? certificate_not_before(certificate) : 0);
    table_text(table, fingerprint);
    add_findings(table, &probe->findings);
    OPENSSL_free(fingerprint);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
}

/* For people the sentences stand below the table. */
static void print_sentences(const struct check *check)
{
    bool first = true;
    for (size_t i = 0; i < check->count; i++) {
        const struct probe *probe = &check->probes[i];
        for (size_t k = 0; k < probe->findings.count; k++) {
            const struct tls_finding *finding = &probe->findings.items[k];
            printf("%s%s %d: %s: ", first ? "\n" : "", probe->service.name, probe->service.port,
                   finding->severity == TLS_FAILED ? "failed" : "warning");
            tell_text(stdout, finding->sentence);
            putchar('\n');
            first = false;
        }
    }
}

static int report(const struct context *context, const struct check *check)
{
    struct table *table = table_new(columns);
    int rc = -1;
    for (size_t i = 0; table && i < check->count; i++) {
        add_row(table, &check->probes[i]);
    }
    if (table && table_print(table, context->json, stdout) == 0) {
        rc = 0;
        if (!context->json) {
            print_sentences(check);
        }
    }
    table_free(&table);
    if (rc) {
        tell_error("the result cannot be written");
    }
    return rc;
}

static void check_clear(struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        tls_findings_clear(&check->probes[i].findings);
        tls_probe_clear(&check->probes[i].result);
    }
    tls_anchors_free(&check->anchors);
    free(check->host);
}

static int tls_check(struct context *context)
{
    struct check check = {0};
    bool heard = false;
    int code = EXIT_REFUSED, worst;
    if (read_wishes(context, &check)) {
        code = EXIT_USAGE;
        goto out;
    }
    if (load_anchors(context, &check)) {
        goto out;
    }
    if (ask(context, &check) || (worst = judge(context, &check, &heard)) < 0) {
        tell_error("out of memory");
        goto out;
    }
    if (report(context, &check)) {
        goto out;
    }
    if (!heard) {
        tell_error("%s answers on none of these ports", check.host);
    }
    code = !heard || worst == TLS_FAILED ? EXIT_TLS_FAILED
           : worst == TLS_WARNING        ? EXIT_TLS_WARNING
                                         : EXIT_DONE;
out:
    check_clear(&check);
    return code;
}

static const struct command tls_commands[] = {
    {.name = "check",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_ADDRESS) | WITH(OPTION_DAYS) | WITH(OPTION_OWN) | WITH(OPTION_SERVICE) |
                WITH(OPTION_TIMEOUT) | WITH(OPTION_TLS_CA),
     .synopsis = "HOST [--service NAME[=PORT]]... [--address IP] [--days N] [--timeout S]\n"
                 "      [--tls-ca FILE] [--own]",
     .summary = "ask a mail server how it encrypts",
     .details =
         "Asks the services of a mail server how they encrypt: smtp (port 25), submission\n"
         "(587), imap (143) and pop3 (110) by STARTTLS or STLS; submissions (465), imaps\n"
         "(993), pop3s (995) and https (443: ActiveSync) with TLS from the first byte. Tells\n"
         "which versions of TLS are accepted, when the certificate runs out, and what is wrong:\n"
         "no TLS, no version that mail programs accept, a certificate that is expired, not yet\n"
         "valid, self-signed, weak, of another name or of an unknown issuer. Warned is of TLS\n"
         "1.0 and 1.1, of passwords taken without TLS, and of a certificate that runs out\n"
         "within N days (14).\n"
         "\n"
         "Without --service all are asked, and those that are not there are no fault; a service\n"
         "that is named has to be there, on its own port or on PORT. --address connects to\n"
         "another address than the one the name has now. Certificates are checked against the\n"
         "system's TLS authorities, those of --tls-ca, and with --own those of \"trust import\",\n"
         "which mail programs do not know. All is over after S seconds (30).\n"
         "\n"
         "For monitoring the exit code says 0: all well, 4: warnings, 5: something failed, or\n"
         "nothing answers; any other code is a failure of the command itself.",
     .example = "  smimectl tls check mail.example.com --service imaps --service submission",
     .run = tls_check},
    {0},
};

const struct command_group tls_group = {"tls", "Encryption between mail programs and servers",
                                        tls_commands};
