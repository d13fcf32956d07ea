use super::*;

#[test]
fn the_loss_is_told_like_any_log_line() {
    let line = String::from_utf8(loss(12)).unwrap();
    let (time, rest) = line.strip_prefix('[').unwrap().split_once(' ').unwrap();
    assert_eq!((time.len(), &time[19..]), (20, "Z"), "{line}");
    assert_eq!(rest, "WARN  log_lost] 12 log lines were lost: nobody read them\n");
    assert!(String::from_utf8(loss(1)).unwrap().contains("1 log line was lost"));
}

#[test]
fn a_complaint_is_a_line_for_people_or_one_of_the_log() {
    let text = |level, json| {
        let line = complaint(level, event::BAD_SETTING, "CHAT_ADDR: bad value 'a\"b'", json);
        String::from_utf8(line).unwrap()
    };
    assert_eq!(text(Level::Error, false), "lobbyd: CHAT_ADDR: bad value 'a\"b'\n");
    assert_eq!(text(Level::Warn, false), "lobbyd: warning: CHAT_ADDR: bad value 'a\"b'\n");
    let line: serde_json::Value = serde_json::from_str(&text(Level::Warn, true)).unwrap();
    assert_eq!(line["level"], "warn");
    assert_eq!(line["event"], "bad_setting");
    assert_eq!(line["msg"], "CHAT_ADDR: bad value 'a\"b'");
}

#[test]
fn a_filter_is_replaced_at_once_and_a_bad_one_is_not_taken() {
    let enabled = |level, target| {
        FILTER.load().enabled(&Metadata::builder().level(level).target(target).build())
    };
    set_filter("warn,lobbyd::net=debug").unwrap();
    assert_eq!(log::max_level(), LevelFilter::Debug);
    assert!(enabled(Level::Debug, "lobbyd::net::link") && !enabled(Level::Info, "lobbyd::server"));
    assert!(set_filter("lobbyd=loud").is_err());
    assert!(enabled(Level::Debug, "lobbyd::net::link"));
    set_filter("error").unwrap();
    assert_eq!(log::max_level(), LevelFilter::Error);
    assert!(!enabled(Level::Debug, "lobbyd::net::link") && enabled(Level::Error, "lobbyd::server"));
}
