/* smimed: the S/MIME milter. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "background.h"
#include "check.h"
#include "config.h"
#include "log.h"
#include "privileges.h"
#include "supervisor.h"

#define DEFAULT_CONFIG "/etc/smimed/smimed.conf"

/* sysexits.h: 64 is a wrong command line. */
#define EXIT_USAGE 64

static const char usage[] =
    "usage: smimed [-c FILE] [-f] [-d]\n"
    "       smimed -t [-c FILE]\n"
    "       smimed --defaults | --version | --help\n"
    "\n"
    "  -c, --config FILE   configuration (default " DEFAULT_CONFIG ")\n"
    "  -f, --foreground    stay in the foreground\n"
    "  -d, --debug         foreground, and log everything\n"
    "  -t, --test          check the configuration and what it names, and report every mistake\n"
    "      --defaults      show all settings with their defaults\n"
    "      --version       show the version\n"
    "      --help          show this\n";

struct command_line {
    const char *config_path;
    bool foreground;
    bool debug;
    bool test;
};

enum { OPTION_DEFAULTS = 256, OPTION_VERSION, OPTION_HELP };

/* Read the command line. Returns -1 to go on, or the exit status when all is done. */
static int read_command_line(int argc, char **argv, struct command_line *out)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"foreground", no_argument, NULL, 'f'},
        {"debug", no_argument, NULL, 'd'},
        {"test", no_argument, NULL, 't'},
        {"defaults", no_argument, NULL, OPTION_DEFAULTS},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, OPTION_HELP},
        {0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:fdt", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'd':
            out->debug = true;
            out->foreground = true;
            break;
        case 'f':
            out->foreground = true;
            break;
        case 't':
            out->test = true;
            break;
        case OPTION_DEFAULTS:
            settings_print_defaults(stdout);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        case OPTION_VERSION:
            return printf("smimed %s\n", SMIMED_VERSION) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        case OPTION_HELP:
            return fputs(usage, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "smimed: unexpected argument: %s\n%s", argv[optind], usage);
    return EXIT_USAGE;
}

/* The configuration, or NULL after every mistake was printed. */
static struct config *load(const char *path)
{
    struct problems problems = {0};
    struct config *config = config_load(path, &problems);

    if (config && config->settings.socket_count == 0) {
        problems_add(&problems, path, 0, "sockets is missing: smimed needs at least one");
        config_free(&config);
    }
    check_print_problems(&problems, stderr);
    return config;
}

static int serve(const struct command_line *line, const char *path)
{
    struct supervisor_options options = {
        .config_path = path, .debug = line->debug, .background = !line->foreground, .ready = -1};
    struct config *config = load(path);
    int status = EXIT_FAILURE;
    int entered = 0;

    if (!config)
        return EXIT_FAILURE;
    options.config = config;
    if (!line->foreground)
        entered = background_enter(&options.ready);
    if (entered != 0) {
        status = entered > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        goto out;
    }
    log_configure(config->settings.log, config->settings.log_level, line->debug);
    status = supervisor_run(&options);
out:
    config_free(&config);
    return status;
}

int main(int argc, char **argv)
{
    struct command_line line = {.config_path = DEFAULT_CONFIG};
    int status = read_command_line(argc, argv, &line);
    char *path;

    if (status >= 0)
        return status;
    privileges_harden();
    /* Absolute: the file is read again at every reload, wherever the process is then. */
    path = realpath(line.config_path, NULL);
    if (!path) {
        fprintf(stderr, "smimed: cannot read the configuration %s: %m\n", line.config_path);
        return EXIT_FAILURE;
    }
    status = line.test ? check_run(path, stdout, stderr) : serve(&line, path);
    free(path);
    return status;
}
