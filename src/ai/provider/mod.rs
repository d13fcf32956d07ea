//! The dialects of those who answer, as pure code: what a request looks like, and what an event means.

pub mod gemini;
