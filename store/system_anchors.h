/* The system anchors of a handle: read, and read again when their file changes. Internal to store/.
 */
#ifndef STORE_SYSTEM_ANCHORS_H
#define STORE_SYSTEM_ANCHORS_H

#include "store.h"

/* Read them anew if the module is another file than the one that was read, or tried, last. What
 * cannot be read is noted (store_take_notice()), and the former ones stay. */
void system_anchors_follow(struct store *store);

#endif
