//! The picture of a session in the README, and its text: both are what a terminal shows of a session with the
//! program as it is. With LOBBYD_DRAW set, the test writes `docs/session.svg` anew and prints the text.

use std::fmt::Write;
use std::path::Path;

use crate::clients::{Terminal, have};
use crate::harness::Server;

/// The session, seen by alice in `nc`; bob answers from elsewhere. What each waits for is the whole of what
/// comes, so that it comes in this order on any machine.
fn session(server: &Server) -> Terminal {
    // What it showed last stays on the screen, also where nc ends with the connection.
    let start =
        format!("echo '$ nc chat.example.org 8080'; nc 127.0.0.1 {}; exec cat", server.port);
    let alice = Terminal::sized(&start, 80, 50);
    let says = |line: &str, answer: &str| {
        alice.enter(line);
        alice.wait_for(answer);
    };
    alice.wait_for("Enter your username:");
    says("alice", "You are alone in 'general'. /help /users /quit\n>");
    says("Hello everyone!", "  ╰─> Hello everyone!\n>");
    let mut bob = server.login("bob");
    alice.wait_for("bob has joined the lobby\n>");
    bob.ask("Hi alice", "╰─> Hi alice\n> ");
    alice.wait_for("╰─> Hi alice\n>");
    says("/create den hunter22 \"All about code\"", "Password: hunter22\n>");
    says("/join den hunter22", "You are alone in 'den'. /help /users /quit\n>");
    says("/msg bob come over: /join den hunter22", "  ╰─> come over: /join den hunter22\n>");
    bob.ask("/join den hunter22", "You are bob in 'den' with alice. /help /users /quit\n> ");
    alice.wait_for("[LOBBY] bob has joined the lobby\n>");
    bob.ask("/sp cat", "Profile picture changed");
    bob.ask("Here I am", "╰─> Here I am\n> ");
    alice.wait_for("╰─> Here I am\n>");
    says("/users", "(=^・^=) bob\n>");
    says("quit", "/say quit says it.\n>");
    says("/quit", "Goodbye!");
    alice
}

/// The rows without what is empty after them.
fn rows(screen: &str) -> Vec<&str> {
    screen.trim_end().lines().map(str::trim_end).collect()
}

/// A colour of the terminal as the picture has it, legible on its dark ground; none for the text's own.
fn colour(code: u8) -> Option<&'static str> {
    match code {
        31 => Some("#f08080"),
        32 => Some("#8fce7a"),
        33 => Some("#f0c674"),
        35 => Some("#d3a0e8"),
        36 => Some("#76c7c0"),
        37 => Some("#ffffff"),
        _ => None,
    }
}

/// A row cut where its colour changes (SGR, ECMA-48 §8.3.117), from the colour on that the row before ended in.
fn runs<'a>(row: &'a str, now: &mut Option<&'static str>) -> Vec<(Option<&'static str>, &'a str)> {
    let mut parts = row.split("\x1b[");
    let mut runs = vec![(*now, parts.next().unwrap_or_default())];
    for part in parts {
        let (codes, text) = part.split_once('m').expect(row);
        let code = codes.split(';').filter_map(|code| code.parse().ok()).next_back();
        *now = colour(code.unwrap_or(0));
        runs.push((*now, text));
    }
    runs
}

/// Columns that a text takes, as tmux counts them.
fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The screen as a picture. Each word has its place and width, whatever font shows it.
fn draw(screen: &str, text: &str) -> String {
    const CELL: (f32, f32) = (8.4, 17.0);
    const EDGE: f32 = 14.0;
    let (cells, lines) = (rows(screen), rows(text));
    let widest = lines.iter().map(|row| columns(row)).max().unwrap_or_default();
    let (width, height) =
        (widest as f32 * CELL.0 + 2.0 * EDGE, lines.len() as f32 * CELL.1 + 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"A session in nc\">\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\" fill=\"#1d2129\" \
         stroke=\"#6b7280\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\" fill=\"#d5d9e0\">\n",
        width - 1.0,
        height - 1.0,
    );
    let mut now = None;
    for (number, row) in cells.iter().enumerate() {
        let (y, mut column) = (EDGE + CELL.1 * (number as f32 + 0.75), 0);
        for (colour, text) in runs(row, &mut now) {
            for (place, word) in text.split(' ').enumerate() {
                column += usize::from(place > 0);
                let (x, length) = (EDGE + column as f32 * CELL.0, columns(word) as f32 * CELL.0);
                column += columns(word);
                if word.is_empty() {
                    continue;
                }
                let fill = colour.map(|c| format!(" fill=\"{c}\"")).unwrap_or_default();
                writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" \
                     lengthAdjust=\"spacingAndGlyphs\"{fill}>{}</text>",
                    escape(word)
                )
                .unwrap();
            }
        }
    }
    svg + "</g>\n</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn the_picture_of_the_readme_is_what_a_terminal_shows() {
    if !have(&["tmux", "nc"]) {
        return;
    }
    let server = Server::start(&[("CHAT_WIDTH", "80")]);
    let terminal = session(&server);
    let (text, screen) = (terminal.screen(), terminal.screen_with_colours());
    let picture = draw(&screen, &text);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("docs/session.svg");
    if std::env::var_os("LOBBYD_DRAW").is_some() {
        std::fs::write(&file, &picture).unwrap();
        println!("{}", rows(&text).join("\n"));
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == picture,
        "docs/session.svg is not what a terminal shows: draw it anew with LOBBYD_DRAW=1\n{text}"
    );
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let block = format!("```\n{}\n```\n", rows(&text).join("\n"));
    assert!(readme.contains(&block), "the text of the session in README.md is not that:\n{block}");
}
