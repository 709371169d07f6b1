# A real daemon with a unix socket: Redis, its socket in the run directory.
# shellcheck disable=SC2016,SC2034

# One program with several names; some distributions pack that of the server with a service.
redis=$(command -v redis-check-rdb) || { echo "skipped: needs redis"; exit 77; }
ln -s "$(realpath "$redis")" "$T/redis-server"
# Of no name, and a user that is in its group, and one that is not.
user=64990 member=64991 stranger=64992
mkdir "$T/redis"
chown $user "$T/redis"
chmod 755 "$T"

# As a user of its own, as a daemon runs.
(cd / && exec setpriv --reuid $user --regid $user --clear-groups "$T/redis-server" --port 0 \
    --unixsocket /run/ipcfs/unix/redis.sock --unixsocketperm 770 --dir "$T/redis" --save '' \
    --daemonize no) >"$T/log" 2>&1 &
redis=$!
until [ "$(cat sockets/unix/redis.sock/state 2>/dev/null)" = LISTEN ]; do
    kill -0 $redis || fail "redis-server: $(cat "$T/log")"
done

# What it is, and who has it.
is /run/ipcfs/unix/redis.sock cat sockets/unix/redis.sock/local
is '' cat sockets/unix/redis.sock/remote
is 511 cat sockets/unix/redis.sock/backlog
is 0 cat sockets/unix/redis.sock/recvq
grep -Eqx "$redis $user fd=[0-9]+ redis-server" sockets/unix/redis.sock/holders ||
    fail "holders: $(cat sockets/unix/redis.sock/holders)"
is "$user 770" sh -c 'until [ "$(stat -L -c %a sockets/unix/redis.sock/socket)" = 770 ]; do :; done
    stat -L -c "%u %a" sockets/unix/redis.sock/socket'
is "$(cat sockets/unix/redis.sock/inode)" sh -c \
    'ss -Hxl src /run/ipcfs/unix/redis.sock | awk "{ print \$6 }"'

# Talking to it, a line at a time.
exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
printf 'PING\r\n' >&3
read -r answer <&3
[ "$answer" = "$(printf '+PONG\r')" ] || fail "PING is answered with '$answer'"
printf 'SET color "dark blue"\r\nINCR n\r\nINCR n\r\nGET color\r\n' >&3
for expected in +OK :1 :2 '$9' 'dark blue'; do
    read -r answer <&3
    [ "$answer" = "$(printf '%s\r' "$expected")" ] || fail "'$answer' instead of '$expected'"
done
# Others see the same, and it sees the tree's connection as one of a unix socket.
is 'dark blue' redis-cli -s /run/ipcfs/unix/redis.sock GET color
is 'dark blue' redis-cli -s sockets/unix/redis.sock/socket GET color
redis-cli -s sockets/unix/redis.sock/socket CLIENT LIST | grep -q ' cmd=get .*user=default' ||
    fail "no client of ours"

# A value longer than any buffer, there and back.
seq 100000 >"$T/value"
size=$(wc -c <"$T/value")
{ printf '*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n$%s\r\n' "$size"; cat "$T/value"; printf '\r\n'; } >&3
read -r answer <&3
[ "$answer" = "$(printf '+OK\r')" ] || fail "a long SET is answered with '$answer'"
exec 3>&-
exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
printf 'GET long\r\nQUIT\r\n' >&3
cat <&3 >"$T/answer"
exec 3>&-
{ printf '$%s\r\n' "$size"; cat "$T/value"; printf '\r\n+OK\r\n'; } | cmp - "$T/answer" ||
    fail "a long GET"

# Messages as they come, to a shell that waits for them.
exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
printf 'SUBSCRIBE news\r\n' >&3
for expected in '*3' '$9' subscribe '$4' news ':1'; do
    read -r answer <&3
    [ "$answer" = "$(printf '%s\r' "$expected")" ] || fail "'$answer' instead of '$expected'"
done
head -n 7 <&3 >"$T/news" 2>"$T/err" &
reader=$!
parked $reader
is 1 redis-cli -s sockets/unix/redis.sock/socket PUBLISH news today
wait $reader || fail "head ended with $?"
is '*3|$7|message|$4|news|$5|today|' sh -c "tr -d '\\r' <$T/news | tr '\\n' '|'"
exec 3>&-

# Many at once: each has its own answer.
for i in 1 2 3 4 5 6 7 8; do
    (exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
        j=0
        while [ $j -lt 20 ]; do
            printf 'ECHO %s-%s\r\n' "$i" "$j" >&3
            read -r answer <&3
            read -r answer <&3
            [ "$answer" = "$(printf '%s-%s\r' "$i" "$j")" ] || exit 1
            j=$((j + 1))
        done) &
    clients="${clients-} $!"
done
for client in $clients; do
    wait "$client" || fail "client $client ended with $?"
done

# Its permission is asked for.
fails 'Permission denied' setpriv --reuid $stranger --regid $stranger --clear-groups \
    sh -c ': <>sockets/unix/connect/run/ipcfs/unix/redis.sock'
is '+PONG' setpriv --reuid $member --regid $user --clear-groups sh -c '
    exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
    printf "PING\r\n" >&3
    head -n 1 <&3 2>/dev/null | tr -d "\r"'

# Killed in the middle of a connection: the end of it, and nobody there.
exec 3<>sockets/unix/connect/run/ipcfs/unix/redis.sock
printf 'PING\r\n' >&3
read -r answer <&3
kill -9 $redis
wait $redis
is '' cat <&3
fails 'roken pipe' sh -c 'echo PING | dd status=none >&3'
exec 3>&-
fails 'Connection refused' cat sockets/unix/connect/run/ipcfs/unix/redis.sock
