//! `lobbyd ctl`: asks a running server something over its console, and prints what it says.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lobbyd::clock::unix_now;
use lobbyd::console::{self, Answer, ConnectError, MAX_ANSWER_BYTES, Request, shown};
use lobbyd::files;
use lobbyd::logging::{complain, event, say};
use log::Level;
use serde_json::Value;

use crate::operator;

/// A server says at least every second that it is there: one that is silent for this long is not.
const SILENCE: Duration = Duration::from_secs(15);

/// For a server to end once its drain is over: it has 5 s for its users and 5 s for its database.
const END_TIME: Duration = Duration::from_secs(15);

/// What is asked, as far as the arguments say it.
#[derive(Debug, PartialEq)]
pub(crate) enum Ask {
    /// All of it.
    Whole(Request),
    /// To copy the database to this file, which may be named as seen from here.
    Backup(PathBuf),
    /// To give this account a password, which is still to be read.
    Password(String),
}

/// Why it was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A line for each reason.
    pub(crate) why: Vec<String>,
    /// Whether it was asked for wrongly.
    pub(crate) usage: bool,
    /// Whether no server was found where it was looked for.
    pub(crate) missing: bool,
}

impl Failure {
    fn of(why: impl ToString) -> Self {
        Self { why: vec![why.to_string()], usage: false, missing: false }
    }
}

impl From<ConnectError> for Failure {
    fn from(why: ConnectError) -> Self {
        let missing = matches!(why, ConnectError::Missing(_));
        Self { missing, ..Self::of(why) }
    }
}

/// Asks the server whose data directory this is; prints the answer for people, or for programs.
pub(crate) fn run(dir: &Path, ask: Ask, json: bool) -> Result<(), Failure> {
    // As whoever is in another folder finds it.
    let dir = &files::absolute(dir);
    let request = whole(dir, ask)?;
    let mut stream = console::connect(dir)?;
    let mut conversation = Conversation::begin(&mut stream, &request)?;
    let mut items = Vec::new();
    if matches!(request, Request::Drain { .. }) && !json && io::stderr().is_terminal() {
        complain(
            Level::Info,
            event::DRAINING,
            "Ctrl-C leaves it draining; lobbyd ctl drain --cancel ends that.",
        );
    }
    let done = loop {
        match conversation.next()? {
            Answer::Wait => {}
            Answer::Note(note) => complain(Level::Warn, event::SETTING_WARNING, &note),
            Answer::Item(item) => match &request {
                // How far it has come is of use at once.
                Request::Drain { .. } if json => say(&format!("{item}\n")),
                Request::Drain { .. } => say(&shown::drain(&item)),
                _ => items.push(item),
            },
            Answer::Done(done) => break done,
            Answer::Failed { why, usage } => return Err(Failure { why, usage, missing: false }),
        }
    };
    say(&match json {
        true => in_json(&request, &items, &done),
        false => shown::done(&request, &items, &done, unix_now()),
    });
    if matches!(request, Request::Drain { .. }) {
        conversation.wait_for_end();
    }
    Ok(())
}

/// What the arguments left out.
fn whole(dir: &Path, ask: Ask) -> Result<Request, Failure> {
    match ask {
        Ask::Whole(request) => Ok(request),
        Ask::Backup(file) => {
            let file = std::path::absolute(&file)
                .map_err(|why| Failure::of(format!("{}: {why}", file.display())))?;
            // It is asked for as JSON, which has text alone.
            if file.to_str().is_none() {
                let name = file.display();
                return Err(Failure::of(format!("{name}: is no UTF-8 name. Name another file")));
            }
            Ok(Request::Backup { file })
        }
        Ask::Password(name) => {
            // Nobody is to type a password for nothing.
            drop(console::connect(dir)?);
            let password = operator::read_password().map_err(Failure::of)?;
            Ok(Request::Password { name, password: password.secret().clone() })
        }
    }
}

/// What a program reads: the lists as one array with an element a line, anything else as one object.
fn in_json(request: &Request, items: &[Value], done: &Value) -> String {
    match request {
        Request::Users | Request::Lobbies | Request::Nodes | Request::Bans => {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            format!("[{}]\n", items.join(",\n "))
        }
        _ => format!("{done}\n"),
    }
}

/// A request on its way to its last answer.
struct Conversation<'a>(BufReader<&'a mut UnixStream>);

impl<'a> Conversation<'a> {
    fn begin(stream: &'a mut UnixStream, request: &Request) -> Result<Self, Failure> {
        let line = format!("{}\n", request.to_line());
        let asked = stream
            .set_read_timeout(Some(SILENCE))
            .and_then(|()| stream.set_write_timeout(Some(SILENCE)))
            .and_then(|()| stream.write_all(line.as_bytes()));
        match asked {
            // It says why before it closes.
            Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {}
            asked => asked.map_err(unreachable)?,
        }
        Ok(Self(BufReader::new(stream)))
    }

    fn next(&mut self) -> Result<Answer, Failure> {
        let mut line = Vec::new();
        let most = MAX_ANSWER_BYTES as u64;
        let read = (&mut self.0).take(most).read_until(b'\n', &mut line);
        match read.map_err(unreachable)? {
            0 => Err(Failure::of("the server ended before it had answered")),
            _ => Answer::parse(&line).ok_or_else(|| {
                let version = env!("CARGO_PKG_VERSION");
                Failure::of(format!(
                    "the server answers something that this lobbyd ({version}) does not understand"
                ))
            }),
        }
    }

    /// Waits until the process has ended: what starts the next one can go on then.
    fn wait_for_end(mut self) {
        let waits = self.0.get_ref().set_read_timeout(Some(END_TIME));
        // It is done in any case, however its end is seen.
        let _ = waits.and_then(|()| io::copy(&mut self.0, &mut io::sink()));
    }
}

fn unreachable(why: io::Error) -> Failure {
    Failure::of(match why.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "the server does not answer".to_owned()
        }
        _ => format!("the server cannot be asked: {why}"),
    })
}
