//! What each command does.

mod account;
mod everyday;
mod moderation;

use std::sync::Arc;
use std::time::Instant;

use actix::Addr;
use log::info;

use crate::actors::ai::messages::{Ask, NotAsked};
use crate::actors::guard::Guarded;
use crate::actors::hasher::HashError;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{NotSet, Roster, Rostered, Say, SetPicture, SetPrompt, Tag};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Create, FindUser, ListLobbies, Listed, MayCreate, NotCreated, Relay, Relayed, To,
};
use crate::actors::session::Session;
use crate::actors::shard::barrier;
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::LeaveMail;
use crate::actors::unix_now;
use crate::chat::command::{
    About, Addressed, Command, CommandError, Cost, Input, MAX_ABOUT_CHARS, NewLobby, OverLimit,
    spec,
};
use crate::chat::limiter::wait_secs;
use crate::chat::lobbies::{Card, CreateError};
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::server_rank;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::rates::Kind;
use crate::chat::roles::Right;
use crate::chat::room::{Presence, SayError};
use crate::chat::text::Line;
use crate::render::replies::{self, Farewell, ModerationReply, NameProblem, PersonalReply, Reply};
use crate::render::{self, Direct, Sheet, block};
use crate::store::{Left, Mail, Settings};

/// Users and lobbies of a long list that wait for one client at a time.
const USERS_PER_PAGE: usize = 512;
const LOBBIES_PER_PAGE: usize = 64;

impl Session {
    /// A line of a logged-in user.
    pub(super) fn understand(&mut self, input: Input) {
        match input {
            // The terminal has moved on to a new line, so the prompt is shown again; once is enough
            // where several come together.
            Input::Blank if self.peer.queued_bytes() > 0 => {}
            Input::Blank => self.show(|_| ()),
            Input::Say(text) => self.say(text),
            Input::Overlong => {
                self.refuse(&Reply::TooLong(self.thread.config.max_message_chars), Instant::now());
            }
            Input::Command { cost, right, parsed } => self.obey(cost, right, parsed),
        }
    }

    /// A line over the limit of lines, at the name prompt.
    pub(super) fn refuse_long_name(&mut self) {
        self.ask_again(&NameProblem::LineTooLong(self.thread.config.max_message_chars));
    }

    /// Whether a message would go to the lobby now.
    pub(super) fn would_pass(&self, text: &Line) -> bool {
        text.chars() <= self.thread.config.max_message_chars
            && self.user().is_some_and(|user| {
                self.thread.rates.check(&user.who, Kind::Message, Instant::now()).is_ok()
            })
    }

    /// Lets something that counts pass the rate limit, or says why not.
    fn passes_rate_limit(&mut self, kind: Kind) -> bool {
        let Some(user) = self.user() else { return false };
        let now = Instant::now();
        if let Err(wait) = self.thread.rates.pass(&user.who, kind, now) {
            self.refuse(&Reply::RateLimited(wait_secs(wait)), now);
            return false;
        }
        true
    }

    /// Whether a command may be looked at now. Whoever keeps order waits for nothing; whether one has
    /// the right for it only the lobby knows, so the first order is free, and counts once it was denied.
    fn may_ask(&mut self, cost: Cost) -> bool {
        match cost {
            Cost::Free => true,
            Cost::Duty if !self.denied => true,
            Cost::Look => self.passes_rate_limit(Kind::Look),
            Cost::Message | Cost::Duty => self.passes_rate_limit(Kind::Message),
        }
    }

    /// Notes whether the user had the right for what they ordered.
    pub(super) fn note_right(&mut self, denied: bool) {
        if denied
            && !self.denied
            && let Some(user) = self.user()
        {
            self.thread.rates.count(&user.who, Kind::Message, Instant::now());
        }
        self.denied = denied;
    }

    fn say(&mut self, text: Line) {
        let max = self.thread.config.max_message_chars;
        if text.chars() > max {
            return self.refuse(&Reply::TooLong(max), Instant::now());
        }
        if !self.passes_rate_limit(Kind::Message) {
            return;
        }
        let (conn, at) = (self.peer.conn(), self.at());
        if let Some(user) = self.user() {
            user.lobby.addr.do_send(Say { conn, at, text, action: false });
            self.peer.sent_to_lobby();
        }
    }

    fn obey(&mut self, cost: Cost, right: Right, parsed: Result<Command, CommandError>) {
        let max = self.thread.config.max_message_chars;
        let has_ai = self.thread.config.ai.is_some();
        let over = parsed.as_ref().ok().and_then(|command| command.over_limit(max));
        match over {
            // Without an AI its questions are all answered alike.
            Some(OverLimit::Question) if !has_ai => {}
            Some(OverLimit::Question) => {
                return self.refuse(&Reply::QuestionTooLong(max), Instant::now());
            }
            Some(OverLimit::About) => {
                return self.refuse(&Reply::TooLong(MAX_ABOUT_CHARS), Instant::now());
            }
            Some(OverLimit::Text) => return self.refuse(&Reply::TooLong(max), Instant::now()),
            Some(OverLimit::Password) => {
                return self.refuse(&Reply::PasswordTooLong, Instant::now());
            }
            Some(OverLimit::ShortPassword) => {
                return self.refuse(&Reply::PasswordTooShort, Instant::now());
            }
            None => {}
        }
        if !self.may_ask(cost) {
            return;
        }
        match parsed {
            Ok(command) => self.run_with(right, command),
            Err(CommandError::Unknown) => self.reply(&Reply::UnknownCommand),
            Err(CommandError::Usage(spec)) => self.reply(&Reply::Usage(spec)),
            Err(CommandError::Password(fault)) => self.reply(&Reply::NoPassword(fault)),
        }
    }

    /// Runs a command of somebody who has the right; what only the lobby knows, it is asked.
    fn run_with(&mut self, right: Right, command: Command) {
        let Some(user) = self.user() else { return };
        if !right.is_of_lobby()
            && let Err(why) = right.check(&user.who, server_rank(user.who.admin))
        {
            let lobby = user.lobby.name.clone();
            self.note_right(right == Right::Admin);
            return self.reply(&Reply::Moderation(ModerationReply::Denied(why, &lobby)));
        }
        self.run(right, command);
    }

    fn run(&mut self, right: Right, command: Command) {
        match command {
            Command::Help(About::Page(page)) => self.show(|sheet| replies::help(sheet, page)),
            Command::Help(About::Command(spec)) => self.show(|sheet| replies::explain(sheet, spec)),
            Command::Help(About::Unknown) => self.reply(&Reply::UnknownCommand),
            Command::Users => self.list_users(),
            Command::Lobbies => self.list_lobbies(),
            Command::Create(new) => self.create_lobby(new),
            Command::Join { lobby, password } => self.join(&lobby, password),
            Command::SetPicture(name) => match Picture::find(&name) {
                Some(picture) => self.set_picture(picture, Reply::PictureSet(picture)),
                None => self.reply(&Reply::PictureUnknown),
            },
            Command::ListPictures => self.show(replies::picture_list),
            Command::ResetPicture => self.set_picture(Picture::DEFAULT, Reply::PictureReset),
            Command::Message(Addressed { to, text }) => {
                self.send_direct(To::Name(NameKey::of(&to)), text);
            }
            Command::Tag(tag) => self.tag(tag),
            Command::Ask(question) => self.ask_ai(question),
            Command::SetPrompt(prompt) => self.set_prompt(prompt),
            Command::Quit => self.close(Some(Farewell::Quit)),
            other => self.run_everyday(right, other),
        }
    }

    fn list_users(&mut self) {
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

    fn list_lobbies(&mut self) {
        let registry = self.thread.registry.clone();
        self.ask(lobbies(registry, None), |session, lobbies| match lobbies {
            Some((total, pages)) => {
                let head = |sheet: &mut Sheet| replies::lobbies(sheet, total);
                session.tell(Telling::new(head, pages, replies::lobby));
            }
            None => session.reply(&Reply::ServerBusy),
        });
    }

    fn create_lobby(&mut self, NewLobby { name, password, description }: NewLobby) {
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

    fn set_picture(&mut self, picture: Picture, done: Reply<'static>) {
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

    fn tag(&mut self, Addressed { to, text }: Addressed) {
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

    fn ask_ai(&mut self, question: Option<Line>) {
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

    fn set_prompt(&mut self, prompt: Line) {
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
