/* smimectl backup and restore. The oracle for the file is `openssl cms`; the daemon reads what was
 * restored. */
#include "smimectl_run.h"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "milter_client.h"

#define PASSWORD "a long enough password"

static struct pki root;

static void setup(void)
{
    make_store();
    root = pki_ca("Test CA");
    struct pki alice = pki_leaf(&root, "alice@example.com");
    write_pki("alice", &alice);
    pki_clear(&alice);
    write_text(in_dir("pw"), PASSWORD "\n");
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem")),
               0, NULL);
}

static void teardown(void)
{
    pki_clear(&root);
    remove_directory();
}

static void back_up(void)
{
    expect_run("backup", SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
}

static void forget_store(void)
{
    static const char *const files[] = {"lib/store.db", "lib/store.db-wal", "lib/store.db-shm",
                                        "etc/master.secret"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        unlink(in_dir(files[i]));
    }
}

static bool there(const char *name)
{
    return access(in_dir(name), F_OK) == 0;
}

/* The restored key signs, in the code that the daemon runs, and openssl believes it. */
static void ck_signs(void)
{
    write_text(in_dir("in.eml"),
               "From: alice@example.com\r\nTo: bob@partner.test\r\n\r\nHello\r\n");
    pki_write_certificate(in_dir("root.pem"), root.certificate);
    struct run run = SMIMECTL_READS(in_dir("in.eml"), "process", "--outgoing", "--from",
                                    "alice@example.com", "--to", "bob@partner.test");
    ck_assert_msg(run.code == 0, "%s", run.err);
    write_file(in_dir("out.eml"), run.out, run.out_length);
    run_clear(&run);
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir("out.eml"), "-CAfile", in_dir("root.pem"),
                       "-out", in_dir("verified")),
               0, NULL);
}

/* smimed itself, in the foreground, on a socket in the directory. */
static pid_t start_daemon(const char *socket)
{
    char program[PATH_MAX + 16], more[RUN_PATH_BYTES * 3];
    snprintf(program, sizeof program, "%.*s/smimed", (int)(strrchr(run_program, '/') - run_program),
             run_program);
    snprintf(more, sizeof more,
             "sockets = ( { address = \"unix:%s\"; role = \"submission\"; } );\n", socket);
    write_config(more);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        redirect(in_dir("log"), O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        execl(program, program, "-f", "-c", run_config, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && access(socket, F_OK); i++) {
        nanosleep(&(struct timespec){0, 20000000L}, NULL);
    }
    return child;
}

static void ck_daemon_signs(void)
{
    static const char text[] = "From: alice@example.com\r\nTo: bob@partner.test\r\n\r\nHello\r\n";
    const struct milter_mail mail = {.from = "<alice@example.com>",
                                     .to = {"<bob@partner.test>"},
                                     .login = "alice@example.com",
                                     .text = text,
                                     .length = sizeof text - 1};
    char socket[RUN_PATH_BYTES * 2], address[RUN_PATH_BYTES * 2 + 8];
    struct milter_client client;
    int status = 0;
    snprintf(socket, sizeof socket, "%s", in_dir("socket"));
    snprintf(address, sizeof address, "unix:%s", socket);
    pid_t daemon = start_daemon(socket);
    ck_assert_msg(milter_connect(&client, address) == 0, "%s", client.error);
    ck_assert_int_eq(milter_open_session(&client, "192.0.2.1"), MILTER_CONTINUE);
    ck_assert_int_eq(milter_send(&client, &mail), MILTER_ACCEPT);
    write_file(in_dir("out.eml"), client.message, client.message_length);
    milter_close(&client);
    ck_assert_int_eq(kill(daemon, SIGTERM), 0);
    ck_assert_int_eq(waitpid(daemon, &status, 0), daemon);
    expect_run("openssl cms -verify",
               OPENSSL("cms", "-verify", "-in", in_dir("out.eml"), "-CAfile", in_dir("root.pem"),
                       "-out", in_dir("verified")),
               0, NULL);
}

START_TEST(test_round_trip)
{
    struct stat status;
    size_t secret_length = 0;
    char *secret = read_file(in_dir("etc/master.secret"), &secret_length);
    back_up();
    ck_assert_int_eq(stat(in_dir("b.p7m"), &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    forget_store();
    expect_output("restore", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")),
                  "lib/store.db\n");
    static const char *const files[] = {"lib/store.db", "etc/master.secret"};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(stat(in_dir(files[i]), &status), 0);
        ck_assert_int_eq(status.st_mode & 07777, 0600);
    }
    char *restored = read_file(in_dir("etc/master.secret"), NULL);
    ck_assert_str_eq(restored, secret);
    free(restored);
    free(secret);
    ck_signs();
    ck_daemon_signs();
    expect_output("audit", SMIMECTL("audit"), "store restored");
}
END_TEST

/* The file can be opened without smimed. */
START_TEST(test_openssl_reads_it)
{
    size_t secret_length = 0, length = 0;
    char *secret = read_file(in_dir("etc/master.secret"), &secret_length);
    back_up();
    expect_run("openssl cms -decrypt",
               OPENSSL("cms", "-decrypt", "-inform", "DER", "-in", in_dir("b.p7m"),
                       "-pwri_password", PASSWORD, "-binary", "-out", in_dir("plain")),
               0, NULL);
    char *plain = read_file(in_dir("plain"), &length);
    ck_assert_uint_gt(length, secret_length + 16);
    ck_assert_int_eq(memcmp(plain, secret, secret_length), 0);
    ck_assert_int_eq(memcmp(plain + secret_length, "SQLite format 3", 16), 0);
    free(plain);
    free(secret);
}
END_TEST

START_TEST(test_nothing_is_overwritten)
{
    back_up();
    expect_run("again", SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("pw")), 1,
               "exists already");
    expect_run("a store", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")), 1,
               "exists already");
    ck_signs();
    forget_store();
    write_text(in_dir("etc/master.secret"),
               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    ck_assert_int_eq(chmod(in_dir("etc/master.secret"), 0600), 0);
    expect_run("a secret", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")), 1,
               "holds another master secret");
    ck_assert(!there("lib/store.db"));
    ck_assert(there("etc/master.secret"));
}
END_TEST

START_TEST(test_bad_backups)
{
    size_t length = 0;
    back_up();
    char *bytes = read_file(in_dir("b.p7m"), &length);
    forget_store();
    write_text(in_dir("wrong"), "another password\n");
    expect_run("password", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("wrong")),
               1, "the password is wrong, or the file was altered");
    bytes[length / 2] ^= 1;
    write_file(in_dir("altered"), bytes, length);
    write_file(in_dir("cut"), bytes, length / 2);
    bytes[length / 2] ^= 1;
    bytes[length - 12] ^= 1; /* in the tag */
    write_file(in_dir("tag"), bytes, length);
    expect_run("altered", SMIMECTL("restore", in_dir("altered"), "--password-file", in_dir("pw")),
               1, NULL);
    expect_run("tag", SMIMECTL("restore", in_dir("tag"), "--password-file", in_dir("pw")), 1, NULL);
    expect_run("cut", SMIMECTL("restore", in_dir("cut"), "--password-file", in_dir("pw")), 1,
               "no backup");
    expect_run("other", SMIMECTL("restore", in_dir("alice.pem"), "--password-file", in_dir("pw")),
               1, "no backup");
    expect_run("none", SMIMECTL("restore", in_dir("none"), "--password-file", in_dir("pw")), 1,
               "cannot be opened");
    expect_run("no terminal", SMIMECTL("restore", in_dir("b.p7m")), 1, "password");
    ck_assert(!there("lib/store.db") && !there("etc/master.secret"));
    free(bytes);
}
END_TEST

/* Who alters a backup must not decide how long a restore computes. The iterations stand in a DER
 * INTEGER of their own: 02 03 and 1300000. */
START_TEST(test_bounded_derivation)
{
    static const unsigned char iterations[] = {0x02, 0x03, 0x13, 0xd6, 0x20};
    size_t length = 0;
    back_up();
    forget_store();
    char *bytes = read_file(in_dir("b.p7m"), &length);
    char *at = memmem(bytes, length, iterations, sizeof iterations);
    ck_assert_ptr_nonnull(at);
    at[2] = 0x7f;
    write_file(in_dir("slow"), bytes, length);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    expect_run("8 million", SMIMECTL("restore", in_dir("slow"), "--password-file", in_dir("pw")), 1,
               "8377888 iterations of key derivation, at most 5000000 are run");
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_lt(end.tv_sec - begin.tv_sec, 2);
    at[2] = 0x13;
    at[-12] ^= 1; /* in the name of the derivation, or the salt */
    write_file(in_dir("other"), bytes, length);
    expect_run("another", SMIMECTL("restore", in_dir("other"), "--password-file", in_dir("pw")), 1,
               NULL);
    at[-12] ^= 1;
    bytes[length] = '\n';
    write_file(in_dir("longer"), bytes, length + 1);
    expect_run("longer", SMIMECTL("restore", in_dir("longer"), "--password-file", in_dir("pw")), 1,
               "something follows it");
    ck_assert(!there("lib/store.db") && !there("etc/master.secret"));
    free(bytes);
}
END_TEST

/* Rightly encrypted, but no store: nothing is left behind. */
START_TEST(test_not_a_store)
{
    char text[400];
    memset(text, 'a', sizeof text);
    text[64] = '\n';
    write_file(in_dir("plain"), text, sizeof text);
    expect_run("openssl",
               OPENSSL("cms", "-encrypt", "-aes-256-cbc", "-binary", "-outform", "DER", "-in",
                       in_dir("plain"), "-pwri_password", PASSWORD, "-out", in_dir("cbc")),
               0, NULL);
    expect_run("not authenticated",
               SMIMECTL("restore", in_dir("cbc"), "--password-file", in_dir("pw")), 1, "no backup");
    forget_store();
    ck_assert(!there("lib/store.db") && !there("etc/master.secret"));
}
END_TEST

START_TEST(test_weak_passwords)
{
    write_text(in_dir("short"), "seven77\n");
    expect_run("short", SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("short")), 1,
               "less than 8 bytes");
    expect_run("none", SMIMECTL("backup", in_dir("b.p7m")), 1, "password");
    expect_run("nowhere", SMIMECTL("backup", in_dir("none/b.p7m"), "--password-file", in_dir("pw")),
               1, "cannot be made");
    ck_assert(!there("b.p7m"));
}
END_TEST

/* Consistent while somebody writes: what a backup holds is one state of the store. */
START_TEST(test_backup_while_others_write)
{
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        setpgid(0, 0); /* so that the last command ends with it */
        for (int i = 0;; i++) {
            char *command = NULL;
            if (asprintf(&command,
                         "'%s' -c '%s' mailbox add u%d@example.com --alias a%d@example.com",
                         run_program, run_config, i, i) < 0 ||
                system(command) != 0) {
                _exit(1);
            }
            free(command);
        }
    }
    sleep(1);
    struct run run = SMIMECTL("backup", in_dir("b.p7m"), "--password-file", in_dir("pw"));
    int status = 0;
    kill(-child, SIGKILL); /* Check has a handler for the gentler one */
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(run.code == 0, "%s", run.err);
    ck_assert(WIFSIGNALED(status));
    run_clear(&run);
    forget_store();
    expect_run("restore", SMIMECTL("restore", in_dir("b.p7m"), "--password-file", in_dir("pw")), 0,
               NULL);
    json_t *list = expect_json("list", SMIMECTL("mailbox", "list", "--json"));
    ck_assert_uint_gt(json_array_size(list), 1);
    json_decref(list);
    ck_signs();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smimectl backup, restore");
    TCase *tests = tcase_create("backup");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test_round_trip);
    tcase_add_test(tests, test_openssl_reads_it);
    tcase_add_test(tests, test_nothing_is_overwritten);
    tcase_add_test(tests, test_bad_backups);
    tcase_add_test(tests, test_bounded_derivation);
    tcase_add_test(tests, test_not_a_store);
    tcase_add_test(tests, test_weak_passwords);
    tcase_add_test(tests, test_backup_while_others_write);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
