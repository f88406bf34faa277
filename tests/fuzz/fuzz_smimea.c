/* SMIMEA records as they come from the DNS: taken apart, and what they give. The first byte of the
 * input chooses: a record, or a value of an LDAP entry. */
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "answer.h"
#include "smimea.h"
#include "why.h"

#define MAX_BYTES 4096
#define MAX_CERTIFICATES 3

static void need(int holds)
{
    if (!holds)
        abort();
}

static void fuzz_record(const uint8_t *bytes, size_t length)
{
    struct smimea record;
    X509 *certificate = NULL;
    bool needs_anchor = false;
    char *why = NULL;
    if (smimea_read(bytes, length, &record, &why) == 0) {
        need(record.data > bytes && record.data + record.length == bytes + length);
        if (smimea_certificate(&record, &certificate, &needs_anchor, &why) == 0) {
            need(certificate != NULL && (record.usage == 1 || record.usage == 3));
            need(needs_anchor == (record.usage == 1));
        } else {
            need(certificate == NULL && why != NULL);
        }
    } else {
        need(why != NULL);
    }
    X509_free(certificate);
    why_free(&why);
}

static void fuzz_value(const uint8_t *bytes, size_t length)
{
    struct answer answer = {0};
    size_t certificates = 0;
    need(answer_add_value(&answer, bytes, length, MAX_BYTES, MAX_CERTIFICATES) == 0);
    for (size_t i = 0; i < answer.count; i++) {
        certificates += answer.findings[i].certificate != NULL;
        need(answer.findings[i].certificate != NULL || answer.findings[i].reason != NULL);
    }
    need(certificates <= MAX_CERTIFICATES);
    need((answer.status == ANSWER_FOUND) == (certificates > 0));
    answer_clear(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    if (bytes[0] & 1)
        fuzz_value(bytes + 1, length - 1);
    else
        fuzz_record(bytes + 1, length - 1);
    ERR_clear_error();
    return 0;
}
