use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::chat::limiter::SlidingWindow;

const LIMITS: Limits = Limits { lines: 40, message_chars: 1_000 };
const WINDOW: Duration = Duration::from_secs(10);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn message(text: &str) -> Typed<&'static str> {
    Typed::Message(Line::clean(text))
}

/// A hold before a window that opens after [`WINDOW`].
fn shut(limits: Limits, now: Instant) -> Hold<&'static str> {
    let mut hold = Hold::new(limits);
    hold.shut(now + WINDOW);
    hold
}

/// Lines that wait after all of these were offered at `now`.
fn holding(lines: &[&str], limits: Limits, now: Instant) -> Hold<&'static str> {
    let mut hold = shut(limits, now);
    for line in lines {
        assert_eq!(hold.offer(message(line), now), Offered::Kept, "{line}");
    }
    hold
}

/// The messages that go out from `now` on, where nothing keeps them.
fn messages(hold: &mut Hold<&'static str>, now: Instant) -> Vec<String> {
    let mut said = Vec::new();
    while let Next::Message(text) = hold.next(now) {
        hold.sent();
        said.push(text.as_str().to_owned());
    }
    said
}

fn not_sent(lines: usize, first: &str) -> NotSent {
    NotSent { lines, first: Line::clean(first) }
}

#[test]
fn lines_go_out_as_rows_when_the_window_opens() {
    let start = some_instant();
    let mut hold = holding(&["fn main() {", "    go();", "}"], LIMITS, start);
    assert_eq!(hold.next(start + WINDOW - ms(1)), Next::Nothing);
    assert_eq!(hold.wakes_at(false), Some(start + WINDOW));
    assert_eq!(messages(&mut hold, start + WINDOW), ["fn main() {\n    go();\n}"]);
    assert!(!hold.waits() && hold.bytes() == 0);
    assert_eq!(hold.wakes_at(false), None);
}

#[test]
fn other_limits_hold_at_once_and_lose_nothing_that_waits() {
    let start = some_instant();
    let mut hold = holding(&["one", "two", "three"], LIMITS, start);
    hold.set_limits(Limits { lines: 1, message_chars: 6 });
    hold.close();
    assert_eq!(hold.offer(message("four"), start), Offered::Kept, "a script waits");
    assert_eq!(hold.next(start), Next::Nothing);
    hold.look_again();
    assert_eq!(messages(&mut hold, start), ["one\ntwo", "three", "four"]);
    // Where nothing may wait any more, what of a script was left lying is named.
    let mut hold = holding(&["one"], Limits { lines: 1, ..LIMITS }, start);
    hold.close();
    assert_eq!(hold.offer(message("two"), start), Offered::Kept);
    hold.set_limits(Limits { lines: 0, ..LIMITS });
    assert_eq!(hold.next(start), Next::Refused);
    assert_eq!(messages(&mut hold, start + WINDOW), ["one"]);
    assert_eq!(hold.pause(start + WINDOW).unwrap().not_sent, Some(not_sent(1, "two")));
}

#[test]
fn a_message_has_so_many_rows_and_characters_as_fit() {
    let start = some_instant();
    let letters: Vec<String> = (0..25).map(|i| format!("row {i}")).collect();
    let lines: Vec<&str> = letters.iter().map(String::as_str).collect();
    let mut hold = holding(&lines, LIMITS, start);
    let said = messages(&mut hold, start + WINDOW);
    assert_eq!(said.iter().map(|text| text.split('\n').count()).collect::<Vec<_>>(), [20, 5]);
    assert_eq!(said.join("\n"), lines.join("\n"));
    for (lines, chars, want) in [
        (&["äää", "bbb", "c"][..], 6, &["äää\nbbb", "c"][..]),
        (&["äää", "bbb", "c"], 7, &["äää\nbbb\nc"]),
        (&["aaaa", "b", "cccc"], 4, &["aaaa", "b", "cccc"]),
    ] {
        let limits = Limits { message_chars: chars, ..LIMITS };
        let mut hold = holding(lines, limits, start);
        assert_eq!(messages(&mut hold, start + WINDOW), want, "{chars}");
    }
}

#[test]
fn an_empty_line_between_two_rows_stays_and_others_do_not() {
    let start = some_instant();
    let mut hold = shut(LIMITS, start);
    assert!(!hold.offer_blank(start), "nothing waits");
    hold.offer(message("one"), start);
    for line in ["", "", "two", "", "three"] {
        match line {
            "" => assert!(hold.offer_blank(start)),
            line => assert_eq!(hold.offer(message(line), start), Offered::Kept),
        }
    }
    assert!(hold.offer_blank(start));
    assert_eq!(hold.lines(), 3, "an empty line is none that waits");
    assert!(hold.pause(start + BURST_PAUSE).is_some());
    assert!(!hold.offer_blank(start + ms(900)), "Enter alone, long after, asks for the prompt");
    hold.offer(message("four"), start + ms(900));
    assert_eq!(messages(&mut hold, start + WINDOW), ["one\n\ntwo\n\nthree\nfour"]);
    // It counts as a row, and none begins with it.
    let mut hold = shut(LIMITS, start);
    for i in 0..12 {
        hold.offer(message(&i.to_string()), start);
        hold.offer_blank(start);
    }
    let said = messages(&mut hold, start + WINDOW);
    assert_eq!(said, ["0\n\n1\n\n2\n\n3\n\n4\n\n5\n\n6\n\n7\n\n8\n\n9", "10\n\n11"]);
}

#[test]
fn what_is_kept_is_told_once_when_the_burst_has_paused() {
    let start = some_instant();
    let mut hold = holding(&["one", "two"], LIMITS, start);
    let later = start + ms(150);
    hold.offer(message("three"), later);
    assert_eq!(hold.pause(start + BURST_PAUSE), None, "it goes on");
    assert!(hold.goes_on(start + BURST_PAUSE));
    assert_eq!(hold.wakes_at(true), Some(later + BURST_PAUSE));
    let told = Told { kept: Some(3), not_sent: None };
    assert_eq!(hold.pause(later + BURST_PAUSE), Some(told));
    assert_eq!(hold.pause(later + WINDOW), None, "once");
    assert!(!hold.goes_on(later + BURST_PAUSE));
    assert_eq!(hold.wakes_at(true), Some(start + WINDOW));
    assert_eq!(hold.wait(start + ms(7_500)), ms(2_500));
    // One that is typed later is told of as it comes.
    let late = start + ms(5_000);
    hold.offer(message("four"), late);
    assert_eq!(hold.pause(late + BURST_PAUSE), Some(Told { kept: Some(4), not_sent: None }));
    // What went out meanwhile is not told of.
    let end = start + WINDOW;
    hold.offer(message("five"), end - ms(1));
    assert_eq!(messages(&mut hold, end).len(), 1);
    assert_eq!(hold.pause(end + BURST_PAUSE), None);
}

#[test]
fn what_is_over_is_refused_and_named_when_the_burst_is_over() {
    let start = some_instant();
    let limits = Limits { lines: 2, ..LIMITS };
    let mut hold = holding(&["one", "two"], limits, start);
    // The first may be a script's: it is left lying.
    assert_eq!(hold.offer(message("   let text = \"three\";"), start), Offered::Kept);
    assert!(!hold.takes_lines() && hold.asks_for_end());
    assert_eq!(hold.next(start + BURST_PAUSE - ms(1)), Next::Nothing);
    assert_eq!(hold.wakes_at(false), Some(start + BURST_PAUSE));
    let paused = start + BURST_PAUSE;
    assert_eq!(hold.next(paused), Next::Refused);
    // Now it is known that it is none, for as long as the burst goes on.
    for line in ["four", "five"] {
        assert_eq!(hold.offer(message(line), paused), Offered::Refused);
    }
    let told = Told { kept: Some(2), not_sent: Some(not_sent(3, "let text = \"three\";")) };
    assert_eq!(hold.pause(paused + BURST_PAUSE), Some(told));
    let late = paused + ms(900);
    assert_eq!(hold.offer(message("six"), late), Offered::Kept, "another burst, another look");
    assert_eq!(hold.next(late + BURST_PAUSE), Next::Refused);
    let told = Told { kept: None, not_sent: Some(not_sent(1, "six")) };
    assert_eq!(hold.pause(late + BURST_PAUSE * 2), Some(told));
}

#[test]
fn only_so_many_bytes_wait() {
    let start = some_instant();
    let limits = Limits { lines: 1_000, message_chars: 8_192 };
    let mut hold = shut(limits, start);
    let line = "x".repeat(1_000);
    for _ in 0..8 {
        assert_eq!(hold.offer(message(&line), start), Offered::Kept);
    }
    assert_eq!(hold.offer(message(&line), start), Offered::Kept);
    assert!(!hold.takes_lines(), "{}", hold.bytes());
    assert!(hold.bytes() <= MAX_HELD_BYTES);
    // Whatever a line may be, it can wait alone.
    let mut hold = shut(limits, start);
    assert_eq!(hold.offer(message(&"\u{FFFD}".repeat(8_000)), start), Offered::Kept);
    assert!(hold.takes_lines());
}

#[test]
fn nothing_waits_where_nothing_may() {
    let start = some_instant();
    let mut hold = shut(Limits { lines: 0, ..LIMITS }, start);
    for line in ["one", "two"] {
        assert_eq!(hold.offer(message(line), start), Offered::Refused);
    }
    assert!(!hold.waits());
    let told = Told { kept: None, not_sent: Some(not_sent(2, "one")) };
    assert_eq!(hold.pause(start + BURST_PAUSE), Some(told));
}

#[test]
fn what_is_no_message_overtakes_those_of_somebody_who_is_still_there() {
    let start = some_instant();
    let users = || Typed::Other("/users", Line::clean("/users"));
    let mut hold = holding(&["one"], LIMITS, start);
    assert_eq!(hold.offer(users(), start), Offered::Kept, "it may be a script's");
    assert_eq!(hold.next(start + ms(100)), Next::Nothing);
    let paused = start + BURST_PAUSE;
    assert_eq!(hold.next(paused), Next::Other("/users", Line::clean("/users")));
    assert_eq!(hold.offer(users(), paused), Offered::Now("/users", Line::clean("/users")));
    assert_eq!(hold.lines(), 1);
    // Where nothing waits any more it has no reason to.
    let mut hold = holding(&["one"], LIMITS, start);
    hold.offer(users(), start);
    assert_eq!(messages(&mut hold, start + WINDOW), ["one"]);
}

#[test]
fn the_lines_of_a_script_keep_their_order_and_none_is_refused() {
    let start = some_instant();
    let mut hold = holding(&["one", "two"], Limits { lines: 2, ..LIMITS }, start);
    hold.offer(Typed::Other("/users", Line::clean("/users")), start);
    hold.close();
    assert_eq!(hold.next(start + BURST_PAUSE), Next::Nothing);
    assert_eq!(hold.pause(start), Some(Told { kept: Some(2), not_sent: None }), "at once");
    let open = start + WINDOW;
    assert_eq!(hold.next(open), Next::Message(Text::clean("one\ntwo")));
    hold.sent();
    let users = Next::Other("/users", Line::clean("/users"));
    assert_eq!(hold.next(open), users);
    // Its own limit may be reached: then it waits for that.
    hold.again("/users", Line::clean("/users"), open + ms(700));
    assert_eq!((hold.next(open), hold.wakes_at(false)), (Next::Nothing, Some(open + ms(700))));
    assert_eq!(hold.next(open + ms(700)), users);
    // One for which there is no room waits too.
    hold.shut(open + WINDOW);
    for line in ["three", "four", "five"] {
        assert_eq!(hold.offer(message(line), open), Offered::Kept);
    }
    assert!(!hold.takes_lines());
    assert_eq!(messages(&mut hold, open + WINDOW), ["three\nfour", "five"]);
}

#[test]
fn a_message_that_the_lobby_does_not_take_waits_on() {
    let start = some_instant();
    let mut hold = holding(&["one", "two"], LIMITS, start);
    assert_eq!(hold.next(start + WINDOW), Next::Message(Text::clean("one\ntwo")));
    hold.offer(message("three"), start + WINDOW);
    hold.shut(start + WINDOW * 3);
    assert_eq!(hold.next(start + WINDOW), Next::Nothing);
    assert_eq!(messages(&mut hold, start + WINDOW * 3), ["one\ntwo\nthree"]);
}

#[test]
fn what_is_dropped_is_named_but_for_what_is_on_its_way() {
    let start = some_instant();
    let limits = Limits { lines: 2, ..LIMITS };
    let mut hold = holding(&["one", "two"], limits, start);
    hold.offer(message("three"), start);
    assert_eq!(hold.drop_messages(), Some(not_sent(3, "one")));
    assert_eq!(hold.drop_messages(), None);
    assert_eq!((hold.waits(), hold.bytes()), (false, 0));
    assert_eq!(hold.pause(start + BURST_PAUSE), None);

    let mut hold = holding(&["one"], LIMITS, start);
    assert_eq!(hold.next(start + WINDOW), Next::Message(Text::clean("one")));
    hold.offer(message("two"), start + WINDOW);
    assert_eq!(hold.drop_messages(), Some(not_sent(1, "two")));
    hold.sent();
    assert!(!hold.waits());

    let mut hold = holding(&["one"], LIMITS, start);
    hold.offer(Typed::Other("/me", Line::clean("/me")), start);
    assert_eq!(hold.drop_messages(), Some(not_sent(1, "one")));
    assert!(hold.waits(), "what is no message is still carried out");
    assert_eq!(hold.drop_all(), Some(not_sent(1, "/me")), "but not in another lobby");
    assert_eq!((hold.waits(), hold.drop_all()), (false, None));
    hold.offer(message("two"), start);
    hold.offer(Typed::Other("/me", Line::clean("/me")), start);
    assert_eq!(hold.end(), Some(not_sent(2, "two")));
    assert_eq!(Hold::<()>::new(LIMITS).end(), None);
}

#[test]
fn a_line_is_named_by_its_beginning() {
    let start = some_instant();
    let long = "ä".repeat(NAMED_CHARS);
    for (line, want) in [
        ("    short", "short".to_owned()),
        (&long, long.clone()),
        (&format!("{long}b"), format!("{long}…")),
        (&format!("{}👩\u{200D}🚀 on", "x".repeat(NAMED_CHARS - 2)), {
            format!("{}👩…", "x".repeat(NAMED_CHARS - 2))
        }),
    ] {
        let mut hold: Hold<()> = Hold::new(LIMITS);
        hold.refused(&Line::clean(line), start);
        assert_eq!(hold.end().unwrap().first.as_str(), want);
    }
}

/// A line of a random client.
#[derive(Debug, Clone, PartialEq)]
enum Input {
    Say(usize),
    /// What counts as a message.
    Order,
    /// What counts as nothing.
    Look,
    Enter,
}

/// What became of the lines of a client, each known by its number.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    Said(Vec<usize>),
    Done(usize),
    /// Told at once.
    Denied(usize),
    Named(usize, Option<usize>),
    Waits(usize),
}

/// A client with its socket and its Session, in a time of its own.
struct World {
    now: Instant,
    coming: VecDeque<(Instant, usize, Input)>,
    /// When the client closes its sending side.
    ends: Option<Instant>,
    hold: Hold<(usize, Input)>,
    window: SlidingWindow,
    /// The lobby lets one through only so long after the last.
    slow: Duration,
    spoke: Option<Instant>,
    fates: Vec<Fate>,
}

impl World {
    fn text(number: usize, chars: usize) -> Line {
        Line::clean(&format!("{number:03}{}", "x".repeat(chars)))
    }

    fn number(row: &str) -> usize {
        row[..3].parse().unwrap()
    }

    fn arrived(&self) -> bool {
        self.coming.front().is_some_and(|(at, ..)| *at <= self.now)
    }

    fn has_end(&self) -> bool {
        // The end comes after the last byte.
        let all_sent = self.coming.back().is_none_or(|(at, ..)| *at <= self.now);
        all_sent && self.ends.is_some_and(|ends| ends <= self.now)
    }

    fn passes(&mut self) -> Result<(), Duration> {
        self.window.check(self.now)?;
        self.window.record(self.now);
        Ok(())
    }

    fn name(&mut self, what: NotSent) {
        let first = (!what.first.is_blank()).then(|| Self::number(what.first.as_str()));
        self.fates.push(Fate::Named(what.lines, first));
    }

    fn carry_out(&mut self, number: usize, what: Input) {
        let passed = if what == Input::Order { self.passes() } else { Ok(()) };
        match passed {
            Ok(()) => self.fates.push(Fate::Done(number)),
            Err(wait) if self.hold.is_closed() => {
                self.hold.again((number, what), Self::text(number, 0), self.now + wait);
            }
            Err(_) => self.fates.push(Fate::Denied(number)),
        }
    }

    fn take(&mut self, number: usize, what: Input) {
        if !self.hold.waits() {
            match what {
                Input::Enter | Input::Look => return self.carry_out(number, what),
                Input::Say(_) | Input::Order => match self.passes() {
                    Ok(()) if what == Input::Order => return self.fates.push(Fate::Done(number)),
                    Ok(()) => return self.fates.push(Fate::Said(vec![number])),
                    Err(wait) => self.hold.shut(self.now + wait),
                },
            }
        }
        let line = match what {
            Input::Enter if self.hold.offer_blank(self.now) => return,
            Input::Enter => return,
            Input::Say(chars) => Typed::Message(Self::text(number, chars)),
            other => Typed::Other((number, other), Self::text(number, 0)),
        };
        if let Offered::Now((number, what), _) = self.hold.offer(line, self.now) {
            self.carry_out(number, what);
        }
    }

    /// One step; false where nothing will ever happen again.
    fn step(&mut self) -> bool {
        let at_end = self.coming.is_empty() && self.has_end();
        if at_end || (self.hold.asks_for_end() && self.has_end()) {
            self.hold.close();
        }
        match self.hold.next(self.now) {
            Next::Message(text) => {
                let early = self.spoke.map(|at| at + self.slow).filter(|at| *at > self.now);
                match (self.passes(), early) {
                    (Err(wait), _) => self.hold.shut(self.now + wait),
                    (Ok(()), Some(at)) => {
                        self.window.take_back();
                        self.hold.shut(at);
                    }
                    (Ok(()), None) => {
                        self.spoke = Some(self.now);
                        self.hold.sent();
                        let rows = text.rows().filter(|row| !row.is_empty());
                        self.fates.push(Fate::Said(rows.map(Self::number).collect()));
                        assert!(text.rows().count() <= MAX_ROWS);
                    }
                }
                return true;
            }
            Next::Other((number, what), _) => {
                self.carry_out(number, what);
                return true;
            }
            Next::Refused => return true,
            Next::Nothing => {}
        }
        if self.hold.takes_lines() && self.arrived() {
            let (_, number, what) = self.coming.pop_front().unwrap();
            self.take(number, what);
            return true;
        }
        let idle = self.hold.takes_lines();
        if (idle || self.hold.is_closed())
            && let Some(Told { kept, not_sent }) = self.hold.pause(self.now)
        {
            self.fates.extend(kept.map(Fate::Waits));
            if let Some(what) = not_sent {
                self.name(what);
            }
            return true;
        }
        let arrival = self.coming.front().map(|(at, ..)| *at).filter(|_| idle);
        let end = self.ends.filter(|at| *at > self.now);
        let wakes = [self.hold.wakes_at(idle), arrival, end].into_iter().flatten().min();
        let Some(at) = wakes else { return false };
        assert!(at > self.now, "it would spin: {:?}", self.hold);
        self.now = at;
        true
    }
}

/// Lets a client send all this, each line so long after the one before, and gives what became of it.
fn live(lines: &[(u64, Input)], ends: Option<u64>, limits: Limits, slow: u64) -> World {
    let start = some_instant();
    let mut at = start;
    let mut coming = VecDeque::new();
    for (number, (gap, what)) in lines.iter().enumerate() {
        at += ms(*gap);
        coming.push_back((at, number, what.clone()));
    }
    let mut world = World {
        now: start,
        coming,
        ends: ends.map(|gap| at + ms(gap)),
        hold: Hold::new(limits),
        window: SlidingWindow::new(3, WINDOW),
        slow: ms(slow),
        spoke: None,
        fates: Vec::new(),
    };
    let mut steps = 0;
    while world.step() {
        steps += 1;
        assert!(steps < 10_000, "no end: {:?}", world.hold);
        assert!(world.hold.lines() <= limits.lines + 1);
    }
    assert!(!world.hold.waits(), "{:?}", world.hold);
    world
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => (0..30_usize).prop_map(Input::Say),
        1 => Just(Input::Order),
        1 => Just(Input::Look),
        1 => Just(Input::Enter),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..12_usize, 33..200_usize).prop_map(|(lines, message_chars)| Limits { lines, message_chars })
}

/// The messages that were said, and the rest that was carried out, each in the order of that.
fn said_and_done(world: &World) -> (Vec<usize>, Vec<usize>) {
    let (mut said, mut done) = (Vec::new(), Vec::new());
    for fate in &world.fates {
        match fate {
            Fate::Said(rows) => said.extend(rows),
            Fate::Done(number) | Fate::Denied(number) => done.push(*number),
            Fate::Named(..) | Fate::Waits(_) => {}
        }
    }
    (said, done)
}

proptest! {
    /// Whatever is typed and whenever: each message is said once, in order, or counted once as not sent.
    #[test]
    fn every_line_is_sent_or_named(
        lines in prop::collection::vec((prop_oneof![Just(0), 0..300_u64, 0..9_000_u64], input()), 0..120),
        ends in prop::option::of(0..9_000_u64),
        limits in limits(),
        slow in prop_oneof![Just(0), 0..30_000_u64],
    ) {
        let world = live(&lines, ends, limits, slow);
        let (said, done) = said_and_done(&world);
        prop_assert!(said.is_sorted_by(|a, b| a < b), "doubled or out of order: {said:?}");
        prop_assert!(done.is_sorted_by(|a, b| a < b), "doubled or out of order: {done:?}");
        let of = |which: fn(&Input) -> bool| {
            let all = lines.iter().enumerate().filter(move |(_, (_, what))| which(what));
            all.map(|(number, _)| number).collect::<Vec<_>>()
        };
        let messages = of(|what| matches!(what, Input::Say(_)));
        let others = of(|what| matches!(what, Input::Order | Input::Look));
        let enters = of(|what| matches!(what, Input::Enter));
        prop_assert!(said.iter().all(|number| messages.contains(number)));
        let done: Vec<usize> = done.into_iter().filter(|n| !enters.contains(n)).collect();
        prop_assert_eq!(done, others, "each is carried out or told at once");
        let named = world.fates.iter().filter_map(|fate| match fate {
            Fate::Named(lines, first) => Some((*lines, *first)),
            _ => None,
        });
        let mut counted = 0;
        let mut least = None;
        for (lines, first) in named {
            counted += lines;
            prop_assert!(first.is_some_and(|first| !said.contains(&first)));
            prop_assert!(first > least, "named twice");
            least = first;
        }
        prop_assert_eq!(counted, messages.len() - said.len());
    }

    /// What a script sends is carried out, all of it and in order.
    #[test]
    fn a_script_arrives_whole(
        lines in prop::collection::vec(input(), 0..120),
        late in 0..150_u64,
        limits in limits().prop_filter("some may wait", |limits| limits.lines > 0),
        slow in prop_oneof![Just(0), 0..30_000_u64],
    ) {
        let script: Vec<_> = lines.iter().cloned().map(|what| (0, what)).collect();
        let world = live(&script, Some(late), limits, slow);
        let mut all = Vec::new();
        for fate in &world.fates {
            match fate {
                Fate::Said(rows) => all.extend(rows),
                Fate::Done(number) => all.push(*number),
                Fate::Denied(number) => prop_assert!(false, "{number} was refused"),
                Fate::Named(..) => prop_assert!(false, "something was lost"),
                Fate::Waits(_) => {}
            }
        }
        all.retain(|number| lines[*number] != Input::Enter);
        let wanted = lines.iter().enumerate().filter(|(_, what)| **what != Input::Enter);
        prop_assert_eq!(all, wanted.map(|(number, _)| number).collect::<Vec<_>>());
    }
}
