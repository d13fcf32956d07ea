//! Somebody who comes over SSH: the protocol has said under which name, and what for.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Membership, Phase, Session, User};
use crate::actors::registry::messages::MayLook;
use crate::actors::store::messages::ReadAccount;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::name::Name;
use crate::chat::orders::Confirmation;
use crate::chat::registry::{ClaimError, LoginError};
use crate::chat::settings::Settings;
use crate::chat::terminal::Seen;
use crate::net::ssh::visit::{DUMB, Purpose, Visit};
use crate::render::replies::{NameProblem, name_refused, welcome};

impl Session {
    /// Whether whoever came wants lines carried out, and is not there to be asked anything.
    pub(super) fn is_script(&self) -> bool {
        match self.peer.link().purpose() {
            Purpose::Chat => false,
            Purpose::Script | Purpose::Look => true,
        }
    }

    /// Lets somebody in as far as they want to come.
    pub(super) fn receive(&mut self, visit: Visit) {
        if let Some(terminal) = &visit.terminal {
            self.peer.note_size(terminal.size);
            if visit.purpose == Purpose::Chat {
                self.saw(match terminal.sends_keys {
                    true => Seen::Pty,
                    false if terminal.kind == DUMB => Seen::Dumb,
                    false => Seen::Lines,
                });
            }
        }
        match visit.purpose {
            Purpose::Look => self.look(&visit),
            Purpose::Chat => {
                self.peer.answer(welcome(self.peer.form(), false, false));
                self.name_visitor(visit);
            }
            Purpose::Script => self.name_visitor(visit),
        }
    }

    /// Notes the size of the terminal, where that has changed.
    pub(super) fn note_size(&mut self) {
        let size = self.peer.link().take_size();
        if let Some(size) = size {
            self.size_told(size);
        }
    }

    /// Gives whoever came the name that they want, as if they had typed it.
    fn name_visitor(&mut self, Visit { name, account, .. }: Visit) {
        let Some(id) = account else { return self.take_name(&name) };
        match Name::parse(&name) {
            Ok(name) => self.log_in_proved(id, &name),
            Err(why) => self.ask_again(&NameProblem::Invalid(why)),
        }
    }

    /// Lets somebody in to an account that they have proved to be theirs.
    fn log_in_proved(&mut self, id: AccountId, name: &Name) {
        let (thread, key) = (self.thread.clone(), name.key());
        let work = async move { thread.store.ask(ReadAccount(key)).await };
        self.wait_for(work, move |session, account| match account {
            Ok(Some(account)) if account.id == id => session.log_in_to(account),
            // It may have been given up since.
            Ok(_) => session.ask_again(&NameProblem::Taken),
            Err(_) => session.ask_again(&NameProblem::ServerBusy),
        });
    }

    /// Shows general, and what there is on the server, to somebody who stays outside.
    fn look(&mut self, visit: &Visit) {
        let name = Name::parse(&visit.name).unwrap_or_else(|_| Name::console());
        let (conn, account, ip) = (self.peer.conn(), visit.account, self.ip);
        let who = Identity::new(conn, name, account, ip);
        let (thread, me) = (self.thread.clone(), who.clone());
        let work = async move {
            let may = thread.registry.send(MayLook(me)).await;
            may.unwrap_or_else(|_| Err(ClaimError::Taken.into()))
        };
        self.wait_for(work, move |session, may| match may {
            Ok(lobby_ref) => {
                let (id, name) = (lobby_ref.state.id, lobby_ref.state.name.clone());
                let lobby = Membership { id, name, addr: lobby_ref.lobby };
                let (settings, deleting) = (Settings::default(), Confirmation::default());
                let (away, asked, left) = Default::default();
                let user = User { who, lobby, away, settings, asked, deleting, left };
                // There is no name that the time for one could run out for.
                session.peer.logged_in();
                session.phase = Phase::Looking(Rc::new(RefCell::new(user)));
            }
            Err(LoginError::Banned(penalty)) => {
                session.refuse_script(&NameProblem::Banned(penalty));
            }
            Err(LoginError::Name(_)) => session.refuse_script(&NameProblem::ServerBusy),
        });
    }

    /// Tells a script why its lines are not carried out.
    pub(super) fn refuse_script(&mut self, problem: &NameProblem) {
        self.peer.link().note_refused();
        self.peer.answer(name_refused(self.peer.form(), problem));
        self.close(None);
    }
}
