# ipcfs.bash - completion of ipcfs(8) in bash; loaded when it is first asked for.
# shellcheck shell=bash

# What stands before the cursor as one word, and how much of it readline takes for granted: it ends words
# at = and : as well.
_ipcfs_word() {
    local line=${COMP_LINE:0:COMP_POINT}

    word=${line##*[[:space:]]}
    kept=${COMP_WORDS[COMP_CWORD]}
    case $kept in
    [=:]*) kept=${kept#?} ;;
    esac
    kept=${word%"$kept"}
}

# _ipcfs_offer CANDIDATE...: those that begin with $word; no space behind what goes on.
_ipcfs_offer() {
    local candidate

    for candidate; do
        if [[ $candidate == "$word"* ]] && [[ $word != *= || $candidate != "$word" ]]; then
            COMPREPLY+=("${candidate#"$kept"}")
            case $candidate in
            *[=,/]) compopt -o nospace 2>/dev/null ;;
            esac
        fi
    done
}

_ipcfs_directories() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "${word#"$1"}")
}

_ipcfs_options() {
    local before=${word%"${word##*,}"} last=${word##*,} option

    case $last in
    run_dir=*)
        _ipcfs_directories "$before"run_dir=
        return
        ;;
    esac
    for option in ro private foreign no_passthrough run_dir= orphan_age= debug \
        {handles,waiting,memory,connections,closing,sockets,lookups,holds,pipes,events,locks,processes}_max=; do
        case ,$before in
        *,"$option"*) ;;
        *) _ipcfs_offer "$before$option" ;;
        esac
    done
}

_ipcfs() {
    local word kept previous
    local -a processes

    COMPREPLY=()
    _ipcfs_word
    case $word in
    -o?*)
        # -oOPTION, one word with its option.
        word=${word#-o} kept=${kept#-o}
        _ipcfs_options
        [ "$kept" ] || COMPREPLY=("${COMPREPLY[@]/#/-o}")
        return
        ;;
    --target=*)
        processes=(/proc/[0-9]*)
        _ipcfs_offer "${processes[@]/#\/proc\//--target=}"
        return
        ;;
    esac
    previous=${COMP_LINE:0:COMP_POINT}
    previous=${previous%"$word"}
    previous=${previous%"${previous##*[![:space:]]}"}
    previous=${previous##*[[:space:]]}
    case $previous in
    -o) _ipcfs_options ;;
    --target)
        processes=(/proc/[0-9]*)
        _ipcfs_offer "${processes[@]#/proc/}"
        ;;
    *)
        case $word in
        -*) _ipcfs_offer -f -d -h -V -o --help --version --check --target ;;
        *) _ipcfs_directories '' ;;
        esac
        ;;
    esac
} &&
    complete -F _ipcfs ipcfs
