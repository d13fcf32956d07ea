use super::*;
use crate::chat::command::{Command, CommandError, Input, parse, spec};

fn who(account: Option<u32>) -> Identity {
    Identity::example(1, "alice", account)
}

/// What Tab makes of a line, where these are there: each candidate, and what follows one that is alone.
fn candidates(before: &str) -> Option<(Vec<String>, &'static str)> {
    let sought = sought(before)?;
    let found = sought.known(&who(None), Rank::Member).unwrap_or_else(|| match sought.among {
        Among::Users => sought.of(["Bob", "bonnie", "carol"]),
        Among::Lobbies => sought.of(["general", "coding", "cooking"]),
        other => panic!("{other:?} is known"),
    });
    Some((found.candidates, found.tail))
}

#[test]
fn a_word_becomes_what_stands_in_its_place() {
    let cases: [(&str, &[&str], &str); 37] = [
        ("/jo", &["/join"], " "),
        ("/JO", &["/join"], " "),
        ("  /jo", &["/join"], " "),
        ("/join", &["/join"], " "),
        ("/s", &["/search", "/sp", "/style"], " "),
        ("/whoi", &["/whois"], " "),
        ("/nope", &[], " "),
        ("//jo", &[], " "),
        ("/msg bo", &["Bob", "bonnie"], " "),
        ("/msg @BO", &["@Bob", "@bonnie"], " "),
        ("/w bo", &["Bob", "bonnie"], " "),
        ("/msg bob hi car", &["carol"], " "),
        ("/say car", &["carol"], " "),
        ("/r car", &["carol"], " "),
        ("/whois car", &["carol"], " "),
        ("/join co", &["coding", "cooking"], " "),
        ("/join #CO", &["#coding", "#cooking"], " "),
        ("/j gen", &["general"], " "),
        ("/sp ca", &["cat"], " "),
        ("/sp li", &["list"], " "),
        ("/time o", &["on", "off"], " "),
        ("/color L", &["light"], " "),
        ("/cert d", &["del"], " "),
        ("/history 5 b", &["before"], " "),
        ("/ban bo", &["Bob", "bonnie"], " "),
        ("/ban -1 bo", &["Bob", "bonnie"], " "),
        ("/ban -1 bob 7d car", &["carol"], " "),
        ("/help cre", &["create"], " "),
        ("/help /cre", &["/create"], " "),
        ("/? mes", &["messages"], " "),
        ("bo", &["Bob", "bonnie"], ": "),
        (" car", &["carol"], ": "),
        ("@car", &["@carol"], " "),
        ("hi car", &["carol"], " "),
        ("hi\ncar", &["carol"], " "),
        ("hi\u{A0}car", &["carol"], " "),
        ("zed", &[], ": "),
    ];
    for (before, want, tail) in cases {
        let want = want.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(candidates(before), Some((want, tail)), "{before:?}");
    }
}

#[test]
fn nothing_is_looked_for_where_nothing_is_known() {
    for before in [
        "",
        " ",
        "/join ",
        "hi ",
        "/foo bo",
        "/slow 1",
        "/nick bo",
        "/whois bob car",
        "/users bo",
        "/part bo",
        "/join coding car",
        "/register car",
        "/create car",
        "/create coding car",
        "/mute bob 1",
    ] {
        assert_eq!(candidates(before), None, "{before:?}");
    }
}

#[test]
fn only_commands_that_one_may_use_are_completed() {
    let of = |before, account, rank| {
        sought(before).unwrap().known(&who(account), rank).unwrap().candidates
    };
    assert_eq!(of("/un", None, Rank::Member), ["/undo", "/unignore"]);
    assert_eq!(of("/un", Some(1), Rank::Member), ["/undo", "/unignore", "/unregister"]);
    let operators = ["/undo", "/unignore", "/unmute", "/unban"];
    assert_eq!(of("/un", None, Rank::Operator), operators);
    assert_eq!(of("/g", None, Rank::Owner), [""; 0]);
    assert_eq!(of("/g", Some(1), Rank::Admin), ["/gban", "/gunban"]);
    assert_eq!(of("/regis", Some(1), Rank::Admin), [""; 0], "not who has an account");
}

#[test]
fn a_name_with_another_alphabet_is_no_candidate_and_no_fault() {
    assert_eq!(sought("é").unwrap().of(["e", "éva", "eve"]).candidates, ["éva"]);
    assert_eq!(sought("abc").unwrap().of(["ab", "aé", "abcd"]).candidates, ["abcd"]);
}

#[test]
fn the_column_says_what_the_usage_says() {
    for spec in &COMMANDS {
        let takes = |argument| spec.takes.contains(&argument);
        let says = |word: &str| spec.args.contains(word);
        let word = spec.word;
        assert_eq!(takes(Argument::User), says("user"), "{word}");
        assert_eq!(takes(Argument::Secret), says("pass") || says("<old>"), "{word}");
        assert_eq!(takes(Argument::Flag("-1")), says("[-1]"), "{word}");
        assert_eq!(spec.takes.is_empty(), spec.args.is_empty(), "{word}");
        for takes in spec.takes {
            if let Argument::OneOf(known) = takes {
                assert!(known.iter().all(|known| says(known)), "{word}");
            }
        }
        if let [Argument::OneOf(known)] = spec.takes {
            for choice in *known {
                let line = format!("{word} {choice}");
                let parsed = parse(Line::clean(&line), 1_000);
                assert!(matches!(parsed, Input::Command { parsed: Ok(_), .. }), "{line}");
            }
        }
    }
}

/// The parser refuses a password with a byte that is no text, and nothing else for that.
#[test]
fn the_column_hides_what_the_parser_reads_as_a_password() {
    for spec in &COMMANDS {
        for place in 0..3 {
            for count in place + 1..4 {
                let word = |at| if at == place { "pass\u{FFFD}word" } else { "other" };
                let words: Vec<_> = (0..count).map(word).collect();
                let line = format!("{} {}", spec.word, words.join(" "));
                let Input::Command { parsed, .. } = parse(Line::clean(&line), 1_000) else {
                    panic!("{line}");
                };
                if matches!(parsed, Err(CommandError::Password(_))) {
                    assert_eq!(spec.takes.get(place), Some(&Argument::Secret), "{line}");
                    let secret = secret(&line).unwrap();
                    assert!(secret.contains(&line.find('\u{FFFD}').unwrap()), "{line}");
                }
            }
        }
    }
}

#[test]
fn passwords_are_found_where_they_begin() {
    // What is hidden of each line.
    for (line, want) in [
        ("/join coding", None),
        ("/join coding ", None),
        ("/join coding x", Some("x")),
        ("/join coding open sesame", Some("open sesame")),
        ("/join \"coding\" \"open sesame\"", Some("\"open sesame\"")),
        ("/JOIN coding pass", Some("pass")),
        ("/j #coding pass", Some("pass")),
        ("  /join  coding  pass ", Some("pass ")),
        ("\u{A0}/join\u{A0}coding\u{3000}pass", Some("pass")),
        ("/jo\u{34F}in coding pass", Some("pass")),
        ("\u{115F} /join coding pass", Some("pass")),
        ("/join coding\npass", Some("pass")),
        ("/create coding", None),
        ("/create coding pass", Some("pass")),
        ("/create coding pass ", Some("pass")),
        ("/create coding pass All about code", Some("pass")),
        ("/create coding \"open ses", Some("\"open ses")),
        ("/create coding \"open sesame\" All about", Some("\"open sesame\"")),
        ("/create coding \"open sesame\"x All", Some("\"open sesame\"x All")),
        ("/create coding \u{34F}\"open sesame\" All", Some("\u{34F}\"open sesame\" All")),
        ("/create coding pa\u{34F}ss All", Some("pa\u{34F}ss All")),
        ("/register correct horse", Some("correct horse")),
        ("/passwd old new", Some("old new")),
        ("/unregister pass", Some("pass")),
        ("/setpass pass", Some("pass")),
        ("/setpass", None),
        ("/register", None),
        ("/say /join coding pass", None),
        ("//join coding pass", None),
        ("/ join coding pass", None),
        ("join coding pass", None),
        ("/joins coding pass", None),
        ("/part coding pass", None),
        ("/msg bob pass", None),
        ("hello /join coding pass", None),
        ("", None),
        ("\u{34F}", None),
        ("\u{34F} ", None),
    ] {
        assert_eq!(secret(line).map(|range| &line[range]), want, "{line:?}");
    }
}

#[test]
fn a_password_that_is_read_of_a_line_was_hidden_in_it() {
    for name in ["coding", "#coding", "\"coding\"", "\"co ding\"", "\"coding", "co\"ding"] {
        for password in
            ["ZQ", "\"ZQ\"", "\"Z Q\"", "\"ZQ", "Z\"Q", "\u{34F}\"Z Q\"", "\"\u{34F}Z Q\""]
        {
            for rest in ["", " All about", "\u{A0}All", " \"All about\"", "\u{34F} All"] {
                for gap in [" ", "  ", "\u{3000}", "\t"] {
                    let line = format!("/create {name}{gap}{password}{rest}");
                    let parsed = parse(Line::clean(&line), 1_000);
                    let Input::Command { parsed: Ok(Command::Create(new)), .. } = parsed else {
                        continue;
                    };
                    let Some(read) = new.password else { continue };
                    let hidden = secret(&line).map_or("", |range| &line[range]);
                    let read = read.secret().expose();
                    let of_it = read.chars().filter(|c| matches!(c, 'Z' | 'Q'));
                    assert!(of_it.clone().all(|c| hidden.contains(c)), "{line:?}: {hidden:?}");
                }
            }
        }
    }
    assert!(spec("/create").is_some_and(|spec| spec.takes.contains(&Argument::Secret)));
}
