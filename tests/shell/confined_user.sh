# A plain user's own daemon: what it has given up, and that its mount ends with it all the same.
# shellcheck disable=SC2016,SC2317

command -v fusermount3 >/dev/null || { echo "skipped: needs fusermount3"; exit 77; }
plain=$(id -u nobody) # one with a name, which fusermount3 asks for
mkdir /run/user /run/user/mount
chmod 700 /run/user
chown "$plain" /run/user /run/user/mount
fuse_for_all

as_user() {
    (cd / && XDG_RUNTIME_DIR=/run/user exec setpriv --reuid "$plain" --regid "$plain" \
        --clear-groups --inh-caps=-all "$@")
}

# the_process NAME - waits for the user's process of that name.
the_process() {
    while :; do
        for pid in $(cd /proc && echo [0-9]*); do
            [ "$(stat -c %u "/proc/$pid" 2>/dev/null)" = "$plain" ] || continue
            grep -q '^State:.[ZX]' "/proc/$pid/status" 2>/dev/null && continue
            if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]; then
                echo "$pid"
                return
            fi
        done
    done
}

# gone PID... - returns when they have ended.
gone() {
    for pid; do
        until [ ! -e "/proc/$pid" ] || grep -q '^State:.[ZX]' "/proc/$pid/status" 2>/dev/null; do :; done
    done
}

start() {
    as_user "$IPCFS" /run/user/mount 2>"$T/err" || {
        grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
        fail "$(cat "$T/err")"
    }
    other=$(the_process ipcfs-unmount)
    daemon=$(the_process ipcfs)
    as_user ls /run/user/mount >/dev/null || fail "it does not answer"
}

is_mounted() {
    grep -q ' /run/user/mount .* - fuse.ipcfs ' /proc/self/mountinfo
}

# figure NAME FILE
figure() {
    sed -n "s/^$1:[[:space:]]*//p" "$2"
}

start
is_mounted || fail "it is not mounted"
for status in "/proc/$daemon"/task/*/status; do
    for set in CapPrm CapEff CapInh CapAmb; do
        is 0000000000000000 figure $set "$status"
    done
    # Of a build without the filter one thread may be a sanitizer's, and older than the rest.
    [ "$CONFINED_CALLS" = 0 ] && [ "$status" != "/proc/$daemon/task/$daemon/status" ] ||
        is 1 figure NoNewPrivs "$status"
    is "$((2 * CONFINED_CALLS))" figure Seccomp "$status"
done
# That user's tools see the daemon, and the other process has nothing but its end of the line to it.
as_user ls "/proc/$daemon/fd" >/dev/null || fail "the daemon is hidden from its user"
for fd in "/proc/$other"/fd/*; do
    case $(readlink "$fd"):${fd##*/} in
    socket:*:* | *:[012]) ;;
    *) fail "ipcfs-unmount has $(readlink "$fd")" ;;
    esac
done
as_user sh -euc '
    cd /run/user/mount
    mkdir mq/mine sem/mine
    echo hello >mq/mine/data
    [ "$(cat mq/mine/data)" = hello ]
    grep -q hello status && exit 1
    rmdir mq/mine sem/mine
' || fail "as a plain user"

kill -TERM "$daemon"
gone "$daemon" "$other"
is_mounted && fail "mounted after SIGTERM"

# All of a service's processes are told to end at once; a terminal's are interrupted.
for signal in TERM INT HUP; do
    start
    kill -$signal "$other" "$daemon"
    gone "$daemon" "$other"
    is_mounted && fail "mounted after SIG$signal to both"
done

start
as_user fusermount3 -u /run/user/mount || fail "fusermount3 -u"
gone "$daemon" "$other"

# A shell is in it: it is taken out of sight at once.
start
mkfifo -m 666 "$T/leave"
chmod 711 "$T"
as_user sh -c 'cd /run/user/mount && echo inside && read -r line <"$0"' "$T/leave" >"$T/in" &
until [ -s "$T/in" ]; do :; done
kill -TERM "$daemon"
gone "$daemon" "$other"
is_mounted && fail "mounted after SIGTERM, with somebody in it"
echo leave >"$T/leave"
wait $!

# Killed, it can tell nobody: the mount stays as a dead one until the next takes its place.
start
kill -KILL "$daemon"
gone "$daemon" "$other"
is_mounted || fail "the other process unmounted what it was not told to"
fails "not connected" as_user ls /run/user/mount
start
is_mounted || fail "not mounted over the dead one"
kill -TERM "$daemon"
gone "$daemon" "$other"
is_mounted && fail "mounted at the end"
exit 0
