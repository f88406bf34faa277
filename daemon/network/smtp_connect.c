/* The connection to an SMTP server: libcurl resolves, connects, starts TLS, verifies and logs in,
 * and then leaves the dialogue to us. What it does not tell by itself (did TLS begin, was the login
 * taken) is watched here. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "curl_start.h"
#include "password_file.h"
#include "smtp_parts.h"
#include "smtp_syntax.h"
#include "why.h"

#define MAX_GREETING_BYTES 65536 /* of all replies before the dialogue is ours */
#define LOGGED_IN 235            /* RFC 4954 section 6 */
#define MAX_PORT 65535U

/* What is seen of the dialogue that libcurl leads. */
struct beginning {
    const struct smtp_server *server;
    struct smtp_reply reply;
    char *words; /* of the last complete reply, where it was no success */
    size_t bytes;
    bool encrypted;
    bool logged_in;
    bool bad_ca_file;
    bool given_up;
};

char *smtp_server_name(const struct smtp_server *server)
{
    char *name = NULL;

    if (server->unix_path)
        return strdup(server->unix_path);
    if (asprintf(&name, strchr(server->host, ':') ? "[%s]:%u" : "%s:%u", server->host,
                 server->port) < 0)
        return NULL;
    return name;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)context;
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* libcurl gives every line of the server here. A return other than `count` ends the transfer. */
static size_t watch_line(char *bytes, size_t size, size_t count, void *context)
{
    struct beginning *beginning = context;
    size_t length = size * count;

    beginning->bytes += length;
    if (beginning->bytes > MAX_GREETING_BYTES)
        return 0;
    for (size_t at = 0, used; at < length; at += used) {
        enum smtp_reply_state state =
            smtp_reply_feed(&beginning->reply, bytes + at, length - at, &used, NULL);

        if (state == SMTP_REPLY_BROKEN)
            return 0;
        if (state != SMTP_REPLY_COMPLETE)
            continue;
        free(beginning->words);
        beginning->words =
            beginning->reply.code >= 400 ? smtp_reply_words(&beginning->reply) : NULL;
        if (beginning->reply.code == LOGGED_IN)
            beginning->logged_in = true;
        smtp_reply_begin(&beginning->reply);
    }
    return length;
}

/* libcurl prints what nobody takes. */
static size_t drop_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static int watch_time(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct beginning *beginning = context;
    const struct smtp_server *server = beginning->server;

    (void)a, (void)b, (void)c, (void)d;
    if (server->tick && server->tick(server->context) != 0)
        beginning->given_up = true;
    return beginning->given_up ? 1 : 0;
}

/* Called when TLS is about to begin; where it then fails, so does the connection. The own
 * authorities come beside the system's, which libcurl has loaded already. */
static CURLcode watch_tls(CURL *curl, void *ssl_ctx, void *context)
{
    struct beginning *beginning = context;
    const char *path = beginning->server->ca_file;

    (void)curl;
    beginning->encrypted = true;
    if (path && SSL_CTX_load_verify_locations(ssl_ctx, path, NULL) != 1) {
        beginning->bad_ca_file = true;
        ERR_clear_error();
        return CURLE_SSL_CACERT_BADFILE;
    }
    return CURLE_OK;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode code_ = curl_easy_setopt(curl, option, value);                                    \
        if (code_ != CURLE_OK)                                                                     \
            return code_;                                                                          \
    } while (0)

static long use_ssl(const struct smtp_server *server)
{
    switch (server->tls) {
    case SMTP_TLS_NONE:
    case SMTP_TLS_IMPLICIT:
        return CURLUSESSL_NONE;
    case SMTP_TLS_OPPORTUNISTIC:
        /* Who strips STARTTLS from the offers must not get the password. */
        return server->user && !server->unix_path && !server->login_in_clear ? CURLUSESSL_ALL
                                                                             : CURLUSESSL_TRY;
    case SMTP_TLS_REQUIRED:
        return CURLUSESSL_ALL;
    }
    return CURLUSESSL_ALL;
}

static CURLcode set_tls(CURL *curl, struct beginning *beginning)
{
    const struct smtp_server *server = beginning->server;

    SET(CURLOPT_USE_SSL, use_ssl(server));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, server->verify == SMTP_VERIFY_NONE ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, server->verify == SMTP_VERIFY_FULL ? 2L : 0L);
    SET(CURLOPT_SSL_CTX_FUNCTION, watch_tls);
    SET(CURLOPT_SSL_CTX_DATA, beginning);
    return CURLE_OK;
}

static CURLcode set_login(CURL *curl, const struct smtp_server *server, const char *password)
{
    if (!server->user)
        return CURLE_OK;
    /* Not the methods with MD5 and none that a name with @ in it would set off (GSSAPI). */
    SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
    SET(CURLOPT_USERNAME, server->user);
    SET(CURLOPT_PASSWORD, password);
    return CURLE_OK;
}

static CURLcode set_limits(CURL *curl, struct smtp *smtp, struct beginning *beginning)
{
    const struct smtp_server *server = beginning->server;
    long long left_ms = smtp->channel.deadline_ms - smtp_channel_now_ms();
    long answer_ms = server->answer_timeout_ms;

    if (left_ms < 1)
        return CURLE_OPERATION_TIMEDOUT;
    SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, answer_ms < left_ms ? answer_ms : (long)left_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs must not hold us beyond the timeout. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, watch_time);
    SET(CURLOPT_XFERINFODATA, beginning);
    SET(CURLOPT_HEADERFUNCTION, watch_line);
    SET(CURLOPT_HEADERDATA, beginning);
    SET(CURLOPT_WRITEFUNCTION, drop_body);
    return CURLE_OK;
}

static CURLcode prepare(CURL *curl, struct smtp *smtp, struct beginning *beginning, const char *url,
                        const char *password, char *error)
{
    const struct smtp_server *server = beginning->server;
    CURLcode code;

    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (server->unix_path)
        SET(CURLOPT_UNIX_SOCKET_PATH, server->unix_path);
    else if (server->family != AF_UNSPEC) /* libcurl would find no address to a path with it */
        SET(CURLOPT_IPRESOLVE,
            (long)(server->family == AF_INET6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_V4));
    code = set_tls(curl, beginning);
    if (code == CURLE_OK)
        code = set_login(curl, server, password);
    return code == CURLE_OK ? set_limits(curl, smtp, beginning) : code;
}

#undef SET

static bool is_number(const char *host)
{
    unsigned char number[16];

    return inet_pton(AF_INET6, host, number) == 1 || inet_pton(AF_INET, host, number) == 1;
}

/* libcurl takes the name for EHLO from the path. NULL with a sentence. */
static char *make_url(const struct smtp_server *server, char **why)
{
    const char *host = server->host ? server->host : "localhost";
    const char *format = strchr(host, ':') ? "%s://[%s]:%u/%s" : "%s://%s:%u/%s";
    unsigned port = server->unix_path ? 25 : server->port;
    char *url = NULL;

    if (!smtp_name_is_sound(host) && !is_number(host)) {
        why_set(why, "\"%s\" is no host name", host);
        return NULL;
    }
    if (!smtp_name_is_sound(server->helo_name) || port == 0 || port > MAX_PORT) {
        why_set(why, "\"%s\" and %u are no host name and port", server->helo_name, port);
        return NULL;
    }
    if (asprintf(&url, format, server->tls == SMTP_TLS_IMPLICIT ? "smtps" : "smtp", host, port,
                 server->helo_name) < 0) {
        why_set(why, "out of memory");
        return NULL;
    }
    return url;
}

/* What came of it, of all that libcurl may have to say. */
static enum smtp_status judge(const struct beginning *beginning, CURLcode code, const char *error,
                              char **why)
{
    const struct smtp_server *server = beginning->server;
    const char *text = error[0] != '\0' ? error : curl_easy_strerror(code);

    if (code == CURLE_OUT_OF_MEMORY) {
        why_set(why, "out of memory");
        return SMTP_ERROR;
    }
    if (beginning->bad_ca_file) {
        why_set(why, "cannot read certificates from %s", server->ca_file);
        return SMTP_ERROR;
    }
    if (beginning->given_up)
        why_set(why, "the work was given up while connecting");
    else if (code == CURLE_USE_SSL_FAILED)
        why_set(why, "it does not offer STARTTLS, which is required%s",
                server->tls == SMTP_TLS_REQUIRED ? "" : " for a login");
    else if (code == CURLE_WRITE_ERROR)
        why_set(why, "its answer is not SMTP, or too long");
    else if (code != CURLE_OK && beginning->words)
        why_set(why, "%s: %s", text, beginning->words);
    else if (code != CURLE_OK)
        why_set(why, "%s", text);
    else if (server->user && !beginning->logged_in)
        why_set(why, "it offers no login by PLAIN or LOGIN");
    else
        return SMTP_OK;
    return SMTP_DEFERRED;
}

/* May the login be said on a connection that perhaps has no TLS? */
static bool login_is_safe(const struct smtp_server *server)
{
    return !server->user || server->unix_path || server->login_in_clear ||
           server->tls != SMTP_TLS_NONE;
}

enum smtp_status smtp_open(struct smtp *smtp, char **why)
{
    struct smtp_channel *channel = &smtp->channel;
    struct beginning beginning = {.server = channel->server};
    char error[CURL_ERROR_SIZE] = "";
    enum smtp_status status = SMTP_ERROR;
    char *password = NULL;
    char *url = NULL;
    CURLcode code;

    if (!login_is_safe(channel->server)) {
        why_set(why, "no login is said over a connection without TLS");
        goto out;
    }
    if (channel->server->user) {
        password = password_file_read(channel->server->password_file, why);
        if (!password)
            goto out;
    }
    url = make_url(channel->server, why);
    channel->curl = curl_start();
    if (!url)
        goto out;
    code = channel->curl ? prepare(channel->curl, smtp, &beginning, url, password, error)
                         : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = curl_easy_perform(channel->curl);
    status = judge(&beginning, code, error, why);
    if (status == SMTP_OK &&
        curl_easy_getinfo(channel->curl, CURLINFO_ACTIVESOCKET, &channel->fd) != CURLE_OK) {
        why_set(why, "the connection was lost");
        status = SMTP_DEFERRED;
    }
    smtp->encrypted = beginning.encrypted;

out:
    if (channel->curl) {
        /* They point into this function's frame. */
        curl_easy_setopt(channel->curl, CURLOPT_ERRORBUFFER, NULL);
        curl_easy_setopt(channel->curl, CURLOPT_HEADERFUNCTION, NULL);
        curl_easy_setopt(channel->curl, CURLOPT_HEADERDATA, NULL);
        curl_easy_setopt(channel->curl, CURLOPT_NOPROGRESS, 1L);
        curl_easy_setopt(channel->curl, CURLOPT_XFERINFODATA, NULL);
        curl_easy_setopt(channel->curl, CURLOPT_SSL_CTX_DATA, NULL);
    }
    free(beginning.words);
    free(url);
    password_free(&password);
    return status;
}

enum smtp_status smtp_check(const struct smtp_server *server, char **why)
{
    enum smtp_status status = SMTP_ERROR;
    SSL_CTX *context = NULL;
    char *password = NULL;
    char *url = make_url(server, why);

    if (!url)
        goto out;
    if (!login_is_safe(server)) {
        why_set(why, "no login is said over a connection without TLS");
        goto out;
    }
    if (server->user) {
        password = password_file_read(server->password_file, why);
        if (!password)
            goto out;
    }
    if (server->ca_file) {
        context = SSL_CTX_new(TLS_client_method());
        if (!context || SSL_CTX_load_verify_locations(context, server->ca_file, NULL) != 1) {
            why_set(why, "cannot read certificates from %s", server->ca_file);
            goto out;
        }
    }
    status = SMTP_OK;

out:
    ERR_clear_error();
    SSL_CTX_free(context);
    password_free(&password);
    free(url);
    return status;
}
