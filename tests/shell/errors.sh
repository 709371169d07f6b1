# Each refusal leaves one line in errors that says what to do about it: a table of refusals, what the
# kernel says of each, and what the line has to name.  Limits are lowered in this IPC namespace only.

count=0
user='setpriv --reuid 1001 --regid 1001 --clear-groups'

# refusal ERRNO WORDS COMMAND - the command fails, and the last line of errors, which is new, has the
# errno and then the words, a regular expression.
refusal() {
    cp errors "$T/before"
    if sh -c "$3" >"$T/said" 2>&1; then
        fail "'$3' was not refused"
    fi
    cp errors "$T/after"
    cmp -s "$T/before" "$T/after" && fail "'$3' left no line: $(cat "$T/said")"
    tail -n 1 "$T/after" >"$T/last"
    grep -q " $1: .*$2" "$T/last" || fail "'$3': expected '$1: ... $2', errors says: $(cat "$T/last")"
    count=$((count + 1))
}

limit() { # limit NAME VALUE - of this IPC namespace
    echo "$2" >"/proc/sys/$1" || fail "$1 cannot be set"
}

mkdir -m 600 mq/q mq/0x1 sem/s sem/0x1 shm/p,size=4K shm/0x1 pipes/f

# ---- Permission: whose it is, its mode, who asks ----
owned='belongs to uid 0, gid 0, with mode 600; asked by uid 1001, gid 1001$'
refusal EACCES "only the owner of a queue may remove.*$owned" "$user rmdir mq/q"
refusal EPERM "only the owner and the creator of a queue.*$owned" "$user rmdir mq/0x1"
refusal EPERM "only the owner and the creator of a queue.*$owned" "$user chmod 666 mq/0x1"
refusal EPERM "only the owner of a queue may change.*$owned" "$user chmod 666 mq/q"
refusal EACCES "only the owner of a semaphore.*$owned" "$user rmdir sem/s"
refusal EPERM "only the owner and the creator of a set.*$owned" "$user rmdir sem/0x1"
refusal EACCES "only the owner of a shared memory object.*$owned" "$user rmdir shm/p"
refusal EPERM "only the owner and the creator of a segment.*$owned" "$user chown 1001 shm/0x1"
refusal EPERM "only the owner of a pipe.*$owned" "$user rmdir pipes/f"
refusal EACCES "$owned" "$user cat mq/q/data"
refusal EACCES "$owned" "$user cat mq/0x1/data"
refusal EACCES "$owned" "$user cat mq/q/messages"
refusal EACCES "read permission.*$owned" "$user cat sem/s/value"
refusal EACCES "write permission.*$owned" "$user sh -c '/bin/echo P >sem/0x1/op'"
refusal EACCES "read and write permission.*$owned" "$user sh -c 'exec 3>sem/s/hold'"
refusal EACCES "write permission.*$owned" "$user sh -c '/bin/echo 3 >sem/0x1/value'"
refusal EACCES "needs read permission.*$owned" "$user cat shm/p/data"
refusal EACCES "needs read permission.*$owned" "$user cat shm/0x1/data"
refusal EACCES "read and.* write.*$owned" "$user sh -c '/bin/echo 1 >pipes/f/keep'"

# A user sees the lines of that user and nobody else's; root sees all.
$user cat errors >"$T/mine"
[ "$(wc -l <"$T/mine")" = "$count" ] || fail "uid 1001 sees other lines than its own"
refusal EPERM 'is part of the tree' 'rmdir mq'
$user cat errors | cmp - "$T/mine" || fail "uid 1001 sees root's refusal"
[ "$(wc -l <errors)" = "$count" ] || fail "root sees $(wc -l <errors) lines, not $count"
[ "$(setpriv --reuid 1002 --regid 1002 --clear-groups cat errors | wc -l)" = 0 ] || fail "uid 1002"

# ---- Wrong values, and those that are right ----
refusal EINVAL "unknown attribute 'colour='; known: maxmsg=, msgsize=" 'mkdir mq/n,colour=red'
refusal EINVAL "unknown attribute 'size='; known: value=, nsems=" 'mkdir sem/0x9,size=3'
refusal EINVAL "'0' is no maxmsg.* from 1 to 65536" 'mkdir mq/n,maxmsg=0'
refusal EINVAL "'x' is no port: a whole decimal number from 0 to 65535" \
    'mkdir sockets/tcp/127.0.0.1:x'
refusal EINVAL "'4X' is no size.*K, M or G" 'mkdir shm/n,size=4X'
refusal EINVAL "'32768' is no value (SEMVMX).* 0 to 32767" 'echo 32768 >sem/0x1/value'
refusal EINVAL "'nonsense': wants .NUM:.DELTA" '/bin/echo nonsense >sem/0x1/op'
refusal EINVAL 'seconds such as 10 or 0.5' 'cat mq/q/within/soon/data'
refusal EINVAL 'is an id, which the kernel gives' 'mkdir mq/5'
refusal EINVAL 'IPC_PRIVATE.*0x1 to 0xffffffff' 'mkdir mq/0x0'
refusal EOPNOTSUPP 'op takes +k, -1, P and V' '/bin/echo 3 >sem/s/value'
refusal EOPNOTSUPP 'open it for writing' 'cat mq/q/prio/3'
refusal EACCES 'can only be read' ': >mq/q/messages'
refusal EPERM 'rmdir removes an object' 'rm mq/q/data'
refusal EPERM 'objects are made by mkdir' 'touch mq/new'
refusal EPERM 'an object keeps its kind' 'mv sem/s mq/s'
refusal EFBIG 'has 1 semaphores, and numbers go from 0 to 0' '/bin/echo 3:+1 >sem/0x1/op'

# ---- Limits: which, how much, how much of it is used, what was asked ----
limit fs/mqueue/msg_max 10
limit fs/mqueue/msgsize_max 8192
refusal EINVAL 'maxmsg=11 is more than fs.mqueue.msg_max, which is 10' "$user mkdir mq/n,maxmsg=11"
refusal EINVAL 'msgsize=9000 is more than fs.mqueue.msgsize_max, which is 8192' \
    "$user mkdir mq/n,msgsize=9000"
limit fs/mqueue/queues_max 1
refusal ENOSPC 'fs.mqueue.queues_max is 1 queues, 1 in use' "$user mkdir mq/n"
limit fs/mqueue/queues_max 256
limit kernel/msgmni 1
refusal ENOSPC 'kernel.msgmni is 1 queues, 1 in use' 'mkdir mq/0x2'
limit kernel/msgmnb 16384
chown 1001 mq/0x1
refusal EPERM 'qbytes=99999 is more than kernel.msgmnb, which is 16384' \
    "$user sh -c '/bin/echo 99999 >mq/0x1/qbytes'"
limit kernel/msgmax 100
refusal EMSGSIZE '101 bytes: kernel.msgmax, the largest, is 100' \
    'head -c 101 /dev/zero | dd of=mq/0x1/data bs=101 iflag=fullblock status=none'
refusal EMSGSIZE '8193 bytes.*msgsize, which is 8192' \
    'head -c 8193 /dev/zero | dd of=mq/q/data bs=8193 iflag=fullblock status=none'
limit kernel/sem '10 20 5 3'
refusal EINVAL "'11' is no nsems (SEMMSL, first number of kernel.sem).* 1 to 10" \
    'mkdir sem/0x2,nsems=11'
mkdir sem/0x2,nsems=10
refusal ENOSPC 'SEMMNS is 20 semaphores, 11 in use, this set needs 10 (kernel.sem' \
    'mkdir sem/0x3,nsems=10'
mkdir sem/0x3
refusal ENOSPC 'SEMMNI is 3 sets, 3 in use.*(kernel.sem' 'mkdir sem/0x4'
refusal E2BIG 'SEMOPM is 5 operations a list (kernel.sem, third number), this one has 6' \
    "/bin/echo '+1 +1 +1 +1 +1 +1' >sem/0x1/op"
refusal ERANGE 'SEMVMX, the highest value, is 32767, semaphore 0 has 1, and this adds 32767' \
    '/bin/echo +32767 >sem/0x1/op'
limit kernel/shmmni 1
refusal ENOSPC 'kernel.shmmni is 1 segments, 1 in use' 'mkdir shm/0x2'
limit kernel/shmmni 4096
limit kernel/shmmax 8192
refusal EINVAL "'9000' is no size of a segment (kernel.shmmax).* 1 to 8192" 'mkdir shm/0x2,size=9000'
limit kernel/shmmax 1073741824
limit kernel/shmall "$((65536 / $(getconf PAGESIZE) + 1))"
refusal ENOSPC 'kernel.shmall is [0-9]* pages, [0-9]* in use, this segment needs [0-9]*' \
    'mkdir shm/0x2,size=64K'
refusal ENOSPC 'keeps the size that it was made with.* 65536 bytes' \
    '/bin/echo x | dd of=shm/0x1/data bs=1 seek=65536 conv=notrunc status=none'

# What RLIMIT_MSGQUEUE counts: the queues that are there, by maxmsg and msgsize, as getrlimit(2) has it.
limit fs/mqueue/msg_max 65536
i=0
while mkdir "mq/fill$i" 2>/dev/null; do i=$((i + 1)); done
rlimit=$(prlimit --pid "$DAEMON" --msgqueue --noheadings --output SOFT)
used=$((82880 * (i + 1)))
refusal EMFILE "RLIMIT_MSGQUEUE is $rlimit bytes, $used in use, this queue needs 82880: " \
    'mkdir mq/more'
# Another user's are counted for that user, by that user's limit.
$user mkdir mq/theirs
refusal EMFILE "RLIMIT_MSGQUEUE is 100000 bytes, 82880 in use, this queue needs 82880: .*uid 1001" \
    "$user prlimit --msgqueue=100000 mkdir mq/more"
rmdir mq/theirs
while [ $i -gt 0 ]; do i=$((i - 1)); rmdir "mq/fill$i"; done

# ---- Sockets ----
mkdir -m 600 sockets/tcp/127.0.0.1:9734 sockets/unix/u
refusal EADDRINUSE 'another socket is bound to 0.0.0.0:9734.*ss -ant shows it' \
    'mkdir sockets/tcp/0.0.0.0:9734'
refusal EADDRNOTAVAIL 'no interface .*192.0.2.1:77' 'mkdir sockets/tcp/192.0.2.1:77'
refusal EACCES 'ports below 1024 (net.ipv4.ip_unprivileged_port_start).*CAP_NET_BIND_SERVICE' \
    "$user mkdir sockets/udp/127.0.0.1:99"
refusal ECONNREFUSED 'nobody listens at 127.0.0.1:1$' 'cat sockets/tcp/connect/127.0.0.1:1'
refusal ECONNREFUSED 'nobody listens at @nobody' 'cat sockets/unix/connect/@nobody'
refusal EPERM 'belongs to uid 0, asked by uid 1001' "$user rmdir sockets/tcp/127.0.0.1:9734"
refusal EACCES "$owned" "$user cat sockets/tcp/127.0.0.1:9734/accept"

# ---- The daemon's own limit of open files ----
# full FREE COMMAND - runs it while the daemon can open so many files more.
full() {
    cat <<EOF
limit=0 free=$1
while [ -e "/proc/$DAEMON/fd/\$limit" ] || [ "\$free" -gt 0 ]; do
    [ -e "/proc/$DAEMON/fd/\$limit" ] || free=\$((free - 1))
    limit=\$((limit + 1))
done
prlimit --pid $DAEMON --nofile=\$limit:
$2
status=\$?
prlimit --pid $DAEMON --nofile=1024:
exit \$status
EOF
}
words='RLIMIT_NOFILE of the daemon is [0-9]*, and '
refusal EMFILE "$words" "$(full 0 'cat sem/s/value')"
refusal EMFILE "$words" "$(full 1 'mkdir sockets/tcp/127.0.0.1:0')"

# ---- Mounted to look only ----
mkdir "$T/ro"
"$IPCFS" -o ro "$T/ro"
cd "$T/ro" || fail "no tree at $T/ro"
refusal EROFS 'mounted -o ro' 'cat mq/q/data'
refusal EROFS 'mounted -o ro' 'cat mq/0x1/data'
cd /mnt || fail "no tree"
umount "$T/ro"

# ---- A full /dev/shm ----
mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs /dev/shm
mkdir "$T/full"
"$IPCFS" "$T/full"
cd "$T/full" || fail "no tree at $T/full"
mkdir shm/one
refusal ENOSPC '/dev/shm has .* of 2 inodes free.*rmdir' 'mkdir shm/two'
cd /mnt || fail "no tree"
umount "$T/full" /dev/shm
[ "$count" -ge 60 ] || fail "only $count refusals"
