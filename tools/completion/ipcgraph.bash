# ipcgraph.bash - completion of ipcgraph(1) in bash; loaded when it is first asked for.
# shellcheck shell=bash

# The objects of the tree that was mounted last.
_ipcgraph_objects() {
    local tree

    tree=$(findmnt -n -r -o TARGET -t fuse.ipcfs 2>/dev/null | tail -n 1)
    [ "$tree" ] && cd -- "$tree" && find mq shm sem pipes -mindepth 1 -maxdepth 1 -type d ! -name orphans ! -name anon 2>/dev/null
}

_ipcgraph() {
    local word=${COMP_WORDS[COMP_CWORD]} offered

    COMPREPLY=()
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -O | --object) offered=$(_ipcgraph_objects) ;;
    -p | --pid) offered=$(cd /proc && echo [0-9]*) ;;
    -k | --kind) offered='mq shm sem pipes sockets' ;;
    -T | --type) offered='svg png dot' ;;
    -n | --depth) return ;;
    *)
        if [[ $word != -* ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
        fi
        offered='--pid --object --depth --kind --type --output --no-legend --help --version'
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
} &&
    complete -F _ipcgraph ipcgraph
