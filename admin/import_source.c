/* Reading files and folders of certificates. */
#include "import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certificate_entries.h"
#include "why.h"

#define FIRST_BYTES (64 * 1024)

/* A file, and whether it was found in a folder: what holds no certificate is no failure there. */
struct source {
    const char *path;
    bool in_folder;
    bool wide;
    const struct import_taker *taker;
    size_t found; /* sets of certificates, and what could not be read */
};

struct content {
    char *bytes;
    size_t length;
};

static void refuse(const struct source *source, const char *sentence)
{
    source->taker->refused(source->taker->context, source->path, sentence);
}

/* Read on until the end; more than `max` bytes are a failure. */
static int read_all(int descriptor, size_t max, struct content *out)
{
    size_t room = 0;
    for (;;) {
        if (out->length == room) {
            room = room ? 2 * room : FIRST_BYTES;
            char *grown = realloc(out->bytes, room);
            if (!grown) {
                return -1;
            }
            out->bytes = grown;
        }
        ssize_t got = read(descriptor, out->bytes + out->length, room - out->length);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        out->length += got > 0 ? (size_t)got : 0;
        if (out->length > max) {
            errno = EFBIG;
            return -1;
        }
    }
}

/* Returns 0, or -1 refused. */
static int read_content(const struct source *source, struct content *out)
{
    bool standard = !source->in_folder && !strcmp(source->path, "-");
    /* NONBLOCK: a pipe in a folder must not stop us. */
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (source->in_folder ? O_NONBLOCK : 0);
    int descriptor = standard ? STDIN_FILENO : open(source->path, flags);
    char *why = NULL;
    int rc = 0;
    if (descriptor < 0) {
        why_set(&why, "%s cannot be opened: %s", source->path, strerror(errno));
        rc = -1;
    } else if (read_all(descriptor, source->wide ? ENTRIES_MAX_BYTES : CREDENTIAL_MAX_BYTES, out)) {
        if (errno == EFBIG) {
            why_set(&why, "%s is larger than %ld bytes, so it is no certificate", source->path,
                    source->wide ? ENTRIES_MAX_BYTES : (long)CREDENTIAL_MAX_BYTES);
        } else {
            why_set(&why, "%s cannot be read: %s", source->path, strerror(errno));
        }
        rc = -1;
    }
    if (rc) {
        refuse(source, why_text(&why));
    }
    if (descriptor >= 0 && !standard) {
        close(descriptor);
    }
    why_free(&why);
    return rc;
}

/* ---- Entries ---- */

static void take_certificates(void *context, const char *entry, STACK_OF(X509) * certificates)
{
    struct source *source = context;
    source->found++;
    source->taker->certificates(source->taker->context, source->path, entry, certificates);
}

static void take_trouble(void *context, const char *entry, const char *sentence)
{
    struct source *source = context;
    char *why = NULL;
    source->found++;
    why_set(&why, "%s, entry \"%s\": %s", source->path, entry, sentence);
    refuse(source, why_text(&why));
    why_free(&why);
}

static enum credential_status read_plain(struct source *source, const struct content *content,
                                         char **why)
{
    STACK_OF(X509) *certificates = NULL;
    enum credential_status status = certificates_read((const unsigned char *)content->bytes,
                                                      content->length, &certificates, why);
    if (status == CREDENTIAL_OK) {
        take_certificates(source, "", certificates);
    }
    sk_X509_pop_free(certificates, X509_free);
    return status;
}

static void read_file(struct source *source)
{
    const struct entry_taker entries = {take_certificates, take_trouble, source};
    struct content content = {NULL, 0};
    enum credential_status status;
    char *why = NULL;
    if (read_content(source, &content)) {
        goto out;
    }
    if (source->wide && ldif_begins(content.bytes, content.length)) {
        status = ldif_read(content.bytes, content.length, &entries, &why);
    } else if (source->wide && vcards_begin(content.bytes, content.length)) {
        status = vcards_read(content.bytes, content.length, &entries, &why);
    } else if (source->wide && pem_stands_in(content.bytes, content.length)) {
        status = pem_read(content.bytes, content.length, &entries, &why);
    } else {
        status = read_plain(source, &content, &why);
    }
    if (status == CREDENTIAL_OK && source->found == 0) {
        why_set(&why, "the file holds no certificate");
        status = CREDENTIAL_REFUSED;
    }
    why_prefix(&why, "%s", source->path);
    if (status == CREDENTIAL_REFUSED && source->in_folder && source->found == 0) {
        source->taker->skipped(source->taker->context, source->path, why_text(&why));
    } else if (status != CREDENTIAL_OK) {
        refuse(source, why_text(&why));
    }
out:
    source->taker->done(source->taker->context);
    free(content.bytes);
    why_free(&why);
}

/* ---- Folders ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void take_node(const FTSENT *node, const struct import_taker *taker)
{
    struct source source = {
        .path = node->fts_path, .in_folder = true, .wide = true, .taker = taker};
    char *why = NULL;
    switch (node->fts_info) {
    case FTS_F:
        read_file(&source);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        why_set(&why, "%s cannot be read: %s", node->fts_path, strerror(node->fts_errno));
        refuse(&source, why_text(&why));
        break;
    case FTS_SL:
    case FTS_SLNONE:
    case FTS_DEFAULT:
        why_set(&why, "%s: no regular file", node->fts_path);
        taker->skipped(taker->context, node->fts_path, why_text(&why));
        break;
    default: /* folders, before and behind their files */
        break;
    }
    why_free(&why);
}

static void read_folder(const char *path, const struct import_taker *taker)
{
    char *copy = strdup(path);
    char *const paths[] = {copy, NULL};
    FTS *walk = copy ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    const FTSENT *node = NULL;
    if (!walk) {
        char *why = NULL;
        why_set(&why, "%s cannot be read: %s", path, strerror(errno));
        taker->refused(taker->context, path, why_text(&why));
        why_free(&why);
    }
    while (walk && (node = fts_read(walk))) {
        take_node(node, taker);
    }
    if (walk) {
        fts_close(walk);
    }
    free(copy);
}

void import_source_read(const char *path, bool wide, const struct import_taker *taker)
{
    struct stat status;
    struct source source = {.path = path, .wide = wide, .taker = taker};
    if (wide && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        read_folder(path, taker);
    } else {
        read_file(&source);
    }
}
