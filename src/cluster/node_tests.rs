use bytes::Bytes;

use super::engine::{
    Answer, Delivered, LogState, Notice, Position, Request, Revision, Subject, Wish, Written,
};
use super::envelope::{Record, What};
use super::mark::{Mark, Step};
use super::timing::{END_WITHIN, Moment, SHORT_LIFE, STUCK_AFTER, TICK};
use super::told::{Passed, Stop, Told};
use super::values::{NodeValue, Presence};
use super::{Node, Start};
use crate::chat::history::UnixMillis;

const LOBBY: Subject = Subject::Lobby(crate::chat::lobbies::LobbyId(1));
const LOG: LogState =
    LogState { created_at: UnixMillis(1), first: Position(1), last: Position(0), founded: false };

/// A node whose engine is played by the test: it answers what the test does not want to see.
struct Bench {
    node: Node,
    now: Moment,
    revision: u64,
    position: u64,
    told: Vec<Told>,
    /// What was asked last.
    asked: Vec<(super::engine::RequestId, Request)>,
}

impl Bench {
    /// A node with a connection, whose own key has this value.
    fn connected(own_key: Option<&NodeValue>) -> (Self, Vec<Request>) {
        let start = Start {
            node: "a".into(),
            place: 1,
            replicas: 1,
            mark: Mark::default(),
            said: Bytes::new(),
        };
        let mut bench = Self {
            node: Node::new(start),
            now: Moment(1_000_000),
            revision: 10,
            position: 0,
            told: Vec::new(),
            asked: Vec::new(),
        };
        let asked = bench.notice(Notice::Connected(LOG));
        let value = own_key.map(|value| (Revision(bench.revision), value.write()));
        let (id, _) = asked.into_iter().next().unwrap();
        let asked = bench.notice(Notice::Answered(id, Answer::Value(value)));
        (bench, asked.into_iter().map(|(_, request)| request).collect())
    }

    /// A node that is up.
    fn up() -> Self {
        let (mut bench, asked) = Self::connected(None);
        assert!(matches!(asked[..], [Request::Put { after: None, .. }]), "{asked:?}");
        let asked = bench.answer_last(Answer::Written(Revision(11)));
        bench.revision = 11;
        let began = asked.iter().find_map(|request| match request {
            Request::Append { bytes, .. } => Some(bytes.clone()),
            _ => None,
        });
        bench.deliver(Some(Subject::Nodes), began.unwrap());
        assert!(bench.told.contains(&Told::Ready), "{:?}", bench.told);
        bench
    }

    fn take(&mut self) -> Vec<(super::engine::RequestId, Request)> {
        self.told.extend(self.node.told());
        let ask = |wish| match wish {
            Wish::Ask(id, request) => Some((id, request)),
            Wish::Read(_) | Wish::Hold(_) | Wish::Watch | Wish::Send { .. } => None,
        };
        let asked: Vec<_> = self.node.wishes().into_iter().filter_map(ask).collect();
        if !asked.is_empty() {
            self.asked.clone_from(&asked);
        }
        asked
    }

    /// Lets time pass until this is asked.
    fn ask_again(
        &mut self,
        is_it: impl Fn(&Request) -> bool,
    ) -> (super::engine::RequestId, Request) {
        loop {
            if let Some(found) = self.asked.iter().find(|(_, request)| is_it(request)) {
                return found.clone();
            }
            self.now = self.now + TICK;
            self.node.tick(self.now);
            self.take();
        }
    }

    fn notice(&mut self, notice: Notice) -> Vec<(super::engine::RequestId, Request)> {
        self.node.notice(notice, self.now);
        self.take()
    }

    /// Answers the request that was asked first.
    fn answer_last(&mut self, answer: Answer) -> Vec<Request> {
        // Requests are numbered from 1: the look, then the birth.
        let asked = self.notice(Notice::Answered(super::engine::RequestId(2), answer));
        asked.into_iter().map(|(_, request)| request).collect()
    }

    fn deliver(&mut self, subject: Option<Subject>, bytes: Bytes) -> Vec<Request> {
        self.position += 1;
        let position = Position(self.position);
        let delivered = Delivered { position, at: UnixMillis(5), subject, bytes };
        self.notice(Notice::Delivered(delivered)).into_iter().map(|(_, request)| request).collect()
    }

    /// Lets time pass; what is asked.
    fn pass(&mut self, millis: u64) -> Vec<Request> {
        let mut all = Vec::new();
        for _ in 0..millis / TICK {
            self.now = self.now + TICK;
            self.node.tick(self.now);
            let asked = self.take();
            for (id, request) in asked {
                // Beats succeed.
                if let Request::Put { .. } = &request {
                    self.revision += 1;
                    let answer = Answer::Written(Revision(self.revision));
                    all.extend(self.notice(Notice::Answered(id, answer)).into_iter().map(|a| a.1));
                }
                all.push(request);
            }
        }
        all
    }

    fn stop(&self) -> Option<&Stop> {
        self.told.iter().find_map(|told| match told {
            Told::Stop(stop) => Some(stop),
            _ => None,
        })
    }
}

/// What a request has the log say: under which life, with which number.
fn said(request: &Request) -> Option<(Revision, u64, Bytes)> {
    let Request::Append { bytes, .. } = request else { return None };
    match Record::open(bytes) {
        super::envelope::Opened::Ours(Record { life, n, what: What::Said(bytes) }) => {
            Some((life, n, bytes))
        }
        _ => None,
    }
}

fn own_key(place: u64, presence: Presence) -> NodeValue {
    let life = Some(Revision(7));
    NodeValue { presence, life, place, speaks: 1, position: Position(0), said: Bytes::new() }
}

#[test]
fn the_name_of_a_node_at_another_place_is_taken_only_where_nobody_writes_it() {
    for (place, presence, taken_at_once) in [
        (1, Presence::Up, true),
        (2, Presence::Up, false),
        (1, Presence::Gone, true),
        (2, Presence::Gone, true),
    ] {
        let (_, asked) = Bench::connected(Some(&own_key(place, presence)));
        assert_eq!(!asked.is_empty(), taken_at_once, "{place} {presence:?}");
    }
    for alive in [true, false] {
        let (mut bench, _) = Bench::connected(Some(&own_key(2, Presence::Up)));
        bench.now = bench.now + 2_500;
        bench.node.tick(bench.now);
        let mut asked = bench.take();
        if asked.is_empty() {
            bench.node.tick(bench.now);
            asked = bench.take();
        }
        let (id, request) = asked.remove(0);
        assert!(matches!(request, Request::Get { .. }), "{request:?}");
        let revision = Revision(if alive { 12 } else { 10 });
        let value = own_key(2, Presence::Up).write();
        let asked = bench.notice(Notice::Answered(id, Answer::Value(Some((revision, value)))));
        assert_eq!(bench.stop() == Some(&Stop::NameInUse), alive);
        let taken = |(_, request): &(_, Request)| {
            matches!(request, Request::Put { after: Some(Revision(10)), .. })
        };
        assert_eq!(asked.iter().any(taken), !alive);
    }
}

#[test]
fn a_record_of_a_later_version_stops_a_node_where_it_is() {
    let mut bench = Bench::up();
    bench.deliver(Some(LOBBY), Bytes::from_static(b"of nobody"));
    assert_eq!(bench.node.mark().position, Position(2));
    // A whole record of a kind that is not known.
    let body = [&[1, 99][..], &[0; 16]].concat();
    let check = body
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let head = [&b"LBYD"[..], &18_u32.to_be_bytes(), &check.to_be_bytes()].concat();
    bench.deliver(Some(LOBBY), [head, body].concat().into());
    let stop = Stop::UnknownRecord { position: Position(3), version: 1, kind: 99 };
    assert_eq!(bench.stop(), Some(&stop));
    assert_eq!((bench.node.mark().position, bench.node.foreign()), (Position(2), 1));
    // It does nothing more.
    bench.now = bench.now + 60_000;
    bench.node.tick(bench.now);
    assert_eq!(bench.take(), []);
}

#[test]
fn how_far_the_log_goes_is_believed_of_the_engine_and_of_no_key() {
    let mut bench = Bench::up();
    let value = NodeValue { position: Position(u64::MAX), ..own_key(2, Presence::Up) };
    let (key, revision, at) = ("b".to_owned(), Revision(30), UnixMillis(5));
    let written = Written { key, revision, at, bytes: Some(value.write()) };
    bench.notice(Notice::Written(written));
    bench.pass(1_000);
    assert_eq!(bench.node.behind(), 0);
    bench.notice(Notice::LogEnds(Position(9)));
    assert_eq!(bench.node.behind(), 8);
    // What the engine said before that changes nothing.
    bench.notice(Notice::LogEnds(Position(4)));
    assert_eq!(bench.node.behind(), 8);
}

#[test]
fn a_node_whose_life_is_over_has_its_people_come_in_before_it_says_what_was_not_logged() {
    let mut bench = Bench::up();
    let ticket = bench.node.say(LOBBY, "hello".into(), bench.now).unwrap();
    bench.take();
    let what = What::Over { node: "a".into(), life: Revision(11) };
    bench.deliver(Some(Subject::Nodes), Record { life: Revision(9), n: 0, what }.seal());
    // Its key says so too; a new life is written, and comes out of the log.
    let (id, _) = bench.ask_again(|request| matches!(request, Request::Get { .. }));
    let gone = NodeValue { life: Some(Revision(11)), ..own_key(1, Presence::Gone) };
    let value = Some((Revision(30), gone.write()));
    bench.notice(Notice::Answered(id, Answer::Value(value)));
    let (id, _) = bench.asked.pop().unwrap();
    bench.notice(Notice::Answered(id, Answer::Written(Revision(31))));
    assert!(!bench.told.iter().any(|told| matches!(told, Told::Reborn(_))), "not yet");
    let began = Record { life: Revision(31), n: 0, what: What::Began("a".into()) };
    bench.asked.clear();
    bench.deliver(Some(Subject::Nodes), began.seal());
    let unlogged = bench.told.iter().find_map(|told| match told {
        Told::Reborn(unlogged) => Some(unlogged.clone()),
        _ => None,
    });
    assert_eq!(unlogged.unwrap().iter().map(|line| line.ticket).collect::<Vec<_>>(), [ticket]);
    assert!(!bench.node.is_idle());
    // What is said first is the first of the new life.
    bench.node.say(Subject::People, "came in".into(), bench.now).unwrap();
    bench.node.say(LOBBY, "hello".into(), bench.now).unwrap();
    bench.node.resumed(bench.now);
    bench.take();
    let said: Vec<_> = bench.asked.iter().filter_map(|(_, request)| said(request)).collect();
    let wanted = [(Revision(31), 1, "came in".into()), (Revision(31), 2, "hello".into())];
    assert_eq!(said, wanted);
}

#[test]
fn a_node_writes_its_key_anew_where_somebody_else_has_written_under_it() {
    for rubbish in [Some(Bytes::from_static(b"rubbish")), None] {
        let mut bench = Bench::up();
        bench.asked.clear();
        let (id, _) = bench.ask_again(|request| matches!(request, Request::Put { .. }));
        bench.asked.clear();
        bench.notice(Notice::Answered(id, Answer::Behind));
        let (id, _) = bench.ask_again(|request| matches!(request, Request::Get { .. }));
        let found = rubbish.map(|bytes| (Revision(40), bytes));
        let after = found.as_ref().map(|(revision, _)| *revision);
        let asked = bench.notice(Notice::Answered(id, Answer::Value(found)));
        let [(_, Request::Put { bytes, after: put_after, .. })] = &asked[..] else {
            panic!("{asked:?}")
        };
        let value = NodeValue::read(bytes).unwrap();
        assert_eq!((value.presence, value.life), (Presence::Up, Some(Revision(11))));
        assert_eq!(*put_after, after);
    }
}

#[test]
fn what_nobody_of_ours_wrote_in_the_table_is_counted() {
    let mut bench = Bench::up();
    let (revision, at) = (Revision(40), UnixMillis(5));
    for (key, bytes, count) in [
        ("b", Some(own_key(2, Presence::Up).write()), 0),
        ("b", None, 0),
        ("b", Some(Bytes::from_static(b"rubbish")), 1),
        ("a", Some(Bytes::from_static(b"rubbish")), 2),
    ] {
        bench.notice(Notice::Written(Written { key: key.into(), revision, at, bytes }));
        assert_eq!(bench.node.foreign_keys(), count);
    }
    bench.notice(Notice::NoNode);
    assert_eq!(bench.node.foreign_keys(), 3);
}

#[test]
fn a_life_under_which_somebody_else_writes_is_ended() {
    for (number, bytes, forged) in [(1, "hello", false), (1, "another", true), (2, "hello", false)]
    {
        let mut bench = Bench::up();
        bench.node.say(LOBBY, "hello".into(), bench.now).unwrap();
        bench.take();
        let line = Record { life: Revision(11), n: number, what: What::Said(bytes.into()) };
        let asked = bench.deliver(Some(LOBBY), line.seal());
        assert_eq!(bench.told.contains(&Told::Forged), forged, "{number} {bytes}");
        let over = What::Over { node: "a".into(), life: Revision(11) };
        let over = Record { life: Revision(0), n: 0, what: over }.seal();
        let ends =
            |request: &Request| matches!(request, Request::Append { bytes, .. } if *bytes == over);
        assert_eq!(asked.iter().any(ends), forged, "{asked:?}");
    }
    // Also where it has nothing to say at the time.
    let mut bench = Bench::up();
    let line = Record { life: Revision(11), n: 1, what: What::Said("another".into()) };
    bench.deliver(Some(LOBBY), line.seal());
    assert!(bench.told.contains(&Told::Forged));
}

#[test]
fn a_node_whose_lives_end_as_soon_as_they_begin_tries_ever_more_slowly_and_stops() {
    let mut bench = Bench::up();
    bench.pass(SHORT_LIFE);
    // A life that no table has given.
    let what = What::Over { node: "a".into(), life: Revision(u64::MAX) };
    let mut record = Record { life: Revision(9), n: 0, what }.seal();
    let mut pauses = Vec::new();
    for revision in (100..).step_by(2) {
        bench.asked.clear();
        bench.deliver(Some(Subject::Nodes), record);
        if bench.stop().is_some() {
            break;
        }
        let since = bench.now;
        let (id, _) = bench.ask_again(|request| matches!(request, Request::Get { .. }));
        pauses.push(bench.now.since(since));
        let gone = own_key(1, Presence::Gone).write();
        bench.notice(Notice::Answered(id, Answer::Value(Some((Revision(revision), gone)))));
        let (id, _) = bench.asked.pop().unwrap();
        let life = Revision(revision + 1);
        bench.notice(Notice::Answered(id, Answer::Written(life)));
        record = Record { life, n: 0, what: What::Began("a".into()) }.seal();
    }
    assert_eq!(pauses, [0, 500, 1_000, 2_000, 4_000, 8_000]);
    assert_eq!(bench.stop(), Some(&Stop::ShortLives));
}

#[test]
fn a_node_of_which_nothing_comes_out_of_the_log_knows_it() {
    let mut bench = Bench::up();
    bench.pass(2 * STUCK_AFTER);
    assert!(!bench.node.is_stuck(bench.now), "it has said nothing");
    bench.node.say(LOBBY, "one".into(), bench.now).unwrap();
    bench.node.say(LOBBY, "two".into(), bench.now).unwrap();
    bench.pass(STUCK_AFTER - TICK);
    assert!(!bench.node.is_stuck(bench.now));
    let line = |n, text: &'static str| {
        let what = What::Said(Bytes::from_static(text.as_bytes()));
        Record { life: Revision(11), n, what }.seal()
    };
    bench.deliver(Some(LOBBY), line(1, "one"));
    bench.pass(STUCK_AFTER - TICK);
    assert!(!bench.node.is_stuck(bench.now));
    bench.pass(2 * TICK);
    assert!(bench.node.is_stuck(bench.now));
    bench.deliver(Some(LOBBY), line(2, "two"));
    assert!(!bench.node.is_stuck(bench.now));
}

#[test]
fn a_node_that_ends_says_so_itself_after_its_last_line() {
    let mut bench = Bench::up();
    bench.node.say(LOBBY, "bye".into(), bench.now).unwrap();
    let line = bench.take().remove(0).1;
    bench.node.end(bench.now);
    let gone = |asked: &[Request]| {
        asked.iter().any(|request| match request {
            Request::Put { bytes, .. } => {
                NodeValue::read(bytes).unwrap().presence == Presence::Gone
            }
            _ => false,
        })
    };
    assert!(!gone(&bench.pass(500)));
    let Request::Append { bytes, .. } = line else { panic!("{line:?}") };
    let mut asked = bench.deliver(Some(LOBBY), bytes);
    asked.extend(bench.pass(END_WITHIN));
    assert!(gone(&asked), "{asked:?}");
}

#[test]
fn a_copy_of_the_mark_goes_with_what_is_told() {
    let mut bench = Bench::up();
    let mut copy = Mark::default();
    copy.log = bench.node.mark().log;
    for n in 1..4 {
        let record = Record { life: Revision(11), n, what: What::Said("x".into()) };
        bench.deliver(Some(LOBBY), record.seal());
    }
    let passed: Vec<&Passed> = bench
        .told
        .iter()
        .filter_map(|told| match told {
            Told::Passed(passed) => Some(passed),
            _ => None,
        })
        .collect();
    assert!(passed.iter().any(|passed| passed.step == Step::Said { life: Revision(11), n: 3 }));
    for passed in passed {
        copy.follow(passed);
    }
    assert_eq!(copy.to_bytes(), bench.node.mark().to_bytes());
}
