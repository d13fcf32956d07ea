use std::time::Duration;

use super::tests::{command, password};
use super::*;
use crate::chat::accounts::KeyPrefix;
use crate::chat::asking::Asking;
use crate::chat::sanctions::Terms;
use crate::chat::settings::{Bell, Colours, Mode, Setting, Width};

fn clean(text: &str) -> Option<Line> {
    Some(Line::clean(text))
}

fn secs(count: u64) -> Option<Duration> {
    Some(Duration::from_secs(count))
}

fn history(count: usize, before: usize) -> Result<Command, &'static str> {
    Ok(Command::History { count, before })
}

fn lobbies(text: Option<&str>, page: usize) -> Result<Command, &'static str> {
    Ok(Command::Lobbies { text: text.map(Line::clean), page })
}

#[test]
fn everyday_commands_read_their_arguments() {
    let cases = [
        ("/history", history(20, 0)),
        ("/history   ", history(20, 0)),
        ("/history 1", history(1, 0)),
        ("/history 200", history(200, 0)),
        ("/history 201", history(200, 0)),
        ("/history 99999999999999999999999", history(200, 0)),
        ("/history 50 before 200", history(50, 200)),
        ("/history 500 BEFORE 1", history(200, 1)),
        ("/history 1 before 99999999999999999999999", history(1, usize::MAX)),
        ("/history 50 before", Err("/history")),
        ("/history 50 before 0", Err("/history")),
        ("/history 50 before x", Err("/history")),
        ("/history 50 before 200 more", Err("/history")),
        ("/history 50 after 200", Err("/history")),
        ("/history before 200", Err("/history")),
        ("/lobbies", lobbies(None, 1)),
        ("/lobbies 2", lobbies(None, 2)),
        ("/lobbies 0", lobbies(None, 0)),
        ("/lobbies 99999999999999999999999", lobbies(None, usize::MAX)),
        ("/lobbies rust", lobbies(Some("rust"), 1)),
        ("/lobbies #rust 3", lobbies(Some("rust"), 3)),
        ("/lobbies all about rust", lobbies(Some("all about rust"), 1)),
        ("/lobbies \"all about\" 2", lobbies(Some("all about"), 2)),
        ("/lobbies \"42\"", lobbies(None, 42)),
        ("/lobbies rust2", lobbies(Some("rust2"), 1)),
        ("/lobbies \"\"", lobbies(None, 1)),
        ("/history 0", Err("/history")),
        ("/history -1", Err("/history")),
        ("/history +1", Err("/history")),
        ("/history 1.5", Err("/history")),
        ("/history many", Err("/history")),
        ("/history 5 6", Err("/history")),
        ("/history \"\"", Err("/history")),
        ("/search two words", Ok(Command::Search(Line::clean("two words")))),
        ("/search a b c d e f g h", Ok(Command::Search(Line::clean("a b c d e f g h")))),
        (
            "/search a - b & c d e f g h !",
            Ok(Command::Search(Line::clean("a - b & c d e f g h !"))),
        ),
        ("/search a b c d e f g h i", Err("/search")),
        ("/search foo_bar can't x-y", Ok(Command::Search(Line::clean("foo_bar can't x-y")))),
        ("/search", Err("/search")),
        ("/search   ", Err("/search")),
        ("/r hi  there", Ok(Command::Respond(Line::clean("hi  there")))),
        ("/r", Err("/r")),
        ("/me waves", Ok(Command::Act(Line::clean("waves")))),
        ("/me", Err("/me")),
        ("/me \"\"", Err("/me")),
        ("/whois bob", Ok(Command::Whois("bob".to_owned()))),
        ("/whois", Err("/whois")),
        ("/whois bob eve", Err("/whois")),
        ("/nick bob", Ok(Command::Nick("bob".to_owned()))),
        ("/nick", Err("/nick")),
        ("/nick a b", Err("/nick")),
        ("/away", Ok(Command::Away(None))),
        ("/away \"\"", Ok(Command::Away(None))),
        ("/away Lunch, back at two", Ok(Command::Away(clean("Lunch, back at two")))),
        ("/ignore", Ok(Command::ListIgnored)),
        ("/ignore eve", Ok(Command::Ignore("eve".to_owned()))),
        ("/ignore eve bob", Err("/ignore")),
        ("/unignore eve", Ok(Command::Unignore("eve".to_owned()))),
        ("/unignore", Err("/unignore")),
        ("/time on", Ok(Command::Set(Setting::ClockTimes(true)))),
        ("/time OFF", Ok(Command::Set(Setting::ClockTimes(false)))),
        ("/time", Err("/time")),
        ("/time 12", Err("/time")),
        ("/time on off", Err("/time")),
        ("/color on", Ok(Command::Set(Setting::Colours(Colours::On)))),
        ("/color off", Ok(Command::Set(Setting::Colours(Colours::Off)))),
        ("/color LIGHT", Ok(Command::Set(Setting::Colours(Colours::Light)))),
        ("/style full", Ok(Command::Set(Setting::Compact(false)))),
        ("/style compact", Ok(Command::Set(Setting::Compact(true)))),
        ("/style", Err("/style")),
        ("/style big", Err("/style")),
        ("/echo off", Ok(Command::Set(Setting::Echo(false)))),
        ("/bell all", Ok(Command::Set(Setting::Bell(Bell::All)))),
        ("/bell tags", Ok(Command::Set(Setting::Bell(Bell::Tags)))),
        ("/bell on", Err("/bell")),
        ("/quiet on", Ok(Command::Set(Setting::Quiet(true)))),
        ("/width off", Ok(Command::Set(Setting::Width(Width::Off)))),
        ("/width 20", Ok(Command::Set(Setting::Width(Width::Columns(20))))),
        ("/width 500", Ok(Command::Set(Setting::Width(Width::Columns(500))))),
        ("/width 19", Err("/width")),
        ("/width 501", Err("/width")),
        ("/width +80", Err("/width")),
        ("/width 99999999", Err("/width")),
        ("/width 80 columns", Err("/width")),
        ("/mode", Ok(Command::ShowMode)),
        ("/mode edit", Ok(Command::Set(Setting::Mode(Mode::Edit)))),
        ("/mode LINE", Ok(Command::Set(Setting::Mode(Mode::Line)))),
        ("/mode plain", Ok(Command::Set(Setting::Mode(Mode::Plain)))),
        ("/mode auto", Ok(Command::Set(Setting::Mode(Mode::Auto)))),
        ("/mode raw", Err("/mode")),
        ("/mode edit now", Err("/mode")),
        ("/color red", Err("/color")),
    ];
    for (text, want) in cases {
        assert_eq!(command(text), want, "{text}");
    }
}

#[test]
fn account_commands_read_passwords_as_one_word() {
    let new = |text: &str| Ok(Command::Register(password(text)));
    let changed = |old: &str, new: &str| {
        Ok(Command::ChangePassword { old: password(old), new: password(new) })
    };
    let prefix = |text| KeyPrefix::parse(text).unwrap();
    let cases = [
        ("/register hunter2hunter2", new("hunter2hunter2")),
        ("/register \"correct horse\"", new("correct horse")),
        ("/register correct horse", Err("/register")),
        ("/register", Ok(Command::AskPassword(Asking::to_register()))),
        ("/passwd  ", Ok(Command::AskPassword(Asking::to_change()))),
        ("/passwd old new", changed("old", "new")),
        ("/passwd \"old one\" \"new one\"", changed("old one", "new one")),
        ("/passwd old", Err("/passwd")),
        ("/passwd old new newer", Err("/passwd")),
        ("/unregister pw", Ok(Command::Unregister(password("pw")))),
        ("/unregister", Err("/unregister")),
        ("/cert add", Ok(Command::AddKey)),
        ("/cert ADD", Ok(Command::AddKey)),
        ("/cert add x", Err("/cert")),
        ("/cert list", Ok(Command::ListKeys)),
        ("/cert del AB:cd", Ok(Command::DeleteKey(prefix("abcd")))),
        ("/cert del", Err("/cert")),
        ("/cert del xyz", Err("/cert")),
        ("/cert del ab cd", Err("/cert")),
        ("/cert", Err("/cert")),
        ("/cert show", Err("/cert")),
    ];
    for (text, want) in cases {
        assert_eq!(command(text), want, "{text}");
    }
}

#[test]
fn moderation_commands_read_users_times_and_reasons() {
    let bob = || "bob".to_owned();
    let on = |time, reason, alone| Banning { user: bob(), terms: Terms { time, reason, alone } };
    let ban = |time, reason| on(time, reason, false);
    let not_a_time = || Err("not a time");
    let cases = [
        ("/kick bob", Ok(Command::Kick { user: bob(), reason: None })),
        ("/kick bob No spam", Ok(Command::Kick { user: bob(), reason: clean("No spam") })),
        ("/kick bob 7d", Ok(Command::Kick { user: bob(), reason: clean("7d") })),
        ("/kick", Err("/kick")),
        ("/mute bob", Ok(Command::Mute(ban(None, None)))),
        ("/mute bob 10m", Ok(Command::Mute(ban(secs(600), None)))),
        ("/mute -1 bob 10m", Ok(Command::Mute(on(secs(600), None, true)))),
        ("/mute bob 0s", not_a_time()),
        ("/mute bob 30min", not_a_time()),
        ("/mute bob 3651d", not_a_time()),
        ("/mute bob soon", Err("/mute")),
        ("/mute bob 10m spam", Err("/mute")),
        ("/mute", Err("/mute")),
        ("/unmute bob", Ok(Command::Unmute(bob()))),
        ("/unmute", Err("/unmute")),
        ("/ban bob", Ok(Command::Ban(ban(None, None)))),
        ("/ban bob 7d", Ok(Command::Ban(ban(secs(604_800), None)))),
        ("/ban bob 7D spam  again", Ok(Command::Ban(ban(secs(604_800), clean("spam  again"))))),
        ("/ban bob 2h30m", Ok(Command::Ban(ban(secs(9_000), None)))),
        ("/ban bob 7 days", not_a_time()),
        ("/ban bob 3rd warning", not_a_time()),
        ("/ban bob -5m", not_a_time()),
        ("/ban bob +5m", not_a_time()),
        ("/ban bob −5m", not_a_time()),
        ("/ban bob ٣", not_a_time()),
        ("/ban bob 5 m", not_a_time()),
        ("/ban -1 bob spam", Ok(Command::Ban(on(None, clean("spam"), true)))),
        ("/ban bob -1", not_a_time()),
        ("/ban bob \"7d is enough\"", Ok(Command::Ban(ban(None, clean("7d is enough"))))),
        ("/ban bob spam 7d", Ok(Command::Ban(ban(None, clean("spam 7d"))))),
        ("/ban bob 0d spam", not_a_time()),
        ("/ban bob 99999999999999999999h", not_a_time()),
        ("/ban", Err("/ban")),
        ("/unban bob", Ok(Command::Unban(bob()))),
        ("/unban bob eve", Err("/unban")),
        ("/bans", Ok(Command::Bans)),
        ("/audit", Ok(Command::Audit)),
        ("/topic Release on Friday", Ok(Command::Topic(clean("Release on Friday")))),
        ("/topic \"\"", Ok(Command::Topic(None))),
        ("/topic", Err("/topic")),
        ("/slow 10", Ok(Command::Slow(Duration::from_secs(10)))),
        ("/slow 0", Ok(Command::Slow(Duration::ZERO))),
        ("/slow 3600", Ok(Command::Slow(MAX_SLOW))),
        ("/slow 3601", Err("/slow")),
        ("/slow 99999999999999999999", Err("/slow")),
        ("/slow 10s", Err("/slow")),
        ("/slow", Err("/slow")),
        ("/op bob", Ok(Command::Op(bob()))),
        ("/op", Err("/op")),
        ("/deop bob", Ok(Command::Deop(bob()))),
        ("/setpass no-pass", Ok(Command::SetPassword(None))),
        ("/setpass \"open sesame\"", Ok(Command::SetPassword(Some(password("open sesame"))))),
        ("/setpass \"\"", Err("/setpass")),
        ("/setpass open sesame", Err("/setpass")),
        ("/setpass", Err("/setpass")),
        ("/transfer bob", Ok(Command::Transfer(bob()))),
        ("/transfer", Err("/transfer")),
        ("/delete bob", Ok(Command::Delete(bob()))),
        ("/delete", Err("/delete")),
        ("/purge bob", Ok(Command::Purge(bob()))),
        ("/purge @bob", Ok(Command::Purge(bob()))),
        ("/purge bob 7d", Err("/purge")),
        ("/purge", Err("/purge")),
        ("/undo", Ok(Command::Undo)),
        ("/undo 2", Err("/undo")),
        ("/announce Restart soon", Ok(Command::Announce(Line::clean("Restart soon")))),
        ("/announce", Err("/announce")),
        ("/gban bob 2h x", Ok(Command::ServerBan(ban(secs(7_200), clean("x"))))),
        ("/gban -1 bob 2w", Ok(Command::ServerBan(on(secs(1_209_600), None, true)))),
        ("/gban", Err("/gban")),
        ("/gunban bob", Ok(Command::ServerUnban(bob()))),
    ];
    for (text, want) in cases {
        assert_eq!(command(text), want, "{text}");
    }
}
