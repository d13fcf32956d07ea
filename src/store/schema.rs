//! The tables, by version, and the way from one version to the next.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::node;
use super::progress::{Telling, Work};
use super::search::{self, Indexer};

/// What `PRAGMA application_id` says of a database of ours: `LOBD`.
pub(super) const APPLICATION_ID: i32 = 0x4C4F_4244;

/// The version that this program reads and writes.
pub(super) const VERSION: u32 = STEPS.len() as u32;

type Step = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// Step `n` makes version `n + 1` out of version `n`; version 0 is an empty file. A step that has
/// been released is never changed.
const STEPS: [Step; 12] = [
    tables,
    search_index,
    persons,
    numbers,
    moderation,
    forms,
    folding,
    nodes,
    modes,
    ssh_keys,
    rox,
    bots,
];

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A database with nothing in it.
    Empty,
    /// A database of ours, of this version.
    Version(u32),
    /// Somebody else's database.
    Foreign,
}

/// Says what a database is, without looking at its tables.
pub(super) fn identify(conn: &Connection) -> rusqlite::Result<Found> {
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, u32::try_from(version)) {
        (APPLICATION_ID, Ok(version)) => Found::Version(version),
        (0, Ok(0)) if tables == 0 => Found::Empty,
        _ => Found::Foreign,
    })
}

/// Brings a database of version `from` to version `to` in one transaction.
pub(super) fn upgrade(conn: &mut Connection, from: u32, to: u32) -> rusqlite::Result<()> {
    if from == to {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let telling = Telling::begin(&tx, Work::Migrate)?;
    for (step, version) in STEPS.iter().zip(1..=to).skip(from as usize) {
        step(&tx)?;
        tx.pragma_update(None, "user_version", version)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    drop(telling);
    tx.commit()
}

/// Columns that came later: since which version a table has them, and what they would say of a row of before.
const COLUMNS_SINCE: [(u32, &str, &str); 18] = [
    (3, "account", "made_at AS used_at, 0 AS by_operator"),
    (3, "lobby", "NULL AS made_from"),
    (3, "message", "NULL AS account, NULL AS address"),
    (3, "mail", "NULL AS sender_account, NULL AS sender_address"),
    (3, "ignored", "0 AS id, NULL AS who, NULL AS address"),
    (4, "account", "NULL AS left_seq"),
    (5, "lobby", "0 AS next_seq"),
    (5, "message", "NULL AS conn"),
    (5, "sanction", "NULL AS name"),
    (6, "account", "0 AS compact, 1 AS echo, 1 AS bell, 0 AS quiet, NULL AS width"),
    (9, "account", "0 AS mode"),
    (10, "cert", "'x509' AS kind"),
    (11, "lobby", "NULL AS rox, 0 AS rox_from"),
    (11, "message", "0 AS rox"),
    (12, "account", "NULL AS bot_of, NULL AS token"),
    (12, "message", "0 AS bot"),
    (12, "mail", "0 AS sender_bot"),
    (12, "lobby", "NULL AS bots_quiet_until"),
];

/// Tables that came later, and what they have to have to be read as empty.
const TABLES_SINCE: [(u32, &str, &str); 6] = [
    (3, "registration", "NULL AS address, NULL AS at"),
    (8, "node", "0 AS id, NULL AS mark"),
    (8, "present", "0 AS conn, NULL AS user"),
    (8, "member", "0 AS conn, 0 AS lobby, NULL AS member"),
    (
        11,
        "rox_use",
        "0 AS id, 0 AS question, 0 AS at, 0 AS lobby, NULL AS author, NULL AS account, NULL AS address,
            NULL AS conn, 0 AS tokens, 0 AS catch_up, NULL AS caught_up_at",
    ),
    (12, "hook", "0 AS lobby, NULL AS key, NULL AS name, NULL AS token, NULL AS by, 0 AS made_at"),
];

/// Lets a connection read a database of an older version as if it were of the newest, without writing
/// to it: views of its own stand before the tables that have fewer columns.
pub(super) fn view_as_newest(conn: &Connection, version: u32) -> rusqlite::Result<()> {
    for (since, table, columns) in TABLES_SINCE {
        if version < since {
            let empty = format!("CREATE TEMP VIEW {table} AS SELECT {columns} WHERE 0");
            conn.execute_batch(&empty)?;
        }
    }
    let mut lacking: BTreeMap<&str, String> = BTreeMap::new();
    for (since, table, columns) in COLUMNS_SINCE {
        if version < since {
            let all = lacking.entry(table).or_insert_with(|| "*".to_owned());
            *all = format!("{all}, {columns}");
        }
    }
    for (table, columns) in lacking {
        let view = format!("CREATE TEMP VIEW {table} AS SELECT {columns} FROM main.{table}");
        conn.execute_batch(&view)?;
    }
    Ok(())
}

/// Version 1: everything but the search index.
///
/// A message belongs to no lobby by a foreign key: the messages of a lobby that is removed are
/// deleted little by little, after it. Until then `removed` has its number.
fn tables(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE counter(
            name TEXT NOT NULL PRIMARY KEY,
            next INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO counter VALUES ('lobby', 0), ('account', 0);

        CREATE TABLE removed(
            kind TEXT NOT NULL CHECK (kind IN ('lobby', 'account')),
            id INTEGER NOT NULL,
            swept INTEGER NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE account(
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            password TEXT NOT NULL,
            clock_times INTEGER NOT NULL,
            colour INTEGER,
            picture TEXT NOT NULL,
            made_at INTEGER NOT NULL,
            last_lobby INTEGER,
            left_at INTEGER
        ) STRICT;

        CREATE TABLE lobby(
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            creator TEXT NOT NULL,
            owner INTEGER REFERENCES account ON DELETE SET NULL,
            description TEXT NOT NULL,
            topic TEXT,
            password TEXT,
            prompt TEXT,
            slow_secs INTEGER NOT NULL,
            made_at INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            password_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX lobby_by_owner ON lobby(owner);

        CREATE TABLE message(
            id INTEGER PRIMARY KEY,
            lobby INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            author TEXT NOT NULL,
            picture TEXT NOT NULL,
            tagged TEXT,
            action INTEGER NOT NULL,
            text TEXT NOT NULL,
            UNIQUE (lobby, seq)
        ) STRICT;
        CREATE INDEX message_by_time ON message(lobby, at);

        CREATE TABLE operator(
            lobby INTEGER NOT NULL REFERENCES lobby ON DELETE CASCADE,
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            PRIMARY KEY (lobby, account)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX operator_by_account ON operator(account);

        CREATE TABLE sanction(
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
            lobby INTEGER REFERENCES lobby ON DELETE CASCADE,
            account INTEGER REFERENCES account ON DELETE CASCADE,
            address BLOB,
            shown TEXT NOT NULL,
            until INTEGER,
            by TEXT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            CHECK ((account IS NULL) <> (address IS NULL))
        ) STRICT;
        CREATE INDEX sanction_by_lobby ON sanction(lobby);
        CREATE INDEX sanction_by_account ON sanction(account);

        CREATE TABLE cert(
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            fingerprint BLOB NOT NULL,
            PRIMARY KEY (account, fingerprint)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE ignored(
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (account, key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE mail(
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            sender TEXT NOT NULL,
            at INTEGER NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX mail_by_account ON mail(account);

        CREATE TABLE audit(
            id INTEGER PRIMARY KEY,
            lobby INTEGER REFERENCES lobby ON DELETE CASCADE,
            at INTEGER NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_by_lobby ON audit(lobby);",
    )
}

/// Version 2: what was said can be searched, all that is there already too.
fn search_index(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    search::create(tx)?;
    Indexer::default().add_all(tx)
}

/// Version 3: people are known by account, or by name and address, wherever something is held for or
/// against them; and what an address made is counted after a restart too.
///
/// Accounts of before are taken as used, and as made by nobody in particular: `by_operator` is for
/// those that `lobbyd passwd` made or gave a password.
fn persons(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE account ADD COLUMN used_at INTEGER;
        UPDATE account SET used_at = max(made_at, coalesce(left_at, 0));
        ALTER TABLE account ADD COLUMN by_operator INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE lobby ADD COLUMN made_from BLOB;

        CREATE TABLE registration(
            address BLOB NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX registration_by_time ON registration(at);

        ALTER TABLE message ADD COLUMN account INTEGER;
        ALTER TABLE message ADD COLUMN address BLOB;

        ALTER TABLE mail ADD COLUMN sender_account INTEGER;
        ALTER TABLE mail ADD COLUMN sender_address BLOB;

        CREATE TABLE ignored_person(
            id INTEGER PRIMARY KEY,
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            who INTEGER,
            address BLOB
        ) STRICT;
        INSERT INTO ignored_person(account, key, name, who)
            SELECT account, key, name, (SELECT id FROM account AS whom WHERE whom.key = ignored.key)
            FROM ignored;
        DROP TABLE ignored;
        ALTER TABLE ignored_person RENAME TO ignored;
        CREATE INDEX ignored_by_account ON ignored(account);
        CREATE INDEX ignored_by_key ON ignored(key);
        CREATE INDEX ignored_by_who ON ignored(who);",
    )
}

/// Version 4: where an account left off is a message's number, and no longer a time alone. Of accounts of
/// before only the time is known.
fn numbers(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("ALTER TABLE account ADD COLUMN left_seq INTEGER")
}

/// Version 5: a mute or a ban may be of a name alone; of a message it is known over which connection it
/// was said, by the numbers of that process; and where messages were taken back, the number of the next
/// one, since none is given twice.
fn moderation(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE sanction_of(
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
            lobby INTEGER REFERENCES lobby ON DELETE CASCADE,
            account INTEGER REFERENCES account ON DELETE CASCADE,
            address BLOB,
            name TEXT,
            shown TEXT NOT NULL,
            until INTEGER,
            by TEXT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            CHECK ((account IS NOT NULL) + (address IS NOT NULL) + (name IS NOT NULL) = 1)
        ) STRICT;
        INSERT INTO sanction_of(id, kind, lobby, account, address, shown, until, by, at, reason)
            SELECT id, kind, lobby, account, address, shown, until, by, at, reason FROM sanction;
        DROP TABLE sanction;
        ALTER TABLE sanction_of RENAME TO sanction;
        CREATE INDEX sanction_by_lobby ON sanction(lobby);
        CREATE INDEX sanction_by_account ON sanction(account);

        ALTER TABLE message ADD COLUMN conn INTEGER;
        ALTER TABLE lobby ADD COLUMN next_seq INTEGER NOT NULL DEFAULT 0;",
    )
}

/// Version 6: an account keeps in which form its owner wants to be shown things.
fn forms(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE account ADD COLUMN compact INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE account ADD COLUMN echo INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE account ADD COLUMN bell INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE account ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE account ADD COLUMN width INTEGER;",
    )
}

/// Version 7: words are found by full case folding, and Korean ones by their beginnings, so all that was
/// said is cut anew.
fn folding(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("DROP TABLE search")?;
    search_index(tx)
}

/// Version 8: a node of a cluster keeps how far it has followed the log, and who was there then.
fn nodes(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(node::TABLES)
}

/// Version 9: an account keeps in which manner its owner wants to be written to.
fn modes(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch("ALTER TABLE account ADD COLUMN mode INTEGER NOT NULL DEFAULT 0")
}

/// Version 10: an account is known by SSH keys too.
fn ssh_keys(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "CREATE TABLE key_of(
            account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
            kind TEXT NOT NULL CHECK (kind IN ('x509', 'ssh')),
            fingerprint BLOB NOT NULL,
            PRIMARY KEY (account, kind, fingerprint)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO key_of SELECT account, 'x509', fingerprint FROM cert;
        DROP TABLE cert;
        ALTER TABLE key_of RENAME TO cert;",
    )
}

/// Version 11: the talk with Rox is in the history; a lobby may be without; and what was asked counts for budgets.
///
/// Neither of these questions nor of their lobbies is looked for anything: the newest are read at a start, and
/// those of the day before go.
fn rox(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE message ADD COLUMN rox INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE lobby ADD COLUMN rox INTEGER;
        ALTER TABLE lobby ADD COLUMN rox_from INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE rox_use(
            id INTEGER PRIMARY KEY,
            question INTEGER NOT NULL,
            at INTEGER NOT NULL,
            lobby INTEGER NOT NULL,
            author TEXT NOT NULL,
            account INTEGER,
            address BLOB,
            conn INTEGER,
            tokens INTEGER NOT NULL,
            catch_up INTEGER NOT NULL,
            caught_up_at INTEGER,
            UNIQUE (question, at)
        ) STRICT;
        CREATE INDEX rox_use_by_time ON rox_use(at);",
    )
}

/// Version 12: bots of accounts, hooks of lobbies, which of what was said is theirs, and until when the bots of a
/// lobby are muted.
fn bots(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "ALTER TABLE account ADD COLUMN bot_of INTEGER REFERENCES account ON DELETE CASCADE;
        ALTER TABLE account ADD COLUMN token BLOB;
        CREATE INDEX account_by_owner ON account(bot_of);
        CREATE TABLE hook(
            lobby INTEGER NOT NULL REFERENCES lobby ON DELETE CASCADE,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            token BLOB NOT NULL,
            by TEXT NOT NULL,
            made_at INTEGER NOT NULL,
            PRIMARY KEY (lobby, key)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE message ADD COLUMN bot INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE mail ADD COLUMN sender_bot INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE lobby ADD COLUMN bots_quiet_until INTEGER;",
    )
}
