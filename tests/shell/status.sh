# status begins with the bytes of ipcs; status.json has the figures of /proc/sysvipc.

# Objects of all sorts: keys and none, owners, modes, sizes, states.
i=1
while [ $i -le 40 ]; do
    mkdir -m "$((i % 8))$((i % 5))$((i % 3))" "mq/$(printf '0x%x' $((i * 77)))"
    mkdir -m 6$((i % 7))0 "sem/$(printf '0x%x' $((i * 91))),nsems=$i"
    [ $((i % 3)) = 0 ] || echo "message $i" >"mq/$(printf '0x%x' $((i * 77)))/data"
    [ $((i % 4)) = 0 ] && chown $((i * 1000)):$i "mq/$(printf '0x%x' $((i * 77)))"
    [ $((i % 5)) = 0 ] && chown nobody "sem/$(printf '0x%x' $((i * 91)))"
    [ $((i % 6)) = 0 ] && { ipcmk -Q; ipcmk -S 3; } >"$T/out"
    i=$((i + 1))
done
rmdir mq/0x4d sem/0x5b
mkdir mq/posix sem/posix

for kind in sem:-s mq:-q; do
    ipcs ${kind#*:} >"$T/ipcs"
    head -c "$(wc -c <"$T/ipcs")" "${kind%:*}/status" | cmp - "$T/ipcs" || fail "$kind status"
    grep -q '^posix ' "${kind%:*}/status" || fail "$kind: no POSIX table"
    ipcs ${kind#*:} -l >"$T/ipcs"
    head -c "$(wc -c <"$T/ipcs")" "${kind%:*}/limits" | cmp - "$T/ipcs" || fail "$kind limits"
done

awk 'NR > 1 { print sprintf("%.0f", ($1 < 0) * 4294967296 + $1), $2, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 }' \
    /proc/sysvipc/msg | sort -n -k 2 >"$T/kernel"
jq -r '.[] | select(.family == "sysv") | [(.key), .id, .usedbytes, .msgs, .lspid, .lrpid, .uid, .gid,
    .cuid, .cgid, (.send // 0), (.recv // 0), .ctime] | map(tostring) | join(" ")' mq/status.json |
    while read -r key rest; do echo "$(($key)) $rest"; done | sort -n -k 2 >"$T/tree"
cmp "$T/kernel" "$T/tree" || fail "mq/status.json: $(diff "$T/kernel" "$T/tree")"
[ "$(wc -l <"$T/tree")" -ge 45 ] || fail "few queues"

awk 'NR > 1 { print sprintf("%.0f", ($1 < 0) * 4294967296 + $1), $2, $4, $5, $6, $7, $8, $9, $10 }' /proc/sysvipc/sem | sort -n -k 2 >"$T/kernel"
jq -r '.[] | select(.family == "sysv") | [(.key), .id, .nsems, .uid, .gid, .cuid, .cgid,
    (.otime // 0), .ctime] | map(tostring) | join(" ")' sem/status.json |
    while read -r key rest; do echo "$(($key)) $rest"; done | sort -n -k 2 >"$T/tree"
cmp "$T/kernel" "$T/tree" || fail "sem/status.json: $(diff "$T/kernel" "$T/tree")"

# The same of one object.
id=$(jq -r '.[] | select(.name == "0x000001c7") | .id' sem/status.json)
ipcs -s | grep "^0x000001c7" >"$T/row"
grep -F -x -q "$(cat "$T/row")" sem/0x1c7/status || fail "sem/0x1c7/status has not the row"
ipcs -s -i "$id" | sed -n '/^semnum/,$p' | sed '/^$/d' >"$T/elements"
sed -n '/^semnum/,$p' sem/0x1c7/status | sed '/^$/d' | cmp - "$T/elements" || fail "elements"
jq -e 'length == 1 and .[0].id == '"$id" "sem/$id/status.json" >"$T/out" || fail "of one object"
