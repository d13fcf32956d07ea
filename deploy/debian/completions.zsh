#compdef lobbyd

autoload -U is-at-least

_lobbyd() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--since=[]:AGE:_default' \
'--check-config[Check all settings, print them, and exit]' \
'--force[]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_lobbyd_commands" \
"*::: :->lobbyd" \
&& ret=0
    case $state in
    (lobbyd)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-command-$line[1]:"
        case $line[1] in
            (gen-cert)
_arguments "${_arguments_options[@]}" : \
'--force[Overwrite files that are there]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':FILE -- The copy, which must not exist yet:_files' \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':FILE -- The copy; the server must be stopped:_files' \
&& ret=0
;;
(check-data)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--since=[Only messages up to this old\: 30m, 12h, 7d, 2w]:AGE:_default' \
'-h[Print help]' \
'--help[Print help]' \
':LOBBY -- The lobby, of a running server too:_default' \
&& ret=0
;;
(passwd)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':NAME -- The account; its password is read from standard input:_default' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':SHELL -- The shell:(bash zsh fish)' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_lobbyd__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-help-command-$line[1]:"
        case $line[1] in
            (gen-cert)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(restore)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check-data)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(passwd)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_lobbyd_commands] )) ||
_lobbyd_commands() {
    local commands; commands=(
'gen-cert:Write a self-signed certificate and its key' \
'backup:Copy the database, of a running server too' \
'restore:Put a copy in place of the database, which is kept' \
'check-data:Verify the database' \
'export:Print the messages of a lobby as JSON, one a line' \
'passwd:Make an account, or set its password' \
'completions:Print what completes these arguments in a shell' \
'man:Print the manual page lobbyd(1)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__backup_commands] )) ||
_lobbyd__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd backup commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__check-data_commands] )) ||
_lobbyd__subcmd__check-data_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd check-data commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__completions_commands] )) ||
_lobbyd__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd completions commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__export_commands] )) ||
_lobbyd__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd export commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__gen-cert_commands] )) ||
_lobbyd__subcmd__gen-cert_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd gen-cert commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help_commands] )) ||
_lobbyd__subcmd__help_commands() {
    local commands; commands=(
'gen-cert:Write a self-signed certificate and its key' \
'backup:Copy the database, of a running server too' \
'restore:Put a copy in place of the database, which is kept' \
'check-data:Verify the database' \
'export:Print the messages of a lobby as JSON, one a line' \
'passwd:Make an account, or set its password' \
'completions:Print what completes these arguments in a shell' \
'man:Print the manual page lobbyd(1)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__backup_commands] )) ||
_lobbyd__subcmd__help__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help backup commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__check-data_commands] )) ||
_lobbyd__subcmd__help__subcmd__check-data_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help check-data commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__completions_commands] )) ||
_lobbyd__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help completions commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__export_commands] )) ||
_lobbyd__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help export commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__gen-cert_commands] )) ||
_lobbyd__subcmd__help__subcmd__gen-cert_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help gen-cert commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__help_commands] )) ||
_lobbyd__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__man_commands] )) ||
_lobbyd__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help man commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__passwd_commands] )) ||
_lobbyd__subcmd__help__subcmd__passwd_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help passwd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__restore_commands] )) ||
_lobbyd__subcmd__help__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help restore commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__man_commands] )) ||
_lobbyd__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd man commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__passwd_commands] )) ||
_lobbyd__subcmd__passwd_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd passwd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__restore_commands] )) ||
_lobbyd__subcmd__restore_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd restore commands' commands "$@"
}

if [ "$funcstack[1]" = "_lobbyd" ]; then
    _lobbyd "$@"
else
    compdef _lobbyd lobbyd
fi
