/* What notices say, in German and English. */
#include "notice_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S (24 * 60 * 60)
#define DAY_TEXT_BYTES 40

static const char to_administrator[] =
    "Subject: smimed: {headline_de} / {headline_en} ({host})\n"
    "\n"
    "Guten Tag,\n"
    "\n"
    "das S/MIME-Gateway auf {host} meldet:\n"
    "\n"
    "{items_de}\n"
    "\n"
    "Jeder Hinweis kommt einmal. \"smimectl notice list\" zeigt alle.\n"
    "\n"
    "-- \n"
    "\n"
    "Hello,\n"
    "\n"
    "the S/MIME gateway on {host} reports:\n"
    "\n"
    "{items_en}\n"
    "\n"
    "Each notice comes once. \"smimectl notice list\" shows them all.\n";

static const char to_sender[] =
    "Subject: {headline_de} / {headline_en}: {subject}\n"
    "\n"
    "Guten Tag,\n"
    "\n"
    "Ihre Nachricht wurde gesendet, aber nicht an alle mit dem Schutz, der verlangt war:\n"
    "\n"
    "{items_de}\n"
    "\n"
    "Wenn Sie Fragen haben, wenden Sie sich bitte an den Postmaster von {host}.\n"
    "\n"
    "-- \n"
    "\n"
    "Hello,\n"
    "\n"
    "your message was sent, but not to everybody with the protection that was asked for:\n"
    "\n"
    "{items_en}\n"
    "\n"
    "If you have questions, please ask the postmaster of {host}.\n";

const char *notice_text_built_in(bool sender)
{
    return sender ? to_sender : to_administrator;
}

/* ---- Certificates that expire ---- */

static void day_text(time_t when, char out[DAY_TEXT_BYTES])
{
    struct tm tm = {0};
    gmtime_r(&when, &tm);
    if (strftime(out, DAY_TEXT_BYTES, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        out[0] = '\0';
}

static void put_when(FILE *out, enum notice_language language, time_t expires, time_t now)
{
    bool german = language == NOTICE_GERMAN;
    long long days = (long long)(expires - now) / DAY_S;
    char day[DAY_TEXT_BYTES];
    day_text(expires, day);
    if (expires < now)
        fprintf(out, german ? "ist abgelaufen (%s)" : "has expired (%s)", day);
    else if (days == 0)
        fprintf(out,
                german ? "läuft in weniger als einem Tag ab (%s)"
                       : "expires in less than a day (%s)",
                day);
    else if (days == 1)
        fprintf(out, german ? "läuft in einem Tag ab (%s)" : "expires in one day (%s)", day);
    else
        fprintf(out, german ? "läuft in %lld Tagen ab (%s)" : "expires in %lld days (%s)", days,
                day);
}

struct expiry_words {
    const char *what_de, *what_en;
    const char *then_de, *then_en;
};

static const struct expiry_words expiry_words[] = {
    [NOTICE_MAILBOX_EXPIRES] = {"Das Zertifikat des Postfachs", "The certificate of the mailbox",
                                "Danach wird seine Mail nicht mehr signiert. Erneuern: smimectl "
                                "mailbox renew, request\n  oder activate.",
                                "Then its mail is not signed any more. To renew it: smimectl "
                                "mailbox renew, request\n  or activate."},
    [NOTICE_ANCHOR_EXPIRES] = {"Das vertraute CA-Zertifikat", "The trust anchor",
                               "Danach gelten Signaturen darunter nicht mehr als vertrauenswürdig. "
                               "Einen neuen Anker\n  importiert: smimectl trust import.",
                               "Then signatures below it are not trusted any more. A new one is "
                               "imported by:\n  smimectl trust import."},
    [NOTICE_CA_EXPIRES] = {"Das Zertifikat der eigenen CA", "The certificate of our own CA",
                           "Danach stellt sie nichts mehr aus, und was sie ausgestellt hat, gilt "
                           "nicht mehr.\n  Eine neue: smimectl ca create --replace.",
                           "Then it issues nothing any more, and what it has issued is good no "
                           "longer.\n  A new one: smimectl ca create --replace."},
    [NOTICE_CREDENTIAL_EXPIRES] =
        {"Das Zertifikat (certificate_file) für die CA",
         "The certificate (certificate_file) for the CA",
         "Danach stellt diese CA uns nichts mehr aus und erneuert nichts. "
         "Ein neues gibt ihr Betreiber.",
         "Then this CA issues and renews nothing for us. Its operator "
         "gives a new one."},
};

static void put_expiry(FILE *out, enum notice_language language, const struct notice *notice,
                       time_t now)
{
    const struct expiry_words *words = &expiry_words[notice->kind];
    bool german = language == NOTICE_GERMAN;
    fprintf(out, "%s %s\n  ", german ? words->what_de : words->what_en, notice->object);
    put_when(out, language, notice->expires, now);
    fprintf(out, ".\n  %s\n  SHA-256 %s\n", german ? words->then_de : words->then_en,
            notice->fingerprint);
}

/* ---- Certificates from a CA ---- */

static void put_enrolment(FILE *out, enum notice_language language, const struct notice *notice)
{
    int ca = (int)strcspn(notice->detail, "\n");
    const char *why = notice->detail + ca + (notice->detail[ca] == '\n');
    const char *detail = notice->detail;
    const char *mailbox = notice->object;
    bool german = language == NOTICE_GERMAN;
    switch (notice->kind) {
    case NOTICE_ACTIVATED:
        fprintf(out,
                german ? "Das Postfach %s ist aktiv:\n  die CA \"%.*s\" hat es zertifiziert.\n"
                       : "The mailbox %s is active:\n  the CA \"%.*s\" has certified it.\n",
                mailbox, ca, detail);
        break;
    case NOTICE_RENEWED:
        fprintf(out,
                german ? "Das Postfach %s hat ein neues Zertifikat\n  von der CA \"%.*s\".\n"
                       : "The mailbox %s has a new certificate\n  of the CA \"%.*s\".\n",
                mailbox, ca, detail);
        break;
    case NOTICE_NOT_ACTIVATED:
        fprintf(out,
                german ? "Das Postfach %s wurde nicht aktiviert.\n  Die CA \"%.*s\": %s\n"
                         "  Noch einmal: smimectl mailbox enroll.\n"
                       : "The mailbox %s was not activated.\n  The CA \"%.*s\": %s\n"
                         "  To try again: smimectl mailbox enroll.\n",
                mailbox, ca, detail, why);
        break;
    default:
        fprintf(out,
                german ? "Das Zertifikat des Postfachs %s wurde nicht erneuert.\n"
                         "  Die CA \"%.*s\": %s\n"
                         "  smimed versucht es jeden Tag wieder.\n"
                       : "The certificate of the mailbox %s was not renewed.\n"
                         "  The CA \"%.*s\": %s\n"
                         "  smimed tries again each day.\n",
                mailbox, ca, detail, why);
        break;
    }
}

/* ---- Keys of others ---- */

/* The first line of the detail is the issuer of the new certificate; each other is a former one. */
static void put_certificates(FILE *out, enum notice_language language, const struct notice *notice)
{
    const char *line = notice->detail;
    bool german = language == NOTICE_GERMAN;
    int length = (int)strcspn(line, "\n");
    fprintf(out,
            german ? "  neu: Aussteller %.*s,\n    SHA-256 %s\n"
                   : "  new: issuer %.*s,\n    SHA-256 %s\n",
            length, line, notice->fingerprint);
    while (line[length] == '\n') {
        int fingerprint;
        line += length + 1;
        length = (int)strcspn(line, "\n");
        fingerprint = (int)strcspn(line, " \n");
        if (fingerprint < length)
            fprintf(out,
                    german ? "  bisher: Aussteller %.*s,\n    SHA-256 %.*s\n"
                           : "  so far: issuer %.*s,\n    SHA-256 %.*s\n",
                    length - fingerprint - 1, line + fingerprint + 1, fingerprint, line);
    }
}

static void put_key(FILE *out, enum notice_language language, const struct notice *notice)
{
    const char *address = notice->object;
    bool german = language == NOTICE_GERMAN;
    bool held = notice->kind == NOTICE_KEY_HELD;
    if (held)
        fprintf(out,
                german ? "Ein Zertifikat aus signierter Mail von %s\n  wartet auf Freigabe.\n"
                       : "A certificate from signed mail of %s\n  waits for approval.\n",
                address);
    else
        fprintf(out,
                german ? "Aus signierter Mail wurde für %s\n  ein anderes Zertifikat gelernt, "
                         "obwohl das bisherige noch gilt.\n"
                       : "From signed mail another certificate was learned for %s,\n  although "
                         "the one so far is still valid.\n",
                address);
    put_certificates(out, language, notice);
    if (held)
        fputs(german ? "  Entscheiden: smimectl pubkey pending, approve, reject.\n"
                     : "  To decide: smimectl pubkey pending, approve, reject.\n",
              out);
    else
        fputs(german
                  ? "  Fragen Sie dort auf anderem Weg nach. smimectl pubkey list, delete, pin.\n"
                  : "  Ask there by another way. smimectl pubkey list, delete, pin.\n",
              out);
}

/* ---- To senders ---- */

static const char *reason_text(const char *line, size_t length, bool german)
{
    static const struct {
        const char *name, *german, *english;
    } reasons[] = {
        {"denied", "was Sie verlangt haben, lassen die Regeln für diesen Empfänger nicht zu",
         "the rules do not let you ask for that to this recipient"},
        {"unsigned", "nicht signiert: Ihr Postfach hat kein gültiges Zertifikat",
         "not signed: your mailbox has no valid certificate"},
        {"no-key",
         "nicht verschlüsselt: kein verwendbarer öffentlicher Schlüssel des Empfängers ist bekannt",
         "not encrypted: no public key of the recipient that can be used is known"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strlen(reasons[i].name) == length && memcmp(reasons[i].name, line, length) == 0)
            return german ? reasons[i].german : reasons[i].english;
    return german ? "weniger Schutz" : "less protection";
}

static void put_weaker(FILE *out, enum notice_language language, const struct notice *notice)
{
    bool german = language == NOTICE_GERMAN;
    const char *line = notice->detail;
    char day[DAY_TEXT_BYTES];
    day_text(notice->noted, day);
    fprintf(out, "\"%s\" (%s)\n", notice->object, day);
    while (*line != '\0') {
        int length = (int)strcspn(line, "\n");
        size_t reason = strcspn(line, " \n");
        int skip = (int)reason + (line[reason] == ' ');
        fprintf(out, "  <%.*s>:\n    %s\n", length - skip, line + skip,
                reason_text(line, reason, german));
        line += length + (line[length] == '\n');
    }
}

/* ---- All kinds ---- */

static void put_notice(FILE *out, enum notice_language language, const struct notice *notice,
                       time_t now)
{
    switch (notice->kind) {
    case NOTICE_MAILBOX_EXPIRES:
    case NOTICE_ANCHOR_EXPIRES:
    case NOTICE_CA_EXPIRES:
    case NOTICE_CREDENTIAL_EXPIRES:
        put_expiry(out, language, notice, now);
        break;
    case NOTICE_ACTIVATED:
    case NOTICE_RENEWED:
    case NOTICE_NOT_ACTIVATED:
    case NOTICE_NOT_RENEWED:
        put_enrolment(out, language, notice);
        break;
    case NOTICE_KEY_CHANGED:
    case NOTICE_KEY_HELD:
        put_key(out, language, notice);
        break;
    case NOTICE_WEAKER:
        put_weaker(out, language, notice);
        break;
    case NOTICE_TEST:
        fputs(language == NOTICE_GERMAN ? "Dies ist nur ein Test: Hinweise kommen an.\n"
                                        : "This is only a test: notices arrive.\n",
              out);
        break;
    }
}

static const struct {
    const char *german, *english;
} titles[NOTICE_KIND_COUNT] = {
    [NOTICE_MAILBOX_EXPIRES] = {"Zertifikat läuft ab", "certificate expires"},
    [NOTICE_ANCHOR_EXPIRES] = {"Trust-Anker läuft ab", "trust anchor expires"},
    [NOTICE_CA_EXPIRES] = {"eigene CA läuft ab", "our own CA expires"},
    [NOTICE_ACTIVATED] = {"Postfach aktiviert", "mailbox activated"},
    [NOTICE_RENEWED] = {"Zertifikat erneuert", "certificate renewed"},
    [NOTICE_NOT_ACTIVATED] = {"Postfach nicht aktiviert", "mailbox not activated"},
    [NOTICE_NOT_RENEWED] = {"Zertifikat nicht erneuert", "certificate not renewed"},
    [NOTICE_KEY_CHANGED] = {"anderes Zertifikat gelernt", "another certificate learned"},
    [NOTICE_KEY_HELD] = {"Zertifikat wartet auf Freigabe", "certificate waits for approval"},
    [NOTICE_WEAKER] = {"Weniger geschützt gesendet", "Sent with less protection"},
    [NOTICE_TEST] = {"Testhinweis", "test notice"},
    [NOTICE_CREDENTIAL_EXPIRES] = {"Zertifikat für die CA läuft ab",
                                   "certificate for the CA expires"},
};

static char *headline(const struct notice_list *notices, enum notice_language language)
{
    enum notice_kind kind = notices->count > 0 ? notices->items[0].kind : NOTICE_TEST;
    bool german = language == NOTICE_GERMAN;
    char *text = NULL;
    bool same = (size_t)kind < NOTICE_KIND_COUNT;
    for (size_t i = 1; i < notices->count; i++)
        same = same && notices->items[i].kind == kind;
    if (!same) {
        if (asprintf(&text, german ? "%zu Hinweise" : "%zu notices", notices->count) < 0)
            return NULL;
    } else if (notices->count > 1) {
        if (asprintf(&text, "%s (%zu)", german ? titles[kind].german : titles[kind].english,
                     notices->count) < 0)
            return NULL;
    } else if (asprintf(&text, "%s", german ? titles[kind].german : titles[kind].english) < 0) {
        return NULL;
    }
    return text;
}

static char *items(const struct notice_list *notices, enum notice_language language, time_t now)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < notices->count; i++) {
        fputs(i > 0 ? "\n* " : "* ", out);
        put_notice(out, language, &notices->items[i], now);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return text;
}

int notice_words_make(const struct notice_list *notices, enum notice_language language, time_t now,
                      struct notice_words *out)
{
    out->headline = headline(notices, language);
    out->items = items(notices, language, now);
    if (out->headline != NULL && out->items != NULL)
        return 0;
    notice_words_clear(out);
    return -1;
}

void notice_words_clear(struct notice_words *words)
{
    free(words->headline);
    free(words->items);
    *words = (struct notice_words){0};
}

char *notice_sentence(const struct notice *notice, time_t now)
{
    char *text = NULL;
    char *put;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    put_notice(out, NOTICE_ENGLISH, notice, now);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    /* Lines and what indents them become single blanks. */
    put = text;
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p == '\n' ? ' ' : *p;
        if (c != ' ' || (put > text && put[-1] != ' '))
            *put++ = c;
    }
    if (put > text && put[-1] == ' ')
        put--;
    *put = '\0';
    return text;
}
