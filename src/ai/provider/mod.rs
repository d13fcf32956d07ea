//! Who answers, and how each of them is talked to: the dialects, as pure code.
//!
//! All of them are asked by a `POST` over HTTP and answer by a stream of server-sent events. A further
//! one is a file with its [`Dialect`], and a row of [`Provider::dialect`].

pub mod gemini;
pub mod openai;
mod refused;

pub use refused::Refused;

use crate::ai::request::Request;
use crate::ai::usage::Usage;
use crate::chat::password::Secret;

/// Somebody whose models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Google, by the Gemini API.
    Gemini,
    /// Whoever speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, Groq, Mistral, OpenRouter, OpenAI.
    OpenAi,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Gemini, Self::OpenAi];

    /// Their names, as they are set, in the same order.
    pub const NAMES: [&str; 2] = ["gemini", "openai"];

    /// The one table of dialects.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Gemini => gemini::DIALECT,
            Self::OpenAi => openai::DIALECT,
        }
    }
}

/// How a provider is talked to.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// What is sent to have a request answered by the model of this name, with this key.
    pub post: fn(&Target<'_>, &Request) -> Post,
    /// What the data of one event of the answer say; a refusal ends the answer.
    pub read_event: fn(&str) -> Result<Piece, Refused>,
}

/// Whom a request is for.
pub struct Target<'a> {
    /// The name of the model.
    pub model: &'a str,
    /// The key; an empty one for a server that takes none.
    pub key: &'a Secret,
    /// Whether to ask for a report of the tokens, where one comes only when it is asked for.
    pub with_usage: bool,
}

/// A request in the words of a dialect.
pub struct Post {
    /// What comes after the address of the provider.
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
    /// How the answer ends, where the model says that it is done.
    pub finish: Option<Finish>,
    /// Tokens so far, where it says.
    pub usage: Option<Usage>,
}

/// How an answer ends that ends well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// As the model wanted.
    Whole,
    /// It has become too long for the model.
    Cut,
}
