# ipcfs.fish - completion of ipcfs(8) in fish.

function __ipcfs_options
    set -l word (commandline -ct)
    set -l before (string replace -r '^-o' '' -- $word | string replace -r '[^,]*$' '')
    for option in ro\t'look, touch nothing' private\t'of root: serve root alone' \
            no_passthrough\t'memory is read and written, not mapped shared' \
            run_dir=\t'where named pipes live' orphan_age=\t'seconds until unused memory is in shm/orphans' \
            foreign\t'serve callers in other namespaces' \
            handles_max=\t'of one user: files and directories open' \
            waiting_max=\t'of one user: operations that wait and lines without an end' \
            memory_max=\t'of one user: bytes kept for them' \
            connections_max=\t'of one user: connections' \
            closing_max=\t'of one user: connections that wait for the end of their peer' \
            sockets_max=\t'of one user: sockets made by mkdir' \
            lookups_max=\t'of one user: names being looked up' \
            holds_max=\t'of one user: semaphores held' \
            pipes_max=\t'of one user: pipes kept' \
            events_max=\t'of one user: files of events open' \
            locks_max=\t'of one user: descriptors that lock memory' \
            processes_max=\t'of one user: processes that make queues, or lock' \
            debug\t'print every request'
        set -l name (string split \t -- $option)[1]
        string match -q -- "*,$name*" ",$before"; or echo $before$option
    end
end

complete -c ipcfs -f -a '(__fish_complete_directories)'
complete -c ipcfs -s f -d 'Stay in the foreground'
complete -c ipcfs -s d -d 'Print every request, in the foreground'
complete -c ipcfs -s h -l help -d 'Print the options'
complete -c ipcfs -s V -l version -d 'Print the version'
complete -c ipcfs -l check -d 'Say what this machine has and lacks'
complete -c ipcfs -l target -x -a '(__fish_complete_pids)' -d 'The objects of the namespaces of a process'
complete -c ipcfs -s o -x -a '(__ipcfs_options)' -d 'Options'
