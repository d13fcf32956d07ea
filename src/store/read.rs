//! Questions to the database.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Params, Row, params, params_from_iter,
};

use super::error::StoreError;
use super::rows::{self, int, scope_column, uint};
use super::trim::{first_since, surplus};
use super::{Db, account, lobby, message, node, search};
use crate::chat::directory::IpKey;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::kept::{
    Account, AccountId, AuditEntry, AuditId, Authored, Key, Mail, MailId, MessageId, Missed, Page,
    SanctionKind, Scope, Since, Snapshot, StoredLobby,
};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::NameKey;
use crate::chat::person::Person;
use crate::chat::retention::Kept;
use crate::chat::sanctions::Sanctions;

impl Db {
    /// Everything that a server keeps in memory, with the newest `history_messages` of each lobby.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn load(&self, history_messages: usize) -> Result<Snapshot, StoreError> {
        load(&self.conn, history_messages)
    }

    /// What was said last in a lobby, under its numbers, oldest first.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn recent(&self, lobby: LobbyId, max: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
        history(&self.conn, lobby, max)
    }

    /// The account of this name in any spelling.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn account(&self, key: &NameKey) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {} FROM account WHERE key = ?1", account::COLUMNS);
        let found = list(self.conn.prepare_cached(&sql)?, [key.as_str()], account::read)?;
        Ok(found.into_iter().next())
    }

    /// The keys that an account is known by: certificates first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn keys(&self, account: AccountId) -> Result<Vec<Key>, StoreError> {
        let sql = "SELECT kind, fingerprint FROM cert WHERE account = ?1
            ORDER BY kind = 'ssh', fingerprint";
        list(self.conn.prepare_cached(sql)?, [account.0], rows::key)
    }

    /// The account of this name, if it is known by this key.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn account_of_key(
        &self,
        known_by: &Key,
        name: &NameKey,
    ) -> Result<Option<AccountId>, StoreError> {
        let sql = "SELECT account.id FROM account JOIN cert ON cert.account = account.id
            WHERE account.key = ?1 AND cert.kind = ?2 AND cert.fingerprint = ?3";
        let mut found = self.conn.prepare_cached(sql)?;
        let row =
            params![name.as_str(), rows::key_kind_column(known_by.kind), known_by.fingerprint.0];
        let id = found.query_row(row, |row| row.get(0));
        Ok(id.optional()?.map(AccountId))
    }

    /// Whom an account ignores.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn ignores(&self, account: AccountId) -> Result<Ignores, StoreError> {
        ignores(&self.conn, account)
    }

    /// Which private messages wait for an account and who wrote them, oldest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn mail_waiting(&self, account: AccountId) -> Result<Vec<(MailId, Person)>, StoreError> {
        let sql = "SELECT id, sender, sender_account, sender_address, sender_bot
            FROM mail WHERE account = ?1 ORDER BY id";
        let letter = |row: &Row<'_>| {
            let from = rows::named_person(row, 1, 2, 3)?;
            Ok((MailId(uint(row.get(0)?)), Person { bot: row.get(4)?, ..from }))
        };
        list(self.conn.prepare_cached(sql)?, [account.0], letter)
    }

    /// The first of these private messages of an account, as many as fit into `max_bytes`.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn letters(
        &self,
        account: AccountId,
        ids: &[MailId],
        max_bytes: usize,
    ) -> Result<Page<(MailId, Mail)>, StoreError> {
        let sql = "SELECT id, sender, at, text, sender_account, sender_address, sender_bot
            FROM mail WHERE id = ?1 AND account = ?2";
        let mut letter = self.conn.prepare_cached(sql)?;
        page(ids, max_bytes, |id| {
            let found = first(&mut letter, params![int(id.0), account.0], rows::mail)?;
            Ok(found.map(|(id, mail)| (mail.text.as_str().len(), (id, mail))))
        })
    }

    /// How many private messages wait for an account.
    ///
    /// # Errors
    /// Why they cannot be counted.
    pub fn mail_count(&self, account: AccountId) -> Result<u64, StoreError> {
        Ok(mail_count(&self.conn, account)?)
    }

    /// The newest `max` records of the audit of these lobbies, or of the server, oldest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn audit_ids(&self, scopes: &[Scope], max: usize) -> Result<Vec<AuditId>, StoreError> {
        let sql = "SELECT id FROM audit WHERE lobby IS ?1 ORDER BY id DESC LIMIT ?2";
        let mut ids = Vec::new();
        for scope in scopes {
            let values = params![scope_column(*scope), limit(max)];
            ids.extend(list(self.conn.prepare_cached(sql)?, values, |row| {
                Ok(AuditId(row.get(0)?))
            })?);
        }
        ids.sort_unstable();
        Ok(ids.split_off(ids.len().saturating_sub(max)))
    }

    /// The first of these records, as many as fit into `max_bytes`.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn audit(&self, ids: &[AuditId], max_bytes: usize) -> Result<Page<AuditEntry>, StoreError> {
        let sql = "SELECT lobby, at, who, what FROM audit WHERE id = ?1";
        let mut what = self.conn.prepare_cached(sql)?;
        page(ids, max_bytes, |id| {
            let found = first(&mut what, [id.0], rows::audit)?;
            Ok(found.map(|entry| (entry.what.as_str().len(), entry)))
        })
    }

    /// The newest `max` messages of a lobby before the `skip` newest, of those that are kept, but for
    /// those of ignored authors, oldest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn newest(
        &self,
        lobby: LobbyId,
        (max, skip): (usize, usize),
        kept: Kept,
        ignores: &Ignores,
    ) -> Result<Vec<MessageId>, StoreError> {
        let sql = format!(
            "SELECT {} FROM message
            WHERE lobby = (SELECT id FROM lobby WHERE id = ?1) AND seq >= ?2
            ORDER BY seq DESC LIMIT ?3 OFFSET ?4",
            message::OF_WHOM
        );
        let first = first_since(&self.conn, lobby.0.into(), kept.since)?;
        let left = int(kept.messages).saturating_sub(limit(skip)).max(0);
        let values = params![lobby.0, first, limit(max).min(left), limit(skip)];
        heard(self.conn.prepare_cached(&sql)?, values, ignores).map(reversed)
    }

    /// The numbers of the newest messages of somebody in a lobby, of those that are kept, newest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn authored(
        &self,
        lobby: LobbyId,
        of: &Authored,
        kept: Kept,
    ) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT seq FROM message
            WHERE lobby = (SELECT id FROM lobby WHERE id = ?1) AND at >= ?2 AND (?10 OR rox <> ?11)
                AND (account = ?3 OR conn = ?4 AND seq >= ?5
                    OR account IS NULL AND address = ?7 AND author = ?8 COLLATE NOCASE
                    -- Of an account what it said as a guest, before it was made from that address.
                    OR ?9 AND account IS NULL AND EXISTS (
                        SELECT 1 FROM account AS made
                        JOIN registration ON registration.at = made.made_at
                        WHERE made.id = ?3 AND registration.address = message.address
                            AND message.at <= made.made_at
                            AND message.author = made.name COLLATE NOCASE))
            ORDER BY +seq DESC LIMIT ?6";
        let (conn, first) = of.conn.unzip();
        let (name, address) = of.guest.as_ref().map(|(name, ip)| (name.as_str(), *ip)).unzip();
        let values = params![
            lobby.0,
            int(of.since.max(kept.since).0),
            of.account.map(|account| account.0),
            conn.map(|conn| conn.0.cast_signed()),
            first.map(int),
            limit(of.max),
            address.map(IpKey::to_bytes),
            name,
            of.before_made,
            of.answers,
            message::ANSWER,
        ];
        list(self.conn.prepare_cached(sql)?, values, |row| Ok(uint(row.get(0)?)))
    }

    /// The newest `max` messages of a lobby with these numbers, of those that are kept, but for those of
    /// ignored authors, oldest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn between(
        &self,
        lobby: LobbyId,
        numbers: &Range<u64>,
        max: usize,
        kept: Kept,
        ignores: &Ignores,
    ) -> Result<Vec<MessageId>, StoreError> {
        // One transaction, so that what is kept is so for both.
        let conn = self.conn.unchecked_transaction()?;
        let from = oldest_kept(&conn, lobby, kept, int(numbers.start))?;
        let sql = format!(
            "SELECT {} FROM message
            WHERE lobby = (SELECT id FROM lobby WHERE id = ?1) AND seq >= ?2 AND seq < ?3
            ORDER BY seq DESC LIMIT ?4",
            message::OF_WHOM
        );
        let values = params![lobby.0, from, int(numbers.end), limit(max)];
        heard(conn.prepare_cached(&sql)?, values, ignores).map(reversed)
    }

    /// The first of these messages of a lobby under their numbers, as many as fit into `max_bytes`.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn messages(
        &self,
        lobby: LobbyId,
        ids: &[MessageId],
        max_bytes: usize,
    ) -> Result<Page<(u64, Entry)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM message
            WHERE id = ?1 AND seq = ?2 AND lobby = (SELECT id FROM lobby WHERE id = ?3)",
            message::COLUMNS
        );
        let mut message = self.conn.prepare_cached(&sql)?;
        page(ids, max_bytes, |id| {
            let values = params![id.row, int(id.seq), lobby.0];
            let found = first(&mut message, values, message::read)?;
            Ok(found.map(|entry| (entry.text.as_str().len(), (id.seq, entry))))
        })
    }

    /// What was said in a lobby since somebody left it, of what is kept: how much, and of the newest
    /// `max` of it those that are not of ignored authors.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn since(
        &self,
        lobby: LobbyId,
        since: Since,
        max: usize,
        kept: Kept,
        ignores: &Ignores,
    ) -> Result<Missed, StoreError> {
        // One transaction, so that what is counted is what is shown.
        let conn = self.conn.unchecked_transaction()?;
        // By number where there is one, else by the clock.
        let (from, after) = match since.seq {
            Some(seq) => (int(seq), -1),
            None => (0, int(since.at.0)),
        };
        let (from, count) = count_kept(&conn, lobby, kept, from, after)?;
        let sql = format!(
            "SELECT {} FROM message
            WHERE lobby = ?1 AND seq >= ?2 AND +at > ?3 ORDER BY seq DESC LIMIT ?4",
            message::OF_WHOM
        );
        // Where there are few, the walk back through the lobby ends at the last of them.
        let values = params![lobby.0, from, after, limit(max).min(count)];
        let newest = heard(conn.prepare_cached(&sql)?, values, ignores)?;
        Ok(Missed {
            count: uint(count),
            newest: reversed(newest),
            next_seq: after_last(&conn, lobby)?.max(since.seq.unwrap_or(0)),
        })
    }

    /// How many messages of each of these lobbies have this number or a higher one, of those that are kept; none
    /// where that of a lobby cannot be read.
    ///
    /// # Errors
    /// Why nothing can be read.
    pub fn unread(
        &self,
        lobbies: &[(LobbyId, u64)],
        kept: Kept,
    ) -> Result<HashMap<LobbyId, u64>, StoreError> {
        // One transaction for all of them.
        let conn = self.conn.unchecked_transaction()?;
        let count = |&(lobby, seq): &(LobbyId, u64)| {
            // By its number, whatever the clock said.
            let counted = count_kept(&conn, lobby, kept, int(seq), -1);
            (lobby, counted.map_or(0, |(_, count)| uint(count)))
        };
        Ok(lobbies.iter().map(count).collect())
    }

    /// The newest `max` messages of a lobby that hold all of `words`, of those that are kept, but for
    /// those of ignored authors, newest first. None where `words` has neither letter nor digit.
    ///
    /// # Errors
    /// [`StoreError::TooManyTerms`], or why they cannot be read.
    pub fn find(
        &self,
        lobby: LobbyId,
        words: &str,
        max: usize,
        kept: Kept,
        ignores: &Ignores,
    ) -> Result<Vec<MessageId>, StoreError> {
        search::find(&self.conn, lobby, words, max, kept, ignores)
    }
}

/// Whether a lobby has not been removed: its messages stay for a while.
fn is_there(conn: &Connection, lobby: LobbyId) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM lobby WHERE id = ?1")?.exists([lobby.0])
}

/// From which number on messages of a lobby are kept, or `from` where that is higher, and how many of those are from
/// after `after`; none of a lobby that has been removed.
fn count_kept(
    conn: &Connection,
    lobby: LobbyId,
    kept: Kept,
    from: i64,
    after: i64,
) -> Result<(i64, i64), StoreError> {
    let from = oldest_kept(conn, lobby, kept, from)?;
    let count = if is_there(conn, lobby)? { count_since(conn, lobby, from, after)? } else { 0 };
    Ok((from, count))
}

/// How many messages of a lobby have this number or a higher one and are from after `after`; by the index
/// of times where that says something.
fn count_since(conn: &Connection, lobby: LobbyId, from: i64, after: i64) -> rusqlite::Result<i64> {
    let lobby = i64::from(lobby.0);
    let count = |sql: &str, values: &[i64]| -> rusqlite::Result<i64> {
        conn.prepare_cached(sql)?.query_row(params_from_iter(values), |row| row.get(0))
    };
    let all = "SELECT count(*) FROM message WHERE lobby = ?1";
    match (after, from) {
        (..0, _) => count(&format!("{all} AND seq >= ?2"), &[lobby, from]),
        (_, 0) => count(&format!("{all} AND at > ?2"), &[lobby, after]),
        _ => count(&format!("{all} AND at > ?2 AND +seq >= ?3"), &[lobby, after, from]),
    }
}

/// The number after that of the last message of a lobby that is stored.
fn after_last(conn: &Connection, lobby: LobbyId) -> rusqlite::Result<u64> {
    let sql = "SELECT max(seq) FROM message WHERE lobby = ?1";
    let last: Option<i64> = conn.prepare_cached(sql)?.query_row([lobby.0], |row| row.get(0))?;
    Ok(last.map_or(0, |last| uint(last) + 1))
}

/// The number of the oldest message of a lobby that is kept, or `from` where that is higher.
pub(super) fn oldest_kept(
    conn: &Connection,
    lobby: LobbyId,
    kept: Kept,
    from: i64,
) -> Result<i64, StoreError> {
    let from = from.max(first_since(conn, lobby.0.into(), kept.since)?);
    let surplus = surplus(conn, lobby.0.into(), from, kept.messages)?;
    Ok(surplus.map_or(from, |last| from.max(last + 1)))
}

/// The messages of rows of [`message::OF_WHOM`], in their order, but for those of ignored authors.
pub(super) fn heard(
    statement: CachedStatement<'_>,
    values: impl Params,
    ignores: &Ignores,
) -> Result<Vec<MessageId>, StoreError> {
    let heard = list(statement, values, |row| message::heard(row, ignores))?;
    Ok(heard.into_iter().flatten().collect())
}

/// [`Db::load`] of any connection.
pub(super) fn load(conn: &Connection, history_messages: usize) -> Result<Snapshot, StoreError> {
    let numbers = numbers_known(conn)?;
    let mut lobbies = Vec::new();
    for mut state in list(conn.prepare_cached(lobby::SELECT)?, [], lobby::read)? {
        let sql = "SELECT account FROM operator WHERE lobby = ?1 ORDER BY account";
        let id = |row: &Row<'_>| Ok(AccountId(row.get(0)?));
        state.operators = list(conn.prepare_cached(sql)?, [state.id.0], id)?.into_iter().collect();
        let sql = "SELECT name, token, by, made_at FROM hook WHERE lobby = ?1 ORDER BY key";
        let hooks = list(conn.prepare_cached(sql)?, [state.id.0], lobby::hook)?;
        state.hooks = hooks.into_iter().map(|hook| (hook.name.key(), hook)).collect();
        [state.mutes, state.bans] = sanctions(conn, Scope::Lobby(state.id))?;
        let known = numbers.get(&state.id).copied().unwrap_or(0);
        lobbies.push(StoredLobby {
            history: history(conn, state.id, history_messages)?,
            next_seq: after_last(conn, state.id)?.max(known),
            state,
        });
    }
    let [_, bans] = sanctions(conn, Scope::Server)?;
    let sql = "SELECT id, name, by_operator, made_at, used_at, bot_of FROM account ORDER BY id";
    let accounts = list(conn.prepare_cached(sql)?, [], rows::known_account)?;
    let sql = "SELECT address, at FROM registration ORDER BY at";
    let node = node::load(conn)?;
    Ok(Snapshot {
        newest: newest(conn)?,
        rox_uses: node::rox_uses(conn, node.is_some())?,
        lobbies,
        accounts,
        registrations: list(conn.prepare_cached(sql)?, [], rows::registration)?,
        bans,
        next_lobby: LobbyId(next(conn, "lobby")?),
        next_account: AccountId(next(conn, "account")?),
        node,
    })
}

/// The numbers that the next messages of lobbies had when accounts left them, or when messages were taken
/// back. A number is given once, also where the messages before it are deleted, or were lost.
fn numbers_known(conn: &Connection) -> Result<HashMap<LobbyId, u64>, StoreError> {
    let sql = "SELECT lobby, max(seq) FROM (
            SELECT last_lobby AS lobby, left_seq AS seq FROM account
                WHERE last_lobby IS NOT NULL AND left_seq IS NOT NULL
            UNION ALL SELECT id, next_seq FROM lobby)
        GROUP BY lobby";
    let number = |row: &Row<'_>| Ok((LobbyId(row.get(0)?), uint(row.get(1)?)));
    Ok(list(conn.prepare_cached(sql)?, [], number)?.into_iter().collect())
}

/// When the newest of all that is stored came about. One look into the index of times for each lobby.
pub(super) fn newest(conn: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    let sql = "SELECT max(at) FROM (
        SELECT (SELECT max(at) FROM message WHERE lobby = lobby.id) AS at FROM lobby
        UNION ALL SELECT max(made_at, coalesce(left_at, 0), coalesce(used_at, 0)) FROM account
        UNION ALL SELECT used_at FROM lobby
        UNION ALL SELECT at FROM audit)";
    let newest: Option<i64> = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(newest.map(rows::time))
}

/// [`Db::ignores`] of any connection.
pub(super) fn ignores(conn: &Connection, account: AccountId) -> Result<Ignores, StoreError> {
    let sql = "SELECT key, name, who, address FROM ignored WHERE account = ?1 ORDER BY id, key";
    let forms = list(conn.prepare_cached(sql)?, [account.0], rows::ignored)?;
    Ok(forms.into_iter().collect())
}

/// [`Db::mail_count`] of any connection.
pub(super) fn mail_count(conn: &Connection, account: AccountId) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM mail WHERE account = ?1";
    conn.prepare_cached(sql)?.query_row([account.0], |row| row.get(0)).map(uint)
}

fn history(conn: &Connection, lobby: LobbyId, max: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
    let sql = format!(
        "SELECT {} FROM message
        WHERE lobby = (SELECT id FROM lobby WHERE id = ?1) ORDER BY seq DESC LIMIT ?2",
        message::COLUMNS
    );
    let numbered = |row: &Row<'_>| Ok((message::seq(row)?, message::read(row)?));
    list(conn.prepare_cached(&sql)?, params![lobby.0, limit(max)], numbered).map(reversed)
}

/// The mutes and the bans of a lobby, or of the server.
fn sanctions(conn: &Connection, scope: Scope) -> Result<[Sanctions; 2], StoreError> {
    let sql = "SELECT kind, account, address, shown, until, by, at, reason, name
        FROM sanction WHERE lobby IS ?1 ORDER BY id";
    let all = list(conn.prepare_cached(sql)?, [scope_column(scope)], rows::sanction)?;
    let (mutes, bans): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(kind, _)| *kind == SanctionKind::Mute);
    Ok([mutes, bans].map(|list| list.into_iter().map(|(_, sanction)| sanction).collect()))
}

fn next(conn: &Connection, kind: &str) -> Result<u32, StoreError> {
    let sql = "SELECT next FROM counter WHERE name = ?1";
    let next: i64 = conn.prepare_cached(sql)?.query_row([kind], |row| row.get(0))?;
    Ok(u32::try_from(next).unwrap_or(u32::MAX))
}

pub(super) fn list<T>(
    mut statement: CachedStatement<'_>,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let (mut rows, mut out) = (statement.query(values)?, Vec::new());
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// The first row, if there is one.
fn first<T>(
    statement: &mut CachedStatement<'_>,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    statement.query(values)?.next()?.map(read).transpose()
}

/// Reads one after the other until there are `max_bytes` of text: at least one, so that it goes on.
fn page<I, T>(
    ids: &[I],
    max_bytes: usize,
    mut read: impl FnMut(&I) -> Result<Option<(usize, T)>, StoreError>,
) -> Result<Page<T>, StoreError> {
    let (mut page, mut bytes) = (Page { items: Vec::new(), asked: 0 }, 0);
    while let Some(id) = ids.get(page.asked).filter(|_| bytes < max_bytes || page.asked == 0) {
        page.asked += 1;
        if let Some((size, item)) = read(id)? {
            bytes += size;
            page.items.push(item);
        }
    }
    Ok(page)
}

fn limit(max: usize) -> i64 {
    int(max as u64)
}

fn reversed<T>(mut items: Vec<T>) -> Vec<T> {
    items.reverse();
    items
}
