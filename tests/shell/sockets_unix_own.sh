# A plain user's own tree: unix sockets in XDG_RUNTIME_DIR, datagrams, a daemon that dies.
# shellcheck disable=SC2016,SC2034,SC2153

command -v fusermount3 >/dev/null || { echo "skipped: needs fusermount3"; exit 77; }
# One with a name, which fusermount3 asks for.
plain=$(id -u nobody) group=$(id -g nobody)
mkdir /run/user /run/user/mount
chmod 700 /run/user
chown "$plain:$group" /run/user /run/user/mount
fuse_for_all
cp "$TEXTBOOK" /run/textbook

# as_user COMMAND... - with a runtime directory.
as_user() {
    (cd / && XDG_RUNTIME_DIR=/run/user TEXTBOOK=/run/textbook exec setpriv --reuid "$plain" \
        --regid "$group" --clear-groups --inh-caps=-all "$@")
}

as_user "$IPCFS" /run/user/mount 2>"$T/err" || {
    grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
    fail "$(cat "$T/err")"
}
as_user sh -euc '
    cd /run/user/mount/sockets/unix
    run=$XDG_RUNTIME_DIR/ipcfs/unix
    mkdir x
    [ "$(readlink x/socket)" = "$run/x" ]
    [ "$(stat -c %a "$run")" = 700 ]
    "$TEXTBOOK" client stream "$run/x" HAL >"$XDG_RUNTIME_DIR/out" &
    exec 3<>x/framed
    read -r who <&3
    [ "$who" = "pid=$! uid=$(id -u) gid=$(id -g)" ]
    [ "$(head -c 3 <&3)" = HAL ]
    printf IBM >&3
    exec 3>&-
    wait $!
    [ "$(cat "$XDG_RUNTIME_DIR/out")" = IBM ]
    "$TEXTBOOK" server stream "$run/theirs" 1 >"$XDG_RUNTIME_DIR/out" &
    until [ "$(cat theirs/state 2>/dev/null)" = LISTEN ]; do :; done
    exec 3<>"connect$run/theirs"
    printf HAL >&3
    [ "$(head -c 3 <&3)" = IBM ]
    exec 3>&-
    wait $!
    mkdir letters,type=dgram
    printf letter >"connect$run/letters"
    [ "$(cat letters/data)" = letter ]
    cd ../udp
    mkdir 127.0.0.1:5000
    printf letter >connect/127.0.0.1:5000
    [ "$(cat 127.0.0.1:5000/data)" = letter ]
    ! mkdir 127.0.0.1:53 2>/dev/null
' || fail "as a plain user: $(cat /run/user/mount/errors 2>&1)"

# Killed, it leaves files, which are in nobody's way.
for process in /proc/[0-9]*; do
    [ "$(cat "$process/comm")" != ipcfs ] || [ "${process#/proc/}" = "$DAEMON" ] ||
        daemon=${process#/proc/}
done
kill -9 "$daemon"
as_user fusermount3 -u -z /run/user/mount || fail "fusermount3 -u"
as_user "$IPCFS" /run/user/mount || fail "it does not mount again"
[ -S /run/user/ipcfs/unix/x ] || fail "nothing is left: is there anything to test?"
as_user sh -euc '
    cd /run/user/mount/sockets/unix
    [ ! -e x ]
    mkdir x
    mkdir letters
    [ "$(cat letters/state)" = LISTEN ]
    rmdir x letters
' || fail "after its daemon has died: $(as_user cat /run/user/mount/errors)"
as_user fusermount3 -u /run/user/mount || fail "fusermount3 -u"
