//! The AI: a pool that shares workers out, and the workers, each with an HTTP client.

pub mod budgets;
pub mod messages;
pub mod pool;
pub mod worker;
