/* The members of JSON objects, in what the program writes and in the manual. */
#ifndef TESTS_ADMIN_JSON_MEMBERS_H
#define TESTS_ADMIN_JSON_MEMBERS_H

#include "smimectl_run.h"

#define MEMBERS_MAX 200
#define MEMBERS_PAGE "man/smimectl.8"
#define MEMBERS_SECTION ".Ss Members of the JSON objects\n"

struct members {
    char *names[MEMBERS_MAX];
    size_t count;
};

static inline bool members_has(const struct members *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++) {
        if (!strcmp(members->names[i], name)) {
            return true;
        }
    }
    return false;
}

static inline void members_add(struct members *members, const char *name)
{
    if (!members_has(members, name)) {
        ck_assert_uint_lt(members->count, MEMBERS_MAX);
        members->names[members->count++] = strdup(name);
    }
}

static inline void members_clear(struct members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        free(members->names[i]);
    }
    members->count = 0;
}

/* All that the section of the manual sets as `.Cm`, save the names of commands. */
static inline void members_of_manual(struct members *members)
{
    char *page = read_file(MEMBERS_PAGE, NULL);
    char *rest = strstr(page, MEMBERS_SECTION);
    char *line;
    ck_assert_msg(rest != NULL, "%s has no section about them", MEMBERS_PAGE);
    rest += strlen(MEMBERS_SECTION);
    while ((line = strsep(&rest, "\n")) && strncmp(line, ".Ss", 3)) {
        char *words = strstr(line, "Cm ");
        char *word;
        if (*line != '.' || !words || !strncmp(line, ".Cm process", 11) ||
            !strncmp(line, ".Cm rules explain", 17)) {
            continue;
        }
        words += 3;
        while ((word = strsep(&words, " "))) {
            if (strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word) && *word) {
                members_add(members, word);
            }
        }
    }
    free(page);
}

/* All names in the value, however deep. */
static inline void members_of_json(struct members *members, json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;
    json_object_foreach(value, name, item)
    {
        members_add(members, name);
        members_of_json(members, item);
    }
    json_array_foreach(value, i, item)
    {
        members_of_json(members, item);
    }
}

/* Each member of the value is in the manual. */
static inline void expect_documented(const char *what, json_t *value)
{
    struct members manual = {0};
    struct members found = {0};
    members_of_manual(&manual);
    members_of_json(&found, value);
    for (size_t i = 0; i < found.count; i++) {
        ck_assert_msg(members_has(&manual, found.names[i]), "%s: the manual says nothing of \"%s\"",
                      what, found.names[i]);
    }
    members_clear(&manual);
    members_clear(&found);
}

#endif
