# common.sh - what the programs of tools/ share; they source it.
# shellcheck shell=bash disable=SC2034

# The checkout, wherever the program is called from.
unset CDPATH
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P) || exit 1

say() {
    printf '%s\n' "$*"
}

complain() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
    complain "$@"
    exit 1
}

# What a shell, a user or a CI has in the environment must not change what is built or tested.
clean_environment() {
    local variable

    for variable in CC CXX CPP CFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH LIBRARY_PATH DESTDIR \
        MAKEFLAGS NINJA_STATUS MESON_TESTTHREADS MESON_TEST_ARGS ASAN_OPTIONS UBSAN_OPTIONS \
        LSAN_OPTIONS LD_PRELOAD LD_LIBRARY_PATH BASH_ENV ENV POSIXLY_CORRECT GREP_OPTIONS; do
        unset "$variable"
    done
    [ -d "${TMPDIR:-/tmp}" ] || unset TMPDIR
    [ -d "${HOME:-}" ] || export HOME=/
    # Distribution's own programs first: libraries and Python modules are installed for those.
    export PATH="/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}"
    export LC_ALL=C.UTF-8 CCACHE_DISABLE=1 PYTHONDONTWRITEBYTECODE=1
    umask 022
    ulimit -S -c 0
}

# need_root WHY
need_root() {
    [ "$(id -u)" -eq 0 ] || die "$1 Run it as root: sudo $0"
}

# What sudo made in the user's checkout is the user's.
give_back() {
    if [ -n "${SUDO_UID:-}" ] && [ -e "$1" ]; then
        chown -Rh -- "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$1"
    fi
}

# copy_source DIRECTORY: a new directory with the files of the checkout as they are now; a release has no .git, and
# nothing but what belongs to it.
copy_source() {
    mkdir -- "$1" || return
    if [ -e "$root/.git" ]; then
        git -c safe.directory="$root" -C "$root" ls-files -z --cached --others --exclude-standard
    else
        (cd -- "$root" && find . -path './build*' -prune -o -type f -print0)
    fi | tar -C "$root" --null --files-from=- --create --file=- | tar -C "$1" --extract --file=-
}

# build_release DIRECTORY: the programs as they are installed; says nothing unless that fails.
build_release() {
    local log

    log=$(mktemp) || exit 1
    if { [ -e "$1/build.ninja" ] ||
        CC=gcc meson setup --buildtype=release -Dtests=disabled "$1" "$root"; } >"$log" 2>&1 &&
        meson compile -C "$1" >>"$log" 2>&1; then
        rm -f -- "$log"
        give_back "$1"
        return 0
    fi
    cat -- "$log" >&2
    rm -f -- "$log"
    give_back "$1"
    die "the build in $1 failed; if an older build is in the way, remove that directory"
}
