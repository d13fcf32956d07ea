use std::fmt::Debug;

use serde::de::DeserializeOwned;

use super::*;
use crate::chat::accounts::AccountId;
use crate::chat::moderation::Moderation;

fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str) {
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value, "{json}");
}

#[test]
fn values_are_written_as_their_text_and_read_again() {
    survives(Name::parse("Bob_1").unwrap(), r#""Bob_1""#);
    survives(NameKey::of("BOB"), r#""bob""#);
    survives(Line::clean("say \"hi\" \\ ünter"), r#""say \"hi\" \\ ünter""#);
    survives(Text::clean("one\n  two"), r#""one\n  two""#);
    survives(Picture::find("cat").unwrap(), r#""cat""#);
    survives(IpKey::from(std::net::IpAddr::from([10, 0, 0, 255])), r#""04000000000a0000ff""#);
    survives(IpKey::unknown(1), r#""000000000000000001""#);
    survives(Fingerprint([0xAB; 32]), &format!("\"{}\"", "ab".repeat(32)));
    survives(LobbyId(1), "1");
    survives(AccountId(u32::MAX), "4294967295");
    survives(Width::Off, "0");
    survives(Width::Columns(80), "80");
}

#[test]
fn a_name_that_nobody_can_have_is_not_read() {
    for bad in [r#""a""#, r#""a b""#, r#""bob\u001b[31m""#, r#""аlice""#, r#""""#, "7", "null"] {
        assert_eq!(read::<Name>(bad), None, "{bad}");
        assert_eq!(read::<NameKey>(bad), None, "{bad}");
    }
    assert!(read::<Name>(&format!("\"{}\"", "x".repeat(21))).is_none());
}

#[test]
fn texts_are_cleaned_when_they_are_read() {
    let line = |json| read::<Line>(json).map(|line| line.as_str().to_owned());
    assert_eq!(line(r#""a\u001b[31mb\u0007\u202ec\nd""#).as_deref(), Some("abcd"));
    assert_eq!(line(r#""\ud800""#), None, "half a character");
    let text = |json: &str| read::<Text>(json).map(|text| text.as_str().to_owned());
    assert_eq!(text(r#""a\u001b]0;title\u0007\nb\r""#).as_deref(), Some("a\nb"));
    let rows = text(&format!("\"{}\"", "x\\n".repeat(100))).unwrap();
    assert_eq!(rows.split('\n').count(), crate::chat::text::MAX_ROWS);
}

#[test]
fn what_is_no_record_of_a_password_is_not_read() {
    let good = PasswordRecord::parse(&phc(1_000)).unwrap();
    survives(good, &format!("\"{}\"", phc(1_000)));
    for bad in [phc(2_000_001), "hunter2".to_owned(), phc(1_000).replace("sha512", "sha256")] {
        assert_eq!(read::<PasswordRecord>(&format!("\"{bad}\"")), None, "{bad}");
    }
}

fn phc(rounds: u32) -> String {
    let (salt, hash) = ("MDEyMzQ1Njc4OWFiY2RlZg", "A".repeat(43));
    format!("$pbkdf2-sha512$i={rounds},l=32${salt}${hash}")
}

#[test]
fn numbers_digits_and_widths_out_of_bounds_are_not_read() {
    assert_eq!((read::<LobbyId>("0"), read::<AccountId>("0")), (None, Some(AccountId(0))));
    assert_eq!((read::<LobbyId>("4294967296"), read::<LobbyId>("-1")), (None, None));
    for bad in ["19", "501", "65536", "\"80\""] {
        assert_eq!(read::<Width>(bad), None, "{bad}");
    }
    for bad in
        ["", "04", "05000000000a000001", "04010000000a000001", "0400000000za000001", "€€€€€€"]
    {
        assert_eq!(read::<IpKey>(&format!("\"{bad}\"")), None, "{bad}");
    }
    assert_eq!(read::<Fingerprint>(&format!("\"{}\"", "ab".repeat(31))), None);
}

#[test]
fn a_picture_of_another_version_is_the_default_one() {
    assert_eq!(read::<Picture>(r#""hologram""#), Some(Picture::DEFAULT));
}

#[test]
fn numbers_of_messages_rise_or_are_not_read() {
    let purge = |gaps: &str| match read::<Moderation>(&format!(
        r#"{{"purge":{{"name":"bob","said":[{gaps}]}}}}"#
    )) {
        Some(Moderation::Purge { said, .. }) => Some(said.to_vec()),
        _ => None,
    };
    assert_eq!(purge("7,1,1,10"), Some(vec![7, 8, 9, 19]));
    assert_eq!((purge(""), purge("0,1")), (Some(vec![]), Some(vec![0, 1])));
    assert_eq!(purge("18446744073709551615"), Some(vec![u64::MAX]));
    assert_eq!((purge("7,0"), purge("18446744073709551615,1")), (None, None));
    let fallen = Moderation::Purge { name: Name::parse("bob").unwrap(), said: [9, 8].into() };
    assert!(serde_json::to_string(&fallen).is_err());
}

#[test]
fn a_time_between_messages_is_in_seconds_that_the_database_holds() {
    let slow = std::time::Duration::from_secs(30);
    survives(Moderation::Slow(slow), r#"{"slow":30}"#);
    assert_eq!(read::<Moderation>(r#"{"slow":4294967296}"#), None);
    assert_eq!(read::<Moderation>(r#"{"slow":-1}"#), None);
}
