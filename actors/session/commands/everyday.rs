//! The commands by which one says something, to a lobby, to somebody or to Rox; and the help.

use std::time::Duration;

use tokio::time::sleep;

use crate::actors::lobby::messages::{Say, Tag};
use crate::actors::registry::messages::{FindTarget, FindUser, Relay, Relayed, To};
use crate::actors::session::context::{Ctx, Done, Failure, Outcome};
use crate::actors::shard::barrier;
use crate::actors::store::messages::LeaveMail;
use crate::chat::accounts::{AccountId, Identity, Target};
use crate::chat::command::{About, Addressed};
use crate::chat::name::{Name, NameKey};
use crate::chat::text::Line;
use crate::clock::{self, stamp};
use crate::render::replies::{self, PersonalReply, Reply};
use crate::render::{self, Direct, Letter};
use crate::store::{Left, Mail};

/// How often somebody is looked for whose node says that they are not there, before that is believed; and how long
/// this node is given in between to learn of it.
const SEARCHES: usize = 3;
const SEARCH_AGAIN: Duration = Duration::from_millis(50);

pub(super) fn act(cx: &Ctx, text: Line) -> Done {
    let (conn, at) = (cx.conn(), cx.at);
    cx.user().lobby.addr.do_send(Say {
        conn,
        at,
        text: text.into(),
        action: true,
        taken: clock::now(),
    });
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
    let mail = Mail { from: from.clone(), at: cx.thread.log().now(), text: text.clone() };
    let relayed =
        relay(cx, Relay { to: to.clone(), from, by: cx.conn(), text: text.clone() }).await;
    // A message to oneself must be there before the session goes on, or ends.
    barrier(&cx.thread.shard).await;
    let (name, reached) = match relayed? {
        Relayed::Shown { name, away } => (name, Reached::Here(away)),
        Relayed::Absent { account, name } => {
            keep(cx, account, &name, mail).await?;
            (name, Reached::Kept)
        }
        Relayed::Nobody => {
            return Err(match to {
                To::Name(key) => cx.nobody(key.as_str()).await,
                To::Person(gone) => PersonalReply::IsGone(gone.name).into(),
            });
        }
        Relayed::Gone(_) | Relayed::Unknown => return Err(PersonalReply::MayBeLost.into()),
        Relayed::Busy => return Err(Reply::ServerBusy),
    };
    cx.thread.tally.wrote_privately();
    let (me, at) = (cx.who().name, cx.thread.log().now());
    let letter = Letter { direction: Direct::To(&name), you: Some(&me), text, at, mail: false };
    cx.show(|sheet| {
        let when = stamp(sheet.form().clock);
        render::letter(sheet, &letter, when);
    });
    match reached {
        Reached::Here(None) => Ok(Outcome::Done),
        Reached::Here(Some(away)) => cx.reply(PersonalReply::IsAway(name, away)),
        Reached::Kept => cx.reply(PersonalReply::MailKept(name)),
    }
}

/// Has a private message relayed, to wherever its receiver is by then. It is shown at most once: it is tried again
/// only where a node has said that it was not.
async fn relay(cx: &Ctx, relay: Relay) -> Result<Relayed, Failure> {
    for _ in 0..SEARCHES {
        match cx.ask_registry(relay.clone()).await? {
            Relayed::Gone(_) => sleep(SEARCH_AGAIN).await,
            relayed => return Ok(relayed),
        }
    }
    match cx.ask_registry(relay).await? {
        // This node learns later than that that they have left.
        Relayed::Gone(Identity { account: Some(account), name, .. }) => {
            Ok(Relayed::Absent { account, name })
        }
        Relayed::Gone(_) => Ok(Relayed::Nobody),
        relayed => Ok(relayed),
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
    let (conn, at, lobby) = (cx.conn(), cx.at, cx.lobby());
    if let Some(user) = cx.ask_registry(FindUser(NameKey::of(&to))).await? {
        let (whom, tell) = (user.who.name, Some(user.handle));
        let tag = Tag { conn, at, whom, tell, text, taken: clock::now() };
        // What is said waits for the log, and nobody for it.
        cx.thread.log().reached(cx.ask_lobby(&lobby.addr, tag)).await.transpose()?;
        return Ok(Outcome::Done);
    }
    // An account that is not connected finds it in its mail.
    let absent = cx.ask_registry(FindTarget(NameKey::of(&to))).await?;
    // A bot has none.
    let Some(Target::Absent { account, name, bot_of: None, .. }) = absent else {
        return Err(cx.nobody(&to).await);
    };
    let letter = format!("\u{2726} tagged you in '{}': {}", lobby.name, text.as_str());
    let tag = Tag { conn, at, whom: name.clone(), tell: None, text, taken: clock::now() };
    if !cx.ask_lobby(&lobby.addr, tag).await? {
        return Ok(Outcome::Done);
    }
    let mail = Mail { from: cx.me(), at: cx.thread.log().now(), text: Line::clean(&letter) };
    keep(cx, account, &name, mail).await?;
    cx.reply(PersonalReply::MailKept(name))
}

/// Keeps a letter for an account that is not connected.
async fn keep(cx: &Ctx, account: AccountId, name: &Name, mail: Mail) -> Result<(), Failure> {
    match cx.thread.store.leave_mail(LeaveMail(account, mail)).await? {
        // That they are ignored is nothing that senders learn.
        Left::Kept | Left::Ignored => Ok(()),
        Left::Full => Err(PersonalReply::MailFull(name.clone()).into()),
    }
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
