use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::chat::accounts::Target;
use crate::chat::bot::TokenHash;
use crate::chat::directory::IpKey;
use crate::chat::history::{History, MessageKind};
use crate::chat::kept::{Missed, Since};
use crate::chat::lobbies::GENERAL_ID;
use crate::chat::lobby::LobbyState;
use crate::chat::name::NameKey;
use crate::chat::orders::{Order, OrderError, PURGE_TIME, UNDO_TIME};
use crate::chat::password::Secret;
use crate::chat::roles::{Denied, Owner};
use crate::chat::sanctions::Terms;
use crate::chat::text::Text;

const START: UnixMillis = UnixMillis(1_000_000);

/// A lobby on a clock of its own, in which each user is reached by a letter.
struct Scene {
    room: Room<char>,
    now: UnixMillis,
}

impl Scene {
    /// Alice's, who is connection 1.
    fn new() -> Self {
        let name = Name::parse("coding").unwrap();
        let owner = Owner::Guest(ConnId(1));
        let state = LobbyState { owner, used_at: START, ..LobbyState::example(7, name) };
        let mut history = History::new(10, Duration::from_secs(60));
        history.restore(Vec::new(), 5);
        Self { room: Room::new(state, history), now: START }
    }

    fn wait(&mut self, secs: u64) {
        self.now = UnixMillis(self.now.0 + secs * 1_000);
    }

    /// What follows, each in a few words, or why it may not be.
    fn put(&mut self, input: Input<char>) -> Result<Vec<String>, Refusal> {
        let mut effects = Vec::new();
        self.room.step(input, self.now, &mut effects)?;
        Ok(effects.iter().map(told).collect())
    }

    fn join(&mut self, who: Identity, kind: JoinKind) -> Result<Vec<String>, Refusal> {
        let at = who.name.as_str().chars().next().unwrap();
        let member = Member::new(who, Picture::DEFAULT, None, at);
        let prefs = ReplayPrefs::default();
        self.put(Input::Join(Box::new(Join { member, proof: None, kind, prefs })))
    }

    fn say(&mut self, conn: u64, text: &str) -> Result<Vec<String>, Refusal> {
        let saying = Saying::message(Line::clean(text));
        self.put(Input::Say { conn: ConnId(conn), saying, tagged: None })
    }

    /// Has an order of Alice's planned, and lets it happen.
    fn order(&mut self, order: Order) -> Result<Vec<String>, OrderError> {
        let alice = guest(1, "alice");
        let what = Arc::new(self.room.plan(&alice, order, self.now)?);
        Ok(self.put(Input::Moderate { by: alice, what }).unwrap())
    }
}

fn who(conn: u64, name: &str, account: Option<u32>) -> Identity {
    let ip = IpKey::from(IpAddr::from([10, 0, 0, conn as u8]));
    Identity { ip, ..Identity::example(conn, name, account) }
}

fn guest(conn: u64, name: &str) -> Identity {
    who(conn, name, None)
}

fn told(effect: &Effect<char>) -> String {
    match effect {
        Effect::Show(event) => match &event.what {
            Happened::Said { entry, .. } => format!("all: {}", entry.text.as_str()),
            Happened::Joined(who) => format!("all: {} joined", who.name),
            Happened::Left(who) => format!("all: {} left", who.name),
            Happened::Renamed { who, .. } => format!("all: now {}", who.name),
            Happened::Moderated { by, what } => format!("all: {by} did {}", what.verb()),
            Happened::ManyJoined(who) => format!("all: {} joined", who.len()),
            Happened::ManyLeft(who) => format!("all: {} left", who.len()),
            Happened::ManyLost(who) => format!("all: {} lost", who.len()),
            Happened::BotsMuted => "all: bots muted".into(),
            Happened::Asked { .. } | Happened::Answered(_) | Happened::AnswerKept { .. } => {
                "all: rox".into()
            }
        },
        Effect::ShowTo(at, _) => format!("{at} alone"),
        Effect::SumUp => "a second".into(),
        Effect::Enter(at, replay) => format!("{at}: enter with {}", replay.recent.len()),
        Effect::Tagged(at, by) => format!("{at}: tagged by {}", by.name),
        Effect::Remove(at, by, _) => format!("{at}: removed by {by}"),
        Effect::Silence(at) => format!("{at}: silence"),
        Effect::Came(at, _) => format!("{at} came"),
        Effect::Went(at, _) => format!("{at} went"),
        Effect::Reseated(before, at, _) => format!("{before} is {at}"),
        Effect::Confirmed(at) => format!("{at} confirmed"),
        Effect::Keep(Change::Said { seq, .. }) => format!("keep {seq}"),
        Effect::Keep(Change::AccountLeft { lobby, .. }) => format!("keep place {}", lobby.0),
        Effect::Keep(Change::AccountPutOut { account, .. }) => format!("keep out {}", account.0),
        Effect::Keep(Change::LobbyUsed { .. }) => "keep use".into(),
        Effect::Keep(Change::LobbyPut(_)) => "keep state".into(),
        Effect::Keep(Change::OwnerSet { .. }) => "keep owner".into(),
        Effect::Keep(Change::SanctionSet { .. }) => "keep sanction".into(),
        Effect::Keep(change) => format!("keep {change:?}"),
        Effect::Changed => "changed".into(),
        Effect::Offer(account, _) => format!("offer to {}", account.0),
        Effect::Recheck(conn) => format!("recheck {}", conn.0),
        Effect::End => "end".into(),
    }
}

#[test]
fn whoever_comes_in_is_shown_the_history_before_all_are_told() {
    let mut scene = Scene::new();
    let first = scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    assert_eq!(first, ["a: enter with 0", "all: alice joined", "a came"]);
    assert_eq!(scene.say(1, "hello").unwrap(), ["keep 5", "all: hello"]);
    let second = scene.join(who(2, "bob", Some(9)), JoinKind::Switch).unwrap();
    assert_eq!(second, ["keep place 7", "b: enter with 1", "all: bob joined", "b came"]);
    assert_eq!(scene.say(2, "hi").unwrap(), ["keep 6", "all: hi"], "the next number");
}

#[test]
fn a_lobby_in_use_is_stored_as_such_every_ten_minutes() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    scene.wait(599);
    assert_eq!(scene.say(1, "a").unwrap(), ["keep 5", "all: a"]);
    scene.wait(1);
    assert_eq!(scene.say(1, "b").unwrap(), ["keep 6", "keep use", "all: b"]);
    assert_eq!(scene.say(1, "c").unwrap(), ["keep 7", "all: c"]);
}

#[test]
fn what_may_not_be_changes_nothing() {
    let mut scene = Scene::new();
    assert_eq!(scene.say(1, "hello"), Err(SayError::NotHere.into()));
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    let again = scene.join(guest(1, "alice"), JoinKind::Switch);
    assert!(matches!(again, Err(Refusal::Join(JoinError::AlreadyThere(_)))));
    let absent = scene.join(guest(2, "bob"), JoinKind::Return);
    assert_eq!(absent, Err(JoinError::NoSuchLobby.into()), "who was put out does not return");
    assert_eq!(scene.join(guest(1, "alice"), JoinKind::Return).unwrap(), ["a confirmed"]);
    assert_eq!((scene.room.len(), scene.room.last(9).count()), (1, 0));
}

#[test]
fn a_tag_reaches_whom_it_is_for_after_all_were_shown_it() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    let kind = MessageKind::Tag(Name::parse("bob").unwrap());
    let saying = Saying { kind, text: Text::clean("look") };
    let told = scene.put(Input::Say { conn: ConnId(1), saying, tagged: Some('b') }).unwrap();
    assert_eq!(told, ["keep 5", "all: look", "b: tagged by alice"]);
}

#[test]
fn a_second_login_takes_the_place_without_a_word_to_the_others() {
    let mut scene = Scene::new();
    scene.join(who(2, "bob", Some(9)), JoinKind::Login).unwrap();
    let over = scene.join(who(3, "Bob", Some(9)), JoinKind::TakeOver(ConnId(2))).unwrap();
    assert_eq!(over, ["keep place 7", "B: enter with 0", "b is B"]);
    let leave = |conn| Input::Leave {
        conn: ConnId(conn),
        goes_on_in: Some(LobbyId(7)),
        server_stops: false,
    };
    assert!(scene.put(leave(2)).unwrap().is_empty(), "the first takes nobody out when it goes");
    assert_eq!(scene.put(leave(3)).unwrap(), ["keep place 7", "all: Bob left", "B went"]);
    // Put out meanwhile, they come in like anybody else.
    let late = scene.join(who(4, "bob", Some(9)), JoinKind::TakeOver(ConnId(3))).unwrap();
    assert_eq!(late, ["keep place 7", "b: enter with 0", "all: bob joined", "b came"]);
}

#[test]
fn whoever_is_put_out_is_told_after_all_were_told() {
    let mut scene = Scene::new();
    for (conn, name, account) in [(1, "alice", None), (2, "bob", Some(9))] {
        scene.join(who(conn, name, account), JoinKind::Switch).unwrap();
    }
    let whom = || Target::Present(who(2, "bob", Some(9)));
    let kicked = scene.order(Order::Kick { whom: whom(), reason: None }).unwrap();
    let gone = ["all: bob left", "b went", "b: removed by alice"];
    let end = ["changed", "keep state"];
    assert_eq!(kicked, [&["keep out 9", "all: alice did kick"], &gone[..], &end].concat());
    scene.join(who(2, "bob", Some(9)), JoinKind::Switch).unwrap();
    let banned = scene.order(Order::Ban { whom: whom(), terms: Terms::default() }).unwrap();
    assert_eq!(banned, [&["keep out 9", "all: alice did ban"], &gone[..], &end].concat());
    let guest = Order::Mute { whom: Target::Present(guest(5, "eve")), terms: Terms::default() };
    assert_eq!(scene.order(guest).unwrap()[0], "recheck 5", "she may have an account by now");
}

#[test]
fn whoever_is_muted_is_to_say_nothing_of_what_waits() {
    let mut scene = Scene::new();
    for (conn, name) in [(1, "alice"), (2, "bob"), (3, "carol")] {
        scene.join(guest(conn, name), JoinKind::Switch).unwrap();
    }
    let whom = Target::Present(guest(2, "bob"));
    let muted = scene.order(Order::Mute { whom, terms: Terms::default() }).unwrap();
    let end = ["changed", "keep state"];
    assert_eq!(muted, [&["recheck 2", "all: alice did mute", "b: silence"], &end[..]].concat());
    let topic = scene.order(Order::Topic(None)).unwrap();
    assert_eq!(topic, [&["all: alice did topic"], &end[..]].concat(), "by nothing else");
}

#[test]
fn a_lobby_that_is_deleted_sends_all_away_and_ends() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    let deleted = scene.order(Order::Delete).unwrap();
    assert_eq!(deleted, ["all: alice did delete", "a: removed by alice", "end"]);
}

#[test]
fn what_is_to_be_stored_of_an_order_changes_nothing_yet() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    let by = guest(1, "alice");
    let topic = Order::Topic(Some(Line::clean("Release")));
    let what = scene.room.plan(&by, topic, scene.now).unwrap();
    let changes = scene.room.changes(&what, &by.name, Line::clean("told"), scene.now);
    let [Change::LobbyPut(state), Change::Audited(entry)] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(state.topic, Some(Line::clean("Release")));
    assert_eq!((entry.who.as_str(), entry.what.as_str()), ("alice", "told"));
    assert_eq!(scene.room.state().topic, None);
    scene.put(Input::Moderate { by, what: what.into() }).unwrap();
    assert_eq!(scene.room.state(), state, "what was stored is what it is");
}

#[test]
fn the_same_in_the_same_order_makes_the_same_lobby() {
    let mut scenes = [Scene::new(), Scene::new()];
    let inputs = || {
        let join = |who: Identity| {
            let member = Member::new(who, Picture::DEFAULT, None, 'x');
            let (kind, prefs) = (JoinKind::Login, ReplayPrefs::default());
            Input::Join(Box::new(Join { member, proof: None, kind, prefs }))
        };
        let (alice, bob) = (guest(1, "alice"), who(2, "bob", Some(9)));
        let say = |conn, text: &str| Input::Say {
            conn: ConnId(conn),
            saying: Saying::message(Line::clean(text)),
            tagged: None,
        };
        let topic = Moderation::Topic(Some(Line::clean("Release")));
        let register =
            Input::Register { guest: alice.clone(), account: AccountId(8), admin: false };
        let gone =
            Input::Leave { conn: ConnId(2), goes_on_in: Some(GENERAL_ID), server_stops: false };
        vec![
            join(alice.clone()),
            join(bob),
            say(1, "one"),
            say(2, "two"),
            Input::Moderate { by: alice, what: topic.into() },
            register,
            gone,
        ]
    };
    for scene in &mut scenes {
        for input in inputs() {
            let mut effects = Vec::new();
            // As whoever replays a log does: nothing is asked any more.
            scene.room.happen(input, scene.now, &mut effects);
            scene.wait(1);
        }
    }
    let [one, other] = scenes;
    assert_eq!(format!("{:?}", one.room.state()), format!("{:?}", other.room.state()));
    assert_eq!(one.room.state().owner, Owner::Account(AccountId(8)));
    let texts = |room: &Room<char>| room.last(9).map(|(_, e)| e.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&one.room), texts(&other.room));
    assert_eq!(one.room.len(), 1);
}

#[test]
fn what_was_missed_comes_out_of_the_store_and_what_came_since_out_of_the_lobby() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    scene.say(1, "stored").unwrap();
    let next_seq = scene.room.next_seq();
    // In the same instant: the numbers tell.
    scene.say(1, "since").unwrap();
    let replay = |scene: &mut Scene, kept_since| {
        let missed = Some(Missed { count: 1, newest: Vec::new(), next_seq });
        let left = Some(Since { at: START, seq: None });
        let prefs = ReplayPrefs { missed, left, kept_since, ..ReplayPrefs::default() };
        let replay = scene.room.replay(JoinKind::Login, false, prefs, scene.now);
        let recent = replay.recent.iter().map(|(_, entry)| entry.text.as_str().to_owned());
        (replay.missed, recent.collect::<Vec<_>>())
    };
    let all = (Some((2, START)), vec!["since".to_owned()]);
    assert_eq!(replay(&mut scene, UnixMillis(0)), all);
    let later = UnixMillis(scene.now.0 + 1);
    assert_eq!(replay(&mut scene, later), (Some((1, START)), vec![]), "kept no more");
}

#[test]
fn the_end_of_an_account_that_a_lobby_has_nothing_of_copies_nothing() {
    let mut scene = Scene::new();
    let state = scene.room.state().clone();
    let over =
        |account| Input::Unregister { account: AccountId(account), who: None, present: None };
    assert_eq!(scene.put(over(9)), Ok(vec![]));
    assert!(Arc::ptr_eq(&state, scene.room.state()), "the Registry has the same");
    scene.room.state_mut().operators.insert(AccountId(9));
    scene.put(over(9)).unwrap();
    assert_eq!(scene.room.state().operators.len(), 0);
}

#[test]
fn what_is_taken_back_is_looked_for_stored_as_gone_and_told() {
    let mut scene = Scene::new();
    let (bob, eve) = (who(2, "bob", Some(2)), guest(3, "eve"));
    for user in [bob.clone(), eve.clone()] {
        scene.join(user, JoinKind::Login).unwrap();
    }
    (0..3).for_each(|n| _ = scene.say(2, &format!("m{n}")).unwrap());
    let asks = scene.room.asks(&bob, &Order::Undo(None), scene.now).unwrap();
    let own = (bob.account, Some((ConnId(2), 5)), scene.now.before(UNDO_TIME), 1);
    assert_eq!((asks.account, asks.conn, asks.since, asks.max), own);
    let undo = |found| Order::Undo(None).about(found);
    let nothing = scene.room.plan(&bob, undo(vec![]), scene.now).unwrap_err();
    assert_eq!(nothing, OrderError::NothingToUndo);
    let what = scene.room.plan(&bob, undo(vec![7]), scene.now).unwrap();
    let stored = scene.room.changes(&what, &bob.name, Line::clean("x"), scene.now);
    let gone = Change::MessagesRemoved { lobby: LobbyId(7), seqs: [7].into() };
    assert_eq!(stored, [gone], "and nothing for the audit");
    let effects = scene.put(Input::Moderate { by: bob, what: what.into() }).unwrap();
    assert_eq!(effects.len(), 1, "the lobby is as it was: {effects:?}");
    let left: Vec<_> =
        scene.room.last(9).map(|(_, entry)| entry.text.as_str().to_owned()).collect();
    assert_eq!(left, ["m0", "m1"]);
}

#[test]
fn what_somebody_said_is_removed_by_those_above_them() {
    let mut scene = Scene::new();
    let (alice, bob, eve) = (guest(1, "alice"), who(2, "bob", Some(2)), guest(3, "eve"));
    let purge = |whom: Target| Order::Purge { whom, said: [].into() };
    let asks = |scene: &Scene, by: &Identity, whom| scene.room.asks(by, &purge(whom), scene.now);
    let absent = || Target::Absent {
        account: AccountId(2),
        name: bob.name.clone(),
        admin: false,
        bot_of: None,
    };
    for (whom, account, conn) in [
        (Target::Present(eve.clone()), None, Some(3)),
        (Target::Departed(eve.clone()), None, Some(3)),
        (Target::Present(bob.clone()), Some(2), Some(2)),
        (absent(), Some(2), None),
    ] {
        let asks = asks(&scene, &alice, whom.clone()).unwrap();
        let conn = conn.map(|conn| (ConnId(conn), 5));
        assert_eq!((asks.account.map(|id| id.0), asks.conn), (account, conn), "{whom:?}");
        let guest = account.is_none().then(|| (eve.name.key(), eve.ip));
        assert_eq!((asks.since, asks.guest), (scene.now.before(PURGE_TIME), guest));
    }
    assert!(asks(&scene, &bob, absent()).is_none(), "not for those who may not");
    let plan = |by: &Identity, order| scene.room.plan(by, order, scene.now);
    let denied = plan(&bob, purge(Target::Present(eve.clone())).about(vec![5])).unwrap_err();
    assert_eq!(denied, Denied::NotOperator.into());
    let nothing = plan(&alice, purge(Target::Present(eve.clone()))).unwrap_err();
    assert_eq!(nothing, OrderError::NothingToPurge(eve.name.clone()));
    let oneself = plan(&alice, purge(Target::Present(alice.clone())).about(vec![5]));
    assert_eq!(oneself.unwrap_err(), Denied::Oneself.into());
    scene.join(eve.clone(), JoinKind::Login).unwrap();
    (0..3).for_each(|n| _ = scene.say(3, &format!("m{n}")).unwrap());
    let order = purge(Target::Present(eve.clone())).about(vec![7, 5]);
    let what = scene.room.plan(&alice, order, scene.now).unwrap();
    let stored = scene.room.changes(&what, &alice.name, Line::clean("x"), scene.now);
    let gone = Change::MessagesRemoved { lobby: LobbyId(7), seqs: [5, 7].into() };
    assert!(stored[0] == gone && matches!(stored[1], Change::Audited(_)), "{stored:?}");
    scene.put(Input::Moderate { by: alice, what: what.into() }).unwrap();
    let left: Vec<_> =
        scene.room.last(9).map(|(_, entry)| entry.text.as_str().to_owned()).collect();
    assert_eq!(left, ["m1"]);
}

#[test]
fn a_password_is_renewed_where_its_record_still_stands() {
    let record = |salt| Arc::new(PasswordRecord::create(&Secret::new("pw"), salt).unwrap());
    let (old, new) = (record(b"0123456789abcdef"), record(b"fedcba9876543210"));
    let mut scene = Scene::new();
    scene.order(Order::SetPassword(Some(old.clone()))).unwrap();
    let set_at = scene.room.state().password_at;
    scene.wait(5);
    let renew = |scene: &mut Scene| {
        scene.put(Input::RenewPassword { before: old.clone(), record: new.clone() }).unwrap()
    };
    assert_eq!(renew(&mut scene), ["changed", "keep state"]);
    assert_eq!(scene.room.state().record.as_ref(), Some(&new));
    assert_eq!(scene.room.state().password_at, set_at, "whoever knows it comes back as before");
    assert!(renew(&mut scene).is_empty(), "it has another record by now");
    scene.order(Order::SetPassword(None)).unwrap();
    assert!(renew(&mut scene).is_empty() && scene.room.state().record.is_none());
}

fn bot(conn: u64, name: &str, account: u32) -> Identity {
    Identity { bot_of: Some(AccountId(1)), ..who(conn, name, Some(account)) }
}

/// Alice's lobby, in which there are a bot, connection 2, and the hook `ci`.
fn scene_with_bots() -> Scene {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    scene.join(bot(2, "weather", 8), JoinKind::Login).unwrap();
    let name = Name::parse("ci").unwrap();
    scene.order(Order::AddHook { name, token: TokenHash([1; 32]) }).unwrap();
    scene
}

fn post(text: &str) -> Input<char> {
    Input::Post { hook: Name::parse("ci").unwrap(), text: Line::clean(text).into() }
}

fn muted(secs: u64) -> Refusal {
    SayError::BotsMuted(Duration::from_secs(secs)).into()
}

/// What the node does whose bot it was that spoke last.
fn trip(scene: &mut Scene) -> Option<Vec<String>> {
    let until = scene.room.too_loud_until(scene.now)?;
    Some(scene.put(Input::QuietBots { until }).unwrap())
}

#[test]
fn bots_come_and_go_without_a_word_and_without_a_replay() {
    let mut scene = Scene::new();
    scene.join(guest(1, "alice"), JoinKind::Switch).unwrap();
    scene.say(1, "before").unwrap();
    let (who, at) = (bot(2, "weather", 8), 'w');
    let member = Member::new(who.clone(), Picture::DEFAULT, None, at);
    let prefs = ReplayPrefs::default();
    let join = Join { member, proof: None, kind: JoinKind::Login, prefs };
    let came = scene.put(Input::Join(Box::new(join))).unwrap();
    assert_eq!(came, ["keep place 7", "w: enter with 0", "w came"]);
    let leave = Input::Leave { conn: ConnId(2), goes_on_in: None, server_stops: false };
    assert_eq!(scene.put(leave).unwrap(), ["w went"]);
    scene.join(who, JoinKind::Login).unwrap();
    let mut effects = Vec::new();
    scene.room.lose(&[ConnId(2)], (scene.now, scene.now), &mut effects);
    let told: Vec<_> = effects.iter().map(told).collect();
    assert!(told.iter().all(|effect| !effect.starts_with("all:")), "{told:?}");
}

#[test]
fn what_a_hook_posts_is_said_under_its_name_and_kept() {
    let mut scene = scene_with_bots();
    assert_eq!(scene.put(post("built")).unwrap(), ["keep 5", "all: built"]);
    let (_, entry) = scene.room.recent(scene.now).next().unwrap();
    assert_eq!(entry.author, Person::hook(Name::parse("ci").unwrap()));
    let other = Input::Post { hook: Name::parse("other").unwrap(), text: Line::clean("x").into() };
    assert_eq!(scene.put(other), Err(SayError::NoSuchHook.into()));
    scene.order(Order::DeleteHook(NameKey::of("ci"))).unwrap();
    assert_eq!(scene.put(post("built")), Err(SayError::NoSuchHook.into()));
}

#[test]
fn bots_and_hooks_are_muted_together_for_a_minute_by_twenty_messages_and_told_of_once() {
    let mut scene = scene_with_bots();
    for n in 0..20 {
        assert_eq!(trip(&mut scene), None, "after {n}");
        if n % 2 == 0 {
            scene.put(post("x")).unwrap()
        } else {
            scene.say(2, "y").unwrap()
        };
        scene.wait(2);
    }
    // 38 s after the first of them.
    assert_eq!(scene.put(post("x")), Err(muted(60)), "before the log has said so too");
    let tripped = trip(&mut scene).unwrap();
    assert_eq!(tripped, ["all: bots muted", "changed", "keep state"]);
    assert_eq!(trip(&mut scene), None, "told once");
    let again = Input::QuietBots { until: scene.now.after(Duration::from_secs(60)) };
    assert_eq!(
        scene.room.may_still(&again, scene.now),
        Err(muted(60)),
        "of two nodes one is first"
    );
    assert_eq!((scene.put(post("x")), scene.say(2, "y")), (Err(muted(60)), Err(muted(60))));
    let say =
        Input::Say { conn: ConnId(2), saying: Saying::message(Line::clean("y")), tagged: None };
    assert_eq!(scene.room.may_still(&say, scene.now), Err(muted(60)));
    scene.say(1, "people go on").unwrap();
    scene.wait(59);
    assert_eq!(scene.put(post("x")), Err(muted(1)), "a person does not end it");
    scene.wait(1);
    scene.put(post("x")).unwrap();
    scene.say(2, "y").unwrap();
}

#[test]
fn bots_are_never_muted_where_people_speak_in_between() {
    let mut scene = scene_with_bots();
    for n in 0..100 {
        scene.say(2, "y").unwrap();
        if n % 19 == 18 {
            scene.say(1, "a person").unwrap();
        }
        assert_eq!(trip(&mut scene), None);
    }
    scene.put(Input::Ask(ConnId(1))).unwrap();
    for _ in 0..19 {
        scene.say(2, "y").unwrap();
    }
    assert_eq!(trip(&mut scene), None, "a question to Rox is a person's word too");
}

#[test]
fn a_bot_that_helps_to_run_a_lobby_is_part_of_a_loop_too() {
    let mut scene = scene_with_bots();
    scene.order(Order::Op(Target::Present(bot(2, "weather", 8)))).unwrap();
    for _ in 0..20 {
        scene.say(2, "y").unwrap();
    }
    trip(&mut scene).unwrap();
    assert_eq!(scene.say(2, "y"), Err(muted(60)));
}

#[test]
fn a_hook_may_post_ten_times_in_ten_seconds() {
    let mut scene = scene_with_bots();
    for _ in 0..10 {
        scene.put(post("x")).unwrap();
        scene.say(1, "a person").unwrap();
    }
    let wait = Duration::from_secs(10);
    assert_eq!(scene.put(post("x")), Err(SayError::TooOften(wait).into()));
    assert_eq!(scene.room.may_still(&post("x"), scene.now), Ok(()), "only who proposes it knows");
    scene.wait(10);
    scene.put(post("x")).unwrap();
}

#[test]
fn nothing_of_bots_and_hooks_is_among_the_last_that_people_said() {
    let mut scene = scene_with_bots();
    scene.say(1, "one").unwrap();
    scene.put(post("built")).unwrap();
    scene.say(2, "sunny").unwrap();
    scene.say(1, "two").unwrap();
    scene.put(post("built")).unwrap();
    let texts: Vec<_> =
        scene.room.last(5).map(|(_, entry)| entry.text.as_str().to_owned()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(scene.room.last(1).count(), 1);
}

#[test]
fn what_is_held_against_an_account_is_held_against_its_bots() {
    let mut scene = scene_with_bots();
    scene.room.restore_member(Member::new(who(4, "owner", Some(1)), Picture::DEFAULT, None, 'o'));
    let terms = Terms { time: None, reason: None, alone: false };
    let whom = Target::Present(who(4, "owner", Some(1)));
    let told = scene.order(Order::Mute { whom: whom.clone(), terms: terms.clone() }).unwrap();
    assert!(told.contains(&"w: silence".to_owned()), "{told:?}");
    assert!(matches!(scene.say(2, "y"), Err(Refusal::Say(SayError::Muted(_)))));
    let told = scene.order(Order::Ban { whom, terms }).unwrap();
    assert!(told.contains(&"w: removed by alice".to_owned()), "{told:?}");
    let back = scene.join(bot(2, "weather", 8), JoinKind::Login);
    assert!(matches!(back, Err(Refusal::Join(JoinError::Banned(..)))));
}
