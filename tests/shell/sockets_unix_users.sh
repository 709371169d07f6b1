# Unix sockets of several users: who may connect and accept, and who the other end says one is.
# shellcheck disable=SC2016,SC2034

run=/run/ipcfs/unix
owner=64990 other=64991 group=64995
chmod 755 "$T"

# as UID GID COMMAND... - as a plain user.
as() {
    uid=$1 gid=$2
    shift 2
    setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
}

listens() {
    until grep -Eq " $1( |\$)" /proc/net/unix; do :; done
}

# A book's server is told who connects through the tree, as if that user had done so.
"$TEXTBOOK" server stream @server 3 >"$T/who" &
server=$!
listens @server
is IBM as $owner $group sh -c 'exec 3<>sockets/unix/connect/@server; printf HAL >&3; head -c 3 <&3'
is IBM as $other $other sh -c 'exec 3<>sockets/unix/connect/@server; printf HAL >&3; head -c 3 <&3'
: <>sockets/unix/connect/@server
wait $server || fail "the server ended with $?"
is "uid=$owner gid=$group
uid=$other gid=$other
uid=0 gid=0" cat "$T/who"

# framed says it of clients of either sort.
mkdir -m 666 sockets/unix/open
setpriv --reuid $owner --regid $group --clear-groups \
    "$TEXTBOOK" client stream "$run/open" >"$T/out" question &
client=$!
exec 3<>sockets/unix/open/framed
read -r who <&3
[ "$who" = "pid=$client uid=$owner gid=$group" ] || fail "framed says '$who' of $client"
echo answer >&3
exec 3>&-
wait $client || fail "the client ended with $?"
as $other $other sh -c ': <>sockets/unix/connect/run/ipcfs/unix/open' &
client=$!
read -r who <sockets/unix/open/framed
wait $client || fail "the client ended with $?"
[ "$who" = "pid=$DAEMON uid=$other gid=$other" ] || fail "framed says '$who'"
rmdir sockets/unix/open

# Datagrams too.
mkdir -m 666 sockets/unix/letters,type=dgram
as $owner $group sh -c 'printf letter >sockets/unix/connect/run/ipcfs/unix/letters'
read -r who <sockets/unix/letters/framed
case $who in
"from=@"*" pid=$DAEMON uid=$owner gid=$group size=6") ;;
*) fail "framed of a datagram says '$who'" ;;
esac
rmdir sockets/unix/letters

# The mode keeps others out, whichever way they come.
as $owner $group mkdir -m 660 sockets/unix/mine
is "$owner $group 660" stat -c '%u %g %a' "$run/mine"
is "$owner $group" stat -c '%u %g' sockets/unix/mine
fails 'Permission denied' as $other $other sh -c ': <>sockets/unix/connect/run/ipcfs/unix/mine'
grep -q 'unix/wait/connect/run/ipcfs/unix/mine open EACCES: .*write permission for the socket' errors ||
    fail "$(cat errors)"
fails 'Permission denied' as $other $other "$TEXTBOOK" client stream "$run/mine"  x
fails 'Permission denied' as $other $other "$TEXTBOOK" client stream "$PWD/sockets/unix/mine/socket" x
as $other $group sh -c ': <>sockets/unix/connect/run/ipcfs/unix/mine' || fail "the group may connect"
# To accept is the owner's alone; so is the rest.
fails 'Permission denied' as $other $group cat sockets/unix/mine/accept
fails 'Permission denied' as $other $group cat sockets/unix/mine/framed
is "pid=$DAEMON uid=$other gid=$group" as $owner $group cat sockets/unix/mine/framed
fails 'not permitted' as $other $group rmdir sockets/unix/mine
fails 'not permitted' as $other $group chmod 666 sockets/unix/mine
as $owner $group chmod 666 sockets/unix/mine || fail "chmod"
is 666 stat -c %a "$run/mine"
as $other $other sh -c ': <>sockets/unix/connect/run/ipcfs/unix/mine' || fail "all may connect"
as $owner $group rmdir sockets/unix/mine || fail "rmdir"
[ ! -e "$run/mine" ] || fail "its file is still there"

# A path is the caller's to walk.
mkdir -m 700 "$T/private"
"$TEXTBOOK" server stream "$T/private/s" 1 >"$T/who" &
server=$!
listens "$T/private/s"
chmod 777 "$T/private/s"
fails 'Permission denied' as $other $other cat "sockets/unix/connect$T/private/s"
chmod 711 "$T/private"
is B as $other $other sh -c "exec 3<>sockets/unix/connect$T/private/s; printf A >&3; head -c 1 <&3"
wait $server || fail "the server ended with $?"

# So is a network: abstract names are those of the tree's, a path is a path.
"$TEXTBOOK" server stream @server 1 >"$T/who" &
server=$!
listens @server
"$TEXTBOOK" server stream "$T/s" 1 >"$T/who" &
second=$!
listens "$T/s"
fails 'Permission denied' unshare --net sh -c ': <>sockets/unix/connect/@server'
grep -q 'open EACCES: .*another network namespace' errors || fail "$(cat errors)"
unshare --net sh -c ": <>sockets/unix/connect$T/s" || fail "a path of another network"
wait $second || fail "the server ended with $?"
kill $server
wait $server
fails 'Permission denied' unshare --net mkdir sockets/udp/127.0.0.1:5242
fails 'Permission denied' unshare --net sh -c ': <>sockets/udp/connect/127.0.0.1:5242'

# ---- a daemon that was killed ----

# again - a tree of its own at /run/second/mnt with its run directory in /run/second.
again() {
    umount -l /run/second/mnt 2>/dev/null
    "$IPCFS" -f -o run_dir=/run/second /run/second/mnt &
    second=$!
    until mountpoint -q /run/second/mnt; do kill -0 $second || fail "no second tree"; done
}

mkdir -m 755 /run/second /run/second/mnt
again
mkdir "/run/second/mnt/sockets/unix/root's"
as $owner $group mkdir /run/second/mnt/sockets/unix/mine
as $owner $group mkdir /run/second/mnt/sockets/unix/letters,type=dgram
"$TEXTBOOK" server stream /run/second/unix/theirs 1 >"$T/who" &
server=$!
listens /run/second/unix/theirs
kill -9 $second
wait $second
again
# Their files are still there, and are nobody's sockets; another program's are.
[ -S /run/second/unix/mine ] || fail "nothing is left: is there anything to test?"
is theirs sh -c 'ls /run/second/mnt/sockets/unix | grep -Evx "anon|connect|try|wait|within"'
fails 'File exists' mkdir /run/second/mnt/sockets/unix/theirs
mkdir "/run/second/mnt/sockets/unix/root's" || fail "what a dead daemon has left is in the way"
fails 'Address already in use' as $other $other mkdir /run/second/mnt/sockets/unix/mine
grep -q "EADDRINUSE: .*nobody has open any more.*uid $owner" /run/second/mnt/errors || fail "$(cat /run/second/mnt/errors)"
as $owner $group mkdir /run/second/mnt/sockets/unix/mine || fail "its owner's is in its owner's way"
mkdir -p /run/second/mnt/sockets/unix/letters || fail "what a dead daemon has left is in the way"
is LISTEN cat /run/second/mnt/sockets/unix/letters/state
"$TEXTBOOK" client stream /run/second/unix/letters HAL >"$T/out" &
client=$!
exec 3<>/run/second/mnt/sockets/unix/letters/accept
is HAL head -c 3 <&3
printf here >&3
exec 3>&-
wait $client || fail "the client ended with $?"
is here cat "$T/out"
printf A >"sockets/unix/connect/run/second/unix/theirs"
wait $server || fail "the server ended with $?"
kill $second
wait $second || fail "the second daemon ended with $?"
is theirs ls /run/second/unix
