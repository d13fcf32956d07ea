//! The row of an account: its columns, to what they stand for and back.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::apply::{count, run};
use super::error::StoreError;
use super::rows::{int, name, record, text, time, uint};
use crate::chat::bot::{Bot, TokenHash};
use crate::chat::kept::{Account, AccountId};
use crate::chat::lobbies::LobbyId;
use crate::chat::pictures::Picture;
use crate::chat::settings::{Bell, Colours, Mode, Setting, Settings, Width};

/// What [`read`] reads, in its order. The lobby may be gone; its number is never another's.
pub(super) const COLUMNS: &str = "id, name, password, made_at,
    (SELECT id FROM lobby WHERE id = last_lobby) AS last_lobby, left_at, left_seq,
    clock_times, colour, picture, compact, echo, bell, quiet, width, mode, bot_of, token";

/// A row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.get("id")?),
        name: name(text(row, "name")?)?,
        record: record(text(row, "password")?)?,
        settings: Settings {
            clock_times: row.get("clock_times")?,
            colours: row.get::<_, Option<u8>>("colour")?.map(colours).transpose()?,
            picture: Picture::restore(text(row, "picture")?),
            compact: row.get("compact")?,
            echo: row.get("echo")?,
            bell: bell(row.get("bell")?)?,
            quiet: row.get("quiet")?,
            width: row.get::<_, Option<u16>>("width")?.map(width).transpose()?,
            mode: mode(row.get("mode")?)?,
        },
        made_at: time(row.get("made_at")?),
        last_lobby: row.get::<_, Option<u32>>("last_lobby")?.map(LobbyId),
        left_at: row.get::<_, Option<i64>>("left_at")?.map(time),
        left_seq: row.get::<_, Option<i64>>("left_seq")?.map(uint),
        bot: match (row.get::<_, Option<u32>>("bot_of")?, row.get("token")?) {
            (Some(owner), Some(token)) => {
                Some(Bot { owner: AccountId(owner), token: TokenHash(token) })
            }
            _ => None,
        },
    })
}

fn colours(stored: u8) -> Result<Colours, StoreError> {
    match stored {
        0 => Ok(Colours::Off),
        1 => Ok(Colours::On),
        2 => Ok(Colours::Light),
        _ => Err(StoreError::unreadable("colours")),
    }
}

fn colours_column(colours: Colours) -> u8 {
    match colours {
        Colours::Off => 0,
        Colours::On => 1,
        Colours::Light => 2,
    }
}

fn bell(stored: u8) -> Result<Bell, StoreError> {
    match stored {
        0 => Ok(Bell::Off),
        1 => Ok(Bell::Tags),
        2 => Ok(Bell::All),
        _ => Err(StoreError::unreadable("bell")),
    }
}

fn bell_column(bell: Bell) -> u8 {
    match bell {
        Bell::Off => 0,
        Bell::Tags => 1,
        Bell::All => 2,
    }
}

fn width(stored: u16) -> Result<Width, StoreError> {
    Width::of(stored).ok_or_else(|| StoreError::unreadable("width"))
}

fn mode(stored: u8) -> Result<Mode, StoreError> {
    match stored {
        0 => Ok(Mode::Auto),
        1 => Ok(Mode::Edit),
        2 => Ok(Mode::Line),
        3 => Ok(Mode::Plain),
        _ => Err(StoreError::unreadable("mode")),
    }
}

fn mode_column(mode: Mode) -> u8 {
    match mode {
        Mode::Auto => 0,
        Mode::Edit => 1,
        Mode::Line => 2,
        Mode::Plain => 3,
    }
}

/// Stores one, or what of one may change: where it left off is not among that.
pub(super) fn put(conn: &Connection, account: &Account) -> rusqlite::Result<()> {
    let settings = &account.settings;
    run(
        conn,
        "INSERT INTO account(id, key, name, password, made_at, last_lobby, left_at, left_seq,
            clock_times, colour, picture, compact, echo, bell, quiet, width, mode, bot_of, token)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19
        WHERE NOT EXISTS (SELECT 1 FROM removed WHERE kind = 'account' AND id = ?1)
            AND (?18 IS NULL OR EXISTS (SELECT 1 FROM account WHERE id = ?18))
        ON CONFLICT(id) DO UPDATE SET key = excluded.key, name = excluded.name,
            password = excluded.password, clock_times = excluded.clock_times,
            colour = excluded.colour, picture = excluded.picture, compact = excluded.compact,
            echo = excluded.echo, bell = excluded.bell, quiet = excluded.quiet,
            width = excluded.width, mode = excluded.mode",
        params![
            account.id.0,
            account.name.key().as_str(),
            account.name.as_str(),
            account.record.as_phc(),
            int(account.made_at.0),
            account.last_lobby.map(|lobby| lobby.0),
            account.left_at.map(|at| int(at.0)),
            account.left_seq.map(int),
            settings.clock_times,
            settings.colours.map(colours_column),
            settings.picture.key(),
            settings.compact,
            settings.echo,
            bell_column(settings.bell),
            settings.quiet,
            settings.width.map(Width::get),
            mode_column(settings.mode),
            account.bot.map(|bot| bot.owner.0),
            account.bot.map(|bot| bot.token.0),
        ],
    )?;
    count(conn, "account", account.id.0)
}

/// Stores one thing that an account has set, and leaves the others as they are.
pub(super) fn set(conn: &Connection, account: AccountId, setting: Setting) -> rusqlite::Result<()> {
    let (sql, value): (_, Value) = match setting {
        Setting::ClockTimes(on) => ("UPDATE account SET clock_times = ?2 WHERE id = ?1", on.into()),
        Setting::Colours(colours) => {
            ("UPDATE account SET colour = ?2 WHERE id = ?1", colours_column(colours).into())
        }
        Setting::Compact(on) => ("UPDATE account SET compact = ?2 WHERE id = ?1", on.into()),
        Setting::Echo(on) => ("UPDATE account SET echo = ?2 WHERE id = ?1", on.into()),
        Setting::Bell(bell) => {
            ("UPDATE account SET bell = ?2 WHERE id = ?1", bell_column(bell).into())
        }
        Setting::Quiet(on) => ("UPDATE account SET quiet = ?2 WHERE id = ?1", on.into()),
        Setting::Width(width) => {
            ("UPDATE account SET width = ?2 WHERE id = ?1", width.get().into())
        }
        Setting::Mode(mode) => {
            ("UPDATE account SET mode = ?2 WHERE id = ?1", mode_column(mode).into())
        }
        Setting::Picture(picture) => {
            ("UPDATE account SET picture = ?2 WHERE id = ?1", picture.key().to_owned().into())
        }
    };
    run(conn, sql, params![account.0, value])
}
