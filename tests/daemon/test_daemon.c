/* A running smimed and its processes: starting, reloading, stopping, and what must not stop it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mount.h>

#include "daemon_run.h"
#include "milter_client.h"
#include "test_run.h"

#define SMALL "From: stranger@other.test\nTo: bob@example.com\nSubject: hello\n\nHi\n"

static struct site site;
static struct daemon_run run;
static char inbound[128], local[128];

static void configure(const char *more)
{
    char text[4096];

    snprintf(text, sizeof text,
             "sockets = ( { address = \"%s\"; role = \"inbound\"; },\n"
             "  { address = \"%s\"; role = \"local\"; } );\npid_file = \"%s/pid\";\n%s",
             inbound, local, site.dir, more);
    site_configure(&site, text);
}

static void make_site(const char *more)
{
    site_make(&site, "");
    snprintf(inbound, sizeof inbound, "unix:%s/inbound", site.dir);
    snprintf(local, sizeof local, "unix:%s/local", site.dir);
    snprintf(run.log, sizeof run.log, "%s/log", site.dir);
    configure(more);
}

static void begin(const char *more)
{
    make_site(more);
    daemon_start(&run, &site);
}

static void end(void)
{
    daemon_stop(&run);
    site_remove(&site);
}

static void open_client(struct milter_client *mc, const char *name)
{
    ck_assert_msg(milter_connect(mc, name) == 0, "%s", mc->error);
    ck_assert_msg(milter_open_session(mc, "192.0.2.1") == MILTER_CONTINUE, "%s", mc->error);
}

static struct milter_mail small_mail(void)
{
    return (struct milter_mail){.from = "<stranger@other.test>",
                                .to = {"<bob@example.com>"},
                                .text = SMALL,
                                .length = strlen(SMALL)};
}

/* Send a message on a new connection. */
static char send_small(const char *name)
{
    const struct milter_mail mail = small_mail();
    struct milter_client mc;
    char answer;

    open_client(&mc, name);
    answer = milter_send(&mc, &mail);
    milter_close(&mc);
    return answer;
}

/* Begin a message and stop within its body. */
static void begin_message(struct milter_client *mc, const struct milter_mail *mail)
{
    open_client(mc, inbound);
    ck_assert_int_eq(milter_envelope(mc, mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_data(mc, mail), MILTER_CONTINUE);
}

START_TEST(reload_does_not_touch_messages_in_hand)
{
    const struct milter_mail mail = small_mail();
    struct milter_client old, new;

    begin("max_recipients = 1;\n");
    open_client(&old, inbound);
    ck_assert_int_eq(milter_envelope(&old, &mail), MILTER_CONTINUE);
    configure("max_recipients = 2;\n");
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "reloaded configuration, rules and trust", 2);
    ck_assert_int_eq(milter_rcpt_to(&old, "<carol@example.com>"), MILTER_REPLYCODE);
    ck_assert_int_eq(strncmp(old.reply, "452", 3), 0);
    open_client(&new, inbound);
    ck_assert_int_eq(milter_envelope(&new, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_rcpt_to(&new, "<carol@example.com>"), MILTER_CONTINUE);
    ck_assert_int_eq(milter_data(&old, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_end(&old, &mail), MILTER_ACCEPT);
    ck_assert_int_eq(milter_data(&new, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_end(&new, &mail), MILTER_ACCEPT);
    /* the next message on the old connection is a new one */
    ck_assert_int_eq(milter_envelope(&old, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_rcpt_to(&old, "<carol@example.com>"), MILTER_CONTINUE);
    milter_close(&old);
    milter_close(&new);
    end();
}
END_TEST

START_TEST(broken_file_keeps_the_old_configuration)
{
    const struct milter_mail mail = small_mail();
    struct milter_client mc;

    begin("max_recipients = 1;\n");
    begin_message(&mc, &mail);
    configure("max_recipients = 0;\nno_such_setting = 1;\nharvest = \"maybe\";\n");
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "not reloaded: the former configuration stays", 1);
    ck_assert_uint_eq(daemon_log_count(&run, "smimed.conf:"), 3);
    ck_assert_uint_eq(daemon_log_count(&run, "no_such_setting"), 1);
    ck_assert_int_eq(milter_end(&mc, &mail), MILTER_ACCEPT);
    ck_assert_int_eq(milter_envelope(&mc, &mail), MILTER_CONTINUE);
    ck_assert_int_eq(milter_rcpt_to(&mc, "<carol@example.com>"), MILTER_REPLYCODE);
    milter_close(&mc);
    ck_assert_int_eq(send_small(local), MILTER_ACCEPT);
    end();
}
END_TEST

START_TEST(changed_sockets_need_a_restart)
{
    char text[1024];

    begin("");
    snprintf(text, sizeof text,
             "sockets = ( { address = \"%s\"; role = \"submission\"; } );\n"
             "pid_file = \"%s/pid\";\ngroup = \"daemon\";\n",
             inbound, site.dir);
    site_configure(&site, text);
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "reloaded configuration, rules and trust", 2);
    ck_assert_uint_eq(daemon_log_count(&run, "sockets changed in the configuration"), 1);
    ck_assert_uint_eq(daemon_log_count(&run, "user or group changed in the configuration"), 1);
    ck_assert_int_eq(send_small(local), MILTER_ACCEPT);
    end();
}
END_TEST

/* A store that is gone at reload keeps the old configuration too. */
START_TEST(reload_without_a_store_keeps_the_old_configuration)
{
    begin("");
    configure("");
    strcat(site.store, ".gone");
    configure("");
    ck_assert_int_eq(kill(run.pid, SIGHUP), 0);
    daemon_wait_log(&run, "not reloaded: the former configuration stays", 2);
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    end();
}
END_TEST

static void check_stop(int number, pid_t target_of_signal)
{
    const struct milter_mail mail = small_mail();
    struct milter_client mc, late, idle;

    open_client(&idle, inbound);
    begin_message(&mc, &mail);
    ck_assert_int_eq(kill(target_of_signal, number), 0);
    /* new connections are refused at once */
    for (int waited = 0; milter_connect(&late, inbound) == 0; waited += DAEMON_STEP_MS) {
        close(late.fd);
        ck_assert_int_lt(waited, DAEMON_PATIENCE_MS);
        daemon_step();
    }
    /* as are new messages on old ones */
    ck_assert_int_eq(milter_send(&idle, &mail), MILTER_REPLYCODE);
    ck_assert_int_eq(strncmp(idle.reply, "451-4.3.2", 9), 0);
    /* the message in hand is finished, however long the MTA takes */
    for (int i = 0; i < 50; i++)
        daemon_step();
    ck_assert_int_eq(milter_command(&mc, 'B', "more\r\n", 6), MILTER_CONTINUE);
    ck_assert_int_eq(milter_end(&mc, &mail), MILTER_ACCEPT);
    ck_assert_ptr_nonnull(milter_field(&mc, "X-Smimed-Signature", 0));
    milter_close(&mc);
    milter_close(&idle);
}

static const int stop_signals[] = {SIGTERM, SIGINT};

START_TEST(stop_finishes_messages_in_hand)
{
    begin("");
    check_stop(stop_signals[_i], run.pid);
    ck_assert_int_eq(daemon_wait(&run), 0);
    ck_assert_int_ne(access(inbound + 5, F_OK), 0);
    ck_assert_int_ne(access(local + 5, F_OK), 0);
    {
        char pid_file[128];

        snprintf(pid_file, sizeof pid_file, "%s/pid", site.dir);
        ck_assert_int_ne(access(pid_file, F_OK), 0);
    }
    daemon_check_log(&run);
    site_remove(&site);
}
END_TEST

/* A terminal or a service manager may signal every process at once; libmilter would drop all that
 * is in hand. */
START_TEST(signals_to_workers_drop_nothing)
{
    pid_t children[DAEMON_MAX_CHILDREN];
    const struct milter_mail mail = small_mail();
    struct milter_client mc;
    size_t count;

    begin("");
    begin_message(&mc, &mail);
    count = daemon_children(&run, children);
    ck_assert_uint_eq(count, 3); /* two workers and the keeper */
    for (size_t i = 0; i < count; i++) {
        kill(children[i], SIGHUP);
        kill(children[i], SIGINT);
        kill(children[i], SIGTERM);
    }
    ck_assert_int_eq(send_small(local), MILTER_ACCEPT);
    kill(run.pid, SIGTERM);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGTERM);
    for (int i = 0; i < 30; i++)
        daemon_step();
    ck_assert_int_eq(milter_end(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    ck_assert_int_eq(daemon_wait(&run), 0);
    site_remove(&site);
}
END_TEST

START_TEST(stop_does_not_wait_for_ever)
{
    const struct milter_mail mail = small_mail();
    struct milter_client mc;

    begin("shutdown_timeout_s = 1;\n");
    begin_message(&mc, &mail);
    ck_assert_int_eq(kill(run.pid, SIGTERM), 0);
    ck_assert_int_eq(daemon_wait(&run), 1);
    ck_assert_uint_eq(daemon_log_count(&run, "stopped with 1 messages in hand"), 1);
    ck_assert_int_eq(milter_end(&mc, &mail), MILTER_LOST);
    milter_close(&mc);
    site_remove(&site);
}
END_TEST

/* Killed in the middle of a message: the MTA loses it (and defers); the next one is served. */
START_TEST(killed_worker_is_started_again)
{
    const struct milter_mail mail = small_mail();
    pid_t children[DAEMON_MAX_CHILDREN];
    struct milter_client mc;
    size_t count;

    begin("");
    begin_message(&mc, &mail);
    count = daemon_children(&run, children);
    for (size_t i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    ck_assert_int_eq(milter_end(&mc, &mail), MILTER_LOST);
    milter_close(&mc);
    daemon_wait_log(&run, "serving unix:", 4);
    daemon_wait_log(&run, "was killed by signal 9", 3);
    daemon_wait_log(&run, "supervisor: keeper is started again", 1);
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    ck_assert_int_eq(send_small(local), MILTER_ACCEPT);
    end();
}
END_TEST

START_TEST(workers_end_with_their_supervisor)
{
    pid_t children[DAEMON_MAX_CHILDREN];
    size_t count;

    begin("");
    count = daemon_children(&run, children);
    ck_assert_uint_eq(count, 3); /* two workers and the keeper */
    kill(run.pid, SIGKILL);
    ck_assert_int_eq(daemon_wait(&run), 128 + SIGKILL);
    daemon_wait_log(&run, "stopped, no message in hand", 2);
    /* what they leave behind does not stop the next one */
    daemon_start(&run, &site);
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    end();
}
END_TEST

START_TEST(no_core_dumps)
{
    pid_t pids[DAEMON_MAX_CHILDREN + 1];
    size_t count;

    begin("");
    count = daemon_children(&run, pids);
    pids[count++] = run.pid;
    for (size_t i = 0; i < count; i++) {
        char path[64], line[256];
        bool found = false;
        FILE *in;

        snprintf(path, sizeof path, "/proc/%d/limits", (int)pids[i]);
        in = fopen(path, "r");
        ck_assert_ptr_nonnull(in);
        while (fgets(line, sizeof line, in)) {
            unsigned soft = 1, hard = 1;

            if (sscanf(line, "Max core file size %u %u", &soft, &hard) == 2)
                found = soft == 0 && hard == 0;
        }
        fclose(in);
        ck_assert_msg(found, "process %d may dump core", (int)pids[i]);
    }
    end();
}
END_TEST

/* A full disk in the spool: deferred, never passed on; served again when there is room. */
START_TEST(full_spool_defers)
{
    struct milter_mail mail = small_mail();
    size_t size = 1 << 20;
    char *text = malloc(size);
    struct milter_client mc;

    if (geteuid() != 0) {
        fprintf(stderr, "full_spool_defers: skipped, only root can mount a small file system\n");
        free(text);
        return;
    }
    make_site("memory_spool_bytes = 4096;\n");
    if (mount("none", site.spool, "tmpfs", 0, "size=64k,mode=0700") != 0) {
        fprintf(stderr, "full_spool_defers: skipped, cannot mount: %s\n", strerror(errno));
        site_remove(&site);
        free(text);
        return;
    }
    daemon_start(&run, &site);
    memset(text, 'x', size);
    memcpy(text, "Subject: x\n\n", 12);
    for (size_t i = 80; i < size; i += 80)
        text[i] = '\n';
    mail.text = text;
    mail.length = size;
    open_client(&mc, inbound);
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_REPLYCODE);
    ck_assert_int_eq(strncmp(mc.reply, "451-4.3.0", 9), 0);
    mail = small_mail();
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    free(text);
    daemon_stop(&run);
    ck_assert_int_eq(umount(site.spool), 0);
    site_remove(&site);
}
END_TEST

/* Overwrite what is open in the daemon: an unreadable database is an error of ours. */
START_TEST(damaged_store_defers)
{
    struct milter_client mc;
    const struct milter_mail mail = small_mail();
    char wal[128];
    char answer;
    FILE *out;

    begin("");
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    snprintf(wal, sizeof wal, "%s-wal", site.store);
    ck_assert_int_eq(truncate(site.store, 0), 0);
    (void)!truncate(wal, 0);
    out = fopen(site.store, "w");
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < 65536; i++)
        fputc('x', out);
    ck_assert_int_eq(fclose(out), 0);
    open_client(&mc, inbound);
    answer = milter_send(&mc, &mail);
    ck_assert_msg(answer == MILTER_REPLYCODE && mc.reply[0] == '4', "answer %c %s", answer,
                  mc.reply);
    milter_close(&mc);
    end();
}
END_TEST

START_TEST(removed_store_defers)
{
    struct milter_client mc;
    const struct milter_mail mail = small_mail();
    char answer;

    begin("");
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    ck_assert_int_eq(unlink(site.store), 0);
    open_client(&mc, inbound);
    answer = milter_send(&mc, &mail);
    ck_assert_msg(answer == MILTER_REPLYCODE && mc.reply[0] == '4', "answer %c %s", answer,
                  mc.reply);
    milter_close(&mc);
    end();
}
END_TEST

/* The database locked by somebody: its shared memory's read locks are taken. */
START_TEST(locked_store_defers)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 8};
    const struct milter_mail mail = small_mail();
    struct milter_client mc;
    char shm[128];
    char answer;
    int fd;

    begin("database_timeout_ms = 300;\n");
    ck_assert_int_eq(send_small(inbound), MILTER_ACCEPT);
    snprintf(shm, sizeof shm, "%s-shm", site.store);
    fd = open(shm, O_RDWR | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "the store has no shared memory file");
    ck_assert_int_eq(fcntl(fd, F_SETLKW, &lock), 0);
    open_client(&mc, inbound);
    answer = milter_send(&mc, &mail);
    ck_assert_msg(answer == MILTER_REPLYCODE && mc.reply[0] == '4', "answer %c %s", answer,
                  mc.reply);
    close(fd);
    ck_assert_int_eq(milter_send(&mc, &mail), MILTER_ACCEPT);
    milter_close(&mc);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("daemon");
    TCase *cases = tcase_create("daemon");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, reload_does_not_touch_messages_in_hand);
    tcase_add_test(cases, broken_file_keeps_the_old_configuration);
    tcase_add_test(cases, changed_sockets_need_a_restart);
    tcase_add_test(cases, reload_without_a_store_keeps_the_old_configuration);
    tcase_add_loop_test(cases, stop_finishes_messages_in_hand, 0,
                        sizeof stop_signals / sizeof stop_signals[0]);
    tcase_add_test(cases, signals_to_workers_drop_nothing);
    tcase_add_test(cases, stop_does_not_wait_for_ever);
    tcase_add_test(cases, killed_worker_is_started_again);
    tcase_add_test(cases, workers_end_with_their_supervisor);
    tcase_add_test(cases, no_core_dumps);
    tcase_add_test(cases, full_spool_defers);
    tcase_add_test(cases, damaged_store_defers);
    tcase_add_test(cases, removed_store_defers);
    tcase_add_test(cases, locked_store_defers);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
