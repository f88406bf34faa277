/* Property lists with the payloads com.apple.mail.managed, com.apple.eas.account and
 * com.apple.security.pkcs12. */
#include "client_profile.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "xml.h"

#define UUID_BYTES 16
#define UUID_TEXT_BYTES 37
#define LINE_BYTES 48 /* of what is encoded, a line: 64 characters */

#define IDENTIFIER "smimed.mail"

static const struct {
    const char *title;
    const char *about;
    const char *certificate;
} texts[CLIENT_LANGUAGE_COUNT] = {
    [CLIENT_ENGLISH] = {"E-mail %s", "Sets up the mailbox %s. All connections are encrypted.",
                        "Certificate of %s"},
    [CLIENT_GERMAN] = {"E-Mail %s",
                       "Richtet das Postfach %s ein. Alle Verbindungen sind verschlüsselt.",
                       "Zertifikat von %s"},
};

/* The UUID of a name (RFC 9562 section 5.5), in the namespace of domain names. */
static int make_uuid(const char *kind, const char *address, char out[UUID_TEXT_BYTES])
{
    static const unsigned char namespace[UUID_BYTES] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad,
                                                        0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0,
                                                        0x4f, 0xd4, 0x30, 0xc8};
    unsigned char digest[EVP_MAX_MD_SIZE];
    char *name = NULL;
    int rc = -1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int length = asprintf(&name, IDENTIFIER ".%s.%s", kind, address);
    if (!context || length < 0 || EVP_DigestInit_ex(context, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(context, namespace, sizeof namespace) != 1 ||
        EVP_DigestUpdate(context, name, (size_t)length) != 1 ||
        EVP_DigestFinal_ex(context, digest, NULL) != 1) {
        goto out;
    }
    digest[6] = (unsigned char)((digest[6] & 0x0F) | 0x50);
    digest[8] = (unsigned char)((digest[8] & 0x3F) | 0x80);
    for (size_t i = 0, at = 0; i < UUID_BYTES; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        at +=
            (size_t)snprintf(out + at, UUID_TEXT_BYTES - at, "%s%02X", dash ? "-" : "", digest[i]);
    }
    rc = 0;
out:
    EVP_MD_CTX_free(context);
    if (length >= 0) {
        free(name);
    }
    return rc;
}

static void put_string(FILE *out, int depth, const char *key, const char *text)
{
    xml_element(out, depth, "key", key);
    xml_element(out, depth, "string", text);
}

static void put_number(FILE *out, int depth, const char *key, int number)
{
    xml_element(out, depth, "key", key);
    xml_line(out, depth, "<integer>%d</integer>", number);
}

static void put_boolean(FILE *out, int depth, const char *key, bool value)
{
    xml_element(out, depth, "key", key);
    xml_line(out, depth, value ? "<true/>" : "<false/>");
}

/* A text with the address in it. */
static int put_sentence(FILE *out, int depth, const char *key, const char *sentence,
                        const char *address)
{
    const char *hole = strstr(sentence, "%s");
    char *text = NULL;
    if (asprintf(&text, "%.*s%s%s", (int)(hole - sentence), sentence, address, hole + 2) < 0) {
        return -1;
    }
    put_string(out, depth, key, text);
    free(text);
    return 0;
}

/* What every payload has. `kind` makes its identifier and UUID. */
static int put_payload(FILE *out, int depth, const char *type, const char *kind,
                       const struct client_account *account)
{
    char uuid[UUID_TEXT_BYTES], *identifier = NULL;
    if (make_uuid(kind, account->address, uuid) ||
        asprintf(&identifier, IDENTIFIER ".%s.%s", kind, uuid) < 0) {
        return -1;
    }
    put_string(out, depth, "PayloadType", type);
    put_number(out, depth, "PayloadVersion", 1);
    put_string(out, depth, "PayloadIdentifier", identifier);
    put_string(out, depth, "PayloadUUID", uuid);
    free(identifier);
    return 0;
}

/* Sign with the identity, and let the user encrypt message by message. */
static int put_smime(FILE *out, const struct client_account *account)
{
    char uuid[UUID_TEXT_BYTES];
    if (make_uuid("certificate", account->address, uuid)) {
        return -1;
    }
    put_boolean(out, 3, "SMIMESigningEnabled", true);
    put_string(out, 3, "SMIMESigningCertificateUUID", uuid);
    put_boolean(out, 3, "SMIMESigningUserOverrideable", true);
    put_boolean(out, 3, "SMIMEEncryptByDefault", false);
    put_string(out, 3, "SMIMEEncryptionCertificateUUID", uuid);
    put_boolean(out, 3, "SMIMEEnableEncryptionPerMessageSwitch", true);
    return 0;
}

/* "Incoming" or "Outgoing". UseSSL means TLS in either form: the port says which. */
static void put_server(FILE *out, const char *direction, const struct client_account *account,
                       const struct mail_host *host)
{
    char key[64];
    snprintf(key, sizeof key, "%sMailServerHostName", direction);
    put_string(out, 3, key, host->name);
    snprintf(key, sizeof key, "%sMailServerPortNumber", direction);
    put_number(out, 3, key, host->port);
    snprintf(key, sizeof key, "%sMailServerUseSSL", direction);
    put_boolean(out, 3, key, true);
    snprintf(key, sizeof key, "%sMailServerAuthentication", direction);
    put_string(out, 3, key, "EmailAuthPassword");
    snprintf(key, sizeof key, "%sMailServerUsername", direction);
    put_string(out, 3, key, account->username);
}

static int put_mail(FILE *out, const struct client_account *account, bool with_certificate)
{
    const struct mail_host *imap = account->hosts[MAIL_HOST_IMAP];
    if (put_payload(out, 3, "com.apple.mail.managed", "account", account)) {
        return -1;
    }
    put_string(out, 3, "PayloadDisplayName", account->address);
    put_string(out, 3, "EmailAccountDescription", account->address);
    if (account->name) {
        put_string(out, 3, "EmailAccountName", account->name);
    }
    put_string(out, 3, "EmailAccountType", imap ? "EmailTypeIMAP" : "EmailTypePOP");
    put_string(out, 3, "EmailAddress", account->address);
    put_server(out, "Incoming", account, imap ? imap : account->hosts[MAIL_HOST_POP3]);
    put_server(out, "Outgoing", account, account->hosts[MAIL_HOST_SUBMISSION]);
    put_boolean(out, 3, "OutgoingPasswordSameAsIncomingPassword", true);
    return with_certificate ? put_smime(out, account) : 0;
}

static int put_activesync(FILE *out, const struct client_account *account, bool with_certificate)
{
    const struct mail_host *host = account->hosts[MAIL_HOST_ACTIVESYNC];
    char *place = NULL;
    if (put_payload(out, 3, "com.apple.eas.account", "account", account) ||
        asprintf(&place, host->port == 443 ? "%s" : "%s:%d", host->name, host->port) < 0) {
        return -1;
    }
    put_string(out, 3, "PayloadDisplayName", account->address);
    put_string(out, 3, "EmailAddress", account->address);
    put_string(out, 3, "UserName", account->username);
    put_string(out, 3, "Host", place);
    put_boolean(out, 3, "SSL", true);
    free(place);
    return with_certificate ? put_smime(out, account) : 0;
}

static void put_base64(FILE *out, int depth, const struct client_identity *identity)
{
    unsigned char line[LINE_BYTES / 3 * 4 + 1];
    for (size_t at = 0; at < identity->length; at += LINE_BYTES) {
        size_t left = identity->length - at;
        EVP_EncodeBlock(line, identity->pkcs12 + at, (int)(left < LINE_BYTES ? left : LINE_BYTES));
        xml_line(out, depth, "%s", (const char *)line);
    }
}

static int put_certificate(FILE *out, const struct client_account *account,
                           const struct client_identity *identity, enum client_language language)
{
    xml_line(out, 2, "<dict>");
    if (put_payload(out, 3, "com.apple.security.pkcs12", "certificate", account) ||
        put_sentence(out, 3, "PayloadDisplayName", texts[language].certificate, account->address)) {
        return -1;
    }
    put_string(out, 3, "PayloadCertificateFileName", "smime.p12");
    xml_element(out, 3, "key", "PayloadContent");
    xml_line(out, 3, "<data>");
    put_base64(out, 3, identity);
    xml_line(out, 3, "</data>");
    xml_line(out, 2, "</dict>");
    return 0;
}

int client_profile_write(FILE *out, const struct client_account *account,
                         const struct client_identity *identity, enum client_language language)
{
    bool mail = account->hosts[MAIL_HOST_IMAP] || account->hosts[MAIL_HOST_POP3];
    bool with_certificate = identity->pkcs12 != NULL;
    xml_line(out, 0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    xml_line(out, 0,
             "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
             "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">");
    xml_line(out, 0, "<plist version=\"1.0\">");
    xml_line(out, 0, "<dict>");
    if (put_payload(out, 1, "Configuration", "profile", account) ||
        put_sentence(out, 1, "PayloadDisplayName", texts[language].title, account->address) ||
        put_sentence(out, 1, "PayloadDescription", texts[language].about, account->address)) {
        return -1;
    }
    put_string(out, 1, "PayloadOrganization", account->domain);
    put_boolean(out, 1, "PayloadRemovalDisallowed", false);
    xml_element(out, 1, "key", "PayloadContent");
    xml_line(out, 1, "<array>");
    if (with_certificate && put_certificate(out, account, identity, language)) {
        return -1;
    }
    xml_line(out, 2, "<dict>");
    if (mail ? put_mail(out, account, with_certificate)
             : put_activesync(out, account, with_certificate)) {
        return -1;
    }
    xml_line(out, 2, "</dict>");
    xml_line(out, 1, "</array>");
    xml_line(out, 0, "</dict>");
    xml_line(out, 0, "</plist>");
    return 0;
}
