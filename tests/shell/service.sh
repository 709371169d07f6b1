# The files for systemd: the unit, and the directories that are made at boot.  POSIX sh.
tools=$HERE/../../tools

# What a path is, without what differs from one making to the next.
looks() { find "$1" -printf '%P %y %m %U:%G\n' | sort; }

# What tmpfiles.d makes is what the daemon makes where nobody has done it.
if command -v systemd-tmpfiles >/dev/null; then
    ls pipes sockets/unix >/dev/null
    looks /run/ipcfs | grep -v '^daemons' >"$T/by-daemon"
    systemd-tmpfiles --create --root="$T/root" "$tools/tmpfiles/ipcfs.conf" || fail "systemd-tmpfiles"
    looks "$T/root/run/ipcfs" >"$T/by-tmpfiles"
    cmp "$T/by-daemon" "$T/by-tmpfiles" || fail "by tmpfiles.d: $(cat "$T/by-tmpfiles"), by the daemon: $(cat "$T/by-daemon")"
    grep -q 'pipes d 1777' "$T/by-daemon" || fail "no pipes: $(cat "$T/by-daemon")"
else
    missing=systemd-tmpfiles
fi

if command -v systemd-analyze >/dev/null; then
    ln -s "$IPCFS" "$T/ipcfs"
    sed "s,@bindir@,$T," "$tools/systemd/ipcfs.service.in" >"$T/ipcfs.service"
    grep -q '@' "$T/ipcfs.service" && fail "left to be filled in: $(grep '@' "$T/ipcfs.service")"
    systemd-analyze --man=no verify "$T/ipcfs.service" >"$T/said" 2>&1 || fail "verify: $(cat "$T/said")"
    [ ! -s "$T/said" ] || fail "verify: $(cat "$T/said")"
    # A mistake is one.
    sed -i 's/^RestrictRealtime/RestrictRealtimes/' "$T/ipcfs.service"
    systemd-analyze --man=no verify "$T/ipcfs.service" 2>&1 | grep -q RestrictRealtimes || fail "verify finds nothing"
else
    missing=systemd-analyze
fi
# Nothing that would keep the mount from everyone else.
hidden=$(sed 's/#.*//' "$tools/systemd/ipcfs.service.in" | grep -E \
    '^(Private(Tmp|Devices|Mounts|Users|IPC|Network)|Protect(System|Home|Proc|Kernel.*|ControlGroups)|(ReadOnly|ReadWrite|Inaccessible|Exec|NoExec|Bind|BindReadOnly)Paths|TemporaryFileSystem|RootDirectory|RootImage|DynamicUser|ProcSubset|MountAPIVFS|MountFlags)=')
[ -z "$hidden" ] || fail "the mount would not be seen by others: $hidden"
if [ -n "${missing-}" ]; then
    echo "skipped: there is no $missing"
    exit 77
fi
