#compdef snow
# Asks snow for completions. After a directory or a key no space follows.
_snow_complete() {
    local answer
    answer=$(_CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) SNOW_COMPLETE=zsh snow -- "${words[@]}" 2>/dev/null)
    [[ -n $answer ]] || return
    local -a directories=() keys=() others=()
    local candidate value
    for candidate in "${(@f)answer}"; do
        value=${candidate%%:*}
        case $value in
            */) directories+=("${value%/}${candidate#"$value"}") ;;
            *=) keys+=("$candidate") ;;
            *) others+=("$candidate") ;;
        esac
    done
    (( $#directories )) && _describe -V values directories -S / -r /
    (( $#keys )) && _describe -V values keys -S ''
    (( $#others )) && _describe -V values others
}
compdef _snow_complete snow
