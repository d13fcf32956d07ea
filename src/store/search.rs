//! The search index: the only user of FTS5.
//!
//! The index holds tokens and no text. Each message has the token of its lobby too, so that a search
//! in a small lobby does not wade through the large ones.

use std::fmt::Write;

use rusqlite::{CachedStatement, Connection, params};

use super::error::StoreError;
use super::message;
use super::progress::{self, Work};
use super::read::{heard, oldest_kept};
use super::rows::{int, uint};
use super::tokens::{Cutter, for_query};
use crate::chat::ignores::Ignores;
use crate::chat::kept::MessageId;
use crate::chat::lobbies::LobbyId;
use crate::chat::retention::Kept;
use crate::chat::text::Text;

/// Most tokens that are searched for at once: each is a list that is read along with the others. A run
/// of 33 characters without spaces has as many pairs.
const MAX_TERMS: usize = 32;

/// Messages that are indexed before it is told how many were.
const INDEXED_AT_ONCE: u64 = 1_000;

/// Stands before the number of a lobby in its token. No word holds it.
const LOBBY: char = '#';

/// Makes the index. Tokens come ready from [`super::tokens`], so all but spaces is part of one; what the
/// tokenizer still does is to take the accents off Latin letters.
pub(super) fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        r#"CREATE VIRTUAL TABLE search USING fts5(
            tokens,
            content = '',
            contentless_delete = 1,
            tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* P* S* C*'"
        )"#,
    )
}

/// Adds messages, in memory that it keeps from one group of them to the next.
///
/// Many at a time, and nothing else in between: a statement that could be undone alone makes FTS5 write
/// what it has gathered, so that each message would be a tree of its own.
#[derive(Debug, Default)]
pub(super) struct Indexer {
    cutter: Cutter,
    tokens: String,
    /// Row, lobby and text of each message that is to be added.
    noted: Vec<(i64, LobbyId, Text)>,
}

impl Indexer {
    /// Forgets what was noted of a group that came to nothing.
    pub(super) fn begin(&mut self) {
        self.noted.clear();
    }

    /// A message that [`add_noted`](Self::add_noted) is to add.
    pub(super) fn note(&mut self, id: i64, lobby: LobbyId, text: &Text) {
        self.noted.push((id, lobby, text.clone()));
    }

    /// Adds what was noted.
    pub(super) fn add_noted(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let mut insert = insert(conn)?;
        for (id, lobby, text) in self.noted.drain(..) {
            let tokens = cut(&mut self.tokens, &mut self.cutter, lobby.0.into(), text.as_str());
            insert.execute(params![id, tokens])?;
        }
        Ok(())
    }

    /// Adds all messages that there are.
    pub(super) fn add_all(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let mut insert = insert(conn)?;
        progress::silence(conn);
        let all = conn.query_row("SELECT count(*) FROM message", [], |row| row.get(0))?;
        let mut messages = conn.prepare("SELECT id, lobby, text FROM message ORDER BY id")?;
        let (mut rows, mut done) = (messages.query([])?, 0_u64);
        while let Some(row) = rows.next()? {
            done += 1;
            if done.is_multiple_of(INDEXED_AT_ONCE) {
                progress::tell(Work::Index, done, uint(all));
            }
            let (id, lobby, text): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            insert.execute(params![id, cut(&mut self.tokens, &mut self.cutter, lobby, &text)])?;
        }
        Ok(())
    }
}

fn insert(conn: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    conn.prepare_cached("INSERT INTO search(rowid, tokens) VALUES (?1, ?2)")
}

/// All tokens of a message, in the memory of the last one's.
fn cut<'a>(tokens: &'a mut String, cutter: &mut Cutter, lobby: i64, text: &str) -> &'a str {
    tokens.clear();
    // Writing to a string cannot fail.
    let _ = write!(tokens, "{LOBBY}{lobby}");
    cutter.for_index(text, tokens);
    tokens
}

/// Takes messages out.
pub(super) fn remove(conn: &Connection, ids: &[i64]) -> rusqlite::Result<()> {
    let mut gone = conn.prepare_cached("DELETE FROM search WHERE rowid = ?1")?;
    ids.iter().try_for_each(|id| gone.execute([id]).map(|_| ()))
}

/// At most `max` messages of a lobby with all of `words`, of those that are kept, newest first, but for
/// those of ignored authors.
pub(super) fn find(
    conn: &Connection,
    lobby: LobbyId,
    words: &str,
    max: usize,
    kept: Kept,
    ignores: &Ignores,
) -> Result<Vec<MessageId>, StoreError> {
    let Some(query) = query(lobby, words)? else { return Ok(Vec::new()) };
    // Messages of a lobby are numbered in its order, so the newest have the highest numbers.
    let found = conn.prepare_cached(&format!(
        "SELECT {} FROM search CROSS JOIN message ON message.id = search.rowid
        WHERE search MATCH ?1 AND lobby = (SELECT id FROM lobby WHERE id = ?2)
        ORDER BY search.rowid DESC LIMIT ?3",
        message::OF_WHOM
    ))?;
    let values = params![query, lobby.0, int(max as u64)];
    let mut ids = heard(found, values, ignores)?;
    // The oldest of what was found tells whether it has to be counted how many are newer.
    if let Some(last) = ids.last() {
        let oldest = oldest_kept(conn, lobby, kept, int(last.seq))?;
        ids.retain(|id| int(id.seq) >= oldest);
    }
    Ok(ids)
}

/// A query in the language of FTS5; none where there is nothing to look for. All of it stands in
/// quotes, so nothing of what a user typed is an operator.
fn query(lobby: LobbyId, words: &str) -> Result<Option<String>, StoreError> {
    let terms = for_query(words);
    if terms.iter().map(|term| term.split(' ').count()).sum::<usize>() > MAX_TERMS {
        return Err(StoreError::TooManyTerms);
    }
    let mut query = format!("\"{LOBBY}{}\"", lobby.0);
    for term in &terms {
        query.push_str(" AND \"");
        query.push_str(&term.replace('"', "\"\""));
        query.push('"');
    }
    Ok((!terms.is_empty()).then_some(query))
}
