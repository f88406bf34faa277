/* Messages that others made, judged by us: driven from the corpus's MANIFEST.tsv, whose verdicts
 * come from `openssl cms` and from the people who collected the messages.
 *
 * The corpus is no part of the product: SMIMED_CORPUS or ../shared/corpus, and where it is absent
 * the test says so and passes. */
#include <sys/mman.h>
#include <time.h>

#include <openssl/cms.h>
#include <openssl/pem.h>

#include "incoming_fixture.h"
#include "trust_chain.h"

#define MAX_ROWS 4000
#define MAX_FILES 6
#define ALL_WEAK (WEAKNESS_SHA1 | WEAKNESS_3DES | WEAKNESS_RC2 | WEAKNESS_RSA_1024)
#define NOW ((time_t)1780272000) /* 1 June 2026 */

struct row {
    char *path;
    char *kind;
    char *expected;
    char *extra;
    char *not_after;
};

/* What a folder of the corpus is judged with. */
struct family {
    const char *prefix;
    const char *anchors[MAX_FILES];
    const char *key; /* and its certificate, to decrypt with; NULL: none */
    const char *certificate;
    const char *intermediates[MAX_FILES];
    time_t now;
    /* How many layers are good where weak algorithms are accepted, and where they are not: valid
     * signatures (whoever made them), and what is decrypted. */
    struct {
        size_t valid, decrypted;
    } lax, strict;
};

#define RFC4134 "bc-test-data/rfc4134/"

static const struct family families[] = {
    {RFC4134,
     {RFC4134 "CarlRSASelf.cer", RFC4134 "CarlDSSSelf.cer"},
     RFC4134 "BobPrivRSAEncrypt.pri",
     RFC4134 "BobRSASignByCarl.cer",
     {RFC4134 "AliceDSSSignByCarlNoInherit.cer", RFC4134 "AliceRSASignByCarl.cer",
      RFC4134 "DianeRSASignByCarl.cer", RFC4134 "DianeDSSSignByCarlInherit.cer"},
     NOW,
     {0, 3},
     {0, 0}},
    {"comm-central/",
     {"comm-central/smime/TestCA.pem"},
     "derived-pem/comm-central/smime/Bob.key.pem",
     "derived-pem/comm-central/smime/Bob.crt.pem",
     {0},
     NOW,
     {14, 11},
     {7, 11}},
    {"comm-central-2023/",
     {"comm-central-2023/TestCA.pem"},
     "derived-pem/comm-central-2023/Bob.key.pem",
     "derived-pem/comm-central-2023/Bob.crt.pem",
     {0},
     NOW,
     {44, 25},
     {33, 25}},
    {"johnny/",
     {"/etc/ssl/certs/GlobalSign_Root_CA_-_R3.pem"},
     NULL,
     NULL,
     {"johnny/assets/certificates/intermediate_ca.crt"},
     1551398400,
     {3, 0},
     {3, 0}},
    {"mimekit/",
     {"mimekit/StartComCertificationAuthority.crt"},
     NULL,
     NULL,
     {"mimekit/StartComClass1PrimaryIntermediateClientCA.crt"},
     1412121600 /* 1 October 2014 */,
     {1, 0},
     {0, 0}},
    {"nextcloud/",
     {"nextcloud/imap.localhost.ca.crt"},
     "nextcloud/user@imap.localhost.key",
     "nextcloud/user@imap.localhost.crt",
     {0},
     NOW,
     {2, 1},
     {2, 1}},
    {"openssl/", {"openssl/smime-certs/smroot.pem"}, NULL, NULL, {0}, NOW, {0, 0}, {0, 0}},
    {"pkits/", {"derived-pem/pkits-TrustAnchor.pem"}, NULL, NULL, {0}, NOW, {4, 0}, {4, 0}},
};

/* Rows that cannot be judged at this stage, by path or by expected verdict. */
static const struct {
    const char *path; /* a prefix; NULL: any */
    const char *expected;
    const char *reason;
} exceptions[] = {
    {"pkits/", "VALID per PKITS; OpenSSL cannot",
     "OpenSSL does not inherit DSA parameters from the issuer"},
    {RFC4134 "ExContent.bin", NULL, "the content of the other examples, no message"},
};

static struct row rows[MAX_ROWS];
static size_t row_count;
static const char *corpus;
static size_t judged;
static size_t excepted;
static size_t *total; /* judged and excepted, shared by the processes of the tests */

/* ---- Reading ---- */

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static struct bytes corpus_file(const char *name)
{
    char *path = NULL;
    struct bytes out;
    ck_assert_int_gt(
        asprintf(&path, "%s%s%s", *name == '/' ? "" : corpus, *name == '/' ? "" : "/", name), 0);
    out = read_file(path);
    free(path);
    return out;
}

static X509 *corpus_certificate(const char *name)
{
    struct bytes text = corpus_file(name);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    X509 *certificate = text.data[0] == '0' && text.data[1] < 0
                            ? d2i_X509_bio(bio, NULL)
                            : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ck_assert_msg(certificate != NULL, "no certificate in %s", name);
    BIO_free(bio);
    bytes_free(&text);
    return certificate;
}

static EVP_PKEY *corpus_key(const char *name)
{
    struct bytes text = corpus_file(name);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    EVP_PKEY *key = starts(text.data, "-----") || strstr(text.data, "-----BEGIN") != NULL
                        ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
                        : d2i_PrivateKey_bio(bio, NULL);
    ck_assert_msg(key != NULL, "no key in %s", name);
    BIO_free(bio);
    bytes_free(&text);
    ERR_clear_error();
    return key;
}

static void read_row(char *line, struct row *row)
{
    char *cells[9] = {0};
    for (int i = 0; i < 9; i++) {
        char *cell = strsep(&line, "\t");
        cells[i] = strdup(cell != NULL ? cell : "");
        ck_assert_ptr_nonnull(cells[i]);
    }
    *row = (struct row){cells[0], cells[1], cells[3], cells[4], cells[7]};
    free(cells[2]);
    free(cells[5]);
    free(cells[6]);
    free(cells[8]);
}

static void read_manifest(void)
{
    struct bytes text = corpus_file("MANIFEST.tsv");
    char *rest = text.data;
    (void)strsep(&rest, "\n");
    while (rest != NULL && *rest != '\0' && row_count < MAX_ROWS)
        read_row(strsep(&rest, "\n"), &rows[row_count++]);
    bytes_free(&text);
}

static void free_manifest(void)
{
    for (size_t i = 0; i < row_count; i++) {
        free(rows[i].path);
        free(rows[i].kind);
        free(rows[i].expected);
        free(rows[i].extra);
        free(rows[i].not_after);
    }
}

/* ---- Opening ---- */

struct keys {
    EVP_PKEY *key;
    X509 *certificate;
};

static enum key_answer find_in_family(void *context, const struct recipient_id *ids, size_t count,
                                      size_t *index_out, EVP_PKEY **key_out, X509 **certificate_out,
                                      char **why)
{
    struct keys *keys = context;
    for (size_t i = 0; keys->certificate != NULL && i < count; i++)
        if (recipient_id_matches(&ids[i], keys->certificate)) {
            *index_out = i;
            *key_out = keys->key;
            *certificate_out = keys->certificate;
            return KEY_FOUND;
        }
    why_set(why, "no private key for this message");
    return KEY_NONE;
}

/* LF becomes CRLF, as on the way through SMTP. */
static struct bytes crlf(struct bytes text)
{
    struct bytes out = {calloc(1, text.length * 2 + 1), 0};
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\n' && (i == 0 || text.data[i - 1] != '\r'))
            out.data[out.length++] = '\r';
        out.data[out.length++] = text.data[i];
    }
    bytes_free(&text);
    return out;
}

/* A message of what the file holds: as it is, an entity without a message header, or CMS alone. */
static struct bytes corpus_message(const struct row *row)
{
    struct bytes text = corpus_file(row->path);
    struct bytes out = bytes_text("From: nobody@corpus.test\r\nMIME-Version: 1.0\r\n");
    if (!starts(row->expected, "raw CMS") && strcmp(row->kind, "malformed") != 0) {
        bytes_free(&out);
        return crlf(text);
    }
    if (starts(text.data, "Content-Type:")) {
        text = crlf(text);
        bytes_add(&out, text.data, text.length);
        bytes_free(&text);
        return out;
    }
    text = wrap_cms(text, "unknown");
    bytes_add(&out, text.data, text.length);
    bytes_free(&text);
    return out;
}

/* Everybody is handed all CRLs of PKITS, whosever they are. */
static enum smime_status find_crls(void *context, STACK_OF(X509) * chain, int at,
                                   STACK_OF(X509) * helpers, struct revocation_evidence *out,
                                   char **why)
{
    (void)chain, (void)helpers, (void)why;
    if (at == 0)
        out->crls = sk_X509_CRL_deep_copy(context, X509_CRL_dup, X509_CRL_free);
    return SMIME_OK;
}

static STACK_OF(X509_CRL) * corpus_crls(const char *prefix)
{
    STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
    for (size_t i = 0; i < row_count; i++) {
        struct bytes text;
        const unsigned char *at;
        X509_CRL *crl;
        if (strcmp(rows[i].kind, "crl") != 0 || !starts(rows[i].path, prefix))
            continue;
        text = corpus_file(rows[i].path);
        at = (const unsigned char *)text.data;
        crl = d2i_X509_CRL(NULL, &at, (long)text.length);
        ck_assert_msg(crl != NULL, "no CRL in %s", rows[i].path);
        ck_assert_int_gt(sk_X509_CRL_push(crls, crl), 0);
        bytes_free(&text);
    }
    return crls;
}

struct world_of {
    X509_STORE *anchors;
    STACK_OF(X509_CRL) * crls;
    STACK_OF(X509) * intermediates;
    struct keys keys;
    struct open_request request;
};

static void family_open(const struct family *family, struct world_of *out)
{
    *out = (struct world_of){.anchors = X509_STORE_new(), .intermediates = sk_X509_new_null()};
    for (size_t i = 0; i < MAX_FILES && family->anchors[i] != NULL; i++) {
        X509 *anchor = corpus_certificate(family->anchors[i]);
        ck_assert_int_eq(X509_STORE_add_cert(out->anchors, anchor), 1);
        X509_free(anchor);
    }
    for (size_t i = 0; i < MAX_FILES && family->intermediates[i] != NULL; i++)
        ck_assert_int_gt(
            sk_X509_push(out->intermediates, corpus_certificate(family->intermediates[i])), 0);
    if (family->key != NULL) {
        out->keys.key = corpus_key(family->key);
        out->keys.certificate = corpus_certificate(family->certificate);
    }
    out->request = (struct open_request){.anchors = out->anchors,
                                         .intermediates = out->intermediates,
                                         .keys = {find_in_family, &out->keys},
                                         .now = family->now,
                                         .weak_allowed = ALL_WEAK,
                                         .limits = test_limits};
    if (strcmp(family->prefix, "pkits/") == 0) {
        out->crls = corpus_crls(family->prefix);
        ck_assert_int_gt(sk_X509_CRL_num(out->crls), 0);
        out->request.revocation =
            (struct revocation_source){.find = find_crls, .context = out->crls, .hard = true};
    }
}

static void family_close(struct world_of *of)
{
    X509_STORE_free(of->anchors);
    sk_X509_CRL_pop_free(of->crls, X509_CRL_free);
    sk_X509_pop_free(of->intermediates, X509_free);
    EVP_PKEY_free(of->keys.key);
    X509_free(of->keys.certificate);
}

/* ---- Layer by layer ---- */

/* "/o/signed: signature VALID signer=alice@example.com !=From [sha1/rsaEncryption]" */
static bool judge_layer(const struct row *row, const char *text, const struct layer *layer,
                        bool expired)
{
    bool encrypted = strstr(text, "DECRYPTS with") != NULL;
    bool detached = strstr(text, "/signed:") != NULL;
    char *algorithms = strchr(text, '[') != NULL ? strdup(strchr(text, '[') + 1) : NULL;
    ck_assert_msg(encrypted == (layer->kind == LAYER_ENCRYPTED) &&
                      detached == (layer->kind == LAYER_SIGNED_DETACHED),
                  "%s: %s is of another kind", row->path, text);
    if (encrypted) {
        ck_assert_msg(layer->encryption == ENCRYPTION_DECRYPTED, "%s: %s: %s", row->path, text,
                      layer->reason);
    } else {
        enum signature_verdict wanted = expired ? SIGNATURE_EXPIRED : SIGNATURE_VALID;
        if (strstr(text, "signature INVALID") != NULL)
            wanted = SIGNATURE_INVALID;
        else if (strstr(text, "!=From") != NULL)
            wanted = SIGNATURE_MISMATCH;
        ck_assert_msg(layer->signature == wanted, "%s: %s: got %s (%s)", row->path, text,
                      signature_verdict_name(layer->signature), layer->reason);
    }
    if (algorithms != NULL && layer->algorithms != NULL && strchr(algorithms, ',') == NULL) {
        char *end = strchr(algorithms, ']');
        if (end != NULL)
            *end = '\0';
        if (strchr(algorithms, '/') != NULL)
            *strchr(algorithms, '/') = ' ';
        ck_assert_msg(strcmp(algorithms, layer->algorithms) == 0, "%s: %s: got %s", row->path, text,
                      layer->algorithms);
    }
    free(algorithms);
    return true;
}

/* The layers in the row's verdict, one after the other. */
static void judge_layers(const struct row *row, const char *expected, const struct opened *opened,
                         bool expired)
{
    char *copy = strdup(expected);
    char *rest = copy;
    char *item;
    size_t count = 0;
    while ((item = strsep(&rest, ";")) != NULL) {
        item += strspn(item, " ");
        if (*item != '/')
            continue;
        ck_assert_msg(count < opened->layer_count, "%s: only %zu layers, no %s", row->path,
                      opened->layer_count, item);
        (void)judge_layer(row, item, &opened->layers[count++], expired);
    }
    ck_assert_msg(count > 0 && count == opened->layer_count, "%s: %zu layers, wanted %zu",
                  row->path, opened->layer_count, count);
    free(copy);
}

/* What stands behind "|| openssl: ", else the cell. */
static const char *layers_text(const char *expected)
{
    const char *openssl = strstr(expected, "|| openssl: ");
    return openssl != NULL ? openssl + strlen("|| openssl: ") : expected;
}

static struct opened open_row(const struct row *row, const struct open_request *request)
{
    return open_with(corpus_message(row), request);
}

/* A message with a verdict for each layer, now and, where its certificates have expired since, then
 * and now. */
static void judge_message(const struct row *row, struct world_of *of)
{
    struct opened opened = open_row(row, &of->request);
    const char *text = layers_text(row->expected);
    judge_layers(row, text, &opened, false);
    if (strstr(text, "INVALID") == NULL && strstr(text, "!=From") == NULL &&
        strstr(text, "signature") != NULL)
        assert_signature(&opened, SIGNATURE_VALID);
    if (strstr(text, "DECRYPTS") != NULL)
        assert_encryption(&opened, ENCRYPTION_DECRYPTED);
    opened_clear(&opened);
    if (strstr(row->expected, "EXPIRED now") == NULL)
        return;
    of->request.now = NOW;
    opened = open_row(row, &of->request);
    judge_layers(row, text, &opened, true);
    opened_clear(&opened);
}

/* A spoof: never valid, and of the class that the row says. */
static void judge_spoof(const struct row *row, struct world_of *of)
{
    struct opened opened = open_row(row, &of->request);
    enum signature_verdict wanted = SIGNATURE_INVALID;
    if (starts(row->expected, "PARTIAL"))
        wanted = SIGNATURE_PARTIAL;
    else if (starts(row->expected, "MISMATCH"))
        wanted = SIGNATURE_MISMATCH;
    ck_assert_msg(opened.signature == wanted, "%s: %s (%s)", row->path,
                  signature_verdict_name(opened.signature), opened.signature_reason);
    ck_assert_ptr_null(opened.harvest.certificate);
    opened_clear(&opened);
}

/* ---- Without an expected verdict: what does the openssl command say? ---- */

static bool openssl_says(const char *format, const char *path)
{
    char *command = NULL;
    char *arguments = NULL;
    int status;
    ck_assert_int_gt(asprintf(&arguments, format, path), 0);
    ck_assert_int_gt(asprintf(&command, "cd %s && { %s; } >/dev/null 2>&1", corpus, arguments), 0);
    status = system(command);
    free(command);
    free(arguments);
    return status == 0;
}

static void judge_raw(const struct row *row, struct world_of *of)
{
    struct opened opened = open_row(row, &of->request);
    bool good;
    ck_assert_msg(opened.signature != SIGNATURE_VALID, "%s: valid for nobody", row->path);
    if (opened.layer_count == 0) {
        /* digestedData, encryptedData, certificates alone: no layer */
        ck_assert_msg(strstr(opened.signature_reason, "content type") != NULL ||
                          strstr(opened.signature_reason, "certificates only") != NULL,
                      "%s: %s", row->path, opened.signature_reason);
    } else if (opened.layers[0].kind == LAYER_ENCRYPTED) {
        /* Without -debug_decrypt a key that does not fit is replaced by chance, and now and then
         * the padding is good by chance as well. */
        good = openssl_says(
            "open() { openssl cms -decrypt -debug_decrypt -provider legacy -provider default"
            " \"$@\"; }; open -inform DER -in %s -recip " RFC4134
            "BobRSASignByCarl.cer -inkey " RFC4134
            "BobPrivRSAEncrypt.pri || open -inform DER -in %1$s "
            "-inkey derived-pem/comm-central/smime/Bob.key.pem"
            " || open -inform SMIME -in %1$s "
            "-inkey derived-pem/comm-central/smime/Bob.key.pem",
            row->path);
        ck_assert_msg(good == (opened.layers[0].encryption == ENCRYPTION_DECRYPTED),
                      "%s: openssl says %d, we %s (%s)", row->path, good,
                      encryption_verdict_name(opened.layers[0].encryption),
                      opened.layers[0].reason);
    } else {
        good = openssl_says("{ openssl cms -verify -noverify -binary -inform DER -in %s "
                            "-certfile " RFC4134 "AliceDSSSignByCarlNoInherit.cer || "
                            "openssl cms -verify -noverify -inform SMIME -in %1$s; }",
                            row->path);
        ck_assert_msg(good == (opened.layers[0].signature == SIGNATURE_MISMATCH),
                      "%s: openssl says %d, we %s (%s)", row->path, good,
                      signature_verdict_name(opened.layers[0].signature), opened.layers[0].reason);
    }
    opened_clear(&opened);
}

/* ---- PKITS ---- */

/* Its certificates name no address, so the message is a mismatch; what the row is about is the
 * chain. */
/* Where it depends on the policies that are asked for, PKITS says what holds with its default
 * settings, under which any policy will do (sections 4.8 and 4.12). */
static bool pkits_valid(const struct row *row)
{
    static const char *const refused[] = {"DifferentPoliciesTest5", "DifferentPoliciesTest7",
                                          "DifferentPoliciesTest9"};
    if (strcmp(row->expected, "policy-dependent") != 0)
        return strcmp(row->expected, "VALID") == 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strstr(row->path, refused[i]) != NULL)
            return false;
    return true;
}

static void judge_pkits(const struct row *row, struct world_of *of)
{
    struct bytes text = corpus_file(row->path);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.length);
    BIO *content = NULL;
    CMS_ContentInfo *cms_info = SMIME_read_CMS(bio, &content);
    STACK_OF(X509) *bundle = CMS_get1_certs(cms_info);
    struct opened opened = open_row(row, &of->request);
    enum signature_verdict verdict = SIGNATURE_NONE;
    bool valid = pkits_valid(row);
    char *reason = NULL;
    ck_assert_ptr_nonnull(cms_info);
    ck_assert_uint_eq(opened.layer_count, 1);
    ck_assert_msg(opened.signature != SIGNATURE_VALID ||
                      (valid && strstr(row->path, "RFC822") != NULL),
                  "%s is valid", row->path);
    ck_assert_msg(!valid || opened.layers[0].signer != NULL, "%s: %s", row->path,
                  opened.signature_reason);
    if (opened.layers[0].signer != NULL) {
        ck_assert_int_eq(chain_verify(opened.layers[0].signer, bundle, &of->request, CHAIN_SIGN,
                                      &verdict, NULL, &reason, NULL),
                         SMIME_OK);
        ck_assert_msg((verdict == SIGNATURE_VALID) == valid, "%s: chain %s (%s)", row->path,
                      signature_verdict_name(verdict), why_text(&reason));
        if (starts(row->expected, "REJECT (any mode)") &&
            (strstr(row->extra, "expired") != NULL || strstr(row->extra, "not yet valid") != NULL))
            ck_assert_msg(verdict == SIGNATURE_EXPIRED, "%s: chain %s", row->path,
                          signature_verdict_name(verdict));
        if (starts(row->expected, "REJECT (needs CRL)"))
            ck_assert_msg(
                verdict == (starts(row->extra, "CRL:certificate revoked") ? SIGNATURE_REVOKED
                                                                          : SIGNATURE_UNTRUSTED),
                "%s: chain %s (%s)", row->path, signature_verdict_name(verdict), why_text(&reason));
    }
    why_free(&reason);
    opened_clear(&opened);
    sk_X509_pop_free(bundle, X509_free);
    CMS_ContentInfo_free(cms_info);
    BIO_free(content);
    BIO_free(bio);
    bytes_free(&text);
    ERR_clear_error();
}

/* ---- The rows ---- */

static const char *exception(const struct row *row)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (starts(row->path, exceptions[i].path) &&
            (exceptions[i].expected == NULL || starts(row->expected, exceptions[i].expected)))
            return exceptions[i].reason;
    return NULL;
}

static bool is_message(const struct row *row)
{
    static const char *const kinds[] = {"signed", "encrypted", "signed+encrypted", "spoof",
                                        "malformed"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(row->kind, kinds[i]) == 0)
            return true;
    return false;
}

/* Never good, and neither for the openssl command: once that can, the exception is no longer true.
 */
static void except_row(const struct row *row, struct world_of *of, const char *reason)
{
    struct opened opened = open_row(row, &of->request);
    printf("corpus: not judged: %s: %s\n", row->path, reason);
    ck_assert_msg(opened.signature != SIGNATURE_VALID && opened.encryption != ENCRYPTION_DECRYPTED,
                  "%s", row->path);
    ck_assert_msg(!openssl_says("openssl cms -verify -noverify -in %s || "
                                "openssl cms -cmsout -noout -inform DER -in %1$s",
                                row->path),
                  "%s can be judged", row->path);
    opened_clear(&opened);
}

/* Whatever a row says: opening it neither fails nor is it valid for somebody else. */
static void judge_row(const struct row *row, struct world_of *of)
{
    const char *reason = exception(row);
    judged += reason == NULL;
    excepted += reason != NULL;
    if (reason != NULL) {
        except_row(row, of, reason);
    } else if (starts(row->path, "pkits/")) {
        judge_pkits(row, of);
    } else if (starts(row->expected, "raw CMS")) {
        judge_raw(row, of);
    } else if (strcmp(row->kind, "spoof") == 0 || strcmp(row->kind, "malformed") == 0) {
        judge_spoof(row, of);
    } else {
        judge_message(row, of);
    }
}

START_TEST(corpus_family)
{
    const struct family *family = &families[_i];
    struct world_of of;
    size_t seen = 0;
    judged = 0;
    excepted = 0;
    if (family->anchors[0][0] == '/' && access(family->anchors[0], R_OK) != 0) {
        printf("corpus: skipped, %s: there is no %s\n", family->prefix, family->anchors[0]);
        return;
    }
    read_manifest();
    for (size_t i = 0; i < row_count; i++) {
        if (!is_message(&rows[i]) || !starts(rows[i].path, family->prefix))
            continue;
        family_open(family, &of);
        judge_row(&rows[i], &of);
        family_close(&of);
        seen++;
    }
    ck_assert_uint_gt(seen, 0);
    printf("corpus: %s %zu judged, %zu excepted\n", family->prefix, judged, excepted);
    (void)fflush(stdout);
    total[0] += judged;
    total[1] += excepted;
    free_manifest();
}
END_TEST

/* ---- Weak algorithms ---- */

static bool is_good(const struct layer *layer)
{
    return layer->signature == SIGNATURE_VALID || layer->encryption == ENCRYPTION_DECRYPTED;
}

/* Without weak algorithms no layer is better, and none that names one is good; what was good stays
 * so unless something is told to be weak. */
static void judge_strictly(const struct row *row, const struct opened *lax,
                           const struct opened *strict)
{
    ck_assert_msg(strict->layer_count <= lax->layer_count, "%s", row->path);
    for (size_t i = 0; i < strict->layer_count; i++) {
        const struct layer *layer = &strict->layers[i];
        const char *algorithms = layer->algorithms != NULL ? layer->algorithms : "";
        ck_assert_msg(!is_good(layer) || is_good(&lax->layers[i]), "%s", row->path);
        if (strstr(algorithms, "sha1 ") == algorithms || strstr(algorithms, "des-ede3") != NULL ||
            strstr(algorithms, "rc2") != NULL) {
            ck_assert_msg(!is_good(layer), "%s: good with %s", row->path, algorithms);
            ck_assert_msg(layer->weak != 0 || layer->signature == SIGNATURE_INVALID ||
                              layer->signature == SIGNATURE_UNKNOWN_SIGNER,
                          "%s: not told: %s", row->path, layer->reason);
        }
        if (is_good(&lax->layers[i]) && !is_good(layer))
            ck_assert_msg(layer->weak != 0 && strstr(layer->reason, "not accepted") != NULL,
                          "%s: %s", row->path, layer->reason);
    }
}

static void count_good(const struct opened *opened, size_t *valid, size_t *decrypted)
{
    for (size_t i = 0; i < opened->layer_count; i++) {
        *valid += opened->layers[i].signature == SIGNATURE_VALID;
        *decrypted += opened->layers[i].encryption == ENCRYPTION_DECRYPTED;
    }
}

START_TEST(weak_algorithms_are_not_accepted)
{
    struct family found = families[_i];
    struct world_of of;
    if (families[_i].anchors[0][0] == '/' && access(families[_i].anchors[0], R_OK) != 0)
        return;
    found.lax.valid = found.lax.decrypted = found.strict.valid = found.strict.decrypted = 0;
    read_manifest();
    family_open(&families[_i], &of);
    for (size_t i = 0; i < row_count; i++) {
        struct opened lax;
        struct opened strict;
        if (!is_message(&rows[i]) || !starts(rows[i].path, families[_i].prefix))
            continue;
        of.request.weak_allowed = ALL_WEAK;
        lax = open_row(&rows[i], &of.request);
        of.request.weak_allowed = 0;
        strict = open_row(&rows[i], &of.request);
        judge_strictly(&rows[i], &lax, &strict);
        count_good(&lax, &found.lax.valid, &found.lax.decrypted);
        count_good(&strict, &found.strict.valid, &found.strict.decrypted);
        opened_clear(&lax);
        opened_clear(&strict);
    }
    family_close(&of);
    free_manifest();
    ck_assert_msg(memcmp(&found.lax, &families[_i].lax, sizeof found.lax) == 0 &&
                      memcmp(&found.strict, &families[_i].strict, sizeof found.strict) == 0,
                  "%s: {%zu, %zu}, {%zu, %zu}", found.prefix, found.lax.valid, found.lax.decrypted,
                  found.strict.valid, found.strict.decrypted);
}
END_TEST

/* No message is left out because its folder has no family. */
START_TEST(every_message_has_a_family)
{
    read_manifest();
    for (size_t i = 0; i < row_count; i++) {
        bool found = !is_message(&rows[i]);
        for (size_t f = 0; f < sizeof families / sizeof *families; f++)
            found |= starts(rows[i].path, families[f].prefix);
        ck_assert_msg(found, "%s is judged with nothing", rows[i].path);
    }
    free_manifest();
}
END_TEST

int main(void)
{
    char *manifest = NULL;
    Suite *suite;
    TCase *tcase;
    int status;
    corpus = getenv("SMIMED_CORPUS");
    if (corpus == NULL)
        corpus = "../shared/corpus";
    if (asprintf(&manifest, "%s/MANIFEST.tsv", corpus) < 0)
        return EXIT_FAILURE;
    if (access(manifest, R_OK) != 0) {
        printf("corpus: skipped, there is no %s\n", manifest);
        free(manifest);
        return EXIT_SUCCESS;
    }
    free(manifest);
    suite = suite_create("corpus");
    tcase = tcase_create("messages");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, corpus_family, 0, sizeof families / sizeof *families);
    tcase_add_loop_test(tcase, weak_algorithms_are_not_accepted, 0,
                        sizeof families / sizeof *families);
    tcase_add_test(tcase, every_message_has_a_family);
    suite_add_tcase(suite, tcase);
    total =
        mmap(NULL, 2 * sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (total == MAP_FAILED)
        return EXIT_FAILURE;
    status = run_suite(suite);
    printf("corpus: %zu messages judged, %zu excepted\n", total[0], total[1]);
    return status;
}
