//! What a line costs as a record of the log: bytes, and the time to write and to read it.

use std::hint::black_box;
use std::time::Instant;

use lobbyd::chat::directory::ConnId;
use lobbyd::chat::lobbies::LobbyId;
use lobbyd::chat::lobby::Saying;
use lobbyd::chat::lobby::step::Input;
use lobbyd::chat::text::Line;
use lobbyd::cluster::engine::Revision;
use lobbyd::cluster::record::{Record, What};

/// Characters of the line.
const CHARS: usize = 100;
/// How often it is written and read in a row.
const ROUNDS: u32 = 200_000;

/// Runs it once and prints the figures.
pub(crate) fn run() {
    for (kind, words) in [("ASCII", "just some words "), ("Chinese", "今天天气很好，")] {
        let text: String = words.chars().cycle().take(CHARS).collect();
        let saying = Saying::message(Line::clean(&text));
        let input = Input::Say { conn: ConnId::new(123_456, 789), saying, tagged: None };
        let what = What::Lobby { lobby: LobbyId(12), input };
        let record = Record {
            life: Revision(123_456),
            number: 1_234_567,
            what,
            changes: Vec::new(),
            until: None,
        };
        let bytes = record.encode().expect("a record");
        assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record));
        let encode = nanos(|| _ = black_box(black_box(&record).encode()));
        let decode = nanos(|| _ = black_box(Record::decode(black_box(&bytes))));
        println!(
            "record  {CHARS} characters, {kind}: {} bytes, {encode:.0} ns to write, {decode:.0} ns to read",
            bytes.len()
        );
    }
}

/// Time that one of many rounds takes.
fn nanos(mut round: impl FnMut()) -> f64 {
    let begin = Instant::now();
    (0..ROUNDS).for_each(|_| round());
    begin.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}
