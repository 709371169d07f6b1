# One datagram to many: groups, IPv4 and IPv6, and broadcasts.
# shellcheck disable=SC2034

if ! ip route add 239.0.0.0/8 dev lo || ! ip -6 route add local ff15::1234 dev lo table local; then
    echo "skipped: no route for groups"
    exit 77
fi

# group ADDRESS - a group as a user sees it, from both sides.
group() {
    mkdir "sockets/udp/$1:5242" || fail "mkdir of a group"
    cat "sockets/udp/$1:5242/data" >"$T/1" &
    first=$!
    cat "sockets/udp/$1:5242/framed" >"$T/2" &
    second=$!
    "$TEXTBOOK" udp-receiver "$1" 5242 1 >"$T/3" &
    third=$!
    exec 3<"sockets/udp/$1:5242/lines"
    parked $first $second
    until [ "$(grep -c "^udp .*:5242 " sockets/status)" = 5 ]; do :; done
    "$TEXTBOOK" udp-sender "$1" 5242 'to all' || fail "udp-sender"
    for reader in $first $second $third; do
        wait "$reader" || fail "a reader ended with $?"
    done
    is 'to all' cat "$T/1"
    is 'to all' tail -n 1 "$T/2"
    grep -Eq '^from=.*:[0-9]+ size=6$' "$T/2" || fail "framed of a group: $(cat "$T/2")"
    is 'to all' sed 's/^[^ ]* [0-9]* 6 //' "$T/3"
    # Who has it open has a copy of its own, and who comes later has none.
    is 'Resource temporarily unavailable' sh -c \
        "cat 'sockets/udp/$1:5242/try/data' 2>&1 | sed 's/.*: //'"
    # The tree sends, and hears itself.
    echo 'from the tree' >"sockets/udp/connect/$1:5242"
    exec 4<&3
    is 'to all
from the tree' head -n 2 <&4
    exec 3<&- 4<&-
    # A read that waits ends when the group does.
    cat "sockets/udp/$1:5242/data" 2>"$T/err" &
    first=$!
    parked $first
    rmdir "sockets/udp/$1:5242"
    wait $first && fail "a reader of a group that has gone ended well"
    grep -q 'Identifier removed' "$T/err" || fail "it said $(cat "$T/err")"
}

group 239.1.2.3
group ff15::1234

# A broadcast: who is bound to every address hears it, and may answer.
mkdir sockets/udp/0.0.0.0:5242
exec 3<>sockets/udp/0.0.0.0:5242/data
exec 4<>sockets/udp/connect/127.255.255.255:5242
echo who? >&4
is who? cat <&3
echo I >&3
read -r answer <&4
[ "$answer" = I ] || fail "the answer to a broadcast is '$answer'"
exec 3>&- 4>&-
