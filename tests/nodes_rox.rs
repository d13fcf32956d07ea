//! Several nodes, one Rox: one conversation a lobby, and one answer at a time.

use crate::ai::question;
use crate::gemini::{Answer, Gemini, finish, text, whole};
use crate::harness::{Client, FAULTS, Server};
use crate::nodes::Cluster;
use crate::people::quit;

/// Nodes that ask this provider.
fn start(gemini: &Gemini, count: usize) -> Option<Cluster> {
    Cluster::start_with(count, &[&gemini.env()[..], &[FAULTS]].concat())
}

/// Clients of these names, one on each node, each told of those after it.
fn people<const N: usize>(nodes: &[Server], names: [&str; N]) -> [Client; N] {
    let mut clients: Vec<Client> = Vec::new();
    for (node, name) in nodes.iter().zip(names) {
        let client = node.login(name);
        for other in &mut clients {
            other.expect(&format!("[LOBBY] {name} has joined the lobby"));
        }
        clients.push(client);
    }
    clients.try_into().ok().unwrap()
}

/// Everybody sees what everybody says: whatever was done before has come to every node.
fn round(clients: &mut [&mut Client], text: &str) {
    for at in 0..clients.len() {
        let line = format!("{text}, {at}");
        clients[at].send(&line);
        clients.iter_mut().for_each(|client| _ = client.expect(&format!("╰─> {line}\n")));
    }
}

#[test]
fn two_who_ask_on_two_nodes_at_once_are_answered_one_after_the_other_in_one_conversation() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 3) else { return };
    let [mut alice, mut bob, mut carol] = people(&cluster.nodes, ["alice", "bob", "carol"]);
    let first = gemini.then_on_cue();
    alice.send("/ai from one?");
    bob.send("/ai from two?");
    for client in [&mut alice, &mut bob] {
        client.expect("[AI] Thinking...\n");
    }
    let asked = ["alice asked AI: from one?\n", "bob asked AI: from two?\n"];
    let before = carol.expect_one_of(&asked);
    carol.expect(asked[usize::from(before == asked[0])]);
    let (one, two) = if before == asked[0] { ("alice", "bob") } else { ("bob", "alice") };
    first.send(text("The first.\n")).unwrap();
    carol.expect(&format!("[AI Response to {one}]\n  The first.\n> "));
    round(&mut [&mut alice, &mut bob, &mut carol], "meanwhile");
    assert_eq!(gemini.requests().len(), 1, "one answer at a time");
    gemini.then(whole("The second."));
    first.send([text("And all of it."), finish("STOP")].concat()).unwrap();
    drop(first);
    for client in [&mut alice, &mut bob, &mut carol] {
        client.expect(&format!("[AI Response to {one}, continued]\n  And all of it.\n"));
        client.expect(&format!("[AI Response to {two}]\n  The second.\n> "));
    }
    // Whichever node asks next knows all of it.
    for (number, client) in [&mut carol, &mut alice, &mut bob].into_iter().enumerate() {
        gemini.then(whole(&format!("Answer {number}.")));
        question(client, &format!("question {number}"));
        client.expect(&format!("  Answer {number}.\n> "));
    }
    let requests = gemini.requests();
    let turns: Vec<_> = requests.iter().map(|request| request.turns()).collect();
    assert_eq!(turns.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3, 5, 7, 9]);
    let last: Vec<_> = turns[4].iter().map(|(_, text)| text.as_str()).collect();
    assert!(last[0].starts_with(&format!("{one} asked: from ")), "{last:?}");
    assert!(last[2].starts_with(&format!("{two} asked: from ")), "{last:?}");
    assert_eq!([last[1], last[3]], ["The first.\nAnd all of it.", "The second."]);
    assert_eq!([last[4], last[5]], ["carol asked: question 0", "Answer 0."]);
    for (turns, more) in turns.iter().zip(&turns[1..]) {
        assert!(turns[..turns.len() - 1].iter().zip(more).all(|(one, other)| one == other));
    }
}

#[test]
fn the_question_of_a_node_that_is_killed_is_over_and_the_next_nodes_goes_on() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    let dies = gemini.then_on_cue();
    question(&mut alice, "will you live?");
    dies.send(text("I think\nso")).unwrap();
    bob.expect("[AI Response to alice]\n  I think\n");
    question(&mut bob, "and now?");
    bob.sync("bob");
    assert_eq!(gemini.requests().len(), 1);
    gemini.then(whole("No."));
    cluster.nodes[0].signal("KILL");
    bob.expect("[LOBBY] 1 person lost their connection: alice\n");
    bob.expect("[AI Response to bob]\n  No.\n> ");
    let turns = gemini.requests()[1].turns();
    assert_eq!(turns.len(), 1, "what broke off leaves no trace: {turns:?}");
    gemini.then(whole("Still here."));
    question(&mut bob, "who is there?");
    bob.expect("  Still here.\n> ");
    assert_eq!(gemini.requests()[2].turns().len(), 3);
}

#[test]
fn a_node_that_was_killed_comes_back_into_the_queue_and_the_conversation() {
    let gemini = Gemini::start();
    let Some(mut cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    gemini.then(whole("Before."));
    question(&mut bob, "zero");
    for client in [&mut alice, &mut bob] {
        client.expect("  Before.\n> ");
    }
    let slow = gemini.then_on_cue();
    question(&mut alice, "one");
    bob.expect("alice asked AI: one\n");
    question(&mut bob, "lost with the node");
    alice.expect("bob asked AI: lost with the node\n");
    // Whoever reads what was said has all of it written first.
    bob.send("/history 1");
    bob.sync("bob");
    let folder = cluster.kill(1);
    alice.expect("[LOBBY] 1 person lost their connection: bob\n");
    cluster.revive(1, folder);
    let mut carol = cluster.nodes[1].login("carol");
    alice.expect("[LOBBY] carol has joined the lobby\n");
    question(&mut carol, "two");
    round(&mut [&mut alice, &mut carol], "meanwhile");
    assert_eq!(gemini.requests().len(), 2, "one answer at a time");
    gemini.then(whole("Answer two."));
    slow.send([text("Answer one."), finish("STOP")].concat()).unwrap();
    drop(slow);
    for client in [&mut alice, &mut carol] {
        client.expect("[AI Response to alice]\n  Answer one.\n> ");
        client.expect("[AI Response to carol]\n  Answer two.\n> ");
    }
    let turns = gemini.requests()[2].turns();
    let said: Vec<_> = turns.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!([said[0], said[1]], ["bob asked: zero", "Before."]);
    assert_eq!([said[2], said[3]], ["alice asked: one", "Answer one."]);
    assert_eq!(said.len(), 5);
}

#[test]
fn a_failure_is_told_to_the_asker_alone_and_the_next_nodes_question_goes_on() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    let breaks = gemini.then_on_cue();
    question(&mut alice, "one");
    bob.expect("alice asked AI: one\n");
    question(&mut bob, "two");
    gemini.then(whole("Fine."));
    breaks.send(text("Not finished")).unwrap();
    drop(breaks);
    alice.expect("AI Error: Please try again later.\n> ");
    alice.expect("[AI Response to bob]\n  Fine.\n> ");
    let seen = bob.expect("[AI Response to bob]\n  Fine.\n> ");
    assert!(!seen.contains("AI Error"), "{seen}");
    assert_eq!(gemini.requests()[1].turns().len(), 1);
    // Whoever it failed for may ask again.
    gemini.then(whole("Now."));
    question(&mut alice, "again");
    bob.expect("[AI Response to alice]\n  Now.\n> ");
}

#[test]
fn what_was_taken_back_on_one_node_goes_with_no_question_of_another() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    let first = gemini.then_on_cue();
    question(&mut alice, "one");
    for text in ["it may be known", "it is a secret"] {
        alice.ask(text, &format!("╰─> {text}\n"));
        bob.expect(&format!("╰─> {text}\n"));
    }
    question(&mut bob, "two");
    alice.ask("/undo", "[LOBBY] alice took back a message\n> ");
    bob.expect("[LOBBY] alice took back a message\n> ");
    gemini.then(whole("Answer two."));
    first.send([text("Answer one."), finish("STOP")].concat()).unwrap();
    drop(first);
    bob.expect("  Answer two.\n");
    let newest = gemini.requests()[1].newest();
    assert!(newest.contains("it may be known") && !newest.contains("secret"), "{newest}");
}

#[test]
fn an_asker_who_leaves_is_answered_on_all_nodes() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    let cue = gemini.then_on_cue();
    question(&mut alice, "go");
    quit(alice);
    bob.expect("[LOBBY] alice has left the lobby");
    cue.send([text("For whoever is there."), finish("STOP")].concat()).unwrap();
    drop(cue);
    bob.expect("[AI Response to alice]\n  For whoever is there.\n> ");
}

#[test]
fn the_questions_of_a_lobby_that_breaks_on_one_node_are_over_on_all() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    gemini.then(whole("Before."));
    question(&mut alice, "zero");
    for client in [&mut alice, &mut bob] {
        client.expect("  Before.\n> ");
    }
    gemini.then(Answer::Silence);
    question(&mut alice, "one");
    bob.expect("alice asked AI: one\n");
    question(&mut bob, "two");
    alice.expect("bob asked AI: two\n");
    let second = gemini.then_on_cue();
    alice.send("/fault lobby");
    alice.expect("AI Error: Please try again later.\n");
    alice.expect("The lobby had to be restarted. You are back in it.\n");
    second.send([text("Answer two."), finish("STOP")].concat()).unwrap();
    drop(second);
    for client in [&mut alice, &mut bob] {
        client.expect("[AI Response to bob]\n  Answer two.\n> ");
    }
    // The node whose lobby broke has queue and conversation as before.
    gemini.then(whole("Answer three."));
    question(&mut alice, "three");
    for client in [&mut alice, &mut bob] {
        client.expect("[AI Response to alice]\n  Answer three.\n> ");
    }
    let turns = gemini.requests()[3].turns();
    let said: Vec<_> = turns.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!([said[1], said[3]], ["Before.", "Answer two."], "{said:?}");
    assert_eq!(said.len(), 5);
}

#[test]
fn an_answer_is_stopped_from_another_node_and_kept_alike_on_all() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 3) else { return };
    let [mut alice, mut bob, mut carol] = people(&cluster.nodes, ["alice", "bob", "carol"]);
    let cue = gemini.then_on_cue();
    question(&mut alice, "go on");
    cue.send(text("One.\nTw")).unwrap();
    for client in [&mut bob, &mut carol] {
        client.expect("  One.\n");
    }
    bob.ask("/ai stop", "Only the asker or an operator can do that.\n> ");
    alice.send("/ai stop");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.expect("  Tw\n");
        client.expect("… (stopped)\n");
    }
    drop(cue);
    gemini.then(whole("Two."));
    bob.send("@rox and now?");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.expect("╰─> @rox and now?\n");
        client.expect("  Two.\n> ");
    }
    round(&mut [&mut alice, &mut bob, &mut carol], "after");
    let histories = [&mut alice, &mut bob, &mut carol].map(|client| {
        client.send("/history");
        client.expect("Rox [");
        client.expect("  One.\n  Tw\n  … (stopped)\n");
        client.expect("╰─> @rox and now?\n");
        client.expect("  Two.\n")
    });
    assert_eq!(histories.len(), 3);
}

#[test]
fn the_answer_of_a_node_that_is_stopped_ends_on_all_and_for_those_who_are_on_it() {
    let gemini = Gemini::start();
    let Some(cluster) = start(&gemini, 2) else { return };
    let [mut alice, mut bob] = people(&cluster.nodes, ["alice", "bob"]);
    let cue = gemini.then_on_cue();
    question(&mut alice, "go on");
    cue.send(text("One.\nTw")).unwrap();
    bob.expect("  One.\n");
    cluster.nodes[0].signal("TERM");
    for client in [&mut alice, &mut bob] {
        client.expect("  Tw\n");
        client.expect("  … (stopped)\n");
    }
    alice.expect("Server is shutting down.");
    drop(cue);
    crate::bots::until(&mut bob, "/history", "  One.\n  Tw\n  … (stopped)\n");
}

#[test]
fn budgets_hold_over_all_nodes_whoever_is_asked_at_once() {
    let gemini = Gemini::start();
    let env = [&gemini.env()[..], &[("AI_PER_DAY", "4"), ("AI_WORKERS", "8")]].concat();
    let Some(cluster) = Cluster::start_with(3, &env) else { return };
    let mut askers: Vec<Client> = (0..9)
        .map(|number| {
            let node = &cluster.nodes[number % 3];
            let address = format!("127.0.1.{}", number + 1);
            crate::people::guest_from(node, &address, &format!("user{number}"))
        })
        .collect();
    (0..9).for_each(|_| gemini.then(whole("Yes.")));
    askers.iter_mut().for_each(|asker| asker.send("/ai may I?"));
    let told = ["[AI] Thinking...\n", "AI budget of today is used up.\n"];
    let answers: Vec<&str> = askers.iter_mut().map(|asker| asker.expect_one_of(&told)).collect();
    let taken = answers.iter().filter(|answer| **answer == told[0]).count();
    assert_eq!(taken, 4);
    for asker in &mut askers {
        crate::bots::until(asker, "/ai usage", "Lobby 'general' today: 4 of 200 questions");
    }
}
