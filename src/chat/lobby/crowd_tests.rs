use proptest::prelude::*;

use super::*;
use crate::chat::history::History;
use crate::chat::lobby::step::{Input, Join, JoinKind};
use crate::chat::lobby::{LobbyState, Member, Saying};
use crate::chat::name::Name;
use crate::chat::pictures::Picture;
use crate::chat::text::Line;

const NOW: UnixMillis = UnixMillis(1_000_000);

/// A lobby, and what it has told since that was asked last.
struct Scene {
    room: Room<u64>,
    effects: Vec<Effect<u64>>,
}

impl Scene {
    /// One with so many members, who are called user0 and so on and have these connections.
    fn with(members: u64) -> Self {
        let state = LobbyState::example(2, Name::parse("coding").unwrap());
        let room = Room::new(state, History::new(10, Duration::from_secs(60)));
        let mut scene = Self { room, effects: Vec::new() };
        (0..members).for_each(|conn| scene.join(conn, &format!("user{conn}")));
        scene.put(Input::SumUp);
        scene.effects.clear();
        scene
    }

    fn put(&mut self, input: Input<u64>) {
        self.room.step(input, NOW, &mut self.effects).unwrap();
    }

    fn join(&mut self, conn: u64, name: &str) {
        self.come(conn, name, JoinKind::Switch);
    }

    fn come(&mut self, conn: u64, name: &str, kind: JoinKind) {
        let member = Member::new(Identity::example(conn, name, None), Picture::DEFAULT, None, conn);
        let join = Join { member, proof: None, kind, prefs: Default::default() };
        self.put(Input::Join(Box::new(join)));
    }

    fn leave(&mut self, conn: u64) {
        self.put(Input::Leave { conn: ConnId(conn), goes_on_in: None, server_stops: false });
    }

    fn say(&mut self, conn: u64) {
        let saying = Saying::message(Line::clean("hi"));
        self.put(Input::Say { conn: ConnId(conn), saying, tagged: None });
    }

    /// What was told to all, and to whom alone, and whether a second has begun.
    fn told(&mut self) -> Vec<String> {
        let names =
            |who: &[Person]| who.iter().map(|who| who.name.as_str()).collect::<Vec<_>>().join(" ");
        let what = |event: Event| match event.what {
            Happened::Joined(who) => format!("{} joined", who.name),
            Happened::Left(who) => format!("{} left", who.name),
            Happened::ManyJoined(who) => format!("joined: {}", names(&who)),
            Happened::ManyLeft(who) => format!("left: {}", names(&who)),
            Happened::Said { entry, .. } => format!("{} said", entry.author.name),
            Happened::Renamed { before, who } => format!("{before} is {}", who.name),
            other => panic!("{other:?}"),
        };
        let told = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Show(event) => Some(what(event)),
            Effect::ShowTo(at, event) => Some(format!("{at}: {}", what(event))),
            Effect::SumUp => Some("a second".to_owned()),
            _ => None,
        });
        told.collect()
    }
}

#[test]
fn in_a_lobby_of_a_hundred_each_is_told_alone() {
    let mut scene = Scene::with(99);
    scene.join(99, "ann");
    scene.leave(5);
    assert_eq!(scene.told(), ["ann joined", "user5 left"]);
    assert!(!scene.room.is_summing());
}

#[test]
fn in_a_larger_one_those_of_a_second_are_told_together_and_each_their_own_at_once() {
    let mut scene = Scene::with(100);
    scene.join(201, "bob");
    scene.join(200, "ann");
    scene.leave(7);
    scene.leave(3);
    assert_eq!(scene.told(), ["201: bob joined", "a second", "200: ann joined"]);
    assert!(scene.room.is_summing());
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), ["joined: ann bob", "left: user7 user3"]);
    assert!(!scene.room.is_summing());
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), Vec::<String>::new(), "nothing is told twice");
    scene.join(202, "eve");
    scene.leave(9);
    assert_eq!(scene.told(), ["202: eve joined", "a second"]);
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), ["joined: eve", "left: user9"], "one alone each");
}

#[test]
fn who_goes_with_their_server_goes_in_one_notice_in_a_small_lobby_too() {
    let mut scene = Scene::with(6);
    for conn in [1, 2, 3] {
        scene.put(Input::Leave { conn: ConnId(conn), goes_on_in: None, server_stops: true });
    }
    scene.say(0);
    assert_eq!(scene.told(), ["a second", "user0 said"]);
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), ["left: user1 user2 user3"]);
    scene.put(Input::Leave { conn: ConnId(4), goes_on_in: None, server_stops: true });
    scene.leave(5);
    assert_eq!(scene.told(), ["a second", "left: user4", "user5 left"], "the order is kept");
    scene.put(Input::Leave { conn: ConnId(0), goes_on_in: None, server_stops: true });
    scene.join(7, "user0");
    assert_eq!(scene.told(), ["left: user0", "user0 joined"], "who comes back has gone before");
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), Vec::<String>::new(), "nothing is told twice");
}

#[test]
fn nothing_is_lost_where_the_lobby_is_large_no_more() {
    let mut scene = Scene::with(101);
    scene.leave(1);
    assert_eq!(scene.told(), ["a second"]);
    scene.leave(2);
    assert_eq!(scene.told(), ["left: user1", "user2 left"]);
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), Vec::<String>::new());
}

#[test]
fn whoever_speaks_or_is_called_otherwise_has_come_in_before() {
    let mut scene = Scene::with(101);
    scene.join(200, "ann");
    scene.join(201, "bob");
    scene.say(4);
    assert_eq!(scene.told(), ["200: ann joined", "a second", "201: bob joined", "user4 said"]);
    scene.say(200);
    assert_eq!(scene.told(), ["joined: ann bob", "ann said"]);
    scene.join(202, "eve");
    scene.put(Input::Ask(ConnId(202)));
    assert_eq!(scene.told(), ["202: eve joined", "joined: eve"], "the second goes on");
    scene.join(203, "fay");
    scene.put(Input::Rename(ConnId(203), Name::parse("gil").unwrap()));
    assert_eq!(scene.told(), ["203: fay joined", "joined: fay", "fay is gil"]);
}

#[test]
fn whoever_comes_back_within_the_second_has_gone_before() {
    let mut scene = Scene::with(102);
    scene.leave(5);
    scene.join(300, "USER5");
    assert_eq!(scene.told(), ["a second", "left: user5", "300: USER5 joined"]);
    scene.leave(300);
    scene.put(Input::SumUp);
    assert_eq!(scene.told(), ["joined: USER5", "left: USER5"]);
}

#[test]
fn a_lobby_that_is_set_up_again_and_a_place_that_is_taken_over_lose_nobody() {
    let mut scene = Scene::with(101);
    scene.join(200, "ann");
    scene.come(300, "ann", JoinKind::TakeOver(ConnId(200)));
    assert_eq!(scene.told(), ["200: ann joined", "a second"]);
    let room = scene.room.take();
    assert!(room.is_summing());
    let mut scene = Scene { room, ..scene };
    scene.say(300);
    assert_eq!(scene.told(), ["joined: ann", "ann said"]);
}

/// What somebody does in a lobby, as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Joined,
    Left,
    Said,
}

/// What is told to all, of whom.
fn told_to_all(effects: Vec<Effect<u64>>) -> Vec<(ConnId, Deed)> {
    let one = |who: &Person, deed| (who.conn.unwrap(), deed);
    let each = |effect| {
        let Effect::Show(Event { what, .. }) = effect else { return Vec::new() };
        match what {
            Happened::Joined(who) => vec![one(&who, Deed::Joined)],
            Happened::Left(who) => vec![one(&who, Deed::Left)],
            Happened::ManyJoined(who) => who.iter().map(|who| one(who, Deed::Joined)).collect(),
            Happened::ManyLeft(who) => who.iter().map(|who| one(who, Deed::Left)).collect(),
            Happened::Said { entry, .. } => vec![one(&entry.author, Deed::Said)],
            other => panic!("{other:?}"),
        }
    };
    effects.into_iter().flat_map(each).collect()
}

proptest! {
    #[test]
    fn of_each_all_is_told_once_and_in_the_order_in_which_it_happened(
        steps in prop::collection::vec((0..4_u8, 90..112_u64), 0..200)
    ) {
        let mut scene = Scene::with(98);
        let mut happened = Vec::new();
        for (what, conn) in steps {
            let here = scene.room.member(ConnId(conn)).is_some();
            match (what, here) {
                (0, false) => scene.join(conn, &format!("user{conn}")),
                (1, true) => scene.leave(conn),
                (2, true) => scene.say(conn),
                (3, _) => {
                    scene.put(Input::SumUp);
                    continue;
                }
                _ => continue,
            }
            happened.push((ConnId(conn), [Deed::Joined, Deed::Left, Deed::Said][usize::from(what)]));
        }
        scene.put(Input::SumUp);
        let told = told_to_all(scene.effects);
        prop_assert_eq!(told.len(), happened.len());
        for conn in (90..112).map(ConnId) {
            let of = |deeds: &[(ConnId, Deed)]| -> Vec<Deed> {
                deeds.iter().filter(|(who, _)| *who == conn).map(|(_, deed)| *deed).collect()
            };
            prop_assert_eq!(of(&told), of(&happened), "{}", conn.0);
        }
    }
}
