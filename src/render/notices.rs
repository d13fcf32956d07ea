//! What a lobby, or the server, tells everybody in it.

use crate::chat::deeds::Deed;
use crate::chat::name::Name;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::chat::times::Span;
use crate::render::Sheet;
use crate::render::form::Colour;

/// A notice of the lobby.
pub(super) fn notice(sheet: &mut Sheet, body: impl FnOnce(&mut Sheet)) {
    sheet.tinted(Colour::Green, "[LOBBY]").fixed(" ");
    body(sheet);
    sheet.newline();
}

/// What an admin tells everybody on the server.
pub fn announcement(sheet: &mut Sheet, by: &Name, text: &Line) {
    sheet.tinted(Colour::Magenta, "[ANNOUNCEMENT]").fixed(" ").on(Colour::Yellow).name(by).off();
    sheet.fixed(": ").line(text).newline();
}

/// A deed as it is told, without the name of whoever did it: `kicked bob: spam`. This is also how it
/// is written down.
pub fn sentence(deed: &Deed) -> Line {
    let text = match deed {
        Deed::Topic(Some(topic)) => format!("set the topic: {}", topic.as_str()),
        Deed::Topic(None) => "removed the topic".to_owned(),
        Deed::Op { name, .. } => format!("made {name} an operator"),
        Deed::Deop { name, .. } => format!("took the operator's rights from {name}"),
        Deed::Kick { name, reason, .. } => format!("kicked {name}{}", because(reason.as_ref())),
        Deed::Mute { mute, .. } => format!("muted {}{}", mute.name, length(mute)),
        Deed::Unmute { name, .. } => format!("unmuted {name}"),
        Deed::Ban { ban, .. } => format!("banned {}{}", ban.name, length(ban)),
        Deed::Unban { name, .. } => format!("unbanned {name}"),
        Deed::Slow(gap) if gap.is_zero() => "turned slow mode off".to_owned(),
        Deed::Slow(gap) => format!("turned slow mode on: a message each {}", Span::exact(*gap)),
        Deed::SetPassword(Some(_)) => "changed the password of the lobby".to_owned(),
        Deed::SetPassword(None) => "made the lobby public".to_owned(),
        Deed::SetPrompt(_) => "updated the AI prompt".to_owned(),
        Deed::Offer { name, .. } => format!("offered the lobby to {name}"),
        Deed::Transfer { name, .. } => format!("gave the lobby to {name}"),
        Deed::Delete(lobby) => format!("deleted the lobby '{lobby}'"),
        Deed::Announce(text) => format!("announced: {}", text.as_str()),
        Deed::ServerBan { ban, .. } => {
            format!("banned {} from the server{}", ban.name, length(ban))
        }
        Deed::ServerUnban { name, .. } => format!("let {name} onto the server again"),
    };
    Line::clean(&text)
}

/// How long it is for, and why; nothing where it is for good and no reason was given.
fn length(sanction: &Sanction) -> String {
    let time = sanction.time().map(|time| format!(" for {}", Span::exact(time)));
    time.unwrap_or_default() + &because(sanction.reason.as_ref())
}

fn because(reason: Option<&Line>) -> String {
    reason.map(|reason| format!(": {}", reason.as_str())).unwrap_or_default()
}
