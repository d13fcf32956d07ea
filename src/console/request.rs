//! What is asked over the console.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::PROTOCOL;
use crate::chat::password::Secret;
use crate::chat::times::MAX_SPAN;

/// Most bytes of a request: the longest path (4,096) and the longest announcement fit, however much of
/// them is written as escapes.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// What an operator wants of a running server. Names and times are as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// How the server is.
    Status,
    /// Who is in the chat.
    Users,
    /// Which lobbies there are.
    Lobbies,
    /// How the nodes of the cluster are.
    Nodes,
    /// End somebody's connection.
    Kick {
        /// Whose.
        name: String,
        /// Why, which they are told.
        reason: Option<String>,
    },
    /// Keep somebody off the server.
    Ban {
        /// Whom.
        name: String,
        /// Only this guest, and not all guests of their address.
        alone: bool,
        /// A time and a reason, each where one was given, as `/gban` takes them.
        terms: Option<String>,
    },
    /// Who is kept off the server.
    Bans,
    /// Let somebody onto the server again.
    Unban {
        /// Whom.
        name: String,
    },
    /// Tell everybody something.
    Announce {
        /// What.
        text: String,
    },
    /// Read the configuration anew.
    Reload,
    /// Take no new connections, and stop when nobody is left.
    Drain {
        /// After how long to stop whoever is left; what is usual where it is not said.
        deadline: Option<Duration>,
    },
    /// Take new connections again.
    CancelDrain,
    /// Copy the database.
    Backup {
        /// To this new file, by its whole path.
        file: PathBuf,
    },
    /// Make an account, or give it another password.
    Password {
        /// Whose.
        name: String,
        /// The password.
        password: Secret,
    },
}

/// Why a request is not understood, as whoever made it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is no JSON, or no object of JSON.
    #[error("a request is one line that holds an object of JSON")]
    NotAnObject,
    /// It is longer than any is.
    #[error("a request has at most {MAX_REQUEST_BYTES} bytes")]
    TooLong,
    /// It is of another version of the console.
    #[error(
        "this server ({VERSION}) speaks version {PROTOCOL} of the console, and was asked in version \
         {0}. Use the lobbyd of the server's version"
    )]
    Version(u64),
    /// There is no such command.
    #[error("this server ({VERSION}) has no command '{0}'. Use the lobbyd of the server's version")]
    Unknown(String),
    /// A drain would take longer than anybody waits.
    #[error("a drain is over within ten years: deadline_secs is at most {}", MAX_SPAN.as_secs())]
    Deadline,
    /// A field is not there, or is no such value as it holds.
    #[error("the field '{0}' of the request is missing, or is not what it should be")]
    Field(&'static str),
}

/// The version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const VERSION_FIELD: &str = "protocol";
const COMMAND_FIELD: &str = "command";

impl Request {
    /// Its name: the command of `lobbyd ctl`, but for the end of a drain.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Users => "users",
            Self::Lobbies => "lobbies",
            Self::Nodes => "nodes",
            Self::Kick { .. } => "kick",
            Self::Ban { .. } => "gban",
            Self::Bans => "bans",
            Self::Unban { .. } => "ungban",
            Self::Announce { .. } => "announce",
            Self::Reload => "reload",
            Self::Drain { .. } => "drain",
            Self::CancelDrain => "cancel-drain",
            Self::Backup { .. } => "backup",
            Self::Password { .. } => "passwd",
        }
    }

    /// The line that asks it, without its end.
    pub fn to_line(&self) -> String {
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| _ = fields.insert(key.to_owned(), value);
        put(VERSION_FIELD, PROTOCOL.into());
        put(COMMAND_FIELD, self.name().into());
        match self {
            Self::Status
            | Self::Users
            | Self::Lobbies
            | Self::Nodes
            | Self::Bans
            | Self::Reload
            | Self::CancelDrain => {}
            Self::Kick { name, reason } => {
                put("name", name.as_str().into());
                put("reason", reason.as_deref().into());
            }
            Self::Ban { name, alone, terms } => {
                put("name", name.as_str().into());
                put("alone", (*alone).into());
                put("terms", terms.as_deref().into());
            }
            Self::Unban { name } => put("name", name.as_str().into()),
            Self::Announce { text } => put("text", text.as_str().into()),
            Self::Drain { deadline } => {
                put("deadline_secs", deadline.map(|deadline| deadline.as_secs()).into());
            }
            Self::Backup { file } => put("file", file.to_string_lossy().into()),
            Self::Password { name, password } => {
                put("name", name.as_str().into());
                put("password", password.expose().into());
            }
        }
        Value::Object(fields).to_string()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Why it is no request.
    pub fn parse(line: &[u8]) -> Result<Self, RequestError> {
        let Ok(Value::Object(fields)) = serde_json::from_slice(line) else {
            return Err(RequestError::NotAnObject);
        };
        let fields = Fields(fields);
        // First, since another version may call the rest otherwise.
        match fields.number(VERSION_FIELD)? {
            Some(PROTOCOL) => {}
            Some(other) => return Err(RequestError::Version(other)),
            None => return Err(RequestError::Field(VERSION_FIELD)),
        }
        let command = fields.needed(COMMAND_FIELD)?;
        Ok(match command.as_str() {
            "status" => Self::Status,
            "users" => Self::Users,
            "lobbies" => Self::Lobbies,
            "nodes" => Self::Nodes,
            "kick" => Self::Kick { name: fields.needed("name")?, reason: fields.text("reason")? },
            "gban" => Self::Ban {
                name: fields.needed("name")?,
                alone: fields.switch("alone")?,
                terms: fields.text("terms")?,
            },
            "bans" => Self::Bans,
            "ungban" => Self::Unban { name: fields.needed("name")? },
            "announce" => Self::Announce { text: fields.needed("text")? },
            "reload" => Self::Reload,
            "drain" => {
                let deadline = fields.number("deadline_secs")?.map(Duration::from_secs);
                if deadline.is_some_and(|deadline| deadline > MAX_SPAN) {
                    return Err(RequestError::Deadline);
                }
                Self::Drain { deadline }
            }
            "cancel-drain" => Self::CancelDrain,
            "backup" => {
                let file = PathBuf::from(fields.needed("file")?);
                // What is relative here would be so to the server's folder.
                if !is_whole(&file) {
                    return Err(RequestError::Field("file"));
                }
                Self::Backup { file }
            }
            "passwd" => Self::Password {
                name: fields.needed("name")?,
                password: Secret::new(&fields.needed("password")?),
            },
            _ => return Err(RequestError::Unknown(command)),
        })
    }
}

fn is_whole(file: &Path) -> bool {
    file.is_absolute() && file.file_name().is_some()
}

/// The fields of a request; null is as good as none.
struct Fields(Map<String, Value>);

impl Fields {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &'static str) -> Result<Option<String>, RequestError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(RequestError::Field(key)),
        }
    }

    fn needed(&self, key: &'static str) -> Result<String, RequestError> {
        self.text(key)?.ok_or(RequestError::Field(key))
    }

    fn number(&self, key: &'static str) -> Result<Option<u64>, RequestError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(RequestError::Field(key)),
        }
    }

    fn switch(&self, key: &'static str) -> Result<bool, RequestError> {
        match self.get(key) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or(RequestError::Field(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_request() -> impl Strategy<Value = Request> {
        let text = || ".{0,40}";
        let most = MAX_SPAN.as_secs();
        let deadline = proptest::option::of((0..=most).prop_map(Duration::from_secs));
        prop_oneof![
            Just(Request::Status),
            Just(Request::Users),
            Just(Request::Lobbies),
            Just(Request::Nodes),
            Just(Request::Bans),
            Just(Request::Reload),
            Just(Request::CancelDrain),
            (text(), proptest::option::of(text()))
                .prop_map(|(name, reason)| Request::Kick { name, reason }),
            (text(), any::<bool>(), proptest::option::of(text()))
                .prop_map(|(name, alone, terms)| Request::Ban { name, alone, terms }),
            text().prop_map(|name| Request::Unban { name }),
            text().prop_map(|text| Request::Announce { text }),
            deadline.prop_map(|deadline| Request::Drain { deadline }),
            "/[a-z ]{1,20}".prop_map(|file| Request::Backup { file: file.into() }),
            (text(), text()).prop_map(|(name, password)| Request::Password {
                name,
                password: Secret::new(&password)
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(request in any_request()) {
            let line = request.to_line();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(Request::parse(line.as_bytes()), Ok(request));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::parse(&line);
        }
    }

    #[test]
    fn what_is_no_request_is_told_why() {
        use RequestError::{Deadline, Field, NotAnObject, Unknown, Version};
        for (line, want) in [
            ("", NotAnObject),
            ("status", NotAnObject),
            ("[1]", NotAnObject),
            ("{", NotAnObject),
            (r#"{"command":"status"}"#, Field("protocol")),
            (r#"{"protocol":"1","command":"status"}"#, Field("protocol")),
            (r#"{"protocol":2,"command":["whatever"]}"#, Version(2)),
            (r#"{"protocol":1}"#, Field("command")),
            (r#"{"protocol":1,"command":"dance"}"#, Unknown("dance".into())),
            (r#"{"protocol":1,"command":"kick"}"#, Field("name")),
            (r#"{"protocol":1,"command":"kick","name":7}"#, Field("name")),
            (r#"{"protocol":1,"command":"kick","name":"bob","reason":1}"#, Field("reason")),
            (r#"{"protocol":1,"command":"gban","name":"bob","alone":"yes"}"#, Field("alone")),
            (r#"{"protocol":1,"command":"drain","deadline_secs":-1}"#, Field("deadline_secs")),
            (r#"{"protocol":1,"command":"drain","deadline_secs":1e99}"#, Field("deadline_secs")),
            (r#"{"protocol":1,"command":"drain","deadline_secs":315360001}"#, Deadline),
            (r#"{"protocol":1,"command":"drain","deadline_secs":18446744073709551615}"#, Deadline),
            (r#"{"protocol":1,"command":"backup","file":"here.db"}"#, Field("file")),
            (r#"{"protocol":1,"command":"backup","file":"/"}"#, Field("file")),
            (r#"{"protocol":1,"command":"passwd","name":"bob"}"#, Field("password")),
        ] {
            assert_eq!(Request::parse(line.as_bytes()), Err(want), "{line}");
        }
        // A newer client may say more.
        let more = r#"{"protocol":1,"command":"status","colour":"blue"}"#;
        assert_eq!(Request::parse(more.as_bytes()), Ok(Request::Status));
    }

    #[test]
    fn a_password_is_in_no_log() {
        let request = Request::Password { name: "bob".into(), password: Secret::new("hunter22") };
        assert!(!format!("{request:?}").contains("hunter22"));
        let broken = r#"{"protocol":1,"command":"passwd","password":"hunter22"}"#;
        let error = Request::parse(broken.as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter22"));
    }
}
