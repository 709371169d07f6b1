# The command: what it says and how it ends, when all is well and when it can't mount.  POSIX sh.

# ends STATUS WORDS COMMAND... - it ends with that status and says these words.
ends() {
    wanted=$1 words=$2
    shift 2
    said=$("$@" 2>&1 </dev/null)
    got=$?
    [ "$got" = "$wanted" ] || fail "$*: expected status $wanted, got $got and '$said'"
    case $said in
    *"$words"*) ;;
    *) fail "$*: expected '$words', said '$said'" ;;
    esac
}

# A screen is 80 by 24, and the prompt wants a line.
ends 0 'usage: ipcfs' "$IPCFS" --help
"$IPCFS" --help >"$T/help"
[ "$(wc -l <"$T/help")" -le 23 ] || fail "--help has $(wc -l <"$T/help") lines"
long=$(awk 'length > 80' "$T/help")
[ -z "$long" ] || fail "--help has a line of more than 80 columns: $long"
is "$(cat "$T/help")" "$IPCFS" -h
# Every option of the manual's list is there.
sed -n '/^\.It Fl o Ar option/,/^\.El/s/^\.It Cm \([a-z_]*\).*/\1/p' "$HERE/../../docs/ipcfs.8" >"$T/options"
[ "$(wc -l <"$T/options")" -ge 6 ] || fail "options of the manual: $(cat "$T/options")"
while read -r option; do
    grep -q -e "-o $option" -e " $option\\>" "$T/help" || fail "--help does not know $option"
done <"$T/options"
ends 0 'ipcfs 0' "$IPCFS" --version
ends 0 'libfuse 3' "$IPCFS" -V

# 2: the command line cannot be read.
mkdir "$T/point"
ends 2 'usage: ipcfs' "$IPCFS"
ends 2 "not also '/b'" "$IPCFS" ipcfs /a /b
ends 2 'ipcfs -h' "$IPCFS" -o nosuchoption "$T/point"
ends 2 'ipcfs -h' "$IPCFS" --nosuchoption "$T/point"
ends 2 'waiting_max' "$IPCFS" -o waiting_max=many "$T/point"
ends 2 'number of a process' "$IPCFS" --target some "$T/point"
ends 2 'cannot be remounted' "$IPCFS" -o remount,ro "$T/point"

# 1: it cannot be mounted, and what to do.
ends 1 "mkdir -p $T/none" "$IPCFS" "$T/none"
: >"$T/file"
ends 1 'a mount point is a directory' "$IPCFS" "$T/file"
ends 1 'umount /mnt ends it' "$IPCFS" /mnt
is 1 grep -c ' /mnt ' /proc/self/mountinfo
ends 1 'no such process' "$IPCFS" --target 4194304 "$T/point"

# What it hides it says, and mounts.
: >"$T/point/file"
ends 0 'is not empty' "$IPCFS" "$T/point"
[ -d "$T/point/mq" ] || fail "it is not mounted"
umount "$T/point" || fail "umount"
rm "$T/point/file"
is '' "$IPCFS" "$T/point"
umount "$T/point" || fail "umount"

# A dead mount of another program's: what to do.  Of its own: it does it.
mount -i -t fuse.other -o fd=9,rootmode=40000,user_id=0,group_id=0 other "$T/point" 9<>/dev/fuse ||
    fail "no mount of another program's"
ends 1 "umount -l $T/point" "$IPCFS" "$T/point"
umount -l "$T/point"
"$IPCFS" -f "$T/point" &
own=$!
until mountpoint -q "$T/point"; do kill -0 $own || fail "it did not mount"; done
kill -9 $own
wait $own 2>/dev/null
ends 0 '' "$IPCFS" "$T/point"
umount "$T/point" || fail "umount"

# --check: what is there is so, what is taken away is missed; nothing is mounted by it.
before=$(cat /proc/self/mountinfo)
ends 0 'ipcfs can mount here.' "$IPCFS" --check
[ "$before" = "$(cat /proc/self/mountinfo)" ] || fail "--check mounted something"
has() { "$IPCFS" --check | grep -q "^yes  $1 "; }
lacks() { "$IPCFS" --check | grep -q "^no   $1 "; }
for thing in libfuse root /proc msgget shmget semget mq_open /dev/shm /dev/fuse mount; do
    has "$thing" || fail "--check lacks $thing: $("$IPCFS" --check)"
done
# It says of mapping what a tree does.
mkdir shm/mapped,size=4096
if python3 -c 'import mmap, os; mmap.mmap(os.open("shm/mapped/data", os.O_RDWR), 4096)' 2>/dev/null; then
    has passthrough || fail "memory can be mapped, and --check says that it can't"
else
    lacks passthrough || fail "memory can't be mapped, and --check says that it can"
fi
rmdir shm/mapped

setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$IPCFS" --check >"$T/said"
is 3 echo $?
grep -q '^no   CAP_SYS_ADMIN' "$T/said" || fail "CAP_SYS_ADMIN is not missed"
grep -q '^NO   mount' "$T/said" || fail "mounting is said to work without CAP_SYS_ADMIN"
is 'ipcfs cannot mount here.' tail -n 1 "$T/said"
ends 1 'it takes CAP_SYS_ADMIN' \
    setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$IPCFS" "$T/point"
setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "$IPCFS" --check | grep -q '^no   CAP_IPC_LOCK' ||
    fail "CAP_IPC_LOCK is not missed"

# A machine without: in mount namespaces of their own.
cat >"$T/without_device" <<'END'
mount -t tmpfs -o mode=755 tmpfs /dev && mkdir /dev/shm && mount -t tmpfs tmpfs /dev/shm || exit 99
"$IPCFS" "$T/point" 2>"$T/said" && exit 98
grep -q 'modprobe fuse' "$T/said" || exit 97
"$IPCFS" --check
END
ends 3 'modprobe fuse' unshare -m sh "$T/without_device"
cat >"$T/without_shm" <<'END'
umount /dev/shm && mount -t tmpfs -o mode=755 tmpfs /dev && mknod -m 666 /dev/fuse c 10 229 || exit 99
"$IPCFS" --check
END
ends 3 'NO   /dev/shm' unshare -m sh "$T/without_shm"
# Smaller limits are told of as they are.
prlimit --nofile=100 --msgqueue=4096 "$IPCFS" --check >"$T/said" || fail "--check ended with $?"
grep -q '^no   RLIMIT_NOFILE *100' "$T/said" || fail "RLIMIT_NOFILE 100 is not told of"
grep -q '^yes  RLIMIT_MSGQUEUE *4096 ' "$T/said" || fail "RLIMIT_MSGQUEUE 4096 is not told of"

# A plain user.
cp "$IPCFS" /run/ipcfs-for-all && chmod 755 /run/ipcfs-for-all
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
is 'uid 65534' sh -c "setpriv --reuid 65534 --regid 65534 --clear-groups /run/ipcfs-for-all --check |
    sed -n 's/^no   root .*\(uid [0-9]*\).*/\1/p'"
if as_nobody sh -c 'exec <>/dev/fuse' 2>/dev/null && command -v fusermount3 >/dev/null; then
    ends 3 'no_new_privs' as_nobody setpriv --no-new-privs /run/ipcfs-for-all --check
    ends 3 'install fuse3' as_nobody env PATH=/nowhere /run/ipcfs-for-all --check
    ends 0 'can mount here' as_nobody /run/ipcfs-for-all --check
fi
