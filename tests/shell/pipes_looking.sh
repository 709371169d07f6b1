# What users look at pipes with lets nobody out of an open that waits.
# shellcheck disable=SC2034

mkdir pipes/r pipes/w
cat pipes/r/data >"$T/out" &
reader=$!
sh -c 'echo written >pipes/w/data' &
writer=$!
asleep_in fifo_open $reader
asleep_in fifo_open $writer

# still_wait WHAT - neither has been let in.
still_wait() {
    for pid in $reader $writer; do
        kill -0 "$pid" || fail "after $1 process $pid has ended"
    done
}

i=0
while [ $i -lt 60 ]; do
    ls -lR pipes >"$T/ls" || fail "ls"
    ls -lLR pipes >"$T/ls" || fail "ls -L"
    stat pipes/*/* >"$T/stat" || fail "stat"
    stat -L pipes/r/data pipes/w/data >"$T/stat" || fail "stat -L"
    for name in r w; do
        for file in bytes capacity readers writers keep status status.json holders; do
            read -r line <"pipes/$name/$file" || [ $file = capacity ] || [ $file = holders ] ||
                fail "read $file"
        done
    done
    still_wait "ls, stat and reading"
    grep -r written pipes/r pipes/w >"$T/grep"
    find pipes -type f -size -1 >"$T/find" || fail "find"
    tar -cf "$T/tar" pipes/r pipes/w || fail "tar"
    still_wait "grep -r, find and tar"
    i=$((i + 1))
done
# Less often, what takes longer.
for walk in "cat pipes/status pipes/status.json pipes/holders pipes/limits" "grep -r written ." \
    "find . -type f -exec cat {} +" "tar -cf $T/tar ." "tar -chf $T/tar pipes" "du -aL ." \
    "cp -r pipes $T/copy" "find -L pipes -type p" "file -L pipes/r/data pipes/w/data" \
    "test -p pipes/w/data"; do
    timeout 60 sh -c "$walk" >"$T/walk" 2>&1
    status=$?
    [ $status -lt 3 ] || [ $status = 127 ] || fail "$walk: ended with $status: $(tail -n 3 "$T/walk")"
    still_wait "$walk"
done
asleep_in fifo_open $reader
asleep_in fifo_open $writer
is written cat pipes/w/data
wait $writer || fail "the writer ended with $?"
echo read >pipes/r/data
wait $reader || fail "the reader ended with $?"
is read cat "$T/out"
rmdir pipes/r pipes/w
