//! Changes to rows.

use rusqlite::{CachedStatement, Connection, ErrorCode, TransactionBehavior, params};

use super::error::StoreError;
use super::read::{ignores, mail_count};
use super::rows::{
    int, key_kind_column, kind_column, person_columns, scope_column, subject_columns,
};
use super::search::Indexer;
use super::{Db, account, lobby, message, node};
use crate::chat::accounts::{MAX_MAIL, REGISTRATION_WINDOW};
use crate::chat::change::Change;
use crate::chat::directory::IpKey;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::MAX_FORMS;
use crate::chat::kept::{AccountId, AuditEntry, Key, Left, Mail, SanctionKind, Scope};
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::sanctions::{Sanction, SanctionKey};
use crate::chat::text::Line;

/// Records of the audit that are kept of a lobby, and of the server.
pub const AUDIT_KEPT: u32 = 1_000;

impl Db {
    /// Carries out the changes in their order, in one transaction.
    ///
    /// # Errors
    /// Why not. Then nothing of the group is there, and it can be tried again as it is, but for
    /// [`StoreError::Rejected`].
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut group = Group::begin(&tx, &mut self.index)?;
        for (at, change) in changes.iter().enumerate() {
            group.apply(change).map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => StoreError::Rejected(at),
                _ => error.into(),
            })?;
        }
        group.end()?;
        Ok(tx.commit()?)
    }

    /// Keeps a private message for an account that is not connected, unless the account ignores its
    /// sender or as many as `max` wait: of two that come at once for the last place, one has it.
    ///
    /// # Errors
    /// Why not.
    pub fn leave_mail(
        &mut self,
        to: AccountId,
        mail: &Mail,
        max: usize,
    ) -> Result<Left, StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let left = how_left(&tx, to, mail, max)?;
        if left == Left::Kept {
            add_mail(&tx, to, mail)?;
            tx.commit()?;
        }
        Ok(left)
    }

    /// What became of a private message that [`Change::MailAdded`] was to leave.
    ///
    /// # Errors
    /// Why that cannot be known.
    pub fn mail_left(&self, to: AccountId, mail: &Mail) -> Result<Left, StoreError> {
        let sql = "SELECT 1 FROM mail WHERE account = ?1 AND sender = ?2 AND at = ?3 AND text = ?4";
        let (sender, at, text) = (mail.from.name.as_str(), int(mail.at.0), mail.text.as_str());
        match self.conn.prepare_cached(sql)?.exists(params![to.0, sender, at, text])? {
            true => Ok(Left::Kept),
            // Where it could be left and is not there, it was shown already.
            false => Ok(how_left(&self.conn, to, mail, MAX_MAIL)?),
        }
    }
}

/// Changes that are carried out together.
struct Group<'a> {
    conn: &'a Connection,
    /// Most changes are messages, so their statements are looked up once.
    say: CachedStatement<'a>,
    find_lobby: CachedStatement<'a>,
    /// The lobby that was found last.
    found: Option<LobbyId>,
    index: &'a mut Indexer,
}

impl<'a> Group<'a> {
    fn begin(conn: &'a Connection, index: &'a mut Indexer) -> rusqlite::Result<Self> {
        let say = message::insertion(conn)?;
        let find_lobby = conn.prepare_cached("SELECT 1 FROM lobby WHERE id = ?1")?;
        index.begin();
        Ok(Self { conn, say, find_lobby, found: None, index })
    }

    /// The index comes last: see [`Indexer`].
    fn end(self) -> rusqlite::Result<()> {
        self.index.add_noted(self.conn)
    }

    fn say(&mut self, lobby: LobbyId, seq: u64, entry: &Entry) -> rusqlite::Result<()> {
        if self.found != Some(lobby) {
            if !self.find_lobby.exists([lobby.0])? {
                return Ok(());
            }
            self.found = Some(lobby);
        }
        if message::insert(&mut self.say, lobby, seq, entry)? {
            self.index.note(self.conn.last_insert_rowid(), lobby, &entry.text);
        }
        Ok(())
    }

    fn apply(&mut self, change: &Change) -> rusqlite::Result<()> {
        let conn = self.conn;
        match change {
            Change::Said { lobby, seq, entry } => self.say(*lobby, *seq, entry),
            Change::MessagesRemoved { lobby, seqs } => take_back(conn, *lobby, seqs),
            Change::LobbyPut(state) => lobby::put(conn, state),
            Change::LobbyRemoved(lobby) => {
                self.found = None;
                remove(conn, "lobby", lobby.0)
            }
            Change::LobbyUsed { lobby, at } => {
                let sql = "UPDATE lobby SET used_at = ?2 WHERE id = ?1";
                run(conn, sql, params![lobby.0, int(at.0)])
            }
            Change::AccountPut(put) => account::put(conn, put),
            Change::SettingSet { account, setting } => account::set(conn, *account, *setting),
            Change::RecordRenewed { account, before, record } => {
                let sql = "UPDATE account SET password = ?3 WHERE id = ?1 AND password = ?2";
                run(conn, sql, params![account.0, before.as_phc(), record.as_phc()])
            }
            Change::AccountRemoved(account) => remove(conn, "account", account.0),
            Change::PasswordSet { account, record } => {
                let sql = "UPDATE account SET password = ?2 WHERE id = ?1";
                run(conn, sql, params![account.0, record.as_phc()])
            }
            Change::AccountVouched(account) => {
                run(conn, "UPDATE account SET by_operator = 1 WHERE id = ?1", [account.0])
            }
            Change::AccountUsed { account, at } => {
                let sql = "UPDATE account SET used_at = ?2 WHERE id = ?1";
                run(conn, sql, params![account.0, int(at.0)])
            }
            Change::Registered { address, at } => registered(conn, *address, *at),
            Change::AccountPutOut { account, lobby, at } => {
                // What is kept before this has been written, so the newest message is the newest that was shown.
                let sql = "UPDATE account SET last_lobby = ?3, left_at = ?4,
                    left_seq = (SELECT coalesce(max(seq) + 1, 0) FROM message WHERE lobby = ?3)
                WHERE id = ?1 AND last_lobby = ?2";
                run(conn, sql, params![account.0, lobby.0, GENERAL_ID.0, int(at.0)])
            }
            Change::OwnerSet { lobby, owner } => {
                let sql = "UPDATE lobby SET owner = (SELECT id FROM account WHERE id = ?2)
                WHERE id = ?1";
                run(conn, sql, params![lobby.0, owner.map(|owner| owner.0)])
            }
            Change::AccountLeft { account, lobby, at, seq } => {
                let sql = "UPDATE account SET last_lobby = ?2, left_at = ?3, left_seq = ?4
                    WHERE id = ?1";
                run(conn, sql, params![account.0, lobby.0, int(at.0), seq.map(int)])
            }
            Change::OperatorAdded { lobby, account } => run(
                conn,
                "INSERT INTO operator(lobby, account) SELECT ?1, ?2
            WHERE EXISTS (SELECT 1 FROM lobby WHERE id = ?1)
                AND EXISTS (SELECT 1 FROM account WHERE id = ?2)
            ON CONFLICT DO NOTHING",
                params![lobby.0, account.0],
            ),
            Change::OperatorRemoved { lobby, account } => {
                let sql = "DELETE FROM operator WHERE lobby = ?1 AND account = ?2";
                run(conn, sql, params![lobby.0, account.0])
            }
            Change::HookAdded { lobby, hook } => lobby::add_hook(conn, *lobby, hook),
            Change::HookRemoved { lobby, name } => {
                let sql = "DELETE FROM hook WHERE lobby = ?1 AND key = ?2";
                run(conn, sql, params![lobby.0, name.key().as_str()])
            }
            Change::SanctionSet { kind, scope, sanction } => {
                set_sanction(conn, *kind, *scope, sanction)
            }
            Change::SanctionLifted { kind, scope, key } => lift_sanction(conn, *kind, *scope, key),
            Change::CertAdded { account, fingerprint } => {
                add_key(conn, *account, Key::x509(*fingerprint))
            }
            Change::CertRemoved { account, fingerprint } => {
                remove_key(conn, *account, Key::x509(*fingerprint))
            }
            Change::SshKeyAdded { account, fingerprint } => {
                add_key(conn, *account, Key::ssh(*fingerprint))
            }
            Change::SshKeyRemoved { account, fingerprint } => {
                remove_key(conn, *account, Key::ssh(*fingerprint))
            }
            Change::IgnoreAdded { account, name, who } => add_ignored(conn, *account, name, who),
            Change::IgnoreRemoved { account, who } => {
                let (of, address) = person_columns(who);
                let sql = "DELETE FROM ignored
                WHERE account = ?1 AND key = ?2 AND who IS ?3 AND address IS ?4";
                run(conn, sql, params![account.0, who.name.key().as_str(), of, address])
            }
            Change::Became { before, now } => became(conn, before, now),
            Change::MailAdded { to, mail } => match how_left(conn, *to, mail, MAX_MAIL)? {
                Left::Kept => add_mail(conn, *to, mail),
                Left::Full | Left::Ignored => Ok(()),
            },
            Change::MailTaken { account, up_to } => {
                let sql = "DELETE FROM mail WHERE account = ?1 AND id <= ?2";
                run(conn, sql, params![account.0, int(up_to.0)])
            }
            Change::Audited(entry) => audit(conn, entry),
            Change::Node(change) => node::apply(conn, change),
        }
    }
}

/// They are out of reach at once, under the negative number of their lobby, and deleted when their turn
/// comes: each costs an entry in the index.
fn take_back(conn: &Connection, lobby: LobbyId, seqs: &[u64]) -> rusqlite::Result<()> {
    let sql = "UPDATE message SET lobby = -lobby WHERE lobby = ?1 AND seq = ?2";
    let mut hide = conn.prepare_cached(sql)?;
    for seq in seqs {
        hide.execute(params![lobby.0, int(*seq)])?;
    }
    let next = seqs.iter().max().map_or(0, |last| int(last.saturating_add(1)));
    run(conn, "UPDATE lobby SET next_seq = max(next_seq, ?2) WHERE id = ?1", params![lobby.0, next])
}

pub(super) fn run(
    conn: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute(values).map(|_| ())
}

/// Those of the day before count for nothing any more.
fn registered(conn: &Connection, address: IpKey, at: UnixMillis) -> rusqlite::Result<()> {
    let before = int(at.before(REGISTRATION_WINDOW).0);
    run(conn, "DELETE FROM registration WHERE at < ?1", [before])?;
    let sql = "INSERT INTO registration(address, at) VALUES (?1, ?2)";
    run(conn, sql, params![address.to_bytes(), int(at.0)])
}

/// The number is used, for good.
pub(super) fn count(conn: &Connection, kind: &str, id: u32) -> rusqlite::Result<()> {
    let sql = "UPDATE counter SET next = max(next, ?2 + 1) WHERE name = ?1";
    run(conn, sql, params![kind, id])
}

/// Foreign keys take along what hangs on it. Its number stays behind, so that a change that comes
/// late does not bring it back, and (for a lobby) until its messages have been swept away.
fn remove(conn: &Connection, kind: &str, id: u32) -> rusqlite::Result<()> {
    let (delete, swept) = match kind {
        "lobby" => ("DELETE FROM lobby WHERE id = ?1", false),
        _ => ("DELETE FROM account WHERE id = ?1", true),
    };
    run(conn, delete, params![id])?;
    let sql = "INSERT INTO removed(kind, id, swept) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    run(conn, sql, params![kind, id, swept])
}

fn set_sanction(
    conn: &Connection,
    kind: SanctionKind,
    scope: Scope,
    sanction: &Sanction,
) -> rusqlite::Result<()> {
    lift_sanction(conn, kind, scope, &sanction.key())?;
    let (account, address, name) = subject_columns(&sanction.subject);
    run(
        conn,
        "INSERT INTO sanction(kind, lobby, account, address, shown, until, by, at, reason, name)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
        WHERE (?2 IS NULL OR EXISTS (SELECT 1 FROM lobby WHERE id = ?2))
            AND (?3 IS NULL OR EXISTS (SELECT 1 FROM account WHERE id = ?3))",
        params![
            kind_column(kind),
            scope_column(scope),
            account,
            address,
            sanction.name.as_str(),
            sanction.until.map(|until| int(until.0)),
            sanction.by.as_str(),
            int(sanction.at.0),
            sanction.reason.as_ref().map_or("", Line::as_str),
            name,
        ],
    )
}

fn add_key(conn: &Connection, account: AccountId, key: Key) -> rusqlite::Result<()> {
    run(
        conn,
        "INSERT INTO cert(account, kind, fingerprint) SELECT ?1, ?2, ?3
        WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1) ON CONFLICT DO NOTHING",
        params![account.0, key_kind_column(key.kind), key.fingerprint.0],
    )
}

fn remove_key(conn: &Connection, account: AccountId, key: Key) -> rusqlite::Result<()> {
    let sql = "DELETE FROM cert WHERE account = ?1 AND kind = ?2 AND fingerprint = ?3";
    run(conn, sql, params![account.0, key_kind_column(key.kind), key.fingerprint.0])
}

fn lift_sanction(
    conn: &Connection,
    kind: SanctionKind,
    scope: Scope,
    SanctionKey { subject, name: shown }: &SanctionKey,
) -> rusqlite::Result<()> {
    let (account, address, name) = subject_columns(subject);
    run(
        conn,
        "DELETE FROM sanction
        WHERE lobby IS ?2 AND kind = ?1 AND account IS ?3 AND address IS ?4 AND name IS ?5
            AND (address IS NULL OR shown = ?6 COLLATE NOCASE)",
        params![kind_column(kind), scope_column(scope), account, address, name, shown.as_str()],
    )
}

/// What would become of a private message for an account.
fn how_left(conn: &Connection, to: AccountId, mail: &Mail, max: usize) -> rusqlite::Result<Left> {
    if mail_count(conn, to)? >= max as u64 {
        return Ok(Left::Full);
    }
    // Where it cannot be read whom they ignore, they had better see it.
    let is_ignored = ignores(conn, to).is_ok_and(|ignores| ignores.contains(&mail.from));
    Ok(if is_ignored { Left::Ignored } else { Left::Kept })
}

fn add_mail(conn: &Connection, to: AccountId, mail: &Mail) -> rusqlite::Result<()> {
    let (account, address) = person_columns(&mail.from);
    let (sender, at, text) = (mail.from.name.as_str(), int(mail.at.0), mail.text.as_str());
    run(
        conn,
        "INSERT INTO mail(account, sender, at, text, sender_account, sender_address, sender_bot)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1)",
        params![to.0, sender, at, text, account, address, mail.from.bot],
    )
}

fn add_ignored(
    conn: &Connection,
    account: AccountId,
    name: &Name,
    who: &Person,
) -> rusqlite::Result<()> {
    let (of, address) = person_columns(who);
    run(
        conn,
        "INSERT INTO ignored(account, key, name, who, address) SELECT ?1, ?2, ?3, ?4, ?5
        WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1) AND NOT EXISTS (
            SELECT 1 FROM ignored
            WHERE account = ?1 AND key = ?2 AND who IS ?4 AND address IS ?5)",
        params![account.0, who.name.key().as_str(), name.as_str(), of, address],
    )
}

/// Whoever ignores somebody ignores them in one form more. Of more than may be, the oldest goes, but
/// for the first.
fn became(conn: &Connection, before: &Person, now: &Person) -> rusqlite::Result<()> {
    let (key, (of, address)) = (before.name.key(), person_columns(before));
    let by_account = "SELECT DISTINCT account, name FROM ignored WHERE who = ?1";
    let by_name = "SELECT DISTINCT account, name FROM ignored
        WHERE key = ?1 AND who IS NULL AND (address = ?2 OR address IS NULL)";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?));
    let found: Vec<(u32, String)> = match of {
        Some(of) => {
            conn.prepare_cached(by_account)?.query_map([of], read)?.collect::<Result<_, _>>()?
        }
        None => {
            let mut found = conn.prepare_cached(by_name)?;
            found.query_map(params![key.as_str(), address], read)?.collect::<Result<_, _>>()?
        }
    };
    for (account, name) in found {
        let Ok(shown) = Name::parse(&name) else { continue };
        add_ignored(conn, AccountId(account), &shown, now)?;
        let sql = "DELETE FROM ignored WHERE account = ?1 AND name = ?2 AND id IN (
                SELECT id FROM ignored WHERE account = ?1 AND name = ?2
                ORDER BY id DESC LIMIT -1 OFFSET ?3)
            AND id > (SELECT min(id) FROM ignored WHERE account = ?1 AND name = ?2)";
        // The first one is counted too, and stays.
        run(conn, sql, params![account, name, int(MAX_FORMS as u64 - 1)])?;
    }
    Ok(())
}

fn audit(conn: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    let lobby = scope_column(entry.scope);
    run(
        conn,
        "INSERT INTO audit(lobby, at, who, what) SELECT ?1, ?2, ?3, ?4
        WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM lobby WHERE id = ?1)",
        params![lobby, int(entry.at.0), entry.who.as_str(), entry.what.as_str()],
    )?;
    run(
        conn,
        "DELETE FROM audit WHERE lobby IS ?1 AND id <= (SELECT id FROM audit
            WHERE lobby IS ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        params![lobby, AUDIT_KEPT],
    )
}
