use log::kv::ToValue;
use proptest::prelude::*;

use super::*;

fn at() -> Timestamp {
    "2026-11-26T05:57:53.1239Z".parse().unwrap()
}

fn both(record: &Record<'_>) -> (String, String) {
    let line = LogLine::of(record, at());
    let (mut text, mut json) = (Vec::new(), Vec::new());
    line.write_text(&mut text, Style::new()).unwrap();
    line.write_json(&mut json).unwrap();
    (String::from_utf8(text).unwrap(), String::from_utf8(json).unwrap())
}

#[test]
fn a_line_has_time_level_event_and_its_connection() {
    let pairs = [("event", event::CONNECTED.to_value()), ("conn", 5_u64.to_value())];
    let mut record = Record::builder();
    record.level(Level::Info).target("lobbyd::actors::shard").key_values(&pairs);
    let (text, json) = both(&record.args(format_args!("connected from {}", "::1")).build());
    assert_eq!(text, "[2026-11-26T05:57:53Z INFO  connected] conn=5 connected from ::1\n");
    assert_eq!(
        json,
        "{\"ts\":\"2026-11-26T05:57:53.123Z\",\"level\":\"info\",\"event\":\"connected\",\"conn\":5,\
         \"msg\":\"connected from ::1\"}\n"
    );
}

#[test]
fn what_is_about_no_connection_has_no_number() {
    let nothing = [("event", event::READY.to_value())];
    let console = [("event", event::READY.to_value()), ("conn", 0_u64.to_value())];
    for pairs in [&nothing[..], &console] {
        let mut record = Record::builder();
        let record = record.level(Level::Warn).key_values(&pairs).args(format_args!("x")).build();
        let (text, json) = both(&record);
        assert_eq!(text, "[2026-11-26T05:57:53Z WARN  ready] x\n");
        assert!(!json.contains("conn"), "{json}");
    }
}

#[test]
fn a_line_of_a_library_names_its_module() {
    let record = Record::builder()
        .level(Level::Debug)
        .target("actix_http::h1")
        .args(format_args!("slow \"request\""))
        .build();
    let (text, json) = both(&record);
    assert_eq!(text, "[2026-11-26T05:57:53Z DEBUG library] actix_http::h1: slow \"request\"\n");
    assert!(
        json.contains(r#""event":"library","msg":"actix_http::h1: slow \"request\"""#),
        "{json}"
    );
}

proptest! {
    #[test]
    fn whatever_is_in_a_message_a_line_is_one_line(
        message in prop_oneof![any::<String>(), "[\"\\\\\n\r\t\u{1b}\u{7f}\u{85}\u{2028}\u{2029}x]{0,20}"]
    ) {
        let pairs = [("event", event::FAULT)];
        let args = format_args!("{message}");
        let (text, json) = both(&Record::builder().key_values(&pairs).args(args).build());
        for line in [&text, &json] {
            let inside = line.strip_suffix('\n').unwrap();
            let ends = |c: char| c.is_control() || "\u{2028}\u{2029}".contains(c);
            prop_assert!(!inside.contains(ends), "{inside:?}");
        }
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read["msg"].as_str(), Some(message.as_str()));
    }
}
