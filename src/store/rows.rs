//! Rows to what they stand for. What comes from the disk is checked like what comes from a user.

use std::sync::Arc;

use rusqlite::{Row, RowIndex};

use super::error::StoreError;
use crate::chat::directory::IpKey;
use crate::chat::history::UnixMillis;
use crate::chat::kept::{
    AccountId, AuditEntry, Fingerprint, Key, KeyKind, KnownAccount, Mail, MailId, SanctionKind,
    Scope, Subject,
};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;

/// A number as SQLite has it. No clock and no count comes near the largest.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as it was before [`int`].
pub(super) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn time(millis: i64) -> UnixMillis {
    UnixMillis(uint(millis))
}

pub(super) fn name(stored: &str) -> Result<Name, StoreError> {
    Name::parse(stored).map_err(|_| StoreError::unreadable("name"))
}

pub(super) fn record(stored: &str) -> Result<Arc<PasswordRecord>, StoreError> {
    let record = PasswordRecord::parse(stored);
    record.map(Arc::new).map_err(|_| StoreError::unreadable("password record"))
}

pub(super) fn text<'a>(row: &'a Row<'_>, column: impl RowIndex) -> Result<&'a str, StoreError> {
    let value = row.get_ref(column)?;
    value.as_str().map_err(|_| StoreError::unreadable("text"))
}

pub(super) fn maybe_text<'a>(
    row: &'a Row<'_>,
    column: impl RowIndex,
) -> Result<Option<&'a str>, StoreError> {
    let value = row.get_ref(column)?;
    value.as_str_or_null().map_err(|_| StoreError::unreadable("text"))
}

/// Somebody whose name, account and address stand in these columns.
pub(super) fn named_person(
    row: &Row<'_>,
    of_name: impl RowIndex,
    of_account: impl RowIndex,
    of_address: impl RowIndex,
) -> Result<Person, StoreError> {
    let name = name(text(row, of_name)?)?;
    let account = row.get::<_, Option<u32>>(of_account)?.map(AccountId);
    Ok(Person { account, ip: maybe_address(row, of_address)?, ..Person::named(name) })
}

/// The number of the account; of a guest the bytes of the address, which says nothing of an account.
/// Connections are numbered anew by each process, so theirs is not stored.
pub(super) fn person_columns(who: &Person) -> (Option<u32>, Option<[u8; IpKey::BYTES]>) {
    match who.account {
        Some(account) => (Some(account.0), None),
        None => (None, who.ip.map(IpKey::to_bytes)),
    }
}

pub(super) fn maybe_address(
    row: &Row<'_>,
    column: impl RowIndex,
) -> Result<Option<IpKey>, StoreError> {
    let unreadable = || StoreError::unreadable("address");
    match row.get_ref(column)?.as_blob_or_null().map_err(|_| unreadable())? {
        Some(bytes) => IpKey::from_bytes(bytes).map(Some).ok_or_else(unreadable),
        None => Ok(None),
    }
}

/// `id, name, by_operator, made_at, used_at, bot_of`. An account of the operator's is never unused, nor a bot's.
pub(super) fn known_account(row: &Row<'_>) -> Result<KnownAccount, StoreError> {
    let (by_operator, used): (bool, Option<i64>) = (row.get(2)?, row.get(4)?);
    let bot_of = row.get::<_, Option<u32>>(5)?.map(AccountId);
    let unused = used.is_none() && !by_operator && bot_of.is_none();
    Ok(KnownAccount {
        id: AccountId(row.get(0)?),
        name: name(text(row, 1)?)?,
        by_operator,
        unused_since: if unused { Some(time(row.get(3)?)) } else { None },
        bot_of,
    })
}

/// `address, at`
pub(super) fn registration(row: &Row<'_>) -> Result<(IpKey, UnixMillis), StoreError> {
    let address = maybe_address(row, 0)?.ok_or_else(|| StoreError::unreadable("address"))?;
    Ok((address, time(row.get(1)?)))
}

/// `kind, account, address, shown, until, by, at, reason, name`
pub(super) fn sanction(row: &Row<'_>) -> Result<(SanctionKind, Sanction), StoreError> {
    let of_name = maybe_text(row, 8)?.map(name).transpose()?;
    let subject = match (row.get::<_, Option<u32>>(1)?, maybe_address(row, 2)?, of_name) {
        (Some(account), None, None) => Subject::Account(AccountId(account)),
        (None, Some(address), None) => Subject::Address(address),
        (None, None, Some(name)) => Subject::Name(name.key()),
        _ => return Err(StoreError::unreadable("mute or ban")),
    };
    let reason = Line::clean(text(row, 7)?);
    let sanction = Sanction {
        subject,
        name: name(text(row, 3)?)?,
        until: row.get::<_, Option<i64>>(4)?.map(time),
        by: name(text(row, 5)?)?,
        at: time(row.get(6)?),
        reason: Some(reason).filter(|reason| !reason.is_blank()),
    };
    Ok((kind(text(row, 0)?)?, sanction))
}

/// `id, sender, at, text, sender_account, sender_address, sender_bot`
pub(super) fn mail(row: &Row<'_>) -> Result<(MailId, Mail), StoreError> {
    let mail = Mail {
        from: Person { bot: row.get(6)?, ..named_person(row, 1, 4, 5)? },
        at: time(row.get(2)?),
        text: Line::clean(text(row, 3)?),
    };
    Ok((MailId(uint(row.get(0)?)), mail))
}

/// `key, name, who, address`: the name that they had when they were ignored, and one of the forms that
/// they are known in.
pub(super) fn ignored(row: &Row<'_>) -> Result<(Name, Person), StoreError> {
    Ok((name(text(row, 1)?)?, named_person(row, 0, 2, 3)?))
}

/// `kind, fingerprint`
pub(super) fn key(row: &Row<'_>) -> Result<Key, StoreError> {
    let kind = match text(row, 0)? {
        "x509" => KeyKind::X509,
        "ssh" => KeyKind::Ssh,
        _ => return Err(StoreError::unreadable("key")),
    };
    Ok(Key { kind, fingerprint: Fingerprint(row.get(1)?) })
}

/// The kind of a key, as it is stored.
pub(super) fn key_kind_column(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::X509 => "x509",
        KeyKind::Ssh => "ssh",
    }
}

/// `lobby, at, who, what`
pub(super) fn audit(row: &Row<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        scope: scope(row.get(0)?),
        at: time(row.get(1)?),
        who: name(text(row, 2)?)?,
        what: Line::clean(text(row, 3)?),
    })
}

fn scope(lobby: Option<u32>) -> Scope {
    lobby.map_or(Scope::Server, |lobby| Scope::Lobby(LobbyId(lobby)))
}

/// The number of the lobby, where it is one.
pub(super) fn scope_column(scope: Scope) -> Option<u32> {
    match scope {
        Scope::Server => None,
        Scope::Lobby(lobby) => Some(lobby.0),
    }
}

fn kind(stored: &str) -> Result<SanctionKind, StoreError> {
    match stored {
        "mute" => Ok(SanctionKind::Mute),
        "ban" => Ok(SanctionKind::Ban),
        _ => Err(StoreError::unreadable("mute or ban")),
    }
}

pub(super) fn kind_column(kind: SanctionKind) -> &'static str {
    match kind {
        SanctionKind::Mute => "mute",
        SanctionKind::Ban => "ban",
    }
}

/// The number of the account, the bytes of the address, or the name as it is compared.
pub(super) fn subject_columns(
    subject: &Subject,
) -> (Option<u32>, Option<[u8; IpKey::BYTES]>, Option<&str>) {
    match subject {
        Subject::Account(account) => (Some(account.0), None, None),
        Subject::Address(address) => (None, Some(address.to_bytes()), None),
        Subject::Name(key) => (None, None, Some(key.as_str())),
    }
}
