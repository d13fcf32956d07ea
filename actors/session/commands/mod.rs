//! What a line of a logged-in user does: its limits, and the one match over all commands.

mod account;
mod bots;
mod everyday;
mod lobbies;
mod moderation;
mod personal;
pub(super) mod rox;

pub(super) use self::lobbies::{list_for_program as list_lobbies, users as list_users};

use std::time::Duration;

use crate::actors::lobby::messages::Say;
use crate::actors::log::{self, Log};
use crate::actors::session::Session;
use crate::actors::session::context::{Ctx, Done, Outcome};
use crate::actors::session::holding::named;
use crate::chat::command::{
    Command, CommandError, Cost, Input, MAX_ABOUT_CHARS, OverLimit, Spec, to_rox,
};
use crate::chat::orders::{Order, server_rank};
use crate::chat::rates::Kind;
use crate::chat::roles::Right;
use crate::chat::settings::Setting;
use crate::chat::text::{Line, Text};
use crate::clock;
use crate::render::prompt;
use crate::render::replies::{
    BotReply, Farewell, ModerationReply, NameProblem, PersonalReply, Reply,
};

/// A line whose length and rate have been judged: once, as it comes, though it may have to wait.
pub(super) enum Judged {
    /// Nothing to see.
    Blank,
    /// To the lobby.
    Say(Text),
    /// To be carried out, by whoever has this right.
    Command(Right, Result<Command, CommandError>),
    /// Over a limit, and by which words it is named where it is refused without one.
    Refused(Refused, Option<Line>),
}

/// The limit that a line is over.
pub(super) enum Refused {
    /// Its own.
    Length(Reply),
    /// That of its user; how long until one would be let through.
    Rate(Duration),
}

impl Session {
    /// Judges a line of a logged-in user: it may be too long, or one too many. What is lost is named by
    /// `words`.
    ///
    /// # Errors
    /// It is over the rate; how long until it would be let through.
    pub(super) fn judge(&self, input: Input, words: &Line) -> Result<Judged, (Input, Duration)> {
        if let Some(why) = self.over_length(&input) {
            let words = Some(named(&input, words));
            return Ok(Judged::Refused(Refused::Length(why), words));
        }
        let kind = match &input {
            Input::Blank | Input::Overlong => None,
            Input::Say(_) | Input::SayRows(_) => Some(Kind::Message),
            Input::Command { cost, .. } => match cost {
                Cost::Free => None,
                // Whoever keeps order waits for nothing; whether one has the right for it only the
                // lobby knows, so the first order is free, and counts once it was denied.
                Cost::Duty if !self.denied => None,
                Cost::Look => Some(Kind::Look),
                Cost::Message | Cost::Duty => Some(Kind::Message),
            },
        };
        if let Some(kind) = kind
            && let Some(user) = self.user()
            && let Err(wait) = self.thread.rates.pass(&user.who, kind, clock::now())
        {
            return Err((input, wait));
        }
        Ok(match input {
            Input::Blank | Input::Overlong => Judged::Blank,
            Input::Say(text) => Judged::Say(text.into()),
            Input::SayRows(text) => Judged::Say(text),
            Input::Command { right, parsed, .. } => Judged::Command(right, parsed),
        })
    }

    /// What is told of a line that is over its own limit.
    pub(super) fn over_length(&self, input: &Input) -> Option<Reply> {
        let max = self.thread.config.get().max_message_chars;
        match input {
            Input::Blank => None,
            Input::Overlong => Some(Reply::TooLong(max)),
            Input::Say(text) => (text.chars() > max).then_some(Reply::TooLong(max)),
            Input::SayRows(text) => (text.chars() > max).then_some(Reply::TooLong(max)),
            Input::Command { over, .. } => over.and_then(|over| self.too_long(over)),
        }
    }

    fn too_long(&self, over: OverLimit) -> Option<Reply> {
        let max = self.thread.config.get().max_message_chars;
        match over {
            // Without an AI its questions are all answered alike.
            OverLimit::Question if self.thread.config.get().ai.is_none() => None,
            OverLimit::Question => Some(Reply::QuestionTooLong(max)),
            OverLimit::About => Some(Reply::TooLong(MAX_ABOUT_CHARS)),
            OverLimit::Text => Some(Reply::TooLong(max)),
            OverLimit::Password => Some(Reply::PasswordTooLong),
            OverLimit::ShortPassword => Some(Reply::PasswordTooShort),
        }
    }

    /// Carries a line out that has been judged.
    pub(super) fn understand(&mut self, line: Judged) {
        match line {
            Judged::Blank => self.prompt_again(),
            // Of a bot it is a message like others.
            Judged::Say(text) => match to_rox(&text).filter(|_| !self.is_bot()) {
                Some(question) => self.say_to_rox(text, question),
                None => self.say(text),
            },
            Judged::Command(right, parsed) => {
                let turns =
                    matches!(parsed, Ok(Command::AskPassword(_) | Command::Set(Setting::Mode(_))));
                if turns && let Some(mut typing) = self.peer.typing() {
                    // What is typed next may be a password, or for another editor.
                    typing.keep_keys(true);
                }
                if let Some(cx) = self.ctx(right) {
                    let needs = parsed.as_ref().is_ok_and(Command::needs_others);
                    if needs && self.thread.log().is_away() {
                        return self.finish(Err(Reply::Unreachable));
                    }
                    // What was sent to another node by then may have got there.
                    let writes = matches!(&parsed, Ok(Command::Message(_) | Command::Respond(_)));
                    let left = match writes {
                        true => PersonalReply::MayBeLost.into(),
                        false => Reply::Unreachable,
                    };
                    let goes = matches!(parsed, Ok(Command::Join { .. } | Command::Tag(_)));
                    match self.thread.log() {
                        Log::Shared(log) if !goes => {
                            self.obey_by_log(log.clone(), obey(cx, parsed), left);
                        }
                        // These see to it themselves.
                        Log::Shared(_) | Log::Alone => {
                            self.wait_for(obey(cx, parsed), Self::finish);
                        }
                    }
                }
            }
            Judged::Refused(refused, words) => self.refuse(refused, words),
        }
    }

    /// Waits for a command, as long as the log can be reached that it may need; then it is left with these words.
    fn obey_by_log(
        &mut self,
        log: log::Shared,
        work: impl Future<Output = Done> + 'static,
        left: Reply,
    ) {
        let work = async move {
            match log.reached(work).await {
                // Whatever it is that did not answer, that is why.
                Some(Err(Reply::ServerBusy | Reply::NotStored)) if log.is_away() => {
                    Err(Reply::Unreachable)
                }
                Some(done) => done,
                None => Err(left),
            }
        };
        self.wait_for(work, Self::finish);
    }

    /// After an empty line the terminal has moved on, so the prompt is shown again; once is enough where
    /// several come together, or something else ends with it.
    fn prompt_again(&self) {
        self.thread.hub.catch_up(self.seat);
        if self.peer.has_taken_all() {
            self.peer.answer(prompt(self.peer.form()));
        }
    }

    /// A line over the limit of lines, at the name prompt.
    pub(super) fn refuse_long_name(&mut self) {
        self.ask_again(&NameProblem::LineTooLong(self.thread.config.get().max_message_chars));
    }

    /// Notes whether the user had the right for what they ordered.
    pub(super) fn note_right(&mut self, denied: bool) {
        if denied
            && !self.denied
            && let Some(user) = self.user()
        {
            self.thread.rates.count(&user.who, Kind::Message, clock::now());
        }
        self.denied = denied;
    }

    /// Says a message to the lobby that is a question to Rox.
    fn say_to_rox(&mut self, text: Text, question: Option<Line>) {
        if self.thread.log().is_away() {
            // It waits as messages do, and nobody is asked.
            self.say(text);
            return self.reply(&Reply::Unreachable);
        }
        if let Some(cx) = self.ctx(Right::Everyone) {
            self.wait_for(rox::said_to(cx, text, question), Self::finish);
        }
    }

    /// Sends a message to the lobby; its coming back is the answer.
    fn say(&self, text: Text) {
        let (conn, at) = (self.peer.conn(), self.at());
        if let Some(user) = self.user() {
            user.lobby.addr.do_send(Say { conn, at, text, action: false, taken: clock::now() });
            self.peer.sent_to_lobby();
        }
    }
}

async fn obey(cx: Ctx, parsed: Result<Command, CommandError>) -> Done {
    match parsed {
        Ok(command) => run(&cx, command).await,
        Err(CommandError::Unknown(near)) => Err(Reply::UnknownCommand(usable(&cx, near).await)),
        Err(CommandError::Bare) => Err(Reply::BareWord),
        Err(CommandError::Usage(spec)) => Err(Reply::Usage(spec)),
        Err(CommandError::Password(fault)) => Err(Reply::NoPassword(fault)),
        Err(CommandError::NotATime) => Err(Reply::NotATime),
    }
}

/// The first of these commands that the user may use.
async fn usable(cx: &Ctx, near: Vec<&'static Spec>) -> Option<&'static str> {
    for spec in near {
        if cx.may_use(spec.right).await {
            return Some(spec.word);
        }
    }
    None
}

/// Runs a command of somebody who has the right; what only the lobby knows, that is asked.
async fn run(cx: &Ctx, command: Command) -> Done {
    if !cx.right.is_of_lobby() {
        let who = cx.who();
        let allowed = cx.right.check(&who, server_rank(who.admin));
        allowed.map_err(|why| ModerationReply::NotDone(why.into(), cx.lobby().name))?;
    }
    if cx.is_bot() && command.is_for_people() {
        return Err(BotReply::ForPeople.into());
    }
    match command {
        Command::Help(about) => everyday::help(cx, about),
        Command::Quit => Ok(Outcome::Leave(Farewell::Quit)),
        Command::Users => lobbies::users(cx).await,
        Command::Lobbies { text, page } => lobbies::lobbies(cx, text, page).await,
        Command::Create(new) => lobbies::create(cx, new).await,
        Command::Join { lobby, password } => lobbies::join(cx, &lobby, password).await,
        Command::Message(message) => everyday::message(cx, message).await,
        Command::Respond(text) => everyday::respond(cx, text).await,
        Command::Tag(tag) => everyday::tag(cx, tag).await,
        Command::Act(text) => everyday::act(cx, text),
        Command::Ask(question) => rox::ask(cx, question).await,
        Command::History { count, before } => lobbies::history(cx, count, before).await,
        Command::Search(words) => lobbies::search(cx, &words).await,
        Command::Since(id) => lobbies::since(cx, id).await,
        Command::SetPicture(name) => personal::set_picture(cx, &name).await,
        Command::ListPictures => personal::list_pictures(cx),
        Command::ResetPicture => personal::reset_picture(cx).await,
        Command::Whois(user) => personal::whois(cx, &user).await,
        Command::Nick(name) => personal::nick(cx, &name).await,
        Command::Away(text) => personal::away(cx, text).await,
        Command::Ignore(user) => personal::ignore(cx, &user).await,
        Command::ListIgnored => personal::list_ignored(cx),
        Command::Unignore(user) => personal::unignore(cx, &user).await,
        Command::Set(setting) => personal::set(cx, setting).await,
        Command::ShowMode => Ok(Outcome::Mode { set: false }),
        Command::AskPassword(asking) => account::ask(cx, asking).await,
        Command::Register(password) => account::register(cx, password).await,
        Command::GivePassword(new) => account::give_password(cx, new).await,
        Command::ChangePassword { old, new } => account::change_password(cx, old, new).await,
        Command::Unregister(password) => account::unregister(cx, password).await,
        Command::AddKey => account::add_key(cx).await,
        Command::ListKeys => account::list_keys(cx).await,
        Command::DeleteKey(prefix) => account::delete_key(cx, prefix).await,
        Command::AddBot(name) => bots::add_bot(cx, &name).await,
        Command::ListBots => bots::list_bots(cx).await,
        Command::DeleteBot(name) => bots::delete_bot(cx, &name).await,
        Command::AddHook(name) => bots::add_hook(cx, &name).await,
        Command::ListHooks => bots::list_hooks(cx).await,
        Command::DeleteHook(name) => bots::delete_hook(cx, &name).await,
        Command::Accept => moderation::accept(cx).await,
        Command::Topic(topic) => moderation::topic(cx, topic).await,
        Command::Slow(gap) => moderation::slow(cx, gap).await,
        Command::StopRox => rox::stop(cx).await,
        Command::ForgetRox => rox::forget(cx).await,
        Command::ShowUsage => rox::usage(cx),
        Command::CatchUp => rox::catch_up(cx).await,
        Command::ShowRoxRoom => rox::show_room(cx).await,
        Command::SetRoxRoom(on) => cx.order(Order::SetRox(on)).await,
        Command::ShowPrompt => moderation::show_prompt(cx).await,
        Command::SetPrompt(prompt) => moderation::set_prompt(cx, prompt).await,
        Command::Op(name) => moderation::op(cx, &name).await,
        Command::Deop(name) => moderation::deop(cx, &name).await,
        Command::Transfer(name) => moderation::transfer(cx, &name).await,
        Command::Kick { user, reason } => moderation::kick(cx, &user, reason).await,
        Command::Mute(mute) => moderation::mute(cx, mute).await,
        Command::Unmute(name) => moderation::unmute(cx, &name).await,
        Command::Ban(ban) => moderation::ban(cx, ban).await,
        Command::Unban(name) => moderation::unban(cx, &name).await,
        Command::SetPassword(password) => moderation::set_password(cx, password).await,
        Command::Delete(lobby) => moderation::delete(cx, &lobby).await,
        Command::Undo => cx.order(Order::Undo(None)).await.map(|_| Outcome::Done),
        Command::Purge(user) => moderation::purge(cx, &user).await,
        Command::Bans => moderation::bans(cx).await,
        Command::Audit => moderation::audit(cx).await,
        Command::Announce(text) => moderation::announce(cx, text).await,
        Command::ServerBan(ban) => moderation::server_ban(cx, ban).await,
        Command::ServerUnban(name) => moderation::server_unban(cx, &name).await,
    }
}
