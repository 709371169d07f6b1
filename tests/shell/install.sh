# What `meson install` puts where: compared with a list, so that nothing is forgotten or comes along unseen.  POSIX sh.
# MESON, BUILD and PREFIX come from meson.build.
$MESON install -C "$BUILD" --no-rebuild --destdir "$T/root" >"$T/said" 2>&1 || fail "meson install: $(cat "$T/said")"
# Below the prefix; the system's configuration may be outside.
(cd "$T/root" && find . ! -type d -printf '%m %p\n') |
    sed -e "s, \.$PREFIX/, ," -e 's, \./etc/, etc/,' | LC_ALL=C sort -k 2 >"$T/installed"
cp "$HERE/installed.list" "$T/list"
# Without ncursesw there is none.
[ -e "$BUILD/tools/ipctop/ipctop" ] || sed -i '/ bin\/ipctop$/d' "$T/list"
diff -u "$T/list" "$T/installed" || fail "another list than tests/shell/installed.list"

# What is said in them of where things are is so.
unit=$(find "$T/root" -name ipcfs.service)
program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
[ -x "$T/root$program" ] || fail "the unit starts $program"
is "$("$IPCFS" --version)" "$T/root$program" --version
