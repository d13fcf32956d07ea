//! Who answers, and how each of them is talked to: the dialects, as pure code.
//!
//! All of them are asked by a `POST` over HTTP and answer by a stream of server-sent events. A further
//! one is a file with its [`Dialect`], and a row of [`Provider::dialect`].

pub mod gemini;

use crate::ai::AiFailure;
use crate::ai::request::Request;
use crate::chat::password::Secret;

/// Somebody whose models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Google, by the Gemini API.
    Gemini,
}

impl Provider {
    /// The one table of dialects.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Gemini => gemini::DIALECT,
        }
    }
}

/// How a provider is talked to.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// What is sent to have a request answered by the model of this name, with this key.
    pub post: fn(&str, &Secret, &Request) -> Post,
    /// What the data of one event of the answer say; a failure ends the answer.
    pub read_event: fn(&str) -> Result<Piece, AiFailure>,
    /// What an HTTP status other than 200 means, together with the body that came with it.
    pub read_error: fn(u16, &str) -> AiFailure,
}

/// A request in the words of a dialect.
pub struct Post {
    /// What comes after scheme, host and port.
    pub path: String,
    /// Name and value of each header; any value may hold the key.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body.
    pub body: String,
}

/// What one event adds to an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Text to append; may be empty.
    pub text: String,
    /// Whether the model says that it is done.
    pub finished: bool,
}
