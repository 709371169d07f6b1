# Shared memory with the tools that every system has: dd, cp, cmp, sha256sum, hexdump, truncate, du.

key() { # the id of the segment with this key, from the kernel's own table
    awk -v key="$(($1))" '$1 == key { print $2 }' /proc/sysvipc/shm
}

rss() {
    awk -v key="$(($1))" '$1 == key { print $15 }' /proc/sysvipc/shm
}

# What mkdir makes, and what is not given.
mkdir -m 640 shm/posix shm/0x10
mkdir -m 604 shm/sized,size=3K shm/0x11,size=1M
is 0 stat -c %s /dev/shm/posix
is 640 stat -c %a /dev/shm/posix
is 3072 stat -c %s /dev/shm/sized
is 604 stat -c %a /dev/shm/sized
is '65536 640' sh -c "awk '\$1 == 16 { print \$4, \$3 }' /proc/sysvipc/shm"
is '1048576 604' sh -c "awk '\$1 == 17 { print \$4, \$3 }' /proc/sysvipc/shm"
is '-rw-r----- 1 root root 0' sh -c "ls -l shm/posix/data | cut -d ' ' -f 1-5"
is '-rw----r-- 1 root root 1048576' sh -c "ls -l shm/0x11/data | cut -d ' ' -f 1-5"
is 'regular file' stat -c %F shm/0x10/data
fails 'File exists' mkdir shm/posix
fails 'File exists' mkdir shm/0x0010,size=5
mkdir -p shm/posix shm/0x10 shm/0x11,size=5 || fail "mkdir -p"
is 1048576 cat shm/0x11/size
is 3072 cat shm/sized/size
mkdir -p shm/byparents,size=12 || fail "mkdir -p of a new one"
is 12 cat shm/byparents/size
rmdir shm/byparents

# Figures, by key and by id, in any spelling.
for name in 0x11 0x0000011 "$(key 0x11)"; do
    is 0 cat "shm/$name/nattch"
    is "$(awk '$1 == 17 { print $5 }' /proc/sysvipc/shm)" cat "shm/$name/cpid"
    is 0 cat "shm/$name/dest"
    is 0 cat "shm/$name/locked"
done
echo 1 >shm/0x11/locked
is 1 cat shm/0x11/locked
ipcs -m | grep -q '^0x00000011 .* locked' || fail "not locked: $(ipcs -m)"
echo 0 >shm/0x11/locked
is 0 cat shm/0x11/locked
ipcs -m | grep -q locked && fail "still locked"
echo 8192 >shm/posix/size
is 8192 stat -c %s /dev/shm/posix
is 8192 stat -c %s shm/posix/data
is 8192 cat shm/posix/size
fails '' sh -c 'echo 8192 >shm/0x11/size'
is 1048576 cat shm/0x11/size

# The tools.  $T/input is what goes in.
head -c 300000 /dev/urandom >"$T/input"
for object in posix 0x11; do
    data=shm/$object/data
    dd if="$T/input" of="$data" bs=10000 conv=notrunc status=none || fail "$object: dd"
    cmp -n 300000 "$T/input" "$data" || fail "$object: cmp"
    head -c 300000 "$data" | cmp - "$T/input" || fail "$object: head"
    dd if="$data" bs=1000 skip=100 count=100 status=none >"$T/part"
    tail -c +100001 "$T/input" | head -c 100000 | cmp - "$T/part" || fail "$object: dd skip"
    dd if="$T/part" of="$data" bs=1000 seek=7 conv=notrunc status=none || fail "$object: dd seek"
    dd if="$T/part" of="$T/input" bs=1000 seek=7 conv=notrunc status=none
    cp "$data" "$T/copy" || fail "$object: cp from"
    cmp "$data" "$T/copy" || fail "$object: cp from: differs"
    is "$(sha256sum <"$T/copy")" sh -c "sha256sum <$data"
    is "$(sha256sum "$T/copy" | cut -d ' ' -f 1)" sh -c "sha256sum $data | cut -d ' ' -f 1"
    hexdump -C "$data" >"$T/hexdump" || fail "$object: hexdump"
    hexdump -C "$T/copy" | cmp - "$T/hexdump" || fail "$object: hexdump differs"
    tail -c 1000 "$data" >"$T/part" || fail "$object: tail"
    tail -c 1000 "$T/copy" | cmp - "$T/part" || fail "$object: tail differs"
    is "$(stat -c %s "$T/copy")" sh -c "wc -c <$data"
done
cp "$T/input" shm/posix/data || fail "cp onto"
cmp "$T/input" /dev/shm/posix || fail "cp onto: differs"
cp -p shm/posix/data "$T/kept" || fail "cp -p"
cat "$T/input" "$T/input" >shm/posix/data || fail "cat >"
is 600000 stat -c %s /dev/shm/posix
echo tail >>shm/posix/data
is 600005 stat -c %s shm/posix/data
is tail tail -c 5 /dev/shm/posix
truncate -s 1000 shm/posix/data || fail "truncate -s"
is 1000 stat -c %s /dev/shm/posix
head -c 1000 "$T/input" | cmp - /dev/shm/posix || fail "truncate: content"
truncate -s +24 shm/posix/data || fail "truncate -s +"
is 1024 stat -c %s /dev/shm/posix
: >shm/posix/data
is 0 stat -c %s /dev/shm/posix

# A segment has its size for life: > leaves it, what does not fit is refused.
cp shm/0x11/data "$T/before"
: >shm/0x11/data
cmp shm/0x11/data "$T/before" || fail "> has changed the segment"
cat "$T/part" >shm/0x11/data || fail "cat > onto a segment"
cmp -n 1000 shm/0x11/data "$T/part" || fail "cat > onto a segment: differs"
tail -c +1001 "$T/before" >"$T/rest"
tail -c +1001 shm/0x11/data | cmp - "$T/rest" || fail "cat > has changed what is behind"
fails 'Invalid argument' truncate -s 1000 shm/0x11/data
fails 'Invalid argument' truncate -s +1 shm/0x11/data
truncate -s 1M shm/0x11/data || fail "truncate to the size that it has"
fails 'No space left' sh -c '/bin/echo x >>shm/0x11/data'
fails 'No space left' dd if=/dev/zero of=shm/0x11/data bs=64K conv=notrunc status=none
cp shm/0x11/data "$T/zero"
is 1048576 stat -c %s "$T/zero"
cmp -n 1048576 /dev/zero shm/0x11/data || fail "dd until the end"
is 1048576 cat shm/0x11/size
cp "$T/before" shm/0x11/data || fail "cp onto a segment"
cmp shm/0x11/data "$T/before" || fail "cp onto a segment: differs"

# Memory in use: du is what the kernel calls rss.
mkdir shm/0x20,size=10M shm/0x21,size=40M shm/sparse,size=20M
dd if=/dev/urandom of=shm/0x20/data bs=4096 count=300 seek=5 conv=notrunc status=none
dd if=/dev/urandom of=shm/sparse/data bs=4096 count=77 seek=500 conv=notrunc status=none
for object in 0x10 0x11 0x20 0x21; do
    is "$(rss $object)" cat shm/$object/rss
    is "$(rss $object)" sh -c "du -B1 shm/$object/data | cut -f 1"
    is "$(rss $object)" sh -c "du -s -B1 shm/$object | cut -f 1"
    is "$(rss $object | numfmt --to=iec --round=up)" sh -c "du -h -s shm/$object | cut -f 1"
    is "$(stat -c %s shm/$object/data)" sh -c "du -b shm/$object/data | cut -f 1"
done
is 1228800 rss 0x20
is 315392 sh -c 'du -B1 shm/sparse/data | cut -f 1'
is "$(du -B1 /dev/shm/sparse | cut -f 1)" sh -c 'du -B1 shm/sparse/data | cut -f 1'
du -h shm/* >"$T/out" || fail "du -h shm/*"

# Reading holes, by whatever reads, allocates nothing.
du -B1 shm/*/data >"$T/before"
for walk in "grep -r nothing shm" "cp -r shm $T/walk" "tar -cf $T/walk.tar shm" \
    "find shm -type f -exec cat {} +" "cmp shm/0x21/data /dev/zero" "cp shm/sparse/data $T/sparse"; do
    timeout 60 sh -c "$walk" >"$T/out" 2>"$T/err"
    [ $? -lt 3 ] || fail "$walk: $(tail -n 3 "$T/err")"
    du -B1 shm/*/data >"$T/after"
    cmp "$T/before" "$T/after" || fail "$walk has taken memory: $(diff "$T/before" "$T/after")"
done
cmp "$T/sparse" /dev/shm/sparse || fail "cp of holes"
[ "$(du -B1 "$T/sparse" | cut -f 1)" -lt 1000000 ] || fail "cp has made the holes data"

# Renamed, changed, removed; what others make and remove is here and gone at once.
mv shm/sparse shm/renamed || fail "mv"
is 20971520 stat -c %s /dev/shm/renamed
[ ! -e /dev/shm/sparse ] && [ ! -e shm/sparse ] || fail "mv left the old name"
chmod 600 shm/renamed && chmod 644 shm/0x20/data || fail "chmod"
is 600 stat -c %a /dev/shm/renamed
is 644 sh -c "awk '\$1 == 32 { print \$3 }' /proc/sysvipc/shm"
is 644 stat -c %a shm/0x20/data
chown 1000:1001 shm/renamed/data shm/0x20 || fail "chown"
is 1000:1001 stat -c %u:%g /dev/shm/renamed
is '1000 1001' sh -c "awk '\$1 == 32 { print \$8, \$9 }' /proc/sysvipc/shm"
rmdir shm/renamed shm/0x20 shm/0x21
[ ! -e /dev/shm/renamed ] || fail "rmdir left the object"
[ -z "$(key 0x20)" ] || fail "rmdir left the segment"
id=$(ipcmk -M 5000) && id=${id##* }
is 5000 stat -c %s "shm/$id/data"
ls shm | grep -q -x "$(awk -v id="$id" '$2 == id { printf "0x%08x", ($1 + 4294967296) % 4294967296 }' \
    /proc/sysvipc/shm)" || fail "ipcmk's segment is not listed: $(ls shm)"
ipcrm -m "$id"
[ ! -e "shm/$id" ] || fail "a removed segment is still there"
echo outside >/dev/shm/outside
is outside cat shm/outside/data
rm /dev/shm/outside
fails 'No such file' cat shm/outside/data

# Names: semaphores are not memory, and what looks like a key is told from one.
mkdir sem/s shm/posix:0x12 shm/posix:123 shm/posix:status
[ ! -e shm/sem.s ] || fail "a semaphore is shown as memory"
ls shm | grep -q 'sem\.' && fail "a semaphore is listed as memory: $(ls shm)"
for name in 0x12 123 status; do
    [ -f "/dev/shm/$name" ] || fail "posix:$name is no object of that name"
    ls shm | grep -q -x "posix:$name" || fail "posix:$name is not listed so"
    echo "$name" >"shm/posix:$name/data"
    is "$name" cat "/dev/shm/$name"
    rmdir "shm/posix:$name"
done
ln -s /etc/passwd /dev/shm/link && mkfifo /dev/shm/fifo && mkdir /dev/shm/directory
is "$(printf '%s\n' 0x00000010 0x00000011 posix sized)" sh -c \
    "ls -d shm/*/ | sed 's,shm/\\(.*\\)/,\\1,' | grep -v -x orphans"
rm -r /dev/shm/link /dev/shm/fifo /dev/shm/directory
odd=$(printf 'a\377 b')
mkdir "shm/$odd,size=5"
is 5 stat -c %s "/dev/shm/$odd"
rmdir "shm/$odd"
fails 'Operation not permitted' touch shm/0x11/new
fails 'Operation not permitted' rm shm/0x11/data
[ -n "$(key 0x11)" ] || fail "rm of data has removed the segment"
