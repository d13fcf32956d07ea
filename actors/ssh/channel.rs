//! A channel: its Session on a thread that chats, and the way of the Session's bytes to the client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::time::timeout;

use super::{Connection, Number};
use crate::actors::registry::messages::Admit;
use crate::actors::shard::messages::Connected;
use crate::chat::directory::ConnId;
use crate::clock;
use crate::net::link::Arrival;
use crate::net::ssh::pipe::{Far, Near, Next, pipe};
use crate::net::ssh::visit::{Purpose, Visit};
use crate::render::replies::{CHATS_ALREADY, NO_FILES, refusal};

/// For the last packets of a channel to be taken by the library. Where it takes nothing for so long, its socket
/// does not either, and the connection ends.
const END_TIME: Duration = Duration::from_secs(5);

/// What a script ends with that is not carried out.
const REFUSED: u32 = 1;

/// Who comes by a channel.
pub(super) struct Coming {
    pub(super) write: ChannelWriteHalf<Msg>,
    pub(super) visit: Visit,
    /// What is to be carried out, where that is known from the start.
    pub(super) lines: Option<Vec<u8>>,
}

/// A Session among those of its connection, with the number that it has.
struct Counted {
    connection: Arc<Connection>,
    purpose: Purpose,
    number: Lent,
}

/// Whose number a Session has.
enum Lent {
    /// That of the connection.
    Own,
    /// One of its own, since another Session has that.
    Other(Number),
    /// None: there was no place left for it.
    Nobodys,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let connection = &self.connection;
        {
            let mut sessions = connection.sessions();
            sessions.count -= 1;
            sessions.lent &= !matches!(self.number, Lent::Own);
            sessions.chats &= self.purpose != Purpose::Chat;
            sessions.deadline = clock::now() + connection.context.config.get().login_timeout;
        }
        connection.flow.change();
    }
}

impl Connection {
    /// Somebody wants to chat over it. Whether they may: one does at a time.
    pub(super) fn begin_chat(&self) -> bool {
        !std::mem::replace(&mut self.sessions().chats, true)
    }

    /// The number of one more Session; none where no place is left for it.
    async fn count(self: &Arc<Self>, purpose: Purpose) -> Result<Counted, Bytes> {
        let is_first = {
            let mut sessions = self.sessions();
            sessions.count += 1;
            !std::mem::replace(&mut sessions.lent, true)
        };
        let number = if is_first { Lent::Own } else { Lent::Nobodys };
        let mut counted = Counted { connection: self.clone(), purpose, number };
        if is_first {
            return Ok(counted);
        }
        let registry = &self.context.registry;
        match registry.send(Admit(self.ip)).await {
            Ok(Ok(conn)) => {
                counted.number = Lent::Other(Number { conn, registry: registry.clone() });
                Ok(counted)
            }
            refused => {
                let line = refused.ok().and_then(Result::err).and_then(refusal);
                Err(line.unwrap_or_default().into())
            }
        }
    }

    /// Since when a Session that begins now has had time for a name: the first one since the connection was accepted.
    fn first_or_now(&self) -> std::time::Instant {
        let now = clock::now();
        if std::mem::replace(&mut self.sessions().begun, true) { now } else { self.arrived.at }
    }

    /// Ends it when the client has had time to close it.
    pub(super) fn end_soon(self: &Arc<Self>) {
        let connection = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(super::LINGER_TIME).await;
            connection.cut();
        });
    }
}

impl Counted {
    fn conn(&self) -> ConnId {
        match &self.number {
            Lent::Own | Lent::Nobodys => self.connection.number.conn,
            Lent::Other(number) => number.conn,
        }
    }
}

/// Begins a Session for whoever comes.
pub(super) fn begin(connection: &Arc<Connection>, coming: Coming) -> Far {
    let Coming { write, visit, lines } = coming;
    let purpose = visit.purpose;
    let (near, far) = pipe(visit, connection.flow.clone(), connection.socket.clone());
    if let Some(lines) = lines {
        far.push(&lines);
        // What stands unended is a line too.
        far.end();
    }
    let channel = Channel { connection: connection.clone(), write, far: far.clone() };
    tokio::spawn(channel.see_through(near, purpose));
    far
}

/// Standard error, among what a channel carries beside its data (SSH_EXTENDED_DATA_STDERR, RFC 4254 §5.2).
const STDERR: u32 = 1;

/// Tells a program that wants to move files that there are none, where it looks for what went wrong.
pub(super) fn refuse_files(connection: &Arc<Connection>, write: ChannelWriteHalf<Msg>) {
    let connection = connection.clone();
    tokio::spawn(async move {
        let told = async {
            write.extended_data_bytes(STDERR, Bytes::from_static(NO_FILES)).await?;
            write.exit_status(REFUSED).await?;
            write.eof().await?;
            write.close().await
        };
        if timeout(END_TIME, told).await.is_err() {
            connection.cut();
        }
    });
}

/// The task of a channel.
struct Channel {
    connection: Arc<Connection>,
    write: ChannelWriteHalf<Msg>,
    far: Far,
}

impl Channel {
    async fn see_through(self, near: Near, purpose: Purpose) {
        let accepted = self.connection.first_or_now();
        let counted = match self.connection.count(purpose).await {
            Ok(counted) => counted,
            Err(line) => {
                drop(near);
                return self.refuse(line).await;
            }
        };
        if purpose == Purpose::Script && self.connection.sessions().chats {
            drop(near);
            // Under their name they would take the place of themselves.
            return self.refuse(Bytes::from_static(CHATS_ALREADY)).await;
        }
        let connection = &self.connection;
        connection.shard.do_send(Connected {
            conn: counted.conn(),
            arrival: Arrival::Ssh(Box::new(near)),
            origin: connection.arrived.from,
            ip: connection.ip,
            accepted,
            counted: None,
        });
        let status = self.carry().await;
        match status {
            Some(status) => self.end(status).await,
            None => self.break_off().await,
        }
        self.far.note_handed_on();
        if purpose != Purpose::Chat {
            // Nothing was lost that a client could still take, and the next one may want its number.
            self.far.close();
        }
        // Its number is nobody else's before it is gone.
        self.far.left().await;
        self.far.close();
    }

    /// Sends what the Session has for the client, until it ends: with a status, or without.
    async fn carry(&self) -> Option<u32> {
        loop {
            match self.far.next().await {
                Next::Send(bytes) => {
                    tokio::select! {
                        biased;
                        sent = self.write.data_bytes(bytes) => sent.ok()?,
                        () = self.far.given_up() => return None,
                    }
                    // The library's task has its turn, so that what it was given is in the socket.
                    tokio::task::yield_now().await;
                    self.far.note_handed_on();
                }
                Next::End(status) => return Some(status),
                Next::Left => return None,
            }
        }
    }

    /// Tells why there is no Session.
    async fn refuse(&self, line: Bytes) {
        // A client that is gone, or does not read, has no use for it.
        let _ = timeout(END_TIME, self.write.data_bytes(line)).await;
        self.end(REFUSED).await;
    }

    /// Ends a channel in order.
    async fn end(&self, status: u32) {
        self.far.begin_end();
        let told = async {
            self.write.exit_status(status).await?;
            self.write.eof().await?;
            self.write.close().await
        };
        self.within(told).await;
    }

    /// Ends one whose Session is gone, or whose client is.
    async fn break_off(&self) {
        let given_up = !self.far.is_closed();
        self.far.begin_end();
        self.within(self.write.close()).await;
        // Whoever was cut off has no other channel either, unless somebody is there in one.
        if given_up && self.connection.sessions().count <= 1 {
            self.connection.end_soon();
        }
    }

    async fn within(&self, told: impl Future<Output = Result<(), russh::Error>>) {
        match timeout(END_TIME, told).await {
            Ok(Ok(())) => tokio::task::yield_now().await,
            // The connection is over.
            Ok(Err(_)) => {}
            Err(_) => self.connection.cut(),
        }
    }
}
