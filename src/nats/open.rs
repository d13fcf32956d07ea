//! The log and the table of a cluster: found on the engine, or made there.

use std::collections::BTreeMap;

use async_nats::{Client, RequestErrorKind};
use log::info;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::address::Address;
use super::api::{self, ApiError, Question, Reply, StreamInfo};
use super::error::{StartError, TryError};
use super::names::{Names, is_node};
use super::{CONNECT_TIME, LISTEN_TIME, MAX_KEYS};
use crate::cluster::engine::LogState;
use crate::logging::event;

/// What is to be there.
pub(super) struct Wanted<'a> {
    pub(super) address: &'a Address,
    pub(super) names: &'a Names,
    pub(super) replicas: u64,
    /// Whether a log may be made where there is none.
    pub(super) may_make: bool,
}

impl Wanted<'_> {
    /// Sees to it that all is there, and says how the log is.
    ///
    /// The log is made last: where it is, the table is. That is never made beside a log with records, since the
    /// numbers of its writings would begin anew, and lives are told apart by them.
    pub(super) async fn open(&self, client: &Client) -> Result<LogState, TryError> {
        let info = match self.look(client, &self.names.log()).await? {
            Some(info) => {
                let alter = api::alter_log(self.names, self.replicas, info.state.founded);
                self.copies(client, &self.names.log(), info, alter).await?;
                info
            }
            None if self.may_make => {
                let make = api::make_table(self.names, self.replicas);
                self.make(client, make, &self.names.table()).await?;
                let make = api::make_log(self.names, self.replicas, false);
                return Ok(self.make(client, make, &self.names.log()).await?.state);
            }
            None => return Err(self.lasting(StartError::NoLog)),
        };
        let Some(found) = self.look(client, &self.names.table()).await? else {
            return Err(self.lasting(StartError::NoTable));
        };
        let alter = api::alter_table(self.names, self.replicas);
        self.copies(client, &self.names.table(), found, alter).await?;
        Ok(info.state)
    }

    /// Makes log and table anew, whatever was there: a database is the beginning of the log.
    pub(super) async fn refound(&self, client: &Client) -> Result<LogState, TryError> {
        // The table last: where there is a log, there is one.
        for stream in [self.names.log(), self.names.table()] {
            if self.look(client, &stream).await?.is_some()
                && let Err(error) = self.ask(client, api::remove(&stream)).await?
                && !error.is_no_stream()
            {
                return Err(self.refused(error));
            }
        }
        self.ask_for(client, api::make_table(self.names, self.replicas)).await?;
        let log = api::make_log(self.names, self.replicas, true);
        Ok(self.ask_for(client, log).await?.state)
    }

    /// The nodes that run: those that have written twice within a while. None where there is no log.
    pub(super) async fn running(&self, client: &Client) -> Result<Option<Vec<String>>, TryError> {
        if self.look(client, &self.names.log()).await?.is_none() {
            return Ok(None);
        }
        let before = self.keys(client).await?;
        sleep(LISTEN_TIME).await;
        let after = self.keys(client).await?;
        let runs = |(key, at): (String, u64)| {
            before.get(&key).is_some_and(|known| *known < at).then_some(key)
        };
        Ok(Some(after.into_iter().filter_map(runs).collect()))
    }

    /// The keys of the table that can be nodes, and the last writing of each.
    async fn keys(&self, client: &Client) -> Result<BTreeMap<String, u64>, TryError> {
        let (mut keys, mut from) = (BTreeMap::new(), 1);
        for _ in 0..MAX_KEYS {
            let reply = match self.ask(client, api::next_in_table(self.names, from)).await? {
                Ok(reply) => reply,
                // That was the last, or there is no table.
                Err(error) if error.is_no_message() || error.is_no_stream() => break,
                Err(error) => return Err(self.refused(error)),
            };
            let Some((key, at)) = api::key_of(self.names, &reply) else { break };
            from = at + 1;
            if is_node(&key) {
                keys.insert(key, at);
            }
        }
        Ok(keys)
    }

    fn lasting(&self, error: impl FnOnce(Address, String) -> StartError) -> TryError {
        TryError::Lasting(error(self.address.clone(), self.names.cluster().to_owned()))
    }

    /// How a stream is; none where it is not there.
    async fn look(&self, client: &Client, stream: &str) -> Result<Option<StreamInfo>, TryError> {
        match self.ask(client, api::info(stream)).await? {
            Ok(value) => Ok(Some(read(&value)?)),
            Err(error) if error.is_no_stream() => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Makes a stream that is not there.
    async fn make(
        &self,
        client: &Client,
        question: Question,
        stream: &str,
    ) -> Result<StreamInfo, TryError> {
        match self.ask(client, question).await? {
            Ok(value) => read(&value),
            Err(error) => match self.look(client, stream).await? {
                // Another node has made it in this very moment.
                Some(info) if error.is_taken() => Ok(info),
                Some(_) | None => Err(self.refused(error)),
            },
        }
    }

    /// Asks for something to be done to a stream, and says how it is then.
    async fn ask_for(&self, client: &Client, question: Question) -> Result<StreamInfo, TryError> {
        match self.ask(client, question).await? {
            Ok(value) => read(&value),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Has a stream be kept in as many copies as are wished, where it is not.
    async fn copies(
        &self,
        client: &Client,
        stream: &str,
        is: StreamInfo,
        alter: Question,
    ) -> Result<(), TryError> {
        if is.replicas != self.replicas {
            self.ask_for(client, alter).await?;
            let Self { address, replicas, .. } = self;
            info!(
                event = event::ENGINE;
                "the engine at {address} is to keep {replicas} copies of {stream}, as NATS_REPLICAS says; it kept {}",
                is.replicas
            );
        }
        Ok(())
    }

    fn refused(&self, error: ApiError) -> TryError {
        let address = self.address.clone();
        TryError::Lasting(match error {
            error if error.may_pass() => return self.silent(),
            error if error.is_no_jetstream() => StartError::NoJetStream(address),
            error if error.is_replicas() => {
                let joined = error.is_too_few();
                let error =
                    StartError::Replicas { address, wanted: self.replicas, why: error.words };
                // Machines that start together do not all have their engine at once.
                return if joined { TryError::Waiting(error) } else { TryError::Lasting(error) };
            }
            error if error.is_taken() => {
                StartError::Taken(address, self.names.cluster().to_owned())
            }
            error => StartError::Refused(address, error.words),
        })
    }

    /// Its engines choose who leads, or too few of them run.
    fn silent(&self) -> TryError {
        TryError::Waiting(StartError::Silent(self.address.clone()))
    }

    async fn ask(
        &self,
        client: &Client,
        question: Question,
    ) -> Result<Result<Value, ApiError>, TryError> {
        let passing = |why: &str| TryError::Passing(why.to_owned());
        let nobody = || match client.server_info().jetstream {
            true => self.silent(),
            false => TryError::Lasting(StartError::NoJetStream(self.address.clone())),
        };
        let asked = timeout(CONNECT_TIME, client.request(question.subject, question.body));
        let message = match asked.await.map_err(|_| self.silent())? {
            Ok(message) => message,
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return Err(nobody()),
            Err(error) => return Err(passing(&error.to_string())),
        };
        match Reply::of(&message) {
            Some(Reply::Done(value)) => Ok(Ok(value)),
            Some(Reply::Failed(error)) => Ok(Err(error)),
            Some(Reply::Nobody) => Err(nobody()),
            None => Err(passing("JetStream gave an answer that cannot be read")),
        }
    }
}

fn read(value: &Value) -> Result<StreamInfo, TryError> {
    let unread = || {
        TryError::Passing("JetStream described a stream in a way that cannot be read".to_owned())
    };
    StreamInfo::of(value).ok_or_else(unread)
}
