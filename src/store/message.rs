//! The table of messages: an [`Entry`] to its row and back, each column by its name. A kind of message
//! that is new stands here, in [`kind`] and [`kind_columns`], and nowhere else in the store.

use rusqlite::{CachedStatement, Connection, Row, named_params};

use super::error::StoreError;
use super::rows::{int, maybe_text, name, named_person, person_columns, text, time, uint};
use crate::chat::history::{Entry, MessageKind};
use crate::chat::ignores::Ignores;
use crate::chat::kept::MessageId;
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::text::Text;

/// What [`read`] and [`seq`] read and [`insert`] writes; of which lobby it is comes beside it, and over
/// which connection it was said, which is looked for and never read.
pub(super) const COLUMNS: &str =
    "seq, at, author, picture, tagged, action, rox, text, account, address, bot";

/// What [`heard`] reads: which message it is, and whose.
pub(super) const OF_WHOM: &str =
    "message.id AS id, message.seq AS seq, author, message.account AS account, address, bot";

/// The message of a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Entry, StoreError> {
    Ok(Entry {
        at: time(row.get("at")?),
        author: author(row)?,
        picture: Picture::restore(text(row, "picture")?),
        text: match kind(row)? {
            MessageKind::Answer => Text::clean_all(text(row, "text")?),
            _ => Text::clean(text(row, "text")?),
        },
        kind: kind(row)?,
    })
}

fn author(row: &Row<'_>) -> Result<Person, StoreError> {
    Ok(Person { bot: row.get("bot")?, ..named_person(row, "author", "account", "address")? })
}

/// Its number in its lobby.
pub(super) fn seq(row: &Row<'_>) -> Result<u64, StoreError> {
    Ok(uint(row.get("seq")?))
}

fn kind(row: &Row<'_>) -> Result<MessageKind, StoreError> {
    Ok(match (maybe_text(row, "tagged")?, row.get("action")?, row.get("rox")?) {
        (_, _, ASKED) => MessageKind::Asked,
        (_, _, ANSWER) => MessageKind::Answer,
        (Some(whom), _, _) => MessageKind::Tag(name(whom)?),
        (None, true, _) => MessageKind::Action,
        (None, false, _) => MessageKind::Said,
    })
}

/// In the column `rox`: it is no part of the talk with Rox, a question, or an answer.
const NOT_OF_ROX: u8 = 0;
const ASKED: u8 = 1;
pub(super) const ANSWER: u8 = 2;

/// `tagged, action, rox`
fn kind_columns(kind: &MessageKind) -> (Option<&str>, bool, u8) {
    match kind {
        MessageKind::Said => (None, false, NOT_OF_ROX),
        MessageKind::Action => (None, true, NOT_OF_ROX),
        MessageKind::Tag(whom) => (Some(whom.as_str()), false, NOT_OF_ROX),
        MessageKind::Asked => (None, false, ASKED),
        MessageKind::Answer => (None, false, ANSWER),
    }
}

/// Which message the row of [`OF_WHOM`] is; none where its author is ignored.
pub(super) fn heard(row: &Row<'_>, ignores: &Ignores) -> Result<Option<MessageId>, StoreError> {
    let id = MessageId { row: row.get("id")?, seq: seq(row)? };
    let hears = ignores.is_empty() || !ignores.contains(&author(row)?);
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
    let (tagged, action, rox) = kind_columns(&entry.kind);
    let added = insertion.execute(named_params! {
        ":lobby": lobby.0,
        ":conn": entry.author.conn.map(|conn| conn.0.cast_signed()),
        ":seq": int(seq),
        ":at": int(entry.at.0),
        ":author": entry.author.name.as_str(),
        ":picture": entry.picture.key(),
        ":tagged": tagged,
        ":action": action,
        ":rox": rox,
        ":text": entry.text.as_str(),
        ":account": account,
        ":address": address,
        ":bot": entry.author.bot,
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
        let kinds = [
            MessageKind::Said,
            MessageKind::Action,
            MessageKind::Tag(name("bob")),
            MessageKind::Asked,
            MessageKind::Answer,
        ];
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
    fn an_answer_has_as_many_rows_as_were_shown() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "general").into())]);
        let rows = (0..60).map(|row| format!("row {row}\n")).collect::<String>();
        let long = Entry {
            kind: MessageKind::Answer,
            text: Text::clean_all(rows.trim_end()),
            ..entry(1, "")
        };
        let (lobby, entry) = (LobbyId(1), long.clone().into());
        db.apply(&[Change::Said { lobby, seq: 3, entry }]).unwrap();
        assert_eq!(stored(&db), [(3, long)]);
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
