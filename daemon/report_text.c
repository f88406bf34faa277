/* The text of reports. */
#include "report_text.h"

static const char built_in[] =
    "Subject: Nicht zugestellt / Not delivered: {subject}\n"
    "\n"
    "Guten Tag,\n"
    "\n"
    "Ihre Nachricht \"{subject}\" wurde an die folgenden Empfänger nicht zugestellt.\n"
    "Alle anderen Empfänger haben sie erhalten.\n"
    "\n"
    "{recipients_de}\n"
    "\n"
    "Wenn Sie Fragen haben, wenden Sie sich bitte an den Postmaster von {host}.\n"
    "\n"
    "-- \n"
    "\n"
    "Hello,\n"
    "\n"
    "your message \"{subject}\" was not delivered to the following recipients.\n"
    "All other recipients have been sent it.\n"
    "\n"
    "{recipients_en}\n"
    "\n"
    "If you have questions, please ask the postmaster of {host}.\n";

const char *report_text_built_in(void)
{
    return built_in;
}

char *report_text_load(const char *path, char **why)
{
    return mail_template_load(path, built_in, why);
}

int report_text_fill(const char *template_text, const struct report_words *words,
                     struct mail_text *out)
{
    const struct template_word known[] = {
        {"host", words->host},
        {"sender", words->sender},
        {"subject", words->subject},
        {"recipients_de", words->recipients_de},
        {"recipients_en", words->recipients_en},
    };
    return mail_template_fill(template_text, known, sizeof known / sizeof *known, out);
}
