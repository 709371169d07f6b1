# packages.sh - what building and testing needs, and its packages; sourced after common.sh.
# shellcheck shell=bash disable=SC2034
#
# A need is something that can be tried: a command, a library of pkg-config, a header, a module of Perl's or
# Python's, a sanitizer of gcc.  Only where one is missing is the package manager called.  A package of "-" means that the
# distribution has none; "+" stands between two.

# NEED                  Debian              Fedora              Arch                Alpine
build_needs='
cmd:gcc                 gcc                 gcc                 gcc                 gcc
header:stdlib.h         libc6-dev           glibc-devel         glibc               musl-dev
header:linux/fuse.h     linux-libc-dev      kernel-headers      linux-api-headers   linux-headers
cmd:python3             python3             python3             python              python3
cmd:meson               meson               meson               meson               meson
cmd:ninja               ninja-build         ninja-build         ninja               samurai
cmd:pkg-config          pkg-config          pkgconf-pkg-config  pkgconf             pkgconf
lib:fuse3               libfuse3-dev        fuse3-devel         fuse3               fuse3-dev
cmd:fusermount3         fuse3               fuse3               fuse3               fuse3
lib:libcap              libcap-dev          libcap-devel        libcap              libcap-dev
lib:libseccomp          libseccomp-dev      libseccomp-devel    libseccomp          libseccomp-dev
lib:jansson             libjansson-dev      jansson-devel       jansson             jansson-dev
lib:libmnl              libmnl-dev          libmnl-devel        libmnl              libmnl-dev
header:uthash.h         uthash-dev          uthash-devel        uthash              uthash-dev
lib:ncursesw            libncurses-dev      ncurses-devel       ncurses             ncurses-dev
cmd:ipcmk               util-linux          util-linux          util-linux          util-linux-misc
cmd:umount              mount               util-linux          util-linux          util-linux
'

check_needs='
cmd:clang               clang               clang               clang               clang
sanitizer:address       gcc                 libasan+libubsan    gcc                 -
lib:cmocka              libcmocka-dev       libcmocka-devel     cmocka              cmocka-dev
cmd:unshare             util-linux          util-linux          util-linux          util-linux-misc
cmd:ip                  iproute2            iproute             iproute2            iproute2
cmd:redis-check-rdb     redis-tools         valkey-compat-redis valkey              redis
cmd:nc                  netcat-openbsd      netcat              openbsd-netcat      netcat-openbsd
cmd:curl                curl                curl                curl                curl
cmd:hexdump             bsdextrautils       util-linux          util-linux          hexdump
cmd:cmp                 diffutils           diffutils           diffutils           diffutils
cmd:dash                dash                dash                dash                dash
cmd:jq                  jq                  jq                  jq                  jq
cmd:setpriv             util-linux          util-linux          util-linux          setpriv
cmd:dot                 graphviz            graphviz            graphviz            graphviz
cmd:gvpr                graphviz            graphviz            graphviz            graphviz
cmd:tmux                tmux                tmux                tmux                tmux
cmd:stress-ng           stress-ng           stress-ng           stress-ng           stress-ng
cmd:mandoc              mandoc              mandoc              mandoc              mandoc
cmd:gccgo               gccgo               gcc-go              gcc-go              gcc-go
py:prometheus_client    python3-prometheus-client python3-prometheus_client python-prometheus_client py3-prometheus-client
cmd:zsh                 zsh                 zsh                 zsh                 zsh
cmd:fish                fish                fish                fish                fish
cmd:mount.fuse3         fuse3               fuse3               fuse3               fuse3
cmd:systemd-analyze     systemd             systemd             systemd             -
cmd:shellcheck          shellcheck          ShellCheck          shellcheck          shellcheck
'

# What bench measures against, and tests compare with.
bench_needs='
cmd:lsof                lsof                lsof                lsof                lsof
cmd:lsipc               util-linux          util-linux          util-linux          util-linux-misc
cmd:ss                  iproute2            iproute             iproute2            iproute2
cmd:socat               socat               socat               socat               socat
cmd:strace              strace              strace              strace              strace
perl:IPC::SysV          perl                perl-IPC-SysV       perl                perl
'

# What builds the Debian package; no other distribution's.
package_needs='
cmd:g++                 build-essential     -                   -                   -
lib:ncursesw            libncurses-dev      -                   -                   -
cmd:dpkg-buildpackage   dpkg-dev            -                   -                   -
cmd:dh                  debhelper           -                   -                   -
cmd:dh_python3          dh-python           -                   -                   -
cmd:lintian             lintian             -                   -                   -
'

# What tools/analyse runs, and build_needs and check_needs have not.
analyse_needs='
cmd:cppcheck            cppcheck            cppcheck            cppcheck            cppcheck
cmd:clang-tidy          clang-tidy          clang-tools-extra   clang               clang-extra-tools
cmd:valgrind            valgrind            valgrind            valgrind            valgrind
sanitizer:thread        gcc                 libtsan             gcc                 -
'

need_is_met() {
    local what=${1#*:} trial status

    case $1 in
    cmd:*) command -v -- "$what" >/dev/null ;;
    lib:*) pkg-config --exists "$what" 2>/dev/null ;;
    perl:*) perl "-M$what" -e 1 2>/dev/null ;;
    py:*) /usr/bin/python3 -c "import $what" 2>/dev/null ;;
    header:*) printf '#include <%s>\n' "$what" | gcc -E -x c - >/dev/null 2>&1 ;;
    sanitizer:*)
        trial=$(mktemp) || return 1
        echo 'int main(void) { return 0; }' |
            gcc -fsanitize="$what,undefined" -x c - -o "$trial" 2>/dev/null
        status=$?
        rm -f -- "$trial"
        return $status
        ;;
    *) die "no such need: $1" ;;
    esac
}

# The table's column for this machine, and nothing where its package manager is not known.
package_column() {
    if command -v apt-get >/dev/null; then
        echo 2
    elif command -v dnf >/dev/null; then
        echo 3
    elif command -v pacman >/dev/null; then
        echo 4
    elif command -v apk >/dev/null; then
        echo 5
    fi
}

# missing_needs TABLE: those not met, a line each.
missing_needs() {
    local need rest

    while read -r need rest; do
        if [ -n "$need" ] && ! need_is_met "$need"; then
            echo "$need"
        fi
    done <<<"$1"
}

packages_of() {
    awk -v column="$1" -v needs="$2" '
        BEGIN { split(needs, list, "\n"); for (i in list) wanted[list[i]] = 1 }
        ($1 in wanted) && $column != "-" && !seen[$column]++ { gsub(/\+/, " ", $column); print $column }
    ' <<<"$3" | tr '\n' ' '
}

# package_manager COLUMN PACKAGE...
package_manager() {
    local column=$1

    shift
    case $column in
    2) apt-get update -qq && apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends "$@" ;;
    3) dnf install -q -y "$@" ;;
    4) pacman -Sy --noconfirm --needed "$@" ;;
    5) apk add -q "$@" ;;
    esac
}

# install_needs TABLE: installs what is missing, once more if that fails; what is missing then is for
# the caller to judge.  What the package manager says is shown where it fails.
install_needs() {
    local missing column log
    local -a packages

    missing=$(missing_needs "$1")
    [ -n "$missing" ] || return 0
    column=$(package_column)
    if [ -z "$column" ]; then
        complain "no package manager known here (apt-get, dnf, pacman, apk); missing: ${missing//$'\n'/ }"
        return 0
    fi
    read -r -a packages <<<"$(packages_of "$column" "$missing" "$1")"
    [ ${#packages[@]} -gt 0 ] || return 0
    say "Installing, which may take some minutes: ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp) || exit 1
    if ! package_manager "$column" "${packages[@]}" </dev/null >"$log" 2>&1 &&
        ! package_manager "$column" "${packages[@]}" </dev/null >"$log" 2>&1; then
        cat -- "$log" >&2
        complain "the package manager could not install: ${packages[*]}"
    fi
    rm -f -- "$log"
}

# require_needs TABLE: ends the program if some need is not met.
require_needs() {
    local missing

    missing=$(missing_needs "$1")
    [ -z "$missing" ] || die "these are needed and missing: ${missing//$'\n'/ }"
}
