/* Connections to one service, through libcurl, which resolves, connects, asks for TLS and does it.
 * CURLOPT_CONNECT_ONLY stops where a login would begin. */
#include "tls_probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <curl/curl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "deadline.h"
#include "why.h"

/* What OpenSSL would not do by default any more has to be offered to see whether it is taken. */
#define ANY_CIPHER "DEFAULT:@SECLEVEL=0"

#define LAST_LINE_BYTES 200 /* of the server's, for a sentence */

enum purpose {
    PURPOSE_PLAIN,   /* no TLS: what is offered? */
    PURPOSE_VERSION, /* one version of TLS, any certificate */
    PURPOSE_VERIFY,  /* as a careful client */
};

struct connection {
    const struct tls_probe_request *request;
    struct deadline deadline;
    enum purpose purpose;
    enum tls_version version;
    CURL *curl;
    CURLcode code;
    char error[CURL_ERROR_SIZE];
    struct mail_capabilities capabilities;
    size_t answer_bytes;
    bool connected; /* there was a TCP connection */
    char last_line[LAST_LINE_BYTES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static const char *const version_names[TLS_VERSION_COUNT] = {"1.0", "1.1", "1.2", "1.3"};

const char *tls_version_name(enum tls_version version)
{
    return (size_t)version < TLS_VERSION_COUNT ? version_names[version] : "unknown";
}

/* ---- one connection ---- */

/* Called with each line that the server says; it does not end with a NUL. */
static size_t take_line(char *bytes, size_t size, size_t count, void *context)
{
    struct connection *connection = context;
    size_t length = size * count;
    size_t shown = 0;
    if (length > TLS_PROBE_MAX_ANSWER_BYTES - connection->answer_bytes)
        return 0;
    connection->answer_bytes += length;
    while (shown < length && shown < LAST_LINE_BYTES - 1 && bytes[shown] != '\r' &&
           bytes[shown] != '\n')
        shown++;
    memcpy(connection->last_line, bytes, shown);
    connection->last_line[shown] = '\0';
    if (connection->purpose == PURPOSE_PLAIN)
        mail_capabilities_add(&connection->capabilities, connection->request->protocol, bytes,
                              length);
    return length;
}

/* Called before each socket is closed. libcurl does not tell a connection that never came about
 * from one on which nobody spoke TLS in time. */
static int close_socket(void *context, curl_socket_t socket)
{
    struct connection *connection = context;
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (getpeername(socket, (struct sockaddr *)&peer, &length) == 0)
        connection->connected = true;
    return close(socket);
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode code_ = curl_easy_setopt(curl, option, value);                                    \
        if (code_ != CURLE_OK)                                                                     \
            return code_;                                                                          \
    } while (0)

static CURLcode set_url(CURL *curl, const struct tls_probe_request *request)
{
    static const char *const schemes[] = {
        [MAIL_SMTP] = "smtp", [MAIL_IMAP] = "imap", [MAIL_POP3] = "pop3"};
    /* Where TLS comes first, nothing is said behind it: https stands for any protocol. */
    const char *scheme = request->implicit ? "https" : schemes[request->protocol];
    bool ipv6 = strchr(request->host, ':') != NULL;
    char *url = NULL;
    CURLcode code;
    if (asprintf(&url, ipv6 ? "%s://[%s]:%d/" : "%s://%s:%d/", scheme, request->host,
                 request->port) < 0)
        return CURLE_OUT_OF_MEMORY;
    code = curl_easy_setopt(curl, CURLOPT_URL, url);
    free(url);
    return code;
}

static CURLcode set_limits(CURL *curl, struct connection *connection)
{
    long left_ms = deadline_left_ms(&connection->deadline);
    SET(CURLOPT_PROTOCOLS_STR, "https,smtp,imap,pop3");
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_TIMEOUT_MS, left_ms > 0 ? left_ms : 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, left_ms > 0 ? left_ms : 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs must not hold us beyond the timeout. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HEADERFUNCTION, take_line);
    SET(CURLOPT_HEADERDATA, connection);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, connection);
    SET(CURLOPT_ERRORBUFFER, connection->error);
    return CURLE_OK;
}

static CURLcode set_tls(CURL *curl, const struct connection *connection)
{
    static const long versions[TLS_VERSION_COUNT] = {
        CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_0,
        CURL_SSLVERSION_TLSv1_1 | CURL_SSLVERSION_MAX_TLSv1_1,
        CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2,
        CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3,
    };
    struct curl_blob anchors = {.flags = CURL_BLOB_NOCOPY};
    SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
    SET(CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    if (connection->purpose == PURPOSE_VERSION) {
        SET(CURLOPT_SSL_VERIFYPEER, 0L);
        SET(CURLOPT_SSL_VERIFYHOST, 0L);
        SET(CURLOPT_CERTINFO, 1L);
        SET(CURLOPT_SSLVERSION, versions[connection->version]);
        SET(CURLOPT_SSL_CIPHER_LIST, ANY_CIPHER);
        return CURLE_OK;
    }
    anchors.data = (void *)tls_anchors_pem(connection->request->anchors, &anchors.len);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CAINFO_BLOB, &anchors);
    return CURLE_OK;
}

#undef SET

/* Connect, as far as to a login. The result is connection->code. */
static void connect_once(struct connection *connection)
{
    const struct tls_probe_request *request = connection->request;
    struct curl_slist *instead = NULL;
    char *entry = NULL;
    CURL *curl = curl_easy_init();
    connection->curl = curl;
    connection->code = CURLE_OUT_OF_MEMORY;
    if (curl == NULL)
        return;
    if (request->address != NULL) {
        bool ipv6 = strchr(request->address, ':') != NULL;
        if (asprintf(&entry, ipv6 ? "::[%s]:" : "::%s:", request->address) < 0)
            return;
        instead = curl_slist_append(NULL, entry);
        free(entry);
        if (instead == NULL)
            return;
    }
    connection->code = set_url(curl, request);
    if (connection->code == CURLE_OK)
        connection->code = set_limits(curl, connection);
    if (connection->code == CURLE_OK && connection->purpose != PURPOSE_PLAIN)
        connection->code = set_tls(curl, connection);
    if (connection->code == CURLE_OK && instead != NULL)
        connection->code = curl_easy_setopt(curl, CURLOPT_CONNECT_TO, instead);
    if (connection->code == CURLE_OK)
        connection->code = curl_easy_perform(curl);
    curl_slist_free_all(instead);
}

/* Leave politely where the protocol has a word for it; nobody waits for the answer. */
static void disconnect(struct connection *connection)
{
    static const char *const words[] = {
        [MAIL_SMTP] = "QUIT\r\n", [MAIL_IMAP] = "Q LOGOUT\r\n", [MAIL_POP3] = "QUIT\r\n"};
    const char *word = words[connection->request->protocol];
    size_t sent = 0;
    if (connection->curl != NULL && connection->code == CURLE_OK && !connection->request->implicit)
        curl_easy_send(connection->curl, word, strlen(word), &sent);
    curl_easy_cleanup(connection->curl);
    connection->curl = NULL;
}

/* What became of a connection that failed, up to where TLS begins. */
static enum tls_probe_state state_of(const struct connection *connection)
{
    switch (connection->code) {
    case CURLE_OUT_OF_MEMORY:
        return TLS_PROBE_ERROR;
    case CURLE_COULDNT_RESOLVE_HOST:
        return TLS_PROBE_NO_NAME;
    case CURLE_COULDNT_CONNECT:
        return TLS_PROBE_CLOSED;
    case CURLE_OPERATION_TIMEDOUT:
        return connection->connected ? TLS_PROBE_BROKEN : TLS_PROBE_NO_ANSWER;
    case CURLE_USE_SSL_FAILED:
        return TLS_PROBE_FAILED;
    default:
        return TLS_PROBE_BROKEN;
    }
}

static const char *words_of(const struct connection *connection)
{
    return connection->error[0] != '\0' ? connection->error : curl_easy_strerror(connection->code);
}

/* A sentence about a connection that failed: a new string, NULL when out of memory. */
static char *sentence_of(const struct connection *connection)
{
    const char *protocol = connection->request->implicit ? "TLS" : "the protocol";
    char *text = NULL;
    int rc;
    if (connection->code == CURLE_WRITE_ERROR) {
        rc = asprintf(&text, "the server says more than %zu bytes where a few lines are due",
                      TLS_PROBE_MAX_ANSWER_BYTES);
    } else if (connection->code == CURLE_OPERATION_TIMEDOUT) {
        rc = connection->connected
                 ? asprintf(&text, "the server takes the connection, but does not answer in time")
                 : asprintf(&text, "nobody answers");
    } else if (connection->code == CURLE_USE_SSL_FAILED) {
        rc = asprintf(&text, "TLS is offered and then refused: %s", connection->last_line);
    } else if (connection->code == CURLE_WEIRD_SERVER_REPLY &&
               connection->purpose != PURPOSE_PLAIN) {
        rc = asprintf(&text, "what comes behind the answer to STARTTLS is not encrypted: somebody "
                             "may be injecting text, or the server mistakes the protocol");
    } else if (connection->code == CURLE_SSL_CONNECT_ERROR) {
        rc = asprintf(&text, "no TLS session comes about: %s", words_of(connection));
    } else if (connection->purpose == PURPOSE_PLAIN && connection->last_line[0] != '\0') {
        rc = asprintf(&text, "the server does not speak %s: %s; it said: %s", protocol,
                      words_of(connection), connection->last_line);
    } else {
        rc = asprintf(&text, "%s", words_of(connection));
    }
    return rc < 0 ? NULL : text;
}

/* ---- all of them ---- */

static void give_up(struct tls_probe_result *result, enum tls_probe_state state, char *sentence)
{
    result->state = sentence != NULL ? state : TLS_PROBE_ERROR;
    free(result->sentence);
    result->sentence = sentence;
}

static struct connection connection_for(const struct tls_probe_request *request,
                                        struct deadline deadline, enum purpose purpose,
                                        enum tls_version version)
{
    return (struct connection){
        .request = request, .deadline = deadline, .purpose = purpose, .version = version};
}

/* What is offered before TLS? Returns true when it is TLS. */
static bool ask_plainly(const struct tls_probe_request *request, struct deadline deadline,
                        struct tls_probe_result *result)
{
    struct connection connection =
        connection_for(request, deadline, PURPOSE_PLAIN, TLS_VERSION_1_0);
    bool offered = false;
    connect_once(&connection);
    if (connection.code != CURLE_OK) {
        give_up(result, state_of(&connection), sentence_of(&connection));
    } else {
        offered = connection.capabilities.start_tls;
        result->clear_password = mail_capabilities_clear_password(&connection.capabilities);
        if (!offered)
            give_up(result, TLS_PROBE_PLAIN, strdup("the server offers no encryption"));
    }
    disconnect(&connection);
    return offered;
}

static X509 *certificate_of(const struct curl_slist *fields)
{
    X509 *certificate = NULL;
    for (; fields != NULL && certificate == NULL; fields = fields->next) {
        if (strncmp(fields->data, "Cert:", 5) != 0)
            continue;
        BIO *bio = BIO_new_mem_buf(fields->data + 5, -1);
        certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
    }
    ERR_clear_error();
    return certificate;
}

/* The certificates that the server sent; NULL when there is none that can be read. */
static STACK_OF(X509) * chain_of(CURL *curl)
{
    struct curl_certinfo *info = NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    if (chain == NULL || curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK ||
        info == NULL)
        goto fail;
    for (int i = 0; i < info->num_of_certs && i < TLS_PROBE_MAX_CERTIFICATES; i++) {
        X509 *certificate = certificate_of(info->certinfo[i]);
        if (certificate == NULL || sk_X509_push(chain, certificate) <= 0) {
            X509_free(certificate);
            goto fail;
        }
    }
    if (sk_X509_num(chain) > 0)
        return chain;
fail:
    sk_X509_pop_free(chain, X509_free);
    return NULL;
}

/* The answer for one version. Sets *state_out and *sentence_out (NULL: out of memory) of a
 * connection that failed. */
static enum tls_answer ask_version(const struct tls_probe_request *request,
                                   struct deadline deadline, enum tls_version version,
                                   struct tls_probe_result *result, enum tls_probe_state *state_out,
                                   char **sentence_out)
{
    struct connection connection = connection_for(request, deadline, PURPOSE_VERSION, version);
    enum tls_answer answer = TLS_ANSWER_UNKNOWN;
    connect_once(&connection);
    switch (connection.code) {
    case CURLE_OK:
        answer = TLS_ANSWER_YES;
        if (result->chain == NULL)
            result->chain = chain_of(connection.curl);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR: /* it hung up in the middle of the handshake */
    case CURLE_SEND_ERROR:
        /* Our own library may have been built without an old version. */
        if (strstr(connection.error, "no protocols available") == NULL)
            answer = TLS_ANSWER_NO;
        *state_out = TLS_PROBE_FAILED;
        *sentence_out = sentence_of(&connection);
        break;
    default:
        *state_out = state_of(&connection);
        if (*state_out == TLS_PROBE_BROKEN && !request->implicit)
            *state_out = TLS_PROBE_FAILED; /* it speaks the protocol, as was seen before */
        *sentence_out = sentence_of(&connection);
        break;
    }
    disconnect(&connection);
    return answer;
}

/* The newest first: what no modern client would get is asked last. Returns true when TLS came
 * about. */
static bool ask_versions(const struct tls_probe_request *request, struct deadline deadline,
                         struct tls_probe_result *result)
{
    enum tls_probe_state state = TLS_PROBE_FAILED, first_state = TLS_PROBE_FAILED;
    char *first = NULL;
    bool accepted = false;
    for (int i = TLS_VERSION_COUNT - 1; i >= 0; i--) {
        char *sentence = NULL;
        enum tls_answer answer =
            ask_version(request, deadline, (enum tls_version)i, result, &state, &sentence);
        result->versions[i] = answer;
        accepted = accepted || answer == TLS_ANSWER_YES;
        if (answer == TLS_ANSWER_UNKNOWN && result->unknown == NULL && sentence != NULL)
            result->unknown = strdup(sentence);
        if (first == NULL && answer != TLS_ANSWER_YES) {
            first = sentence;
            first_state = state;
            sentence = NULL;
        }
        free(sentence);
        /* Who cannot be reached once, or has eaten all the time, is not asked again. */
        if (answer == TLS_ANSWER_UNKNOWN && state != TLS_PROBE_FAILED)
            break;
    }
    if (!accepted) {
        give_up(result, first_state, first);
        first = NULL;
    }
    free(first);
    return accepted;
}

static void ask_carefully(const struct tls_probe_request *request, struct deadline deadline,
                          struct tls_probe_result *result)
{
    struct connection connection =
        connection_for(request, deadline, PURPOSE_VERIFY, TLS_VERSION_1_3);
    connect_once(&connection);
    result->verified = connection.code == CURLE_OK;
    if (!result->verified)
        result->verify_sentence = sentence_of(&connection);
    disconnect(&connection);
}

void tls_probe(const struct tls_probe_request *request, struct tls_probe_result *out)
{
    struct deadline end = deadline_in_ms(request->timeout_ms);
    struct deadline deadline = deadline_in_ms(request->timeout_ms / 4L * 3);
    char *why = NULL;
    *out = (struct tls_probe_result){.state = TLS_PROBE_ENCRYPTED};
    pthread_once(&once, start);
    if (started != CURLE_OK) {
        give_up(out, TLS_PROBE_ERROR, strdup("libcurl does not start"));
        return;
    }
    if (!request->implicit && !ask_plainly(request, deadline, out))
        return;
    if (!ask_versions(request, deadline, out))
        return;
    if (out->chain == NULL) {
        give_up(out, TLS_PROBE_FAILED, strdup("the server shows no certificate that can be read"));
        return;
    }
    /* A quarter of the time is kept for this, should an old version have eaten the rest. */
    ask_carefully(request, end, out);
    if (tls_chain_judge(out->chain, request->anchors, request->host, request->now, &out->faults,
                        &why) != 0)
        give_up(out, TLS_PROBE_ERROR, why != NULL ? strdup(why) : NULL);
    why_free(&why);
}

void tls_probe_clear(struct tls_probe_result *result)
{
    free(result->sentence);
    free(result->unknown);
    free(result->verify_sentence);
    sk_X509_pop_free(result->chain, X509_free);
    tls_faults_clear(&result->faults);
    *result = (struct tls_probe_result){.state = TLS_PROBE_ERROR};
}
