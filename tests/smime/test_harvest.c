/* What a valid signature teaches (smime/harvest.h): which certificate its author is written to, and
 * whether that is his wish. */
#include "incoming_fixture.h"

#include <openssl/cms.h>

#define DORA "dora@example.com"
#define SIGNS "critical,digitalSignature"
#define ENCRYPTS "critical,keyAgreement"

/* ---- Which certificates that come along are fit ---- */

enum issuer { CA, FOREIGN_CA };

static const struct {
    const char *name;
    struct pki_spec spec;
    enum issuer issuer;
    unsigned weak_allowed;
    bool fit;
} brought[] = {
    {"to encrypt", {.addresses = {DORA}, .key_usage = ENCRYPTS}, CA, 0, true},
    {"somebody else's", {.addresses = {"eve@evil.test"}, .key_usage = ENCRYPTS}, CA, 0, false},
    {"a stranger's with her address",
     {.addresses = {DORA}, .key_usage = ENCRYPTS},
     FOREIGN_CA,
     0,
     false},
    {"another one to sign", {.addresses = {DORA}, .key_usage = SIGNS}, CA, 0, false},
    {"for servers", {.addresses = {DORA}, .extended_key_usage = "serverAuth"}, CA, 0, false},
    {"expired",
     {.addresses = {DORA}, .key_usage = ENCRYPTS, .not_after = PKI_NOW - PKI_DAY},
     CA,
     0,
     false},
    {"of a CA",
     {.addresses = {DORA},
      .ca = true,
      .key = PKI_RSA_2048,
      .key_usage = "critical,keyCertSign,keyEncipherment"},
     CA,
     0,
     false},
    {"short", {.addresses = {DORA}, .key = PKI_RSA_1024}, CA, 0, false},
    {"short, which is allowed",
     {.addresses = {DORA}, .key = PKI_RSA_1024},
     CA,
     WEAKNESS_RSA_1024,
     true},
};

/* Nothing else is fit: her own one signs alone. */
START_TEST(what_comes_along)
{
    struct pki sign =
        pki_make(&(struct pki_spec){.addresses = {DORA}, .key = PKI_RSA_2048, .key_usage = SIGNS},
                 &world.ca);
    struct pki other =
        pki_make(&brought[_i].spec, brought[_i].issuer == CA ? &world.ca : &world.foreign_ca);
    struct open_request request = default_request();
    struct opened opened;
    request.weak_allowed = brought[_i].weak_allowed;
    write_pki("sign", &sign);
    write_pki("other", &other);
    opened = open_with(
        message_of(DORA, signed_entity(TEXT_ENTITY, "-sign -md sha256 -signer sign.pem -inkey "
                                                    "sign.key -certfile other.pem")),
        &request);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_msg((opened.harvest.certificate != NULL) == brought[_i].fit, "%s", brought[_i].name);
    if (brought[_i].fit) {
        ck_assert_int_eq(X509_cmp(opened.harvest.certificate, other.certificate), 0);
        ck_assert(!opened.harvest.preferred);
    }
    opened_clear(&opened);
    pki_clear(&sign);
    pki_clear(&other);
}
END_TEST

/* ---- SMIMEEncryptionKeyPreference (RFC 8551 section 2.5.3) ---- */

/* Its CHOICE, written by hand: openssl cms cannot say it. */
enum form { ISSUER_AND_SERIAL, RECIPIENT_KEY_ID, SUBJECT_KEY_ID, UNKNOWN_FORM };

static size_t write_preference(enum form form, X509 *certificate, unsigned char *out)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate);
    unsigned char *at = out + 4;
    int length = ASN1_STRING_length(id);
    if (form == ISSUER_AND_SERIAL) {
        ck_assert_int_gt(i2d_X509_NAME(X509_get_issuer_name(certificate), &at), 0);
        ck_assert_int_gt(i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &at), 0);
        memcpy(out, "\xa0\x82", 2);
        out[2] = (unsigned char)((at - out - 4) >> 8);
        out[3] = (unsigned char)(at - out - 4);
        return (size_t)(at - out);
    }
    at = out;
    if (form == RECIPIENT_KEY_ID) {
        *at++ = 0xa1;
        *at++ = (unsigned char)(length + 2);
        *at++ = 0x04;
    } else {
        *at++ = form == SUBJECT_KEY_ID ? 0x82 : 0x83;
    }
    *at++ = (unsigned char)length;
    memcpy(at, ASN1_STRING_get0_data(id), (size_t)length);
    return (size_t)(at - out) + (size_t)length;
}

/* The attribute with as many values: SEQUENCE { OID, SET }. */
static X509_ATTRIBUTE *preference_of(enum form form, const struct pki *wishes, int values)
{
    static const unsigned char oid[] = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0b";
    unsigned char set[1024];
    unsigned char der[1100];
    unsigned char *put = der;
    const unsigned char *at = der;
    X509_ATTRIBUTE *attribute;
    size_t length = 0;
    for (int i = 0; i < values; i++)
        length += write_preference(form, wishes[i].certificate, set + length);
    ASN1_put_object(&put, 1, (int)(sizeof oid - 1 + 4 + length), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(put, oid, sizeof oid - 1);
    put += sizeof oid - 1;
    memcpy(put, "\x31\x82", 2);
    put[2] = (unsigned char)(length >> 8);
    put[3] = (unsigned char)length;
    memcpy(put + 4, set, length);
    attribute = d2i_X509_ATTRIBUTE(NULL, &at, put + 4 + length - der);
    ck_assert_ptr_nonnull(attribute);
    return attribute;
}

/* What a message of the signer wishes, and what it brings. */
struct wish {
    const char *name;
    enum form form;
    int wish;      /* the first of its values */
    int values;    /* of an attribute */
    int times;     /* that the attribute stands there */
    size_t bundle; /* how many certificates come along */
    int learned;
    bool preferred;
};

static struct bytes signed_wishing(const struct pki *signer, const struct wish *wish,
                                   const struct pki *all)
{
    BIO *content = BIO_new_mem_buf(TEXT_ENTITY, -1);
    CMS_ContentInfo *made = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_DETACHED);
    CMS_SignerInfo *info =
        CMS_add1_signer(made, signer->certificate, signer->key, EVP_sha256(), CMS_PARTIAL);
    unsigned char *der = NULL;
    struct bytes bytes;
    int length;
    ck_assert(content != NULL && info != NULL);
    for (int i = 0; i < wish->times; i++) {
        X509_ATTRIBUTE *attribute = preference_of(wish->form, &all[wish->wish], wish->values);
        ck_assert_int_eq(CMS_signed_add1_attr(info, attribute), 1);
        X509_ATTRIBUTE_free(attribute);
    }
    for (size_t i = 0; i < wish->bundle; i++)
        (void)CMS_add1_cert(made, all[i].certificate);
    ck_assert_int_eq(CMS_final(made, content, NULL, CMS_BINARY | CMS_DETACHED), 1);
    length = i2d_CMS_ContentInfo(made, &der);
    ck_assert_int_gt(length, 0);
    bytes = bytes_copy((const char *)der, (size_t)length);
    OPENSSL_free(der);
    CMS_ContentInfo_free(made);
    BIO_free(content);
    ERR_clear_error();
    return wrap_signed(TEXT_ENTITY, strlen(TEXT_ENTITY), bytes);
}

enum { ONE, TWO, STRANGER, DORAS }; /* she signs with the first */

static const struct wish wishes[] = {
    {"says nothing", SUBJECT_KEY_ID, ONE, 1, 0, 2, ONE, true},
    {"issuer and serial number", ISSUER_AND_SERIAL, TWO, 1, 1, 2, TWO, true},
    {"recipient's key identifier", RECIPIENT_KEY_ID, TWO, 1, 1, 2, TWO, true},
    {"subject's key identifier", SUBJECT_KEY_ID, TWO, 1, 1, 2, TWO, true},
    {"her own", ISSUER_AND_SERIAL, ONE, 1, 1, 2, ONE, true},
    {"another form", UNKNOWN_FORM, TWO, 1, 1, 2, ONE, false},
    /* Whoever sends the mail once more takes the certificate out of it. */
    {"one that did not come along", ISSUER_AND_SERIAL, TWO, 1, 1, 1, ONE, false},
    {"one that is not fit", ISSUER_AND_SERIAL, STRANGER, 1, 1, 3, ONE, false},
    {"two values", SUBJECT_KEY_ID, ONE, 2, 1, 2, ONE, false},
    {"two attributes", SUBJECT_KEY_ID, TWO, 1, 2, 2, ONE, false},
};

START_TEST(what_is_wished)
{
    struct pki doras[DORAS] = {pki_leaf(&world.ca, DORA), pki_leaf(&world.ca, DORA),
                               pki_leaf(&world.foreign_ca, DORA)};
    struct opened opened =
        open_message(message_of(DORA, signed_wishing(&doras[ONE], &wishes[_i], doras)));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_ptr_nonnull(opened.harvest.certificate);
    ck_assert_msg(X509_cmp(opened.harvest.certificate, doras[wishes[_i].learned].certificate) == 0,
                  "%s", wishes[_i].name);
    ck_assert_msg(opened.harvest.preferred == wishes[_i].preferred, "%s", wishes[_i].name);
    opened_clear(&opened);
    for (int i = 0; i < DORAS; i++)
        pki_clear(&doras[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("harvest");
    TCase *tcase = tcase_create("harvest");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, what_comes_along, 0, sizeof brought / sizeof *brought);
    tcase_add_loop_test(tcase, what_is_wished, 0, sizeof wishes / sizeof *wishes);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
