use std::time::Duration;

use super::*;
use crate::chat::accounts::Identity;
use crate::chat::history::{History, UnixMillis};
use crate::chat::lobby::step::{Input, Join, JoinKind};
use crate::chat::lobby::{LobbyState, Member, Saying};
use crate::chat::pictures::Picture;

const NOW: UnixMillis = UnixMillis(1_000_000);

/// A lobby with these users, who have the connections 0, 1 and so on.
fn room(names: &[&str]) -> Room<()> {
    let state = LobbyState::example(2, Name::parse("coding").unwrap());
    let mut room = Room::new(state, History::new(10, Duration::from_secs(60)));
    for (conn, name) in (0..).zip(names) {
        join(&mut room, conn, name, JoinKind::Switch);
    }
    room
}

fn join(room: &mut Room<()>, conn: u64, name: &str, kind: JoinKind) {
    let who = Identity::example(conn, name, None);
    let member = Member::new(who, Picture::DEFAULT, None, ());
    let join = Join { member, proof: None, kind, prefs: Default::default() };
    room.step(Input::Join(Box::new(join)), NOW, &mut Vec::new()).unwrap();
}

fn say(room: &mut Room<()>, conns: &[u64]) {
    for conn in conns {
        let saying = Saying::message(Line::clean("hi"));
        let said = Input::Say { conn: ConnId(*conn), saying, tagged: None };
        room.step(said, NOW, &mut Vec::new()).unwrap();
    }
}

fn leave(room: &mut Room<()>, conn: u64) {
    let leave = Input::Leave { conn: ConnId(conn), goes_on_in: None, server_stops: false };
    room.happen(leave, NOW, &mut Vec::new());
}

/// Who is named to a user, and how many more there are.
fn named(room: &Room<()>, conn: u64) -> (String, usize) {
    let Company { others, more, .. } = room.company(ConnId(conn)).unwrap();
    let others: Vec<_> = others.iter().map(Name::as_str).collect();
    (others.join(" "), more)
}

#[test]
fn up_to_five_others_are_named_by_name_whoever_spoke() {
    assert_eq!(named(&room(&["alice"]), 0), (String::new(), 0));
    let mut room = room(&["alice", "zoe", "Bob", "eve", "carol", "dave"]);
    say(&mut room, &[1, 3]);
    assert_eq!(named(&room, 0), ("Bob carol dave eve zoe".into(), 0));
    let company = room.company(ConnId(0)).unwrap();
    assert_eq!((company.you.as_str(), company.lobby.as_str()), ("alice", "coding"));
    assert_eq!(room.company(ConnId(9)), None, "they are not here");
}

#[test]
fn of_more_those_are_named_who_spoke_last() {
    let names = ["alice", "zoe", "bob", "eve", "carol", "dave", "fay", "gil", "hal"];
    let mut room = room(&names);
    assert_eq!(named(&room, 0), ("bob carol dave eve fay".into(), 3), "nobody has spoken");
    say(&mut room, &[8, 3]);
    assert_eq!(named(&room, 0), ("eve hal bob carol dave".into(), 3));
    say(&mut room, &[1, 2, 0, 7, 6, 1, 1]);
    assert_eq!(named(&room, 0), ("zoe fay gil bob eve".into(), 3));
    assert_eq!(named(&room, 1), ("fay gil alice bob eve".into(), 3), "each without themselves");
    leave(&mut room, 6);
    assert_eq!(named(&room, 0), ("zoe gil bob eve hal".into(), 2));
    join(&mut room, 6, "fay", JoinKind::Switch);
    assert_eq!(named(&room, 0), ("zoe gil bob eve hal".into(), 3), "they have not spoken since");
    join(&mut room, 99, "zoe", JoinKind::TakeOver(ConnId(1)));
    assert_eq!(named(&room, 0), ("zoe gil bob eve hal".into(), 3), "the same under a connection");
}

#[test]
fn a_lobby_that_is_set_up_again_knows_who_spoke() {
    let mut room = room(&["alice", "bob", "carol", "dave", "eve", "fay", "zoe"]);
    say(&mut room, &[6]);
    assert_eq!(named(&room.take(), 0), ("zoe bob carol dave eve".into(), 1));
}

#[test]
fn a_large_lobby_names_five_and_counts_the_rest() {
    let names: Vec<_> = (0..500).map(|n| format!("user{n}")).collect();
    let mut room = room(&names.iter().map(String::as_str).collect::<Vec<_>>());
    say(&mut room, &(100..400).collect::<Vec<_>>());
    assert_eq!(named(&room, 0), ("user399 user398 user397 user396 user395".into(), 494));
}
