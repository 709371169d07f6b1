# ipctop.bash - completion of ipctop(1) in bash; loaded when it is first asked for.
# shellcheck shell=bash

_ipctop() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} offered=

    COMPREPLY=()
    case $previous in
    -k | --kind) offered='mq shm sem pipes sockets all' ;;
    -u | --user)
        mapfile -t COMPREPLY < <(compgen -u -- "$word")
        return
        ;;
    -s | --sort) offered='KIND NAME FAMILY STATE USER PERMS FULL MSGS BYTES ROOM SIZE NATTCH RECVQ SENDQ WAIT HOLD IDLE LOCAL REMOTE WHO' ;;
    -d | --delay | -n | --iterations | -f | --filter) return ;;
    *)
        case $word in
        -*) offered='--batch --delay --iterations --kind --user --filter --active --sort --reverse --help --version' ;;
        *) offered=$(findmnt -n -r -o TARGET -t fuse.ipcfs 2>/dev/null) ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
} &&
    complete -F _ipctop ipctop
