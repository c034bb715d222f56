# bash completion for angelia
_angelia() {
    # bash splits words at colons and equal signs; join them again up to the cursor.
    local line=${COMP_LINE:0:COMP_POINT} words=() word
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local typed=${words[${#words[@]}-1]}
    local IFS=$'\n'
    COMPREPLY=($("${words[0]}" __complete "${words[@]:1}" 2>/dev/null))
    # readline replaces only what follows the last break character.
    local kept=""
    [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && kept=${typed%"${typed##*:}"}
    [[ $COMP_WORDBREAKS == *=* && $typed == *=* ]] && kept=${typed%"${typed##*=}"}
    local i
    for i in "${!COMPREPLY[@]}"; do
        word=${COMPREPLY[i]}
        COMPREPLY[i]=${word#"$kept"}
    done
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *. ]] && compopt -o nospace
    return 0
}
complete -F _angelia angelia
