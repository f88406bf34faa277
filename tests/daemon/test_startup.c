/* Starting smimed: the command line, what stands in the way, the background, the user it becomes.
 */
#include <check.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon_run.h"
#include "milter_client.h"
#include "test_run.h"

static struct site site;
static struct daemon_run run;
static char path[128]; /* of the socket */

static void configure(const char *socket_more, const char *more)
{
    char text[2048];

    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s\"; role = \"inbound\"; %s } );\n%s", path,
             socket_more, more);
    site_configure(&site, text);
}

static void make_site(const char *socket_more, const char *more)
{
    site_make(&site, "");
    snprintf(path, sizeof path, "%s/inbound", site.dir);
    snprintf(run.log, sizeof run.log, "%s/log", site.dir);
    configure(socket_more, more);
}

/* Start with arguments after "-c CONFIG". */
static int run_with(const char *first, const char *second)
{
    const char *arguments[] = {"-c", site.config, first, second, NULL};

    return daemon_run_once(&run, &site, arguments);
}

static void expect_log(const char *what)
{
    char *text = daemon_log(&run);

    ck_assert_msg(strstr(text, what) != NULL, "\"%s\" is not in:\n%s", what, text);
    free(text);
}

/* Listen on the socket's path; returns the descriptor. */
static int occupy(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

START_TEST(command_line)
{
    static const struct {
        const char *argument;
        int status;
        const char *said;
    } cases[] = {
        {"--version", 0, "smimed "},
        {"--help", 0, "usage: smimed"},
        {"--defaults", 0, "shutdown_timeout_s"},
        {"--nonsense", 64, "usage: smimed"},
        {"argument", 64, "unexpected argument: argument"},
    };

    make_site("", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[] = {cases[i].argument, NULL};

        ck_assert_msg(daemon_run_once(&run, &site, arguments) == cases[i].status, "%s",
                      cases[i].argument);
        expect_log(cases[i].said);
        ck_assert_int_eq(truncate(run.log, 0), 0);
    }
    strcpy(site.config, "/nonexistent/smimed.conf");
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("/nonexistent/smimed.conf: No such file");
    site_remove(&site);
}
END_TEST

START_TEST(left_over_socket_is_replaced)
{
    struct milter_client mc;
    char address[160];

    make_site("", "");
    close(occupy());
    ck_assert_int_eq(access(path, F_OK), 0);
    daemon_start(&run, &site);
    snprintf(address, sizeof address, "unix:%s", path);
    ck_assert_int_eq(milter_connect(&mc, address), 0);
    ck_assert_int_eq(milter_open_session(&mc, NULL), MILTER_CONTINUE);
    milter_close(&mc);
    daemon_stop(&run);
    site_remove(&site);
}
END_TEST

START_TEST(socket_in_use_is_left_alone)
{
    struct stat before, after;
    int fd;

    make_site("", "");
    fd = occupy();
    ck_assert_int_eq(lstat(path, &before), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("another process already listens on");
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    close(fd);
    site_remove(&site);
}
END_TEST

START_TEST(a_file_in_place_of_the_socket_is_left_alone)
{
    FILE *out;

    make_site("", "");
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("exists and is not a socket");
    ck_assert_int_eq(access(path, F_OK), 0);
    site_remove(&site);
}
END_TEST

START_TEST(missing_directory_is_named)
{
    char command[500];

    make_site("", "");
    snprintf(path, sizeof path, "%s/none/inbound", site.dir);
    configure("", "");
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("/none of a socket does not exist; make it: install -d -m 0750 /");
    snprintf(command, sizeof command, "sed -i 's/user = \"\"/user = \"nobody\"/' %s", site.config);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("make it: install -d -o nobody -g nogroup -m 0750 /");
    site_remove(&site);
}
END_TEST

START_TEST(port_in_use_is_named)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[256];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    make_site("", "");
    snprintf(text, sizeof text,
             "sockets = ( { address = \"inet:%d@127.0.0.1\"; role = \"inbound\"; } );\n",
             ntohs(address.sin_port));
    site_configure(&site, text);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("cannot listen on inet:");
    close(fd);
    site_remove(&site);
}
END_TEST

START_TEST(one_bad_socket_stops_all)
{
    char text[512];

    make_site("", "");
    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s\"; role = \"inbound\"; },\n"
             "  { address = \"unix:%s/none/local\"; role = \"local\"; } );\n",
             path, site.dir);
    site_configure(&site, text);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("worker-2 does not start; nothing is served");
    /* that the one which is gone hears nothing is no news */
    ck_assert_uint_eq(daemon_log_count(&run, "does not listen"), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    site_remove(&site);
}
END_TEST

START_TEST(spool_is_checked)
{
    make_site("", "");
    ck_assert_int_eq(chmod(site.spool, 0777), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("is writable for others; allowed is 0700");
    ck_assert_int_eq(rmdir(site.spool), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("the spool directory");
    expect_log("No such file or directory");
    site_remove(&site);
}
END_TEST

START_TEST(test_option_reports_every_mistake)
{
    char text[1024];

    make_site("", "");
    ck_assert_int_eq(run_with("-t", NULL), 0);
    expect_log("can be made");
    expect_log("opened");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(truncate(run.log, 0), 0);
    configure("mode = \"9\";", "max_recipients = -1;\nnonsense = 1;\n");
    ck_assert_int_eq(run_with("-t", NULL), 1);
    ck_assert_uint_ge(daemon_log_count(&run, "smimed.conf:"), 3);
    ck_assert_int_eq(truncate(run.log, 0), 0);
    /* what only shows beyond the file, all at once too */
    snprintf(path, sizeof path, "%s/none/inbound", site.dir);
    ck_assert_int_eq(rmdir(site.spool), 0);
    ck_assert_int_eq(unlink(site.secret), 0);
    configure("", "");
    ck_assert_int_eq(run_with("-t", NULL), 1);
    expect_log("/none of a socket");
    expect_log("the spool directory");
    expect_log("master.secret");
    /* one directory of three sockets is one mistake */
    snprintf(text, sizeof text,
             "sockets = ( { address = \"unix:%s1\"; role = \"inbound\"; },\n"
             "  { address = \"unix:%s2\"; role = \"submission\"; },\n"
             "  { address = \"unix:%s3\"; role = \"local\"; } );\n",
             path, path, path);
    site_configure(&site, text);
    ck_assert_int_eq(truncate(run.log, 0), 0);
    ck_assert_int_eq(run_with("-t", NULL), 1);
    ck_assert_uint_eq(daemon_log_count(&run, "/none of a socket"), 1);
    /* the missing store, and what makes it */
    ck_assert_int_eq(unlink(site.store), 0);
    ck_assert_int_eq(run_with("-t", NULL), 1);
    expect_log("make one with: smimectl init");
    site_remove(&site);
}
END_TEST

/* The files of the servers that smimed sends to; the servers themselves are not asked. */
START_TEST(test_option_reads_the_files_of_mail_servers)
{
    char text[1024];

    make_site("", "");
    snprintf(
        text, sizeof text,
        "reinject = { address = \"unix:/nowhere\"; user = \"x\"; password_file = \"%s/a\"; };\n"
        "mail_server = { address = \"inet:25@relay.invalid\"; ca_file = \"%s/b\"; };\n",
        site.dir, site.dir);
    configure("", text);
    ck_assert_int_eq(run_with("-t", NULL), 1);
    expect_log("/a cannot be opened");
    expect_log("inet:25@relay.invalid: cannot read certificates from");
    ck_assert_int_eq(truncate(run.log, 0), 0);
    configure("", "reinject = \"unix:/nowhere\";\nmail_server = \"inet:25@relay.invalid\";\n");
    ck_assert_int_eq(run_with("-t", NULL), 0);
    expect_log("reinject unix:/nowhere: not asked");
    expect_log("mail_server inet:25@relay.invalid: not asked");
    site_remove(&site);
}
END_TEST

START_TEST(test_option_reads_the_text_of_reports)
{
    char text[300];

    make_site("", "");
    configure("", "report_template = \"/nonexistent\";\n");
    ck_assert_int_eq(run_with("-t", NULL), 1);
    expect_log("report_template: cannot read /nonexistent");
    ck_assert_int_eq(truncate(run.log, 0), 0);
    /* the file with the secret is no text of a report */
    snprintf(text, sizeof text, "report_template = \"%s\";\n", site.secret);
    configure("", text);
    ck_assert_int_eq(run_with("-t", NULL), 1);
    expect_log("must begin with a line \"Subject: ...\"");
    site_remove(&site);
}
END_TEST

static pid_t read_pid(void)
{
    char name[128];
    long pid = 0;
    FILE *in;

    snprintf(name, sizeof name, "%s/pid", site.dir);
    in = fopen(name, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_int_eq(fscanf(in, "%ld", &pid), 1);
    fclose(in);
    return (pid_t)pid;
}

START_TEST(background)
{
    struct milter_client mc;
    char address[160], more[200];
    pid_t pid;

    make_site("", "");
    snprintf(more, sizeof more, "pid_file = \"%s/pid\";\n", site.dir);
    configure("", more);
    ck_assert_int_eq(run_with(NULL, NULL), 0);
    /* the command has returned: the socket is there */
    snprintf(address, sizeof address, "unix:%s", path);
    ck_assert_int_eq(milter_connect(&mc, address), 0);
    ck_assert_int_eq(milter_open_session(&mc, NULL), MILTER_CONTINUE);
    milter_close(&mc);
    pid = read_pid();
    ck_assert_int_eq(getsid(pid) == pid, 0); /* no session leader: it gets no terminal */
    ck_assert_int_ne(getsid(pid), getsid(0));
    /* a second one is told so and harms nothing */
    ck_assert_int_eq(run_with(NULL, NULL), 1);
    expect_log("already running");
    ck_assert_int_eq(milter_connect(&mc, address), 0);
    ck_assert_int_eq(milter_open_session(&mc, NULL), MILTER_CONTINUE);
    milter_close(&mc);
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    for (int waited = 0; kill(pid, 0) == 0; waited += DAEMON_STEP_MS) {
        ck_assert_int_lt(waited, DAEMON_PATIENCE_MS);
        daemon_step();
    }
    ck_assert_int_ne(access(path, F_OK), 0);
    site_remove(&site);
}
END_TEST

/* With the log going to syslog, whoever starts it still hears why it does not start. */
START_TEST(background_failure_is_told)
{
    make_site("", "log = \"syslog\";\n");
    ck_assert_int_eq(chmod(site.spool, 0777), 0);
    ck_assert_int_eq(run_with(NULL, NULL), 1);
    expect_log("is writable for others");
    site_remove(&site);
}
END_TEST

static void check_identity(pid_t pid, const struct passwd *user)
{
    char name[64], line[256];
    unsigned ids[4] = {0};
    bool uid_seen = false;
    FILE *in;

    snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
    in = fopen(name, "r");
    ck_assert_ptr_nonnull(in);
    while (fgets(line, sizeof line, in)) {
        bool uid = sscanf(line, "Uid: %u %u %u %u", ids, ids + 1, ids + 2, ids + 3) == 4;
        bool gid = !uid && sscanf(line, "Gid: %u %u %u %u", ids, ids + 1, ids + 2, ids + 3) == 4;

        for (int i = 0; (uid || gid) && i < 4; i++)
            ck_assert_uint_eq(ids[i], uid ? user->pw_uid : user->pw_gid);
        uid_seen |= uid;
        if (!strncmp(line, "CapEff:", 7))
            ck_assert_msg(strtoull(line + 7, NULL, 16) == 0, "capabilities are left: %s", line);
    }
    ck_assert(uid_seen);
    fclose(in);
}

/* Started by root, a socket without a group of its own is the user's: the MTA, a member of the
 * user's group, could not connect to one of root's. */
static void privileges_are_dropped_to(const char *socket_more, gid_t expected)
{
    const struct passwd *nobody = getpwnam("nobody");
    pid_t children[DAEMON_MAX_CHILDREN];
    struct milter_client mc;
    char address[160], command[500];
    size_t count;

    make_site(socket_more, "");
    /* the last user counts: what site_configure() wrote is replaced */
    snprintf(command, sizeof command,
             "sed -i 's/^\\(.*\\)user = \"\"/\\1user = \"nobody\"/' %s && chown -R nobody %s && "
             "chmod 0755 %s",
             site.config, site.dir, site.dir);
    ck_assert_int_eq(system(command), 0);
    daemon_start(&run, &site);
    count = daemon_children(&run, children);
    ck_assert_uint_eq(count, 2); /* a worker and the keeper */
    for (size_t i = 0; i < count; i++)
        check_identity(children[i], nobody);
    snprintf(address, sizeof address, "unix:%s", path);
    ck_assert_int_eq(milter_connect(&mc, address), 0);
    ck_assert_int_eq(milter_open_session(&mc, NULL), MILTER_CONTINUE);
    milter_close(&mc);
    {
        struct stat status;

        ck_assert_int_eq(stat(path, &status), 0);
        ck_assert_uint_eq(status.st_uid, nobody->pw_uid);
        ck_assert_uint_eq(status.st_gid, expected);
        ck_assert_uint_eq(status.st_mode & 07777, 0660);
    }
    daemon_stop(&run);
    site_remove(&site);
}

START_TEST(privileges_are_dropped)
{
    const struct group *daemon = getgrnam("daemon");
    const struct passwd *nobody = getpwnam("nobody");

    if (geteuid() != 0 || !daemon || !nobody) {
        fprintf(stderr, "privileges_are_dropped: skipped, only root can drop privileges\n");
        return;
    }
    privileges_are_dropped_to("group = \"daemon\";", daemon->gr_gid);
    privileges_are_dropped_to("", nobody->pw_gid);
}
END_TEST

START_TEST(unknown_user_is_named)
{
    char command[500];

    if (geteuid() != 0)
        return;
    make_site("", "");
    snprintf(command, sizeof command, "sed -i 's/user = \"\"/user = \"no-such-user\"/' %s",
             site.config);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(run_with("-f", NULL), 1);
    expect_log("the user no-such-user does not exist");
    site_remove(&site);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("startup");
    TCase *cases = tcase_create("startup");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, command_line);
    tcase_add_test(cases, left_over_socket_is_replaced);
    tcase_add_test(cases, socket_in_use_is_left_alone);
    tcase_add_test(cases, a_file_in_place_of_the_socket_is_left_alone);
    tcase_add_test(cases, missing_directory_is_named);
    tcase_add_test(cases, port_in_use_is_named);
    tcase_add_test(cases, one_bad_socket_stops_all);
    tcase_add_test(cases, spool_is_checked);
    tcase_add_test(cases, test_option_reports_every_mistake);
    tcase_add_test(cases, test_option_reads_the_files_of_mail_servers);
    tcase_add_test(cases, test_option_reads_the_text_of_reports);
    tcase_add_test(cases, background);
    tcase_add_test(cases, background_failure_is_told);
    tcase_add_test(cases, privileges_are_dropped);
    tcase_add_test(cases, unknown_user_is_named);
    suite_add_tcase(suite, cases);
    return test_run(suite);
}
