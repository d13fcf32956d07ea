use super::*;
use crate::chat::ansi::Style;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn plain(body: impl FnOnce(&mut Sheet)) -> String {
    let mut sheet = Sheet::default();
    body(&mut sheet);
    decolour(&sheet.take())
}

fn decolour(bytes: &Bytes) -> String {
    let plain = Style { plain: true, crlf: false }.apply(bytes);
    String::from_utf8(plain.to_vec()).unwrap()
}

fn entry(tagged: Option<&str>) -> Entry {
    Entry {
        at: UnixMillis(1_000),
        picture: Picture::DEFAULT,
        author: name("alice"),
        tagged: tagged.map(name),
        text: Line::clean("Hello everyone!"),
    }
}

#[test]
fn a_message_has_its_colours() {
    let mut sheet = Sheet::default();
    message(&mut sheet, &entry(None), Some(Age::JustNow));
    let want = "\x1b[33m[@_@] alice\x1b[0m \x1b[37m[just now]\x1b[0m\n  \x1b[36m╰─>\x1b[0m Hello everyone!\n";
    assert_eq!(sheet.take(), want.as_bytes());
}

#[test]
fn texts_of_lobby_events() {
    let (alice, bob, hi) = (name("alice"), name("bob"), Line::clean("hi"));
    let cases = [
        (
            plain(|s| message(s, &entry(None), Some(Age::JustNow))),
            "[@_@] alice [just now]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(None), Some(Age::Ago(12, 's')))),
            "[@_@] alice [12s ago]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), None)),
            "[@_@] alice @bob\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), Some(Age::Ago(3, 'm')))),
            "[@_@] alice @bob [3m ago]\n  ╰─> Hello everyone!\n",
        ),
        (plain(|s| notice(s, &Notice::Joined(&alice))), "[LOBBY] alice has joined the lobby\n"),
        (plain(|s| notice(s, &Notice::Left(&alice))), "[LOBBY] alice has left the lobby\n"),
        (plain(|s| notice(s, &Notice::Asked(&alice, &hi))), "[LOBBY] alice asked AI: hi\n"),
        (plain(|s| notice(s, &Notice::PromptSet(&alice))), "[LOBBY] alice updated the AI prompt\n"),
        (plain(|s| direct(s, Direct::To(&bob), &hi)), "[DM] You —» bob\n  ╰─> hi\n"),
        (plain(|s| direct(s, Direct::From(&alice), &hi)), "[DM] alice —» You\n  ╰─> hi\n"),
        (plain(|s| tagged(s, &alice, None)), "✦ alice tagged you\n"),
        (plain(|s| tagged(s, &alice, Some(&name("coding")))), "✦ alice tagged you in 'coding'\n"),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn an_answer_says_where_it_goes_on() {
    let lines = [Line::clean("one"), Line::clean(""), Line::clean("two")];
    let shown = |head| plain(|s| answer(s, head, &name("alice"), &lines));
    assert_eq!(shown(AnswerHead::First), "[AI Response to alice]\none\n\ntwo\n");
    assert_eq!(shown(AnswerHead::Continued), "[AI Response to alice, continued]\none\n\ntwo\n");
    assert_eq!(shown(AnswerHead::Bare), "one\n\ntwo\n");
}

#[test]
fn arrival_shows_the_join_then_the_history() {
    let entries = [entry(None)];
    let joined = arrival(Some(&name("coding")), entries.iter(), UnixMillis(13_000));
    assert_eq!(
        decolour(&joined),
        "\nJoined lobby 'coding'\n[@_@] alice [12s ago]\n  ╰─> Hello everyone!\n> "
    );
    assert!(arrival(None, [].iter(), UnixMillis(0)).is_empty());
}

#[test]
fn a_block_erases_the_line_and_ends_with_the_prompt() {
    assert_eq!(block(|s| _ = s.fixed("x\n")), "\r\x1b[Kx\n> ");
}
