/* TLS on the hop by which a message comes in. */
#include "transport.h"

bool transport_is_missing(const struct gateway *gateway, const struct transaction *transaction,
                          const char *managed, const char *external)
{
    const struct config *config = gateway->config;
    struct decision decision;
    if (transaction->role == ROLE_LOCAL || transaction->tls != NULL)
        return false;
    decision = rules_tls(&config->rules, managed, external, config->settings.recipient_delimiter);
    return decision.mode == TLS_REQUIRED;
}

void transport_refuse(struct recipient *recipient)
{
    recipient->transform = TRANSFORM_REFUSE;
    reply_setf(&recipient->reply, 530, "5.7.0",
               "Refused: mail between you and %s must come in by TLS, issue STARTTLS first",
               "Abgelehnt: Mail zwischen Ihnen und %s muss ueber TLS kommen, zuerst STARTTLS",
               recipient->canonical);
}
