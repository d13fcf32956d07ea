//! What the commands do that are about oneself, about others and about what was said.

use std::future::Future;
use std::time::Duration;

use crate::actors::lobby::messages::{Away, Renamed, Say};
use crate::actors::registry::messages::{FindTarget, Known, Rename, SetAway, To, Whois};
use crate::actors::session::{Session, User};
use crate::actors::shard::barrier;
use crate::actors::shard::messages::IdleTime;
use crate::actors::shard::telling::{Pages, Telling};
use crate::actors::store::messages::{ReadHistory, SaveSettings, Search};
use crate::actors::unix_now;
use crate::chat::command::{MAX_FOUND, spec};
use crate::chat::history::Entry;
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::{Name, NameKey};
use crate::chat::person::Person;
use crate::chat::text::Line;
use crate::render::ansi::Style;
use crate::render::replies::{self, NameProblem, Online, PersonalReply, Place, Reply};
use crate::render::{Sheet, replay};
use crate::store::{Change, Settings, StoreError};

impl Session {
    pub(super) fn personal(&self, reply: PersonalReply<'_>) {
        self.reply(&Reply::Personal(reply));
    }

    /// Whom the user does not want to hear.
    pub(in crate::actors::session) fn ignores(&self) -> Ignores {
        self.peer.ignores().map(|ignores| ignores.clone()).unwrap_or_default()
    }

    pub(super) fn act(&mut self, text: Line) {
        let (conn, at) = (self.peer.conn(), self.at());
        if let Some(user) = self.user() {
            user.lobby.addr.do_send(Say { conn, at, text, action: true });
            self.peer.sent_to_lobby();
        }
    }

    pub(super) fn respond(&mut self, text: Line) {
        match self.peer.last_writer() {
            Some(writer) => self.send_direct(To::Person(writer), text),
            None => self.personal(PersonalReply::NobodyWrote),
        }
    }

    pub(super) fn whois(&mut self, typed: &str) {
        let (thread, key) = (self.thread.clone(), NameKey::of(typed));
        let work = async move {
            let known = thread.registry.send(Whois(key)).await.ok()??;
            let idle = match &known.present {
                Some(present) => present.shard.send(IdleTime(present.at.seat)),
                None => return Some((known, None)),
            };
            let idle = idle.await.ok().flatten();
            Some((known, idle))
        };
        self.ask(work, |session, answer| match answer {
            Some((known, idle)) => session.tell_whois(&known, idle),
            None => session.reply(&Reply::UserNotFound),
        });
    }

    fn tell_whois(&self, known: &Known, idle: Option<Duration>) {
        let online = known.present.as_ref().map(|present| Online {
            place: present.lobby.as_ref().map_or(Place::Private, Place::Public),
            idle: idle.unwrap_or_default(),
            away: present.away.as_ref(),
        });
        let registered = known.account.is_some();
        let whois = replies::Whois { name: &known.name, registered, online };
        self.show(|sheet| replies::whois(sheet, &whois));
    }

    pub(super) fn rename(&mut self, typed: &str) {
        let name = match Name::parse(typed) {
            Ok(name) => name,
            Err(why) => {
                return self.personal(PersonalReply::NotRenamed(&NameProblem::Invalid(why)));
            }
        };
        let Some(lobby) = self.user().map(|user| user.lobby.addr.clone()) else { return };
        let (thread, conn, new) = (self.thread.clone(), self.peer.conn(), name.clone());
        let work = async move {
            let renamed = thread.registry.send(Rename(conn, new.clone())).await;
            if let Ok(Ok(_)) = &renamed {
                let _ = lobby.send(Renamed(conn, new)).await;
                barrier(&thread.shard).await;
            }
            renamed
        };
        self.ask(work, |session, renamed| match renamed {
            Ok(Ok(_)) => {
                if let Some(user) = session.user_mut() {
                    user.who.name = name;
                }
            }
            Ok(Err(why)) => session.personal(PersonalReply::NotRenamed(&why.into())),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn set_away(&mut self, text: Option<Line>) {
        let (thread, conn) = (self.thread.clone(), self.peer.conn());
        let Some(user) = self.user_mut() else { return };
        user.away = text.clone();
        let (lobby, away) = (user.lobby.addr.clone(), text.is_some());
        let work = async move {
            let _ = thread.registry.send(SetAway(conn, text.clone())).await;
            lobby.send(Away(conn, text)).await
        };
        self.ask(work, move |session, _| session.personal(PersonalReply::Away(away)));
    }

    pub(super) fn ignore(&mut self, typed: &str) {
        let (thread, key) = (self.thread.clone(), NameKey::of(typed));
        let find = async move { thread.registry.send(FindTarget(key)).await };
        self.ask(find, |session, found| match found {
            Ok(Some(target)) => session.ignore_person((&target).into()),
            Ok(None) => session.reply(&Reply::UserNotFound),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    fn ignore_person(&mut self, who: Person) {
        let Some(User { who: me, .. }) = self.user() else { return };
        let (account, me) = (me.account, Person::from(me));
        if let Err(why) = self.ignores().add(&me, who.clone()) {
            return self.personal(PersonalReply::NotIgnored(why));
        }
        let (name, form) = (who.name.clone(), who.clone());
        let added = |account| vec![Change::IgnoreAdded { account, name, who: form }];
        let stored = self.commit(account.map(added));
        self.ask(stored, move |session, stored| match stored {
            Ok(()) => {
                let name = who.name.clone();
                // Nothing else has changed the list but what was learned meanwhile.
                session.peer.change_ignores(|ignores| _ = ignores.add(&me, who));
                session.personal(PersonalReply::Ignored(&name));
            }
            Err(_) => session.reply(&Reply::NotStored),
        });
    }

    /// By the name that the list has, or by the one that they have now.
    pub(super) fn unignore(&mut self, key: NameKey) {
        let (thread, named) = (self.thread.clone(), key.clone());
        let find = async move { thread.registry.send(FindTarget(named)).await };
        self.ask(find, move |session, found| match found {
            Ok(target) => session.unignore_person(key, target.as_ref().map(Person::from)),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    fn unignore_person(&mut self, key: NameKey, now: Option<Person>) {
        let (name, forms) = match self.ignores().remove(&key, now.as_ref()) {
            Ok(removed) => removed,
            Err(why) => return self.personal(PersonalReply::NotIgnored(why)),
        };
        let account = self.user().and_then(|user| user.who.account);
        let removed =
            |account| forms.into_iter().map(|who| Change::IgnoreRemoved { account, who }).collect();
        let stored = self.commit(account.map(removed));
        self.ask(stored, move |session, stored| match stored {
            Ok(()) => {
                session.peer.change_ignores(|ignores| _ = ignores.remove(&key, now.as_ref()));
                session.personal(PersonalReply::Unignored(&name));
            }
            Err(_) => session.reply(&Reply::NotStored),
        });
    }

    /// Stores changes of an account's; there are none for a guest.
    pub(super) fn commit(
        &self,
        changes: Option<Vec<Change>>,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let store = self.thread.store.clone();
        async move {
            match changes {
                Some(changes) => store.commit(changes).await,
                None => Ok(()),
            }
        }
    }

    pub(super) fn set_clock_times(&mut self, on: bool) {
        let change = move |settings: Settings| Settings { clock_times: on, ..settings };
        self.change_settings(change, move |session| {
            if let Some(user) = session.user_mut() {
                user.clock_times = on;
            }
            session.restyle(|style| Style { clock: on, ..style });
            session.personal(PersonalReply::ClockTimes(on));
        });
    }

    pub(super) fn set_colours(&mut self, on: bool) {
        // A server without colours sends none to anybody.
        let plain = !on || !self.thread.config.color;
        let change = move |settings: Settings| Settings { colour: Some(on), ..settings };
        self.change_settings(change, move |session| {
            if let Some(user) = session.user_mut() {
                user.colour = Some(on);
            }
            session.restyle(|style| Style { plain, ..style });
            session.personal(PersonalReply::Colours(!plain));
        });
    }

    /// Changes the style. What the user was shown so far is in the old one.
    fn restyle(&self, change: impl FnOnce(Style) -> Style) {
        self.thread.hub.catch_up(self.seat);
        self.peer.set_style(change(self.peer.style()));
    }

    /// Stores other settings of an account, and only then goes on; a guest's go with the connection.
    pub(super) fn change_settings(
        &mut self,
        change: impl FnOnce(Settings) -> Settings,
        then: impl FnOnce(&mut Self) + 'static,
    ) {
        let save = self.user().and_then(|user| {
            let settings = change(user.settings());
            user.who.account.map(|_| SaveSettings(user.who.name.key(), settings))
        });
        let Some(save) = save else { return then(self) };
        let store = self.thread.store.clone();
        self.ask(async move { store.save(save).await }, |session, saved| match saved {
            Ok(()) => then(session),
            Err(_) => session.reply(&Reply::NotStored),
        });
    }

    pub(super) fn show_history(&mut self, count: usize) {
        let Some(lobby) = self.user().map(|user| user.lobby.id) else { return };
        let (store, ignores) = (self.thread.store.clone(), self.ignores());
        let read = async move { store.history(ReadHistory { lobby, count, ignores }).await };
        self.ask(read, move |session, messages| match messages {
            Ok(messages) => {
                let (count, store) = (messages.len(), session.thread.store.clone());
                let pages = Pages::history(store, lobby, messages);
                session.show_entries(lobby, count, pages, replies::history);
            }
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn search(&mut self, words: &Line) {
        let Some(lobby) = self.user().map(|user| user.lobby.id) else { return };
        let (store, words) = (self.thread.store.clone(), words.as_str().to_owned());
        let (max, ignores) = (MAX_FOUND, self.ignores());
        let read = async move { store.ask(Search { lobby, words, max, ignores }).await };
        self.ask(read, move |session, found| match found {
            Ok(ids) => {
                let (count, store) = (ids.len(), session.thread.store.clone());
                let pages = Pages::messages(store, lobby, ids, Vec::new());
                session.show_entries(lobby, count, pages, replies::found);
            }
            Err(StoreError::TooSlow) => session.reply(&Reply::SearchTooSlow),
            // The table has the row: a test looks for every command's.
            Err(StoreError::TooManyTerms) => {
                spec("/search").into_iter().for_each(|spec| session.reply(&Reply::Usage(spec)));
            }
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    /// Shows messages of the lobby under a heading with their number.
    fn show_entries(
        &self,
        lobby: LobbyId,
        count: usize,
        pages: Pages<Entry>,
        head: fn(&mut Sheet, &Name, usize),
    ) {
        let Some(user) = self.user() else { return };
        let (times, now) = (self.times(), unix_now());
        let write = move |sheet: &mut Sheet, entry: &Entry| replay(sheet, entry, times, now);
        let head = |sheet: &mut Sheet| head(sheet, &user.lobby.name, count);
        self.tell(Telling::new(head, pages, write).of(lobby));
    }
}
