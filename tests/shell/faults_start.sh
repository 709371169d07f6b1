# What the daemon asks for while it starts is not to be had: memory, each time that it asks; a thread; a
# descriptor.  It says so and ends with the status of ipcfs(8), or does without; either way nothing is left.
# shellcheck disable=SC2034

mountpoint=/run/second
mkdir $mountpoint
# libfuse keeps what it had when it cannot get the rest, and the process ends.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

# All that a start can leave beside processes: mounts, IPC objects, files.
world() {
    cat /proc/self/mountinfo /proc/sysvipc/*
    find /run /dev/shm -path "$T" -prune -o -print
}

# ended - no daemon is left that was started with $mountpoint.  A moment later: who unmounts does not wait for it.
ended() {
    tries=0
    while pgrep -x faults-ipcfs >"$T/pids"; do
        tries=$((tries + 1))
        [ $tries -lt 3000 ] || fail "$1: still runs: $(cat "$T/pids")"
    done
    world >"$T/after"
    diff "$T/before" "$T/after" >"$T/left" || fail "$1: leaves $(cat "$T/left")"
}

# start WHAT COMMAND... - a daemon in the background.  0: mounted, and unmounted again; 1: said why not.
start() {
    what=$1
    shift
    "$@" $mountpoint >"$T/said" 2>&1 </dev/null
    status=$?
    case $status in
    0)
        # Not asked of the tree, which may have no memory for that request.
        grep -q " $mountpoint " /proc/self/mountinfo || fail "$what: 0, and nothing is mounted: $(cat "$T/said")"
        umount $mountpoint || fail "$what: umount"
        ;;
    1)
        grep -q '^ipcfs: .' "$T/said" || grep -q '^fuse: .' "$T/said" || fail "$what: no word: $(cat "$T/said")"
        ;;
    *) fail "$what: ended with $status: $(cat "$T/said")" ;;
    esac
    ended "$what"
    return $status
}

# What any leaves, the run directory, is there already, made by the one in /mnt; umount(8) has a directory too.
"$IPCFS" $mountpoint || fail "no mount"
umount $mountpoint
until [ "$(pgrep -cx ipcfs)" = 1 ]; do :; done
world >"$T/before"
printf n >"$T/told"
export FAULT_TOLD="$T/told"
start 'no fault' "$FAULTS_IPCFS" || fail "no fault: $(cat "$T/said")"

# each MEMORY|THREAD - the first, the second ... that is asked for, until there are no more.
each() {
    n=0 refused=0
    while :; do
        n=$((n + 1))
        printf n >"$T/told"
        start "$1 $n" env "FAULT_$1=$n" "$FAULTS_IPCFS" || refused=$((refused + 1))
        [ "$(cat "$T/told")" = f ] || break
    done
    echo "$1: $n asked for, $refused times not mounted"
    [ $refused -gt 0 ] || fail "$1: it never failed"
}

each THREAD
each MEMORY

# Descriptors: as few as a shell can leave it.
refused=0 mounted=0
for n in 4 5 6 7 8 9 10 12 14 16 18 20 25 30 40 64; do
    if start "nofile $n" prlimit --nofile=$n:$n "$FAULTS_IPCFS"; then
        mounted=$((mounted + 1))
    else
        refused=$((refused + 1))
    fi
done
echo "descriptors: $mounted times mounted, $refused times not"
[ $refused -gt 0 ] || fail "descriptors: never refused"
[ $mounted -gt 0 ] || fail "descriptors: never mounted"
