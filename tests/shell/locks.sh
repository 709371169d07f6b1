# Locks: sem/NAME/hold and op.

for lock in lock 0x10; do
    mkdir "sem/$lock"
    is 1 cat "sem/$lock/value"

    # Another shell holds it; so it cannot be had, until that one is killed.
    sh -c "exec 9>sem/$lock/hold; : >$T/held; exec sleep 1000" &
    holder=$!
    until [ -e "$T/held" ]; do :; done
    rm "$T/held"
    is 0 cat "sem/$lock/value"
    fails 'Resource temporarily unavailable' sh -c "exec 9>sem/$lock/try/hold"
    fails 'Connection timed out' sh -c "exec 9>sem/$lock/within/0.05/hold"
    grep -q "^$holder root hold sleep" "sem/$lock/hold" || fail "$lock: not its holder: $(cat "sem/$lock/hold")"
    sh -c "exec 9>sem/$lock/hold; : >$T/held" &
    second=$!
    parked_open $second
    kill -9 $holder
    wait $second || fail "$lock: not given to the one who waits"
    [ -e "$T/held" ] || fail "$lock: not held"
    rm "$T/held"
    wait $holder

    # P and V.  What was held is given back a moment after its close.
    sh -c "echo P >sem/$lock/op"
    is 0 cat "sem/$lock/value"
    sh -c "echo P >sem/$lock/op" &
    waiter=$!
    parked $waiter
    echo V >"sem/$lock/op"
    wait $waiter || fail "$lock: P after V"
    is 0 cat "sem/$lock/value"
    echo +1 >"sem/$lock/op"
    rmdir "sem/$lock"
done

# Two shells exclude each other: a counter in a file stays exact.
mkdir sem/counter
echo 0 >"$T/count"
for shell in 1 2; do
    (
        i=0
        while [ $i -lt 200 ]; do
            exec 9>sem/counter/hold
            read -r n <"$T/count"
            echo $((n + 1)) >"$T/count"
            exec 9>&-
            i=$((i + 1))
        done
    ) &
done
wait
is 400 cat "$T/count"
rmdir sem/counter
