/* What a Postfix set-up is to get, and making it so by postconf(1). */
#ifndef ADMIN_SETUP_CHANGE_H
#define ADMIN_SETUP_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

struct change {
    char *service; /* "submission/inet"; NULL: main.cf */
    char *name;    /* of the parameter; NULL: the service itself is new */
    char *value;   /* of the parameter; the line of the service */
    char *was;     /* what is in force now; NULL: nothing */
};

struct change_list {
    struct change *items;
    size_t count;
};

/* Add a change, unless the same parameter was changed already: then its value is replaced.
 * `service` may be NULL. Returns 0, -1 out of memory. */
int changes_add(struct change_list *changes, const char *service, const char *name,
                const char *value, const char *was);
/* Add a service: its label ("smtp/inet") and its line of master.cf. Returns 0, -1 out of memory. */
int changes_add_service(struct change_list *changes, const char *label, const char *line);

void changes_clear(struct change_list *changes);

/* Write them as the lines that main.cf and master.cf get. */
void changes_print(const struct change_list *changes, const char *directory);

/* As a JSON array, NULL when out of memory. */
json_t *changes_json(const struct change_list *changes);

/* Make them, with copies of main.cf and master.cf as they were beside them (their names have
 * `now`). What is done is written to `log`. When postconf fails, both files are as before. Returns
 * 0, -1 with *why. */
int changes_apply(const struct change_list *changes, const char *directory, time_t now, FILE *log,
                  char **why);

#endif
