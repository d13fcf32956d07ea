//! Files that settings name: what is shown after login, and secrets.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;

use crate::chat::text::Line;
use crate::files::{ReadError, read_plain};

/// Bytes of a secret's file: keys are some hundred bytes long.
const MAX_SECRET_BYTES: u64 = 4 * 1024;

/// Bytes of what is shown after login: two screens. Everybody is sent it at each login.
pub const MAX_MOTD_BYTES: u64 = 4 * 1024;

/// Why a file that a setting names cannot be used. Nothing of its content is told.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It is not there, or may not be read.
    #[error("cannot be read: {0}. Check its name and permissions")]
    Unreadable(io::Error),
    /// It is a directory, a pipe or a device.
    #[error("is no plain file: name a file")]
    NotPlain,
    /// It has more than may be.
    #[error("has more than {0} bytes: make it shorter")]
    TooLong(u64),
    /// It is no text.
    #[error("is no UTF-8 text: save it as UTF-8")]
    NotText,
    /// There is nothing in it.
    #[error("is empty: put the secret into it")]
    Empty,
    /// There is more in it than the secret.
    #[error("has more than one line: put the secret alone into it")]
    TooManyLines,
}

impl From<ReadError> for FileError {
    fn from(why: ReadError) -> Self {
        match why {
            ReadError::Io(error) => Self::Unreadable(error),
            ReadError::NotPlain => Self::NotPlain,
            ReadError::TooLong(max) => Self::TooLong(max),
        }
    }
}

/// A secret that stands in a file of its own, without the end of its line.
pub(super) fn secret(path: &Path) -> Result<String, FileError> {
    let text = read(path, MAX_SECRET_BYTES)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text {
        "" => Err(FileError::Empty),
        text if text.contains(['\n', '\r']) => Err(FileError::TooManyLines),
        text => Ok(text.to_owned()),
    }
}

/// What is shown after login: clean rows, empty ones among them, but for those at the end.
pub(super) fn motd(path: &Path) -> Result<Vec<Line>, FileError> {
    let text = read(path, MAX_MOTD_BYTES)?;
    let mut rows: Vec<Line> = text.lines().map(Line::clean).collect();
    let end = rows.iter().rposition(|row| !row.is_blank()).map_or(0, |last| last + 1);
    rows.truncate(end);
    Ok(rows)
}

/// The text of a plain file. A link is followed: secrets are handed over by way of links.
fn read(path: &Path, max: u64) -> Result<String, FileError> {
    let bytes = read_plain(path, max)?;
    let text = String::from_utf8(bytes).map_err(|_| FileError::NotText)?;
    // As editors of Windows write it.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The fault of a file, in one line with the key that names it.
pub(super) struct Fault<'a> {
    pub(super) key: &'a str,
    /// None where the name may be the secret itself, by mistake.
    pub(super) path: Option<&'a Path>,
    pub(super) error: FileError,
}

impl Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, path, error } = self;
        match path {
            Some(path) => write!(f, "{key}: {} {error}", path.display().to_string().escape_debug()),
            None => write!(f, "{key}: the file {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What is made of a file with these bytes, which is gone afterwards.
    fn with<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
        let path = std::env::temp_dir().join(format!("lobbyd-{name}-{}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        let made = read(&path);
        fs::remove_file(path).unwrap();
        made
    }

    #[test]
    fn a_secret_is_what_stands_before_the_end_of_its_line() {
        for (bytes, want) in [
            (&b"sk-1"[..], Some("sk-1")),
            (b"sk-1\n", Some("sk-1")),
            (b"sk-1\r\n", Some("sk-1")),
            (b"\xef\xbb\xbfsk-1\n", Some("sk-1")),
            // What else is no key is for the settings to say.
            (b" sk-1 \n", Some(" sk-1 ")),
            (b"", None),
            (b"\n", None),
            (b"sk-1\n\n", None),
            (b"sk-1\nsk-2", None),
            (b"sk-\xff", None),
            (&[b'x'; 4_097], None),
        ] {
            let made = with("secret", bytes, secret);
            assert_eq!(made.as_deref().ok(), want, "{bytes:?}");
            if let Err(error) = made {
                let told = error.to_string();
                assert!(!told.contains("sk-") && told.contains(": "), "{told}");
            }
        }
    }

    #[test]
    fn what_is_shown_keeps_its_empty_rows_and_its_indentation() {
        let rows = |bytes: &[u8]| {
            let rows = with("motd", bytes, motd)?;
            Ok::<_, FileError>(rows.iter().map(|row| row.as_str().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(rows(b"Hello\r\n\r\n    code\n\n \n").unwrap(), ["Hello", "", "    code"]);
        assert_eq!(rows(b"\x1b[31mred\x1b[m\tand \xe2\x80\xaeblue").unwrap(), ["red and blue"]);
        assert_eq!(rows(b"\n \n").unwrap(), [""; 0]);
        assert!(matches!(rows(b"caf\xe9"), Err(FileError::NotText)));
        assert!(matches!(rows(&[b'x'; 4_097]), Err(FileError::TooLong(MAX_MOTD_BYTES))));
        assert_eq!(rows(&[b'x'; 4_096]).unwrap().len(), 1);
    }

    #[test]
    fn only_a_plain_file_is_read_and_a_link_to_one() {
        let link = std::env::temp_dir().join(format!("lobbyd-link-{}", std::process::id()));
        with("linked", b"sk-1\n", |path| {
            std::os::unix::fs::symlink(path, &link).unwrap();
            assert_eq!(secret(&link).unwrap(), "sk-1");
            fs::remove_file(&link).unwrap();
        });
        assert!(matches!(secret(&std::env::temp_dir()), Err(FileError::NotPlain)));
        assert!(matches!(secret(Path::new("/dev/zero")), Err(FileError::NotPlain)));
        assert!(matches!(secret(Path::new("/nowhere")), Err(FileError::Unreadable(_))));
    }
}
