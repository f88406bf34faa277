/* What `process` says of a message: the decision and the verdict. */
#ifndef ADMIN_PROCESS_REPORT_H
#define ADMIN_PROCESS_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "flow.h"

/* A recipient that was refused at RCPT. */
struct refused_recipient {
    char *address;
    struct reply reply;
    char *why; /* for the administrator */
};

struct process_result {
    struct transaction transaction; /* accepted recipients only */
    struct refused_recipient *refused;
    size_t refused_count;
    bool outcome_set;       /* the message came as far as flow_message() */
    struct outcome outcome; /* where outcome_set */
    struct reply reply;     /* of a message that did not; code 0: none */
    char *cause;            /* of that reply; NULL if there is nothing more to say */
};

/* The reply that the sender would get, NULL where the message is accepted. */
const struct reply *process_reply(const struct process_result *result);

/* A new JSON object, NULL when out of memory. */
json_t *process_result_json(const struct process_result *result);
/* The same, written. Returns 0, -1 when out of memory or writing fails. */
int process_report_json(const struct process_result *result, FILE *out);
/* Lines for people. */
void process_report_text(const struct process_result *result, FILE *out);

#endif
