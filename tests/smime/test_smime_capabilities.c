/* smimeCapabilities: what `openssl asn1parse -genconf` encodes is read, and what we write is what
 * it shows. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../test_openssl_cli.h"
#include "smime_capabilities.h"
#include "test_run.h"

#define SEQUENCE(...) "asn1=SEQUENCE:c\n[c]\n" __VA_ARGS__
#define CIPHER(n, name) #n "=SEQUENCE:" #n "s\n"
#define OID(n, name) "[" #n "s]\no=OID:" name "\n"

#define OAEP(digest, mask)                                                                         \
    "o=SEQUENCE:os\n[os]\nid=OID:1.2.840.113549.1.1.7\np=SEQUENCE:op\n[op]\n"                      \
    "h=EXPLICIT:0,SEQUENCE:oh\nm=EXPLICIT:1,SEQUENCE:om\n[oh]\nid=OID:" digest "\np=NULL\n"        \
    "[om]\nid=OID:1.2.840.113549.1.1.8\np=SEQUENCE:omd\n[omd]\nid=OID:" mask "\np=NULL\n"

static const struct {
    const char *name;
    const char *conf;
    bool known;
    const char *ciphers; /* names, separated by blanks */
    bool oaep;
} cases[] = {
    {"as declared",
     SEQUENCE(CIPHER(a, ) CIPHER(b, ) CIPHER(d, ) OID(a, "aes-128-cbc") OID(b, "id-aes256-GCM")
                  OID(d, "aes-192-cbc")),
     true, "aes-128-cbc aes-256-gcm aes-192-cbc", false},
    {"twice", SEQUENCE(CIPHER(a, ) CIPHER(b, ) OID(a, "aes-256-cbc") OID(b, "aes-256-cbc")), true,
     "aes-256-cbc", false},
    {"what we do not write",
     SEQUENCE(CIPHER(a, ) CIPHER(b, ) CIPHER(d, ) OID(a, "des-ede3-cbc") OID(b, "1.2.3.4")
                  OID(d, "rc2-cbc") "p=INTEGER:40\n"),
     true, "", false},
    {"OAEP with SHA-256", SEQUENCE(CIPHER(a, ) OAEP("sha256", "sha256") OID(a, "aes-256-cbc")),
     true, "aes-256-cbc", true},
    {"OAEP with SHA-1", SEQUENCE(OAEP("sha1", "sha1")), true, "", false},
    {"OAEP with two digests", SEQUENCE(OAEP("sha256", "sha1")), true, "", false},
    {"OAEP by default",
     SEQUENCE("a=SEQUENCE:as\n[as]\no=OID:1.2.840.113549.1.1.7\np=SEQUENCE:e\n[e]\n"), true, "",
     false},
    {"OAEP without parameters", SEQUENCE(CIPHER(a, ) OID(a, "1.2.840.113549.1.1.7")), true, "",
     false},
    {"nothing in it", SEQUENCE(""), true, "", false},
    {"no list", "asn1=INTEGER:5\n", false, "", false},
    {"no algorithm", SEQUENCE("a=INTEGER:5\n"), false, "", false},
};

static char *names_of(const struct cipher_list *list)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s%s", i > 0 ? " " : "", encrypt_cipher_name(list->items[i]));
    fclose(out);
    return text;
}

START_TEST(reads_what_openssl_encodes)
{
    struct smime_capabilities found;
    size_t length = 0;
    char *der;
    char *names;
    cli_write("conf", cases[_i].conf, strlen(cases[_i].conf));
    ck_assert_int_eq(cli_run("openssl asn1parse -genconf conf -noout -out der"), 0);
    der = cli_read("der", &length);
    smime_capabilities_read((unsigned char *)der, length, &found);
    names = names_of(&found.ciphers);
    ck_assert_msg(found.known == cases[_i].known, "%s", cases[_i].name);
    ck_assert_str_eq(names, cases[_i].ciphers);
    ck_assert_msg(found.oaep == cases[_i].oaep, "%s", cases[_i].name);
    /* Cut off anywhere, and with something behind it, it says nothing. */
    for (size_t cut = 0; cut < length; cut++) {
        unsigned char *part = malloc(cut > 0 ? cut : 1);
        ck_assert_ptr_nonnull(part);
        memcpy(part, der, cut);
        smime_capabilities_read(part, cut, &found);
        ck_assert_msg(!found.known && found.ciphers.count == 0, "%s at %zu", cases[_i].name, cut);
        free(part);
    }
    free(names);
    free(der);
}
END_TEST

/* As many as there can be, and more. */
START_TEST(is_bounded)
{
    struct smime_capabilities found;
    FILE *conf = fopen(cli_path("conf"), "we");
    size_t length = 0;
    char *der;
    ck_assert_ptr_nonnull(conf);
    fputs("asn1=SEQUENCE:c\n[c]\n", conf);
    for (int i = 0; i < CAPABILITIES_MAX_ITEMS; i++)
        fprintf(conf, "a%d=SEQUENCE:x\n", i);
    fputs("z=SEQUENCE:y\n[x]\no=OID:1.2.3.4\n[y]\no=OID:aes-256-cbc\n", conf);
    ck_assert_int_eq(fclose(conf), 0);
    ck_assert_int_eq(cli_run("openssl asn1parse -genconf conf -noout -out der"), 0);
    der = cli_read("der", &length);
    smime_capabilities_read((unsigned char *)der, length, &found);
    ck_assert(found.known);
    ck_assert_uint_eq(found.ciphers.count, 0);
    free(der);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smime_capabilities");
    TCase *tests = tcase_create("smime_capabilities");
    int status;
    cli_begin();
    tcase_add_loop_test(tests, reads_what_openssl_encodes, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tests, is_bounded);
    suite_add_tcase(suite, tests);
    status = test_run(suite);
    cli_end();
    return status;
}
