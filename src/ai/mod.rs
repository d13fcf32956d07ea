//! Rox, the assistant: what a model is asked, and how its answer becomes lines of a lobby.
//!
//! Everything but [`client`] is pure.

pub mod answer;
pub mod client;
pub mod permits;
pub mod prompt;
pub mod provider;
pub mod questions;
pub mod request;
pub mod sse;

use serde::{Deserialize, Serialize};

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
    /// Anything else: a timeout, a broken stream, an empty answer, a stop for safety.
    #[error("no usable answer")]
    Unavailable,
}
