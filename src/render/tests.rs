use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::chat::accounts::{AccountId, Fingerprint, Key, Subject};
use crate::chat::directory::ConnId;
use crate::chat::history::Age;
use crate::chat::kept::MessageId;
use crate::chat::lobbies::LobbyId;
use crate::chat::moderation::{Moderation, ServerModeration};
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::sanctions::{Sanction, Terms};
use crate::chat::text::Text;
use crate::chat::times::Span;

const JUST_NOW: Option<When> = Some(When::Age(Age::JustNow));

fn ago(count: u64, unit: char) -> Option<When> {
    Some(Age::Ago(count, unit).into())
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn plain(body: impl FnOnce(&mut Sheet)) -> String {
    let mut sheet = Sheet::new(Form::PLAIN);
    body(&mut sheet);
    text(sheet.take())
}

fn clock(at: u64) -> When {
    Times::Clock { utc_offset_secs: 0 }.when(UnixMillis(at), UnixMillis(at))
}

/// An event without what opens and closes its block.
fn shown(event: &Event) -> String {
    let block = plain(|sheet| self::event(sheet, event, Times::Ages, false));
    block.strip_prefix('\n').unwrap().strip_suffix("> ").unwrap().to_owned()
}

fn moderated(by: &Name, what: Moderation) -> Event {
    happened(Happened::Moderated { by: by.clone(), what: Arc::new(what) })
}

fn happened(what: Happened) -> Event {
    Event { at: UnixMillis(50_700_000), what }
}

fn entry(tagged: Option<&str>) -> Entry {
    Entry {
        at: UnixMillis(1_000),
        picture: Picture::DEFAULT,
        author: Person::named(name("alice")),
        kind: tagged.map_or(MessageKind::Said, |whom| MessageKind::Tag(name(whom))),
        text: Text::clean("Hello everyone!"),
    }
}

fn waves() -> Entry {
    Entry { kind: MessageKind::Action, text: Text::clean("waves"), ..entry(None) }
}

#[test]
fn a_message_has_its_colours() {
    let mut sheet = Sheet::default();
    message(&mut sheet, &entry(None), JUST_NOW, false);
    let want = "\x1b[33m[@_@] alice\x1b[0m \x1b[37m[just now]\x1b[0m\n  \x1b[36m╰─>\x1b[0m Hello everyone!\n";
    assert_eq!(sheet.take(), want.as_bytes());
}

#[test]
fn texts_of_lobby_events() {
    let (alice, bob, hi) = (name("alice"), name("bob"), Line::clean("hi"));
    let cases = [
        (
            plain(|s| message(s, &entry(None), JUST_NOW, false)),
            "[@_@] alice [just now]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(None), ago(12, 's'), false)),
            "[@_@] alice [12s ago]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), None, false)),
            "[@_@] alice @bob\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), ago(3, 'm'), false)),
            "[@_@] alice @bob [3m ago]\n  ╰─> Hello everyone!\n",
        ),
        (
            shown(&happened(Happened::Joined(Person::named(alice.clone())))),
            "[LOBBY] alice has joined the lobby\n",
        ),
        (
            shown(&happened(Happened::Left(Person::named(alice.clone())))),
            "[LOBBY] alice has left the lobby\n",
        ),
        (
            plain(|s| direct(s, Direct::From(&Person::named(alice.clone())), &hi, ago(2, 'h'))),
            "[DM] alice —» You [2h ago]\n  ╰─> hi\n",
        ),
        (
            plain(|s| message(s, &entry(None), Some(clock(33_900_000)), false)),
            "[@_@] alice [09:25]\n  ╰─> Hello everyone!\n",
        ),
        (plain(|s| message(s, &waves(), None, false)), "[@_@] * alice waves\n"),
        (plain(|s| message(s, &waves(), ago(3, 'm'), false)), "[@_@] * alice waves [3m ago]\n"),
        (
            shown(&happened(Happened::Renamed {
                before: alice.clone(),
                who: Person::named(bob.clone()),
            })),
            "[LOBBY] alice is now known as bob\n",
        ),
        (plain(|s| announcement(s, &alice, &hi, None)), "[ANNOUNCEMENT] alice: hi\n"),
        (
            shown(&happened(Happened::Asked {
                asker: Person::named(alice.clone()),
                question: hi.clone(),
                seq: 1,
            })),
            "[LOBBY] alice asked AI: hi\n",
        ),
        (
            shown(&moderated(&alice, Moderation::SetPrompt(Some(hi.clone())))),
            "[LOBBY] alice updated the AI prompt\n",
        ),
        (plain(|s| direct(s, Direct::To(&bob), &hi, None)), "[DM] You —» bob\n  ╰─> hi\n"),
        (
            plain(|s| direct(s, Direct::From(&Person::named(alice.clone())), &hi, None)),
            "[DM] alice —» You\n  ╰─> hi\n",
        ),
        (plain(|s| tagged(s, &Person::named(alice.clone()), None, None)), "✦ alice tagged you\n"),
        (
            plain(|s| tagged(s, &Person::named(alice.clone()), Some(&name("coding")), None)),
            "✦ alice tagged you in 'coding'\n",
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn an_answer_says_where_it_goes_on() {
    let lines = [Line::clean("one"), Line::clean(""), Line::clean("two")];
    let asker = Person::named(name("alice"));
    let shown = |first, follows| {
        let piece = AnswerPiece {
            id: 1,
            asker: asker.clone(),
            first,
            lines: lines.clone().into(),
            open: false,
            shown: 0,
        };
        plain(|sheet| self::piece(sheet, &piece, follows))
    };
    let first = "\n[AI Response to alice]\n  one\n  \n  two\n> ";
    assert_eq!(shown(true, Follows::Nothing), first);
    let later = "\n[AI Response to alice, continued]\n  one\n  \n  two\n> ";
    assert_eq!(shown(false, Follows::Nothing), later);
    assert_eq!(shown(false, Follows::Piece), "\n  one\n  \n  two\n> ");
}

#[test]
fn an_answer_is_shown_again_under_the_name_of_rox_and_its_beginning_in_a_replay() {
    let rows = |count: usize| (1..=count).map(|row| format!("row {row}")).collect::<Vec<_>>();
    let answer = |count| Entry {
        kind: MessageKind::Answer,
        text: Text::clean_all(&rows(count).join("\n")),
        ..entry(None)
    };
    let asked = Entry { kind: MessageKind::Asked, text: Text::clean("why?"), ..entry(None) };
    let told = |form: Form, whole, entries: &[Entry]| {
        let mut sheet = Sheet::new(form);
        let mut retelling = match whole {
            true => Retelling::new(Times::Ages, UnixMillis(200_000)),
            false => Retelling::replay(Times::Ages, UnixMillis(200_000)),
        };
        entries.iter().for_each(|entry| retelling.next(&mut sheet, entry));
        text(sheet.take())
    };
    let shown = |count| {
        let rows: String = rows(count).iter().map(|row| format!("  {row}\n")).collect();
        format!("[@_@] Rox [3m ago]\n{rows}")
    };
    for count in [1, 8, 9, 20] {
        assert_eq!(told(Form::PLAIN, true, &[answer(count)]), shown(count), "{count}");
        let more = match count {
            ..=8 => String::new(),
            9 => "  … 1 more row: /history\n".to_owned(),
            count => format!("  … {} more rows: /history\n", count - 8),
        };
        let want = format!("{}{more}", shown(count.min(8)));
        assert_eq!(told(Form::PLAIN, false, &[answer(count)]), want, "{count}");
    }
    let both = [asked.clone(), answer(1), asked.clone()];
    let question = "[@_@] alice [3m ago]\n  ╰─> why?\n";
    let want = format!("{question}{}{question}", shown(1));
    assert_eq!(told(Form::PLAIN, false, &both), want);
    let compact = told(Form { compact: true, ..Form::PLAIN }, false, &both);
    assert_eq!(compact, "3m ago alice why?\n3m ago Rox   row 1\n3m ago alice why?\n");
    // A long row takes as many as the terminal needs, and those are counted.
    let long = Entry { text: Text::clean(&"word ".repeat(100)), ..answer(1) };
    let narrow = told(Form { width: 40, ..Form::PLAIN }, false, &[long]);
    assert_eq!(narrow.lines().count(), 10, "{narrow}");
    assert!(narrow.lines().skip(1).all(|row| row.starts_with("  ")), "{narrow}");
    assert!(narrow.ends_with("more rows: /history\n"), "{narrow}");
}

/// Nothing is to be shown to whoever comes at `now`.
fn nothing(now: u64) -> Replay {
    Replay {
        name: name("general"),
        next_seq: 0,
        lobby: LobbyId(1),
        joined: false,
        missed: None,
        stored: Vec::new(),
        recent: Vec::new(),
        times: Times::Ages,
        now: UnixMillis(now),
    }
}

#[test]
fn whoever_comes_in_is_shown_the_join_first() {
    let shown = |replay: &Replay| plain(|sheet| arrival(sheet, replay));
    let joined = Replay { name: name("coding"), joined: true, ..nothing(0) };
    assert_eq!(shown(&joined), "Joined lobby 'coding'\n");
    assert_eq!(shown(&nothing(0)), "");
    assert!(nothing(0).is_empty() && !joined.is_empty());
}

#[test]
fn who_comes_and_goes_together_is_told_in_one_notice() {
    let who = |names: &[&str]| -> Arc<[Person]> {
        (1..).zip(names).map(|(conn, name)| Person::example(conn, name)).collect()
    };
    let shown = |what| {
        let event = Event { at: UnixMillis(0), what };
        plain(|sheet| super::event(sheet, &event, Times::Ages, false))
    };
    for (names, want) in [
        (&["ann"][..], "ann has"),
        (&["ann", "bob"], "ann and bob have"),
        (&["ann", "bob", "carol"], "ann, bob and carol have"),
        (&["ann", "bob", "carol", "dave"], "ann, bob, carol and 1 more have"),
        (&["ann", "bob", "carol", "dave", "eve"], "ann, bob, carol and 2 more have"),
    ] {
        let joined = shown(Happened::ManyJoined(who(names)));
        assert_eq!(joined, format!("\n[LOBBY] {want} joined the lobby\n> "));
        let left = shown(Happened::ManyLeft(who(names)));
        assert_eq!(left, format!("\n[LOBBY] {want} left the lobby\n> "));
    }
    for (names, want) in [
        (&["ann"][..], "1 person lost their connection: ann"),
        (
            &["ann", "bob", "carol", "dave", "eve"],
            "5 people lost their connection: ann, bob, carol and 2 more",
        ),
    ] {
        let lost = shown(Happened::ManyLost(who(names)));
        assert_eq!(lost, format!("\n[LOBBY] {want}\n> "));
    }
}

#[test]
fn whoever_has_come_in_is_told_where_they_are_and_with_whom() {
    let with = |others: &[&str], more, topic: Option<&str>| {
        let others = others.iter().map(|other| name(other)).collect();
        let topic = topic.map(Line::clean);
        let company = Company { you: name("alice"), lobby: name("general"), topic, others, more };
        plain(|sheet| super::company(sheet, &company))
    };
    for (others, more, want) in [
        (&[][..], 0, "You are alone in 'general'. /help /users /quit\n"),
        (&["bob"], 0, "You are alice in 'general' with bob. /help /users /quit\n"),
        (
            &["bob", "carol"],
            0,
            "You are alice in 'general' with bob and carol. /help /users /quit\n",
        ),
        (
            &["bob", "carol", "dave"],
            0,
            "You are alice in 'general' with bob, carol and dave. /help /users /quit\n",
        ),
        (
            &["zoe", "eve", "bob", "carol", "dave"],
            3,
            "You are alice in 'general' with zoe, eve, bob, carol, dave and 3 more. \
             /help /users /quit\n",
        ),
    ] {
        assert_eq!(with(others, more, None), want);
        let topic = format!("Topic: Release on Friday\n{want}");
        assert_eq!(with(others, more, Some("Release on Friday")), topic);
    }
}

#[test]
fn a_sentence_of_ours_that_is_too_long_goes_on_in_the_next_row() {
    let shown = |body: &dyn Fn(&mut Sheet)| {
        let mut sheet = Sheet::new(Form { width: 40, ..Form::PLAIN });
        body(&mut sheet);
        text(sheet.take())
    };
    let company = Company {
        you: name("alice"),
        lobby: name("general"),
        topic: None,
        others: vec![name("christopher"), name("bob")],
        more: 0,
    };
    for (got, want) in [
        (
            shown(&|s| super::company(s, &company)),
            "You are alice in 'general' with \n      christopher and bob. /help /users \n      /quit\n",
        ),
        (
            shown(&|s| replies::reply(s, &replies::Reply::RateLimited(9))),
            "⚠ Rate limited! Wait 9 seconds.\n",
        ),
        (
            shown(&|s| replies::reply(s, &replies::Reply::ServerBusy)),
            "Server is busy, try again in a moment.\n",
        ),
        (
            shown(&|s| replies::reply(s, &replies::Reply::UnknownCommand(None))),
            "Unknown command. Type /help for \n      available commands.\n",
        ),
        (
            shown(&|s| {
                notice(s, None, |s| _ = s.fixed("somebody with a long name has joined the lobby"));
            }),
            "[LOBBY] somebody with a long name has \n      joined the lobby\n",
        ),
    ] {
        assert_eq!(got, want);
    }
}

#[test]
fn whoever_comes_back_is_told_what_they_missed() {
    for (count, times, want) in [
        (12, Times::Ages, "12 messages since you left 2h ago\n"),
        (1, Times::Ages, "1 message since you left 2h ago\n"),
        (12, Times::Clock { utc_offset_secs: 0 }, "12 messages since you left at 00:00\n"),
    ] {
        let missed = Some((count, UnixMillis(0)));
        let stored = (0..count).map(|seq| MessageId { row: 0, seq }).collect();
        let told = Replay { missed, times, stored, ..nothing(7_200_000) };
        assert_eq!(plain(|sheet| arrival(sheet, &told)), want);
    }
}

#[test]
fn whoever_missed_more_than_is_shown_is_told_how_much_of_it_follows() {
    let stored = (100..300).map(|seq| MessageId { row: 0, seq }).collect();
    let missed = Some((300, UnixMillis(0)));
    let told = Replay { missed, stored, ..nothing(7_200_000) };
    let want = "300 messages since you left 2h ago, the last 200:\n";
    assert_eq!(plain(|sheet| arrival(sheet, &told)), want);
}

#[test]
fn moderations_are_told_to_the_lobby() {
    let (alice, bob, spam) = (name("alice"), name("bob"), Line::clean("spam"));
    let sanction = |secs: Option<u64>, reason: Option<&str>| {
        let subject = (Subject::Account(AccountId(2)), name("bob"));
        let (time, reason) = (secs.map(Duration::from_secs), reason.map(Line::clean));
        let terms = Terms { time, reason, alone: false };
        Sanction::new(subject, name("alice"), terms, UnixMillis(1))
    };
    let (conn, account) = (ConnId(2), AccountId(2));
    let kick = |reason| Moderation::Kick { conn, account: None, name: name("bob"), reason };
    let ban = |secs, reason| Moderation::Ban { ban: sanction(secs, reason), conn: None };
    let mute = |secs| Moderation::Mute { mute: sanction(secs, None), conn: None };
    for (what, want) in [
        (Moderation::Topic(Some(Line::clean("Release"))), "set the topic: Release"),
        (Moderation::Topic(None), "removed the topic"),
        (Moderation::SetPrompt(None), "took the AI prompt back"),
        (Moderation::SetRox { on: true }, "turned the AI on"),
        (Moderation::SetRox { on: false }, "turned the AI off"),
        (Moderation::Op { account, name: bob.clone() }, "made bob an operator"),
        (Moderation::Deop { account, name: bob.clone() }, "took the operator's rights from bob"),
        (kick(None), "kicked bob"),
        (kick(Some(spam.clone())), "kicked bob: spam"),
        (mute(None), "muted bob for good"),
        (mute(Some(600)), "muted bob for 10m"),
        (Moderation::Unmute { lifted: vec![], name: bob.clone() }, "unmuted bob"),
        (ban(None, None), "banned bob for good"),
        (ban(None, Some("spam")), "banned bob for good: spam"),
        (ban(Some(604_800), Some("spam")), "banned bob for 7d: spam"),
        (Moderation::Unban { lifted: vec![], name: bob.clone() }, "unbanned bob"),
        (Moderation::Slow(Duration::from_secs(10)), "turned slow mode on: a message each 10s"),
        (Moderation::Slow(Duration::ZERO), "turned slow mode off"),
        (Moderation::SetPassword(None), "made the lobby public"),
        (Moderation::Transfer { account, name: bob.clone() }, "gave the lobby to bob"),
        (Moderation::Delete(name("coding")), "deleted the lobby 'coding'"),
        (Moderation::Undo { seq: 7 }, "took back a message"),
        (Moderation::Purge { name: bob.clone(), said: [7].into() }, "removed 1 message of bob"),
        (Moderation::Purge { name: bob.clone(), said: [7, 9].into() }, "removed 2 messages of bob"),
    ] {
        assert_eq!(shown(&moderated(&alice, what)), format!("[LOBBY] alice {want}\n"));
    }
    for (what, want) in [
        (ServerModeration::Announce(spam), "announced: spam"),
        (
            ServerModeration::Ban { ban: sanction(Some(5_400), None), conn: None },
            "banned bob from the server for 1h 30m",
        ),
        (ServerModeration::Unban { lifted: vec![], name: bob }, "let bob onto the server again"),
    ] {
        assert_eq!(server_sentence(&what).as_str(), want);
    }
}

#[test]
fn a_sheet_takes_times_and_fingerprints() {
    let shown = plain(|s| {
        s.span(Span::exact(Duration::from_secs(600))).fixed(" ");
        s.key(&Key::x509(Fingerprint([0xAB; 32])));
    });
    assert_eq!(shown, "10m AB:AB:AB:AB:AB:AB:AB:AB...");
}

#[test]
fn an_event_is_a_block_in_the_form_of_its_reader() {
    let said = happened(Happened::Said { seq: 1, entry: Arc::new(entry(None)) });
    let rendered = |form: Form| {
        let mut sheet = Sheet::new(form);
        let times = if form.clock { Times::Clock { utc_offset_secs: 0 } } else { Times::Ages };
        event(&mut sheet, &said, times, false);
        text(sheet.take())
    };
    let master = "\r\x1b[K\x1b[33m[@_@] alice\x1b[0m \x1b[37m[just now]\x1b[0m\n  \x1b[36m╰─>\x1b[0m Hello everyone!\n> ";
    let plain = "\n[@_@] alice [just now]\n  ╰─> Hello everyone!\n> ";
    for bits in 0..8 {
        let [plain_form, crlf, clock] = [1, 2, 4].map(|bit| bits & bit != 0);
        let mut want = if plain_form { plain } else { master }.to_owned();
        want = if crlf { want.replace('\n', "\r\n") } else { want };
        want = if clock { want.replace("just now", "14:05") } else { want };
        let palette = if plain_form { Palette::None } else { Palette::Dark };
        assert_eq!(rendered(Form { palette, crlf, clock, ..Form::default() }), want);
    }
}

#[test]
fn nothing_that_is_plain_has_an_escape_code_in_it() {
    let bob = name("bob");
    for event in [
        happened(Happened::Said { seq: 1, entry: Arc::new(waves()) }),
        happened(Happened::Said { seq: 1, entry: Arc::new(entry(Some("bob"))) }),
        happened(Happened::Joined(Person::named(bob.clone()))),
        moderated(&bob, Moderation::Topic(None)),
    ] {
        assert!(!shown(&event).contains('\x1b'));
    }
}

#[test]
fn for_an_editor_a_block_is_rows_alone() {
    for palette in [Palette::None, Palette::Dark, Palette::Light] {
        let form = Form { palette, ..Form::default() }.edited();
        let bye = text(block(form, |sheet| _ = sheet.fixed("bye").newline()));
        assert_eq!(bye, "bye\r\n");
        assert_eq!(text(prompt(form)), "", "the prompt is the editor's");
        assert_eq!(text(replies::ask_password(form)), "", "a question too");
        let again = text(replies::ask_name_again(form, &replies::NameProblem::Taken));
        assert!(again.ends_with("\r\n") && !again.contains("username: "), "{again:?}");
        let bye = text(replies::farewell(form, replies::Farewell::Quit));
        assert!(bye.ends_with("\r\n") && !bye.starts_with('\r'), "{bye:?}");
    }
    let form = Form { echo: false, ..Form::default() }.edited();
    assert!(form.echo && form.crlf, "nobody else shows what was typed");
}

#[test]
fn what_is_read_aloud_has_one_row_a_message_and_no_signs() {
    let form = Form { plain: true, ..Form::PLAIN };
    let read = |write: &dyn Fn(&mut Sheet)| {
        let mut sheet = Sheet::new(form);
        write(&mut sheet);
        text(sheet.take())
    };
    let said = |entry: &Entry, when| read(&|sheet| message(sheet, entry, when, false));
    let rows = Entry { text: Text::clean("one\n  two\nthree"), ..entry(None) };
    assert_eq!(said(&entry(None), JUST_NOW), "alice says: Hello everyone!\n");
    assert_eq!(said(&entry(None), ago(3, 'm')), "alice says: Hello everyone! [3m ago]\n");
    assert_eq!(said(&entry(Some("bob")), None), "alice says to bob: Hello everyone!\n");
    assert_eq!(said(&waves(), None), "alice waves\n");
    assert_eq!(said(&rows, None), "alice says: one   two three\n");
    let (alice, hi) = (name("alice"), Line::clean("hi"));
    let to = read(&|sheet| direct(sheet, Direct::To(&alice), &hi, None));
    let from =
        read(&|sheet| direct(sheet, Direct::From(&Person::named(alice.clone())), &hi, ago(2, 'h')));
    assert_eq!((to, from), ("you to alice: hi\n".into(), "alice to you: hi [2h ago]\n".into()));
    assert_eq!(
        read(&|sheet| tagged(sheet, &Person::named(alice.clone()), None, None)),
        "alice tagged you\n"
    );
}

#[test]
fn further_rows_of_a_message_stand_under_its_text() {
    let code = Entry { text: Text::clean("fn main() {\n    go();\n}"), ..entry(None) };
    assert_eq!(
        plain(|s| message(s, &code, JUST_NOW, false)),
        "[@_@] alice [just now]\n  ╰─> fn main() {\n          go();\n      }\n"
    );
}

#[test]
fn whoever_wants_clock_times_is_told_when_anything_happened() {
    let form = Form { clock: true, ..Form::PLAIN };
    let times = Times::Clock { utc_offset_secs: 0 };
    let shown = |form: Form, what: Happened| {
        let mut sheet = Sheet::new(form);
        event(&mut sheet, &happened(what), times, false);
        text(sheet.take())
    };
    let (alice, hi) = (name("alice"), Line::clean("hi"));
    let said = |entry| Happened::Said { seq: 1, entry: Arc::new(entry) };
    let joined = || Happened::Joined(Person::named(alice.clone()));
    for (got, want) in [
        (shown(form, said(waves())), "\n[@_@] * alice waves [14:05]\n> "),
        (
            shown(form, said(entry(Some("bob")))),
            "\n[@_@] alice @bob [14:05]\n  ╰─> Hello everyone!\n> ",
        ),
        (shown(form, joined()), "\n[LOBBY] alice has joined the lobby [14:05]\n> "),
        (
            plain(|s| direct(s, Direct::From(&Person::named(alice.clone())), &hi, Some(clock(0)))),
            "[DM] alice —» You [00:00]\n  ╰─> hi\n",
        ),
        (
            plain(|s| tagged(s, &Person::named(alice.clone()), None, Some(clock(0)))),
            "✦ alice tagged you [00:00]\n",
        ),
        (
            plain(|s| announcement(s, &alice, &hi, Some(clock(0)))),
            "[ANNOUNCEMENT] alice: hi [00:00]\n",
        ),
    ] {
        assert_eq!(got, want);
    }
}

#[test]
fn in_one_row_the_time_comes_first() {
    let form = Form { clock: true, compact: true, ..Form::PLAIN };
    let shown = |body: &dyn Fn(&mut Sheet)| {
        let mut sheet = Sheet::new(form);
        body(&mut sheet);
        text(sheet.take())
    };
    let when = Some(clock(62_520_000));
    let long = Entry { author: Person::named(name("christopher")), ..entry(None) };
    let rows = Entry { text: Text::clean("one\n  two"), ..entry(None) };
    let (alice, hi) = (name("alice"), Line::clean("hi"));
    for (got, want) in [
        (shown(&|s| message(s, &entry(None), when, false)), "17:22 alice Hello everyone!\n"),
        (shown(&|s| message(s, &entry(None), when, true)), "17:22       Hello everyone!\n"),
        (shown(&|s| message(s, &long, when, false)), "17:22 christopher Hello everyone!\n"),
        (shown(&|s| message(s, &rows, when, false)), "17:22 alice one\n              two\n"),
        (
            shown(&|s| message(s, &entry(Some("bob")), when, false)),
            "17:22 alice @bob Hello everyone!\n",
        ),
        (shown(&|s| message(s, &waves(), when, true)), "17:22 * alice waves\n"),
        (
            shown(&|s| direct(s, Direct::From(&Person::named(alice.clone())), &hi, when)),
            "17:22 [DM] alice —» You: hi\n",
        ),
        (
            shown(&|s| tagged(s, &Person::named(alice.clone()), None, when)),
            "17:22 ✦ alice tagged you\n",
        ),
        (shown(&|s| announcement(s, &alice, &hi, when)), "17:22 [ANNOUNCEMENT] alice: hi\n"),
    ] {
        assert_eq!(got, want);
    }
}

#[test]
fn what_is_retold_says_where_a_day_begins_and_an_author_goes_on() {
    const DAY: u64 = 86_400_000;
    let at = |at: u64, who: &str| Entry {
        at: UnixMillis(at),
        author: Person::named(name(who)),
        text: Text::clean("hi"),
        ..entry(None)
    };
    let told = |form: Form, times| {
        let mut sheet = Sheet::new(form);
        let mut retelling = Retelling::new(times, UnixMillis(20_783 * DAY));
        for entry in [
            at(20_782 * DAY - 60_000, "ann"),
            at(20_782 * DAY, "ann"),
            at(20_782 * DAY + 60_000, "ann"),
            at(20_783 * DAY, "bob"),
        ] {
            retelling.next(&mut sheet, &entry);
        }
        text(sheet.take())
    };
    let times = Times::Clock { utc_offset_secs: 0 };
    let full = told(Form { clock: true, ..Form::PLAIN }, times);
    let want = "[@_@] ann [Tue 23:59]\n  ╰─> hi\n── Wed 25 Nov ──\n[@_@] ann [Wed 00:00]\n  ╰─> hi\n\
        [@_@] ann [Wed 00:01]\n  ╰─> hi\n── Thu 26 Nov ──\n[@_@] bob [00:00]\n  ╰─> hi\n";
    assert_eq!(full, want);
    let compact = told(Form { clock: true, compact: true, ..Form::PLAIN }, times);
    let want = "Tue 23:59 ann   hi\n── Wed 25 Nov ──\nWed 00:00 ann   hi\nWed 00:01       hi\n\
        ── Thu 26 Nov ──\n00:00 bob   hi\n";
    assert_eq!(compact, want);
    assert!(!told(Form::PLAIN, Times::Ages).contains("──"), "ages say enough");
}

#[test]
fn colours_for_a_light_ground_are_legible_on_white() {
    let mut sheet = Sheet::new(Form { palette: Palette::Light, ..Form::default() });
    message(&mut sheet, &entry(None), JUST_NOW, false);
    let shown = text(sheet.take());
    assert!(
        shown.starts_with("\x1b[34m[@_@] alice\x1b[0m \x1b[90m[just now]\x1b[0m\n"),
        "{shown:?}"
    );
    // Yellow, cyan, green and white are pale.
    for pale in ["\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[37m"] {
        assert!(!shown.contains(pale), "{shown:?}");
    }
}

#[test]
fn what_bots_say_is_told_from_what_people_say_in_every_form() {
    let said = |kind: MessageKind| Entry { author: Person::hook(name("ci")), kind, ..entry(None) };
    let of = |form: Form, kind: MessageKind| {
        let mut sheet = Sheet::new(form);
        message(&mut sheet, &said(kind), None, false);
        text(sheet.take())
    };
    let compact = Form { compact: true, ..Form::PLAIN };
    let spoken = Form { plain: true, ..Form::PLAIN };
    let words = entry(None).text;
    let words = words.as_str();
    for (form, kind, want) in [
        (Form::PLAIN, MessageKind::Said, format!("[@_@] ci [bot]\n  ╰─> {words}\n")),
        (Form::PLAIN, MessageKind::Action, format!("[@_@] * ci [bot] {words}\n")),
        (Form::PLAIN, MessageKind::Tag(name("al")), format!("[@_@] ci [bot] @al\n  ╰─> {words}\n")),
        (compact, MessageKind::Said, format!("ci [bot] {words}\n")),
        (compact, MessageKind::Action, format!("* ci [bot] {words}\n")),
        (spoken, MessageKind::Said, format!("ci [bot] says: {words}\n")),
        (spoken, MessageKind::Action, format!("ci [bot] {words}\n")),
    ] {
        assert_eq!(of(form, kind.clone()), want, "{kind:?}");
    }
    let bot = Person { bot: true, ..Person::named(name("ci")) };
    let hi = Line::clean("hi");
    let direct = plain(|s| direct(s, Direct::From(&bot), &hi, None));
    assert_eq!(direct, "[DM] ci [bot] —» You\n  ╰─> hi\n");
    assert_eq!(plain(|s| tagged(s, &bot, None, None)), "✦ ci [bot] tagged you\n");
    let line = json::message(&name("general"), 7, &said(MessageKind::Said));
    assert!(line.contains(r#""from":"ci""#) && line.contains(r#""bot":true"#), "{line}");
    let muted = happened(Happened::BotsMuted);
    let notice = "[LOBBY] Its bots are muted for 1m: 20 messages of theirs within 1m without one of a person.\n";
    assert_eq!(shown(&muted), notice);
}
