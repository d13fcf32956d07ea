//! What of a lobby is stored: with an order before it is carried out, and with accounts.

use std::iter;

use super::Room;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::change::Change;
use crate::chat::history::UnixMillis;
use crate::chat::kept::{AuditEntry, SanctionKind, Scope};
use crate::chat::lobbies::LobbyId;
use crate::chat::moderation::{Moderation, Strike};
use crate::chat::name::Name;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;

impl<H> Room<H> {
    /// In whose name a moderation is told of: a lobby that is taken is told of as given.
    pub(super) fn told_of_as(&self, by: &Name, what: &Moderation) -> Name {
        let giver = self.offered_by().filter(|_| matches!(what, Moderation::Transfer { .. }));
        giver.unwrap_or(by).clone()
    }

    /// What a moderation changes in the store, with its entry in the audit, which tells of it as `told`.
    /// It has not been carried out.
    pub fn changes(
        &self,
        what: &Moderation,
        by: &Name,
        told: Line,
        now: UnixMillis,
    ) -> Vec<Change> {
        let (id, scope) = (self.state().id, Scope::Lobby(self.state().id));
        let mut changes = match what {
            Moderation::Topic(_)
            | Moderation::Slow(_)
            | Moderation::SetPassword(_)
            | Moderation::SetPrompt(_)
            | Moderation::SetRox { .. } => {
                let mut state = (**self.state()).clone();
                state.apply(what, now, self.next_seq());
                vec![Change::LobbyPut(state.into())]
            }
            Moderation::Transfer { account, .. } => {
                let mut changes = vec![
                    Change::OwnerSet { lobby: id, owner: Some(*account) },
                    Change::OperatorRemoved { lobby: id, account: *account },
                ];
                if let Owner::Account(before) = self.state().owner {
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
                let sanction = mute.clone();
                vec![Change::SanctionSet { kind: SanctionKind::Mute, scope, sanction }]
            }
            Moderation::Ban { ban, .. } => {
                let sanction = ban.clone();
                let set = Change::SanctionSet { kind: SanctionKind::Ban, scope, sanction };
                iter::once(set).chain(self.puts_out(what, now)).collect()
            }
            Moderation::Kick { .. } => self.puts_out(what, now).collect(),
            Moderation::Unmute { lifted, .. } => Change::lifted(SanctionKind::Mute, scope, lifted),
            Moderation::Unban { lifted, .. } => Change::lifted(SanctionKind::Ban, scope, lifted),
            Moderation::Delete(_) => {
                // The entry would go with the lobby, so it stands with those of the server.
                let entry =
                    AuditEntry { scope: Scope::Server, at: now, who: by.clone(), what: told };
                return vec![Change::LobbyRemoved(id), Change::Audited(entry)];
            }
            Moderation::AddHook(hook) => {
                vec![Change::HookAdded { lobby: id, hook: hook.clone() }]
            }
            Moderation::DeleteHook(name) => {
                vec![Change::HookRemoved { lobby: id, name: name.clone() }]
            }
            Moderation::Offer { .. } => Vec::new(),
            // One's own words are nothing for the audit.
            Moderation::Undo { seq } => {
                return vec![Change::MessagesRemoved { lobby: id, seqs: [*seq].into() }];
            }
            Moderation::Purge { said, .. } => {
                vec![Change::MessagesRemoved { lobby: id, seqs: said.clone() }]
            }
        };
        let who = self.told_of_as(by, what);
        changes.push(Change::Audited(AuditEntry { scope, at: now, who, what: told }));
        changes
    }

    /// Accounts that a moderation puts out go on in general, whatever their connections are doing: a
    /// kick is no way back in at the next login.
    pub(super) fn puts_out(
        &self,
        what: &Moderation,
        at: UnixMillis,
    ) -> impl Iterator<Item = Change> + use<H> {
        let mut accounts: Vec<_> = match what.strike() {
            Some(Strike::Kick { .. } | Strike::Ban { .. }) => {
                let here = self.removed(what).filter_map(|member| member.who.account);
                here.chain(what.puts_out()).collect()
            }
            // With the lobby goes where they were.
            Some(Strike::Mute { .. } | Strike::All) | None => Vec::new(),
        };
        accounts.sort_unstable();
        accounts.dedup();
        let lobby = self.state().id;
        accounts.into_iter().map(move |account| Change::AccountPutOut { account, lobby, at })
    }

    /// An account goes on in this lobby at its next login, and has missed what is said there from now on.
    pub(super) fn goes_on(&self, account: AccountId, lobby: LobbyId, at: UnixMillis) -> Change {
        // The number of its next message only that lobby knows.
        let seq = (lobby == self.state().id).then(|| self.next_seq());
        Change::AccountLeft { account, lobby, at, seq }
    }

    /// What of this lobby is stored together with an account that a guest makes.
    pub fn registering(
        &self,
        guest: &Identity,
        account: AccountId,
        now: UnixMillis,
    ) -> Vec<Change> {
        let (id, scope) = (self.state().id, Scope::Lobby(self.state().id));
        let owns = self.state().owner == Owner::Guest(guest.conn);
        let here = self.member(guest.conn).is_some();
        let (mute, ban) = self.for_account(guest, account, now);
        let owner = owns.then_some(Change::OwnerSet { lobby: id, owner: Some(account) });
        let place = here.then(|| self.goes_on(account, id, now));
        owner.into_iter().chain(place).chain(both(scope, mute, ban)).collect()
    }

    /// What of this lobby is stored together with the end of an account.
    pub fn unregistering(&self, who: &Identity, now: UnixMillis) -> Vec<Change> {
        let (mute, ban) = self.for_address(who, now);
        both(Scope::Lobby(self.state().id), mute, ban).collect()
    }
}

fn both(
    scope: Scope,
    mute: Option<Sanction>,
    ban: Option<Sanction>,
) -> impl Iterator<Item = Change> {
    let kinds = [(SanctionKind::Mute, mute), (SanctionKind::Ban, ban)];
    kinds.into_iter().filter_map(move |(kind, sanction)| {
        Some(Change::SanctionSet { kind, scope, sanction: sanction? })
    })
}
