# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash completion of usherd(8).
# Needs nothing but bash. The names of settings are those that the program itself prints.

_usherd_settings() {
    local line section=''
    while IFS= read -r line; do
        case $line in
            \[*\]) section=${line:1:-1} ;;
            [a-z]*' ='*) [[ ${line%% =*} == *[!a-z_]* ]] || printf '%s.%s=\n' "$section" "${line%% =*}" ;;
        esac
    done < <("$1" --print-config 2>/dev/null)
}

_usherd() {
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    # `--option=value`, which bash takes for three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $option == = ]] && ((COMP_CWORD > 2)); then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $option in
        --config | --key)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
            ;;
        --set)
            compopt -o nospace 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -W "$(_usherd_settings "$1")" -- "$cur")
            return
            ;;
        --listen | --room | --sub | --name | --ttl) return ;;
    esac
    if [[ ${COMP_WORDS[1]} == token && $COMP_CWORD -gt 1 ]]; then
        words='--room --sub --name --ttl --admin --key --config --set --help'
    else
        words='--config --listen --set --test-config --print-config --healthcheck --reload --version --help'
        [[ $COMP_CWORD -gt 1 ]] || words+=' token'
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _usherd usherd
