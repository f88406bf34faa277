/* Addresses: canonical forms, tags, VERP and SRS, managed domains. */
#include "address.h"
#include "test_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct {
    const char *text;
    const char *canonical;
} valid_addresses[] = {
    {"alice@example.com", "alice@example.com"},
    {"<alice@example.com>", "alice@example.com"},
    {"Alice.Smith@EXAMPLE.Com", "alice.smith@example.com"},
    {"alice@example.com.", "alice@example.com"},
    {"a+b-c_d=e/f@example.com", "a+b-c_d=e/f@example.com"},
    {"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
    /* quoting: only where it is needed (RFC 5321 section 4.1.2) */
    {"\"alice\"@example.com", "alice@example.com"},
    {"\"al\\ice\"@example.com", "alice@example.com"},
    {"\"Al Ice\"@example.com", "\"al ice\"@example.com"},
    {"\"a@b\"@example.com", "\"a@b\"@example.com"},
    {"\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com"},
    {"\"<a>\"@example.com", "\"<a>\"@example.com"},
    {"<\"a>b\"@example.com>", "\"a>b\"@example.com"},
    {"a..b@example.com", "\"a..b\"@example.com"},
    {"\"a..b\"@example.com", "\"a..b\"@example.com"},
    {"a.@example.com", "\"a.\"@example.com"},
    /* source routes (RFC 5321 appendix C) */
    {"@relay.test:alice@example.com", "alice@example.com"},
    {"<@a.test,@b.test:alice@example.com>", "alice@example.com"},
    {"@[IPv6:::1]:alice@example.com", "alice@example.com"},
    /* literals */
    {"user@[127.0.0.1]", "user@[127.0.0.1]"},
    {"user@[IPv6:2001:DB8::1]", "user@[ipv6:2001:db8::1]"},
    /* domains; the A-labels are those of UTS #46, non-transitional */
    {"x@localhost", "x@localhost"},
    {"x@b\xC3\xBC"
     "cher.example",
     "x@xn--bcher-kva.example"},
    {"x@B\xC3\x9C"
     "CHER.example",
     "x@xn--bcher-kva.example"},
    {"x@bu\xCC\x88"
     "cher.example",
     "x@xn--bcher-kva.example"},
    {"x@fa\xC3\x9F.de", "x@xn--fa-hia.de"},
    {"x@XN--Bcher-KVA.example", "x@xn--bcher-kva.example"},
    {"x@b\xC3\xBC"
     "cher\xE3\x80\x82"
     "example\xE3\x80\x82",
     "x@xn--bcher-kva.example"},
    {"x@r3---sn-abc.example.com", "x@r3---sn-abc.example.com"},
    {"x@under_score.example.com", "x@under_score.example.com"},
    /* SMTPUTF8: case is folded in ASCII only */
    {"M\xC3\x9CLLER@example.com", "m\xC3\x9Cller@example.com"},
    {"\xE7\x94\xB0\xE4\xB8\xAD@example.com", "\xE7\x94\xB0\xE4\xB8\xAD@example.com"},
};

START_TEST(canonical_form)
{
    const char *text = valid_addresses[_i].text;
    char *canonical = NULL;
    char *again = NULL;

    ck_assert_int_eq(address_canonical(text, strlen(text), &canonical), ADDRESS_OK);
    ck_assert_str_eq(canonical, valid_addresses[_i].canonical);
    ck_assert_int_eq(address_canonical(canonical, strlen(canonical), &again), ADDRESS_OK);
    ck_assert_str_eq(again, canonical);
    free(again);
    free(canonical);
}
END_TEST

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
    const char *name;
    const char *text;
    size_t length;
} invalid_addresses[] = {
    {"no domain", BYTES("alice")},
    {"empty domain", BYTES("alice@")},
    {"empty local part", BYTES("@example.com")},
    {"only an at sign", BYTES("@")},
    {"two at signs", BYTES("alice@bob@example.com")},
    {"empty quoted string", BYTES("\"\"@example.com")},
    {"open quote", BYTES("\"alice@example.com")},
    {"quote ends in a backslash", BYTES("\"alice\\")},
    {"quote without at sign", BYTES("\"alice\"")},
    {"bytes behind the quote", BYTES("\"alice\"x@example.com")},
    {"quote within an atom", BYTES("al\"i\"ce@example.com")},
    {"blank in the local part", BYTES("al ice@example.com")},
    {"leading blank", BYTES(" alice@example.com")},
    {"trailing blank", BYTES("alice@example.com ")},
    {"tab", BYTES("ali\tce@example.com")},
    {"line feed", BYTES("alice@example.com\n")},
    {"line feed in quotes", BYTES("\"a\nb\"@example.com")},
    {"NUL in the local part", BYTES("alice\0@example.com")},
    {"NUL in the domain", BYTES("alice@example.com\0.evil.test")},
    {"DEL", BYTES("ali\x7F"
                  "ce@example.com")},
    {"C1 control character", BYTES("a\xC2\x85@example.com")},
    {"line separator", BYTES("a\xE2\x80\xA8@example.com")},
    {"open angle bracket", BYTES("<alice@example.com")},
    {"closing angle bracket only", BYTES("alice@example.com>")},
    {"display name", BYTES("Alice <alice@example.com>")},
    {"comma", BYTES("a,b@example.com")},
    {"parenthesis", BYTES("a(b)@example.com")},
    {"empty label", BYTES("alice@example..com")},
    {"leading dot in the domain", BYTES("alice@.example.com")},
    {"two trailing dots", BYTES("alice@example.com..")},
    {"only a dot", BYTES("alice@.")},
    {"label begins with a hyphen", BYTES("alice@-example.com")},
    {"label ends with a hyphen", BYTES("alice@example-.com")},
    {"last label ends with a hyphen", BYTES("alice@example.com-")},
    {"slash in the domain", BYTES("alice@exam/ple.com")},
    {"fullwidth at sign in the domain", BYTES("alice@a\xEF\xBC\xA0"
                                              "b.example")},
    {"label of 64 bytes",
     BYTES("a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example")},
    {"empty literal", BYTES("user@[]")},
    {"open literal", BYTES("user@[127.0.0.1")},
    {"bytes behind a literal", BYTES("user@[127.0.0.1]x")},
    {"at sign in a literal", BYTES("user@[a@b]")},
    {"route without address", BYTES("@relay.test:")},
    {"route without end", BYTES("@relay.test,alice@example.com")},
    {"route with an empty host", BYTES("@:alice@example.com")},
    {"route with an empty second host", BYTES("@a.test,:alice@example.com")},
    {"overlong UTF-8", BYTES("\xC0\xAF@example.com")},
    {"surrogate in UTF-8", BYTES("\xED\xA0\x80@example.com")},
    {"UTF-8 above U+10FFFF", BYTES("\xF4\x90\x80\x80@example.com")},
    {"truncated UTF-8", BYTES("a@example.com\xE3\x80")},
    {"lone continuation byte", BYTES("\x80@example.com")},
    {"Latin-1", BYTES("m\xFCller@example.com")},
};

START_TEST(invalid_address)
{
    char *canonical = (char *)"untouched";
    /* A copy of exactly this size, for AddressSanitizer to see a byte read too many. */
    char *text = malloc(invalid_addresses[_i].length);

    ck_assert_ptr_nonnull(text);
    memcpy(text, invalid_addresses[_i].text, invalid_addresses[_i].length);
    ck_assert_msg(address_canonical(text, invalid_addresses[_i].length, &canonical) ==
                      ADDRESS_INVALID,
                  "accepted: %s", invalid_addresses[_i].name);
    ck_assert_ptr_null(canonical);
    free(text);
}
END_TEST

START_TEST(null_path)
{
    char *canonical = NULL;

    ck_assert_int_eq(address_canonical("", 0, &canonical), ADDRESS_NULL);
    ck_assert_int_eq(address_canonical("<>", 2, &canonical), ADDRESS_NULL);
    ck_assert_int_eq(address_canonical(NULL, 0, &canonical), ADDRESS_NULL);
    ck_assert_ptr_null(canonical);
    ck_assert_int_eq(address_canonical("< >", 3, &canonical), ADDRESS_INVALID);
}
END_TEST

/* The length that is told counts, not a NUL behind it. */
START_TEST(length_counts)
{
    char *canonical = NULL;

    ck_assert_int_eq(address_canonical("alice@example.com.evil.test", 17, &canonical), ADDRESS_OK);
    ck_assert_str_eq(canonical, "alice@example.com");
    free(canonical);
}
END_TEST

START_TEST(length_ceiling)
{
    static const char domain[] = "@example.com";
    char text[ADDRESS_MAX_BYTES + 2];
    char *canonical = NULL;
    size_t local = ADDRESS_MAX_BYTES - strlen(domain);

    memset(text, 'a', sizeof text);
    memcpy(text + local, domain, strlen(domain));
    ck_assert_int_eq(address_canonical(text, ADDRESS_MAX_BYTES, &canonical), ADDRESS_OK);
    ck_assert_uint_eq(strlen(canonical), ADDRESS_MAX_BYTES);
    free(canonical);
    memset(text, 'a', sizeof text);
    memcpy(text + local + 1, domain, strlen(domain));
    ck_assert_int_eq(address_canonical(text, ADDRESS_MAX_BYTES + 1, &canonical), ADDRESS_INVALID);
    /* Short enough, but not with the quotes that its canonical form needs. */
    memset(text, 'a', sizeof text);
    memcpy(text, "..", 2);
    memcpy(text + local, domain, strlen(domain));
    ck_assert_int_eq(address_canonical(text, ADDRESS_MAX_BYTES, &canonical), ADDRESS_INVALID);
}
END_TEST

START_TEST(domain_length)
{
    char text[256];
    char *canonical = NULL;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 50 == 49 ? '.' : 'a';
    ck_assert_int_eq(address_canonical_domain(text, 253, &canonical), ADDRESS_OK);
    free(canonical);
    ck_assert_int_eq(address_canonical_domain(text, 254, &canonical), ADDRESS_INVALID);
    ck_assert_int_eq(address_canonical_domain("", 0, &canonical), ADDRESS_INVALID);
    ck_assert_int_eq(address_canonical_domain("[127.0.0.1]", 11, &canonical), ADDRESS_INVALID);
}
END_TEST

START_TEST(domain_of)
{
    ck_assert_str_eq(address_domain("alice@example.com"), "example.com");
    ck_assert_str_eq(address_domain("\"a@b\"@example.com"), "example.com");
    ck_assert_str_eq(address_domain(""), "");
    ck_assert_str_eq(address_domain("alice"), "");
}
END_TEST

static const struct {
    const char *canonical, *delimiters, *expected;
} tags[] = {
    {"user+tag@d", "+", "user@d"},
    {"user+tag+more@d", "+", "user@d"},
    {"user-tag+more@d", "+-", "user@d"},
    {"user-tag@d", "+", "user-tag@d"},
    {"user+tag@d", "", "user+tag@d"},
    {"user+tag@d", NULL, "user+tag@d"},
    {"+tag@d", "+", "+tag@d"},
    {"++tag@d", "+", "+@d"},
    {"user+@d", "+", "user@d"},
    {"user@d+e", "+", "user@d+e"},
    {"\"a b+tag\"@d", "+", "\"a b\"@d"},
    {"\"user+a b\"@d", "+", "user@d"},
    {"\"a.+tag\"@d", "+", "\"a.\"@d"},
    {"\"a\\\"+tag\"@d", "+", "\"a\\\"\"@d"},
    {"", "+", ""},
};

START_TEST(without_tag)
{
    char *result = address_without_tag(tags[_i].canonical, tags[_i].delimiters);

    ck_assert_str_eq(result, tags[_i].expected);
    /* Both ways of asking agree. */
    if (strcmp(tags[_i].canonical, tags[_i].expected) != 0)
        ck_assert(
            address_equals_without_tag(tags[_i].canonical, tags[_i].expected, tags[_i].delimiters));
    free(result);
}
END_TEST

START_TEST(equals_without_tag)
{
    ck_assert(address_equals_without_tag("user@d", "user@d", "+"));
    ck_assert(address_equals_without_tag("user@d", "user@d", NULL));
    ck_assert(!address_equals_without_tag("user+tag@d", "user@d", NULL));
    ck_assert(!address_equals_without_tag("user+tag@d", "user@d", "-"));
    ck_assert(!address_equals_without_tag("user+tag@d", "use@d", "+"));
    ck_assert(!address_equals_without_tag("user+tag@d", "userx@d", "+"));
    ck_assert(!address_equals_without_tag("user@d", "user+tag@d", "+"));
    ck_assert(!address_equals_without_tag("user+a@d", "user+b@d", "+"));
    ck_assert(!address_equals_without_tag("user+tag@d", "user@e", "+"));
    ck_assert(!address_equals_without_tag("use@d", "user@d", "+"));
    ck_assert(!address_equals_without_tag("+user@d", "@d", "+"));
}
END_TEST

static const struct {
    const char *canonical, *delimiters, *expected;
} rewritten[] = {
    {"srs0=hash=tt=example.com=alice@fwd.test", "+", "alice@example.com"},
    {"srs0+hash=tt=example.com=alice@fwd.test", "+", "alice@example.com"},
    {"srs0-hash=tt=example.com=a=b@fwd.test", "+", "a=b@example.com"},
    {"srs1=xx=hop.test==hash=tt=example.com=alice@fwd.test", "+", "alice@example.com"},
    {"srs1=xx=hop.test=+hash=tt=example.com=alice@fwd.test", "+", "alice@example.com"},
    {"srs0=hash=tt=example.com=list+bob=partner.test@fwd.test", "+", "list@example.com"},
    {"srs0=hash=tt=example.com@fwd.test", "", "srs0=hash=tt=example.com@fwd.test"},
    {"srs0=hash=tt=exa..mple=alice@fwd.test", "", "srs0=hash=tt=exa..mple=alice@fwd.test"},
    {"srs0=hash==example.com=alice@fwd.test", "", "srs0=hash==example.com=alice@fwd.test"},
    {"srs0=hash=tt=example.com=@fwd.test", "", "srs0=hash=tt=example.com=@fwd.test"},
    {"srs1=xx=hop.test=hash=tt=d.test=a@fwd.test", "",
     "srs1=xx=hop.test=hash=tt=d.test=a@fwd.test"},
    {"srs0@fwd.test", "+", "srs0@fwd.test"},
    {"srs02=a=b=c.test=d@fwd.test", "+", "srs02=a=b=c.test=d@fwd.test"},
    {"user+bob=partner.test@d", "+", "user@d"},
    {"list-bounces-bob=partner.test@d", "-", "list@d"},
    {"user+bob=partner.test@d", "-", "user+bob=partner.test@d"},
    {"user+bob=partner.test@d", "", "user+bob=partner.test@d"},
    {"user+tag@d", "+", "user+tag@d"},
    {"user+=x@d", "+", "user+=x@d"},
    {"user+x=@d", "+", "user+x=@d"},
    {"alice@example.com", "+", "alice@example.com"},
    {"", "+", ""},
};

START_TEST(without_verp)
{
    char *result = address_without_verp(rewritten[_i].canonical, rewritten[_i].delimiters);

    ck_assert_str_eq(result, rewritten[_i].expected);
    free(result);
}
END_TEST

static const struct {
    const char *canonical;
    char mark;
    const char *expected; /* NULL: none */
} routes[] = {
    {"bob%partner.test@example.com", '%', "bob@partner.test"},
    {"bob%a.test%partner.test@example.com", '%', "bob%a.test@partner.test"},
    {"partner.test!bob@example.com", '!', "bob@partner.test"},
    {"a.test!partner.test!bob@example.com", '!', "partner.test!bob@a.test"},
    {"\"bob@partner.test\"@example.com", '@', "bob@partner.test"},
    {"\"b b%partner.test\"@example.com", '%', NULL},
    {"bob@example.com", '%', NULL},
    {"bob@example.com", '!', NULL},
    {"bob@example.com", '@', NULL},
    {"%@example.com", '%', NULL},
    {"bob%@example.com", '%', NULL},
    {"!bob@example.com", '!', NULL},
};

START_TEST(routed)
{
    char *result = NULL;
    enum address_status status = address_routed(routes[_i].canonical, routes[_i].mark, &result);

    ck_assert_int_eq(status, routes[_i].expected ? ADDRESS_OK : ADDRESS_INVALID);
    if (routes[_i].expected)
        ck_assert_str_eq(result, routes[_i].expected);
    else
        ck_assert_ptr_null(result);
    free(result);
}
END_TEST

START_TEST(in_domains)
{
    char *const domains[] = {(char *)"example.com", (char *)".sub.example.org"};

    ck_assert(address_in_domains("a@example.com", domains, 2));
    ck_assert(address_in_domains("a@x.sub.example.org", domains, 2));
    ck_assert(address_in_domains("a@x.y.sub.example.org", domains, 2));
    ck_assert(!address_in_domains("a@sub.example.org", domains, 2));
    ck_assert(!address_in_domains("a@badsub.example.org", domains, 2));
    ck_assert(!address_in_domains("a@sub.example.com", domains, 2));
    ck_assert(!address_in_domains("a@badexample.com", domains, 2));
    ck_assert(!address_in_domains("a@example.com.evil.test", domains, 2));
    ck_assert(!address_in_domains("\"a@example.com\"@evil.test", domains, 2));
    ck_assert(!address_in_domains("", domains, 2));
    ck_assert(!address_in_domains("a@example.com", domains, 0));
}
END_TEST

static const struct {
    const char *text;
    const char *content; /* NULL: no address */
} contents[] = {
    {"Bob@partner.test", "Bob"},
    {"<Bob+News@partner.test>", "Bob+News"},
    {"\"with blank\"@partner.test", "with blank"},
    {"\"a\\\"b\"@partner.test", "a\"b"},
    {"\"plain\"@partner.test", "plain"},
    {"@relay.test:Bob@partner.test", "Bob"},
    {"j\xc3\xb6rg@partner.test", "j\xc3\xb6rg"},
    {"bob", NULL},
    {"", NULL},
    {"<>", NULL},
    {"\"open@partner.test", NULL},
};

/* The case stays as it was written: the DNS names of certificates depend on it. */
START_TEST(content_of_local_part)
{
    char *content = NULL;
    size_t length = 0;
    enum address_status status =
        address_local_content(contents[_i].text, strlen(contents[_i].text), &content, &length);

    if (contents[_i].content) {
        ck_assert_int_eq(status, ADDRESS_OK);
        ck_assert_str_eq(content, contents[_i].content);
        ck_assert_uint_eq(length, strlen(contents[_i].content));
    } else {
        ck_assert_int_ne(status, ADDRESS_OK);
        ck_assert_ptr_null(content);
    }
    free(content);
}
END_TEST

static Suite *address_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tc = tcase_create("address");

    tcase_add_loop_test(tc, canonical_form, 0, (int)COUNT(valid_addresses));
    tcase_add_loop_test(tc, invalid_address, 0, (int)COUNT(invalid_addresses));
    tcase_add_test(tc, null_path);
    tcase_add_test(tc, length_counts);
    tcase_add_test(tc, length_ceiling);
    tcase_add_test(tc, domain_length);
    tcase_add_test(tc, domain_of);
    tcase_add_loop_test(tc, without_tag, 0, (int)COUNT(tags));
    tcase_add_test(tc, equals_without_tag);
    tcase_add_loop_test(tc, routed, 0, (int)COUNT(routes));
    tcase_add_loop_test(tc, without_verp, 0, (int)COUNT(rewritten));
    tcase_add_test(tc, in_domains);
    tcase_add_loop_test(tc, content_of_local_part, 0, (int)COUNT(contents));
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{

    return test_run(address_suite());
}
