# lib.sh - what the scripts of this directory use; put before each of them.  POSIX sh.
set -u

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# is EXPECTED COMMAND... - the command succeeds and prints exactly that.
is() {
    expected=$1
    shift
    got=$("$@") || fail "$* ended with $?"
    [ "$got" = "$expected" ] || fail "$*: expected '$expected', got '$got'"
}

# fails WORDS COMMAND... - the command fails and says so in words that contain these.
fails() {
    words=$1
    shift
    if said=$("$@" 2>&1); then
        fail "$*: expected to fail with '$words'"
    fi
    case $said in
    *"$words"*) ;;
    *) fail "$*: expected '$words', said '$said'" ;;
    esac
}

# asleep_in FUNCTION PID - the process sleeps in a request to the daemon, come to by this function.
asleep_in() {
    until grep -q "$1" "/proc/$2/stack" 2>/dev/null; do
        grep -q '^State:.[ZX]' "/proc/$2/status" 2>/dev/null || [ ! -d "/proc/$2" ] || continue
        fail "process $2 has ended instead of waiting"
    done
}

# at_rest - returns when both threads of the daemon that take requests wait for one, or are held up for long.
at_rest() {
    tries=0
    while [ "$tries" -lt 300 ]; do
        tries=$((tries + 1)) resting=0
        for stack in $(grep -ls fuse_dev_do_read "/proc/$DAEMON/task"/*/stack); do
            grep -qs '^State:.S' "${stack%stack}status" && resting=$((resting + 1))
        done
        [ "$resting" -lt 2 ] || break
    done
}

# parked PID... - returns when each process waits in a read or write that the daemon has seen and not answered.
parked() {
    for pid; do asleep_in fuse_direct_io "$pid"; done
    at_rest
    for pid; do asleep_in fuse_direct_io "$pid"; done
}

# parked_open PID... - the same for an open.
parked_open() {
    for pid; do asleep_in fuse_send_open "$pid"; done
    at_rest
    for pid; do asleep_in fuse_send_open "$pid"; done
}

# fuse_for_all - /dev/fuse is a node that everyone may open, as on most machines; its own mount namespace alone sees it.
fuse_for_all() {
    mkdir -p /run/dev && mount -t tmpfs tmpfs /run/dev && mknod -m 666 /run/dev/fuse c 10 229 &&
        mount --bind /run/dev/fuse /dev/fuse || fail "a /dev/fuse of its own"
}
