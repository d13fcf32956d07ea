//! What a lobby, or the server, tells everybody in it.

use std::time::Duration;

use crate::chat::bot::{LOUD_MESSAGES, LOUD_TIME, QUIET_TIME};
use crate::chat::moderation::{Moderation, ServerModeration};
use crate::chat::name::Name;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::chat::times::{Span, When};
use crate::render::form::Colour;
use crate::render::{Sheet, timed};

/// A notice of the lobby; `when`, for whoever wants clock times.
pub(super) fn notice(sheet: &mut Sheet, when: Option<When>, body: impl FnOnce(&mut Sheet)) {
    timed(sheet, when, |sheet| {
        if !sheet.form().is_json() {
            sheet.tinted(Colour::Green, "[LOBBY]").fixed(" ");
        }
        body(sheet);
    });
}

/// The bots and hooks of a lobby have been too loud.
pub(super) fn bots_muted(sheet: &mut Sheet, when: Option<When>) {
    notice(sheet, when, bots_muted_words);
}

pub(super) fn bots_muted_words(sheet: &mut Sheet) {
    sheet.fixed("Its bots are muted for ").span(Span::exact(QUIET_TIME)).fixed(": ");
    sheet.number(LOUD_MESSAGES as u64).fixed(" messages of theirs within ");
    sheet.span(Span::exact(LOUD_TIME)).fixed(" without one of a person.");
}

/// What an admin tells everybody on the server.
pub fn announcement(sheet: &mut Sheet, by: &Name, text: &Line, when: Option<When>) {
    timed(sheet, when, |sheet| {
        sheet.tinted(Colour::Magenta, "[ANNOUNCEMENT]").fixed(" ").on(Colour::Yellow).name(by);
        sheet.off().fixed(": ").line(text);
    });
}

/// What those are told of one of several servers who can be in the chat all the same.
pub(super) const OTHERS_GO_ON: &str = "The other servers go on: connect again.";

/// The server restarts in so long at the latest; `others` of the same chat may go on meanwhile.
pub fn restarting(sheet: &mut Sheet, time: Duration, others: bool, when: Option<When>) {
    notice(sheet, when, |sheet| {
        sheet.fixed("The server restarts when everybody has left, in ").span(Span::left(time));
        sheet.fixed(" at the latest. Until then nobody can join it.");
        if others {
            sheet.fixed(" ").fixed(OTHERS_GO_ON);
        }
    });
}

/// It does not after all.
pub fn not_restarting(sheet: &mut Sheet, when: Option<When>) {
    notice(sheet, when, |sheet| _ = sheet.fixed("The server does not restart after all."));
}

/// The other servers cannot be reached.
pub fn unreachable(sheet: &mut Sheet, when: Option<When>) {
    notice(sheet, when, |sheet| {
        sheet.fixed("The other servers cannot be reached. What you write is sent when they can.");
    });
}

/// They can again.
pub fn reachable(sheet: &mut Sheet, when: Option<When>) {
    notice(sheet, when, |sheet| _ = sheet.fixed("The other servers are back."));
}

/// A moderation as it is told, without the name of whoever did it: `kicked bob: spam`. This is also how it
/// is written down.
pub fn sentence(what: &Moderation) -> Line {
    let text = match what {
        Moderation::Topic(topic) => topic.as_ref(),
        Moderation::Kick { reason, .. } => reason.as_ref(),
        Moderation::Mute { mute: sanction, .. } | Moderation::Ban { ban: sanction, .. } => {
            sanction.reason.as_ref()
        }
        Moderation::Op { .. }
        | Moderation::Deop { .. }
        | Moderation::Unmute { .. }
        | Moderation::Unban { .. }
        | Moderation::Slow(_)
        | Moderation::SetPassword(_)
        | Moderation::SetPrompt(_)
        | Moderation::SetRox { .. }
        | Moderation::Offer { .. }
        | Moderation::Transfer { .. }
        | Moderation::Delete(_)
        | Moderation::Undo { .. }
        | Moderation::AddHook(_)
        | Moderation::DeleteHook(_)
        | Moderation::Purge { .. } => None,
    };
    told(&deed(what), text)
}

/// The same without what somebody wrote, a reason or a topic: for the log, which never holds texts.
pub fn deed(what: &Moderation) -> String {
    match what {
        Moderation::Topic(Some(_)) => "set the topic".to_owned(),
        Moderation::Topic(None) => "removed the topic".to_owned(),
        Moderation::Op { name, .. } => format!("made {name} an operator"),
        Moderation::Deop { name, .. } => format!("took the operator's rights from {name}"),
        Moderation::Kick { name, .. } => format!("kicked {name}"),
        Moderation::Mute { mute, .. } => format!("muted {}{}", mute.name, length(mute)),
        Moderation::Unmute { name, .. } => format!("unmuted {name}"),
        Moderation::Ban { ban, .. } => format!("banned {}{}", ban.name, length(ban)),
        Moderation::Unban { name, .. } => format!("unbanned {name}"),
        Moderation::Slow(gap) if gap.is_zero() => "turned slow mode off".to_owned(),
        Moderation::Slow(gap) => {
            format!("turned slow mode on: a message each {}", Span::exact(*gap))
        }
        Moderation::SetPassword(Some(_)) => "changed the password of the lobby".to_owned(),
        Moderation::SetPassword(None) => "made the lobby public".to_owned(),
        Moderation::SetPrompt(Some(_)) => "updated the AI prompt".to_owned(),
        Moderation::SetPrompt(None) => "took the AI prompt back".to_owned(),
        Moderation::SetRox { on: true } => "turned the AI on".to_owned(),
        Moderation::SetRox { on: false } => "turned the AI off".to_owned(),
        Moderation::Offer { name, .. } => format!("offered the lobby to {name}"),
        Moderation::Transfer { name, .. } => format!("gave the lobby to {name}"),
        Moderation::Delete(lobby) => format!("deleted the lobby '{lobby}'"),
        Moderation::Undo { .. } => "took back a message".to_owned(),
        Moderation::AddHook(hook) => format!("added the hook '{}'", hook.name),
        Moderation::DeleteHook(name) => format!("deleted the hook '{name}'"),
        Moderation::Purge { name, said } => {
            let s = if said.len() == 1 { "" } else { "s" };
            format!("removed {} message{s} of {name}", said.len())
        }
    }
}

/// The same of what is done to the whole server.
pub fn server_sentence(what: &ServerModeration) -> Line {
    let text = match what {
        ServerModeration::Announce(text) => Some(text),
        ServerModeration::Ban { ban, .. } => ban.reason.as_ref(),
        ServerModeration::Kick { reason, .. } => reason.as_ref(),
        ServerModeration::Unban { .. } => None,
    };
    told(&server_deed(what), text)
}

/// The same without what somebody wrote.
pub fn server_deed(what: &ServerModeration) -> String {
    match what {
        ServerModeration::Announce(_) => "announced".to_owned(),
        ServerModeration::Ban { ban, .. } => {
            format!("banned {} from the server{}", ban.name, length(ban))
        }
        ServerModeration::Unban { name, .. } => format!("let {name} onto the server again"),
        ServerModeration::Kick { name, .. } => format!("disconnected {name}"),
    }
}

/// How long it is for.
fn length(sanction: &Sanction) -> String {
    let time = sanction.time().map(|time| format!(" for {}", Span::exact(time)));
    time.unwrap_or(" for good".to_owned())
}

fn told(deed: &str, text: Option<&Line>) -> Line {
    let text = text.map(|text| format!(": {}", text.as_str())).unwrap_or_default();
    Line::clean(&format!("{deed}{text}"))
}
