/* Taking things apart: BER, CMS structures, multiparts, transfer encodings. */
#include "incoming_fixture.h"

#include <openssl/cms.h>

#include "cms_layout.h"
#include "decode.h"
#include "multipart_split.h"

static const struct smime_progress nobody = {0};

static struct spool *spool_of(const char *data, size_t length)
{
    struct spool *spool = spool_new(&test_spool_options);
    ck_assert_ptr_nonnull(spool);
    ck_assert_int_eq(spool_write(spool, data, length), 0);
    return spool;
}

/* ---- Structures of the openssl command ---- */

static const struct {
    const char *arguments;
    enum cms_kind kind;
    size_t signers, certificates, recipients;
    bool authenticated, has_content;
} structures[] = {
    {SIGN_ALICE, CMS_KIND_SIGNED, 1, 1, 0, false, false},
    {SIGN_ALICE " -nodetach", CMS_KIND_SIGNED, 1, 1, 0, false, true},
    {SIGN_ALICE " -nodetach -stream", CMS_KIND_SIGNED, 1, 1, 0, false, true},
    {SIGN_ALICE " -nodetach -certfile bob.pem -signer carol.pem -inkey carol.key", CMS_KIND_SIGNED,
     2, 3, 0, false, true},
    {SIGN_ALICE " -nocerts", CMS_KIND_SIGNED, 1, 0, 0, false, false},
    {"-encrypt -aes-256-cbc -recip bob.pem", CMS_KIND_ENVELOPED, 0, 0, 1, false, true},
    {"-encrypt -aes-256-cbc -stream -recip bob.pem -recip alice.pem", CMS_KIND_ENVELOPED, 0, 0, 2,
     false, true},
    {"-encrypt -aes-256-gcm -recip bob.pem -recip carol.pem", CMS_KIND_ENVELOPED, 0, 0, 2, true,
     true},
    {"-encrypt -aes-256-gcm -stream -recip bob.pem", CMS_KIND_ENVELOPED, 0, 0, 1, true, true},
};

/* The content as OpenSSL has it: of SignedData the text, else the ciphertext, which only the
 * library's own parser tells. */
static void assert_content(const struct cms_layout *layout, struct bytes der)
{
    const unsigned char *at = (const unsigned char *)der.data;
    CMS_ContentInfo *whole = d2i_CMS_ContentInfo(NULL, &at, (long)der.length);
    ASN1_OCTET_STRING **content;
    size_t length = (size_t)(layout->content_to - layout->content_from);
    char *bytes = malloc(length + 1);
    ck_assert_ptr_nonnull(whole);
    content = CMS_get0_content(whole);
    ck_assert_ptr_nonnull(content);
    ck_assert_int_eq(layout->has_content, *content != NULL);
    if (*content != NULL) {
        ck_assert_int_eq(ASN1_STRING_length(*content), (int)length);
        ck_assert_int_eq(spool_read(layout->content, bytes, length, layout->content_from),
                         (ssize_t)length);
        ck_assert_mem_eq(bytes, ASN1_STRING_get0_data(*content), length);
    }
    free(bytes);
    CMS_ContentInfo_free(whole);
}

START_TEST(structures_come_apart)
{
    struct bytes content = bytes_text(TEXT_ENTITY);
    struct bytes der;
    struct spool *spool;
    struct cms_layout layout;
    CMS_ContentInfo *cms_info;
    char *why = NULL;
    for (int i = 0; i < 3000; i++)
        bytes_puts(&content, "some more text\r\n");
    der = cms(content, structures[_i].arguments);
    spool = spool_of(der.data, der.length);
    ck_assert_msg(cms_layout_read(spool, 0, (off_t)der.length, false, &test_limits, &nobody,
                                  &layout, &why) == SMIME_OK,
                  "%s", why_text(&why));
    ck_assert_int_eq(layout.kind, structures[_i].kind);
    ck_assert_int_eq(layout.authenticated, structures[_i].authenticated);
    ck_assert_int_eq(layout.has_content, structures[_i].has_content);
    ck_assert_uint_eq(layout.signers, structures[_i].signers);
    ck_assert_uint_eq(layout.certificates, structures[_i].certificates);
    ck_assert_uint_eq(layout.recipients, structures[_i].recipients);
    ck_assert_int_eq(cms_peek((const unsigned char *)der.data, 30), structures[_i].kind);
    assert_content(&layout, der);
    cms_info = cms_layout_parse(&layout, NULL, &why);
    ck_assert_msg(cms_info != NULL, "%s", why_text(&why));
    ck_assert_int_eq(CMS_is_detached(cms_info), 1);
    CMS_ContentInfo_free(cms_info);
    cms_layout_clear(&layout);
    spool_free(&spool);
    bytes_free(&der);
    bytes_free(&content);
}
END_TEST

/* ---- By hand ---- */

/* What hexadecimal digits and comments in parentheses say. */
static struct bytes hex(const char *text)
{
    struct bytes out = bytes_text("");
    bool comment = false;
    for (; *text != '\0'; text++) {
        char pair[3] = {text[0], text[1], '\0'};
        comment = comment ? *text != ')' : *text == '(';
        if (comment || strchr(" )\n", *text) != NULL)
            continue;
        bytes_add(&out, &(char){(char)strtoul(pair, NULL, 16)}, 1);
        text++;
    }
    return out;
}

#define SIGNED_OID "06092a864886f70d010702"
#define ENVELOPED_OID "06092a864886f70d010703"
#define AUTH_OID "060b2a864886f70d0109100117"
#define DATA_OID "06092a864886f70d010701"

static const struct {
    const char *name;
    const char *text;
    enum smime_status status;
    const char *content; /* NULL: none */
} by_hand[] = {
    {"empty SignedData",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "0000 3100 0000 0000 0000", SMIME_OK,
     NULL},
    {"definite, too long", "3024" SIGNED_OID "a0173015 020101 3100 300b" DATA_OID "3100",
     SMIME_REFUSED, NULL},
    {"definite", "3023" SIGNED_OID "a0163014 020101 3100 300b" DATA_OID "3100", SMIME_OK, NULL},
    {"definite, too short", "3022" SIGNED_OID "a0153013 020101 3100 300b" DATA_OID "3100",
     SMIME_REFUSED, NULL},
    {"content",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "a0800403414243 0000 0000 3100 "
     "0000 0000 0000",
     SMIME_OK, "ABC"},
    {"scattered",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a080 2480 0401 41 2403 0401 42 2480 0401 43 0000 0400 0000 0000 0000 3100 0000 0000 0000",
     SMIME_OK, "ABC"},
    {"empty content",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a0800400 0000 0000 3100 0000 0000 0000",
     SMIME_OK, ""},
    {"two contents",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a0800401 41 0401 42 0000 0000 3100 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"content of another type",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a0803000 0000 0000 3100 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"a piece of another type",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a080 2480 0201 41 0000 0000 0000 3100 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"nested too deeply",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID
     "a080 2480 2480 2480 2480 2480 2480 2480 2480 2480 0000 0000 0000 0000 "
     "0000 0000 0000 0000 0000 0000 0000 3100 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"no SignerInfos", "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "0000 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"something behind SignerInfos",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "0000 3100 0500 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"something behind it",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "0000 3100 0000 0000 0000 00",
     SMIME_REFUSED, NULL},
    {"no end", "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "0000 3100 0000 0000",
     SMIME_REFUSED, NULL},
    {"an end too early", "3080" SIGNED_OID "a0803080 020101 0000", SMIME_REFUSED, NULL},
    {"end within a definite length", "300d" SIGNED_OID "0000", SMIME_REFUSED, NULL},
    {"an end with a length",
     "3080" SIGNED_OID "a0803080 020101 3100 3080" DATA_OID "000100 3100 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"longer than its parent", "3080" SIGNED_OID "a0803080 020101 3100 300b0601 2a 0401 41",
     SMIME_REFUSED, NULL},
    {"indefinite primitive", "3080 0680 2a864886f70d010702 0000", SMIME_REFUSED, NULL},
    {"length of nine octets", "3089 000000000000000001 00", SMIME_REFUSED, NULL},
    {"length that overflows", "3088 ffffffffffffffff 00", SMIME_REFUSED, NULL},
    {"length beyond the end", "3084 7fffffff 00", SMIME_REFUSED, NULL},
    {"reserved length", "30ff 00", SMIME_REFUSED, NULL},
    {"length with zeros in front", "3080 06820009 2a864886f70d010701 ff", SMIME_OK, NULL},
    {"enveloped",
     "3080" ENVELOPED_OID "a0803080 020100 3100 3080" DATA_OID
     "3000 8003414243 0000 0000 0000 0000",
     SMIME_OK, "ABC"},
    {"enveloped, scattered",
     "3080" ENVELOPED_OID "a0803080 020100 a000 3100 3080" DATA_OID
     "3000 a080 0401 41 0402 4243 0000 0000 a100 0000 0000 0000",
     SMIME_OK, "ABC"},
    {"enveloped without content",
     "3080" ENVELOPED_OID "a0803080 020100 3100 3080" DATA_OID "3000 0000 0000 0000 0000", SMIME_OK,
     NULL},
    {"authenticated",
     "3080" AUTH_OID "a0803080 020100 3100 3080" DATA_OID
     "3000 8001 41 0000 a100 0402 0000 a200 0000 0000 0000",
     SMIME_OK, "A"},
    {"authenticated without a mac",
     "3080" AUTH_OID "a0803080 020100 3100 3080" DATA_OID "3000 8001 41 0000 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"enveloped with a mac",
     "3080" ENVELOPED_OID "a0803080 020100 3100 3080" DATA_OID
     "3000 8001 41 0000 0402 0000 0000 0000 0000",
     SMIME_REFUSED, NULL},
    {"another content type", "3080" DATA_OID "ff", SMIME_OK, NULL},
    {"no content type", "3080 0500", SMIME_REFUSED, NULL},
    {"nothing", "", SMIME_REFUSED, NULL},
    {"one octet", "30", SMIME_REFUSED, NULL},
    {"large tag number", "3f ffffffffff 00", SMIME_REFUSED, NULL},
};

START_TEST(made_by_hand)
{
    struct bytes der = hex(by_hand[_i].text);
    struct spool *spool = spool_of(der.data, der.length);
    struct cms_layout layout;
    char *why = NULL;
    enum smime_status status =
        cms_layout_read(spool, 0, (off_t)der.length, false, &test_limits, &nobody, &layout, &why);
    ck_assert_msg(status == by_hand[_i].status, "%s: %d (%s)", by_hand[_i].name, status,
                  why_text(&why));
    if (status == SMIME_OK) {
        ck_assert_int_eq(layout.has_content, by_hand[_i].content != NULL);
    }
    if (status == SMIME_OK && by_hand[_i].content != NULL) {
        char content[16];
        ssize_t length = layout.content_to - layout.content_from;
        ck_assert_int_eq(length, (ssize_t)strlen(by_hand[_i].content));
        ck_assert_int_eq(spool_read(layout.content, content, (size_t)length, layout.content_from),
                         length);
        ck_assert_mem_eq(content, by_hand[_i].content, (size_t)length);
    }
    cms_layout_clear(&layout);
    spool_free(&spool);
    bytes_free(&der);
    why_free(&why);
}
END_TEST

/* No cut of a good structure is a good structure, and none is read beyond its end. */
START_TEST(every_truncation_is_refused)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, structures[_i].arguments);
    for (size_t length = 0; length < der.length; length++) {
        struct spool *spool = spool_of(der.data, length);
        struct cms_layout layout;
        char *why = NULL;
        ck_assert_int_eq(
            cms_layout_read(spool, 0, (off_t)length, false, &test_limits, &nobody, &layout, &why),
            SMIME_REFUSED);
        ck_assert_ptr_nonnull(why);
        why_free(&why);
        cms_layout_clear(&layout);
        spool_free(&spool);
    }
    bytes_free(&der);
}
END_TEST

/* ---- Ceilings ---- */

static enum smime_status read_limited(struct bytes der, const struct smime_limits *limits,
                                      const char *wanted)
{
    struct spool *spool = spool_of(der.data, der.length);
    struct cms_layout layout;
    char *why = NULL;
    enum smime_status status =
        cms_layout_read(spool, 0, (off_t)der.length, false, limits, &nobody, &layout, &why);
    if (status == SMIME_REFUSED)
        assert_contains(why, wanted);
    why_free(&why);
    cms_layout_clear(&layout);
    spool_free(&spool);
    return status;
}

START_TEST(ceilings)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE " -certfile bob.pem -signer carol.pem "
                                                           "-inkey carol.key -nodetach");
    struct smime_limits limits = test_limits;
    ck_assert_int_eq(read_limited(der, &limits, ""), SMIME_OK);
    limits.max_signers = 2;
    limits.max_certificates = 3;
    limits.max_structure_bytes = der.length;
    ck_assert_int_eq(read_limited(der, &limits, ""), SMIME_OK);
    limits.max_signers = 1;
    ck_assert_int_eq(read_limited(der, &limits, "more than 1 SignerInfos"), SMIME_REFUSED);
    limits.max_signers = 2;
    limits.max_certificates = 2;
    ck_assert_int_eq(read_limited(der, &limits, "more than 2 certificates"), SMIME_REFUSED);
    limits.max_certificates = 3;
    limits.max_structure_bytes = der.length / 2;
    ck_assert_int_eq(read_limited(der, &limits, "bytes"), SMIME_REFUSED);
    limits.max_structure_bytes = 1;
    ck_assert_int_eq(read_limited(der, &limits, "bytes"), SMIME_REFUSED);
    bytes_free(&der);
}
END_TEST

/* Elements within elements, all of indefinite length, where something is copied. */
START_TEST(recursion_bomb)
{
    struct bytes der = hex("3080" SIGNED_OID "a0803080 020101 3180");
    for (int i = 0; i < 100000; i++)
        bytes_add(&der, "\x30\x80", 2);
    ck_assert_int_eq(read_limited(der, &test_limits, "too deeply"), SMIME_REFUSED);
    bytes_free(&der);
}
END_TEST

/* A megabyte of digest algorithms would digest everything a hundred thousand times. */
START_TEST(many_digests)
{
    struct bytes der = hex("3080" SIGNED_OID "a0803080 020101 3180");
    for (int i = 0; i < 17; i++)
        bytes_add(&der, "\x30\x00", 2);
    ck_assert_int_eq(read_limited(der, &test_limits, "more than 16 digest"), SMIME_REFUSED);
    bytes_free(&der);
}
END_TEST

START_TEST(line_end_behind)
{
    struct bytes der = cms_of_text(TEXT_ENTITY, SIGN_ALICE);
    static const struct {
        const char *text;
        enum smime_status binary;
    } ends[] = {{"", SMIME_OK},        {"\r\n", SMIME_OK},          {"\n", SMIME_OK},
                {"\r", SMIME_REFUSED}, {"\r\n\r\n", SMIME_REFUSED}, {"x", SMIME_REFUSED},
                {"x\n", SMIME_REFUSED}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct bytes text = bytes_copy(der.data, der.length);
        struct spool *spool;
        struct cms_layout layout;
        char *why = NULL;
        bytes_puts(&text, ends[i].text);
        spool = spool_of(text.data, text.length);
        ck_assert_int_eq(cms_layout_read(spool, 0, (off_t)text.length, true, &test_limits, &nobody,
                                         &layout, &why),
                         ends[i].binary);
        cms_layout_clear(&layout);
        ck_assert_int_eq(cms_layout_read(spool, 0, (off_t)text.length, false, &test_limits, &nobody,
                                         &layout, &why),
                         i == 0 ? SMIME_OK : SMIME_REFUSED);
        cms_layout_clear(&layout);
        spool_free(&spool);
        bytes_free(&text);
        why_free(&why);
    }
    bytes_free(&der);
}
END_TEST

/* Content in pieces of one octet, and of sizes around that of a window. */
START_TEST(content_in_pieces)
{
    static const size_t sizes[] = {1, 2, 4094, 4095, 4096, 4097, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bytes der =
            hex("3080" ENVELOPED_OID "a0803080 020100 3100 3080" DATA_OID "3000 a080");
        struct bytes wanted = bytes_text("");
        struct spool *spool;
        struct cms_layout layout;
        char *piece = malloc(sizes[i]);
        char *gathered;
        size_t length;
        char *why = NULL;
        for (size_t n = 0; n < 20000 / sizes[i] + 2; n++) {
            char header[4] = {4, (char)0x82, (char)(sizes[i] >> 8), (char)sizes[i]};
            memset(piece, 'a' + (int)(n % 26), sizes[i]);
            bytes_add(&der, header, 4);
            bytes_add(&der, piece, sizes[i]);
            bytes_add(&wanted, piece, sizes[i]);
        }
        bytes_add(&der, "\0\0\0\0\0\0\0\0\0\0", 10);
        spool = spool_of(der.data, der.length);
        ck_assert_msg(cms_layout_read(spool, 0, (off_t)der.length, false, &test_limits, &nobody,
                                      &layout, &why) == SMIME_OK,
                      "%s", why_text(&why));
        gathered = entity_spool_text(layout.gathered, &length);
        ck_assert_uint_eq(length, wanted.length);
        ck_assert_mem_eq(gathered, wanted.data, length);
        free(gathered);
        free(piece);
        cms_layout_clear(&layout);
        spool_free(&spool);
        bytes_free(&der);
        bytes_free(&wanted);
    }
}
END_TEST

/* ---- Transfer encodings ---- */

static const struct {
    enum body_encoding encoding;
    const char *text;
    const char *decoded; /* NULL: refused */
} encodings[] = {
    {ENCODING_BASE64, "SGVsbG8=", "Hello"},
    {ENCODING_BASE64, "SGVsbG8h", "Hello!"},
    {ENCODING_BASE64, "SGVsbA==", "Hell"},
    {ENCODING_BASE64, " S\tG\r\nV s\nbG8=\r\n\r\n", "Hello"},
    {ENCODING_BASE64, "", ""},
    {ENCODING_BASE64, "SGVsbA=\r\n=", "Hell"},
    {ENCODING_BASE64, "SGVsbG8", NULL},
    {ENCODING_BASE64, "SGVsbA=", NULL},
    {ENCODING_BASE64, "SGVsbA===", NULL},
    {ENCODING_BASE64, "S", NULL},
    {ENCODING_BASE64, "=", NULL},
    {ENCODING_BASE64, "S===", NULL},
    {ENCODING_BASE64, "SGVsbG8=SGVsbG8=", NULL},
    {ENCODING_BASE64, "SGVs-bG8", NULL},
    {ENCODING_BASE64, "SGVsbG8=\r\n--\r\nfooter", NULL},
    {ENCODING_QUOTED_PRINTABLE, "a=3Db=\r\nc=20\r\n", "a=bc \r\n"},
    {ENCODING_QUOTED_PRINTABLE, "a= \t\r\nb", "ab"},
    {ENCODING_QUOTED_PRINTABLE, "a=3db", "a=b"},
    {ENCODING_QUOTED_PRINTABLE, "a=", "a"},
    {ENCODING_QUOTED_PRINTABLE, "a=3", NULL},
    {ENCODING_QUOTED_PRINTABLE, "a=3x", NULL},
    {ENCODING_QUOTED_PRINTABLE, "a= x", NULL},
    {ENCODING_QUOTED_PRINTABLE, "a\xff", NULL},
    {ENCODING_QUOTED_PRINTABLE, "a\x01", NULL},
    {ENCODING_IDENTITY, "a=3D\xff", "a=3D\xff"},
    {ENCODING_UNKNOWN, "a", NULL},
};

START_TEST(transfer_encodings)
{
    struct spool *text = spool_of(encodings[_i].text, strlen(encodings[_i].text));
    struct spool *out = spool_new(&test_spool_options);
    const char *wanted = encodings[_i].decoded;
    char *why = NULL;
    enum smime_status status =
        decode_text(text, 0, spool_size(text), encodings[_i].encoding, 100, &nobody, out, &why);
    ck_assert_msg(status == (wanted != NULL ? SMIME_OK : SMIME_REFUSED), "%s: %s",
                  encodings[_i].text, why_text(&why));
    if (wanted != NULL) {
        size_t length;
        char *decoded = entity_spool_text(out, &length);
        ck_assert_uint_eq(length, strlen(wanted));
        ck_assert_mem_eq(decoded, wanted, length);
        free(decoded);
    }
    why_free(&why);
    spool_free(&text);
    spool_free(&out);
}
END_TEST

START_TEST(decoded_size_is_bounded)
{
    struct spool *text = spool_new(&test_spool_options);
    struct spool *out = spool_new(&test_spool_options);
    char *why = NULL;
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(spool_puts(text, "QUJD"), 0);
    ck_assert_int_eq(
        decode_text(text, 0, spool_size(text), ENCODING_BASE64, 30000, &nobody, out, &why),
        SMIME_OK);
    ck_assert_int_eq(
        decode_text(text, 0, spool_size(text), ENCODING_BASE64, 29999, &nobody, out, &why),
        SMIME_REFUSED);
    assert_contains(why, "29999");
    why_free(&why);
    spool_free(&text);
    spool_free(&out);
}
END_TEST

/* ---- Multiparts ---- */

static const struct {
    const char *text;
    const char *parts; /* separated by '|'; NULL: none */
    bool closed, stray;
} multiparts[] = {
    {"", NULL, false, false},
    {"no delimiter\r\n", NULL, false, false},
    {"--b\r\n", "", false, false},
    {"--b", "", false, false},
    {"--b\r\nA\r\n--b\r\nB\r\n--b--\r\n", "A|B", true, false},
    {"pre\r\n--b\r\nA\r\n--b--\r\nepi\r\n", "A", true, false},
    {"--b\r\n\r\n--b\r\n--b\r\n\r\n\r\n--b--", "||\r\n", true, false},
    {"--b\r\nA\r\n--b--", "A", true, false},
    {"--b\r\nA", "A", false, false},
    {"--b\r\nA\r\n", "A\r\n", false, false},
    {"--b\nA\n--b\nB\n--b--\n", "A|B", true, false},
    {"--b \t\r\nA\r\n--b  \r\nB\r\n--b-- \r\n", "A|B", true, false},
    {"--bb\r\n--b\r\nA\r\n--bb\r\n--b--\r\n", "A\r\n--bb", true, true},
    {"--b\r\nA\r\n--b--\r\n--b\r\nB", "A", true, true},
    {"--b\r\nA\r\n --b\r\nx--b\r\n--B\r\n- -b\r\n--b--\r\n", "A\r\n --b\r\nx--b\r\n--B\r\n- -b",
     true, false},
    {"--b\r\nA\r--b\r\n--b--\r\n", "A\r--b", true, false},
    /* a bare CR ends a line for some: only the first part, which is signed, may have one */
    {"pre\r--b\rC\r\n--b\r\nA\r\n--b--\r\n", "A", true, true},
    {"--b\r\nA\r\n--b\r\nB\r--b\rC\r\n--b--\r\n", "A|B\r--b\rC", true, true},
    {"--b\r\nA\r\n--b--\r\nepi\r--b\rC", "A", true, true},
    {"--b\r\r\nA\r\n--b--\r\n", "A", true, true},
    {"--b\r\nA\rB\r\r\n--b--\r\n", "A\rB\r", true, false},
    {"--b--\r\nA\r\n--b\r\nB\r\n", NULL, true, true},
    {"-- \r\n--\r\n--b\r\nA\r\n--b--\r\n-- \r\n", "A", true, false},
    {"--b\r\nA\r\n--b\r\n--c\r\n--b--\r\n", "A|--c", true, true},
    {"--b-\r\n--b\r\nA\r\n--b-\r\n--b--\r\n", "A\r\n--b-", true, true},
    {"\r\n--b\r\nA\r\n\r\n--b--\r\n", "A\r\n", true, false},
};

START_TEST(multiparts_split)
{
    const char *text = multiparts[_i].text;
    struct spool *spool = spool_of(text, strlen(text));
    struct multipart split;
    struct bytes found = bytes_text("");
    char *why = NULL;
    ck_assert_int_eq(multipart_split(spool, 0, spool_size(spool), "b", 10, &nobody, &split, &why),
                     SMIME_OK);
    for (size_t i = 0; i < split.count; i++) {
        if (i > 0)
            bytes_puts(&found, "|");
        ck_assert_int_le(split.parts[i].from, split.parts[i].to);
        bytes_add(&found, text + split.parts[i].from,
                  (size_t)(split.parts[i].to - split.parts[i].from));
    }
    ck_assert_int_eq(split.count > 0, multiparts[_i].parts != NULL);
    if (multiparts[_i].parts != NULL)
        ck_assert_str_eq(found.data, multiparts[_i].parts);
    ck_assert_int_eq(split.closed, multiparts[_i].closed);
    ck_assert_int_eq(split.stray, multiparts[_i].stray);
    multipart_clear(&split);
    bytes_free(&found);
    spool_free(&spool);
}
END_TEST

/* Delimiters at every place around the end of a window, lines longer than one. */
START_TEST(delimiters_across_windows)
{
    for (size_t length = 65536 - 40; length < 65536 + 10; length++) {
        struct bytes text = bytes_text("--boundary\r\n");
        struct spool *spool;
        struct multipart split;
        char *why = NULL;
        size_t at = text.length;
        text.data = realloc(text.data, length + 100);
        memset(text.data + at, 'x', length - at);
        text.length = length;
        text.data[length] = '\0';
        bytes_puts(&text, "\r\n--boundary\r\nB\r\n--boundary--\r\n");
        spool = spool_of(text.data, text.length);
        ck_assert_int_eq(
            multipart_split(spool, 0, spool_size(spool), "boundary", 10, &nobody, &split, &why),
            SMIME_OK);
        ck_assert_uint_eq(split.count, 2);
        ck_assert_int_eq(split.parts[0].to, (off_t)length);
        ck_assert_int_eq(split.parts[1].to - split.parts[1].from, 1);
        multipart_clear(&split);
        spool_free(&spool);
        bytes_free(&text);
    }
}
END_TEST

START_TEST(parts_are_bounded)
{
    struct spool *spool = spool_new(&test_spool_options);
    struct multipart split;
    char *why = NULL;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(spool_puts(spool, "--b\r\n"), 0);
    ck_assert_int_eq(multipart_split(spool, 0, spool_size(spool), "b", 100, &nobody, &split, &why),
                     SMIME_OK);
    ck_assert_uint_eq(split.count, 100);
    multipart_clear(&split);
    ck_assert_int_eq(multipart_split(spool, 0, spool_size(spool), "b", 99, &nobody, &split, &why),
                     SMIME_REFUSED);
    assert_contains(why, "99");
    why_free(&why);
    spool_free(&spool);
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
    tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("ber");
    TCase *tcase = tcase_create("taking apart");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 120);
    LOOP(tcase, structures_come_apart, structures);
    LOOP(tcase, made_by_hand, by_hand);
    LOOP(tcase, every_truncation_is_refused, structures);
    tcase_add_test(tcase, ceilings);
    tcase_add_test(tcase, recursion_bomb);
    tcase_add_test(tcase, many_digests);
    tcase_add_test(tcase, line_end_behind);
    tcase_add_test(tcase, content_in_pieces);
    LOOP(tcase, transfer_encodings, encodings);
    tcase_add_test(tcase, decoded_size_is_bounded);
    LOOP(tcase, multiparts_split, multiparts);
    tcase_add_test(tcase, delimiters_across_windows);
    tcase_add_test(tcase, parts_are_bounded);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
