# What a user who may read nothing is told: every row that root is, what it may not see as "-" or null,
# and how many such there are.

mkdir -m 600 mq/0x1 mq/0x2 mq/secret mq/hidden
mkdir -m 644 mq/open
mkdir -m 600 sem/0x1,nsems=3 sem/secret
mkdir -m 644 sem/0x2,value=7 sem/open
mkdir -m 600 shm/0x1,size=4096 shm/secret,size=5000
echo hello >mq/secret/data
echo hello >mq/open/data
echo hello >mq/0x1/data

as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
rows() { as_user grep "^$1 " "$2"; }

# System V objects are told to everyone.
for file in mq/status:-q shm/status:-m sem/status:-s mq/status.pids:'-q -p' shm/status.times:'-m -t' \
    sem/status.creators:'-s -c' status: summary:-u limits:-l; do
    # shellcheck disable=SC2086
    ipcs ${file#*:} >"$T/ipcs"
    as_user head -c "$(wc -c <"$T/ipcs")" "${file%%:*}" | cmp - "$T/ipcs" || fail "$file as a user"
done
# As many rows as root has, of the POSIX ones too.
for kind in mq shm sem; do
    is "$(grep -c '^[^#]' $kind/status)" as_user grep -c '^[^#]' "$kind/status"
    is "$(jq length $kind/status.json)" as_user jq length "$kind/status.json"
done

is '- - - -' sh -c "setpriv --reuid 65534 --clear-groups grep '^secret ' mq/status | (read -r a b c d; echo \$d)"
rows open mq/status | grep -q ' 6 ' || fail "mq/open: $(rows open mq/status)"
rows open sem/status | grep -q ' 644  *1 *$' || fail "sem/open: $(rows open sem/status)"
rows secret sem/status | grep -q ' 600  *- *$' || fail "sem/secret: $(rows secret sem/status)"
rows secret shm/status | grep -q ' 5000 ' || fail "shm/secret: $(rows secret shm/status)"
is '# 2 not shown in full: you may not read them' as_user tail -n 1 mq/status
is '# 1 not shown in full' as_user tail -n 1 sem/status
is '# 1 not shown in full: you may not read it' as_user tail -n 1 mq/secret/status
is '# 3 semaphores not shown: no read permission' as_user tail -n 1 sem/0x1/status
is '' as_user tail -n 1 shm/status
for file in mq/status sem/status; do
    is '' tail -n 1 "$file"
done
# Among all kinds a line says of which it is; all such lines are at the end.
as_user grep '^#' status >"$T/notes"
grep -q -x '# mq: 2 not shown in full: you may not read them' "$T/notes" || fail "$(cat "$T/notes")"
grep -q -x '# sem: 1 not shown in full' "$T/notes" || fail "$(cat "$T/notes")"
grep -q '^# pipes: .*not shown' "$T/notes" || fail "$(cat "$T/notes")"
as_user tail -n "$(wc -l <"$T/notes")" status | grep -v '^#' && fail "notes are not at the end"
is '# mq: 2 not shown in full: you may not read them' as_user tail -n 1 summary

# In JSON null, which no number is.
is 'null null' as_user jq -r '.[] | select(.name == "0x00000001") | "\(.value) \(.elements)"' sem/status.json
is '7 [{"semnum":0,"value":7,"ncount":0,"zcount":0}]' as_user jq -r '.[] | select(.name == "0x00000002")
    | "\(.value) \(.elements | map(del(.pid)))"' sem/status.json
is 'null null null null' as_user jq -r '.[] | select(.name == "secret")
    | "\(.usedbytes) \(.msgs) \(.maxmsg) \(.msgsize)"' mq/status.json
is '6 1' as_user jq -r '.[] | select(.name == "0x00000001") | "\(.usedbytes) \(.msgs)"' mq/status.json
is '1 1 10 8192' as_user jq -r '.[] | select(.kind == "mq" and .name == "open")
    | "\(.usedbytes - 5) \(.msgs) \(.maxmsg) \(.msgsize)"' status.json

# A plain user's own tree: the System V objects are the same; without an mqueue file system at /dev/mqueue it
# cannot list POSIX queues, and says so.
command -v fusermount3 >/dev/null || { echo "skipped: a user's own tree needs fusermount3"; exit 77; }
mkdir -p /run/user/mount
chown -R 65534 /run/user
fuse_for_all
mountpoint -q /dev/mqueue && umount -l /dev/mqueue
as_plain() {
    (cd / && XDG_RUNTIME_DIR=/run/user exec setpriv --reuid 65534 --regid 65534 --clear-groups \
        --inh-caps=-all "$@")
}
as_plain "$IPCFS" /run/user/mount 2>"$T/err" || {
    grep -q 'fusermount3: .*not permitted' "$T/err" && { echo "skipped: $(cat "$T/err")"; exit 77; }
    fail "$(cat "$T/err")"
}
for file in status: limits:-l mq/status:-q mq/status.times:'-q -t'; do
    # shellcheck disable=SC2086
    ipcs ${file#*:} >"$T/ipcs"
    as_plain head -c "$(wc -c <"$T/ipcs")" "/run/user/mount/${file%%:*}" | cmp - "$T/ipcs" ||
        fail "$file in a user's own tree"
done
is '# POSIX queues cannot be listed: no mqueue file system at /dev/mqueue' as_plain tail -n 1 /run/user/mount/mq/status
as_plain grep -q -x '# mq: POSIX queues cannot be listed: no mqueue file system at /dev/mqueue' \
    /run/user/mount/status || fail "not said at the root: $(as_plain grep '^#' /run/user/mount/status)"
is 2 as_plain jq '[.[] | select(.kind == "shm")] | length' /run/user/mount/status.json
as_plain fusermount3 -u /run/user/mount
