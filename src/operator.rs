//! What an operator does to the database from the command line.

use std::io::{BufRead, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use lobbyd::actors::hasher::new_record;
use lobbyd::chat::history::UnixMillis;
use lobbyd::chat::name::Name;
use lobbyd::chat::password::Password;
use lobbyd::console::shown::new_password;
use lobbyd::render::json;
use lobbyd::store::{
    self, Account, Change, DATABASE_FILE, Db, Export, ExportError, OpenError, Report, Restored,
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;

/// Most bytes of a password that are read; a longer one is refused for its length.
const MAX_INPUT_BYTES: u64 = 4_096;

/// `lobbyd backup FILE`.
pub(crate) fn backup(dir: &Path, file: &Path) -> Result<String, String> {
    store::strange_log(dir).map_err(|error| error.to_string())?;
    store::backup(dir, file).map_err(|error| error.to_string())?;
    Ok(format!("Wrote {}\n", file.display()))
}

/// `lobbyd check-data`.
pub(crate) fn check(dir: &Path) -> Result<String, String> {
    store::strange_log(dir).map_err(|error| error.to_string())?;
    let report = store::check(dir).map_err(|error| error.to_string())?;
    Ok(format!("The database is good: {}\n", told(&report)))
}

fn told(report: &Report) -> String {
    let Report { version, lobbies, accounts, messages, mail } = report;
    format!(
        "version {version}, {lobbies} lobbies, {accounts} accounts, {messages} messages, {mail} \
         private messages that wait."
    )
}

/// `lobbyd restore FILE`.
pub(crate) fn restore(dir: &Path, file: &Path) -> Result<String, String> {
    let mut notes = Vec::new();
    let restored = store::restore(dir, file, &mut notes);
    let mut text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    // What opening the directory did is done where the copy is refused too.
    let Restored { path, report, kept } = restored.map_err(|error| format!("{text}{error}"))?;
    text.push_str(&format!(
        "{} is now a copy of {}: {}\n",
        path.display(),
        file.display(),
        told(&report)
    ));
    let kept: Vec<_> = kept.iter().map(|kept| kept.display().to_string()).collect();
    if !kept.is_empty() {
        text.push_str(&format!("What was there before is kept: {}\n", kept.join(", ")));
    }
    Ok(text)
}

/// `lobbyd export LOBBY`: prints each message as it is read, since there may be many.
pub(crate) fn export(dir: &Path, ask: &Export<'_>) -> Result<String, String> {
    store::strange_log(dir).map_err(|error| error.to_string())?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let exported = store::export(dir, ask, |lobby, seq, entry| {
        writeln!(out, "{}", json::message(lobby, seq, entry))
    });
    match exported.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => Ok(String::new()),
        // Whoever reads it has had enough.
        Err(ExportError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => {
            // What is left has nobody to go to.
            let _ = out.into_parts();
            Ok(String::new())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The database that a cluster's log is to begin with, and what is in it.
pub(crate) fn open_for_cluster(dir: &Path) -> Result<(Db, String), String> {
    store::strange_log(dir).map_err(|error| error.to_string())?;
    let report = store::check(dir).map_err(|error| error.to_string())?;
    let (db, notes) = Db::open(dir).map_err(|error| error.to_string())?;
    let mut text: String = notes.iter().map(|note| format!("{note}\n")).collect();
    text.push_str(&format!("{}: {}\n", dir.join(DATABASE_FILE).display(), told(&report)));
    Ok((db, text))
}

/// Whether it is to be done: whoever is at a terminal is asked, anybody else has to have said so.
///
/// # Errors
/// What is to be said.
pub(crate) fn confirm(yes: bool) -> Result<bool, String> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err("nobody is there to be asked: say --yes where it is to be done".to_owned());
    }
    let mut err = std::io::stderr();
    let asked = write!(err, "Type yes to do it: ").and_then(|()| err.flush());
    asked.map_err(|error| error.to_string())?;
    Ok(read_line()?.trim_ascii() == b"yes")
}

/// `lobbyd passwd NAME`: makes the account, or gives it another password.
pub(crate) fn set_password(dir: &Path, name: &str, now: UnixMillis) -> Result<String, String> {
    let name = Name::parse(name).map_err(|error| format!("bad name '{name}': {error}"))?;
    if name.is_reserved() {
        return Err(format!("the name {name} is the server's own"));
    }
    let password = read_password()?;
    let (mut db, notes) = Db::open(dir).map_err(|error| match error {
        OpenError::InUse { .. } => {
            format!("{error}. A running server does it with: lobbyd ctl passwd {name}")
        }
        _ => error.to_string(),
    })?;
    let known = db.account(&name.key()).map_err(|error| error.to_string())?;
    let record = Arc::new(new_record(&password).map_err(|error| error.to_string())?);
    let mut changes = Vec::new();
    let (account, done) = match known {
        Some(account) if account.bot.is_some() => {
            return Err(format!("{name} is a bot, which a token lets in and no password"));
        }
        Some(account) => {
            // Whoever had it so far may have tied keys to it, which ask for no password.
            let keys = db.keys(account.id).map_err(|error| error.to_string())?;
            let done = new_password(keys.len() as u64);
            let id = account.id;
            changes.extend(keys.into_iter().map(|key| Change::key_removed(id, key)));
            (Account { record, ..account }, done)
        }
        None => {
            let snapshot = db.load(0).map_err(|error| error.to_string())?;
            let account = Account::new(snapshot.next_account, name.clone(), record, now);
            (account, "is registered".to_owned())
        }
    };
    let id = account.id;
    changes.extend([Change::AccountPut(account), Change::AccountVouched(id)]);
    db.apply(&changes).map_err(|error| error.to_string())?;
    let notes: String = notes.iter().map(|note| format!("{note}\n")).collect();
    Ok(format!("{notes}{name} {done}.\n"))
}

/// A password from standard input, as the login reads one: twice from somebody at a terminal, who does not see it.
pub(crate) fn read_password() -> Result<Password, String> {
    let Some(hidden) = Hidden::hide() else { return as_password(&read_line()?) };
    let first = as_password(&hidden.ask("New password: ")?)?;
    let again = as_password(&hidden.ask("Again: ")?);
    match again {
        Ok(again) if again.secret() == first.secret() => Ok(first),
        _ => Err("the two are not the same: nothing was changed".to_owned()),
    }
}

/// The next line of standard input, as far as a password may be long.
fn read_line() -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock().take(MAX_INPUT_BYTES);
    input
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
    // The last character may have been cut here, which is no fault of whoever typed it.
    if line.len() as u64 == MAX_INPUT_BYTES
        && let Err(cut) = std::str::from_utf8(&line)
        && cut.error_len().is_none()
    {
        line.truncate(cut.valid_up_to());
    }
    Ok(line)
}

/// A terminal that does not show what is typed until this is dropped.
struct Hidden(Termios);

impl Hidden {
    /// Where standard input is one.
    fn hide() -> Option<Self> {
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // Where it cannot be hidden it is seen, as in any other client.
        _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &hidden);
        Some(Self(before))
    }

    /// Asks, and reads on a thread of its own: whoever gives up by Ctrl-C gets their terminal back.
    fn ask(&self, question: &str) -> Result<Vec<u8>, String> {
        _ = std::io::stderr().write_all(question.as_bytes());
        let (typed, line) = oneshot::channel();
        thread::spawn(move || _ = typed.send(read_line()));
        let answer = actix::System::new().block_on(async {
            tokio::select! {
                line = line => line.unwrap_or_else(|_| Err(GIVEN_UP.to_owned())),
                _ = tokio::signal::ctrl_c() => Err(GIVEN_UP.to_owned()),
            }
        });
        // The line end that was typed did not show either.
        _ = std::io::stderr().write_all(b"\n");
        answer
    }
}

/// What whoever gives up is told.
const GIVEN_UP: &str = "no password was given: nothing was changed";

impl Drop for Hidden {
    fn drop(&mut self) {
        _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn as_password(line: &[u8]) -> Result<Password, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Password::for_account(&String::from_utf8_lossy(line))
        .map_err(|fault| format!("the password on standard input {fault}"))
}
