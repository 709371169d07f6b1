# Shared memory: bad input is a clear error, a line in errors, and nothing made or changed.

refused() { # refused ERRNO WORDS - the last line of errors says so
    tail -n 1 errors >"$T/last"
    grep -q " $1: .*$2" "$T/last" || fail "errors says: $(cat "$T/last"), not $1 ... $2"
}

nothing_made() {
    [ "$(wc -l </proc/sysvipc/shm)" = 1 ] || fail "$*: a segment was made"
    [ -z "$(ls -A /dev/shm)" ] || fail "$*: an object was made: $(ls -A /dev/shm)"
}

# A segment of no bytes cannot be; an object of none is an empty one.
fails 'Invalid argument' mkdir shm/0x5,size=0
refused EINVAL 0
nothing_made size=0
for object in 0x5 p; do
    for size in -1 -4K 4X 4KK 4k4 K 1.5M 0x100 1e3 '' ' ' '4096,' 99999999999999999999 17179869184G \
        9223372036854775808 4K,size=4K 4096,colour=red '4096 ' +1; do
        fails 'Invalid argument' mkdir "shm/$object,size=$size"
        refused EINVAL ''
        nothing_made "size=$size of $object"
    done
    for attributes in colour=red size nsems=1 maxmsg=3 '' mode=600 =5; do
        fails 'Invalid argument' mkdir "shm/$object,$attributes"
        nothing_made "$attributes of $object"
    done
done
fails 'Invalid argument' mkdir shm/0x5,size=8E
fails 'Invalid argument' mkdir shm/0x0
fails 'Invalid argument' mkdir shm/0x123456789
fails 'Invalid argument' mkdir shm/123
fails 'Invalid argument' mkdir shm/4294967296
fails 'File name too long' mkdir "shm/posix:$(printf '%0256d' 0)"
nothing_made names

# All suffixes.
mkdir shm/k,size=3K shm/m,size=2M shm/g,size=5G shm/none,size=0 shm/0x6,size=1
is '3072 2097152 5368709120 0' sh -c \
    'echo $(stat -c %s /dev/shm/k /dev/shm/m /dev/shm/g /dev/shm/none)'
is 1 cat shm/0x6/size
rmdir shm/k shm/m shm/g shm/none

# A name that is a semaphore's file is not to be made as memory.
mkdir sem/s
fails '' mkdir shm/sem.s
is 1 cat sem/s/value
rmdir sem/s

# Figures that are set: a valid value or nothing.
mkdir shm/p,size=5000
for size in -1 x 4096x '' ' ' '1 2' 99999999999999999999; do
    fails 'Invalid argument' sh -c "/bin/echo '$size' >shm/p/size"
    is 5000 stat -c %s /dev/shm/p
done
for value in 2 -1 x 10 '0 1'; do
    fails 'Invalid argument' sh -c "/bin/echo '$value' >shm/0x6/locked"
    is 0 cat shm/0x6/locked
done
for file in nattch cpid lpid dest rss swap; do
    fails '' sh -c "/bin/echo 1 >shm/0x6/$file"
done
is 1 cat shm/0x6/size

# Removed while a shell has it open: that shell reads on.
mkdir shm/q,size=4K
for object in q 0x6; do
    printf x | dd of=shm/$object/data conv=notrunc status=none
    mkfifo "$T/go"
    sh -c "exec 3<shm/$object/data; : >$T/open; read -r line <$T/go; head -c 1 <&3" >"$T/said" &
    until [ -e "$T/open" ]; do :; done
    rmdir shm/$object
    fails 'No such file' cat shm/$object/data
    echo go >"$T/go"
    wait $! || fail "$object: the reader ended badly"
    is x cat "$T/said"
    rm "$T/open" "$T/go"
done

# Where writing is not meant.
fails 'Operation not permitted' mkdir shm/p/new
fails 'Operation not permitted' touch shm/file
fails 'Operation not permitted' ln -s x shm/link
fails 'Operation not permitted' ln shm/p/data shm/p/other
fails '' mv shm/p shm/0x99
fails '' mv shm/p sem/p
is 5000 stat -c %s /dev/shm/p
