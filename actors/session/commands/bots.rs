//! The commands about bots of one's account, and about hooks of a lobby.

use openssl::rand::rand_bytes;

use crate::actors::registry::messages::{
    BotNotDone, DeleteBot, FindLobbyById, ListBots, MakeBot, MayBeNamed,
};
use crate::actors::session::context::{Ctx, Done, Failure, Outcome, busy};
use crate::chat::bot::{TOKEN_BYTES, Token};
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::Order;
use crate::chat::registry::BotError;
use crate::render::replies::{self, BotReply, NameProblem, Reply};

/// A token that nobody has.
#[expect(clippy::disallowed_methods, reason = "the place where tokens are made")]
fn new_token() -> Result<Token, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    rand_bytes(&mut bytes).map_err(busy)?;
    Ok(Token::new(&bytes))
}

fn name(typed: &str) -> Result<Name, Failure> {
    Ok(Name::parse(typed).map_err(NameProblem::Invalid)?)
}

impl From<BotNotDone> for Reply {
    fn from(why: BotNotDone) -> Self {
        match why {
            BotNotDone::Rule(BotError::Name(why)) => NameProblem::from(why).into(),
            BotNotDone::Rule(BotError::TooMany) => BotReply::TooMany.into(),
            BotNotDone::Rule(BotError::NoAccount) => BotReply::ForPeople.into(),
            BotNotDone::NotStored => Self::NotStored,
            BotNotDone::Busy => Self::ServerBusy,
        }
    }
}

pub(super) async fn add_bot(cx: &Ctx, typed: &str) -> Done {
    let (name, token) = (name(typed)?, new_token()?);
    let make = MakeBot { conn: cx.conn(), name: name.clone(), token: token.hash() };
    cx.ask_registry(make).await??;
    cx.reply(BotReply::Added(name, token))
}

pub(super) async fn delete_bot(cx: &Ctx, typed: &str) -> Done {
    let delete = DeleteBot { conn: cx.conn(), key: NameKey::of(typed) };
    let deleted = cx.ask_registry(delete).await??;
    cx.reply(BotReply::Deleted(deleted.ok_or(BotReply::Unknown)?))
}

pub(super) async fn list_bots(cx: &Ctx) -> Done {
    let bots = cx.ask_registry(ListBots(cx.conn())).await?;
    cx.show(|sheet| replies::bots(sheet, &bots));
    Ok(Outcome::Done)
}

pub(super) async fn add_hook(cx: &Ctx, typed: &str) -> Done {
    // Asked first: what names are taken is nothing to be tried out by those who may not.
    cx.check_right().await?;
    let (name, token) = (name(typed)?, new_token()?);
    cx.ask_registry(MayBeNamed(name.clone())).await?.map_err(NameProblem::from)?;
    cx.order(Order::AddHook { name: name.clone(), token: token.hash() }).await?;
    cx.reply(BotReply::HookAdded(name, token))?;
    Ok(Outcome::Ordered)
}

pub(super) async fn delete_hook(cx: &Ctx, typed: &str) -> Done {
    cx.order(Order::DeleteHook(NameKey::of(typed))).await
}

pub(super) async fn list_hooks(cx: &Ctx) -> Done {
    cx.check_right().await?;
    let found = cx.ask_registry(FindLobbyById(cx.lobby().id)).await?;
    let state = found.ok_or(Reply::ServerBusy)?.state;
    let (times, now) = (cx.times(), cx.thread.log().now());
    cx.show(|sheet| replies::hooks(sheet, &state.name, state.hooks.values(), times, now));
    Ok(Outcome::Done)
}
