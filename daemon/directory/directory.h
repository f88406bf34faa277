/* Looking up the certificate of somebody for whom none is known: in the LDAP directories of the
 * configuration, in their order, then in the DNS (SMIMEA), until one has a certificate that passes
 * the checks of an import.
 *
 * Who is asked learns to whom mail is written: the caller sees to it that only those cause a
 * look-up who may send that mail. What is found, and that nothing is, is remembered in the store
 * (store/lookup.h); a certificate is used from there. */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "answer.h"
#include "lookup.h"
#include "settings.h"
#include "store.h"

enum directory_status {
    DIRECTORY_NEEDLESS,    /* nobody was asked: none is to be, or a certificate is known already */
    DIRECTORY_FOUND,       /* the store has one now, or had it from a look-up that still counts */
    DIRECTORY_NOTHING,     /* everybody was asked, nobody has one that can be used */
    DIRECTORY_UNAVAILABLE, /* nothing was found, and somebody could not be asked. What was found
                              before stays in the store */
    DIRECTORY_ERROR,       /* ours: database, memory */
};

struct directory_request {
    const struct settings *settings;
    struct store *store;
    const char *address; /* canonical, external */
    const char *written; /* as the sender wrote it, may be NULL; counts for SMIMEA */
    time_t now;
    long timeout_ms; /* for everybody together */
    bool another;    /* none that the store has will do: ask although there is one */
    bool fresh;      /* ask even where nobody has to be */
    bool all;        /* ask everybody, also behind the first who has one */
};

struct directory_report {
    enum directory_status status;
    bool remembered;        /* nobody was asked now: that is what the last look-up had */
    struct lookup lookup;   /* what was, or had been, written down; not of NEEDLESS */
    struct answer *answers; /* of those who were asked now */
    size_t count;
    long elapsed_ms;
};

/* Is there anybody to ask for `address`? */
bool directory_applies(const struct settings *settings, const char *address);

/* Who, in their order: "ldaps://ldap.partner.test, SMIMEA". A new string, "" if nobody; NULL out of
 * memory. */
char *directory_names(const struct settings *settings, const char *address);

/* Look `request->address` up. *report_out is to be cleared in any case; *why is set with
 * DIRECTORY_ERROR. */
enum directory_status directory_lookup(const struct directory_request *request,
                                       struct directory_report *report_out, char **why);

/* What directory_lookup() would do or knows already, without asking anybody: "would be asked: ...",
 * or the sentence of what is remembered, as a new string in *out; NULL where there is nothing to
 * say. Returns 0, -1 for an error of ours (*why). */
int directory_outlook(const struct directory_request *request, char **out, char **why);

/* What became of it in one sentence, for a log: a new string, NULL when nobody was to be asked or
 * out of memory. */
char *directory_sentence(const char *address, const struct directory_report *report);

void directory_report_clear(struct directory_report *report);

#endif
