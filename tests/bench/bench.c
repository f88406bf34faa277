/* What smimed costs: messages per second, CPU time per message and peak memory of the worker, for
 * four sizes and four works, beside the bare RSA-2048 signature on this machine.
 *
 *     bench OUTGOING_SOCKET INBOUND_SOCKET DIRECTORY           the table
 *     bench --soak OUTGOING_SOCKET INBOUND_SOCKET DIRECTORY    100,000 messages: does memory grow?
 *
 * bench.sh starts smimed and makes the messages (DIRECTORY/plain.SIZE and so on). Exit status 1
 * when something went wrong or a target was missed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "load.h"
#include "worker_cost.h"

#define TARGET_PEAK_MIB 64.0  /* for 100 MB, all works */
#define TARGET_SIGNATURES 2.0 /* CPU of signing 4 KB, in bare signatures */
#define BARE_SECONDS 1.0      /* how long bare signatures are made */
#define SIGNED_ATTRIBUTES 300 /* bytes that a CMS signature is really over, about */
#define SMALL_SECONDS 3.0     /* how long each small case runs */
#define SMALL_CONNECTIONS 4
#define WARM_UP 50
#define SOAK_MESSAGES 100000L
#define SOAK_WARM_UP 2000L
#define SOAK_PER_CONNECTION 100
#define SOAK_GROWTH_MIB 4.0 /* what an allocator may still do; a leak of 100 bytes is 9.5 */
#define SOAK_SECONDS 3600.0

struct work {
    const char *name;
    const char *message; /* file name without the size */
    bool outgoing;
    const char *to;
    const char *field;
    const char *wanted;
};

/* What is decrypted is signed too, so that a valid signature shows that it was decrypted. */
static const struct work works[] = {
    {"signing", "plain", true, "<carol@other.test>", "Content-Type", "multipart/signed"},
    {"encrypting", "plain", true, "<bob@partner.test>", "Content-Type", "enveloped-data"},
    {"decrypting", "encrypted", false, "<alice@example.com>", "X-Smimed-Signature", " valid"},
    {"verifying", "signed", false, "<alice@example.com>", "X-Smimed-Signature", " valid"},
};
#define WORKS (sizeof works / sizeof works[0])

static const struct size {
    const char *name; /* as in file names */
    const char *title;
    bool small;
    long messages; /* of those that are not small */
} sizes[] = {
    {"4K", "4 KB", true, 0},
    {"100K", "100 KB", true, 0},
    {"10M", "10 MB", false, 5},
    {"100M", "100 MB", false, 1},
};
#define SIZES (sizeof sizes / sizeof sizes[0])

struct bench {
    const char *sockets[2]; /* outgoing, inbound */
    pid_t workers[2];
    const char *directory;
    double bare_s; /* CPU of one bare signature */
};

static char *read_message(const struct bench *bench, const char *message, const char *size,
                          size_t *length_out)
{
    char path[512];
    char *text = NULL;
    long length;
    FILE *in;

    snprintf(path, sizeof path, "%s/%s.%s", bench->directory, message, size);
    in = fopen(path, "re");
    if (in && fseek(in, 0, SEEK_END) == 0 && (length = ftell(in)) > 0) {
        rewind(in);
        text = malloc((size_t)length);
        if (text && fread(text, 1, (size_t)length, in) != (size_t)length) {
            free(text);
            text = NULL;
        }
        *length_out = (size_t)length;
    }
    if (in)
        fclose(in);
    if (!text)
        fprintf(stderr, "bench: cannot read %s\n", path);
    return text;
}

static struct load make_load(const struct bench *bench, const struct work *work, const char *text,
                             size_t length)
{
    return (struct load){.socket_name = bench->sockets[work->outgoing ? 0 : 1],
                         .from = work->outgoing ? "<alice@example.com>" : "<bob@partner.test>",
                         .to = work->to,
                         .login = work->outgoing ? "alice@example.com" : NULL,
                         .text = text,
                         .length = length,
                         .field = work->field,
                         .wanted = work->wanted};
}

static double process_cpu_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* CPU seconds of one RSA-2048 signature with SHA-256; -1 on failure. */
static double bare_signature_s(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char attributes[SIGNED_ATTRIBUTES] = {0};
    unsigned char signature[256];
    double start = process_cpu_s();
    long count = 0;

    for (; key && context && process_cpu_s() - start < BARE_SECONDS; count++) {
        size_t length = sizeof signature;

        if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
            EVP_DigestSign(context, signature, &length, attributes, sizeof attributes) != 1)
            break;
        EVP_MD_CTX_reset(context);
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return count > 0 ? (process_cpu_s() - start) / (double)count : -1;
}

/* Was a target missed? Says so. */
static bool missed(const struct work *work, const struct size *size, double signatures,
                   double peak_mib)
{
    bool result = false;

    if (!strcmp(size->name, "4K") && !strcmp(work->name, "signing") &&
        signatures > TARGET_SIGNATURES) {
        printf("    MISSED: at most %.1f bare signatures\n", TARGET_SIGNATURES);
        result = true;
    }
    if (!strcmp(size->name, "100M") && peak_mib >= TARGET_PEAK_MIB) {
        printf("    MISSED: under %.0f MB resident\n", TARGET_PEAK_MIB);
        result = true;
    }
    return result;
}

/* One line of the table. Returns 0, 1 when a target was missed, -1 when it could not be done. */
static int run_case(const struct bench *bench, const struct work *work, const struct size *size)
{
    pid_t worker = bench->workers[work->outgoing ? 0 : 1];
    struct load_limits limits = {.connections = size->small ? SMALL_CONNECTIONS : 1,
                                 .messages = size->small ? WARM_UP : 0,
                                 .seconds = SMALL_SECONDS};
    struct load load;
    size_t length = 0;
    char *text = read_message(bench, work->message, size->name, &length);
    double seconds, cpu_s, peak_mib;
    long count = -1;
    int rc = -1;

    if (!text)
        return -1;
    load = make_load(bench, work, text, length);
    if (size->small && load_run(&load, &limits, &seconds) < 0)
        goto out;
    limits.messages = size->small ? 1000000 : size->messages;
    limits.seconds = size->small ? SMALL_SECONDS : 60;
    worker_forget_peak(worker);
    cpu_s = worker_cpu_s(worker);
    count = load_run(&load, &limits, &seconds);
    if (count <= 0)
        goto out;
    cpu_s = (worker_cpu_s(worker) - cpu_s) / (double)count;
    peak_mib = worker_peak_mib(worker);
    printf("%-11s %6s %12.1f %12.3f %12.2f %12.1f\n", work->name, size->title,
           (double)count / seconds, cpu_s * 1e3, cpu_s / bench->bare_s, peak_mib);
    rc = missed(work, size, cpu_s / bench->bare_s, peak_mib) ? 1 : 0;
    fflush(stdout);
out:
    free(text);
    return rc;
}

static int run_table(struct bench *bench)
{
    int status = EXIT_SUCCESS;

    bench->bare_s = bare_signature_s();
    if (bench->bare_s <= 0)
        return EXIT_FAILURE;
    printf("bare RSA-2048 signature with SHA-256: %.3f ms of CPU\n\n", bench->bare_s * 1e3);
    printf("%-11s %6s %12s %12s %12s %12s\n", "", "size", "messages/s", "CPU ms", "CPU in bare",
           "peak MB");
    printf("%-11s %6s %12s %12s %12s %12s\n", "", "", "", "/message", "signatures", "resident");
    for (size_t w = 0; w < WORKS; w++) {
        for (size_t s = 0; s < SIZES; s++)
            if (run_case(bench, &works[w], &sizes[s]) != 0)
                status = EXIT_FAILURE;
        putchar('\n');
    }
    return status;
}

/* Send a share of the soak's messages of each work. Returns how many, -1 on failure. */
static long soak_round(const struct bench *bench, char *const *texts, const size_t *lengths,
                       long messages)
{
    const struct load_limits limits = {.connections = SMALL_CONNECTIONS,
                                       .messages = messages / (long)WORKS,
                                       .seconds = SOAK_SECONDS,
                                       .per_connection = SOAK_PER_CONNECTION};
    long done = 0;

    for (size_t w = 0; w < WORKS; w++) {
        struct load load = make_load(bench, &works[w], texts[w], lengths[w]);
        double seconds;
        long count = load_run(&load, &limits, &seconds);

        if (count < 0)
            return -1;
        done += count;
    }
    return done;
}

static int soak(const struct bench *bench)
{
    char *texts[WORKS] = {NULL};
    size_t lengths[WORKS];
    double before[2], after[2];
    int status = EXIT_FAILURE;
    long done;

    for (size_t w = 0; w < WORKS; w++) {
        texts[w] = read_message(bench, works[w].message, "4K", &lengths[w]);
        if (!texts[w])
            goto out;
    }
    if (soak_round(bench, texts, lengths, SOAK_WARM_UP) < 0)
        goto out;
    for (int i = 0; i < 2; i++)
        before[i] = worker_resident_mib(bench->workers[i]);
    done = soak_round(bench, texts, lengths, SOAK_MESSAGES);
    if (done < 0)
        goto out;
    status = EXIT_SUCCESS;
    for (int i = 0; i < 2; i++) {
        after[i] = worker_resident_mib(bench->workers[i]);
        printf("%s worker: %.1f MB resident after %ld messages, %.1f MB after %ld more in all\n",
               i == 0 ? "submission" : "inbound", before[i], SOAK_WARM_UP, after[i], done);
        if (before[i] <= 0 || after[i] <= 0 || after[i] - before[i] > SOAK_GROWTH_MIB) {
            printf("    MISSED: memory must not grow (%.0f MB are an allocator's)\n",
                   SOAK_GROWTH_MIB);
            status = EXIT_FAILURE;
        }
    }
out:
    for (size_t w = 0; w < WORKS; w++)
        free(texts[w]);
    return status;
}

int main(int argc, char **argv)
{
    bool soaks = argc > 1 && strcmp(argv[1], "--soak") == 0;
    char **words = argv + (soaks ? 2 : 1);
    struct bench bench = {0};

    if (argc - (soaks ? 2 : 1) != 3) {
        fprintf(stderr, "usage: bench [--soak] OUTGOING_SOCKET INBOUND_SOCKET DIRECTORY\n");
        return 64;
    }
    bench.directory = words[2];
    for (int i = 0; i < 2; i++) {
        bench.sockets[i] = words[i];
        bench.workers[i] = worker_of(words[i]);
        if (bench.workers[i] <= 0) {
            fprintf(stderr, "bench: nobody listens on %s\n", words[i]);
            return EXIT_FAILURE;
        }
    }
    return soaks ? soak(&bench) : run_table(&bench);
}
