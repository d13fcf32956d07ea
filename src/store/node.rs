//! What a node of a cluster keeps of itself: how far it has followed the log, who was there then, and which
//! questions to Rox were open; and, which a server that is alone keeps too, what Rox was asked lately.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::apply::run;
use super::error::StoreError;
use super::read::list;
use super::rows::int;
use super::{Db, rows};
use crate::chat::accounts::AccountId;
use crate::chat::change::NodeChange;
use crate::chat::directory::ConnId;
use crate::chat::kept::{KEPT_FOR, MAX_USES, PresentUser, RoxUse, StoredNode};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::Member;

/// Tables of their own, since a server that is alone has nothing of it. Users and members are as other nodes
/// would read them.
pub(super) const TABLES: &str = "
    CREATE TABLE node(
        id INTEGER PRIMARY KEY CHECK (id = 0),
        mark BLOB NOT NULL
    ) STRICT;
    CREATE TABLE present(
        conn INTEGER PRIMARY KEY,
        user TEXT NOT NULL
    ) STRICT;
    CREATE TABLE member(
        conn INTEGER NOT NULL,
        lobby INTEGER NOT NULL REFERENCES lobby ON DELETE CASCADE,
        member TEXT NOT NULL,
        PRIMARY KEY (conn, lobby)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX member_by_lobby ON member(lobby);
    CREATE TABLE guest_owner(
        lobby INTEGER PRIMARY KEY REFERENCES lobby ON DELETE CASCADE,
        conn INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE given(
        account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
        passwords INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE questions(
        lobby INTEGER PRIMARY KEY REFERENCES lobby ON DELETE CASCADE,
        questions TEXT NOT NULL
    ) STRICT;";

impl Db {
    /// Belongs to this place of a log from here on, where nobody is there yet. Which connections said what is
    /// forgotten: those of the log are numbered anew.
    ///
    /// # Errors
    /// Nothing has changed.
    pub fn join_log(&mut self, mark: &[u8]) -> Result<(), StoreError> {
        let tx = self.conn.transaction()?;
        forget(&tx)?;
        tx.execute("UPDATE message SET conn = NULL WHERE conn IS NOT NULL", [])?;
        set_mark(&tx, mark)?;
        Ok(tx.commit()?)
    }

    /// Belongs to no log any more: what changes from here on is in none.
    ///
    /// # Errors
    /// Nothing has changed.
    pub fn leave_log(&mut self) -> Result<(), StoreError> {
        let tx = self.conn.transaction()?;
        forget(&tx)?;
        Ok(tx.commit()?)
    }
}

fn forget(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "DELETE FROM node; DELETE FROM present; DELETE FROM member; DELETE FROM guest_owner;
        DELETE FROM given; DELETE FROM questions",
    )
}

pub(super) fn apply(conn: &Connection, change: &NodeChange) -> rusqlite::Result<()> {
    match change {
        NodeChange::Applied(mark) => set_mark(conn, mark),
        NodeChange::User(id, None) => {
            run(conn, "DELETE FROM present WHERE conn = ?1", [conn_column(*id)])
        }
        NodeChange::User(id, Some(user)) => {
            let sql = "INSERT INTO present(conn, user) VALUES (?1, ?2)
                ON CONFLICT(conn) DO UPDATE SET user = excluded.user";
            run(conn, sql, params![conn_column(*id), json(user)?])
        }
        NodeChange::Member(lobby, id, None) => {
            let sql = "DELETE FROM member WHERE conn = ?1 AND lobby = ?2";
            run(conn, sql, params![conn_column(*id), lobby.0])
        }
        NodeChange::Member(lobby, id, Some(member)) => {
            // The lobby may be gone by now.
            let sql = "INSERT INTO member(conn, lobby, member) SELECT ?1, ?2, ?3
                WHERE EXISTS (SELECT 1 FROM lobby WHERE id = ?2)
                ON CONFLICT(conn, lobby) DO UPDATE SET member = excluded.member";
            run(conn, sql, params![conn_column(*id), lobby.0, json(member)?])
        }
        NodeChange::GuestOwner(lobby, None) => {
            run(conn, "DELETE FROM guest_owner WHERE lobby = ?1", [lobby.0])
        }
        NodeChange::GuestOwner(lobby, Some(owner)) => {
            // The lobby may be gone by now.
            let sql = "INSERT INTO guest_owner(lobby, conn) SELECT ?1, ?2
                WHERE EXISTS (SELECT 1 FROM lobby WHERE id = ?1)
                ON CONFLICT(lobby) DO UPDATE SET conn = excluded.conn";
            run(conn, sql, params![lobby.0, conn_column(*owner)])
        }
        NodeChange::PasswordsGiven(account, passwords) => {
            // The account may be gone by now.
            let sql = "INSERT INTO given(account, passwords) SELECT ?1, ?2
                WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1)
                ON CONFLICT(account) DO UPDATE SET passwords = excluded.passwords";
            run(conn, sql, params![account.0, passwords])
        }
        NodeChange::Questions(lobby, questions) => {
            // The lobby may be gone by now.
            let sql = "INSERT INTO questions(lobby, questions) SELECT ?1, ?2
                WHERE EXISTS (SELECT 1 FROM lobby WHERE id = ?1)
                ON CONFLICT(lobby) DO UPDATE SET questions = excluded.questions";
            run(conn, sql, params![lobby.0, &**questions])
        }
        NodeChange::RoxUsed(used) => put_use(conn, used),
        NodeChange::RoxUnused(question, at) => {
            let sql = "DELETE FROM rox_use WHERE question = ?1 AND at = ?2";
            run(conn, sql, params![question.cast_signed(), int(at.0)])
        }
    }
}

/// A question counts for budgets. Those that count for none any more go.
fn put_use(conn: &Connection, used: &RoxUse) -> rusqlite::Result<()> {
    let before = int(used.at.before(KEPT_FOR).0);
    run(conn, "DELETE FROM rox_use WHERE at < ?1", [before])?;
    let (account, address) = rows::person_columns(&used.who);
    let sql = "INSERT INTO rox_use(question, at, lobby, author, account, address, conn, tokens,
            catch_up, caught_up_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT(question, at) DO UPDATE SET tokens = excluded.tokens,
            caught_up_at = excluded.caught_up_at";
    run(
        conn,
        sql,
        params![
            used.question.cast_signed(),
            int(used.at.0),
            used.lobby.0,
            used.who.name.as_str(),
            account,
            address,
            used.who.conn.map(conn_column),
            int(used.tokens),
            used.catch_up,
            used.caught_up_at.map(|at| int(at.0)),
        ],
    )
}

/// The questions that may still count, the oldest first. Of a server that is alone no connection lives longer than
/// its process.
pub(super) fn rox_uses(conn: &Connection, in_log: bool) -> Result<Vec<RoxUse>, StoreError> {
    let sql = "SELECT * FROM rox_use ORDER BY id DESC LIMIT ?1";
    let one = |row: &Row<'_>| {
        let mut who = rows::named_person(row, "author", "account", "address")?;
        let of = row.get::<_, Option<i64>>("conn")?.filter(|_| in_log);
        who.conn = of.map(|conn| ConnId(conn.cast_unsigned()));
        Ok(RoxUse {
            question: row.get::<_, i64>("question")?.cast_unsigned(),
            at: rows::time(row.get("at")?),
            who,
            lobby: LobbyId(row.get("lobby")?),
            tokens: rows::uint(row.get("tokens")?),
            catch_up: row.get("catch_up")?,
            caught_up_at: row.get::<_, Option<i64>>("caught_up_at")?.map(rows::time),
        })
    };
    let mut uses = list(conn.prepare_cached(sql)?, [int(MAX_USES as u64)], one)?;
    uses.reverse();
    Ok(uses)
}

fn set_mark(conn: &Connection, mark: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO node(id, mark) VALUES (0, ?1)
        ON CONFLICT(id) DO UPDATE SET mark = excluded.mark";
    run(conn, sql, [mark])
}

/// Its bits: no life of a node has a number so high that it would be negative.
fn conn_column(conn: ConnId) -> i64 {
    conn.0.cast_signed()
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|why| rusqlite::Error::ToSqlConversionFailure(why.into()))
}

fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    serde_json::from_str(rows::text(row, column)?)
        .map_err(|_| StoreError::unreadable("user who was there"))
}

/// What is kept of the node; none where the database belongs to no log.
pub(super) fn load(conn: &Connection) -> Result<Option<StoredNode>, StoreError> {
    let mark = conn.query_row("SELECT mark FROM node", [], |row| row.get(0)).optional()?;
    let Some(mark) = mark else { return Ok(None) };
    let users = conn.prepare_cached("SELECT user FROM present ORDER BY conn")?;
    let members = conn.prepare_cached("SELECT lobby, member FROM member ORDER BY conn")?;
    let given = conn.prepare_cached("SELECT account, passwords FROM given ORDER BY account")?;
    let owners = conn.prepare_cached("SELECT lobby, conn FROM guest_owner ORDER BY lobby")?;
    let questions = conn.prepare_cached("SELECT lobby, questions FROM questions ORDER BY lobby")?;
    Ok(Some(StoredNode {
        mark,
        guest_owners: list(owners, [], |row| {
            Ok((LobbyId(row.get(0)?), ConnId(row.get::<_, i64>(1)?.cast_unsigned())))
        })?,
        given: list(given, [], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?,
        questions: list(questions, [], |row| Ok((LobbyId(row.get(0)?), row.get(1)?)))?,
        users: list(users, [], |row| from_json::<PresentUser>(row, 0))?,
        members: list(members, [], |row| {
            Ok((LobbyId(row.get(0)?), from_json::<Member<ConnId>>(row, 1)?))
        })?,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures_tests::{account, db, lobby, said};
    use super::*;
    use crate::chat::accounts::Identity;
    use crate::chat::change::Change;
    use crate::chat::history::UnixMillis;
    use crate::chat::pictures::Picture;

    fn user(conn: u64, name: &str) -> PresentUser {
        PresentUser { who: Identity::example(conn, name, None), away: None, life: 7 }
    }

    fn member(conn: u64, name: &str) -> Member<ConnId> {
        Member::new(Identity::example(conn, name, None), Picture::DEFAULT, None, ConnId(conn))
    }

    fn member_of(lobby: u32, conn: u64, member: Option<Member<ConnId>>) -> NodeChange {
        NodeChange::Member(LobbyId(lobby), ConnId(conn), member.map(Box::new))
    }

    fn is(change: NodeChange) -> Change {
        Change::Node(change)
    }

    /// The connection with the highest number, of a life with the highest.
    const HIGH: u64 = u64::MAX;

    #[test]
    fn the_mark_and_who_is_there_come_back_as_they_were_left() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "den").into())]);
        assert_eq!(db.load(1).unwrap().node, None);
        db.apply(&[
            is(NodeChange::User(ConnId(1), Some(user(1, "ann").into()))),
            is(NodeChange::User(ConnId(HIGH), Some(user(HIGH, "bob").into()))),
            is(member_of(1, HIGH, Some(member(HIGH, "bob")))),
            is(member_of(9, 1, Some(member(1, "ann")))),
            is(NodeChange::Applied([1].into())),
            is(NodeChange::User(ConnId(1), None)),
            is(NodeChange::User(ConnId(HIGH), Some(user(HIGH, "rob").into()))),
            is(NodeChange::Applied([2].into())),
        ])
        .unwrap();
        let node = db.load(1).unwrap().node.unwrap();
        assert_eq!((node.mark, node.users), (vec![2], vec![user(HIGH, "rob")]));
        assert_eq!(node.members, [(LobbyId(1), member(HIGH, "bob"))], "lobby 9 is none");
        db.apply(&[Change::LobbyRemoved(LobbyId(1)), is(NodeChange::Applied([3].into()))]).unwrap();
        assert_eq!(db.load(1).unwrap().node.unwrap().members, []);
    }

    #[test]
    fn the_questions_of_a_lobby_come_back_until_it_goes() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "den").into())]);
        let questions = |lobby, text: &str| is(NodeChange::Questions(LobbyId(lobby), text.into()));
        db.apply(&[
            questions(1, "first"),
            questions(1, "then"),
            questions(9, "of no lobby"),
            is(NodeChange::Applied([1].into())),
        ])
        .unwrap();
        let open = |db: &Db| db.load(1).unwrap().node.unwrap().questions;
        assert_eq!(open(&db), [(LobbyId(1), "then".to_owned())]);
        db.apply(&[Change::LobbyRemoved(LobbyId(1))]).unwrap();
        assert_eq!(open(&db), []);
        db.apply(&[Change::LobbyPut(lobby(1, "den").into()), questions(1, "again")]).unwrap();
        db.join_log(&[5]).unwrap();
        assert_eq!(open(&db), []);
    }

    #[test]
    fn what_rox_was_asked_comes_back_as_it_is_by_then() {
        let mut db = db(&[]);
        let one = |question, at, tokens| RoxUse {
            question,
            at: UnixMillis(at),
            who: crate::chat::person::Person::example(HIGH, "ann"),
            lobby: LobbyId(1),
            tokens,
            catch_up: question == HIGH,
            caught_up_at: (tokens > 0).then_some(UnixMillis(at + 1)),
        };
        let used = |question, at, tokens| is(NodeChange::RoxUsed(one(question, at, tokens).into()));
        let day = 24 * 3_600_000;
        db.apply(&[
            used(HIGH, day, 0),
            used(2, day, 0),
            used(HIGH, day, 9),
            used(HIGH, day + 5, 0),
            used(3, day, 0),
            is(NodeChange::RoxUnused(3, UnixMillis(day))),
        ])
        .unwrap();
        let uses = |db: &Db| db.load(1).unwrap().rox_uses;
        let alone = |one: RoxUse| RoxUse {
            who: crate::chat::person::Person { conn: None, ..one.who.clone() },
            ..one
        };
        assert_eq!(
            uses(&db),
            [one(HIGH, day, 9), one(2, day, 0), one(HIGH, day + 5, 0)].map(alone)
        );
        db.join_log(&[5]).unwrap();
        assert_eq!(uses(&db)[0], one(HIGH, day, 9), "connections of a cluster are told apart");
        db.apply(&[used(4, day * 3, 0)]).unwrap();
        assert_eq!(uses(&db), [one(4, day * 3, 0)]);
    }

    #[test]
    fn the_guest_whose_a_lobby_is_comes_back_until_it_is_an_accounts_or_goes() {
        let lobbies = [1, 2].map(|id| Change::LobbyPut(lobby(id, &format!("lobby{id}")).into()));
        let mut db = db(&lobbies);
        let owner =
            |lobby, conn: Option<u64>| is(NodeChange::GuestOwner(LobbyId(lobby), conn.map(ConnId)));
        db.apply(&[
            owner(1, Some(5)),
            owner(1, Some(HIGH)),
            owner(2, Some(6)),
            owner(9, Some(7)),
            is(NodeChange::Applied([1].into())),
        ])
        .unwrap();
        let owners = |db: &Db| db.load(1).unwrap().node.unwrap().guest_owners;
        assert_eq!(owners(&db), [(LobbyId(1), ConnId(HIGH)), (LobbyId(2), ConnId(6))]);
        db.apply(&[owner(1, None)]).unwrap();
        assert_eq!(owners(&db), [(LobbyId(2), ConnId(6))]);
        db.apply(&[Change::LobbyRemoved(LobbyId(2)), owner(1, Some(5))]).unwrap();
        assert_eq!(owners(&db), [(LobbyId(1), ConnId(5))]);
        db.join_log(&[5]).unwrap();
        assert_eq!(owners(&db), []);
    }

    #[test]
    fn how_many_passwords_an_account_was_given_comes_back_until_the_account_or_the_log_goes() {
        let mut db = db(&[is(NodeChange::Applied([1].into()))]);
        let made = |id, text: &str| Change::AccountPut(account(id, text));
        let given = |id, count| is(NodeChange::PasswordsGiven(AccountId(id), count));
        db.apply(&[made(1, "ann"), made(2, "bob"), given(1, 1), given(2, 1), given(1, 2)]).unwrap();
        db.apply(&[given(9, 1)]).unwrap();
        let stored = |db: &Db| db.load(1).unwrap().node.unwrap().given;
        assert_eq!(stored(&db), [(AccountId(1), 2), (AccountId(2), 1)], "account 9 is none");
        // Its row is as it was, whatever else becomes of the account.
        db.apply(&[made(1, "ann"), Change::AccountRemoved(AccountId(2))]).unwrap();
        assert_eq!(stored(&db), [(AccountId(1), 2)]);
        db.join_log(&[5]).unwrap();
        assert_eq!(stored(&db), []);
    }

    #[test]
    fn whoever_goes_to_another_lobby_is_in_that_whichever_they_left_last() {
        let lobbies = [1, 2].map(|id| Change::LobbyPut(lobby(id, &format!("lobby{id}")).into()));
        let mut db = db(&lobbies);
        let ann = || Some(member(1, "ann"));
        db.apply(&[
            is(member_of(1, 1, ann())),
            is(member_of(2, 1, ann())),
            is(member_of(1, 1, None)),
            is(NodeChange::Applied([1].into())),
        ])
        .unwrap();
        let members = db.load(1).unwrap().node.unwrap().members;
        assert_eq!(members, [(LobbyId(2), member(1, "ann"))]);
    }

    #[test]
    fn a_group_that_fails_leaves_the_mark_where_it_was() {
        let mut db = db(&[Change::LobbyPut(lobby(1, "den").into())]);
        db.apply(&[is(NodeChange::Applied([1].into()))]).unwrap();
        let twin = Change::LobbyPut(lobby(2, "den").into());
        let group = [said(1, 1, "lost"), is(NodeChange::Applied([2].into())), twin];
        assert_eq!(db.apply(&group), Err(StoreError::Rejected(2)));
        let snapshot = db.load(1).unwrap();
        assert_eq!((snapshot.node.unwrap().mark, snapshot.lobbies[0].next_seq), (vec![1], 0));
    }

    #[test]
    fn whoever_leaves_the_log_belongs_to_none() {
        let mut db = db(&[
            is(NodeChange::Applied([1].into())),
            is(NodeChange::User(ConnId(1), Some(user(1, "ann").into()))),
        ]);
        db.join_log(&[5]).unwrap();
        let node = db.load(1).unwrap().node.unwrap();
        assert_eq!((node.mark, node.users.len()), (vec![5], 0));
        db.leave_log().unwrap();
        assert_eq!(db.load(1).unwrap().node, None);
    }
}
