# fstab and mount(8): the lines that administrators write.  POSIX sh.
[ -x /usr/sbin/mount.fuse3 ] || [ -x /sbin/mount.fuse3 ] || { echo "skipped: there is no mount.fuse3"; exit 77; }
# mount.fuse3 looks for the program in its own PATH.
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin || fail "tmpfs"
cp "$IPCFS" /usr/local/bin/ipcfs
point=$T/point
mkdir "$point"
chmod 755 "$T"

# is_mounted OPTION... - with these options, and it answers.
is_mounted() {
    [ -d "$point/mq" ] || fail "the tree does not answer"
    options=$(findmnt -n -o OPTIONS -M "$point") || fail "it is not mounted"
    for option; do
        case ,$options, in
        *,"$option",*) ;;
        *) fail "it is mounted with $options, and not with $option" ;;
        esac
    done
}

# By hand, with words that other file systems take.
for options in defaults nofail,_netdev x-systemd.automount,x-foo=bar,X-mount.mkdir noauto,user rw,relatime,comment=hi \
    users,exec,suid,dev auto,owner,group,strictatime; do
    mount -t fuse.ipcfs ipcfs "$point" -o "$options" || fail "mount -o $options"
    is_mounted rw allow_other
    is fuse.ipcfs findmnt -n -o FSTYPE -M "$point"
    is ipcfs findmnt -n -o SOURCE -M "$point"
    umount "$point" || fail "umount"
done
# The command takes them all as well, whoever calls it; and never suid, dev, exec.
for options in defaults nofail _netdev x-systemd.automount X-mount.mkdir noauto auto user nouser users owner group comment=hi relatime \
    lazytime nonempty suid,dev,exec; do
    "$IPCFS" -o "$options" "$point" || fail "ipcfs -o $options"
    is_mounted nosuid nodev noexec
    umount "$point" || fail "umount"
done
"$IPCFS" -o ro,rw "$point" && is_mounted rw && umount "$point" || fail "-o ro,rw"
fails 'unknown option' mount -t fuse.ipcfs ipcfs "$point" -o nosuchoption
# A directory that is made.
mount -t fuse.ipcfs ipcfs "$T/new" -o X-mount.mkdir || fail "X-mount.mkdir"
[ -d "$T/new/mq" ] || fail "no tree in the directory that was made"
umount "$T/new" && rmdir "$T/new" || fail "umount"

# fstab.
cat >"$T/fstab" <<END
ipcfs $point fuse.ipcfs defaults,nofail,_netdev,x-systemd.requires=network.target,ro,private 0 0
END
mount -T "$T/fstab" "$point" || fail "mount by fstab"
is_mounted ro
fails 'Read-only' mkdir "$point/mq/jobs"
fails 'mounted there already' mount -T "$T/fstab" "$point"
mount -T "$T/fstab" -a || fail "mount -a of what is mounted"
is 1 grep -c " $point " /proc/self/mountinfo
fails 'cannot be remounted' mount -o remount,rw "$point"
umount "$point" || fail "umount"
mount -T "$T/fstab" -a || fail "mount -a"
is_mounted ro
umount "$point" || fail "umount"
sed -i 's/,ro,private/,noauto/' "$T/fstab"
mount -T "$T/fstab" -a || fail "mount -a with noauto"
mountpoint -q "$point" && fail "noauto was mounted"
# nofail: what is not there is no error; without it, it is.
echo "ipcfs $T/none fuse.ipcfs defaults 0 0" >"$T/fstab"
fails "mkdir -p $T/none" mount -T "$T/fstab" -a

# A user's own, by the word user.
as_user() { setpriv --reuid nobody --regid 65534 --clear-groups "$@"; }
if ! [ -u "$(command -v mount)" ] || ! [ -u "$(command -v fusermount3)" ] || ! [ -e /etc/fstab ]; then
    echo "skipped the part of plain users: mount and fusermount3 are not set-uid, or there is no /etc/fstab"
else
    mkdir "$T/own"
    chown nobody "$T/own"
    echo "ipcfs $T/own fuse.ipcfs user,noauto 0 0" >"$T/fstab"
    mount --bind "$T/fstab" /etc/fstab || fail "mount --bind"
    fuse_for_all
    as_user mount "$T/own" || fail "mount by a user"
    as_user ls "$T/own/mq" >/dev/null || fail "the user's tree does not answer"
    is 'user_id=65534' sh -c "findmnt -n -o OPTIONS -M $T/own | tr , '\n' | grep user_id"
    as_user umount "$T/own" || fail "umount by a user"
fi
