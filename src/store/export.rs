//! The messages of a lobby, one after the other, beside a running server or without one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};

use super::check::{CheckError, version_of};
use super::error::{StoreError, reason};
use super::open::reading_once;
use super::progress::{self, Work};
use super::read::{newest, oldest_kept};
use super::rows::{name, text, uint};
use super::trim::first_since;
use super::{DATABASE_FILE, message, schema};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::retention::{Retention, is_far};

/// Messages that are printed before it is told how many were.
const PRINTED_AT_ONCE: u64 = 100;

/// What is wanted of a lobby.
#[derive(Debug)]
pub struct Export<'a> {
    /// Its name, in any spelling.
    pub lobby: &'a str,
    /// How old the messages are at most; none for all that are kept.
    pub since: Option<Duration>,
    /// What is kept.
    pub retention: Retention,
    /// The time.
    pub now: UnixMillis,
}

/// Why an export came to an end before its time. One line each.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no lobby of this name.
    #[error("there is no lobby '{}'{}", name.escape_debug(), near.as_ref().map_or_else(String::new, |near| format!("; did you mean '{near}'?")))]
    NoLobby {
        /// What was asked for.
        name: String,
        /// The lobby whose name is nearest to it.
        near: Option<Name>,
    },
    /// There is no database, or none that this program can read.
    #[error(transparent)]
    Database(#[from] CheckError),
    /// A server opened the database in the midst of it, so what was read may be half old and half new.
    #[error("{}: a server started while it was read. Run it again: what was printed may not be right", .0.display())]
    Changed(PathBuf),
    /// Whoever reads what is printed takes no more.
    #[error("the messages cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What stops an export half-way.
enum Stop {
    Sql(rusqlite::Error),
    Store(StoreError),
    Error(ExportError),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Hands the messages of a lobby in the database in `dir` to `write`, oldest first, each with the name of
/// the lobby and its number there: those that are kept, as they are at one instant.
///
/// # Errors
/// Why not, or not all.
pub fn export(
    dir: &Path,
    ask: &Export<'_>,
    mut write: impl FnMut(&Name, u64, &Entry) -> io::Result<()>,
) -> Result<(), ExportError> {
    let path = dir.join(DATABASE_FILE);
    if !path.exists() {
        return Err(CheckError::Missing(path).into());
    }
    let unreadable = |reason| CheckError::Unreadable { path: path.clone(), reason }.into();
    match reading_once(&path, |conn| messages(conn, &path, ask, &mut write)) {
        Ok(Some(())) => Ok(()),
        Ok(None) => Err(ExportError::Changed(path)),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Sql(error)) => Err(unreadable(reason(&error))),
        Err(Stop::Store(error)) => Err(unreadable(error.to_string())),
    }
}

fn messages(
    conn: &Connection,
    path: &Path,
    ask: &Export<'_>,
    write: &mut impl FnMut(&Name, u64, &Entry) -> io::Result<()>,
) -> Result<(), Stop> {
    // One transaction, so that all of it is of one instant.
    let snapshot = conn.unchecked_transaction()?;
    let version = version_of(&snapshot, path)?.map_err(|error| Stop::Error(error.into()))?;
    schema::view_as_newest(&snapshot, version)?;
    let (lobby, called) = find(&snapshot, ask.lobby)?;
    let in_doubt = newest(&snapshot)?.is_some_and(|newest| is_far(newest, ask.now));
    let kept = ask.retention.kept(ask.now, in_doubt);
    let since = ask.since.map_or(UnixMillis(0), |age| ask.now.before(age));
    let wanted = first_since(&snapshot, lobby.0.into(), since)?;
    let first = oldest_kept(&snapshot, lobby, kept, wanted)?;
    let sql = format!(
        "SELECT {} FROM message WHERE lobby = ?1 AND seq >= ?2 ORDER BY seq",
        message::COLUMNS
    );
    let count = "SELECT count(*) FROM message WHERE lobby = ?1 AND seq >= ?2";
    let count = uint(snapshot.query_row(count, params![lobby.0, first], |row| row.get(0))?);
    let mut found = snapshot.prepare(&sql)?;
    let (mut rows, mut done) = (found.query(params![lobby.0, first])?, 0_u64);
    while let Some(row) = rows.next()? {
        done += 1;
        if done.is_multiple_of(PRINTED_AT_ONCE) {
            progress::tell(Work::Export, done, count);
        }
        write(&called, message::seq(row)?, &message::read(row)?)
            .map_err(|error| Stop::Error(error.into()))?;
    }
    Ok(())
}

/// The lobby of this name.
fn find(conn: &Connection, wanted: &str) -> Result<(LobbyId, Name), Stop> {
    let mut lobbies = conn.prepare("SELECT id, name FROM lobby ORDER BY id")?;
    let mut rows = lobbies.query([])?;
    let (mut near, wanted_key) = (None, wanted.to_ascii_lowercase());
    while let Some(row) = rows.next()? {
        let (id, name) = (LobbyId(row.get(0)?), name(text(row, 1)?)?);
        let far = strsim::damerau_levenshtein(name.key().as_str(), &wanted_key);
        if far == 0 {
            return Ok((id, name));
        }
        if near.as_ref().is_none_or(|(least, _)| far < *least) {
            near = Some((far, name));
        }
    }
    let near = near.map(|(_, name)| name);
    Err(Stop::Error(ExportError::NoLobby { name: wanted.to_owned(), near }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures_tests::{Folder, lobby, said};
    use crate::store::{Change, Db};

    const HOUR: Duration = Duration::from_secs(3_600);

    /// What is told of each message: lobby, number, text.
    fn exported(folder: &Folder, ask: &Export<'_>) -> Result<Vec<String>, ExportError> {
        let mut all = Vec::new();
        export(&folder.data(), ask, |lobby, seq, entry| {
            all.push(format!("{lobby} {seq} {}", entry.text.as_str()));
            Ok(())
        })?;
        Ok(all)
    }

    fn ask(lobby: &str) -> Export<'_> {
        let retention = Retention { age: HOUR, messages: 100 };
        Export { lobby, since: None, retention, now: UnixMillis(1_000) }
    }

    /// A database with two lobbies, in which messages were said in turn, a millisecond apart from 1,000 on.
    fn filled(folder: &Folder) -> Db {
        let (mut db, _) = Db::open(&folder.data()).unwrap();
        let lobbies = [(1, "general"), (2, "Coding")];
        let lobbies = lobbies.map(|(id, called)| Change::LobbyPut(lobby(id, called).into()));
        let said = (0..5).flat_map(|seq| [said(1, seq, "hi"), said(2, seq, &format!("m{seq}"))]);
        db.apply(&lobbies.into_iter().chain(said).collect::<Vec<_>>()).unwrap();
        db
    }

    #[test]
    fn the_messages_of_one_lobby_come_oldest_first_whether_a_server_runs_or_not() {
        let folder = Folder::new();
        let db = filled(&folder);
        let want: Vec<_> = (0..5).map(|seq| format!("Coding {seq} m{seq}")).collect();
        assert_eq!(exported(&folder, &ask("CODING")).unwrap(), want);
        drop(db);
        assert_eq!(exported(&folder, &ask("coding")).unwrap(), want);
        assert!(!folder.data().join("lobbyd.db-wal").exists(), "nothing is left behind");
    }

    #[test]
    fn what_is_not_kept_or_not_wanted_is_left_out() {
        let folder = Folder::new();
        filled(&folder);
        let count = |ask: Export<'_>| exported(&folder, &ask).unwrap().len();
        let millis = Duration::from_millis;
        let general = || ask("general");
        assert_eq!(
            count(Export { retention: Retention { age: HOUR, messages: 2 }, ..general() }),
            2
        );
        let retention = Retention { age: millis(2), messages: 9 };
        assert_eq!(count(Export { retention, now: UnixMillis(1_004), ..general() }), 3);
        assert_eq!(
            count(Export { since: Some(millis(1)), now: UnixMillis(1_004), ..general() }),
            2
        );
        // A clock that is weeks away from all that is stored makes nothing old.
        let far = UnixMillis(40 * 24 * 3_600 * 1_000);
        assert_eq!(count(Export { now: far, ..general() }), 5);
        assert_eq!(count(Export { now: far, since: Some(HOUR), ..general() }), 0);
    }

    #[test]
    fn a_lobby_that_is_not_there_is_told_with_the_nearest() {
        let folder = Folder::new();
        filled(&folder);
        let error = exported(&folder, &ask("genral")).unwrap_err().to_string();
        assert_eq!(error, "there is no lobby 'genral'; did you mean 'general'?");
        let nothing = Folder::new();
        let error = exported(&nothing, &ask("general")).unwrap_err().to_string();
        assert!(error.ends_with("there is no database. Check CHAT_DATA_DIR"), "{error}");
    }

    #[test]
    fn whoever_takes_no_more_ends_it() {
        let folder = Folder::new();
        filled(&folder);
        let mut count = 0;
        let full = |_: &Name, _: u64, _: &Entry| {
            count += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        };
        let error = export(&folder.data(), &ask("general"), full).unwrap_err();
        assert!(matches!(error, ExportError::Output(_)));
        assert_eq!(count, 1);
    }
}
