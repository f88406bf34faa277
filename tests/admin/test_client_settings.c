/* smimectl client-settings, read by xmllint and openssl as mail programs would. The guides:
 * test_client_guide.c. */
#include "smimectl_run.h"

/* Apple's grammar of property lists, as it has been since Mac OS X. */
static const char plist_dtd[] =
    "<!ENTITY % plistObject \"(array | data | date | dict | real | integer | string | true | "
    "false )\">\n"
    "<!ELEMENT plist %plistObject;>\n"
    "<!ATTLIST plist version CDATA \"1.0\">\n"
    "<!ELEMENT array (%plistObject;)*>\n"
    "<!ELEMENT dict (key, %plistObject;)*>\n"
    "<!ELEMENT key (#PCDATA)>\n"
    "<!ELEMENT string (#PCDATA)>\n"
    "<!ELEMENT data (#PCDATA)>\n"
    "<!ELEMENT date (#PCDATA)>\n"
    "<!ELEMENT true EMPTY>\n"
    "<!ELEMENT false EMPTY>\n"
    "<!ELEMENT real (#PCDATA)>\n"
    "<!ELEMENT integer (#PCDATA)>\n";

/* What Thunderbird reads of clientConfig 1.1, as far as it is written here. */
static const char autoconfig_dtd[] =
    "<!ELEMENT clientConfig (emailProvider)>\n"
    "<!ATTLIST clientConfig version CDATA #REQUIRED>\n"
    "<!ELEMENT emailProvider (domain+, displayName, displayShortName, incomingServer+, "
    "outgoingServer+)>\n"
    "<!ATTLIST emailProvider id CDATA #REQUIRED>\n"
    "<!ELEMENT domain (#PCDATA)>\n"
    "<!ELEMENT displayName (#PCDATA)>\n"
    "<!ELEMENT displayShortName (#PCDATA)>\n"
    "<!ELEMENT incomingServer (hostname, port, socketType, authentication+, username)>\n"
    "<!ATTLIST incomingServer type (imap | pop3) #REQUIRED>\n"
    "<!ELEMENT outgoingServer (hostname, port, socketType, authentication+, username)>\n"
    "<!ATTLIST outgoingServer type (smtp) #REQUIRED>\n"
    "<!ELEMENT hostname (#PCDATA)>\n"
    "<!ELEMENT port (#PCDATA)>\n"
    "<!ELEMENT socketType (#PCDATA)>\n"
    "<!ELEMENT authentication (#PCDATA)>\n"
    "<!ELEMENT username (#PCDATA)>\n";

#define SERVERS                                                                                    \
    "client_servers = (\n"                                                                         \
    "  { addresses = [ \"boss@example.com\" ]; activesync = \"eas.example.com:8443 tls\";\n"       \
    "    username = \"EXAMPLE\\\\%u\"; },\n"                                                       \
    "  { addresses = [ \"example.com\" ]; imap = \"imap.example.com\";\n"                          \
    "    pop3 = \"pop.example.com:110 starttls\"; submission = \"smtp.example.com:587\"; }\n"      \
    ");\n"

static void setup(void)
{
    make_directory();
    write_config(SERVERS);
    write_text(in_dir("plist.dtd"), plist_dtd);
    write_text(in_dir("autoconfig.dtd"), autoconfig_dtd);
}

static void teardown(void)
{
    remove_directory();
}

#define SETTINGS(...) SMIMECTL("client-settings", "--mailbox", __VA_ARGS__)

/* Write what the run wrote to a file, which xmllint finds well-formed and valid. */
static void keep_xml(const char *what, struct run run, const char *file, const char *dtd)
{
    ck_assert_msg(run.code == 0, "%s: exit code %d\n%s", what, run.code, run.err);
    write_text(in_dir(file), run.out);
    run_clear(&run);
    expect_run(what,
               RUN(NULL, "xmllint", "--nonet", "--noout", "--dtdvalid", in_dir(dtd), in_dir(file)),
               0, NULL);
}

/* The value of an XPath expression. */
static void expect_xpath(const char *file, const char *expression, const char *wanted)
{
    struct run run = RUN(NULL, "xmllint", "--nonet", "--xpath", expression, in_dir(file));
    ck_assert_msg(run.code == 0, "%s: %s", expression, run.err);
    run.out[strcspn(run.out, "\n")] = '\0';
    ck_assert_msg(!strcmp(run.out, wanted), "%s: \"%s\", expected \"%s\"", expression, run.out,
                  wanted);
    run_clear(&run);
}

/* ---- autoconfig ---- */

START_TEST(autoconfig)
{
    keep_xml("autoconfig", SETTINGS("alice@example.com", "--format", "autoconfig"), "a.xml",
             "autoconfig.dtd");
    expect_xpath("a.xml", "string(/clientConfig/@version)", "1.1");
    expect_xpath("a.xml", "string(//emailProvider/@id)", "example.com");
    expect_xpath("a.xml", "count(//incomingServer)", "2");
    expect_xpath("a.xml", "string(//incomingServer[1]/@type)", "imap");
    expect_xpath("a.xml", "string(//incomingServer[@type='imap']/hostname)", "imap.example.com");
    expect_xpath("a.xml", "string(//incomingServer[@type='imap']/port)", "993");
    expect_xpath("a.xml", "string(//incomingServer[@type='imap']/socketType)", "SSL");
    expect_xpath("a.xml", "string(//incomingServer[@type='pop3']/port)", "110");
    expect_xpath("a.xml", "string(//incomingServer[@type='pop3']/socketType)", "STARTTLS");
    expect_xpath("a.xml", "string(//outgoingServer/hostname)", "smtp.example.com");
    expect_xpath("a.xml", "string(//outgoingServer/port)", "587");
    expect_xpath("a.xml", "string(//outgoingServer/socketType)", "STARTTLS");
    expect_xpath("a.xml", "string(//outgoingServer/authentication)", "password-cleartext");
    expect_xpath("a.xml", "string(//outgoingServer/username)", "%EMAILADDRESS%");
}
END_TEST

/* The file is for everybody in the domain, and what is odd is escaped. */
START_TEST(autoconfig_usernames)
{
    keep_xml(
        "autoconfig",
        SETTINGS("alice@example.com", "--format", "autoconfig", "--username", "<%u> & \"%d\" 'x'"),
        "a.xml", "autoconfig.dtd");
    expect_xpath("a.xml", "string(//outgoingServer/username)",
                 "<%EMAILLOCALPART%> & \"%EMAILDOMAIN%\" 'x'");
}
END_TEST

/* ---- the profile ---- */

/* The value that follows a key, anywhere. */
static void expect_key(const char *key, const char *wanted)
{
    char expression[256];
    snprintf(expression, sizeof expression, "string(//key[.='%s']/following-sibling::*[1])", key);
    expect_xpath("a.mobileconfig", expression, wanted);
}

static void expect_switch(const char *key, const char *wanted)
{
    char expression[256];
    snprintf(expression, sizeof expression, "name(//key[.='%s']/following-sibling::*[1])", key);
    expect_xpath("a.mobileconfig", expression, wanted);
}

START_TEST(profile)
{
    keep_xml("mobileconfig",
             SETTINGS("alice@example.com", "--format", "mobileconfig", "--name",
                      "Älice \"A\" <&> O'Neill"),
             "a.mobileconfig", "plist.dtd");
    expect_xpath("a.mobileconfig", "string(/plist/dict/key[.='PayloadType']/following-sibling::*)",
                 "Configuration");
    expect_xpath("a.mobileconfig", "string(//array/dict/key[.='PayloadType']/following-sibling::*)",
                 "com.apple.mail.managed");
    expect_xpath("a.mobileconfig", "count(//array/dict)", "1");
    expect_key("EmailAccountName", "Älice \"A\" <&> O'Neill");
    expect_key("EmailAccountType", "EmailTypeIMAP");
    expect_key("EmailAddress", "alice@example.com");
    expect_key("IncomingMailServerHostName", "imap.example.com");
    expect_key("IncomingMailServerPortNumber", "993");
    expect_switch("IncomingMailServerUseSSL", "true");
    expect_key("IncomingMailServerUsername", "alice@example.com");
    expect_key("OutgoingMailServerHostName", "smtp.example.com");
    expect_key("OutgoingMailServerPortNumber", "587");
    expect_switch("OutgoingMailServerUseSSL", "true");
    expect_key("OutgoingMailServerAuthentication", "EmailAuthPassword");
    expect_xpath("a.mobileconfig", "count(//key[contains(.,'SMIME')])", "0");
    expect_xpath("a.mobileconfig", "count(//key[contains(.,'IncomingPassword')])",
                 "1"); /* OutgoingPasswordSameAsIncomingPassword: no password stands there */
    expect_xpath("a.mobileconfig",
                 "count(//key[.='PayloadUUID']/following-sibling::string[1][string-length()=36])",
                 "2");
}
END_TEST

/* A newer profile replaces an older one of the same mailbox, and no other. */
START_TEST(profiles_are_told_apart)
{
    struct run first = SETTINGS("alice@example.com", "--format", "mobileconfig");
    struct run again = SETTINGS("alice@example.com", "--format", "mobileconfig");
    struct run other = SETTINGS("anna@example.com", "--format", "mobileconfig");
    ck_assert_str_eq(first.out, again.out);
    const char *mark = "<key>PayloadUUID</key>";
    char *uuid = strstr(first.out, mark), *different = strstr(other.out, mark);
    ck_assert(uuid && different);
    ck_assert_int_ne(strncmp(uuid, different, 80), 0);
    run_clear(&first);
    run_clear(&again);
    run_clear(&other);
}
END_TEST

START_TEST(profile_by_activesync)
{
    keep_xml("mobileconfig",
             SETTINGS("boss@example.com", "--format", "mobileconfig", "--language", "de"),
             "a.mobileconfig", "plist.dtd");
    expect_xpath("a.mobileconfig", "string(//array/dict/key[.='PayloadType']/following-sibling::*)",
                 "com.apple.eas.account");
    expect_key("Host", "eas.example.com:8443");
    expect_key("UserName", "EXAMPLE\\boss");
    expect_switch("SSL", "true");
    expect_key("PayloadDescription",
               "Richtet das Postfach boss@example.com ein. Alle Verbindungen sind verschlüsselt.");
    expect_run("Thunderbird has none", SETTINGS("boss@example.com", "--format", "autoconfig"), 1,
               "only ActiveSync");
}
END_TEST

static void make_mailbox(struct pki *root)
{
    *root = pki_ca("Test Root");
    struct pki middle = pki_intermediate(root, "Test Issuing");
    struct pki alice = pki_leaf(&middle, "alice@example.com");
    write_pki("root", root);
    write_pki("middle", &middle);
    write_pki("alice", &alice);
    pki_clear(&alice);
    pki_clear(&middle);
    write_text(in_dir("password"), "correct horse\n");
    write_text(in_dir("short"), "horse\n");
    expect_run("init", SMIMECTL("init"), 0, NULL);
    expect_run("trust", SMIMECTL("trust", "import", in_dir("root.pem")), 0, NULL);
    expect_run("add", SMIMECTL("mailbox", "add", "alice@example.com"), 0, NULL);
    expect_run("activate",
               SMIMECTL("mailbox", "activate", "alice@example.com", "--key", in_dir("alice.key"),
                        "--cert", in_dir("alice.pem"), "--chain", in_dir("middle.pem")),
               0, NULL);
}

#define WITH_CERTIFICATE(password, file)                                                           \
    SETTINGS("alice@example.com", "--format", "mobileconfig", "--with-certificate",                \
             "--password-file", in_dir(password), "--output", in_dir(file))

START_TEST(profile_with_certificate)
{
    struct pki root;
    make_mailbox(&root);
    expect_output("profile", WITH_CERTIFICATE("password", "a.mobileconfig"), "alice@example.com");
    struct stat status;
    ck_assert_int_eq(stat(in_dir("a.mobileconfig"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    expect_run("xmllint",
               RUN(NULL, "xmllint", "--nonet", "--noout", "--dtdvalid", in_dir("plist.dtd"),
                   in_dir("a.mobileconfig")),
               0, NULL);
    expect_xpath("a.mobileconfig", "count(//array/dict)", "2");
    expect_switch("SMIMESigningEnabled", "true");
    /* The UUID that signs is that of the payload with the certificate. */
    expect_xpath("a.mobileconfig",
                 "string(//key[.='SMIMESigningCertificateUUID']/following-sibling::*[1]) = "
                 "string(//dict[string='com.apple.security.pkcs12']/key[.='PayloadUUID']/"
                 "following-sibling::*[1])",
                 "true");
    struct run data =
        RUN(NULL, "xmllint", "--nonet", "--xpath", "string(//data)", in_dir("a.mobileconfig"));
    write_text(in_dir("a.base64"), data.out);
    run_clear(&data);
    expect_run("base64",
               OPENSSL("base64", "-d", "-in", in_dir("a.base64"), "-out", in_dir("a.p12")), 0,
               NULL);
    char pass[RUN_PATH_BYTES * 3];
    snprintf(pass, sizeof pass, "file:%s", in_dir("password"));
    struct run info = OPENSSL("pkcs12", "-in", in_dir("a.p12"), "-passin", pass, "-nodes", "-info");
    ck_assert_msg(info.code == 0, "%s", info.err);
    ck_assert_msg(strstr(info.err, "MAC: sha1") != NULL, "%s", info.err);
    ck_assert_msg(strstr(info.err, "pbeWithSHA1And3-KeyTripleDES-CBC") != NULL, "%s", info.err);
    ck_assert_ptr_null(strstr(info.err, "PBES2"));
    ck_assert_ptr_nonnull(strstr(info.out, "PRIVATE KEY"));
    ck_assert_msg(strstr(info.out, "Test Issuing") != NULL, "%s", info.out);
    run_clear(&info);
    /* Its certificate is hers, and its key belongs to it. */
    expect_run("certificate",
               OPENSSL("pkcs12", "-in", in_dir("a.p12"), "-passin", pass, "-clcerts", "-nokeys",
                       "-out", in_dir("a.pem")),
               0, NULL);
    struct run wanted = OPENSSL("x509", "-in", in_dir("alice.pem"), "-noout", "-fingerprint");
    expect_output("fingerprint", OPENSSL("x509", "-in", in_dir("a.pem"), "-noout", "-fingerprint"),
                  wanted.out);
    run_clear(&wanted);
    write_text(in_dir("wrong"), "another horse\n");
    snprintf(pass, sizeof pass, "file:%s", in_dir("wrong"));
    expect_run("wrong password",
               OPENSSL("pkcs12", "-in", in_dir("a.p12"), "-passin", pass, "-nodes"), 1,
               "invalid password");
    expect_run("again", WITH_CERTIFICATE("password", "a.mobileconfig"), 1, "exists already");
    expect_run("short password", WITH_CERTIFICATE("short", "b.mobileconfig"), 1,
               "less than 8 characters");
    ck_assert_int_ne(access(in_dir("b.mobileconfig"), F_OK), 0);
    pki_clear(&root);
}
END_TEST

START_TEST(certificate_that_is_not_there)
{
    write_text(in_dir("password"), "correct horse\n");
    expect_run("init", SMIMECTL("init"), 0, NULL);
    expect_run("no mailbox", WITH_CERTIFICATE("password", "a.mobileconfig"), 1,
               "alice@example.com");
    ck_assert_int_ne(access(in_dir("a.mobileconfig"), F_OK), 0);
}
END_TEST

/* ---- where it comes from ---- */

START_TEST(options_before_configuration)
{
    keep_xml("autoconfig",
             SETTINGS("alice@example.com", "--format", "autoconfig", "--imap",
                      "other.example.org:1993 tls", "--username", "%u"),
             "a.xml", "autoconfig.dtd");
    expect_xpath("a.xml", "string(//incomingServer[@type='imap']/hostname)", "other.example.org");
    expect_xpath("a.xml", "string(//incomingServer[@type='pop3']/hostname)", "pop.example.com");
    expect_xpath("a.xml", "string(//outgoingServer/username)", "%EMAILLOCALPART%");
    write_config("");
    keep_xml("options alone",
             SETTINGS("alice@example.com", "--format", "autoconfig", "--pop3", "p.example.com",
                      "--submission", "s.example.com"),
             "a.xml", "autoconfig.dtd");
    expect_xpath("a.xml", "count(//incomingServer)", "1");
    expect_xpath("a.xml", "string(//outgoingServer/port)", "465");
}
END_TEST

START_TEST(files)
{
    json_t *report = expect_json(
        "report", SETTINGS("alice@example.com", "--output", in_dir("guide.txt"), "--json"));
    ck_assert_str_eq(text_at(report, "mailbox"), "alice@example.com");
    ck_assert_str_eq(text_at(report, "file"), in_dir("guide.txt"));
    json_decref(report);
    struct run run = SETTINGS("alice@example.com");
    char *file = read_file(in_dir("guide.txt"), NULL);
    ck_assert_str_eq(run.out, file);
    free(file);
    run_clear(&run);
    expect_run("again", SETTINGS("alice@example.com", "--output", in_dir("guide.txt")), 1,
               "exists already");
}
END_TEST

static const struct refused_case {
    const char *name;
    const char *config;
    const char *words[10];
    int code;
    const char *err;
} refused_cases[] = {
    {"no mailbox", SERVERS, {"--format", "text"}, 2, "--mailbox ADDRESS is needed"},
    {"not managed", SERVERS, {"--mailbox", "bob@partner.test"}, 1, "not in a managed domain"},
    {"no address", SERVERS, {"--mailbox", "alice"}, 1, "alice"},
    {"no servers", "", {"--mailbox", "alice@example.com"}, 1, "no server is known"},
    {"no submission",
     "",
     {"--mailbox", "alice@example.com", "--imap", "i.example.com"},
     1,
     "takes mail (submission)"},
    {"only submission",
     "",
     {"--mailbox", "alice@example.com", "--submission", "s.example.com"},
     1,
     "where mail is read"},
    {"without TLS",
     "",
     {"--mailbox", "alice@example.com", "--imap", "i.example.com:143 plain"},
     2,
     "\"plain\" is not one of"},
    {"format", SERVERS, {"--mailbox", "alice@example.com", "--format", "pdf"}, 2, "is not known"},
    {"language", SERVERS, {"--mailbox", "alice@example.com", "--language", "fr"}, 2, "not known"},
    {"user name", SERVERS, {"--mailbox", "alice@example.com", "--username", "%q"}, 2, "followed"},
    {"control characters",
     SERVERS,
     {"--mailbox", "alice@example.com", "--name", "A\x1B[2J"},
     2,
     "one line of UTF-8"},
    {"no UTF-8", SERVERS, {"--mailbox", "alice@example.com", "--name", "\xFF"}, 2, "UTF-8"},
    {"certificate in a guide",
     SERVERS,
     {"--mailbox", "alice@example.com", "--with-certificate"},
     2,
     "--format mobileconfig"},
    {"template of a profile",
     SERVERS,
     {"--mailbox", "alice@example.com", "--template", "x", "--format", "autoconfig"},
     2,
     "--format text"},
    {"no template",
     SERVERS,
     {"--mailbox", "alice@example.com", "--template", "/nowhere"},
     1,
     "/nowhere"},
    {"JSON", SERVERS, {"--mailbox", "alice@example.com", "--json"}, 2, "--output FILE"},
};

START_TEST(refused)
{
    const struct refused_case *c = &refused_cases[_i];
    const char *argv[16] = {run_program, "-c", run_config, "client-settings"};
    write_config(c->config);
    for (size_t i = 0; c->words[i]; i++) {
        argv[4 + i] = c->words[i];
    }
    expect_run(c->name, run_argv(NULL, argv), c->code, c->err);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("client_settings");
    TCase *tests = tcase_create("client_settings");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, autoconfig);
    tcase_add_test(tests, autoconfig_usernames);
    tcase_add_test(tests, profile);
    tcase_add_test(tests, profiles_are_told_apart);
    tcase_add_test(tests, profile_by_activesync);
    tcase_add_test(tests, profile_with_certificate);
    tcase_add_test(tests, certificate_that_is_not_there);
    tcase_add_test(tests, options_before_configuration);
    tcase_add_test(tests, files);
    tcase_add_loop_test(tests, refused, 0, COUNT(refused_cases));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
