# mkdir.bash - completion of mkdir in an ipcfs: the attributes after an object's comma.  Read by every interactive
# bash, because mkdir has a completion already, which does all else.
# shellcheck shell=bash

# _ipcfs_attributes DIRECTORY NAME: those that mkdir takes there, a line each; status 1 where there is no ipcfs.
_ipcfs_attributes() {
    local point type directory

    directory=$(cd -- "${1:-.}" 2>/dev/null && pwd -P) || return 1
    read -r point type < <(findmnt -n -r -o TARGET,FSTYPE -T "$directory" 2>/dev/null)
    [ "$type" = fuse.ipcfs ] || return 1
    case ${directory#"$point"}/$2 in
    /shm/*) echo size= ;;
    /sem/0[xX]*) printf '%s\n' value= nsems= ;;
    /sem/*) echo value= ;;
    /mq/0[xX]*) echo qbytes= ;;
    /mq/*) printf '%s\n' maxmsg= msgsize= ;;
    /pipes/*) printf '%s\n' keep=1 capacity= ;;
    /sockets/tcp/*) printf '%s\n' backlog= reuseport=1 ;;
    /sockets/udp/*) echo reuseport=1 ;;
    /sockets/unix/*) printf '%s\n' type=stream type=dgram type=seqpacket backlog= ;;
    esac
}

_ipcfs_mkdir() {
    local word=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} before directory name attribute attributes

    word=${word##*[[:space:]]}
    name=${word##*/}
    directory=${word%"$name"}
    if [[ $name != *,* ]] || ! attributes=$(_ipcfs_attributes "$directory" "$name"); then
        if [ "$_ipcfs_mkdir_before" ]; then
            "$_ipcfs_mkdir_before" "$@"
        else
            compopt -o filenames -o default 2>/dev/null
        fi
        return
    fi
    COMPREPLY=()
    before=${word%"${word##*,}"}
    # readline ends words at = and : too, and puts what is offered in the place of the last.
    case $current in
    [=:]*) current=${current#?} ;;
    esac
    while read -r attribute; do
        case ,${before#*,} in
        *,"${attribute%%=*}"=*) continue ;;
        esac
        [[ $before$attribute == "$word"* ]] || continue
        attribute=$before$attribute
        COMPREPLY+=("${attribute#"${word%"$current"}"}")
        [[ $attribute == *= ]] && compopt -o nospace 2>/dev/null
    done <<<"$attributes"
}

# What completed mkdir before goes on doing so.
case $(complete -p mkdir 2>/dev/null) in
*'-F _ipcfs_mkdir '*) ;;
*'-F '*)
    _ipcfs_mkdir_before=$(complete -p mkdir)
    _ipcfs_mkdir_before=${_ipcfs_mkdir_before#*-F }
    _ipcfs_mkdir_before=${_ipcfs_mkdir_before%% *}
    complete -F _ipcfs_mkdir mkdir
    ;;
*)
    _ipcfs_mkdir_before=
    complete -F _ipcfs_mkdir mkdir
    ;;
esac
