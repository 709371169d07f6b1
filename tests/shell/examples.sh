# The example scripts that are installed.  POSIX sh.
examples=$HERE/../../tools/examples
IPC=/mnt
export IPC

# Each turn reads a number and writes it again one higher: at once they would lose some.
echo 0 >"$T/number"
cat >"$T/turn" <<'END'
read -r number <"$1"
dd if=/dev/zero of=/dev/null bs=64k count=20 status=none
echo $((number + 1)) >"$1"
END
for turn in 1 2 3 4 5 6 7 8; do
    "$examples/one-at-a-time" turns sh "$T/turn" "$T/number" &
done
wait
is 8 cat "$T/number"
is 1 cat sem/turns/value
"$examples/one-at-a-time" turns sh -c 'exit 7'
is 7 echo $?
rmdir sem/turns

# Two workers, ten messages, one of which fails the first time.
mkdir mq/jobs
cat >"$T/work" <<'END'
message=$(cat)
if [ "$message" = "job 5" ] && mkdir "$1/failed" 2>/dev/null; then exit 1; fi
echo "$message" >>"$1/done"
END
"$examples/queue-worker" jobs sh "$T/work" "$T" &
first=$!
"$examples/queue-worker" jobs sh "$T/work" "$T" &
second=$!
for job in 0 1 2 3 4 5 6 7 8 9; do echo "job $job" >mq/jobs/data; done
until [ -e "$T/done" ] && [ "$(wc -l <"$T/done")" = 10 ]; do kill -0 $first && kill -0 $second || fail "a worker ended"; done
is "$(for job in 0 1 2 3 4 5 6 7 8 9; do echo "job $job"; done)" sort "$T/done"
[ -d "$T/failed" ] || fail "no job failed"
rmdir mq/jobs
wait $first || fail "the worker ended with $?"
wait $second || fail "the worker ended with $?"

mkdir "$T/textfile"
"$examples/textfile-metrics" "$T/textfile" || fail "textfile-metrics"
is ipcfs.prom ls "$T/textfile"
grep -q '^ipcfs_objects{' "$T/textfile/ipcfs.prom" || fail "no figures: $(cat "$T/textfile/ipcfs.prom")"
for script in one-at-a-time queue-worker textfile-metrics; do
    fails usage: "$examples/$script"
done
