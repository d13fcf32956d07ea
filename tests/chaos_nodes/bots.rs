//! People who talk all the time: they say numbered lines, go from lobby to lobby, leave and come back, want names that
//! others want too, and go to another node where theirs fails them. They keep what they were shown.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::chance::Chance;
use crate::checks::{Line, List, Millis, Session, Stay, whose, words};
use crate::harness::plain;
use crate::people::PASSWORD;
use crate::{NODES, RETURNS};

/// Where people are.
pub(crate) const LOBBIES: [&str; 3] = ["general", "den", "attic"];

/// Names that everybody wants now and then.
const WANTED: [&str; 4] = ["hot0", "hot1", "hot2", "hot3"];

/// So many lines of one are on their way at most.
pub(crate) const ON_THEIR_WAY: u64 = 6;

/// Whoever is not let in for so long goes to another node.
const NOT_LET_IN: Millis = 8_000;

/// A line of somebody on a node that is well has come back after this. Until a node that was said to be dead has its
/// people come in again ([`RETURNS`]), whoever it does not come back to has to do so by themselves.
const LOST: Millis = 6_000;

/// What somebody is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes this name or one that others want.
    Guest(String),
    /// Has an account.
    Account(String),
    /// Stays on this node in general, and looks who is there.
    Watcher(usize),
}

/// How far somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Connected.
    Greeted,
    /// Asked for a name.
    Named,
    /// Has given a password.
    Proved,
    In,
    /// Has said that they leave.
    Leaving,
}

/// Somebody's connection.
struct Connection {
    stream: TcpStream,
    node: usize,
    stage: Stage,
    /// Since when it is at this stage.
    since: Millis,
    /// The whole lines have been taken out.
    raw: Vec<u8>,
    /// Who says what is shown next.
    from: Option<String>,
    /// The place of the session among all, once a name was asked for.
    session: Option<usize>,
    stay: Stay,
    /// How many of the lines that were said have come back.
    echoed: u64,
    /// When one did, or was said where none was on its way.
    heard: Millis,
    /// The list that is being shown.
    list: Option<List>,
    asked_list: Millis,
    /// It was said why it ends.
    told_why: bool,
    /// What was sent and shown under the present name.
    trace: Vec<(Millis, String)>,
}

/// What became of all.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) sessions: Vec<Session>,
    pub(crate) stays: Vec<Stay>,
    pub(crate) lists: Vec<List>,
    /// What must not be, as it was found on the way.
    pub(crate) found: Vec<String>,
    /// How often people were told that the other servers cannot be reached.
    pub(crate) cut_off: usize,
    pub(crate) refused_names: usize,
    pub(crate) taken_over: usize,
}

/// One of them.
pub(crate) struct Bot {
    kind: Kind,
    home: usize,
    connection: Option<Connection>,
    /// When they do the next thing.
    next: Millis,
}

/// How the nodes are, for whoever wants to connect.
pub(crate) struct Nodes {
    /// Their ports, where they run.
    pub(crate) ports: [Option<u16>; NODES],
    /// Whether they are well, and have been for long enough.
    pub(crate) well: [bool; NODES],
    /// Whether one of their processes has ended, or stands still.
    pub(crate) down: [bool; NODES],
}

impl Bot {
    pub(crate) fn new(kind: Kind, home: usize, next: Millis) -> Self {
        Self { kind, home, connection: None, next }
    }

    pub(crate) fn is_in(&self) -> bool {
        self.connection.as_ref().is_some_and(|c| c.stage == Stage::In)
    }

    /// Whether all that they said has come back.
    pub(crate) fn is_answered(&self, seen: &Seen) -> bool {
        self.connection.as_ref().is_some_and(|c| {
            c.stage == Stage::In && c.session.is_some_and(|s| seen.sessions[s].said == c.echoed)
        })
    }

    /// How they are, for whoever looks for a fault.
    pub(crate) fn state(&self) -> String {
        let Some(c) = &self.connection else { return format!("{:?}: not connected", self.kind) };
        format!(
            "{:?}, session {} on node {}: {:?}, {} echoed: {:?}",
            self.kind,
            c.session.map_or(0, |s| s + 1),
            c.node,
            c.stage,
            c.echoed,
            &c.trace[c.trace.len().saturating_sub(12)..]
        )
    }

    /// Which lobby they are in, and as whom.
    pub(crate) fn place(&self, seen: &Seen) -> Option<(String, String)> {
        let c = self.connection.as_ref().filter(|c| c.stage == Stage::In)?;
        Some((c.stay.lobby.clone(), seen.sessions[c.session?].name.clone()))
    }

    /// Reads what has come, and does what it is time for.
    pub(crate) fn turn(
        &mut self,
        now: Millis,
        nodes: &Nodes,
        chance: &mut Chance,
        seen: &mut Seen,
        quiet: bool,
    ) {
        if self.connection.is_some() {
            self.read(now, nodes, chance, seen);
        }
        if self.connection.is_some() {
            self.give_up(now, nodes, seen);
        }
        if now < self.next {
            return;
        }
        match &self.connection {
            None => self.connect(now, nodes),
            Some(c) if c.stage == Stage::In && !quiet => self.act(now, chance, seen),
            Some(_) => {}
        }
    }

    fn connect(&mut self, now: Millis, nodes: &Nodes) {
        self.next = now + 250;
        let node = match &self.kind {
            Kind::Watcher(node) => *node,
            Kind::Guest(_) | Kind::Account(_) => self.home,
        };
        let stream =
            nodes.ports[node].and_then(|port| TcpStream::connect(("127.0.0.1", port)).ok());
        let Some(stream) = stream else {
            self.home = (self.home + 1) % NODES;
            return;
        };
        stream.set_nonblocking(true).unwrap();
        self.connection = Some(Connection {
            stream,
            node,
            stage: Stage::Greeted,
            since: now,
            raw: Vec::new(),
            from: None,
            session: None,
            stay: Stay::default(),
            echoed: 0,
            heard: now,
            list: None,
            asked_list: 0,
            told_why: false,
            trace: Vec::new(),
        });
    }

    /// Goes where it takes too long.
    fn give_up(&mut self, now: Millis, nodes: &Nodes, seen: &mut Seen) {
        let Some(c) = &self.connection else { return };
        let waits = match c.stage {
            Stage::In => false,
            Stage::Leaving => now > c.since + 2_000,
            Stage::Greeted | Stage::Named | Stage::Proved => now > c.since + NOT_LET_IN,
        };
        let said = c.session.map_or(0, |s| seen.sessions[s].said);
        let unheard = c.stage == Stage::In && said > c.echoed && now > c.heard + LOST;
        let lost = unheard && nodes.well[c.node];
        if lost && RETURNS {
            seen.found.push(format!("what was said does not come back to {}", self.state()));
        }
        if waits || lost {
            self.close(now, seen);
            self.home = (self.home + 1) % NODES;
        }
    }

    /// The connection is over.
    fn close(&mut self, now: Millis, seen: &mut Seen) {
        let Some(mut c) = self.connection.take() else { return };
        self.next = self.next.max(now + 100);
        if let Some(session) = c.session.map(|s| &mut seen.sessions[s]) {
            session.over.get_or_insert(now);
            session.trace = std::mem::take(&mut c.trace);
        }
        if c.stay.session != 0 {
            seen.stays.push(c.stay);
        }
    }

    /// At the end: what they were shown to the last.
    pub(crate) fn leave_off(&mut self, seen: &mut Seen) {
        let Some(mut c) = self.connection.take() else { return };
        if let Some(session) = c.session {
            seen.sessions[session].trace = std::mem::take(&mut c.trace);
        }
        if c.stay.session != 0 {
            seen.stays.push(Stay { lasts: c.stage == Stage::In, ..c.stay });
        }
    }

    fn act(&mut self, now: Millis, chance: &mut Chance, seen: &mut Seen) {
        self.next = now + chance.of(150, 650);
        let is_watcher = matches!(self.kind, Kind::Watcher(_));
        let Some(c) = &mut self.connection else { return };
        let said = c.session.map_or(0, |s| seen.sessions[s].said);
        if is_watcher && c.list.is_none() {
            c.asked_list = now;
            c.send("/users\n");
        }
        match chance.of(0, 100) {
            0..4 if !is_watcher => {
                let others: Vec<_> = LOBBIES.iter().filter(|l| **l != c.stay.lobby).collect();
                let lobby = **chance.one_of(&others);
                c.send(&format!("/join {lobby}\n"));
            }
            4..6 if !is_watcher => {
                c.send("/quit\n");
                c.leaves(now);
                if let Some(session) = c.session {
                    seen.sessions[session].over = Some(now);
                }
            }
            6..8 if !is_watcher => {
                let _ =
                    socket2::SockRef::from(&c.stream).set_linger(Some(std::time::Duration::ZERO));
                self.next = now + chance.of(100, 3_000);
                self.close(now, seen);
            }
            _ if said - c.echoed < ON_THEIR_WAY => self.speak(now, seen),
            _ => {}
        }
    }

    /// Says the next line.
    pub(crate) fn speak(&mut self, now: Millis, seen: &mut Seen) {
        let Some(c) = self.connection.as_mut().filter(|c| c.stage == Stage::In) else { return };
        let Some(session) = c.session.map(|s| &mut seen.sessions[s]) else { return };
        if session.said == c.echoed {
            c.heard = now;
        }
        c.send(&format!("{}\n", words(session.number, session.said)));
        session.said += 1;
    }

    fn read(&mut self, now: Millis, nodes: &Nodes, chance: &mut Chance, seen: &mut Seen) {
        let mut buf = [0; 65_536];
        let mut is_over = false;
        let Some(c) = &mut self.connection else { return };
        loop {
            match c.stream.read(&mut buf) {
                Ok(0) => is_over = true,
                Ok(count) => {
                    c.raw.extend_from_slice(&buf[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => is_over = true,
            }
            break;
        }
        while let Some(end) = self.connection.as_ref().and_then(Connection::whole_line) {
            let Some(c) = &mut self.connection else { return };
            let line = plain(&c.raw[..end]);
            c.raw.drain(..=end);
            self.line(&line, now, seen);
        }
        self.prompt(now, chance, seen);
        if is_over {
            let Some(c) = &self.connection else { return };
            let explained = c.told_why || c.stage == Stage::Leaving || c.stage == Stage::Greeted;
            if !explained && !nodes.down[c.node] {
                seen.found.push(format!("a living node closed the connection of {}", self.state()));
            }
            self.close(now, seen);
            self.home = (self.home + 1) % NODES;
        }
    }

    /// Answers where something is asked for.
    fn prompt(&mut self, now: Millis, chance: &mut Chance, seen: &mut Seen) {
        let Some(c) = &mut self.connection else { return };
        match &c.raw[..] {
            b"Enter your username: " => {
                if c.stage == Stage::Named {
                    seen.refused_names += 1;
                    if now < c.since + 300 {
                        return;
                    }
                }
                c.lose_name(now, seen);
                let name = match &self.kind {
                    Kind::Guest(_) if chance.percent(30) => (*chance.one_of(&WANTED)).to_owned(),
                    Kind::Guest(name) | Kind::Account(name) => name.clone(),
                    Kind::Watcher(node) => format!("watcher{node}"),
                };
                let number = seen.sessions.len() as u64 + 1;
                c.session = Some(seen.sessions.len());
                c.echoed = 0;
                c.stay = Stay { session: number, ..Stay::default() };
                c.send(&format!("{name}\n"));
                let node = c.node;
                let account = matches!(self.kind, Kind::Account(_));
                let session =
                    Session { number, name, account, node, asked: now, ..Session::default() };
                seen.sessions.push(session);
                (c.stage, c.since) = (Stage::Named, now);
            }
            b"Password: " if matches!(self.kind, Kind::Account(_)) => {
                c.send(&format!("{PASSWORD}\n"));
                (c.stage, c.since) = (Stage::Proved, now);
            }
            _ => return,
        }
        c.raw.clear();
    }

    fn line(&mut self, line: &str, now: Millis, seen: &mut Seen) {
        let Some(c) = &mut self.connection else { return };
        let line = line.strip_prefix("> ").unwrap_or(line);
        if !line.is_empty() {
            c.trace.push((now, line.to_owned()));
        }
        if let Some(text) = line.strip_prefix("  ╰─> ") {
            return c.shown(text, now, seen);
        }
        if let Some(rest) = line.strip_prefix('[') {
            return c.bracketed(rest, now, seen);
        }
        if let Some(rest) = line.strip_prefix("  [") {
            let name = rest.split_once("] ").and_then(|(_, name)| name.split(' ').next());
            if let (Some(list), Some(name)) = (&mut c.list, name) {
                list.names.push(name.to_owned());
            }
            return;
        }
        if !line.is_empty() {
            seen.lists.extend(c.list.take());
        }
        if let Some(lobby) = line.strip_prefix("Joined lobby '") {
            let lobby = lobby.trim_end_matches('\'').to_owned();
            let next = Stay { session: c.stay.session, lobby, ..Stay::default() };
            seen.stays.push(std::mem::replace(&mut c.stay, next));
        } else if line.starts_with("You are ") && line.ends_with("/quit") {
            let lobby = line.split('\'').nth(1).unwrap_or_default();
            if c.stage == Stage::Leaving {
                c.stay.lobby = lobby.to_owned();
            } else if c.stage != Stage::In {
                c.stay.lobby = lobby.to_owned();
                (c.stage, c.since, c.heard) = (Stage::In, now, now);
                let session = c.session.map(|s| &mut seen.sessions[s]);
                session.into_iter().for_each(|session| session.told_in = Some(now));
            } else if c.stay.lobby != lobby {
                seen.found.push(format!("in {lobby} without having gone there: {}", self.state()));
            }
        } else if line.starts_with("=== Users in 'general'") {
            let (node, at) = (c.node, c.asked_list);
            c.list = Some(List { node, at, names: Vec::new() });
        } else if line.contains("Logged in from elsewhere.") {
            seen.taken_over += 1;
            c.told_why = true;
            c.lose_name(now, seen);
            self.next = now + 3_000;
        } else if line.starts_with("Your name was taken") {
            c.lose_name(now, seen);
            (c.stage, c.since) = (Stage::Greeted, now);
        } else if line.starts_with("Not sent: ") {
            let session = c.session.map(|s| &mut seen.sessions[s]);
            session.into_iter().for_each(|session| session.has_unsent = true);
        }
    }
}

impl Connection {
    fn whole_line(&self) -> Option<usize> {
        self.raw.iter().position(|byte| *byte == b'\n')
    }

    fn send(&mut self, text: &str) {
        self.trace.push((crate::world::now(), format!("« {}", text.trim_end())));
        // Whoever does not take some hundred bytes has ended, which is seen when it is read from.
        let _ = self.stream.write_all(text.as_bytes());
    }

    fn leaves(&mut self, now: Millis) {
        (self.stage, self.since) = (Stage::Leaving, now);
    }

    /// They have no name any more.
    fn lose_name(&mut self, now: Millis, seen: &mut Seen) {
        let Some(session) = self.session.take() else { return };
        seen.sessions[session].over.get_or_insert(now);
        seen.sessions[session].trace = std::mem::take(&mut self.trace);
        let stay = std::mem::take(&mut self.stay);
        seen.stays.push(stay);
    }

    /// A message was shown.
    fn shown(&mut self, text: &str, now: Millis, seen: &mut Seen) {
        let Some(from) = self.from.take() else {
            return seen.found.push(format!("{text:?} was shown without its sender"));
        };
        if let (Some(session), Some((of, number))) = (self.session, whose(text))
            && seen.sessions[session].number == of
        {
            self.heard = now;
            self.echoed = self.echoed.max(number + 1);
        }
        self.stay.lines.push(Line { from, text: text.to_owned() });
    }

    /// A sender, or a notice.
    fn bracketed(&mut self, rest: &str, _now: Millis, seen: &mut Seen) {
        seen.lists.extend(self.list.take());
        if rest.starts_with("LOBBY] The other servers cannot be reached.") {
            seen.cut_off += 1;
        } else if let Some((_, head)) = rest.split_once("] ")
            && let Some((name, _)) = head.rsplit_once(" [")
            && !rest.starts_with("LOBBY]")
        {
            self.from = Some(name.to_owned());
        }
    }
}
