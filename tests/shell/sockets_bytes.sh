# Many bytes through a connection arrive whole, in both directions, with the tree at one end or both.
# BYTES in the environment says how many.
# shellcheck disable=SC2034,SC2094

command -v ip >/dev/null || { echo "skipped: needs ip (iproute2)"; exit 77; }
ip link set lo up
bytes=${BYTES:-67108864}
head -c "$bytes" /dev/urandom >"$T/bytes"
sum=$(sha256sum <"$T/bytes")
fewer=$((bytes / 4))
sum_of_fewer=$(head -c "$fewer" "$T/bytes" | sha256sum)

# A program with a socket of its own: it sends the bytes, or says the sum of what comes.
cat >"$T/direct" <<'END'
import hashlib, socket, sys
how, family, address, what = sys.argv[1:]
if family == "tcp":
    made, address = socket.socket(), ("127.0.0.1", int(address))
else:
    made = socket.socket(socket.AF_UNIX)
if how == "connect":
    made.connect(address)
else:
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(1)
    open(what + ".ready", "w").close()
    made, _ = made.accept()
if what.endswith("bytes"):
    made.sendall(open(what, "rb").read())
else:
    sum = hashlib.sha256()
    for piece in iter(lambda: made.recv(1 << 16), b""):
        sum.update(piece)
    print(sum.hexdigest() + "  -")
END

# one_way NAME ACCEPT CONNECT - the tree at both ends.
one_way() {
    sha256sum <"$2" >"$T/got" &
    cat "$T/bytes" >"$3" || fail "$1: cat"
    wait "$!" || fail "$1: sha256sum"
    is "$sum" cat "$T/got"
}

# both_ways NAME ACCEPT CONNECT - each sends to the other at the same time.
both_ways() {
    (
        exec 3<>"$2" || exit 1
        head -c "$fewer" <&3 | sha256sum >"$T/there" &
        head -c "$fewer" "$T/bytes" >&3
        wait "$!"
    ) &
    server=$!
    exec 3<>"$3" || fail "$1: connect"
    head -c "$fewer" "$T/bytes" >&3 &
    head -c "$fewer" <&3 | sha256sum >"$T/back"
    wait "$!"
    exec 3>&-
    wait "$server" || fail "$1: the server ended with $?"
    is "$sum_of_fewer" cat "$T/there"
    is "$sum_of_fewer" cat "$T/back"
}

mkdir sockets/tcp/127.0.0.1:9734 sockets/unix/x
for way in one_way both_ways; do
    $way tcp sockets/tcp/127.0.0.1:9734/accept sockets/tcp/connect/127.0.0.1:9734
    $way unix sockets/unix/x/accept sockets/unix/connect/run/ipcfs/unix/x
done

# The other end a socket of a program.
head -c "$fewer" "$T/bytes" >"$T/fewer.bytes" && rm "$T/bytes"
sha256sum <sockets/tcp/127.0.0.1:9734/accept >"$T/got" &
python3 "$T/direct" connect tcp 9734 "$T/fewer.bytes" || fail "connect"
wait "$!"
is "$sum_of_fewer" cat "$T/got"
cat "$T/fewer.bytes" >sockets/unix/x/accept &
is "$sum_of_fewer" python3 "$T/direct" connect unix /run/ipcfs/unix/x sum
wait "$!"
python3 "$T/direct" listen tcp 9735 "$T/sum" >"$T/got" &
until [ -e "$T/sum.ready" ]; do :; done
cat "$T/fewer.bytes" >sockets/tcp/connect/127.0.0.1:9735
wait "$!"
is "$sum_of_fewer" cat "$T/got"
python3 "$T/direct" listen unix "$T/socket" "$T/fewer.bytes" &
until [ -e "$T/fewer.bytes.ready" ]; do :; done
is "$sum_of_fewer" sha256sum <"sockets/unix/connect$T/socket"
wait "$!"
