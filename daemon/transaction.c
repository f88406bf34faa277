/* One message on its way: what the MTA told us of it. */
#include "transaction.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "why.h"

static void args_free(char **args)
{
    for (char **arg = args; arg && *arg; arg++)
        free(*arg);
    free(args);
}

static char **args_copy(const char *const *args)
{
    size_t count = 0;
    char **copy;

    while (args[count])
        count++;
    copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(args[i]);
        if (!copy[i]) {
            args_free(copy);
            return NULL;
        }
    }
    return copy;
}

static void recipient_clear(struct recipient *recipient)
{
    free(recipient->text);
    args_free(recipient->args);
    free(recipient->canonical);
    X509_free(recipient->certificate);
    reply_clear(&recipient->reply);
    *recipient = (struct recipient){0};
}

int transaction_add_recipient(struct transaction *transaction, const char *text,
                              const char *canonical)
{
    size_t count = transaction->recipient_count;
    struct recipient new = {0};

    /* Room grows by doubling; the capacity is the next power of two, so it needs no field. */
    if ((count & (count - 1)) == 0) {
        struct recipient *more =
            reallocarray(transaction->recipients, count ? count * 2 : 1, sizeof *more);
        if (!more)
            return -1;
        transaction->recipients = more;
    }
    new.text = strdup(text);
    new.canonical = strdup(canonical);
    if (!new.text || !new.canonical) {
        recipient_clear(&new);
        return -1;
    }
    transaction->recipients[count] = new;
    transaction->recipient_count = count + 1;
    return 0;
}

int transaction_set_recipient_args(struct transaction *transaction, const char *const *args)
{
    struct recipient *last = &transaction->recipients[transaction->recipient_count - 1];

    if (!args || !args[0])
        return 0;
    last->args = args_copy(args);
    return last->args ? 0 : -1;
}

int transaction_set_sender_args(struct transaction *transaction, const char *const *args)
{
    if (!args || !args[0])
        return 0;
    transaction->sender_args = args_copy(args);
    return transaction->sender_args ? 0 : -1;
}

const char *transaction_arg(char *const *args, const char *name)
{
    size_t length = strlen(name);

    for (; args && *args; args++)
        if (strncasecmp(*args, name, length) == 0 && (*args)[length] == '=')
            return *args + length + 1;
    return NULL;
}

bool transaction_flag(char *const *args, const char *name)
{
    for (; args && *args; args++)
        if (strcasecmp(*args, name) == 0)
            return true;
    return false;
}

struct transaction transaction_view(const struct transaction *transaction, const size_t *members,
                                    size_t count, struct recipient *storage)
{
    struct transaction view = *transaction;

    for (size_t i = 0; i < count; i++)
        storage[i] = transaction->recipients[members[i]];
    view.recipients = storage;
    view.recipient_count = count;
    return view;
}

void transaction_remove_last_recipient(struct transaction *transaction)
{
    if (transaction->recipient_count > 0)
        recipient_clear(&transaction->recipients[--transaction->recipient_count]);
}

int transaction_set_sender(struct transaction *transaction, const char *text, char **why)
{
    char *canonical = NULL;
    char *copy = NULL;

    switch (address_canonical(text, strlen(text), &canonical)) {
    case ADDRESS_OK:
        break;
    case ADDRESS_NULL:
        text = "";
        canonical = strdup("");
        break;
    case ADDRESS_INVALID:
        why_set(why, "the envelope sender \"%s\" is not a mail address", text);
        return -1;
    case ADDRESS_ERROR:
        break;
    }
    copy = strdup(text);
    if (!canonical || !copy) {
        why_set(why, "out of memory");
        free(canonical);
        free(copy);
        return -1;
    }
    free(transaction->sender);
    free(transaction->sender_text);
    transaction->sender = canonical;
    transaction->sender_text = copy;
    return 0;
}

void transaction_clear(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->recipient_count; i++)
        recipient_clear(&transaction->recipients[i]);
    free(transaction->recipients);
    transaction->recipients = NULL;
    transaction->recipient_count = 0;
    args_free(transaction->sender_args);
    transaction->sender_args = NULL;
    free(transaction->tls);
    transaction->tls = NULL;
    free(transaction->sender_text);
    free(transaction->sender);
    transaction->sender_text = NULL;
    transaction->sender = NULL;
    free(transaction->lookups);
    transaction->lookups = NULL;
    transaction->lookup_ms = 0;
    entity_clear(&transaction->message);
}
