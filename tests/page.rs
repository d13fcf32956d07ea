//! The page for people, in a real browser, while others are there with a terminal.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use lobbyd::chat::command::{COMMANDS, Spec};
use lobbyd::chat::pictures;
use serde_json::json;

use crate::browser::{Browser, Page, View};
use crate::gemini::{Gemini, finish, text};
use crate::harness::{Folder, Server, free_port};
use crate::people::{PASSWORD, challenged, logged_in_to, quit, registered, stop};

const VIEWS: [View; 4] =
    [View::phone(false), View::phone(true), View::desktop(false), View::desktop(true)];

/// The largest that the three files may be together. Nobody waits for that, on a slow line neither.
const LARGEST: u64 = 72 * 1024;

/// Commands for what a terminal is given, which mean nothing in a page.
const OF_TERMINALS: [&str; 8] = ["bell", "cert", "color", "echo", "mode", "style", "time", "width"];

/// A server with the page at an address that it keeps when it is started again.
struct Web {
    listen: String,
}

impl Web {
    fn new() -> Self {
        Self { listen: format!("127.0.0.1:{}", free_port()) }
    }

    fn env<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&[("CHAT_WEB_ADDR", self.listen.as_str())], more].concat()
    }

    fn start(&self, more: &[(&str, &str)]) -> Server {
        self.start_in(Folder::new(), more)
    }

    fn start_in(&self, folder: Folder, more: &[(&str, &str)]) -> Server {
        Server::start_in(folder, &self.env(more))
    }

    fn open(&self, browser: &Browser, view: View) -> Page {
        browser.open(&format!("http://{}/", self.listen), view)
    }

    /// A page whose user is in.
    fn login(&self, browser: &Browser, view: View, name: &str) -> Page {
        let page = self.open(browser, view);
        page.fill("#name", name);
        page.press("Enter");
        page.wait(
            "!document.getElementById('chat').hidden && document.querySelector('#members li')",
        );
        page
    }
}

/// An expression: the texts of all that a selector finds.
fn all(selector: &str) -> String {
    format!("[...document.querySelectorAll({selector:?})].map(e => e.textContent)")
}

/// What was said in the view that one sees, oldest first.
fn said(page: &Page) -> Vec<String> {
    serde_json::from_value(page.run(&format!("return {}", all(".message .text")))).unwrap()
}

fn wait_for_text(page: &Page, selector: &str, text: &str) {
    page.wait(&format!("{}.some(t => t.includes({text:?}))", all(selector)));
}

fn say(page: &Page, line: &str) {
    page.fill("#line", line);
    page.press("Enter");
}

fn is_in(page: &Page, lobby: &str) {
    page.wait(&format!("document.getElementById('title').textContent === {lobby:?}"));
}

fn go_to(page: &Page, lobby: &str) {
    if page.view.touch {
        page.click("#menu");
    }
    page.click(&format!("#rooms li:has(bdi:text-is({lobby:?})) button"));
}

#[track_caller]
fn is_sound(page: &Page) {
    assert!(!page.is_too_wide(), "{:?}", page.view);
    assert_eq!(page.barriers(), Vec::<String>::new(), "{:?}", page.view);
    assert_eq!(page.complaints(), Vec::<String>::new(), "{:?}", page.view);
}

/// What a browser says itself of connections that nobody took is all that it may say.
#[track_caller]
fn complains_of_the_connection_alone(page: &Page) {
    let complaints = page.complaints();
    let own = |line: &String| line.starts_with("console: WebSocket connection to 'ws:");
    assert!(complaints.iter().all(own), "{complaints:?}");
}

#[test]
fn one_in_the_page_and_one_with_nc_talk_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    for (view, name) in VIEWS.into_iter().zip(["ann", "carol", "dave", "erin"]) {
        let page = web.login(&browser, view, name);
        bob.expect(&format!("[LOBBY] {name} has joined the lobby"));
        wait_for_text(&page, "#members bdi", "bob");
        say(&page, &format!("Hello from {name}"));
        bob.expect(&format!("{name} [just now]\n  ╰─> Hello from {name}\n"));
        bob.ask("Hello back", "Hello back");
        wait_for_text(&page, ".message .text", "Hello back");
        // Rows of a text stay rows, and indented ones stand as in a program.
        page.fill("#line", "fn main() {");
        for row in ["    one();", "}"] {
            page.press("Shift+Enter");
            page.type_in(row);
        }
        page.press("Enter");
        bob.expect("  ╰─> fn main() {\n          one();\n      }\n");
        wait_for_text(&page, ".message .code", "fn main() {\n    one();\n}");
        bob.ask("/me waves", "waves");
        wait_for_text(&page, ".action .text", "bob waves");
        say(&page, "/help");
        wait_for_text(&page, ".note .text", "=== Available Commands ===");
        say(&page, "/nonsense");
        wait_for_text(&page, ".fail .text", "Unknown command.");
        say(&page, "//not a command");
        bob.expect("  ╰─> /not a command\n");
        is_sound(&page);
    }
    bob.send("/quit");
}

#[test]
fn a_private_lobby_is_made_and_entered_by_forms() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let maker = web.login(&browser, View::desktop(false), "maker");
    maker.click("#new");
    maker.fill("#make-name", "den");
    maker.fill("#make-about", "No trespassing");
    maker.fill("#make-secret", "open sesame");
    assert_eq!(maker.barriers(), Vec::<String>::new());
    maker.press("Enter");
    is_in(&maker, "den");
    maker.wait("document.querySelector('#title svg[aria-label=private]')");
    say(&maker, "who is there?");
    wait_for_text(&maker, ".message .text", "who is there?");

    let guest = web.login(&browser, View::phone(true), "guest-1");
    let is_told = |fault: &str| {
        let told = "document.getElementById('ask-fault').textContent";
        guest.wait(&format!("document.getElementById('ask').open && {told} === {fault:?}"));
    };
    // A wrong one that was typed is told as one of the form, which asks whoever gave none.
    for (line, fault) in
        [("/join den", ""), ("/join den wrong", "Incorrect password for private lobby")]
    {
        say(&guest, line);
        is_told(fault);
        guest.press("Escape");
    }
    go_to(&guest, "den");
    guest.fill("#ask-secret", "wrong");
    guest.press("Enter");
    is_told("Incorrect password for private lobby");
    assert_eq!(guest.text("#title"), "general");
    assert_eq!(guest.barriers(), Vec::<String>::new());
    guest.fill("#ask-secret", "open sesame");
    guest.press("Enter");
    is_in(&guest, "den");
    wait_for_text(&guest, ".message .text", "who is there?");
    say(&guest, "It is me");
    wait_for_text(&maker, ".message .text", "It is me");

    let mut nc = server.login("nc");
    nc.ask("/join den \"open sesame\"", "Joined lobby 'den'");
    nc.ask("and me", "and me\n");
    wait_for_text(&guest, ".message .text", "and me");
    // It is gone back to by a click, without being asked again.
    go_to(&guest, "general");
    is_in(&guest, "general");
    nc.ask("still there?", "still there?\n");
    go_to(&guest, "den");
    is_in(&guest, "den");
    wait_for_text(&guest, ".message .text", "still there?");
    for page in [&maker, &guest] {
        is_sound(page);
        let kept = page.run("return [...Object.entries(localStorage), ...Object.entries(sessionStorage), document.cookie]");
        assert!(!kept.to_string().contains("sesame"), "{kept}");
    }
}

#[test]
fn the_name_of_an_account_asks_for_its_password_and_a_newer_login_is_left_in_peace() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    quit(registered(&server, "alice"));
    let page = web.open(&browser, View::phone(false));
    page.fill("#name", "x");
    page.fill("#name", "al!ce");
    page.press("Enter");
    wait_for_text(&page, "#fault", "Username can only contain letters, numbers, - and _");
    page.fill("#name", "alice");
    page.press("Enter");
    page.wait("!document.getElementById('secret').hidden");
    page.fill("#password", "not-the-one");
    page.press("Enter");
    wait_for_text(&page, "#fault", "Wrong password.");
    page.wait("document.getElementById('password').value === ''");
    is_sound(&page);
    page.fill("#password", PASSWORD);
    page.press("Enter");
    page.wait("!document.getElementById('chat').hidden");
    wait_for_text(&page, "#members", "alice");

    let mut second = challenged(&server, "alice");
    second.ask(PASSWORD, "You are ");
    wait_for_text(&page, "#word", "Logged in from elsewhere.");
    second.ask("I am here now", "I am here now\n");
    // By itself it does not come back, when one looks at it neither.
    page.run(
        "dispatchEvent(new Event('online')); document.dispatchEvent(new Event('visibilitychange'))",
    );
    second.sync("alice");
    assert_eq!(page.text("#word"), "Logged in from elsewhere.");
}

#[test]
fn a_guest_keeps_the_name_with_a_password_in_the_settings() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let page = web.login(&browser, View::desktop(true), "zoe");
    page.click("#settings");
    page.fill("#keep-secret", "short");
    page.click("#register");
    page.wait("document.getElementById('keep-fault').textContent");
    // What no command can have as a word is not cut into another password.
    page.fill("#keep-secret", "eight \"or more");
    page.click("#register");
    wait_for_text(&page, "#keep-fault", "Quotation marks cannot stand around it");
    page.fill("#keep-secret", PASSWORD);
    page.click("#register");
    page.wait("!document.getElementById('prefs').open");
    wait_for_text(&page, ".note .text", "'zoe' is yours now.");
    page.click("#settings");
    assert!(page.run("return document.getElementById('keep').hidden") == true);
    page.click("#quit");
    wait_for_text(&page, "#lead", "You have left.");
    let (zoe, _) = logged_in_to(&server, "zoe");
    quit(zoe);
    assert!(!page.run("return document.documentElement.outerHTML").to_string().contains(PASSWORD));
    is_sound(&page);
}

#[test]
fn what_was_said_before_comes_on_scrolling_up_and_nothing_moves_meanwhile() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let lines: Vec<String> = (0..180).map(|i| format!("line {i}")).collect();
    for line in &lines {
        bob.send(line);
    }
    bob.expect("line 179\n");
    let page = web.login(&browser, View::phone(false), "alice");
    wait_for_text(&page, ".message .text", "line 179");
    let view = "document.querySelector('.view')";
    page.wait(&format!("{view}.scrollHeight - {view}.scrollTop - {view}.clientHeight < 40"));
    let mut count = said(&page).len();
    assert!(count < 100, "{count} are there at once");
    while count < lines.len() {
        // Which message stands where, before and after.
        page.run(&format!(
            "const view = {view}; view.scrollTop = 10;
            window.first = [...view.querySelectorAll('.message')].find(e => e.getBoundingClientRect().top > 120);
            window.place = window.first.getBoundingClientRect().top;"
        ));
        page.wait(&format!("document.querySelectorAll('.message').length > {count}"));
        let moved =
            page.run("return Math.abs(window.first.getBoundingClientRect().top - window.place)");
        assert!(moved.as_f64().unwrap() < 40.0, "it moved by {moved}");
        count = said(&page).len();
    }
    assert_eq!(said(&page), lines);
    page.run(&format!("{view}.scrollTop = 0"));
    wait_for_text(&page, ".top", "This is the beginning of what is kept.");
    // Who reads above stays there, and is told of what is new.
    bob.ask("something new", "something new\n");
    wait_for_text(&page, "#jump", "1 new");
    assert!(page.run(&format!("return {view}.scrollTop")).as_f64().unwrap() < 400.0);
    page.click("#jump");
    page.wait(&format!("{view}.scrollHeight - {view}.scrollTop - {view}.clientHeight < 40"));
    is_sound(&page);
}

#[test]
fn what_was_too_much_to_ask_at_once_is_asked_again() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let limit = [("CHAT_RATE_MESSAGES", "3"), ("CHAT_RATE_WINDOW_SECS", "3")];
    let server = web.start(&limit);
    let mut bob = server.login("bob");
    bob.ask("/create den no-pass x", "Created");
    bob.ask("/join den", "Joined");
    bob.ask("here since long", "here since long\n");
    let page = web.login(&browser, View::desktop(false), "alice");
    // Twice as much as may be said may be looked at.
    for _ in 0..6 {
        say(&page, "/users");
    }
    say(&page, "/join den");
    is_in(&page, "den");
    wait_for_text(&page, ".message .text", "here since long");
    is_sound(&page);
}

#[test]
fn a_mention_is_marked_counted_in_the_title_and_told_where_that_was_asked_for() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let page = web.login(&browser, View::desktop(false), "alice");
    page.run(
        "window.told = [];
        window.Notification = class {
            static permission = 'default';
            static requestPermission = async () => (Notification.permission = 'granted');
            constructor(title, { body }) { window.told.push([title, body]); }
            close() {}
        };",
    );
    // Nobody looks at it.
    page.run(
        "Object.defineProperty(document, 'hasFocus', { value: () => false, configurable: true })",
    );
    bob.ask("alice: nobody is told of this", "told of this\n");
    page.wait("document.title === '(1!) general · lobbyd'");
    page.click("#settings");
    page.click("#notify");
    page.press("Escape");
    bob.ask("malice and alice-2 are others", "are others\n");
    bob.ask("and ALICE, this is for you", "for you\n");
    bob.ask("/tag alice Look at this", "Look at this\n");
    page.wait("document.title === '(4!) general · lobbyd'");
    let marked = all(".mention .text");
    page.wait(&format!("{marked}.length === 3"));
    let marked: Vec<String> =
        serde_json::from_value(page.run(&format!("return {marked}"))).unwrap();
    assert_eq!(
        marked,
        ["alice: nobody is told of this", "and ALICE, this is for you", "Look at this"]
    );
    let marks: Vec<String> =
        serde_json::from_value(page.run(&format!("return {}", all("mark")))).unwrap();
    assert_eq!(marks, ["alice", "ALICE"]);
    let told = page.run("return window.told");
    assert_eq!(told[0], json!(["bob in general", "and ALICE, this is for you"]));
    assert_eq!(told[1][1], "Look at this");
    assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    page.run("delete document.hasFocus; dispatchEvent(new Event('focus'))");
    page.wait("document.title === 'general · lobbyd'");
    is_sound(&page);
}

#[test]
fn private_messages_are_apart_and_answered_where_they_are() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let page = web.login(&browser, View::desktop(true), "alice");
    bob.ask("/msg alice just between us", "just between us\n");
    wait_for_text(&page, ".private .text", "just between us");
    wait_for_text(&page, "#letters .badge", "1");
    page.click(".private .quiet");
    is_in(&page, "bob");
    say(&page, "nobody else sees it");
    bob.expect("[DM] alice —» You\n  ╰─> nobody else sees it\n");
    wait_for_text(&page, ".message .text", "nobody else sees it");
    assert_eq!(said(&page), ["just between us", "nobody else sees it"]);
    bob.ask("said to all", "said to all\n");
    wait_for_text(&page, "#rooms .badge", "1");
    assert_eq!(said(&page).len(), 2, "the lobby's is not there");
    is_sound(&page);
    // What is half written in one place is there again when one is.
    page.fill("#line", "half a thought");
    go_to(&page, "general");
    is_in(&page, "general");
    wait_for_text(&page, ".message .text", "said to all");
    assert_eq!(page.run("return document.getElementById('line').value"), "");
    page.click("#letters button");
    assert_eq!(page.run("return document.getElementById('line').value"), "half a thought");
    is_sound(&page);
}

#[test]
fn a_private_message_that_was_refused_or_lost_is_in_the_line_again() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[("CHAT_RATE_MESSAGES", "3"), ("CHAT_RATE_WINDOW_SECS", "3600")]);
    let mut bob = server.login("bob");
    let page = web.login(&browser, View::phone(false), "alice");
    let line_is = |text: &str| {
        page.wait(&format!("document.getElementById('line').value === {text:?}"));
    };
    page.click("#crowd");
    page.click("#members li:has(bdi:text-is('bob')) button");
    is_in(&page, "bob");
    let taken = ["one", "two", "three"];
    for text in taken {
        say(&page, text);
        bob.expect(&format!("{text}\n"));
        wait_for_text(&page, ".message .text", text);
    }
    say(&page, "one too many");
    wait_for_text(&page, ".fail .text", "Rate limited!");
    line_is("one too many");
    // Nobody knows of one that was on its way when the server was gone.
    let mut server = server;
    server.signal("STOP");
    page.press("Enter");
    line_is("");
    server.signal("KILL");
    server.wait();
    let _server = web.start_in(server.into_folder(), &[]);
    page.wait("!document.getElementById('state').hasAttribute('data-on')");
    line_is("one too many");
    wait_for_text(&page, "#hint", "may not have arrived");
    assert_eq!(said(&page), taken);
}

#[test]
fn an_answer_of_rox_is_read_as_it_is_written_and_stands_there_once() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let gemini = Gemini::start();
    let cue = gemini.then_on_cue();
    let server = web.start(&gemini.env());
    let mut bob = server.login("bob");
    let page = web.login(&browser, View::phone(true), "alice");
    say(&page, "/ai What are goroutines?");
    bob.expect("alice asked AI: What are goroutines?");
    wait_for_text(&page, ".message .tag", "asks Rox");
    cue.send(text("They are threads.\n")).unwrap();
    wait_for_text(&page, ".answer.writing .text", "They are threads.");
    cue.send(text("Really light ones.\n\n")).unwrap();
    wait_for_text(&page, ".answer .text", "They are threads.\nReally light ones.");
    assert_eq!(page.run("return document.querySelectorAll('.answer').length"), 1);
    bob.ask("meanwhile", "meanwhile\n");
    wait_for_text(&page, ".message .text", "meanwhile");
    cue.send([text("That is all."), finish("STOP")].concat()).unwrap();
    drop(cue);
    wait_for_text(&page, ".answer:not(.writing) .text", "That is all.");
    let answers: Vec<String> =
        serde_json::from_value(page.run(&format!("return {}", all(".answer .text")))).unwrap();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers[0].starts_with("They are threads.\nReally light ones.\n"), "{answers:?}");
    let asked = format!("{}.filter(t => t.includes('What are goroutines?'))", all(".entry .text"));
    assert_eq!(page.run(&format!("return {asked}.length")), 1);
    is_sound(&page);
    // One who comes later reads the same.
    let later = web.login(&browser, View::desktop(false), "carol");
    wait_for_text(&later, ".answer .text", "That is all.");
    wait_for_text(&later, ".message .text", "What are goroutines?");
    is_sound(&later);
}

#[test]
fn what_is_taken_back_is_gone_from_every_page() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let [alice, carol] =
        ["alice", "carol"].map(|name| web.login(&browser, View::desktop(false), name));
    for line in ["this stays", "this goes"] {
        say(&alice, line);
        for page in [&alice, &carol] {
            wait_for_text(page, ".message .text", line);
        }
    }
    assert!(carol.run("return document.querySelector('.undo')").is_null(), "it is not hers");
    alice.point_at(".mine:last-child .text");
    alice.click(".undo");
    bob.expect("[LOBBY] alice took back a message");
    for page in [&alice, &carol] {
        wait_for_text(page, ".note .text", "alice took back a message");
        assert_eq!(said(page), ["this stays"]);
        is_sound(page);
    }
}

/// Every line of these is there once, in this order, whatever else is.
#[track_caller]
fn each_once(page: &Page, lines: &[&str]) {
    let all = said(page);
    let found: Vec<&str> =
        all.iter().map(String::as_str).filter(|text| lines.contains(text)).collect();
    assert_eq!(found, lines, "{all:?}");
}

#[test]
fn after_the_server_was_killed_nothing_is_missing_and_nothing_is_there_twice() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = registered(&server, "bob");
    bob.ask("/create den sesame x", "Created");
    bob.ask("/join den sesame", "Joined");
    let guest = web.login(&browser, View::phone(false), "guest-1");
    go_to(&guest, "den");
    guest.fill("#ask-secret", "sesame");
    guest.press("Enter");
    is_in(&guest, "den");
    let account = web.open(&browser, View::desktop(true));
    quit(registered(&server, "alice"));
    account.fill("#name", "alice");
    account.press("Enter");
    account.fill("#password", PASSWORD);
    account.press("Enter");
    account.wait("!document.getElementById('chat').hidden");
    say(&account, "/join den sesame");
    is_in(&account, "den");
    let pages = [&guest, &account];
    bob.ask("before", "before\n");
    say(&account, "own words");
    bob.expect("own words\n");
    bob.ask("taken back", "taken back\n");
    for page in pages {
        wait_for_text(page, ".message .text", "taken back");
        page.fill("#line", "half a line");
    }
    // What was shown for a second is stored.
    thread::sleep(Duration::from_secs(1));
    let mut server = server;
    server.signal("KILL");
    server.wait();
    for page in pages {
        wait_for_text(page, "#word", "Connection lost.");
        page.press("Enter");
        wait_for_text(page, "#hint", "Not connected");
    }
    // While the page cannot come, others go on.
    let server = Server::start_in(server.into_folder(), &[]);
    let (mut bob, _) = logged_in_to(&server, "bob");
    bob.ask("/undo", "bob took back a message");
    let missed: Vec<String> = (0..250).map(|i| format!("missed {i}")).collect();
    for line in &missed {
        bob.send(line);
    }
    bob.expect("missed 249\n");
    let _server = web.start_in(stop(server), &[]);
    let mut lines = vec!["before", "own words"];
    lines.extend(missed.iter().map(String::as_str));
    for page in pages {
        // Where all this took long, the pauses between its tries have grown longer than a test waits.
        page.run("dispatchEvent(new Event('online'))");
        page.wait("!document.getElementById('state').hasAttribute('data-on')");
        wait_for_text(page, ".message .text", "missed 249");
        is_in(page, "den");
        page.wait(&format!("!{}.includes('taken back')", all(".message .text")));
        each_once(page, &lines);
        assert_eq!(page.run("return document.getElementById('line').value"), "half a line");
        page.press("Enter");
        wait_for_text(page, ".message .text", "half a line");
        complains_of_the_connection_alone(page);
    }
}

#[test]
fn hostile_texts_are_text() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let page = web.login(&browser, View::phone(false), "alice");
    let lines = [
        "<script>window.ran = true</script>",
        "<img src=x onerror=\"window.ran = true\">",
        "javascript:window.ran=true JAVASCRIPT://x data:text/html,<b>x</b>",
        "https://example.org/\"onmouseover=\"window.ran=true",
        "see (https://example.org/a_(b)), and https://example.org/c?d=1&e=2.",
        "{{constructor.constructor('window.ran=true')()}} &lt;b&gt; </div>",
        "שלום hello עולם",
        "a\u{301}\u{302} 👩‍👩‍👧‍👦 \u{200b}x",
    ];
    for line in lines {
        bob.send(line);
    }
    bob.ask("\u{202e}desrever", "desrever\n");
    bob.ask("/topic <b>no</b>", "");
    bob.ask("/create tags no-pass <i>about</i>", "Created");
    wait_for_text(&page, ".message .text", "desrever");
    let shown = said(&page);
    assert_eq!(shown[..7], lines[..7]);
    assert_eq!(shown[8], "desrever", "nothing turns the direction");
    let links: Vec<String> = serde_json::from_value(
        page.run("return [...document.querySelectorAll('.text a')].map(a => a.href)"),
    )
    .unwrap();
    assert_eq!(
        links,
        ["https://example.org/", "https://example.org/a_(b)", "https://example.org/c?d=1&e=2"]
    );
    let safe = "[...document.querySelectorAll('.text a')].every(a => a.rel === 'noopener noreferrer' && a.target === '_blank')";
    assert!(page.run(&format!("return {safe}")) == true);
    assert!(page.run("return window.ran ?? null").is_null());
    let made = page.run(
        "return document.querySelectorAll('.text script, .text img, .text b, .text i').length",
    );
    assert_eq!(made, 0);
    assert_eq!(
        page.run("return getComputedStyle(document.querySelector('.message .text')).unicodeBidi"),
        "plaintext"
    );
    say(&page, "/me <b>is bold</b>");
    bob.expect("<b>is bold</b>");
    wait_for_text(&page, ".action .text", "<b>is bold</b>");
    is_sound(&page);
}

#[test]
fn keys_alone_do_everything() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/create cellar no-pass Where it is cool", "Created");
    let page = web.open(&browser, View::phone(true));
    page.type_in("alice");
    page.press("Enter");
    page.wait("document.activeElement.id === 'line'");
    wait_for_text(&page, "#members", "bob");
    // Tab completes commands, names, pictures and words of commands; without a word it goes on.
    for (typed, want) in
        [("/sp pand", "/sp panda "), ("/quiet of", "/quiet off "), ("/hook d", "/hook del ")]
    {
        page.fill("#line", typed);
        page.press("Tab");
        assert_eq!(page.run("return document.getElementById('line').value"), want);
    }
    page.fill("#line", "");
    page.type_in("/ms");
    page.press("Tab");
    page.type_in("BO");
    page.press("Tab");
    let line = "document.getElementById('line').value";
    assert_eq!(page.run(&format!("return {line}")), "/msg bob ");
    wait_for_text(&page, "#hint", "/msg <user> <message>");
    page.type_in("by keys");
    page.press("Enter");
    bob.expect("  ╰─> by keys\n");
    page.type_in("bo");
    page.press("Tab");
    page.type_in("hello");
    page.press("Enter");
    bob.expect("  ╰─> bob: hello\n");
    page.type_in("draft");
    page.press("ArrowUp");
    page.press("ArrowUp");
    assert_eq!(page.run(&format!("return {line}")), "/msg bob by keys");
    page.press("ArrowDown");
    page.press("ArrowDown");
    assert_eq!(page.run(&format!("return {line}")), "draft");
    // A password does not come back.
    page.fill("#line", "/join cellar secret-word");
    assert!(page.run("return document.getElementById('line').classList.contains('hide')") == true);
    page.press("Enter");
    is_in(&page, "cellar");
    page.press("ArrowUp");
    assert_eq!(page.run(&format!("return {line}")), "bob: hello");
    page.fill("#line", "");
    // Every stop is seen, and all of them are gone through and left.
    let stops = "document.activeElement.id || document.activeElement.className || document.activeElement.tagName";
    let mut seen: Vec<String> = Vec::new();
    loop {
        page.press("Tab");
        let stop = page.run(&format!("return {stops}")).as_str().unwrap().to_owned();
        if stop == "line" {
            break;
        }
        assert!(seen.len() < 30, "no way round: {seen:?}");
        let outline = page.run(
            "const e = document.activeElement, style = getComputedStyle(e);
            return e === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none'",
        );
        assert_eq!(outline, true, "{stop} does not show that it has the focus");
        seen.push(stop);
    }
    for want in ["skip", "menu", "crowd", "settings", "view"] {
        assert!(seen.iter().any(|stop| stop.contains(want)), "{want} is not among {seen:?}");
    }
    // The drawer takes the focus and gives it back.
    page.run("document.getElementById('menu').focus()");
    page.press("Enter");
    page.wait("document.querySelector('#lobbies.open')?.contains(document.activeElement)");
    page.press("Escape");
    page.wait("document.activeElement.id === 'menu'");
    page.press("Enter");
    page.wait("document.activeElement.id === 'lobbies'");
    page.press("Tab");
    page.press("Tab");
    page.press("Enter");
    is_in(&page, "general");
    page.run("document.getElementById('settings').focus()");
    page.press("Enter");
    page.press("ArrowDown");
    page.wait("document.documentElement.dataset.theme === 'light'");
    let ground = "getComputedStyle(document.getElementById('room')).backgroundColor";
    assert_eq!(page.run(&format!("return {ground}")), "rgb(255, 255, 255)");
    page.press("Escape");
    is_sound(&page);
}

#[test]
fn its_outline_is_what_a_screen_reader_needs() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let page = web.open(&browser, View::desktop(false));
    let door = page.aria("#door");
    for part in
        ["heading \"lobbyd\" [level=1]", "textbox \"Name\"", "- alert", "button \"Join the chat\""]
    {
        assert!(door.contains(part), "{part} is not in\n{door}");
    }
    page.fill("#name", "alice");
    page.press("Enter");
    wait_for_text(&page, "#members", "bob");
    bob.ask("good morning", "good morning\n");
    wait_for_text(&page, ".message .text", "good morning");
    let outline = page.aria("body");
    for part in [
        "link \"Skip to the line to type\"",
        "- banner:",
        "heading \"general\" [level=1]",
        "button \"Settings\"",
        "navigation \"Lobbies and private messages\"",
        "button \"general 2 here\"",
        "- main \"general\"",
        "log \"Messages in general\"",
        "textbox \"Message general\"",
        "button \"Send\"",
        "complementary \"Members of this lobby\"",
        "button \"bob\"",
    ] {
        assert!(outline.contains(part), "{part} is not in\n{outline}");
    }
    // Only what is new is read out, and that politely.
    let log = "document.querySelector('.view')";
    page.wait(&format!("{log}.role === 'log' && {log}.ariaLive === 'polite'"));
    is_sound(&page);
}

#[test]
fn on_the_smallest_screen_everything_has_room() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let server = web.start(&[]);
    let mut bob = server.login("bob");
    let page = web.login(
        &browser,
        View { width: 320, height: 568, dark: true, touch: true },
        "A-name-of-twenty-ch",
    );
    bob.ask(&"w".repeat(300), &"w".repeat(300));
    bob.ask("https://example.org/a-long-way/to/go/for/a/link/that/nothing/breaks", "breaks");
    wait_for_text(&page, ".message .text", "https://example.org");
    is_sound(&page);
    for (opener, drawer) in [("#menu", "lobbies"), ("#crowd", "people")] {
        page.tap(opener);
        page.wait(&format!(
            "document.querySelector('#{drawer}.open')?.getBoundingClientRect().right <= 320"
        ));
        is_sound(&page);
        page.click(&format!("#{drawer} .close"));
        let style = format!("getComputedStyle(document.getElementById('{drawer}'))");
        page.wait(&format!("{style}.visibility === 'hidden'"));
    }
}

#[test]
fn nothing_runs_in_it_and_nothing_is_fetched_but_what_is_its_own() {
    let Some(browser) = Browser::start() else { return };
    let web = Web::new();
    let _server = web.start(&[]);
    let page = web.login(&browser, View::desktop(false), "alice");
    for (attempt, policy) in [
        ("append('script', { text: 'window.ran = true' })", "policy: script-src-elem"),
        ("append('script', { src: 'http://127.0.0.1:1/x.js' })", "policy: script-src-elem"),
        ("document.body.setAttribute('onclick', 'window.ran = true')", "policy: script-src-attr"),
        ("append('style', { textContent: '* { display: none }' })", "policy: style-src-elem"),
        ("append('img', { src: 'http://127.0.0.1:1/' })", "policy: img-src"),
        ("append('iframe', { src: '/' })", "policy: frame-src"),
        ("append('base', { href: 'http://127.0.0.1:1/' })", "policy: base-uri"),
        ("fetch('http://127.0.0.1:1/').catch(() => {})", "policy: connect-src"),
        ("new WebSocket('ws://127.0.0.1:1/')", "policy: connect-src"),
    ] {
        page.refuses(attempt, policy);
    }
    page.run("document.body.click()");
    assert!(page.run("return window.ran ?? null").is_null());
}

#[test]
fn the_page_is_small_and_knows_the_commands_and_pictures_that_there_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/chat");
    let size: u64 = ["index.html", "chat.css", "chat.js"]
        .iter()
        .map(|name| fs::metadata(folder.join(name)).unwrap().len())
        .sum();
    assert!(size <= LARGEST, "{size} bytes");
    let script = fs::read_to_string(folder.join("chat.js")).unwrap();
    let (_, rest) = script.split_once("const COMMANDS = new Map(`").unwrap();
    let (table, _) = rest.split_once('`').unwrap();
    let spec = |spec: &Spec| format!("{} {}", &spec.word[1..], spec.args).trim_end().to_owned();
    let (mut shown, mut there): (Vec<String>, Vec<String>) =
        (table.lines().map(str::to_owned).collect(), COMMANDS.iter().map(spec).collect());
    there.retain(|usage| !OF_TERMINALS.contains(&usage.split(' ').next().unwrap()));
    shown.sort();
    there.sort();
    assert_eq!(shown, there);
    let (_, rest) = script.split_once("const PICTURES = `").unwrap();
    let (names, _) = rest.split_once('`').unwrap();
    let there: Vec<_> = pictures::all().map(|(name, _)| name).collect();
    assert_eq!(names.split_whitespace().collect::<Vec<_>>(), there);
}
