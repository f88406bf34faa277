/* Hand copies of a message over as smimed does, for tests with a real MTA.
 *
 *     hand_over CONFIG own|reinject MESSAGE [utf8] [ret=R] [envid=E] from=A
 * to=B[,NOTIFY[,ORCPT]]... [copy from=A to=...]...
 *
 * MESSAGE has CRLF line ends. Every copy has the same content; `copy` begins another one. Says
 * "done", "deferred" or "refused", how many were acknowledged, the recipient that was refused, and
 * why. Exit status: 0 done, 1 not, 64 wrong command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "handover.h"
#include "problems.h"
#include "test_entity.h"
#include "why.h"

#define MAX_COPIES 8
#define MAX_RECIPIENTS 8

static struct copy copies[MAX_COPIES];
static struct copy_recipient recipients[MAX_COPIES][MAX_RECIPIENTS];

static _Noreturn void usage(void)
{
    fputs("usage: hand_over CONFIG own|reinject MESSAGE from=A to=B[,NOTIFY[,ORCPT]] ...\n",
          stderr);
    exit(64);
}

static struct entity read_message(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = malloc(1 << 24);
    size_t length;
    struct entity message;
    entity_need(file && text, "the message");
    length = fread(text, 1, 1 << 24, file);
    fclose(file);
    message = entity_from(text, length);
    free(text);
    return message;
}

static void take_recipient(struct copy *copy, struct copy_recipient *list, char *text)
{
    if (copy->recipient_count == MAX_RECIPIENTS)
        usage();
    list[copy->recipient_count].text = strsep(&text, ",");
    /* NOTIFY has commas of its own: "/" stands for them. */
    char *notify = strsep(&text, ",");
    for (char *p = notify; p && *p != '\0'; p++)
        *p = *p == '/' ? ',' : *p;
    list[copy->recipient_count].notify = notify && *notify ? notify : NULL;
    list[copy->recipient_count].orcpt = text;
    copy->recipients = list;
    copy->recipient_count++;
}

static size_t read_copies(char **arguments, const struct entity *message)
{
    size_t count = 1;
    for (; *arguments; arguments++) {
        struct copy *copy = &copies[count - 1];
        char *text = *arguments;
        if (!strcmp(text, "copy") && count < MAX_COPIES)
            count++;
        else if (!strcmp(text, "utf8"))
            copy->smtputf8 = true;
        else if (!strncmp(text, "ret=", 4))
            copy->ret = text + 4;
        else if (!strncmp(text, "envid=", 6))
            copy->envid = text + 6;
        else if (!strncmp(text, "from=", 5))
            copy->sender = text + 5;
        else if (!strncmp(text, "to=", 3))
            take_recipient(copy, recipients[count - 1], text + 3);
        else
            usage();
    }
    for (size_t i = 0; i < count; i++) {
        copies[i].message = message;
        if (!copies[i].sender || copies[i].recipient_count == 0)
            usage();
    }
    return count;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        [HANDOVER_DONE] = "done", [HANDOVER_DEFERRED] = "deferred", [HANDOVER_REFUSED] = "refused"};
    struct problems problems = {0};
    const char *refused = NULL;
    enum handover_status status;
    size_t committed = 0;
    char *why = NULL;
    if (argc < 6)
        usage();
    struct config *config = config_load(argv[1], &problems);
    if (!config) {
        fprintf(stderr, "%s\n", problems.items[0].text);
        return 64;
    }
    struct entity message = read_message(argv[3]);
    size_t count = read_copies(argv + 4, &message);
    status = (strcmp(argv[2], "own") == 0 ? handover_own : handover)(
        &config->settings, copies, count, NULL, &committed, &refused, &why);
    printf("%s %zu %s %s\n", names[status], committed, refused ? refused : "-", why ? why : "");
    why_free(&why);
    entity_clear(&message);
    config_free(&config);
    problems_clear(&problems);
    return status == HANDOVER_DONE ? 0 : 1;
}
