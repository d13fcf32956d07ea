//! The commands by which one says something, to a lobby, to somebody or to Rox; and the help.

use crate::actors::ai::messages::{Ask, NotAsked};
use crate::actors::lobby::messages::{Say, Tag};
use crate::actors::registry::messages::{FindUser, Relay, Relayed, To};
use crate::actors::session::context::{Ctx, Done, Outcome};
use crate::actors::shard::barrier;
use crate::actors::store::messages::LeaveMail;
use crate::chat::command::{About, Addressed, spec};
use crate::chat::name::NameKey;
use crate::chat::text::Line;
use crate::clock::{stamp, unix_now};
use crate::render::replies::{self, ModerationReply, PersonalReply, Reply};
use crate::render::{self, Direct};
use crate::store::{Left, Mail};

pub(super) fn act(cx: &Ctx, text: Line) -> Done {
    let (conn, at) = (cx.conn(), cx.at);
    cx.user().lobby.addr.do_send(Say { conn, at, text, action: true });
    cx.peer.sent_to_lobby();
    Ok(Outcome::Done)
}

pub(super) async fn message(cx: &Ctx, Addressed { to, text }: Addressed) -> Done {
    direct(cx, To::Name(NameKey::of(&to)), &text).await
}

pub(super) async fn respond(cx: &Ctx, text: Line) -> Done {
    let writer = cx.peer.last_writer();
    let writer = writer.ok_or(PersonalReply::NobodyWrote)?;
    direct(cx, To::Person(writer), &text).await
}

/// A private message: shown to its receiver, or kept for an account that is not connected.
async fn direct(cx: &Ctx, to: To, text: &Line) -> Done {
    let from = cx.me();
    let mail = Mail { from: from.clone(), at: unix_now(), text: text.clone() };
    let relayed = cx.ask_registry(Relay { to: to.clone(), from, text: text.clone() }).await;
    // A message to oneself must be there before the session goes on, or ends.
    barrier(&cx.thread.shard).await;
    let (name, reached) = match relayed? {
        Relayed::Shown { name, away } => (name, Reached::Here(away)),
        Relayed::Absent { account, name } => {
            match cx.thread.store.leave_mail(LeaveMail(account, mail)).await? {
                // That they are ignored is nothing that senders learn.
                Left::Kept | Left::Ignored => (name, Reached::Kept),
                Left::Full => return Err(PersonalReply::MailFull(name).into()),
            }
        }
        Relayed::Nobody => {
            return Err(match to {
                To::Name(_) => Reply::UserNotFound,
                To::Person(gone) => PersonalReply::IsGone(gone.name).into(),
            });
        }
    };
    cx.show(|sheet| {
        render::direct(sheet, Direct::To(&name), text, stamp(sheet.form().clock));
    });
    match reached {
        Reached::Here(None) => Ok(Outcome::Done),
        Reached::Here(Some(away)) => cx.reply(PersonalReply::IsAway(name, away)),
        Reached::Kept => cx.reply(PersonalReply::MailKept(name)),
    }
}

/// How a private message reaches its receiver.
enum Reached {
    /// They are connected; what they say of being away.
    Here(Option<Line>),
    /// It waits for their next login.
    Kept,
}

pub(super) async fn tag(cx: &Ctx, Addressed { to, text }: Addressed) -> Done {
    let target = cx.ask_registry(FindUser(NameKey::of(&to))).await?;
    let target = target.ok_or(Reply::UserNotFound)?;
    let tag = Tag { conn: cx.conn(), at: cx.at, target, text };
    cx.ask_lobby(&cx.lobby().addr, tag).await?;
    Ok(Outcome::Done)
}

pub(super) async fn ask_rox(cx: &Ctx, question: Option<Line>) -> Done {
    if cx.thread.config.ai.is_none() {
        return Err(Reply::AiUnavailable);
    }
    let usage = || spec("/ai").map_or(Reply::UnknownCommand(None), Reply::Usage);
    let question = question.ok_or_else(usage)?;
    let lobby = cx.lobby();
    cx.ask_lobby(&lobby.addr, Ask(cx.conn(), question)).await?.map_err(|why| match why {
        NotAsked::Busy(_) => Reply::AiBusy,
        NotAsked::Silent(why) => ModerationReply::NotSaid(why, lobby.name).into(),
    })?;
    Ok(Outcome::Asked)
}

pub(super) fn help(cx: &Ctx, about: About) -> Done {
    match about {
        About::All => cx.show(replies::help),
        About::Topic(topic) => cx.show(|sheet| replies::topic(sheet, topic)),
        About::Command(spec) => cx.show(|sheet| replies::explain(sheet, spec)),
        About::Unknown(near) => return Err(Reply::NoHelp(near)),
    }
    Ok(Outcome::Done)
}
