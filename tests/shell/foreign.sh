# A daemon in a PID namespace of its own, whose tree is seen outside: callers outside have no process there.
# shellcheck disable=SC2016

shared=$T/shared
mkdir -m 755 "$shared" && mount --bind "$shared" "$shared" && mount --make-shared "$shared"
mkdir "$shared/tree"
chmod 755 "$T"

# begin OPTIONS - mounts there; its pid is in $inner.
begin() {
    unshare --pid --fork --kill-child --mount --propagation unchanged \
        sh -c 'mount --make-private /proc && mount -t proc proc /proc && exec "$0" -f "$@"' \
        "$IPCFS" ${1:+-o "$1"} "$shared/tree" 2>"$T/inner.stderr" &
    inner=$!
    until mountpoint -q "$shared/tree"; do
        kill -0 "$inner" 2>/dev/null || fail "no mount: $(cat "$T/inner.stderr")"
    done
}

end() {
    umount "$shared/tree"
    wait "$inner" || fail "the daemon ended with $?"
}

# /proc must be that of the daemon's own PID namespace: by its numbers callers are found.
if unshare --pid --fork --kill-child "$IPCFS" "$shared/tree" 2>"$T/refused"; then
    fail "a daemon that sees another PID namespace's /proc began to serve"
fi
grep -q 'another PID namespace' "$T/refused" || fail "it said $(cat "$T/refused")"

mkdir mq/open mq/closed mq/theirs shm/theirs,size=4K
chmod 666 mq/open
chown 0:77 mq/theirs && chmod 660 mq/theirs
as() { setpriv --reuid 1234 --regid 1234 --groups 77 "$@"; }
as sh -c 'echo x >mq/theirs/data' || fail "a member of the group may not send"

begin ''
fails "can't cd" cd "$shared/tree"
fails 'Permission denied' cat "$shared/tree/README"
fails 'Permission denied' mkdir "$shared/tree/mq/new"
fails 'Permission denied' as sh -c 'echo x >"$0/mq/open/data"' "$shared/tree"
end

# Served all the same: as its two ids, without other groups and without capabilities.
begin foreign
cd "$shared/tree" || fail "cannot enter the tree"
as sh -c 'echo hello >mq/open/data' || fail "not served"
is hello as timeout 5 head -n 1 mq/open/each
fails 'Permission denied' as sh -c 'echo x >mq/closed/data'
fails 'Permission denied' as sh -c 'echo x >mq/theirs/data'
fails 'not permitted' as chmod 666 mq/closed
as mkdir mq/own || fail "mkdir"
is 1234 stat -c %u mq/own
is 1234 stat -c %u /mnt/mq/own
as mkdir sem/own,value=1
as sh -c 'exec 3>sem/own/hold; cat sem/own/value' >"$T/value"
is 0 cat "$T/value"
# Where its root directory is cannot be known.
fails 'Permission denied' as sh -c 'exec 3<>sockets/unix/connect/run/x'
chown 1234 mq/closed 2>/dev/null && fail "a root without capabilities gave an object away"
rmdir mq/closed || fail "its owner may not remove it"
cd /mnt || exit
end
umount "$shared"
