/* A private name server (BIND) on the loopback interface, with zones signed by BIND's own tools:
 *
 *     example.          signed; its key is the trust anchor in anchor.key
 *     partner.example.  signed, with its DS above: secure
 *     bogus.example.    the same, but a record was altered behind the signer's back
 *     plain.example.    not signed, and proved so above: insecure
 *
 * Header only. What cannot be made fails the test. */
#ifndef TESTS_DIRECTORY_NAMED_RUN_H
#define TESTS_DIRECTORY_NAMED_RUN_H

#include "admin/slapd_run.h"

struct named {
    pid_t child;
    int port;
    char address[32]; /* as dns_resolvers has it */
};

static const char named_head[] =
    "$TTL 300\n@ IN SOA ns.example. root.example. 1 3600 600 86400 60\n"
    "@ IN NS ns.example.\n";

/* Write a zone from lines of records. */
static inline void named_zone(const char *zone, const char *records)
{
    char *text = NULL;
    ck_assert_int_gt(asprintf(&text, "%s%s", named_head, records), 0);
    write_text(in_dir(zone), text);
    free(text);
}

/* Keys, signatures, DS: the children first. What the sed pattern in the file bogus.from matches is
 * altered in bogus.example to what bogus.to says, once it is signed. */
static inline void named_sign(void)
{
    static const char script[] =
        "set -e; cd \"$1\"\n"
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
        "for zone in partner.example bogus.example example; do\n"
        "  dnssec-keygen -q -a ECDSAP256SHA256 -n ZONE \"$zone\" >/dev/null\n"
        "  dnssec-keygen -q -a ECDSAP256SHA256 -n ZONE -f KSK \"$zone\" >\"$zone.ksk\"\n"
        "  dnssec-signzone -q -S -g -d . -K . -o \"$zone\" \"$zone\" >/dev/null\n"
        "done\n"
        "grep -h -v '^;' \"$(cat example.ksk).key\" >anchor.key\n"
        "if [ -s bogus.from ]; then\n"
        "  sed -i \"s/$(cat bogus.from)/$(cat bogus.to)/I\" bogus.example.signed\n"
        "fi\n";
    expect_run("signing the zones", RUN(NULL, "sh", "-c", script, "sh", run_directory), 0, NULL);
}

static inline bool named_answers(const struct named *named)
{
    char port[16];
    snprintf(port, sizeof port, "%d", named->port);
    struct run run = RUN(NULL, "dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", "-p", port,
                         "example.", "SOA");
    bool answers = run.code == 0 && strstr(run.out, "ns.example.") != NULL;
    run_clear(&run);
    return answers;
}

/* Start the server with the zone files partner.example, bogus.example and plain.example; it also
 * makes their parent. */
static inline void named_start(struct named *named)
{
    char *config = NULL;
    char port[16];
    named_zone("example", "ns IN A 127.0.0.1\npartner IN NS ns.example.\n"
                          "bogus IN NS ns.example.\nplain IN NS ns.example.\n");
    named_sign();
    *named = (struct named){.port = slapd_free_port()};
    snprintf(port, sizeof port, "%d", named->port);
    snprintf(named->address, sizeof named->address, "127.0.0.1@%d", named->port);
    ck_assert_int_gt(
        asprintf(&config,
                 "options { directory \"%1$s\"; listen-on port %2$d { 127.0.0.1; };\n"
                 "  listen-on-v6 { none; }; pid-file none; session-keyfile none;\n"
                 "  recursion no; dnssec-validation no; };\n"
                 "controls { };\n"
                 "zone example { type primary; file \"example.signed\"; };\n"
                 "zone partner.example { type primary; file \"partner.example.signed\"; };\n"
                 "zone bogus.example { type primary; file \"bogus.example.signed\"; };\n"
                 "zone plain.example { type primary; file \"plain.example\"; };\n",
                 run_directory, named->port),
        0);
    write_text(in_dir("named.conf"), config);
    free(config);
    fflush(NULL);
    named->child = fork();
    ck_assert_int_ge(named->child, 0);
    if (named->child == 0) {
        redirect(in_dir("named.log"), O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        execl("/usr/sbin/named", "named", "-g", "-n", "1", "-c", in_dir("named.conf"), "-p", port,
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 200 && !named_answers(named); i++) {
        ck_assert_msg(waitpid(named->child, NULL, WNOHANG) == 0, "named has ended");
        usleep(50000);
    }
    ck_assert_msg(named_answers(named), "named does not answer");
}

static inline void named_stop(struct named *named)
{
    kill(named->child, SIGTERM);
    ck_assert_int_eq(waitpid(named->child, NULL, 0), named->child);
}

#endif
