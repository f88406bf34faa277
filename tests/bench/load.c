/* Load on a running smimed. */
#include "load.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "milter_client.h"

struct run {
    const struct load *load;
    const struct load_limits *limits;
    double end_s;
    atomic_long taken; /* messages that somebody sends or has sent */
    atomic_long done;
    atomic_bool failed;
};

double load_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool is_wanted(const struct load *load, const struct milter_client *client)
{
    const char *value = milter_field(client, load->field, 0);

    if (value && strstr(value, load->wanted))
        return true;
    fprintf(stderr, "bench: %s of a message from %s to %s is \"%s\", not \"%s\"\n", load->field,
            load->from, load->to, value ? value : "", load->wanted);
    return false;
}

/* One connection's worth of messages. Returns false when the run has failed. */
static bool send_some(struct run *run, struct milter_client *client)
{
    const struct load *load = run->load;
    const struct milter_mail mail = {.from = load->from,
                                     .to = {load->to},
                                     .login = load->login,
                                     .text = load->text,
                                     .length = load->length};

    for (long sent = 0; !run->limits->per_connection || sent < run->limits->per_connection;
         sent++) {
        char answer;

        if (load_now_s() >= run->end_s || atomic_fetch_add(&run->taken, 1) >= run->limits->messages)
            return true;
        answer = milter_send(client, &mail);
        if (answer != MILTER_ACCEPT) {
            fprintf(stderr, "bench: answer '%c' %s%s\n", answer,
                    answer == MILTER_LOST ? client->error : "", client->reply);
            return false;
        }
        if (!is_wanted(load, client))
            return false;
        atomic_fetch_add(&run->done, 1);
    }
    return true;
}

static void *connection(void *context)
{
    struct run *run = context;

    while (!atomic_load(&run->failed) && load_now_s() < run->end_s &&
           atomic_load(&run->taken) < run->limits->messages) {
        struct milter_client client = {.fd = -1};

        if (milter_connect(&client, run->load->socket_name) != 0 ||
            milter_open_session(&client, "192.0.2.1") != MILTER_CONTINUE) {
            fprintf(stderr, "bench: %s\n", client.error);
            atomic_store(&run->failed, true);
        } else if (!send_some(run, &client)) {
            atomic_store(&run->failed, true);
        }
        milter_close(&client);
    }
    return NULL;
}

long load_run(const struct load *load, const struct load_limits *limits, double *seconds_out)
{
    struct run run = {.load = load, .limits = limits};
    pthread_t *threads = calloc(limits->connections, sizeof *threads);
    double start = load_now_s();
    size_t started = 0;

    if (!threads)
        return -1;
    run.end_s = start + limits->seconds;
    while (started < limits->connections &&
           pthread_create(&threads[started], NULL, connection, &run) == 0)
        started++;
    if (started < limits->connections) {
        fprintf(stderr, "bench: cannot start a thread\n");
        atomic_store(&run.failed, true);
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    *seconds_out = load_now_s() - start;
    return atomic_load(&run.failed) ? -1 : atomic_load(&run.done);
}
