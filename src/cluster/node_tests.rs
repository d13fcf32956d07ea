use bytes::Bytes;

use super::engine::{
    Answer, Delivered, LogState, Notice, Position, Request, Revision, Subject, Table, Wish, Written,
};
use super::envelope::{Record, What};
use super::mark::{Mark, Step};
use super::timing::{END_WITHIN, Moment, TICK};
use super::told::{Holder, NameValue, NotClaimed, Passed, Stop, Told};
use super::values::{NodeValue, Presence, write_name};
use super::{Claim, Node, Start};
use crate::chat::accounts::AccountId;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;

const LOBBY: Subject = Subject::Lobby(crate::chat::lobbies::LobbyId(1));
const LOG: LogState = LogState { created_at: UnixMillis(1), first: Position(1), last: Position(0) };

/// A node whose engine is played by the test: it answers what the test does not want to see.
struct Bench {
    node: Node,
    now: Moment,
    revision: u64,
    position: u64,
    told: Vec<Told>,
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
        bench.notice(Notice::TableRead(Table::Names));
        assert!(bench.told.contains(&Told::Ready), "{:?}", bench.told);
        bench
    }

    fn take(&mut self) -> Vec<(super::engine::RequestId, Request)> {
        self.told.extend(self.node.told());
        let ask = |wish| match wish {
            Wish::Ask(id, request) => Some((id, request)),
            Wish::Read(_) | Wish::Watch(_) | Wish::Send { .. } => None,
        };
        self.node.wishes().into_iter().filter_map(ask).collect()
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

    /// Lets time pass; what is asked about names, and what is told.
    fn pass(&mut self, millis: u64) -> Vec<Request> {
        let mut all = Vec::new();
        for _ in 0..millis / TICK {
            self.now = self.now + TICK;
            self.node.tick(self.now);
            let asked = self.take();
            for (id, request) in asked {
                // Beats succeed.
                if let Request::Put { table: Table::Nodes, .. } = &request {
                    self.revision += 1;
                    let answer = Answer::Written(Revision(self.revision));
                    all.extend(self.notice(Notice::Answered(id, answer)).into_iter().map(|a| a.1));
                }
                all.push(request);
            }
        }
        all
    }

    fn claim(
        &mut self,
        key: &str,
        conn: u64,
        account: Option<u32>,
    ) -> Vec<(super::engine::RequestId, Request)> {
        let (key, account) = (key.to_owned(), account.map(AccountId));
        let claim = Claim { key, conn: ConnId(conn), account, said: Bytes::new() };
        self.node.claim(claim, self.now);
        self.take()
    }

    /// The table of names has this.
    fn name_is(&mut self, key: &str, account: Option<u32>, holder: Option<(&str, u64)>) {
        self.revision += 1;
        let holder = holder.map(|(node, life)| Holder {
            node: node.into(),
            life: Revision(life),
            conn: ConnId(99),
        });
        let account = account.map(AccountId);
        let value = NameValue { account, holder, said: "whose".into() };
        self.notice(Notice::Written(Written {
            table: Table::Names,
            key: key.into(),
            revision: Revision(self.revision),
            at: UnixMillis(5),
            bytes: Some(write_name(&value)),
        }));
    }

    /// What was told of a claim that was not given.
    fn not_claimed(&self) -> Option<&NotClaimed> {
        self.told.iter().find_map(|told| match told {
            Told::NotClaimed { why, .. } => Some(why),
            _ => None,
        })
    }

    fn stop(&self) -> Option<&Stop> {
        self.told.iter().find_map(|told| match told {
            Told::Stop(stop) => Some(stop),
            _ => None,
        })
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
fn a_name_is_given_by_what_its_key_has() {
    for (account, holder, claims_for, wanted) in [
        (None, Some(("b", 3)), None, Some(NotClaimed::Taken("whose".into()))),
        (None, Some(("b", 3)), Some(1), Some(NotClaimed::Taken("whose".into()))),
        (Some(1), None, None, Some(NotClaimed::Account(AccountId(1)))),
        (Some(1), None, Some(2), Some(NotClaimed::Account(AccountId(1)))),
        (Some(1), Some(("b", 3)), None, Some(NotClaimed::Account(AccountId(1)))),
        (Some(1), None, Some(1), None),
        (Some(1), Some(("b", 3)), Some(1), None),
        // The life 2 of b is over, and so is the account's use of its name, but not its claim on it.
        (None, Some(("b", 2)), None, None),
        (Some(1), Some(("b", 2)), None, Some(NotClaimed::Account(AccountId(1)))),
    ] {
        let mut bench = Bench::up();
        let what = What::Over { node: "b".into(), life: Revision(2) };
        bench.deliver(Some(Subject::Nodes), Record { life: Revision(11), n: 0, what }.seal());
        bench.name_is("ann", account, holder);
        let asked = bench.claim("ann", 5, claims_for);
        assert_eq!(bench.not_claimed(), wanted.as_ref(), "{account:?} {holder:?} {claims_for:?}");
        let written = Some(Revision(bench.revision));
        let puts =
            |(_, r): &(_, Request)| matches!(r, Request::Put { after, .. } if *after == written);
        assert_eq!(asked.iter().any(puts), wanted.is_none(), "{account:?} {holder:?}");
    }
}

#[test]
fn a_claim_that_the_engine_refuses_is_refused() {
    let mut bench = Bench::up();
    let asked = bench.claim("ann", 5, None);
    bench.notice(Notice::Answered(asked[0].0, Answer::Refused));
    assert_eq!(bench.not_claimed(), Some(&NotClaimed::Refused));
    assert_eq!(bench.node.own_names(), 0);
}

#[test]
fn a_claim_without_an_answer_is_read_before_it_is_made_again() {
    let mut bench = Bench::up();
    bench.claim("ann", 5, None);
    let asked = bench.pass(3_000);
    let names = |request: &&Request| !matches!(request, Request::Put { table: Table::Nodes, .. });
    let asked: Vec<_> = asked.iter().filter(names).collect();
    assert!(matches!(asked[..], [Request::Get { table: Table::Names, .. }]), "{asked:?}");
}

#[test]
fn a_name_goes_when_its_last_line_is_in_the_log() {
    let mut bench = Bench::up();
    let asked = bench.claim("ann", 5, None);
    bench.notice(Notice::Answered(asked[0].0, Answer::Written(Revision(50))));
    bench.node.say(ConnId(5), LOBBY, "bye".into(), bench.now).unwrap();
    let line = bench.take().remove(0).1;
    bench.node.release("ann", ConnId(5), bench.now);
    assert_eq!(bench.take(), []);
    let Request::Append { bytes, .. } = line else { panic!("{line:?}") };
    let asked = bench.deliver(Some(LOBBY), bytes);
    let wanted = Request::Remove { table: Table::Names, key: "ann".into(), after: Revision(50) };
    assert_eq!(asked, [wanted]);
}

#[test]
fn a_node_that_ends_says_so_itself_after_its_last_line() {
    let mut bench = Bench::up();
    bench.node.say(ConnId(5), LOBBY, "bye".into(), bench.now).unwrap();
    let line = bench.take().remove(0).1;
    bench.node.end(bench.now);
    let gone = |asked: &[Request]| {
        asked.iter().any(|request| match request {
            Request::Put { table: Table::Nodes, bytes, .. } => {
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
