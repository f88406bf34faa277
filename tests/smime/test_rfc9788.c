/* The messages of RFC 9788 itself, signed and encrypted here by `openssl cms`. What comes in must
 * show what its author wrote; what goes out must have the fields that the RFC shows, as Python's
 * email package reads them. */
#include "rfc9788_messages.h"

#include "encrypt.h"
#include "legacy_display.h"
#include "sign.h"

/* ---- What comes in ---- */

static void replace_person(enum person person, struct pki pki)
{
    pki_clear(&world.people[person]);
    world.people[person] = pki;
    write_pki(person_names[person], &world.people[person]);
}

static void rfc_world_make(void)
{
    world_make();
    replace_person(RFC_ALICE, pki_leaf(&world.ca, "alice@smime.example"));
    replace_person(RFC_BOB_NET, pki_leaf(&world.ca, "bob@example.net"));
    replace_person(RFC_ALICE_NET, pki_leaf(&world.ca, "alice@example.net"));
}

static struct bytes entity_of(const char *payload, enum layers layers, enum person signer)
{
    char sign[120];
    struct bytes entity;
    (void)snprintf(sign, sizeof sign, "-sign -signer %s.pem -inkey %s.key -md sha256",
                   person_names[signer], person_names[signer]);
    if (layers == ENCRYPTED)
        return encrypted_entity(bytes_text(payload), ENCRYPT_BOB);
    entity =
        layers == SIGNED_DETACHED ? signed_entity(payload, sign) : opaque_entity(payload, sign);
    return layers == SIGNED_ENCRYPTED ? encrypted_entity(entity, ENCRYPT_BOB) : entity;
}

static struct open_request rfc_request(void)
{
    struct open_request request = default_request();
    request.restore_headers = true;
    return request;
}

static struct bytes message_from(const char *outer, const char *payload, enum layers layers,
                                 enum person signer)
{
    struct bytes message = bytes_text(outer);
    struct bytes entity = entity_of(payload, layers, signer);
    bytes_puts(&message, "MIME-Version: 1.0\r\n");
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    return message;
}

static struct opened receive(const char *outer, const char *payload, enum layers layers,
                             enum person signer, const struct open_request *request)
{
    return open_with(message_from(outer, payload, layers, signer), request);
}

static void assert_shown(const struct opened *opened, const struct vector *vector)
{
    char *told = restored_text(&opened->restored);
    struct bytes found = bytes_text("");
    for (size_t i = 0; i < opened->restored.fields.count; i++) {
        bytes_puts(&found, opened->restored.fields.fields[i].name);
        bytes_puts(&found, ":");
        bytes_puts(&found, opened->restored.fields.fields[i].value);
        bytes_puts(&found, "|");
    }
    ck_assert_msg(strcmp(told, vector->told) == 0, "%s: %s, wanted %s", vector->name, told,
                  vector->told);
    ck_assert_msg(strcmp(found.data, vector->fields) == 0, "%s: %s, wanted %s", vector->name,
                  found.data, vector->fields);
    for (size_t i = 0; i < opened->restored.name_count; i++)
        ck_assert_str_ne(opened->restored.names[i], "From");
    bytes_free(&found);
    free(told);
}

static void assert_body(const struct opened *opened, const struct vector *vector)
{
    const char *wanted = vector->body;
    struct bytes found = delivered(opened);
    const char *body = strstr(found.data, "\r\n\r\n") + 4;
    if (wanted == NULL)
        wanted = strstr(vector->payload, "\r\n\r\n") + 4;
    ck_assert_msg(strcmp(body, wanted) == 0, "%s:\n%s\nwanted:\n%s", vector->name, body, wanted);
    ck_assert_ptr_null(strstr(found.data, "hp="));
    ck_assert_ptr_null(strstr(found.data, "HP-Outer"));
    ck_assert_ptr_null(strstr(found.data, "hp-legacy-display"));
    bytes_free(&found);
}

/* What is signed is delivered to the byte, legacy display and all. */
static void assert_stays(const struct opened *opened, const struct vector *vector)
{
    struct bytes text;
    if (!opened->changed)
        return;
    text = delivered(opened);
    assert_contains(text.data, "multipart/signed");
    assert_contains(text.data, vector->payload);
    bytes_free(&text);
}

START_TEST(as_the_rfc_sends_them)
{
    const struct vector *vector = &vectors[_i];
    struct open_request request = rfc_request();
    struct bytes message =
        message_from(vector->outer, vector->payload, vector->layers, vector->signer);
    bool encrypted = vector->layers == SIGNED_ENCRYPTED;
    struct opened opened;
    request.clear_sign = true;
    opened = open_with(bytes_copy(message.data, message.length), &request);
    assert_signature(&opened, SIGNATURE_VALID);
    assert_encryption(&opened, encrypted ? ENCRYPTION_DECRYPTED : ENCRYPTION_NONE);
    ck_assert_int_eq(opened.changed, vector->layers != SIGNED_DETACHED);
    assert_shown(&opened, vector);
    assert_stays(&opened, vector);
    opened_clear(&opened);
    /* Without the signature the reader gets the text as its author wrote it. */
    request.remove_signature = true;
    request.clear_sign = false;
    opened = open_with(message, &request);
    assert_shown(&opened, vector);
    assert_body(&opened, vector);
    opened_clear(&opened);
}
END_TEST

/* The same where none ever was. Made inert as well: the element is gone before its text could
 * become part of the message. */
START_TEST(encrypted_only)
{
    const struct vector *vector = &vectors[_i];
    struct open_request request = rfc_request();
    struct bytes message, text;
    struct opened opened;
    if (vector->layers != SIGNED_ENCRYPTED)
        return;
    message = message_from(vector->outer, vector->payload, ENCRYPTED, vector->signer);
    opened = open_with(bytes_copy(message.data, message.length), &request);
    assert_signature(&opened, SIGNATURE_NONE);
    assert_shown(&opened, vector);
    assert_body(&opened, vector);
    opened_clear(&opened);
    request.defang = true;
    opened = open_with(message, &request);
    ck_assert(opened.defanged);
    text = delivered(&opened);
    ck_assert_msg(strstr(strstr(text.data, "\r\n\r\n"), "Subject: ") == NULL, "%s", text.data);
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* ---- What somebody does on the way ---- */

static const struct {
    const char *name;
    const char *outer;
    const char *payload;
    enum layers layers;
    const char *told;
} attacks[] = {
    /* Section 6.2: Mallory sends a copy on and wants the answer. */
    {"a further addressee, signed", D_1_FIELDS("[...]") "Cc: mallory@x.test\r\n",
     D_1_MARKED(D_1_OUTER), SIGNED_ENCRYPTED, "cipher; restored=Subject,Cc; confidential=Subject"},
    {"a further addressee", D_1_FIELDS("[...]") "Cc: mallory@x.test\r\nReply-To: m@x.test\r\n",
     D_1_MARKED(D_1_OUTER), ENCRYPTED,
     "cipher; restored=Subject,Cc,Reply-To; confidential=Subject"},
    /* Section 11.3: To was seen by all when the message was sent, whoever took it out. */
    {"a field taken out",
     "Date: Wed, 11 Jan 2023 16:08:43 -0500\r\nFrom: Bob <bob@example.net>\r\nSubject: [...]\r\n",
     D_1_MARKED(D_1_OUTER), SIGNED_ENCRYPTED, "cipher; restored=Subject,To; confidential=Subject"},
    /* Section 10.1: the MTA has judged the From outside. */
    {"another From", "From: mallory@x.test\r\nTo: Alice <alice@example.net>\r\nSubject: [...]\r\n",
     D_1_MARKED("HP-Outer: From: mallory@x.test\r\n"), ENCRYPTED,
     "cipher; from=differs; confidential=Subject,To,Date; differing=Subject,Date"},
    /* Section 10.2: neither is the message encrypted because it says so, nor was its header
     * confidential because somebody has encrypted it since. */
    {"cipher that is not", D_1_FIELDS("[...]"), D_1_MARKED(D_1_OUTER), SIGNED_OPAQUE,
     "cipher; restored=Subject"},
    {"encrypted on the way", D_1_FIELDS("[...]"),
     D_1_FIELDS(D_1) "Content-Type: text/plain; hp=\"clear\"\r\n\r\n" D_1_BODY, SIGNED_ENCRYPTED,
     "clear; restored=Subject"},
    /* Section 7: what was added in transit stays. */
    {"a mailing list",
     D_1_FIELDS("[list] [...]") "List-Id: <l.x.test>\r\nList-Unsubscribe: <mailto:u@x.test>\r\n"
                                "Archived-At: <https://x.test/1>\r\n",
     D_1_MARKED(D_1_OUTER), SIGNED_ENCRYPTED, "cipher; restored=Subject; confidential=Subject"},
    /* Section 2.2: HP-Outer means nothing elsewhere. */
    {"HP-Outer outside", D_1_FIELDS("[...]") "HP-Outer: Subject: " D_1 "\r\n",
     D_1_MARKED(D_1_OUTER), SIGNED_ENCRYPTED, "cipher; restored=Subject; confidential=Subject"},
};

START_TEST(attacks_tell_nothing_else)
{
    struct open_request request = rfc_request();
    struct opened opened =
        receive(attacks[_i].outer, attacks[_i].payload, attacks[_i].layers, RFC_BOB_NET, &request);
    char *told = restored_text(&opened.restored);
    ck_assert_msg(strcmp(told, attacks[_i].told) == 0, "%s: %s", attacks[_i].name, told);
    free(told);
    opened_clear(&opened);
}
END_TEST

/* ---- What goes out ---- */

#define COMPARE                                                                                    \
    "import email, email.policy\n"                                                                 \
    "def read(name):\n"                                                                            \
    "    m = email.message_from_bytes(open(name, 'rb').read(), policy=email.policy.compat32)\n"    \
    "    fields = [(n.lower(), ' '.join(str(v).split())) for n, v in m.items()\n"                  \
    "              if not n.lower().startswith('content-') and n.lower() != 'mime-version']\n"     \
    "    types = sorted((n.lower(), v) for n, v in m.get_params())\n"                              \
    "    body = m.get_payload(decode=True).decode().replace('\\r', '')\n"                          \
    "    return fields, types, body\n"                                                             \
    "made, wanted = read('payload'), read('wanted')\n"                                             \
    "for a, b in zip(made, wanted):\n"                                                             \
    "    assert a == b, (a, b)\n"

/* Our message of this text, signed and perhaps encrypted: its payload goes to the file "payload",
 * as the openssl command finds it. */
static void compose(const char *text, bool encrypted, bool display)
{
    struct entity message = entity_from(text, strlen(text));
    struct entity displayed = {0}, is_signed = {0}, out = {0};
    struct protection protection;
    const struct encrypt_recipient recipient = {world.people[BOB].certificate, ENCRYPT_PKCS1, NULL};
    struct sign_request sign = {.certificate = world.people[RFC_BOB_NET].certificate,
                                .key = world.people[RFC_BOB_NET].key,
                                .scheme = SIGN_ECDSA,
                                .now = PKI_NOW,
                                .protection = &protection,
                                .limits = test_limits};
    struct encrypt_request encrypt = {.recipients = &recipient,
                                      .recipient_count = 1,
                                      .cipher = ENCRYPT_AES_256_CBC,
                                      .limits = test_limits};
    static const struct smime_progress nobody = {0};
    bool done = false;
    size_t length;
    char *made;
    ck_assert_int_eq(
        protection_make(&message.header, encrypted, CONFIDENTIALITY_BASELINE, &protection), 0);
    ck_assert(protection.clean);
    if (display)
        ck_assert_int_eq(
            legacy_display_add(&message, &test_limits, &nobody, &displayed, &done, NULL), SMIME_OK);
    ck_assert_int_eq(done, display);
    ck_assert_int_eq(smime_sign(done ? &displayed : &message, &sign, &is_signed, NULL), SMIME_OK);
    if (encrypted)
        ck_assert_int_eq(smime_encrypt(&is_signed, &encrypt, &out, NULL), SMIME_OK);
    made = entity_text(encrypted ? &out : &is_signed, &length);
    write_file("made", made, length);
    if (encrypted)
        run("openssl cms -decrypt -in made -recip bob.pem -inkey bob.key -out inner");
    else
        run("cp made inner");
    run("openssl cms -verify -in inner -CAfile ca.pem -no_check_time -out payload");
    free(made);
    protection_clear(&protection);
    entity_clear(&message);
    entity_clear(&displayed);
    entity_clear(&is_signed);
    entity_clear(&out);
}

static const struct {
    const char *name;
    const char *text;
    bool encrypted;
    bool display;
    const char *payload;
} compositions[] = {
    {"C.2.1",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-one-part-hp\r\n"
     "Message-ID: <smime-one-part-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:06:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"\r\n\r\n" C_TEXT("smime-one-part-hp"),
     false, false,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nSubject: smime-one-part-hp\r\n"
     "Message-ID: <smime-one-part-hp@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:06:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"; hp=\"clear\"\r\n\r\n" C_TEXT(
         "smime-one-part-hp")},
    {"C.3.2",
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
     "Subject: smime-signed-enc-hp-baseline-legacy\r\n"
     "Message-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_AGENT
     "Content-Type: text/plain; charset=\"utf-8\"\r\n\r\n" C_TEXT(
         "smime-signed-enc-hp-baseline-legacy"),
     true, true,
     "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
     "Subject: smime-signed-enc-hp-baseline-legacy\r\n"
     "Message-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_PEOPLE
     "Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_AGENT "HP-Outer: Subject: [...]\r\n"
     "HP-Outer:\r\n Message-ID: <smime-signed-enc-hp-baseline-legacy@example>\r\n" C_OUTER_PEOPLE
     "HP-Outer: Date: Sat, 20 Feb 2021 10:10:02 -0500\r\n" C_OUTER_AGENT
     "Content-Type: text/plain; charset=\"utf-8\";\r\n hp-legacy-display=\"1\"; hp=\"cipher\"\r\n"
     "\r\nSubject: smime-signed-enc-hp-baseline-legacy\r\n\r\n" C_TEXT(
         "smime-signed-enc-hp-baseline-legacy")},
    {"D.1.2", D_1_PLAIN, true, true, D_1_MARKED(D_1_OUTER)},
    /* The RFC's Alice hides the subject because she answers; we hide it anyway. */
    {"D.2.2", D_2_PLAIN, true, true, D_2_MARKED("[...]")},
    {"section 1.9",
     D_1_FIELDS(D_1) "Keywords: Contract, Urgent\r\nContent-Type: text/plain; charset=\"us-ascii\""
                     "\r\nMIME-Version: 1.0\r\n\r\n" D_1_BODY,
     true, true,
     D_1_FIELDS(D_1) "Keywords: Contract, Urgent\r\n" D_1_OUTER
                     "Content-Type: text/plain; charset=\"us-ascii\"; hp-legacy-display=\"1\"; "
                     "hp=\"cipher\"\r\nMIME-Version: 1.0\r\n\r\nSubject: " D_1
                     "\r\nKeywords: Contract, Urgent\r\n\r\n" D_1_BODY},
    /* Some programs write no blank behind the colon; HP-Outer has one (section 2.2.1). */
    {"no blanks", "From:bob@example.net\r\nSubject:x\r\nContent-Type: text/plain\r\n\r\nx\r\n",
     true, false,
     "From:bob@example.net\r\nSubject:x\r\nHP-Outer: From: bob@example.net\r\n"
     "HP-Outer: Subject: [...]\r\nContent-Type: text/plain; hp=\"cipher\"\r\n\r\nx\r\n"},
};

START_TEST(payload_is_the_one_of_the_rfc)
{
    const char *wanted = compositions[_i].payload;
    compose(compositions[_i].text, compositions[_i].encrypted, compositions[_i].display);
    write_file("wanted", wanted, strlen(wanted));
    write_file("compare.py", COMPARE, strlen(COMPARE));
    run("python3 compare.py");
}
END_TEST

/* What we make, we read: the whole way there and back, by HTML too. */
START_TEST(display_comes_and_goes)
{
    static const char html[] = "<html><body>\r\n<p>Gr&uuml;&szlig;e</p></body></html>\r\n";
    static const char header[] =
        "From: bob@example.net\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_&_=3Cmore=3E?=\r\n"
        "Keywords: a, b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n";
    struct open_request request = rfc_request();
    struct bytes text = bytes_text(header);
    struct bytes found;
    struct opened opened;
    char *path = world_path("payload");
    bytes_puts(&text, html);
    compose(text.data, true, true);
    bytes_free(&text);
    text = read_file(path);
    assert_contains(text.data,
                    "<pre>Subject: Gr=FC=DFe &amp; &lt;more&gt;\r\nKeywords: a, b</pre>");
    opened = receive("From: bob@example.net\r\nSubject: [...]\r\n", text.data, ENCRYPTED,
                     RFC_BOB_NET, &request);
    found = delivered(&opened);
    assert_contains(found.data, "charset=iso-8859-1\r\n");
    ck_assert_ptr_null(strstr(found.data, "legacy-display"));
    write_file("body", strstr(found.data, "\r\n\r\n"), strlen(strstr(found.data, "\r\n\r\n")));
    bytes_free(&found);
    run("base64 -di body > payload");
    found = read_file(path);
    ck_assert_str_eq(found.data,
                     "<html><body>\r\n\r\n\r\n<p>Gr&uuml;&szlig;e</p></body></html>\r\n");
    bytes_free(&found);
    bytes_free(&text);
    free(path);
    opened_clear(&opened);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rfc9788");
    TCase *tcase = tcase_create("rfc9788");
    tcase_add_unchecked_fixture(tcase, rfc_world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, as_the_rfc_sends_them, 0, VECTORS);
    tcase_add_loop_test(tcase, encrypted_only, 0, VECTORS);
    tcase_add_loop_test(tcase, attacks_tell_nothing_else, 0, sizeof attacks / sizeof *attacks);
    tcase_add_loop_test(tcase, payload_is_the_one_of_the_rfc, 0,
                        sizeof compositions / sizeof *compositions);
    tcase_add_test(tcase, display_comes_and_goes);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
