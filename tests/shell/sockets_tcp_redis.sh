# A shell as a client of Redis, by the tree alone; redis-cli says what is true.
# shellcheck disable=SC2016

# The server under another name, as Debian has it: so no package need be there that starts one.
ln -s "$(command -v redis-check-rdb)" "$T/redis-server" || { echo "skipped: needs redis"; exit 77; }
"$T/redis-server" --port 6379 --bind 127.0.0.1 ::1 --dir "$T" --save '' --appendonly no \
    --logfile "$T/redis.log" --protected-mode no >/dev/null 2>&1 &
redis=$!
trap 'kill $redis; wait $redis' EXIT
until redis-cli ping >"$T/ping" 2>&1 && grep -q PONG "$T/ping"; do
    kill -0 $redis || fail "redis ended: $(cat "$T/redis.log")"
done
R=sockets/tcp/connect/127.0.0.1:6379
CR=$(printf '\r')

# answers LINE... - the next lines that the server says.
answers() {
    for line; do
        read -r got <&3
        [ "$got" = "$line$CR" ] || fail "expected '$line', Redis says '$got'"
    done
}

exec 3<>$R
echo PING >&3
answers +PONG
echo 'SET greeting "hello there"' >&3
answers +OK
is 'hello there' redis-cli get greeting
redis-cli set other 'from redis-cli' >/dev/null
echo 'GET other' >&3
answers '$14' 'from redis-cli'
echo 'GET nothing' >&3
answers '$-1'
echo 'HURRAY' >&3
read -r got <&3
case $got in "-ERR unknown command"*) ;; *) fail "Redis says '$got'" ;; esac
# The server knows the connection by the address that the tree shows.
echo 'CLIENT ID' >&3
read -r id <&3
address=$(redis-cli client list id "$(echo "${id#:}" | tr -d '\r')" | sed 's/.* addr=\([^ ]*\) .*/\1/')
is ESTAB cat "sockets/tcp/conn/$address-127.0.0.1:6379/state"

# A thousand commands at once, answered in their order.
i=0
while [ $i -lt 1000 ]; do
    i=$((i + 1))
    echo "INCR counter"
done >"$T/commands"
cat "$T/commands" >&3
i=0
while [ $i -lt 1000 ]; do
    i=$((i + 1))
    answers ":$i"
done
is 1000 redis-cli get counter

# Bytes of all values, 300,000 of them, there and back.
python3 -I -c 'import sys
sys.stdout.buffer.write(bytes(i * 2654435761 >> 11 & 255 for i in range(300000)))' >"$T/bytes"
{
    printf '*3\r\n$3\r\nSET\r\n$5\r\nbytes\r\n$300000\r\n'
    cat "$T/bytes"
    printf '\r\n'
} >&3
answers +OK
redis-cli --raw get bytes | head -c 300000 | cmp - "$T/bytes" || fail "SET of 300,000 bytes"
echo 'GET bytes' >&3
answers '$300000'
head -c 300000 <&3 | cmp - "$T/bytes" || fail "GET of 300,000 bytes"
answers ''

# One waits in a read, which the server answers when another speaks; meanwhile a third is served.
echo 'BLPOP jobs 0' >&3
head -n 5 <&3 >"$T/popped" &
waiter=$!
parked $waiter
exec 4<>sockets/tcp/connect/localhost:6379
echo PING >&4
read -r got <&4
[ "$got" = "+PONG$CR" ] || fail "beside a waiter Redis says '$got'"
exec 4>&-
redis-cli lpush jobs work >/dev/null
wait $waiter || fail "BLPOP"
printf '*2\r\n$4\r\njobs\r\n$4\r\nwork\r\n' | cmp - "$T/popped" || fail "BLPOP: $(cat "$T/popped")"

# Redis ends the connection: that is the end of file.
echo QUIT >&3
is "+OK$CR" cat <&3
exec 3>&-
redis-cli ping >/dev/null || fail "Redis has gone"
