//! The search index: the only user of FTS5.
//!
//! The index holds tokens and no text. Each message has the token of its lobby too, so that a search
//! in a small lobby does not wade through the large ones.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::read::heard;
use super::rows::int;
use super::tokens;
use crate::chat::ignores::Ignores;
use crate::chat::kept::MessageId;
use crate::chat::lobbies::LobbyId;

/// Most tokens that are searched for at once: each is a list that is read along with the others. A run
/// of 33 characters without spaces has as many pairs.
const MAX_TERMS: usize = 32;

/// Stands before the number of a lobby in its token. No word holds it.
const LOBBY: char = '#';

/// Makes the index. Tokens come ready from [`tokens`], so all but spaces is part of one; what the
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

/// Adds a message.
pub(super) fn add(conn: &Connection, id: i64, lobby: i64, text: &str) -> rusqlite::Result<()> {
    let tokens = format!("{LOBBY}{lobby} {}", tokens::for_index(text));
    conn.prepare_cached("INSERT INTO search(rowid, tokens) VALUES (?1, ?2)")?
        .execute(params![id, tokens])
        .map(|_| ())
}

/// Takes a message out.
pub(super) fn remove(conn: &Connection, id: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([id]).map(|_| ())
}

/// At most `max` messages of a lobby with all of `words`, newest first, but for those of ignored authors.
pub(super) fn find(
    conn: &Connection,
    lobby: LobbyId,
    words: &str,
    max: usize,
    ignores: &Ignores,
) -> Result<Vec<MessageId>, StoreError> {
    let Some(query) = query(lobby, words)? else { return Ok(Vec::new()) };
    // Messages of a lobby are numbered in its order, so the newest have the highest numbers.
    let mut found = conn.prepare_cached(
        "SELECT m.id, m.seq, m.author, m.account, m.address
        FROM search CROSS JOIN message AS m ON m.id = search.rowid
        WHERE search MATCH ?1 AND m.lobby = (SELECT id FROM lobby WHERE id = ?2)
        ORDER BY search.rowid DESC LIMIT ?3",
    )?;
    let mut rows = found.query(params![query, lobby.0, int(max as u64)])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.extend(heard(row, ignores)?);
    }
    Ok(ids)
}

/// A query in the language of FTS5; none where there is nothing to look for. All of it stands in
/// quotes, so nothing of what a user typed is an operator.
fn query(lobby: LobbyId, words: &str) -> Result<Option<String>, StoreError> {
    let terms = tokens::for_query(words);
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
