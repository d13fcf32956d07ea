//! Answers about what operators, owners and admins do.

use std::sync::Arc;

use crate::chat::bot::MAX_HOOKS;
use crate::chat::limiter::wait_secs;
use crate::chat::lobby::{PromptError, SayError};
use crate::chat::moderation::{Moderation, Removal, ServerModeration};
use crate::chat::name::Name;
use crate::chat::orders::{CONFIRM_TIME, OFFER_TIME, OrderError, PURGE_TIME, UNDO_TIME};
use crate::chat::roles::{Denied, Rank};
use crate::chat::sanctions::{Penalty, Sanction};
use crate::chat::text::Line;
use crate::chat::times::Span;
use crate::render::replies::{SLOW_MODE, wait};
use crate::render::{Sheet, sentence, server_sentence};

/// Names of an address that are told, so that the answer stays a line.
const NAMES_SHOWN: usize = 20;

/// A one-line answer about moderation.
#[derive(Debug, Clone)]
pub enum ModerationReply {
    /// The order was not carried out in this lobby.
    NotDone(OrderError, Name),
    /// The message was not let into this lobby.
    NotSaid(SayError, Name),
    /// The end of this lobby wants to be said again.
    SayAgain(Name),
    /// It was done, and no notice of the lobby says so.
    Done(Arc<Moderation>),
    /// It was done to the whole server.
    DoneToServer(Arc<ServerModeration>),
    /// These were muted or banned too, who share the address of the one who was meant.
    AlsoStruck(Vec<Name>),
    /// Somebody removed the user from this lobby, or from the server.
    Removed {
        /// Whoever did it, by name.
        by: Name,
        /// By a kick, by a ban, or since the lobby is no more.
        how: Removal,
        /// From where.
        lobby: Name,
    },
    /// The operator ends the user's connection, for this reason.
    Disconnected(Line),
    /// The user is banned from the server, on these terms.
    Banned(Penalty),
    /// Somebody wants to give the user this lobby.
    Offered {
        /// Whoever did it, by name.
        by: Name,
        /// The name of the lobby.
        lobby: Name,
    },
    /// Nobody is banned from this lobby.
    NobodyBanned(Name),
    /// Nothing was done in this lobby.
    NothingDone(Name),
}

impl ModerationReply {
    pub(super) fn is_good(&self) -> bool {
        matches!(
            self,
            Self::SayAgain(_)
                | Self::Done(_)
                | Self::DoneToServer(_)
                | Self::AlsoStruck(_)
                | Self::Offered { .. }
                | Self::NobodyBanned(_)
                | Self::NothingDone(_)
        )
    }

    pub(super) fn write<'s>(&self, sheet: &'s mut Sheet) -> &'s mut Sheet {
        match self {
            Self::NotDone(why, lobby) => not_done(sheet, why, lobby),
            Self::NotSaid(why, lobby) => not_said(sheet, why, lobby),
            Self::SayAgain(lobby) => sheet
                .fixed("Say it again within ")
                .number(CONFIRM_TIME.as_secs())
                .fixed(" seconds to delete '")
                .name(lobby)
                .fixed("' and all that was said in it."),
            Self::Done(what) => sheet.fixed("You ").line(&sentence(what)),
            Self::DoneToServer(what) => sheet.fixed("You ").line(&server_sentence(what)),
            Self::AlsoStruck(names) => also_struck(sheet, names),
            Self::Removed { by, how, lobby } => removed(sheet, by, how, lobby),
            Self::Disconnected(reason) => {
                sheet.fixed("The operator of the server disconnects you: ").line(reason)
            }
            Self::Banned(terms) => {
                let whom = match terms.by_address {
                    true => "Guests of your address are banned",
                    false => "You are banned",
                };
                penalty(sheet.fixed(whom), terms)
            }
            Self::Offered { by, lobby } => sheet
                .name(by)
                .fixed(" offers you the lobby '")
                .name(lobby)
                .fixed("'. Say /accept within ")
                .number(OFFER_TIME.as_secs() / 60)
                .fixed(" minutes to take it."),
            Self::NobodyBanned(lobby) => {
                sheet.fixed("Nobody is banned from '").name(lobby).fixed("'.")
            }
            Self::NothingDone(lobby) => sheet
                .fixed("No operator or owner has done anything in '")
                .name(lobby)
                .fixed("' yet."),
        }
    }
}

fn also_struck<'s>(sheet: &'s mut Sheet, names: &[Name]) -> &'s mut Sheet {
    sheet.fixed("also: ");
    for (n, name) in names.iter().take(NAMES_SHOWN).enumerate() {
        sheet.fixed(if n > 0 { ", " } else { "" }).name(name);
    }
    if let Some(more) = names.len().checked_sub(NAMES_SHOWN).filter(|more| *more > 0) {
        sheet.fixed(" and ").number(more as u64).fixed(" more");
    }
    sheet.fixed(" (same address)")
}

fn denied<'s>(sheet: &'s mut Sheet, why: Denied, lobby: &Name) -> &'s mut Sheet {
    match why {
        Denied::NotGuest => sheet.fixed("Only guests can do that, and you have an account."),
        Denied::NoAccount => {
            sheet.fixed("You have no account. Make one with /register <password>.")
        }
        Denied::NotOperator => {
            sheet.fixed("Only an owner or operator of '").name(lobby).fixed("' can do that.")
        }
        Denied::NotOwner => sheet.fixed("Only an owner of '").name(lobby).fixed("' can do that."),
        Denied::NotAdmin => sheet.fixed("Only an admin can do that."),
        Denied::Oneself => sheet.fixed("You cannot do that to yourself."),
        Denied::Outranked(Rank::Admin) => sheet.fixed("You cannot do that to an admin."),
        Denied::Outranked(rank) => sheet
            .fixed("You cannot do that to an ")
            .fixed(if rank == Rank::Owner { "owner" } else { "operator" })
            .fixed(" of '")
            .name(lobby)
            .fixed("'."),
    }
}

fn not_done<'s>(sheet: &'s mut Sheet, why: &OrderError, lobby: &Name) -> &'s mut Sheet {
    let about = |sheet: &'s mut Sheet, name: &Name| sheet.fixed("'").name(name).fixed("'");
    match why {
        OrderError::Denied(why) => denied(sheet, *why, lobby),
        OrderError::Prompt(PromptError::General) => {
            sheet.fixed("Cannot set the prompt of the general lobby")
        }
        OrderError::Prompt(PromptError::NotCreator) => {
            sheet.fixed("Only the lobby creator can set the AI prompt")
        }
        OrderError::General => sheet.fixed("That cannot be done to the general lobby."),
        OrderError::NotHere(name) => {
            about(sheet, name).fixed(" is not in '").name(lobby).fixed("'.")
        }
        OrderError::NoAccount(name) => about(sheet, name).fixed(" has no account."),
        OrderError::AlreadyOperator(name) => about(sheet, name).fixed(" is an operator already."),
        OrderError::AlreadyOwner(name) => about(sheet, name).fixed(" is an owner already."),
        OrderError::RoxAlready { on: true } => sheet.fixed("AI is on in this lobby already"),
        OrderError::RoxAlready { on: false } => sheet.fixed("AI is off in this lobby already"),
        OrderError::NotOperator(name) => about(sheet, name).fixed(" is not an operator."),
        OrderError::NotConnected(name) => {
            about(sheet, name).fixed(" is not connected, and cannot be asked.")
        }
        OrderError::AskedAlready => {
            sheet.fixed("Somebody was asked already. Try again when their ");
            sheet.number(OFFER_TIME.as_secs() / 60).fixed(" minutes are over.")
        }
        OrderError::NothingOffered => sheet.fixed("Nobody offers you a lobby."),
        OrderError::NothingToUndo => sheet
            .fixed("You have said nothing here in the last ")
            .number(UNDO_TIME.as_secs() / 60)
            .fixed(" minutes."),
        OrderError::NothingToPurge(name) => about(sheet, name)
            .fixed(" has said nothing here in the last ")
            .number(PURGE_TIME.as_secs() / 3_600)
            .fixed(" hours."),
        OrderError::NotMuted => sheet.fixed("Nobody of that name is muted."),
        OrderError::NotBanned => sheet.fixed("Nobody of that name is banned."),
        OrderError::HookExists(name) => {
            sheet.fixed("There is a hook '").name(name).fixed("' here already.")
        }
        OrderError::TooManyHooks => {
            sheet.fixed("There are ").number(MAX_HOOKS as u64);
            sheet.fixed(" hooks here already. Take one away with /hook del.")
        }
        OrderError::NoSuchHook => {
            sheet.fixed("There is no hook of that name here. See /hook list.")
        }
        OrderError::TooMany => sheet.fixed("There are too many already. Take one back first."),
    }
}

fn not_said<'s>(sheet: &'s mut Sheet, why: &SayError, lobby: &Name) -> &'s mut Sheet {
    match why {
        SayError::NotHere => sheet.fixed("You are not in '").name(lobby).fixed("' any more."),
        SayError::Muted(length) => {
            sheet.fixed("You are muted in '").name(lobby).fixed("'");
            remaining(sheet, length);
            if length.by_address {
                sheet.fixed(", as are all guests of your address");
            }
            because(sheet, length.reason.as_ref())
        }
        SayError::TooSoon(time) => wait(sheet, SLOW_MODE, wait_secs(*time)),
        SayError::BotsMuted(time) => {
            sheet.fixed("Bots are muted in '").name(lobby).fixed("' for ").span(Span::left(*time));
            sheet.fixed(" more: too many of their messages without one of a person.")
        }
        SayError::TooOften(time) => wait(sheet, "Too many posts. Wait ", wait_secs(*time)),
        SayError::NoSuchHook => sheet.fixed("There is no such hook."),
    }
}

/// How long it lasts, and why.
pub(super) fn penalty<'s>(sheet: &'s mut Sheet, penalty: &Penalty) -> &'s mut Sheet {
    remaining(sheet, penalty);
    because(sheet, penalty.reason.as_ref())
}

fn remaining(sheet: &mut Sheet, penalty: &Penalty) {
    if let Some(left) = penalty.left {
        sheet.fixed(" for ").span(Span::left(left)).fixed(" more");
    }
}

fn because<'s>(sheet: &'s mut Sheet, reason: Option<&Line>) -> &'s mut Sheet {
    match reason {
        Some(reason) => sheet.fixed(": ").line(reason),
        None => sheet.fixed("."),
    }
}

fn removed<'s>(sheet: &'s mut Sheet, by: &Name, how: &Removal, lobby: &Name) -> &'s mut Sheet {
    sheet.name(by);
    match how {
        Removal::Kick(reason) => {
            sheet.fixed(" kicked you from '").name(lobby).fixed("'");
            because(sheet, reason.as_ref())
        }
        Removal::Ban(ban) => {
            sheet.fixed(" banned you from '").name(lobby).fixed("'");
            sanction(sheet, ban)
        }
        Removal::Delete => sheet.fixed(" deleted the lobby '").name(lobby).fixed("'."),
    }
}

fn sanction<'s>(sheet: &'s mut Sheet, sanction: &Sanction) -> &'s mut Sheet {
    match sanction.time() {
        Some(time) => sheet.fixed(" for ").span(Span::exact(time)),
        None => sheet.fixed(" for good"),
    };
    because(sheet, sanction.reason.as_ref())
}
