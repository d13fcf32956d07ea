//! Searching costs nobody else: it is bounded in words and in time, and others do not wait for it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lobbyd::chat::history::{Entry, MessageKind, UnixMillis};
use lobbyd::chat::lobbies::LobbyId;
use lobbyd::chat::name::Name;
use lobbyd::chat::person::Person;
use lobbyd::chat::pictures::Picture;
use lobbyd::chat::text::Text;
use lobbyd::store::{Change, Db};

use crate::harness::{Client, Server, count};
use crate::people::{log_in_to, registered, stop};

/// What takes very long to look for in the lobby that [`fill`] fills: all its messages have all the
/// pairs of characters, and none has them in this order.
fn long_search() -> String {
    format!("{}語", "日本".repeat(16))
}

const TOO_MUCH: &str = "Too much to look through. Be more exact.\n> ";

/// Adds long messages to general.
fn fill(folder: &Path, messages: u64) {
    let (mut db, _) = Db::open(&folder.join("data")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let text = Text::clean(&format!("{} 本語", "日本".repeat(490)));
    let author = Person::named(Name::parse("writer").unwrap());
    let entry = |i: u64| Entry {
        at: UnixMillis(now - (messages - i) * 1_000),
        picture: Picture::DEFAULT,
        author: author.clone(),
        kind: MessageKind::Said,
        text: text.clone(),
    };
    for group in (0..messages).collect::<Vec<_>>().chunks(100) {
        let said =
            |&i: &u64| Change::Said { lobby: LobbyId(1), seq: 1_000 + i, entry: entry(i).into() };
        db.apply(&group.iter().map(said).collect::<Vec<_>>()).unwrap();
    }
}

/// A server with so many long messages, and with the account of `victim`.
fn big_server(messages: u64) -> Server {
    let server = Server::start(&[]);
    registered(&server, "victim");
    let folder = stop(server);
    fill(folder.path(), messages);
    Server::start_in(folder, &[])
}

#[test]
fn a_search_has_a_few_words_and_no_more() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("one two three four five six seven eight nine", "eight nine\n> ");
    alice.ask("/search one two three four five six seven eight", "Found in 'general' (1)");
    alice.expect("eight nine\n> ");
    alice.ask("/search one two three four five six seven eight nine", "Usage: /search <words> - ");
    // What is no word to a reader does not count.
    alice.ask("/search one - two - three - four - five - six . ! ?", "Found in 'general' (1)");
    alice.expect("eight nine\n> ");
    let run = |chars: usize| "日本".chars().cycle().take(chars).collect::<String>();
    alice.ask(&run(40), &format!("{}\n> ", run(40)));
    alice.ask(&format!("/search {}", run(33)), "Found in 'general' (1)");
    let distinct: String = (0..34).map(|n| char::from_u32(0x4E00 + n).unwrap()).collect();
    alice.ask(&format!("/search {distinct}"), "Usage: /search <words> - ");
}

#[test]
fn a_search_that_takes_too_long_is_given_up_and_nobody_waits_for_it() {
    const SEEKERS: usize = 20;
    const SEARCHES: usize = 20;
    let server = big_server(1_500);
    let mut alice = server.login("alice");
    let search = format!("/search {}", long_search());
    alice.ask(&search, TOO_MUCH);
    let mut seekers: Vec<Client> =
        (0..SEEKERS).map(|n| server.login(&format!("seeker-{n}"))).collect();
    for seeker in &mut seekers {
        seeker.send_raw(format!("{search}\n").repeat(SEARCHES).as_bytes());
    }
    seekers[0].expect(TOO_MUCH);
    // They search for 20 seconds; of that, others notice nothing.
    for round in 0..3 {
        drop(log_in_to(&server, "victim"));
        let mut guest = server.login(&format!("guest-{round}"));
        guest.ask("/history 1", "=== History of 'general' (1) ===");
        guest.ask("/register password1", "is yours now");
    }
    let answered = |seeker: &mut Client| {
        seeker.read_some();
        count(&seeker.text(), TOO_MUCH)
    };
    let done: usize = seekers.iter_mut().map(answered).sum();
    assert!(done < SEEKERS * SEARCHES * 3 / 4, "they waited for {done} searches");
}

#[test]
fn a_search_without_a_disk_is_bounded_too() {
    let server = Server::start(&[("CHAT_DATA_DIR", "off")]);
    let (mut alice, text) = (server.login("alice"), format!("{} 本語", "日本".repeat(490)));
    for _ in 0..5 {
        alice.ask(&text, "本語\n> ");
    }
    alice.ask(&format!("/search {}", long_search()), "No message of this lobby");
    alice.ask("/search 本語", "Found in 'general' (5)");
    alice.ask("/history 2", "=== History of 'general' (2) ===");
}
