# mkdir.fish - completion of mkdir in an ipcfs in fish: the attributes after an object's comma.

function __ipcfs_attributes
    set -l word (commandline -ct)
    set -l name (string replace -r '.*/' '' -- $word)
    string match -q -- '*,*' $name; or return
    set -l directory (string sub -l (math (string length -- $word) - (string length -- $name)) -- $word)
    test -n "$directory"; or set directory .
    set directory (realpath -- $directory 2>/dev/null); or return
    set -l found (findmnt -n -r -o FSTYPE,TARGET -T $directory 2>/dev/null | string split ' ')
    test "$found[1]" = fuse.ipcfs; or return
    set -l attributes
    switch (string replace -- $found[2] '' $directory)/$name
        case '/shm/*'
            set attributes size=
        case '/sem/0x*' '/sem/0X*'
            set attributes value= nsems=
        case '/sem/*'
            set attributes value=
        case '/mq/0x*' '/mq/0X*'
            set attributes qbytes=
        case '/mq/*'
            set attributes maxmsg= msgsize=
        case '/pipes/*'
            set attributes keep=1 capacity=
        case '/sockets/tcp/*'
            set attributes backlog= reuseport=1
        case '/sockets/udp/*'
            set attributes reuseport=1
        case '/sockets/unix/*'
            set attributes type=stream type=dgram type=seqpacket backlog=
    end
    set -l before (string replace -r '[^,]*$' '' -- $word)
    for attribute in $attributes
        set -l key (string replace -r '=.*' '=' -- $attribute)
        string match -q -- "*,$key*" $before; or echo $before$attribute
    end
end

complete -c mkdir -f -n 'string match -q -- "*,*" (commandline -ct)' -a '(__ipcfs_attributes)'
