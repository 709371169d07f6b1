# The end of a plain user's tree: what fusermount3 has taken off already is not taken off again, since the path may be
# another mount's by then.  POSIX sh.
# shellcheck disable=SC2016
real=$(command -v fusermount3) || { echo "skipped: needs fusermount3"; exit 77; }
plain=$(id -u nobody)
mkdir -m 755 /run/user /run/user/bin
mkdir /run/user/mount
chown "$plain" /run/user/mount /run/user/bin
cp "$IPCFS" /run/user/ipcfs
chmod 755 /run/user/ipcfs
fuse_for_all
# The one that the daemon finds writes down what it is asked for.
cat >/run/user/bin/fusermount3 <<END2
#!/bin/sh
echo "\$*" >>/run/user/bin/asked
exec $real "\$@"
END2
chmod 755 /run/user/bin/fusermount3

cd / || exit 1
as_user() { setpriv --reuid "$plain" --regid "$plain" --clear-groups --inh-caps=-all "$@"; }

# begin - a daemon in the foreground, $daemon, whose tree answers.
begin() {
    : >/run/user/bin/asked
    chmod 666 /run/user/bin/asked
    setpriv --reuid "$plain" --regid "$plain" --clear-groups --inh-caps=-all \
        env PATH="/run/user/bin:$PATH" /run/user/ipcfs -f /run/user/mount 2>"$T/said" &
    daemon=$!
    until as_user test -e /run/user/mount/status; do
        kill -0 $daemon 2>/dev/null || {
            grep -q 'fusermount3: .*not permitted' "$T/said" && { echo "skipped: $(cat "$T/said")"; exit 77; }
            fail "$(cat "$T/said")"
        }
    done
}

begin
as_user "$real" -u /run/user/mount || fail "fusermount3 -u"
wait $daemon || fail "after fusermount3 -u it ended with $?"
grep -e '-u' /run/user/bin/asked && fail "what had been taken off was taken off again"

# By a signal it takes off its own, and nothing but its own.
begin
kill $daemon
wait $daemon || fail "after SIGTERM it ended with $?"
grep -q -e '-u' /run/user/bin/asked || fail "it has not taken off its mount"
grep -q " /run/user/mount " /proc/self/mountinfo && fail "the mount stays"

# Detached, but in use, so that the daemon lives: what is mounted there next is not its own.
begin
as_user sh -c 'echo $$ >/run/user/bin/user; exec 3</run/user/mount/status; exec sleep 1000' &
until [ -s /run/user/bin/user ] && read -r user </run/user/bin/user && [ "$(readlink "/proc/$user/fd/3")" = /run/user/mount/status ]; do :; done
as_user "$real" -u -z /run/user/mount || fail "fusermount3 -u -z"
: >/run/user/bin/asked
kill $daemon
wait $daemon || fail "detached, and after SIGTERM, it ended with $?"
grep -e '-u' /run/user/bin/asked && fail "what had been detached was taken off"
kill "$user"
