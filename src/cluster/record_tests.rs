use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::ai::questions::End;
use crate::chat::moderation::Moderation;
use crate::chat::name::Name;
use crate::cluster::reach;
use crate::cluster::samples_tests::*;

/// A record of each kind as this version writes it, a line each. A line that changes is read by no node
/// of the version before: it wants a field with a default, a kind more, or another [`FORM`].
const GOLDEN: &str = include_str!("record.golden");

fn samples() -> Vec<Record> {
    every_kind(&mut Source::fixed())
}

fn text(record: &Record) -> String {
    String::from_utf8(record.encode().unwrap()).unwrap()
}

#[test]
fn each_kind_is_written_as_in_the_golden_file_and_read_from_it() {
    let (samples, lines) = (samples(), GOLDEN.lines().collect::<Vec<_>>());
    for (at, sample) in samples.iter().enumerate() {
        let written = text(sample);
        assert_eq!(lines.get(at), Some(&written.as_str()), "line {} of record.golden", at + 1);
        assert_eq!(Record::decode(written.as_bytes()).as_ref(), Ok(sample));
    }
    assert_eq!(lines.len(), samples.len());
}

/// `cargo test --lib golden_file_is_printed -- --ignored --nocapture | grep '^{' >src/cluster/record.golden`
#[test]
#[ignore = "for whoever has added a kind"]
#[expect(clippy::print_stdout, reason = "it is what the test is for")]
fn the_golden_file_is_printed() {
    samples().iter().for_each(|sample| println!("{}", text(sample)));
}

#[test]
fn there_is_a_sample_of_every_kind() {
    let (mut seen, samples) = (BTreeSet::new(), samples());
    for Record { what, changes, .. } in &samples {
        seen.insert(("what", kind_of_what(what)));
        seen.extend(changes.iter().map(|change| ("change", kind_of_change(change))));
        for change in changes {
            if let Change::SanctionSet { sanction, .. } = change {
                seen.insert(("subject", kind_of_subject(&sanction.subject)));
            }
        }
        match what {
            What::Lobby { input, .. } => {
                seen.insert(("input", kind_of_input(input)));
                match input {
                    Input::Join(join) => _ = seen.insert(("join", kind_of_join(&join.kind))),
                    Input::Say { saying, .. } => {
                        seen.insert(("message", kind_of_message(&saying.kind)));
                    }
                    Input::Moderate { what, .. } => {
                        seen.insert(("moderation", kind_of_moderation(what)));
                    }
                    _ => {}
                }
            }
            What::People(happening) => {
                seen.insert(("happening", kind_of_happening(happening)));
                if let Happening::Moderated { what, .. } = happening {
                    seen.insert(("server", kind_of_server_moderation(what)));
                }
            }
            What::LobbyMade(state) => _ = seen.insert(("owner", kind_of_owner(&state.owner))),
            What::Rox { input, .. } => {
                seen.insert(("question", kind_of_question(input)));
                if let questions::Input::Over { end: End::Failed(why), .. } = input {
                    seen.insert(("failure", kind_of_failure(why)));
                }
            }
            _ => {}
        }
    }
    for (of, kinds) in [
        ("what", WHATS),
        ("input", INPUTS),
        ("join", JOINS),
        ("message", MESSAGES),
        ("moderation", MODERATIONS),
        ("happening", HAPPENINGS),
        ("server", SERVER_MODERATIONS),
        ("change", CHANGES),
        ("owner", OWNERS),
        ("subject", SUBJECTS),
        ("question", QUESTIONS),
        ("failure", FAILURES),
    ] {
        // What a node keeps for itself is in no record.
        for kind in kinds.iter().filter(|kind| **kind != "node") {
            assert!(seen.contains(&(of, *kind)), "no sample of the {of} {kind}");
        }
    }
}

#[test]
fn what_a_node_has_for_itself_does_not_go_to_others() {
    let sample = samples()
        .into_iter()
        .find(|record| matches!(&record.what, What::Lobby { input: Input::Join(_), .. }));
    let Some(Record { life, number, what: What::Lobby { lobby, input }, changes, until }) = sample
    else {
        panic!("no sample of a join");
    };
    // Where they are reached, too, is put in by whoever reads it.
    let Input::Join(mut join) = reach::input(input.clone(), |_| ConnId(99)) else { unreachable!() };
    join.prefs.kept_since = crate::chat::history::UnixMillis(7);
    assert_ne!(Input::Join(join.clone()), input);
    let what = What::Lobby { lobby, input: Input::Join(join) };
    let read = Record { life, number, what, changes: changes.clone(), until }.encode().unwrap();
    let want = Record { life, number, what: What::Lobby { lobby, input }, changes, until };
    assert_eq!(Record::decode(&read), Ok(want));
}

/// A line as `n` of the first life, with this in place of the text.
fn line_with(text: &str) -> String {
    let said = format!(r#"{{"kind":"said","text":{text}}}"#);
    format!(
        r#"{{"lobbyd":1,"life":1,"n":1,"what":{{"lobby":{{"lobby":1,"input":{{"say":{{"conn":1,"saying":{said}}}}}}}}}}}"#
    )
}

#[test]
fn what_is_not_known_of_a_record_is_overlooked_and_what_is_missing_has_a_default() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let line = line_with(r#""hi","mood":{"of":["a",1.5e300,null]}"#)
        .replacen("\"lobbyd\"", &format!("\"new\":{deep},\"lobbyd\""), 1)
        .replacen("\"conn\"", "\"via\":\"bot\",\"conn\"", 1);
    let record = Record::decode(line.as_bytes()).unwrap();
    assert_eq!(text(&record), line_with(r#""hi""#));
    let account = r#"{"lobbyd":1,"life":1,"n":1,"what":"kept","changes":[{"account_put":{"id":7,
        "name":"bob","record":"RECORD","settings":{"quiet":true},"made_at":5}}]}"#;
    let phc = format!("$pbkdf2-sha512$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg${}", "A".repeat(43));
    let record = Record::decode(account.replace("RECORD", &phc).as_bytes()).unwrap();
    let Some(Change::AccountPut(account)) = record.changes.first() else { panic!("{record:?}") };
    assert!(account.settings.quiet && account.settings.echo && account.last_lobby.is_none());
}

#[test]
fn a_whole_record_of_a_kind_that_is_not_known_is_told_from_bytes_that_are_none() {
    let head = r#""lobbyd":1,"life":1,"n":1"#;
    let unknown = |kind: &str| Err(DecodeError::Unknown(Unknown::Kind(Line::clean(kind))));
    let none = |why: NoRecord| Err(DecodeError::NoRecord(why));
    let moderate = r#"{"lobby":{"lobby":1,"input":{"moderate":{"by":{"conn":1,"name":"bob",
        "ip":"04000000000a000001"},"what":{"shadowban":{"name":"eve"}}}}}}"#;
    let long = "k".repeat(60);
    for (record, want) in [
        // Kinds, at whatever depth.
        (format!(r#"{{{head},"what":{{"teleported":{{"to":"mars"}}}}}}"#), unknown("teleported")),
        (format!(r#"{{{head},"what":"vanished"}}"#), unknown("vanished")),
        (format!(r#"{{"what":{moderate},{head}}}"#), unknown("shadowban")),
        (
            format!(r#"{{{head},"what":"kept","changes":[{{"badge_set":7}}]}}"#),
            unknown("badge_set"),
        ),
        (format!(r#"{{{head},"what":"a\u001b[31mb"}}"#), unknown("ab")),
        (
            format!(r#"{{{head},"what":"{long}"}}"#),
            unknown(&format!("{}…", &long[..MAX_KIND_CHARS])),
        ),
        // Forms, whatever there is in them.
        (r#"{"lobbyd":2,"life":1,"n":1,"what":"kept"}"#.to_owned(), Err(Unknown::Form(2).into())),
        (
            r#"{"lobbyd":9,"life":1,"n":1,"what":[{"x":1}],"more":2}"#.to_owned(),
            Err(Unknown::Form(9).into()),
        ),
        // Not whole, or not ours.
        (String::new(), none(NoRecord::NotJson(0))),
        ("hello".to_owned(), none(NoRecord::NotJson(0))),
        ("{}".to_owned(), none(NoRecord::Misfit(0))),
        ("[]".to_owned(), none(NoRecord::Misfit(0))),
        (r#"{"v":1,"kind":"order"}"#.to_owned(), none(NoRecord::Misfit(0))),
        (format!(r#"{{{head}}}"#), none(NoRecord::Misfit(0))),
        (format!(r#"{{{head},"what":"kept"}} x"#), none(NoRecord::NotJson(0))),
        (format!(r#"{{{head},"what":"vanished""#), none(NoRecord::NotJson(0))),
        (format!("{{{head},\n\"what\":\"kept\",\n\"n\":2}}"), none(NoRecord::Misfit(0))),
        (r#"{"lobbyd":0,"life":1,"n":1,"what":"kept"}"#.to_owned(), none(NoRecord::Misfit(0))),
        (r#"{"lobbyd":1,"life":-1,"n":1,"what":"kept"}"#.to_owned(), none(NoRecord::Misfit(0))),
        ("[".repeat(100_000), none(NoRecord::NotJson(0))),
        (" ".repeat(MAX_RECORD_BYTES + 1), none(NoRecord::TooLong(MAX_RECORD_BYTES + 1))),
    ] {
        let shown: String = record.chars().take(120).collect();
        assert_eq!(anywhere(Record::decode(record.as_bytes())), want, "{shown}");
    }
    let bytes = b"{\"lobbyd\":\xff}";
    assert_eq!(anywhere(Record::decode(bytes)), none(NoRecord::NotJson(0)));
}

/// The same, wherever the fault is.
fn anywhere(read: Result<Record, DecodeError>) -> Result<Record, DecodeError> {
    read.map_err(|error| match error {
        DecodeError::NoRecord(NoRecord::NotJson(_)) => NoRecord::NotJson(0).into(),
        DecodeError::NoRecord(NoRecord::Misfit(_)) => NoRecord::Misfit(0).into(),
        other => other,
    })
}

#[test]
fn a_fault_is_told_by_its_place_on_whatever_line() {
    let at = |record: &str, part: &str| record.find(part).unwrap() + part.len();
    let good = "{\"lobbyd\":1,\n\"life\":1,\n\"n\":1,\"what\":\"kept\"}\n";
    let misfit = good.replace("\"life\":1", "\"life\":-1");
    let place = NoRecord::Misfit(at(&misfit, "-1"));
    assert_eq!(Record::decode(misfit.as_bytes()), Err(place.into()));
    let broken = good.replace("\"n\":1", "\"n\":x");
    let place = NoRecord::NotJson(at(&broken, "\"n\":x"));
    assert_eq!(Record::decode(broken.as_bytes()), Err(place.into()));
}

#[test]
fn a_value_that_cannot_be_makes_no_record_of_it() {
    let good = line_with(r#""hi""#);
    assert!(Record::decode(good.as_bytes()).is_ok());
    for (part, bad) in [
        (r#""lobby":1"#, r#""lobby":0"#),
        (r#""conn":1"#, r#""conn":18446744073709551616"#),
        (r#""conn":1"#, r#""conn":1,"conn":2"#),
        (r#""kind":"said""#, r#""kind":{"tag":"b b"}"#),
        (r#""kind":"said""#, r#""kind":{"tag":"unknown variant `x`"}"#),
        (r#""hi""#, "7"),
    ] {
        let record = good.replacen(part, bad, 1);
        assert_ne!(record, good);
        let read = Record::decode(record.as_bytes());
        assert!(matches!(read, Err(DecodeError::NoRecord(NoRecord::Misfit(_)))), "{bad}: {read:?}");
    }
}

#[test]
fn nothing_that_acts_on_a_terminal_comes_out_of_a_record() {
    let hostile = line_with(r#""a\u001b]0;x\u0007b\u009b31m\u202e\r\n\u001b[2Jc""#);
    let record = Record::decode(hostile.as_bytes()).unwrap();
    assert_eq!(text(&record), line_with(r#""ab\nc""#));
}

#[test]
fn a_record_is_written_within_its_bounds_or_not_at_all() {
    let record = |said: Vec<u64>| {
        let what = Moderation::Purge { name: Name::parse("bob").unwrap(), said: said.into() };
        let by = crate::chat::accounts::Identity::console();
        let input = Input::Moderate { by, what: Arc::new(what) };
        let what = What::Lobby { lobby: LobbyId(1), input };
        Record { life: Revision(1), number: 1, what, changes: vec![], until: None }
    };
    assert_eq!(record(vec![3, 2]).encode(), Err(EncodeError::NotRising));
    let longest = record((0..200_000).collect());
    assert_eq!(Record::decode(&longest.encode().unwrap()).as_ref(), Ok(&longest));
    let too_long = record((0..300_000).collect()).encode();
    assert!(matches!(too_long, Err(EncodeError::TooLong(600_000..))), "{too_long:?}");
}

#[test]
fn no_error_tells_what_stood_in_the_record() {
    let secret = "correct-horse-battery";
    for bad in [
        line_with(&format!(r#"["{secret}"]"#)),
        line_with(r#""x""#).replace(r#""said""#, &format!(r#"{{"tag":"{secret}"}}"#)),
        line_with(r#""x""#).replace(r#""conn":1"#, &format!(r#""conn":"{secret}""#)),
        format!("{secret}{}", line_with(r#""x""#)),
    ] {
        let error = Record::decode(bad.as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("correct"), "{error}");
    }
    for sample in samples() {
        let shown = format!("{sample:?}");
        assert!(!shown.contains("$pbkdf2") && !shown.contains("hello"), "{shown}");
    }
}

/// What anybody may have put in the place of a record: bytes, a part of one, or one that was tampered with.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(samples().iter().map(text).collect::<Vec<_>>());
    let words =
        vec!["{", "}", "[", "]", "\"", ",", ":", "0", "-1", "1e999", "null", "true", "\\ud800"];
    let word = prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec());
    let piece = prop_oneof![3 => word, 1 => prop::collection::vec(any::<u8>(), 0..6)];
    let edit = (any::<prop::sample::Index>(), 0_usize..12, piece);
    let tampered = (whole, prop::collection::vec(edit, 0..6)).prop_map(|(whole, edits)| {
        let mut bytes = whole.into_bytes();
        for (at, gone, piece) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + gone).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        bytes
    });
    let cut = (tampered.clone(), any::<prop::sample::Index>()).prop_map(|(mut bytes, at)| {
        bytes.truncate(at.index(bytes.len() + 1));
        bytes
    });
    prop_oneof![4 => tampered, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn every_kind_survives_whatever_is_in_it(numbers in prop::collection::vec(any::<u64>(), 1..200)) {
        for record in every_kind(&mut Source::of(numbers)) {
            prop_assert_eq!(Record::decode(&record.encode().unwrap()), Ok(record));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_read_is_a_record_that_is_written_alike_or_an_error(bytes in anything()) {
        if let Ok(record) = Record::decode(&bytes) {
            let again = Record::decode(&record.encode().unwrap());
            prop_assert_eq!(again, Ok(record));
        }
    }
}
