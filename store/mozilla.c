/* Mozilla's mail roots, through p11-kit.
 *
 * NSS keeps trust in objects beside the certificates (class CKO_NSS_TRUST); the two belong together
 * by issuer and serial number. */
#include "mozilla.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define P11_KIT_FUTURE_UNSTABLE_API 1 /* the iterator; unchanged since p11-kit 0.18 */
#include <p11-kit/iter.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11x.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "why.h"

#define DAY_MAX_BYTES 15 /* "20221130000000Z" */

/* Issuer and serial number of a trusted root, in DER. */
struct trusted {
    unsigned char *issuer;
    size_t issuer_length;
    unsigned char *serial;
    size_t serial_length;
};

struct trusted_list {
    struct trusted items[MOZILLA_MAX_OBJECTS];
    size_t count;
};

static void trusted_list_free(struct trusted_list **list)
{
    for (size_t i = 0; *list && i < (*list)->count; i++) {
        free((*list)->items[i].issuer);
        free((*list)->items[i].serial);
    }
    free(*list);
    *list = NULL;
}

/* The path of the module. p11-kit looks for bare names in a directory of its own, but libnssckbi.so
 * is where libraries are, so the dynamic linker is asked. The module then stays loaded until the
 * process ends: NSPR, which it brings along, never gives back what it allocates once, and each
 * reload would lose that again. */
static char *find_module(const char *module, char **why)
{
    struct link_map *map = NULL;
    char *path = NULL;
    if (strchr(module, '/')) {
        path = strdup(module);
        if (!path) {
            why_set(why, "out of memory");
        }
        return path;
    }
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        why_set(why, "%s", dlerror());
        return NULL;
    }
    if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] != '\0') {
        path = strdup(map->l_name);
    }
    dlclose(library);
    if (!path) {
        why_set(why, "its path cannot be found out");
    }
    return path;
}

/* ---- Files that replace each other ---- */

/* The dynamic linker takes a library for one that it has by its path, although the file is another
 * one now. So each file is given a path of its own: the second with one "./" more, and so on. */
struct spelling {
    struct mozilla_module file; /* path: its real one */
    char *path;                 /* spelled for the linker */
    struct spelling *next;
};

static pthread_mutex_t spelling_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spelling *spellings; /* for the life of the process, as the libraries are */

static bool is_same(const struct mozilla_module *module, const struct stat *about)
{
    return module->device == about->st_dev && module->inode == about->st_ino &&
           module->bytes == about->st_size && module->modified.tv_sec == about->st_mtim.tv_sec &&
           module->modified.tv_nsec == about->st_mtim.tv_nsec;
}

bool mozilla_module_changed(const struct mozilla_module *module)
{
    struct stat about;
    /* A file that is just being replaced may be missing for a moment. */
    return stat(module->path, &about) == 0 && !is_same(module, &about);
}

static char *spell(const char *real, size_t times)
{
    const char *name = strrchr(real, '/') + 1; /* a real path has one */
    size_t folder = (size_t)(name - real);
    char *out = malloc(strlen(real) + 2 * times + 1);
    if (!out) {
        return NULL;
    }
    memcpy(out, real, folder);
    for (size_t i = 0; i < times; i++) {
        memcpy(out + folder + 2 * i, "./", 2);
    }
    memcpy(out + folder + 2 * times, name, strlen(name) + 1);
    return out;
}

/* The path by which the linker shall load the file at `real`, borrowed; NULL when out of memory. */
static const char *spelled(const char *real, const struct stat *about)
{
    struct spelling *found = NULL;
    size_t times = 0;
    pthread_mutex_lock(&spelling_lock);
    for (struct spelling *one = spellings; one && !found; one = one->next) {
        if (!strcmp(one->file.path, real)) {
            times++;
            found = is_same(&one->file, about) ? one : NULL;
        }
    }
    if (!found && (found = calloc(1, sizeof *found))) {
        found->file = (struct mozilla_module){strdup(real), about->st_dev, about->st_ino,
                                              about->st_size, about->st_mtim};
        found->path = spell(real, times);
        if (found->file.path && found->path) {
            found->next = spellings;
            spellings = found;
        } else {
            free(found->file.path);
            free(found->path);
            free(found);
            found = NULL;
        }
    }
    pthread_mutex_unlock(&spelling_lock);
    return found ? found->path : NULL;
}

typedef enum store_status object_taker(CK_ATTRIBUTE *attributes, void *context, char **why);

/* Hand the attributes of every object that matches `match` to `take`. */
static enum store_status each_object(CK_FUNCTION_LIST *module, CK_ATTRIBUTE *match,
                                     CK_ULONG match_count, const CK_ATTRIBUTE_TYPE *types,
                                     size_t type_count, object_taker *take, void *context,
                                     char **why)
{
    enum store_status status = STORE_OK;
    CK_RV code = CKR_OK;
    P11KitIter *iterator = p11_kit_iter_new(NULL, 0);
    if (!iterator) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    p11_kit_iter_add_filter(iterator, match, match_count);
    p11_kit_iter_begin_with(iterator, module, 0, 0);
    while (status == STORE_OK && (code = p11_kit_iter_next(iterator)) == CKR_OK) {
        CK_ATTRIBUTE attributes[4] = {{0}};
        for (size_t i = 0; i < type_count; i++) {
            attributes[i].type = types[i];
        }
        /* An object without these attributes says nothing about mail. */
        if (p11_kit_iter_load_attributes(iterator, attributes, type_count) == CKR_OK) {
            status = take(attributes, context, why);
        }
        for (size_t i = 0; i < type_count; i++) {
            free(attributes[i].pValue);
        }
    }
    if (status == STORE_OK && code != CKR_CANCEL) {
        why_set(why, "its objects cannot be read: %s", p11_kit_strerror(code));
        status = STORE_ERROR;
    }
    p11_kit_iter_free(iterator);
    return status;
}

static bool is_there(const CK_ATTRIBUTE *attribute)
{
    return attribute->pValue && attribute->ulValueLen > 0 && attribute->ulValueLen != (CK_ULONG)-1;
}

static enum store_status take_trust(CK_ATTRIBUTE *attributes, void *context, char **why)
{
    struct trusted_list *list = context;
    CK_ULONG trust = 0;
    if (!is_there(&attributes[0]) || !is_there(&attributes[1]) ||
        attributes[2].ulValueLen != sizeof trust) {
        return STORE_OK;
    }
    memcpy(&trust, attributes[2].pValue, sizeof trust);
    if (trust != CKT_NSS_TRUSTED_DELEGATOR) {
        return STORE_OK;
    }
    if (list->count == MOZILLA_MAX_OBJECTS) {
        why_set(why, "it has more than %d trust objects", MOZILLA_MAX_OBJECTS);
        return STORE_ERROR;
    }
    struct trusted *item = &list->items[list->count++];
    item->issuer = attributes[0].pValue;
    item->issuer_length = attributes[0].ulValueLen;
    item->serial = attributes[1].pValue;
    item->serial_length = attributes[1].ulValueLen;
    attributes[0].pValue = NULL; /* ours now */
    attributes[1].pValue = NULL;
    return STORE_OK;
}

struct certificate_context {
    const struct trusted_list *trusted;
    STACK_OF(X509) * roots;
};

static bool is_trusted(const struct trusted_list *list, const CK_ATTRIBUTE *issuer,
                       const CK_ATTRIBUTE *serial)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct trusted *item = &list->items[i];
        if (item->issuer_length == issuer->ulValueLen &&
            item->serial_length == serial->ulValueLen &&
            memcmp(item->issuer, issuer->pValue, item->issuer_length) == 0 &&
            memcmp(item->serial, serial->pValue, item->serial_length) == 0) {
            return true;
        }
    }
    return false;
}

/* Some roots are believed only for what they issued until a day. Returns 0, -1 out of memory. */
static int note_day(X509 *root, const CK_ATTRIBUTE *day)
{
    char alias[sizeof TRUST_UNTIL_ALIAS + DAY_MAX_BYTES];
    int length;
    if (!is_there(day) || day->ulValueLen == 1) {
        return 0;
    }
    length = snprintf(alias, sizeof alias, TRUST_UNTIL_ALIAS "%.*s",
                      day->ulValueLen > DAY_MAX_BYTES ? 0 : (int)day->ulValueLen,
                      (const char *)day->pValue);
    return X509_alias_set1(root, (const unsigned char *)alias, length) == 1 ? 0 : -1;
}

static enum store_status take_certificate(CK_ATTRIBUTE *attributes, void *context, char **why)
{
    struct certificate_context *to = context;
    if (!is_there(&attributes[0]) || !is_there(&attributes[1]) || !is_there(&attributes[2]) ||
        !is_trusted(to->trusted, &attributes[0], &attributes[1])) {
        return STORE_OK;
    }
    const unsigned char *at = attributes[2].pValue;
    X509 *root = d2i_X509(NULL, &at, (long)attributes[2].ulValueLen);
    if (!root || note_day(root, &attributes[3]) != 0 ||
        sk_X509_num(to->roots) >= MOZILLA_MAX_OBJECTS || sk_X509_push(to->roots, root) <= 0) {
        X509_free(root);
        ERR_clear_error();
        why_set(why, "one of its roots cannot be read");
        return STORE_ERROR;
    }
    /* Decode the extensions once and now, not by the first thread that verifies with it. */
    X509_check_purpose(root, -1, 0);
    return STORE_OK;
}

static enum store_status read_roots(CK_FUNCTION_LIST *module, STACK_OF(X509) * roots, char **why)
{
    static const CK_ATTRIBUTE_TYPE trust_types[] = {CKA_ISSUER, CKA_SERIAL_NUMBER,
                                                    CKA_TRUST_EMAIL_PROTECTION};
    static const CK_ATTRIBUTE_TYPE certificate_types[] = {CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_VALUE,
                                                          CKA_NSS_EMAIL_DISTRUST_AFTER};
    CK_OBJECT_CLASS trust_class = CKO_NSS_TRUST;
    CK_OBJECT_CLASS certificate_class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match = {CKA_CLASS, &trust_class, sizeof trust_class};

    struct trusted_list *trusted = calloc(1, sizeof *trusted);
    if (!trusted) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    enum store_status status =
        each_object(module, &match, 1, trust_types, 3, take_trust, trusted, why);
    if (status == STORE_OK) {
        struct certificate_context context = {trusted, roots};
        match.pValue = &certificate_class;
        status =
            each_object(module, &match, 1, certificate_types, 4, take_certificate, &context, why);
    }
    if (status == STORE_OK && sk_X509_num(roots) == 0) {
        why_set(why, "it holds no root that is trusted for mail");
        status = STORE_ERROR;
    }
    trusted_list_free(&trusted);
    return status;
}

static enum store_status read_module(const char *path, STACK_OF(X509) * roots, char **why)
{
    CK_FUNCTION_LIST *module = p11_kit_module_load(path, 0);
    if (!module) {
        why_set(why, "%s", p11_kit_message() ? p11_kit_message() : "it cannot be loaded");
        return STORE_ERROR;
    }
    enum store_status status = STORE_ERROR;
    CK_RV code = p11_kit_module_initialize(module);
    if (code == CKR_OK) {
        status = read_roots(module, roots, why);
        p11_kit_module_finalize(module);
    } else {
        why_set(why, "it cannot be initialised: %s", p11_kit_strerror(code));
    }
    p11_kit_module_release(module);
    return status;
}

/* Borrowed; NULL with a sentence. */
static const char *locate(struct mozilla_module *module, char **why)
{
    struct stat about;
    char *real = realpath(module->path, NULL);
    const char *path = NULL;
    if (!real || stat(real, &about) != 0) {
        why_set(why, "%s: %s", module->path, strerror(errno));
    } else {
        module->device = about.st_dev;
        module->inode = about.st_ino;
        module->bytes = about.st_size;
        module->modified = about.st_mtim;
        path = spelled(real, &about);
        if (!path) {
            why_set(why, "out of memory");
        }
    }
    free(real);
    return path;
}

/* For good, see find_module(). */
static enum store_status stay_loaded(const char *path, char **why)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        why_set(why, "%s", dlerror());
        return STORE_ERROR;
    }
    dlclose(library);
    return STORE_OK;
}

enum store_status mozilla_roots_read(const char *module, struct mozilla_module *module_out,
                                     STACK_OF(X509) * *out, char **why)
{
    *out = NULL;
    *module_out = (struct mozilla_module){.path = find_module(module, why)};
    STACK_OF(X509) *roots = sk_X509_new_null();
    const char *path = roots && module_out->path ? locate(module_out, why) : NULL;
    enum store_status status = path ? stay_loaded(path, why) : STORE_ERROR;
    if (status == STORE_OK) {
        status = read_module(path, roots, why);
    }
    if (status == STORE_OK) {
        *out = roots;
        roots = NULL;
    } else {
        why_prefix(why, "Mozilla's roots cannot be read from the module %s (setting mozilla_roots)",
                   module);
    }
    sk_X509_pop_free(roots, X509_free);
    return status;
}
