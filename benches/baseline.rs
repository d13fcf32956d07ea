//! Two servers that do nothing but the system calls, as a yardstick for what the kernel charges.
//!
//! `direct` writes every line at once to every client; `batch` gathers what is readable, then writes
//! once to each client. They speak as much of lobbyd as the generator needs: one lobby for each name
//! prefix before a dash, the prompt for a name, notices of joins, messages.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    name: Option<String>,
    room: usize,
    dirty: bool,
    dead: bool,
}

struct Server {
    peers: HashMap<usize, Peer>,
    rooms: Vec<Vec<usize>>,
    room_names: HashMap<String, usize>,
    batch: bool,
    dirty: Vec<usize>,
}

/// Serves until it is killed: `direct` or `batch`, then the address.
pub(crate) fn serve(args: &[String]) {
    let batch = args[0] == "batch";
    let mut listener = TcpListener::bind(args[1].parse().unwrap()).unwrap();
    let mut poll = Poll::new().unwrap();
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(4_096);
    let mut server = Server {
        peers: HashMap::new(),
        rooms: Vec::new(),
        room_names: HashMap::new(),
        batch,
        dirty: Vec::new(),
    };
    let (mut next, mut buf) = (0, vec![0; 65_536]);
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true).unwrap();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(next), interest).unwrap();
                    server.add(next, stream);
                    next += 1;
                }
                continue;
            }
            let id = event.token().0;
            if event.is_writable() {
                server.flush(id);
            }
            if event.is_readable() {
                server.read(id, &mut buf);
            }
        }
        for id in std::mem::take(&mut server.dirty) {
            server.flush(id);
        }
    }
}

impl Server {
    fn add(&mut self, id: usize, stream: TcpStream) {
        let peer = Peer {
            stream,
            input: Vec::new(),
            output: b"Enter your username: ".to_vec(),
            name: None,
            room: 0,
            dirty: false,
            dead: false,
        };
        self.peers.insert(id, peer);
        self.flush(id);
    }

    fn read(&mut self, id: usize, buf: &mut [u8]) {
        loop {
            let Some(peer) = self.peers.get_mut(&id) else { return };
            match peer.stream.read(buf) {
                Ok(0) => return self.remove(id),
                Ok(count) => peer.input.extend_from_slice(&buf[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.remove(id),
            }
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let input = std::mem::take(&mut peer.input);
        let mut rest = input.as_slice();
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.line(id, &rest[..end]);
            rest = &rest[end + 1..];
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.input = rest.to_vec();
        }
    }

    fn line(&mut self, id: usize, line: &[u8]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(name) = peer.name.clone() else {
            let name = String::from_utf8_lossy(line).into_owned();
            let room = name.split_once('-').map_or("", |(room, _)| room).to_owned();
            peer.name = Some(name.clone());
            let rooms = self.rooms.len();
            let room = *self.room_names.entry(room).or_insert(rooms);
            if room == rooms {
                self.rooms.push(Vec::new());
            }
            peer.room = room;
            self.rooms[room].push(id);
            let text = format!("\r\x1b[K\x1b[32m[LOBBY]\x1b[0m {name} has joined the lobby\n> ");
            return self.show(room, text.as_bytes());
        };
        if line == b"/quit" {
            return self.remove(id);
        }
        let mut text = format!(
            "\r\x1b[K\x1b[33m[@_@] {name}\x1b[0m \x1b[37m[just now]\x1b[0m\n  \x1b[36m╰─>\x1b[0m "
        )
        .into_bytes();
        text.extend_from_slice(line);
        text.extend_from_slice(b"\n> ");
        let room = peer.room;
        self.show(room, &text);
    }

    fn show(&mut self, room: usize, text: &[u8]) {
        for id in self.rooms[room].clone() {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.output.extend_from_slice(text);
            if self.batch {
                if !std::mem::replace(&mut peer.dirty, true) {
                    self.dirty.push(id);
                }
            } else {
                self.flush(id);
            }
        }
    }

    fn flush(&mut self, id: usize) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.dirty = false;
        while !peer.output.is_empty() && !peer.dead {
            match peer.stream.write(&peer.output) {
                Ok(count) => drop(peer.output.drain(..count)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(_) => peer.dead = true,
            }
        }
        // A peer that does not read is cut off at the same bound as lobbyd's.
        if peer.dead || peer.output.len() > 262_144 {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: usize) {
        let Some(peer) = self.peers.remove(&id) else { return };
        if let Some(name) = peer.name {
            self.rooms[peer.room].retain(|p| *p != id);
            let text = format!("\r\x1b[K\x1b[32m[LOBBY]\x1b[0m {name} has left the lobby\n> ");
            self.show(peer.room, text.as_bytes());
        }
    }
}
