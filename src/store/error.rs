//! What can go wrong while the database is open.

use rusqlite::ErrorCode;

/// Why nothing was written, or nothing read. It holds no text of a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room is left. It heals when there is.
    #[error("the disk is full")]
    Full,
    /// The file or its file system became read-only. It heals when that ends.
    #[error("the database cannot be written: it is read-only")]
    ReadOnly,
    /// Another program keeps the database locked. It heals when that lets go.
    #[error("the database is locked by another program")]
    Busy,
    /// The disk fails, or the file cannot be opened any more. It may heal.
    #[error("the database cannot be reached: {0}")]
    Io(String),
    /// The file is damaged, or holds what cannot have been written. It does not heal.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// This change of the group (counted from 0) contradicts what is stored, as where a name is
    /// another's. It never succeeds: leave it out and do the rest.
    #[error("change {0} of the group contradicts what is stored")]
    Rejected(usize),
    /// A read was given up: it took longer than it may.
    #[error("it takes too long")]
    TooSlow,
    /// A search has more terms of the index than it may.
    #[error("too many terms are searched for")]
    TooManyTerms,
    /// So many questions wait already that this one was not taken.
    #[error("too many questions wait")]
    Overloaded,
    /// Anything else: a fault in the program.
    #[error("the database failed: {0}")]
    Other(String),
}

impl StoreError {
    /// What whoever asked is told where the program itself broke.
    pub fn fault() -> Self {
        Self::Other("a fault".into())
    }

    /// Something that is stored cannot be read as what it should be.
    pub(super) fn unreadable(what: &str) -> Self {
        Self::Corrupt(format!("it holds a {what} that cannot be read"))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        // SQLite's words for the code only: its messages can quote what was being written.
        let reason = reason(&error);
        match &error {
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::Utf8Error(..) => Self::unreadable("value"),
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full,
                Some(ErrorCode::OperationInterrupted) => Self::TooSlow,
                Some(ErrorCode::ReadOnly) => Self::ReadOnly,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
                Some(
                    ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::FileLockingProtocolFailed,
                ) => Self::Io(reason),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(reason),
                _ => Self::Other(reason),
            },
        }
    }
}

/// What SQLite calls this error, without anything of the data.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, _) => code.to_string(),
        rusqlite::Error::SqlInputError { error, .. } => error.to_string(),
        rusqlite::Error::QueryReturnedNoRows => "a row is missing".into(),
        _ => "an unexpected value".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn codes_of_sqlite_become_what_an_operator_can_act_on() {
        let error = |code| {
            let message = Some("near \"a secret\"".to_owned());
            StoreError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), message))
        };
        assert_eq!(error(ffi::SQLITE_FULL), StoreError::Full);
        assert_eq!(error(ffi::SQLITE_INTERRUPT), StoreError::TooSlow);
        assert_eq!(error(ffi::SQLITE_READONLY), StoreError::ReadOnly);
        assert_eq!(error(ffi::SQLITE_READONLY_DBMOVED), StoreError::ReadOnly);
        assert_eq!(error(ffi::SQLITE_BUSY), StoreError::Busy);
        assert_eq!(error(ffi::SQLITE_LOCKED), StoreError::Busy);
        assert_eq!(error(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Busy);
        for code in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CANTOPEN] {
            assert!(matches!(error(code), StoreError::Io(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_CORRUPT_VTAB, ffi::SQLITE_NOTADB] {
            assert!(matches!(error(code), StoreError::Corrupt(_)), "{code}");
        }
        for code in [ffi::SQLITE_ERROR, ffi::SQLITE_MISUSE, ffi::SQLITE_NOMEM] {
            assert!(matches!(error(code), StoreError::Other(_)), "{code}");
            assert!(!error(code).to_string().contains("secret"));
        }
    }
}
