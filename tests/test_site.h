/* A site for tests: a directory of its own with a configuration, an empty store, a spool.
 *
 * Header only. site_make() fails the test when anything cannot be made; site_remove() takes all of
 * it away. */
#ifndef TESTS_TEST_SITE_H
#define TESTS_TEST_SITE_H

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway.h"
#include "why.h"

#define SITE_UNUSED __attribute__((unused))

struct site {
    char dir[64];
    char config[96];
    char store[96];
    char secret[96];
    char spool[96];
};

/* Write the configuration: what every site has, and `more`. */
SITE_UNUSED static void site_configure(const struct site *site, const char *more)
{
    FILE *out = fopen(site->config, "w");

    ck_assert_ptr_nonnull(out);
    fprintf(out,
            "managed_domains = [ \"example.com\" ];\n"
            "store = \"%s\";\nmaster_secret = \"%s\";\nspool = \"%s\";\n"
            "mozilla_roots = \"\";\nuser = \"\";\nauthserv_id = \"mx.example.com\";\n%s",
            site->store, site->secret, site->spool, more);
    ck_assert_int_eq(fclose(out), 0);
}

SITE_UNUSED static void site_make(struct site *site, const char *more)
{
    struct store_options options = {.path = site->store,
                                    .secret_path = site->secret,
                                    .mozilla_roots = NULL,
                                    .timeout_ms = 5000};
    char *why = NULL;

    memset(site, 0, sizeof *site);
    strcpy(site->dir, "/tmp/smimed-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(site->dir));
    snprintf(site->config, sizeof site->config, "%s/smimed.conf", site->dir);
    snprintf(site->store, sizeof site->store, "%s/store.db", site->dir);
    snprintf(site->secret, sizeof site->secret, "%s/master.secret", site->dir);
    snprintf(site->spool, sizeof site->spool, "%s/spool", site->dir);
    ck_assert_int_eq(mkdir(site->spool, 0700), 0);
    ck_assert_msg(store_create(&options, &why) == STORE_OK, "%s", why_text(&why));
    why_free(&why);
    site_configure(site, more);
}

SITE_UNUSED static void site_remove(struct site *site)
{
    char command[96];

    if (strncmp(site->dir, "/tmp/smimed-test-", 17) != 0)
        return;
    snprintf(command, sizeof command, "rm -rf %s", site->dir);
    ck_assert_int_eq(system(command), 0);
    site->dir[0] = '\0';
}

/* Open a gateway on the site. */
SITE_UNUSED static struct gateway *site_gateway(const struct site *site)
{
    struct problems problems = {0};
    struct gateway *gateway = gateway_open(site->config, &problems);

    ck_assert_msg(gateway != NULL, "%s",
                  problems.count > 0 ? problems.items[0].text : "no gateway and no problem");
    problems_clear(&problems);
    return gateway;
}

#endif
