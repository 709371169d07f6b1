# TCP servers and clients that are shells, against programs that know nothing of the tree.

L=sockets/tcp/127.0.0.1:9734

# answer - one character comes, and goes back plus one; as the server of every book about sockets has it.
answer() {
    character=$(dd bs=1 count=1 status=none <&3)
    printf '%s' "$character" | tr 'A-Y' 'B-Z' >&3
}

# serve NAME - answers clients until the listener is removed, and notes who they were.
serve() {
    while command exec 3<>$L/framed; do
        read -r from <&3
        echo "$from" >>"$T/served.$1"
        answer
        exec 3>&-
    done 2>"$T/end.$1"
}

# ---- one loop, all sorts of clients ----

mkdir $L
is LISTEN cat $L/state
ss -Htln | grep -q ' 127.0.0.1:9734 ' || fail "ss knows no listener"
(while command exec 3<>$L/accept; do
    answer
    exec 3>&-
done) 2>"$T/end" &
server=$!
"$TCP_CLIENT" 127.0.0.1 9734 >"$T/client" || fail "the textbook client: $?"
grep -q ' A B$' "$T/client" || fail "the textbook client says $(cat "$T/client")"
is N sh -c 'printf M | nc -N 127.0.0.1 9734'
is N sh -c 'printf M | socat -t 60 - TCP:127.0.0.1:9734'
is N python3 -I -c '
import socket
with socket.create_connection(("127.0.0.1", 9734)) as s:
    s.sendall(b"M")
    answer = s.recv(100) + s.recv(100)  # the second is the end
    print(answer.decode())'
# A client that is a shell, by the tree too.
is Z sh -c 'exec 3<>sockets/tcp/connect/127.0.0.1:9734; printf Y >&3; cat <&3'
# And one that goes away at once harms nobody.
nc -z 127.0.0.1 9734 || fail "nc -z"
is C sh -c 'printf B | nc -N 127.0.0.1 9734'
parked_open $server
rmdir $L
wait $server
grep -q 'Identifier removed' "$T/end" || fail "the loop ended with $(cat "$T/end")"
[ -z "$(ss -Htln)" ] || fail "something listens still: $(ss -Htln)"

# ---- three loops share the clients ----

mkdir $L
servers=
for name in 1 2 3; do
    serve $name &
    servers="$servers $!"
done
# shellcheck disable=SC2086
parked_open $servers
# Who waits longest is next: three clients, and each loop has one.
for client in 1 2 3; do
    "$TCP_CLIENT" 127.0.0.1 9734 >>"$T/clients" || fail "client $client"
done
clients=
for client in 1 2 3 4 5 6; do
    "$TCP_CLIENT" 127.0.0.1 9734 40 >"$T/clients.$client" &
    clients="$clients $!"
done
for client in $clients; do
    wait "$client" || fail "a client ended with $?"
done
# shellcheck disable=SC2086
parked_open $servers
rmdir $L
# shellcheck disable=SC2086
wait $servers
for name in 1 2 3; do
    [ -s "$T/served.$name" ] || fail "loop $name had nothing to do"
    grep -q 'Identifier removed' "$T/end.$name" || fail "loop $name ended with $(cat "$T/end.$name")"
done
# Each client once, by the address that it has by its own account.
cat "$T/clients" "$T"/clients.? | sed 's/^/from=/; s/ .*//' | sort >"$T/expected"
cat "$T"/served.? | sort | cmp - "$T/expected" || fail "clients lost, or served twice"
[ "$(wc -l <"$T/expected")" = 243 ] || fail "$(wc -l <"$T/expected") clients"
cat "$T/clients" "$T"/clients.? | while read -r _ character got; do
    [ "$(echo "$character" | tr 'A-Y' 'B-Z')" = "$got" ] || fail "$character was answered with $got"
done || exit 1

# ---- both families by one listener ----

mkdir sockets/tcp/any:9735
for client in TCP4:127.0.0.1 'TCP6:[::1]'; do
    socat -u "$client:9735" - >"$T/who" &
    client_pid=$!
    exec 3<>sockets/tcp/any:9735/framed
    read -r from <&3
    echo "you are ${from#from=}" >&3
    exec 3>&-
    wait $client_pid || fail "socat $client: $?"
    is "you are ${from#from=}" cat "$T/who"
    case $client$from in
    TCP4*from=127.0.0.1:* | TCP6*from=::1:*) ;;
    *) fail "$client comes $from" ;;
    esac
done
# The brackets are for who likes them.
is B sh -c '
    (exec 3<>sockets/tcp/any:9735/accept; dd bs=1 count=1 status=none <&3 | tr A B >&3) &
    exec 3<>"sockets/tcp/connect/[::1]:9735"
    printf A >&3
    cat <&3'
rmdir sockets/tcp/any:9735
