/* A private LDAP server on the loopback interface, with people in it. Header only. */
#ifndef TESTS_ADMIN_SLAPD_RUN_H
#define TESTS_ADMIN_SLAPD_RUN_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "smimectl_run.h"

#define SLAPD_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

struct slapd {
    pid_t child;
    int port;     /* ldap, with STARTTLS */
    int tls_port; /* ldaps */
    char uri[64];
    char tls_uri[64];
    char local_uri[RUN_PATH_BYTES * 3]; /* ldapi */
};

/* A port that nobody listens on. */
static inline int slapd_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    close(listener);
    return ntohs(address.sin_port);
}

static inline bool slapd_listens(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((in_port_t)port)};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(connection, 0);
    bool listens = connect(connection, (struct sockaddr *)&address, sizeof address) == 0;
    close(connection);
    return listens;
}

/* server.pem, server.key and directory-ca.pem: for 127.0.0.1. Not for "localhost", instead of which
 * libldap looks for the name of the machine. */
static inline void slapd_write_certificates(void)
{
    struct pki ca = pki_ca("Directory CA");
    write_pki("directory-ca", &ca);
    pki_clear(&ca);
    expect_run("openssl req",
               OPENSSL("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                       "-nodes", "-keyout", in_dir("server.key"), "-out", in_dir("server.pem"),
                       "-CA", in_dir("directory-ca.pem"), "-CAkey", in_dir("directory-ca.key"),
                       "-subj", "/CN=directory", "-days", "30", "-addext",
                       "subjectAltName=IP:127.0.0.1", "-addext",
                       "basicConstraints=critical,CA:FALSE"),
               0, NULL);
}

static inline void slapd_write_config(void)
{
    char *text = NULL;
    ck_assert_int_gt(
        asprintf(&text,
                 "include /etc/ldap/schema/core.schema\n"
                 "include /etc/ldap/schema/cosine.schema\n"
                 "include /etc/ldap/schema/inetorgperson.schema\n"
                 "attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'\n"
                 "  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
                 "attributetype ( 1.3.6.1.4.1.7914.1.2.1.2 NAME 'mailAlternateAddress'\n"
                 "  EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )\n"
                 "objectclass ( 1.3.6.1.4.1.7914.1.2.2.99 NAME 'testPerson' SUP top AUXILIARY\n"
                 "  MAY ( proxyAddresses $ mailAlternateAddress ) )\n"
                 "modulepath /usr/lib/ldap\n"
                 "moduleload back_mdb\n"
                 "TLSCertificateFile %1$s/server.pem\n"
                 "TLSCertificateKeyFile %1$s/server.key\n"
                 "database mdb\n"
                 "suffix \"dc=example,dc=com\"\n"
                 "rootdn \"cn=root,dc=example,dc=com\"\n"
                 "directory %1$s/ldap\n"
                 "limits dn.exact=\"cn=smimed,dc=example,dc=com\" size=unlimited\n"
                 "access to attrs=userPassword by anonymous auth by * none\n"
                 "access to dn.subtree=\"ou=hidden,dc=example,dc=com\"\n"
                 "  by dn.exact=\"cn=smimed,dc=example,dc=com\" read by * none\n"
                 "access to * by * read\n",
                 run_directory),
        0);
    write_text(in_dir("slapd.conf"), text);
    free(text);
    ck_assert_int_eq(mkdir(in_dir("ldap"), 0700), 0);
}

/* Start a server with the entries of `ldif`, and wait until it answers. */
static inline void slapd_start(struct slapd *slapd, const char *ldif)
{
    slapd_write_certificates();
    slapd_write_config();
    write_text(in_dir("people.ldif"), ldif);
    expect_run("slapadd",
               RUN(NULL, "env", SLAPD_PATH, "slapadd", "-q", "-f", in_dir("slapd.conf"), "-l",
                   in_dir("people.ldif")),
               0, NULL);
    *slapd = (struct slapd){.port = slapd_free_port(), .tls_port = slapd_free_port()};
    snprintf(slapd->uri, sizeof slapd->uri, "ldap://127.0.0.1:%d", slapd->port);
    snprintf(slapd->tls_uri, sizeof slapd->tls_uri, "ldaps://127.0.0.1:%d", slapd->tls_port);
    char *at = slapd->local_uri + sprintf(slapd->local_uri, "ldapi://");
    for (const char *c = in_dir("ldapi"); *c; c++) {
        at += *c == '/' ? sprintf(at, "%%2F") : sprintf(at, "%c", *c);
    }
    char all[RUN_PATH_BYTES * 4];
    snprintf(all, sizeof all, "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d %s", slapd->port,
             slapd->tls_port, slapd->local_uri);
    fflush(NULL);
    slapd->child = fork();
    ck_assert_int_ge(slapd->child, 0);
    if (slapd->child == 0) {
        redirect(in_dir("slapd.log"), O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
        execl("/usr/sbin/slapd", "slapd", "-d", "0", "-f", in_dir("slapd.conf"), "-h", all,
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 1000 && !slapd_listens(slapd->tls_port); i++) {
        ck_assert_msg(waitpid(slapd->child, NULL, WNOHANG) == 0, "slapd has ended");
        usleep(10000);
    }
    ck_assert_msg(slapd_listens(slapd->tls_port), "slapd does not answer");
}

static inline void slapd_stop(struct slapd *slapd)
{
    kill(slapd->child, SIGTERM);
    ck_assert_int_eq(waitpid(slapd->child, NULL, 0), slapd->child);
}

#endif
