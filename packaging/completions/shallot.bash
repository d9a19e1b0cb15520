# Completions of shallot(1) for bash. What there is to say the program says itself: see shallot help complete.

_shallot()
{
    local typed=${COMP_WORDS[COMP_CWORD]} value meaning
    [[ $typed == = ]] && typed= # bash ends words at "="

    COMPREPLY=()
    while IFS=$'\t' read -r value meaning; do
        case $value in
        :source) _shallot_files '.*\.(c|cc|cpp|cxx|C)$' -f ;;
        :program) _shallot_files -x -f ;;
        :folder) _shallot_files '' -d ;;
        :file) _shallot_files '' -f ;;
        :command) _shallot_files '' -c && _shallot_files '' -f ;;
        *) COMPREPLY+=("${value#--*=}") ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

# _shallot_files PATTERN WHAT: what compgen finds and PATTERN fits, or with "-x" what can be run or entered; bash quotes what has to be quoted.
_shallot_files()
{
    local found

    while IFS= read -r found; do
        if [[ $1 == -x ]]; then
            [[ -x $found ]] || continue
        elif [[ ! $found =~ $1 ]]; then
            continue
        fi
        COMPREPLY+=("$found")
    done < <(compgen "$2" -- "$typed")
    compopt -o filenames 2>/dev/null
}

complete -F _shallot shallot
