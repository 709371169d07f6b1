# Where named pipes live: -o run_dir=, -o ro, and a directory that another user has prepared.
# shellcheck disable=SC2015,SC2016,SC2034

second=/run/second
mkdir $second
chmod 755 "$T"
plain=1000

# mounted OPTIONS - a second tree at $second.
mounted() {
    "$IPCFS" -o "$1" $second 2>"$T/mount-err" || fail "-o $1: $(cat "$T/mount-err")"
    cd $second || fail "no tree"
}

unmounted() {
    cd /mnt || fail "no tree"
    umount $second || fail "umount"
}

# refused WORDS - the tree of this run directory has no named pipes and says so, and the rest works.
refused() {
    mounted "run_dir=$T/run"
    grep -q "^# no named pipes: .*$1" pipes/status || fail "no '$1' in $(cat pipes/status)"
    if mkdir pipes/x 2>"$T/err"; then fail "mkdir in a directory that is refused"; fi
    grep -q "$1" errors || fail "no '$1' in errors: $(cat errors)"
    if mkfifo pipes/x 2>"$T/err"; then fail "mkfifo in a directory that is refused"; fi
    [ ! -e pipes/x ] || fail "pipes/x is there"
    is "anon events holders limits status status.json" sh -c 'echo $(ls pipes)'
    jq -e 'type == "array"' pipes/status.json >"$T/out" || fail "status.json"
    # The pipe that this makes is seen all the same.
    readlink /proc/self/fd/1 | { read -r link; link=${link#pipe:[}
        [ -f "pipes/anon/${link%]}/status" ]; } || fail "no unnamed pipes"
    mkdir mq/x sem/x shm/x
    echo hello >mq/x/data
    is hello cat mq/x/data
    rmdir mq/x sem/x shm/x
    unmounted
    [ -z "$(ls -A "$T/victim")" ] || fail "something was made in another's directory"
    rm -rf "$T/run" "$T/victim"
}

mkdir "$T/victim"; ln -s "$T/victim" "$T/run"
refused 'is a link or no directory'
mkdir "$T/victim" "$T/run"; ln -s "$T/victim" "$T/run/pipes"
refused 'is a link or no directory'
mkdir "$T/victim"; ln -s "$T/nothing" "$T/run"
refused 'is a link or no directory'
[ ! -e "$T/nothing" ] || fail "made by way of a link"
mkdir "$T/victim"; echo file >"$T/run"
refused 'is a link or no directory'
mkdir "$T/victim" "$T/run"; mkfifo "$T/run/pipes"
refused 'is a link or no directory'
mkdir "$T/victim" "$T/run"; chown $plain "$T/run"
refused "belongs to uid $plain"
mkdir -p "$T/victim" "$T/run/pipes"; chown $plain "$T/run/pipes"
refused "belongs to uid $plain"
mkdir "$T/victim" "$T/run"; chmod 777 "$T/run"
refused 'not sticky'
mkdir -p "$T/victim" "$T/run/pipes"; chmod 777 "$T/run/pipes"
refused 'not sticky'
mkdir -p "$T/victim" "$T/run/pipes"; chmod 770 "$T/run/pipes"
refused 'not sticky'

# The usual one, prepared in the same way: a link where /run/ipcfs should be.
mv /run/ipcfs "$T/aside"
mkdir "$T/victim"
ln -s "$T/victim" /run/ipcfs
mounted private
grep -q '^# no named pipes: /run/ipcfs is a link' pipes/status || fail "$(cat pipes/status)"
unmounted
[ -z "$(ls -A "$T/victim")" ] || fail "something was made by way of the link"
rm /run/ipcfs
mv "$T/aside" /run/ipcfs

# Sticky and root's is as it should be, whoever else may write there.
mkdir -p "$T/run/pipes"
chmod 1777 "$T/run" "$T/run/pipes"
mounted "run_dir=$T/run"
mkdir pipes/own
[ -p "$T/run/pipes/own" ] || fail "not in the run directory that was given"
is "$T/run/pipes/own" readlink pipes/own/data
[ ! -e /mnt/pipes/own ] || fail "in the other tree too"
unmounted
rm -r "$T/run"

# One that is not there is made; anyone may make a pipe in it, and take away no one else's.
mounted "run_dir=$T/run"
is "755 root" stat -c '%a %U' "$T/run"
is "1777 root" stat -c '%a %U' "$T/run/pipes"
mkdir pipes/roots
setpriv --reuid $plain --regid $plain --clear-groups sh -c 'umask 022; mkdir pipes/mine' ||
    fail "a plain user cannot make a pipe"
is "$plain $plain" sh -c 'echo $(stat -c %u pipes/mine "$1")' sh "$T/run/pipes/mine"
fails 'not permitted' setpriv --reuid $plain --regid $plain --clear-groups rmdir pipes/roots
setpriv --reuid $plain --regid $plain --clear-groups rmdir pipes/mine || fail "rmdir"
unmounted
# A path that is none.
for path in / "$T/run/" "$T/./run" "$T/run/." "$T/missing/run" relative; do
    (cd "$T" && "$IPCFS" -o "run_dir=$path" $second) || fail "run_dir=$path"
    cd $second || fail "no tree"
    case $path in
    */run/ | */./run | relative) mkdir pipes/p && rmdir pipes/p || fail "run_dir=$path: $(cat errors)" ;;
    *) grep -q '^# no named pipes: ' pipes/status || fail "run_dir=$path: $(cat pipes/status)" ;;
    esac
    unmounted
done
[ -d "$T/relative/pipes" ] || fail "no relative run directory"

# -o ro: looked at and not touched.
mkfifo "$T/run/pipes/seen"
mounted "ro,run_dir=$T/run"
sleep 1000 <>"$T/run/pipes/seen" &
sleeper=$!
echo content >"$T/run/pipes/seen"
is "bytes capacity holders keep readers status status.json writers" sh -c 'echo $(ls pipes/seen)'
fails 'No such file' ls pipes/seen/data
until [ "$(cat pipes/seen/holders)" = "$sleeper root read-write sleep" ]; do :; done
is 8 cat pipes/seen/bytes
is 1 cat pipes/seen/readers
is 1 cat pipes/seen/writers
is 0 cat pipes/seen/keep
grep -q '^seen  *root ' pipes/status || fail "$(cat pipes/status)"
fails 'Read-only file system' mkdir pipes/new
fails 'Read-only file system' mkfifo pipes/new
fails 'Read-only file system' rmdir pipes/seen
fails 'Read-only file system' mv pipes/seen pipes/other
fails 'Read-only file system' chmod 666 pipes/seen
fails 'Read-only file system' tee pipes/seen/keep
fails 'Read-only file system' tee pipes/seen/capacity
is content head -n 1 "$T/run/pipes/seen"
kill $sleeper
wait $sleeper
unmounted
# Nor does it make the directory.
rm -r "$T/run"
mounted "ro,run_dir=$T/run"
grep -q '^# no named pipes: ' pipes/status || fail "$(cat pipes/status)"
unmounted
[ ! -e "$T/run" ] || fail "-o ro made the run directory"
