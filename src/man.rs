//! The manual page lobbyd(1), made of the table of arguments and of the table of settings.

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use lobbyd::config::KEYS;

const DESCRIPTION: [&str; 2] = [
    "lobbyd is a chat server that people reach with what is on every machine: nc, rlwrap nc, telnet, socat, or \
     openssl s_client for an encrypted connection. They take a name, talk in lobbies, and find out the rest with \
     /help.",
    "Without a command the server runs in the foreground until SIGINT or SIGTERM. It starts without any \
     configuration; its first words on standard output tell where it listens and which files it uses. The log \
     goes to standard error.",
];

const ENVIRONMENT: &str = "\
Each of these may also stand in a file .env in the working directory; a variable of the environment wins over \
that, and an empty value counts as unset. lobbyd --check-config prints what is in effect, with secrets masked.";

/// A heading, and what is told under it: a term, and what it means.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

const SECTIONS: [Section; 4] = [
    (
        "FILES",
        &[
            (".env", "settings, in the working directory; .env.example lists them all"),
            (
                "/etc/lobbyd/lobbyd.env",
                "settings of the service that the Debian package installs, in the form of .env",
            ),
            (
                "certs/server.crt, certs/server.key",
                "certificate chain and private key for TLS, unless CHAT_TLS_CERT and CHAT_TLS_KEY say otherwise",
            ),
            (
                "data/lobbyd.db",
                "the database, in the folder that CHAT_DATA_DIR names; /var/lib/lobbyd for the service",
            ),
            (
                "data/ctl.sock",
                "the console of a running server in the same folder, for lobbyd ctl; its owner and root alone can use it",
            ),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "after SIGINT or SIGTERM, and where a command did what it was asked for"),
            ("1", "something of the machine is wrong: a port, a certificate, the database"),
            ("2", "a bad setting or argument, with a line for each on standard error"),
            ("130", "a second signal ended the server before everybody was told"),
        ],
    ),
    (
        "SIGNALS",
        &[
            (
                "SIGHUP",
                "read the settings, the certificate and the files that they name anew; where anything is wrong, \
                 all of the old stays and the log says why",
            ),
            (
                "SIGINT, SIGTERM",
                "stop: no new connections, everybody is told, and what is queued for them goes out, for 5 seconds \
                 at most; a second signal ends the server at once",
            ),
        ],
    ),
    (
        "EXAMPLES",
        &[
            ("lobbyd", "run the server on port 8080; then, from elsewhere: nc HOST 8080"),
            ("lobbyd gen-cert && lobbyd", "the same, with TLS on port 8443"),
            ("CHAT_ADDR=:2323 lobbyd", "run it on another port"),
            ("lobbyd backup /backup/chat.db", "copy the database while the server runs"),
            (
                "lobbyd ctl status",
                "how the running server is, whose data folder is that of the settings here",
            ),
            (
                "lobbyd ctl drain --deadline 10m",
                "stop it when everybody has left, or after ten minutes",
            ),
            ("lobbyd export general --since 7d", "what was said in general in a week, as JSON"),
        ],
    ),
];

const SEE_ALSO: &str =
    "nc(1), rlwrap(1), telnet(1), socat(1), openssl-s_client(1), systemctl(1), journalctl(1)";

/// The page, for a `table` of arguments.
pub(crate) fn page(table: Command) -> String {
    let mut table = table.disable_help_subcommand(true);
    // A date that is empty would be left out, and what follows taken for it.
    let man = Man::new(table.clone()).title("LOBBYD").date(" ").manual("User Commands");
    table.build();
    let mut page = Vec::new();
    let (mut description, mut rest) = (Roff::new(), Roff::new());
    description.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        description.control("PP", []).text([roman(paragraph)]);
    }
    rest.control("SH", ["COMMANDS"]);
    for command in table.get_subcommands_mut() {
        tell_command(&mut rest, command);
    }
    tell_settings(&mut rest);
    for (heading, rows) in SECTIONS {
        rest.control("SH", [heading]);
        for (term, meaning) in rows {
            tell(&mut rest, [bold(*term)], meaning);
        }
    }
    rest.control("SH", ["SEE ALSO"]).text([roman(SEE_ALSO)]);
    // Writing to memory does not fail.
    let _ = man.render_title(&mut page);
    let _ = man.render_name_section(&mut page);
    let _ = man.render_synopsis_section(&mut page);
    let _ = description.to_writer(&mut page);
    let _ = man.render_options_section(&mut page);
    let _ = rest.to_writer(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// A term, and below it what it means.
fn tell(roff: &mut Roff, term: impl Into<Vec<Inline>>, meaning: &str) {
    roff.control("TP", []).text(term).text([roman(meaning)]);
}

/// A command with its arguments, or the commands that it has in turn.
fn tell_command(roff: &mut Roff, command: &mut Command) {
    if command.is_hide_set() {
        return;
    }
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim_end().to_owned();
    let help = command.get_about().map(ToString::to_string).unwrap_or_default();
    tell(roff, [bold(usage)], &help);
    roff.control("RS", []);
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help") {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        tell(roff, [italic(written(arg))], &help);
    }
    roff.control("RE", []);
    for inner in command.get_subcommands_mut() {
        tell_command(roff, inner);
    }
}

/// An argument as it is written on a command line, with the values that it may have.
fn written(arg: &Arg) -> String {
    let values: Vec<_> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    match values.is_empty() || !arg.is_positional() {
        true => arg.to_string(),
        false => values.join("|"),
    }
}

fn tell_settings(roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]).text([roman(ENVIRONMENT)]);
    for key in &KEYS {
        let default = match key.default {
            "" => String::new(),
            default => format!(" (default: {default})"),
        };
        tell(roff, [bold(key.name), roman(default)], key.help);
    }
}
