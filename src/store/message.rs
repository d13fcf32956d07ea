//! The table of messages: an [`Entry`] to its row and back, each column by its name. A kind of message
//! that is new stands here, in [`kind`] and [`kind_columns`], and nowhere else in the store.

use rusqlite::{CachedStatement, Connection, Row, named_params};

use super::error::StoreError;
use super::rows::{int, maybe_text, name, named_person, person_columns, text, time, uint};
use crate::chat::history::{Entry, MessageKind};
use crate::chat::ignores::Ignores;
use crate::chat::kept::MessageId;
use crate::chat::lobbies::LobbyId;
use crate::chat::pictures::Picture;
use crate::chat::text::Text;

/// What [`read`] and [`seq`] read and [`insert`] writes; of which lobby it is comes beside it, and over
/// which connection it was said, which is looked for and never read.
pub(super) const COLUMNS: &str = "seq, at, author, picture, tagged, action, text, account, address";

/// What [`heard`] reads: which message it is, and whose.
pub(super) const OF_WHOM: &str =
    "message.id AS id, message.seq AS seq, author, message.account AS account, address";

/// The message of a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        at: time(row.get("at")?),
        author: named_person(row, "author", "account", "address")?,
        picture: Picture::restore(text(row, "picture")?),
        kind: kind(row)?,
        text: Text::clean(text(row, "text")?),
    })
}

/// Its number in its lobby.
pub(super) fn seq(row: &Row<'_>) -> Result<u64, StoreError> {
    Ok(uint(row.get("seq")?))
}

fn kind(row: &Row<'_>) -> Result<MessageKind, StoreError> {
    Ok(match (maybe_text(row, "tagged")?, row.get("action")?) {
        (Some(whom), _) => MessageKind::Tag(name(whom)?),
        (None, true) => MessageKind::Action,
        (None, false) => MessageKind::Said,
    })
}

/// `tagged, action`
fn kind_columns(kind: &MessageKind) -> (Option<&str>, bool) {
    match kind {
        MessageKind::Said => (None, false),
        MessageKind::Action => (None, true),
        MessageKind::Tag(whom) => (Some(whom.as_str()), false),
    }
}

/// Which message the row of [`OF_WHOM`] is; none where its author is ignored.
pub(super) fn heard(row: &Row<'_>, ignores: &Ignores) -> Result<Option<MessageId>, StoreError> {
    let id = MessageId { row: row.get("id")?, seq: seq(row)? };
    let hears = ignores.is_empty()
        || !ignores.contains(&named_person(row, "author", "account", "address")?);
    Ok(hears.then_some(id))
}

/// The statement that [`insert`] wants: most changes are messages, so it is looked up once for many.
///
/// As plain as it can be: where it looked for the lobby too, SQLite would note for each message how to undo
/// it alone, which takes as long again.
pub(super) fn insertion(conn: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    let values = COLUMNS.replace(", ", ", :");
    conn.prepare_cached(&format!(
        "INSERT INTO message(lobby, conn, {COLUMNS}) VALUES (:lobby, :conn, :{values})
        ON CONFLICT(lobby, seq) DO NOTHING"
    ))
}

/// Adds a message, unless its lobby has one of this number. Says whether it was added.
pub(super) fn insert(
    insertion: &mut CachedStatement<'_>,
    lobby: LobbyId,
    seq: u64,
    entry: &Entry,
) -> rusqlite::Result<bool> {
    let (account, address) = person_columns(&entry.author);
    let (tagged, action) = kind_columns(&entry.kind);
    let added = insertion.execute(named_params! {
        ":lobby": lobby.0,
        ":conn": entry.author.conn.map(|conn| conn.0.cast_signed()),
        ":seq": int(seq),
        ":at": int(entry.at.0),
        ":author": entry.author.name.as_str(),
        ":picture": entry.picture.key(),
        ":tagged": tagged,
        ":action": action,
        ":text": entry.text.as_str(),
        ":account": account,
        ":address": address,
    })?;
    Ok(added > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixtures_tests::{db, entry, lobby, name};
    use crate::store::{Change, Db};

    fn stored(db: &Db) -> Vec<(u64, Entry)> {
        db.load(10).unwrap().lobbies.remove(0).history
    }

    #[test]
    fn every_kind_of_message_is_read_as_it_was_written() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "general").into())]);
        let kinds = [MessageKind::Said, MessageKind::Action, MessageKind::Tag(name("bob"))];
        let written = (7..).zip(kinds);
        let written: Vec<(u64, Entry)> =
            written.map(|(seq, kind)| (seq, Entry { kind, ..entry(seq, "text") })).collect();
        for (seq, entry) in &written {
            let (lobby, entry) = (LobbyId(1), entry.clone().into());
            db.apply(&[Change::Said { lobby, seq: *seq, entry }]).unwrap();
        }
        assert_eq!(stored(&db), written);
    }

    #[test]
    fn a_number_of_a_lobby_is_one_messages() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "general").into())]);
        let said = |text| Change::Said { lobby: LobbyId(1), seq: 3, entry: entry(1, text).into() };
        db.apply(&[said("first")]).unwrap();
        db.apply(&[said("second")]).unwrap();
        assert_eq!(stored(&db), [(3, entry(1, "first"))]);
    }
}
