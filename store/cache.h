/* A bounded cache of parsed objects by kind and address.
 *
 * Values are shared and counted. What was loaded before a change is never put in after it: a
 * look-up that misses gets the epoch, every change raises it, and cache_put() takes only what was
 * loaded in the present one. Safe to use from several threads; no call of this file waits for
 * anything slow. Internal to store/. */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Parsed keys and certificates that are kept; some kilobytes each, keys up to twenty. */
#define CACHE_MAX_OBJECTS 1024

enum cache_kind { CACHE_SIGNING, CACHE_IDENTITIES, CACHE_ENCRYPTION, CACHE_TRUST, CACHE_CRL };

/* Stands first in every value. */
struct cached {
    atomic_int references;
    size_t objects; /* parsed keys and certificates in it */
    void (*destroy)(struct cached *value);
};

struct cache;

struct cache *cache_new(size_t max_objects);
void cache_free(struct cache **cache);

/* A new reference, or NULL; then *epoch_out is what cache_put() wants. */
struct cached *cache_get(struct cache *cache, enum cache_kind kind, const char *address,
                         uint64_t *epoch_out);
/* Keep a reference to `value` in the place of a former one; the oldest go when there are too many.
 * What cannot be kept (out of memory, too big, an old epoch) is passed over. */
void cache_put(struct cache *cache, enum cache_kind kind, const char *address, uint64_t epoch,
               struct cached *value);

/* Forget everything unless it stems from this generation of the store. */
void cache_obey(struct cache *cache, int64_t generation);
/* A change of our own made this generation from the one before, and touches only these addresses:
 * forget just them. Everything when another change came between. */
void cache_advance(struct cache *cache, int64_t generation, enum cache_kind kind,
                   char *const *addresses, size_t count);
void cache_forget(struct cache *cache, enum cache_kind kind, const char *address);

/* How many values and objects there are (for tests). */
void cache_measure(struct cache *cache, size_t *values_out, size_t *objects_out);

/* A value begins with one reference, its maker's. */
void cached_init(struct cached *value, size_t objects, void (*destroy)(struct cached *value));
void cached_release(struct cached *value); /* accepts NULL */

#endif
