//! What a question has cost, in the tokens that budgets count.

use serde::{Deserialize, Serialize};

/// Bytes of text that are taken for a token where the provider does not say how many there were.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of a question that was sent to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Of all that was sent.
    pub question: u64,
    /// Of the answer, what it reasoned included.
    pub answer: u64,
}

impl Usage {
    /// Where the provider does not say: by the bytes that were sent, and those that came.
    pub fn by_bytes(sent: usize, came: usize) -> Self {
        let tokens = |bytes: usize| (bytes as u64).div_ceil(BYTES_PER_TOKEN);
        Self { question: tokens(sent), answer: tokens(came) }
    }

    /// Question and answer together.
    pub fn tokens(self) -> u64 {
        self.question.saturating_add(self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_tokens_by_the_four_rounded_up() {
        assert_eq!(Usage::by_bytes(0, 0).tokens(), 0);
        assert_eq!(Usage::by_bytes(1, 8), Usage { question: 1, answer: 2 });
        assert_eq!(Usage { question: u64::MAX, answer: 9 }.tokens(), u64::MAX);
    }
}
