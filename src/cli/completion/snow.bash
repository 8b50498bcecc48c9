# shellcheck shell=bash
# Asks snow for completions. Bash takes words apart at "="; here they are whole, up to
# the cursor, and bash gets the part of an answer that follows the last "=".
_snow_complete() {
    local IFS=$'\013' _CLAP_COMPLETE_SPACE=true
    if compopt +o nospace 2>/dev/null; then
        _CLAP_COMPLETE_SPACE=false
    fi
    local words=() word before='' last=-1 i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD && BASH_VERSINFO[0] >= 4)) && [[ $word != '=' ]]; then
            word=$2
        fi
        if ((last >= 0)) && [[ $word == '=' ]]; then
            words[last]+='='
            before=${words[last]}
        elif ((last >= 0)) && [[ ${COMP_WORDS[i - 1]} == '=' && $word == [!-]* ]]; then
            before=${words[last]}
            words[last]+=$word
        else
            before=''
            words[++last]=$word
        fi
    done
    # shellcheck disable=SC2207 # the separator is no space
    if ! COMPREPLY=($(
        _CLAP_IFS=$IFS _CLAP_COMPLETE_INDEX=$last SNOW_COMPLETE=bash snow -- "${words[@]}"
    )); then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    if [[ $_CLAP_COMPLETE_SPACE == false && ${COMPREPLY[0]-} == *[=/:] ]]; then
        compopt -o nospace
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || (${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4) ]]; then
    complete -o nospace -o bashdefault -o nosort -F _snow_complete snow
else
    complete -o nospace -o bashdefault -F _snow_complete snow
fi
