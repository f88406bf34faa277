/* Turning libconfig's tree into settings and rules. Internal to rules/.
 *
 * Every reader tells what is wrong and goes on, so that one run finds all mistakes; whether there
 * was one is asked of the problems at the end. What a reader has filled in is always sound enough
 * to be released. */
#ifndef RULES_CONFIG_READER_H
#define RULES_CONFIG_READER_H

#include "config.h"
#include "config_source.h"
#include "settings_table.h"

#include <libconfig.h>

struct config_reader {
    const struct config_source *source;
    struct problems *problems;
    struct config *config;
    bool domains_known; /* managed_domains could be read: what is managed can be judged */
};

/* Which addresses a pattern may name. */
enum pattern_side { PATTERNS_MANAGED, PATTERNS_EXTERNAL };

/* config.c: `source` as a new configuration (config_free()); NULL with every mistake. */
struct config *config_build(const char *path, const struct config_source *source,
                            struct problems *problems);

/* config_reader.c: places, mistakes, names */

/* Give the strings and integers below `root` their literals, for their places and reader_cut(). */
void reader_attach_literals(struct config_reader *reader, config_setting_t *root);

/* Tell a mistake at the place of `setting`. */
void reader_problem(struct config_reader *reader, const config_setting_t *setting,
                    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The literal of an integer was too large for 32 bits and had no L. */
bool reader_cut(const config_setting_t *setting);

/* What `setting` has, for a sentence: `"text"`, `25`, `a list`. A new string; NULL when out of
 * memory (printf writes "(null)" then, in a sentence that is an error already). */
char *reader_value_text(const config_setting_t *setting);

/* Tell "name = value: expected ...". */
void reader_expected(struct config_reader *reader, const config_setting_t *setting,
                     const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "a, b, c": a new string, NULL when out of memory. */
char *reader_join_names(const char *const *names, size_t count);

/* Tell every member of `group` that is none of `names`. `what` is what the group is ("rule"). */
void reader_check_names(struct config_reader *reader, const config_setting_t *group,
                        const char *what, const char *const *names, size_t count);

/* `setting` has to be a list of groups. Returns their number; 0 with a mistake told otherwise. The
 * members that are no groups are told, too, and have to be skipped by reader_group(). */
size_t reader_groups(struct config_reader *reader, const config_setting_t *setting);

/* The i-th group, NULL where the member is none. */
config_setting_t *reader_group(const config_setting_t *setting, size_t i);

/* config_scalars.c */

/* Put one value where `entry` says within the structure `base`. */
void reader_value(struct config_reader *reader, const config_setting_t *setting,
                  const struct setting_entry *entry, void *base);

/* The printable string `name` of `group`, of at least one byte; owned by the group. NULL where it
 * is absent (a mistake if `required`) or wrong (told). */
const char *reader_string(struct config_reader *reader, const config_setting_t *group,
                          const char *name, bool required);

/* config_lists.c */

void reader_managed_domains(struct config_reader *reader, const config_setting_t *setting);

/* Read the patterns of `setting`, which may not be empty. */
void reader_patterns(struct config_reader *reader, const config_setting_t *setting,
                     enum pattern_side side, struct pattern_list *out);

/* The patterns of member `name` of `group`, which has to be there. */
void reader_member_patterns(struct config_reader *reader, const config_setting_t *group,
                            const char *name, enum pattern_side side, struct pattern_list *out);

/* Tell it where `pattern` is on the wrong side: one of ours among the external, or the reverse. */
void reader_check_side(struct config_reader *reader, const config_setting_t *setting,
                       const char *text, const struct pattern *pattern, enum pattern_side side);

/* config_groups.c */

void reader_sockets(struct config_reader *reader, const config_setting_t *setting);
void reader_sender_logins(struct config_reader *reader, const config_setting_t *setting);
void reader_trusted_networks(struct config_reader *reader, const config_setting_t *setting);
void reader_revocation_networks(struct config_reader *reader, const config_setting_t *setting);
void reader_shared_mailboxes(struct config_reader *reader, const config_setting_t *setting);

/* config_directories.c */

void reader_directories(struct config_reader *reader, const config_setting_t *setting);
void reader_dns_resolvers(struct config_reader *reader, const config_setting_t *setting);

/* config_cmp.c */

void reader_cmp(struct config_reader *reader, const config_setting_t *setting);

/* config_mail_server.c */

void reader_reinject(struct config_reader *reader, const config_setting_t *setting);
void reader_reinject_incoming(struct config_reader *reader, const config_setting_t *setting);
void reader_mail_server(struct config_reader *reader, const config_setting_t *setting);

/* config_notices.c */

void reader_administrator(struct config_reader *reader, const config_setting_t *setting);
void reader_expiry_notice_days(struct config_reader *reader, const config_setting_t *setting);

/* config_clients.c */

void reader_client_servers(struct config_reader *reader, const config_setting_t *setting);

/* config_profiles.c */

void reader_profiles(struct config_reader *reader, const config_setting_t *setting);
/* Tell it where `setting` names a profile that is not there; the others have been read. */
void reader_check_profile(struct config_reader *reader, const config_setting_t *setting);
void reader_weak_algorithms(struct config_reader *reader, const config_setting_t *setting);

/* config_rules.c */

void reader_rules(struct config_reader *reader, const config_setting_t *setting);

#endif
