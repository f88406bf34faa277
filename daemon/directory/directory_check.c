/* Files that look-ups need, before the first one does. */
#include "directory_check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "password_file.h"
#include "why.h"

static void check_readable(const char *setting, const char *file, const char *path,
                           struct problems *problems)
{
    if (file != NULL && access(file, R_OK) != 0)
        problems_add(problems, path, 0, "%s = \"%s\" cannot be read: %s", setting, file,
                     strerror(errno));
}

void directory_check(const struct settings *settings, const char *path, struct problems *problems)
{
    for (size_t i = 0; i < settings->directory_count; i++) {
        const struct directory_setting *directory = &settings->directories[i];
        char *why = NULL;
        char *password = NULL;
        check_readable("ca_file", directory->ca_file, path, problems);
        if (directory->password_file != NULL) {
            password = password_file_read(directory->password_file, &why);
            if (password == NULL)
                problems_add(problems, path, 0, "password_file: %s", why_text(&why));
        }
        password_free(&password);
        why_free(&why);
    }
    if (settings->smimea && access(settings->dns_trust_anchor, R_OK) != 0)
        problems_add(problems, path, 0,
                     "dns_trust_anchor = \"%s\" cannot be read: %s; Debian has it in the package "
                     "dns-root-data",
                     settings->dns_trust_anchor, strerror(errno));
}
