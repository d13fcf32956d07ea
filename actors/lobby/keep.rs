//! The part of the Lobby that is stored: what changes when, in the words of the store.

use std::collections::BTreeSet;
use std::iter;
use std::time::Duration;

use crate::actors::lobby::Lobby;
use crate::chat::accounts::{AccountId, Identity, Subject};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::{LobbyId, Profile};
use crate::chat::lobby::Charter;
use crate::chat::moderation::Moderation;
use crate::chat::name::Name;
use crate::chat::roles::Owner;
use crate::chat::sanctions::{self, Sanctions};
use crate::chat::text::Line;
use crate::render::sentence;
use crate::store::{self, AuditEntry, Change, LobbyState, Sanction, SanctionKind, Scope};

/// How often it is stored that a lobby is in use.
const USED_EVERY_MILLIS: u64 = 10 * 60 * 1_000;

/// The charter of a lobby that was stored.
pub(crate) fn charter(state: &LobbyState, owner: Owner) -> Charter {
    let lobby = &state.lobby;
    let of_kind = |kind| -> Sanctions {
        let all = state.sanctions.iter().filter(|sanction| sanction.kind == kind);
        all.map(|sanction| sanction.clone().into()).collect()
    };
    Charter {
        operators: state.operators.iter().copied().collect::<BTreeSet<_>>(),
        prompt: lobby.prompt.clone(),
        topic: lobby.topic.clone(),
        slow: Duration::from_secs(lobby.slow_secs.into()),
        mutes: of_kind(SanctionKind::Mute),
        bans: of_kind(SanctionKind::Ban),
        ..Charter::new(owner, lobby.record.clone())
    }
}

impl From<Sanction> for sanctions::Sanction {
    fn from(stored: Sanction) -> Self {
        let Sanction { subject, shown, until, by, at, reason, .. } = stored;
        let reason = Some(reason).filter(|reason| !reason.is_blank());
        Self { subject, name: shown, by, at, until, reason }
    }
}

/// A mute or a ban as it is stored.
pub(crate) fn stored(kind: SanctionKind, scope: Scope, sanction: &sanctions::Sanction) -> Sanction {
    let sanctions::Sanction { subject, name, by, at, until, reason } = sanction.clone();
    let reason = reason.unwrap_or_default();
    Sanction { kind, scope, subject, shown: name, until, by, at, reason }
}

/// What the audit tells of a moderation.
pub(crate) fn audited(scope: Scope, by: &Name, what: Line, at: UnixMillis) -> Change {
    Change::Audited(AuditEntry { scope, at, who: by.clone(), what })
}

/// A lobby as it is stored.
pub(crate) fn row(id: LobbyId, name: &Name, charter: &Charter, profile: &Profile) -> store::Lobby {
    let Profile { creator, description, made_at, used_at, password_at, made_from } =
        profile.clone();
    let owner = match charter.owner {
        Owner::Account(account) => Some(account),
        Owner::Server | Owner::Guest(_) | Owner::Nobody => None,
    };
    store::Lobby {
        id,
        name: name.clone(),
        creator,
        owner,
        description,
        topic: charter.topic.clone(),
        record: charter.record.clone(),
        password_at,
        prompt: charter.prompt.clone(),
        slow_secs: whole_secs(charter.slow),
        made_at,
        used_at,
        made_from,
    }
}

fn whole_secs(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

impl Lobby {
    /// This lobby as it is stored.
    pub(super) fn row(&self) -> store::Lobby {
        row(self.id, self.room.name(), self.room.charter(), &self.profile)
    }

    /// A message is to be kept. It is written together with others.
    pub(super) fn keep_message(&mut self, entry: &Entry) {
        let (lobby, seq) = (self.id, self.next_seq);
        self.next_seq += 1;
        self.kept.push(Change::Said { lobby, seq, entry: entry.clone() });
        self.keep_use(entry.at);
    }

    /// This is where an account is, and goes on at its next login.
    pub(super) fn keep_place(&mut self, who: &Identity, at: UnixMillis) {
        self.keep_place_in(self.id, who, at);
    }

    /// This is where an account goes on at its next login.
    pub(super) fn keep_place_in(&mut self, lobby: LobbyId, who: &Identity, at: UnixMillis) {
        if let Some(account) = who.account {
            self.kept.push(Change::AccountLeft { account, lobby, at });
        }
    }

    /// Somebody comes, goes or says something: the lobby is in use.
    pub(super) fn keep_use(&mut self, now: UnixMillis) {
        if now.0.saturating_sub(self.profile.used_at.0) >= USED_EVERY_MILLIS {
            self.profile.used_at = now;
            self.kept.push(Change::LobbyUsed { lobby: self.id, at: now });
        }
    }

    /// In whose name a moderation is told of: a lobby that is taken is told of as given.
    pub(super) fn told_of_as(&self, by: &Name, what: &Moderation) -> Name {
        let giver = self.room.offered_by().filter(|_| matches!(what, Moderation::Transfer { .. }));
        giver.unwrap_or(by).clone()
    }

    /// What a moderation changes in the store, with its entry in the audit. It has not been carried out.
    pub(super) fn changes(&self, what: &Moderation, by: &Name, now: UnixMillis) -> Vec<Change> {
        let (id, scope): (LobbyId, Scope) = (self.id, Scope::Lobby(self.id));
        let put = |change: &dyn Fn(&mut store::Lobby)| {
            let mut row = self.row();
            change(&mut row);
            Change::LobbyPut(row)
        };
        let mut changes = match what {
            Moderation::Topic(topic) => vec![put(&|row| row.topic = topic.clone())],
            Moderation::SetPrompt(prompt) => vec![put(&|row| row.prompt = Some(prompt.clone()))],
            Moderation::Slow(gap) => vec![put(&|row| row.slow_secs = whole_secs(*gap))],
            Moderation::SetPassword(record) => {
                vec![put(&|row| (row.record, row.password_at) = (record.clone(), now))]
            }
            Moderation::Transfer { account, .. } => {
                let mut changes = vec![
                    Change::OwnerSet { lobby: id, owner: Some(*account) },
                    Change::OperatorRemoved { lobby: id, account: *account },
                ];
                if let Owner::Account(before) = self.room.charter().owner {
                    changes.push(Change::OperatorAdded { lobby: id, account: before });
                }
                changes
            }
            Moderation::Op { account, .. } => {
                vec![Change::OperatorAdded { lobby: id, account: *account }]
            }
            Moderation::Deop { account, .. } => {
                vec![Change::OperatorRemoved { lobby: id, account: *account }]
            }
            Moderation::Mute { mute, .. } => {
                let mute = self.room.charter().mutes.standing(mute);
                vec![Change::SanctionSet(stored(SanctionKind::Mute, scope, &mute))]
            }
            Moderation::Ban { ban, .. } => {
                let ban = self.room.charter().bans.standing(ban);
                let set = Change::SanctionSet(stored(SanctionKind::Ban, scope, &ban));
                iter::once(set).chain(self.put_out(what, now)).collect()
            }
            Moderation::Kick { .. } => self.put_out(what, now).collect(),
            Moderation::Unmute { subjects, .. } => lifted(SanctionKind::Mute, scope, subjects),
            Moderation::Unban { subjects, .. } => lifted(SanctionKind::Ban, scope, subjects),
            Moderation::Delete(_) => {
                // The entry would go with the lobby, so it stands with those of the server.
                return vec![
                    Change::LobbyRemoved(id),
                    audited(Scope::Server, by, sentence(what), now),
                ];
            }
            Moderation::Offer { .. } => Vec::new(),
        };
        changes.push(audited(scope, &self.told_of_as(by, what), sentence(what), now));
        changes
    }
}

impl Lobby {
    /// Accounts that a moderation puts out go on in general, whatever their connections are doing: a kick is
    /// no way back in at the next login.
    pub(super) fn put_out(
        &self,
        what: &Moderation,
        at: UnixMillis,
    ) -> impl Iterator<Item = Change> {
        let named = what.puts_out();
        let here = self.room.removed(what).filter_map(|member| member.who.account);
        let mut accounts: Vec<_> = here.chain(named).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let lobby = self.id;
        accounts.into_iter().map(move |account| Change::AccountPutOut { account, lobby, at })
    }

    /// What of this lobby is stored together with an account that a guest makes.
    pub(super) fn registering(
        &self,
        guest: &Identity,
        account: AccountId,
        now: UnixMillis,
    ) -> Vec<Change> {
        let (id, scope) = (self.id, Scope::Lobby(self.id));
        let owns = self.room.charter().owner == Owner::Guest(guest.conn);
        let here = self.room.member(guest.conn).is_some();
        let (mute, ban) = self.room.for_account(guest, account, now);
        let owner = owns.then_some(Change::OwnerSet { lobby: id, owner: Some(account) });
        let place = here.then_some(Change::AccountLeft { account, lobby: id, at: now });
        owner.into_iter().chain(place).chain(both(scope, mute, ban)).collect()
    }

    /// What of this lobby is stored together with the end of an account.
    pub(super) fn unregistering(&self, who: &Identity, now: UnixMillis) -> Vec<Change> {
        let (mute, ban) = self.room.for_address(who, now);
        both(Scope::Lobby(self.id), mute, ban).collect()
    }
}

fn both(
    scope: Scope,
    mute: Option<sanctions::Sanction>,
    ban: Option<sanctions::Sanction>,
) -> impl Iterator<Item = Change> {
    let kinds = [(SanctionKind::Mute, mute), (SanctionKind::Ban, ban)];
    kinds.into_iter().filter_map(move |(kind, sanction)| {
        Some(Change::SanctionSet(stored(kind, scope, &sanction?)))
    })
}

/// The end of mutes or bans.
pub(crate) fn lifted(kind: SanctionKind, scope: Scope, subjects: &[Subject]) -> Vec<Change> {
    subjects.iter().map(|&subject| Change::SanctionLifted { kind, scope, subject }).collect()
}
