//! What is fuzzed: each entry takes any bytes and panics where a promise is broken. The tests of the
//! main package run the same entries over random bytes and over the seed corpus.

use std::sync::Arc;

use lobbyd::ai::answer::AnswerText;
use lobbyd::ai::head::Heads;
use lobbyd::ai::provider::{gemini, openai};
use lobbyd::ai::sse::SseDecoder;
use lobbyd::chat::bot::{Introduction, Token};
use lobbyd::chat::command::complete::{Among, Completion, secret, sought};
use lobbyd::chat::command::{CommandError, Input, parse};
use lobbyd::chat::editor::{Asks, Editor, Happened, MAX_DRAFT_BYTES};
use lobbyd::chat::hook::{Kind, MAX_SHOWN_CHARS, read};
use lobbyd::chat::password::PasswordRecord;
use lobbyd::chat::text::{Line, MAX_BLANKS, MAX_INDENT, MAX_MARKS, MAX_ROWS, Text};
use lobbyd::cluster::record::{DecodeError, EncodeError, MAX_RECORD_BYTES, Record, Unknown};
use lobbyd::net::client_cert::{MAX_MESSAGE_BYTES, check_message};
use lobbyd::net::flight::Flight;
use lobbyd::net::lines::{Event, LineDecoder, MAX_LINE_BYTES};
use lobbyd::net::proxy::{HeaderError, HeaderReader, MAX_V2_BYTES, Sender};
use lobbyd::net::telnet::Telnet;
use lobbyd::net::ws::{FrameDecoder, Message};
use lobbyd::render::frame::MAX_CONTROL_BYTES;

/// The line decoder, with telnet and without: wherever the bytes are cut, the same events come out.
pub(super) fn lines(data: &[u8]) {
    lines_of(data, || Some(Telnet::default()));
    lines_of(data, || None);
}

fn lines_of(data: &[u8], telnet: fn() -> Option<Telnet>) {
    let Some((&cut, data)) = data.split_first() else { return };
    let whole = decode(telnet(), &[data]);
    let (a, b) = data.split_at(usize::from(cut).min(data.len()));
    assert_eq!(decode(telnet(), &[a, b]), whole, "a cut changed what was read");
    let single: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(decode(telnet(), &single), whole, "single bytes changed what was read");
    for event in whole {
        match event {
            Event::Line { text, by_cr } => {
                // An invalid byte becomes a replacement character of three.
                assert!(text.len() <= 3 * MAX_LINE_BYTES);
                let keys = ['\x03', '\x08', '\x15', '\x17', '\x7f'];
                assert!(!by_cr || !text.contains(keys), "a key of a raw terminal is left");
            }
            Event::TooLong
            | Event::EndOfInput
            | Event::Reply(_)
            | Event::Changed
            | Event::Client { .. }
            | Event::Size(_)
            | Event::AreYouThere => {}
            Event::Message(_) => unreachable!("there are no frames"),
        }
    }
}

fn decode(telnet: Option<Telnet>, chunks: &[&[u8]]) -> Vec<Event> {
    let (mut decoder, mut events) = (LineDecoder::new(telnet), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(event) = decoder.next(&mut input) {
            events.push(event);
        }
        assert!(input.is_empty());
    }
    events.extend(decoder.finish());
    events
}

/// Frames of a WebSocket: wherever the bytes are cut, the same messages come out, and none is too long.
pub(super) fn frames(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let whole = messages(&[data]);
    let (a, b) = data.split_at(usize::from(cut).min(data.len()));
    assert_eq!(messages(&[a, b]), whole, "a cut changed what was read");
    let single: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(messages(&single), whole, "single bytes changed what was read");
    for (number, message) in whole.iter().enumerate() {
        match message {
            Message::Line(text) => assert!(text.len() <= MAX_LINE_BYTES),
            Message::Ping(payload) => assert!(payload.len() <= MAX_CONTROL_BYTES),
            Message::Pong => {}
            Message::End(_) | Message::Fault(..) => assert_eq!(number + 1, whole.len()),
        }
    }
}

fn messages(chunks: &[&[u8]]) -> Vec<Message> {
    let (mut decoder, mut all) = (FrameDecoder::default(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(message) = decoder.next(&mut input) {
            all.push(message);
        }
        assert!(input.is_empty());
    }
    all
}

/// The editor: wherever the bytes are cut, the same comes of them, and what is drawn can be drawn.
pub(super) fn keys(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let whole = edit(&[data]);
    let (a, b) = data.split_at(usize::from(cut).min(data.len()));
    assert_eq!(edit(&[a, b]), whole, "a cut changed what was typed");
    let single: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(edit(&single), whole, "single bytes changed what was typed");
}

/// All that happens, and what is drawn after each thing and at the end.
fn edit(chunks: &[&[u8]]) -> Vec<(Option<Happened>, String)> {
    let (mut editor, mut all) = (Editor::new(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(happened) = editor.next(&mut input) {
            react(&mut editor, &happened);
            let shown = drawn(&editor);
            if !matches!(happened, Happened::Worked(_)) {
                all.push((Some(happened), shown));
            }
        }
        assert!(input.is_empty());
        drawn(&editor);
    }
    all.push((None, drawn(&editor)));
    let last = editor.next(&mut &b"\r"[..]);
    all.push((last, drawn(&editor)));
    all
}

/// What a server may do about it: answers to Tab, refusals, other questions.
fn react(editor: &mut Editor, happened: &Happened) {
    match happened {
        Happened::Line(line) => {
            assert!(line.len() <= MAX_DRAFT_BYTES && !line.contains(is_hostile_key));
            match line.len() % 4 {
                0 => editor.set_asks([Asks::Chat, Asks::Name, Asks::Secret][line.len() / 4 % 3]),
                1 => editor.put_back(line),
                _ => {}
            }
        }
        Happened::Complete(wanted) => {
            let hidden = secret(&wanted.before);
            assert!(hidden.is_none_or(|hidden| hidden.start == wanted.before.len()));
            let Some(sought) = sought(&wanted.before) else { return };
            let names = match sought.among {
                Among::Users | Among::Lobbies => &["bob", "Bobby", "general", "games"][..],
                Among::Words(known) => known,
                Among::Commands | Among::Topics | Among::Pictures => {
                    &["/join", "/me", "/msg", "cat", "cats"]
                }
            };
            let Completion { candidates, tail } = sought.of(names);
            editor.complete(&Completion { candidates, tail });
        }
        Happened::TooLong
        | Happened::Interrupted
        | Happened::End
        | Happened::Clear
        | Happened::Redraw
        | Happened::Position { .. }
        | Happened::Worked(_) => {}
    }
}

fn is_hostile_key(c: char) -> bool {
    c != '\n' && (c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2028}' | '\u{2029}'))
}

fn drawn(editor: &Editor) -> String {
    let draft = editor.draft();
    // The sign of a line end has three bytes.
    assert!(draft.text.len() <= 3 * MAX_DRAFT_BYTES && !draft.text.contains(char::is_control));
    let (before, behind) = draft.text.split_at(draft.cursor);
    format!("{before}|{behind}")
}

/// The sanitiser: nothing that acts on a terminal comes out, and cleaning twice changes nothing.
pub(super) fn text(data: &[u8]) {
    let line = Line::clean(&String::from_utf8_lossy(data));
    let (mut marks, mut before, mut gap) = (0, None, 0);
    for (at, c) in line.as_str().chars().enumerate() {
        assert!(!is_hostile(c), "{c:?} came through");
        assert!(!is_selector(c) || before.is_some_and(|b| !is_selector(b)), "{c:?} on nothing");
        marks = if is_combining(c) { marks + 1 } else { 0 };
        assert!(marks <= MAX_MARKS);
        gap = if c == ' ' { gap + 1 } else { 0 };
        assert!(gap <= if gap == at + 1 { MAX_INDENT } else { MAX_BLANKS });
        before = Some(c);
    }
    assert_eq!(Line::clean(line.as_str()), line, "cleaning twice changed something");
    assert!(line.chars() <= data.len());
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{200E}'
            | '\u{200F}' | '\u{61C}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{FEFF}'
            | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{180B}'..='\u{180F}'
            | '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{2800}' | '\u{3000}')
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{20D0}'..='\u{20F0}' | '\u{1161}'..='\u{11FF}')
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// The command parser: any line means something, and what a command holds is clean.
pub(super) fn command(data: &[u8]) {
    let line = Line::clean(&String::from_utf8_lossy(data));
    let text = line.as_str().trim_start();
    let slash = text.strip_prefix('/').is_some_and(|word| {
        word.starts_with(char::is_alphanumeric) || word.split(' ').next() == Some("?")
    });
    let says = text.split(' ').next().is_some_and(|word| word.eq_ignore_ascii_case("/say"));
    match parse(line.clone(), 1_000) {
        Input::Blank => assert!(line.is_blank() || says),
        Input::Say(said) => {
            assert!(says || !slash, "a command was said to everybody");
            assert!(line.as_str().contains(said.as_str()));
            assert_eq!(Line::clean(said.as_str()), said);
        }
        Input::Command { over, parsed, .. } => {
            assert!(slash || matches!(parsed, Err(CommandError::Bare)));
            assert!(over.is_none() || parsed.is_ok(), "what is no command is over no limit");
        }
        Input::SayRows(_) | Input::Overlong => unreachable!("not of the parser's making"),
    }
}

/// The decoder of the AI's stream, what its events say, and the lines of an answer.
pub(super) fn sse(data: &[u8]) {
    let mut whole = SseDecoder::default();
    let Ok(mut events) = whole.feed(data) else { return };
    events.extend(whole.finish());
    let (mut single, mut again) = (SseDecoder::default(), Vec::new());
    for byte in data {
        again.extend(single.feed(std::slice::from_ref(byte)).into_iter().flatten());
    }
    again.extend(single.finish());
    assert_eq!(events, again, "a cut changed what was read");
    for read_event in [gemini::read_event, openai::read_event] {
        let mut answer = AnswerText::default();
        for event in &events {
            let text = read_event(event).map_or_else(|_| event.clone(), |piece| piece.text);
            for lines in [answer.push(&text), answer.beginning()] {
                assert!(lines.lines.iter().all(|line| Line::clean(line.as_str()) == *line));
                let first = lines.lines.first().map_or(0, |line| line.as_str().len());
                assert!(lines.shown <= first, "more was given than there is");
            }
        }
        answer.finish();
        assert!(!answer.into_shown().contains(|c: char| c.is_control() && c != '\n'));
    }
    heads(data);
}

/// The heads of responses: wherever the bytes are cut, the same goes on to the client, and never more than came.
fn heads(data: &[u8]) {
    let (mut whole, mut out) = (Heads::default(), Vec::new());
    whole.read(data, &mut out);
    whole.finish(&mut out);
    let (mut single, mut again) = (Heads::default(), Vec::new());
    for byte in data {
        single.read(std::slice::from_ref(byte), &mut again);
    }
    single.finish(&mut again);
    assert!(out == again, "a cut changed what was read");
    assert!(out.len() <= data.len());
}

/// Stored password records: a forged one is refused or harmless.
pub(super) fn record(data: &[u8]) {
    if let Ok(record) = PasswordRecord::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(format!("{record:?}"), "PasswordRecord(****)");
    }
}

/// Records of the log of several nodes: what is read is written alike, and what is not tells nothing that
/// acts on a terminal.
pub(super) fn wire(data: &[u8]) {
    match Record::decode(data) {
        Ok(record) => match record.encode() {
            Ok(bytes) => assert_eq!(Record::decode(&bytes), Ok(record), "written it is another"),
            // A character may take more bytes here than it did there.
            Err(error) => assert!(matches!(error, EncodeError::TooLong(_)), "{error}"),
        },
        Err(error @ DecodeError::NoRecord(_)) => assert!(error.to_string().is_ascii()),
        Err(DecodeError::Unknown(Unknown::Kind(kind))) => {
            assert_eq!(Line::clean(kind.as_str()), kind);
            assert!(kind.chars() <= 41 && data.len() <= MAX_RECORD_BYTES);
        }
        Err(DecodeError::Unknown(Unknown::Form(form))) => assert!(form > 1),
    }
}

/// What a TLS client sends before anything is encrypted: wherever records end, the verdict is one.
pub(super) fn certificate(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let verdict = |pieces: &[&[u8]]| {
        let mut flight = Flight::new(Arc::default());
        pieces.iter().try_for_each(|piece| flight.record(&[22], piece))
    };
    let whole = verdict(&[data]);
    let (a, b) = data.split_at(usize::from(cut).min(data.len()));
    assert_eq!(verdict(&[a, b]), whole, "a cut changed the verdict");
    let single: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(verdict(&single), whole, "single bytes changed the verdict");
    for tls13 in [false, true] {
        let taken = check_message(data, tls13).is_ok();
        assert!(!taken || data.len() <= MAX_MESSAGE_BYTES);
    }
}

/// The header of the PROXY protocol: wherever it is cut, as many bytes are taken, and they say the same.
pub(super) fn proxy(data: &[u8]) {
    let Some((&cut, data)) = data.split_first() else { return };
    let whole = header(&[data]);
    let (a, b) = data.split_at(usize::from(cut).min(data.len()));
    assert_eq!(header(&[a, b]), whole, "a cut changed what was read");
    let single: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(header(&single), whole, "single bytes changed what was read");
    let (taken, result) = whole;
    assert!(taken <= MAX_V2_BYTES);
    if let Ok(Some(_)) = result {
        assert_eq!(header(&[&data[..taken]]).1, result, "what comes after it counted");
        assert_eq!(header(&[&data[..taken - 1]]).1, Ok(None), "it was whole before");
    }
}

/// How many bytes were taken of a header that came in these pieces, as far as it was one, and what it says.
fn header(pieces: &[&[u8]]) -> (usize, Result<Option<Sender>, HeaderError>) {
    let (mut header, mut taken) = (HeaderReader::default(), 0);
    for piece in pieces {
        match header.take(piece) {
            Ok((count, None)) => taken += count,
            Ok((count, sender)) => return (taken + count, Ok(sender)),
            Err(error) => return (0, Err(error)),
        }
    }
    (taken, Ok(None))
}

/// What a hook is sent, in each form, and what a bot says of itself: whatever is shown is clean and bounded.
pub(super) fn hook(data: &[u8]) {
    let types = [None, Some("application/json"), Some("application/x-www-form-urlencoded")];
    let events = [None, Some("push"), Some("pull_request"), Some("issues"), Some("workflow_run")];
    for content_type in types {
        for github_event in events {
            let Ok(Some(text)) = read(Kind { content_type, github_event }, data) else { continue };
            assert_eq!(Text::clean(text.as_str()), text, "something was left to clean");
            // And the mark of what was left out.
            assert!(text.chars() <= MAX_SHOWN_CHARS + 1 && text.rows().count() <= MAX_ROWS);
            assert!(github_event.is_none() || text.rows().count() == 1, "an event of several rows");
        }
    }
    let typed = String::from_utf8_lossy(data);
    if let Some(Introduction { name, token, .. }) = Introduction::parse(&typed) {
        assert!(!name.contains(' ') && !name.is_empty());
        assert!(token.is_none_or(|token| Token::parse(token.expose()) == Some(token)));
    }
}
