//! How far something has come that may take long, told to whoever waits for it: nobody, unless the
//! program says so once.

use std::fmt;
use std::sync::OnceLock;

use rusqlite::Connection;

/// Steps of SQLite's virtual machine, or of its look at pages, from one telling to the next: some
/// milliseconds.
const STEPS: i32 = 50_000;

/// What takes long, as a line for people begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Pages are copied.
    Copy,
    /// Pages and indexes are looked through. Nobody knows how much there is to do.
    Look,
    /// Messages are read as a server would read them.
    Read,
    /// Messages are put into the search index of a database that had none.
    Index,
    /// A database is brought to the version of this program. Nobody knows how much there is to do.
    Migrate,
    /// Messages are printed.
    Export,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Copy => "Copying pages",
            Self::Look => "Looking through the database",
            Self::Read => "Reading messages",
            Self::Index => "Indexing messages",
            Self::Migrate => "Migrating the database",
            Self::Export => "Printing messages",
        })
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub work: Work,
    /// How much of it is done, and how much there is; none where nobody knows.
    pub part: Option<(u64, u64)>,
}

type Listener = Box<dyn Fn(Progress) + Send + Sync>;

static LISTENER: OnceLock<Listener> = OnceLock::new();

/// Has `listener` told from now on, often. Only the first one is.
pub fn on_progress(listener: impl Fn(Progress) + Send + Sync + 'static) {
    let _ = LISTENER.set(Box::new(listener));
}

/// Tells how much of something is done.
pub(super) fn tell(work: Work, done: u64, total: u64) {
    if let Some(listener) = LISTENER.get() {
        listener(Progress { work, part: Some((done, total)) });
    }
}

/// Tells now and then that statements are at work, until it is dropped.
pub(super) struct Telling<'a>(&'a Connection);

impl<'a> Telling<'a> {
    /// Begins to.
    pub(super) fn begin(conn: &'a Connection, work: Work) -> rusqlite::Result<Self> {
        if let Some(listener) = LISTENER.get() {
            let told = move || {
                listener(Progress { work, part: None });
                false
            };
            told();
            conn.progress_handler(STEPS, Some(told))?;
        }
        Ok(Self(conn))
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        silence(self.0);
    }
}

/// Of what comes now there are figures to tell: that statements are at work says less.
pub(super) fn silence(conn: &Connection) {
    if LISTENER.get().is_some() {
        // It fails only for a connection that is not ours.
        let _ = conn.progress_handler(0, None::<fn() -> bool>);
    }
}
