# Ten thousand jobs, shared by workers that are shells, none lost and none done twice.

for queue in jobs 0x4d2; do
    mkdir "mq/$queue"
    for worker in 1 2 3 4; do
        (while m=$(cat "mq/$queue/data") && [ "$m" != end ]; do echo "$m"; done) \
            >"$T/done.$worker" &
    done
    (
        seq 10000
        for worker in 1 2 3 4; do echo end; done
    ) >"mq/$queue/lines"
    wait
    cat "$T"/done.? | sort -n >"$T/done"
    seq 10000 | cmp - "$T/done" || fail "$queue: jobs lost or done twice"
    is 0 cat "mq/$queue/messages"
    rmdir "mq/$queue"
done
