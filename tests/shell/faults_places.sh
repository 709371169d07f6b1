# What ipcfs stands on is full, read-only or not there; and it is killed.  One thing that cannot be done
# is refused, nothing of it stays, and everything else goes on.
# shellcheck disable=SC2012,SC2015,SC2016,SC2034,SC2153

second=/run/second
mkdir $second
plain=1000

# works - every kind does, but those whose names are given.
works() {
    case " $* " in *' mq '*) ;; *)
        mkdir mq/w && echo hello >mq/w/data && [ "$(cat mq/w/data)" = hello ] && rmdir mq/w ||
            fail "mq: $(cat errors)" ;;
    esac
    mkdir sem/0x77 && echo P >sem/0x77/op && rmdir sem/0x77 || fail "sem/0x77: $(cat errors)"
    mkdir shm/0x77,size=4096 && printf hello >shm/0x77/data && rmdir shm/0x77 ||
        fail "shm/0x77: $(cat errors)"
    case " $* " in *' shm '*) ;; *)
        mkdir shm/w,size=4096 && rmdir shm/w && mkdir sem/w && rmdir sem/w || fail "shm: $(cat errors)" ;;
    esac
    case " $* " in *' pipes '*) ;; *)
        mkdir pipes/w,keep=1 && echo hello >pipes/w/data && [ "$(head -n 1 pipes/w/data)" = hello ] &&
            rmdir pipes/w && mkdir sockets/unix/w && rmdir sockets/unix/w || fail "pipes: $(cat errors)" ;;
    esac
    mkdir sockets/tcp/127.0.0.1:7070 && rmdir sockets/tcp/127.0.0.1:7070 || fail "tcp: $(cat errors)"
    for text in status status.json holders summary limits holders.dot metrics.prom; do
        cat $text >"$T/out" || fail "$text"
    done
    jq -e . status.json >"$T/out" || fail "status.json"
}

works

# /dev/shm without room.
mount -o remount,size=64k /dev/shm
head -c 65536 /dev/zero >/dev/shm/full
ls /dev/shm >"$T/before"
fails 'No space left' mkdir sem/x
ls /dev/shm | diff "$T/before" - || fail "something was left of a semaphore"
mkdir shm/hole,size=8192 || fail "a hole takes no room"
if head -c 8192 /dev/zero 2>"$T/err" >shm/hole/data; then fail "written where there is no room"; fi
fails 'No space left' fallocate -l 8192 shm/hole/data
rmdir shm/hole
works shm
rm /dev/shm/full
mount -o remount,nr_inodes=2 /dev/shm
echo >/dev/shm/last
for object in sem/x shm/x shm/x,size=4096; do fails 'No space left' mkdir $object; done
is last ls /dev/shm
works shm
rm /dev/shm/last
mount -o remount,nr_inodes=10000,size=16m /dev/shm
works

# /dev/shm that may only be looked at.
mkdir shm/there,size=4096 sem/there
mount -o remount,ro /dev/shm
for object in sem/x shm/x; do fails 'Read-only' mkdir $object; done
fails 'Read-only' rmdir shm/there
fails 'Read-only' rmdir sem/there
is 4096 cat shm/there/size
is 1 cat sem/there/value
works shm
mount -o remount,rw /dev/shm
rmdir shm/there sem/there
works

# The run directory's file system without room for another name, read-only, and gone.
mkdir "$T/run"
mount -t tmpfs -o mode=755,nr_inodes=4 tmpfs "$T/run"
"$IPCFS" -o "run_dir=$T/run/ipcfs" $second || fail "no mount with a full run directory"
cd $second || fail "no tree"
mkdir pipes/one 2>"$T/err" && fail "pipes/one: there is no room"
fails 'No space left' mkdir pipes/one
is '' sh -c 'ls "$1"/ipcfs/pipes' sh "$T/run"
fails 'No space left' mkdir sockets/unix/one
works pipes
mount -o remount,nr_inodes=100 "$T/run"
works
mkdir pipes/kept,keep=1 sockets/unix/kept
mount -o remount,ro "$T/run"
for object in pipes/one sockets/unix/one; do fails 'Read-only' mkdir $object; done
for object in pipes/kept sockets/unix/kept; do fails 'Read-only' rmdir $object; done
is 1 cat pipes/kept/keep
echo hello >pipes/kept/data
is hello head -n 1 pipes/kept/data
works pipes
mount -o remount,rw "$T/run"
works
rm -r "$T/run/ipcfs"
until [ ! -e pipes/kept ]; do :; done
until [ ! -e sockets/unix/kept ]; do :; done
for object in pipes/one sockets/unix/one; do fails 'No such file' mkdir $object; done
works pipes
cd /mnt || fail "no tree"
umount $second || fail "umount"
until umount "$T/run" 2>"$T/err"; do :; done # the daemon ends a moment later

# No /dev/mqueue: the daemon has its own.
umount /dev/mqueue 2>"$T/err" || :
works

# /proc in which a user sees only what is his.
mount -o remount,hidepid=2 /proc
works
setpriv --reuid $plain --regid $plain --clear-groups sh -c '
    for text in status status.json holders pipes/status sockets/status shm/unnamed; do
        cat $text || exit 1
    done
    mkdir mq/p && echo hello >mq/p/data && cat mq/p/data && rmdir mq/p' >"$T/out" || fail "hidepid: $(cat errors)"
mount -o remount,hidepid=0 /proc

# Killed with all in use, ten times: the next one takes the place, and what the kernel keeps.
mkdir mq/stays && echo hello >mq/stays/data
cd / || fail "/"
: >"$T/daemon-may-end"
kill "$DAEMON"
wait "$DAEMON" 2>/dev/null
until ! mountpoint -q /mnt; do :; done
for round in 1 2 3 4 5 6 7 8 9 10; do
    "$IPCFS" -f /mnt 2>"$T/round-err" &
    daemon=$!
    until [ -e /mnt/README ]; do kill -0 $daemon || fail "round $round: $(cat "$T/round-err")"; done
    is hello sh -c 'm=$(cat /mnt/mq/stays/data); echo "$m" >/mnt/mq/stays/data; echo "$m"'
    mkdir "/mnt/pipes/p$round,keep=1" /mnt/sockets/unix/same || fail "round $round: $(cat /mnt/errors)"
    mkdir /mnt/sockets/tcp/127.0.0.1:7070 || fail "round $round: $(cat /mnt/errors)"
    cat /mnt/sockets/unix/same/accept >"$T/accepted" 2>&1 &
    cat "/mnt/sem/none/op" >"$T/none" 2>&1 &
    while :; do echo hello >/mnt/mq/stays/try/data || break; cat /mnt/mq/stays/try/data || break; done >"$T/load" 2>&1 &
    load=$!
    # At no moment of their choosing.
    for i in $(seq $((round * 2))); do cat /mnt/status >"$T/out"; done
    kill -9 $daemon
    wait $daemon 2>/dev/null
    wait $load
    # As many as were under way have been taken or not.
    [ -p "/run/ipcfs/pipes/p$round" ] || fail "round $round: the pipe has gone"
    # What is mounted there answers ENOTCONN, and the next daemon is to be mounted in its place.
    stat /mnt >"$T/out" 2>&1 && fail "round $round: the mount still answers"
    "$IPCFS" /mnt 2>"$T/round-err" || fail "round $round: not mounted again: $(cat "$T/round-err")"
    n=0; while m=$(cat /mnt/mq/stays/try/data 2>"$T/err"); do n=$((n + 1)); done
    [ $n -le 2 ] || fail "round $round: $n messages"
    echo hello >/mnt/mq/stays/data
    [ -d "/mnt/pipes/p$round" ] && rmdir "/mnt/pipes/p$round" || fail "round $round: $(ls /mnt/pipes)"
    umount /mnt || fail "round $round: umount"
done
