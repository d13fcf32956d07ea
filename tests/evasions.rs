//! Every way out of a sanction that somebody could try, against every sanction.

use crate::harness::{Client, Server};
use crate::people::{PASSWORD, connect_from, guest_from, log_in_to, with_root};

/// What somebody under a sanction does to shed it.
#[derive(Clone, Copy)]
enum Step {
    /// Says this; `{}` is another name.
    Line(&'static str),
    /// Connects again, under the same name or another.
    Again { other_name: bool },
    /// Logs in to the account of the name from another address.
    LogInElsewhere,
}

use Step::{Again, Line, LogInElsewhere};

const REGISTER: Step = Line("/register correct-horse");
const UNREGISTER: Step = Line("/unregister correct-horse");
const NICK: Step = Line("/nick {}");
const SAME: Step = Again { other_name: false };
const OTHER: Step = Again { other_name: true };

const EVASIONS: [(&str, &[Step]); 13] = [
    ("nothing", &[]),
    ("out and in", &[Line("/join general")]),
    ("another name", &[NICK]),
    ("an account", &[REGISTER]),
    ("an account made elsewhere", &[Line("/join general"), REGISTER]),
    ("an account, given up", &[REGISTER, UNREGISTER]),
    ("an account, given up, another name", &[REGISTER, UNREGISTER, NICK]),
    ("an account, given up, another account", &[REGISTER, UNREGISTER, REGISTER]),
    ("another connection", &[SAME]),
    ("another connection and name", &[OTHER]),
    ("an account of another connection", &[OTHER, REGISTER]),
    ("the same, given up", &[OTHER, REGISTER, UNREGISTER]),
    ("an account, from another address", &[REGISTER, LogInElsewhere]),
];

/// Somebody under a sanction.
struct Troll<'a> {
    server: &'a Server,
    client: Client,
    name: String,
    other: String,
    address: String,
}

impl Troll<'_> {
    /// Whether it can be done at all.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Line(line) => {
                self.client.send(&line.replace("{}", &self.other));
                let renamed = format!("{} is now known as {}", self.name, self.other);
                let answers = ["cannot take another name", &renamed];
                if line == "/nick {}" && self.client.expect_one_of(&answers) == renamed {
                    self.name.clone_from(&self.other);
                }
                self.client.sync(&self.name);
                true
            }
            Again { other_name } => {
                if other_name {
                    self.name = format!("{}-2", self.other);
                }
                self.client = connect_from(self.server, &self.address);
                loop {
                    self.client.expect("Enter your username: ");
                    self.client.send(&self.name);
                    let joined = "has joined the lobby";
                    let answers = [joined, "Username already taken", "are banned"];
                    match self.client.expect_one_of(&answers) {
                        "are banned" => return false,
                        answer if answer == joined => return true,
                        // The one before is on its way out.
                        _ => {}
                    }
                }
            }
            LogInElsewhere => {
                self.client = connect_from(self.server, "127.0.2.1");
                self.client.expect("Enter your username: ");
                self.client.ask(&self.name, "Password: ");
                self.client.send(PASSWORD);
                true
            }
        }
    }
}

/// Has somebody try each way out after `sanction`, and nobody hear them.
#[track_caller]
fn none_is_heard(sanction: &str, steps: impl Fn(&[Step]) -> bool) {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/create den no-pass x", "Created");
    root.ask("/join den", "Joined lobby 'den'");
    if sanction == "/slow" {
        root.ask("/slow 3600", "turned slow mode on");
    }
    // Whoever is under none is heard, from another address.
    let mut innocent = guest_from(&server, "127.0.3.1", "innocent");
    innocent.ask("/join den", "Joined lobby 'den'");
    innocent.ask("heard?", "╰─> heard?\n");
    root.expect("╰─> heard?\n");
    let evasions = EVASIONS.iter().filter(|(_, way)| steps(way));
    for (n, (what, way)) in evasions.enumerate() {
        let letter = char::from(b'a' + n as u8);
        let (name, other) = (format!("troll-{letter}"), format!("other-{letter}"));
        let address = format!("127.0.1.{}", n + 1);
        let mut client = guest_from(&server, &address, &name);
        client.ask("/join den", "Joined lobby 'den'");
        if sanction == "/slow" {
            client.ask("the first", "╰─> the first\n");
        } else {
            root.ask(&format!("{sanction} {name}"), "for good");
            client.expect(if sanction == "/gban" { "Goodbye!" } else { "for good" });
        }
        let mut troll = Troll { server: &server, client, name, other, address };
        if way.iter().all(|step| troll.take(*step)) {
            for line in ["/join den", "heard?", "/me is heard", "/tag root heard?"] {
                troll.client.send(line);
            }
            troll.client.sync(&troll.name);
        }
        let shown = root.sync("root");
        assert!(!shown.contains("heard"), "{sanction}, {what}: {shown}");
        assert!(!(sanction == "/mute" && shown.contains("known as")), "{what}: {shown}");
    }
}

#[test]
fn no_way_out_sheds_a_mute() {
    none_is_heard("/mute", |_| true);
}

#[test]
fn no_way_out_sheds_a_ban() {
    none_is_heard("/ban", |_| true);
}

#[test]
fn no_way_out_sheds_slow_mode() {
    none_is_heard("/slow", |_| true);
}

#[test]
fn no_way_back_sheds_a_ban_from_the_server() {
    // The connection is over.
    none_is_heard("/gban", |way| matches!(way.first(), Some(Again { .. })));
}

#[test]
fn whoever_was_at_the_name_prompt_when_their_address_was_banned_does_not_get_in() {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut troll = guest_from(&server, "127.0.1.1", "troll");
    let mut second = connect_from(&server, "127.0.1.1");
    second.expect("Enter your username: ");
    root.ask("/gban troll", "You banned troll from the server for good\n");
    troll.read_to_end();
    second.ask("another", "Guests of your address are banned.\n");
}
