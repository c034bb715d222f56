# fish completion for angelia
function __angelia_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c angelia -f -a '(__angelia_complete)'
