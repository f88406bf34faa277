/* Ciphertext that could have been altered on its way (setting unauthenticated_ciphertext): what the
 * reader gets, and what whoever altered it learns. */
#include <time.h>

#include "reader_fixture.h"

static const struct {
    const char *setting;
    const char *make;
    bool told;
    bool inert;
} settings[] = {
    {"accept", ENCRYPT, false, false},
    {"tag", ENCRYPT, true, false},
    {"defang", ENCRYPT, true, true},
    {"tag", ENCRYPT_GCM, false, false},
    {"defang", ENCRYPT_GCM, false, false},
    {"reject", ENCRYPT_GCM, false, false},
    {"tag", SIGN_AND_ENCRYPT, false, false},
    {"defang", SIGN_AND_ENCRYPT, false, false},
    {"reject", SIGN_AND_ENCRYPT, false, false},
    {"reject", "cat html", false, false},
    {"reject", SIGN, false, false},
};

START_TEST(each_setting)
{
    char config[128];
    char *text;
    char *result;
    snprintf(config, sizeof config, "subject_tags = true; unauthenticated_ciphertext = \"%s\";",
             settings[_i].setting);
    begin(config);
    text = message_of(FIELDS, settings[_i].make);
    result = received(text);
    assert_has(result, "The secret text");
    ck_assert_int_eq(strstr(result, "X-Smimed-Ciphertext: unauthenticated") != NULL,
                     settings[_i].told);
    ck_assert_int_eq(strstr(result, "reason=\"" DOUBT "\"") != NULL, settings[_i].told);
    ck_assert_int_eq(strstr(result, "[encrypted] [unauthenticated] hi") != NULL, settings[_i].told);
    ck_assert_int_eq(strstr(result, "Ciphertext: unauthenticated, defanged") != NULL,
                     settings[_i].inert);
    ck_assert_int_eq(strstr(result, "http://evil.test") == NULL, settings[_i].inert);
    free(result);
    free(text);
    end();
}
END_TEST

/* Ciphertext of alice's, altered here and there: what an attacker would send to learn what comes of
 * it. */
enum alteration { UNALTERED, FIRST_BLOCK, PADDING, LAST_BLOCK, KEY, CUT, ALTERATIONS };

static const char *const alteration_names[] = {"unaltered",  "first block", "padding",
                                               "last block", "key",         "cut"};

static char *altered(enum alteration alteration)
{
    char path[128];
    /* Its size, and where alice's encrypted key stands, the only one of 256 octets. */
    char *text =
        output_of("openssl cms -encrypt -aes256 -in html -outform DER -out e.der bert.pem alice.pem"
                  " && stat -c %s e.der && openssl asn1parse -inform DER -in e.der | "
                  "sed -n 's/^ *\\([0-9]*\\):.* l= *256 prim: OCTET STRING.*/\\1/p'");
    char *next;
    long size = strtol(text, &next, 10);
    long key = strtol(next, NULL, 10);
    long at = 0;
    FILE *file;
    int c;
    free(text);
    ck_assert_int_gt(key, 0);
    snprintf(path, sizeof path, "%s/e.der", world.directory);
    switch (alteration) {
    case FIRST_BLOCK:
        at = size - 90; /* of some 96 octets of ciphertext */
        break;
    case PADDING:
        at = size - 17;
        break;
    case LAST_BLOCK:
        at = size - 1;
        break;
    case KEY:
        at = key + 100;
        break;
    case CUT:
        ck_assert_int_eq(truncate(path, size - 16), 0); /* a malformed structure */
        break;
    default:
        break;
    }
    if (at > 0) {
        file = fopen(path, "r+");
        ck_assert(file != NULL && fseek(file, at, SEEK_SET) == 0 && (c = getc(file)) != EOF &&
                  fseek(file, at, SEEK_SET) == 0 && putc(c ^ 0x5a, file) != EOF);
        ck_assert_int_eq(fclose(file), 0);
    }
    return message_of(FIELDS "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n"
                             "Content-Transfer-Encoding: base64\n\n",
                      "base64 e.der");
}

static const char *const modes[] = {"decrypt-optional", "decrypt-always", "decrypt-forced"};

/* Under `reject` whoever sends altered ciphertext is told the same of all that uses the key, in
 * every mode that decrypts. */
START_TEST(refusals_are_alike)
{
    char config[256];
    struct reply first = {0};
    snprintf(config, sizeof config,
             "unauthenticated_ciphertext = \"reject\"; rules = ( { managed = [ \"*\" ]; external = "
             "[ \"*\" ]; incoming = \"%s\"; } );",
             modes[_i]);
    begin(config);
    for (enum alteration alteration = UNALTERED; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive(&transaction, text);
        ck_assert_msg(outcome.action == FLOW_REPLY, "%s", alteration_names[alteration]);
        ck_assert_int_eq(outcome.return_headers_only, 0);
        ck_assert(!outcome.opened.changed);
        if (alteration == UNALTERED)
            reply_set(&first, outcome.reply.code, outcome.reply.enhanced, outcome.reply.english,
                      outcome.reply.german);
        ck_assert_int_eq(outcome.reply.code, 550);
        ck_assert_msg(outcome.reply.code == first.code &&
                          strcmp(outcome.reply.enhanced, first.enhanced) == 0 &&
                          strcmp(outcome.reply.english, first.english) == 0 &&
                          strcmp(outcome.reply.german, first.german) == 0,
                      "%s: %s", alteration_names[alteration], outcome.reply.english);
        free(text);
        done(&transaction, &outcome);
    }
    reply_clear(&first);
    end();
}
END_TEST

/* Without `reject` a failure is told from a success, but no failure from another. */
START_TEST(failures_are_alike)
{
    char *english = NULL;
    begin("rules = ( { managed = [ \"*\" ]; external = [ \"*\" ]; incoming = \"decrypt-always\"; } "
          ");");
    for (enum alteration alteration = PADDING; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive(&transaction, text);
        /* One time in 256 a random last block has a padding. */
        if (outcome.action == FLOW_REPLY) {
            if (english == NULL)
                english = strdup(outcome.reply.english);
            ck_assert_str_eq(outcome.reply.english, english);
            ck_assert_str_eq(outcome.opened.encryption_reason,
                             "the message could not be decrypted");
        }
        free(text);
        done(&transaction, &outcome);
    }
    ck_assert_ptr_nonnull(english);
    free(english);
    end();
}
END_TEST

/* A message that was not for us is no failure of a key: it is delivered as it came. */
START_TEST(others_ciphertext_passes)
{
    char *text;
    char *result;
    begin("unauthenticated_ciphertext = \"reject\";");
    text = message_of(FIELDS, "openssl cms -encrypt -aes256 -in html bob.pem");
    result = received(text);
    assert_has(result, "X-Smimed-Encryption: not-decrypted");
    free(result);
    free(text);
    end();
}
END_TEST

/* Where messages are split those who can read one are found by trying; not here. */
START_TEST(several_recipients_are_refused_together)
{
    begin("unauthenticated_ciphertext = \"reject\"; reinject = \"unix:/nonexistent\";");
    for (enum alteration alteration = UNALTERED; alteration < CUT; alteration++) {
        char *text = altered(alteration);
        struct transaction transaction;
        struct outcome outcome = receive_both(&transaction, text);
        ck_assert_msg(outcome.action == FLOW_REPLY, "%s", alteration_names[alteration]);
        ck_assert_uint_eq(outcome.copy_count, 0);
        ck_assert_ptr_nonnull(strstr(outcome.reply.english, "alice@example.com"));
        free(text);
        done(&transaction, &outcome);
    }
    end();
}
END_TEST

/* A megabyte of text: what is done with it shows in the time. */
static void lengthen(void)
{
    free(output_of("for i in $(seq 13000); do echo 'A line of seventy-eight octets, which "
                   "is as long as it should be in a letter to a friend'; done | sed 's/$/\r/' "
                   ">>html"));
}

static double cpu_seconds(const char *text, bool both)
{
    struct transaction transaction;
    clock_t began = clock();
    struct outcome outcome = both ? receive_both(&transaction, text) : receive(&transaction, text);
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    done(&transaction, &outcome);
    return seconds;
}

#define ROUNDS 6      /* at least */
#define MAX_ROUNDS 60 /* as long as they differ: a busy machine only adds */

static bool alike(const double *times, double *least_out, double *most_out)
{
    *least_out = 1e9;
    *most_out = 0;
    for (int i = UNALTERED; i < CUT; i++) {
        *least_out = times[i] < *least_out ? times[i] : *least_out;
        *most_out = times[i] > *most_out ? times[i] : *most_out;
    }
    return *most_out < 1.25 * *least_out + 0.0001;
}

/* The least time of several turns, one of each in turn. What was decrypted is looked at, but not
 * written for delivery in vain. SMIMED_TIMES=1 has the times printed. */
START_TEST(failures_take_alike)
{
    char *texts[ALTERATIONS];
    double times[ALTERATIONS];
    double least = 0;
    double most = 1e9;
    begin("unauthenticated_ciphertext = \"reject\"; reinject = \"unix:/nonexistent\";");
    if (_i >= 2)
        lengthen();
    for (enum alteration i = UNALTERED; i < CUT; i++) {
        texts[i] = altered(i);
        times[i] = 1e9;
    }
    for (int round = 0; round < ROUNDS || (round < MAX_ROUNDS && !alike(times, &least, &most));
         round++)
        for (enum alteration i = UNALTERED; i < CUT; i++) {
            double seconds = cpu_seconds(texts[i], _i % 2 == 1);
            times[i] = seconds < times[i] ? seconds : times[i];
        }
    ck_assert_msg(alike(times, &least, &most), "%.3f ms to %.3f ms", 1000 * least, 1000 * most);
    for (enum alteration i = UNALTERED; i < CUT; i++) {
        if (getenv("SMIMED_TIMES") != NULL)
            fprintf(stderr, "%d recipients, %zu octets, %-12s %.3f ms\n", _i % 2 + 1,
                    strlen(texts[i]), alteration_names[i], 1000 * times[i]);
        free(texts[i]);
    }
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unauthenticated");
    TCase *tests = tcase_create("unauthenticated");
    tcase_set_timeout(tests, 60);
    LOOP(tests, each_setting, settings);
    LOOP(tests, refusals_are_alike, modes);
    tcase_add_test(tests, failures_are_alike);
    tcase_add_test(tests, others_ciphertext_passes);
    tcase_add_test(tests, several_recipients_are_refused_together);
    tcase_add_loop_test(tests, failures_take_alike, 0, 4);
    suite_add_tcase(suite, tests);
    return run_with_keys(suite);
}
