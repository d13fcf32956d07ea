use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::chat::accounts::AccountId;
use crate::chat::command::spec;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::text::{Line, Text};
use crate::render::replies::{self, PersonalReply, TakenFor};
use crate::render::{Form, block, company, letter as show_letter, motd, tagged_in};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn entry(at: u64, kind: MessageKind, text: &str) -> Entry {
    let author = Person::named(name("alice"));
    Entry { at: UnixMillis(at), picture: Picture::DEFAULT, author, kind, text: Text::clean(text) }
}

#[test]
fn each_kind_of_message_has_its_fields() {
    for (entry, want) in [
        (
            entry(1_764_126_000_123, MessageKind::Said, r#"a "b" \ 👋"#),
            r#"{"event":"message","id":7,"at":"2025-11-26T03:00:00.123Z","lobby":"general","from":"alice","text":"a \"b\" \\ 👋"}"#,
        ),
        (
            entry(0, MessageKind::Said, "two\nrows"),
            r#"{"event":"message","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"two\nrows"}"#,
        ),
        (
            entry(0, MessageKind::Action, "waves"),
            r#"{"event":"action","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"waves"}"#,
        ),
        (
            entry(0, MessageKind::Tag(name("bob")), "look"),
            r#"{"event":"message","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"look","tagged":"bob"}"#,
        ),
    ] {
        let line = message(&name("general"), 6, &entry);
        assert_eq!(line, want);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], entry.text.as_str());
    }
}

#[test]
fn a_time_that_no_clock_shows_is_no_fault() {
    assert!(message(&name("general"), 0, &entry(u64::MAX, MessageKind::Said, "x")).contains("Z"));
}

/// What is written on a sheet, object by object.
fn objects(body: impl FnOnce(&mut Sheet)) -> Vec<Value> {
    let bytes = block(Form::json(Json::Lines), body);
    let lines = std::str::from_utf8(&bytes).unwrap().split_terminator('\n');
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn told(what: Happened) -> Vec<Value> {
    let happened = Event { at: UnixMillis(1_500), what };
    objects(|sheet| event(sheet, &name("tea"), &happened))
}

const AT: &str = "1970-01-01T00:00:01.5Z";

#[test]
fn all_that_can_happen_in_a_lobby_has_its_objects() {
    let (ann, bob) = (Person::example(1, "ann"), Person::example(2, "bob"));
    let crossed =
        |event: &str, who: &str| json!({"event": event, "at": AT, "lobby": "tea", "from": who});
    let marked = |event: &str, who: &str, mark: &str| json!({"event": event, "at": AT, "lobby": "tea", "from": who, mark: true});
    let notice = |text: &str| json!({"event": "notice", "at": AT, "lobby": "tea", "text": text});
    let undone = |id: u64| json!({"event": "undone", "id": id, "at": AT, "lobby": "tea"});
    let both = || [ann.clone(), bob.clone()].into();
    let piece = AnswerPiece {
        id: 9,
        asker: ann.clone(),
        first: true,
        lines: [Line::clean("one"), Line::clean("two"), Line::clean("half a")].into(),
        open: true,
        shown: 0,
    };
    let moderated = |what: Moderation| Happened::Moderated { by: name("ann"), what: what.into() };
    for (what, want) in [
        (Happened::Joined(ann.clone()), vec![crossed("join", "ann")]),
        (Happened::Left(ann.clone()), vec![crossed("leave", "ann")]),
        (Happened::ManyJoined(both()), vec![crossed("join", "ann"), crossed("join", "bob")]),
        (Happened::ManyLeft(both()), vec![crossed("leave", "ann"), crossed("leave", "bob")]),
        (
            Happened::ManyLost(both()),
            vec![marked("leave", "ann", "lost"), marked("leave", "bob", "lost")],
        ),
        (
            Happened::Renamed { before: name("ann"), who: Person::example(1, "anna") },
            vec![marked("leave", "ann", "renamed"), marked("join", "anna", "renamed")],
        ),
        (
            Happened::Asked { asker: ann.clone(), question: Line::clean("why?"), seq: 3 },
            vec![json!({
                "event": "message", "id": 4, "at": AT, "lobby": "tea", "from": "ann", "text": "why?", "asked": true,
            })],
        ),
        (
            Happened::AnswerKept {
                answer: 9,
                seq: 4,
                entry: entry(1_500, MessageKind::Answer, "one\ntwo").into(),
            },
            vec![json!({
                "event": "answer", "id": 5, "at": AT, "lobby": "tea", "from": "Rox",
                "text": "one\ntwo", "to": "alice", "answer": 9,
            })],
        ),
        (
            Happened::Answered(piece),
            vec![json!({
                "event": "answer", "at": AT, "lobby": "tea", "from": "Rox", "part": true,
                "answer": 9, "to": "ann", "text": "one\ntwo",
            })],
        ),
        (
            moderated(Moderation::Topic(Some(Line::clean("cake")))),
            vec![
                notice("ann set the topic: cake"),
                json!({"event": "topic", "lobby": "tea", "text": "cake"}),
            ],
        ),
        (
            moderated(Moderation::Topic(None)),
            vec![
                notice("ann removed the topic"),
                json!({"event": "topic", "lobby": "tea", "text": ""}),
            ],
        ),
        (
            moderated(Moderation::Undo { seq: 6 }),
            vec![notice("ann took back a message"), undone(7)],
        ),
        (
            moderated(Moderation::Purge { name: name("bob"), said: [3, 5].into() }),
            vec![notice("ann removed 2 messages of bob"), undone(4), undone(6)],
        ),
        (moderated(Moderation::Slow(Duration::ZERO)), vec![notice("ann turned slow mode off")]),
    ] {
        assert_eq!(told(what), want);
    }
}

#[test]
fn nothing_of_a_text_is_anything_but_text() {
    for text in ["\"},{\"event\":\"join\"}", "</script><script>alert(1)</script>", "\\u0022 \\"] {
        let entry = entry(0, MessageKind::Said, text).into();
        let got = told(Happened::Said { seq: 1, entry });
        assert_eq!((got.len(), got[0]["text"].as_str()), (1, Some(text)));
    }
}

#[test]
fn answers_are_notices_errors_or_what_they_are() {
    let reply = |what: Reply| objects(|sheet| replies::reply(sheet, &what));
    assert_eq!(
        reply(PersonalReply::HowToLeave(TakenFor::Line).into()),
        [json!({"event": "notice", "text": "Press Ctrl-D or type /quit to leave."})]
    );
    let usage = reply(Reply::Usage(spec("/join").unwrap()));
    assert_eq!(usage[0]["event"], "error");
    assert!(usage[0]["text"].as_str().unwrap().starts_with("Usage: /join <name>"), "{usage:?}");
    let kept = Reply::Kept { limit: replies::Limit::Rate, secs: 3, lines: 2 };
    let text = "⚠ Rate limited! Wait 3 seconds. Your 2 lines are kept and sent then.";
    assert_eq!(reply(kept.clone()), [json!({"event": "held", "lines": 2, "text": text})]);
    // Two answers of one block are two objects.
    let both = objects(|sheet| {
        replies::reply(sheet, &kept);
        replies::reply(sheet, &Reply::BareWord);
    });
    assert_eq!((both.len(), both[1]["event"].as_str()), (2, Some("error")));
    let help = objects(replies::help);
    assert_eq!((help.len(), help[0]["event"].as_str()), (1, Some("notice")));
    assert!(help[0]["text"].as_str().unwrap().ends_with("/quit - Disconnect"), "{help:?}");
    let rows = [Line::clean("Be kind."), Line::clean("")];
    assert_eq!(objects(|s| motd(s, &rows)), [json!({"event": "notice", "text": "  Be kind."})]);
    assert_eq!(objects(|_| ()), Vec::<Value>::new());
}

#[test]
fn whoever_comes_in_is_told_where_they_are() {
    let mut here = Company {
        you: name("ann"),
        lobby: name("tea"),
        topic: None,
        others: vec![name("bob")],
        more: 3,
    };
    let ready = json!({"event": "ready", "user": "ann", "lobby": "tea"});
    assert_eq!(objects(|sheet| company(sheet, &here)), vec![ready.clone()]);
    here.topic = Some(Line::clean("cake"));
    let topic = json!({"event": "topic", "lobby": "tea", "text": "cake"});
    assert_eq!(objects(|sheet| company(sheet, &here)), [ready, topic]);
}

#[test]
fn private_messages_and_tags_say_from_whom_they_are() {
    let (ann, bob, text) = (name("ann"), name("bob"), Line::clean("psst"));
    let from = Person::named(bob.clone());
    let shown = |direction, mail| {
        let letter =
            Letter { direction, you: Some(&ann), text: &text, at: UnixMillis(1_500), mail };
        objects(|sheet| show_letter(sheet, &letter, None))
    };
    let mut want = json!({"event": "direct", "at": AT, "from": "bob", "to": "ann", "text": "psst"});
    assert_eq!(shown(Direct::From(&from), false), [want.clone()]);
    want["mail"] = true.into();
    assert_eq!(shown(Direct::From(&from), true), [want]);
    let want = json!({"event": "direct", "at": AT, "from": "ann", "to": "bob", "text": "psst"});
    assert_eq!(shown(Direct::To(&bob), false), [want]);
    let got = objects(|s| tagged_in(s, &from, &name("tea"), true, UnixMillis(1_500), None));
    assert_eq!(got, [json!({"event": "tagged", "at": AT, "lobby": "tea", "from": "bob"})]);
}

fn presence(name: &str, owner: bool) -> Presence {
    let account = Some(AccountId(7));
    let who = Person { account, ..Person::example(1, name) };
    let away = owner.then(|| Line::clean("tea"));
    Presence { picture: Picture::DEFAULT, who, owner, operator: false, admin: false, away }
}

#[test]
fn a_list_is_one_object_or_several_where_it_is_taken_in_parts() {
    let mut sheet = Sheet::new(Form::json(Json::Lines));
    sheet.open();
    replies::users(&mut sheet, &name("tea"), 3);
    let me = ConnId(1);
    replies::user(&mut sheet, &presence("ann", true), me, &Ignores::default());
    replies::user(&mut sheet, &presence("bob", false), ConnId(2), &Ignores::default());
    assert!(sheet.len() > 40, "it counts as what is written");
    let read = |sheet: &mut Sheet| serde_json::from_slice::<Value>(&sheet.take()).unwrap();
    let first = read(&mut sheet);
    assert_eq!(
        first,
        json!({
            "event": "roster", "lobby": "tea", "more": true,
            "users": [
                {"name": "ann", "marks": ["owner", "away", "you"]},
                {"name": "bob", "marks": []},
            ],
        })
    );
    replies::user(&mut sheet, &presence("eve", false), ConnId(2), &Ignores::default());
    sheet.close();
    let last = read(&mut sheet);
    assert_eq!(last["users"], json!([{"name": "eve", "marks": []}]));
    assert_eq!(last.get("more"), None);
}

#[test]
fn names_and_passwords_are_asked_for_without_a_prompt() {
    let form = Form::json(Json::Lines);
    let read = |bytes: bytes::Bytes| -> Vec<Value> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(replies::welcome(form, true, true), bytes::Bytes::new());
    assert_eq!(
        read(replies::ask_name_again(form, &replies::NameProblem::Taken)),
        [json!({"event": "error", "text": "Username already taken, try another."})]
    );
    let password = json!({"event": "password", "text": "Password"});
    assert_eq!(read(replies::ask_password(form)), vec![password.clone()]);
    assert_eq!(
        read(replies::ask_password_again(form, replies::PasswordProblem::Wrong)),
        [json!({"event": "error", "text": "Wrong password."}), password]
    );
    assert_eq!(
        read(replies::farewell(form, Farewell::Quit)),
        [json!({"event": "notice", "text": "Disconnecting from server. Goodbye!"})]
    );
    assert_eq!(
        read(replies::farewell(form, Farewell::Kicked)),
        [json!({"event": "error", "text": "You were kicked. Goodbye!"})]
    );
}

#[test]
fn over_a_websocket_each_object_is_a_frame_and_the_end_has_a_code() {
    let form = Form::json(Json::Frames);
    let shown = block(form, |sheet| {
        for text in ["x".to_owned(), "y".repeat(200)] {
            let entry = entry(0, MessageKind::Said, &text);
            said(sheet, &name("tea"), 1, &entry, false);
        }
    });
    let short = usize::from(shown[1]);
    assert_eq!((shown[0], shown[2], shown[1 + short]), (0x81, b'{', b'}'));
    let second = &shown[2 + short..];
    let long = usize::from(u16::from_be_bytes([second[2], second[3]]));
    assert_eq!((second[0], second[1], second[4], second.len()), (0x81, 126, b'{', 4 + long));
    for (why, code) in [
        (Farewell::Quit, 1000),
        (Farewell::Shutdown { others: true }, 1001),
        (Farewell::Elsewhere, 1008),
        (Farewell::TooSlow, 1008),
        (Farewell::Fault, 1011),
    ] {
        let frame = replies::farewell(form, why);
        assert_eq!(frame[0], 0x88);
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), code, "{why:?}");
        let plain = replies::farewell(Form { bare: true, ..Form::PLAIN }, why);
        assert_eq!(&frame[4..], plain.trim_ascii_end());
    }
}

#[test]
fn bots_are_marked_as_such_and_named_without_that() {
    let ci = Person::hook(name("ci"));
    let said = Entry {
        at: UnixMillis(1_500),
        picture: Picture::DEFAULT,
        author: ci.clone(),
        kind: MessageKind::Said,
        text: Text::clean("built"),
    };
    let got = objects(|sheet| super::said(sheet, &name("tea"), 6, &said, false));
    let want = json!({"event": "message", "id": 7, "at": AT, "lobby": "tea", "from": "ci", "bot": true, "text": "built"});
    assert_eq!(got, [want]);
    let got = objects(|s| tagged_in(s, &ci, &name("tea"), true, UnixMillis(1_500), None));
    let want = json!({"event": "tagged", "at": AT, "lobby": "tea", "from": "ci", "bot": true});
    assert_eq!(got, [want]);
    let muted = Event { at: UnixMillis(1_500), what: Happened::BotsMuted };
    let got = objects(|sheet| super::event(sheet, &name("tea"), &muted));
    assert_eq!((&got[0]["event"], got.len()), (&json!("notice"), 1));
}
