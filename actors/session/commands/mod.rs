//! What each command does.

mod account;
mod everyday;
mod lobbies;
mod moderation;

use std::time::Instant;

use crate::actors::lobby::messages::Say;
use crate::actors::registry::messages::{ServerOrder, To};
use crate::actors::session::Session;
use crate::actors::session::commands::moderation::{OrderAbout, named, user};
use crate::chat::command::{
    About, Addressed, Banning, Command, CommandError, Cost, Input, MAX_ABOUT_CHARS, OverLimit,
};
use crate::chat::limiter::wait_secs;
use crate::chat::name::NameKey;
use crate::chat::orders::{Order, server_rank};
use crate::chat::pictures::Picture;
use crate::chat::rates::Kind;
use crate::chat::roles::Right;
use crate::chat::text::Line;
use crate::render::replies::{self, Farewell, ModerationReply, NameProblem, Reply};

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
            Command::Act(text) => self.act(text),
            Command::Respond(text) => self.respond(text),
            Command::Whois(user) => self.whois(&user),
            Command::Nick(name) => self.rename(&name),
            Command::Away(text) => self.set_away(text),
            Command::Ignore(user) => self.ignore(&user),
            Command::ListIgnored => {
                let ignores = self.ignores();
                self.show(|sheet| replies::ignored(sheet, &ignores));
            }
            Command::Unignore(user) => self.unignore(NameKey::of(&user)),
            Command::ClockTimes(on) => self.set_clock_times(on),
            Command::Colours(on) => self.set_colours(on),
            Command::History(count) => self.show_history(count),
            Command::Search(words) => self.search(&words),
            Command::Register(password) => self.register(password),
            Command::ChangePassword { old, new } => self.change_password(old, new),
            Command::Unregister(password) => self.unregister(password),
            Command::AddCert => self.add_cert(),
            Command::ListCerts => self.list_certs(),
            Command::DeleteCert(prefix) => self.delete_cert(prefix),
            Command::Accept => self.accept(),
            Command::Topic(topic) => self.order(right, OrderAbout::Nobody(Order::Topic(topic))),
            Command::Slow(gap) => self.order(right, OrderAbout::Nobody(Order::Slow(gap))),
            Command::Op(name) => self.order(right, user(name, Order::Op)),
            Command::Deop(name) => self.order(right, user(name, Order::Deop)),
            Command::Transfer(name) => self.order(right, user(name, Order::Transfer)),
            Command::Kick { user: name, reason } => {
                self.order(right, user(name, |whom| Order::Kick { whom, reason }));
            }
            Command::Mute { user: name, time } => {
                self.order(right, user(name, move |whom| Order::Mute { whom, time }));
            }
            Command::Unmute(name) => self.order(right, named(name, Order::Unmute)),
            Command::Ban(Banning { user: name, time, reason }) => {
                self.order(right, user(name, move |whom| Order::Ban { whom, time, reason }));
            }
            Command::Unban(name) => self.order(right, named(name, Order::Unban)),
            Command::SetPassword(password) => self.set_lobby_password(right, password),
            Command::Delete(lobby) => self.delete_lobby(right, &lobby),
            Command::Bans => self.list_bans(right),
            Command::Audit => self.show_audit(right),
            Command::Announce(text) => {
                self.govern(right, OrderAbout::Nobody(ServerOrder::Announce(text)));
            }
            Command::ServerBan(Banning { user: name, time, reason }) => {
                let ban = move |whom| ServerOrder::Ban { whom, time, reason };
                self.govern(right, user(name, ban));
            }
            Command::ServerUnban(name) => self.govern(right, named(name, ServerOrder::Unban)),
        }
    }
}
