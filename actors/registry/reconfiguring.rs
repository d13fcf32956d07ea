//! The part of the Registry that puts other settings in force.

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::lobby::messages as lobby;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::Reconfigured;
use crate::actors::shard::messages as shard;
use crate::chat::lobbies::LobbyLimits;
use crate::config::Config;

impl Registry {
    /// What an operator should know of the names of the admins, a line each.
    pub(super) fn doubtful_admins(&self) -> Vec<String> {
        let doubtful = self.people.accounts().doubtful_admins();
        let warning = |name| {
            format!(
                "CHAT_ADMINS: somebody else had made the account {name} before; it is no admin until you run: lobbyd ctl passwd {name}"
            )
        };
        doubtful.map(warning).collect()
    }

    /// The same of those who have no account, which a start tells apart from the log.
    fn absent_admins(&self) -> impl Iterator<Item = String> {
        let absent = self.people.accounts().absent_admins();
        absent.map(|name| {
            format!(
                "CHAT_ADMINS: {name} has no account yet; make it with: lobbyd ctl passwd {name}"
            )
        })
    }

    /// These limits hold from here on. Nobody is put out, and nothing goes that there is.
    fn take_limits(&mut self, config: &Config) {
        self.connections.admission().set_limits(
            config.max_connections,
            config.max_connections_per_ip,
            config.connects_per_minute,
        );
        self.lobbies.set_limits(LobbyLimits {
            total: config.max_lobbies,
            per_user: config.max_lobbies_per_user,
        });
        self.people.set_registrations_per_day(config.registrations_per_day);
        self.people.set_admins(config.admins.iter().cloned());
    }

    /// Says who is an admin now, and has lobbies and clients look at all of it again.
    pub(super) fn tell_settings(&self) {
        self.admins.set(self.people.accounts().admins());
        self.tell_lobbies(&lobby::Reconfigured);
        self.shards().for_each(|shard| shard.do_send(shard::Reconfigured));
    }
}

impl Answers<Reconfigured> for Registry {
    fn failed() -> Vec<String> {
        vec![
            "a fault: not all of it may be in force. Reload once more, or restart lobbyd"
                .to_owned(),
        ]
    }

    fn answer(&mut self, _: Reconfigured, _: &mut Ctx<Self>) -> Reply<Self, Vec<String>> {
        Reply::now(|| {
            let config = self.config.get();
            self.take_limits(&config);
            self.tell_settings();
            self.absent_admins().chain(self.doubtful_admins()).collect()
        })
    }
}
