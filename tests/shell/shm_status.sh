# shm/status begins with the bytes of ipcs -m, in every state of a segment; status.json has the figures
# of /proc/sysvipc/shm and the keys and values of lsipc.

# Keys and none, owners, modes, sizes, attached, locked, to be destroyed.
i=1
while [ $i -le 30 ]; do
    mkdir -m "$((i % 8))$((i % 5))$((i % 3))" "shm/$(printf '0x%x' $((i * 97))),size=$((i * i * 1111))"
    [ $((i % 3)) = 0 ] && chown $((i * 1000)):$i "shm/$(printf '0x%x' $((i * 97)))"
    [ $((i % 4)) = 0 ] && echo 1 >"shm/$(printf '0x%x' $((i * 97)))/locked"
    [ $((i % 5)) = 0 ] && ipcmk -M $((i * 4096)) >"$T/out"
    [ $((i % 7)) = 0 ] && head -c $((i * 5000)) /dev/urandom |
        dd of="shm/$(printf '0x%x' $((i * 97)))/data" conv=notrunc status=none 2>"$T/err"
    i=$((i + 1))
done
mkdir shm/0xffffffff,size=4K shm/0x80000000,size=4K
awk 'NR > 1 && NR % 2 { print $2 }' /proc/sysvipc/shm >"$T/ids"
mkfifo "$T/end" "$T/ready"
# shellcheck disable=SC2046
"$ATTACH" $(cat "$T/ids") <"$T/end" >"$T/ready" &
attacher=$!
exec 8>"$T/end"
read -r line <"$T/ready"
is attached echo "$line"
awk 'NR % 8 == 1' "$T/ids" | while read -r id; do echo 1 >"shm/$id/locked"; done
awk 'NR % 4 == 1' "$T/ids" | while read -r id; do rmdir "shm/$id"; done
mkdir shm/posix,size=5000 shm/other
echo content >shm/other/data

same_as_ipcs() {
    ipcs -m >"$T/ipcs"
    head -c "$(wc -c <"$T/ipcs")" shm/status | cmp - "$T/ipcs" ||
        fail "shm/status: $(head -c "$(wc -c <"$T/ipcs")" shm/status | diff - "$T/ipcs")"
    grep -q '^posix ' shm/status || fail "no POSIX table"
    grep -q '^other ' shm/status || fail "no POSIX table"
}
same_as_ipcs
for state in dest locked 'dest *locked'; do
    grep -q " $state" "$T/ipcs" || fail "no segment is $state: $(cat "$T/ipcs")"
done
[ "$(wc -l <"$T/ipcs")" -ge 40 ] || fail "few segments"
ipcs -m -l >"$T/ipcs"
head -c "$(wc -c <"$T/ipcs")" shm/limits | cmp - "$T/ipcs" || fail "limits"
# They are this IPC namespace's own.
for limit in shmmax=12345678 shmall=123456 shmmni=1234; do
    echo "${limit#*=}" >"/proc/sys/kernel/${limit%=*}"
    ipcs -m -l >"$T/ipcs"
    head -c "$(wc -c <"$T/ipcs")" shm/limits | cmp - "$T/ipcs" || fail "limits with another $limit"
done

# Figures of /proc/sysvipc/shm.
same_as_kernel() {
    awk 'NR > 1 { print sprintf("%.0f", ($1 < 0) * 4294967296 + $1), $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 }' \
        /proc/sysvipc/shm | sort -n -k 2 >"$T/kernel"
    jq -r '.[] | select(.family == "sysv") | [(.key), .id, .size, .cpid, .lpid, .nattch, .uid, .gid,
        .cuid, .cgid, (.attach // 0), (.detach // 0), .ctime] | map(tostring) | join(" ")' shm/status.json |
        while read -r key rest; do echo "$(($key)) $rest"; done | sort -n -k 2 >"$T/tree"
    cmp "$T/kernel" "$T/tree" || fail "shm/status.json: $(diff "$T/kernel" "$T/tree")"
}
same_as_kernel
[ "$(wc -l <"$T/tree")" -ge 35 ] || fail "few segments"

# Keys and values of lsipc; there all are strings, times are not these, and a user without a name is
# null, where status.json has the number as ipcs does.
lsipc -m -J -b -o KEY,ID,PERMS,OWNER,SIZE,NATTCH,STATUS,CPID,LPID,CUID,CUSER,CGID,CGROUP,UID,USER,GID,GROUP |
    jq -S '.[] | map(map_values(if . == null then null else tostring end)) | sort_by(.id)' >"$T/lsipc"
jq -S --slurpfile like "$T/lsipc" '[.[] | select(.family == "sysv")
    | with_entries(select(.key as $key | $like[0][0] | has($key)))
    | map_values(if . == null then null else tostring end)] | sort_by(.id)
    | [., $like[0]] | transpose | map(.[1] as $l | .[0] | with_entries(
        if (.key | test("user|group")) and $l[.key] == null then .value = null else . end))' \
    shm/status.json >"$T/tree"
cmp "$T/lsipc" "$T/tree" || fail "not as lsipc has it: $(diff "$T/lsipc" "$T/tree" | head -n 20)"
jq -e '[.[] | select(.family == "sysv" and .status != null)] | length > 5' shm/status.json >"$T/out" ||
    fail "no status in status.json"
jq -e '.[] | select(.name == "posix") | .family == "posix" and .size == 5000 and .owner == "root"' \
    shm/status.json >"$T/out" || fail "POSIX in status.json"

# The same of one object.
id=$(jq -r '.[] | select(.name == "0x00000184") | .id' shm/status.json)
ipcs -m | grep '^0x00000184' >"$T/row"
for name in 0x184 "$id"; do
    grep -F -x -q "$(cat "$T/row")" "shm/$name/status" || fail "shm/$name/status has not the row"
    jq -e 'length == 1 and .[0].id == '"$id" "shm/$name/status.json" >"$T/out" || fail "of one object"
done
jq -e 'length == 1 and .[0].name == "other" and .[0].size == 8' shm/other/status.json >"$T/out" ||
    fail "of one POSIX object: $(cat shm/other/status.json)"

# Detached, those to be destroyed are gone; and so in all of it.
exec 8>&-
wait $attacher || fail "attach ended badly"
same_as_ipcs
grep -q dest "$T/ipcs" && fail "a segment is still to be destroyed"
same_as_kernel
# Figures are those of the kernel's table, for every segment.
awk 'NR > 1 { print $2, $4, $5, $6, $7, $15, $16 }' /proc/sysvipc/shm >"$T/kernel"
while read -r id size cpid lpid nattch rss swap; do
    is "$size $cpid $lpid $nattch $rss $swap" sh -c "cd shm/$id; echo \$(cat size cpid lpid nattch rss swap)"
done <"$T/kernel"
