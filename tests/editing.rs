//! The editor that the server gives to terminals: what telnet says for it, over a real socket, and what a
//! terminal shows.

use std::time::{Duration, Instant};

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line as Row};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config, Term, TermMode};
use alacritty_terminal::vte::ansi::{Processor, StdSyncHandler};

use crate::bots::add_bot;
use crate::harness::{Client, PATIENCE, Server, without_telnet};
use crate::login::sent;
use crate::people::{PASSWORD, quit, registered};

const IAC: u8 = 255;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const ECHO: u8 = 1;
const SGA: u8 = 3;
const TTYPE: u8 = 24;
const NAWS: u8 = 31;

/// SB TTYPE SEND.
const SEND_TYPE: [u8; 6] = [IAC, 250, TTYPE, 1, IAC, 240];

/// What asks for keys: WILL ECHO, WILL SGA, WILL BINARY, DO BINARY.
const KEYS: [u8; 12] = [IAC, WILL, ECHO, IAC, WILL, SGA, IAC, WILL, 0, IAC, DO, 0];

const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l";

/// Asks where the cursor is.
const ASK_SIZE: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

fn is(name: &str) -> Vec<u8> {
    [&[IAC, 250, TTYPE, 0], name.as_bytes(), &[IAC, 240]].concat()
}

fn size(columns: u16, rows: u16) -> Vec<u8> {
    let ([c1, c2], [r1, r2]) = (columns.to_be_bytes(), rows.to_be_bytes());
    vec![IAC, 250, NAWS, c1, c2, r1, r2, IAC, 240]
}

/// Waits until bytes have come `count` times.
#[track_caller]
fn wait_for(client: &mut Client, bytes: &[u8], count: usize) {
    let start = Instant::now();
    while sent(client, bytes) < count {
        let is_late = start.elapsed() > PATIENCE || client.is_closed();
        assert!(!is_late, "{bytes:?} does not come: {}", String::from_utf8_lossy(client.raw()));
        client.read_some();
    }
}

/// A client whose line is edited, and its terminal.
struct Typist {
    client: Client,
    columns: usize,
    rows: usize,
}

impl Typist {
    /// Says by telnet that it is such a terminal, and agrees to all.
    fn connect(server: &Server, kind: &str, columns: u16, rows: u16) -> Self {
        let mut client = server.connect();
        client.expect("Enter your username: ");
        client.send_raw(&[IAC, WILL, TTYPE, IAC, WILL, NAWS]);
        client.send_raw(&size(columns, rows));
        wait_for(&mut client, &SEND_TYPE, 1);
        client.send_raw(&is(kind));
        wait_for(&mut client, &KEYS, 1);
        client.send_raw(&[IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, 0, IAC, WILL, 0]);
        wait_for(&mut client, PASTE_ON, 1);
        Self { client, columns: columns.into(), rows: rows.into() }
    }

    fn login(server: &Server, name: &str) -> Self {
        let mut typist = Self::connect(server, "XTERM-256COLOR", 80, 24);
        typist.keys(name);
        typist.keys("\r");
        typist.wait(|shown| shown.row(-1) == ">" && shown.text().contains(" /quit\n"));
        typist
    }

    fn keys(&mut self, keys: &str) {
        self.client.send_raw(keys.as_bytes());
    }

    /// What the terminal shows now.
    fn shown(&self) -> Shown {
        let config = Config { scrolling_history: 10_000, ..Config::default() };
        let size = TermSize::new(self.columns, self.rows);
        let mut term = Term::new(config, &size, VoidListener);
        let bytes = without_telnet(self.client.raw());
        Processor::<StdSyncHandler>::new().advance(&mut term, &bytes);
        let first = -i32::try_from(term.grid().history_size()).unwrap();
        let last = i32::try_from(self.rows).unwrap();
        let text = |row: i32| {
            let mut text = String::new();
            let row = &term.grid()[Row(row)];
            for cell in (0..self.columns).map(|column| &row[Column(column)]) {
                if !cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER)
                {
                    text.push(cell.c);
                    text.extend(cell.zerowidth().into_iter().flatten());
                }
            }
            text.trim_end().to_owned()
        };
        let cursor = term.grid().cursor.point;
        let at = usize::try_from(cursor.line.0 - first).unwrap();
        let mut rows: Vec<String> = (first..last).map(text).collect();
        let used = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |row| row + 1);
        rows.truncate(used.max(at + 1));
        let wraps = term.mode().contains(TermMode::LINE_WRAP);
        let pastes = term.mode().contains(TermMode::BRACKETED_PASTE);
        Shown { rows, cursor: (at, cursor.column.0), wraps, pastes }
    }

    /// Waits until the terminal shows this.
    #[track_caller]
    fn wait(&mut self, holds: impl Fn(&Shown) -> bool) -> Shown {
        let start = Instant::now();
        loop {
            let shown = self.shown();
            if holds(&shown) {
                return shown;
            }
            assert!(start.elapsed() < PATIENCE, "not so: {shown:#?}");
            self.client.read_some();
        }
    }

    /// Waits until its last row is this.
    #[track_caller]
    fn wait_for(&mut self, row: &str) -> Shown {
        self.wait(|shown| shown.row(-1) == row)
    }

    /// Waits until a row begins like this.
    #[track_caller]
    fn wait_for_row(&mut self, begins: &str) -> Shown {
        self.wait(|shown| shown.rows.iter().any(|row| row.starts_with(begins)))
    }
}

#[derive(Debug)]
struct Shown {
    /// Those in the scrollback too.
    rows: Vec<String>,
    /// Its row among these, and its column.
    cursor: (usize, usize),
    wraps: bool,
    pastes: bool,
}

impl Shown {
    /// A row, from the last on where the number is below 0.
    fn row(&self, number: i32) -> &str {
        let count = i32::try_from(self.rows.len()).unwrap();
        let at = if number < 0 { count + number } else { number };
        self.rows.get(usize::try_from(at).unwrap()).map_or("", String::as_str)
    }

    fn text(&self) -> String {
        self.rows.join("\n")
    }

    fn count(&self, row: &str) -> usize {
        self.rows.iter().filter(|other| *other == row).count()
    }
}

/// A telnet client that is asked for a name, and has told these as the names of its terminal, one each time that it was
/// asked.
fn called(server: &Server, names: &[&str]) -> Client {
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.send_raw(&[IAC, WILL, TTYPE]);
    for (count, name) in (1..).zip(names) {
        wait_for(&mut client, &SEND_TYPE, count);
        client.send_raw(&is(name));
    }
    client
}

#[test]
fn a_terminal_is_asked_for_keys_once_it_has_said_what_it_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    assert!(client.raw().starts_with(&[IAC, DO, TTYPE, IAC, DO, NAWS, b'\r', 0x1b, b'[', b'K']));
    assert_eq!(sent(&client, &SEND_TYPE), 0, "nothing is sent before it agrees");
    client.send_raw(&[IAC, WILL, TTYPE]);
    wait_for(&mut client, &SEND_TYPE, 1);
    client.send_raw(&is("LINUX"));
    wait_for(&mut client, &KEYS, 1);
    assert_eq!(sent(&client, PASTE_ON), 0, "and edited before it sends keys");
    // What was typed meanwhile was a line that had not ended.
    client.send_raw(b"ali");
    client.send_raw(&[IAC, DO, ECHO]);
    wait_for(&mut client, PASTE_ON, 1);
    client.send_raw(b"ce\r");
    client.expect("[LOBBY] alice has joined the lobby\n");
    // It is asked for three names in all, and may tell the same each time.
    client.send_raw(&is("LINUX"));
    client.send_raw(&is("LINUX"));
    client.send_raw(&is("LINUX"));
    client.send_raw(b"hello\r");
    client.expect("╰─> hello\n");
    assert_eq!((sent(&client, &SEND_TYPE), sent(&client, &KEYS)), (3, 1));
}

#[test]
fn clients_that_edit_lines_themselves_are_never_asked_for_keys() {
    let server = Server::start(&[]);
    for names in [["MUDLET", "XTERM", "MTTS 13"], ["TINTIN++", "VT100", "MTTS 9"], ["x", "y", "z"]]
    {
        let mut client = called(&server, &names);
        client.ask("alice", "[LOBBY] alice has joined the lobby\n");
        client.ask("/mode", "Mode: line, since your client edits its lines itself.\n> ");
        assert_eq!(sent(&client, &[IAC, WILL, ECHO]), 0, "{names:?}");
        quit(client);
    }
}

#[test]
fn a_terminal_that_turns_out_to_be_read_aloud_gets_its_line_back() {
    const AGREES: [u8; 12] = [IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, 0, IAC, WILL, 0];
    let server = Server::start(&[]);
    // By its first name it is a terminal. Whether it agrees before the third says more, or after that.
    for edited in [true, false] {
        let mut client = called(&server, &["XTERM"]);
        wait_for(&mut client, &KEYS, 1);
        if edited {
            client.send_raw(&AGREES);
            wait_for(&mut client, PASTE_ON, 1);
        }
        for (count, name) in [(2, "XTERM"), (3, "MTTS 73")] {
            wait_for(&mut client, &SEND_TYPE, count);
            client.send_raw(&is(name));
        }
        if !edited {
            client.send_raw(&AGREES);
        }
        // Its own line shows again, and nothing of ours is left.
        wait_for(&mut client, &[IAC, WONT, ECHO], 1);
        wait_for(&mut client, &[IAC, WONT, SGA], 1);
        client.send_raw(&[IAC, DONT, ECHO, IAC, DONT, SGA, IAC, DONT, 0, IAC, WONT, 0]);
        client.ask("alice", "[LOBBY] alice has joined the lobby\n");
        client.expect(" /quit\n> ");
        let from = client.raw().len();
        client.ask("/mode", "Mode: plain, since your client reads aloud what it is sent.\n> ");
        client.ask("hello", "alice says: hello\n> ");
        assert!(!client.raw()[from..].contains(&0x1b), "{:?}", client.text());
        let turned = [PASTE_ON, PASTE_OFF, &KEYS].map(|bytes| sent(&client, bytes));
        assert_eq!(turned, [usize::from(edited), usize::from(edited), 1], "{edited}");
        quit(client);
    }
}

#[test]
fn a_bot_has_no_editor_whatever_terminal_it_came_by() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    for form in ["", " json"] {
        let mut bot = Typist::connect(&server, "xterm", 80, 24).client;
        let before = bot.raw().len();
        bot.send_raw(format!("bot ci {token}{form}\r").as_bytes());
        wait_for(&mut bot, PASTE_OFF, 1);
        wait_for(&mut bot, &[IAC, WONT, ECHO], 1);
        bot.send_raw(&[IAC, DONT, ECHO, IAC, DONT, SGA, IAC, DONT, 0, IAC, WONT, 0]);
        match form {
            "" => bot.send_raw(b"by a terminal\r\n"),
            _ => bot.send_raw(b"{\"say\":\"by a terminal\"}\r\n"),
        }
        alice.expect("ci [bot] [just now]\n  ╰─> by a terminal\n");
        alice.send("hello, program");
        bot.expect("hello, program");
        let said = String::from_utf8_lossy(&without_telnet(&bot.raw()[before..])).into_owned();
        // Behind what ends the editor it is shown text, or lines that are objects.
        let (_, shown) = said.split_once("\x1b[?2004l").unwrap();
        let (_, shown) = shown.split_once('\n').unwrap();
        assert!(!shown.contains('\x1b'), "{shown:?}");
        if form == " json" {
            let mut lines = shown.lines();
            assert!(lines.all(|line| line.starts_with('{')), "{shown:?}");
        }
        quit(bot);
    }
}

#[test]
fn one_that_refuses_keys_is_written_to_by_lines() {
    let server = Server::start(&[]);
    for refused in [[IAC, DONT, ECHO], [IAC, DONT, SGA]] {
        let mut client = called(&server, &["XTERM"]);
        wait_for(&mut client, &KEYS, 1);
        client.send_raw(&refused);
        client.ask("alice", "[LOBBY] alice has joined the lobby\n");
        client.ask("/mode", "Mode: line, since your client does not send keys.\n> ");
        assert_eq!(sent(&client, &KEYS), 1, "nor is it asked again");
        quit(client);
    }
}

#[test]
fn a_draft_is_never_torn_and_ones_own_line_is_the_message() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("half a dr");
    alice.wait_for("> half a dr");
    bob.ask("in between", "╰─> in between\n");
    let shown = alice.wait_for_row("  ╰─> in between");
    assert_eq!((shown.row(-1), shown.row(-2)), ("> half a dr", "  ╰─> in between"));
    assert_eq!(shown.cursor.1, "> half a dr".len());
    // From the start of the line and back to its end, with the keys of a terminal.
    alice.keys("aft\x1b[H");
    alice.keys("my \x1b[1;5C\x1b[F!");
    alice.wait_for("> my half a draft!");
    alice.keys("\r");
    let shown = alice.wait_for_row("  ╰─> my half a draft!");
    bob.expect("╰─> my half a draft!\n");
    let shown = alice.wait(|now| now.row(-1) == ">" && now.rows.len() >= shown.rows.len());
    assert_eq!(shown.text().matches("half a draft").count(), 1, "{shown:#?}");
    assert!(shown.wraps && shown.pastes, "{shown:#?}");
}

#[test]
fn a_long_wide_draft_stands_below_messages_in_rows_of_its_own() {
    let server = Server::start(&[]);
    let mut alice = Typist::connect(&server, "xterm", 40, 24);
    alice.keys("alice\r");
    alice.wait_for(">");
    let mut bob = server.login("bob");
    let draft = "grüße 世界 👩‍👩‍👧 ".repeat(10);
    alice.keys(&draft);
    let drawn = |shown: &Shown, from: &str| {
        let at = shown.rows.iter().rposition(|row| row.starts_with(from)).unwrap();
        shown.rows[at..].concat().replace(' ', "")
    };
    let want = format!("> {draft}").replace(' ', "");
    alice.wait(|shown| {
        shown.rows.iter().any(|row| row.starts_with("> g")) && drawn(shown, "> ") == want
    });
    for number in 0..20 {
        bob.ask(&format!("message {number}"), &format!("╰─> message {number}\n"));
    }
    let shown = alice.wait_for_row("  ╰─> message 19");
    assert_eq!(drawn(&shown, "> "), want, "{shown:#?}");
    for number in 0..20 {
        assert_eq!(shown.count(&format!("  ╰─> message {number}")), 1, "{shown:#?}");
    }
    assert_eq!(shown.text().matches('世').count(), 10, "{shown:#?}");
}

#[test]
fn a_window_of_another_size_loses_nothing() {
    let server = Server::start(&[("CHAT_WIDTH", "80")]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("a draft");
    alice.wait_for("> a draft");
    alice.client.send_raw(&size(100, 24));
    alice.columns = 100;
    let said = ["word"; 22].join(" ");
    bob.ask(&said, "word\n");
    // In one row, as the window now has room for.
    let shown = alice.wait_for_row(&format!("  ╰─> {}", &said[..said.len() - 20]));
    assert_eq!(shown.row(-1), "> a draft", "{shown:#?}");
}

#[test]
fn passwords_are_not_shown_and_echo_stays_with_the_server() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    alice.keys("/register");
    alice.wait_for("> /register");
    alice.keys(" correct-horse");
    alice.wait_for("> /register *************");
    alice.keys("\x03/register\r");
    alice.wait_for("New password:");
    // A command would be the password.
    alice.keys("\x03");
    alice.wait_for_row("Press Enter to change nothing, or Ctrl-D to leave.");
    alice.wait_for("New password:");
    alice.keys(PASSWORD);
    alice.keys("\r");
    alice.wait_for("Again:");
    alice.keys(PASSWORD);
    alice.keys("\r");
    alice.wait_for_row("'alice' is yours now.");
    alice.wait_for(">");
    // Nothing of it can be had again.
    alice.keys("\x1b[A");
    alice.wait_for("> /register");
    alice.keys("\x15/quit\r");
    alice.client.expect("Goodbye!");
    let all = String::from_utf8_lossy(alice.client.raw()).into_owned();
    assert!(!all.contains(PASSWORD), "{all}");
    let mut again = Typist::connect(&server, "XTERM", 80, 24);
    again.keys("alice\r");
    again.wait_for("Password:");
    again.keys("\x03");
    again.wait_for_row("Press Ctrl-D to leave.");
    again.wait_for("Password:");
    again.keys("wrong\r");
    again.wait_for_row("Wrong password.");
    again.wait_for("Password:");
    again.keys(PASSWORD);
    again.keys("\r");
    again.wait_for(">");
    assert_eq!(sent(&again.client, &[IAC, WONT, ECHO]), 0);
    assert!(!String::from_utf8_lossy(again.client.raw()).contains(PASSWORD));
}

#[test]
fn ctrl_c_drops_the_draft_and_ctrl_d_leaves() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    alice.keys("not this");
    alice.wait_for("> not this");
    alice.keys("\x03");
    alice.wait_for(">");
    alice.keys("\x19");
    alice.wait_for("> not this");
    alice.keys("\x03\x03");
    alice.wait_for_row("Press Ctrl-D or type /quit to leave.");
    alice.keys("x\x04\x7f");
    alice.wait_for(">");
    alice.keys("\x04");
    alice.client.expect("Disconnecting from server. Goodbye!\n");
    alice.client.read_to_end();
    assert!(!alice.shown().pastes);
}

#[test]
fn what_is_typed_while_something_is_under_way_shows_at_once_and_is_taken_after_it() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    alice.keys("/create den hunter2 hidden\r");
    alice.wait_for_row("Password: hunter2");
    // To look at a password takes its time.
    alice.keys("/join den wrong\rtyped");
    wait_for(&mut alice.client, b"typed", 1);
    alice.keys(" ahead\r/whois alice\rmore");
    alice.wait_for("> more");
    alice.wait_for_row("  ╰─> typed ahead");
    alice.wait_for_row("  Status: guest");
    let all = String::from_utf8_lossy(alice.client.raw()).into_owned();
    let place = |what: &str| all.find(what).unwrap_or_else(|| panic!("{what} in {all:?}"));
    let order = [place("typed"), place("Incorrect password"), place("Status: guest")];
    assert!(order.is_sorted(), "{order:?} in {all:?}");
}

#[test]
fn ones_own_messages_are_always_shown_where_they_are_edited() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    alice.keys("/echo off\rhello\r");
    alice.wait_for_row("  ╰─> hello");
}

#[test]
fn the_end_of_a_connection_leaves_the_terminal_as_it_was() {
    let server = Server::start(&[("CHAT_ADMINS", "root")]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = Typist::connect(&server, "XTERM", 80, 24);
    alice.keys("half a draft");
    alice.wait_for("> half a draft");
    assert_eq!((sent(&alice.client, PASTE_ON), sent(&alice.client, PASTE_OFF)), (1, 0));
    server.signal("TERM");
    for typist in [&mut alice, &mut bob] {
        typist.client.read_to_end();
        let shown = typist.shown();
        assert!(!shown.pastes && shown.wraps, "{shown:#?}");
        assert_eq!(shown.row(-2), "Server is shutting down. Goodbye!", "{shown:#?}");
    }
}

#[test]
fn a_client_that_is_cut_off_has_its_terminal_back() {
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "20000")]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("half a draft");
    alice.wait_for("> half a draft");
    let text = "x".repeat(900);
    for number in 0..20_000 {
        let (start, before) = (Instant::now(), bob.raw().len());
        bob.send(&format!("m{number} {text}"));
        // Whether it is there is all that is looked at: some megabytes are read as text in about as long as the last
        // words have to go out.
        while bob.raw().len() < before + text.len() {
            assert!(start.elapsed() < PATIENCE && !bob.is_closed(), "m{number} does not come");
            bob.read_some();
        }
        if server.log().contains("cut off") {
            break;
        }
    }
    server.wait_for_log("cut off");
    alice.client.read_to_end();
    let shown = alice.shown();
    assert!(!shown.pastes && shown.wraps);
    assert!(shown.text().contains("You read too slowly and were disconnected."));
}

#[test]
fn tab_completes_commands_users_lobbies_and_names() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    let mut carol = server.login("carol");
    let mut carlos = server.login("carlos");
    let far = server.login("dora");
    carol.ask("/create coding about-code", "Created public lobby 'coding'.");
    carlos.ask("hello", "╰─> hello\n");
    alice.keys("/hel\t");
    alice.wait_for("> /help");
    alice.keys("\x15/msg do\t");
    alice.wait_for("> /msg dora");
    alice.keys("hi");
    alice.wait_for("> /msg dora hi");
    alice.keys("\x15/join cod\t");
    alice.wait_for("> /join coding");
    alice.keys("\x15/time o\t");
    alice.keys("n\t");
    alice.wait_for("> /time on");
    // What one may not use is not offered.
    alice.keys("\x15/announ\tx");
    alice.wait_for("> /announx");
    alice.keys("\x15car\t");
    alice.keys("\t");
    let shown = alice.wait_for_row("  carlos  carol");
    assert_eq!(shown.row(-1), "> car", "who spoke last stands first: {shown:#?}");
    alice.keys("ol\thello");
    alice.wait_for("> carol: hello");
    alice.keys("\x15thanks @CARL\t!");
    alice.wait_for("> thanks @carlos !");
    drop(far);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_can_be_mended() {
    let server = Server::start(&[("CHAT_MAX_MESSAGE_CHARS", "20")]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("this is more than may be said\r");
    let shown = alice.wait_for_row("Message too long (max 20 chars)");
    assert_eq!(shown.row(-1), "> this is more than may be said");
    alice.keys("\x17\x17\x17\x7f\r");
    bob.expect("╰─> this is more than\n");
    // Over what any line may have, it stays as far as it fits.
    alice.keys(&"x".repeat(9_000));
    alice.keys("\r");
    alice.wait(|shown| shown.count("Message too long (max 20 chars)") == 2);
    alice.keys("\x15short\r");
    bob.expect("╰─> short\n");
}

#[test]
fn a_paste_is_one_message_with_its_rows_and_no_command_in_it() {
    let server = Server::start(&[]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("\x1b[200~fn main() {\r    quit\r/quit\t}\n\x1b[201~");
    alice.wait_for("> fn main() {⏎    quit⏎/quit }⏎");
    alice.keys("\r");
    bob.expect("╰─> fn main() {\n          quit\n      /quit }\n> ");
    alice.keys("\x1b[200~\x1b[1;31merror\x1b[0m: \u{9b}31mno\u{9b}m\x1b[201~");
    alice.wait_for("> error: no");
    alice.keys("\r");
    bob.expect("╰─> error: no\n> ");
    alice.keys("\x1b[200~/me waves\r\x1b[201~\r");
    bob.expect("* alice waves\n");
    alice.keys("\x1b[200~");
    alice.keys(&(0..21).map(|row| format!("row {row}\r")).collect::<String>());
    alice.keys("\x1b[201~\r");
    alice.wait_for_row("Message too long (max 1000 chars)");
}

#[test]
fn a_paste_over_the_rate_waits_as_its_rows_would() {
    let server = Server::start(&[
        ("CHAT_RATE_MESSAGES", "1"),
        ("CHAT_RATE_WINDOW_SECS", "1"),
        ("CHAT_RATE_HOLD", "40"),
    ]);
    let mut alice = Typist::login(&server, "alice");
    let mut bob = server.login("bob");
    alice.keys("first\r\x1b[200~one\rtwo\r\rthree\x1b[201~\r");
    bob.expect("╰─> first\n");
    bob.expect("╰─> one\n      two\n      \n      three\n> ");
}

#[test]
fn what_no_enter_has_ended_is_not_said_where_the_connection_ends() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = Typist::login(&server, "alice");
    bob.expect("alice has joined");
    alice.keys("said\rnot meant to be sent");
    alice.wait_for("> not meant to be sent");
    drop(alice);
    let shown = bob.expect("alice has left the lobby");
    assert!(shown.contains("╰─> said\n") && !shown.contains("not meant"), "{shown}");
}

#[test]
fn a_raw_terminal_proves_itself_by_a_lone_cr_and_an_answer() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.send_raw(b"alice\r");
    wait_for(&mut client, ASK_SIZE, 1);
    client.expect("/help /users /quit\n> ");
    // Cut, and with keys behind it.
    client.send_raw(b"\x1b[24;");
    client.send_raw(b"60Rhalf");
    wait_for(&mut client, PASTE_ON, 1);
    let mut alice = Typist { client, columns: 60, rows: 24 };
    alice.wait_for("> half");
    bob.ask("in between", "╰─> in between\n");
    let shown = alice.wait_for_row("  ╰─> in between");
    assert_eq!(shown.row(-1), "> half", "{shown:#?}");
    // It speaks no telnet, and is shown none.
    let from = alice.client.raw().len();
    alice.keys("\x15/register\r");
    alice.wait_for("New password:");
    alice.keys("\r");
    alice.wait_for_row("No password given: nothing was changed.");
    alice.keys("half");
    alice.wait_for("> half");
    assert!(!alice.client.raw()[from..].contains(&IAC));
    // It tells of another size when it is asked.
    alice.keys("\x0c");
    wait_for(&mut alice.client, ASK_SIZE, 2);
    alice.client.send_raw(b"\x1b[30;120R");
    alice.keys("\r");
    bob.expect("╰─> half\n");
    alice.keys("/mode\r");
    alice.wait_for_row("Mode: edit, since your terminal sends keys.");
}

#[test]
fn other_clients_are_not_asked_where_their_cursor_is() {
    let server = Server::start(&[]);
    for line in ["alice\n", "alice\r\n", "alice\r\0"] {
        let mut client = server.connect();
        client.expect("Enter your username: ");
        client.send_raw(line.as_bytes());
        client.expect(" /quit\n> ");
        client.send_raw(b"hi\r");
        client.expect("╰─> hi\n");
        assert_eq!(sent(&client, ASK_SIZE), 0, "{line:?}");
        quit(client);
    }
    let mut script = server.connect();
    script.send_raw(b"alice\rhello\r");
    script.expect("╰─> hello\n");
    script.close_sending();
    script.read_to_end();
    assert_eq!(sent(&script, ASK_SIZE), 0, "a script");
    let off = Server::start(&[("CHAT_TELNET", "off")]);
    let mut client = off.connect();
    client.expect("Enter your username: ");
    client.send_raw(b"alice\r");
    client.expect(" /quit\n> ");
    client.send_raw(b"hi\r");
    client.expect("╰─> hi\n");
    assert_eq!(sent(&client, ASK_SIZE), 0);
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.send_raw(b"alice\r");
    wait_for(&mut client, ASK_SIZE, 1);
    client.expect(" /quit\n> ");
    std::thread::sleep(Duration::from_millis(2_200));
    client.send_raw(b"\x1b[24;80R/mode\r");
    client.expect("Mode: line, since your client sends lines.\n> ");
    assert_eq!(sent(&client, PASTE_ON), 0);
}

#[test]
fn the_mode_is_told_set_and_kept() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/mode", "Mode: line, since your client sends lines.\n> ");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    alice.ask("/mode plain", "Mode: plain, since you chose it.\n> ");
    quit(alice);
    let mut again = Typist::connect(&server, "XTERM", 80, 24);
    again.keys("alice\r");
    again.wait_for("Password:");
    again.keys(PASSWORD);
    again.keys("\r");
    // Its line is its own again, as it would be after a password.
    wait_for(&mut again.client, PASTE_OFF, 1);
    wait_for(&mut again.client, &[IAC, WONT, ECHO, IAC, WONT, SGA], 1);
    let mut alice = again.client;
    alice.send_raw(&[IAC, DONT, ECHO, IAC, DONT, SGA, IAC, DONT, 0, IAC, WONT, 0]);
    alice.ask("/mode", "Mode: plain, since you chose it.\n> ");
    alice.send("/mode edit");
    wait_for(&mut alice, &KEYS, 2);
    alice.send_raw(&[IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, 0, IAC, WILL, 0]);
    wait_for(&mut alice, PASTE_ON, 2);
    alice.send_raw(b"/mode\r");
    alice.expect("Mode: edit, since you chose it.\n");
    alice.send_raw(b"/mode auto\r");
    alice.expect("Mode: edit, since your terminal sends keys.\n");
    alice.send_raw(b"/mode line\r");
    alice.expect("Mode: line, since you chose it.\n> ");
    alice.ask("still here", "╰─> still here\n");
}

#[test]
fn whoever_wants_the_editor_is_asked_how_large_their_terminal_is() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/mode edit", "Mode: line, since your terminal has not said how large it is. The editor begins when it has.\n> ");
    assert_eq!(sent(&alice, ASK_SIZE), 1);
    alice.send_raw(b"\x1b[24;80R");
    wait_for(&mut alice, PASTE_ON, 1);
    alice.send_raw(b"/mode\n");
    alice.expect("Mode: edit, since you chose it.\n");
    // A terminal's own line has the answer in it, which is taken out.
    let mut bob = server.login("bob");
    bob.send("/mode edit");
    wait_for(&mut bob, ASK_SIZE, 1);
    bob.send("\x1b[24;80Rhello");
    bob.expect("╰─> hello\n");
    assert_eq!(sent(&bob, PASTE_ON), 0);
    // So has that of a program which has taken a part of it for a key, and of what it leaves the rest goes.
    let mut dave = server.login("dave");
    dave.send("/mode edit");
    wait_for(&mut dave, ASK_SIZE, 1);
    dave.send(";80Rhello");
    dave.expect("╰─> hello\n");
    dave.send(";80Rhello");
    dave.expect("╰─> ;80Rhello\n");
    assert_eq!(sent(&dave, PASTE_ON), 0);
    // A telnet that was asked nothing before answers by its own means.
    let off = Server::start(&[("CHAT_TELNET", "off")]);
    let mut carol = off.login("carol");
    carol.send("/mode edit");
    wait_for(&mut carol, &KEYS, 1);
    carol.send_raw(&[IAC, DO, ECHO, IAC, DO, SGA]);
    wait_for(&mut carol, PASTE_ON, 1);
    carol.send_raw(b"hi\r");
    carol.expect("╰─> hi\n");
    // One that has spoken telnet by itself, too, and it is asked how large its window is.
    let mut ann = off.login("ann");
    ann.send_raw(&[IAC, DONT, 99]);
    ann.ask("hello", "╰─> hello\n");
    assert_eq!(sent(&ann, &[IAC, DO, NAWS]), 0);
    ann.send("/mode edit");
    wait_for(&mut ann, &[&KEYS[..], &[IAC, DO, NAWS]].concat(), 1);
    assert_eq!(sent(&ann, ASK_SIZE), 0);
    ann.send_raw(&[IAC, WILL, NAWS]);
    ann.send_raw(&size(100, 40));
    ann.send_raw(&[IAC, DO, ECHO, IAC, DO, SGA, IAC, DO, 0, IAC, WILL, 0]);
    wait_for(&mut ann, PASTE_ON, 1);
    ann.send_raw(b"/width 60\r");
    ann.expect("Kept. This terminal says itself that it has 100 columns");
    let plain = Server::start(&[("CHAT_COLOR", "off")]);
    let mut bob = plain.login("bob");
    bob.ask("/mode edit", "Mode: line, since this server sends no escape codes");
    assert!(!bob.raw().contains(&0x1b));
}

#[test]
fn what_is_read_aloud_is_text_alone() {
    let server = Server::start(&[]);
    for names in [&["DUMB"][..], &["LISTENER", "ANSI", "MTTS 77"]] {
        let mut bob = server.login("bob");
        let mut client = called(&server, names);
        client.ask("alice", "[LOBBY] alice has joined the lobby\n");
        client.expect(" /quit\n> ");
        let from = client.raw().len();
        client.ask("hello", "\nalice says: hello\n> ");
        bob.ask("/me waves", "* bob waves\n");
        client.expect("\nbob waves\n> ");
        bob.ask("/msg alice psst", "╰─> psst\n");
        client.expect("\nbob to you: psst\n> ");
        client.ask("/msg bob yes", "you to bob: yes\n> ");
        bob.ask("/tag alice look", "╰─> look\n");
        client.expect("bob says to alice: look\n");
        client.expect("bob tagged you\n> ");
        client.ask("/users", "  bob\n");
        let since = String::from_utf8_lossy(&client.raw()[from..]).into_owned();
        let signs = ['\x1b', '╰', '✦', '»', '['];
        assert!(!since.replace("=== Users", "").contains(signs), "{since:?}");
        client.ask("/mode", "Mode: plain, since your ");
        quit(client);
        quit(bob);
    }
}
