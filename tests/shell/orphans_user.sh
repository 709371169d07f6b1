# A plain user's own tree: what his programs have left is there, and what the tree has made is not.
# shellcheck disable=SC2016,SC2034

command -v fusermount3 >/dev/null || { echo "skipped: needs fusermount3"; exit 77; }
plain=$(id -u nobody) # one with a name, which fusermount3 asks for
mkdir /run/user /run/user/mount
chmod 700 /run/user
chown $plain /run/user /run/user/mount
# A node that everyone may open, as on most machines.
mkdir /run/dev
mount -t tmpfs tmpfs /run/dev
mknod -m 666 /run/dev/fuse c 10 229
mount --bind /run/dev/fuse /dev/fuse

as_user() {
    (cd / && XDG_RUNTIME_DIR=/run/user exec setpriv --reuid $plain --regid $plain \
        --clear-groups --inh-caps=-all "$@")
}

as_user "$IPCFS" -o orphan_age=1 /run/user/mount 2>"$T/err" || {
    grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
    fail "$(cat "$T/err")"
}
# Root's, of which a plain user's daemon cannot tell whether somebody has it open.
touch /dev/shm/roots
as_user sh -euc '
    cd /run/user/mount/shm
    mkdir 0x55 made
    echo used >0x55/data
    sleep 1000 </dev/null 3>/dev/shm/open &
    user=$!
    until [ -e /dev/shm/open ]; do :; done
    ipcmk -M 4096 >/dev/null
    : >/dev/shm/left
    # It is the last: all else is of age when it is.
    until [ -L orphans/left ]; do :; done
    ls orphans >"$XDG_RUNTIME_DIR/listed"
    grep -qx left "$XDG_RUNTIME_DIR/listed"
    ! grep -qx -e made -e 0x00000055 -e open -e roots "$XDG_RUNTIME_DIR/listed"
    # The segment of ipcmk is the other one.
    [ "$(wc -l <"$XDG_RUNTIME_DIR/listed")" = 2 ]
    # His own he sees, of others how many there are.
    grep -q "^$user .* write sleep$" open/holders
    rm orphans/*
    [ ! -e /dev/shm/left ]
    [ "$(awk "END { print NR }" /proc/sysvipc/shm)" = 2 ]
    [ -e /dev/shm/made ] && [ -e /dev/shm/open ] && [ -e /dev/shm/roots ]
    kill $user
    wait $user || :
' || fail "as a plain user: $(cat /run/user/listed 2>/dev/null) $(cat /run/user/mount/errors 2>&1)"
as_user fusermount3 -u /run/user/mount || fail "unmounting"
# The tree of root, which is mounted here, has the day of the default.
[ -z "$(ls shm/orphans)" ] || fail "there are orphans already: $(ls shm/orphans)"
# That user's daemon may have it open a moment longer.
umount -l /dev/fuse
