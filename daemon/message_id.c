/* Message-ID fields: new ones, and what they say. */
#include "message_id.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "why.h"

#define ID_BYTES 16
#define BLOCK_BYTES 16384
#define MESSAGE_ID_MAX_BYTES 900 /* a line has 998 (RFC 5322 section 2.1.1) */
#define PURPOSE "identifiers of messages"

static char *id_of_bytes(const unsigned char bytes[ID_BYTES], const char *host)
{
    char hex[2 * ID_BYTES + 1];
    char *id = NULL;
    if (OPENSSL_buf2hexstr_ex(hex, sizeof hex, NULL, bytes, ID_BYTES, '\0') != 1 ||
        asprintf(&id, "%s@%s", hex, host) < 0)
        return NULL;
    return id;
}

char *message_id_named(const struct header *header)
{
    const struct header_field *field = header_get(header, "Message-ID", 0);
    const char *id = field != NULL ? field->value + strspn(field->value, " \t\r\n") : "";
    size_t length = strcspn(id, " \t\r\n");
    if (length < 3 || length > MESSAGE_ID_MAX_BYTES || id[0] != '<' || id[length - 1] != '>')
        return NULL;
    for (size_t i = 0; i < length; i++)
        if (id[i] < '!' || id[i] > '~')
            return NULL;
    return strndup(id, length);
}

char *message_id_new(const char *host)
{
    unsigned char random[ID_BYTES];
    return RAND_bytes(random, sizeof random) == 1 ? id_of_bytes(random, host) : NULL;
}

/* Name and value end with NUL, so that none runs into the next. Trace fields and what other filters
 * write are left out: they are others at the next try. */
static bool add_fields(EVP_MAC_CTX *mac, const struct header *header)
{
    static const char *const names[] = {"From", "To", "Cc", "Date", "Subject"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct header_field *field;
        for (size_t n = 0; (field = header_get(header, names[i], n)) != NULL; n++) {
            if (EVP_MAC_update(mac, (const unsigned char *)names[i], strlen(names[i]) + 1) != 1 ||
                EVP_MAC_update(mac, (const unsigned char *)field->value,
                               strlen(field->value) + 1) != 1)
                return false;
        }
    }
    return true;
}

static bool add_body(EVP_MAC_CTX *mac, const struct spool *body, char **why)
{
    unsigned char block[BLOCK_BYTES];
    ssize_t length;
    off_t at = 0;
    while ((length = spool_read(body, block, sizeof block, at)) > 0) {
        if (EVP_MAC_update(mac, block, (size_t)length) != 1)
            return false;
        at += length;
    }
    if (length < 0)
        why_set(why, "cannot read the message: %s", strerror(errno));
    return length == 0;
}

char *message_id_of(const struct store *store, const struct entity *message, const char *host,
                    char **why)
{
    unsigned char key[STORE_DERIVED_KEY_BYTES];
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hash[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", hash, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = NULL;
    EVP_MAC_CTX *mac = NULL;
    size_t length = 0;
    char *id = NULL;
    if (header_get(&message->header, "Date", 0) == NULL) {
        id = message_id_new(host);
        goto out;
    }
    if (store_derive_key(store, PURPOSE, key, why) != STORE_OK)
        goto out;
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    if (mac == NULL || EVP_MAC_init(mac, key, sizeof key, parameters) != 1 ||
        !add_fields(mac, &message->header) || !add_body(mac, message->body, why) ||
        EVP_MAC_final(mac, digest, &length, sizeof digest) != 1 || length < ID_BYTES)
        goto out;
    id = id_of_bytes(digest, host);
out:
    if (id == NULL)
        why_prefix(why, "cannot make a Message-ID");
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    OPENSSL_cleanse(key, sizeof key);
    return id;
}
