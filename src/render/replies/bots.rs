//! Answers about bots and hooks.

use crate::chat::bot::{Hook, MAX_BOTS, MAX_HOOKS, Token};
use crate::chat::history::UnixMillis;
use crate::chat::name::Name;
use crate::chat::times::Times;
use crate::render::Sheet;
use crate::render::form::Colour;

/// An answer about somebody's bots, or the hooks of a lobby.
#[derive(Debug, Clone)]
pub enum BotReply {
    /// There is a bot of this name, which this token lets in.
    Added(Name, Token),
    /// It is no more.
    Deleted(Name),
    /// The account has none of this name.
    Unknown,
    /// It has as many as it may have.
    TooMany,
    /// A hook of this name posts here to whoever has this token.
    HookAdded(Name, Token),
    /// What somebody wants who is a bot is for people.
    ForPeople,
}

impl BotReply {
    pub(super) fn is_good(&self) -> bool {
        match self {
            Self::Added(..) | Self::Deleted(_) | Self::HookAdded(..) => true,
            Self::Unknown | Self::TooMany | Self::ForPeople => false,
        }
    }

    pub(super) fn write<'s>(&self, sheet: &'s mut Sheet) -> &'s mut Sheet {
        match self {
            Self::Added(name, token) => {
                sheet.fixed("The bot '").name(name);
                sheet
                    .fixed("' is yours. It logs in at the name prompt by the line below,")
                    .newline();
                sheet
                    .fixed("with ' json' behind it for JSON. The token is shown only now:")
                    .newline();
                sheet.fixed("  ").off().fixed("bot ").name(name).fixed(" ").token(token)
            }
            Self::Deleted(name) => sheet
                .fixed("The bot '")
                .name(name)
                .fixed("' is gone, and its token is worth nothing."),
            Self::Unknown => sheet.fixed("You have no bot of that name. See /bot list."),
            Self::TooMany => {
                sheet.fixed("You have ").number(MAX_BOTS as u64);
                sheet.fixed(" bots already. Take one away with /bot del.")
            }
            Self::HookAdded(name, token) => {
                sheet.fixed("What is sent to the address below is shown here as of '").name(name);
                sheet.fixed("'.").newline();
                sheet.fixed("It is shown only now, and whoever knows it may post:").newline();
                sheet.fixed("  ").off().fixed("POST /hooks/").token(token)
            }
            Self::ForPeople => sheet.fixed("Bots cannot do that."),
        }
    }
}

/// The answer to `/bot list`: the names, each with whether it is connected.
pub fn bots(sheet: &mut Sheet, bots: &[(Name, bool)]) {
    sheet.on(Colour::Cyan).fixed("=== Your bots (").number(bots.len() as u64);
    sheet.fixed(" of ").number(MAX_BOTS as u64).fixed(") ===").off().newline();
    for (name, here) in bots {
        sheet.fixed("  ").on(Colour::Yellow).name(name).off();
        sheet.fixed(if *here { " (connected)" } else { "" }).newline();
    }
}

/// The answer to `/hook list`: by name, with who made each and when.
pub fn hooks<'a>(
    sheet: &mut Sheet,
    lobby: &Name,
    hooks: impl ExactSizeIterator<Item = &'a Hook>,
    times: Times,
    now: UnixMillis,
) {
    sheet.on(Colour::Cyan).fixed("=== Hooks of '").name(lobby).fixed("' (");
    sheet.number(hooks.len() as u64).fixed(" of ").number(MAX_HOOKS as u64);
    sheet.fixed(") ===").off().newline();
    for hook in hooks {
        sheet.fixed("  ").on(Colour::Yellow).name(&hook.name).off().fixed(" by ").name(&hook.by);
        sheet.fixed(", ").when(times.when(hook.made_at, now)).newline();
    }
}
