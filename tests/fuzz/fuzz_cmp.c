/* Fuzz target: answers of a CA that speaks CMP, as they are taken up again from the store.
 *
 * The input is up to three answers, each with its length in two bytes before it. They go through
 * the whole exchange, which asks a port where nobody is once they are used up. The secret is that
 * of the seeds, so that these are believed. The first
 * byte is what we think of the certificate. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "cmp_client.h"
#include "credential.h"
#include "csr.h"
#include "why.h"

#define MAX_INPUT_BYTES 65536
#define SECRET "correct horse battery staple"
#define NOBODY "http://127.0.0.1:1/"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cmp_setting setting = {.name = "ca",
                                     .url = NOBODY,
                                     .ca_file = "",
                                     .reference = "smimed",
                                     .certificate_file = "",
                                     .key_file = "",
                                     .server_certificate = "",
                                     .trust_file = "",
                                     .recipient = "",
                                     .subject = "",
                                     .update_by = CMP_UPDATE_BY_CREDENTIAL,
                                     .timeout_s = 1};
static struct cmp_ca *ca;
static EVP_PKEY *key;
static X509_REQ *csr;

/* What the certificates of the seeds are for. */
static const char key_text[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXQ2GBEWUc128NWRJ\n"
                               "YWHkf2d/+X2YFf9MbtN4uIDMsDehRANCAASsCKLvMzQUwu5TT3D6kgDBkJPxQUhg\n"
                               "E3WJm27IrFPjDNkRhei/C/5rnGnTJmE3nfsQc4SmRTebJ6aX6q9lUbdU\n"
                               "-----END PRIVATE KEY-----\n";

static void need(int made)
{
    if (!made)
        abort();
}

static void set_up(void)
{
    static char path[] = "/tmp/fuzz-cmp-XXXXXX";
    static const char *const addresses[] = {"alice@example.com"};
    unsigned char *der = NULL;
    const unsigned char *at;
    size_t length = 0;
    int file = mkstemp(path);

    need(file >= 0 && fchmod(file, 0600) == 0 &&
         write(file, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET) && close(file) == 0);
    setting.secret_file = path;
    ca = cmp_ca_open(&setting, NULL);
    unlink(path);
    need(ca != NULL &&
         private_key_read((const unsigned char *)key_text, strlen(key_text), NULL, &key, NULL) ==
             CREDENTIAL_OK &&
         csr_make(key, NULL, addresses, 1, &der, &length, NULL) == STORE_OK);
    at = der;
    csr = d2i_X509_REQ(NULL, &at, (long)length);
    need(csr != NULL);
    OPENSSL_free(der);
}

static enum cmp_verdict judge(void *context, X509 *certificate,
                              const struct enrolment_messages *messages, char **why)
{
    need(certificate != NULL && messages->count > 0 && messages->count <= ENROLMENT_MAX_MESSAGES);
    why_set(why, "as the input wants it");
    return *(const enum cmp_verdict *)context;
}

/* Each answer in memory of exactly its size, for the sanitizer. */
static void take_apart(const uint8_t *data, size_t size, struct enrolment_messages *out)
{
    while (size >= 2 && out->count < ENROLMENT_MAX_MESSAGES) {
        size_t length = (size_t)data[0] << 8 | data[1];
        unsigned char *copy;

        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        copy = malloc(length > 0 ? length : 1);
        need(copy != NULL);
        memcpy(copy, data, length);
        out->items[out->count].der = copy;
        out->items[out->count++].length = length;
        data += length;
        size -= length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct enrolment_messages former = {.count = 0};
    struct cmp_answer answer;
    enum cmp_verdict verdict;
    enum cmp_result result;
    char *why = NULL;

    if (!ca)
        set_up();
    if (size < 1 || size > MAX_INPUT_BYTES)
        return 0;
    verdict = (enum cmp_verdict)(data[0] % 4);
    take_apart(data + 1, size - 1, &former);
    const struct cmp_order order = {.kind = ENROLMENT_NEW,
                                    .key = key,
                                    .csr = csr,
                                    .former = &former,
                                    .now = 1767225600,
                                    .judge = judge,
                                    .context = &verdict};
    result = cmp_enrol(ca, &order, &answer, &why);
    /* Every failure has a reason; a certificate is there exactly when one was granted. */
    need(result == CMP_GRANTED || result == CMP_WAITING || why != NULL);
    need((answer.certificate != NULL) == (result == CMP_GRANTED || result == CMP_UNCONFIRMED));
    cmp_answer_clear(&answer);
    enrolment_messages_clear(&former);
    why_free(&why);
    return 0;
}
