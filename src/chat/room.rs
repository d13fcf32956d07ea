//! The rules of one lobby: who is in it, what was said, who may do what.

use std::collections::HashMap;
use std::sync::Arc;

use super::directory::ConnId;
use super::history::{Entry, History, UnixMillis};
use super::name::Name;
use super::password::PasswordRecord;
use super::pictures::Picture;
use super::text::Line;

/// A user in a lobby; `handle` says where to reach them.
#[derive(Debug, Clone)]
pub struct Member<H> {
    /// Their name.
    pub name: Name,
    /// Their picture.
    pub picture: Picture,
    /// Where to reach them.
    pub handle: H,
}

/// Why a user does not get into a lobby.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is none of that name (any more).
    #[error("no such lobby")]
    NoSuchLobby,
    /// It is private, and the password is wrong or missing.
    #[error("wrong password")]
    WrongPassword,
    /// They are in it.
    #[error("already there")]
    AlreadyThere(Name),
    /// This address gave too many wrong passwords; seconds to wait.
    #[error("too many wrong passwords")]
    TooManyAttempts(u64),
}

/// Why the prompt of the lobby's AI was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// `general` belongs to nobody.
    #[error("the general lobby has the server's prompt")]
    General,
    /// Only the connection that made the lobby may.
    #[error("not the creator")]
    NotCreator,
}

/// One lobby.
#[derive(Debug)]
pub struct Room<H> {
    name: Name,
    /// The connection that made it: a later one of the same name has no rights.
    creator: Option<ConnId>,
    record: Option<Arc<PasswordRecord>>,
    prompt: Option<Line>,
    members: HashMap<ConnId, Member<H>>,
    history: History,
}

impl<H> Room<H> {
    /// An empty lobby; `creator` is none for `general`.
    pub fn new(
        name: Name,
        creator: Option<ConnId>,
        record: Option<Arc<PasswordRecord>>,
        history: History,
    ) -> Self {
        Self { name, creator, record, prompt: None, members: HashMap::new(), history }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The prompt of its AI, where it has one of its own.
    pub fn prompt(&self) -> Option<&Line> {
        self.prompt.as_ref()
    }

    /// Lets a user in. `proof` is the record that their password was checked against.
    ///
    /// # Errors
    /// [`JoinError::WrongPassword`] where the proof is not for the record that stands now,
    /// [`JoinError::AlreadyThere`].
    pub fn join(
        &mut self,
        conn: ConnId,
        member: Member<H>,
        proof: Option<&PasswordRecord>,
    ) -> Result<(), JoinError> {
        if self.members.contains_key(&conn) {
            return Err(JoinError::AlreadyThere(self.name.clone()));
        }
        if self.record.as_deref().is_some_and(|record| Some(record) != proof) {
            return Err(JoinError::WrongPassword);
        }
        self.members.insert(conn, member);
        Ok(())
    }

    /// Takes a user out.
    pub fn leave(&mut self, conn: ConnId) -> Option<Member<H>> {
        self.members.remove(&conn)
    }

    /// A user in the lobby.
    pub fn member(&self, conn: ConnId) -> Option<&Member<H>> {
        self.members.get(&conn)
    }

    /// Everybody in it, in no order.
    pub fn members(&self) -> impl Iterator<Item = &Member<H>> {
        self.members.values()
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Puts a message of a member's into the history, as it is to be shown. None from somebody who
    /// is not in the lobby.
    pub fn say(
        &mut self,
        conn: ConnId,
        tagged: Option<Name>,
        text: Line,
        now: UnixMillis,
    ) -> Option<Entry> {
        let member = self.members.get(&conn)?;
        let (picture, author) = (member.picture, member.name.clone());
        let entry = Entry { at: now, picture, author, tagged, text };
        self.history.push(entry.clone());
        Some(entry)
    }

    /// Changes a member's picture.
    pub fn set_picture(&mut self, conn: ConnId, picture: Picture) {
        if let Some(member) = self.members.get_mut(&conn) {
            member.picture = picture;
        }
    }

    /// Changes the prompt of the lobby's AI.
    ///
    /// # Errors
    /// Why not.
    pub fn set_prompt(&mut self, conn: ConnId, prompt: Line) -> Result<(), PromptError> {
        match self.creator {
            None => Err(PromptError::General),
            Some(creator) if creator != conn => Err(PromptError::NotCreator),
            Some(_) => {
                self.prompt = Some(prompt);
                Ok(())
            }
        }
    }

    /// Pictures and names of everybody in it, by name.
    pub fn roster(&self) -> Vec<(Picture, Name)> {
        let mut users: Vec<_> = self.members().map(|m| (m.picture, m.name.clone())).collect();
        users.sort_by_cached_key(|(_, name)| name.key());
        users
    }

    /// Hands everything on, to a lobby that is set up in the place of this one.
    pub fn take(&mut self) -> Self {
        Self {
            name: self.name.clone(),
            creator: self.creator,
            record: self.record.clone(),
            prompt: self.prompt.take(),
            members: std::mem::take(&mut self.members),
            history: self.history.take(),
        }
    }

    /// What a user who joins now is shown, oldest first.
    pub fn recent(&mut self, now: UnixMillis) -> impl Iterator<Item = &Entry> {
        self.history.recent(now)
    }

    /// The newest `count` messages, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &Entry> {
        self.history.last(count)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chat::password::Secret;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn member(name: &str) -> Member<()> {
        Member { name: Name::parse(name).unwrap(), picture: Picture::DEFAULT, handle: () }
    }

    fn room(creator: Option<u64>, record: Option<Arc<PasswordRecord>>) -> Room<()> {
        let history = History::new(10, Duration::from_secs(60));
        Room::new(Name::parse("coding").unwrap(), creator.map(ConnId), record, history)
    }

    #[test]
    fn a_user_is_in_it_once() {
        let mut room = room(Some(1), None);
        assert_eq!(room.join(ConnId(1), member("alice"), None), Ok(()));
        let again = room.join(ConnId(1), member("alice"), None);
        assert_eq!(again, Err(JoinError::AlreadyThere(room.name().clone())));
        assert!(room.leave(ConnId(1)).is_some());
        assert!(room.leave(ConnId(1)).is_none());
    }

    #[test]
    fn a_private_lobby_wants_proof_for_the_record_that_stands() {
        let salt = |s: &[u8; 16]| *s;
        let record = |s| PasswordRecord::create(&Secret::new("pw"), &salt(s)).unwrap();
        let (mine, other) = (record(b"0123456789abcdef"), record(b"fedcba9876543210"));
        let mut room = room(Some(1), Some(Arc::new(mine.clone())));
        for proof in [None, Some(&other)] {
            let got = room.join(ConnId(2), member("bob"), proof);
            assert_eq!(got, Err(JoinError::WrongPassword));
        }
        assert_eq!(room.join(ConnId(2), member("bob"), Some(&mine)), Ok(()));
    }

    #[test]
    fn only_members_speak_and_what_they_say_is_kept() {
        let mut room = room(Some(1), None);
        assert!(room.say(ConnId(1), None, Line::clean("hi"), NOW).is_none());
        room.join(ConnId(1), member("alice"), None).unwrap();
        room.set_picture(ConnId(1), Picture::find("cat").unwrap());
        let entry = room.say(ConnId(1), None, Line::clean("hi"), NOW).unwrap();
        assert_eq!((entry.author.as_str(), entry.picture.as_str()), ("alice", "(=^・^=)"));
        assert_eq!(room.recent(NOW).count(), 1);
    }

    #[test]
    fn the_prompt_belongs_to_the_connection_that_made_the_lobby() {
        let prompt = || Line::clean("Be a pirate");
        assert_eq!(room(None, None).set_prompt(ConnId(1), prompt()), Err(PromptError::General));
        let mut room = room(Some(1), None);
        assert_eq!(room.set_prompt(ConnId(2), prompt()), Err(PromptError::NotCreator));
        assert_eq!(room.set_prompt(ConnId(1), prompt()), Ok(()));
        assert_eq!(room.prompt().map(Line::as_str), Some("Be a pirate"));
    }

    #[test]
    fn the_roster_is_by_name_whatever_the_case() {
        let mut room = room(None, None);
        for (conn, name) in [(1, "zoe"), (2, "Bob"), (3, "alice")] {
            room.join(ConnId(conn), member(name), None).unwrap();
        }
        let names: Vec<_> = room.roster().iter().map(|(_, n)| n.to_string()).collect();
        assert_eq!(names, ["alice", "Bob", "zoe"]);
    }
}
