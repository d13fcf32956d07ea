//! Deletes what is over the limits, a little at a time: nobody waits long for a small step.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::error::StoreError;
use super::rows::int;
use super::{Db, search};
use crate::chat::history::UnixMillis;

/// Most lobbies that one step looks at.
const LOBBIES_PER_STEP: i64 = 64;

/// How far the round through all lobbies has come.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Round {
    /// The first lobby that has not been looked at.
    next: i64,
}

impl Db {
    /// Deletes at most `max_rows` messages: those of lobbies that are gone, those that were taken back, and
    /// of each other lobby those before the first that is not from before `keep_since`, and all but the
    /// newest `keep_messages`. Mutes and bans that
    /// ended before `keep_since` go too. Says whether the round has more to do: then call it again,
    /// after what has come up meanwhile.
    ///
    /// # Errors
    /// Why not; then nothing was deleted.
    pub fn trim(
        &mut self,
        keep_since: UnixMillis,
        keep_messages: u64,
        max_rows: usize,
    ) -> Result<bool, StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut budget = max_rows;
        sweep(&tx, &mut budget)?;
        sweep_taken_back(&tx, &mut budget)?;
        let round = trim_lobbies(&tx, self.round, keep_since, keep_messages, &mut budget)?;
        if round.is_none() && budget > 0 {
            let sql = "DELETE FROM sanction WHERE until < ?1";
            tx.prepare_cached(sql)?.execute([int(keep_since.0)])?;
        }
        tx.commit()?;
        self.round = round.unwrap_or_default();
        Ok(round.is_some() || budget == 0)
    }

    /// Writes as much of the log back into the database file as can be without waiting, and syncs
    /// it. SQLite does this by itself after some megabytes; in a quiet hour it makes the log short.
    ///
    /// # Errors
    /// Why not.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// The same to the end: the log is empty afterwards, and the file alone holds everything. Waits
    /// for whoever reads.
    ///
    /// # Errors
    /// Why not.
    pub fn empty_log(&self) -> Result<(), StoreError> {
        self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Deletes the messages of lobbies that were removed.
fn sweep(conn: &Connection, budget: &mut usize) -> rusqlite::Result<()> {
    while *budget > 0 {
        let sql = "SELECT id FROM removed WHERE kind = 'lobby' AND NOT swept LIMIT 1";
        let gone = conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        let Some(lobby) = gone else { return Ok(()) };
        delete_up_to(conn, lobby, i64::MAX, budget)?;
        if *budget > 0 {
            let sql = "UPDATE removed SET swept = 1 WHERE kind = 'lobby' AND id = ?1";
            conn.prepare_cached(sql)?.execute([lobby])?;
        }
    }
    Ok(())
}

/// Deletes the messages that were taken back, of whatever lobby.
fn sweep_taken_back(conn: &Connection, budget: &mut usize) -> rusqlite::Result<()> {
    while *budget > 0 {
        let sql = "SELECT min(lobby) FROM message WHERE lobby < 0";
        let lobby: Option<i64> = conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        let Some(lobby) = lobby else { return Ok(()) };
        delete_up_to(conn, lobby, i64::MAX, budget)?;
    }
    Ok(())
}

/// Goes on with the round. Gives where it stopped, or none where it is complete.
fn trim_lobbies(
    conn: &Connection,
    round: Round,
    keep_since: UnixMillis,
    keep_messages: u64,
    budget: &mut usize,
) -> rusqlite::Result<Option<Round>> {
    let lobbies: Vec<i64> = conn
        .prepare_cached("SELECT id FROM lobby WHERE id >= ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![round.next, LOBBIES_PER_STEP], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for &lobby in &lobbies {
        let first = first_since(conn, lobby, keep_since)?;
        note_next(conn, lobby, first)?;
        delete_up_to(conn, lobby, first.saturating_sub(1), budget)?;
        if let Some(last) = surplus(conn, lobby, 0, keep_messages)? {
            delete_up_to(conn, lobby, last, budget)?;
        }
        if *budget == 0 {
            return Ok(Some(Round { next: lobby }));
        }
    }
    let more = lobbies.len() as i64 == LOBBIES_PER_STEP;
    Ok(lobbies.last().filter(|_| more).map(|last| Round { next: last + 1 }))
}

/// Where messages before this number are about to be deleted, maybe all there are, the number of the next one is
/// kept: none is given twice, and on all nodes of a cluster it is the same, whenever each deletes.
fn note_next(conn: &Connection, lobby: i64, before: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE lobby SET next_seq = max(next_seq,
            (SELECT max(seq) + 1 FROM message WHERE lobby = ?1))
        WHERE id = ?1 AND EXISTS (SELECT 1 FROM message WHERE lobby = ?1 AND seq < ?2)";
    conn.prepare_cached(sql)?.execute([lobby, before]).map(|_| ())
}

/// The number of the newest message that is more than `keep` of a lobby, where those from number `from` on
/// are as many.
pub(super) fn surplus(
    conn: &Connection,
    lobby: i64,
    from: i64,
    keep: u64,
) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT (SELECT max(seq) FROM message WHERE lobby = ?1)
        - max(?2, (SELECT min(seq) FROM message WHERE lobby = ?1))";
    let span: Option<i64> = conn.prepare_cached(sql)?.query_row([lobby, from], |row| row.get(0))?;
    // Numbers can be missing, so there are as many at most; counting them takes far longer.
    if span.is_none_or(|span| span < int(keep)) {
        return Ok(None);
    }
    let sql = "SELECT seq FROM message WHERE lobby = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2";
    conn.prepare_cached(sql)?.query_row(params![lobby, int(keep)], |row| row.get(0)).optional()
}

/// The number of the first message of a lobby that is not from before `since`; past all where there is
/// none. What comes after that one is kept by its order: while the clock was set back, messages were given
/// times that are too old.
pub(super) fn first_since(
    conn: &Connection,
    lobby: i64,
    since: UnixMillis,
) -> rusqlite::Result<i64> {
    if since == UnixMillis(0) {
        return Ok(0);
    }
    let values = params![lobby, int(since.0)];
    // By the index of times. Without it, a lobby in which all is old would be walked through.
    let sql = "SELECT 1 FROM message WHERE lobby = ?1 AND at >= ?2 LIMIT 1";
    if !conn.prepare_cached(sql)?.exists(values)? {
        return Ok(i64::MAX);
    }
    // What stands before it is about to be deleted, so it is mostly little.
    let sql = "SELECT seq FROM message WHERE lobby = ?1 AND +at >= ?2 ORDER BY seq LIMIT 1";
    conn.prepare_cached(sql)?.query_row(values, |row| row.get(0))
}

/// Deletes the messages of a lobby up to a number, and takes them off the budget.
fn delete_up_to(
    conn: &Connection,
    lobby: i64,
    seq: i64,
    budget: &mut usize,
) -> rusqlite::Result<()> {
    let sql = "SELECT id FROM message WHERE lobby = ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
    let mut found = conn.prepare_cached(sql)?;
    let found = found.query_map([lobby, seq, int(*budget as u64)], |row| row.get(0))?;
    let ids: Vec<i64> = found.collect::<Result<_, _>>()?;
    // One table after the other: see `search::Indexer`.
    search::remove(conn, &ids)?;
    let mut gone = conn.prepare_cached("DELETE FROM message WHERE id = ?1")?;
    for id in &ids {
        gone.execute([id])?;
    }
    *budget = budget.saturating_sub(ids.len());
    Ok(())
}
