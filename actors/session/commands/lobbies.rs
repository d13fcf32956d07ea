//! The commands about lobbies, messages and Rox.

use std::sync::Arc;

use actix::Addr;
use log::info;

use crate::actors::ai::messages::{Ask, NotAsked};
use crate::actors::guard::Guarded;
use crate::actors::hasher::HashError;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{NotSet, Roster, Rostered, SetPicture, SetPrompt, Tag};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Create, FindUser, ListLobbies, Listed, MayCreate, NotCreated, Relay, Relayed, To,
};
use crate::actors::session::Session;
use crate::actors::shard::barrier;
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::LeaveMail;
use crate::actors::unix_now;
use crate::chat::command::{Addressed, NewLobby, spec};
use crate::chat::lobbies::{Card, CreateError};
use crate::chat::name::{Name, NameKey};
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::room::{Presence, SayError};
use crate::chat::text::Line;
use crate::render::replies::{self, ModerationReply, PersonalReply, Reply};
use crate::render::{self, Direct, Sheet, block};
use crate::store::{Left, Mail, Settings};

/// Users and lobbies of a long list that wait for one client at a time.
const USERS_PER_PAGE: usize = 512;
const LOBBIES_PER_PAGE: usize = 64;

impl Session {
    pub(super) fn list_users(&mut self) {
        let Some(user) = self.user() else { return };
        let (lobby, name) = (user.lobby.addr.clone(), user.lobby.name.clone());
        let id = user.lobby.id;
        self.ask(users(lobby, None), move |session, users| match users {
            Some((total, pages)) => {
                let head = |sheet: &mut Sheet| replies::users(sheet, &name, total);
                session.tell(Telling::new(head, pages, replies::user).of(id));
            }
            None => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn list_lobbies(&mut self) {
        let registry = self.thread.registry.clone();
        self.ask(lobbies(registry, None), |session, lobbies| match lobbies {
            Some((total, pages)) => {
                let head = |sheet: &mut Sheet| replies::lobbies(sheet, total);
                session.tell(Telling::new(head, pages, replies::lobby));
            }
            None => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn create_lobby(&mut self, NewLobby { name, password, description }: NewLobby) {
        let name = match Name::parse(&name) {
            Ok(name) => name,
            Err(why) => return self.reply(&Reply::NotCreated(CreateError::BadName(why))),
        };
        let Some(who) = self.user().map(|user| user.who.clone()) else { return };
        let (thread, private) = (self.thread.clone(), password.is_some());
        let lobby = name.clone();
        let work = async move {
            let may = MayCreate { who: who.clone(), name: name.clone() };
            thread.registry.send(may).await.map_err(|_| NotCreated::Busy)??;
            let record = match password {
                None => None,
                Some(password) => {
                    let hashed = thread.hasher.hash(password).await;
                    Some(Arc::new(hashed.map_err(|_: HashError| NotCreated::Busy)?))
                }
            };
            // Somebody may have been quicker meanwhile, so this checks again.
            let create = Create { who, name, description, record };
            thread.registry.send(create).await.map_err(|_| NotCreated::Busy)?
        };
        self.ask(work, move |session, result| match result {
            Ok(()) => session.reply(&Reply::Created { lobby: &lobby, private }),
            Err(NotCreated::Rule(why)) => {
                if matches!(why, CreateError::TooMany | CreateError::TooManyOfUser) {
                    info!("conn={} limit: {why}", session.peer.conn().0);
                }
                session.reply(&Reply::NotCreated(why));
            }
            Err(NotCreated::NotStored) => session.reply(&Reply::NotStored),
            Err(NotCreated::Busy) => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn set_picture(&mut self, picture: Picture, done: Reply<'static>) {
        let change = move |settings: Settings| Settings { picture, ..settings };
        self.change_settings(change, move |session| {
            let conn = session.peer.conn();
            let Some(user) = session.user_mut() else { return };
            user.picture = picture;
            let lobby = user.lobby.addr.clone();
            let set = async move { lobby.send(SetPicture(conn, picture)).await };
            session.ask(set, move |session, _| session.reply(&done));
        });
    }

    pub(super) fn send_direct(&mut self, to: To, text: Line) {
        let Some(from) = self.user().map(|user| Person::from(&user.who)) else { return };
        let thread = self.thread.clone();
        let incoming = block(|sheet| render::direct(sheet, Direct::From(&from.name), &text, None));
        let mail = Mail { from: from.clone(), at: unix_now(), text: text.clone() };
        let relay = Relay { to: to.clone(), from, block: incoming };
        let work = async move {
            let found = thread.registry.send(relay).await;
            // A message to oneself must be there before the session goes on, or ends.
            barrier(&thread.shard).await;
            let (account, name) = match found {
                Ok(Relayed::Shown { name, away }) => return Sent::Shown(name, away),
                Ok(Relayed::Absent { account, name }) => (account, name),
                Ok(Relayed::Nobody) => return Sent::Nobody(to),
                Err(_) => return Sent::Busy,
            };
            match thread.store.leave_mail(LeaveMail(account, mail)).await {
                // That they are ignored is nothing that senders learn.
                Ok(Left::Kept | Left::Ignored) => Sent::Kept(name),
                Ok(Left::Full) => Sent::Full(name),
                Err(_) => Sent::NotStored,
            }
        };
        self.ask(work, move |session, sent| session.tell_sent(sent, &text));
    }

    fn tell_sent(&self, sent: Sent, text: &Line) {
        let personal = |reply| self.reply(&Reply::Personal(reply));
        match sent {
            Sent::Shown(name, away) => {
                self.show(|sheet| render::direct(sheet, Direct::To(&name), text, None));
                if let Some(away) = away {
                    personal(PersonalReply::IsAway(&name, &away));
                }
            }
            Sent::Kept(name) => {
                self.show(|sheet| render::direct(sheet, Direct::To(&name), text, None));
                personal(PersonalReply::MailKept(&name));
            }
            Sent::Full(name) => personal(PersonalReply::MailFull(&name)),
            Sent::Nobody(To::Name(_)) => self.reply(&Reply::UserNotFound),
            Sent::Nobody(To::Person(gone)) => personal(PersonalReply::IsGone(&gone.name)),
            Sent::NotStored => self.reply(&Reply::NotStored),
            Sent::Busy => self.reply(&Reply::ServerBusy),
        }
    }

    pub(super) fn tag(&mut self, Addressed { to, text }: Addressed) {
        let Some(lobby) = self.user().map(|user| user.lobby.addr.clone()) else { return };
        let (thread, conn, at) = (self.thread.clone(), self.peer.conn(), self.at());
        let work = async move {
            let found = thread.registry.send(FindUser(NameKey::of(&to))).await;
            let Ok(Some(target)) = found else { return found.map(|_| false) };
            lobby.send(Tag { conn, at, target, text }).await?;
            barrier(&thread.shard).await;
            Ok(true)
        };
        self.ask(work, |session, found| match found {
            Ok(true) => {}
            Ok(false) => session.reply(&Reply::UserNotFound),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn ask_ai(&mut self, question: Option<Line>) {
        if self.thread.config.ai.is_none() {
            return self.reply(&Reply::AiUnavailable);
        }
        let Some(question) = question else {
            // The table has the row: a test looks for every command's.
            return spec("/ai").into_iter().for_each(|spec| self.reply(&Reply::Usage(spec)));
        };
        let Some(lobby) = self.user().map(|user| user.lobby.addr.clone()) else { return };
        let (thread, conn) = (self.thread.clone(), self.peer.conn());
        let work = async move {
            let taken = lobby.send(Ask(conn, question)).await;
            barrier(&thread.shard).await;
            taken
        };
        self.ask(work, |session, taken| match taken {
            Ok(Ok(())) => session.questions += 1,
            Ok(Err(NotAsked::Silent(why))) => session.tell_not_said(&why),
            Ok(Err(NotAsked::Busy(busy))) => {
                info!("conn={} limit: {busy}", session.peer.conn().0);
                session.reply(&Reply::AiBusy);
            }
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    fn tell_not_said(&self, why: &SayError) {
        if let Some(user) = self.user() {
            let not_said = ModerationReply::NotSaid(why, &user.lobby.name);
            self.reply(&Reply::Moderation(not_said));
        }
    }

    pub(super) fn set_prompt(&mut self, prompt: Line) {
        let Some(lobby) = self.user().map(|user| user.lobby.addr.clone()) else { return };
        let (thread, conn) = (self.thread.clone(), self.peer.conn());
        let work = async move {
            let set = lobby.send(SetPrompt(conn, prompt)).await;
            barrier(&thread.shard).await;
            set
        };
        self.ask(work, |session, set| match set {
            Ok(Ok(())) => session.reply(&Reply::PromptSet),
            Ok(Err(NotSet::Rule(why))) => session.reply(&Reply::PromptRefused(why)),
            Ok(Err(NotSet::NotStored)) => session.reply(&Reply::NotStored),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }
}

/// Who is in a lobby after this name, and how many are in all.
async fn users(lobby: Addr<Lobby>, after: Option<NameKey>) -> Option<(usize, Pages<Presence>)> {
    let Rostered { total, users: items } =
        lobby.send(Roster { after, max: USERS_PER_PAGE }).await.ok()?;
    let last = items.last().filter(|_| items.len() == USERS_PER_PAGE).map(|user| user.name.key());
    let rest = async move |lobby, last| users(lobby, Some(last)).await.map(|(_, pages)| pages);
    let more = last.map(|last| More::new(move || rest(lobby, last)));
    Some((total, Pages { items, more }))
}

/// Which lobbies there are after this one, and how many in all.
async fn lobbies(
    registry: Addr<Guarded<Registry>>,
    after: Option<NameKey>,
) -> Option<(usize, Pages<(Card, bool)>)> {
    let Listed { total, lobbies: items } =
        registry.send(ListLobbies { after, max: LOBBIES_PER_PAGE }).await.ok()?;
    let last =
        items.last().filter(|_| items.len() == LOBBIES_PER_PAGE).map(|(card, _)| card.name.key());
    let rest = async move |list, last| lobbies(list, Some(last)).await.map(|(_, pages)| pages);
    let more = last.map(|last| More::new(move || rest(registry, last)));
    Some((total, Pages { items, more }))
}

/// What became of a private message.
enum Sent {
    /// It was shown, unless the receiver ignores its sender; what they say of being away.
    Shown(Name, Option<Line>),
    /// It waits for an account of this name.
    Kept(Name),
    /// As much waits for it as may.
    Full(Name),
    /// There is nobody of that name, or they are gone.
    Nobody(To),
    /// It could not be stored.
    NotStored,
    /// An actor does not answer.
    Busy,
}
