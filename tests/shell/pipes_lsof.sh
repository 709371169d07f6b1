# Who has which end of which pipe, as lsof says it.
# shellcheck disable=SC2034

command -v lsof >/dev/null || { echo "skipped: needs lsof"; exit 77; }

# Pipelines of three, with an end or two more for some, and FIFOs here and elsewhere.
mkdir pipes/a pipes/b
mkfifo "$T/elsewhere"
i=0
while [ $i -lt 30 ]; do
    sleep 1000 | sleep 1001 | sleep 1002 &
    sleep 1003 | sleep 1004 3>&0 4<>pipes/a/data 5<>"$T/elsewhere" &
    sleep 1005 <>pipes/b/data >"$T/file" &
    i=$((i + 1))
done
# Until all have become what they are to be.
until [ "$(grep -lx sleep /proc/[0-9]*/comm 2>/dev/null | wc -l)" = 180 ]; do :; done

# Lines of INODE PID HOW, of the sleepers.
lsof -w -c sleep -F pfati |
    awk '/^p/ { pid = substr($0, 2) }
        /^a/ { access = substr($0, 2) }
        /^t/ { type = substr($0, 2) }
        /^i/ && type == "FIFO" { seen[substr($0, 2) " " pid] = seen[substr($0, 2) " " pid] access }
        END { for (key in seen) {
            reads = seen[key] ~ /[ru]/
            writes = seen[key] ~ /[wu]/
            print key, reads && writes ? "read-write" : reads ? "read" : "write"
        } }' | sort >"$T/lsof"
jq -r '.[] | .inode as $inode | .holders[] | select(.command == "sleep") |
    "\($inode) \(.pid) \(.how)"' pipes/status.json | sort >"$T/tree"
cmp "$T/lsof" "$T/tree" || fail "$(diff "$T/lsof" "$T/tree")"
[ "$(wc -l <"$T/tree")" -ge 330 ] || fail "few lines: $(cat "$T/tree")"
is 30 cat pipes/a/readers
is 30 cat pipes/b/writers
for pid in $(awk '{ print $2 }' "$T/tree" | sort -u); do kill "$pid"; done
wait
