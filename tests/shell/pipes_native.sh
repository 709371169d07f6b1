# What goes through a named pipe is the kernel's business alone: the daemon is not asked, and its death
# ends nothing.
# shellcheck disable=SC2034

command -v strace >/dev/null || { echo "skipped: needs strace"; exit 77; }
mkdir pipes/x
exec 5<>pipes/x/data

# requests COMMAND... - runs it and says in $requests how many requests the daemon has got meanwhile.
requests() {
    strace -f -qq -e trace=read -o "$T/trace" -p "$DAEMON" 2>"$T/strace" &
    tracer=$!
    for task in "/proc/$DAEMON"/task/*; do
        until grep -q "^TracerPid:.$tracer\$" "$task/status"; do :; done
    done
    "$@"
    kill $tracer
    wait $tracer
    requests=$(grep -Ec 'read(\(| resumed).* = [0-9]' "$T/trace")
}

through() {
    dd if=/dev/zero bs=64k count=512 status=none >&5 &
    is 33554432 sh -c 'dd bs=64k count=32M iflag=count_bytes,fullblock status=none <&5 | wc -c'
    wait $! || fail "dd ended with $?"
}

# From elsewhere: a shell that begins asks for its working directory.
cd /
requests through
cd /mnt || fail "no tree"
[ "$requests" = 0 ] || fail "$requests requests reached the daemon: $(cat "$T/trace")"
requests is 0 cat pipes/x/bytes
[ "$requests" -gt 0 ] || fail "the trace does not show requests: $(cat "$T/trace")"

# Opened by name the path is the daemon's, what goes through is not.
dd if=/dev/zero of=pipes/x/data bs=64k count=64 status=none &
is 4194304 sh -c 'dd if=pipes/x/data bs=64k count=4M iflag=count_bytes,fullblock status=none | wc -c'
wait $! || fail "dd of a path ended with $?"

# Both ends go on without the daemon.
sh -c 'trap "" PIPE; while echo line; do :; done' >&5 2>"$T/err" &
writer=$!
asleep_in pipe_write $writer
touch "$T/daemon-may-end"
kill -9 "$DAEMON"
wait "$DAEMON"
is 100000 sh -c 'head -n 100000 <&5 | wc -l'
kill -0 $writer || fail "the writer has ended"
asleep_in pipe_write $writer
kill $writer
cd /
umount -l /mnt
exec 5<&-
"$IPCFS" /mnt || fail "it does not mount again"
cd /mnt || fail "no tree"
[ -p pipes/x/data ] || fail "the pipe has gone with the daemon"
is 0 cat pipes/x/bytes
rmdir pipes/x
cd /
umount /mnt || fail "umount"
