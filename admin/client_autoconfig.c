/* clientConfig 1.1, as https://autoconfig.DOMAIN/mail/config-v1.1.xml serves it. */
#include "client_autoconfig.h"

#include <stdlib.h>

#include "xml.h"

/* %a, %u and %d have counterparts that Thunderbird replaces. */
static void write_username(FILE *out, const struct client_account *account)
{
    char *text = mail_username(account->username_pattern, "%EMAILADDRESS%", "%EMAILLOCALPART%",
                               "%EMAILDOMAIN%");
    /* Out of memory: the name of this mailbox is right, for this mailbox. */
    xml_element(out, 3, "username", text ? text : account->username);
    free(text);
}

static void write_server(FILE *out, const struct client_account *account, const char *element,
                         const char *type, const struct mail_host *host)
{
    if (!host) {
        return;
    }
    xml_line(out, 2, "<%s type=\"%s\">", element, type);
    xml_element(out, 3, "hostname", host->name);
    xml_line(out, 3, "<port>%d</port>", host->port);
    xml_element(out, 3, "socketType", host->start_tls ? "STARTTLS" : "SSL");
    /* The password as it is: what protects it is TLS. */
    xml_element(out, 3, "authentication", "password-cleartext");
    write_username(out, account);
    xml_line(out, 2, "</%s>", element);
}

void client_autoconfig_write(FILE *out, const struct client_account *account)
{
    xml_line(out, 0, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    xml_line(out, 0, "<clientConfig version=\"1.1\">");
    fputs("  <emailProvider id=\"", out);
    xml_text(out, account->domain);
    fputs("\">\n", out);
    xml_element(out, 2, "domain", account->domain);
    xml_element(out, 2, "displayName", account->domain);
    xml_element(out, 2, "displayShortName", account->domain);
    write_server(out, account, "incomingServer", "imap", account->hosts[MAIL_HOST_IMAP]);
    write_server(out, account, "incomingServer", "pop3", account->hosts[MAIL_HOST_POP3]);
    write_server(out, account, "outgoingServer", "smtp", account->hosts[MAIL_HOST_SUBMISSION]);
    xml_line(out, 1, "</emailProvider>");
    xml_line(out, 0, "</clientConfig>");
}
