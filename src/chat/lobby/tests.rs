use std::net::IpAddr;
use std::sync::Arc;

use super::event::{Event, Happened};
use super::replay::ReplayPrefs;
use super::step::{Effect, Input, Refusal};
use super::*;
use crate::chat::accounts::Target;
use crate::chat::directory::IpKey;
use crate::chat::history::MessageKind;
use crate::chat::name::NameKey;
use crate::chat::orders::Named;
use crate::chat::password::{PasswordRecord, Secret};
use crate::chat::roles::Denied;
use crate::chat::sanctions::{Penalty, Terms};
use crate::chat::text::Text;

const NOW: UnixMillis = UnixMillis(1_000_000);

/// A user at the address 10.0.0.`ip`.
fn who(conn: u64, name: &str, account: Option<u32>, ip: u8) -> Identity {
    let ip = IpKey::from(IpAddr::from([10, 0, 0, ip]));
    Identity { ip, ..Identity::example(conn, name, account) }
}

fn guest(conn: u64, name: &str) -> Identity {
    who(conn, name, None, conn as u8)
}

fn room(owner: Owner) -> Room<()> {
    let history = History::new(10, Duration::from_secs(60));
    let state = LobbyState { owner, ..LobbyState::example(2, Name::parse("coding").unwrap()) };
    Room::new(state, history)
}

impl<H: Copy> Room<H> {
    fn let_in(
        &mut self,
        member: Member<H>,
        proof: Option<&PasswordRecord>,
        now: UnixMillis,
    ) -> Result<(), JoinError> {
        let (proof, prefs) = (proof.cloned().map(Arc::new), ReplayPrefs::default());
        let join = Join { member, proof, kind: JoinKind::Login, prefs };
        match self.step(Input::Join(Box::new(join)), now, &mut Vec::new()) {
            Ok(()) => Ok(()),
            Err(Refusal::Join(why)) => Err(why),
            Err(why) => panic!("{why}"),
        }
    }

    fn say(&mut self, conn: ConnId, saying: Saying, now: UnixMillis) -> Result<Entry, SayError> {
        let mut effects = Vec::new();
        match self.step(Input::Say { conn, saying, tagged: None }, now, &mut effects) {
            Err(Refusal::Say(why)) => return Err(why),
            done => done.unwrap(),
        }
        let said = effects.iter().find_map(|effect| match effect {
            Effect::Show(Event { what: Happened::Said { entry, .. }, .. }) => {
                Some((**entry).clone())
            }
            _ => None,
        });
        Ok(said.unwrap())
    }
}

fn join(room: &mut Room<()>, who: Identity) -> Result<(), JoinError> {
    room.let_in(Member::new(who, Picture::DEFAULT, None, ()), None, NOW)
}

fn say(room: &mut Room<()>, conn: u64, now: UnixMillis) -> Result<Entry, SayError> {
    room.say(ConnId(conn), Saying::message(Line::clean("hi")), now)
}

/// Plans as the owner, who is connection 1, and carries out.
fn order(room: &mut Room<()>, order: Order, now: UnixMillis) -> Result<Moderation, OrderError> {
    let what = room.plan(&guest(1, "alice"), order, now)?;
    room.apply(&alice(), &what, now);
    Ok(what)
}

fn alice() -> Name {
    Name::parse("alice").unwrap()
}

fn present(who: Identity) -> Target {
    Target::Present(who)
}

#[test]
fn a_user_is_in_it_once() {
    let mut room = room(Owner::Server);
    assert_eq!(join(&mut room, guest(1, "alice")), Ok(()));
    let again = join(&mut room, guest(1, "alice"));
    assert_eq!(again, Err(JoinError::AlreadyThere(room.state().name.clone())));
    assert!(room.leave(ConnId(1)).is_some());
    assert!(room.leave(ConnId(1)).is_none());
}

#[test]
fn a_private_lobby_wants_proof_for_the_record_that_stands() {
    let record = |salt| PasswordRecord::create(&Secret::new("pw"), salt).unwrap();
    let (mine, other) = (record(b"0123456789abcdef"), record(b"fedcba9876543210"));
    let mut room = room(Owner::Guest(ConnId(1)));
    let set = Moderation::SetPassword(Some(Arc::new(mine.clone())));
    room.apply(&alice(), &set, NOW);
    let member = || Member::new(guest(2, "bob"), Picture::DEFAULT, None, ());
    for proof in [None, Some(&other)] {
        assert_eq!(room.let_in(member(), proof, NOW), Err(JoinError::WrongPassword));
    }
    assert_eq!(room.let_in(member(), Some(&mine), NOW), Ok(()));
    room.leave(ConnId(2));
    room.apply(&alice(), &Moderation::SetPassword(Some(Arc::new(other))), NOW);
    assert_eq!(room.let_in(member(), Some(&mine), NOW), Err(JoinError::WrongPassword));
    room.apply(&alice(), &Moderation::SetPassword(None), NOW);
    assert_eq!(room.let_in(member(), None, NOW), Ok(()));
}

#[test]
fn only_members_speak_and_what_they_say_is_kept() {
    let mut room = room(Owner::Server);
    assert_eq!(say(&mut room, 1, NOW).unwrap_err(), SayError::NotHere);
    join(&mut room, guest(1, "alice")).unwrap();
    room.set_picture(ConnId(1), Picture::find("cat").unwrap());
    let entry = say(&mut room, 1, NOW).unwrap();
    assert_eq!((entry.author.name.as_str(), entry.picture.as_str()), ("alice", "(=^・^=)"));
    let action = Saying { kind: MessageKind::Action, text: Text::clean("waves") };
    assert!(room.say(ConnId(1), action, NOW).unwrap().kind == MessageKind::Action);
    assert_eq!((room.next_seq(), room.recent(NOW).count()), (2, 2));
}

#[test]
fn the_prompt_belongs_to_the_owner() {
    let (general, mut room) = (room(Owner::Server), room(Owner::Guest(ConnId(1))));
    let order = |room: &Room<()>, by| {
        room.plan(&guest(by, "alice"), Order::SetPrompt(Some(Line::clean("Be a pirate"))), NOW)
    };
    assert_eq!(order(&general, 1).unwrap_err(), PromptError::General.into());
    assert_eq!(order(&room, 2).unwrap_err(), PromptError::NotCreator.into());
    let what = order(&room, 1).unwrap();
    room.apply(&guest(1, "alice").name, &what, NOW);
    assert_eq!(room.state().prompt.as_ref().map(Line::as_str), Some("Be a pirate"));
}

#[test]
fn the_roster_is_by_name_whatever_the_case_and_says_who_is_away() {
    let mut room = room(Owner::Server);
    for (conn, name) in [(1, "zoe"), (2, "Bob"), (3, "alice")] {
        join(&mut room, guest(conn, name)).unwrap();
    }
    room.set_away(ConnId(2), Some(Line::clean("lunch")));
    let shown: Vec<_> = room.roster(None, 9).into_iter().map(|p| (p.who.name, p.away)).collect();
    let names: Vec<_> = shown.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["alice", "Bob", "zoe"]);
    let away: Vec<_> = shown.iter().map(|(_, away)| away.is_some()).collect();
    assert_eq!(away, [false, true, false]);
    // It can be had in parts.
    let rest: Vec<_> =
        room.roster(Some(&NameKey::of("ALICE")), 1).into_iter().map(|p| p.who.name).collect();
    assert_eq!(rest.iter().map(Name::as_str).collect::<Vec<_>>(), ["Bob"]);
    assert!(room.roster(Some(&NameKey::of("zoe")), 9).is_empty());
}

#[test]
fn the_roster_says_what_each_is() {
    let mut room = room(Owner::Account(AccountId(1)));
    room.state_mut().operators.insert(AccountId(2));
    for (conn, name, account) in
        [(1, "alice", Some(1)), (2, "bob", Some(2)), (3, "carol", Some(3)), (4, "dave", None)]
    {
        let admin = conn == 1 || conn == 3;
        let who = Identity { admin, ..who(conn, name, account, conn as u8) };
        join(&mut room, who).unwrap();
    }
    let marks = room.roster(None, 9).into_iter().map(|p| (p.owner, p.operator, p.admin));
    let want =
        [(true, false, true), (false, true, false), (false, false, true), (false, false, false)];
    assert_eq!(marks.collect::<Vec<_>>(), want);
    let mut theirs = self::room(Owner::Guest(ConnId(4)));
    join(&mut theirs, guest(4, "dave")).unwrap();
    assert!(theirs.roster(None, 1)[0].owner, "as long as they are connected");
}

#[test]
fn slow_mode_makes_all_wait_but_those_who_run_the_lobby() {
    let mut room = room(Owner::Guest(ConnId(1)));
    for (conn, name) in [(1, "alice"), (2, "bob")] {
        join(&mut room, guest(conn, name)).unwrap();
    }
    order(&mut room, Order::Slow(Duration::from_secs(10)), NOW).unwrap();
    let at = |secs: u64| UnixMillis(NOW.0 + secs * 1_000);
    assert!(say(&mut room, 2, at(0)).is_ok());
    let soon = say(&mut room, 2, at(4)).unwrap_err();
    assert_eq!(soon, SayError::TooSoon(Duration::from_secs(6)));
    assert_eq!(room.recent(at(4)).count(), 1, "it is not kept");
    assert!(say(&mut room, 1, at(4)).is_ok() && say(&mut room, 1, at(4)).is_ok());
    room.leave(ConnId(2));
    join(&mut room, guest(2, "bob")).unwrap();
    assert!(say(&mut room, 2, at(9)).is_err(), "coming back changes nothing");
    assert!(say(&mut room, 2, at(10)).is_ok());
    order(&mut room, Order::Slow(Duration::ZERO), at(11)).unwrap();
    assert!(say(&mut room, 2, at(11)).is_ok() && say(&mut room, 2, at(11)).is_ok());
}

#[test]
fn whoever_is_muted_says_nothing_until_it_ends() {
    let mut room = room(Owner::Guest(ConnId(1)));
    for user in [guest(1, "alice"), guest(2, "bob"), who(3, "carol", Some(3), 2)] {
        join(&mut room, user).unwrap();
    }
    let mute = |whom, secs: Option<u64>| Order::Mute {
        whom: present(whom),
        terms: Terms { time: secs.map(Duration::from_secs), ..Terms::default() },
    };
    order(&mut room, mute(guest(2, "bob"), Some(60)), NOW).unwrap();
    let muted = say(&mut room, 2, NOW).unwrap_err();
    let penalty = Penalty { left: Some(Duration::from_secs(60)), reason: None, by_address: false };
    assert_eq!(muted, SayError::Muted(penalty));
    assert!(say(&mut room, 3, NOW).is_ok(), "an account of that address");
    assert!(say(&mut room, 2, UnixMillis(NOW.0 + 60_000)).is_ok());

    order(&mut room, mute(who(3, "carol", Some(3), 2), None), NOW).unwrap();
    assert!(say(&mut room, 3, UnixMillis(u64::MAX)).is_err());
    let carol = Named { key: NameKey::of("CAROL"), whom: None };
    order(&mut room, Order::Unmute(carol.clone()), NOW).unwrap();
    assert!(say(&mut room, 3, NOW).is_ok());
    assert_eq!(order(&mut room, Order::Unmute(carol), NOW).unwrap_err(), OrderError::NotMuted);
}

#[test]
fn a_mute_lasts_for_as_long_as_it_was_meant_to_whatever_the_clock_is_set_to() {
    const HOUR: i64 = 3_600_000;
    for set_by in [HOUR, -HOUR / 4] {
        let mut room = room(Owner::Guest(ConnId(1)));
        for user in [guest(1, "alice"), guest(2, "bob")] {
            join(&mut room, user).unwrap();
        }
        // It had been set before too: what was then is no matter of the lobby's.
        let mut clock = ClockState { set_by: 7, ..ClockState::default() };
        room.note_clock(clock);
        let terms = Terms { time: Some(Duration::from_secs(60)), ..Terms::default() };
        let mute = Order::Mute { whom: present(guest(2, "bob")), terms };
        order(&mut room, mute, NOW).unwrap();
        clock.set_by += set_by;
        room.note_clock(clock);
        room.note_clock(clock);
        let at = |millis: i64| NOW.shifted(set_by + millis);
        assert!(say(&mut room, 2, at(59_999)).is_err(), "{set_by}");
        assert!(say(&mut room, 2, at(60_000)).is_ok(), "{set_by}");
    }
}

#[test]
fn a_mute_of_a_guest_is_of_all_guests_of_the_address_who_are_told_so_unless_it_is_of_one_alone() {
    let minute = Some(Duration::from_secs(60));
    let muted = |room: &mut Room<()>, conn| match say(room, conn, NOW) {
        Err(SayError::Muted(penalty)) => Some(penalty.by_address),
        said => said.map(|_| None).unwrap(),
    };
    for alone in [false, true] {
        let mut room = room(Owner::Guest(ConnId(1)));
        let of = |conn, name, account| who(conn, name, account, 7);
        for user in [of(1, "alice", None), of(2, "bob", None), of(3, "eve", None)] {
            join(&mut room, user).unwrap();
        }
        join(&mut room, of(4, "carol", Some(4))).unwrap();
        let terms = Terms { time: minute, alone, ..Terms::default() };
        let mute = Order::Mute { whom: present(of(2, "bob", None)), terms };
        let what = room.plan(&who(1, "alice", None, 7), mute, NOW).unwrap();
        let also: Vec<_> = room.also_struck(&what).iter().map(|name| name.to_string()).collect();
        assert_eq!(also, if alone { vec![] } else { vec!["eve"] });
        room.apply(&alice(), &what, NOW);
        assert_eq!(muted(&mut room, 1), None, "whoever runs the lobby");
        assert_eq!(muted(&mut room, 2), Some(false), "on the connection");
        assert_eq!(muted(&mut room, 3), (!alone).then_some(true), "another of the address");
        assert_eq!(muted(&mut room, 4), None, "an account there");
        room.leave(ConnId(2));
        join(&mut room, of(5, "bob", None)).unwrap();
        assert_eq!(muted(&mut room, 5), Some(!alone), "under the name again");
        let ended = UnixMillis(NOW.0 + 60_000);
        assert!(say(&mut room, 3, ended).is_ok() && say(&mut room, 5, ended).is_ok());
    }
}

#[test]
fn a_ban_keeps_out_whoever_it_is_about_and_nobody_else() {
    let mut room = room(Owner::Guest(ConnId(1)));
    let bob = who(2, "bob", None, 9);
    for user in [guest(1, "alice"), bob.clone()] {
        join(&mut room, user).unwrap();
    }
    let reason = Some(Line::clean("spam"));
    let time = Some(Duration::from_secs(60));
    let terms = Terms { time, reason: reason.clone(), alone: false };
    let ban = Order::Ban { whom: present(bob), terms };
    let what = order(&mut room, ban, NOW).unwrap();
    let goes = |room: &Room<()>, what| room.removed(what).map(|m| m.who.conn).collect::<Vec<_>>();
    assert_eq!(goes(&room, &what), [ConnId(2)]);
    room.leave(ConnId(2));

    let coding = room.state().name.clone();
    let penalty = Penalty { left: time, reason, by_address: true };
    let banned = Err(JoinError::Banned(coding, penalty));
    assert_eq!(join(&mut room, who(5, "rob", None, 9)), banned);
    assert_eq!(join(&mut room, who(6, "carol", Some(6), 9)), Ok(()), "an account there");
    assert_eq!(join(&mut room, who(7, "dave", None, 8)), Ok(()), "another address");
    let later = UnixMillis(NOW.0 + 60_000);
    let late = Member::new(who(8, "bob", None, 9), Picture::DEFAULT, None, ());
    assert_eq!(room.let_in(late, None, later), Ok(()));
}

#[test]
fn the_owner_comes_in_whatever_is_banned() {
    let mut room = room(Owner::Guest(ConnId(1)));
    let bob = who(2, "bob", None, 1);
    let ban = Order::Ban { whom: present(bob), terms: Terms::default() };
    order(&mut room, ban, NOW).unwrap();
    assert_eq!(join(&mut room, guest(1, "alice")), Ok(()));
    assert!(join(&mut room, who(3, "alice2", None, 1)).is_err());
}

#[test]
fn only_somebody_who_is_here_is_kicked() {
    let mut room = room(Owner::Guest(ConnId(1)));
    join(&mut room, guest(1, "alice")).unwrap();
    let kick = || Order::Kick { whom: present(guest(2, "bob")), reason: None };
    let not_here = OrderError::NotHere(Name::parse("bob").unwrap());
    assert_eq!(order(&mut room, kick(), NOW).unwrap_err(), not_here);
    join(&mut room, guest(2, "bob")).unwrap();
    let what = order(&mut room, kick(), NOW).unwrap();
    assert_eq!(room.removed(&what).map(|m| m.who.conn).collect::<Vec<_>>(), [ConnId(2)]);
    let by_bob = room.plan(&guest(2, "bob"), kick(), NOW);
    assert_eq!(by_bob.unwrap_err(), Denied::NotOperator.into());
}

#[test]
fn a_second_login_takes_the_place_of_the_first() {
    let mut room = room(Owner::Account(AccountId(7)));
    let history = History::new(1, Duration::ZERO);
    let mut other = Room::new((**room.state()).clone(), history);
    let member = Member::new(who(1, "alice", Some(7), 1), Picture::DEFAULT, None, 'a');
    other.let_in(member, None, NOW).unwrap();
    let again = |conn| Identity { admin: true, ..who(conn, "alice", Some(7), 2) };
    assert_eq!(other.take_over(ConnId(1), (again(2), 0), 'b'), Some('a'));
    assert_eq!(other.take_over(ConnId(1), (again(3), 0), 'c'), None);
    let member = other.member(ConnId(2)).unwrap();
    assert_eq!((member.handle, &member.who, other.len()), ('b', &again(2), 1));
    assert!(other.leave(ConnId(1)).is_none(), "the first takes nobody out when it goes");
    room.unregistered(AccountId(7), None, None, NOW);
    assert_eq!(room.state().owner, Owner::Nobody);
}

#[test]
fn a_guest_who_registers_keeps_the_lobby_and_one_who_unregisters_for_the_connection() {
    let mut room = room(Owner::Guest(ConnId(1)));
    join(&mut room, guest(1, "alice")).unwrap();
    assert!(!room.registered(&guest(2, "bob"), AccountId(8), false, NOW));
    assert!(room.registered(&guest(1, "alice"), AccountId(7), false, NOW));
    assert_eq!(room.member(ConnId(1)).unwrap().who.account, Some(AccountId(7)));
    let elsewhere = who(9, "alice", Some(7), 9);
    assert_eq!(room.state().rank(&elsewhere), Rank::Owner);
    let given_up = who(1, "alice", Some(7), 1);
    assert!(room.unregistered(AccountId(7), Some(&given_up), Some(given_up.conn), NOW));
    assert_eq!(room.member(ConnId(1)).unwrap().who.account, None);
    assert_eq!(room.state().rank(&guest(1, "alice")), Rank::Owner);
    assert_eq!(room.state().rank(&guest(2, "alice")), Rank::Member);
}

/// Every way out that somebody under a sanction could try, after which they are who is returned.
type Evasion = (&'static str, fn(&mut Room<()>, &Identity) -> Identity);

fn registers(room: &mut Room<()>, guest: &Identity) -> Identity {
    room.registered(guest, AccountId(77), false, NOW);
    Identity { account: Some(AccountId(77)), ..guest.clone() }
}

fn gives_up(room: &mut Room<()>, who: &Identity) -> Identity {
    room.unregistered(AccountId(77), Some(who), Some(who.conn), NOW);
    Identity { account: None, ..who.clone() }
}

const EVASIONS: [Evasion; 9] = [
    ("nothing", |_, guest| guest.clone()),
    ("/register", |room, guest| registers(room, guest)),
    ("/register and /unregister", |room, guest| {
        let account = registers(room, guest);
        gives_up(room, &account)
    }),
    ("/register, then from elsewhere", |room, guest| Identity {
        ip: who(9, "bob", None, 9).ip,
        conn: ConnId(9),
        ..registers(room, guest)
    }),
    ("another connection", |_, guest| Identity { conn: ConnId(9), ..guest.clone() }),
    ("another connection and name", |_, guest| Identity {
        conn: ConnId(9),
        name: Name::parse("rob").unwrap(),
        ..guest.clone()
    }),
    ("an account made over another connection", |room, guest| {
        room.leave(guest.conn);
        registers(room, &Identity { conn: ConnId(9), ..guest.clone() })
    }),
    ("an account given up over another connection", |room, guest| {
        room.leave(guest.conn);
        let again = Identity { conn: ConnId(9), ..guest.clone() };
        let account = registers(room, &again);
        gives_up(room, &account)
    }),
    ("another name", |room, guest| {
        let name = Name::parse("rob").unwrap();
        room.rename(guest.conn, name.clone());
        Identity { name, ..guest.clone() }
    }),
];

/// Every way in which somebody says something to a lobby.
fn ways_to_speak(conn: ConnId) -> [(&'static str, Input<()>); 4] {
    let say = |kind| {
        let saying = Saying { kind, text: Text::clean("heard?") };
        Input::Say { conn, saying, tagged: None }
    };
    [
        ("a message", say(MessageKind::Said)),
        ("/me", say(MessageKind::Action)),
        ("/tag", say(MessageKind::Tag(alice()))),
        ("/ai", Input::Ask(conn)),
    ]
}

#[test]
fn no_way_out_sheds_a_ban() {
    for (what, evade) in EVASIONS {
        let mut room = room(Owner::Guest(ConnId(1)));
        let bob = guest(2, "bob");
        join(&mut room, bob.clone()).unwrap();
        let ban = Order::Ban { whom: present(bob.clone()), terms: Terms::default() };
        order(&mut room, ban, NOW).unwrap();
        room.leave(ConnId(2));
        let after = evade(&mut room, &bob);
        assert!(matches!(join(&mut room, after), Err(JoinError::Banned(..))), "{what}");
    }
}

#[test]
fn no_way_out_sheds_a_mute_or_slow_mode() {
    for stays in [true, false] {
        for (what, evade) in EVASIONS {
            for slow in [false, true] {
                let mut room = room(Owner::Guest(ConnId(1)));
                let bob = guest(2, "bob");
                join(&mut room, bob.clone()).unwrap();
                let whom = present(bob.clone());
                let sanction = match slow {
                    true => Order::Slow(Duration::from_secs(60)),
                    false => Order::Mute { whom, terms: Terms::default() },
                };
                order(&mut room, sanction, NOW).unwrap();
                assert_eq!(say(&mut room, 2, NOW).is_ok(), slow);
                if !stays {
                    room.leave(ConnId(2));
                }
                let after = evade(&mut room, &bob);
                if after.conn != bob.conn || !stays {
                    room.leave(ConnId(2));
                    join(&mut room, after.clone()).unwrap();
                }
                for (how, input) in ways_to_speak(after.conn) {
                    let heard = room.propose(&input, NOW).is_ok();
                    assert!(!heard, "{what}, {how}, slow: {slow}, stays: {stays}");
                }
            }
        }
    }
}

#[test]
fn an_account_under_a_sanction_gains_nothing_by_giving_itself_up() {
    for mute in [true, false] {
        let mut room = room(Owner::Guest(ConnId(1)));
        let bob = who(2, "bob", Some(77), 2);
        join(&mut room, bob.clone()).unwrap();
        let (whom, terms) = (present(bob.clone()), Terms::default());
        let sanction = match mute {
            true => Order::Mute { whom, terms },
            false => Order::Ban { whom, terms },
        };
        order(&mut room, sanction, NOW).unwrap();
        let guest = gives_up(&mut room, &bob);
        let again = Identity { account: Some(AccountId(78)), ..guest.clone() };
        room.registered(&guest, AccountId(78), false, NOW);
        for after in [guest, again] {
            if mute {
                room.leave(ConnId(2));
                join(&mut room, after).unwrap();
                assert!(say(&mut room, 2, NOW).is_err());
            } else {
                room.leave(ConnId(2));
                assert!(join(&mut room, after).is_err());
            }
        }
    }
}

#[test]
fn a_lobby_is_given_to_who_was_asked_and_accepts_in_time() {
    let minutes = |n: u64| UnixMillis(NOW.0 + n * 60_000);
    let (carol, bob) = (who(2, "carol", Some(2), 2), who(3, "bob", Some(3), 3));
    let accept = |room: &Room<()>, user: &Identity, now| room.plan(user, Order::Accept, now);
    let offered = || {
        let mut room = room(Owner::Guest(ConnId(1)));
        order(&mut room, Order::Transfer(present(carol.clone())), NOW).unwrap();
        room
    };
    let room = offered();
    assert_eq!(room.state().owner, Owner::Guest(ConnId(1)), "asking changes nothing");
    assert_eq!(accept(&room, &bob, NOW).unwrap_err(), OrderError::NothingOffered);
    assert!(accept(&room, &carol, minutes(4)).is_ok());
    assert_eq!(accept(&room, &carol, minutes(5)).unwrap_err(), OrderError::NothingOffered);
    let mut room = offered();
    let other = Order::Transfer(present(bob.clone()));
    assert_eq!(order(&mut room, other.clone(), minutes(4)).unwrap_err(), OrderError::AskedAlready);
    assert!(order(&mut room, other, minutes(5)).is_ok());
    let mut room = offered();
    let what = accept(&room, &carol, minutes(1)).unwrap();
    room.apply(&alice(), &what, minutes(1));
    assert_eq!(room.state().owner, Owner::Account(AccountId(2)));
    assert_eq!(accept(&room, &carol, minutes(1)).unwrap_err(), OrderError::NothingOffered);
    // It was the guest's, whose account it is by now: that one offers it anew.
    let mut room = offered();
    room.registered(&guest(1, "alice"), AccountId(1), false, NOW);
    assert_eq!(accept(&room, &carol, NOW).unwrap_err(), OrderError::NothingOffered);
    let mut room = offered();
    let absent =
        Target::Absent { account: AccountId(9), name: alice(), admin: false, bot_of: None };
    let asked = order(&mut room, Order::Transfer(absent), minutes(6)).unwrap_err();
    assert_eq!(asked, OrderError::NotConnected(alice()));
}

#[test]
fn what_is_handed_on_is_all_there_is() {
    let mut room = room(Owner::Guest(ConnId(1)));
    join(&mut room, guest(1, "alice")).unwrap();
    say(&mut room, 1, NOW).unwrap();
    order(&mut room, Order::SetPrompt(Some(Line::clean("Be a pirate"))), NOW).unwrap();
    order(&mut room, Order::Topic(Some(Line::clean("Release"))), NOW).unwrap();
    let mut next = room.take();
    assert!(room.is_empty());
    assert_eq!((next.len(), next.recent(NOW).count()), (1, 1));
    assert_eq!(next.state().topic.as_ref().map(Line::as_str), Some("Release"));
    assert_eq!(next.state().rank(&guest(1, "alice")), Rank::Owner);
}
