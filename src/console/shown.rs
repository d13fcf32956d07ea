//! The answers of the console as people read them. Programs take them as they are, with `--json`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::Request;
use super::table::{Column, table};
use crate::chat::history::UnixMillis;
use crate::chat::times::Span;

/// What stands where there is nothing to tell.
const NOTHING: &str = "-";

/// What came of a request, with the things that were listed.
pub fn done(request: &Request, items: &[Value], done: &Value, now: UnixMillis) -> String {
    let name = || plain(&done["name"]);
    match request {
        Request::Status => status(done, now),
        Request::Users => users(items, now),
        Request::Lobbies => lobbies(items, now),
        Request::Nodes => nodes(items, now),
        Request::Bans => bans(items, now),
        Request::Kick { .. } | Request::Ban { .. } | Request::Unban { .. } => moderated(done),
        Request::Announce { .. } => "Announced.\n".to_owned(),
        Request::Reload => reloaded(done),
        Request::Drain { .. } => match done["left"].as_u64() {
            Some(0) => "Drained: everybody has left. The server stops.\n".to_owned(),
            _ => {
                let left = left(done)
                    .unwrap_or("nobody knows how many connections are still open".to_owned());
                format!("Drained: {left}. The server stops.\n")
            }
        },
        Request::CancelDrain => {
            "The drain is cancelled: new connections are taken again.\n".to_owned()
        }
        Request::Backup { .. } => format!("Wrote {}\n", plain(&done["file"])),
        Request::Password { .. } => {
            let certs = done["certificates_removed"].as_u64().unwrap_or(0);
            let told = match done["made"].as_bool() {
                Some(true) => "is registered".to_owned(),
                _ => new_password(certs),
            };
            let more = match done["disconnected"].as_bool() {
                Some(true) => " Whoever was logged in to it is disconnected.",
                _ => "",
            };
            format!("{} {told}.{more}\n", name())
        }
    }
}

/// What of a configuration that was read anew is in force.
fn reloaded(done: &Value) -> String {
    let restart = done["restart"].as_array().map_or(&[][..], Vec::as_slice);
    let restart: Vec<String> = restart.iter().map(plain).collect();
    let waits = match restart.len() {
        0 => return "The configuration was read anew, and is in force.\n".to_owned(),
        1 => "waits",
        _ => "wait",
    };
    let keys = restart.join(", ");
    format!(
        "The configuration was read anew. {keys} {waits} for a restart, the rest is in force.\n"
    )
}

/// What came of giving an account, which had so many certificates, a new password.
pub fn new_password(certs: u64) -> String {
    match certs {
        0 => "has a new password".to_owned(),
        1 => "has a new password, and one certificate less".to_owned(),
        count => format!("has a new password, and {count} certificates less"),
    }
}

/// What was done to a user, as the audit has it, and whom it struck besides.
fn moderated(done: &Value) -> String {
    let what = plain(&done["what"]);
    let mut letters = what.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let also = done["also"].as_array().map_or(&[][..], Vec::as_slice);
    let also: Vec<String> = also.iter().map(plain).collect();
    let besides = match also.is_empty() {
        true => String::new(),
        false => format!("also: {} (same address)\n", also.join(", ")),
    };
    format!("{first}{}\n{besides}", letters.as_str())
}

/// `status`.
fn status(status: &Value, now: UnixMillis) -> String {
    let get = |field: &str| plain(&status[field]);
    let mut lines = Lines::default();
    let state = get("state");
    lines.add("lobbyd", &format!("{}, process {}, {state}", get("version"), get("pid")));
    let why = status["why"].as_array().map_or(&[][..], Vec::as_slice);
    why.iter().for_each(|why| lines.go_on(&plain(why)));
    if let (Some(left), Some(secs)) =
        (left(&status["drain"]), seconds(&status["drain"]["deadline_secs"]))
    {
        lines.add("Draining", &format!("{left}, {} at most", Span::left(secs)));
    }
    lines.add("Up since", &instant(&status["started"], now));
    lines.add("Data", &get("data"));
    for listener in status["listeners"].as_array().map_or(&[][..], Vec::as_slice) {
        let count = counted(&listener["connections"], "connection");
        let (kind, addr) = (plain(&listener["kind"]), plain(&listener["addr"]));
        lines.add("Listener", &format!("{kind:<5} {addr}, {count}"));
    }
    if let Some(certificate) = certificate(&status["certificate"], now) {
        lines.add("Certificate", &certificate);
    }
    let (users, lobbies) =
        (counted(&status["users"], "user"), counted(&status["lobbies"], "lobby"));
    lines.add("Chat", &format!("{users}, {lobbies}"));
    let (said, shown) = (get("messages_in"), get("messages_delivered"));
    lines.add("Messages", &format!("{said} since the start, shown {shown} times"));
    let waiting = counted(&status["store_queue"], "change");
    lines.add(
        "Database",
        &match status["store_failing"].as_bool() {
            Some(true) => format!("cannot be written, {waiting} wait"),
            _ => format!("good, {waiting} to be written"),
        },
    );
    let reload = &status["reload"];
    lines.add(
        "Last reload",
        &match (reload["good"].as_bool(), reload["why"].as_str()) {
            (None, _) => "none".to_owned(),
            (Some(true), _) => format!("{}, good", instant(&reload["at"], now)),
            (Some(false), why) => {
                let why = why.unwrap_or("the log says why");
                format!("{}, refused: {why}", instant(&reload["at"], now))
            }
        },
    );
    lines.0
}

/// Until when the certificate is valid, or that it is not; none where there is none.
fn certificate(validity: &Value, now: UnixMillis) -> Option<String> {
    let [from, until] = [time(&validity["from"])?, time(&validity["until"])?];
    let now = i64::try_from(now.0).unwrap_or(i64::MAX);
    let left = until.as_millisecond().saturating_sub(now);
    Some(match u64::try_from(left) {
        Err(_) => format!("expired on {until}: renew it and reload"),
        Ok(_) if now < from.as_millisecond() => format!("not valid before {from}"),
        Ok(left) => {
            format!("valid until {until} ({} left)", Span::left(Duration::from_millis(left)))
        }
    })
}

/// `users`.
fn users(users: &[Value], now: UnixMillis) -> String {
    let columns = [
        Column::text("NAME"),
        Column::text("KIND"),
        Column::text("ADDRESS"),
        Column::text("LOBBY"),
        Column::text("LISTENER"),
        Column::number("IDLE"),
        Column::number("SINCE"),
    ];
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            let kind = match (user["admin"].as_bool(), user["account"].as_bool()) {
                _ if user["bot"].as_bool() == Some(true) => "bot",
                (Some(true), _) => "admin",
                (_, Some(true)) => "account",
                _ => "guest",
            };
            let idle = seconds(&user["idle_secs"]).map_or(NOTHING.to_owned(), short);
            let since = age(&user["since"], now).map_or(NOTHING.to_owned(), short);
            let [name, address, lobby, listener] =
                ["name", "address", "lobby", "listener"].map(|field| plain(&user[field]));
            [name, kind.to_owned(), address, lobby, listener, idle, since]
        })
        .collect();
    table(columns, &rows) + &total(users.len(), "user")
}

/// `lobbies`.
fn lobbies(lobbies: &[Value], now: UnixMillis) -> String {
    let columns = [
        Column::text("NAME"),
        Column::number("USERS"),
        Column::text("KIND"),
        Column::text("OWNER"),
        Column::number("MADE"),
        Column::number("USED"),
    ];
    let rows: Vec<_> = lobbies
        .iter()
        .map(|lobby| {
            let kind = if lobby["private"].as_bool() == Some(true) { "private" } else { "public" };
            let owner = match (lobby["owner"].as_str(), lobby["owner_kind"].as_str()) {
                (Some(owner), Some("guest")) => format!("{owner} (guest)"),
                (Some(owner), _) => owner.to_owned(),
                (None, Some("server")) => "the server".to_owned(),
                (None, _) => NOTHING.to_owned(),
            };
            let used = match lobby["users"].as_u64() {
                Some(0) | None => age(&lobby["used"], now).map_or(NOTHING.to_owned(), short),
                Some(_) => "now".to_owned(),
            };
            let made = age(&lobby["made"], now).map_or(NOTHING.to_owned(), short);
            [plain(&lobby["name"]), plain(&lobby["users"]), kind.to_owned(), owner, made, used]
        })
        .collect();
    table(columns, &rows) + &total(lobbies.len(), "lobby")
}

/// `nodes`.
fn nodes(nodes: &[Value], now: UnixMillis) -> String {
    if nodes.is_empty() {
        return "This server is alone (NATS_URL is off).\n".to_owned();
    }
    let columns = [
        Column::text("NAME"),
        Column::text("STATE"),
        Column::text("VERSION"),
        Column::number("USERS"),
        Column::number("POSITION"),
        Column::number("BEHIND"),
    ];
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            let state = match age(&node["since"], now) {
                Some(gone) => format!("{} for {}", plain(&node["state"]), short(gone)),
                None => plain(&node["state"]),
            };
            let [name, version, users, position, behind] =
                ["name", "version", "users", "position", "behind"].map(|field| plain(&node[field]));
            [name, state, version, users, position, behind]
        })
        .collect();
    table(columns, &rows) + &total(nodes.len(), "node")
}

/// `bans`.
fn bans(bans: &[Value], now: UnixMillis) -> String {
    let columns = [
        Column::text("NAME"),
        Column::text("OF"),
        Column::number("SINCE"),
        Column::number("TIME LEFT"),
        Column::text("BY"),
        Column::text("REASON"),
    ];
    let rows: Vec<_> = bans
        .iter()
        .map(|ban| {
            let of = match ban["of"].as_str() {
                Some("address") => "guests of an address",
                Some("guest") => "this guest",
                _ => "account",
            };
            let since = age(&ban["since"], now).map_or(NOTHING.to_owned(), short);
            let rest = match time_of(&ban["until"]) {
                Some(until) => Span::left(now.until(until)).to_string(),
                None => "for good".to_owned(),
            };
            let [name, by, reason] = ["name", "by", "reason"].map(|field| plain(&ban[field]));
            [name, of.to_owned(), since, rest, by, reason]
        })
        .collect();
    table(columns, &rows) + &total(bans.len(), "ban")
}

/// How far a drain has come.
pub fn drain(progress: &Value) -> String {
    let time = seconds(&progress["deadline_secs"]).unwrap_or_default();
    let left = left(progress).unwrap_or("the connections are not counted".to_owned());
    format!("{left}, {} at most\n", Span::left(time))
}

/// How many connections are left; none where nothing says so.
fn left(drain: &Value) -> Option<String> {
    drain["left"].as_u64()?;
    Some(format!("{} still open", counted(&drain["left"], "connection")))
}

/// A value without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// So many of something, where it is known how many.
fn counted(value: &Value, one: &str) -> String {
    value.as_u64().map_or_else(|| format!("{NOTHING} {}", many(one)), |count| so_many(count, one))
}

/// So many of something.
pub fn so_many(count: u64, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {}", many(one)),
    }
}

fn many(one: &str) -> String {
    match one.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    }
}

fn total(count: usize, one: &str) -> String {
    format!("{}\n", counted(&count.into(), one))
}

fn seconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_secs)
}

/// A time in one unit: a table has little room.
fn short(time: Duration) -> String {
    Span::passed(time).to_string()
}

/// How long ago an instant was.
fn age(at: &Value, now: UnixMillis) -> Option<Duration> {
    time_of(at).map(|at| at.until(now))
}

/// An instant as the chat counts it; none where there is none.
fn time_of(at: &Value) -> Option<UnixMillis> {
    Some(UnixMillis(u64::try_from(time(at)?.as_millisecond()).unwrap_or(0)))
}

/// An instant as it is told.
fn time(at: &Value) -> Option<Timestamp> {
    at.as_str()?.parse().ok()
}

/// An instant, and how long ago it was.
fn instant(at: &Value, now: UnixMillis) -> String {
    match age(at, now) {
        Some(age) => format!("{} ({} ago)", plain(at), Span::passed(age)),
        None => plain(at),
    }
}

/// Lines with what they tell of at their beginning.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, what: &str, text: &str) {
        self.0.push_str(&format!("{what:<13}{text}\n"));
    }

    fn go_on(&mut self, text: &str) {
        self.add("", text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_764_126_000_000);

    #[test]
    fn the_state_of_a_server_takes_a_screen() {
        let value = json!({
            "version": "0.1.0", "pid": 4711, "started": "2025-11-26T01:00:00Z", "state": "draining",
            "why": ["the server is about to restart"], "data": "/var/lib/lobbyd/lobbyd.db",
            "drain": {"left": 1, "deadline_secs": 590},
            "listeners": [
                {"kind": "plain", "addr": "[::]:8080", "connections": 12},
                {"kind": "tls", "addr": "[::]:8443", "connections": 1},
            ],
            "certificate": {"from": "2025-11-01T00:00:00Z", "until": "2026-01-30T00:00:00Z"},
            "users": 12, "lobbies": 1, "messages_in": 100, "messages_delivered": 1200,
            "store_queue": 0, "store_failing": false,
            "reload": {"at": "2025-11-26T02:57:00Z", "good": false, "why": "CHAT_ADDR: bad value"},
        });
        let want = "\
lobbyd       0.1.0, process 4711, draining
             the server is about to restart
Draining     1 connection still open, 9m 50s at most
Up since     2025-11-26T01:00:00Z (2h ago)
Data         /var/lib/lobbyd/lobbyd.db
Listener     plain [::]:8080, 12 connections
Listener     tls   [::]:8443, 1 connection
Certificate  valid until 2026-01-30T00:00:00Z (64d 21h left)
Chat         12 users, 1 lobby
Messages     100 since the start, shown 1200 times
Database     good, 0 changes to be written
Last reload  2025-11-26T02:57:00Z (3m ago), refused: CHAT_ADDR: bad value
";
        assert_eq!(status(&value, NOW), want);
    }

    #[test]
    fn a_certificate_that_is_not_valid_is_told_so() {
        for (from, until, want) in [
            (
                "2025-11-01T00:00:00Z",
                "2025-11-26T03:00:30Z",
                "valid until 2025-11-26T03:00:30Z (30s left)",
            ),
            (
                "2025-11-01T00:00:00Z",
                "2025-11-26T02:59:59Z",
                "expired on 2025-11-26T02:59:59Z: renew it and reload",
            ),
            (
                "2025-11-27T00:00:00Z",
                "2026-11-27T00:00:00Z",
                "not valid before 2025-11-27T00:00:00Z",
            ),
        ] {
            let told = certificate(&json!({"from": from, "until": until}), NOW);
            assert_eq!(told.as_deref(), Some(want));
        }
        assert_eq!(certificate(&Value::Null, NOW), None, "without TLS");
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let told = status(&json!({"version": "0.1.0", "state": "failing"}), NOW);
        assert!(told.contains("Chat         - users, - lobbies\n"), "{told}");
        assert!(told.contains("Last reload  none\n"), "{told}");
        let user = json!({"name": "bob", "account": false});
        let told = users(&[user], NOW);
        assert!(
            told.contains("bob   guest  -        -      -            -      -\n1 user\n"),
            "{told}"
        );
    }

    #[test]
    fn users_and_lobbies_are_tables() {
        let bob = json!({
            "name": "bob", "account": true, "admin": false, "address": "192.0.2.7",
            "lobby": "general", "listener": "plain", "idle_secs": 65, "since": "2025-11-26T01:00:00Z",
        });
        let want = "\
NAME  KIND     ADDRESS    LOBBY    LISTENER  IDLE  SINCE
bob   account  192.0.2.7  general  plain       1m     2h
1 user
";
        assert_eq!(users(&[bob], NOW), want);
        let general = json!({
            "name": "general", "users": 2, "private": false, "owner": null, "owner_kind": "server",
            "made": "2025-11-20T03:00:00Z", "used": "2025-11-20T03:00:00Z",
        });
        let club = json!({
            "name": "club", "users": 0, "private": true, "owner": "eve", "owner_kind": "guest",
            "made": "2025-11-26T02:00:00Z", "used": "2025-11-26T02:59:18Z",
        });
        let want = "\
NAME     USERS  KIND     OWNER        MADE  USED
general      2  public   the server     6d   now
club         0  private  eve (guest)    1h   42s
2 lobbies
";
        assert_eq!(lobbies(&[general, club], NOW), want);
    }

    #[test]
    fn bans_are_a_table_and_take_two_lines_where_the_reasons_are_long() {
        let ban = |name: &str, of: &str, until: Value, reason: Value| {
            json!({
                "name": name, "of": of, "by": "root", "since": "2025-11-26T02:00:00Z", "until": until,
                "reason": reason,
            })
        };
        let until = || Value::from("2025-11-26T04:30:00Z");
        let list = [
            ban("bob", "account", Value::Null, Value::Null),
            ban("eve", "address", until(), "Spam".into()),
        ];
        let want = "\
NAME  OF                    SINCE  TIME LEFT  BY    REASON
bob   account                  1h   for good  root  -
eve   guests of an address     1h     1h 30m  root  Spam
2 bans
";
        assert_eq!(bans(&list, NOW), want);
        let want = format!(
            "\
NAME  OF          SINCE  TIME LEFT  BY
    REASON
zoe   this guest     1h     1h 30m  root
    {0}
1 ban
",
            "long ".repeat(20).trim_end()
        );
        let zoe = ban("zoe", "guest", until(), "long ".repeat(20).trim_end().into());
        assert_eq!(bans(&[zoe], NOW), want);
    }

    #[test]
    fn a_drain_says_who_is_left() {
        for (progress, want) in [
            (json!({"left": 3, "deadline_secs": 600}), "3 connections still open, 10m at most\n"),
            (json!({"left": 1, "deadline_secs": 59}), "1 connection still open, 59s at most\n"),
            (
                json!({"left": null, "deadline_secs": 5}),
                "the connections are not counted, 5s at most\n",
            ),
        ] {
            assert_eq!(drain(&progress), want);
        }
    }
}
