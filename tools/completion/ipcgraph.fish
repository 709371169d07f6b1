# ipcgraph.fish - completion of ipcgraph(1) in fish.

# The objects of the tree that was mounted last.
function __ipcgraph_objects
    set -l tree (findmnt -n -r -o TARGET -t fuse.ipcfs 2>/dev/null)[-1]; or return
    for kind in mq shm sem pipes
        for object in $tree/$kind/*/
            string match -rq '/(orphans|anon)/$' $object; or string replace -- $tree/ '' $object | string trim -r -c /
        end
    end
end

complete -c ipcgraph -s p -l pid -x -a '(__fish_complete_pids)' -d 'Only what is around this process'
complete -c ipcgraph -s O -l object -x -a '(__ipcgraph_objects)' -d 'Only what is around this object'
complete -c ipcgraph -s n -l depth -x -d 'How far around'
complete -c ipcgraph -s k -l kind -x -a 'mq shm sem pipes sockets' -d 'Only objects of this kind'
complete -c ipcgraph -s T -l type -x -a 'svg png dot' -d 'Svg, or by the name of the file'
complete -c ipcgraph -s o -l output -r -d 'Standard output if not given'
complete -c ipcgraph -l no-legend -d 'Without the legend'
complete -c ipcgraph -s h -l help -d 'Print the options'
complete -c ipcgraph -s V -l version -d 'Print the version'
