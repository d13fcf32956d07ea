//! Reading settings, certificate and files anew while the server runs.
//!
//! All of it is read and judged first, and only then put in force. Where anything is wrong, all of the old
//! stays. Connections are not touched: whoever needs a setting asks for it when they need it
//! ([`Live`]), and those who have one for themselves are told to look again.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use actix::prelude::*;
use log::{error, info, warn};
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout;

use crate::actors::ai::messages as ai;
use crate::actors::ai::pool::AiPool;
use crate::actors::guard::Guarded;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::Reconfigured;
use crate::actors::registry::rates::RateTable;
use crate::clock::unix_now;
use crate::config::{Config, LastReload, Live, Settings, SharedReload};
use crate::logging::{self, event};
use crate::metrics::{Metrics, Reloaded};
use crate::net::tls::{self, LiveTls, LoadedTls};
use crate::net::validity::Validity;
use crate::server::load_tls;
use crate::server::service::Service;

/// For reading all files. One may lie on a disk that does not answer, and a later reload is to find its turn.
const READ_TIME: Duration = Duration::from_secs(10);

/// Who must know of other settings.
pub(super) struct Parts {
    pub(super) config: Live,
    /// None where TLS is off, which it stays.
    pub(super) tls: Option<LiveTls>,
    /// Whether it is because no socket was handed over for it, so that no certificate is looked at.
    pub(super) tls_has_no_socket: bool,
    /// Who is told when a reload begins and ends.
    pub(super) service: Service,
    /// Where it stands how the last one ended.
    pub(super) last: SharedReload,
    pub(super) rates: RateTable,
    pub(super) registry: Addr<Guarded<Registry>>,
    pub(super) ai: Addr<Guarded<AiPool>>,
    pub(super) metrics: Arc<Metrics>,
}

/// Reads everything anew, for whoever asks: a signal, or an operator at the console.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// One at a time. Who comes meanwhile has their turn after it.
    turn: Mutex<()>,
}

/// What was read, and is good.
struct Read {
    config: Config,
    tls: Option<LoadedTls>,
    told: Told,
}

/// What an operator should know of a reload that is good.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// A line each.
    pub warnings: Vec<String>,
    /// The keys that were changed and cannot change while the server runs.
    pub restart: Vec<&'static str>,
}

impl Reloader {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, turn: Mutex::new(()) }))
    }

    /// Reads everything anew, and puts it in force where all of it is good. Answered with what an operator
    /// should know. It goes on to its end, whether its answer is waited for or not.
    ///
    /// # Errors
    /// All that is wrong, a line each: nothing has changed.
    pub async fn reload(&self) -> Result<Told, Vec<String>> {
        let inner = self.0.clone();
        let reload = actix_rt::spawn(async move { inner.reload().await });
        reload.await.unwrap_or_else(|_| Err(vec!["a fault: reload once more".to_owned()]))
    }

    /// How the last one ended; none where there was none.
    pub fn last(&self) -> Option<Arc<LastReload>> {
        self.0.parts.last.load_full()
    }

    /// From when until when the certificate in use is valid; none without TLS.
    pub fn certificate(&self) -> Option<Validity> {
        self.0.parts.tls.as_ref().map(LiveTls::validity)
    }
}

impl Inner {
    async fn reload(&self) -> Result<Told, Vec<String>> {
        let _turn = self.turn.lock().await;
        let _told = self.parts.service.reloading();
        let result = match self.read().await {
            Ok(read) => Ok(self.put_in_force(read).await),
            Err(faults) => Err(faults),
        };
        let ended = if result.is_ok() { Reloaded::Good } else { Reloaded::Bad };
        self.parts.metrics.reloads.of(ended).inc();
        let fault = result.as_ref().err().and_then(|faults| faults.first()).cloned();
        self.parts.last.store(Some(Arc::new(LastReload { at: unix_now(), fault })));
        match &result {
            Ok(Told { warnings, .. }) => {
                warnings
                    .iter()
                    .for_each(|warning| warn!(event = event::RELOAD_WARNING; "{warning}"));
                info!(event = event::RELOADED; "reloaded: what was read is in force");
            }
            Err(faults) => {
                let tell =
                    |fault| error!(event = event::RELOAD_FAILED; "nothing was reloaded: {fault}");
                faults.iter().for_each(tell);
            }
        }
        result
    }

    /// Reads everything, on a thread of its own: one that waits for a disk holds up nobody, not even the end
    /// of the process, which waits for those of the runtime.
    async fn read(&self) -> Result<Read, Vec<String>> {
        let in_force = self.parts.config.get().clone();
        let (has_tls, no_socket) = (self.parts.tls.is_some(), self.parts.tls_has_no_socket);
        let (done, result) = oneshot::channel();
        let work = move || {
            // Nobody may wait for it any more.
            let _ = done.send(read(&in_force, has_tls, no_socket));
        };
        if let Err(reason) = thread::Builder::new().name("reload".to_owned()).spawn(work) {
            return Err(vec![format!("there is no thread to be had: {reason}")]);
        }
        match timeout(READ_TIME, result).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(vec!["a fault: reload once more".to_owned()]),
            Err(_) => Err(vec![format!(
                "the files cannot be read within {} s: look at the disk that they are on",
                READ_TIME.as_secs()
            )]),
        }
    }

    async fn put_in_force(&self, read: Read) -> Told {
        let Read { config, tls, mut told } = read;
        let Parts { config: live, tls: live_tls, rates, registry, ai, .. } = &self.parts;
        if let (Some(live), Some(loaded)) = (live_tls, tls) {
            self.parts.metrics.certificate_expires.set(loaded.validity.until.as_second());
            live.set(loaded);
        }
        rates.set_limit(config.rate_messages, config.rate_window);
        logging::set_json(config.log_json);
        if let Err(reason) = logging::set_filter(&config.log_filter) {
            told.warnings.push(format!("RUST_LOG: the filter is not in force: {reason}"));
        }
        live.set(config);
        ai.do_send(ai::Reconfigured);
        // It tells the lobbies and the Shards, who come after it in all that is asked of them.
        told.warnings.extend(registry.send(Reconfigured).await.unwrap_or_default());
        told
    }
}

/// Reads everything, as a start would, and judges it.
fn read(in_force: &Config, has_tls: bool, no_socket: bool) -> Result<Read, Vec<String>> {
    let Settings { mut config, mut warnings, mut faults, .. } = Settings::gather();
    if let (Some(file), None) = (&in_force.env_file, &config.env_file) {
        // Every setting in it would be what nobody has set, limits and lists too.
        faults.push(format!(
            "{}: is gone. Put it back, or an empty one in its place",
            file.display()
        ));
    }
    let mut restart = config.keep_fixed(in_force);
    let takes_restart = |key| format!("{key}: cannot change while the server runs; restart lobbyd");
    warnings.extend(restart.iter().map(takes_restart));
    let loaded = if has_tls {
        tls::load(&config.tls.cert, &config.tls.key).map(Some)
    } else if no_socket {
        Ok(None)
    } else {
        load_tls(&config)
    };
    let tls = loaded.unwrap_or_else(|error| {
        faults.push(error.to_string());
        None
    });
    let warning = |tls: &LoadedTls| tls.validity.warning(&config.tls.cert, unix_now());
    warnings.extend(tls.as_ref().and_then(warning));
    if tls.is_some() && !has_tls {
        warnings.push(
            "CHAT_TLS_CERT: TLS is off and cannot be turned on while the server runs; restart lobbyd"
                .to_owned(),
        );
        restart.push("CHAT_TLS_CERT");
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Read { config, tls, told: Told { warnings, restart } })
}
