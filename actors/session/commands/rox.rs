//! The commands by which one talks with Rox.

use log::info;

use crate::actors::ai::messages::{
    Ask, CatchUp, ForgetRefused, ForgetRox, HasRox, NotAsked, StopRefused, StopRox,
};
use crate::actors::session::Membership;
use crate::actors::session::context::{Ctx, Done, Failure, Outcome, busy};
use crate::ai::budget::OverBudget;
use crate::ai::questions::NotStopped;
use crate::chat::command::spec;
use crate::chat::lobby::SayError;
use crate::chat::name::Name;
use crate::chat::text::{Line, Text};
use crate::clock;
use crate::logging::event;
use crate::metrics::NotAskedFor;
use crate::render::replies::{ModerationReply, Reply, UsageTold};

/// Whoever asks is told so first of all: without a provider nothing else matters.
fn needs_provider(cx: &Ctx) -> Result<(), Failure> {
    match cx.thread.config.get().ai {
        Some(_) => Ok(()),
        None => Err(Reply::AiUnavailable),
    }
}

/// The line that says how to ask.
fn usage_line() -> Reply {
    spec("/ai").map_or(Reply::UnknownCommand(None), Reply::Usage)
}

pub(super) async fn ask(cx: &Ctx, question: Option<Line>) -> Done {
    needs_provider(cx)?;
    put(cx, question.ok_or_else(usage_line)?, None).await
}

/// A message whose first word is Rox's name. Where nobody is asked it is said all the same, but one without a question
/// is most likely meant to learn how to ask.
pub(super) async fn said_to(cx: Ctx, text: Text, question: Option<Line>) -> Done {
    let has_provider = cx.thread.config.get().ai.is_some();
    if question.is_none() && has_provider {
        return Err(usage_line());
    }
    put(&cx, question.unwrap_or_default(), Some(text)).await
}

/// The same of a message that waited for the rate limit.
///
/// # Errors
/// It was not said.
pub(in crate::actors::session) async fn held(
    cx: Ctx,
    text: Text,
    question: Line,
) -> Result<Done, SayError> {
    let lobby = cx.lobby();
    match ask_lobby(&cx, &lobby, question, Some(text)).await {
        Ok(Ok(())) => Ok(Ok(Outcome::Asked)),
        Ok(Err(NotAsked::Silent(why))) => Err(why),
        Ok(Err(why)) => Ok(Err(not_asked(&cx, why, &lobby.name))),
        Err(_) => Err(SayError::NotHere),
    }
}

/// Puts a question to the lobby, which may be a message, and tells the log.
async fn put(cx: &Ctx, text: Line, said: Option<Text>) -> Done {
    let lobby = cx.lobby();
    ask_lobby(cx, &lobby, text, said).await?.map_err(|why| not_asked(cx, why, &lobby.name))?;
    let name = cx.who().name;
    info!(event = event::ASKED, conn = cx.conn().number(); "{name} asked Rox in lobby '{}'", lobby.name);
    Ok(Outcome::Asked)
}

/// The same without a word in the log.
async fn ask_lobby(
    cx: &Ctx,
    lobby: &Membership,
    text: Line,
    said: Option<Text>,
) -> Result<Result<(), NotAsked>, Failure> {
    let ask = Ask { conn: cx.conn(), text, said, taken: clock::now() };
    cx.ask_lobby(&lobby.addr, ask).await
}

pub(super) async fn catch_up(cx: &Ctx) -> Done {
    needs_provider(cx)?;
    let lobby = cx.lobby();
    let ask = CatchUp { conn: cx.conn(), ignores: cx.ignores() };
    cx.ask_lobby(&lobby.addr, ask).await?.map_err(|why| not_asked(cx, why, &lobby.name))?;
    let name = cx.who().name;
    info!(
        event = event::ASKED, conn = cx.conn().number();
        "{name} asked Rox what they missed in lobby '{}'", lobby.name
    );
    Ok(Outcome::Asked)
}

/// Why a question was not taken, as its asker is told.
fn not_asked(cx: &Ctx, why: NotAsked, lobby: &Name) -> Failure {
    let budgets = &cx.thread.budgets;
    match why {
        NotAsked::Busy(_) => {
            budgets.refused(NotAskedFor::Busy);
            Reply::AiBusy
        }
        NotAsked::NoProvider => Reply::AiUnavailable,
        NotAsked::Off => {
            budgets.refused(NotAskedFor::Off);
            Reply::AiOff
        }
        NotAsked::OverBudget(why) => {
            match why {
                OverBudget::Hour(_) => budgets.refused(NotAskedFor::UserBudget),
                OverBudget::Day => budgets.refused(NotAskedFor::DayBudget),
                OverBudget::CatchUp(_) => {}
            }
            Reply::AiOverBudget(why)
        }
        NotAsked::NothingMissed => Reply::NothingMissed,
        NotAsked::Unread => busy(()),
        NotAsked::Silent(why) => ModerationReply::NotSaid(why, lobby.clone()).into(),
    }
}

pub(super) async fn stop(cx: &Ctx) -> Done {
    needs_provider(cx)?;
    let stopped = cx.ask_lobby(&cx.lobby().addr, StopRox(cx.conn())).await?;
    match stopped {
        Ok(true) => Ok(Outcome::Done),
        // Its asker is told by the node that it was put to; whoever has stopped somebody else's is told here.
        Ok(false) => cx.reply(Reply::AiStopped),
        Err(StopRefused::NotStopped(NotStopped::Nothing)) => Err(Reply::NothingToStop),
        Err(StopRefused::NotStopped(NotStopped::NotTheirs)) => Err(Reply::NotTheirsToStop),
        Err(StopRefused::Unreachable) => Err(Reply::Unreachable),
    }
}

pub(super) async fn forget(cx: &Ctx) -> Done {
    needs_provider(cx)?;
    let lobby = cx.lobby();
    match cx.ask_lobby(&lobby.addr, ForgetRox(cx.who())).await? {
        Ok(()) => cx.reply(Reply::AiForgot),
        Err(ForgetRefused::Denied(why)) => {
            Err(ModerationReply::NotDone(why.into(), lobby.name).into())
        }
        Err(ForgetRefused::Unreachable) => Err(Reply::Unreachable),
    }
}

pub(super) fn usage(cx: &Ctx) -> Done {
    needs_provider(cx)?;
    let (lobby, now) = (cx.lobby(), cx.thread.log().now());
    let [own, here, all] = cx.thread.budgets.used(&cx.me(), lobby.id, now);
    let limits = cx.thread.config.get().ai_limits;
    let server = cx.who().admin.then_some(all);
    cx.reply(Reply::AiUsage(UsageTold { own, lobby: (lobby.name, here), server, limits }.into()))
}

pub(super) async fn show_room(cx: &Ctx) -> Done {
    let on = cx.lobby().addr.send(HasRox).await.map_err(busy)?;
    cx.reply(if on { Reply::AiOn } else { Reply::AiOff })
}
