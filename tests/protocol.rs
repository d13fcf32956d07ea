//! `docs/protocol.md`, held against the code that writes the events and the page that reads them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The examples of the document.
fn examples() -> Vec<Value> {
    let document = read("docs/protocol.md");
    let blocks = document.split("```json\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let lines = blocks.flat_map(|(block, _)| block.lines());
    lines.map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn documented() -> BTreeSet<String> {
    examples().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}

/// What stands in quotes right behind this, wherever it stands.
fn behind(text: &str, call: &str) -> Vec<String> {
    let calls = text.split(call).skip(1);
    calls.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn every_event_is_explained_with_an_example() {
    let code = read("src/render/json.rs");
    let calls = [
        ".object(\"",
        ".end_text(\"",
        ".begin_list(\"",
        "crossed(sheet, \"",
        "MessageKind::Action => \"",
        "MessageKind::Said | MessageKind::Asked | MessageKind::Tag(_) => \"",
        "MessageKind::Answer => \"",
    ];
    let written: BTreeSet<String> = calls.iter().flat_map(|call| behind(&code, call)).collect();
    assert!(written.len() >= 16, "{written:?}");
    assert_eq!(written, documented());
    let document = read("docs/protocol.md");
    for event in &written {
        assert!(document.contains(&format!("**`{event}`**")), "{event}");
    }
}

#[test]
fn the_page_understands_every_event() {
    let page = read("src/web/chat/chat.js");
    for event in documented() {
        let handled = [format!("\n  {event}("), format!("\n  {event}: ")];
        assert!(handled.iter().any(|handler| page.contains(handler)), "{event}");
    }
}

#[test]
fn every_field_of_an_example_is_one_that_is_written() {
    let code = read("src/render/json.rs");
    for event in examples() {
        for field in event.as_object().unwrap().keys() {
            assert!(code.contains(&format!("\"{field}\"")), "{field} of {event}");
        }
    }
}
