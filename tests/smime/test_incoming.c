/* Opening whole messages: the layers, the verdict of the message, and what is delivered. */
#include "incoming_fixture.h"

static bool has(struct bytes text, const char *wanted)
{
    return memmem(text.data, text.length, wanted, strlen(wanted)) != NULL;
}

START_TEST(plain_message)
{
    struct opened opened = open_message(message_of("alice@example.com", bytes_text(TEXT_ENTITY)));
    assert_signature(&opened, SIGNATURE_NONE);
    assert_encryption(&opened, ENCRYPTION_NONE);
    ck_assert_uint_eq(opened.layer_count, 0);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

/* ---- Nesting ---- */

struct nesting {
    const char *name;
    const char *steps; /* from the inside out: d(etached), o(paque), e(ncrypted) */
    enum encryption_verdict encryption;
    enum signature_verdict signature;
    bool changed;
};

static const struct nesting nestings[] = {
    {"detached", "d", ENCRYPTION_NONE, SIGNATURE_VALID, false},
    {"opaque", "o", ENCRYPTION_NONE, SIGNATURE_VALID, false},
    {"encrypted", "e", ENCRYPTION_DECRYPTED, SIGNATURE_NONE, true},
    {"detached, encrypted", "de", ENCRYPTION_DECRYPTED, SIGNATURE_VALID, true},
    {"opaque, encrypted", "oe", ENCRYPTION_DECRYPTED, SIGNATURE_VALID, true},
    {"encrypted, detached", "ed", ENCRYPTION_DECRYPTED, SIGNATURE_VALID, true},
    {"encrypted, opaque", "eo", ENCRYPTION_DECRYPTED, SIGNATURE_VALID, true},
    {"signed, encrypted, signed", "deo", ENCRYPTION_DECRYPTED, SIGNATURE_VALID, true},
    {"encrypted twice", "ee", ENCRYPTION_DECRYPTED, SIGNATURE_NONE, true},
    {"signed twice", "do", ENCRYPTION_NONE, SIGNATURE_VALID, false},
    {"as deep as allowed", "eeeeeeee", ENCRYPTION_DECRYPTED, SIGNATURE_NONE, true},
    {"too deep", "eeeeeeeee", ENCRYPTION_NOT_DECRYPTED, SIGNATURE_NONE, false},
    {"signed too deep", "ooooooooo", ENCRYPTION_NONE, SIGNATURE_INVALID, false},
};

static struct bytes wrap(struct bytes inner, char step)
{
    struct bytes out;
    if (step == 'e')
        return encrypted_entity(inner, ENCRYPT_BOB);
    out =
        step == 'o' ? opaque_entity(inner.data, SIGN_ALICE) : signed_entity(inner.data, SIGN_ALICE);
    bytes_free(&inner);
    return out;
}

START_TEST(nested_layers)
{
    const struct nesting *nesting = &nestings[_i];
    struct bytes entity = bytes_text(TEXT_ENTITY);
    struct opened opened;
    for (const char *step = nesting->steps; *step != '\0'; step++)
        entity = wrap(entity, *step);
    opened = open_message(message_of("alice@example.com", entity));
    assert_encryption(&opened, nesting->encryption);
    assert_signature(&opened, nesting->signature);
    ck_assert_msg(opened.changed == nesting->changed, "%s", nesting->name);
    ck_assert_uint_eq(opened.layer_count, strlen(nesting->steps));
    /* A signature that knows nothing but ciphertext does not say whose text it is. */
    ck_assert_msg((strstr(opened.signature_reason, "what was signed is ciphertext") != NULL) ==
                      (nesting->steps[0] == 'e' && nesting->signature == SIGNATURE_VALID),
                  "%s: %s", nesting->name, opened.signature_reason);
    opened_clear(&opened);
}
END_TEST

/* Behind more header than is looked at somebody else could be named as the author. */
START_TEST(large_header_within_a_signature)
{
    struct open_request request = default_request();
    struct bytes content = {0};
    request.limits.max_header_bytes = 5000;
    for (int i = 0; i < 60; i++)
        bytes_puts(&content, "X-Padding: 0123456789012345678901234567890123456789012345678901234567"
                             "89012345678901234567890123456789\r\n");
    bytes_puts(&content, "From: carol@example.com\r\n" TEXT_ENTITY);
    for (int opaque = 0; opaque < 2; opaque++) {
        struct bytes entity = opaque ? opaque_entity(content.data, SIGN_ALICE)
                                     : signed_entity(content.data, SIGN_ALICE);
        struct opened opened = open_with(message_of("alice@example.com", entity), &request);
        assert_signature(&opened, SIGNATURE_INVALID);
        assert_contains(opened.signature_reason, "too large");
        opened_clear(&opened);
    }
    bytes_free(&content);
}
END_TEST

START_TEST(decrypted_message_is_delivered)
{
    struct bytes entity = encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB);
    struct opened opened = open_message(message_of("alice@example.com", entity));
    struct bytes text = delivered(&opened);
    ck_assert_str_eq(text.data,
                     "Received: from somewhere\r\nFrom: alice@example.com\r\n"
                     "To: bob@partner.test\r\nSubject: Test\r\nMIME-Version: 1.0\r\n" TEXT_ENTITY);
    ck_assert_str_eq(opened.cipher, "aes-256-cbc");
    ck_assert_str_eq(opened.layers[0].algorithms, "rsaEncryption aes-256-cbc");
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* The signature inside is handed on to the byte. */
START_TEST(signature_inside_is_delivered_intact)
{
    struct bytes inner = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct bytes copy = bytes_copy(inner.data, inner.length);
    struct opened opened =
        open_message(message_of("alice@example.com", encrypted_entity(inner, ENCRYPT_BOB)));
    struct bytes text = delivered(&opened);
    char *body = strstr(text.data, "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    ck_assert_str_eq(body, strstr(copy.data, "\r\n\r\n"));
    bytes_free(&text);
    bytes_free(&copy);
    opened_clear(&opened);
}
END_TEST

START_TEST(eight_bit_content_becomes_seven_bit)
{
    struct bytes inner = bytes_text("Content-Type: text/plain; charset=utf-8\r\n"
                                    "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
                                    "e\r\n");
    struct opened opened =
        open_message(message_of("alice@example.com", encrypted_entity(inner, ENCRYPT_BOB)));
    struct bytes text = delivered(&opened);
    for (size_t i = 0; i < text.length; i++)
        ck_assert_int_lt((unsigned char)text.data[i], 0x80);
    ck_assert(has(text, "Gr=C3=BC=C3=9Fe") || has(text, "R3LDvMOfZQ0K"));
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* Fields of the message stay, those inside are not applied. */
START_TEST(protected_headers_are_not_applied)
{
    struct bytes inner = bytes_text("Subject: Other\r\nX-Evil: yes\r\n" TEXT_ENTITY);
    struct opened opened =
        open_message(message_of("alice@example.com", encrypted_entity(inner, ENCRYPT_BOB)));
    struct bytes text = delivered(&opened);
    ck_assert(has(text, "Subject: Test\r\n"));
    ck_assert(!has(text, "Other"));
    ck_assert(!has(text, "X-Evil"));
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* ---- Who may decrypt ---- */

static enum key_answer find_none(void *context, const struct recipient_id *ids, size_t count,
                                 size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                 char **why)
{
    (void)ids;
    (void)index_out;
    (void)key_out;
    (void)certificate_out;
    *(size_t *)context += count;
    why_set(why, "no private key for this message");
    return KEY_NONE;
}

static enum key_answer find_error(void *context, const struct recipient_id *ids, size_t count,
                                  size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                  char **why)
{
    (void)context;
    (void)ids;
    (void)count;
    (void)index_out;
    (void)key_out;
    (void)certificate_out;
    why_set(why, "the database is gone");
    return KEY_ERROR;
}

/* A finder that answers with somebody else's key. */
static enum key_answer find_wrong(void *context, const struct recipient_id *ids, size_t count,
                                  size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                  char **why)
{
    (void)ids;
    (void)count;
    (void)why;
    *index_out = *(size_t *)context;
    *key_out = world.people[ALICE].key;
    *certificate_out = world.people[ALICE].certificate;
    return KEY_FOUND;
}

START_TEST(no_key_leaves_it_encrypted)
{
    struct open_request request = default_request();
    size_t asked = 0;
    struct opened opened;
    request.keys = (struct key_finder){find_none, &asked};
    opened = open_with(
        message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB)),
        &request);
    ck_assert_uint_eq(asked, 1);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_str_eq(opened.encryption_reason, "no private key for this message");
    ck_assert(!opened.changed);
    opened_clear(&opened);
    request.keys = (struct key_finder){0};
    opened = open_with(
        message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB)),
        &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

START_TEST(finder_errors_are_ours)
{
    struct bytes text =
        message_of("alice@example.com", encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB));
    struct entity entity = entity_from(text.data, text.length);
    struct open_request request = default_request();
    size_t wrong[] = {0, 1, SIZE_MAX};
    struct opened opened;
    char *why = NULL;
    request.keys = (struct key_finder){find_error, NULL};
    ck_assert_int_eq(smime_open(&entity, &request, &opened, &why), SMIME_ERROR);
    ck_assert_str_eq(why, "the database is gone");
    for (size_t i = 0; i < 3; i++) {
        request.keys = (struct key_finder){find_wrong, &wrong[i]};
        ck_assert_int_eq(smime_open(&entity, &request, &opened, &why), SMIME_ERROR);
    }
    why_free(&why);
    entity_clear(&entity);
    bytes_free(&text);
}
END_TEST

static int stop(void *context)
{
    return --*(int *)context < 0;
}

/* Whenever time is up, it is an error of ours and nothing else. */
START_TEST(progress_stops_the_work)
{
    struct bytes entity_bytes =
        encrypted_entity(signed_entity(TEXT_ENTITY, SIGN_ALICE), ENCRYPT_BOB);
    struct bytes text = message_of("alice@example.com", entity_bytes);
    struct entity entity = entity_from(text.data, text.length);
    struct open_request request = default_request();
    int stopped = 0;
    for (int ticks = 0;; ticks++) {
        int left = ticks;
        struct opened opened;
        char *why = NULL;
        request.progress = (struct smime_progress){.tick = stop, .context = &left};
        if (smime_open(&entity, &request, &opened, &why) == SMIME_OK) {
            assert_signature(&opened, SIGNATURE_VALID);
            opened_clear(&opened);
            break;
        }
        ck_assert_ptr_nonnull(why);
        why_free(&why);
        stopped++;
    }
    ck_assert_int_ge(stopped, 4);
    entity_clear(&entity);
    bytes_free(&text);
}
END_TEST

/* Encrypted inside of encrypted, and only the outer one can be opened: the message stays as it
 * came. */
static enum key_answer find_first(void *context, const struct recipient_id *ids, size_t count,
                                  size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                  char **why)
{
    int *left = context;
    if ((*left)-- <= 0)
        return KEY_NONE;
    return find_any(NULL, ids, count, index_out, key_out, certificate_out, why);
}

START_TEST(half_opened_stays_as_it_came)
{
    struct open_request request = default_request();
    int left = 1;
    struct opened opened;
    request.keys = (struct key_finder){find_first, &left};
    opened = open_with(
        message_of(
            "alice@example.com",
            encrypted_entity(encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB), ENCRYPT_BOB)),
        &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_uint_eq(opened.layer_count, 2);
    ck_assert_int_eq(opened.layers[0].encryption, ENCRYPTION_DECRYPTED);
    ck_assert(!opened.changed);
    opened_clear(&opened);
}
END_TEST

/* ---- Labels ---- */

struct label {
    const char *name;
    const char *fields;
    bool encoded; /* base64 */
    enum encryption_verdict wanted;
};

#define B64 "Content-Transfer-Encoding: base64\r\n"

static const struct label labels[] = {
    {"as it should be",
     "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"x-", "Content-Type: application/x-pkcs7-mime; name=smime.p7m\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"no smime-type", "Content-Type: application/pkcs7-mime\r\n" B64, true, ENCRYPTION_DECRYPTED},
    {"wrong smime-type", "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"upper case", "CONTENT-TYPE: APPLICATION/PKCS7-MIME\r\nCONTENT-TRANSFER-ENCODING: BASE64\r\n",
     true, ENCRYPTION_DECRYPTED},
    {"folded", "Content-Type:\r\n application/pkcs7-mime;\r\n\tname=\"smime.p7m\"\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"octet-stream by name", "Content-Type: application/octet-stream; name=\"smime.p7m\"\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"octet-stream by disposition",
     "Content-Type: application/octet-stream\r\n"
     "Content-Disposition: attachment; filename=SMIME.P7M\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"a bare file name", "Content-Disposition: attachment; filename=smime.p7m\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"RFC 2231 pieces",
     "Content-Type: application/octet-stream;\r\n name*0=\"smi\";\r\n name*1=me.p7m\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"RFC 2231 percent",
     "Content-Type: application/octet-stream\r\n"
     "Content-Disposition: attachment; filename*=utf-8'de'smime%2Ep7m\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"RFC 2047 name",
     "Content-Type: application/octet-stream; name=\"=?utf-8?Q?smime=2Ep7m?=\"\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"RFC 2047 name in base64",
     "Content-Type: application/octet-stream;\r\n\tname=\"=?utf-8?B?U01JTUUucDdt?=\"\r\n" B64, true,
     ENCRYPTION_DECRYPTED},
    {"Outlook through a gateway",
     "Content-Type: application/x-pkcs7-mime;name=smime.p7m;smime-type=enveloped-data\r\n"
     "content-class: urn:content-classes:message\r\n"
     "Content-Disposition: attachment;\r\n\tfilename=\"smime.p7m\"\r\n" B64,
     true, ENCRYPTION_DECRYPTED},
    {"binary", "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n",
     false, ENCRYPTION_DECRYPTED},
    {"binary without a word", "Content-Type: application/pkcs7-mime\r\n", false,
     ENCRYPTION_DECRYPTED},
    {"text", "Content-Type: text/plain; name=smime.p7m\r\n" B64, true, ENCRYPTION_NONE},
    {"octet-stream", "Content-Type: application/octet-stream; name=data.bin\r\n" B64, true,
     ENCRYPTION_NONE},
    {"two types", "Content-Type: application/pkcs7-mime\r\nContent-Type: text/plain\r\n" B64, true,
     ENCRYPTION_NONE},
    {"two types, the other way",
     "Content-Type: text/plain\r\nContent-Type: application/pkcs7-mime\r\n" B64, true,
     ENCRYPTION_NONE},
    {"two encodings",
     "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: 7bit\r\n" B64, true,
     ENCRYPTION_NONE},
    {"unknown encoding",
     "Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: x-uuencode\r\n", true,
     ENCRYPTION_NOT_DECRYPTED},
};

START_TEST(labels_do_not_decide)
{
    const struct label *label = &labels[_i];
    struct bytes der = cms_of_text(TEXT_ENTITY, ENCRYPT_BOB);
    struct bytes entity = bytes_text(label->fields);
    struct opened opened;
    bytes_puts(&entity, "\r\n");
    if (label->encoded) {
        add_base64(&entity, der);
    } else {
        bytes_add(&entity, der.data, der.length);
        bytes_puts(&entity, "\r\n"); /* what SMTP adds */
    }
    bytes_free(&der);
    opened = open_message(message_of("alice@example.com", entity));
    assert_encryption(&opened, label->wanted);
    opened_clear(&opened);
}
END_TEST

/* As a milter may hand it over: a blank before the colon, which another program overlooks. */
START_TEST(blank_before_the_colon)
{
    struct bytes text = message_of("alice@example.com", signed_entity(TEXT_ENTITY, SIGN_ALICE));
    struct entity entity = entity_from(text.data, text.length);
    struct open_request request = default_request();
    struct opened opened;
    char *why = NULL;
    ck_assert_int_eq(header_insert(&entity.header, 0, "Content-Type ", " text/html"), 0);
    ck_assert_int_eq(smime_open(&entity, &request, &opened, &why), SMIME_OK);
    assert_signature(&opened, SIGNATURE_PARTIAL);
    assert_contains(opened.signature_reason, "more than one Content-Type");
    opened_clear(&opened);
    entity_clear(&entity);
    bytes_free(&text);
}
END_TEST

START_TEST(pem_is_no_smime)
{
    struct bytes entity = bytes_text("Content-Type: application/pkcs7-mime\r\n\r\n");
    char *path = world_path("out.pem");
    struct bytes pem;
    struct opened opened;
    write_file("in", TEXT_ENTITY, strlen(TEXT_ENTITY));
    run("openssl cms " ENCRYPT_BOB " -in in -outform PEM -out out.pem");
    pem = read_file(path);
    bytes_add(&entity, pem.data, pem.length);
    opened = open_message(message_of("alice@example.com", entity));
    assert_encryption(&opened, ENCRYPTION_NONE);
    assert_contains(opened.encryption_reason, "PEM");
    opened_clear(&opened);
    bytes_free(&pem);
    free(path);
}
END_TEST

START_TEST(certificates_only_is_no_signature)
{
    struct bytes der;
    char *path = world_path("certs.p7c");
    struct opened opened;
    run("openssl crl2pkcs7 -nocrl -certfile alice.pem -outform DER -out certs.p7c");
    der = read_file(path);
    opened = open_message(message_of("alice@example.com", wrap_cms(der, "certs-only")));
    assert_signature(&opened, SIGNATURE_NONE);
    assert_contains(opened.signature_reason, "certificates only");
    opened_clear(&opened);
    free(path);
}
END_TEST

/* ---- What vouches for ciphertext ---- */

/* What stands behind the parts of a signed message is not signed: whoever appends blocks to a
 * captured ciphertext writes there, and must not learn whether their padding was right. */
static const struct {
    const char *tail;
    size_t length;
    bool unauthenticated;
} tails[] = {
    {"", 0, false},
    {"\r\n \t\r\n", 6, false},
    {"\r\n-- \r\nof a list\r\n", 19, true},
    {"\x81\x92\xa3\xb4\xc5\xd6\xe7\xf8\x09", 9, true},
    {"\0", 1, true},
};

START_TEST(only_what_is_signed_vouches)
{
    struct bytes inner = signed_entity(TEXT_ENTITY, SIGN_ALICE);
    struct opened opened;
    bytes_add(&inner, tails[_i].tail, tails[_i].length);
    opened = open_message(message_of("alice@example.com", encrypted_entity(inner, ENCRYPT_BOB)));
    assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert(opened.unauthenticated == tails[_i].unauthenticated);
    opened_clear(&opened);
}
END_TEST

/* Blanks do not vouch for what is behind them, however many. */
START_TEST(far_behind_the_signature)
{
    enum { BLANKS = 10000 };
    for (int last = 0; last < 2; last++) {
        struct bytes inner = signed_entity(TEXT_ENTITY, SIGN_ALICE);
        struct opened opened;
        for (int i = 0; i < BLANKS; i++)
            bytes_puts(&inner, i % 70 == 69 ? "\r\n" : " ");
        bytes_puts(&inner, last ? "\r\nx" : "\r\n");
        opened =
            open_message(message_of("alice@example.com", encrypted_entity(inner, ENCRYPT_BOB)));
        assert_signature(&opened, SIGNATURE_VALID);
        ck_assert(opened.unauthenticated == (last == 1));
        opened_clear(&opened);
    }
}
END_TEST

/* What was not decrypted vouches for nothing: whoever alters ciphertext can have such a thing come
 * out of it. */
START_TEST(only_what_opens_vouches)
{
    struct open_request request = default_request();
    int left = 1;
    struct opened opened;
    request.keys = (struct key_finder){find_first, &left};
    opened = open_with(
        message_of("alice@example.com",
                   encrypted_entity(encrypted_entity(bytes_text(TEXT_ENTITY),
                                                     "-encrypt -aes-256-gcm -recip bob.pem"),
                                    ENCRYPT_BOB)),
        &request);
    assert_encryption(&opened, ENCRYPTION_NOT_DECRYPTED);
    ck_assert_uint_eq(opened.layer_count, 2);
    ck_assert_int_eq(opened.layers[0].encryption, ENCRYPTION_DECRYPTED);
    ck_assert(opened.layers[1].authenticated);
    ck_assert(opened.unauthenticated);
    opened_clear(&opened);
}
END_TEST

/* ---- Sub-parts ---- */

/* A multipart/mixed of a text and `part`. Consumes it. */
static struct bytes mixed(struct bytes part)
{
    struct bytes out = bytes_text("Content-Type: multipart/mixed; boundary=mixed\r\n\r\n--mixed\r\n"
                                  "Content-Type: text/plain\r\n\r\nPay at once.\r\n--mixed\r\n");
    bytes_add(&out, part.data, part.length);
    bytes_puts(&out, "\r\n--mixed--\r\n");
    bytes_free(&part);
    return out;
}

START_TEST(signed_part_is_partial)
{
    struct opened opened = open_message(
        message_of("alice@example.com", mixed(signed_entity(TEXT_ENTITY, SIGN_ALICE))));
    assert_signature(&opened, SIGNATURE_PARTIAL);
    ck_assert(opened.has_signed_part);
    ck_assert(!opened.has_encrypted_part);
    ck_assert_uint_eq(opened.layer_count, 0);
    opened_clear(&opened);
    opened = open_message(
        message_of("alice@example.com", mixed(opaque_entity(TEXT_ENTITY, SIGN_ALICE))));
    assert_signature(&opened, SIGNATURE_PARTIAL);
    ck_assert(opened.has_signed_part);
    opened_clear(&opened);
}
END_TEST

START_TEST(encrypted_part_is_left_alone)
{
    size_t asked = 0;
    struct open_request request = default_request();
    struct opened opened;
    request.keys = (struct key_finder){find_none, &asked};
    opened =
        open_with(message_of("alice@example.com",
                             mixed(mixed(encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB)))),
                  &request);
    assert_encryption(&opened, ENCRYPTION_NONE);
    assert_contains(opened.encryption_reason, "left alone");
    ck_assert(opened.has_encrypted_part);
    ck_assert(!opened.changed);
    ck_assert_uint_eq(asked, 0);
    opened_clear(&opened);
}
END_TEST

static const char *const tnef_types[] = {
    "application/ms-tnef; name=\"winmail.dat\"",
    "APPLICATION/VND.MS-TNEF",
    "application/octet-stream; name=Winmail.DAT",
};

/* Outlook's packing: said, and passed on as it is, be it the message or a part of it. */
START_TEST(winmail_dat_is_told)
{
    for (int whole = 0; whole < 2; whole++) {
        char *text = NULL;
        struct bytes part;
        struct opened opened;
        ck_assert_int_gt(asprintf(&text,
                                  "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                                  "eJ8+IgAAAQaQCAAEAAAAAAABAAEAAQeQBgAIAAAA\r\n",
                                  tnef_types[_i]),
                         0);
        part = bytes_text(text);
        free(text);
        opened = open_message(message_of("alice@example.com", whole ? part : mixed(part)));
        assert_signature(&opened, SIGNATURE_NONE);
        assert_encryption(&opened, ENCRYPTION_NONE);
        ck_assert(opened.has_tnef_part);
        assert_contains(opened.signature_reason, "winmail.dat");
        assert_contains(opened.encryption_reason, "winmail.dat");
        ck_assert(!opened.changed);
        opened_clear(&opened);
    }
}
END_TEST

/* OpenPGP is not S/MIME, on its own or beside it. */
static const struct {
    const char *entity;
} pgp_messages[] = {
    {"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=pgp\r\n"
     "\r\n--pgp\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--pgp\r\n"
     "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n"
     "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n--pgp--\r\n"},
    {"Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; "
     "boundary=pgp\r\n\r\n--pgp\r\n" TEXT_ENTITY
     "\r\n--pgp\r\nContent-Type: application/pgp-signature\r\n\r\n"
     "-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz\r\n-----END PGP SIGNATURE-----\r\n--pgp--\r\n"},
    {"Content-Type: text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n"
     "-----END PGP MESSAGE-----\r\n"},
};

START_TEST(openpgp_is_no_smime)
{
    const char *entity = pgp_messages[_i].entity;
    struct opened opened = open_message(message_of("alice@example.com", bytes_text(entity)));
    assert_signature(&opened, SIGNATURE_NONE);
    assert_encryption(&opened, ENCRYPTION_NONE);
    ck_assert(!opened.changed);
    opened_clear(&opened);
    /* In a signature of ours it is content like any other. */
    opened = open_message(message_of("alice@example.com", signed_entity(entity, SIGN_ALICE)));
    assert_signature(&opened, SIGNATURE_VALID);
    assert_encryption(&opened, ENCRYPTION_NONE);
    ck_assert(!opened.changed);
    opened_clear(&opened);
    /* Beside a signed part it makes nothing whole. */
    opened =
        open_message(message_of("alice@example.com", mixed(signed_entity(entity, SIGN_ALICE))));
    assert_signature(&opened, SIGNATURE_PARTIAL);
    opened_clear(&opened);
}
END_TEST

/* Inside of a signature that covers everything, a signed part harms nobody. */
START_TEST(signed_part_within_a_signature)
{
    struct bytes inner = mixed(signed_entity(TEXT_ENTITY, SIGN_ALICE));
    struct opened opened =
        open_message(message_of("alice@example.com", signed_entity(inner.data, SIGN_ALICE)));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert(opened.has_signed_part);
    opened_clear(&opened);
    bytes_free(&inner);
}
END_TEST

START_TEST(attached_signed_message)
{
    struct bytes inner = bytes_text("Content-Type: message/rfc822\r\n\r\n");
    struct bytes attached = message_of("alice@example.com", signed_entity(TEXT_ENTITY, SIGN_ALICE));
    struct opened opened;
    bytes_add(&inner, attached.data, attached.length);
    opened = open_message(message_of("eve@evil.test", mixed(inner)));
    assert_signature(&opened, SIGNATURE_PARTIAL);
    bytes_free(&attached);
    opened_clear(&opened);
}
END_TEST

/* ---- Bombs ---- */

START_TEST(million_parts)
{
    struct bytes entity = bytes_text("Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    size_t at = entity.length;
    size_t step = strlen("--b\r\n\r\n");
    struct opened opened;
    entity.data = realloc(entity.data, at + 1000000 * step + 1);
    ck_assert_ptr_nonnull(entity.data);
    for (int i = 0; i < 1000000; i++, at += step)
        memcpy(entity.data + at, "--b\r\n\r\n", step + 1);
    entity.length = at;
    opened = open_message(message_of("alice@example.com", entity));
    assert_signature(&opened, SIGNATURE_NONE);
    assert_contains(opened.signature_reason, "more than 10000");
    opened_clear(&opened);
}
END_TEST

START_TEST(million_parts_signed)
{
    struct bytes entity = bytes_text("Content-Type: multipart/signed; boundary=b;"
                                     " protocol=\"application/pkcs7-signature\"\r\n\r\n");
    struct opened opened;
    for (int i = 0; i < 20000; i++)
        bytes_puts(&entity, "--b\r\n\r\n");
    opened = open_message(message_of("alice@example.com", entity));
    assert_signature(&opened, SIGNATURE_INVALID);
    opened_clear(&opened);
}
END_TEST

START_TEST(deep_recursion)
{
    struct bytes entity = {0};
    char line[128];
    struct opened opened;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(line, sizeof line,
                       "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
        bytes_puts(&entity, line);
    }
    opened = open_message(message_of("alice@example.com", entity));
    assert_signature(&opened, SIGNATURE_NONE);
    assert_contains(opened.signature_reason, "nested");
    opened_clear(&opened);
}
END_TEST

/* ---- Harvest ---- */

START_TEST(valid_signature_teaches)
{
    struct opened opened =
        open_message(message_of("alice@example.com", signed_entity(TEXT_ENTITY, SIGN_ALICE)));
    ck_assert_ptr_nonnull(opened.harvest.certificate);
    ck_assert_int_eq(X509_cmp(opened.harvest.certificate, world.people[ALICE].certificate), 0);
    ck_assert_ptr_nonnull(opened.harvest.capabilities);
    ck_assert_int_eq(opened.harvest.capabilities[0], 0x30);
    ck_assert_int_eq(sk_X509_num(opened.harvest.intermediates), 0);
    opened_clear(&opened);
}
END_TEST

START_TEST(other_signatures_teach_nothing)
{
    struct opened opened =
        open_message(message_of("eve@evil.test", signed_entity(TEXT_ENTITY, SIGN_ALICE)));
    assert_signature(&opened, SIGNATURE_MISMATCH);
    ck_assert_ptr_null(opened.harvest.certificate);
    opened_clear(&opened);
}
END_TEST

/* A signing-only certificate and an encryption certificate beside it, which chains by an
 * intermediate. */
START_TEST(separate_encryption_certificate)
{
    struct pki middle = pki_intermediate(&world.ca, "Middle CA");
    struct pki sign = pki_make(&(struct pki_spec){.addresses = {"dora@example.com"},
                                                  .key_usage = "critical,digitalSignature"},
                               &middle);
    struct pki encrypt = pki_make(
        &(struct pki_spec){.addresses = {"dora@example.com"}, .key_usage = "critical,keyAgreement"},
        &middle);
    struct pki foreign = pki_make(
        &(struct pki_spec){.addresses = {"dora@example.com"}, .key_usage = "critical,keyAgreement"},
        &world.foreign_ca);
    struct opened opened;
    write_pki("sign", &sign);
    write_pki("encrypt", &encrypt);
    write_pki("middle", &middle);
    write_pki("foreign", &foreign);
    run("cat foreign.pem encrypt.pem middle.pem > more.pem");
    opened = open_message(message_of(
        "dora@example.com",
        signed_entity(TEXT_ENTITY, "-sign -signer sign.pem -inkey sign.key -certfile more.pem")));
    assert_signature(&opened, SIGNATURE_VALID);
    ck_assert_ptr_nonnull(opened.harvest.certificate);
    ck_assert_int_eq(X509_cmp(opened.harvest.certificate, encrypt.certificate), 0);
    ck_assert_int_eq(sk_X509_num(opened.harvest.intermediates), 1);
    ck_assert_int_eq(X509_cmp(sk_X509_value(opened.harvest.intermediates, 0), middle.certificate),
                     0);
    opened_clear(&opened);
    pki_clear(&middle);
    pki_clear(&sign);
    pki_clear(&encrypt);
    pki_clear(&foreign);
}
END_TEST

/* ---- smime_kind() ---- */

static enum smime_kind kind_of(struct bytes text)
{
    struct entity entity = entity_from(text.data, text.length);
    enum smime_kind kind = SMIME_KIND_PLAIN;
    char *why = NULL;
    ck_assert_int_eq(smime_kind(&entity, &test_limits, &kind, &why), SMIME_OK);
    entity_clear(&entity);
    bytes_free(&text);
    return kind;
}

START_TEST(kinds)
{
    struct bytes broken = encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB);
    broken.length -= 100;
    broken.data[broken.length] = '\0';
    ck_assert_int_eq(kind_of(message_of("a@example.com", bytes_text(TEXT_ENTITY))),
                     SMIME_KIND_PLAIN);
    ck_assert_int_eq(kind_of(message_of("a@example.com", signed_entity(TEXT_ENTITY, SIGN_ALICE))),
                     SMIME_KIND_SIGNED);
    ck_assert_int_eq(kind_of(message_of("a@example.com", opaque_entity(TEXT_ENTITY, SIGN_ALICE))),
                     SMIME_KIND_SIGNED);
    ck_assert_int_eq(kind_of(message_of("a@example.com",
                                        encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB))),
                     SMIME_KIND_ENCRYPTED);
    ck_assert_int_eq(
        kind_of(message_of("a@example.com",
                           mixed(encrypted_entity(bytes_text(TEXT_ENTITY), ENCRYPT_BOB)))),
        SMIME_KIND_PLAIN);
    ck_assert_int_eq(kind_of(message_of("a@example.com", broken)), SMIME_KIND_PLAIN);
}
END_TEST

START_TEST(verdict_names)
{
    static const char *const names[] = {"none",      "valid",          "expired",
                                        "untrusted", "unknown-signer", "revoked",
                                        "mismatch",  "partial",        "invalid"};
    for (int i = SIGNATURE_NONE; i <= SIGNATURE_INVALID; i++)
        ck_assert_str_eq(signature_verdict_name((enum signature_verdict)i), names[i]);
    ck_assert_str_eq(encryption_verdict_name(ENCRYPTION_NONE), "none");
    ck_assert_str_eq(encryption_verdict_name(ENCRYPTION_DECRYPTED), "decrypted");
    ck_assert_str_eq(encryption_verdict_name(ENCRYPTION_NOT_DECRYPTED), "not-decrypted");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("incoming");
    TCase *tcase = tcase_create("messages");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, plain_message);
    tcase_add_loop_test(tcase, nested_layers, 0, sizeof nestings / sizeof *nestings);
    tcase_add_test(tcase, decrypted_message_is_delivered);
    tcase_add_test(tcase, signature_inside_is_delivered_intact);
    tcase_add_test(tcase, eight_bit_content_becomes_seven_bit);
    tcase_add_test(tcase, protected_headers_are_not_applied);
    tcase_add_test(tcase, no_key_leaves_it_encrypted);
    tcase_add_test(tcase, finder_errors_are_ours);
    tcase_add_test(tcase, progress_stops_the_work);
    tcase_add_test(tcase, half_opened_stays_as_it_came);
    tcase_add_loop_test(tcase, labels_do_not_decide, 0, sizeof labels / sizeof *labels);
    tcase_add_test(tcase, blank_before_the_colon);
    tcase_add_test(tcase, pem_is_no_smime);
    tcase_add_test(tcase, certificates_only_is_no_signature);
    tcase_add_loop_test(tcase, only_what_is_signed_vouches, 0, sizeof tails / sizeof *tails);
    tcase_add_test(tcase, far_behind_the_signature);
    tcase_add_test(tcase, only_what_opens_vouches);
    tcase_add_test(tcase, signed_part_is_partial);
    tcase_add_test(tcase, encrypted_part_is_left_alone);
    tcase_add_loop_test(tcase, winmail_dat_is_told, 0, sizeof tnef_types / sizeof *tnef_types);
    tcase_add_loop_test(tcase, openpgp_is_no_smime, 0, sizeof pgp_messages / sizeof *pgp_messages);
    tcase_add_test(tcase, large_header_within_a_signature);
    tcase_add_test(tcase, signed_part_within_a_signature);
    tcase_add_test(tcase, attached_signed_message);
    tcase_add_test(tcase, million_parts);
    tcase_add_test(tcase, million_parts_signed);
    tcase_add_test(tcase, deep_recursion);
    tcase_add_test(tcase, valid_signature_teaches);
    tcase_add_test(tcase, other_signatures_teach_nothing);
    tcase_add_test(tcase, separate_encryption_certificate);
    tcase_add_test(tcase, kinds);
    tcase_add_test(tcase, verdict_names);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
