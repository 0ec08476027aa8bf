# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bash completion of usher(1).
# Needs nothing but bash. Rooms are those whose owner tokens are kept in the state directory: nobody is asked over the
# network while somebody types.

# The words before the cursor, with what bash cuts at = and : put together again; the one at the cursor is $cur.
_usher_words() {
    local i
    words=() cur=''
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == [=:]* || (i -gt 1 && ${COMP_WORDS[i - 1]} == [=:]*) ]] && ((${#words[@]})); then
            words[-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
        fi
    done
    ((${#words[@]})) || return
    cur=${words[-1]}
    unset 'words[-1]'
}

# The state directory that --state names, or the usual one.
_usher_state() {
    local i state=${XDG_STATE_HOME:-$HOME/.local/state}/usher
    for ((i = 0; i < ${#words[@]}; i++)); do
        case ${words[i]} in
            --state) state=${words[i + 1]-} ;;
            --state=*) state=${words[i]#*=} ;;
        esac
    done
    printf '%s\n' "${state/#\~/$HOME}"
}

_usher_rooms() {
    local room token file
    file=$(_usher_state)/rooms
    [[ -r $file ]] || return
    # compgen -W would expand what looks like the shell's.
    while read -r _ room token; do
        [[ -z $token || ! $room =~ ^[A-Za-z0-9_-]+$ ]] || printf '%s\n' "$room"
    done <"$file"
}

# Names that are known: each line of the file is an id and the name as JSON has it; those with escapes are left out.
_usher_people() {
    local line file
    file=$(_usher_state)/known
    [[ -r $file ]] || return
    while read -r line; do
        [[ ! $line =~ ^[a-z2-7]+\ \"([^\"\\]+)\"$ ]] || printf '%s\n' "${BASH_REMATCH[1]}"
    done <"$file"
}

# What is behind `--option=` takes the place of the whole word only where = breaks words; else it needs the option, too.
_usher_reply() {
    local prefix=''
    [[ $cur != --*=* || $COMP_WORDBREAKS == *=* ]] || prefix=${cur%%=*}=
    mapfile -t COMPREPLY < <(compgen -P "$prefix" "$@" -- "$value")
}

# Lines that begin as what is typed does, as the shell would have them typed.
_usher_names() {
    local name
    while IFS= read -r name; do
        [[ -z $name || $name != "${value//\\/}"* ]] || COMPREPLY+=("$(printf '%q' "$name")")
    done <<<"$1"
}

_usher() {
    local cur words i value option='' command='' sub='' behind=0
    local options='--server --name --state --password --token --ice-address --relay-only --help --version'
    COMPREPLY=()
    _usher_words
    value=$cur
    for ((i = 0; i < ${#words[@]}; i++)); do
        option=''
        case ${words[i]} in
            --server | --name | --state | --password | --token | --ice-address | --max-peers | --owner-token | \
                --room | --to | --code | --dir)
                option=${words[i]}
                i=$((i + 1))
                ;;
            -*) ;;
            *)
                behind=$((behind + 1))
                if [[ -z $command ]]; then command=${words[i]}; elif [[ -z $sub ]]; then sub=${words[i]}; fi
                ;;
        esac
    done
    # The value of the option before, if it has none yet: then the loop went over the end.
    ((i > ${#words[@]})) || option=''
    [[ $cur != --*=* ]] || { option=${cur%%=*} value=${cur#*=}; }

    case $option in
        --state | --dir)
            compopt -o filenames -o nospace 2>/dev/null
            _usher_reply -d
            return
            ;;
        --room)
            _usher_reply -W "$(_usher_rooms)"
            return
            ;;
        --to)
            _usher_names "$(_usher_people)"
            return
            ;;
        ?*) return ;;
    esac
    case $cur in
        -*)
            [[ $command != send ]] || options+=' --room --to --code --new-code --json'
            [[ $command != receive ]] || options+=' --room --dir --once --json'
            [[ $command != rooms || ${sub:-list} != list ]] || options+=' --json'
            [[ $command != rooms || $sub != create ]] || options+=' --max-peers --listed --unlisted --json'
            [[ $command != rooms || $sub != delete ]] || options+=' --owner-token'
            _usher_reply -W "$options"
            return
            ;;
    esac
    case $behind:$command:$sub in
        0:*) _usher_reply -W 'chat send receive pipe rooms exercise id' ;;
        *:send:*)
            compopt -o filenames 2>/dev/null
            _usher_reply -f
            ;;
        1:rooms:*) _usher_reply -W 'list create delete' ;;
        1:chat:* | 1:pipe:* | 2:rooms:delete) _usher_reply -W "$(_usher_rooms)" ;;
    esac
}

complete -F _usher usher
