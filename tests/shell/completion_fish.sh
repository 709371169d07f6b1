# Completion in fish, by its own completer.  POSIX sh.
command -v fish >/dev/null || { echo "skipped: there is no fish"; exit 77; }
mkdir "$T/home" "$T/point"
HOME=$T/home
export HOME

# offers LINE EXPECTED - the candidates without their descriptions, sorted.
offers() {
    got=$(fish --no-config -c 'source $argv[2]/ipcfs.fish; source $argv[2]/mkdir.fish; complete -C $argv[1]' \
        "$1" "$HERE/../../tools/completion" | cut -f 1 | LC_ALL=C sort | tr '\n' ' ')
    [ "${got% }" = "$2" ] || fail "'$1': expected '$2', got '${got% }'"
}

offers 'ipcfs --' '--check --help --target --version'
offers 'ipcfs -o r' 'ro run_dir='
offers 'ipcfs -o ro,pri' 'ro,private'
offers "ipcfs $T/po" "$T/point/"
offers 'mkdir mq/jobs,' 'mq/jobs,maxmsg= mq/jobs,msgsize='
offers 'mkdir mq/jobs,maxmsg=5,' 'mq/jobs,maxmsg=5,msgsize='
offers 'mkdir sem/0x4d2,' 'sem/0x4d2,nsems= sem/0x4d2,value='
offers 'mkdir sockets/unix/x,type=s' 'sockets/unix/x,type=seqpacket sockets/unix/x,type=stream'
offers "mkdir $T/point,m" ''
offers "mkdir $T/po" "$T/point/"
