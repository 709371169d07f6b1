# Walkers find nothing to take and nothing to wait for, and end.

mkdir mq/full mq/0x1 mq/empty mq/0x2 sem/one sem/0x3,nsems=3,value=2
echo keep >mq/full/data
echo keep >mq/0x1/data
for walk in "grep -r keep ." "cp -r . $T/copy" "tar -cf $T/archive.tar ." \
    "find . -type f -exec cat {} +" "ls -lR ." "du -a ."; do
    timeout 60 sh -c "$walk" >"$T/out" 2>"$T/err"
    status=$?
    [ $status -lt 3 ] || fail "$walk: ended with $status: $(tail -n 3 "$T/err")"
    rm -rf "$T/copy" "$T/archive.tar"
    is 1 cat mq/full/messages
    is 1 cat mq/0x1/messages
    is 0 cat mq/empty/messages
    is 1 cat sem/one/value
    is '2 2 2' cat sem/0x3/value
done
is keep cat mq/full/data
is keep cat mq/0x1/data
