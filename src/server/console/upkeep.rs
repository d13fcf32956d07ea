//! What the console does to the server itself: its settings, its database, its accounts.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{info, warn};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::deeds::name;
use super::lists::tell;
use super::{Answering, Outcome, Reach, STORE_TIME, ask};
use crate::actors::registry::messages::{GivePassword, GivePasswordError, PasswordGiven};
use crate::chat::password::{Password, Secret};
use crate::chat::registry::GiveError;
use crate::console::Answer;
use crate::logging::event;
use crate::server::reload::Told;
use crate::store;

/// The priority of a thread that copies the database: the chat goes first.
const BACKUP_NICENESS: i32 = 10;

/// Whether the database is being copied: once at a time is enough.
static BACKING_UP: AtomicBool = AtomicBool::new(false);

/// Ends that.
struct BackingUp;

impl BackingUp {
    fn begin() -> Option<Self> {
        (!BACKING_UP.swap(true, Ordering::AcqRel)).then_some(Self)
    }
}

impl Drop for BackingUp {
    fn drop(&mut self) {
        BACKING_UP.store(false, Ordering::Release);
    }
}

impl Reach {
    /// Reads the configuration anew, as SIGHUP does.
    pub(super) async fn reload(&self, out: &Answering) -> Outcome {
        match self.reloader.reload().await {
            Ok(Told { warnings, restart }) => {
                for warning in warnings {
                    tell(out, Answer::Note(warning)).await;
                }
                Ok(json!({ "restart": restart }))
            }
            Err(why) => Err(Answer::Failed { why, usage: false }),
        }
    }

    /// Copies the database as it is now.
    pub(super) async fn backup(&self, file: PathBuf) -> Outcome {
        let Some(turn) = BackingUp::begin() else {
            return Err(Answer::failed("the database is being copied already"));
        };
        // What was said just now is to be in it; what cannot be written is not in the database either.
        let _ = timeout(STORE_TIME, self.store.write_out()).await;
        let (done, waits) = oneshot::channel();
        let (dir, to) = (self.dir.clone(), file.clone());
        // It goes on where whoever wanted it has left.
        let copy = move || {
            // Niceness is a thread's own on Linux.
            let _ = rustix::process::nice(BACKUP_NICENESS);
            let copied = store::backup(&dir, &to);
            drop(turn);
            let _ = done.send(copied);
        };
        let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(copy);
        thread.map_err(|why| Answer::failed(format!("there is no thread for it: {why}")))?;
        match waits.await {
            Ok(Ok(())) => {
                let file = file.display().to_string();
                info!(event = event::BACKUP; "the database was copied to {file}");
                Ok(json!({ "file": file }))
            }
            Ok(Err(why)) => {
                warn!(event = event::BACKUP; "{why}");
                Err(Answer::failed(why))
            }
            Err(_) => Err(Answer::failed("something broke while the database was copied")),
        }
    }

    /// Makes an account, or gives it another password.
    pub(super) async fn password(&self, typed: &str, secret: &Secret) -> Outcome {
        let name = name(typed)?;
        self.in_reach()?;
        let password = Password::for_account(secret.expose())
            .map_err(|fault| Answer::misused(format!("the password {fault}")))?;
        let record = self.hasher.hash(password).await.map_err(Answer::failed)?;
        let give = GivePassword { name: name.clone(), record: Arc::new(record) };
        let given = ask(&self.registry, "the Registry", STORE_TIME, give).await?;
        let PasswordGiven { name, made, certs, disconnected } = given.map_err(|why| match why {
            GivePasswordError::Rule(GiveError::Reserved) => {
                Answer::failed(format!("the name {name} is the server's own"))
            }
            GivePasswordError::Rule(GiveError::InUse) => {
                let remedy = format!("lobbyd ctl kick {name} first");
                Answer::failed(format!("a guest is called {name}: {remedy}"))
            }
            GivePasswordError::Rule(GiveError::Pending) => {
                let why = format!("the account {name} is being made. Try again in a moment");
                Answer::failed(why)
            }
            GivePasswordError::Rule(GiveError::Bot) => {
                Answer::failed(format!("{name} is a bot, which a token lets in and no password"))
            }
            GivePasswordError::NotStored => {
                let why = "the database cannot be written: nothing was done";
                self.not_done(Answer::failed(why))
            }
            GivePasswordError::Busy => {
                let why = "something inside does not answer: look whether it was done";
                self.not_done(Answer::failed(why))
            }
        })?;
        Ok(json!({
            "name": name.as_str(), "made": made, "certificates_removed": certs,
            "disconnected": disconnected,
        }))
    }
}
