# Datagrams as a user types them, with a textbook's sender, receiver, client and server at the other end.
# shellcheck disable=SC2016,SC2034

at=127.0.0.1:5242
own=sockets/udp/$at

# bound ADDRESS - returns when some process has bound a socket to it.
bound() {
    until [ -d "sockets/udp/$1" ]; do :; done
}

# ---- the tree receives ----

mkdir "$own"
is UNCONN cat "$own/state"
"$TEXTBOOK" udp-sender 127.0.0.1 5242 one 'two
lines' '' last
is one cat "$own/data"
is 'two
lines' cat "$own/data"
# An empty one is one: nothing is in it, and the next is another.
is '' cat "$own/data"
is last cat "$own/data"
"$TEXTBOOK" udp-sender 127.0.0.1 5242 '' four
cat "$own/framed" >"$T/out"
grep -Eqx 'from=127\.0\.0\.1:[0-9]+ size=0' "$T/out" || fail "framed of an empty one: $(cat "$T/out")"
cat "$own/framed" >"$T/out"
is 'size=4 four' awk 'NR == 1 { sub(/^from=127.0.0.1:[0-9]* /, ""); printf "%s ", $0 } NR > 1' "$T/out"

# lines: a stream of them, a line each.
"$TEXTBOOK" udp-sender 127.0.0.1 5242 a b '' d
is 'a
b

d' head -n 4 "$own/lines"

# Several wait, and each gets one.
cat "$own/data" >"$T/1" &
first=$!
cat "$own/data" >"$T/2" &
second=$!
parked $first $second
"$TEXTBOOK" udp-sender 127.0.0.1 5242 'for one
' 'for the other
'
wait $first || fail "cat ended with $?"
wait $second || fail "cat ended with $?"
is 'for one
for the other' sort "$T/1" "$T/2"

# Nothing there: now, for a while, and until a signal comes.
fails 'Resource temporarily unavailable' cat "$own/try/data"
fails 'timed out' cat "$own/within/0.05/data"
fails 'timed out' cat "$own/within/0.05/framed"
cat "$own/lines" &
reader=$!
parked $reader
kill $reader
wait $reader
status=$?
[ $status = 143 ] || fail "a reader that was killed ended with $status"
"$TEXTBOOK" udp-sender 127.0.0.1 5242 still
is still cat "$own/try/data"

# ---- the tree answers ----

# One handle is one question and its answer; the client is the book's.
"$TEXTBOOK" udp-client 127.0.0.1 5242 question >"$T/out" &
client=$!
exec 3<>"$own/data"
is question cat <&3
printf 'to you' >&3
exec 3>&-
wait $client || fail "the client ended with $?"
is 'to you' cat "$T/out"
"$TEXTBOOK" udp-client 127.0.0.1 5242 a b c >"$T/out" &
client=$!
exec 3<>"$own/lines"
for question in a b c; do
    read -r line <&3
    [ "$line" = $question ] || fail "asked '$line'"
    echo "answer to $question" >&3
done
exec 3>&-
wait $client || fail "the client ended with $?"
is 'answer to a
answer to b
answer to c' cat "$T/out"

# To whom is said in words, too.
"$TEXTBOOK" udp-receiver 127.0.0.1 5001 2 >"$T/out" &
receiver=$!
bound 127.0.0.1:5001
printf 'to=127.0.0.1:5001 size=0\nto=127.0.0.1:5001 size=5\nhello' >"$own/framed"
wait $receiver || fail "the receiver ended with $?"
is '127.0.0.1 5242 0 
127.0.0.1 5242 5 hello' cat "$T/out"
fails 'Destination address required' sh -c "echo x | tee $own/data"
grep -q "$own/wait/data write EDESTADDRREQ: a write answers the sender" errors || fail "$(cat errors)"

# ---- the tree sends ----

"$TEXTBOOK" udp-receiver 127.0.0.1 5001 3 >"$T/out" &
receiver=$!
bound 127.0.0.1:5001
exec 3>sockets/udp/connect/127.0.0.1:5001,from=127.0.0.1:5002
printf one >&3
printf 'two words' >&3
printf three >&3
exec 3>&-
wait $receiver || fail "the receiver ended with $?"
is '127.0.0.1 5002 3 one
127.0.0.1 5002 9 two words
127.0.0.1 5002 5 three' cat "$T/out"

"$TEXTBOOK" udp-server ::1 5001 2 &
server=$!
bound ::1:5001
exec 3<>sockets/udp/connect/localhost:5001
exec 4<>sockets/udp/connect/::1:5001
echo HAL >&4
read -r line <&4
[ "$line" = IBM ] || fail "HAL plus one is '$line'"
echo 'HAL again' >&3
read -r line <&3
[ "$line" = 'IBM bhbjo' ] || fail "HAL again plus one is '$line'"
exec 3>&- 4>&-
wait $server || fail "the server ended with $?"

# Nobody there: the next one says so, as the kernel does.
exec 3<>sockets/udp/connect/127.0.0.1:5009
echo anybody? >&3
fails 'Connection refused' cat <&3
exec 3>&-

# ---- too long ----

fails 'Message too long' \
    sh -c "{ echo to=127.0.0.1:5001 size=65508; head -c 65508 /dev/zero; } | tee $own/framed >/dev/null"
"$TEXTBOOK" udp-receiver 127.0.0.1 5001 2 >"$T/out" &
receiver=$!
bound 127.0.0.1:5001
fails 'Message too long' dd if=/dev/zero of=sockets/udp/connect/127.0.0.1:5001 bs=65508 count=1 status=none
fails 'Message too long' dd if=/dev/zero of=sockets/udp/connect/127.0.0.1:5001 bs=3M count=1 status=none
grep -q 'write EMSGSIZE: a datagram of 65508 bytes: UDP carries at most 65507' errors ||
    fail "$(cat errors)"
head -c 65507 /dev/zero | tr '\0' x |
    dd of=sockets/udp/connect/127.0.0.1:5001 bs=65507 iflag=fullblock count=1 status=none || fail "dd"
printf end >sockets/udp/connect/127.0.0.1:5001
wait $receiver || fail "the receiver ended with $?"
is '65507 3' awk '{ printf "%s%s", sep, $3; sep = " " }' "$T/out"

# ---- the end ----

cat "$own/data" 2>"$T/err" &
reader=$!
parked $reader
rmdir "$own"
wait $reader && fail "a reader of a socket that has gone ended well"
grep -q 'Identifier removed' "$T/err" || fail "it said $(cat "$T/err")"
[ ! -e "$own" ] || fail "it is still there"
mkdir "$own" || fail "its address is still in use"
fails 'Address already in use' mkdir "sockets/udp/any:5242"
fails 'File exists' mkdir "$own"
mkdir -p "$own" || fail "mkdir -p of one that exists"
rmdir "$own"
