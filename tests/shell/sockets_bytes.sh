# Many bytes through a connection arrive whole, in both directions, with the tree at one end or both.
# BYTES in the environment says how many.
# shellcheck disable=SC2034,SC2094

command -v ip >/dev/null || { echo "skipped: needs ip (iproute2)"; exit 77; }
ip link set lo up
bytes=${BYTES:-67108864}
head -c "$bytes" /dev/urandom >"$T/bytes"
sum=$(sha256sum <"$T/bytes")

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
    print(hashlib.file_digest(made.makefile("rb"), "sha256").hexdigest() + "  -")
END

# both NAME ACCEPT CONNECT - the tree at both ends, and each sends to the other at the same time.
both() {
    sha256sum <"$2" >"$T/got" &
    cat "$T/bytes" >"$3" || fail "$1: cat"
    wait "$!" || fail "$1: sha256sum"
    is "$sum" cat "$T/got"
    (
        exec 3<>"$2" || exit 1
        head -c "$bytes" <&3 | sha256sum >"$T/there" &
        cat "$T/bytes" >&3
        wait "$!"
    ) &
    server=$!
    exec 3<>"$3" || fail "$1: connect"
    cat "$T/bytes" >&3 &
    head -c "$bytes" <&3 | sha256sum >"$T/back"
    wait "$!"
    exec 3>&-
    wait "$server" || fail "$1: the server ended with $?"
    is "$sum" cat "$T/there"
    is "$sum" cat "$T/back"
}

mkdir sockets/tcp/127.0.0.1:9734 sockets/unix/x
both tcp sockets/tcp/127.0.0.1:9734/accept sockets/tcp/connect/127.0.0.1:9734
both unix sockets/unix/x/accept sockets/unix/connect/run/ipcfs/unix/x

# The other end a socket of a program.
sha256sum <sockets/tcp/127.0.0.1:9734/accept >"$T/got" &
python3 "$T/direct" connect tcp 9734 "$T/bytes" || fail "connect"
wait "$!"
is "$sum" cat "$T/got"
cat "$T/bytes" >sockets/unix/x/accept &
is "$sum" python3 "$T/direct" connect unix /run/ipcfs/unix/x sum
wait "$!"
python3 "$T/direct" listen tcp 9735 "$T/sum" >"$T/got" &
until [ -e "$T/sum.ready" ]; do :; done
cat "$T/bytes" >sockets/tcp/connect/127.0.0.1:9735
wait "$!"
is "$sum" cat "$T/got"
python3 "$T/direct" listen unix "$T/socket" "$T/bytes" &
until [ -e "$T/bytes.ready" ]; do :; done
is "$sum" sha256sum <"sockets/unix/connect$T/socket"
wait "$!"
