/* What a worker of smimed costs, from /proc. */
#include "worker_cost.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#define KIB_PER_MIB 1024.0

pid_t worker_of(const char *socket_name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.pid = -1};
    socklen_t length = sizeof peer;
    const char *path = socket_name + strlen("unix:");
    int fd;

    if (strncmp(socket_name, "unix:", strlen("unix:")) != 0 ||
        strlen(path) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* Credentials of a Unix socket are those of the process that called listen(). */
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        peer.pid = -1;
    close(fd);
    return peer.pid;
}

static FILE *open_proc(pid_t pid, const char *name, const char *mode)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fopen(path, mode);
}

double worker_cpu_s(pid_t pid)
{
    unsigned long user = 0;
    unsigned long system = 0;
    char line[1024] = "";
    FILE *in = open_proc(pid, "stat", "re");
    char *fields;
    bool read;

    if (!in)
        return -1;
    read = fgets(line, sizeof line, in) != NULL;
    fclose(in);
    /* The second field is the name and may hold anything; the rest begins behind its bracket. */
    fields = strrchr(line, ')');
    if (!read || !fields ||
        sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2)
        return -1;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double status_mib(pid_t pid, const char *format)
{
    double result = -1;
    long kib;
    char line[256];
    FILE *in = open_proc(pid, "status", "re");

    if (!in)
        return -1;
    while (fgets(line, sizeof line, in))
        if (sscanf(line, format, &kib) == 1)
            result = (double)kib / KIB_PER_MIB;
    fclose(in);
    return result;
}

double worker_resident_mib(pid_t pid)
{
    return status_mib(pid, "VmRSS: %ld kB");
}

double worker_peak_mib(pid_t pid)
{
    return status_mib(pid, "VmHWM: %ld kB");
}

bool worker_forget_peak(pid_t pid)
{
    FILE *out = open_proc(pid, "clear_refs", "we");
    bool written;

    if (!out)
        return false;
    written = fputs("5", out) >= 0; /* proc(5): resets VmHWM */
    return fclose(out) == 0 && written;
}
