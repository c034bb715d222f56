#compdef angelia
# zsh completion for angelia
_angelia() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -n "${found[1]}" ]] && compadd -S '' -- "${found[@]}"
}
if [[ "${funcstack[1]}" == "_angelia" ]]; then
    _angelia "$@"
else
    compdef _angelia angelia
fi
