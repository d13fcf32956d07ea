use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::chat::directory::IpKey;
use crate::chat::history::{Entry, MessageKind, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::lobby::LobbyState;
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::retention::Kept;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanction;
use crate::chat::text::{Line, Text};

/// What users are shown who ask for it, at once and with nobody ignored.
impl Db {
    pub(super) fn history(&self, lobby: LobbyId, max: usize) -> Result<Vec<Entry>, StoreError> {
        let ids = self.newest(lobby, (max, 0), Kept::ALL, &Ignores::default())?;
        self.entries(lobby, &ids)
    }

    fn entries(&self, lobby: LobbyId, ids: &[MessageId]) -> Result<Vec<Entry>, StoreError> {
        let page = self.messages(lobby, ids, usize::MAX)?;
        Ok(page.items.into_iter().map(|(_, entry)| entry).collect())
    }

    pub(super) fn search(
        &self,
        lobby: LobbyId,
        words: &str,
        max: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let ids = self.find(lobby, words, max, Kept::ALL, &Ignores::default())?;
        self.entries(lobby, &ids)
    }

    /// Since a time.
    pub(super) fn missed(&self, lobby: LobbyId, at: u64, max: usize) -> (u64, Vec<String>) {
        self.missed_of(lobby, Since { at: UnixMillis(at), seq: None }, max, Kept::ALL)
    }

    pub(super) fn missed_of(
        &self,
        lobby: LobbyId,
        since: Since,
        max: usize,
        kept: Kept,
    ) -> (u64, Vec<String>) {
        let missed = self.since(lobby, since, max, kept, &Ignores::default()).unwrap();
        if let Some(seq) = since.seq {
            let unread = self.unread(&[(lobby, seq)], kept).unwrap();
            assert_eq!(unread.get(&lobby), Some(&missed.count));
        }
        let entries = self.entries(lobby, &missed.newest).unwrap();
        assert!(missed.newest.last().is_none_or(|last| missed.next_seq == last.seq + 1));
        (missed.count, texts(&entries).into_iter().map(str::to_owned).collect())
    }

    pub(super) fn mail(&self, account: AccountId) -> Result<Vec<(MailId, Mail)>, StoreError> {
        let ids: Vec<_> = self.mail_waiting(account)?.into_iter().map(|(id, _)| id).collect();
        self.letters(account, &ids, usize::MAX).map(|page| page.items)
    }

    pub(super) fn audit_of(&self, scope: Scope, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit(&self.audit_ids(&[scope], max)?, usize::MAX).map(|page| page.items)
    }
}

/// A directory of its own, which goes with the test.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lobbyd-store {}?{n}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The data directory in it, which nobody has made yet.
    pub(super) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.data().join(DATABASE_FILE)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Names in a directory, sorted.
pub(super) fn files(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| name(e).into_string().unwrap()).collect();
    names.sort();
    names
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A guest as they are stored, from the address 10.0.0.1.
pub(super) fn guest(called: &str) -> Person {
    Person { conn: None, ..Person::example(0, called) }
}

pub(super) fn line(text: &str) -> Line {
    Line::clean(text)
}

/// A record of no password in particular.
pub(super) fn record() -> Arc<PasswordRecord> {
    let phc = "$pbkdf2-sha512$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$\
        CZuP+CW1gVIW/D6NdnLDBCb6d7i4WpLG2pnvMRVUXNs";
    Arc::new(PasswordRecord::parse(phc).unwrap())
}

pub(super) fn ip(text: &str) -> IpKey {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

pub(super) fn entry(at: u64, text: &str) -> Entry {
    Entry {
        at: UnixMillis(at),
        picture: Picture::DEFAULT,
        author: guest("alice"),
        kind: MessageKind::Said,
        text: Text::clean(text),
    }
}

pub(super) fn said(lobby: u32, seq: u64, text: &str) -> Change {
    Change::Said { lobby: LobbyId(lobby), seq, entry: entry(1_000 + seq, text).into() }
}

/// A lobby with nothing special.
pub(super) fn lobby(id: u32, called: &str) -> LobbyState {
    let owner = if id == GENERAL_ID.0 { Owner::Server } else { Owner::Nobody };
    LobbyState { owner, ..LobbyState::example(id, name(called)) }
}

pub(super) fn account(id: u32, called: &str) -> Account {
    Account::new(AccountId(id), name(called), record(), UnixMillis(1))
}

pub(super) fn sanction(subject: Subject) -> Sanction {
    Sanction {
        subject,
        name: name("mallory"),
        until: Some(UnixMillis(99)),
        by: name("alice"),
        at: UnixMillis(9),
        reason: Some(line("spam")),
    }
}

/// A database in memory with these changes in it.
pub(super) fn db(changes: &[Change]) -> Db {
    let mut db = Db::in_memory().unwrap();
    db.apply(changes).unwrap();
    db
}

/// Texts of messages.
pub(super) fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}
