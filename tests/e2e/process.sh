# Temporary directory, background processes, ports and waiting, for the end-to-end tests and the
# demo. To be sourced by bash.
#
# Whatever was started is ended by its process id when the script ends, however it ends.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much is used by those who source this

E2E_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
E2E_TOP=$(cd "$E2E_SOURCE/../.." && pwd)
E2E_DIR=          # everything of this run is below it
E2E_PIDS=()       # leaders of the process groups that were started
E2E_MOUNTS=()     # tmpfs mounted below E2E_DIR
E2E_POSTFIX=()    # configuration directories of running Postfix instances

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

# Make E2E_DIR, and see to it that nothing is left behind. Others (postfix, nobody) must be able to
# walk through it, and socket paths must stay below 108 bytes.
e2e_begin() {
    [ "$(id -u)" -eq 0 ] || die 'this starts a private Postfix, which only root can do'
    local base=${TMPDIR:-/tmp}
    [ "${#base}" -le 40 ] || base=/tmp
    E2E_DIR=$(mktemp -d "$base/smimed-e2e.XXXXXX") || die 'no temporary directory'
    chmod 0711 "$E2E_DIR"
    trap e2e_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

e2e_end() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    local etc
    for etc in "${E2E_POSTFIX[@]}"; do
        postfix_kill "$etc"
    done
    process_stop "${E2E_PIDS[@]}"
    local mount
    for mount in "${E2E_MOUNTS[@]}"; do
        umount "$mount" 2>/dev/null || umount -l "$mount"
    done
    if processes_left; then
        [ "$status" -ne 0 ] || status=1
    fi
    if [ -n "${E2E_KEEP:-}" ]; then
        printf 'kept: %s\n' "$E2E_DIR" >&2
    else
        rm -rf "$E2E_DIR"
    fi
    exit "$status"
}

# PROCESSES: those that work in E2E_DIR or have it on their command line; 1 if there are none.
PROCESSES=()
processes_here() {
    local entry pid
    PROCESSES=()
    for entry in /proc/[0-9]*; do
        pid=${entry#/proc/}
        case $pid in
        "$$" | "$BASHPID") continue ;;
        esac
        if [[ $(readlink "$entry/cwd" 2>/dev/null) == "$E2E_DIR"* ]] ||
            tr '\0' ' ' 2>/dev/null <"$entry/cmdline" | grep -qF -- "$E2E_DIR"; then
            PROCESSES+=("$pid")
        fi
    done
    [ "${#PROCESSES[@]}" -gt 0 ]
}

no_processes_here() {
    ! processes_here
}

# Is there still a process of ours, though whoever was about to end had the time to? It is named, and
# ended.
processes_left() {
    local pid
    ! wait_until 20 no_processes_here || return 1
    for pid in "${PROCESSES[@]}"; do
        printf 'still running: %s %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")" >&2
        kill -KILL "$pid" 2>/dev/null
    done
    return 0
}

# background LOGFILE COMMAND...: start a process of its own group; STARTED is its id.
STARTED=
background() {
    local log=$1
    shift
    setsid "$@" >>"$log" 2>&1 </dev/null &
    STARTED=$!
    E2E_PIDS+=("$STARTED")
}

# Is there a process in the group of this leader that is no zombie?
process_runs() {
    local pid=$1 entry stat rest
    for entry in /proc/[0-9]*/stat; do
        read -r stat 2>/dev/null <"$entry" || continue
        rest=${stat##*) } # state, parent, group
        # shellcheck disable=SC2086 # the fields of one line
        set -- $rest
        if [ "$3" = "$pid" ] && [ "$1" != Z ]; then
            return 0
        fi
    done
    return 1
}

# process_stop PID...: TERM, five seconds, KILL; to whole process groups.
process_stop() {
    local pid
    for pid in "$@"; do
        kill -TERM -- "-$pid" 2>/dev/null
        kill -CONT -- "-$pid" 2>/dev/null
    done
    for pid in "$@"; do
        wait_until 5 process_gone "$pid" || kill -KILL -- "-$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    return 0
}

process_gone() {
    ! process_runs "$1"
}

# wait_until SECONDS COMMAND...: try until it succeeds; 1 when the time is up.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# A TCP port on loopback that is free now and was not given out before; PORT is its number.
#
# Tests that run side by side take theirs from different blocks of a hundred: whoever listens on the
# first port of a block owns it. All lie below those that the kernel gives to clients (32768).
PORT=
E2E_NEXT_PORT=
free_port() {
    [ -n "$E2E_NEXT_PORT" ] || claim_ports
    while :; do
        E2E_NEXT_PORT=$((E2E_NEXT_PORT + 1))
        PORT=$E2E_NEXT_PORT
        port_answers "$PORT" || return 0
    done
}

claim_ports() {
    # shellcheck disable=SC2016 # the variables are perl's
    background "$E2E_DIR/ports.log" perl -MIO::Socket::INET -e '
        my ($file, $block) = @ARGV;
        for (0 .. 119) {
            my $port = 20000 + 100 * (($block + $_) % 120);
            my $owner = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port,
                Listen => 1) or next;
            open my $out, ">", "$file.part" or die "$file: $!\n";
            print {$out} "$port\n";
            close $out && rename "$file.part", $file or die "$file: $!\n";
            sleep;
        }
        die "no free block of ports\n";' "$E2E_DIR/ports" "$$"
    wait_until 5 test -e "$E2E_DIR/ports" || die "no free ports: $(cat "$E2E_DIR/ports.log")"
    read -r E2E_NEXT_PORT <"$E2E_DIR/ports"
}

port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
