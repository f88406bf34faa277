/* Asking the DNS through libunbound. */
#include "dns_query.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <unbound.h>

#include "why.h"

#define CLASS_IN 1
#define RCODE_NXDOMAIN 3

/* What the callback of libunbound leaves. */
struct pending {
    bool done;
    int error;
    struct ub_result *result;
};

static void take_answer(void *context, int error, struct ub_result *result)
{
    struct pending *pending = context;
    pending->done = true;
    pending->error = error;
    pending->result = result;
}

/* 0, or -1 with a sentence. */
static int configure(struct ub_ctx *resolver, const struct dns_options *options, char **why)
{
    /* A name server on this machine is where a validating one best stands. */
    int error = ub_ctx_set_option(resolver, "do-not-query-localhost:", "no");
    ub_ctx_debugout(resolver, NULL);
    if (error == 0)
        error = ub_ctx_async(resolver, 1);
    for (size_t i = 0; error == 0 && i < options->resolver_count; i++)
        error = ub_ctx_set_fwd(resolver, options->resolvers[i]);
    if (error == 0 && options->resolver_count == 0 && ub_ctx_resolvconf(resolver, NULL) != 0) {
        why_set(why, "the name servers of resolv.conf cannot be read; dns_resolvers can name some");
        return -1;
    }
    if (error != 0) {
        why_set(why, "the DNS resolver cannot be set up: %s", ub_strerror(error));
        return -1;
    }
    if (access(options->trust_anchor, R_OK) != 0 ||
        ub_ctx_add_ta_file(resolver, options->trust_anchor) != 0) {
        why_set(why,
                "the trust anchor %s (dns_trust_anchor) cannot be read: %s; Debian has it in the "
                "package dns-root-data",
                options->trust_anchor, strerror(errno));
        return -1;
    }
    return 0;
}

/* Wait for the answer. 0, or -1 when the time is up. */
static int wait_for(struct ub_ctx *resolver, struct pending *pending, struct deadline deadline)
{
    struct pollfd ready = {.fd = ub_fd(resolver), .events = POLLIN};
    while (!pending->done) {
        long left = deadline_left_ms(&deadline);
        int count = left > 0 ? poll(&ready, 1, left < INT_MAX ? (int)left : INT_MAX) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0 || ub_process(resolver) != 0)
            return pending->done ? 0 : -1;
    }
    return 0;
}

static enum dns_status copy_records(const struct ub_result *result, size_t max,
                                    struct dns_records *out, char **why)
{
    size_t count = 0;
    while (count < max && result->data[count] != NULL)
        count++;
    out->items = calloc(count + 1, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < count; i++) {
        size_t length = result->len[i] > 0 ? (size_t)result->len[i] : 0;
        struct dns_data *item = &out->items[i];
        item->bytes = malloc(length + 1);
        if (item->bytes == NULL)
            break;
        memcpy(item->bytes, result->data[i], length);
        item->length = length;
        out->count++;
    }
    if (out->items != NULL && out->count == count)
        return DNS_SECURE;
    dns_records_clear(out);
    why_set(why, "out of memory");
    return DNS_ERROR;
}

static enum dns_status judge(const struct ub_result *result, const char *name, size_t max,
                             struct dns_records *out, char **why)
{
    if (result->bogus) {
        why_set(why, "the answer for %s is bogus, DNSSEC proves it wrong: %s", name,
                result->why_bogus != NULL ? result->why_bogus : "no reason given");
        return DNS_UNAVAILABLE;
    }
    if (result->rcode != 0 && result->rcode != RCODE_NXDOMAIN) {
        why_set(why, "the name server failed for %s (RCODE %d)", name, result->rcode);
        return DNS_UNAVAILABLE;
    }
    if (!result->havedata) {
        why_set(why, "there is no record at %s", name);
        return DNS_NOTHING;
    }
    if (!result->secure) {
        why_set(why, "the records at %s are not used: their zone is not signed with DNSSEC", name);
        return DNS_INSECURE;
    }
    return copy_records(result, max, out, why);
}

enum dns_status dns_query(const struct dns_options *options, const char *name, int type,
                          struct deadline deadline, struct dns_records *out, char **why)
{
    struct pending pending = {0};
    enum dns_status status = DNS_ERROR;
    int id = 0;
    int error;
    struct ub_ctx *resolver = ub_ctx_create();
    *out = (struct dns_records){NULL, 0};
    if (resolver == NULL) {
        why_set(why, "the DNS resolver cannot be made: %s", strerror(errno));
        return DNS_ERROR;
    }
    if (configure(resolver, options, why) != 0)
        goto out;
    error = ub_resolve_async(resolver, name, type, CLASS_IN, &pending, take_answer, &id);
    if (error != 0) {
        why_set(why, "%s cannot be asked for: %s", name, ub_strerror(error));
        goto out;
    }
    status = DNS_UNAVAILABLE;
    if (wait_for(resolver, &pending, deadline) != 0) {
        why_set(why, "no answer for %s in time", name);
        ub_cancel(resolver, id);
    } else if (pending.error != 0 || pending.result == NULL) {
        why_set(why, "no answer for %s: %s", name, ub_strerror(pending.error));
    } else {
        status = judge(pending.result, name, options->max_records, out, why);
    }
out:
    ub_resolve_free(pending.result);
    ub_ctx_delete(resolver);
    return status;
}

void dns_records_clear(struct dns_records *records)
{
    for (size_t i = 0; i < records->count; i++)
        free(records->items[i].bytes);
    free(records->items);
    *records = (struct dns_records){NULL, 0};
}
