//! Where somebody is reached, in what is put to a lobby and what happens among the people: each node has its
//! own answer, so a record has none, and it is put in where one is read.

use crate::chat::lobby::Member;
use crate::chat::lobby::step::{Input, Join};
use crate::chat::registry::Happening;

/// The same, but for where those in it are reached.
pub fn input<H, G>(input: Input<H>, mut reach: impl FnMut(H) -> G) -> Input<G> {
    match input {
        Input::Join(join) => {
            let Join { member, proof, kind, prefs } = *join;
            let Member { who, picture, away, life, handle } = member;
            let member = Member { who, picture, away, life, handle: reach(handle) };
            Input::Join(Box::new(Join { member, proof, kind, prefs }))
        }
        Input::Say { conn, saying, tagged } => {
            Input::Say { conn, saying, tagged: tagged.map(reach) }
        }
        Input::Leave { conn, goes_on_in, server_stops } => {
            Input::Leave { conn, goes_on_in, server_stops }
        }
        Input::Ask(conn) => Input::Ask(conn),
        Input::Post { hook, text } => Input::Post { hook, text },
        Input::QuietBots { until } => Input::QuietBots { until },
        Input::Moderate { by, what } => Input::Moderate { by, what },
        Input::SumUp => Input::SumUp,
        Input::RenewPassword { before, record } => Input::RenewPassword { before, record },
        Input::SetPicture(conn, picture) => Input::SetPicture(conn, picture),
        Input::Rename(conn, name) => Input::Rename(conn, name),
        Input::SetAway(conn, text) => Input::SetAway(conn, text),
        Input::Register { guest, account, admin } => Input::Register { guest, account, admin },
        Input::Unregister { account, who, present } => Input::Unregister { account, who, present },
    }
}

/// The same, but for where those in it are reached.
pub fn happening<H, G>(what: Happening<H>, reach: impl FnOnce(H) -> G) -> Happening<G> {
    match what {
        Happening::CameIn { who, handle } => Happening::CameIn { who, handle: reach(handle) },
        Happening::Returned { who, away, passwords, handle } => {
            Happening::Returned { who, away, passwords, handle: reach(handle) }
        }
        Happening::Left(conn) => Happening::Left(conn),
        Happening::TookOver(conn) => Happening::TookOver(conn),
        Happening::Renamed { conn, name } => Happening::Renamed { conn, name },
        Happening::Away { conn, text } => Happening::Away { conn, text },
        Happening::Registered(registration) => Happening::Registered(registration),
        Happening::Unregistered { account, who } => Happening::Unregistered { account, who },
        Happening::AccountUsed(account) => Happening::AccountUsed(account),
        Happening::BotMade(bot) => Happening::BotMade(bot),
        Happening::BotGone { account } => Happening::BotGone { account },
        Happening::PasswordGiven { given, before } => Happening::PasswordGiven { given, before },
        Happening::Moderated { by, what } => Happening::Moderated { by, what },
        Happening::Offered { lobby, to, from, name } => {
            Happening::Offered { lobby, to, from, name }
        }
        Happening::OfferOver(lobby) => Happening::OfferOver(lobby),
    }
}
