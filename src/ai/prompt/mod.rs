//! What the model is told: who it is, and what was said.

pub mod context;
pub mod persona;
pub mod summary;
