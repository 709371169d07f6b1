# Named pipes and pipelines, as a user types them.
# shellcheck disable=SC2016,SC2034

# now PID PROGRAM - returns when the process has become that program.
now() {
    until [ "$(cat "/proc/$1/comm")" = "$2" ]; do :; done
}

# pid_in FILE - the pid that a process has written there, once it has.
pid_in() {
    until [ -s "$1" ]; do :; done
    cat "$1"
}

# anon PID FD - the name below pipes/ of the unnamed pipe that this is.
anon() {
    link=$(readlink "/proc/$1/fd/$2")
    link=${link#pipe:[}
    echo "anon/${link%]}"
}

# A FIFO: a reader waits for a writer, and comes to the end with it.
mkdir pipes/log
cat pipes/log/data >"$T/out" &
reader=$!
asleep_in fifo_open $reader
echo hello >pipes/log/data
wait $reader || fail "cat ended with $?"
is hello cat "$T/out"
[ -p pipes/log/data ] || fail "no FIFO"

# mkfifo is mkdir.
mkfifo -m 600 pipes/made
[ -d pipes/made ] || fail "mkfifo made no directory"
is 600 stat -L -c %a pipes/made/data
chmod 644 pipes/made
is 644 stat -L -c %a pipes/made/data
fails 'File exists' mkfifo pipes/made
fails 'File exists' mkdir pipes/made
mkdir -p pipes/made || fail "mkdir -p of one that exists"
fails 'not permitted' mknod pipes/device c 1 3
mv -T pipes/made pipes/moved || fail "mv"
[ ! -e pipes/made ] || fail "it is still there"
rmdir pipes/moved || fail "rmdir"

# What other programs do in the directory shows at once.
fifo=$(readlink pipes/log/data)
mkfifo "${fifo%/*}/other"
[ -d pipes/other ] || fail "a FIFO that another program has made"
rm "${fifo%/*}/other"
[ ! -e pipes/other ] || fail "a FIFO that another program has removed"

# One shell, one command after the other.
mkdir pipes/box,keep=1
echo a >pipes/box/data
is 2 cat pipes/box/bytes
is a head -n 1 pipes/box/data
is 0 cat pipes/box/bytes
is 1 cat pipes/box/keep
echo 0 >pipes/box/keep
is 0 cat pipes/box/keep
echo 1 >pipes/box/keep
echo gone >pipes/box/data
cat pipes/box/data >"$T/out" &
reader=$!
asleep_in pipe_read $reader
echo 0 >pipes/box/keep
wait $reader || fail "the reader of a pipe that is given up ended with $?"
is gone cat "$T/out"
is 0 cat pipes/box/bytes
rmdir pipes/box

# Both pipes of a pipeline, with their processes and ends.
sh -c 'echo $$ >"$T/1"; exec sleep 1000' | sh -c 'echo $$ >"$T/2"; exec cat' |
    sh -c 'echo $$ >"$T/3"; exec wc -c' >"$T/out" &
sleeper=$(pid_in "$T/1") cat=$(pid_in "$T/2") wc=$(pid_in "$T/3")
now "$sleeper" sleep
now "$cat" cat
now "$wc" wc
one=$(anon "$sleeper" 1) two=$(anon "$cat" 1)
# Until the shell that made the pipes has closed them.
until [ "$(cat "pipes/$one/writers" "pipes/$one/readers" "pipes/$two/writers" \
    "pipes/$two/readers" | tr '\n' ' ')" = "1 1 1 1 " ]; do :; done
grep -Eq "^$one +root +0 +[0-9]+ +$sleeper/sleep +$cat/cat$" pipes/status ||
    fail "no row of the first pipe in $(cat pipes/status)"
grep -Eq "^$two +root +0 +[0-9]+ +$cat/cat +$wc/wc$" pipes/status ||
    fail "no row of the second pipe in $(cat pipes/status)"
is "$sleeper root write sleep
$cat root read cat" cat "pipes/$one/holders"
grep -Fxq "$two $wc root read wc" pipes/holders || fail "no line in $(cat pipes/holders)"
[ -d "pipes/$one" ] || fail "no directory"
kill "$sleeper"
wait $! || fail "wc ended with $?"
is 0 cat "$T/out"
[ ! -e "pipes/$one" ] || fail "a pipe that nobody has is still there"

# A pipeline that is stuck: which pipe is full, who writes, who does not read.
rm "$T/1" "$T/2"
sh -c 'echo $$ >"$T/1"; exec yes' | sh -c 'echo $$ >"$T/2"; exec sleep 1000' &
yes=$(pid_in "$T/1") sleeper=$(pid_in "$T/2")
now "$yes" yes
now "$sleeper" sleep
asleep_in pipe_write "$yes"
one=$(anon "$yes" 1)
until [ "$(cat "pipes/$one/writers" "pipes/$one/readers" | tr '\n' ' ')" = "1 1 " ]; do :; done
is "$(cat "pipes/$one/capacity")" cat "pipes/$one/bytes"
is "$yes root write yes
$sleeper root read sleep" cat "pipes/$one/holders"
is "true" jq --arg name "$one" --argjson yes "$yes" --argjson sleeper "$sleeper" \
    '.[] | select(.name == $name) | .bytes == .capacity and .bytes > 0 and .writers == 1
    and .readers == 1 and (.holders | map([.pid, .how, .command]))
    == [[$yes, "write", "yes"], [$sleeper, "read", "sleep"]]' pipes/status.json
kill "$sleeper"
wait $! && fail "sleep ended well"

# What is wrong says so, in words too.
mkdir pipes/x
fails 'No such device or address' sh -c 'echo 4096 | tee pipes/x/capacity'
fails 'Invalid argument' sh -c 'echo much | tee pipes/x/capacity'
fails 'Invalid argument' mkdir pipes/y,capacity=4096
fails 'Invalid argument' mkdir pipes/y,keep=2
exec 3<>pipes/x/data
head -c 9000 /dev/zero >&3
fails 'Device or resource busy' sh -c 'echo 4096 | tee pipes/x/capacity'
grep -q 'pipes/x/capacity write EBUSY: 9000 bytes are in the pipe' errors || fail "$(cat errors)"
echo 16384 >pipes/x/capacity
is 16384 cat pipes/x/capacity
exec 3<&-
jq -e 'all(.[]; (.name | type) == "string" and (.holders | type) == "array"
    and ([.bytes, .capacity, .readers, .writers] | all(type == "number" or . == null)))' \
    pipes/status.json >"$T/out" || fail "status.json: $(cat pipes/status.json)"
rmdir pipes/log pipes/x
