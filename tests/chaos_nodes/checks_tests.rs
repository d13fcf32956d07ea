//! Each check is given a history in which all is right, and then one in which what it looks for is wrong.

use crate::checks::*;

fn line(from: &str, session: u64, number: u64) -> Line {
    Line { from: from.to_owned(), text: words(session, number) }
}

/// Ann (1) and Bob (2) say three lines each in general, in turns; then Ann says two in the den.
fn history() -> History {
    let turns =
        (0..6).map(|n| if n % 2 == 0 { line("ann", 1, n / 2) } else { line("bob", 2, n / 2) });
    let stored = |lines: Vec<Line>| {
        (10..)
            .zip(lines)
            .map(|(id, line)| Stored { id, at: String::new(), line })
            .collect::<Vec<_>>()
    };
    let den = vec![line("ann", 1, 3), line("ann", 1, 4)];
    [("general".to_owned(), stored(turns.collect())), ("den".to_owned(), stored(den))].into()
}

fn session(number: u64, name: &str, said: u64) -> Session {
    let name = name.to_owned();
    Session { number, name, said, told_in: Some(1_000), ..Session::default() }
}

fn sessions() -> Vec<Session> {
    vec![session(1, "ann", 5), session(2, "bob", 3)]
}

fn stay(session: u64, lobby: &str, of: std::ops::Range<usize>, lasts: bool) -> Stay {
    let lines = history()[lobby][of].iter().map(|stored| stored.line.clone()).collect();
    Stay { session, lobby: lobby.to_owned(), lines, lasts }
}

/// Something was changed in general.
fn with(change: impl FnOnce(&mut Vec<Stored>)) -> History {
    let mut history = history();
    change(history.get_mut("general").unwrap());
    history
}

#[track_caller]
fn finds(found: &[String], what: &str) {
    assert!(found.iter().any(|found| found.contains(what)), "{what}: {found:?}");
}

const NOTHING: [&str; 0] = [];

#[test]
fn nodes_with_other_messages_are_found() {
    assert_eq!(one_history(&[history(), history(), history()]), NOTHING);
    let lost = with(|general| _ = general.pop());
    let swapped = with(|general| general.swap(1, 2));
    let renumbered = with(|general| general[3].id = 9);
    let doubled = with(|general| general.insert(3, general[2].clone()));
    for (other, what) in [
        (&lost, "differ from message 5"),
        (&swapped, "numbers that do not rise"),
        (&renumbered, "numbers that do not rise"),
        (&doubled, "numbers that do not rise"),
    ] {
        finds(&one_history(&[history(), history(), other.clone()]), what);
        finds(&one_history(&[other.clone(), history(), history()]), "differ from message");
    }
}

#[test]
fn what_was_shown_otherwise_is_found() {
    let right = [
        stay(1, "general", 0..6, false),
        stay(1, "den", 0..2, true),
        stay(2, "general", 2..6, true),
        stay(3, "general", 1..3, false),
        Stay::default(),
    ];
    assert_eq!(shown_as_stored(&history(), &right), NOTHING);
    let doctored = |change: fn(&mut Vec<Line>)| {
        let mut stay = stay(2, "general", 0..6, true);
        change(&mut stay.lines);
        shown_as_stored(&history(), &[stay])
    };
    finds(&doctored(|lines| _ = lines.remove(2)), "after 2 lines that are right");
    finds(&doctored(|lines| lines.swap(3, 4)), "after 3 lines that are right");
    finds(&doctored(|lines| lines.insert(2, lines[1].clone())), "after 2 lines that are right");
    finds(&doctored(|lines| lines[0].text = words(7, 7)), "not stored in general");
    finds(&doctored(|lines| lines[4].from = "eve".into()), "after 4 lines that are right");
    finds(&doctored(|lines| _ = lines.pop()), "never saw");
    finds(&doctored(Vec::clear), "was shown nothing");
    // What was shown and is in no database.
    let lost = with(|general| _ = general.remove(3));
    finds(&shown_as_stored(&lost, &right), "after 3 lines that are right");
    let doubled = with(|general| general.push(Stored { id: 99, ..general[0].clone() }));
    finds(&shown_as_stored(&doubled, &[]), "is in general at 0 and 6");
}

#[test]
fn what_was_said_otherwise_is_found() {
    assert_eq!(as_it_was_said(&history(), &sessions()), NOTHING);
    let found = |history: History| as_it_was_said(&history, &sessions());
    finds(&found(with(|general| general.swap(0, 2))), "after a later one");
    finds(&found(with(|general| _ = general.remove(0))), "line 0 of session 1 is missing");
    finds(&found(with(|general| _ = general.pop())), "2 of 3 lines of session 2");
    finds(&found(with(|general| general.push(general[0].clone()))), "stored twice");
    finds(&found(with(|general| general[0].line.from = "eve".into())), "was not said so");
    finds(&found(with(|general| general[5].line.text = words(2, 9))), "was not said so");
    finds(&found(with(|general| general[5].line.text = "hello".into())), "was said by nobody");
    // Whoever lost their connection may have said more than was sent.
    let mut left = sessions();
    (left[1].over, left[1].said) = (Some(9_000), 8);
    assert_eq!(as_it_was_said(&history(), &left), NOTHING);
}

#[test]
fn somebody_who_speaks_under_a_name_that_others_had_is_found() {
    let found = |history: &History| names_go_on(history, &sessions(), &[], 1);
    assert_eq!(found(&history()), NOTHING);
    let to_ann = |at: &[usize]| {
        with(|general| at.iter().for_each(|at| general[*at].line.from = "Ann".into()))
    };
    finds(&found(&to_ann(&[1, 3])), "whose name others had");
    // Whose node was given up as lost meanwhile has their name again where it is free.
    for (node, at, may) in [(0, 5_000, true), (0, 900, false), (1, 5_000, false)] {
        let deaths = [Death { node, life: 7, at }];
        let found = names_go_on(&to_ann(&[1]), &sessions(), &deaths, 1);
        assert_eq!(found.is_empty(), may, "node {node} at {at}: {found:?}");
    }
    // One after the other is as it should be.
    let after = with(|general| {
        general.sort_by_key(|stored| stored.line.from.clone());
        general.iter_mut().for_each(|stored| stored.line.from = "ann".into());
    });
    assert_eq!(found(&after), NOTHING);
    // Of the older login of an account, a line may come late, and no more.
    let accounts =
        sessions().into_iter().map(|s| Session { account: true, ..s }).collect::<Vec<_>>();
    assert_eq!(names_go_on(&to_ann(&[1]), &accounts, &[], 2), NOTHING);
    finds(&names_go_on(&to_ann(&[1]), &accounts, &[], 1), "whose name others had");
}

fn troubles(of_one: &[(Millis, Millis)], engine: &[(Millis, Millis)]) -> Troubles {
    let all = |all: &[(Millis, Millis)]| {
        all.iter().map(|(from, until)| Trouble { from: *from, until: *until, dumb: true }).collect()
    };
    Troubles { nodes: vec![Vec::new(), all(of_one)], engine: all(engine) }
}

#[test]
fn a_name_that_two_have_is_found() {
    let second = |told_in, over| {
        let first = Session { over, ..session(1, "ann", 0) };
        [first, Session { told_in: Some(told_in), node: 1, ..session(2, "ANN", 0) }]
    };
    let none = troubles(&[], &[]);
    finds(&held_once(&second(20_000, None), &none), "two have one name");
    finds(&held_once(&second(20_000, Some(60_000)), &none), "two have one name");
    assert_eq!(held_once(&second(20_000, Some(19_000)), &none), NOTHING);
    // Just taken over.
    assert_eq!(held_once(&second(20_000, Some(21_000)), &none), NOTHING);
    for broken in [troubles(&[(12_000, 18_000)], &[]), troubles(&[], &[(12_000, 18_000)])] {
        assert_eq!(held_once(&second(20_000, None), &broken), NOTHING);
    }
    let long_ago = Troubles { nodes: vec![Vec::new(); 2], ..troubles(&[], &[(0, 100)]) };
    let later =
        second(90_000, None).map(|s| Session { told_in: s.told_in.map(|t| t + 9_000), ..s });
    finds(&held_once(&later, &long_ago), "two have one name");
}

#[test]
fn a_death_of_one_that_lived_is_found() {
    let death = Death { node: 1, life: 7, at: 50_000 };
    for (of_one, engine, is_false) in [
        (&[][..], &[][..], true),
        (&[(44_000, 60_000)], &[], false),
        (&[(30_000, 41_000)], &[], true),
        (&[(49_000, 60_000)], &[], true),
        (&[], &[(44_500, 49_000)], false),
        (&[], &[(30_000, 40_000)], true),
    ] {
        let found = no_false_death(&[death], &troubles(of_one, engine));
        assert_eq!(found.len(), usize::from(is_false), "{of_one:?} {engine:?}");
    }
    let other = Death { node: 0, ..death };
    finds(&no_false_death(&[other], &troubles(&[(44_000, 60_000)], &[])), "was said to be dead");
}

#[test]
fn a_ghost_is_found() {
    let list = |at| [List { node: 0, at, names: vec!["ann".into(), "bob".into()] }];
    let bob = |over| [session(1, "ann", 0), Session { node: 1, over, ..session(2, "bob", 0) }];
    let none = troubles(&[], &[]);
    let dead = troubles(&[(20_000, 60_000)], &[]);
    assert_eq!(no_ghosts(&list(50_000), &bob(None), &none).0, NOTHING);
    for (over, troubles) in [(Some(30_000), &none), (None, &dead), (Some(20_000), &dead)] {
        let (found, looked) = no_ghosts(&list(50_000), &bob(over), troubles);
        finds(&found, "a ghost");
        assert_eq!(looked, 1);
    }
    for (at, over, troubles) in [
        (35_000, Some(30_000), &none),
        (25_000, None, &dead),
        (50_000, Some(30_000), &troubles(&[], &[(45_000, 46_000)])),
    ] {
        assert_eq!(no_ghosts(&list(at), &bob(over), troubles).0, NOTHING);
    }
    // Somebody else of that name, or the same again.
    let again = Session { asked: 40_000, ..session(3, "bob", 0) };
    let [ann, bob] = bob(Some(30_000));
    assert_eq!(no_ghosts(&list(50_000), &[ann, bob, again], &dead).0, NOTHING);
}
