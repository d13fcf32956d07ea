//! Who comes over SSH, as far as the protocol has said it before anything of the chat is shown.

use crate::chat::accounts::{AccountId, Key};
use crate::chat::command::{Command, CommandError, Input, parse};
use crate::chat::text::Line;
use crate::net::telnet::Size;

/// Somebody who comes.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The name that they want.
    pub name: String,
    /// The account that they have proved to be theirs, of that name.
    pub account: Option<AccountId>,
    /// Their key: the one that they have proved, else the first that they offered.
    pub key: Option<Key>,
    /// What they come for.
    pub purpose: Purpose,
    /// Their terminal, where they have one and asked for its like here.
    pub terminal: Option<Terminal>,
}

/// What somebody comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To chat.
    Chat,
    /// To have lines carried out, and to go.
    Script,
    /// To look at something, without a name and without being in a lobby.
    Look,
}

/// A terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// Its kind, as `xterm-256color`.
    pub kind: String,
    /// Its size.
    pub size: Size,
    /// It sends keys: the client edits no lines, since it was told that we do.
    pub sends_keys: bool,
}

/// What a terminal calls itself that moves no cursor (terminfo(5)).
pub const DUMB: &str = "dumb";

/// The size of a terminal that tells it with more bits than any has.
pub fn size(columns: u32, rows: u32) -> Size {
    let clamped = |count| u16::try_from(count).unwrap_or(u16::MAX);
    Size { columns: clamped(columns), rows: clamped(rows) }
}

impl Purpose {
    /// What somebody wants who has these lines carried out: only to look, where none of them is more than that.
    /// What cannot be understood does nothing, so it needs no name either.
    pub fn of(lines: &str) -> Self {
        let looks = |line| match parse(Line::clean(line), usize::MAX) {
            Input::Blank => true,
            Input::Say(_) | Input::SayRows(_) | Input::Overlong => false,
            Input::Command { parsed: Ok(command), .. } => shows(&command),
            Input::Command { parsed: Err(why), .. } => match why {
                CommandError::Unknown(_)
                | CommandError::Bare
                | CommandError::Usage(_)
                | CommandError::Password(_)
                | CommandError::NotATime => true,
            },
        };
        if lines.lines().all(looks) { Self::Look } else { Self::Script }
    }
}

/// Whether this is what a client has a server run to move files: it talks to that in a language of its own, and what
/// is said of it to everybody would be that.
pub fn moves_files(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let program = words.next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
    let has = |letters: &[char]| {
        let flags = |word: &&str| word.starts_with('-') && !word.starts_with("--");
        words.clone().take_while(flags).any(|word| word.contains(letters))
    };
    match program {
        // To, or from.
        "scp" => has(&['t', 'f']),
        "rsync" => words.next() == Some("--server"),
        "sftp-server" | "internal-sftp" => true,
        "git-upload-pack" | "git-receive-pack" | "git-upload-archive" => words.count() == 1,
        _ => false,
    }
}

/// Whether a command only shows what there is in general, or of the server.
pub fn shows(command: &Command) -> bool {
    matches!(
        command,
        Command::Help(_)
            | Command::Users
            | Command::Lobbies { .. }
            | Command::History { .. }
            | Command::Search(_)
            | Command::Whois(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_wants_no_more_than_to_look_needs_no_name() {
        for (lines, looks) in [
            ("/users", true),
            (" /WHO ", true),
            ("/lobbies 2", true),
            ("/history 20", true),
            ("/search word", true),
            ("/help", true),
            ("/whois bob", true),
            ("/users\n\n/lobbies\n", true),
            ("", true),
            // These do nothing.
            ("/nothing", true),
            ("/history many", true),
            ("quit", true),
            ("hello", false),
            ("//users", false),
            ("/users\nhello", false),
            ("/msg bob hi", false),
            ("/me waves", false),
            ("/quit", false),
            ("/away", false),
            ("/cert list", false),
            ("/ai why", false),
        ] {
            let want = if looks { Purpose::Look } else { Purpose::Script };
            assert_eq!(Purpose::of(lines), want, "{lines:?}");
        }
    }

    #[test]
    fn programs_that_move_files_are_known_by_how_they_are_called() {
        for (line, moves) in [
            ("scp -t /tmp", true),
            ("scp -f notes.txt", true),
            ("scp -v -r -p -d -t -- dir", true),
            ("scp -pt .", true),
            ("/usr/bin/scp -t .", true),
            ("rsync --server -vlogDtpre.iLsfxC . dir/", true),
            ("/usr/lib/openssh/sftp-server", true),
            ("sftp-server", true),
            ("git-upload-pack '/repo.git'", true),
            ("git-receive-pack 'repo'", true),
            ("scp does not work here", false),
            ("scp -v is loud", false),
            ("rsync is done", false),
            ("rsync -a --server", false),
            ("git-upload-pack is what it was", false),
            ("the scp -t is done", false),
            ("/scp -t", true),
            ("", false),
        ] {
            assert_eq!(moves_files(line), moves, "{line:?}");
        }
    }

    #[test]
    fn a_size_of_many_bits_is_the_largest() {
        assert_eq!(size(80, 24), Size { columns: 80, rows: 24 });
        assert_eq!(size(u32::MAX, 65_536), Size { columns: u16::MAX, rows: u16::MAX });
    }
}
