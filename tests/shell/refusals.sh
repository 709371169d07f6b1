# Bad input: a clear error, a line in errors, nothing changed.

# write FILE TEXT - not by the shell's own echo: dash calls every error of a write an I/O error.
write() {
    /bin/echo "$2" >"$1"
}

refused() { # refused ERRNO WORDS - the last line of errors says so
    tail -n 1 errors >"$T/last"
    grep -q " $1: .*$2" "$T/last" || fail "errors says: $(cat "$T/last"), not $1 ... $2"
}

fails 'Invalid argument' mkdir mq/a,colour=red
refused EINVAL colour
fails 'Invalid argument' mkdir mq/a,maxmsg=ten
refused EINVAL maxmsg
fails 'Invalid argument' mkdir mq/a,maxmsg=5,maxmsg=5
fails 'Invalid argument' mkdir mq/0x0
fails 'Invalid argument' mkdir mq/0x123456789
fails 'Invalid argument' mkdir mq/123
fails 'Invalid argument' mkdir sem/0x5,nsems=40000
refused EINVAL 32000
fails 'Invalid argument' mkdir sem/0x5,nsems=0
fails 'Invalid argument' mkdir sem/0x5,value=32768
refused EINVAL 32767
fails 'Invalid argument' mkdir sem/x,value=2147483648
fails 'Invalid argument' mkdir sem/0x5,nsems=3,value=1:2
fails 'File name too long' mkdir "sem/$(printf '%0255d' 0 | tr 0 x)"
[ -z "$(find mq -mindepth 1 -maxdepth 1 -type d)" ] || fail "mq: something was made"
[ -z "$(find sem -mindepth 1 -maxdepth 1 -type d)" ] || fail "sem: something was made"
[ "$(ipcs -s | wc -l)" = 4 ] || fail "a set was made"

mkdir sem/0x5,nsems=2
list=$(awk 'BEGIN { for (i = 0; i < 501; i++) printf "+1 " }')
fails 'Argument list too long' write sem/0x5/op "$list"
refused E2BIG 500
fails 'File too large' write sem/0x5/op "7:+1"
fails 'Invalid argument' write sem/0x5/op "push"
fails 'Invalid argument' write sem/0x5/value "1 2 3"
fails 'Invalid argument' write sem/0x5/value "1 99999"
is '1 1' cat sem/0x5/value
mkdir sem/p
fails 'Operation not supported' write sem/p/value "3"
fails 'Operation not supported' write sem/p/op "P V"
fails 'Operation not supported' write sem/p/op "-2"
is 1 cat sem/p/value

mkdir mq/q,maxmsg=2,msgsize=8
fails 'Message too long' write mq/q/data "123456789"
refused EMSGSIZE 8
fails 'Message too long' sh -c 'head -c 1048576 /dev/zero >mq/q/data'
is 0 cat mq/q/messages
mkdir mq/0x6
fails 'Message too long' dd if=/dev/zero of=mq/0x6/data bs=1M count=1 status=none
is 0 cat mq/0x6/messages

# Names: bytes that are no UTF-8, spaces, what looks like something else.
odd=$(printf 'a\377 b')
mkdir "sem/$odd" mq/posix:0x12 mq/posix:status
[ -d "sem/$odd" ] || fail "odd name"
ls mq | grep -q -x posix:status || fail "posix:status is not listed"
jq -e . sem/status.json >/dev/null || fail "sem/status.json is no JSON"
rmdir "sem/$odd" mq/posix:0x12 mq/posix:status

# A full RLIMIT_MSGQUEUE names the limit.
i=0
while mkdir "mq/fill$i" 2>"$T/err"; do i=$((i + 1)); done
grep -q 'Too many open files' "$T/err" || fail "RLIMIT_MSGQUEUE: $(cat "$T/err")"
refused EMFILE RLIMIT_MSGQUEUE
while [ $i -gt 0 ]; do i=$((i - 1)); rmdir "mq/fill$i"; done

# Removed under who waits.
for object in mq/q/data mq/0x6/data; do
    cat "$object" 2>"$T/err.cat" &
    waiter=$!
    parked $waiter
    rmdir "${object%/data}"
    wait $waiter && fail "$object: ended well"
    grep -q 'Identifier removed' "$T/err.cat" || fail "$object: $(cat "$T/err.cat")"
done
for object in sem/p sem/0x5; do
    echo -1 >"$object/op"
    /bin/echo -1 >"$object/op" 2>"$T/err.p" &
    waiter=$!
    sh -c "exec 9>$object/hold" 2>"$T/err.hold" &
    holder=$!
    parked $waiter
    parked_open $holder
    rmdir "$object"
    wait $waiter && fail "$object/op: ended well"
    wait $holder && fail "$object/hold: ended well"
    grep -q 'Identifier removed' "$T/err.p" || fail "$object/op: $(cat "$T/err.p")"
    grep -q 'Identifier removed' "$T/err.hold" || fail "$object/hold: $(cat "$T/err.hold")"
done
fails 'Operation not permitted' rm README
fails 'Operation not permitted' rmdir mq
fails 'Operation not permitted' touch mq/file
