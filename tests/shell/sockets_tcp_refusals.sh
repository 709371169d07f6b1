# What a user is told of TCP: errors in words, modes, waits that end; and looking that takes no client.

plain=1000

as_plain() {
    setpriv --reuid $plain --regid $plain --clear-groups --inh-caps=-all "$@"
}

cd sockets/tcp || exit 1
errors=../../errors

refused() { # refused ERRNO WORDS - the last line of errors says so
    tail -n 1 $errors >"$T/last"
    grep -q " sockets/tcp[^ ]* [a-z]* $1: .*$2" "$T/last" || fail "errors says: $(cat "$T/last"), not $1 ... $2"
}

fails 'Invalid argument' mkdir 127.0.0.1:65536
refused EINVAL 'from 0 to 65535'
fails 'Invalid argument' mkdir -- -1:80
fails 'Connection refused' cat connect/127.0.0.1:1
refused ECONNREFUSED 'nobody listens at 127.0.0.1:1'
fails 'Invalid argument' cat connect/127.0.0.1:-1
fails 'Permission denied' as_plain mkdir 127.0.0.1:80
refused EACCES 'ports below 1024'
as_plain tail -n 1 $errors | grep -q 'EACCES: ports below 1024' || fail "the user is not told"
fails 'Network is unreachable' cat connect/192.0.2.1:80
# A shell goes on.
command exec 3<>connect/127.0.0.1:1 && fail "connected to nobody"

# Modes, with port 0 too.
mkdir -m 640 127.0.0.1:4000
is 640 stat -L -c %a 127.0.0.1:4000/accept
for mode in 600 604 622; do
    mkdir -m $mode 127.0.0.2:0 || fail "mkdir -m $mode with port 0"
    is $mode stat -L -c %a 127.0.0.2:*/accept
    rmdir 127.0.0.2:*
done
mkdir 127.0.0.3:0
is "127.0.0.3:$(ss -Htln src 127.0.0.3 | sed 's/.*127.0.0.3:\([0-9]*\) .*/\1/')" cat 127.0.0.3:0/local
fails 'Permission denied' as_plain cat 127.0.0.1:4000/try/accept
fails 'Operation not permitted' as_plain rmdir 127.0.0.1:4000
refused EPERM 'belongs to uid 0'
chmod 644 127.0.0.1:4000
fails 'Resource temporarily unavailable' as_plain cat 127.0.0.1:4000/try/accept
as_plain mkdir 127.0.0.1:4001
is $plain stat -c %u 127.0.0.1:4001
rmdir 127.0.0.1:4001

# Waits end by themselves, by timeout(1), and by Ctrl-C.
fails 'Connection timed out' cat 127.0.0.1:4000/within/0.2/accept
timeout 0.2 cat 127.0.0.1:4000/accept
status=$?
[ $status = 124 ] || fail "timeout: $status"
python3 -I -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("cat", ["cat", "127.0.0.1:4000/accept"])' &
waiter=$!
cd ../.. && parked_open $waiter && cd sockets/tcp || exit 1
kill -INT $waiter
wait $waiter
status=$?
[ $status = 130 ] || fail "SIGINT: $status"

# Looking takes no client.
echo hello | nc -N 127.0.0.1 4000 >"$T/answer" &
client=$!
until [ "$(cat 127.0.0.1:4000/recvq)" = 1 ]; do :; done
grep -r -s hello . && fail "grep -r has taken a client"
find . -type f -exec cat {} + >/dev/null 2>&1
cp -r 127.0.0.1:4000 "$T/copy" 2>/dev/null
is 1 cat 127.0.0.1:4000/recvq
ss -Htln src 127.0.0.1:4000 | grep -q '^LISTEN *1 ' || fail "ss knows no client that waits"
exec 3<>127.0.0.1:4000/framed
read -r from <&3
read -r line <&3
[ "$line" = hello ] || fail "the client says '$line'"
[ -d "conn/127.0.0.1:4000-${from#from=}" ] || fail "no connection with $from: $(ls conn)"
echo welcome >&3
# Its listener goes, it does not.
rmdir 127.0.0.1:4000
echo still here >&3
exec 3>&-
wait $client || fail "the client: $?"
is "welcome
still here" cat "$T/answer"
