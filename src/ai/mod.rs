//! Rox, the assistant: what a model is asked, and how its answer becomes lines of a lobby.
//!
//! Everything but [`client`] and what carries its bytes is pure.

pub mod answer;
pub mod budget;
pub mod client;
pub mod head;
pub mod markdown;
pub mod permits;
pub mod prompt;
pub mod provider;
pub mod questions;
pub mod request;
pub mod sse;
pub mod thinking;
mod transport;
pub mod usage;

use serde::{Deserialize, Serialize};

use usage::Usage;

use crate::chat::text::Line;

/// Why a question got no (whole) answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AiFailure {
    /// HTTP 429.
    #[error("rate limit reached")]
    RateLimited,
    /// HTTP 429 with a quota status in the body.
    #[error("quota reached")]
    QuotaReached,
    /// HTTP 400, or the prompt was blocked.
    #[error("prompt refused")]
    InvalidPrompt,
    /// The key was taken away while the question waited for its turn.
    #[error("no provider")]
    NoProvider,
    /// The provider refuses the key, the model or the region.
    #[error("not set up right")]
    Misconfigured,
    /// Anything else: a timeout, a broken stream, an empty answer, a stop for safety.
    #[error("no usable answer")]
    Unavailable,
}

/// What a model has answered, as far as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// All of it that was shown, its rows divided by LF.
    pub text: String,
    /// Whether it ends for its length: by the model's word, or by the cap on answers.
    pub cut: bool,
}

impl Answer {
    /// Its rows, clean as people's are.
    pub fn rows(&self) -> impl Iterator<Item = Line> {
        self.text.split('\n').map(Line::clean)
    }
}

/// What came of a question.
#[derive(Debug)]
pub struct Outcome {
    /// The answer, or why there is none, or no whole one.
    pub result: Result<Answer, AiFailure>,
    /// What it has cost; none where nothing was sent.
    pub usage: Option<Usage>,
}

impl Outcome {
    /// What it has cost: as it says, or as whoever has sent it knows. What nobody could be asked has cost nothing.
    pub fn cost_or(&self, known: Option<Usage>) -> Option<Usage> {
        match self.result {
            Err(AiFailure::NoProvider) => None,
            _ => self.usage.or(known),
        }
    }

    /// Nothing was sent.
    pub fn unsent(why: AiFailure) -> Self {
        Self { result: Err(why), usage: None }
    }
}
