# An operation with nothing to wait for is one request, one system call, and no other thread.
# shellcheck disable=SC2034

command -v strace >/dev/null || { echo "skipped: needs strace"; exit 77; }
mkdir sem/0x5,value=100 mq/0x5
exec 3>sem/0x5/op 4>mq/0x5/data
echo P >&3
echo x >&4
: >"$T/trace"
strace -f -qq -e trace=read,semtimedop,msgsnd,write,clone3,clone \
    -o "$T/trace" -p "$DAEMON" 2>"$T/strace" &
tracer=$!
# A thread has its tracer before it is traced.  That which takes requests is when it has been seen to read.
until grep -qE 'read\(|read resumed' "$T/trace"; do
    [ -e sem/0x5 ] && kill -0 $tracer || fail "strace: $(cat "$T/strace")"
done
i=0
while [ $i -lt 50 ]; do
    echo P >&3
    echo x >&4
    i=$((i + 1))
done
kill $tracer
wait $tracer
[ "$(grep -c 'semtimedop(' "$T/trace")" = 50 ] || fail "not 50 semop: $(cat "$T/trace")"
[ "$(grep -c 'msgsnd(' "$T/trace")" = 50 ] || fail "not 50 msgsnd"
# A clone makes a thread to wait in.  An eventfd (8 bytes) wakes the reactor: for none of the requests, but it looks
# whether threads get on, and begins with that anew when requests come after a moment without.
! grep clone "$T/trace" || fail "a thread was made"
[ "$(grep -cE '[^a-z]write\(.*, 8[ )]' "$T/trace")" -lt 10 ] || fail "another thread was set to work: $(cat "$T/trace")"
# Each call is made and answered (24 bytes) by the thread that read the request.  (Futexes say nothing: threads
# may meet at a lock of libfuse.)
awk '/read\(|read resumed/ { reads[$1] = 1 }
     /semtimedop\(|msgsnd\(/ { called[$1] = reads[$1] }
     /write\(.*, 24[ )]/ { answered += called[$1]; called[$1] = 0 }
     END { exit answered != 100 }' "$T/trace" || fail "not by the thread that read the request"
