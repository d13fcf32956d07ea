//! The table of lobbies: a [`LobbyState`] to its row and back, each column by its name.

use std::time::Duration;

use rusqlite::{Connection, Row, named_params, params};

use super::apply::{count, run};
use super::error::StoreError;
use super::rows::{int, maybe_address, maybe_text, name, record, text, time, uint};
use crate::chat::accounts::AccountId;
use crate::chat::bot::{Hook, TokenHash};
use crate::chat::directory::IpKey;
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::lobby::LobbyState;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanctions;
use crate::chat::text::Line;

/// Every lobby, by number.
pub(super) const SELECT: &str = "SELECT * FROM lobby ORDER BY id";

/// What the row says; operators, mutes and bans have tables of their own.
pub(super) fn read(row: &Row<'_>) -> Result<LobbyState, StoreError> {
    let id = LobbyId(row.get("id")?);
    Ok(LobbyState {
        id,
        name: name(text(row, "name")?)?,
        creator: name(text(row, "creator")?)?,
        owner: owner(id, row.get::<_, Option<u32>>("owner")?.map(AccountId)),
        description: Line::clean(text(row, "description")?),
        topic: maybe_text(row, "topic")?.map(Line::clean),
        record: maybe_text(row, "password")?.map(record).transpose()?,
        password_at: time(row.get("password_at")?),
        prompt: maybe_text(row, "prompt")?.map(Line::clean),
        rox: row.get("rox")?,
        rox_from: uint(row.get("rox_from")?),
        slow: Duration::from_secs(row.get::<_, u32>("slow_secs")?.into()),
        made_at: time(row.get("made_at")?),
        used_at: time(row.get("used_at")?),
        made_from: maybe_address(row, "made_from")?,
        bots_quiet_until: row.get::<_, Option<i64>>("bots_quiet_until")?.map(time),
        hooks: Default::default(),
        operators: Default::default(),
        mutes: Sanctions::default(),
        bans: Sanctions::default(),
    })
}

/// `name, token, by, made_at`
pub(super) fn hook(row: &Row<'_>) -> Result<Hook, StoreError> {
    Ok(Hook {
        name: name(text(row, 0)?)?,
        token: TokenHash(row.get(1)?),
        by: name(text(row, 2)?)?,
        made_at: time(row.get(3)?),
    })
}

/// Adds a hook to a lobby that was not removed, in the place of another of its name.
pub(super) fn add_hook(conn: &Connection, lobby: LobbyId, hook: &Hook) -> rusqlite::Result<()> {
    run(
        conn,
        "INSERT INTO hook(lobby, key, name, token, by, made_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
        WHERE EXISTS (SELECT 1 FROM lobby WHERE id = ?1)
        ON CONFLICT(lobby, key) DO UPDATE SET name = excluded.name, token = excluded.token,
            by = excluded.by, made_at = excluded.made_at",
        params![
            lobby.0,
            hook.name.key().as_str(),
            hook.name.as_str(),
            hook.token.0,
            hook.by.as_str(),
            int(hook.made_at.0),
        ],
    )
}

/// Whose a lobby is that was stored: a guest's connection is gone with the process that had it.
fn owner(id: LobbyId, account: Option<AccountId>) -> Owner {
    match (id, account) {
        (GENERAL_ID, _) => Owner::Server,
        (_, Some(account)) => Owner::Account(account),
        (_, None) => Owner::Nobody,
    }
}

/// Writes the row of a lobby that was not removed. An owner who unregistered meanwhile is none.
pub(super) fn put(conn: &Connection, lobby: &LobbyState) -> rusqlite::Result<()> {
    let owner = match lobby.owner {
        Owner::Account(account) => Some(account.0),
        Owner::Server | Owner::Guest(_) | Owner::Nobody => None,
    };
    let sql = "INSERT INTO lobby(id, key, name, creator, owner, description, topic, password,
            password_at, prompt, slow_secs, made_at, used_at, made_from, rox, rox_from,
            bots_quiet_until)
        SELECT :id, :key, :name, :creator, (SELECT id FROM account WHERE id = :owner),
            :description, :topic, :password, :password_at, :prompt, :slow_secs, :made_at, :used_at,
            :made_from, :rox, :rox_from, :bots_quiet_until
        WHERE NOT EXISTS (SELECT 1 FROM removed WHERE kind = 'lobby' AND id = :id)
        ON CONFLICT(id) DO UPDATE SET key = excluded.key, name = excluded.name,
            creator = excluded.creator, owner = excluded.owner,
            description = excluded.description, topic = excluded.topic,
            password = excluded.password, password_at = excluded.password_at,
            prompt = excluded.prompt, slow_secs = excluded.slow_secs, made_at = excluded.made_at,
            used_at = excluded.used_at, made_from = excluded.made_from, rox = excluded.rox,
            rox_from = excluded.rox_from, bots_quiet_until = excluded.bots_quiet_until";
    conn.prepare_cached(sql)?.execute(named_params! {
        ":id": lobby.id.0,
        ":key": lobby.name.key().as_str(),
        ":name": lobby.name.as_str(),
        ":creator": lobby.creator.as_str(),
        ":owner": owner,
        ":description": lobby.description.as_str(),
        ":topic": lobby.topic.as_ref().map(Line::as_str),
        ":password": lobby.record.as_ref().map(|record| record.as_phc()),
        ":password_at": int(lobby.password_at.0),
        ":prompt": lobby.prompt.as_ref().map(Line::as_str),
        ":slow_secs": u32::try_from(lobby.slow.as_secs()).unwrap_or(u32::MAX),
        ":made_at": int(lobby.made_at.0),
        ":used_at": int(lobby.used_at.0),
        ":made_from": lobby.made_from.map(IpKey::to_bytes),
        ":rox": lobby.rox,
        ":rox_from": int(lobby.rox_from),
        ":bots_quiet_until": lobby.bots_quiet_until.map(|until| int(until.0)),
    })?;
    count(conn, "lobby", lobby.id.0)
}
