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
(cluster)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
":: :_lobbyd__subcmd__cluster_commands" \
"*::: :->cluster" \
&& ret=0

    case $state in
    (cluster)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-cluster-command-$line[1]:"
        case $line[1] in
            (refound)
_arguments "${_arguments_options[@]}" : \
'--yes[Do not ask]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_lobbyd__subcmd__cluster__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-cluster-help-command-$line[1]:"
        case $line[1] in
            (refound)
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
;;
(ctl)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_lobbyd__subcmd__ctl_commands" \
"*::: :->ctl" \
&& ret=0

    case $state in
    (ctl)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-ctl-command-$line[1]:"
        case $line[1] in
            (status)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(users)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(lobbies)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(nodes)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(kick)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
':NAME -- The user:_default' \
'*::REASON -- Why, which they are told:_default' \
&& ret=0
;;
(gban)
_arguments "${_arguments_options[@]}" : \
'-1[Only this guest, and not all guests of their address]' \
'--alone[Only this guest, and not all guests of their address]' \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
':NAME -- The user, or a guest who left within the hour:_default' \
'::TIME -- For how long\: 30s, 10m, 2h30m, 7d, 2w; else for good:_default' \
'*::REASON -- Why, which they are told:_default' \
&& ret=0
;;
(bans)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(ungban)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
':NAME -- The name that was banned:_default' \
&& ret=0
;;
(announce)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
'*::TEXT -- What:_default' \
&& ret=0
;;
(reload)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(drain)
_arguments "${_arguments_options[@]}" : \
'--deadline=[Stop after this long whoever is left (10m)]:TIME:_default' \
'(--deadline)--cancel[Take new connections again]' \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
':FILE -- The copy, which must not exist yet:_files' \
&& ret=0
;;
(passwd)
_arguments "${_arguments_options[@]}" : \
'--json[Print the answer as JSON]' \
'-h[Print help]' \
'--help[Print help]' \
':NAME -- The account; its password is read from standard input:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_lobbyd__subcmd__ctl__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-ctl-help-command-$line[1]:"
        case $line[1] in
            (status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(users)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(lobbies)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(nodes)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(kick)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(gban)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(bans)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(ungban)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(announce)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reload)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(drain)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(passwd)
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
(cluster)
_arguments "${_arguments_options[@]}" : \
":: :_lobbyd__subcmd__help__subcmd__cluster_commands" \
"*::: :->cluster" \
&& ret=0

    case $state in
    (cluster)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-help-cluster-command-$line[1]:"
        case $line[1] in
            (refound)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(ctl)
_arguments "${_arguments_options[@]}" : \
":: :_lobbyd__subcmd__help__subcmd__ctl_commands" \
"*::: :->ctl" \
&& ret=0

    case $state in
    (ctl)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:lobbyd-help-ctl-command-$line[1]:"
        case $line[1] in
            (status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(users)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(lobbies)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(nodes)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(kick)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(gban)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(bans)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(ungban)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(announce)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reload)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(drain)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(backup)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(passwd)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
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
'cluster:What belongs to several nodes (NATS_URL)' \
'ctl:Ask a running server, or have it do something' \
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
(( $+functions[_lobbyd__subcmd__cluster_commands] )) ||
_lobbyd__subcmd__cluster_commands() {
    local commands; commands=(
'refound:Start the cluster'\''s log anew from this database; the server must be stopped' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd cluster commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__cluster__subcmd__help_commands] )) ||
_lobbyd__subcmd__cluster__subcmd__help_commands() {
    local commands; commands=(
'refound:Start the cluster'\''s log anew from this database; the server must be stopped' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd cluster help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__cluster__subcmd__help__subcmd__help_commands] )) ||
_lobbyd__subcmd__cluster__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd cluster help help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__cluster__subcmd__help__subcmd__refound_commands] )) ||
_lobbyd__subcmd__cluster__subcmd__help__subcmd__refound_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd cluster help refound commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__cluster__subcmd__refound_commands] )) ||
_lobbyd__subcmd__cluster__subcmd__refound_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd cluster refound commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__completions_commands] )) ||
_lobbyd__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd completions commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl_commands] )) ||
_lobbyd__subcmd__ctl_commands() {
    local commands; commands=(
'status:How the server is' \
'users:Who is in the chat, with their addresses' \
'lobbies:Which lobbies there are, private ones too' \
'nodes:How the nodes of the cluster are' \
'kick:End somebody'\''s connection to the server' \
'gban:Keep somebody off the server, as /gban does' \
'bans:Who is kept off the server, until when, by whom and why' \
'ungban:Let somebody onto the server again' \
'announce:Tell everybody something' \
'reload:Read the configuration anew, as SIGHUP does' \
'drain:Take no new connections, and stop when all have left' \
'backup:Copy the database, by the server and as its user' \
'passwd:Make an account, or set its password' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd ctl commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__announce_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__announce_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl announce commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__backup_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl backup commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__bans_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__bans_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl bans commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__drain_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__drain_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl drain commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__gban_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__gban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl gban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help_commands() {
    local commands; commands=(
'status:How the server is' \
'users:Who is in the chat, with their addresses' \
'lobbies:Which lobbies there are, private ones too' \
'nodes:How the nodes of the cluster are' \
'kick:End somebody'\''s connection to the server' \
'gban:Keep somebody off the server, as /gban does' \
'bans:Who is kept off the server, until when, by whom and why' \
'ungban:Let somebody onto the server again' \
'announce:Tell everybody something' \
'reload:Read the configuration anew, as SIGHUP does' \
'drain:Take no new connections, and stop when all have left' \
'backup:Copy the database, by the server and as its user' \
'passwd:Make an account, or set its password' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'lobbyd ctl help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__announce_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__announce_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help announce commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__backup_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help backup commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__bans_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__bans_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help bans commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__drain_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__drain_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help drain commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__gban_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__gban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help gban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__help_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help help commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__kick_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__kick_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help kick commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__lobbies_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__lobbies_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help lobbies commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__nodes_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__nodes_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help nodes commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__passwd_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__passwd_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help passwd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__reload_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__reload_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help reload commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__status_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help status commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__ungban_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__ungban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help ungban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__help__subcmd__users_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__help__subcmd__users_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl help users commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__kick_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__kick_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl kick commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__lobbies_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__lobbies_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl lobbies commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__nodes_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__nodes_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl nodes commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__passwd_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__passwd_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl passwd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__reload_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__reload_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl reload commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__status_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl status commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__ungban_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__ungban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl ungban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__ctl__subcmd__users_commands] )) ||
_lobbyd__subcmd__ctl__subcmd__users_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd ctl users commands' commands "$@"
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
'cluster:What belongs to several nodes (NATS_URL)' \
'ctl:Ask a running server, or have it do something' \
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
(( $+functions[_lobbyd__subcmd__help__subcmd__cluster_commands] )) ||
_lobbyd__subcmd__help__subcmd__cluster_commands() {
    local commands; commands=(
'refound:Start the cluster'\''s log anew from this database; the server must be stopped' \
    )
    _describe -t commands 'lobbyd help cluster commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__cluster__subcmd__refound_commands] )) ||
_lobbyd__subcmd__help__subcmd__cluster__subcmd__refound_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help cluster refound commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__completions_commands] )) ||
_lobbyd__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help completions commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl_commands() {
    local commands; commands=(
'status:How the server is' \
'users:Who is in the chat, with their addresses' \
'lobbies:Which lobbies there are, private ones too' \
'nodes:How the nodes of the cluster are' \
'kick:End somebody'\''s connection to the server' \
'gban:Keep somebody off the server, as /gban does' \
'bans:Who is kept off the server, until when, by whom and why' \
'ungban:Let somebody onto the server again' \
'announce:Tell everybody something' \
'reload:Read the configuration anew, as SIGHUP does' \
'drain:Take no new connections, and stop when all have left' \
'backup:Copy the database, by the server and as its user' \
'passwd:Make an account, or set its password' \
    )
    _describe -t commands 'lobbyd help ctl commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__announce_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__announce_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl announce commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__backup_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__backup_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl backup commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__bans_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__bans_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl bans commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__drain_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__drain_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl drain commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__gban_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__gban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl gban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__kick_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__kick_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl kick commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__lobbies_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__lobbies_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl lobbies commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__nodes_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__nodes_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl nodes commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__passwd_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__passwd_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl passwd commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__reload_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__reload_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl reload commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__status_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl status commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__ungban_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__ungban_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl ungban commands' commands "$@"
}
(( $+functions[_lobbyd__subcmd__help__subcmd__ctl__subcmd__users_commands] )) ||
_lobbyd__subcmd__help__subcmd__ctl__subcmd__users_commands() {
    local commands; commands=()
    _describe -t commands 'lobbyd help ctl users commands' commands "$@"
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
