# Unix sockets as a user types them, with a textbook's server and client at the other end.
# shellcheck disable=SC2016,SC2034

run=/run/ipcfs/unix

# listens PATH - returns when a unix socket has that address.
listens() {
    until grep -Eq " $1( |\$)" /proc/net/unix; do :; done
}

# ---- the book's server, and the tree as its client ----

"$TEXTBOOK" server stream "$T/server" 2 >"$T/who" &
server=$!
listens "$T/server"
exec 3<>"sockets/unix/connect$T/server"
printf A >&3
is B head -c 1 <&3
echo 'HAL 9000' >&3
read -r line <&3
[ "$line" = 'IBM :111' ] || fail "HAL 9000 plus one is '$line'"
exec 3>&-
# The whole text goes through before the end does.
is ':111' sh -c 'exec 3<>"sockets/unix/connect$T/server"; echo 9000 >&3; head -n 1 <&3'
wait $server || fail "the server ended with $?"
is 'uid=0 gid=0
uid=0 gid=0' cat "$T/who"
fails 'Connection refused' cat "sockets/unix/connect$T/server"
grep -q "open ECONNREFUSED: nobody listens at $T/server" errors || fail "$(cat errors)"
rm "$T/server"
fails 'No such file' cat "sockets/unix/connect$T/server"
fails 'No such file' dd if=/dev/null of="sockets/unix/connect$T/server"

# A name at a time, from there, and only looked at.
mkdir sockets/unix/serve
(cd "sockets/unix/connect$run" && printf hello >serve) || fail "a relative path"
is hello cat sockets/unix/serve/accept
[ -e "sockets/unix/connect$run/serve" ] || fail "it is there"
stat "sockets/unix/connect$run/serve" >"$T/out" || fail "stat"
is '' ls "sockets/unix/connect$run"
fails 'Resource temporarily unavailable' cat sockets/unix/serve/try/accept
rmdir sockets/unix/serve

# ---- the tree as a server, and the book's client ----

mkdir sockets/unix/serve
is "$run/serve" readlink sockets/unix/serve/socket
[ -S sockets/unix/serve/socket ] || fail "no socket"
is LISTEN cat sockets/unix/serve/state
is "$run/serve" cat sockets/unix/serve/local
for path in "$run/serve" "$PWD/sockets/unix/serve/socket"; do
    "$TEXTBOOK" client stream "$path" A more >"$T/out" &
    client=$!
    exec 3<>sockets/unix/serve/accept
    is A head -c 1 <&3
    printf B >&3
    is more head -c 4 <&3
    printf less >&3
    is '' cat <&3
    exec 3>&-
    wait $client || fail "the client ended with $?"
    is 'B
less' cat "$T/out"
done

# Both ends through the tree: a waiting accept, then a connection; a text longer than any buffer.
seq 200000 >"$T/long"
cat sockets/unix/serve/accept >"$T/out" &
server=$!
parked_open $server
cat "$T/long" >"sockets/unix/connect$run/serve"
wait $server || fail "accept ended with $?"
cmp "$T/long" "$T/out" || fail "what came is not what was sent"
cat "$T/long" >sockets/unix/serve/accept &
server=$!
cat "sockets/unix/connect$run/serve" >"$T/out"
wait $server || fail "accept ended with $?"
cmp "$T/long" "$T/out" || fail "what came is not what was sent"

# Who it is comes first.
"$TEXTBOOK" client stream "$run/serve" question >"$T/out" &
client=$!
exec 3<>sockets/unix/serve/framed
read -r who <&3
[ "$who" = "pid=$client uid=0 gid=0" ] || fail "'$who' instead of $client"
is question head -c 8 <&3
echo answer >&3
exec 3>&-
wait $client || fail "the client ended with $?"

# Nobody comes: now, for a while, until it is removed.
fails 'Resource temporarily unavailable' cat sockets/unix/serve/try/accept
fails 'timed out' cat sockets/unix/serve/within/0.05/accept
cat sockets/unix/serve/accept 2>"$T/err" &
waiting=$!
parked_open $waiting
rmdir sockets/unix/serve
wait $waiting && fail "accept of a socket that has gone ended well"
grep -q 'Identifier removed' "$T/err" || fail "it said $(cat "$T/err")"
[ ! -e "$run/serve" ] || fail "its file is still there"

# ---- connections outlive their socket ----

mkdir sockets/unix/serve
"$TEXTBOOK" client stream "$run/serve" A later >"$T/out" &
client=$!
exec 3<>sockets/unix/serve/accept
is A head -c 1 <&3
rmdir sockets/unix/serve
printf B >&3
is later head -c 5 <&3
printf still >&3
is '' cat <&3
is '600 1048576' stat -L -c '%a %s' /dev/fd/3
exec 3>&-
wait $client || fail "the client ended with $?"
is 'B
still' cat "$T/out"

# ---- packets and datagrams ----

mkdir sockets/unix/packets,type=seqpacket
"$TEXTBOOK" client seqpacket "$run/packets" one 'two
lines' >"$T/out" &
client=$!
exec 3<>sockets/unix/packets/accept
is one dd bs=1000 count=1 status=none <&3
printf eins >&3
is 'two
lines' dd bs=1000 count=1 status=none <&3
printf 'zwei Zeilen' >&3
exec 3>&-
wait $client || fail "the client ended with $?"
is 'eins
zwei Zeilen' cat "$T/out"
rmdir sockets/unix/packets

mkdir sockets/unix/letters,type=dgram
is UNCONN cat sockets/unix/letters/state
"$TEXTBOOK" client dgram "$run/letters" first second >"$T/out" &
client=$!
exec 3<>sockets/unix/letters/framed
read -r who <&3
case $who in
"from=@"*" pid=$client uid=0 gid=0 size=5") ;;
*) fail "framed says '$who', the client is $client" ;;
esac
is first cat <&3
printf 'size=4\nerst' >&3
exec 3>&-
exec 3<>sockets/unix/letters/data
is second cat <&3
printf zweit >&3
exec 3>&-
wait $client || fail "the client ended with $?"
is 'erst
zweit' cat "$T/out"
rmdir sockets/unix/letters

# The type of the other side is found out.
for type in seqpacket dgram; do
    "$TEXTBOOK" server $type "@a/b $type" 1 >"$T/who" &
    server=$!
    listens "@a/b $type"
    exec 3<>"sockets/unix/connect/@a/b $type"
    printf HAL >&3
    is IBM dd bs=1000 count=1 status=none <&3
    exec 3>&-
    wait $server || fail "the server ended with $?"
done

# ---- what others make ----

"$TEXTBOOK" server stream "$run/theirs" 1 >"$T/who" &
server=$!
listens "$run/theirs"
is "$server root fd=3 ${TEXTBOOK##*/}" cat sockets/unix/theirs/holders
is LISTEN cat sockets/unix/theirs/state
[ ! -e sockets/unix/theirs/accept ] || fail "somebody else's socket can be accepted from"
[ -S sockets/unix/theirs/socket ] || fail "no link"
fails 'File exists' mkdir sockets/unix/theirs
is B sh -c 'exec 3<>"sockets/unix/connect/run/ipcfs/unix/theirs"; printf A >&3; head -c 1 <&3'
wait $server || fail "the server ended with $?"

# ---- nothing of it inside the tree ----

fails 'not permitted' "$TEXTBOOK" server stream "$PWD/sockets/unix/here" 1
fails 'not permitted' "$TEXTBOOK" server dgram "$PWD/sockets/here" 1
fails 'cross-device' cat "sockets/unix/connect$PWD/sockets/unix/x/socket"
