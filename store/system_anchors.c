/* The system anchors of a handle. An update of the system replaces the module's file while we run;
 * whoever looks is told of it by the file's identity. */
#include "system_anchors.h"

#include <stdlib.h>

#include "handle.h"
#include "mozilla.h"
#include "why.h"

static enum store_status reload(struct store *store, char **why)
{
    STACK_OF(X509) *anchors = NULL;
    struct mozilla_module module = {0};
    enum store_status status = mozilla_roots_read(store->mozilla_roots, &module, &anchors, why);
    pthread_mutex_lock(&store->system_lock);
    /* Also of one that cannot be read: it is not tried again until it changes. */
    if (module.path) {
        free(store->module.path);
        store->module = module;
    }
    STACK_OF(X509) *former = store->system_anchors;
    if (status == STORE_OK) {
        store->system_anchors = anchors;
    }
    pthread_mutex_unlock(&store->system_lock);
    if (status != STORE_OK) {
        return status;
    }
    sk_X509_pop_free(former, X509_free);
    cache_forget(store->cache, CACHE_TRUST, "");
    return STORE_OK;
}

enum store_status store_reload_anchors(struct store *store, char **why)
{
    return store->mozilla_roots ? reload(store, why) : STORE_OK;
}

/* Is it for us to read the module now? */
static bool claim(struct store *store)
{
    bool ours = false;
    pthread_mutex_lock(&store->system_lock);
    if (!store->following && store->module.path && mozilla_module_changed(&store->module)) {
        store->following = true;
        ours = true;
    }
    pthread_mutex_unlock(&store->system_lock);
    return ours;
}

void system_anchors_follow(struct store *store)
{
    char *why = NULL;
    if (!claim(store)) {
        return;
    }
    enum store_status status = reload(store, &why);
    pthread_mutex_lock(&store->system_lock);
    store->following = false;
    if (status == STORE_OK) {
        why_set(&store->notice, "the system's trust anchors were read anew from %s: %d now",
                store->module.path, sk_X509_num(store->system_anchors));
    } else {
        why_set(&store->notice,
                "the system's trust anchors have changed and the former ones stay: %s",
                why_text(&why));
    }
    pthread_mutex_unlock(&store->system_lock);
    why_free(&why);
}

char *store_take_notice(struct store *store)
{
    pthread_mutex_lock(&store->system_lock);
    char *notice = store->notice;
    store->notice = NULL;
    pthread_mutex_unlock(&store->system_lock);
    return notice;
}

enum store_status store_system_anchors(struct store *store, struct system_anchors *out, char **why)
{
    enum store_status status = STORE_NONE;
    *out = (struct system_anchors){NULL, 0, 0};
    pthread_mutex_lock(&store->system_lock);
    if (store->module.path) {
        out->path = strdup(store->module.path);
        out->modified = store->module.modified.tv_sec;
        out->count = (size_t)sk_X509_num(store->system_anchors);
        status = out->path ? STORE_OK : store_no_memory(why);
    }
    pthread_mutex_unlock(&store->system_lock);
    return status;
}
