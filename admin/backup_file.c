/* Encrypting and decrypting backups with OpenSSL's CMS. */
#include "backup_file.h"
#include "backup_envelope.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "why.h"

/* Whoever has the file may guess at leisure. OpenSSL's PasswordRecipientInfo takes HMAC-SHA-1,
 * which is cheap: about half a second for each guess here. */
#define KDF_ITERATIONS 1300000
#define CHUNK_BYTES 65536

static void openssl_failed(const char *what, char **why)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    why_set(why, "%s: %s", what, reason ? reason : "unknown reason");
    ERR_clear_error();
}

/* OpenSSL takes the password over with its length, and frees it without wiping: that is why it gets
 * no copy of ours that outlives the call. */
static CMS_ContentInfo *new_envelope(const char *password)
{
    CMS_ContentInfo *envelope = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
    unsigned char *copy = (unsigned char *)OPENSSL_strdup(password);
    if (!envelope || !copy ||
        !CMS_add0_recipient_password(envelope, KDF_ITERATIONS, NID_id_alg_PWRI_KEK, NID_undef, copy,
                                     (ossl_ssize_t)strlen(password), EVP_aes_256_cbc())) {
        OPENSSL_clear_free(copy, copy ? strlen(password) : 0);
        CMS_ContentInfo_free(envelope);
        return NULL;
    }
    return envelope;
}

static int copy_file(const char *path, BIO *out, char **why)
{
    char chunk[CHUNK_BYTES];
    size_t got = 0;
    int rc = 0;
    FILE *in = fopen(path, "re");
    if (!in) {
        why_set(why, "%s cannot be opened: %s", path, strerror(errno));
        return -1;
    }
    while (rc == 0 && (got = fread(chunk, 1, sizeof chunk, in)) > 0) {
        if (BIO_write(out, chunk, (int)got) != (int)got) {
            openssl_failed("the backup cannot be written", why);
            rc = -1;
        }
    }
    if (rc == 0 && ferror(in)) {
        why_set(why, "%s cannot be read", path);
        rc = -1;
    }
    fclose(in);
    return rc;
}

static int check_size(const char *path, char **why)
{
    struct stat about;
    if (stat(path, &about)) {
        why_set(why, "%s cannot be examined: %s", path, strerror(errno));
        return -1;
    }
    if (about.st_size > BACKUP_MAX_BYTES) {
        why_set(why, "the store has more than %ld bytes, and could not be restored",
                BACKUP_MAX_BYTES);
        return -1;
    }
    return 0;
}

int backup_write(const char secret_line[STORE_SECRET_LINE_BYTES], const char *database,
                 const char *password, FILE *out, char **why)
{
    BIO *content = NULL;
    int rc = -1;
    BIO *file = BIO_new_fp(out, BIO_NOCLOSE);
    CMS_ContentInfo *envelope = new_envelope(password);
    if (check_size(database, why)) {
        goto out;
    }
    if (file && envelope) {
        content = BIO_new_CMS(file, envelope);
    }
    if (!content ||
        BIO_write(content, secret_line, STORE_SECRET_LINE_BYTES) != STORE_SECRET_LINE_BYTES) {
        openssl_failed("the backup cannot be encrypted", why);
        goto out;
    }
    if (copy_file(database, content, why)) {
        goto out;
    }
    if (BIO_flush(content) != 1) {
        openssl_failed("the backup cannot be written", why);
        goto out;
    }
    rc = 0;
out:
    while (content && content != file) {
        BIO *next = BIO_pop(content);
        BIO_free(content);
        content = next;
    }
    CMS_ContentInfo_free(envelope);
    BIO_free(file);
    return rc;
}

/* ---- Reading ---- */

/* The whole file as a structure; its size is looked at first. */
static CMS_ContentInfo *read_envelope(FILE *in, char **why)
{
    struct stat about;
    CMS_ContentInfo *envelope = NULL;
    if (fstat(fileno(in), &about)) {
        why_set(why, "cannot be examined: %s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(about.st_mode) || about.st_size > BACKUP_MAX_BYTES + BACKUP_MAX_BYTES / 16) {
        why_set(why, "is no regular file, or larger than a backup may be");
        return NULL;
    }
    BIO *file = BIO_new_fp(in, BIO_NOCLOSE);
    if (!file) {
        why_set(why, "cannot be read: out of memory");
    } else if (backup_envelope_check(file, why) == 0) {
        envelope = BIO_seek(file, 0) == 0 ? d2i_CMS_bio(file, NULL) : NULL;
        if (!envelope) {
            why_set(why, "is no backup of smimed");
        }
    }
    ERR_clear_error();
    BIO_free(file);
    return envelope;
}

BIO *backup_read(FILE *in, const char *password, char **why)
{
    CMS_ContentInfo *envelope = read_envelope(in, why);
    char *copy = OPENSSL_strdup(password);
    BIO *content = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    int rc = -1;
    if (!envelope) {
        goto out;
    }
    if (!copy || !content) {
        why_set(why, "out of memory");
        goto out;
    }
    if (!CMS_decrypt_set1_password(envelope, (unsigned char *)copy,
                                   (ossl_ssize_t)strlen(password)) ||
        !CMS_decrypt(envelope, NULL, NULL, NULL, content, CMS_BINARY)) {
        why_set(why, "cannot be decrypted: the password is wrong, or the file was altered");
        goto out;
    }
    if (BIO_get_mem_data(content, &bytes) <= STORE_SECRET_LINE_BYTES) {
        why_set(why, "holds no store");
        goto out;
    }
    rc = 0;
out:
    ERR_clear_error();
    OPENSSL_clear_free(copy, copy ? strlen(password) : 0);
    CMS_ContentInfo_free(envelope);
    if (rc) {
        backup_free(content);
        content = NULL;
    }
    return content;
}

void backup_free(BIO *content)
{
    char *bytes = NULL;
    if (content) {
        long length = BIO_get_mem_data(content, &bytes);
        if (length > 0) {
            OPENSSL_cleanse(bytes, (size_t)length);
        }
        BIO_free(content);
    }
}
