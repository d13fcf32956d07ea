//! The part of the Registry that carries out what admins order for the whole server.

use std::sync::Arc;

use log::info;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{CarriedOut, ModerateError, ModerateServer};
use crate::chat::moderation::ServerModeration;
use crate::chat::registry::{Happening, server_changes};
use crate::logging::event;
use crate::render::{server_deed, server_sentence};

impl Answers<ModerateServer> for Registry {
    fn failed() -> Result<CarriedOut<ServerModeration>, ModerateError> {
        Err(ModerateError::Busy)
    }

    fn answer(
        &mut self,
        ModerateServer { by, order }: ModerateServer,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<CarriedOut<ServerModeration>, ModerateError>> {
        let now = self.now();
        let what = match self.people.propose_moderation(&by, order, now) {
            Ok(what) => Arc::new(what),
            Err(why) => return Reply::Now(Err(why.into())),
        };
        let (conn, by) = (by.conn, by.name);
        let changes = server_changes(&what, &by, server_sentence(&what), now);
        let also = self.people.also_struck(&what);
        let moderated = Happening::Moderated { by: by.clone(), what: (*what).clone() };
        self.bring_about_at(moderated, changes, now, move |_, done| {
            done?;
            info!(event = event::MODERATED, conn = conn.number(); "{by} {}", server_deed(&what));
            Ok(CarriedOut { what, also })
        })
    }
}
