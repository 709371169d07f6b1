# A plain user's own tree: the user's servers and clients, with what the user may and no more.
# shellcheck disable=SC2016

command -v fusermount3 >/dev/null || { echo "skipped: needs fusermount3"; exit 77; }
plain=$(id -u nobody) # one with a name, which fusermount3 asks for
mkdir /run/user /run/user/mount
chmod 700 /run/user
chown $plain /run/user /run/user/mount
fuse_for_all

# as_user COMMAND... - with a runtime directory.
as_user() {
    (cd / && XDG_RUNTIME_DIR=/run/user exec setpriv --reuid $plain --regid $plain \
        --clear-groups --inh-caps=-all "$@")
}

as_user "$IPCFS" /run/user/mount 2>"$T/err" || {
    grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
    fail "$(cat "$T/err")"
}
mkdir sockets/tcp/127.0.0.1:4001
as_user sh -euc '
    cd /run/user/mount/sockets/tcp
    mkdir -m 600 127.0.0.1:4000
    [ "$(stat -c %u 127.0.0.1:4000)" = "$(id -u)" ]
    [ "$(cat 127.0.0.1:4000/state)" = LISTEN ]
    (exec 3<>127.0.0.1:4000/framed
    read -r from <&3
    read -r line <&3
    echo "$from says $line" >&3) &
    exec 3<>connect/127.0.0.1:4000
    echo hello >&3
    read -r answer <&3
    case $answer in "from=127.0.0.1:"*" says hello") ;; *) echo "$answer"; exit 1 ;; esac
    exec 3>&-
    wait
    rmdir 127.0.0.1:4000
    mkdir 127.0.0.1:80 2>/dev/null && exit 1
    tail -n 1 ../../errors | grep -q "EACCES: ports below 1024"
    # The other tree has it: here it can be seen, and neither accepted for nor closed.
    [ "$(cat 127.0.0.1:4001/state)" = LISTEN ]
    [ ! -e 127.0.0.1:4001/accept ]
    rmdir 127.0.0.1:4001 2>/dev/null && exit 1
    exit 0
' || fail "as a plain user"
as_user fusermount3 -u /run/user/mount || fail "fusermount3 -u"
rmdir sockets/tcp/127.0.0.1:4001
