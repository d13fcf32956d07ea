//! The commands about oneself: how one appears, what one is shown, and whom one hears.

use log::info;

use crate::actors::lobby::messages::{Away, Renamed, SetPicture};
use crate::actors::registry::messages::{AskElsewhere, KnownPresence, Rename, SetAway, Whois};
use crate::actors::session::context::{Ctx, Done, Failure, Outcome};
use crate::actors::session::form_of;
use crate::actors::shard::messages::IdleTime;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::Named;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::registry::RenameError;
use crate::chat::settings::{Colours, Setting};
use crate::chat::text::Line;
use crate::logging::event;
use crate::render::Palette;
use crate::render::replies::{self, NameProblem, Online, PersonalReply, Place, Reply};
use crate::store::Change;

pub(super) async fn set_picture(cx: &Ctx, typed: &str) -> Done {
    let picture = Picture::find(typed).ok_or(Reply::PictureUnknown)?;
    change_picture(cx, picture).await?;
    cx.reply(PersonalReply::Set(Setting::Picture(picture)))
}

pub(super) async fn reset_picture(cx: &Ctx) -> Done {
    change_picture(cx, Picture::DEFAULT).await?;
    cx.reply(Reply::PictureReset)
}

async fn change_picture(cx: &Ctx, picture: Picture) -> Result<(), Failure> {
    change(cx, Setting::Picture(picture)).await?;
    let _ = cx.lobby().addr.send(SetPicture(cx.conn(), picture)).await;
    Ok(())
}

pub(super) fn list_pictures(cx: &Ctx) -> Done {
    cx.show(replies::picture_list);
    Ok(Outcome::Done)
}

pub(super) async fn whois(cx: &Ctx, typed: &str) -> Done {
    let Some(known) = cx.ask_registry(Whois(NameKey::of(typed))).await? else {
        return Err(cx.nobody(typed).await);
    };
    let idle = match &known.present {
        Some(KnownPresence { at, shard: Some(shard), .. }) => {
            shard.send(IdleTime(at.seat)).await.ok().flatten()
        }
        Some(KnownPresence { conn, shard: None, .. }) => {
            let told = cx.ask_registry(AskElsewhere { of: *conn, by: cx.conn() }).await?;
            told.map(|told| told.idle)
        }
        None => None,
    };
    let online = known.present.as_ref().map(|present| Online {
        place: present.lobby.as_ref().map_or(Place::Private, Place::Public),
        idle: idle.unwrap_or_default(),
        away: present.away.as_ref(),
    });
    let registered = known.account.is_some();
    let bot_of = known.bot_of.as_ref();
    let whois = replies::Whois { name: &known.name, registered, bot_of, online };
    cx.show(|sheet| replies::whois(sheet, &whois));
    Ok(Outcome::Done)
}

pub(super) async fn nick(cx: &Ctx, typed: &str) -> Done {
    let name = Name::parse(typed).map_err(NameProblem::Invalid)?;
    cx.ask_registry(Rename(cx.conn(), name.clone())).await?.map_err(|why| match why {
        RenameError::Name(why) => NameProblem::from(why).into(),
        RenameError::Unchanged(name) => Reply::from(PersonalReply::NameUnchanged(name)),
        RenameError::Muted => PersonalReply::NameKeptMuted.into(),
    })?;
    let lobby = cx.lobby().addr;
    let before = cx.who().name;
    info!(event = event::RENAMED, conn = cx.conn().number(); "{before} is {name} now");
    // The name is theirs, whatever becomes of the lobby.
    cx.user_mut().who.name = name.clone();
    cx.peer.note_name(&name);
    let _ = cx.ask_lobby(&lobby, Renamed(cx.conn(), name)).await;
    Ok(Outcome::Done)
}

pub(super) async fn away(cx: &Ctx, text: Option<Line>) -> Done {
    cx.user_mut().away = text.clone();
    let away = text.is_some();
    let _ = cx.ask_registry(SetAway(cx.conn(), text.clone())).await;
    let _ = cx.lobby().addr.send(Away(cx.conn(), text)).await;
    cx.reply(PersonalReply::Away(away))
}

pub(super) async fn ignore(cx: &Ctx, typed: &str) -> Done {
    let (who, me) = (Person::from(&cx.target(typed).await?), cx.me());
    // On a copy first: it counts only once it is stored.
    cx.ignores().add(&me, who.clone())?;
    if let Some(account) = me.account {
        let (name, who) = (who.name.clone(), who.clone());
        cx.thread.store.commit(vec![Change::IgnoreAdded { account, name, who }]).await?;
    }
    let name = who.name.clone();
    // Nothing else has changed the list but what was learned meanwhile.
    cx.peer.change_ignores(|ignores| _ = ignores.add(&me, who));
    cx.reply(PersonalReply::Ignored(name))
}

pub(super) fn list_ignored(cx: &Ctx) -> Done {
    cx.show(|sheet| replies::ignored(sheet, &cx.ignores()));
    Ok(Outcome::Done)
}

/// By the name that the list has, or by the one that they have now.
pub(super) async fn unignore(cx: &Ctx, typed: &str) -> Done {
    let Named { key, whom } = cx.named(typed).await?;
    let now = whom.as_ref().map(Person::from);
    let (name, forms) = cx.ignores().remove(&key, now.as_ref())?;
    let account = cx.user().who.account;
    if let Some(account) = account {
        let removed = |who| Change::IgnoreRemoved { account, who };
        cx.thread.store.commit(forms.into_iter().map(removed).collect()).await?;
    }
    cx.peer.change_ignores(|ignores| _ = ignores.remove(&key, now.as_ref()));
    cx.reply(PersonalReply::Unignored(name))
}

pub(super) async fn set(cx: &Ctx, setting: Setting) -> Done {
    change(cx, setting).await?;
    if let Setting::Mode(_) = setting {
        return Ok(Outcome::Mode { set: true });
    }
    let (before, seen) = (cx.peer.form(), cx.peer.seen());
    let is_bot = cx.is_bot();
    let form = form_of(&cx.user().settings, &cx.thread.config.get(), before, seen, is_bot);
    // What the user was shown so far is in the old one.
    cx.thread.hub.catch_up(cx.at.seat);
    cx.peer.set_form(form);
    cx.reply(match setting {
        Setting::Width(_) if let Some(told) = cx.peer.told_width() => {
            PersonalReply::WidthIsTold(told)
        }
        Setting::Colours(_) if form.palette == Palette::None => {
            PersonalReply::Set(Setting::Colours(Colours::Off))
        }
        setting => PersonalReply::Set(setting),
    })
}

/// Changes one thing that the user has set, once that is stored; a guest's goes with the connection.
async fn change(cx: &Ctx, setting: Setting) -> Result<(), Failure> {
    if let Some(account) = cx.who().account {
        cx.thread.store.commit(vec![Change::SettingSet { account, setting }]).await?;
    }
    let settings = cx.user().settings.with(setting);
    cx.user_mut().settings = settings;
    Ok(())
}
