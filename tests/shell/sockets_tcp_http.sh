# A shell as a client of an HTTP server, and as the one that loads up and down much at once.

mkdir "$T/www"
echo 'Hello, world.' >"$T/www/hello.txt"
head -c 104857600 /dev/urandom >"$T/www/much"
sum=$(sha256sum <"$T/www/much")
python3 -I -u -m http.server --bind 127.0.0.1 -d "$T/www" 8000 >/dev/null 2>"$T/http.log" &
http=$!
trap 'kill $http; wait $http' EXIT
until curl -s -o /dev/null http://127.0.0.1:8000/; do
    kill -0 $http || fail "the server ended: $(cat "$T/http.log")"
done
H=sockets/tcp/connect/127.0.0.1:8000

# request PATH - to descriptor 3.
request() {
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
}

# plain - an answer without its date, which changes.
plain() {
    sed '/^Date: /d'
}

# The whole answer, byte for byte what nc gets.
exec 3<>$H
request /hello.txt
plain <&3 >"$T/answer"
exec 3>&-
printf 'GET /hello.txt HTTP/1.0\r\nHost: localhost\r\n\r\n' | nc -N 127.0.0.1 8000 | plain >"$T/expected"
cmp "$T/expected" "$T/answer" || fail "the answer: $(cat "$T/answer")"
head -n 1 "$T/answer" | grep -q '^HTTP/1.0 200 OK' || fail "$(head -n 1 "$T/answer")"
tail -n 1 "$T/answer" | cmp - "$T/www/hello.txt" || fail "the body"
exec 3<>$H
request /nothing
head -n 1 <&3 | grep -q '^HTTP/1.0 404 ' || fail "no 404"
exec 3>&-

# 100 MB.
exec 3<>$H
request /much
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done <&3
[ "$(sha256sum <&3)" = "$sum" ] || fail "100 MB are not what they were"
exec 3>&-

# And by a listener of the tree: curl gets what a shell sends, which closes as soon as it has written.
mkdir sockets/tcp/127.0.0.1:8001
(
    exec 3<>sockets/tcp/127.0.0.1:8001/accept
    while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done <&3
    printf 'HTTP/1.0 200 OK\r\nContent-Length: 104857600\r\n\r\n' >&3
    cat "$T/www/much" >&3
) &
server=$!
[ "$(curl -s http://127.0.0.1:8001/ | sha256sum)" = "$sum" ] || fail "100 MB served are not what they were"
wait $server || fail "the shell that served ended with $?"
rmdir sockets/tcp/127.0.0.1:8001
