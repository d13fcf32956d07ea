//! Random commands of several users, against a model of names and lobbies that is compared after
//! each step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{Client, Server};

const USERS: usize = 4;
const NAMES: [&str; 5] = ["alice", "Alice", "bob", "CAROL", "rox"];
const LOBBIES: [&str; 4] = ["general", "den", "DEN", "attic"];
const PASSWORD: &str = "hunter2";

/// What a user does.
#[derive(Debug, Clone)]
enum Step {
    Connect { user: usize, name: usize },
    Leave { user: usize, quit: bool },
    Create { user: usize, lobby: usize, private: bool },
    Join { user: usize, lobby: usize, knows: bool },
    Say { user: usize },
    Users { user: usize },
    Lobbies { user: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS;
    prop_oneof![
        4 => (user.clone(), 0..NAMES.len()).prop_map(|(user, name)| Step::Connect { user, name }),
        1 => (user.clone(), any::<bool>()).prop_map(|(user, quit)| Step::Leave { user, quit }),
        2 => (user.clone(), 0..LOBBIES.len(), any::<bool>())
            .prop_map(|(user, lobby, private)| Step::Create { user, lobby, private }),
        4 => (user.clone(), 0..LOBBIES.len(), prop::bool::weighted(0.8))
            .prop_map(|(user, lobby, knows)| Step::Join { user, lobby, knows }),
        3 => user.clone().prop_map(|user| Step::Say { user }),
        2 => user.clone().prop_map(|user| Step::Users { user }),
        2 => user.prop_map(|user| Step::Lobbies { user }),
    ]
}

/// A user who is in.
struct Present {
    client: Client,
    name: &'static str,
    lobby: String,
}

/// A lobby, by its name in lower case.
struct Room {
    name: String,
    private: bool,
}

struct World {
    server: Server,
    users: Vec<Option<Present>>,
    rooms: BTreeMap<String, Room>,
    wrong: usize,
    said: usize,
}

impl World {
    fn new() -> Self {
        let general = Room { name: "general".into(), private: false };
        Self {
            server: Server::start(&[]),
            users: (0..USERS).map(|_| None).collect(),
            rooms: BTreeMap::from([("general".into(), general)]),
            wrong: 0,
            said: 0,
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case("rox")
            || self.users.iter().flatten().any(|u| u.name.eq_ignore_ascii_case(name))
    }

    /// Names in a lobby, in the order of `/users`.
    fn roster(&self, lobby: &str) -> Vec<&'static str> {
        let here = self.users.iter().flatten().filter(|u| u.lobby == lobby);
        let mut names: Vec<_> = here.map(|u| u.name).collect();
        names.sort_by_key(|n| n.to_lowercase());
        names
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Connect { user, name } => self.connect(user, NAMES[name]),
            Step::Leave { user, quit } => self.leave(user, quit),
            Step::Create { user, lobby, private } => self.create(user, LOBBIES[lobby], private),
            Step::Join { user, lobby, knows } => self.join(user, LOBBIES[lobby], knows),
            Step::Say { user } => self.say(user),
            Step::Users { user } => self.list_users(user),
            Step::Lobbies { user } => self.list_lobbies(user),
        }
    }

    fn connect(&mut self, user: usize, name: &'static str) {
        if self.users[user].is_some() {
            return;
        }
        let mut client = self.server.connect();
        client.expect("Enter your username: ");
        if self.is_taken(name) {
            client.ask(name, "Username already taken, try another.\nEnter your username: ");
            return;
        }
        client.ask(name, &format!("[LOBBY] {name} has joined the lobby\n> "));
        self.users[user] = Some(Present { client, name, lobby: "general".into() });
        self.notice("general", name, "has joined the lobby", user);
    }

    fn leave(&mut self, user: usize, quit: bool) {
        let Some(mut gone) = self.users[user].take() else { return };
        if quit {
            gone.client.ask("/quit", "Disconnecting from server. Goodbye!\n");
        } else {
            gone.client.close_sending();
        }
        gone.client.read_to_end();
        self.notice(&gone.lobby, gone.name, "has left the lobby", user);
    }

    fn create(&mut self, user: usize, lobby: &str, private: bool) {
        let exists = self.rooms.contains_key(&lobby.to_lowercase());
        let Some(present) = &mut self.users[user] else { return };
        let password = if private { PASSWORD } else { "no-pass" };
        let kind = if private { "private" } else { "public" };
        let want = match exists {
            true => "Lobby already exists\n> ".to_owned(),
            false => format!("Created {kind} lobby '{lobby}'."),
        };
        present.client.ask(&format!("/create {lobby} {password} x"), &want);
        if !exists {
            self.rooms.insert(lobby.to_lowercase(), Room { name: lobby.to_owned(), private });
        }
    }

    fn join(&mut self, user: usize, lobby: &str, knows: bool) {
        let key = lobby.to_lowercase();
        let room = self.rooms.get(&key);
        let Some(present) = &mut self.users[user] else { return };
        let line = format!("/join {lobby} {}", if knows { PASSWORD } else { "wrong" });
        let Some(room) = room else {
            present.client.ask(&line, "Lobby does not exist\n> ");
            return;
        };
        if present.lobby == key {
            present.client.ask(&line, &format!("You are already in '{}'\n> ", room.name));
        } else if room.private && self.wrong >= 5 {
            present.client.ask(&line, "Too many attempts. Wait ");
        } else if room.private && !knows {
            present.client.ask(&line, "Incorrect password for private lobby\n> ");
            self.wrong += 1;
        } else {
            present.client.ask(&line, &format!("Joined lobby '{}'\n", room.name));
            let name = present.name;
            present.client.expect(&format!("[LOBBY] {name} has joined the lobby\n> "));
            let old = std::mem::replace(&mut present.lobby, key.clone());
            self.notice(&old, name, "has left the lobby", user);
            self.notice(&key, name, "has joined the lobby", user);
        }
    }

    /// All in a lobby but the one that it is about are told.
    fn notice(&mut self, lobby: &str, name: &str, what: &str, about: usize) {
        for (user, present) in self.users.iter_mut().enumerate() {
            if let Some(present) = present.as_mut().filter(|p| user != about && p.lobby == lobby) {
                present.client.expect(&format!("[LOBBY] {name} {what}\n> "));
            }
        }
    }

    /// Those in the lobby see it, the others do not.
    fn say(&mut self, user: usize) {
        let Some(present) = &mut self.users[user] else { return };
        self.said += 1;
        let text = format!("words {}.", self.said);
        present.client.send(&text);
        let lobby = present.lobby.clone();
        for present in self.users.iter_mut().flatten().filter(|p| p.lobby == lobby) {
            present.client.expect(&format!("╰─> {text}\n> "));
        }
        for present in self.users.iter_mut().flatten().filter(|p| p.lobby != lobby) {
            let name = present.name;
            assert!(!present.client.sync(name).contains(&text), "shown in another lobby");
        }
    }

    fn list_users(&mut self, user: usize) {
        let Some(lobby) = self.users[user].as_ref().map(|p| p.lobby.clone()) else { return };
        let names = self.roster(&lobby);
        let heading = format!("=== Users in '{}' ({}) ===\n", self.rooms[&lobby].name, names.len());
        let present = self.users[user].as_mut().unwrap();
        present.client.ask("/users", &heading);
        let shown = present.client.expect("> ");
        let listed = shown.lines().map(|line| line.split(' ').nth(3).unwrap());
        assert!(listed.eq(names), "{shown}");
        let you = shown.lines().filter(|line| line.ends_with(" (you)"));
        assert!(
            you.eq(shown.lines().filter(|l| l.split(' ').nth(3) == Some(present.name))),
            "{shown}"
        );
    }

    fn list_lobbies(&mut self, user: usize) {
        if self.users[user].is_none() {
            return;
        }
        let counts: Vec<_> = self
            .rooms
            .iter()
            .map(|(key, room)| {
                (key.clone(), room.name.clone(), room.private, self.roster(key).len())
            })
            .collect();
        let general = counts.iter().filter(|(key, ..)| key == "general");
        let others = counts.iter().filter(|(key, ..)| key != "general");
        let want: Vec<String> = general
            .chain(others)
            .map(|(_, name, private, users)| {
                let privacy = if *private { "private" } else { "public" };
                format!("{name} {privacy} {users}")
            })
            .collect();
        // Whoever was alone in a lobby and left is taken off its count a moment later.
        let start = Instant::now();
        loop {
            let present = self.users[user].as_mut().unwrap();
            let header = format!("=== Available Lobbies ({}) ===\n", counts.len());
            present.client.ask("/lobbies", &header);
            let seen: Vec<String> = counts.iter().map(|_| listed(&mut present.client)).collect();
            if seen == want {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(2), "{seen:?} but {want:?}");
        }
    }
}

/// The next lobby of a list: name, privacy, users.
fn listed(client: &mut Client) -> String {
    client.expect("Lobby: ");
    let name = client.expect("\n");
    client.expect("Privacy: ");
    let privacy = client.expect(" | AI:");
    client.expect("Users: ");
    format!("{name} {privacy} {}", client.expect("\n"))
}

#[test]
fn the_server_does_what_the_model_says() {
    let mut runner = TestRunner::new(Config {
        cases: 32,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(), 30..60);
    let ran = runner.run(&steps, |steps| {
        let mut world = World::new();
        steps.iter().for_each(|step| world.run(step));
        Ok(())
    });
    ran.unwrap();
}
