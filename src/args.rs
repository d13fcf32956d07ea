//! The arguments, as one table: what a command line asks for, and the source of the help, of the man page
//! and of the completions.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use lobbyd::chat::times::Span;
use lobbyd::console::Request;

use crate::ctl::Ask;
use crate::man;

/// The program's name, as people type it.
pub(crate) const PROGRAM: &str = "lobbyd";

/// The shells that completions are written for.
const SHELLS: [(&str, clap_complete::Shell); 3] = [
    ("bash", clap_complete::Shell::Bash),
    ("zsh", clap_complete::Shell::Zsh),
    ("fish", clap_complete::Shell::Fish),
];

const AFTER_HELP: &str = "\
Without a command the server runs. Settings come from the environment and from
a .env file in the working directory; .env.example and lobbyd(1) list them all.";

/// What the arguments ask for.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    /// The server.
    Run,
    /// `--check-config`
    CheckConfig,
    /// `gen-cert`
    GenCert {
        /// Whether existing files are overwritten.
        force: bool,
    },
    /// `backup FILE`
    Backup(PathBuf),
    /// `restore FILE`
    Restore(PathBuf),
    /// `check-data`
    CheckData,
    /// `export LOBBY`
    Export {
        /// The lobby's name, as it was typed.
        lobby: String,
        /// How old a message may be.
        since: Option<Duration>,
    },
    /// `passwd NAME`
    SetPassword(String),
    /// `cluster refound`
    Refound {
        /// Whether nobody is to be asked.
        yes: bool,
    },
    /// `ctl`
    Ctl {
        /// What is asked of the running server.
        ask: Ask,
        /// Whether a program reads the answer.
        json: bool,
    },
    /// A text that is known without any setting.
    Print(String),
}

/// One command of the program: how it is written, and what it asks for.
struct Row {
    name: &'static str,
    help: &'static str,
    /// Its arguments, added to it.
    args: fn(Command) -> Command,
    /// What they ask for, once clap has found them to be as `args` says.
    task: fn(&ArgMatches) -> Task,
}

/// Every command, in the order of the help. What a row of its own is here is in the help, in the man page and in
/// the completions.
static ROWS: [Row; 10] = [
    Row {
        name: "gen-cert",
        help: "Write a self-signed certificate and its key",
        args: |command| command.arg(force("Overwrite files that are there")),
        task: |found| Task::GenCert { force: found.get_flag("force") },
    },
    Row {
        name: "backup",
        help: "Copy the database, of a running server too",
        args: |command| command.arg(file("The copy, which must not exist yet")),
        task: |found| Task::Backup(path(found)),
    },
    Row {
        name: "restore",
        help: "Put a copy in place of the database, which is kept",
        args: |command| command.arg(file("The copy; the server must be stopped")),
        task: |found| Task::Restore(path(found)),
    },
    Row {
        name: "check-data",
        help: "Verify the database",
        args: |command| command,
        task: |_| Task::CheckData,
    },
    Row {
        name: "export",
        help: "Print the messages of a lobby as JSON, one a line",
        args: |command| {
            command
                .arg(word("LOBBY", "The lobby, of a running server too"))
                .arg(since("Only messages up to this old: 30m, 12h, 7d, 2w"))
        },
        task: |found| Task::Export { lobby: text(found, "LOBBY"), since: age_of(found) },
    },
    Row {
        name: "passwd",
        help: "Make an account, or set its password",
        args: |command| {
            command.arg(word("NAME", "The account; its password is read from standard input"))
        },
        task: |found| Task::SetPassword(text(found, "NAME")),
    },
    Row {
        name: "cluster",
        help: "What belongs to several nodes (NATS_URL)",
        args: |command| {
            let refound = Command::new("refound")
                .about(
                    "Start the cluster's log anew from this database; the server must be stopped",
                )
                .arg(flag("yes", "Do not ask"));
            command.subcommand_required(true).subcommand(refound)
        },
        task: |found| {
            let yes = found.subcommand().is_some_and(|(_, inner)| inner.get_flag("yes"));
            Task::Refound { yes }
        },
    },
    Row {
        name: "ctl",
        help: "Ask a running server, or have it do something",
        args: |command| {
            let json = flag("json", "Print the answer as JSON").global(true);
            let rows =
                CTL_ROWS.iter().map(|row| (row.args)(Command::new(row.name).about(row.help)));
            command.arg(json).subcommand_required(true).subcommands(rows)
        },
        task: |found| {
            let row = |(name, inner)| Some((CTL_ROWS.iter().find(|row| row.name == name)?, inner));
            match found.subcommand().and_then(row) {
                Some((row, inner)) => (row.task)(inner),
                // One of them is required.
                None => Task::Print(String::new()),
            }
        },
    },
    Row {
        name: "completions",
        help: "Print what completes these arguments in a shell",
        args: |command| {
            let shells = SHELLS.map(|(name, _)| name);
            command.arg(word("SHELL", "The shell").value_parser(shells))
        },
        task: |found| Task::Print(completions(&text(found, "SHELL"))),
    },
    Row {
        name: "man",
        help: "Print the manual page lobbyd(1)",
        args: |command| command,
        task: |_| Task::Print(man::page(table())),
    },
];

/// The commands of `ctl`, which its server carries out.
static CTL_ROWS: [Row; 13] = [
    Row {
        name: "status",
        help: "How the server is",
        args: |command| command,
        task: |found| ctl(found, Request::Status),
    },
    Row {
        name: "users",
        help: "Who is in the chat, with their addresses",
        args: |command| command,
        task: |found| ctl(found, Request::Users),
    },
    Row {
        name: "lobbies",
        help: "Which lobbies there are, private ones too",
        args: |command| command,
        task: |found| ctl(found, Request::Lobbies),
    },
    Row {
        name: "nodes",
        help: "How the nodes of the cluster are",
        args: |command| command,
        task: |found| ctl(found, Request::Nodes),
    },
    Row {
        name: "kick",
        help: "End somebody's connection to the server",
        args: |command| {
            command.arg(word("NAME", "The user")).arg(words("REASON", "Why, which they are told"))
        },
        task: |found| {
            let reason = joined(found, &["REASON"]);
            ctl(found, Request::Kick { name: text(found, "NAME"), reason })
        },
    },
    Row {
        name: "gban",
        help: "Keep somebody off the server, as /gban does",
        args: |command| {
            let alone = flag("alone", "Only this guest, and not all guests of their address");
            command
                .arg(alone.short('1'))
                .arg(word("NAME", "The user, or a guest who left within the hour"))
                .arg(optional("TIME", "For how long: 30s, 10m, 2h30m, 7d, 2w; else for good"))
                .arg(words("REASON", "Why, which they are told"))
        },
        task: |found| {
            let alone = found.get_flag("alone");
            let terms = terms(found);
            ctl(found, Request::Ban { name: text(found, "NAME"), alone, terms })
        },
    },
    Row {
        name: "bans",
        help: "Who is kept off the server, until when, by whom and why",
        args: |command| command,
        task: |found| ctl(found, Request::Bans),
    },
    Row {
        name: "ungban",
        help: "Let somebody onto the server again",
        args: |command| command.arg(word("NAME", "The name that was banned")),
        task: |found| ctl(found, Request::Unban { name: text(found, "NAME") }),
    },
    Row {
        name: "announce",
        help: "Tell everybody something",
        args: |command| command.arg(words("TEXT", "What").required(true)),
        task: |found| {
            let text = joined(found, &["TEXT"]).unwrap_or_default();
            ctl(found, Request::Announce { text })
        },
    },
    Row {
        name: "reload",
        help: "Read the configuration anew, as SIGHUP does",
        args: |command| command,
        task: |found| ctl(found, Request::Reload),
    },
    Row {
        name: "drain",
        help: "Take no new connections, and stop when all have left",
        args: |command| {
            let deadline = Arg::new("deadline")
                .long("deadline")
                .value_name("TIME")
                .help("Stop after this long whoever is left (10m)")
                .value_parser(age)
                .allow_hyphen_values(true);
            let cancel = flag("cancel", "Take new connections again");
            command.arg(deadline).arg(cancel.conflicts_with("deadline"))
        },
        task: |found| match found.get_flag("cancel") {
            true => ctl(found, Request::CancelDrain),
            false => ctl(found, Request::Drain { deadline: found.get_one("deadline").copied() }),
        },
    },
    Row {
        name: "backup",
        help: "Copy the database, by the server and as its user",
        args: |command| command.arg(file("The copy, which must not exist yet")),
        task: |found| asked(found, Ask::Backup(path(found))),
    },
    Row {
        name: "passwd",
        help: "Make an account, or set its password",
        args: |command| {
            command.arg(word("NAME", "The account; its password is read from standard input"))
        },
        task: |found| asked(found, Ask::Password(text(found, "NAME"))),
    },
];

fn ctl(found: &ArgMatches, request: Request) -> Task {
    asked(found, Ask::Whole(request))
}

fn asked(found: &ArgMatches, ask: Ask) -> Task {
    Task::Ctl { ask, json: found.get_flag("json") }
}

/// An argument of one word that may be left out.
fn optional(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).help(help)
}

/// As many words as there are.
fn words(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).help(help).num_args(1..)
}

/// What [`words`] and [`optional`] were given, as one text; none where there was nothing.
fn joined(found: &ArgMatches, names: &[&str]) -> Option<String> {
    let words = names.iter().filter_map(|name| found.get_many::<String>(name)).flatten();
    let words: Vec<&str> = words.map(String::as_str).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The time and the reason of a ban, as `/gban` takes them. A first word with a blank in it was quoted in the
/// shell, which is what keeps a reason from being taken for a time; the chat is to see quotes too.
fn terms(found: &ArgMatches) -> Option<String> {
    let all = joined(found, &["TIME", "REASON"])?;
    let is_reason = found.get_one("TIME").is_some_and(|first: &String| first.contains(' '));
    Some(if is_reason && !all.starts_with('"') { format!("\"{all}\"") } else { all })
}

/// The table as clap has it.
pub(crate) fn table() -> Command {
    let rows = ROWS.iter().map(|row| (row.args)(Command::new(row.name).about(row.help)));
    Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .about("A terminal chat server for nc, rlwrap, telnet, socat and openssl s_client")
        .after_help(AFTER_HELP)
        .subcommand_value_name("COMMAND")
        .arg(flag("check-config", "Check all settings, print them, and exit"))
        // They may stand before their command too.
        .arg(force("").hide(true))
        .arg(since("").hide(true))
        .subcommands(rows)
}

/// Reads the arguments, of which the first is the program's own name.
///
/// # Errors
/// One line that says what is wrong and where help is.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Task, String> {
    let args: Vec<OsString> = args.into_iter().collect();
    let found = match table().try_get_matches_from(&args) {
        Ok(found) => found,
        Err(asked)
            if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            return Ok(Task::Print(asked.render().to_string()));
        }
        Err(error) => return Err(format!("{}; see {}", one_line(&error), help_for(&args))),
    };
    let task = match found.subcommand() {
        Some((name, inner)) => {
            ROWS.iter().find(|row| row.name == name).map(|row| (row.task)(inner))
        }
        None => None,
    };
    let (force, since) = (found.get_flag("force"), age_of(&found));
    let misplaced =
        |flag: &str, place: &str| Err(format!("{flag} goes {place}; see lobbyd --help"));
    match task {
        Some(_) if found.get_flag("check-config") => misplaced("--check-config", "alone"),
        Some(Task::GenCert { force: inner }) if since.is_none() => {
            Ok(Task::GenCert { force: force || inner })
        }
        Some(Task::Export { lobby, since: inner }) if !force => {
            Ok(Task::Export { lobby, since: inner.or(since) })
        }
        _ if force => misplaced("--force", "with gen-cert"),
        _ if since.is_some() => misplaced("--since", "with export"),
        Some(task) => Ok(task),
        None if found.get_flag("check-config") => Ok(Task::CheckConfig),
        None => Ok(Task::Run),
    }
}

/// Where help is for arguments that are wrong: the console has many commands, and each has its own.
fn help_for(args: &[OsString]) -> String {
    let words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    let mut words = words.filter(|word| !word.starts_with('-'));
    if words.next() != Some("ctl") {
        return format!("{PROGRAM} --help");
    }
    let word = words.next().filter(|word| CTL_ROWS.iter().any(|row| row.name == *word));
    match word {
        Some(word) => format!("{PROGRAM} ctl {word} --help"),
        None => format!("{PROGRAM} ctl --help"),
    }
}

/// What clap says is wrong, without the usage that it puts below.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let said = text.split("\n\n").take_while(|part| {
        !part.starts_with("Usage:") && !part.starts_with("For more information")
    });
    let lines = |part: &str| part.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    said.map(lines).collect::<Vec<_>>().join("; ")
}

fn completions(shell: &str) -> String {
    let mut text = Vec::new();
    if let Some((_, shell)) = SHELLS.iter().find(|(name, _)| *name == shell) {
        clap_complete::generate(*shell, &mut table(), PROGRAM, &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

fn force(help: &'static str) -> Arg {
    flag("force", help)
}

fn since(help: &'static str) -> Arg {
    Arg::new("since")
        .long("since")
        .value_name("AGE")
        .help(help)
        .value_parser(age)
        .allow_hyphen_values(true)
}

/// How long ago something was at most, as people write it.
fn age(word: &str) -> Result<Duration, &'static str> {
    match Span::parse(word) {
        Some(Ok(age)) => Ok(age),
        Some(Err(_)) | None => Err("times are 30s, 10m, 2h30m, 7d or 2w"),
    }
}

fn age_of(found: &ArgMatches) -> Option<Duration> {
    found.get_one("since").copied()
}

/// An argument that must be there. Names may begin with a hyphen.
fn word(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).help(help).allow_hyphen_values(true)
}

/// What [`word`] was given.
fn text(found: &ArgMatches, name: &str) -> String {
    found.get_one(name).cloned().unwrap_or_default()
}

fn file(help: &'static str) -> Arg {
    Arg::new("FILE")
        .required(true)
        .help(help)
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
}

/// What [`file`] was given.
fn path(found: &ArgMatches) -> PathBuf {
    found.get_one("FILE").cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(format!("lobbyd {line}").split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_table_is_sound() {
        table().debug_assert();
    }

    #[test]
    fn a_command_line_asks_for_one_thing() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        let export = |since| Task::Export { lobby: "general".to_owned(), since };
        let name = |text: &str| text.to_owned();
        let ctl = |request, json| Task::Ctl { ask: Ask::Whole(request), json };
        let kick = |whom, why| Request::Kick { name: name(whom), reason: Some(name(why)) };
        let ban = |whom, alone, terms: Option<&str>| Request::Ban {
            name: name(whom),
            alone,
            terms: terms.map(name),
        };
        for (line, task) in [
            ("", Task::Run),
            ("--check-config", Task::CheckConfig),
            ("gen-cert", Task::GenCert { force: false }),
            ("gen-cert --force", Task::GenCert { force: true }),
            ("--force gen-cert", Task::GenCert { force: true }),
            ("backup copy.db", Task::Backup("copy.db".into())),
            ("restore copy.db", Task::Restore("copy.db".into())),
            ("check-data", Task::CheckData),
            ("export general", export(None)),
            ("export general --since 7d", export(days(7))),
            ("export --since=7d general", export(days(7))),
            ("--since 2w export general", export(days(14))),
            ("export -1-", Task::Export { lobby: "-1-".to_owned(), since: None }),
            ("passwd alice", Task::SetPassword("alice".to_owned())),
            ("passwd -bob-", Task::SetPassword("-bob-".to_owned())),
            ("ctl status", ctl(Request::Status, false)),
            ("ctl --json users", ctl(Request::Users, true)),
            ("ctl lobbies --json", ctl(Request::Lobbies, true)),
            ("ctl nodes --json", ctl(Request::Nodes, true)),
            ("ctl kick bob", ctl(Request::Kick { name: name("bob"), reason: None }, false)),
            ("ctl kick -bob- no spam", ctl(kick("-bob-", "no spam"), false)),
            ("ctl kick bob no spam --json", ctl(kick("bob", "no spam"), true)),
            ("ctl kick bob -- -no --json", ctl(kick("bob", "-no --json"), false)),
            ("ctl gban bob", ctl(ban("bob", false, None), false)),
            ("ctl gban bob 10m no spam", ctl(ban("bob", false, Some("10m no spam")), false)),
            ("ctl gban -1 bob no spam", ctl(ban("bob", true, Some("no spam")), false)),
            ("ctl gban --alone bob", ctl(ban("bob", true, None), false)),
            ("ctl bans --json", ctl(Request::Bans, true)),
            ("ctl ungban bob", ctl(Request::Unban { name: name("bob") }, false)),
            ("ctl announce at noon", ctl(Request::Announce { text: name("at noon") }, false)),
            ("ctl reload", ctl(Request::Reload, false)),
            ("ctl drain", ctl(Request::Drain { deadline: None }, false)),
            ("ctl drain --deadline 7d", ctl(Request::Drain { deadline: days(7) }, false)),
            ("ctl drain --cancel", ctl(Request::CancelDrain, false)),
            ("ctl backup x.db", Task::Ctl { ask: Ask::Backup("x.db".into()), json: false }),
            ("ctl passwd bob", Task::Ctl { ask: Ask::Password(name("bob")), json: false }),
        ] {
            assert_eq!(parsed(line), Ok(task), "{line}");
        }
    }

    #[test]
    fn what_is_quoted_in_the_shell_is_the_reason_of_a_ban() {
        for (words, want) in [
            (&["10m", "2nd warning"][..], "10m 2nd warning"),
            (&["10m of spam"], "\"10m of spam\""),
            (&["3rd warning", "today"], "\"3rd warning today\""),
            (&["\"42\""], "\"42\""),
            (&["\"42 times\""], "\"42 times\""),
        ] {
            let line = ["lobbyd", "ctl", "gban", "bob"].iter().chain(words);
            let Ok(Task::Ctl { ask: Ask::Whole(Request::Ban { terms, .. }), .. }) =
                parse(line.map(OsString::from))
            else {
                panic!("{words:?}");
            };
            assert_eq!(terms.as_deref(), Some(want), "{words:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_told_in_one_line() {
        for (line, words) in [
            ("--nope", "unexpected argument '--nope' found"),
            ("serve", "unrecognized subcommand 'serve'"),
            ("exprt general", "a similar subcommand exists: 'export'"),
            ("--check", "a similar argument exists: '--check-config'"),
            ("--force", "--force goes with gen-cert"),
            ("--force export general", "--force goes with gen-cert"),
            ("--since 1d", "--since goes with export"),
            ("--since 1d gen-cert", "--since goes with export"),
            ("check-data --since 1d", "unexpected argument '--since'"),
            ("--check-config check-data", "--check-config goes alone"),
            ("gen-cert extra", "unexpected argument 'extra'"),
            ("gen-cert --force --force", "'--force' cannot be used multiple times"),
            ("export", "<LOBBY>"),
            ("backup", "<FILE>"),
            ("backup --nope", "unexpected argument '--nope'"),
            ("passwd", "<NAME>"),
            ("export general --since", "--since <AGE>"),
            ("export general --since soon", "times are 30s, 10m, 2h30m, 7d or 2w"),
            ("export general --since -1d", "times are 30s, 10m, 2h30m, 7d or 2w"),
            ("completions tcsh", "bash, zsh, fish"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(words), "{line}: {error}");
            assert!(error.ends_with("; see lobbyd --help"), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_command_of_the_console_points_to_its_own_help() {
        for (line, help) in [
            ("ctl", "lobbyd ctl --help"),
            ("ctl --json", "lobbyd ctl --help"),
            ("ctl dance", "lobbyd ctl --help"),
            ("ctl statsu kick", "lobbyd ctl --help"),
            ("ctl kick", "lobbyd ctl kick --help"),
            ("ctl --json kick", "lobbyd ctl kick --help"),
            ("ctl status more", "lobbyd ctl status --help"),
            ("ctl drain --deadline soon", "lobbyd ctl drain --help"),
            ("passwd", "lobbyd --help"),
            ("export --since ctl", "lobbyd --help"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.ends_with(&format!("; see {help}")), "{line}: {error}");
            // There is such a help.
            let Ok(Task::Print(_)) = parsed(help.trim_start_matches("lobbyd ")) else {
                panic!("{help}")
            };
        }
    }

    #[test]
    fn help_fits_a_terminal_and_tells_of_every_command() {
        let Ok(Task::Print(help)) = parsed("--help") else { panic!("no help") };
        assert!(
            ROWS.iter().all(|row| help.contains(row.name) && help.contains(row.help)),
            "{help}"
        );
        assert_eq!(parsed("-h"), Ok(Task::Print(help.clone())));
        assert_eq!(parsed("help"), Ok(Task::Print(help)));
        for line in ["--help", "help export", "export --help", "help completions"] {
            let Ok(Task::Print(help)) = parsed(line) else { panic!("no help: {line}") };
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
        let version = Task::Print(concat!("lobbyd ", env!("CARGO_PKG_VERSION"), "\n").to_owned());
        assert_eq!(parsed("--version"), Ok(version));
    }
}
