# worker.sh ROLE WRITER NUMBER DIRECTORY - a worker as a shell script; POSIX sh.
#
# What it does is in DIRECTORY/log.WRITER, a line before and a line after each operation, each one write(2), so
# that whoever reads it later knows what was done, and of the last operation of a worker that was killed that it
# is not known.  's N' means to send message N, 'S' has; 'r' means to receive, 'R TEXT' has; 'x STATUS WORDS' has
# failed; '! WORDS' must not happen.
role=$1 writer=$2 turn=$3 directory=$4
tree=/mnt
n=0
exec 8>>"$directory/log.$writer"

# failed STATUS: of what came before, with the first line that it said.
failed() {
    read -r words <"$directory/said.$writer"
    echo "x $1 $words" >&8
    # The mount may just not be there.
    [ -e $tree/README ] || sleep 0.05
}

# Three ways to send.
send() {
    echo "s $n" >&8
    text="$writer $n $(((writer * 31 + n * 17 + 7) % 99991))"
    if case $role.$((n % 2)) in
        pipe.*) echo "$text" >$tree/pipes/log/data ;;
        *.0) echo "$text" >"$queue/lines" ;;
        *.1) printf %s "$text" >"$queue/data" ;;
        esac 2>"$directory/said.$writer"; then
        echo S >&8
    else
        failed $?
    fi
    n=$((n + 1))
    [ $n -lt 65536 ] || exit 0
}

receive() {
    echo r >&8
    # A message has no newline at its end, however it was sent.
    if message=$(cat "$queue/data" 2>"$directory/said.$writer"); then
        echo "R $message" >&8
    else
        failed $?
    fi
}

# in_section N: nobody else is in it.
in_section() {
    echo $$ >"$directory/in.$1"
    :
    read -r who <"$directory/in.$1"
    [ -e "$directory/daemon-dies" ] || [ "$who" = $$ ] || echo "! in section $1 of $$ is $who" >&8
}

lock() {
    n=$((n + 1))
    case $(((n + turn) % 4)) in
    0) command exec 7>$tree/sem/0x60/hold && in_section 0 && exec 7>&- ;;
    1) command exec 7>$tree/sem/lock/hold && in_section 1 && exec 7>&- ;;
    2) command exec 7>$tree/sem/0x60/op && echo Pu >&7 && in_section 0 && echo Vu >&7 && exec 7>&- ;;
    3) command exec 7>$tree/sem/0x61/op && echo '0:-1u 1:-1u 2:-1u' >&7 && exec 7>&- ;;
    esac 2>/dev/null || exec 7>&-
}

talk() {
    n=$((n + 1))
    answer=
    if command exec 7<>$tree/sockets/tcp/connect/127.0.0.1:7000; then
        echo "$writer $n" >&7 && read -r answer <&7
        exec 7>&-
    fi 2>/dev/null
    [ -z "$answer" ] || [ "$answer" = "$writer $n" ] || echo "! told '$answer' in answer to $writer $n" >&8
}

case $((turn % 2)) in
0) queue=$tree/mq/jobs ;;
1) queue=$tree/mq/0x50 ;;
esac
while :; do
    case $role in
    sender | pipe) send ;;
    receiver) receive ;;
    locker) lock ;;
    talker) talk ;;
    esac
done
