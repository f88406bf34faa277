/* The algorithms of signed and encrypted mail that we write. */
#include "algorithms.h"

#include <openssl/objects.h>

static const struct {
    const char *name;
    int nid;
} ciphers[ENCRYPT_CIPHERS] = {
    [ENCRYPT_AES_256_GCM] = {"aes-256-gcm", NID_aes_256_gcm},
    [ENCRYPT_AES_192_GCM] = {"aes-192-gcm", NID_aes_192_gcm},
    [ENCRYPT_AES_128_GCM] = {"aes-128-gcm", NID_aes_128_gcm},
    [ENCRYPT_AES_256_CBC] = {"aes-256-cbc", NID_aes_256_cbc},
    [ENCRYPT_AES_192_CBC] = {"aes-192-cbc", NID_aes_192_cbc},
    [ENCRYPT_AES_128_CBC] = {"aes-128-cbc", NID_aes_128_cbc},
};

const char *sign_digest_name(enum sign_digest digest)
{
    static const char *const names[] = {
        [SIGN_SHA256] = "sha256", [SIGN_SHA384] = "sha384", [SIGN_SHA512] = "sha512"};
    return names[digest];
}

const char *sign_scheme_name(enum sign_scheme scheme)
{
    static const char *const names[] = {
        [SIGN_PKCS1] = "pkcs1", [SIGN_PSS] = "pss", [SIGN_ECDSA] = "ecdsa"};
    return names[scheme];
}

const char *encrypt_cipher_name(enum encrypt_cipher cipher)
{
    return ciphers[cipher].name;
}

int encrypt_cipher_nid(enum encrypt_cipher cipher)
{
    return ciphers[cipher].nid;
}

bool encrypt_cipher_is_authenticated(enum encrypt_cipher cipher)
{
    return cipher <= ENCRYPT_AES_128_GCM;
}

const char *encrypt_transport_name(enum encrypt_transport transport)
{
    static const char *const names[] = {
        [ENCRYPT_PKCS1] = "pkcs1", [ENCRYPT_OAEP] = "oaep", [ENCRYPT_ECDH] = "ecdh"};
    return names[transport];
}

bool cipher_list_has(const struct cipher_list *list, enum encrypt_cipher cipher)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == cipher)
            return true;
    return false;
}

void cipher_list_add(struct cipher_list *list, enum encrypt_cipher cipher)
{
    if (!cipher_list_has(list, cipher))
        list->items[list->count++] = cipher;
}
