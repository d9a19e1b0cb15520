# Completions of shallot(1) for fish. What there is to say the program says itself: see shallot help complete.

function __shallot_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] complete $words[2..] "$typed" 2>/dev/null)
        switch $line
            case :source
                __fish_complete_suffix .c
                __fish_complete_suffix .cpp
            case :program :file
                __fish_complete_path "$typed"
            case :folder
                __fish_complete_directories "$typed" ''
            case :command
                __fish_complete_command
                __fish_complete_path "$typed"
            case '*'
                echo $line
        end
    end
end

complete -c shallot -f -a '(__shallot_complete)'
