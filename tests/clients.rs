//! The clients that people use, run for real: in tmux where a terminal matters.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::harness::{Folder, PATIENCE, Server, run};
use crate::holding::{CODE, SOON, numbered, shown};
pub(crate) use crate::installed::{have, skip};

/// The other telnet of Debian, of its package `telnet-ssl`, which cannot be installed beside inetutils': continuous
/// integration unpacks it here.
const NETKIT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/clients/telnet-ssl/usr/bin/telnet-ssl");

/// A terminal in tmux.
pub(crate) struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs a shell command in a terminal of 80 columns and 24 lines.
    pub(crate) fn run(command: &str) -> Self {
        Self::sized(command, 80, 24)
    }

    /// Runs it in one of another size.
    pub(crate) fn sized(command: &str, columns: u16, lines: u16) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let socket = format!("lobbyd-it-{}-{number}", std::process::id());
        let terminal = Self { socket };
        let (x, y) = (columns.to_string(), lines.to_string());
        let started = terminal
            .tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &x, "-y", &y, command])
            .status();
        assert!(started.unwrap().success(), "tmux does not start");
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-u", "-L", &self.socket]).args(args);
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8").env_remove("TMUX");
        command
    }

    /// Gives it another size.
    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        let (x, y) = (columns.to_string(), lines.to_string());
        let resized = self.tmux(&["resize-window", "-x", &x, "-y", &y]).status();
        assert!(resized.unwrap().success());
    }

    /// Types text, literally.
    pub(crate) fn type_text(&self, text: &str) {
        assert!(self.tmux(&["send-keys", "-l", text]).status().unwrap().success());
    }

    /// Presses a key, by tmux's name.
    fn press(&self, key: &str) {
        assert!(self.tmux(&["send-keys", key]).status().unwrap().success());
    }

    /// Pastes text as a terminal does: as it is, or marked as pasted where the program asks for that.
    fn paste(&self, text: &str) {
        assert!(self.tmux(&["set-buffer", "--", text]).status().unwrap().success());
        assert!(self.tmux(&["paste-buffer", "-p"]).status().unwrap().success());
    }

    pub(crate) fn enter(&self, line: &str) {
        self.type_text(line);
        self.press("Enter");
    }

    /// What a person sees now.
    pub(crate) fn screen(&self) -> String {
        self.captured(&[])
    }

    /// The same, with the sequences that change the colour.
    pub(crate) fn screen_with_colours(&self) -> String {
        self.captured(&["-e"])
    }

    fn captured(&self, options: &[&str]) -> String {
        let output = self.tmux(&["capture-pane", "-p"]).args(options).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?} is on the screen"), |screen| screen.contains(text))
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(start.elapsed() < PATIENCE, "not so: {what}\n{screen}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).stderr(Stdio::null()).status();
    }
}

/// Logs in with a client in a terminal, talks with another user, quits; gives the last screen.
fn chat_in_terminal(server: &Server, command: &str) -> String {
    let mut other = server.login("other");
    let terminal = Terminal::run(command);
    terminal.wait_for("Enter your username:");
    terminal.enter("alice");
    terminal.wait_for("[LOBBY] alice has joined the lobby");
    other.expect("alice has joined");
    terminal.enter("Hello from a real client: grüße 👋");
    terminal.wait_for("╰─> Hello from a real client: grüße 👋");
    other.expect("╰─> Hello from a real client: grüße 👋\n");
    other.ask("Hello back", "╰─> Hello back");
    let screen = terminal.wait_for("╰─> Hello back");
    // The lines of a block stand one under the other at the left edge: no staircase.
    let at = screen.lines().position(|l| l.starts_with("  ╰─> Hello back")).expect(&screen);
    assert!(screen.lines().nth(at - 1).unwrap().starts_with("[@_@] other [just now]"), "{screen}");
    assert_eq!(screen.lines().nth(at + 1).map(str::trim_end), Some(">"), "{screen}");
    terminal.enter("/quit");
    other.expect("alice has left the lobby");
    screen
}

/// Pastes fifteen lines of code into a client in a terminal, faster than one may talk: all of them arrive,
/// as they were, for the others and on the own screen. How many messages they become is the client's
/// doing: it may pause.
fn paste_in_terminal(command: impl Fn(&Server) -> String) {
    paste(command, |terminal| _ = terminal.wait_for("kept and sent then."));
}

/// The same where the server edits the line: a paste is one message.
fn paste_into_the_editor(command: impl Fn(&Server) -> String) {
    paste(command, |terminal| {
        let screen = terminal.wait_for("  ╰─> ");
        assert!(!screen.contains("kept and sent then."), "{screen}");
    });
}

fn paste(command: impl Fn(&Server) -> String, sent: impl Fn(&Terminal)) {
    let server = Server::start(&SOON);
    let mut other = server.login("other");
    let terminal = Terminal::sized(&command(&server), 80, 60);
    terminal.wait_for("Enter your username:");
    terminal.enter("alice");
    terminal.wait_for("alice has joined the lobby");
    terminal.paste(CODE);
    // Where the client takes a paste as one line to be edited, this sends it.
    terminal.press("Enter");
    sent(&terminal);
    terminal.enter("the end");
    let code: Vec<&str> = CODE.lines().filter(|line| !line.is_empty()).collect();
    // Each once and nothing else, in this order.
    assert_eq!(said_in(&other.expect("the end\n")).collect::<Vec<_>>(), code);
    other.ask("and back", "╰─> and back");
    let screen = terminal.wait_for("╰─> and back");
    // What the client shows of the typing may stand between them.
    let mut said = said_in(&screen);
    let missing: Vec<_> = code.iter().filter(|line| !said.any(|row| row == **line)).collect();
    assert!(missing.is_empty(), "{missing:?} in {screen}");
    let last = screen.lines().map(str::trim_end).rfind(|row| !row.is_empty());
    assert_eq!(last, Some(">"), "{screen}");
}

/// Types a draft key by key where the server edits the line, while others talk, and mends it; quits with
/// Ctrl-D.
fn edit_in_terminal(server: &Server, command: &str) {
    edit_draft_in_terminal(server, command, "né本Н");
}

/// The same, with these among the characters that are typed.
fn edit_draft_in_terminal(server: &Server, command: &str, characters: &str) {
    let mut other = server.login("other");
    let terminal = Terminal::sized(command, 60, 20);
    terminal.wait_for("Enter your username:");
    terminal.enter("alice");
    terminal.wait_for("You are alice in 'general' with other. /help /users /quit\n>");
    let draft =
        format!("draft: grüße {characters} 👋 世界, and so on until it takes more than one row");
    for (number, key) in draft.chars().enumerate() {
        terminal.type_text(&key.to_string());
        if number % 10 == 9 {
            other.ask(&format!("message {number}"), &format!("╰─> message {number}\n"));
        }
    }
    let rows = |screen: &str| {
        let rows: Vec<String> = screen.lines().map(|row| row.trim_end().to_owned()).collect();
        let from = rows.iter().rposition(|row| row.starts_with('>')).expect(screen);
        rows[from..].join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let want = format!("> {draft}");
    let without_blanks = |text: &str| text.replace(' ', "");
    let screen = terminal.wait_until("the draft stands below all", |screen| {
        without_blanks(&rows(screen)) == without_blanks(&want)
    });
    let at = screen.lines().position(|row| row.starts_with("> draft")).expect(&screen);
    assert_eq!(screen.lines().nth(at - 1).map(str::trim_end), Some("  ╰─> message 59"), "{screen}");
    for key in ["C-a", "Right", "Delete", "Home", "C-e", "BSpace", "C-w", "End"] {
        terminal.press(key);
    }
    terminal.press("Enter");
    let sent = draft.replacen("dr", "d", 1).replace(" row", " ");
    other.expect(&format!("╰─> {}", sent.trim_end()));
    let once = |screen: &str| {
        screen.matches("daft: grüße").count() == 1
            && rows(screen) == ">"
            && !screen.contains("> daft")
    };
    terminal.wait_until("the line is a message, once", |screen| {
        screen.contains("  ╰─> daft") && once(&screen.replace("─> daft", "daft"))
    });
    terminal.press("Up");
    terminal.wait_until("the line is there again", |screen| screen.contains("\n> daft: grüße"));
    terminal.press("C-c");
    terminal.type_text("/hel");
    terminal.press("Tab");
    terminal.wait_for("\n> /help");
    terminal.press("C-u");
    terminal.press("C-d");
    other.expect("[LOBBY] alice has left the lobby");
}

/// The rows of messages, which stand under their author's mark or under the row before.
fn said_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim_end)
        .filter_map(|row| row.strip_prefix("  ╰─> ").or_else(|| row.strip_prefix("      ")))
}

pub(crate) fn with_certificate() -> Server {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    Server::start_in(folder, &[("CHAT_TLS_ADDR", "127.0.0.1:0")])
}

#[test]
fn nc_in_a_terminal() {
    if have(&["tmux", "nc"]) {
        let server = Server::start(&[]);
        chat_in_terminal(&server, &format!("nc 127.0.0.1 {}", server.port));
    }
}

#[test]
fn rlwrap_keeps_the_draft_when_a_message_comes() {
    if have(&["tmux", "nc", "rlwrap"]) {
        let server = Server::start(&[]);
        let home = server.folder.path().display().to_string();
        let command = format!("HOME={home} rlwrap nc 127.0.0.1 {}", server.port);
        chat_in_terminal(&server, &command);
        let mut other = server.login("another");
        let terminal = Terminal::run(&command);
        terminal.wait_for("Enter your username:");
        terminal.enter("bob");
        terminal.wait_for("bob has joined the lobby");
        terminal.type_text("half a dra");
        terminal.wait_for("half a dra");
        other.ask("in between", "╰─> in between");
        terminal.wait_for("╰─> in between");
        terminal.enter("ft");
        other.expect("╰─> half a draft\n");
    }
}

#[test]
fn rlwrap_shows_what_is_typed_after_an_empty_line_once() {
    if have(&["tmux", "nc", "rlwrap"]) {
        let server = Server::start(&[]);
        let home = server.folder.path().display().to_string();
        let command = format!("HOME={home} rlwrap -H /dev/null nc 127.0.0.1 {}", server.port);
        let mut other = server.login("other");
        let terminal = Terminal::run(&command);
        terminal.wait_for("Enter your username:");
        terminal.enter("alice");
        terminal.wait_for("alice has joined the lobby");
        terminal.press("Enter");
        terminal.wait_for(">\n>");
        terminal.enter("world");
        other.expect("╰─> world\n");
        let screen = terminal.wait_for("╰─> world");
        assert!(!screen.contains("> wworld"), "{screen}");
    }
}

#[test]
fn rlwrap_shows_what_is_typed_at_a_question_once() {
    if have(&["tmux", "nc", "rlwrap"]) {
        let server = Server::start(&[]);
        let home = server.folder.path().display().to_string();
        let command = format!("HOME={home} rlwrap -H /dev/null nc 127.0.0.1 {}", server.port);
        let terminal = Terminal::run(&command);
        terminal.wait_for("Enter your username:");
        terminal.enter("alice");
        terminal.wait_for("You are alone in 'general'");
        terminal.enter("/register");
        terminal.wait_for("New password:");
        terminal.enter("zebra-crossing");
        let screen = terminal.wait_for("Again:");
        assert!(screen.contains("New password: zebra-crossing"), "{screen}");
    }
}

#[test]
fn an_operator_at_a_terminal_is_asked_for_a_password_that_does_not_show() {
    if have(&["tmux"]) {
        let folder = Folder::new();
        let (dir, bin) = (folder.path().display(), env!("CARGO_BIN_EXE_lobbyd"));
        let terminal =
            Terminal::run(&format!("cd {dir}; {bin} passwd alice; stty -a; {bin} --version; cat"));
        terminal.wait_for("New password:");
        terminal.enter("zebra-crossing");
        terminal.wait_for("Again:");
        terminal.enter("zebra-crossing");
        let screen = terminal.wait_for("lobbyd 0.");
        assert!(screen.contains("alice is registered."), "{screen}");
        assert!(!screen.contains("zebra"), "{screen}");
        assert!(screen.contains(" echo "), "what is typed shows again: {screen}");
    }
}

#[test]
fn telnet_leaves_at_ctrl_d_and_not_at_ctrl_c() {
    if have(&["tmux", "telnet"]) {
        let server = Server::start(&[]);
        let mut other = server.login("other");
        let terminal = Terminal::run(&format!("telnet 127.0.0.1 {}", server.port));
        terminal.wait_for("Enter your username:");
        terminal.enter("alice");
        terminal.wait_for("alice has joined the lobby");
        terminal.type_text("not this");
        terminal.wait_for("not this");
        terminal.press("C-c");
        terminal.enter("still here");
        other.expect("╰─> still here\n");
        terminal.wait_for("╰─> still here");
        terminal.press("C-d");
        other.expect("[LOBBY] alice has left the lobby");
    }
}

#[test]
fn telnet_in_a_terminal() {
    if have(&["tmux", "telnet"]) {
        let server = Server::start(&[]);
        chat_in_terminal(&server, &format!("telnet 127.0.0.1 {}", server.port));
    }
}

#[test]
fn the_line_of_telnet_is_edited() {
    if have(&["tmux", "telnet"]) {
        let server = Server::start(&[("CHAT_WIDTH", "80")]);
        edit_in_terminal(&server, &format!("telnet 127.0.0.1 {}", server.port));
    }
}

#[test]
fn the_line_of_putty_is_edited() {
    if have(&["tmux", "plink"]) {
        let server = Server::start(&[("CHAT_WIDTH", "80")]);
        let home = server.folder.path().display().to_string();
        let plink = format!("HOME={home} plink -telnet 127.0.0.1 -P {}", server.port);
        edit_in_terminal(&server, &plink);
    }
}

#[test]
fn the_line_of_netkits_telnet_is_edited() {
    if have(&["tmux", NETKIT]) {
        let server = Server::start(&[]);
        // It takes a byte of the Cyrillic letter for its own key, whatever was agreed.
        let command = format!("{NETKIT} 127.0.0.1 {}", server.port);
        edit_draft_in_terminal(&server, &command, "né本ж");
    }
}

#[test]
fn the_line_of_busybox_telnet_is_edited() {
    if have(&["tmux", "busybox"]) {
        let server = Server::start(&[("CHAT_WIDTH", "80")]);
        edit_in_terminal(&server, &format!("busybox telnet 127.0.0.1 {}", server.port));
    }
}

#[test]
fn the_line_of_a_raw_terminal_is_edited() {
    if have(&["tmux", "socat"]) {
        let server = Server::start(&[("CHAT_WIDTH", "80")]);
        edit_in_terminal(&server, &format!("socat -,raw,echo=0 TCP:127.0.0.1:{}", server.port));
    }
}

#[test]
fn socat_with_a_raw_terminal() {
    if have(&["tmux", "socat"]) {
        let server = Server::start(&[]);
        let command = format!("socat -,raw,echo=0 TCP:127.0.0.1:{}", server.port);
        let screen = chat_in_terminal(&server, &command);
        let box_lines = screen.lines().filter(|l| l.starts_with('║')).count();
        assert!(box_lines == 0 || box_lines >= 4, "no staircase in the welcome:\n{screen}");
    }
}

#[test]
fn code_pasted_into_nc_arrives_whole() {
    if have(&["tmux", "nc"]) {
        paste_in_terminal(|server| format!("nc 127.0.0.1 {}", server.port));
    }
}

#[test]
fn code_pasted_into_rlwrap_arrives_whole() {
    if have(&["tmux", "nc", "rlwrap"]) {
        paste_in_terminal(|server| {
            let home = server.folder.path().display();
            format!("HOME={home} rlwrap nc 127.0.0.1 {}", server.port)
        });
    }
}

#[test]
fn code_pasted_into_telnet_arrives_whole() {
    if have(&["tmux", "telnet"]) {
        paste_into_the_editor(|server| format!("telnet 127.0.0.1 {}", server.port));
    }
}

#[test]
fn code_pasted_into_a_raw_terminal_arrives_whole() {
    if have(&["tmux", "socat"]) {
        paste_into_the_editor(|server| format!("socat -,raw,echo=0 TCP:127.0.0.1:{}", server.port));
    }
}

#[test]
fn socat_over_tls() {
    if have(&["tmux", "socat"]) {
        let server = with_certificate();
        let command = format!("socat - OPENSSL:127.0.0.1:{},verify=0", server.tls_port);
        chat_in_terminal(&server, &command);
    }
}

#[test]
fn openssl_s_client_in_a_terminal() {
    if have(&["tmux", "openssl"]) {
        let server = with_certificate();
        let command = format!("openssl s_client -quiet -connect 127.0.0.1:{}", server.tls_port);
        chat_in_terminal(&server, &format!("{command} 2>/dev/null"));
    }
}

#[test]
fn a_draft_in_plain_nc_is_sent_whole_and_ctrl_r_shows_it_again() {
    if have(&["tmux", "nc"]) {
        let server = Server::start(&[]);
        let mut other = server.login("other");
        let terminal = Terminal::run(&format!("nc 127.0.0.1 {}", server.port));
        terminal.wait_for("Enter your username:");
        terminal.enter("alice");
        terminal.wait_for("alice has joined the lobby");
        terminal.type_text("half a dra");
        terminal.wait_for("> half a dra");
        other.ask("in between", "╰─> in between");
        let screen = terminal.wait_for("╰─> in between");
        assert!(!screen.contains("half a dra"), "{screen}");
        terminal.press("C-r");
        terminal.wait_for("half a dra");
        terminal.enter("ft");
        other.expect("╰─> half a draft\n");
    }
}

#[test]
fn a_suspended_nc_is_cut_off_and_holds_up_nobody() {
    if have(&["nc"]) {
        let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "50000")]);
        let mut nc = Command::new("nc")
            .args(["127.0.0.1", &server.port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        nc.stdin.as_mut().unwrap().write_all(b"stuck\n").unwrap();
        server.wait_for_log("logged in as stuck");
        let stop = Command::new("kill").args(["-STOP", &nc.id().to_string()]).status();
        assert!(stop.unwrap().success());
        let mut alice = server.login("alice");
        let text = "x".repeat(900);
        let is_gone = |i: usize| {
            let saw = alice.ask(&format!("m{i} {text}"), &format!("╰─> m{i} "));
            saw.contains("[LOBBY] stuck has left the lobby")
        };
        assert!((0..20_000).any(is_gone), "never cut off");
        server.wait_for_log("cut off");
        alice.ask("on we go", "╰─> on we go");
        nc.kill().unwrap();
        nc.wait().unwrap();
    }
}

#[test]
fn a_script_piped_into_nc_gets_its_answers() {
    if have(&["nc"]) {
        let server = Server::start(&[]);
        let mut child = Command::new("nc")
            .args(["-N", "127.0.0.1", &server.port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"bot\nhello\n/users\nlast words").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = crate::harness::plain(&output.stdout);
        let order = ["╰─> hello\n", "=== Users in 'general' (1) ===", "╰─> last words\n"];
        let places: Vec<_> = order.iter().map(|t| text.find(t).expect(&text)).collect();
        assert!(places.is_sorted(), "{text}");
    }
}

#[test]
fn a_script_over_the_rate_arrives_whole() {
    if have(&["nc"]) {
        let server = Server::start(&SOON);
        let mut child = Command::new("nc")
            .args(["-N", "127.0.0.1", &server.port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("bot\n{}", numbered(30)).as_bytes()).unwrap();
        drop(input);
        let text = crate::harness::plain(&child.wait_with_output().unwrap().stdout);
        assert_eq!(shown(&text), (1..=30).collect::<Vec<_>>(), "{text}");
    }
}
