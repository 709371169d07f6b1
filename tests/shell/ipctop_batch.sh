# ipctop -b: what is printed is what the kernel and the tree have; options; what is wrong with them.
# shellcheck disable=SC2034

export LC_ALL=C.UTF-8
top() { "$IPCTOP" -b "$@" /mnt; }
# row NAME FILE: the row of that object, a space between its words.
row() { grep "^$1 " "$2" | tr -s ' ' | sed 's/ $//'; }

# ---- what there is ----
ipcmk -Q -p 0600 >"$T/made" || fail "ipcmk"
id=$(sed 's/.*: //' "$T/made")
key=$(printf '0x%08x' "$(ipcs -q | awk -v id="$id" '$2 == id { print $1 }')")
mkdir mq/jobs,maxmsg=4,msgsize=64 sem/lock sem/0x51,nsems=3,value=1:10:0 shm/ring,size=1M pipes/box,keep=1
mkdir sockets/tcp/127.0.0.1:9734 "mq/$(printf 'odd\nname-\344')" mq/grüße
echo one >mq/jobs/data
echo three >mq/jobs/data
printf 12345 >"mq/$key/data"
printf 123 >pipes/box/data
cat mq/grüße/data >/dev/null & waiter=$!
until grep -q wait-receive mq/grüße/holders; do :; done

top -n 1 >"$T/all" || fail "ipctop -b ended with $?"
is 'mq 4 - 1 1 3 messages, 15B' sh -c "grep -m 1 '^mq ' $T/all | tr -s ' '"
is 'shm 1 - 0 0 0B in use of 1.0M' sh -c "grep -m 1 '^shm ' $T/all | tr -s ' '"
is 'sem 2 - 0 0 4 semaphores' sh -c "grep -m 1 '^sem ' $T/all | tr -s ' '"
# Who waits comes first.
is "mq grüße posix - root rw-r--r-- 0 msg 0% - 0s 1 1 $waiter/cat waits" \
    sh -c "sed -n '/^KIND *NAME/{n;p;}' $T/all | tr -s ' ' | sed 's/ [0-9]*s / 0s /'"
grep -q '^mq *odd\\012name-\\344 ' "$T/all" || fail "no odd name: $(cat "$T/all")"
grep -q '^pipes *box .* 3B ' "$T/all" || fail "no pipe"
grep -q '^sockets *tcp/127.0.0.1:9734 .* LISTEN ' "$T/all" || fail "no socket"
grep -q '^sem *0x00000051 .* 1 10 0 ' "$T/all" || fail "no set"

# ---- one kind, filters, order ----
top -n 1 -k mq >"$T/mq"
qbytes=$(cat "mq/$key/qbytes")
case $(row "$key" "$T/mq") in
"$key sysv root rw------- 1 - 5B $((qbytes / 1024)).0K 0% - - "*) ;;
*) fail "the row of $key: $(row "$key" "$T/mq")" ;;
esac
case $(row jobs "$T/mq") in
"jobs posix root rw-r--r-- 2 4 10B - 50% - - "*) ;;
*) fail "the row of jobs: $(row jobs "$T/mq")" ;;
esac
! grep -q '^lock' "$T/mq" || fail "a semaphore among the queues"
is "jobs $key grüße odd\\012name-\\344 " sh -c "$IPCTOP -b -n 1 -k mq -s msgs /mnt | sed '1,/^NAME/d' | cut -d ' ' -f 1 | tr '\n' ' '"
is "jobs " sh -c "$IPCTOP -b -n 1 -k mq -f JOB /mnt | sed '1,/^NAME/d' | cut -d ' ' -f 1 | tr '\n' ' '"
is "grüße " sh -c "$IPCTOP -b -n 1 -k mq -f cat /mnt | sed '1,/^NAME/d' | cut -d ' ' -f 1 | tr '\n' ' '"
chown 1234 mq/jobs
is "jobs " sh -c "$IPCTOP -b -n 1 -k mq -u 1234 /mnt | sed '1,/^NAME/d' | cut -d ' ' -f 1 | tr '\n' ' '"

# ---- change: between any two of many looks ----
top -n 20 -d 0.1 -k mq -f jobs >"$T/looks" & looks=$!
until grep -q '^jobs' "$T/looks"; do :; done
echo more >mq/jobs/data
wait $looks || fail "ipctop ended with $?"
grep -q '^jobs .* +[0-9.]* .*+[0-9.]*B ' "$T/looks" || fail "nothing has changed: $(cat "$T/looks")"
is 20 grep -c ^ipctop "$T/looks"

# ---- it finds the tree, keeps nothing open in it, reads nothing that takes ----
is /mnt sh -c "cd / && '$IPCTOP' -b -n 1 | sed -n '1s/ipctop \\([^ ]*\\) .*/\\1/p'"
is 3 cat mq/jobs/messages
kill $waiter
wait $waiter 2>/dev/null

# ---- somebody else ----
setpriv --reuid 65534 --regid 65534 --clear-groups "$IPCTOP" -b -n 1 -k mq /mnt >"$T/nobody" || fail "as nobody"
case $(row "odd\\\\012name-\\\\344" "$T/nobody") in
*"rw-r--r-- 0 10 0B"*) ;;
*) fail "as nobody: $(cat "$T/nobody")" ;;
esac

# ---- what is wrong ----
fails 'no such' "$IPCTOP" -b -n 1 -k shm -s msgs /mnt
fails 'no kind' "$IPCTOP" -b -k nix /mnt
fails 'no seconds' "$IPCTOP" -b -d nan /mnt
fails 'no seconds' "$IPCTOP" -b -d 0 /mnt
fails 'no number' "$IPCTOP" -b -n 0 /mnt
fails 'more than one' "$IPCTOP" -b /mnt /mnt
fails 'no ipcfs' "$IPCTOP" -b -n 1 "$T"
fails 'No such file' "$IPCTOP" -b -n 1 "$T/nowhere"
fails 'ipctop -b' "$IPCTOP" /mnt
is "$("$IPCFS" -V | sed "s,^ipcfs \(version \)*,,;s:\,.*::;q")" sh -c "'$IPCTOP' --version | sed 's/ipctop //'"
"$IPCTOP" --help | grep -q -- '--batch' || fail "--help"
# A full disk is no success.
if "$IPCTOP" -b -n 1 /mnt >/dev/full 2>/dev/null; then fail "/dev/full is not full"; fi
