# A plain user's own tree: named pipes in XDG_RUNTIME_DIR, unnamed ones of that user.
# shellcheck disable=SC2016,SC2034

command -v fusermount3 >/dev/null || { echo "skipped: needs fusermount3"; exit 77; }
plain=$(id -u nobody) # one with a name, which fusermount3 asks for
mkdir /run/user /run/user/mount
chmod 700 /run/user
chown $plain /run/user /run/user/mount
fuse_for_all

# as_user COMMAND... - with a runtime directory.
as_user() {
    (cd / && XDG_RUNTIME_DIR=${RUNTIME-/run/user} exec setpriv --reuid $plain --regid $plain \
        --clear-groups --inh-caps=-all "$@")
}

as_user "$IPCFS" /run/user/mount 2>"$T/err" || {
    grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
    fail "$(cat "$T/err")"
}
as_user sh -euc '
    cd /run/user/mount
    mkdir pipes/mine
    [ -p "$XDG_RUNTIME_DIR/ipcfs/pipes/mine" ]
    [ "$(readlink pipes/mine/data)" = "$XDG_RUNTIME_DIR/ipcfs/pipes/mine" ]
    [ "$(stat -c %a "$XDG_RUNTIME_DIR/ipcfs" "$XDG_RUNTIME_DIR/ipcfs/pipes" | uniq)" = 700 ]
    sleep 1000 <>pipes/mine/data &
    echo hello >pipes/mine/data
    until [ "$(cat pipes/mine/writers)" = 1 ]; do :; done
    [ "$(cat pipes/mine/bytes)" = 6 ]
    echo 8192 >pipes/mine/capacity
    [ "$(cat pipes/mine/capacity)" = 8192 ]
    [ "$(head -n 1 pipes/mine/data)" = hello ]
    kill $!
    wait $! || :
    mkdir pipes/box,keep=1
    echo kept >pipes/box/data
    [ "$(head -n 1 pipes/box/data)" = kept ]
    rmdir pipes/mine pipes/box
' || fail "as a plain user"

# Unnamed ones: the own by number, those of others only counted.
sh -c 'echo $$ >"$T/root"; exec sleep 1000' | sh -c 'exec sleep 1000' &
until [ -s "$T/root" ]; do :; done
link=$(readlink "/proc/$(cat "$T/root")/fd/1") # written when it is a pipe already
number=${link#pipe:[}
as_user sh -euc '
    cd /run/user/mount
    sh -c "echo \$\$ >\"\$XDG_RUNTIME_DIR/writer\"; exec sleep 1000" | sleep 1001 &
    sleeper=$!
    until link=$(readlink "/proc/$sleeper/fd/0") && [ "${link#pipe:}" != "$link" ]; do :; done
    own=${link#pipe:[}
    until [ "$(cat "pipes/anon/${own%]}/readers")" = 1 ]; do :; done
    until [ "$(cat "/proc/$sleeper/comm")" = sleep ]; do :; done
    grep -q "^anon/${own%]} .* $sleeper/sleep\$" pipes/status
    [ ! -e "pipes/anon/$1" ]
    ! grep -q "^anon/$1 " pipes/status
    grep -q "^# [0-9]* process[es]* not shown" pipes/status
    # Whoever has the tree as its working directory keeps it busy.
    until [ -s "$XDG_RUNTIME_DIR/writer" ]; do :; done
    kill "$sleeper" "$(cat "$XDG_RUNTIME_DIR/writer")"
    wait "$sleeper" || :
' sh "${number%]}" || fail "unnamed pipes of a plain user"
as_user fusermount3 -u /run/user/mount || fail "fusermount3 -u"

# Without a runtime directory there are the unnamed ones still.
RUNTIME=
as_user "$IPCFS" /run/user/mount || fail "it does not mount"
as_user sh -euc '
    cd /run/user/mount
    grep -q "^# no named pipes: no run directory: XDG_RUNTIME_DIR is not set" pipes/status
    ! mkdir pipes/x 2>/dev/null
    mkdir mq/x && rmdir mq/x
' || fail "without a runtime directory"
as_user fusermount3 -u /run/user/mount || fail "fusermount3 -u"
kill "$(cat "$T/root")"
