# What a user does with message queues, POSIX and System V.

for queue in jobs 0x4d2; do
    mkdir "mq/$queue"
    echo hello >"mq/$queue/data"
    is hello cat "mq/$queue/data"
    [ "$(jq -r '.[0].msgs' "mq/$queue/status.json")" = 0 ] || fail "messages left"

    # Nothing there: waiting can be declined, or limited.
    fails 'Resource temporarily unavailable' cat "mq/$queue/try/data"
    fails 'Connection timed out' cat "mq/$queue/within/0.05/data"

    # One message a read, in order, and not one more than asked for.
    seq 1000 >"mq/$queue/lines" &
    head -n 400 "mq/$queue/lines" >"$T/first" 2>/dev/null
    head -n 600 "mq/$queue/lines" >"$T/second" 2>/dev/null
    wait
    seq 400 | cmp - "$T/first" || fail "$queue: the first 400"
    seq 401 1000 | cmp - "$T/second" || fail "$queue: the rest"
    is 0 cat "mq/$queue/messages"

    # Several lines as one message.
    printf 'size=9\none\ntwo\n\n' >"mq/$queue/framed"
    is 'one
two' cat "mq/$queue/data"
    rmdir "mq/$queue"
    [ ! -e "mq/$queue" ] || fail "$queue is still there"
done

# Priorities and types come out in the kernel's order.
mkdir mq/prio
for p in 1 9 0 5 9; do echo "p$p" >"mq/prio/prio/$p"; done
# shellcheck disable=SC2046 # as words
is 'p9 p9 p5 p1 p0' echo $(for i in 1 2 3 4 5; do cat mq/prio/data; done)
echo x >mq/prio/prio/7
is 'prio=7 size=2
x' cat mq/prio/framed
rmdir mq/prio

mkdir mq/0x77
for t in 3 1 2 3; do echo "t$t" >"mq/0x77/type/$t"; done
is t2 cat mq/0x77/type/2
is t1 cat mq/0x77/type/not-3
is t3 cat mq/0x77/type/-3
fails 'Resource temporarily unavailable' cat mq/0x77/try/type/1
is 0.3 ls mq/0x77/peek
is t3 cat mq/0x77/peek/0.3
is t3 cat mq/0x77/data
rmdir mq/0x77

# ipcmk and ipcrm from outside show at once.
id=$(ipcmk -Q | sed 's/.*: //')
[ -d "mq/$id" ] || fail "ipcmk does not show"
ipcs -q >"$T/ipcs"
head -c "$(wc -c <"$T/ipcs")" mq/status | cmp - "$T/ipcs" || fail "status begins otherwise"
ipcrm -q "$id"
[ ! -e "mq/$id" ] || fail "ipcrm does not show"
