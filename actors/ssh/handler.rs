//! What a client asks for, as the library tells it: keys and passwords first, then channels.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use russh::keys::Certificate;
use russh::server::{
    Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty, server};

use super::Connection;
use super::channel::{Coming, begin, refuse_files};
use super::login::{Login, key_of};
use crate::clock;
use crate::net::ssh::pipe::Far;
use crate::net::ssh::visit::{DUMB, Purpose, Terminal, moves_files, size};

/// Channels of a connection at one time: one to chat, and one for commands beside it.
const MAX_CHANNELS: usize = 2;

/// Channels that a client opens in a minute; more are refused, as are more connections of an address by
/// `CHAT_CONNECTS_PER_MINUTE`, which has the same default.
const CHANNELS_PER_MINUTE: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Channels that a connection opens in all. The library keeps some hundred bytes of each that was closed by us.
const CHANNELS_IN_ALL: usize = 5_000;

/// Bytes of a command line: what a shell passes on is mostly a line.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// Bytes of the name of a kind of terminal: none known has as many.
const MAX_TERM_BYTES: usize = 64;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The library says so.
    #[error(transparent)]
    Library(#[from] russh::Error),
    /// It was told that it may not log in, and tries on.
    #[error("it goes on trying to log in")]
    Persistent,
}

/// A channel that is open.
struct Open {
    /// To write to, until there is a Session for it.
    write: Option<ChannelWriteHalf<Msg>>,
    /// Where what the client sends goes, once there is one.
    far: Option<Far>,
    /// Whether what it sends is read at all: commands are whole from the start.
    reads: bool,
    terminal: Option<Terminal>,
}

/// What a connection asks for.
pub(super) struct Handler {
    connection: Arc<Connection>,
    login: Login,
    channels: HashMap<ChannelId, Open>,
    /// When channels were opened in the last minute.
    opened: VecDeque<Instant>,
    opened_in_all: usize,
}

impl Handler {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        let login = Login::new(connection.clone());
        let (channels, opened) = Default::default();
        Self { connection, login, channels, opened, opened_in_all: 0 }
    }

    /// Whether one more channel may be opened.
    fn may_open(&mut self) -> bool {
        let now = clock::now();
        self.channels.retain(|_, open| open.far.as_ref().is_none_or(|far| !far.is_over()));
        while self.opened.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            self.opened.pop_front();
        }
        let may = self.channels.len() < MAX_CHANNELS
            && self.opened.len() < CHANNELS_PER_MINUTE
            && self.opened_in_all < CHANNELS_IN_ALL;
        if may {
            self.opened.push_back(now);
            self.opened_in_all += 1;
        }
        may
    }

    /// Has a Session started for a channel. Whether that may be.
    fn start(&mut self, id: ChannelId, purpose: Purpose, lines: Option<&[u8]>) -> bool {
        let Some(open) = self.channels.get_mut(&id) else { return false };
        if open.write.is_none() || purpose == Purpose::Chat && !self.connection.begin_chat() {
            return false;
        }
        let Some(write) = open.write.take() else { return false };
        let visit = self.login.visit(purpose, open.terminal.clone());
        let coming = Coming { write, visit, lines: lines.map(<[u8]>::to_vec) };
        open.reads = lines.is_none();
        open.far = Some(begin(&self.connection, coming));
        true
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.channels.values().filter_map(|open| open.far.as_ref()).for_each(Far::close);
        self.connection.flow.change();
    }
}

/// Answers a request of a channel.
fn answer(session: &mut Session, id: ChannelId, good: bool) -> Result<(), Error> {
    if good {
        session.channel_success(id)?
    } else {
        session.channel_failure(id)?
    }
    Ok(())
}

impl server::Handler for Handler {
    type Error = Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Error> {
        self.login.none()
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        self.login.offered(user, key_of(offer.public_key)).await
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Error> {
        self.login.proved(user, key_of(key.public_key)).await
    }

    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Error> {
        // Who has signed it is nothing to us: what counts is its key.
        let key = russh::keys::PublicKey::new(certificate.public_key().clone(), "");
        self.login.proved(user, key_of(&key)).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        match response {
            None => self.login.begin(user).await,
            Some(mut answers) => {
                let answer = answers.next();
                self.login.answer(user, answer).await
            }
        }
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Error> {
        self.connection.flow.logged_in();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Error> {
        if !self.may_open() {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        // What comes is told by calls. Where nobody took it, the other half would stop the connection when it is full.
        let (_, write) = channel.split();
        let open = Open { write: Some(write), far: None, reads: false, terminal: None };
        let id = open.write.as_ref().map(ChannelWriteHalf::id);
        self.channels.extend(id.map(|id| (id, open)));
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Error> {
        if let Some(far) = self.channels.remove(&id).and_then(|open| open.far) {
            far.close();
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Error> {
        if let Some(Open { far: Some(far), reads: true, .. }) = self.channels.get(&id) {
            far.end();
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Error> {
        if let Some(Open { far: Some(far), reads: true, .. }) = self.channels.get(&id) {
            far.push(data);
        }
        Ok(())
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        self.connection.flow.window()
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Error> {
        // Where the line is not edited here, the client's own terminal goes on doing that.
        let sends_keys = term != DUMB
            && term.len() <= MAX_TERM_BYTES
            && self.connection.context.config.get().color
            && self.login.may_edit();
        if let Some(open) = self.channels.get_mut(&id).filter(|_| term.len() <= MAX_TERM_BYTES) {
            let (kind, size) = (term.to_owned(), size(columns, rows));
            open.terminal = Some(Terminal { kind, size, sends_keys });
        }
        answer(session, id, sends_keys)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        columns: u32,
        rows: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        let Some(open) = self.channels.get_mut(&id) else { return Ok(()) };
        let size = size(columns, rows);
        if let Some(terminal) = &mut open.terminal {
            terminal.size = size;
        }
        if let Some(far) = &open.far {
            far.resize(size);
        }
        answer(session, id, open.terminal.is_some())
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Error> {
        let good = self.start(id, Purpose::Chat, None);
        answer(session, id, good)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Error> {
        let lines = String::from_utf8_lossy(data);
        if moves_files(&lines) {
            let write = self.channels.get_mut(&id).and_then(|open| open.write.take());
            answer(session, id, write.is_some())?;
            if let Some(write) = write {
                refuse_files(&self.connection, write);
            }
            return Ok(());
        }
        let good =
            data.len() <= MAX_COMMAND_BYTES && self.start(id, Purpose::of(&lines), Some(data));
        answer(session, id, good)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        answer(session, id, false)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        answer(session, id, false)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Error> {
        answer(session, id, false)
    }
}
