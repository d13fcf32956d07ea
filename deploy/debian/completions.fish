# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_lobbyd_global_optspecs
    string join \n check-config force since= h/help V/version
end

function __fish_lobbyd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_lobbyd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_lobbyd_using_subcommand
    set -l cmd (__fish_lobbyd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c lobbyd -n "__fish_lobbyd_needs_command" -l since -d '' -r
complete -c lobbyd -n "__fish_lobbyd_needs_command" -l check-config -d 'Check all settings, print them, and exit'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -l force -d ''
complete -c lobbyd -n "__fish_lobbyd_needs_command" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -s V -l version -d 'Print version'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "gen-cert" -d 'Write a self-signed certificate and its key'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "backup" -d 'Copy the database, of a running server too'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "restore" -d 'Put a copy in place of the database, which is kept'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "check-data" -d 'Verify the database'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "export" -d 'Print the messages of a lobby as JSON, one a line'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "passwd" -d 'Make an account, or set its password'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "cluster" -d 'What belongs to several nodes (NATS_URL)'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "ctl" -d 'Ask a running server, or have it do something'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "completions" -d 'Print what completes these arguments in a shell'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "man" -d 'Print the manual page lobbyd(1)'
complete -c lobbyd -n "__fish_lobbyd_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand gen-cert" -l force -d 'Overwrite files that are there'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand gen-cert" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand backup" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand restore" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand check-data" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand export" -l since -d 'Only messages up to this old: 30m, 12h, 7d, 2w' -r
complete -c lobbyd -n "__fish_lobbyd_using_subcommand export" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand passwd" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and not __fish_seen_subcommand_from refound help" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and not __fish_seen_subcommand_from refound help" -f -a "refound" -d 'Start the cluster\'s log anew from this database; the server must be stopped'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and not __fish_seen_subcommand_from refound help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and __fish_seen_subcommand_from refound" -l yes -d 'Do not ask'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and __fish_seen_subcommand_from refound" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "refound" -d 'Start the cluster\'s log anew from this database; the server must be stopped'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "status" -d 'How the server is'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "users" -d 'Who is in the chat, with their addresses'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "lobbies" -d 'Which lobbies there are, private ones too'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "nodes" -d 'How the nodes of the cluster are'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "kick" -d 'End somebody\'s connection to the server'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "gban" -d 'Keep somebody off the server, as /gban does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "bans" -d 'Who is kept off the server, until when, by whom and why'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "ungban" -d 'Let somebody onto the server again'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "announce" -d 'Tell everybody something'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "reload" -d 'Read the configuration anew, as SIGHUP does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "drain" -d 'Take no new connections, and stop when all have left'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "backup" -d 'Copy the database, by the server and as its user'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "passwd" -d 'Make an account, or set its password'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and not __fish_seen_subcommand_from status users lobbies nodes kick gban bans ungban announce reload drain backup passwd help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from status" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from users" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from users" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from lobbies" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from lobbies" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from nodes" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from nodes" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from kick" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from kick" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from gban" -s 1 -l alone -d 'Only this guest, and not all guests of their address'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from gban" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from gban" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from bans" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from bans" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from ungban" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from ungban" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from announce" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from announce" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from reload" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from drain" -l deadline -d 'Stop after this long whoever is left (10m)' -r
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from drain" -l cancel -d 'Take new connections again'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from drain" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from backup" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from passwd" -l json -d 'Print the answer as JSON'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "status" -d 'How the server is'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "users" -d 'Who is in the chat, with their addresses'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "lobbies" -d 'Which lobbies there are, private ones too'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "nodes" -d 'How the nodes of the cluster are'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "kick" -d 'End somebody\'s connection to the server'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "gban" -d 'Keep somebody off the server, as /gban does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "bans" -d 'Who is kept off the server, until when, by whom and why'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "ungban" -d 'Let somebody onto the server again'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "announce" -d 'Tell everybody something'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "reload" -d 'Read the configuration anew, as SIGHUP does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "drain" -d 'Take no new connections, and stop when all have left'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "backup" -d 'Copy the database, by the server and as its user'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "passwd" -d 'Make an account, or set its password'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand ctl; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand completions" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand man" -s h -l help -d 'Print help'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "gen-cert" -d 'Write a self-signed certificate and its key'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "backup" -d 'Copy the database, of a running server too'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "restore" -d 'Put a copy in place of the database, which is kept'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "check-data" -d 'Verify the database'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "export" -d 'Print the messages of a lobby as JSON, one a line'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "passwd" -d 'Make an account, or set its password'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "cluster" -d 'What belongs to several nodes (NATS_URL)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "ctl" -d 'Ask a running server, or have it do something'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "completions" -d 'Print what completes these arguments in a shell'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "man" -d 'Print the manual page lobbyd(1)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and not __fish_seen_subcommand_from gen-cert backup restore check-data export passwd cluster ctl completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "refound" -d 'Start the cluster\'s log anew from this database; the server must be stopped'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "status" -d 'How the server is'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "users" -d 'Who is in the chat, with their addresses'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "lobbies" -d 'Which lobbies there are, private ones too'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "nodes" -d 'How the nodes of the cluster are'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "kick" -d 'End somebody\'s connection to the server'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "gban" -d 'Keep somebody off the server, as /gban does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "bans" -d 'Who is kept off the server, until when, by whom and why'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "ungban" -d 'Let somebody onto the server again'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "announce" -d 'Tell everybody something'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "reload" -d 'Read the configuration anew, as SIGHUP does'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "drain" -d 'Take no new connections, and stop when all have left'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "backup" -d 'Copy the database, by the server and as its user'
complete -c lobbyd -n "__fish_lobbyd_using_subcommand help; and __fish_seen_subcommand_from ctl" -f -a "passwd" -d 'Make an account, or set its password'
