# shellcheck shell=bash source=/dev/null
# Completion in bash: what the functions offer, called as readline calls them, in a tree.
COMPLETION=$HERE/../../tools/completion

# offers LINE EXPECTED - the candidates for the end of the line, sorted, blanks between.
offers() {
    local line=$1 rest=$1 function got
    local -a COMP_WORDS=()
    local COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD

    # Words as readline makes them: = and : are words of their own.
    while [[ $rest =~ ^[[:space:]]*([=:]+|[^=:[:space:]]+)(.*)$ ]]; do
        COMP_WORDS+=("${BASH_REMATCH[1]}")
        rest=${BASH_REMATCH[2]}
    done
    [[ $line != *[[:space:]] ]] || COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    function=$(complete -p "${COMP_WORDS[0]}") || fail "nothing completes ${COMP_WORDS[0]}"
    [[ $function == *'-F '* ]] || fail "no function completes ${COMP_WORDS[0]}: $function"
    function=${function#*-F }
    COMPREPLY=()
    # shellcheck disable=SC2086
    "${function%% *}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]-}"
    got=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' ')
    [ "${got% }" = "$2" ] || fail "'$line': expected '$2', got '${got% }'"
}

. "$COMPLETION/ipcfs.bash" || exit 1
offers 'ipcfs -' '--check --help --target --version -V -d -f -h -o'
offers 'ipcfs --c' '--check'
offers 'ipcfs -o r' 'ro run_dir='
offers 'ipcfs -o ro,' 'ro,closing_max= ro,connections_max= ro,debug ro,events_max= ro,foreign ro,handles_max= ro,holds_max= ro,locks_max= ro,lookups_max= ro,memory_max= ro,no_passthrough ro,orphan_age= ro,pipes_max= ro,private ro,processes_max= ro,run_dir= ro,sockets_max= ro,waiting_max='
offers 'ipcfs -o ro,orphan_age=5,pri' '5,private'
offers 'ipcfs -opri' '-oprivate'
offers "ipcfs --target $$" "$(cd /proc && echo $$*)"
offers "ipcfs --target=$$" "$(cd /proc && echo $$*)"
mkdir "$T/point" "$T/place" "$T/place two"
: >"$T/pfile"
offers "ipcfs $T/po" "$T/point"
offers "ipcfs -f -o ro $T/pl" "$T/place $T/place two"
offers "ipcfs -o run_dir=$T/po" "$T/point"

# Every option of the manual is known.
while read -r option; do
    offers "ipcfs -o ${option%=}" "$option"
done < <(sed -n '/^\.It Fl o Ar option/,/^\.El/s/^\.It Cm \([a-z_]*\)\( Ns \(=\)\)\{0,1\}.*/\1\3/p' "$HERE/../../docs/ipcfs.8")

# mkdir: what completed it before does so still, but for attributes in a tree.
before() { COMPREPLY=(before); }
complete -F before mkdir
. "$COMPLETION/mkdir.bash" || exit 1
. "$COMPLETION/mkdir.bash" || exit 1
offers 'mkdir mq/jo' before
offers "mkdir $T/point,m" before
offers 'mkdir none/jobs,' before
offers 'mkdir mq/jobs,' 'mq/jobs,maxmsg= mq/jobs,msgsize='
offers 'mkdir mq/jobs,ma' 'mq/jobs,maxmsg='
offers 'mkdir -p mq/jobs,maxmsg=5,' '5,msgsize='
offers 'mkdir mq/0x4d2,' 'mq/0x4d2,qbytes='
offers 'mkdir sem/lock,' 'sem/lock,value='
offers 'mkdir sem/0x4d2,nsems=3,v' '3,value='
offers 'mkdir shm/ring,' 'shm/ring,size='
offers 'mkdir pipes/log,keep=1,' '1,capacity='
offers 'mkdir sockets/tcp/127.0.0.1:80,b' '80,backlog='
offers 'mkdir sockets/udp/localhost:80,' '80,reuseport=1'
offers 'mkdir sockets/unix/x,type=s' 'seqpacket stream'
offers 'mkdir /mnt/mq/jobs,' '/mnt/mq/jobs,maxmsg= /mnt/mq/jobs,msgsize='
cd mq && offers 'mkdir jobs,ms' 'jobs,msgsize=' && cd .. || exit 1
# All of these can be made; and no other attribute is in the tables.
mkdir mq/a,maxmsg=1,msgsize=64 mq/0x1,qbytes=64 sem/a,value=1 sem/0x1,value=1:2,nsems=2 shm/a,size=1 pipes/a,keep=1,capacity=4096 \
    sockets/tcp/127.0.0.1:7009,backlog=5,reuseport=1 sockets/udp/127.0.0.1:7009,reuseport=1 sockets/unix/a,type=stream,backlog=1 ||
    fail "an attribute that is offered is none"
rmdir mq/a mq/0x1 sem/a sem/0x1 shm/a pipes/a sockets/tcp/127.0.0.1:7009 sockets/udp/127.0.0.1:7009 sockets/unix/a
known=$(sed -n '/^static const struct attribute /,/^}/s/^\t{"\([a-z]*\)",.*/\1/p' "$HERE"/../../backends/*/*.c | grep -vx from | sort -u)
[ "$(echo "$known" | wc -l)" -ge 9 ] || fail "the tables of attributes: $known"
for shell in mkdir.bash mkdir.fish _ipcfs_mkdir; do
    for attribute in $known; do
        grep -q "\b$attribute=" "$COMPLETION/$shell" || fail "$shell does not know the attribute $attribute"
    done
done
# In a shell whose mkdir nothing completes, files are offered as always.
complete -r mkdir
. "$COMPLETION/mkdir.bash" || exit 1
offers 'mkdir mq/jo' ''
offers 'mkdir mq/jobs,ms' 'mq/jobs,msgsize='

# With the completions that distributions have, which wrap themselves around theirs.
if [ -r /usr/share/bash-completion/bash_completion ]; then
    set +u
    . /usr/share/bash-completion/bash_completion
    . "$COMPLETION/mkdir.bash" || exit 1
    mkdir "$T/words"
    offers "mkdir $T/wo" "$T/words"
    offers 'mkdir mq/jobs,ms' 'mq/jobs,msgsize='
fi
