# ipcfs --target PID: exactly the objects of another process's namespaces, and nothing of one's own.
# shellcheck disable=SC2010,SC2046,SC2086 # no names here have blanks; some are meant as several words

# begin NAME COMMAND... - by COMMAND a process in namespaces of its own with objects of its own, which
# ends when "$T/NAME.end" is written to; its number is in $pid, that of the process to wait for in $outer.
begin() {
    name=$1
    shift
    mkfifo -m 666 "$T/$name.ready" "$T/$name.end"
    # shellcheck disable=SC2016
    "$@" sh -c '
        mount -t tmpfs -o mode=1777 tmpfs /dev/shm
        ip link set lo up
        ipcmk -Q -p 600 >/dev/null && ipcmk -S 3 >/dev/null && ipcmk -M 5000 >/dev/null
        printf hello >/dev/shm/theirs
        echo $$ >"$1.ready"
        read -r line <"$1.end"' sh "$T/$name" &
    outer=$!
    read -r pid <"$T/$name.ready"
}

objects() { # objects TREE - every object in the tree that has a namespace
    for kind in mq sem shm; do
        for object in "$1/$kind"/*/; do
            [ -d "$object" ] && [ "$object" != "$1/shm/orphans/" ] && echo "$kind/$(basename "$object")"
        done
    done
    ls "$1/sockets/tcp" | grep :
}

mount_target() { # mount_target PID TREE
    mkdir "$2"
    "$IPCFS" --target "$1" "$2" || fail "--target $1 ended with $?"
}

tree=$T/tree
mkdir mq/host sem/host shm/host,size=4K shm/0x99
mkdir sockets/tcp/127.0.0.1:9734
objects /mnt >"$T/host.before"
begin container unshare --ipc --mount --net --propagation private
mount_target "$pid" "$tree"

# Exactly its objects ...
theirs='mq/KEY sem/KEY shm/KEY shm/theirs'
is "$theirs" echo $(objects "$tree" | sed 's,/0x[0-9a-f]*$,/KEY,')
is 5000 sh -c "cat $tree/shm/0x*/size"
is hello cat "$tree/shm/theirs/data"
is 3 sh -c "cat $tree/sem/0x*/nsems"

# ... and what is made is made there, not here.
mkdir "$tree/mq/new,maxmsg=3" "$tree/sem/new" "$tree/shm/new,size=8K" "$tree/shm/0x77" "$tree/mq/0x77" \
    "$tree/sem/0x77" "$tree/sockets/tcp/127.0.0.1:9734" "$tree/pipes/new" "$tree/sockets/unix/new"
echo message >"$tree/mq/new/data"
objects /mnt | cmp - "$T/host.before" || fail "the host's objects have changed"
[ ! -e pipes/new ] || fail "a pipe was made among the host's"
[ ! -e sockets/unix/new ] || fail "a unix socket was made among the host's"
inside='nsenter --ipc --net --target'
is '0x00000077 0x00000077 0x00000077' \
    echo $($inside "$pid" ipcs | grep -o 0x00000077)
is 'new sem.new theirs' echo $(ls "/proc/$pid/root/dev/shm")
is 127.0.0.1:9734 sh -c "$inside $pid ss -Htln | awk '{ print \$4 }'"
is message sh -c "cat $tree/mq/new/data"

# A client of the container's network is served, from here.
(cd / && exec $inside "$pid" python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 9734)); s.sendall(b"from inside\n"); s.close()') &
is 'from inside' cat "$tree/sockets/tcp/127.0.0.1:9734/accept"
wait $!

# It is for root alone: no user of the host could enter the container otherwise.
fails 'Permission denied' setpriv --reuid 1001 --regid 1001 --clear-groups ls "$tree"

# The namespaces stay when the process has ended, and so does the tree.
echo >"$T/container.end"
wait $outer
echo more >"$tree/mq/new/data"
is more cat "$tree/mq/new/data"
is hello cat "$tree/shm/theirs/data"
umount "$tree"
objects /mnt | cmp - "$T/host.before" || fail "the host's objects have changed"

# What cannot be a target, in words.
fails 'there is no such process' "$IPCFS" --target "$pid" "$tree"
fails 'takes the number of a process' "$IPCFS" --target none "$tree"
fails 'takes the number of a process' "$IPCFS" --target=0 "$tree"
if mountpoint -q "$tree"; then fail "mounted all the same"; fi

# A user namespace: what belongs to its root belongs to that user here.
chmod 711 "$T"
unprivileged='setpriv --reuid 1001 --regid 1001 --clear-groups'
if ! $unprivileged unshare --user true 2>/dev/null; then
    echo "skipped: no user namespaces for users"
    exit 77
fi
begin user $unprivileged unshare --user --map-root-user --ipc --mount --net --propagation private
"$IPCFS" --target "$pid" "$tree" || fail "a target in a user namespace"
is 1001 stat -c %u "$tree/shm/theirs"
mkdir "$tree/mq/new"
objects /mnt | cmp - "$T/host.before" || fail "the host's objects have changed"
umount "$tree"

# Who may not look into a process may not have its tree.
fails 'the right to trace it' setpriv --bounding-set -sys_ptrace "$IPCFS" --target "$pid" "$tree"
fails 'the right to trace it' \
    $unprivileged "$IPCFS" --target $$ "$tree"
echo >"$T/user.end"
wait $outer
