/* One HTTP request through libcurl, which resolves, connects, does TLS and reads the answer; where
 * it may go and how much it may bring is decided here. */
#include "http.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "curl_start.h"
#include "ip_network.h"
#include "public_address.h"
#include "why.h"

#define FIRST_FREE_PORT 1024

struct exchange {
    const struct http_request *request;
    unsigned char *bytes;
    size_t length;
    size_t capacity;
    bool too_large;
    bool no_memory;
    bool refused; /* an address or port that we do not go to */
};

static unsigned port_of(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof ipv4);
        return ntohs(ipv4.sin_port);
    }
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, address, sizeof ipv6);
    return ntohs(ipv6.sin6_port);
}

static bool may_reach(const struct http_request *request, const struct sockaddr *address)
{
    unsigned char ip[16];
    unsigned port;
    if (request->any_address || (request->proxy != NULL && request->proxy[0] != '\0'))
        return true;
    if (!address_bytes(address, ip))
        return false;
    port = port_of(address);
    if (port < FIRST_FREE_PORT && port != 80 && port != 443)
        return false;
    for (size_t i = 0; i < request->network_count; i++)
        if (ip_network_contains(request->networks[i].prefix, request->networks[i].prefix_bits, ip))
            return true;
    return public_address(address);
}

/* Called with what a name resolved to, for each connection: a name that changes its address between
 * a check and the use gains nothing. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct exchange *exchange = context;
    if (purpose != CURLSOCKTYPE_IPCXN || !may_reach(exchange->request, &to->addr)) {
        exchange->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t length = size * count;
    if (length > exchange->request->max_bytes - exchange->length) {
        exchange->too_large = true;
        return 0;
    }
    if (length > exchange->capacity - exchange->length) {
        size_t capacity = exchange->capacity * 2 + length;
        unsigned char *larger = realloc(exchange->bytes, capacity);
        if (larger == NULL) {
            exchange->no_memory = true;
            return 0;
        }
        exchange->bytes = larger;
        exchange->capacity = capacity;
    }
    memcpy(exchange->bytes + exchange->length, bytes, length);
    exchange->length += length;
    return length;
}

static CURLcode set_body(CURL *curl, const struct http_request *request,
                         struct curl_slist **headers)
{
    struct curl_slist *longer;
    char *type = NULL;
    CURLcode code;
    if (request->body == NULL)
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (asprintf(&type, "Content-Type: %s", request->content_type) < 0)
        return CURLE_OUT_OF_MEMORY;
    longer = curl_slist_append(*headers, type);
    free(type);
    if (longer == NULL)
        return CURLE_OUT_OF_MEMORY;
    *headers = longer;
    /* No waiting for "100 Continue", which some responders never say. */
    longer = curl_slist_append(*headers, "Expect:");
    if (longer == NULL)
        return CURLE_OUT_OF_MEMORY;
    *headers = longer;
    code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
    if (code == CURLE_OK)
        code =
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    return code;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        CURLcode code_ = curl_easy_setopt(curl, option, value);                                    \
        if (code_ != CURLE_OK)                                                                     \
            return code_;                                                                          \
    } while (0)

static CURLcode set_limits(CURL *curl, struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 1L);
    SET(CURLOPT_MAXREDIRS, (long)HTTP_MAX_REDIRECTS);
    SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs must not hold us beyond the timeout. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, take);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_FAILONERROR, 1L);
    SET(CURLOPT_PROXY, request->proxy != NULL ? request->proxy : "");
    return CURLE_OK;
}

static CURLcode prepare(CURL *curl, struct exchange *exchange, char *error,
                        struct curl_slist **headers)
{
    const struct http_request *request = exchange->request;
    CURLcode code;
    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_USERAGENT, "smimed/" SMIMED_VERSION);
    if (request->ca_file != NULL) {
        SET(CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    code = set_limits(curl, exchange);
    return code == CURLE_OK ? set_body(curl, request, headers) : code;
}

#undef SET

static enum http_status judge(const struct exchange *exchange, CURLcode code, long answer,
                              const char *error, char **why)
{
    if (exchange->no_memory || code == CURLE_OUT_OF_MEMORY) {
        why_set(why, "out of memory");
        return HTTP_ERROR;
    }
    if (exchange->too_large) {
        why_set(why, "the answer is larger than %zu bytes", exchange->request->max_bytes);
        return HTTP_FAILED;
    }
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
        why_set(why, "it is no http or https address");
        return HTTP_REFUSED;
    }
    if (code != CURLE_OK && exchange->refused) {
        why_set(why, "it leads to a private network or a port that is not asked");
        return HTTP_REFUSED;
    }
    if (code != CURLE_OK) {
        why_set(why, "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
        return HTTP_FAILED;
    }
    if (answer < 200 || answer > 299) {
        why_set(why, "the server answered %ld", answer);
        return HTTP_FAILED;
    }
    return HTTP_OK;
}

enum http_status http_exchange(const struct http_request *request, unsigned char **out,
                               size_t *length_out, char **why)
{
    struct exchange exchange = {.request = request};
    struct curl_slist *headers = NULL;
    char error[CURL_ERROR_SIZE] = "";
    enum http_status status = HTTP_ERROR;
    CURL *curl = NULL;
    CURLcode code;
    long answer = 0;
    *out = NULL;
    *length_out = 0;
    if (strlen(request->url) > HTTP_MAX_URL_BYTES) {
        why_set(why, "the address is longer than %d bytes", HTTP_MAX_URL_BYTES);
        return HTTP_REFUSED;
    }
    exchange.capacity = 1; /* an empty answer is one */
    exchange.bytes = malloc(exchange.capacity);
    curl = curl_start();
    if (curl == NULL || exchange.bytes == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    code = prepare(curl, &exchange, error, &headers);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    status = judge(&exchange, code, answer, error, why);
    if (status == HTTP_OK) {
        *out = exchange.bytes;
        *length_out = exchange.length;
        exchange.bytes = NULL;
    }
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(exchange.bytes);
    return status;
}
